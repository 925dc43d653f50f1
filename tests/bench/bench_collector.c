/* What the collector costs by itself: results from memory are judged and
 * recorded, hours rolled up and packed, old lines forgotten, as in the daemon
 * but for its network.
 *
 *     bench_collector --sites 1000000 --rounds 3 --per-second 50000 sqlite:/tmp/new.db
 *
 * The store must be new. Sites are looked at on their grid, every five minutes by
 * the wall clock of the play; the results of `--per-second` arrive in one second
 * of its monotonic one, by which batches and housekeeping go. One line of JSON
 * for each `--report` rounds, and one at the end. Making the results is not
 * counted.
 */
#include "collector/keeper.h"
#include "tests/bench/bench_sites.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define START_US (INT64_C(1772323200) * US_PER_S) /* 2026-03-01T00:00:00Z */
#define PARCEL   64                               /* results in a message */

struct plan {
    unsigned sites, rounds, per_second, report, keep_rounds, failing_ppm;
    const char *url;
};

struct due {
    wall_us at;
    uint32_t id;
};

/* What stays the same of a site from look to look. */
struct habit {
    uint32_t address, took_us, expires_s;
};

struct play {
    const struct plan *plan;
    struct config config;
    struct store *store;
    struct keeper *keeper;
    struct due *due;
    struct habit *habit;
    struct parcel *parcel;
    struct instant now;
    mono_ns began;
    uint64_t job, results;
    double cpu_s, wall_s, worst_ms;
    uint64_t acknowledged, asked;
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

/* ── The ports ─────────────────────────────────────────────────────────── */

static void feedback(void *arg, const struct feedback *f)
{
    struct play *p = arg;
    p->acknowledged += f->n_recorded;
    p->asked += f->n_again;
}

static void publish(void *arg, const struct event *e)
{
    (void)arg;
    (void)e;
}

static int deliver(void *arg, struct notice *take)
{
    (void)arg;
    notice_free(take);
    return 0;
}

/* ── The sites ─────────────────────────────────────────────────────────── */

static int sooner(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static int make_habits(struct play *p)
{
    unsigned n = p->plan->sites;
    p->due = calloc(n, sizeof *p->due);
    p->habit = calloc(n + 1, sizeof *p->habit);
    p->parcel = calloc(1, sizeof *p->parcel + PARCEL * sizeof *p->parcel->results);
    if (!p->due || !p->habit || !p->parcel)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        p->due[i] = (struct due){ site_next_slot(i + 1, BENCH_EVERY_MS, START_US), i + 1 };
        p->habit[i + 1] = (struct habit){
            .address = 0x01000000u + (uint32_t)random() % 0xd0000000u,
            .took_us = 40000 + (uint32_t)random() % 200000,
            .expires_s = (uint32_t)(START_US / US_PER_S + random() % (90 * 86400)),
        };
    }
    qsort(p->due, n, sizeof *p->due, sooner);
    return 0;
}

/* An HTTPS look with a new connection: its times are about the site's usual
 * ones, a quarter more or less, in microseconds. */
static struct result look(struct play *p, const struct due *due, unsigned round)
{
    const struct habit *h = &p->habit[due->id];
    uint32_t took = h->took_us - h->took_us / 4 + (uint32_t)random() % (h->took_us / 2);
    const struct phases phases = { random() % 3 ? 0 : (uint32_t)random() % 20000,
                                   took / 4 + (uint32_t)random() % 500, took / 4 + (uint32_t)random() % 500,
                                   took / 2 + (uint32_t)random() % 500, 0 };
    struct result r = {
        .job_id = job_id_make(3, p->job += 1 + random() % 16 / 15), /* some jobs are for other looks */
        .run = {.site_id = due->id,
                .slot_us = due->at + (int64_t)round * BENCH_EVERY_MS * US_PER_MS,
                .location = "default"},
        .span = 1,
        .verdict = VERDICT_UP,
        .status = 200,
        .method = METHOD_HEAD,
        .took_us =
            phases.dns_us + phases.connect_us + phases.tls_us + phases.wait_us + (uint32_t)random() % 1000,
        .phases = phases,
        .tls_expires_us = h->expires_s * US_PER_S,
        .lane = random() % 2,
    };
    if ((unsigned)(random() % 1000000) < p->plan->failing_ppm) {
        r.verdict = VERDICT_DOWN;
        r.cause = CAUSE_HTTP_5XX;
        r.status = 503;
    }
    r.at_us = r.run.slot_us + random() % 40000;
    snprintf(r.address, sizeof r.address, "%u.%u.%u.%u", h->address >> 24, h->address >> 16 & 255,
             h->address >> 8 & 255, h->address & 255);
    snprintf(r.worker, sizeof r.worker, "worker-%ld", random() % 4);
    return r;
}

/* ── The play ──────────────────────────────────────────────────────────── */

/* Everything that falls due until then, as the daemon's loop has it. */
static int pass(struct play *p, mono_ns until, struct err *err)
{
    int r = 0;
    while (r == 0 && keeper_next(p->keeper) < until) {
        mono_ns next = keeper_next(p->keeper);
        p->now.mono = next > p->now.mono ? next : p->now.mono + NS_PER_MS;
        if (p->now.mono >= until)
            break;
        r = keeper_turn(p->keeper, p->now, err);
    }
    p->now.mono = until;
    return r;
}

static int take(struct play *p, size_t n, mono_ns at, struct err *err)
{
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    int r = pass(p, at, err);
    p->parcel->kind = REPORT_RESULTS;
    p->parcel->n_results = n;
    if (r == 0)
        keeper_take(p->keeper, p->parcel, p->now);
    if (r == 0)
        r = keeper_turn(p->keeper, p->now, err);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    p->cpu_s += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    p->wall_s += wall;
    if (wall * 1e3 > p->worst_ms)
        p->worst_ms = wall * 1e3;
    if (r == 0 && !keeper_has_room(p->keeper))
        return err_set(err, -EIO, "the store took nothing");
    return r;
}

static void report(const struct play *p, unsigned rounds)
{
    struct summary sum = { 0 };
    double n = (double)p->results;
    if (store_get_summary(p->store, &sum, NULL) < 0)
        return;
    printf(
        "{\"rounds\":%u,\"results\":%.0f,\"recorded\":%llu,\"asked\":%llu,\"cpu_us\":%.3f,\"wall_us\":%.3f,"
        "\"worst_turn_ms\":%.1f,\"resident_kib\":%ld,\"file_bytes\":%llu,\"looks\":%llu}\n",
        rounds, n, (unsigned long long)p->acknowledged, (unsigned long long)p->asked, p->cpu_s / n * 1e6,
        p->wall_s / n * 1e6, p->worst_ms, resident_kib(), (unsigned long long)sum.bytes,
        (unsigned long long)sum.looks);
    fflush(stdout);
}

static int play_round(struct play *p, unsigned round, struct err *err)
{
    unsigned n = p->plan->sites;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < n;) {
        size_t some = 0;
        for (; some < PARCEL && i < n; some++, i++)
            p->parcel->results[some] = look(p, &p->due[i], round);
        p->results += some;
        const struct result *last = &p->parcel->results[some - 1];
        p->now.wall = last->at_us + last->took_us;
        r = take(p, some, p->began + (mono_ns)(p->results * (uint64_t)NS_PER_S / p->plan->per_second), err);
    }
    return r;
}

