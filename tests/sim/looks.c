/* Looks: in the place of the worker's probe.c, which asks real sites. A look takes some time, and sees what
 * the scene says of its site at that time. Who was stopped meanwhile does not trust a failure, as the real
 * one's selfcheck has it. */
#include "tests/sim/ledger.h"
#include "tests/sim/scene.h"
#include "worker/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SUSPECT_GAP_NS (500 * NS_PER_MS)

struct look {
    struct probes *probes;
    struct job job; /* without its strings */
    probe_done_fn *done;
    void *arg;
    struct loop_timer timer;
    mono_ns ends; /* of the host's clock */
    wall_us at_us;
    mono_ns began; /* world */
    bool down, silent, lies;
    struct look *prev, *next;
};

struct probes {
    struct loop *loop;
    struct proc *proc;
    uint32_t slots;
    size_t n;
    char location[LOCATION_SIZE];
    unsigned place;
    struct look *looks;
};

int probes_new(struct probes **ret, struct loop *l, const struct config *config, struct err *err)
{
    struct probes *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, -ENOMEM, "no memory for looks");
    p->loop = l;
    p->proc = world.self;
    p->slots = config->worker.slots;
    p->place = (unsigned)(config->worker.location[1] - '0');
    *ret = p;
    return 0;
}

static void drop(struct look *k)
{
    DL_DELETE(k->probes->looks, k);
    k->probes->n--;
    loop_timer_done(&k->timer);
    free(k);
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    while (p->looks)
        drop(p->looks);
    free(p);
}

static void conclude(void *arg)
{
    struct look *k = arg;
    struct probes *p = k->probes;
    mono_ns late = loop_now(p->loop) - k->ends;
    struct result r = {
        .job_id = k->job.id,
        .run = k->job.run,
        .span = 1,
        .verdict = k->down ? VERDICT_DOWN : VERDICT_UP,
        .cause = !k->down    ? CAUSE_NONE
                 : k->silent ? CAUSE_TIMEOUT_WAIT
                             : CAUSE_CONNECT_REFUSED,
        .status = k->down ? 0 : 200,
        .method = METHOD_HEAD,
        .at_us = k->at_us,
        .took_us = (uint32_t)((world_now() - k->began) / NS_PER_US),
        .address = "192.0.2.1",
    };
    if (k->down && late > SUSPECT_GAP_NS) {
        r.verdict = VERDICT_UNKNOWN;
        r.cause = CAUSE_WORKER_SUSPECT;
        r.suspect = true;
    }
    probe_done_fn *done = k->done;
    void *whose = k->arg;
    ledger_saw(&r, p->proc, k->began, k->lies);
    drop(k);
    done(whose, &r);
}

int probe_begin(struct probes *p, const struct job *job, probe_done_fn *done, void *arg)
{
    if (p->n >= p->slots)
        return -EAGAIN;
    struct look *k = calloc(1, sizeof *k);
    if (!k)
        return -ENOMEM;
    int64_t took_ms = chance_of(&world.looks, 5) ? chance_between(&world.looks, 100, 900)
                                                 : chance_between(&world.looks, 2, 60);
    k->probes = p;
    k->job = *job;
    k->job.url = k->job.contains = k->job.avoid = "";
    k->done = done;
    k->arg = arg;
    k->began = world_now();
    k->at_us = world_wall(p->proc->host);
    k->down = scene_is_down(job->run.site_id, p->place, k->began, &k->silent);
    if (k->down && k->silent)
        took_ms = job->timeout_ms;
    if (!k->down && fault_is_liar(p->proc))
        k->down = k->lies = true;
    k->ends = loop_now(p->loop) + took_ms * NS_PER_MS;
    DL_APPEND(p->looks, k);
    p->n++;
    ledger_look(job, p->proc, p->place);
    loop_timer_init(p->loop, &k->timer, conclude, k);
    loop_timer_at(&k->timer, k->ends);
    return 0;
}

int probes_keep_canaries(struct probes *p, const struct config *config, struct err *err)
{
    (void)p;
    (void)config;
    (void)err;
    return 0;
}

void probes_share(struct probes *p, uint32_t lanes)
{
    (void)p;
    (void)lanes;
}

size_t probes_in_hand(const struct probes *p)
{
    return p->n;
}

size_t probes_room(const struct probes *p)
{
    return p->slots - p->n;
}

bool probes_suspect(const struct probes *p)
{
    (void)p;
    return false;
}

const char *probes_reason(const struct probes *p)
{
    (void)p;
    return "";
}
