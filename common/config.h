/* config.h - the settings of all daemons: one file, one table.
 *
 * A setting is one row in settings.c: its name as in vedette.yaml with dots
 * ("worker.slots"), how its text is read, where it goes, its default and a
 * sentence. It is set by, later over earlier: the default, the file, the
 * environment (VEDETTE_WORKER_SLOTS), the command line (--set worker.slots=100).
 * A secret may come from a file: "mail.password_file", which must not be
 * readable by others. An unknown name, in the file or the environment, is an
 * error that names it.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/control.h"
#include "common/err.h"
#include "common/listen.h"
#include "common/log.h"
#include "common/shard.h"
#include "common/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_MAX_LOCATIONS    32
#define CONFIG_MAX_THREADS      256 /* of a worker */
#define CONFIG_MAX_COORDINATORS 16  /* that a worker serves */
#define CONFIG_MAX_FEEDS        16  /* that an operator listens to */

struct config {
    char store[512]; /* URL, see store.h */

    struct {
        enum log_level level;
        char format[8]; /* see log_form_parse */
    } log;

    struct { /* where each daemon shows its numbers, see pages.h; "": nowhere */
        char coordinator[LISTEN_SIZE], collector[LISTEN_SIZE], worker[LISTEN_SIZE];
    } metrics;

    struct {
        char control[ENDPOINT_SIZE];
        char results[ENDPOINT_SIZE];
        char feed[ENDPOINT_SIZE];
        char feedback[ENDPOINT_SIZE];
        char jobs[ENDPOINT_SIZE]; /* of the first location; the next ones count its port up,
                                   * or get ".<location>" behind an ipc:// path */
        char advertise[128];      /* host that tokens name, and workers are told; "": see there */
    } endpoint;

    struct {
        char server_file[512]; /* the cluster's secret key; "": none, and links stay on this host */
        bool loopback;         /* links on loopback addresses need keys as well */
    } keys;

    char locations[512]; /* names, comma-separated */

    uint32_t shards; /* parts that the sites are cut in ... */
    uint32_t shard;  /* ... and whose coordinator or collector this is */

    struct {              /* of a coordinator or collector, see tenure.h */
        char wait[8];     /* auto, yes, no: whether it waits while another one acts */
        int64_t lease_us; /* whoever acts may be silent for that long */
    } standby;

    struct {
        int64_t taken_within_us;  /* a job that nobody has taken by then goes out again */
        int64_t suspect_after_us; /* a worker silent that long is suspect */
        int64_t dead_after_us;    /* ... is dead */
        uint32_t window;          /* untaken jobs for each live lane */
        uint32_t attempts;        /* jobs for one run at most */
        int64_t grace_us;         /* beyond a look's timeout, before its result is missed */
        int64_t breaker_us;       /* nothing recorded for that long: give no taken run out again */
        uint32_t again_percent;   /* of the dispatch rate that may be repeats */
        int64_t catalog_every_us; /* how often the store is asked for changes */
    } coordinator;

    struct {
        char name[WORKER_NAME_SIZE];  /* "": the host's name and the process id */
        char location[LOCATION_SIZE]; /* "": the first of `locations` */
        char coordinators[2600];      /* their control endpoints, comma-separated; "": endpoint.control */
        char join[TOKEN_SIZE]; /* a token, see token.h: where the cluster is and who we are; "": none */
        wall_us join_ends_us;  /* no setting: the token's end, see links_join; 0 for none */
        uint32_t threads;      /* 0: as many as there are cores */
        uint32_t slots;        /* looks in hand at once, for each thread */
        uint32_t outbox;       /* results kept until they are recorded, for each thread */
        char resolver[256];    /* name servers, comma-separated "ip" or "ip:port"; "": resolv.conf */
        char allow[512];       /* networks that may be looked at although they are private */
        char ca_file[256];     /* trusted roots; "": the system's */
        uint32_t tls_sessions; /* kept to be resumed, for each thread; 0: none */
        char user_agent[200];
        uint32_t ipv4, ipv6;            /* 0 or 1: whether to use that family; 2: find out */
        int64_t dns_min_us, dns_max_us; /* how long an answer is believed, whatever its TTL */
        char canaries[1024]; /* whom to ask whether the network is fine, see canaryspec.h; "": nobody */
        int64_t doubt_us;    /* how long a worker doubts itself after the last reason to */
    } worker;

