/* Gives a real worker its jobs and takes its results, as the coordinator and the
 * collector do, and says what that cost the worker: the whole way of a check, a
 * job in over PULL, the name, the look, the result out over PUSH until it is
 * recorded.
 *
 *     bench_engine --folder DIR --looks 20000 --in-hand 64 URLS.txt -- WORKER OPTION...
 *     bench_engine --folder DIR --rate 500 --looks 7500 --hanging HANGS.txt --hang-s 30 URLS.txt -- WORKER
 * ...
 *
 * With a rate, looks are handed out evenly; else as many as may be in hand. Those
 * of --hanging are all begun first, stay in hand, and are waited for at the end.
 * One line of JSON. CPU is that of the worker alone, user and system, between the
 * end of the warm-up and the last look that was asked for.
 */
#include "common/bus.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/site.h"
#include "proto/wire.h"
#include "worker/causes.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_LANES = 64, TENTHS = 10, BATCH = 100, GIVE_UP_S = 180 };
#define SETTLE_NS    (2 * NS_PER_S)
#define HANDSHAKE_NS (2 * NS_PER_MS) /* what one of those that hang may take before it does */
#define STEP_NS      (2 * NS_PER_MS)

struct list {
    char **url;
    size_t n;
};

struct lane_seen {
    uint8_t peer[64];
    size_t peer_len;
    uint64_t ids[CONTROL_MAX_IDS];
    size_t n_ids;
    bool welcomed;
};

enum stage { STAGE_JOINING, STAGE_HANGING, STAGE_WARMING, STAGE_MEASURING, STAGE_WAITING };

struct bench {
    const char *folder;
    char **worker; /* its command */
    struct list urls, hanging;
    size_t hanging_sent;
    size_t looks, warm_up, in_hand, rate, threads;
    uint32_t hang_ms;

    struct loop *loop;
    struct bus *bus;
    void *jobs, *results, *control;
    char jobs_at[ENDPOINT_SIZE], results_at[ENDPOINT_SIZE], control_at[ENDPOINT_SIZE];
    struct wire_arena *arena;
    struct loop_timer timer;
    struct lane_seen lane[MOST_LANES];
    size_t n_lanes;
    pid_t pid;

    enum stage stage;
    uint64_t next_id, first_id; /* ids from first_id on are of sites that answer */
    size_t sent, done, up, busy, hung, hung_right;
    mono_ns stage_since, measured_since, measured_until;
    double cpu_from, cpu_until, tenth_cpu[TENTHS + 1];
    long rss_idle_kib, rss_hanging_kib;
    uint32_t *took_us;
    uint8_t bytes[WIRE_MAX_BYTES];
};

/* ── The worker as the kernel sees it ──────────────────────────────────── */

static double cpu_s(const struct bench *b)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)b->pid);
    FILE *in = fopen(path, "r");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    if (in)
        fclose(in);
    text[n] = '\0';
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
        fprintf(stderr, "bench_engine: the worker is gone\n");
        exit(1);
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_kib(const struct bench *b)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)b->pid);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (in)
        fclose(in);
    return kib;
}

/* ── Jobs out ──────────────────────────────────────────────────────────── */

static struct job new_job(struct bench *b, const char *url, uint32_t timeout_ms)
{
    uint64_t id = ++b->next_id;
    struct job j = {
        .id = job_id_make(1, id),
        .run = {.site_id = id, .slot_us = 1, .location = "local"},
        .attempt = 1,
        .url = url,
        .timeout_ms = timeout_ms,
        .start_by_ms = 60000,
        .contains = "",
        .avoid = "",
    };
    return j;
}

static void send_jobs(struct bench *b, const struct job *jobs, size_t n)
{
    struct job_batch batch = {
        .epoch = 1, .stamp_ms = loop_now(b->loop) / NS_PER_MS, .jobs = jobs, .n_jobs = n
    };
    int len = n > 0 ? wire_pack_jobs(&batch, b->bytes, sizeof b->bytes) : 0;
    if (len < 0 || (n > 0 && bus_send(b->jobs, b->bytes, (size_t)len) < 0)) {
        fprintf(stderr, "bench_engine: jobs cannot be sent\n");
        exit(1);
    }
}

static void send_looks(struct bench *b, size_t n)
{
    struct job jobs[BATCH];
    while (n > 0) {
        /* Lanes get alternate batches: small ones, so that all have something to do. */
        size_t most = b->n_lanes > 1 ? 8 : BATCH, now = n < most ? n : most;
        for (size_t i = 0; i < now; i++)
            jobs[i] = new_job(b, b->urls.url[b->sent++ % b->urls.n], 20000);
        send_jobs(b, jobs, now);
        n -= now;
    }
}

