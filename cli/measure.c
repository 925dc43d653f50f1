#include "cli/measure.h"

#include "cli/apply.h"
#include "cli/program.h"
#include "common/loop.h"
#include "worker/probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SITES = 400,        /* half of them with https */
    IN_HAND = 64,       /* as a worker mostly has, between few and very many */
    START_MS = 20000,   /* that the child may need */
    FEW_LOOKS = 200,    /* fewer say nothing */
    PHASES_AT_MOST = 8, /* until there are that many, on a machine that is busy */
    FAILED_PERCENT = 5  /* more than that, and it is not the looks that were measured */
};
#define PHASE_NS (1200 * NS_PER_MS)
#define ENDS_NS  (5 * NS_PER_S) /* looks under way when a phase is over */

/* ── The child ─────────────────────────────────────────────────────────── */

struct crowd_child {
    char folder[64], list[96], config[96], root[96];
    pid_t pid; /* 0: none */
};

static void child_end(struct crowd_child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGTERM);
        waitpid(c->pid, NULL, 0);
    }
    if (!c->folder[0])
        return;
    unlink(c->list);
    unlink(c->config);
    unlink(c->root);
    rmdir(c->folder);
}

static int child_folder(struct crowd_child *c, struct err *err)
{
    const char *base = getenv("TMPDIR");
    base = base && *base && strlen(base) < 32 ? base : "/tmp";
    snprintf(c->folder, sizeof c->folder, "%s/vedette-plan-XXXXXX", base);
    if (!mkdtemp(c->folder)) {
        int code = -errno;
        c->folder[0] = '\0';
        return err_set(err, code, "no folder for the measurement in %s: %s", base, strerror(-code));
    }
    snprintf(c->list, sizeof c->list, "%s/sites.yaml", c->folder);
    snprintf(c->config, sizeof c->config, "%s/vedette.yaml", c->folder);
    snprintf(c->root, sizeof c->root, "%s/root.pem", c->folder);
    return 0;
}

/* In the child. A sibling would outlive us otherwise. */
static void become(const char *path, const struct crowd_child *c, char **env)
{
    char sites[16];
    snprintf(sites, sizeof sites, "%d", SITES);
    const char *args[] = {
        "vedette-loadgen", "--sites",   sites,         "--https", "50%",     "--latency", "5ms",
        "--latency-p99",   "20ms",      "--addresses", "100",     "--port",  "0",         "--dns",
        "127.0.0.1:0",     "--report",  "0s",          "--json",  "--write", c->list,     "--write-config",
        c->config,         "--ca-file", c->root,       NULL
    };
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(127);
    execve(path, (char *const *)args, env);
    _exit(127);
}

static int wait_ready(int fd, struct err *err)
{
    char word[16];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    if (poll(&p, 1, START_MS) == 1 && read(fd, word, sizeof word) > 0)
        return 0;
    return err_set(err, -EIO, "vedette-loadgen does not start; by hand it would say why");
}

static int child_begin(struct crowd_child *c, struct err *err)
{
    char path[4096];
    int fd[2];
    int r = program_find("vedette-loadgen", path, sizeof path, err);
    if (r == 0)
        r = child_folder(c, err);
    if (r < 0)
        return r;
    if (pipe(fd) < 0)
        return err_set(err, -errno, "no pipe: %s", strerror(errno));
    char **env = program_environment(fd[1]);
    c->pid = env ? fork() : -1;
    if (c->pid == 0) {
        close(fd[0]);
        become(path, c, env);
    }
    program_environment_free(env);
    close(fd[1]);
    r = c->pid > 0 ? wait_ready(fd[0], err) : err_set(err, -EAGAIN, "no child for the measurement");
    close(fd[0]);
    return r;
}

/* ── Looks ─────────────────────────────────────────────────────────────── */

struct phase {
    struct loop *loop;
    struct probes *probes;
    const struct sitelist *list;
    bool https;
    size_t next;
    uint64_t id, done, failed;
};

static void on_looked(void *arg, const struct result *r)
{
    struct phase *p = arg;
    p->done++;
    p->failed += r->verdict != VERDICT_UP;
}

