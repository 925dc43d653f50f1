#include "common/settings.h"

#include "common/canaryspec.h"
#include "common/control.h"
#include "common/endpoint.h"
#include "common/nearest.h"
#include "common/network.h"
#include "common/owner.h"
#include "common/store/store.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ── What a text must look like ────────────────────────────────────────── */

static int check_location(const char *text, struct err *err)
{
    if (location_valid(text))
        return 0;
    return err_set(err, -EINVAL,
                   "'%.60s' is not the name of a location: a letter, then a-z, 0-9 and '-', at most %d", text,
                   LOCATION_SIZE - 1);
}

static int check_own_location(const char *text, struct err *err)
{
    return *text ? check_location(text, err) : 0;
}

static int check_locations(const char *text, struct err *err)
{
    struct config c = { 0 };
    snprintf(c.locations, sizeof c.locations, "%s", text);
    char name[sizeof c.locations], earlier[sizeof c.locations];
    unsigned i;

    for (i = 0; config_location(&c, i, name, sizeof name); i++) {
        if (i == CONFIG_MAX_LOCATIONS)
            return err_set(err, -EINVAL, "more than %d locations", CONFIG_MAX_LOCATIONS);
        int r = check_location(name, err);
        if (r < 0)
            return r;
        for (unsigned k = 0; k < i && config_location(&c, k, earlier, sizeof earlier); k++)
            if (strcmp(name, earlier) == 0)
                return err_set(err, -EINVAL, "location '%s' is named twice", name);
    }
    return i > 0 ? 0 : err_set(err, -EINVAL, "at least one location must be named");
}

/* Of the coordinators, or of the feeds. */
static int check_endpoints(const char *text, struct err *err)
{
    struct config c = { 0 };
    char one[ENDPOINT_SIZE], earlier[ENDPOINT_SIZE];
    if (!*text)
        return 0;
    snprintf(c.worker.coordinators, sizeof c.worker.coordinators, "%s", text);
    unsigned n = 1;
    for (const char *p = text; (p = strchr(p, ',')); p++)
        n++;
    if (n > CONFIG_MAX_COORDINATORS)
        return err_set(err, -EINVAL, "more than %d endpoints", CONFIG_MAX_COORDINATORS);
    for (unsigned i = 0; i < n; i++) {
        config_coordinator(&c, i, one);
        int r = endpoint_check(one, err);
        if (r < 0)
            return r;
        for (unsigned k = 0; k < i; k++) {
            config_coordinator(&c, k, earlier);
            if (strcmp(one, earlier) == 0)
                return err_set(err, -EINVAL, "'%s' is named twice", one);
        }
    }
    return 0;
}

static int check_worker_name(const char *text, struct err *err)
{
    if (*text && !worker_name_valid(text))
        return err_set(err, -EINVAL,
                       "'%.60s' is not the name of a worker: letters, digits, '.', '_' and '-', at most %d",
                       text, WORKER_NAME_SIZE - 1);
    if (strcmp(text, "coordinator") == 0)
        return err_set(err, -EINVAL,
                       "'coordinator' is who reports looks that nobody made: choose another name");
    return 0;
}

static int check_networks(const char *text, struct err *err)
{
    struct network_list list;
    return network_list_parse(text, &list, err);
}

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353" */
static bool name_server_valid(char *text)
{
    unsigned char address[16];
    char *port = NULL;
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
        text++;
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        port = strchr(text, ':');
        *port++ = '\0';
    }
    if (port) {
        size_t digits = strspn(port, "0123456789");
        long n = strtol(port, NULL, 10);
        if (digits == 0 || digits > 5 || port[digits] || n < 1 || n > 65535)
            return false;
    }
    return inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, address) == 1;
}

static int check_resolver(const char *text, struct err *err)
{
    char all[256], shown[64], *rest = all, *one;
    if (!*text)
        return 0;
    snprintf(all, sizeof all, "%s", text);
    while ((one = strsep(&rest, ","))) {
        one += strspn(one, " ");
        one[strcspn(one, " ")] = '\0';
        snprintf(shown, sizeof shown, "%.60s", one);
        if (!name_server_valid(one))
            return err_set(err, -EINVAL, "'%s' is not a name server like 192.0.2.1 or 192.0.2.1:5353", shown);
    }
    return 0;
}

static int check_advertise(const char *text, struct err *err)
{
    char endpoint[256];
    snprintf(endpoint, sizeof endpoint, "tcp://%s:1", text);
    if (!*text || (endpoint_check(endpoint, NULL) == 0 && !endpoint_is_everywhere(endpoint)))
        return 0;
    return err_set(err, -EINVAL, "'%.80s' is not a host like control.example.com or [2001:db8::1]", text);
}