static int play(struct play *p, struct err *err)
{
    const struct keeper_ports ports = { p, feedback, publish, deliver, NULL };
    int r = store_open(&p->store, p->plan->url, STORE_CREATE, err);
    if (r == 0)
        r = bench_add_sites(p->store, p->plan->sites, START_US - US_PER_DAY, err);
    if (r == 0 && make_habits(p) < 0)
        r = err_set(err, -ENOMEM, "out of memory");
    if (r < 0)
        return r;
    long before = resident_kib();
    double began = seconds(CLOCK_MONOTONIC);
    p->now = (struct instant){ .wall = START_US, .mono = NS_PER_S };
    p->began = p->now.mono;
    r = keeper_new(&p->keeper, p->store, &p->config, &ports, p->now, err);
    struct summary sum = { 0 };
    if (r == 0)
        r = store_get_summary(p->store, &sum, err);
    printf("{\"sites\":%u,\"start_s\":%.2f,\"resident_kib\":%ld,\"before_kib\":%ld,\"file_bytes\":%llu}\n",
           p->plan->sites, seconds(CLOCK_MONOTONIC) - began, resident_kib(), before,
           (unsigned long long)sum.bytes);
    for (unsigned round = 0; r == 0 && round < p->plan->rounds; round++) {
        r = play_round(p, round, err);
        if (r == 0 && ((round + 1) % p->plan->report == 0 || round + 1 == p->plan->rounds))
            report(p, round + 1);
    }
    int failure = 0;
    return r == 0 && !keeper_flush(p->keeper, p->now, &failure, err) ? failure : r;
}

static void play_done(struct play *p)
{
    keeper_free(p->keeper);
    store_close(p->store);
    free(p->due);
    free(p->habit);
    free(p->parcel);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct plan *p = state->input;
    switch (key) {
    case 's': p->sites = (unsigned)atoi(arg); return 0;
    case 'r': p->rounds = (unsigned)atoi(arg); return 0;
    case 'p': p->per_second = (unsigned)atoi(arg); return 0;
    case 'e': p->report = (unsigned)atoi(arg); return 0;
    case 'k': p->keep_rounds = (unsigned)atoi(arg); return 0;
    case 'f': p->failing_ppm = (unsigned)atoi(arg); return 0;
    case ARGP_KEY_ARG: p->url = arg; return 0;
    case ARGP_KEY_END:
        if (!p->url || !p->sites || !p->rounds || !p->per_second || !p->report)
            argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"sites",                                 's', "N", 0, "sites, each every 5 minutes (100000)", 0 },
        { "rounds",                                    'r', "N", 0, "looks at each (3)", 0 },
        { "per-second", 'p', "N", 0, "results in a second of the play (50000)", 0 },
        { "report",                                      'e', "N", 0, "a line after so many rounds (1000000)", 0 },
        { "keep-rounds", 'k', "N", 0, "lines are kept for so many rounds (7 days)", 0 },
        { "failing",                                      'f', "N", 0, "looks in a million that fail (0)", 0 },
        { 0                                     },
    };
    static const struct argp argp = {
        options, option, "STORE", "What the collector costs.", NULL, NULL, NULL
    };
    struct plan plan = { .sites = 100000, .rounds = 3, .per_second = 50000, .report = 1000000 };
    struct play p = { .plan = &plan };
    struct err err = { 0 };

    argp_parse(&argp, argc, argv, 0, NULL, &plan);
    config_init(&p.config);
    if (plan.keep_rounds)
        p.config.collector.keep_results_us = (int64_t)plan.keep_rounds * BENCH_EVERY_MS * US_PER_MS;
    int r = play(&p, &err);
    play_done(&p);
    if (r < 0)
        fprintf(stderr, "bench_collector: %s\n", err.text);
    return r < 0;
}
