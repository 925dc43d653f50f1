#include "tests/sim/daemons.h"

#include "collector/collector.h"
#include "common/bus.h"
#include "common/doors.h"
#include "common/tenure.h"
#include "coordinator/coordinator.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scene.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_LEAST_NS (100 * NS_PER_MS)
#define AGAIN_MOST_NS  (3 * NS_PER_S)
#define LOOK_NS        (200 * NS_PER_MS)

struct post *posts;
unsigned n_posts;

/* ── Bodies: see each daemon's main.c ──────────────────────────────────── */

static void tell_failure(const struct proc *p, int r, const struct err *err)
{
    if (r < 0 && !p->dead)
        trace("%s ends: %s", p->name, err->text);
}

static const struct tenure_rows no_rows;

static void act_as_coordinator(struct proc *p, const struct config *config, struct bus *bus,
                               struct tenure *tenure, struct err *err)
{
    scoped(coordinator) struct coordinator *c = NULL;
    scoped(store) struct store *store = NULL;
    char doors[STORE_LISTENS_SIZE] = "";
    int r = store_open(&store, config->store, STORE_READ, err);
    if (r == 0)
        r = coordinator_new(&c, config, p->main_loop, bus, store, NULL, tenure, tenure_job_epoch(tenure),
                            err);
    if (r < 0) {
        tell_failure(p, r, err);
        return;
    }
    doors_add(doors, sizeof doors, "control", config->endpoint.control, "");
    doors_add(doors, sizeof doors, "feedback", config->endpoint.feedback, "");
    tenure_begin(tenure, doors, coordinator_meet, c);
    p->status = loop_run(p->main_loop);
    if (!p->dead)
        coordinator_leave(c);
}

static void act_as_collector(struct proc *p, const struct config *config, struct bus *bus,
                             struct tenure *tenure, struct err *err)
{
    scoped(store) struct store *store = NULL;
    struct collector *c = NULL;
    char doors[STORE_LISTENS_SIZE] = "";
    int r = store_open(&store, config->store, STORE_WRITE, err);
    if (r == 0)
        r = store_join_claim(store, STORE_COLLECTOR, tenure_claim_epoch(tenure), err);
    if (r == 0)
        r = collector_new(&c, p->main_loop, bus, store, config, NULL, tenure, err);
    if (r < 0) {
        tell_failure(p, r, err);
        return;
    }
    doors_add(doors, sizeof doors, "results", config->endpoint.results, "");
    tenure_begin(tenure, doors, collector_meet, c);
    p->status = loop_run(p->main_loop);
    if (!p->dead)
        collector_drain(c);
    collector_free(c);
}

typedef void act_fn(struct proc *, const struct config *, struct bus *, struct tenure *, struct err *);

static void *daemon_body(const struct post *post, enum store_role role, act_fn *act)
{
    struct proc *p = world.self;
    const struct tenure_setup setup = { post->config, role, "", NULL, NULL, no_rows };
    struct err err = { 0 };
    struct tenure *tenure = NULL;
    struct bus *bus = NULL;
    if (loop_new(&p->main_loop) < 0 || bus_new(&bus) < 0)
        abort();
    struct tenure_setup with_loop = setup;
    with_loop.loop = p->main_loop;
    int r = tenure_new(&tenure, &with_loop, &err);
    if (r == 0)
        r = tenure_wait(tenure, &err);
    if (r == 1)
        act(p, post->config, bus, tenure, &err);
    else
        tell_failure(p, r, &err);
    bus_free(bus);
    tenure_free(tenure);
    loop_free(p->main_loop);
    trace("%s has ended", p->name);
    return NULL;
}

static void *coordinator_body(void *post)
{
    return daemon_body(post, STORE_COORDINATOR, act_as_coordinator);
}

static void *collector_body(void *post)
{
    return daemon_body(post, STORE_COLLECTOR, act_as_collector);
}

static void *worker_body(void *arg)
{
    const struct post *post = arg;
    struct proc *p = world.self;
    struct worker *w = NULL;
    struct bus *bus = NULL;
    struct err err = { 0 };
    if (loop_new(&p->main_loop) < 0 || bus_new(&bus) < 0)
        abort();
    int r = worker_new(&w, p->main_loop, bus, post->config, NULL, &err);
    if (r == 0)
        p->status = loop_run(p->main_loop);
    if (r == 0)
        r = worker_drain(w, &err);
    tell_failure(p, r, &err);
    worker_free(w);
    bus_free(bus);
    loop_free(p->main_loop);
    trace("%s has ended", p->name);
    return NULL;
}

