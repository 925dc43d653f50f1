/* A fleet of workers that only speak: each has a control and a jobs lane of its own
 * to a real coordinator, says hello, beats every second, tells all it has in hand
 * every five, and takes what it is given. It looks at nothing: a look is over after a
 * while, and recorded at once, since this is the collector as well.
 *
 *     bench_fleet --folder DIR --workers 1000 --sites 1000000 --control tcp://127.0.0.1:7711
 *         --seconds 60 COORDINATOR [OPTION...]
 *
 * One line of JSON, of the coordinator: CPU between the end of the warm-up and the
 * end, memory, lateness of the last minute as it tells it itself. That includes what
 * a job waits here: lanes are read in turns, some PAUSE_NS apart.
 */
#include "common/bus.h"
#include "common/clock.h"
#include "common/site.h"
#include "common/store/store.h"
#include "proto/wire.h"
#include "tests/bench/bench_sites.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    A_BUS = 400, /* workers; a ZeroMQ context has 1,023 sockets at most */
    SLOTS = 256, /* of each worker */
    FLIGHT = 1 << 18,
    STATES = 10000, /* in one record */
    JOIN_S = 60,
    FULL_LIST = 5, /* every so many beats */
};
#define BEAT_NS  NS_PER_S
#define PAUSE_NS (2 * NS_PER_MS)

struct member { /* a worker of one lane */
    void *control, *jobs;
    char name[WORKER_NAME_SIZE];
    mono_ns beat_at;
    unsigned beats;
    bool welcomed;
    uint32_t in_hand;
    uint64_t ids[SLOTS];
};

struct look {
    mono_ns over;
    uint64_t job_id;
    struct run run;
    unsigned member;
};

struct fleet {
    const char *folder, *control;
    char **coordinator; /* its command */
    unsigned members, sites, warm_s, seconds, took_ms;

    struct bus *ears, **bus; /* the collector's; a bus for each A_BUS of the members */
    void *results, *feedback;
    char store[200], results_at[ENDPOINT_SIZE], feedback_at[ENDPOINT_SIZE];
    struct wire_arena *arena;
    struct member *member;
    struct look *look; /* a ring: what began first is over first */
    size_t head, n_looks;
    size_t busy;
    struct vitals vitals;
    pid_t pid;
    uint8_t bytes[WIRE_MAX_BYTES];
};

static void give_up(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_fleet: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(1);
}

/* ── The sites ─────────────────────────────────────────────────────────── */

/* Each was looked at in its newest slot: nothing is owed, and nobody is new. */
static int add_states(struct store *s, unsigned sites, wall_us now, struct err *err)
{
    struct site_state *state = calloc(STATES, sizeof *state);
    int r = state ? 0 : -ENOMEM;
    for (uint64_t id = 1; r == 0 && id <= sites;) {
        size_t n = 0;
        for (; n < STATES && id <= sites; n++, id++)
            state[n] = (struct site_state){
                .site_id = id,
                .health = HEALTH_UP,
                .last_slot_us = site_next_slot(id, BENCH_EVERY_MS, now) - BENCH_EVERY_MS * US_PER_MS,
            };
        r = store_record(s, &(struct record){ .states = state, .n_states = n }, err);
    }
    free(state);
    return r;
}

static void make_store(struct fleet *f)
{
    scoped(store) struct store *s = NULL;
    struct err err = { 0 };
    snprintf(f->store, sizeof f->store, "sqlite:%s/fleet.db", f->folder);
    int r = store_open(&s, f->store, STORE_CREATE, &err);
    if (r == 0)
        r = bench_add_sites(s, f->sites, clock_wall() - US_PER_DAY, &err);
    if (r == 0)
        r = add_states(s, f->sites, clock_wall(), &err);
    if (r < 0)
        give_up("the store cannot be made", &err);
}

/* ── What members say ──────────────────────────────────────────────────── */

static struct control words(const struct member *m, enum control_kind kind)
{
    struct control c = { .kind = kind, .nonce = 1, .slots = SLOTS, .free_slots = SLOTS - m->in_hand };
    memcpy(c.worker, m->name, sizeof c.worker);
    return c;
}

static void say(struct fleet *f, struct member *m, const struct control *c)
{
    int len = wire_pack_control(c, f->bytes, sizeof f->bytes);
    if (len < 0 || bus_send(m->control, f->bytes, (size_t)len) < 0)
        give_up("a member cannot speak", NULL);
}

