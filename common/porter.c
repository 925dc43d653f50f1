#include "common/porter.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

int porter_init(struct porter *p, void *context, const char *own, const struct porter_events *events,
                void *arg)
{
    *p = (struct porter){ .events = events, .arg = arg };
    snprintf(p->own, sizeof p->own, "%s", own);
    p->socket = zmq_socket(context, ZMQ_ROUTER);
    if (p->socket && zmq_bind(p->socket, "inproc://zeromq.zap.01") == 0)
        return 0;
    int r = -errno;
    porter_done(p);
    return r;
}

void porter_done(struct porter *p)
{
    int none = 0;
    if (p->socket) {
        zmq_setsockopt(p->socket, ZMQ_LINGER, &none, sizeof none);
        zmq_close(moved(p->socket));
    }
    access_list_free(moved(p->let_in));
}

struct access_list *porter_let_in(struct porter *p, struct access_list *list)
{
    struct access_list *before = p->let_in;
    p->let_in = list;
    return before;
}

static void decide(struct porter *p, const struct zap_question *q, bool may_wait)
{
    struct zap_answer a;
    zap_decide(&q->what, p->own, p->let_in, &a);
    if (a.unknown && may_wait && p->ask && zapwait_put(&p->waiting, q, clock_mono())) {
        p->ask(p->ask_arg);
        return;
    }
    zap_reply(p->socket, q, &a);
    if (a.status[0] != '2')
        p->events->refused(p->arg, q, &a);
}

void porter_answer(struct porter *p)
{
    struct zap_question q;
    while (zap_take(p->socket, &q) >= 0) {
        p->events->asked(p->arg);
        decide(p, &q, true);
    }
    while (zapwait_take(&p->waiting, clock_mono(), &q))
        decide(p, &q, false);
}

mono_ns porter_next(const struct porter *p)
{
    return zapwait_next(&p->waiting);
}