static int check_mail_server(const char *text, struct err *err)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL, *path = NULL, *port = NULL;
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "smtp") == 0 || strcmp(scheme, "smtps") == 0) &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host &&
                curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0 &&
                !(curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK && strcmp(port, "0") == 0);
    bool has_user = good && curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK;
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(path);
    curl_free(port);
    curl_url_cleanup(url);
    if (has_user)
        return err_set(err, -EINVAL, "user and password belong into mail.user and mail.password");
    return good ? 0
                : err_set(err, -EINVAL,
                          "'%.80s' is not a mail server like smtp://127.0.0.1:25 or smtps://HOST", text);
}

static int check_mail_from(const char *text, struct err *err)
{
    char channel[300];
    enum channel_kind kind;
    const char *target;
    snprintf(channel, sizeof channel, "mailto:%s", text);
    return channel_parse(channel, &kind, &target, err);
}

static int check_log_format(const char *text, struct err *err)
{
    enum log_form form;
    if (log_form_parse(text, &form) == 0)
        return 0;
    return err_set(err, -EINVAL, "'%.40s' is not one of plain, logfmt, json", text);
}

static int check_mail_tls(const char *text, struct err *err)
{
    if (strcmp(text, "never") == 0 || strcmp(text, "opportunistic") == 0 || strcmp(text, "required") == 0)
        return 0;
    return err_set(err, -EINVAL, "'%.40s' is not one of never, opportunistic, required", text);
}

static int check_wait(const char *text, struct err *err)
{
    if (strcmp(text, "auto") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "no") == 0)
        return 0;
    return err_set(err, -EINVAL, "'%.40s' is not one of auto, yes, no", text);
}

/* ── The table ─────────────────────────────────────────────────────────── */

#define MS      US_PER_MS
#define S       US_PER_S
#define MINUTES (60 * US_PER_S)
#define HOURS   US_PER_HOUR
#define DAYS    US_PER_DAY

#define AT(member)                 .offset = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)
#define TEXT(member)               .kind = SETTING_TEXT, AT(member)
#define LIST(member)               .kind = SETTING_LIST, AT(member)
#define SECRET(member)             .kind = SETTING_SECRET, AT(member)
#define LEVEL(member)              .kind = SETTING_LEVEL, AT(member)
#define BOOL(member)               .kind = SETTING_BOOL, AT(member)
#define COUNT(member, from, to)    .kind = SETTING_COUNT, AT(member), .least = (from), .most = (to)
#define DURATION(member, from, to) .kind = SETTING_DURATION, AT(member), .least = (from), .most = (to)

