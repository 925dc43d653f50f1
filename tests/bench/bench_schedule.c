/* The coordinator without a network: how long a million sites take to load, what
 * they weigh, and what a check costs from due to a message of jobs.
 *
 *     bench_schedule --load sqlite:/tmp/new.db --sites 1000000
 *     bench_schedule --sites 5000000 --checks 1000000
 *
 * With --load the sites are written into a new store first, by another process,
 * and then read as the coordinator reads them. Without, they are put in memory,
 * and time is told to the same parts that the coordinator is made of, so fast that
 * 1,024 slots come at each step; taken and recorded follow one step later each. One
 * line of JSON.
 */
#include "coordinator/bundle.h"
#include "coordinator/slots.h"

#include <argp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS   (5 * 60 * 1000)
#define START_US   (INT64_C(1772323200) * US_PER_S) /* 2026-03-01T00:00:00Z */
#define A_STEP     1024
#define A_MESSAGE  64 /* recorded results */
#define WARM_STEPS 64

struct plan {
    unsigned sites, checks;
    const char *load;
};

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_seconds(void)
{
    return (double)clock_mono() / (double)NS_PER_S;
}

static double heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();
    return (double)(m.uordblks + m.hblkhd);
}

static int failed(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_schedule: %s: %s\n", what, err ? err->text : "out of memory");
    return 1;
}

/* Usual sites: URLs of 37 bytes, a domain each on average, three ways of looking at them. */
static struct site a_site(unsigned i, char *url, size_t size)
{
    snprintf(url, size, "https://www.customer-%u.com/health", i);
    return (struct site){
        .name = url,
        .url = url,
        .tags = "",
        .contains = i % 10 == 0 ? "OK" : "",
        .every_ms = EVERY_MS,
        .timeout_ms = i % 7 == 0 ? 10000 : 20000,
        .changed_us = START_US,
    };
}

/* ── Loading ───────────────────────────────────────────────────────────── */

static int fill_store(const struct plan *p)
{
    scoped(store) struct store *s = NULL;
    struct err err = { 0 };
    int r = store_open(&s, p->load, STORE_CREATE, &err);
    if (r == 0)
        r = store_edit_begin(s, START_US, &err);
    for (unsigned i = 1; r == 0 && i <= p->sites; i++) {
        char url[80];
        uint64_t id = 0;
        struct site site = a_site(i, url, sizeof url);
        r = store_edit_site(s, &site, &id, &err);
    }
    if (r == 0)
        r = store_edit_commit(s, &err);
    return r < 0 ? failed("cannot make the store", &err) : 0;
}

static int fill_store_elsewhere(const struct plan *p)
{
    pid_t child = fork();
    if (child == 0)
        _exit(fill_store(p));
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child ? status : 1;
}

static void on_loaded(void *arg, enum catalog_news news, const struct watched *site)
{
    (void)news;
    schedule_set_new(arg, site->id, site->every_ms, START_US);
}

static int measure_loading(const struct plan *p)
{
    scoped(store) struct store *s = NULL;
    scoped(catalog) struct catalog *catalog = NULL;
    scoped(schedule) struct schedule *schedule = NULL;
    struct err err = { 0 };
    if (fill_store_elsewhere(p) != 0)
        return 1;
    if (catalog_new(&catalog) < 0 || schedule_new(&schedule) < 0)
        return failed("cannot begin", NULL);
    double cpu = cpu_seconds(), wall = wall_seconds();
    int r = store_open(&s, p->load, STORE_WRITE, &err);
    if (r == 0)
        r = catalog_load(catalog, s, on_loaded, schedule, &err);
    if (r < 0)
        return failed("cannot load", &err);
    printf("{\"sites\":%zu,\"wall_s\":%.3f,\"cpu_s\":%.3f}\n", catalog_watched(catalog),
           wall_seconds() - wall, cpu_seconds() - cpu);
    return 0;
}

/* ── Handing out ───────────────────────────────────────────────────────── */