/* One every HANDSHAKE_NS, so that they do not all end in one moment either. */
static void send_hanging(struct bench *b, mono_ns since)
{
    size_t due = (size_t)(since / HANDSHAKE_NS) + 1;
    struct job jobs[BATCH];
    while (b->hanging_sent < b->hanging.n && b->hanging_sent < due) {
        size_t n = 0;
        while (n < BATCH && b->hanging_sent < b->hanging.n && b->hanging_sent < due)
            jobs[n++] = new_job(b, b->hanging.url[b->hanging_sent++], b->hang_ms);
        send_jobs(b, jobs, n);
    }
}

static size_t wanted(const struct bench *b)
{
    size_t all = b->warm_up + b->looks, left = all - b->sent, flying = b->sent - b->done, n = 0;
    if (b->stage != STAGE_WARMING && b->stage != STAGE_MEASURING)
        return 0;
    if (b->stage == STAGE_WARMING) /* no more than these before the measuring begins */
        left = b->warm_up - b->sent;
    if (b->rate > 0 && b->stage == STAGE_MEASURING) {
        mono_ns since = loop_now(b->loop) - b->measured_since;
        size_t due = b->warm_up + (size_t)(since * (mono_ns)b->rate / NS_PER_S);
        n = due > b->sent ? due - b->sent : 0;
    } else {
        n = flying < b->in_hand ? b->in_hand - flying : 0;
    }
    return n < left ? n : left;
}

/* ── Stages ────────────────────────────────────────────────────────────── */

static void enter(struct bench *b, enum stage s)
{
    b->stage = s;
    b->stage_since = loop_now(b->loop);
    if (s == STAGE_HANGING) {
        b->rss_idle_kib = rss_kib(b);
        b->first_id = b->next_id + b->hanging.n + 1;
    }
    if (s == STAGE_MEASURING) {
        b->measured_since = b->stage_since;
        b->cpu_from = b->tenth_cpu[0] = cpu_s(b);
    }
    if (s == STAGE_WAITING) {
        b->measured_until = clock_mono();
        b->cpu_until = cpu_s(b);
    }
}

static void step(struct bench *b)
{
    mono_ns since = loop_now(b->loop) - b->stage_since;
    if (b->stage == STAGE_JOINING && b->n_lanes == b->threads && since > SETTLE_NS / 4)
        enter(b, STAGE_HANGING);
    if (b->stage == STAGE_HANGING)
        send_hanging(b, loop_now(b->loop) - b->stage_since);
    if (b->stage == STAGE_HANGING &&
        (b->hanging.n == 0 || since > SETTLE_NS + (int64_t)b->hanging.n * HANDSHAKE_NS)) {
        b->rss_hanging_kib = rss_kib(b);
        enter(b, STAGE_WARMING);
    }
    if (b->stage == STAGE_WARMING && b->done == b->warm_up)
        enter(b, STAGE_MEASURING);
    if (b->stage == STAGE_MEASURING && b->done == b->warm_up + b->looks)
        enter(b, STAGE_WAITING);
    if (b->stage == STAGE_WAITING && b->hung == b->hanging.n)
        loop_stop(b->loop, 0);
    if (since > GIVE_UP_S * NS_PER_S) {
        fprintf(stderr,
                "bench_engine: stage %d does not end: %zu of %zu lanes, %zu sent, %zu done, %zu hung\n",
                (int)b->stage, b->n_lanes, b->threads, b->sent, b->done, b->hung);
        loop_stop(b->loop, 1);
    }
}

/* ── Results in ────────────────────────────────────────────────────────── */

static void note_look(struct bench *b, const struct result *r)
{
    b->done++;
    b->up += r->verdict == VERDICT_UP;
    if (b->done <= b->warm_up || b->done > b->warm_up + b->looks)
        return;
    size_t i = b->done - b->warm_up;
    b->took_us[i - 1] = r->took_us;
    if (i % (b->looks / TENTHS ? b->looks / TENTHS : 1) == 0 && i / (b->looks / TENTHS) <= TENTHS)
        b->tenth_cpu[i / (b->looks / TENTHS)] = cpu_s(b);
}

static void note_result(struct bench *b, const struct result *r)
{
    struct lane_seen *l = &b->lane[r->lane % MOST_LANES];
    if ((r->job_id & ((UINT64_C(1) << 40) - 1)) < b->first_id) {
        b->hung++;
        b->hung_right += r->verdict == VERDICT_DOWN && cause_is_timeout(r->cause);
    } else {
        note_look(b, r);
    }
    if (l->n_ids < CONTROL_MAX_IDS)
        l->ids[l->n_ids++] = r->job_id;
}

