/* What goes wrong, as the scene has it. */
#include "tests/sim/daemons.h"
#include "tests/sim/net.h"
#include "tests/sim/scene.h"
#include "tests/sim/shelf.h"

#include <stdlib.h>
#include <string.h>

static const struct post *liar; /* NULL: nobody lies */
static bool mail_away;

bool fault_is_liar(const struct proc *p)
{
    return liar && liar->proc == p;
}

bool fault_mail_is_away(void)
{
    return mail_away;
}

static struct post *post_of(const struct fault *f)
{
    return &posts[f->who % n_posts];
}

static struct host *host_at(unsigned which)
{
    struct host *h = world.hosts;
    unsigned n = 0;
    for (; h; h = h->next)
        n++;
    for (h = world.hosts, which %= n; which > 0; which--)
        h = h->next;
    return h;
}

/* Two hosts that are not the same, where there are two. */
static void two_hosts(const struct fault *f, struct host **a, struct host **b)
{
    *a = host_at(f->who);
    *b = host_at(f->other);
    if (*a == *b)
        *b = host_at(f->other + 1);
}

static struct post *a_worker(const struct fault *f)
{
    struct post *p = post_of(f);
    while (p->part != PART_WORKER)
        p = p == &posts[n_posts - 1] ? posts : p + 1;
    return p;
}

static void begin(const struct fault *f)
{
    struct host *a, *b;
    struct post *p = post_of(f);
    two_hosts(f, &a, &b);
    switch (f->kind) {
    case FAULT_KILL:
        post_hold(p, true);
        if (p->proc)
            proc_kill(p->proc);
        break;
    case FAULT_STOP:
        if (p->proc)
            proc_stop(p->proc);
        break;
    case FAULT_RESTART:
        if (p->proc)
            proc_leave(p->proc);
        break;
    case FAULT_CUT: net_cut(b, a, true); /* fall through */
    case FAULT_CUT_ONE_WAY: net_cut(a, b, true); break;
    case FAULT_BREAK: net_break_all(a, b); break;
    case FAULT_LAG:
        net_slow(a, b, f->amount);
        net_slow(b, a, f->amount);
        break;
    case FAULT_STORE_AWAY: shelf_set_trouble(SHELF_AWAY); break;
    case FAULT_STORE_LOCKED: shelf_set_trouble(SHELF_LOCKED); break;
    case FAULT_STORE_FULL: shelf_set_trouble(SHELF_FULL); break;
    case FAULT_STORE_SLOW: shelf_set_slow(f->amount); break;
    case FAULT_STORE_UNSURE: shelf_set_unsure((unsigned)f->amount); break;
    case FAULT_STORE_CUT: shelf_set_unreachable(a, true); break;
    case FAULT_CLOCK: a->wall_ahead_us += f->amount; break;
    case FAULT_LIAR: liar = a_worker(f); break;
    case FAULT_MAIL: mail_away = true; break;
    case FAULT_KIND_COUNT: break;
    }
}

static void end(const struct fault *f)
{
    struct host *a, *b;
    struct post *p = post_of(f);
    two_hosts(f, &a, &b);
    switch (f->kind) {
    case FAULT_KILL: post_hold(p, false); break;
    case FAULT_STOP:
        if (p->proc)
            proc_continue(p->proc);
        break;
    case FAULT_CUT: net_cut(b, a, false); /* fall through */
    case FAULT_CUT_ONE_WAY: net_cut(a, b, false); break;
    case FAULT_LAG:
        net_slow(a, b, 0);
        net_slow(b, a, 0);
        break;
    case FAULT_STORE_AWAY:
    case FAULT_STORE_LOCKED:
    case FAULT_STORE_FULL: shelf_set_trouble(SHELF_WELL); break;
    case FAULT_STORE_SLOW: shelf_set_slow(0); break;
    case FAULT_STORE_UNSURE: shelf_set_unsure(0); break;
    case FAULT_STORE_CUT: shelf_set_unreachable(a, false); break;
    case FAULT_CLOCK: a->wall_ahead_us -= f->amount; break;
    case FAULT_LIAR: liar = NULL; break;
    case FAULT_MAIL: mail_away = false; break;
    case FAULT_BREAK:
    case FAULT_RESTART:
    case FAULT_KIND_COUNT: break;
    }
}

static void on_begin(void *arg)
{
    const struct fault *f = arg;
    trace("fault: %s begins", fault_name(f->kind));
    begin(f);
}

static void on_end(void *arg)
{
    const struct fault *f = arg;
    trace("fault: %s ends", fault_name(f->kind));
    end(f);
}

void faults_begin(void)
{
    liar = NULL;
    mail_away = false;
    for (unsigned i = 0; i < scene.n_faults; i++) {
        struct fault *f = &scene.faults[i];
        happen_at(&f->begins, f->from, on_begin, f);
        happen_at(&f->ends, f->to, on_end, f);
    }
}
