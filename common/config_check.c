/* What only holds when seen together. What one value must look like is in
 * settings.c, and is asked again here: a program may have set a member itself. */
#include "common/config.h"
#include "common/endpoint.h"
#include "common/links.h"
#include "common/network.h"
#include "common/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t config_threads(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = c->worker.threads ? c->worker.threads : cores > 0 ? (uint32_t)cores : 1;
    return n < CONFIG_MAX_THREADS ? n : CONFIG_MAX_THREADS;
}

/* The i-th word of a list with commas; false when there are no more. */
static bool word_of(const char *list, unsigned i, char *buf, size_t size)
{
    for (; i > 0 && list; i--) {
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }
    if (!list)
        return false;
    list += strspn(list, " ");
    size_t len = strcspn(list, ",");
    while (len > 0 && list[len - 1] == ' ')
        len--;
    snprintf(buf, size, "%.*s", (int)len, list);
    return true;
}

/* 1 for an empty one: what stands for it. */
static unsigned words_in(const char *list, unsigned most)
{
    char one[ENDPOINT_SIZE];
    unsigned n = 0;
    while (n < most && word_of(list, n, one, sizeof one))
        n++;
    return n;
}

unsigned config_coordinators(const struct config *c)
{
    return words_in(c->worker.coordinators, CONFIG_MAX_COORDINATORS);
}

void config_coordinator(const struct config *c, unsigned i, char buf[ENDPOINT_SIZE])
{
    if (!*c->worker.coordinators || !word_of(c->worker.coordinators, i, buf, ENDPOINT_SIZE))
        snprintf(buf, ENDPOINT_SIZE, "%s", c->endpoint.control);
}

unsigned config_feeds(const struct config *c)
{
    return words_in(c->operator.feeds, CONFIG_MAX_FEEDS);
}

void config_feed(const struct config *c, unsigned i, char buf[ENDPOINT_SIZE])
{
    if (!*c->operator.feeds || !word_of(c->operator.feeds, i, buf, ENDPOINT_SIZE))
        snprintf(buf, ENDPOINT_SIZE, "%s", c->endpoint.feed);
}

bool config_location(const struct config *c, unsigned i, char *buf, size_t size)
{
    /* none at all, rather than one without a name */
    return word_of(c->locations, i, buf, size) && (*buf || strchr(c->locations, ','));
}

int config_jobs_endpoint(const struct config *c, unsigned i, char *buf, size_t size, struct err *err)
{
    const char *jobs = c->endpoint.jobs, *colon = strrchr(jobs, ':');
    char location[LOCATION_SIZE], whole[2 * ENDPOINT_SIZE];
    if (!config_location(c, i, location, sizeof location))
        return err_set(err, -ENOENT, "there is no location number %u", i);

    bool tcp = strncmp(jobs, "tcp://", 6) == 0;
    if (i == 0 || (tcp && strcmp(colon, ":*") == 0)) {
        snprintf(whole, sizeof whole, "%s", jobs);
    } else if (tcp) {
        unsigned long port = strtoul(colon + 1, NULL, 10) + i;
        if (port > 65535)
            return err_set(err, -EINVAL, "endpoint.jobs: no port is left for location '%s'", location);
        snprintf(whole, sizeof whole, "%.*s:%lu", (int)(colon - jobs), jobs, port);
    } else {
        snprintf(whole, sizeof whole, "%s.%s", jobs, location);
    }
    if (strlen(whole) >= size)
        return err_set(err, -ENAMETOOLONG, "endpoint.jobs: '%.100s' is too long", whole);
    strcpy(buf, whole);
    return 0;
}

/* Two lanes at one place: the second to bind would fail, or worse, not. */
static int check_endpoints(const struct config *c, struct err *err)
{
    struct {
        char what[64];
        char at[ENDPOINT_SIZE];
    } all[4 + CONFIG_MAX_LOCATIONS] = { { .what = "endpoint.control" },
                                        { .what = "endpoint.results" },
                                        { .what = "endpoint.feed" },
                                        { .what = "endpoint.feedback" } };
    const char *const first[] = { c->endpoint.control, c->endpoint.results, c->endpoint.feed,
                                  c->endpoint.feedback };
    char location[LOCATION_SIZE];
    unsigned n = 0;
    for (; n < 4; n++)
        strcpy(all[n].at, first[n]);
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS && config_location(c, i, location, sizeof location); i++) {
        int r = config_jobs_endpoint(c, i, all[n].at, sizeof all[n].at, err);
        if (r == 0)
            r = endpoint_check(all[n].at, err);
        if (r < 0)
            return r;
        snprintf(all[n].what, sizeof all[n].what, i ? "endpoint.jobs of '%s'" : "endpoint.jobs", location);
        n++;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            if (strcmp(all[i].at, all[k].at) == 0 && !strchr(all[i].at, '*'))
                return err_set(err, -EINVAL, "%s and %s are both %s", all[k].what, all[i].what, all[i].at);
    return 0;
}