static void on_results(void *arg)
{
    struct bench *b = arg;
    struct bus_message m;
    for (int i = 0; i < 64 && bus_take(b->results, &m) == 1; i++) {
        struct report report;
        if (wire_unpack_report(b->arena, m.bytes, m.len, &report, NULL) == 0 && report.kind == REPORT_RESULTS)
            for (size_t k = 0; k < report.n_results; k++)
                note_result(b, &report.results[k]);
        bus_message_done(&m);
    }
}

/* ── Control ───────────────────────────────────────────────────────────── */

static void answer(struct bench *b, const struct lane_seen *l, struct control *c)
{
    c->nonce = 77;
    c->epoch = 1;
    snprintf(c->worker, sizeof c->worker, "bench");
    int len = wire_pack_control(c, b->bytes, sizeof b->bytes);
    if (len < 0 || bus_send_to(b->control, l->peer, l->peer_len, b->bytes, (size_t)len) < 0)
        fprintf(stderr, "bench_engine: a lane does not take an answer\n");
}

static void welcome(struct bench *b, struct lane_seen *l, const struct bus_message *m)
{
    struct control c = { .kind = CONTROL_WELCOME };
    memcpy(l->peer, m->peer, m->peer_len);
    l->peer_len = m->peer_len;
    memcpy(c.jobs, b->jobs_at, sizeof c.jobs);
    memcpy(c.results, b->results_at, sizeof c.results);
    answer(b, l, &c);
    b->n_lanes += !l->welcomed;
    l->welcomed = true;
    b->stage_since = b->stage == STAGE_JOINING ? loop_now(b->loop) : b->stage_since;
}

static void on_control(void *arg)
{
    struct bench *b = arg;
    struct bus_message m;
    for (int i = 0; i < 64 && bus_take(b->control, &m) == 1; i++) {
        struct control c, beat = { .kind = CONTROL_BEAT };
        if (wire_unpack_control(b->arena, m.bytes, m.len, &c, NULL) == 0) {
            struct lane_seen *l = &b->lane[c.lane % MOST_LANES];
            if (c.kind == CONTROL_HELLO)
                welcome(b, l, &m);
            else if (c.kind == CONTROL_HEARTBEAT)
                answer(b, l, &beat);
            else if (c.kind == CONTROL_BUSY)
                b->busy += c.n_ids;
        }
        bus_message_done(&m);
    }
}

static void acknowledge(struct bench *b)
{
    for (size_t i = 0; i < MOST_LANES; i++) {
        struct lane_seen *l = &b->lane[i];
        struct control c = { .kind = CONTROL_RECORDED, .ids = l->ids, .n_ids = l->n_ids };
        if (l->n_ids > 0)
            answer(b, l, &c);
        l->n_ids = 0;
    }
}

static void after_turn(void *arg)
{
    struct bench *b = arg;
    acknowledge(b);
    step(b);
    send_looks(b, wanted(b));
}

static void on_timer(void *arg)
{
    struct bench *b = arg;
    loop_timer_at(&b->timer, loop_now(b->loop) + STEP_NS);
}

/* ── Beginning and end ─────────────────────────────────────────────────── */

static void start_worker(struct bench *b)
{
    char *words[64], control[ENDPOINT_SIZE + 32], threads[48];
    size_t n = 0;
    for (; b->worker[n] && n < 60; n++)
        words[n] = b->worker[n];
    snprintf(control, sizeof control, "--set=endpoint.control=%s", b->control_at);
    snprintf(threads, sizeof threads, "--set=worker.threads=%zu", b->threads);
    words[n++] = control;
    words[n++] = threads;
    words[n] = NULL;
    b->pid = fork();
    if (b->pid == 0) {
        execv(words[0], words);
        _exit(127);
    }
}

static int open_lane(struct bench *b, enum lane lane, enum side side, const char *name, char *at, void **ret)
{
    struct err err = { 0 };
    snprintf(at, ENDPOINT_SIZE, "ipc://%.100s/%s", b->folder, name);
    if (bus_open(b->bus, lane, side, at, ret, &err) == 0)
        return 0;
    fprintf(stderr, "bench_engine: %s\n", err.text);
    return -EIO;
}

static int open_all(struct bench *b)
{
    if (loop_new(&b->loop) < 0 || bus_new(&b->bus) < 0 || wire_arena_new(&b->arena) < 0)
        return -ENOMEM;
    if (open_lane(b, LANE_JOBS, SIDE_FROM, "jobs", b->jobs_at, &b->jobs) < 0 ||
        open_lane(b, LANE_RESULTS, SIDE_TO, "results", b->results_at, &b->results) < 0 ||
        open_lane(b, LANE_CONTROL, SIDE_TO, "control", b->control_at, &b->control) < 0)
        return -EIO;
    loop_watch(b->loop, b->results, on_results, b);
    loop_watch(b->loop, b->control, on_control, b);
    loop_after_turn(b->loop, after_turn, b);
    loop_timer_init(b->loop, &b->timer, on_timer, b);
    loop_timer_at(&b->timer, loop_now(b->loop) + STEP_NS);
    return 0;
}