    struct {
        uint32_t address_at_once, address_per_s; /* looks at one address, of all workers; 0: no ceiling */
        uint32_t domain_at_once, domain_per_s;   /* ... at one registered domain */
        int64_t wait_us;                         /* for a turn at an address, at most */
        int64_t patience_us;                     /* that a site may ask for (429, Retry-After) */
    } polite;

    struct {
        uint32_t batch;        /* results in one transaction at most */
        int64_t batch_wait_us; /* ... and how long the first of them waits at most */
        int64_t keep_results_us;
        int64_t keep_rollups_us;
        bool feed_results; /* tell each look on the feed, not only news */
    } collector;

    struct {
        char notify[2048];     /* channels as an owner has them, comma-separated; "": nobody is told */
        int64_t settled_us;    /* without doubt for that long, a worker's trouble is over */
        char join[TOKEN_SIZE]; /* as a worker's, for `vedette watch` and `vedette status` */
        char feeds[2600];      /* of all collectors, comma-separated; "": endpoint.feed */
    } operator;

    struct {
        int64_t retry_first_us, retry_most_us; /* waiting grows between these */
        int64_t give_up_us;                    /* a notice that old is given up */
        uint32_t at_once;                      /* deliveries under way, for each kind of channel */
    } notify;

    struct {
        char server[256]; /* smtp://host:port or smtps://host:port */
        char from[256];
        char tls[16]; /* never, opportunistic, required: STARTTLS on smtp:// */
        char ca_file[256];
        char user[128];
        char password[256];
        int64_t timeout_us;
    } mail;

    struct {
        char secret[256]; /* key of the signature; "": unsigned */
        char ca_file[256];
        int64_t timeout_us;
    } webhook;

    struct {
        int64_t timeout_us; /* then the program is ended */
    } exec;
};

/* Defaults. */
void config_init(struct config *c);

/* File over what *c holds (the defaults), environment over file. path NULL: no
 * file. Nothing of *c is changed on failure. `env` is environ, or NULL for none;
 * of it VEDETTE_CONFIG, _PARENT, _READY_FD, _BIN and VEDETTE_TEST_... are not
 * settings and left alone. */
int config_load(struct config *c, const char *path, char *const *env, struct err *err);

/* One setting by name, as --set has it: "worker.slots=100". Nothing is changed on failure. */
int config_set(struct config *c, const char *assignment, struct err *err);

/* Whether mail goes out over TLS or not at all: mail.tls says so, or a login would
 * otherwise cross a network in the clear. "never" is never. */
bool config_mail_needs_tls(const struct config *c);

/* What only holds when seen together: endpoints allowed, names valid, minima
 * below maxima, files of certificates readable. After the last config_set. */
int config_check(const struct config *c, struct err *err);

static inline struct shard config_shard(const struct config *c)
{
    return (struct shard){ c->shard, c->shards };
}

/* How many threads a worker has: as set, or as many as this host has cores. */
uint32_t config_threads(const struct config *c);

/* The i-th location's name into buf; false when there are no more. */
bool config_location(const struct config *c, unsigned i, char *buf, size_t size);
/* How many coordinators a worker serves, at least 1, and the control endpoint of the i-th. */
unsigned config_coordinators(const struct config *c);
void config_coordinator(const struct config *c, unsigned i, char buf[ENDPOINT_SIZE]);
unsigned config_feeds(const struct config *c); /* likewise: operator.feeds, else endpoint.feed */
void config_feed(const struct config *c, unsigned i, char buf[ENDPOINT_SIZE]);
/* The jobs endpoint of the i-th location. */
int config_jobs_endpoint(const struct config *c, unsigned i, char *buf, size_t size, struct err *err);

/* Every setting with its default and sentence: for documents and for --help-settings. */
void config_describe(FILE *out);

#endif
