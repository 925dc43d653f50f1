/* vedette plan - what so many sites need, before there are any. */
#include "cli/asjson.h"
#include "cli/capacity.h"
#include "cli/commands.h"
#include "cli/measure.h"
#include "cli/print.h"
#include "common/site.h"
#include "worker/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LOOK_US (300 * US_PER_MS)
/* CPU of a worker for a job and its result, beside the look: see capacity.c. */
#define BESIDE_US 45

struct plan_options {
    struct call call; /* first */
    struct capacity_wish wish;
    bool measured;
};

enum {
    KEY_SITES = 0x100,
    KEY_LOCATIONS,
    KEY_EVERY,
    KEY_TIMEOUT,
    KEY_LOOK,
    KEY_FAILING,
    KEY_HTTPS,
    KEY_RESUMED,
    KEY_MEASURED
};

static const struct argp_option options[] = {
    {"sites",      KEY_SITES,     "N",        0, "How many sites (required)",                                0},
    { "locations", KEY_LOCATIONS, "N",        0, "Each is looked at from so many locations (1)",             0},
    { "every",     KEY_EVERY,     "DURATION", 0, "How often each is looked at (5m)",                         0},
    { "timeout",   KEY_TIMEOUT,   "DURATION", 0, "For one whole look (20s)",                                 0},
    { "look",      KEY_LOOK,      "DURATION", 0, "How long a look takes where the site answers (300ms)",     0},
    { "failing",   KEY_FAILING,   "SHARE",    0, "So many sites hang until the timeout (2%)",                0},
    { "https",     KEY_HTTPS,     "SHARE",    0, "So many are looked at over https (60%)",                   0},
    { "resumed",   KEY_RESUMED,   "SHARE",    0, "Of these, so many handshakes resume a session (0%)",       0},
    { "measured",  KEY_MEASURED,  0,          0, "Measure on this machine what a look costs; takes seconds", 0},
    { 0,           0,             0,          0, 0,                                                          0},
};

static uint32_t read_share(struct argp_state *state, const char *option, const char *text)
{
    char *end = NULL;
    double percent = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
    if (!end || strcmp(end, "%") != 0 || percent > 100)
        argp_error(state, "%s: '%s' is no share like 2%%", option, text);
    return (uint32_t)(percent * (CAPACITY_PPM / 100) + 0.5);
}

static int64_t read_time(struct argp_state *state, const char *option, const char *text, int64_t least_ms,
                         int64_t most_ms)
{
    int64_t us = command_duration(state, option, text);
    if (us < least_ms * US_PER_MS || us > most_ms * US_PER_MS)
        argp_error(state, "%s: %s is too short or too long", option, text);
    return us;
}