static void close_all(struct bench *b)
{
    loop_timer_done(&b->timer);
    bus_close(b->jobs);
    bus_close(b->results);
    bus_close(b->control);
    bus_free(b->bus);
    wire_arena_free(b->arena);
    loop_free(b->loop);
    free(b->took_us);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void say(struct bench *b)
{
    qsort(b->took_us, b->looks, sizeof *b->took_us, compare);
    printf(
        "{\"looks\": %zu, \"up\": %zu, \"busy\": %zu, \"wall_s\": %.4f, \"cpu_s\": %.4f, \"hanging\": %zu, "
        "\"hanging_right\": %zu, \"rss_idle_kib\": %ld, \"rss_hanging_kib\": %ld, \"took_p50_us\": %u, "
        "\"took_p99_us\": %u, \"took_most_us\": %u, \"tenths_cpu_s\": [",
        b->looks, b->up - (b->up < b->warm_up ? b->up : b->warm_up), b->busy,
        (double)(b->measured_until - b->measured_since) / 1e9, b->cpu_until - b->cpu_from, b->hanging.n,
        b->hung_right, b->rss_idle_kib, b->rss_hanging_kib, b->took_us[b->looks / 2],
        b->took_us[b->looks * 99 / 100], b->took_us[b->looks - 1]);
    for (int i = 0; i < TENTHS; i++)
        printf("%s%.3f", i > 0 ? ", " : "", b->tenth_cpu[i + 1] - b->tenth_cpu[i]);
    printf("]}\n");
}

static void read_list(struct list *l, const char *path)
{
    char line[SITE_MAX_URL + 2];
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        if (l->n % 1024 == 0)
            l->url = realloc(l->url, (l->n + 1024) * sizeof *l->url);
        l->url[l->n++] = strdup(line);
    }
    if (in)
        fclose(in);
    if (l->n == 0) {
        fprintf(stderr, "bench_engine: %s: no URL in it\n", path);
        exit(1);
    }
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct bench *b = state->input;
    switch (key) {
    case 'f': b->folder = arg; return 0;
    case 'n': b->looks = strtoul(arg, NULL, 10); return 0;
    case 'w': b->warm_up = strtoul(arg, NULL, 10); return 0;
    case 'i': b->in_hand = strtoul(arg, NULL, 10); return 0;
    case 'r': b->rate = strtoul(arg, NULL, 10); return 0;
    case 't': b->threads = strtoul(arg, NULL, 10); return 0;
    case 'h': read_list(&b->hanging, arg); return 0;
    case 's': b->hang_ms = (uint32_t)(atoi(arg) * 1000); return 0;
    case ARGP_KEY_ARGS:
        if (state->argc - state->next < 2 || b->looks < TENTHS || b->threads < 1 || b->threads > MOST_LANES)
            argp_usage(state);
        read_list(&b->urls, state->argv[state->next]);
        b->worker = state->argv + state->next + 1;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"folder",                             'f', "DIR", 0, "where the lanes' sockets are made", 0 },
        { "looks",                               'n', "N", 0, "looks that are measured", 0 },
        { "warm-up", 'w', "N", 0, "looks before those", 0 },
        { "in-hand",                                   'i', "N", 0, "looks at once, of all lanes", 0 },
        { "rate",   'r', "N", 0, "looks a second, instead of so many at once", 0 },
        { "threads",                                   't', "N", 0, "the worker's lanes", 0 },
        { "hanging",                                   'h', "FILE", 0, "URLs that are looked at all the while", 0 },
        { "hang-s",                           's', "S", 0, "... with this timeout", 0 },
        { 0                                },
    };
    const struct argp argp = { options, on_option, "URLS WORKER [OPTION...]", NULL, NULL, NULL, NULL };
    static struct bench b = { .folder = ".", .looks = 1000, .in_hand = 64, .threads = 1, .hang_ms = 30000 };

    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &b);
    b.took_us = calloc(b.looks, sizeof *b.took_us);
    if (!b.took_us || open_all(&b) < 0)
        return 1;
    b.stage_since = loop_now(b.loop);
    start_worker(&b);
    int status = loop_run(b.loop);
    if (status == 0)
        say(&b);
    kill(b.pid, SIGTERM);
    waitpid(b.pid, NULL, 0);
    close_all(&b);
    return status;
}