struct stand {
    struct parts parts;
    struct config config;
    struct bundle *bundle;
    int lane;
    struct run out[2][2 * A_STEP]; /* sent in the last step, and in the one before */
    uint64_t id[2][2 * A_STEP];
    size_t n[2];
    double out_s, back_s; /* CPU of handing out; of what comes back */
    size_t checks, bytes;
    double domain_s; /* CPU of looking up whose places all URLs are, once */
};

static int build(struct stand *t, const struct plan *p, double *site_bytes)
{
    struct parts *parts = &t->parts;
    const struct roster_rules roster = { 3 * NS_PER_S, 10 * NS_PER_S, 65536 };
    const struct lease_rules lease = { 2 * NS_PER_S, 5 * NS_PER_S, 10 * NS_PER_S, 3, 10 };
    struct control hello = { .kind = CONTROL_HELLO, .worker = "w1", .nonce = 7, .slots = 65535 };
    const struct turns_rules turns = { 16, 32 };
    enum roster_welcome how;
    *parts = (struct parts){ .epoch = 1, .n_locations = 1, .location = { "default" } };
    lateness_init(&parts->lateness, 0);
    grid_start(&parts->grid, NS_PER_S, START_US, 0);
    t->bundle = calloc(1, sizeof *t->bundle);
    if (!t->bundle || catalog_new(&parts->catalog) < 0 || schedule_new(&parts->schedule) < 0 ||
        roster_new(&parts->roster, &roster) < 0 || lease_new(&parts->lease, &lease, 1, NS_PER_S) < 0 ||
        arrears_new(&parts->arrears, 1, NS_PER_S, NS_PER_S) < 0 || accounts_new(&parts->accounts) < 0 ||
        domains_new(&parts->domains) < 0 || turns_new(&parts->turns, &turns) < 0 ||
        patience_new(&parts->patience) < 0)
        return failed("cannot begin", NULL);
    t->lane = roster_hello(parts->roster, &hello, 0, NS_PER_S, START_US, &how);

    double before = heap_bytes(), urls = 0;
    for (unsigned i = 1; i <= p->sites; i++) {
        char url[80];
        struct site site = a_site(i, url, sizeof url);
        site.id = i;
        urls += (double)strlen(url) + 1;
        if (catalog_put(parts->catalog, &site) < 0 ||
            schedule_set(parts->schedule, i, site.every_ms, START_US) < 0)
            return failed("cannot put the sites in memory", NULL);
    }
    *site_bytes = (heap_bytes() - before - urls) / p->sites;
    /* The first lap does that; what is measured are the ones that follow. */
    double cpu = cpu_seconds();
    for (unsigned i = 1; i <= p->sites; i++)
        catalog_domain(catalog_find(parts->catalog, i), parts->domains);
    t->domain_s = cpu_seconds() - cpu;
    return 0;
}

static void tear_down(struct stand *t)
{
    turns_free(t->parts.turns);
    patience_free(t->parts.patience);
    domains_free(t->parts.domains);
    accounts_free(t->parts.accounts);
    arrears_free(t->parts.arrears);
    lease_free(t->parts.lease);
    roster_free(t->parts.roster);
    schedule_free(t->parts.schedule);
    catalog_free(t->parts.catalog);
    free(t->bundle);
}

static void hand_out(struct stand *t, mono_ns now)
{
    struct parts *p = &t->parts;
    struct bundle *b = t->bundle;
    slots_begin(p, 2 * A_STEP, now);
    t->n[0] = 0;
    while (t->n[0] < 2 * A_STEP - BUNDLE_JOBS && lease_ready(p->lease, 0, now) > 0) {
        bundle_fill(b, p, 0, 16, now);
        int len = bundle_pack(b, p, 0, b->n, now);
        t->bytes += len > 0 ? (size_t)len : 0;
        for (size_t i = 0; i < b->n; i++, t->n[0]++) {
            t->id[0][t->n[0]] = b->job[i].id;
            t->out[0][t->n[0]] = b->job[i].run;
        }
    }
    t->checks += t->n[0];
}