/* clang-format off */
const struct setting settings[] = {
    { "store", TEXT(store), .fallback = "sqlite:vedette.db", .check = store_url_check,
      .about = "where sites, history and notices are kept: sqlite: and the path of a file, or postgresql:// and a database" },
    { "log.level", LEVEL(log.level), .fallback = "info",
      .about = "the least that is logged: debug, info, warn, error or off" },
    { "log.format", TEXT(log.format), .fallback = "plain", .check = check_log_format,
      .about = "how a line is written: plain for people, logfmt or json for machines" },

    { "metrics.coordinator", TEXT(metrics.coordinator), .fallback = "127.0.0.1:7715", .check = listen_check,
      .about = "where the coordinator shows its numbers and its health over HTTP; empty: nowhere" },
    { "metrics.collector", TEXT(metrics.collector), .fallback = "127.0.0.1:7716", .check = listen_check,
      .about = "where the collector does" },
    { "metrics.worker", TEXT(metrics.worker), .fallback = "127.0.0.1:7717-7719", .check = listen_check,
      .about = "where a worker does: the first of these ports that is free, for several on one machine" },

    { "endpoint.control", TEXT(endpoint.control), .fallback = "tcp://127.0.0.1:7711",
      .check = endpoint_check,
      .about = "where the coordinator hears from workers" },
    { "endpoint.results", TEXT(endpoint.results), .fallback = "tcp://127.0.0.1:7712",
      .check = endpoint_check,
      .about = "where the collector receives results" },
    { "endpoint.feed", TEXT(endpoint.feed), .fallback = "tcp://127.0.0.1:7713",
      .check = endpoint_check,
      .about = "where the collector tells the news to whoever listens" },
    { "endpoint.feedback", TEXT(endpoint.feedback), .fallback = "tcp://127.0.0.1:7714",
      .check = endpoint_check,
      .about = "where the coordinator hears from the collector" },
    { "endpoint.jobs", TEXT(endpoint.jobs), .fallback = "tcp://127.0.0.1:7720",
      .check = endpoint_check,
      .about = "where the first location's workers get their jobs; further locations count its port up, "
               "or add their name behind an ipc:// path" },
    { "endpoint.advertise", TEXT(endpoint.advertise), .fallback = "", .check = check_advertise,
      .about = "host by which workers reach endpoints that listen everywhere (tcp://*:7711); empty: the one in "
               "their token" },

    { "keys.server_file", TEXT(keys.server_file), .fallback = "",
      .about = "file of the cluster's secret key, which `vedette keygen` makes; needed for links beyond loopback" },
    { "keys.loopback", BOOL(keys.loopback), .fallback = "false",
      .about = "whether tcp:// links on loopback addresses need keys as well" },

    { "locations", LIST(locations), .fallback = "local", .check = check_locations,
      .about = "names of the places from which is looked, separated by commas" },
    { "shards", COUNT(shards, 1, CONTROL_MAX_SHARDS), .fallback = "1",
      .about = "parts that the sites are cut in, each with a coordinator and a collector of its own" },
    { "shard", COUNT(shard, 0, CONTROL_MAX_SHARDS - 1), .fallback = "0",
      .about = "whose of them this coordinator or collector is, counted from 0" },

    { "standby.wait", TEXT(standby.wait), .fallback = "auto", .check = check_wait,
      .about = "whether a coordinator or collector that finds another one at work waits to take over, or ends: "
               "yes, no, auto (where the store is at a server)" },
    { "standby.lease", DURATION(standby.lease_us, 3 * S, MINUTES), .fallback = "10s",
      .about = "one that acts and was not heard of at the database for that long is succeeded by one that waits" },

    { "coordinator.taken_within", DURATION(coordinator.taken_within_us, 100 * MS, MINUTES), .fallback = "2s",
      .about = "a job that no worker has taken by then goes out again" },
    { "coordinator.suspect_after", DURATION(coordinator.suspect_after_us, 100 * MS, HOURS), .fallback = "3s",
      .about = "no work is counted on a worker that has been silent that long" },
    { "coordinator.dead_after", DURATION(coordinator.dead_after_us, 200 * MS, HOURS), .fallback = "10s",
      .about = "a worker that has been silent that long is dead, and its jobs go out again" },
    { "coordinator.window", COUNT(coordinator.window, 1, 4096), .fallback = "16",
      .about = "jobs sent and not yet taken, for each thread of a live worker" },
    { "coordinator.attempts", COUNT(coordinator.attempts, 1, JOB_MAX_ATTEMPTS), .fallback = "3",
      .about = "how often a look is given out at most, before it ends as unknown" },
    { "coordinator.grace", DURATION(coordinator.grace_us, 0, 10 * MINUTES), .fallback = "5s",
      .about = "how long beyond a look's timeout its result may take before the job counts as lost" },
    { "coordinator.breaker", DURATION(coordinator.breaker_us, S, HOURS), .fallback = "10s",
      .about = "when nothing at all was recorded for that long, no job that was taken goes out again" },
    { "coordinator.again_percent", COUNT(coordinator.again_percent, 1, 100), .fallback = "10",
      .about = "share of the jobs sent that may be repeats, in percent" },
    { "coordinator.catalog_every", DURATION(coordinator.catalog_every_us, 10 * MS, MINUTES),
      .fallback = "100ms", .about = "how often the store is asked for changed sites" },

    { "worker.name", TEXT(worker.name), .fallback = "", .check = check_worker_name,
      .about = "what the worker is called; empty: the host's name and the process id" },
    { "worker.location", TEXT(worker.location), .fallback = "", .check = check_own_location,
      .about = "where it stands: one of `locations`; empty: the first of them" },
    { "worker.coordinators", LIST(worker.coordinators), .fallback = "", .check = check_endpoints,
      .about = "where the coordinators of the cluster hear from it, separated by commas; empty: endpoint.control" },
    { "worker.join", SECRET(worker.join), .fallback = "", .check = token_check,
      .about = "token that `vedette token` printed: the worker takes part in that cluster, at the token's location" },
    { "worker.threads", COUNT(worker.threads, 0, CONFIG_MAX_THREADS), .fallback = "0",
      .about = "threads that look; 0: as many as there are cores" },
    { "worker.slots", COUNT(worker.slots, 1, CONTROL_MAX_SLOTS), .fallback = "2048",
      .about = "looks in hand at once, for each thread" },
    { "worker.outbox", COUNT(worker.outbox, 1, 1000000), .fallback = "20000",
      .about = "results kept until they are recorded, for each thread; when it is full, new jobs are refused" },
    { "worker.resolver", LIST(worker.resolver), .fallback = "", .check = check_resolver,
      .about = "name servers as address or address:port, separated by commas; empty: those of "
               "/etc/resolv.conf" },
    { "worker.allow", LIST(worker.allow), .fallback = "", .check = check_networks,
      .about = "networks that may be looked at although they are not of the internet, like 10.0.0.0/8, "
               "separated by commas; empty: none" },
    { "worker.ca_file", TEXT(worker.ca_file), .fallback = "",
      .about = "file of trusted root certificates; empty: the system's" },
    { "worker.tls_sessions", COUNT(worker.tls_sessions, 0, 1000000), .fallback = "131072",
      .about = "TLS sessions kept to be resumed within an hour, for each thread; 0: every handshake is full" },
    { "worker.user_agent", TEXT(worker.user_agent),
      .fallback = "Mozilla/5.0 (compatible; Vedette/0.1; +https://vedette.example/bot)",
      .about = "what the worker calls itself in its requests" },
    { "worker.ipv4", COUNT(worker.ipv4, 0, 2), .fallback = "1",
      .about = "whether IPv4 is used: 0 no, 1 yes, 2 find out" },
    { "worker.ipv6", COUNT(worker.ipv6, 0, 2), .fallback = "2",
      .about = "whether IPv6 is used: 0 no, 1 yes, 2 find out" },
    { "worker.dns_min", DURATION(worker.dns_min_us, 0, HOURS), .fallback = "5s",
      .about = "a name's answer is believed for at least that long" },
    { "worker.dns_max", DURATION(worker.dns_max_us, 0, DAYS), .fallback = "300s",
      .about = "... and for at most that long, whatever its time to live" },
    { "worker.canaries", LIST(worker.canaries), .fallback = "coordinator, collector, root",
      .check = canary_spec_check,
      .about = "whom to ask whether this worker's network is fine: coordinator, collector, root, tcp://HOST:PORT, "
               "URLs; empty: nobody" },
    { "worker.doubt", DURATION(worker.doubt_us, 100 * MS, HOURS), .fallback = "30s",
      .about = "how long a worker doubts itself after the last sign that its own network, clock or machine "
               "is at fault; longer when that comes back" },

    { "polite.address_at_once", COUNT(polite.address_at_once, 0, 65536), .fallback = "8",
      .about = "looks at one address at a time, each for its first 2 s, of all workers; 0: no ceiling" },
    { "polite.address_per_s", COUNT(polite.address_per_s, 0, 1000000), .fallback = "50",
      .about = "looks at one address in a second, of all workers; 0: no ceiling" },
    { "polite.domain_at_once", COUNT(polite.domain_at_once, 0, 65536), .fallback = "4",
      .about = "looks at one registered domain at a time, each for its first 2 s, of all workers; 0: no ceiling" },
    { "polite.domain_per_s", COUNT(polite.domain_per_s, 0, 1000000), .fallback = "20",
      .about = "looks at one registered domain in a second, of all workers; 0: no ceiling" },
    { "polite.wait", DURATION(polite.wait_us, 0, 10 * MINUTES), .fallback = "5s",
      .about = "how long a look may wait for its turn at an address; then it ends as unknown" },
    { "polite.patience", DURATION(polite.patience_us, 0, DAYS), .fallback = "1h",
      .about = "how long a site may ask to be left alone (429 and Retry-After); 0s: it is looked at all the same" },

    { "collector.batch", COUNT(collector.batch, 1, 10000), .fallback = "1000",
      .about = "results written in one transaction at most" },
    { "collector.batch_wait", DURATION(collector.batch_wait_us, 0, 10 * S), .fallback = "50ms",
      .about = "how long the first of them waits for others" },
    { "collector.keep_results", DURATION(collector.keep_results_us, MINUTES, 3650 * DAYS), .fallback = "7d",
      .about = "how long every single look is kept" },
    { "collector.keep_rollups", DURATION(collector.keep_rollups_us, HOURS, 3650 * DAYS), .fallback = "400d",
      .about = "how long the hourly sums are kept" },
    { "collector.feed_results", BOOL(collector.feed_results), .fallback = "true",
      .about = "whether each look is told on the feed, or only what is news" },

    { "operator.notify", LIST(operator.notify), .fallback = "", .check = channel_list_check,
      .about = "who is told when a worker is in doubt of itself, or nobody is at a location, by channels as an owner has them: mailto:, "
               "webhook:, exec:, console:; separated by commas; empty: nobody" },
    { "operator.settled", DURATION(operator.settled_us, 0, DAYS), .fallback = "60s",
      .about = "how long a worker must be without doubt until its trouble is over" },
    { "operator.join", SECRET(operator.join), .fallback = "", .check = token_check,
      .about = "token of an operator's role: `vedette watch` and `vedette status` listen to that cluster" },
    { "operator.feeds", LIST(operator.feeds), .fallback = "", .check = check_endpoints,
      .about = "where they hear the news of each collector, separated by commas; empty: endpoint.feed" },

    { "notify.retry_first", DURATION(notify.retry_first_us, 10 * MS, HOURS), .fallback = "5s",
      .about = "how long to wait before a notice that could not be delivered is tried again" },
    { "notify.retry_most", DURATION(notify.retry_most_us, 10 * MS, DAYS), .fallback = "5m",
      .about = "waiting doubles with each attempt, up to this" },
    { "notify.give_up", DURATION(notify.give_up_us, S, 30 * DAYS), .fallback = "24h",
      .about = "a notice that could not be delivered for that long is given up" },
    { "notify.at_once", COUNT(notify.at_once, 1, 256), .fallback = "8",
      .about = "deliveries under way at once, for each kind of channel" },

    { "mail.server", TEXT(mail.server), .fallback = "smtp://127.0.0.1:25", .check = check_mail_server,
      .about = "the server that takes our mail: smtp://HOST:PORT or smtps://HOST:PORT" },
    { "mail.from", TEXT(mail.from), .fallback = "vedette@localhost", .check = check_mail_from,
      .about = "the sender's address" },
    { "mail.tls", TEXT(mail.tls), .fallback = "opportunistic", .check = check_mail_tls,
      .about = "STARTTLS on smtp://: never, opportunistic (when offered; with a login to another machine always), "
               "required" },
    { "mail.ca_file", TEXT(mail.ca_file), .fallback = "",
      .about = "file of root certificates trusted for the mail server; empty: the system's" },
    { "mail.user", TEXT(mail.user), .fallback = "",
      .about = "user to log in with; empty: no login" },
    { "mail.password", SECRET(mail.password), .fallback = "",
      .about = "its password" },
    { "mail.timeout", DURATION(mail.timeout_us, 100 * MS, 10 * MINUTES), .fallback = "30s",
      .about = "how long the delivery of one mail may take" },

    { "webhook.secret", SECRET(webhook.secret), .fallback = "",
      .about = "key of the signature that webhooks carry; empty: none" },
    { "webhook.ca_file", TEXT(webhook.ca_file), .fallback = "",
      .about = "file of root certificates trusted for webhooks; empty: the system's" },
    { "webhook.timeout", DURATION(webhook.timeout_us, 100 * MS, 10 * MINUTES), .fallback = "10s",
      .about = "how long a webhook may take to answer" },
    { "exec.timeout", DURATION(exec.timeout_us, 100 * MS, HOURS), .fallback = "30s",
      .about = "how long a program may run before it is ended" },
};
/* clang-format on */
_Static_assert(CONFIG_MAX_FEEDS == CONFIG_MAX_COORDINATORS, "one check for both lists");
_Static_assert(sizeof settings / sizeof *settings <= SETTINGS_MAX, "room for a mark of each");
const size_t n_settings = sizeof settings / sizeof *settings;

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < n_settings; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