/* ── Starting again ────────────────────────────────────────────────────── */

static void *(*const bodies[])(void *) = {
    [PART_COORDINATOR] = coordinator_body,
    [PART_COLLECTOR] = collector_body,
    [PART_WORKER] = worker_body,
};

static void look_after(void *arg);

static void start(struct post *p)
{
    char name[40];
    snprintf(name, sizeof name, "%s.%u", p->name, ++p->lives);
    p->proc = proc_new(name, p->part, p->host, bodies[p->part], p);
}

static void look_after(void *arg)
{
    struct post *p = arg;
    mono_ns next = world.now + LOOK_NS;
    if (!p->held && (!p->proc || proc_is_over(p->proc))) {
        start(p);
        next += chance_between(&world.faults, AGAIN_LEAST_NS, AGAIN_MOST_NS);
    }
    happen_at(&p->again, next, look_after, p);
}

void post_hold(struct post *p, bool held)
{
    p->held = held;
}

/* ── By the scene ──────────────────────────────────────────────────────── */

static struct config *config_of(const char *at, unsigned place, const char *name)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    config_init(c);
    snprintf(c->store, sizeof c->store, "sqlite:sim");
    snprintf(c->locations, sizeof c->locations, "%s", scene.n_places > 1 ? "l0,l1" : "l0");
    snprintf(c->endpoint.control, sizeof c->endpoint.control, "tcp://%s:7711", at);
    snprintf(c->endpoint.results, sizeof c->endpoint.results, "tcp://%s:7712", at);
    snprintf(c->endpoint.feed, sizeof c->endpoint.feed, "tcp://%s:7713", at);
    snprintf(c->endpoint.feedback, sizeof c->endpoint.feedback, "tcp://%s:7714", at);
    snprintf(c->endpoint.jobs, sizeof c->endpoint.jobs, "tcp://%s:7720", at);
    snprintf(c->standby.wait, sizeof c->standby.wait, "%s", scene.server ? "yes" : "auto");
    snprintf(c->worker.name, sizeof c->worker.name, "%s", name);
    snprintf(c->worker.location, sizeof c->worker.location, "l%u", place);
    c->worker.threads = scene.threads;
    c->collector.feed_results = false;
    c->polite.domain_at_once = c->polite.domain_per_s = 0;
    c->operator.notify[0] = '\0';
    if (scene.standby)
        snprintf(c->worker.coordinators, sizeof c->worker.coordinators,
                 "tcp://10.0.0.1:7711,tcp://10.0.0.2:7711");
    return c;
}

static struct post *post_add(const char *name, enum part part, struct host *host, const char *at,
                             unsigned place)
{
    struct post *p = &posts[n_posts++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->part = part;
    p->host = host;
    p->config = config_of(at, place, name);
    happen_at(&p->again, chance_between(&world.faults, 0, 500) * NS_PER_MS, look_after, p);
    return p;
}

void daemons_begin(void)
{
    char name[24];
    posts = calloc(4 + scene.n_workers, sizeof *posts);
    n_posts = 0;
    if (!posts)
        abort();
    for (unsigned i = 0; i < (scene.standby ? 2 : 1); i++) {
        char at[16];
        snprintf(name, sizeof name, "host-%c", 'a' + (int)i);
        snprintf(at, sizeof at, "10.0.0.%u", i + 1);
        struct host *h = host_new(name);
        snprintf(name, sizeof name, "coordinator-%c", 'a' + (int)i);
        post_add(name, PART_COORDINATOR, h, at, 0);
        snprintf(name, sizeof name, "collector-%c", 'a' + (int)i);
        post_add(name, PART_COLLECTOR, h, at, 0);
    }
    for (unsigned i = 0; i < scene.n_workers; i++) {
        snprintf(name, sizeof name, "worker-%u", i + 1);
        post_add(name, PART_WORKER, host_new(name), "10.0.0.1", i % scene.n_places);
    }
}

void daemons_stop(void)
{
    for (unsigned i = 0; i < n_posts; i++)
        happen_never(&posts[i].again);
}

void daemons_end(void)
{
    for (unsigned i = 0; i < n_posts; i++)
        free(posts[i].config);
    free(posts);
    posts = NULL;
    n_posts = 0;
}