static void set_defaults(struct capacity_wish *w)
{
    w->locations = w->locations ? w->locations : 1;
    w->every_us = w->every_us ? w->every_us : SITE_DEFAULT_EVERY_MS * US_PER_MS;
    w->timeout_us = w->timeout_us ? w->timeout_us : SITE_DEFAULT_TIMEOUT_MS * US_PER_MS;
    w->look_us = w->look_us ? w->look_us : DEFAULT_LOOK_US;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct plan_options *o = state->input;
    struct capacity_wish *w = &o->wish;
    switch (key) {
    case ARGP_KEY_INIT:
        w->failing_ppm = CAPACITY_PPM / 50;
        w->https_ppm = CAPACITY_PPM / 10 * 6;
        return 0;
    case KEY_SITES: w->sites = command_number(state, "--sites", arg, 1, 1000000000); return 0;
    case KEY_LOCATIONS:
        w->locations = (uint32_t)command_number(state, "--locations", arg, 1, CONFIG_MAX_LOCATIONS);
        return 0;
    case KEY_EVERY:
        w->every_us = read_time(state, "--every", arg, SITE_MIN_EVERY_MS, SITE_MAX_EVERY_MS);
        return 0;
    case KEY_TIMEOUT:
        w->timeout_us = read_time(state, "--timeout", arg, SITE_MIN_TIMEOUT_MS, SITE_MAX_TIMEOUT_MS);
        return 0;
    case KEY_LOOK: w->look_us = read_time(state, "--look", arg, 1, SITE_MAX_TIMEOUT_MS); return 0;
    case KEY_FAILING: w->failing_ppm = read_share(state, "--failing", arg); return 0;
    case KEY_HTTPS: w->https_ppm = read_share(state, "--https", arg); return 0;
    case KEY_RESUMED: w->resumed_ppm = read_share(state, "--resumed", arg); return 0;
    case KEY_MEASURED: o->measured = true; return 0;
    case ARGP_KEY_END:
        if (w->sites == 0)
            argp_error(state, "how many sites? Give --sites N");
        set_defaults(w);
        if (w->timeout_us > w->every_us)
            argp_error(state, "--timeout is longer than --every");
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* ── Saying ────────────────────────────────────────────────────────────── */

static void label(const char *name)
{
    printf("%-12s ", name);
}

/* "7.1 GB": powers of ten, as disks are sold. */
static const char *bytes_words(char *buf, size_t size, double bytes)
{
    static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB" };
    unsigned i = 0;
    for (; bytes >= 1000 && i < 5; i++)
        bytes /= 1000;
    snprintf(buf, size, bytes < 10 && i > 0 ? "%.1f %s" : "%.0f %s", bytes, units[i]);
    return buf;
}

static void print_work(const struct capacity_wish *w, const struct capacity *c)
{
    char n[3][40];
    label("looks");
    printf("%.*f a second, %.*f of them over https; %.0f under way at a time\n", c->looks_per_s < 10 ? 2 : 0,
           c->looks_per_s, c->https_per_s < 10 ? 2 : 0, c->https_per_s, c->in_hand);
    label("workers");
    printf("%" PRIu32 " %s%s, each with %s slots: room for %d times as many under way\n", c->threads,
           print_plural(c->threads, "thread", "threads"), w->locations > 1 ? " in all locations" : "",
           print_count(n[0], sizeof n[0], c->slots), CAPACITY_SPARE);
    label("descriptors");
    printf("%s for a worker with all threads (LimitNOFILE=, ulimit -n)\n",
           print_count(n[0], sizeof n[0], c->descriptors));
    label("cores");
    printf("%" PRIu32 "; busy: %.2f worker, %.2f coordinator, %.2f collector\n", c->cores, c->worker_cores,
           c->coordinator_cores, c->collector_cores);
    label("memory");
    printf("%s: ", bytes_words(n[0], sizeof n[0], (double)c->memory_bytes));
    printf("%s worker, ", bytes_words(n[0], sizeof n[0], (double)c->worker_bytes));
    printf("%s coordinator, ", bytes_words(n[0], sizeof n[0], (double)c->coordinator_bytes));
    printf("%s collector\n", bytes_words(n[0], sizeof n[0], (double)c->collector_bytes));
    label("disk");
    printf("%s a day; ", bytes_words(n[0], sizeof n[0], (double)c->disk_day_bytes));
    printf("%s in all, with looks kept for %s and hours for %s\n",
           bytes_words(n[0], sizeof n[0], (double)c->disk_bytes),
           duration_format(n[1], sizeof n[1], w->keep_results_us),
           duration_format(n[2], sizeof n[2], w->keep_hours_us));
    label("network");
    printf("%.*f Mbit/s, there and back; up to %.0f questions for names a second\n",
           c->wire_bits_per_s < 1e7 ? 2 : 0, c->wire_bits_per_s / 1e6, c->questions_per_s);
}

static void print_remarks(const struct capacity *c, const struct measured *m)
{
    label("settings");
    printf("worker.threads %" PRIu32 ", worker.slots %" PRIu32 "\n", c->threads, c->slots);
    if (c->coordinator_full)
        puts("\nOne coordinator is too busy with that: its lateness will grow.");
    if (c->collector_full)
        puts("\nOne collector is too busy with that: results will wait in the workers.");
    if (m->looks)
        printf("\nMeasured on this machine: %.0f us of CPU for a look over http, %.0f with a full handshake, "
               "%.0f with a "
               "resumed one.\n",
               m->http_us, m->https_us, m->resumed_us);
    else
        puts("\nFrom figures of another machine, see vedette-plan(1); --measured takes this one's.");
}

/* What of it this host does not allow as it is set now. */
static void print_host(const struct capacity_wish *w, const struct capacity *c, const struct config *config)
{
    struct limits_host host;
    struct limits limits;
    char advice[300];
    const struct limits_wish wish = { .lanes = c->threads,
                                      .slots = c->slots,
                                      .address_per_s = config->polite.address_per_s,
                                      .timeout_us = w->timeout_us };
    machine_read(&host);
    limits_reckon(&host, &wish, &limits);
    for (unsigned i = 0; limits_advise(&limits, &host, &wish, i, advice, sizeof advice); i++)
        printf("On this machine %s.\n", advice);
}

static json_t *as_json(const struct capacity_wish *w, const struct capacity *c, const struct measured *m)
{
    json_t *o = json_object();
    asjson_number(&o, "sites", w->sites);
    asjson_number(&o, "locations", w->locations);
    asjson_put(&o, "looks_per_s", json_real(c->looks_per_s));
    asjson_put(&o, "https_per_s", json_real(c->https_per_s));
    asjson_put(&o, "in_hand", json_real(c->in_hand));
    asjson_number(&o, "threads", c->threads);
    asjson_number(&o, "slots", c->slots);
    asjson_number(&o, "descriptors", c->descriptors);
    asjson_number(&o, "cores", c->cores);
    asjson_put(&o, "worker_cores", json_real(c->worker_cores));
    asjson_put(&o, "coordinator_cores", json_real(c->coordinator_cores));
    asjson_put(&o, "collector_cores", json_real(c->collector_cores));
    asjson_number(&o, "memory_bytes", c->memory_bytes);
    asjson_number(&o, "worker_bytes", c->worker_bytes);
    asjson_number(&o, "coordinator_bytes", c->coordinator_bytes);
    asjson_number(&o, "collector_bytes", c->collector_bytes);
    asjson_number(&o, "disk_day_bytes", c->disk_day_bytes);
    asjson_number(&o, "disk_bytes", c->disk_bytes);
    asjson_put(&o, "wire_bits_per_s", json_real(c->wire_bits_per_s));
    asjson_put(&o, "questions_per_s", json_real(c->questions_per_s));
    asjson_put(&o, "measured_http_us", m->looks ? json_real(m->http_us) : json_null());
    asjson_put(&o, "measured_https_us", m->looks ? json_real(m->https_us) : json_null());
    asjson_put(&o, "measured_resumed_us", m->looks ? json_real(m->resumed_us) : json_null());
    return o;
}

static int run(struct call *call)
{
    struct plan_options *o = (struct plan_options *)call;
    struct figures figures = figures_stated;
    struct measured m = { 0 };
    struct capacity c;
    struct err err = { 0 };

    o->wish.keep_results_us = call->config.collector.keep_results_us;
    o->wish.keep_hours_us = call->config.collector.keep_rollups_us;
    o->wish.sessions = call->config.worker.tls_sessions;
    if (o->measured && measure_looks(&call->config, &m, &err) < 0)
        return command_fail(call, &err);
    if (m.looks)
        figures = figures_scaled(&figures_stated, m.http_us + BESIDE_US, m.https_us + BESIDE_US,
                                 m.resumed_us + BESIDE_US);
    capacity_reckon(&o->wish, &figures, &c);
    if (call->json)
        return print_json(stdout, as_json(&o->wish, &c, &m)) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    print_work(&o->wish, &c);
    print_remarks(&c, &m);
    print_host(&o->wish, &c, &call->config);
    return EXIT_FINE;
}

const struct command cmd_plan = {
    .name = "plan",
    .args = "--sites N",
    .summary = "what so many sites need: threads, memory, disk, network",
    .teaches =
        "Reckons what watching so many sites takes, before there are any: workers and their slots, "
        "descriptors, cores, memory, disk and network."
        "\vExamples:\n"
        "  vedette plan --sites 50000\n"
        "  vedette plan --sites 1000000 --every 5m --failing 2% --https 60% --measured\n"
        "\n"
        "There is room in it for twice the looks under way, and no core is more than 60 % busy. With "
        "--measured the worker's own looks are made at simulated sites on this machine for some seconds; "
        "vedette-loadgen(1) rehearses the whole.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct plan_options),
    .run = run,
};
