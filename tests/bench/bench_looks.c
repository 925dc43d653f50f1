/* Looks at a list of URLs again and again with the worker's own probes, on so
 * many threads and processes, and says what that cost.
 *
 *     bench_looks --threads 2 --processes 1 --looks 4000 --in-hand 64
 *                 --resolver 127.0.0.1:5353 --ca-file root.pem [--tls-sessions 100] URLS.txt
 *
 * One line of JSON: looks, up, wall_s, cpu_s (user and system of all threads
 * and processes). Each thread has its own loop, resolver and TLS store, as a
 * lane of the worker has.
 */
#include "common/clock.h"
#include "common/scope.h"
#include "worker/probe.h"

#include <argp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct plan {
    struct config config;
    unsigned threads, processes, in_hand;
    size_t looks; /* of all threads and processes together */
    const char *path;
    char **url;
    size_t n_urls;
};

struct looker {
    const struct plan *plan;
    struct loop *loop;
    struct probes *probes;
    size_t first, todo, begun, done, up;
};

static void on_done(void *arg, const struct result *result);

static void begin_more(struct looker *k)
{
    while (k->begun < k->todo && probes_in_hand(k->probes) < k->plan->in_hand) {
        struct job job = {
            .id = job_id_make(1, k->begun + 1),
            .run = {.site_id = k->begun + 1, .slot_us = 1, .location = "local"},
            .attempt = 1,
            .url = k->plan->url[(k->first + k->begun) % k->plan->n_urls],
            .timeout_ms = 20000,
            .start_by_ms = 20000,
            .contains = "",
            .avoid = "",
        };
        if (probe_begin(k->probes, &job, on_done, k) < 0)
            return;
        k->begun++;
    }
}

static void on_done(void *arg, const struct result *result)
{
    struct looker *k = arg;
    k->done++;
    k->up += result->verdict == VERDICT_UP;
    if (k->done == k->todo)
        loop_stop(k->loop, 0);
}

static void after_turn(void *arg)
{
    begin_more(arg);
}

static void *look(void *arg)
{
    struct looker *k = arg;
    struct err err = { 0 };
    if (loop_new(&k->loop) < 0 || probes_new(&k->probes, k->loop, &k->plan->config, &err) < 0) {
        fprintf(stderr, "bench_looks: %s\n", err.text);
        exit(1);
    }
    loop_after_turn(k->loop, after_turn, k);
    begin_more(k);
    loop_run(k->loop);
    probes_free(k->probes);
    loop_free(k->loop);
    return NULL;
}

/* One process: its threads share nothing but the plan. */
static size_t run_threads(const struct plan *plan, unsigned process)
{
    struct looker looker[64] = { 0 };
    pthread_t thread[64];
    size_t up = 0, each = plan->looks / plan->processes / plan->threads;

    for (unsigned i = 0; i < plan->threads; i++) {
        looker[i] =
            (struct looker){ .plan = plan, .first = (process * plan->threads + i) * each, .todo = each };
        pthread_create(&thread[i], NULL, look, &looker[i]);
    }
    for (unsigned i = 0; i < plan->threads; i++) {
        pthread_join(thread[i], NULL);
        up += looker[i].up;
    }
    return up;
}

static size_t run_processes(const struct plan *plan)
{
    int pipes[2];
    size_t up = 0;
    if (plan->processes == 1)
        return run_threads(plan, 0);
    if (pipe(pipes) < 0)
        exit(1);
    for (unsigned i = 0; i < plan->processes; i++)
        if (fork() == 0) {
            size_t mine = run_threads(plan, i);
            _exit(write(pipes[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
        }
    for (unsigned i = 0; i < plan->processes; i++) {
        size_t theirs = 0;
        if (read(pipes[0], &theirs, sizeof theirs) == sizeof theirs)
            up += theirs;
    }
    while (wait(NULL) > 0)
        continue;
    return up;
}

static double cpu_s(void)
{
    double sum = 0;
    int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    for (int i = 0; i < 2; i++) {
        struct rusage u;
        getrusage(whose[i], &u);
        sum += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    }
    return sum;
}

static void read_urls(struct plan *plan)
{
    char line[SITE_MAX_URL + 2];
    FILE *in = fopen(plan->path, "r");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        if (plan->n_urls % 1024 == 0)
            plan->url = realloc(plan->url, (plan->n_urls + 1024) * sizeof *plan->url);
        plan->url[plan->n_urls++] = strdup(line);
    }
    if (in)
        fclose(in);
    if (plan->n_urls == 0) {
        fprintf(stderr, "bench_looks: %s: no URL in it\n", plan->path);
        exit(1);
    }
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct plan *plan = state->input;
    switch (key) {
    case 't': plan->threads = (unsigned)atoi(arg); return 0;
    case 'p': plan->processes = (unsigned)atoi(arg); return 0;
    case 'n': plan->looks = strtoul(arg, NULL, 10); return 0;
    case 'i': plan->in_hand = (unsigned)atoi(arg); return 0;
    case 'r':
        snprintf(plan->config.worker.resolver, sizeof plan->config.worker.resolver, "%s", arg);
        return 0;
    case 'c': snprintf(plan->config.worker.ca_file, sizeof plan->config.worker.ca_file, "%s", arg); return 0;
    case 's': plan->config.worker.tls_sessions = (uint32_t)atoi(arg); return 0;
    case ARGP_KEY_ARG: plan->path = arg; return 0;
    case ARGP_KEY_END:
        if (!plan->path || plan->threads < 1 || plan->threads > 64 || plan->processes < 1)
            argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"threads",                  't', "N", 0, "threads in each process", 0 },
        { "processes",                       'p', "N", 0, "processes", 0 },
        { "looks", 'n', "N", 0, "looks in all", 0 },
        { "in-hand",                         'i', "N", 0, "looks at once, for each thread", 0 },
        { "resolver", 'r', "IP:PORT", 0, "name server", 0 },
        { "ca-file",                         'c', "FILE", 0, "trusted roots", 0 },
        { "tls-sessions",                         's', "N", 0, "kept to be resumed, for each thread (0)", 0 },
        { 0                  },
    };
    const struct argp argp = { options, on_option, "URLS", NULL, NULL, NULL, NULL };
    static struct plan plan = { .threads = 1, .processes = 1, .looks = 1000, .in_hand = 64 };

    config_init(&plan.config);
    plan.config.worker.tls_sessions = 0;
    snprintf(plan.config.worker.allow, sizeof plan.config.worker.allow, "127.0.0.0/8");
    argp_parse(&argp, argc, argv, 0, NULL, &plan);
    read_urls(&plan);
    plan.config.worker.slots = plan.in_hand;

    mono_ns began = clock_mono();
    size_t up = run_processes(&plan);
    double wall_s = (double)(clock_mono() - began) / 1e9;
    printf("{\"looks\": %zu, \"up\": %zu, \"wall_s\": %.4f, \"cpu_s\": %.4f}\n",
           plan.looks / plan.processes / plan.threads * plan.processes * plan.threads, up, wall_s, cpu_s());
    return 0;
}
