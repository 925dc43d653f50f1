#include "loadgen/scenario.h"

#include "common/clock.h"
#include "common/site.h"
#include "common/yaml.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_COUNT, KIND_SHARE, KIND_TIME, KIND_TEXT, KIND_FLAG, KIND_RULE };

struct row {
    const char *name;
    enum kind kind;
    size_t at;
    uint64_t least, most; /* of counts; of times in ms; of texts the size */
    const char *value, *says;
};

#define AT(member)   offsetof(struct scenario, member)
#define SIZE(member) sizeof(((struct scenario *)0)->member)
#define MOST_TIME_MS (UINT64_C(10) * 365 * 86400 * 1000)

static const struct row rows[] = {
    {"sites",         KIND_COUNT, AT(sites),          1,                   CROWD_MAX_SITES,      "N",        "How many sites (1,000)"                                         },
    { "https",        KIND_SHARE, AT(https_ppm),      0,                   0,                    "SHARE",    "Share of them with https (10%)"                                 },
    { "per_domain",   KIND_COUNT, AT(per_domain),     1,                   10000,                "N",        "Sites in one registered domain (4)"                             },
    { "hang",         KIND_RULE,  0,                  0,                   0,                    "SHARE",    "So many sites take a request and are silent for 20 s"           },
    { "fail",         KIND_RULE,  0,                  0,                   0,                    "SHARE",    "So many sites answer 503"                                       },
    { "refuse",       KIND_RULE,  0,                  0,                   0,                    "SHARE",    "So many sites have nobody who listens"                          },
    { "rule",         KIND_RULE,  0,                  0,                   0,                    "RULE",     "What goes wrong, with whom and when; may be repeated; see below"},
    { "latency",      KIND_TIME,  AT(latency_us),     0,                   600000,               "DURATION", "Half of the answers come within (50ms)"                         },
    { "latency_p99",  KIND_TIME,  AT(latency_p99_us), 0,                   600000,               "DURATION",
     "99 of 100 answers come within (500ms)"                                                                                                                                  },
    { "resume",       KIND_FLAG,  AT(resume),         0,                   0,                    "yes|no",   "Whether TLS sessions may be resumed (yes)"                      },
    { "ttl",          KIND_COUNT, AT(ttl_s),          0,                   86400,                "SECONDS",  "How long an address may be believed (60)"                       },
    { "base",         KIND_TEXT,  AT(base),           0,                   SIZE(base),           "IP",       "First loopback address of the sites (127.64.0.1)"               },
    { "addresses",    KIND_COUNT, AT(addresses),      0,                   CROWD_MAX_ADDRESSES,  "N",
     "How many there are (one for 100 sites, 4,096 at most)"                                                                                                                  },
    { "port",         KIND_COUNT, AT(port),           0,                   65535,                "N",
     "Port of all of them, http and https alike (7780; 0: any)"                                                                                                               },
    { "dns",          KIND_TEXT,  AT(dns),            0,                   SIZE(dns),            "IP:PORT",  "Where names are asked for (127.0.0.1:7753)"                     },
    { "threads",      KIND_COUNT, AT(threads),        1,                   SCENARIO_MAX_THREADS, "N",        "Threads that serve (1)"                                         },
    { "seed",         KIND_COUNT, AT(seed),           0,                   UINT32_MAX,           "N",        "Another number is another crowd (1)"                            },
    { "every",        KIND_TIME,  AT(every_us),       SITE_MIN_EVERY_MS,   SITE_MAX_EVERY_MS,    "DURATION",
     "In the list: how often (5m)"                                                                                                                                            },
    { "timeout",      KIND_TIME,  AT(timeout_us),     SITE_MIN_TIMEOUT_MS, SITE_MAX_TIMEOUT_MS,  "DURATION",
     "In the list: a look's timeout (20s)"                                                                                                                                    },
    { "names",        KIND_FLAG,  AT(names),          0,                   0,                    "yes|no",   "In the list: call the sites s1, s2, ... (no)"                   },
    { "write",        KIND_TEXT,  AT(write),          0,                   SIZE(write),          "FILE",     "Write the list of sites, for vedette apply"                     },
    { "write_config", KIND_TEXT,  AT(write_config),   0,                   SIZE(write_config),   "FILE",
     "Write the settings that a worker needs here"                                                                                                                            },
    { "ca_file",      KIND_TEXT,  AT(ca_file),        0,                   SIZE(ca_file),        "FILE",
     "Write the root certificate, made anew at each start"                                                                                                                    },
    { "for",          KIND_TIME,  AT(for_us),         0,                   MOST_TIME_MS,         "DURATION", "End after that long"                                            },
    { "report",       KIND_TIME,  AT(report_us),      0,                   86400000,             "DURATION",
     "Between two lines of counts (5s; 0s: none)"                                                                                                                             },
    { "only_write",   KIND_FLAG,  AT(only_write),     0,                   0,                    NULL,       "Write the files, serve nothing"                                 },
    { "json",         KIND_FLAG,  AT(json),           0,                   0,                    NULL,       "The summary as JSON on standard output"                         },
};
enum { ROWS = sizeof rows / sizeof *rows };