/* What reception and returns do with a worker's and the collector's word. */
static void come_back(struct stand *t, mono_ns now)
{
    struct parts *p = &t->parts;
    struct lease_run run;
    for (size_t i = 0; i < t->n[0]; i++)
        if (lease_taken(p->lease, t->id[0][i], t->lane, now, &run)) {
            roster_taken(p->roster, t->lane);
            lateness_add(&p->lateness, now, p->grid.at - run.slot_us);
        }
    for (size_t i = 0; i < t->n[1]; i++) {
        const struct run *x = &t->out[1][i];
        for (size_t k = i; i % A_MESSAGE == 0 && k < t->n[1] && k < i + A_MESSAGE; k++)
            catalog_fetch(p->catalog, t->out[1][k].site_id, 0);
        for (size_t k = i; i % A_MESSAGE == 0 && k < t->n[1] && k < i + A_MESSAGE; k++)
            catalog_fetch(p->catalog, t->out[1][k].site_id, 1);
        roster_recorded(p->roster, t->lane);
        catalog_looked(p->catalog, x->site_id, x->slot_us);
        turns_over(p->turns, x->site_id, x->slot_us, 0, now);
        arrears_recorded(p->arrears, t->id[1][i], x->site_id, x->slot_us);
        if (lease_recorded(p->lease, x->site_id, x->slot_us, 0, 0, now))
            p->concluded++;
    }
    memcpy(t->id[1], t->id[0], sizeof t->id[0]);
    memcpy(t->out[1], t->out[0], sizeof t->out[0]);
    t->n[1] = t->n[0];
}

static void step(struct stand *t, mono_ns now, wall_us wall)
{
    grid_step(&t->parts.grid, now, wall);
    double a = cpu_seconds();
    hand_out(t, now);
    double b = cpu_seconds();
    come_back(t, now);
    t->out_s += b - a;
    t->back_s += cpu_seconds() - b;
}

static int measure_handing_out(const struct plan *p)
{
    struct stand *t = calloc(1, sizeof *t);
    double site_bytes = 0;
    if (!t || build(t, p, &site_bytes) != 0)
        return 1;
    int64_t apart_us = (int64_t)A_STEP * EVERY_MS * US_PER_MS / p->sites;
    mono_ns now = NS_PER_S;
    for (unsigned i = 0; t->checks < p->checks; i++) {
        if (i == WARM_STEPS) {
            t->out_s = t->back_s = 0;
            t->checks = t->bytes = 0;
        }
        now += apart_us * NS_PER_US;
        step(t, now, START_US + (now - NS_PER_S) / NS_PER_US);
    }
    double n = (double)t->checks;
    printf("{\"sites\":%u,\"checks\":%zu,\"site_bytes\":%.1f,\"out_us\":%.3f,\"back_us\":%.3f,\"per_s\":%.0f,"
           "\"wire_bytes\":%.1f,\"domain_us\":%.3f,\"missed\":%llu}\n",
           p->sites, t->checks, site_bytes, t->out_s / n * 1e6, t->back_s / n * 1e6, n / t->out_s,
           (double)t->bytes / n, t->domain_s / p->sites * 1e6, (unsigned long long)t->parts.missed);
    tear_down(t);
    free(t);
    return 0;
}

/* ── Options ───────────────────────────────────────────────────────────── */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct plan *p = state->input;
    switch (key) {
    case 's': p->sites = (unsigned)strtoul(arg, NULL, 10); return 0;
    case 'c': p->checks = (unsigned)strtoul(arg, NULL, 10); return 0;
    case 'l': p->load = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"sites",          's', "N", 0, "so many sites", 0 },
        { "checks",             'c', "N", 0, "hand out at least so many", 0 },
        { "load", 'l', "URL", 0, "measure loading, from this new store", 0 },
        { 0              },
    };
    static const struct argp argp = {
        options, on_option, NULL, "What the coordinator costs without a network.", NULL, NULL, NULL
    };
    struct plan p = { .sites = 100000, .checks = 1000000 };
    if (argp_parse(&argp, argc, argv, 0, NULL, &p) != 0 || p.sites == 0)
        return 1;
    return p.load ? measure_loading(&p) : measure_handing_out(&p);
}