static void say_hello(struct fleet *f, struct member *m)
{
    struct control c = words(m, CONTROL_HELLO);
    strcpy(c.location, "local");
    strcpy(c.software, "bench_fleet");
    say(f, m, &c);
}

static void beat(struct fleet *f, struct member *m, mono_ns now)
{
    struct control c = words(m, CONTROL_HEARTBEAT);
    m->beat_at += BEAT_NS;
    if (m->beat_at < now)
        m->beat_at = now + BEAT_NS;
    c.all_ids = ++m->beats % FULL_LIST == 0;
    c.ids = m->ids;
    c.n_ids = c.all_ids ? m->in_hand : 0;
    say(f, m, &c);
}

/* ── What members hear ─────────────────────────────────────────────────── */

static void forget(struct member *m, uint64_t job_id)
{
    for (uint32_t i = 0; i < m->in_hand; i++)
        if (m->ids[i] == job_id) {
            m->ids[i] = m->ids[--m->in_hand];
            return;
        }
}

static void hear(struct fleet *f, struct member *m, const struct control *c)
{
    struct err err = { 0 };
    if (c->kind == CONTROL_REFUSED)
        give_up(c->text, NULL);
    for (size_t i = 0; c->kind == CONTROL_RECORDED && i < c->n_ids; i++)
        forget(m, c->ids[i]);
    if (c->kind != CONTROL_WELCOME || m->welcomed)
        return;
    m->welcomed = true;
    if (bus_open(f->bus[(m - f->member) / A_BUS], LANE_JOBS, SIDE_TO, c->jobs, &m->jobs, &err) < 0)
        give_up("no lane for jobs", &err);
}

static bool take(struct fleet *f, struct member *m, const struct job *j, mono_ns now)
{
    if (m->in_hand >= SLOTS || f->n_looks >= FLIGHT)
        return false;
    m->ids[m->in_hand++] = j->id;
    f->look[(f->head + f->n_looks++) % FLIGHT] = (struct look){
        .over = now + (mono_ns)f->took_ms * NS_PER_MS,
        .job_id = j->id,
        .run = j->run,
        .member = (unsigned)(m - f->member),
    };
    return true;
}

static void take_batch(struct fleet *f, struct member *m, const struct bus_message *message, mono_ns now)
{
    struct job_batch b;
    struct err err = { 0 };
    uint64_t taken[WIRE_MAX_JOBS], busy[WIRE_MAX_JOBS];
    size_t n_taken = 0, n_busy = 0;
    if (wire_unpack_jobs(f->arena, message->bytes, message->len, &b, &err) < 0)
        give_up("jobs that nobody can read", &err);
    for (size_t i = 0; i < b.n_jobs; i++)
        if (take(f, m, &b.jobs[i], now))
            taken[n_taken++] = b.jobs[i].id;
        else
            busy[n_busy++] = b.jobs[i].id;
    struct control yes = words(m, CONTROL_TAKEN), no = words(m, CONTROL_BUSY);
    yes.ids = taken;
    yes.n_ids = n_taken;
    no.ids = busy;
    no.n_ids = n_busy;
    f->busy += n_busy;
    if (n_taken)
        say(f, m, &yes);
    if (n_busy)
        say(f, m, &no);
}

static void listen_to(struct fleet *f, struct member *m, mono_ns now)
{
    struct bus_message x;
    struct control c;
    while (bus_take(m->control, &x) > 0) {
        if (wire_unpack_control(f->arena, x.bytes, x.len, &c, NULL) == 0)
            hear(f, m, &c);
        bus_message_done(&x);
    }
    while (m->jobs && bus_take(m->jobs, &x) > 0) {
        take_batch(f, m, &x, now);
        bus_message_done(&x);
    }
    if (m->welcomed && now >= m->beat_at)
        beat(f, m, now);
}

/* ── The collector ─────────────────────────────────────────────────────── */