void scenario_init(struct scenario *s)
{
    *s = (struct scenario){
        .sites = 1000,
        .per_domain = 4,
        .seed = 1,
        .port = 7780,
        .ttl_s = 60,
        .threads = 1,
        .https_ppm = PPM / 10,
        .base = "127.64.0.1",
        .dns = "127.0.0.1:7753",
        .latency_us = 50 * US_PER_MS,
        .latency_p99_us = 500 * US_PER_MS,
        .every_us = SITE_DEFAULT_EVERY_MS * US_PER_MS,
        .timeout_us = SITE_DEFAULT_TIMEOUT_MS * US_PER_MS,
        .report_us = 5 * US_PER_S,
        .resume = true,
    };
}

/* ── One setting ───────────────────────────────────────────────────────── */

static int set_count(uint64_t *to, const struct row *row, const char *text, struct err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || n < row->least || n > row->most)
        return err_set(err, -EINVAL, "'%s' is no whole number from %llu to %llu", text,
                       (unsigned long long)row->least, (unsigned long long)row->most);
    *to = n;
    return 0;
}

static int set_share(uint32_t *to, const char *text, struct err *err)
{
    char *end = NULL;
    double percent = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
    if (!end || strcmp(end, "%") != 0 || percent > 100)
        return err_set(err, -EINVAL, "'%s' is no share like 10%%", text);
    *to = (uint32_t)(percent * (PPM / 100) + 0.5);
    return 0;
}

static int set_time(int64_t *to, const struct row *row, const char *text, struct err *err)
{
    int64_t us = 0;
    int r = duration_parse(text, &us, err);
    if (r == 0 && (us < (int64_t)row->least * US_PER_MS || us > (int64_t)row->most * US_PER_MS))
        r = err_set(err, -EINVAL, "'%s' is too short or too long", text);
    if (r == 0)
        *to = us;
    return r;
}

static int set_text(char *to, const struct row *row, const char *text, struct err *err)
{
    if (strlen(text) >= row->most)
        return err_set(err, -EINVAL, "'%.20s...' is too long", text);
    memcpy(to, text, strlen(text) + 1);
    return 0;
}

static int set_flag(bool *to, const char *text, struct err *err)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
        return err_set(err, -EINVAL, "'%s' is neither yes nor no", text);
    *to = yes;
    return 0;
}

static int add_rule(struct scenario *s, const char *name, const char *text, struct err *err)
{
    char line[RULE_TEXT_SIZE];
    if (strcmp(name, "rule") == 0)
        return rules_add(&s->rules, text, err);
    snprintf(line, sizeof line, "%.30s %s", text,
             strcmp(name, "hang") == 0   ? "hang 20s"
             : strcmp(name, "fail") == 0 ? "answer 503"
                                         : "refuse");
    return rules_add(&s->rules, line, err);
}

int scenario_set(struct scenario *s, const char *name, const char *value, struct err *err)
{
    const struct row *row = rows;
    while (row < rows + ROWS && strcmp(row->name, name) != 0)
        row++;
    if (row == rows + ROWS)
        return err_set(err, -ENOENT, "there is no setting '%s'", name);
    void *to = (char *)s + row->at;
    int r = -EINVAL;
    switch (row->kind) {
    case KIND_COUNT: r = set_count(to, row, value, err); break;
    case KIND_SHARE: r = set_share(to, value, err); break;
    case KIND_TIME: r = set_time(to, row, value, err); break;
    case KIND_TEXT: r = set_text(to, row, value, err); break;
    case KIND_FLAG: r = set_flag(to, value, err); break;
    case KIND_RULE: r = add_rule(s, name, value, err); break;
    }
    return r < 0 ? err_where(err, r, "%s", name) : 0;
}