static const char *next_url(struct phase *p)
{
    for (;;) {
        const char *url = sitelist_at(p->list, p->next++ % sitelist_count(p->list))->site.url;
        if ((strncmp(url, "https:", 6) == 0) == p->https)
            return url;
    }
}

static void begin_more(struct phase *p)
{
    while (probes_in_hand(p->probes) < IN_HAND) {
        const char *url = next_url(p);
        struct job job = {
            .id = job_id_make(1, ++p->id),
            .run = {.site_id = p->id, .slot_us = 1, .location = "here"},
            .attempt = 1,
            .url = url,
            .timeout_ms = 5000,
            .start_by_ms = 5000,
            .contains = "",
            .avoid = "",
        };
        if (probe_begin(p->probes, &job, on_looked, p) < 0)
            return;
    }
}

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US_PER_S + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void look_for(struct phase *p, mono_ns span)
{
    mono_ns end = loop_now(p->loop) + span;
    while (loop_now(p->loop) < end) {
        begin_more(p);
        loop_turn(p->loop, 20);
    }
    for (end += ENDS_NS; probes_in_hand(p->probes) > 0 && loop_now(p->loop) < end;)
        loop_turn(p->loop, 20);
}

/* CPU of one look. With sessions, a first part fills them and is not counted. */
static int measure_phase(const struct config *config, const struct sitelist *list, bool https, double *ret_us,
                         uint64_t *looks, struct err *err)
{
    scoped(loop) struct loop *loop = NULL;
    struct phase p = { .list = list, .https = https };
    int r = loop_new(&loop);
    if (r < 0)
        return err_set(err, r, "no event loop: %s", strerror(-r));
    p.loop = loop;
    r = probes_new(&p.probes, loop, config, err);
    if (r < 0)
        return r;
    loop_turn(loop, 0);
    look_for(&p, PHASE_NS / 4);
    uint64_t before = p.done;
    int64_t cpu = cpu_us();
    for (int more = PHASES_AT_MOST; more > 0 && p.done - before < FEW_LOOKS; more--)
        look_for(&p, PHASE_NS);
    cpu = cpu_us() - cpu;
    uint64_t n = p.done - before;
    probes_free(p.probes);
    loop_turn(loop, 0);
    if (p.failed * 100 > p.done * FAILED_PERCENT)
        return err_set(err, -EIO, "of %llu looks at vedette-loadgen %llu failed: nothing was measured",
                       (unsigned long long)p.done, (unsigned long long)p.failed);
    if (n < FEW_LOOKS)
        return err_set(err, -EBUSY,
                       "this machine is busy: it came to %llu looks only, of the %d that it takes to measure",
                       (unsigned long long)n, FEW_LOOKS);
    *looks += n;
    *ret_us = (double)cpu / (double)n;
    return 0;
}

static int measure_all(struct config *config, const struct crowd_child *child, struct measured *ret,
                       struct err *err)
{
    scoped(sitelist) struct sitelist *list = NULL;
    struct measured m = { 0 };
    int r = apply_read(&list, child->list, SITELIST_NOTE_TWICE, stderr, err);
    if (r == 0)
        r = config_load(config, child->config, NULL, err);
    if (r < 0)
        return r;
    config->worker.slots = IN_HAND;
    config->polite.address_at_once = config->polite.address_per_s = 0;
    config->polite.domain_at_once = config->polite.domain_per_s = 0;
    config->worker.tls_sessions = 0;
    r = measure_phase(config, list, false, &m.http_us, &m.looks, err);
    if (r == 0)
        r = measure_phase(config, list, true, &m.https_us, &m.looks, err);
    config->worker.tls_sessions = SITES;
    if (r == 0)
        r = measure_phase(config, list, true, &m.resumed_us, &m.looks, err);
    if (r == 0)
        *ret = m;
    return r;
}

int measure_looks(const struct config *config, struct measured *ret, struct err *err)
{
    struct crowd_child child = { 0 };
    struct config own = *config;
    int r = child_begin(&child, err);
    if (r == 0)
        r = measure_all(&own, &child, ret, err);
    child_end(&child);
    return r;
}