static void record(struct fleet *f, mono_ns now)
{
    static struct recorded recorded[WIRE_MAX_FEEDBACK];
    for (;;) {
        size_t n = 0;
        for (; n < WIRE_MAX_FEEDBACK && n < f->n_looks && f->look[(f->head + n) % FLIGHT].over <= now; n++) {
            const struct look *l = &f->look[(f->head + n) % FLIGHT];
            recorded[n] = (struct recorded){ .job_id = l->job_id, .run = l->run };
            memcpy(recorded[n].worker, f->member[l->member].name, WORKER_NAME_SIZE);
        }
        if (n == 0)
            return;
        struct feedback words = { .recorded = recorded, .n_recorded = n };
        int len = wire_pack_feedback(&words, f->bytes, sizeof f->bytes);
        if (len < 0)
            give_up("what is recorded cannot be told", NULL);
        if (bus_send(f->feedback, f->bytes, (size_t)len) < 0)
            return; /* again in a moment */
        f->head = (f->head + n) % FLIGHT;
        f->n_looks -= n;
    }
}

static void collect(struct fleet *f)
{
    struct bus_message x;
    struct report r;
    while (bus_take(f->results, &x) > 0) {
        if (wire_unpack_report(f->arena, x.bytes, x.len, &r, NULL) == 0 && r.kind == REPORT_VITALS)
            f->vitals = r.vitals;
        bus_message_done(&x);
    }
}

static void turn(struct fleet *f)
{
    mono_ns now = clock_mono();
    for (unsigned i = 0; i < f->members; i++)
        listen_to(f, &f->member[i], now);
    collect(f);
    record(f, now);
    usleep(PAUSE_NS / 1000);
}

static void turns(struct fleet *f, unsigned seconds)
{
    for (mono_ns end = clock_mono() + seconds * NS_PER_S; clock_mono() < end;)
        turn(f);
}

/* ── The coordinator as the kernel sees it ─────────────────────────────── */

static double cpu_s(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "r");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    if (in)
        fclose(in);
    text[n] = '\0';
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        give_up("the coordinator is gone", NULL);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (in)
        fclose(in);
    return kib;
}

static void start_coordinator(struct fleet *f)
{
    char *argv[64], set[4][ENDPOINT_SIZE + 80];
    size_t n = 0;
    for (; f->coordinator[n] && n < 56; n++)
        argv[n] = f->coordinator[n];
    snprintf(set[0], sizeof set[0], "--set=endpoint.control=%s", f->control);
    snprintf(set[1], sizeof set[1], "--set=endpoint.results=%s", f->results_at);
    snprintf(set[2], sizeof set[2], "--set=endpoint.feedback=%s", f->feedback_at);
    snprintf(set[3], sizeof set[3], "--set=store=%s", f->store);
    for (size_t i = 0; i < 4; i++)
        argv[n++] = set[i];
    argv[n] = NULL;
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], argv);
        _exit(127);
    }
}

/* ── Beginning and end ─────────────────────────────────────────────────── */

static void open_member(struct fleet *f, unsigned i)
{
    struct member *m = &f->member[i];
    struct err err = { 0 };
    snprintf(m->name, sizeof m->name, "member-%u", i);
    m->beat_at = clock_mono() + (mono_ns)i * BEAT_NS / f->members; /* as if each had begun by itself */
    if (bus_open(f->bus[i / A_BUS], LANE_CONTROL, SIDE_FROM, f->control, &m->control, &err) < 0)
        give_up("no lane to the coordinator", &err);
}

static void open_all(struct fleet *f)
{
    struct err err = { 0 };
    struct rlimit l;
    unsigned buses = (f->members + A_BUS - 1) / A_BUS;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
    f->bus = calloc(buses, sizeof *f->bus);
    f->member = calloc(f->members, sizeof *f->member);
    f->look = calloc(FLIGHT, sizeof *f->look);
    if (!f->bus || !f->member || !f->look || wire_arena_new(&f->arena) < 0 || bus_new(&f->ears) < 0)
        give_up("out of memory", NULL);
    snprintf(f->results_at, sizeof f->results_at, "ipc://%.100s/results", f->folder);
    snprintf(f->feedback_at, sizeof f->feedback_at, "ipc://%.100s/feedback", f->folder);
    if (bus_open(f->ears, LANE_RESULTS, SIDE_TO, f->results_at, &f->results, &err) < 0 ||
        bus_open(f->ears, LANE_FEEDBACK, SIDE_FROM, f->feedback_at, &f->feedback, &err) < 0)
        give_up("no lanes for a collector", &err);
    for (unsigned i = 0; i < buses; i++)
        if (bus_new(&f->bus[i]) < 0)
            give_up("out of memory", NULL);
    for (unsigned i = 0; i < f->members; i++)
        open_member(f, i);
}