bool setting_is_section(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < n_settings; i++)
        if (strncmp(settings[i].name, name, len) == 0 && settings[i].name[len] == '.')
            return true;
    return false;
}

/* ── Did you mean ──────────────────────────────────────────────────────── */

const char *setting_near(const char *name, char buf[SETTING_NAME_MAX + 1])
{
    size_t len = strlen(name);
    if (len > SETTING_NAME_MAX)
        return NULL;
    size_t best = len < 6 ? 2 : 3; /* further away is another word */
    bool found = false;

    for (size_t i = 0; i < n_settings; i++) {
        const char *dot = strchr(settings[i].name, '.');
        const char *member = dot ? dot + 1 : settings[i].name;
        size_t section = dot ? (size_t)(dot - settings[i].name) : 0;
        char candidate[SETTING_NAME_MAX + 1];

        snprintf(candidate, sizeof candidate, "%.*s", (int)section, settings[i].name);
        if (section && nearest_distance(name, candidate) < best) {
            best = nearest_distance(name, candidate);
            found = strcpy(buf, candidate);
        }
        /* The whole name, or the member alone: somebody forgot the section. */
        size_t d = nearest_distance(name, settings[i].name);
        if (d < best || (best > 1 && strcmp(name, member) == 0)) {
            best = d < best ? d : 1;
            found = strcpy(buf, settings[i].name);
        }
    }
    return found ? buf : NULL;
}
