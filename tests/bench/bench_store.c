/* What the store costs: so many sites, each looked at so many times on its grid,
 * in the order in which the looks fall due.
 *
 *     bench_store --sites 100000 --rounds 3 --batch 1000 [--no-states] sqlite:/tmp/new.db
 *
 * The store must be new. One line of JSON: what a second does (wall clock) of
 * each kind of work, CPU for a recorded result, the slowest commit, and bytes
 * for each thing that is kept.
 */
#include "common/store/store.h"
#include "tests/bench/bench_sites.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define START_US (INT64_C(1772323200) * US_PER_S) /* 2026-03-01T00:00:00Z */
#define ASKED    100000

struct plan {
    unsigned sites, rounds, batch;
    bool no_states;
    const char *url;
};

struct due {
    wall_us at;
    uint64_t id;
};

struct numbers {
    double sites_s, results_s, cpu_us, worst_ms, lines_rolled_s, lines_packed_s, lines_pruned_s, newest_us,
        summary_ms, find_ms;
    double site_bytes, look_bytes, rollup_bytes;
};

static double seconds(void)
{
    return (double)clock_mono() / (double)NS_PER_S;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double bytes_of(struct store *s)
{
    struct summary sum = { 0 };
    return store_get_summary(s, &sum, NULL) < 0 ? 0 : (double)sum.bytes;
}

static int add_sites(struct store *s, const struct plan *p, struct numbers *n, struct err *err)
{
    double began = seconds();
    int r = bench_add_sites(s, p->sites, START_US, err);
    n->sites_s = p->sites / (seconds() - began);
    n->site_bytes = bytes_of(s) / p->sites;
    return r;
}

static int sooner(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static struct result usual_look(const struct due *due, unsigned round, uint64_t job)
{
    struct result r = {
        .job_id = job_id_make(3, job),
        .run = {.site_id = due->id,
                .slot_us = due->at + round * BENCH_EVERY_MS * US_PER_MS,
                .location = "default"                                                        },
        .span = 1,
        .verdict = VERDICT_UP,
        .status = 200,
        .method = METHOD_HEAD,
        .redirects = random() % 2,
        .took_us = (uint32_t)(80000 + random() % 200000),
        .phases = { random() % 3 ? 0 : 20000, (uint32_t)(20000 + random() % 10000),
                (uint32_t)(30000 + random() % 20000), (uint32_t)(20000 + random() % 90000), 0 },
        .tls_expires_us = START_US + random() % 90 * US_PER_DAY,
        .lane = random() % 2,
    };
    r.at_us = r.run.slot_us + random() % 40000;
    snprintf(r.address, sizeof r.address, "%ld.%ld.%ld.%ld", 1 + random() % 200, random() % 256,
             random() % 256, random() % 256);
    snprintf(r.worker, sizeof r.worker, "worker-%ld", random() % 8);
    return r;
}

static struct site_state state_after(const struct result *r)
{
    struct site_state st = {
        .site_id = r->run.site_id,
        .health = HEALTH_UP,
        .since_us = START_US,
        .last_slot_us = r->run.slot_us,
        .last_at_us = r->at_us,
        .last_status = r->status,
        .last_took_us = r->took_us,
        .tls_expires_us = r->tls_expires_us,
    };
    st.last_worker = r->worker;
    return st;
}

static int record_batch(struct store *s, const struct plan *p, const struct due *due, size_t n,
                        unsigned round, struct numbers *nums, struct err *err)
{
    static uint64_t job;
    struct result *results = calloc(n, sizeof *results);
    struct site_state *states = calloc(n, sizeof *states);
    bool *fresh = calloc(n, sizeof *fresh);
    int r = results && states && fresh ? 0 : err_set(err, -1, "out of memory");

    for (size_t i = 0; r == 0 && i < n; i++) {
        results[i] = usual_look(&due[i], round, ++job);
        states[i] = state_after(&results[i]);
    }
    if (r == 0) {
        struct record rec = {
            .results = results,
            .n_results = n,
            .fresh = fresh,
            .states = states,
            .n_states = p->no_states ? 0 : n,
        };
        double wall = seconds(), cpu = cpu_seconds();
        r = store_record(s, &rec, err);
        wall = seconds() - wall;
        nums->cpu_us += cpu_seconds() - cpu;
        nums->results_s += wall;
        if (wall * 1e3 > nums->worst_ms)
            nums->worst_ms = wall * 1e3;
    }
    free(results);
    free(states);
    free(fresh);
    return r;
}

static int record_all(struct store *s, const struct plan *p, struct numbers *n, struct err *err)
{
    double total = (double)p->sites * p->rounds, before = bytes_of(s);
    struct due *due = calloc(p->sites, sizeof *due);
    int r = due ? 0 : err_set(err, -1, "out of memory");
    for (unsigned i = 0; r == 0 && i < p->sites; i++)
        due[i] = (struct due){ site_next_slot(i + 1, BENCH_EVERY_MS, START_US), i + 1 };
    if (r == 0)
        qsort(due, p->sites, sizeof *due, sooner);
    for (unsigned round = 0; r == 0 && round < p->rounds; round++)
        for (unsigned i = 0; r == 0 && i < p->sites; i += p->batch)
            r = record_batch(s, p, due + i, p->sites - i < p->batch ? p->sites - i : p->batch, round, n, err);
    free(due);
    n->results_s = total / n->results_s;
    n->cpu_us = n->cpu_us / total * 1e6;
    n->look_bytes = (bytes_of(s) - before) / total;
    return r;
}

static int count(void *arg, const struct result *r)
{
    (void)r;
    ++*(unsigned *)arg;
    return 0;
}

static int ask(struct store *s, const struct plan *p, struct numbers *n, struct err *err)
{
    struct summary sum;
    uint64_t change;
    unsigned lines = 0;
    int r = 0;
    double began = seconds();
    for (int i = 0; r == 0 && i < ASKED; i++)
        r = store_newest_change(s, &change, err);
    n->newest_us = (seconds() - began) / ASKED * 1e6;

    began = seconds();
    for (int i = 0; r == 0 && i < 100; i++)
        r = store_each_result(s, 1 + (uint64_t)random() % p->sites, 0, WALL_NEVER, 100, count, &lines, err);
    n->find_ms = (seconds() - began) * 1e3 / 100;
    if (r == 0 && lines != 100 * (p->rounds < 100 ? p->rounds : 100))
        return err_set(err, -1, "%u lines were found of 100 sites", lines);

    began = seconds();
    if (r == 0)
        r = store_get_summary(s, &sum, err);
    n->summary_ms = (seconds() - began) * 1e3;
    return r;
}

static int tidy(struct store *s, const struct plan *p, struct numbers *n, struct err *err)
{
    double total = (double)p->sites * p->rounds, before = bytes_of(s), began = seconds();
    unsigned hours = (p->rounds * BENCH_EVERY_MS + 3600000 - 1) / 3600000;
    int r = 0;
    for (bool more = true; r == 0 && more;)
        r = store_roll_up(s, START_US + US_PER_DAY * 365, &more, err);
    n->lines_rolled_s = total / (seconds() - began);
    n->rollup_bytes = (bytes_of(s) - before) / p->sites / hours;

    began = seconds();
    for (bool more = true; r == 0 && more;)
        r = store_pack(s, START_US + US_PER_DAY * 365, &more, err);
    n->lines_packed_s = total / (seconds() - began);

    began = seconds();
    for (bool more = true; r == 0 && more;)
        r = store_prune(s, START_US + US_PER_DAY * 365, 0, 10000, &more, err);
    n->lines_pruned_s = total / (seconds() - began);
    return r;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct plan *p = state->input;
    switch (key) {
    case 's': p->sites = (unsigned)atoi(arg); return 0;
    case 'r': p->rounds = (unsigned)atoi(arg); return 0;
    case 'b': p->batch = (unsigned)atoi(arg); return 0;
    case 'n': p->no_states = true; return 0;
    case ARGP_KEY_ARG: p->url = arg; return 0;
    case ARGP_KEY_END:
        if (!p->url || !p->sites || !p->rounds || !p->batch)
            argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int run(const struct plan *p, struct numbers *n, struct err *err)
{
    scoped(store) struct store *s = NULL;
    int r = store_open(&s, p->url, STORE_CREATE, err);
    if (r == 0)
        r = add_sites(s, p, n, err);
    if (r == 0)
        r = record_all(s, p, n, err);
    if (r == 0)
        r = ask(s, p, n, err);
    return r < 0 ? r : tidy(s, p, n, err);
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"sites",                                 's', "N", 0, "sites, each every 5 minutes (100000)", 0 },
        { "rounds",                                    'r', "N", 0, "looks at each (3)", 0 },
        { "batch", 'b', "N", 0, "results in a transaction (1000)", 0 },
        { "no-states",                                      'n', NULL, 0, "results alone, without the sites' states", 0 },
        { 0},
    };
    static const struct argp argp = { options, option, "STORE", "What the store costs.", NULL, NULL, NULL };
    struct plan p = { .sites = 100000, .rounds = 3, .batch = 1000 };
    struct numbers n = { 0 };
    struct err err = { 0 };

    argp_parse(&argp, argc, argv, 0, NULL, &p);
    if (run(&p, &n, &err) < 0) {
        fprintf(stderr, "bench_store: %s\n", err.text);
        return 1;
    }
    printf(
        "{\"sites\":%u,\"rounds\":%u,\"batch\":%u,\"states\":%s,\"sites_per_s\":%.0f,\"results_per_s\":%.0f,"
        "\"result_cpu_us\":%.2f,\"worst_commit_ms\":%.1f,\"rolled_per_s\":%.0f,\"packed_per_s\":%.0f,"
        "\"pruned_per_s\":%.0f,"
        "\"newest_change_us\":%.2f,\"one_sites_lines_ms\":%.2f,\"summary_ms\":%.1f,\"site_bytes\":%.0f,"
        "\"look_bytes\":%.1f,\"rollup_bytes\":%.1f}\n",
        p.sites, p.rounds, p.batch, p.no_states ? "false" : "true", n.sites_s, n.results_s, n.cpu_us,
        n.worst_ms, n.lines_rolled_s, n.lines_packed_s, n.lines_pruned_s, n.newest_us, n.find_ms,
        n.summary_ms, n.site_bytes, n.look_bytes, n.rollup_bytes);
    return 0;
}