static int check_worker_location(const struct config *c, struct err *err)
{
    char name[sizeof c->locations];
    if (*c->worker.join || !*c->worker.location) /* the token says, and the coordinator knows its locations */
        return 0;
    for (unsigned i = 0; config_location(c, i, name, sizeof name); i++)
        if (strcmp(name, c->worker.location) == 0)
            return 0;
    return err_set(err, -EINVAL, "worker.location: '%s' is not one of locations: %.200s", c->worker.location,
                   c->locations);
}

static int check_order(const struct config *c, struct err *err)
{
    const struct {
        const char *low, *high;
        int64_t low_us, high_us;
        bool may_equal;
    } pairs[] = {
        {"coordinator.suspect_after", "coordinator.dead_after", c->coordinator.suspect_after_us,
         c->coordinator.dead_after_us,                                                                                    false},
        { "notify.retry_first",       "notify.retry_most",      c->notify.retry_first_us,        c->notify.retry_most_us,
         true                                                                                                                  },
        { "worker.dns_min",           "worker.dns_max",         c->worker.dns_min_us,            c->worker.dns_max_us,    true },
        { "collector.keep_results",   "collector.keep_rollups", c->collector.keep_results_us,
         c->collector.keep_rollups_us,                                                                                    true },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char low[32], high[32];
        if (pairs[i].low_us < pairs[i].high_us || (pairs[i].may_equal && pairs[i].low_us == pairs[i].high_us))
            continue;
        return err_set(err, -EINVAL, "%s (%s) must be %s %s (%s)", pairs[i].low,
                       duration_format(low, sizeof low, pairs[i].low_us),
                       pairs[i].may_equal ? "at most" : "below", pairs[i].high,
                       duration_format(high, sizeof high, pairs[i].high_us));
    }
    return 0;
}

static int check_mail_login(const struct config *c, struct err *err)
{
    if (*c->mail.password && !*c->mail.user)
        return err_set(err, -EINVAL, "mail.password is given without mail.user");
    if (*c->mail.user && !*c->mail.password)
        return err_set(err, -EINVAL, "mail.user is given without mail.password or mail.password_file");
    return 0;
}

/* Found now, and not when the first notice is on its way. */
static int check_certificates(const char *name, const char *path, struct err *err)
{
    char line[256];
    bool found = *path == '\0';
    FILE *f = found ? NULL : fopen(path, "re");
    if (!found && !f)
        return err_set(err, -EINVAL, "%s: %.200s: %s", name, path, strerror(errno));
    while (f && !found && fgets(line, sizeof line, f))
        found = strstr(line, "-----BEGIN ") && strstr(line, "CERTIFICATE-----");
    if (f)
        fclose(f);
    return found ? 0 : err_set(err, -EINVAL, "%s: %.200s holds no certificate (PEM)", name, path);
}

static int check_files(const struct config *c, struct err *err)
{
    int r = check_certificates("worker.ca_file", c->worker.ca_file, err);
    if (r == 0)
        r = check_certificates("mail.ca_file", c->mail.ca_file, err);
    return r == 0 ? check_certificates("webhook.ca_file", c->webhook.ca_file, err) : r;
}

bool config_mail_needs_tls(const struct config *c)
{
    char host[sizeof c->mail.server] = "";
    const char *rest = strstr(c->mail.server, "://");
    if (strcmp(c->mail.tls, "opportunistic") != 0)
        return strcmp(c->mail.tls, "required") == 0;
    rest = rest ? rest + 3 : c->mail.server;
    size_t len = *rest == '[' ? strcspn(rest, "]") + 1 : strcspn(rest, ":/");
    snprintf(host, sizeof host, "%.*s", (int)len, rest);
    return *c->mail.user && !network_is_loopback(host);
}

int config_check(const struct config *c, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n_settings; i++)
        if ((r = setting_check(&settings[i], c, err)) < 0)
            err_where(err, r, "%s", settings[i].name);
    if (r == 0)
        r = check_worker_location(c, err);
    if (r == 0)
        r = check_endpoints(c, err);
    if (r == 0)
        r = links_check(c, err);
    if (r == 0)
        r = check_order(c, err);
    if (r == 0 && c->shard >= c->shards)
        r = err_set(err, -EINVAL,
                    "shard: there is no shard %u of %u (setting shards), they are counted from 0", c->shard,
                    c->shards);
    if (r == 0 && !c->worker.ipv4 && !c->worker.ipv6)
        r = err_set(err, -EINVAL, "worker.ipv4 and worker.ipv6 are both 0: nothing could be looked at");
    if (r == 0)
        r = check_mail_login(c, err);
    return r == 0 ? check_files(c, err) : r;
}
