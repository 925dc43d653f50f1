#include "loadgen/loadgen.h"

#include "common/daemon.h"
#include "loadgen/serverthread.h"
#include "loadgen/sitesfile.h"
#include "loadgen/visit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS_FOR_OURSELVES = 64, DESCRIPTORS_FOR_A_THREAD = 8, LEAST_CONNECTIONS = 64 };

struct loadgen {
    const struct scenario *scenario;
    struct crowd crowd;
    struct sockaddr_in dns;
    struct latency latency;
    struct serving serving;
    unsigned n_threads;
    struct serverthread *thread[SCENARIO_MAX_THREADS];
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    uv_timer_t report, end;
    uint64_t began_ns, reported_ns;
    struct tally reported;
};

/* ── Saying ────────────────────────────────────────────────────────────── */

static void sum_up(const struct loadgen *g, struct tally *ret)
{
    *ret = (struct tally){ 0 };
    for (unsigned i = 0; i < g->n_threads; i++)
        tally_add(ret, serverthread_tally(g->thread[i]));
}

static FILE *for_people(const struct loadgen *g)
{
    return g->scenario->json ? stderr : stdout;
}

static void on_report(uv_timer_t *timer)
{
    struct loadgen *g = timer->data;
    struct tally sum;
    char line[240];
    uint64_t now = uv_hrtime();
    sum_up(g, &sum);
    tally_line(line, sizeof line, &g->reported, &sum, (int64_t)(now - g->began_ns) / NS_PER_US,
               (int64_t)(now - g->reported_ns) / NS_PER_US);
    fprintf(for_people(g), "%s\n", line);
    fflush(for_people(g));
    g->reported = sum;
    g->reported_ns = now;
}

static void say_beginning(const struct loadgen *g)
{
    char ip[INET_ADDRSTRLEN], base[INET_ADDRSTRLEN];
    struct in_addr first = { htonl(g->crowd.base) };
    inet_ntop(AF_INET, &g->dns.sin_addr, ip, sizeof ip);
    inet_ntop(AF_INET, &first, base, sizeof base);
    fprintf(for_people(g),
            "vedette-loadgen: serving %" PRIu32 " sites on %" PRIu32
            " addresses from %s on, port %u; names at %s:%u\n",
            g->crowd.sites, g->crowd.addresses, base, g->crowd.port, ip, ntohs(g->dns.sin_port));
    fflush(for_people(g));
}

static int say_end(const struct loadgen *g, struct err *err)
{
    scoped(text) struct text json = TEXT_UP_TO(1 << 16);
    struct tally sum;
    int64_t served_us = (int64_t)(uv_hrtime() - g->began_ns) / NS_PER_US;
    sum_up(g, &sum);
    if (!g->scenario->json) {
        printf("vedette-loadgen: served %" PRIu64 " requests on %" PRIu64 " connections, %" PRIu64
               " answered well, %" PRIu64 " hung, %" PRIu64 " cut\n",
               sum.count[COUNT_REQUESTS], sum.count[COUNT_CONNECTIONS],
               sum.count[COUNT_2XX] + sum.count[COUNT_3XX], sum.count[COUNT_HUNG], sum.count[COUNT_CUT]);
        return 0;
    }
    tally_json(&json, &sum, &g->scenario->rules, &g->crowd, served_us);
    if (json.failed)
        return err_set(err, json.failed, "the summary grew too large");
    return puts(text_str(&json)) < 0 || fflush(stdout) != 0
               ? err_set(err, -EIO, "the summary cannot be written")
               : 0;
}

/* ── Threads and their addresses ───────────────────────────────────────── */

static rlim_t raise_descriptors(void)
{
    struct rlimit l = { 0 };
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
        getrlimit(RLIMIT_NOFILE, &l);
    }
    return l.rlim_cur;
}