static void close_all(struct fleet *f)
{
    unsigned buses = (f->members + A_BUS - 1) / A_BUS;
    for (unsigned i = 0; i < f->members; i++) {
        bus_close(f->member[i].control);
        bus_close(f->member[i].jobs);
    }
    for (unsigned i = 0; i < buses; i++)
        bus_free(f->bus[i]);
    bus_close(f->results);
    bus_close(f->feedback);
    bus_free(f->ears);
    wire_arena_free(f->arena);
    free(f->bus);
    free(f->member);
    free(f->look);
}

static unsigned welcomed(const struct fleet *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->members; i++)
        n += f->member[i].welcomed;
    return n;
}

/* Seconds until all of them are welcome; those who are not say hello every second. */
static double join_all(struct fleet *f)
{
    mono_ns began = clock_mono();
    while (welcomed(f) < f->members) {
        if (clock_mono() - began > JOIN_S * NS_PER_S)
            give_up("not all were welcomed", NULL);
        for (unsigned i = 0; i < f->members; i++)
            if (!f->member[i].welcomed)
                say_hello(f, &f->member[i]);
        for (mono_ns next = clock_mono() + NS_PER_S; clock_mono() < next && welcomed(f) < f->members;)
            turn(f);
    }
    return (double)(clock_mono() - began) / 1e9;
}

static void play(struct fleet *f)
{
    double joined_s = join_all(f);
    turns(f, f->warm_s);
    double cpu = cpu_s(f->pid), own = cpu_s(getpid());
    struct vitals first = f->vitals;
    mono_ns began = clock_mono();
    turns(f, f->seconds);
    double wall = (double)(clock_mono() - began) / 1e9;
    const struct vitals *v = &f->vitals;
    printf("{\"workers\": %u, \"sites\": %u, \"joined_s\": %.2f, \"wall_s\": %.2f, \"cpu_s\": %.2f, "
           "\"own_cpu_s\": %.2f, \"rss_kib\": %ld, \"concluded\": %llu, \"missed\": %llu, \"again\": %llu, "
           "\"busy\": %zu, \"late_p50_us\": %u, \"late_p99_us\": %u, \"late_max_us\": %u}\n",
           f->members, f->sites, joined_s, wall, cpu_s(f->pid) - cpu, cpu_s(getpid()) - own, rss_kib(f->pid),
           (unsigned long long)(v->concluded - first.concluded),
           (unsigned long long)(v->missed - first.missed), (unsigned long long)(v->again - first.again),
           f->busy, v->late_p50_us, v->late_p99_us, v->late_max_us);
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct fleet *f = state->input;
    switch (key) {
    case 'f': f->folder = arg; return 0;
    case 'c': f->control = arg; return 0;
    case 'w': f->members = (unsigned)atoi(arg); return 0;
    case 's': f->sites = (unsigned)atoi(arg); return 0;
    case 'u': f->warm_s = (unsigned)atoi(arg); return 0;
    case 'n': f->seconds = (unsigned)atoi(arg); return 0;
    case 't': f->took_ms = (unsigned)atoi(arg); return 0;
    case ARGP_KEY_ARGS: f->coordinator = state->argv + state->next; return 0;
    case ARGP_KEY_END:
        if (!f->coordinator || !f->folder || !f->control || !f->members || !f->sites || !f->seconds)
            argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"folder",                                    'f', "DIR", 0, "where the store and the sockets are made", 0 },
        { "control",                                      'c', "ENDPOINT", 0, "where the coordinator is to listen", 0 },
        { "workers", 'w', "N", 0, "members of the fleet", 0 },
        { "sites",                                          's', "N", 0, "each every 5 minutes", 0 },
        { "warm-up",   'u', "S", 0, "seconds before it is measured (20)", 0 },
        { "seconds",                                          'n', "S", 0, "... and while it is", 0 },
        { "took",                                          't', "MS", 0, "of each look (200)", 0 },
        { 0                                 },
    };
    const struct argp argp = { options, on_option, "COORDINATOR [OPTION...]", NULL, NULL, NULL, NULL };
    static struct fleet f = { .warm_s = 20, .took_ms = 200 };

    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &f);
    make_store(&f);
    open_all(&f);
    start_coordinator(&f);
    play(&f);
    kill(f.pid, SIGTERM);
    waitpid(f.pid, NULL, 0);
    close_all(&f);
    return 0;
}