bool scenario_row(unsigned i, struct scenario_row *ret)
{
    if (i >= ROWS)
        return false;
    *ret = (struct scenario_row){ rows[i].name, rows[i].value, rows[i].says };
    return true;
}

/* ── A file ────────────────────────────────────────────────────────────── */

static int read_rules(struct scenario *s, const struct yaml *y, const struct yaml_node *list, struct err *err)
{
    if (yaml_kind(list) != YAML_LIST)
        return yaml_where(y, list, "rules", err_set(err, -EINVAL, "a list of lines is wanted"), err);
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *line = yaml_item(list, i);
        int r = yaml_kind(line) == YAML_SCALAR ? rules_add(&s->rules, yaml_text(line), err)
                                               : err_set(err, -EINVAL, "a rule is one line of words");
        if (r < 0)
            return yaml_where(y, line, "rules", r, err);
    }
    return 0;
}

static int read_tree(struct scenario *s, const struct yaml *y, struct err *err)
{
    const struct yaml_node *root = yaml_root(y);
    if (!root)
        return 0;
    if (yaml_kind(root) != YAML_MAP)
        return yaml_where(y, root, "the file", err_set(err, -EINVAL, "settings are wanted, name: value"),
                          err);
    for (size_t i = 0; i < yaml_count(root); i++) {
        const struct yaml_node *key = yaml_key(root, i), *value = yaml_value(root, i);
        const char *name = yaml_text(key);
        int r = 0;
        if (strcmp(name, "rules") == 0)
            r = read_rules(s, y, value, err);
        else if (yaml_kind(value) != YAML_SCALAR)
            r = yaml_where(y, value, name, err_set(err, -EINVAL, "one value is wanted"), err);
        else if ((r = scenario_set(s, name, yaml_text(value), err)) < 0)
            r = yaml_where(y, key, name, r, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int scenario_load(struct scenario *s, const char *path, struct err *err)
{
    scoped(yaml) struct yaml *y = NULL;
    int r = yaml_load(&y, path, err);
    return r < 0 ? r : read_tree(s, y, err);
}

int scenario_load_bytes(struct scenario *s, const char *name, const char *bytes, size_t len, struct err *err)
{
    scoped(yaml) struct yaml *y = NULL;
    int r = yaml_load_bytes(&y, name, bytes, len, err);
    return r < 0 ? r : read_tree(s, y, err);
}

/* ── Together ──────────────────────────────────────────────────────────── */

static bool loopback(uint32_t address)
{
    return address >> 24 == 127;
}

static int read_dns(const char *text, struct sockaddr_in *ret, struct err *err)
{
    char ip[sizeof((struct scenario *)0)->dns];
    snprintf(ip, sizeof ip, "%s", text);
    char *colon = strchr(ip, ':'), *end = NULL;
    unsigned long port = 0;
    if (colon) {
        *colon = '\0';
        port = strtoul(colon + 1, &end, 10);
    }
    *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (!colon || end == colon + 1 || *end || port > 65535 || inet_pton(AF_INET, ip, &ret->sin_addr) != 1 ||
        !loopback(ntohl(ret->sin_addr.s_addr)))
        return err_set(err, -EINVAL, "dns: '%s' is no loopback address with a port, like 127.0.0.1:7753",
                       text);
    return 0;
}

int scenario_finish(const struct scenario *s, struct crowd *ret, struct sockaddr_in *dns, struct err *err)
{
    struct in_addr base;
    uint64_t chosen = s->sites / 100 > SCENARIO_ADDRESSES_MAX ? SCENARIO_ADDRESSES_MAX : s->sites / 100 + 1;
    uint32_t n = (uint32_t)(s->addresses ? s->addresses : chosen);
    if (inet_pton(AF_INET, s->base, &base) != 1 || !loopback(ntohl(base.s_addr)) ||
        !loopback(ntohl(base.s_addr) + 2 * CROWD_MAX_ADDRESSES))
        return err_set(err, -EINVAL, "base: '%s' is no loopback address from 127.0.0.0 to 127.223.255.255",
                       s->base);
    if (s->timeout_us > s->every_us)
        return err_set(err, -EINVAL, "timeout: longer than the interval");
    *ret = (struct crowd){
        .sites = (uint32_t)s->sites,
        .per_domain = (uint32_t)s->per_domain,
        .https_ppm = s->https_ppm,
        .base = ntohl(base.s_addr),
        .addresses = n,
        .port = (uint16_t)s->port,
        .seed = s->seed,
    };
    return read_dns(s->dns, dns, err);
}