static int make_threads(struct loadgen *g, struct err *err)
{
    unsigned n = (unsigned)g->scenario->threads;
    uint64_t limit = raise_descriptors();
    uint64_t needed = g->crowd.addresses + DESCRIPTORS_FOR_OURSELVES + (uint64_t)n * DESCRIPTORS_FOR_A_THREAD;
    if (limit < needed + (uint64_t)n * LEAST_CONNECTIONS)
        return err_set(err, -EMFILE,
                       "%" PRIu32 " addresses need %" PRIu64
                       " descriptors, and this process may have %" PRIu64
                       ": fewer --addresses, or a higher ulimit -n",
                       g->crowd.addresses, needed + (uint64_t)n * LEAST_CONNECTIONS, limit);
    for (; g->n_threads < n; g->n_threads++) {
        int r =
            serverthread_new(&g->thread[g->n_threads], &g->serving, (unsigned)((limit - needed) / n), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int bind_all(struct loadgen *g, struct err *err)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(g->crowd.port) };
    int r = serverthread_answer_names(g->thread[0], &g->dns, err);
    for (uint32_t i = 0; r == 0 && i < g->crowd.addresses; i++) {
        at.sin_addr.s_addr = htonl(g->crowd.base + i);
        r = serverthread_listen(g->thread[i % g->n_threads], &at, err);
        g->crowd.port = ntohs(at.sin_port); /* the first one's, where any will do */
    }
    return r;
}

static int write_files(const struct loadgen *g, struct err *err)
{
    const struct scenario *s = g->scenario;
    int r = s->write[0] ? sitesfile_write(s->write, &g->crowd, s, err) : 0;
    if (r == 0 && s->write_config[0])
        r = sitesfile_write_config(s->write_config, s, &g->dns, err);
    return r;
}

/* ── The main thread ───────────────────────────────────────────────────── */

static void on_signal(uv_signal_t *s, int number)
{
    (void)number;
    uv_stop(s->loop);
}

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void watch_over(struct loadgen *g)
{
    const struct scenario *s = g->scenario;
    uint64_t report_ms = (uint64_t)(s->report_us / US_PER_MS);
    uv_signal_init(&g->loop, &g->term);
    uv_signal_init(&g->loop, &g->interrupt);
    uv_timer_init(&g->loop, &g->report);
    uv_timer_init(&g->loop, &g->end);
    g->report.data = g;
    uv_signal_start(&g->term, on_signal, SIGTERM);
    uv_signal_start(&g->interrupt, on_signal, SIGINT);
    if (report_ms > 0)
        uv_timer_start(&g->report, on_report, report_ms, report_ms);
    if (s->for_us > 0)
        uv_timer_start(&g->end, on_end, (uint64_t)(s->for_us / US_PER_MS), 0);
    g->began_ns = g->reported_ns = uv_hrtime();
    daemon_ready();
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&g->term, NULL);
    uv_close((uv_handle_t *)&g->interrupt, NULL);
    uv_close((uv_handle_t *)&g->report, NULL);
    uv_close((uv_handle_t *)&g->end, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
}

static int serve(struct loadgen *g, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < g->n_threads; i++)
        r = serverthread_run(g->thread[i], err);
    if (r < 0)
        return r;
    if (uv_loop_init(&g->loop) < 0)
        return err_set(err, -ENOMEM, "no event loop");
    say_beginning(g);
    watch_over(g);
    uv_loop_close(&g->loop);
    return say_end(g, err);
}

static int prepare(struct loadgen *g, struct err *err)
{
    const struct scenario *s = g->scenario;
    latency_init(&g->latency, s->latency_us, s->latency_p99_us);
    g->serving = (struct serving){
        .crowd = &g->crowd, .rules = &s->rules, .latency = &g->latency, .ttl_s = (uint32_t)s->ttl_s
    };
    int r = forge_new(&g->serving.forge, s->ca_file, err);
    if (r == 0 && visit_tls_new(&g->serving.tls, s->resume) < 0)
        r = err_set(err, -ENOMEM, "TLS cannot be prepared");
    if (r == 0)
        r = make_threads(g, err);
    if (r == 0)
        r = bind_all(g, err);
    return r;
}

int loadgen_run(const struct scenario *s, struct err *err)
{
    struct loadgen *g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, -ENOMEM, "no memory");
    g->scenario = s;
    int r = scenario_finish(s, &g->crowd, &g->dns, err);
    if (r == 0 && !s->only_write)
        r = prepare(g, err);
    if (r == 0)
        r = write_files(g, err);
    if (r == 0 && !s->only_write)
        r = serve(g, err);
    for (unsigned i = 0; i < g->n_threads; i++)
        serverthread_free(g->thread[i]);
    SSL_CTX_free(g->serving.tls);
    forge_free(g->serving.forge);
    free(g);
    return r;
}
