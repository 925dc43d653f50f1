#include "worker/poller.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How one system call is enough
 *
 * A socket is put into the set once, edge-triggered and for everything. What the
 * caller does not want yet is noted, and told when it does. That is right as long
 * as each kind of event is told once, because whoever is told may leave something
 * behind, of which an edge would not tell again: a socket that is still wanted
 * after it was told of what is wanted becomes an ordinary, level-triggered one.
 * Connecting, sending, and one answer in one piece need no more than the first.
 *
 * A closed socket leaves the set by itself (epoll(7), question 6), so forgetting
 * needs no call either. One that is forgotten and not closed may still report:
 * then it is taken out. A number that is used anew begins a new life; what was
 * reported for an earlier one is known by its count of lives and passed over.
 */

enum { EVENTS_A_ROUND = 256, ROUNDS_A_TURN = 32, MOST_DESCRIPTORS = 1 << 20, FIRST_ROOM = 256 };

struct life { /* of a descriptor */
    uint32_t count;
    uint8_t wanted; /* 0: forgotten */
    uint8_t seen;   /* and not told, while fresh */
    bool fresh;     /* edge-triggered */
};

struct poller {
    struct loop *loop;
    poller_fn *fn;
    void *arg;
    int epoll;
    bool watched;
    struct life *life; /* by descriptor */
    size_t room;
};

static int grow(struct poller *p, int fd)
{
    size_t room = p->room ? p->room : FIRST_ROOM;
    if (fd < 0 || fd >= MOST_DESCRIPTORS)
        return -ENOSPC;
    while (room <= (size_t)fd)
        room *= 2;
    if (room == p->room)
        return 0;
    struct life *life = realloc(p->life, room * sizeof *life);
    if (!life)
        return -ENOMEM;
    memset(life + p->room, 0, (room - p->room) * sizeof *life);
    p->life = life;
    p->room = room;
    return 0;
}

static uint32_t bits_of(unsigned events)
{
    return (events & POLLER_IN ? (uint32_t)EPOLLIN : 0) | (events & POLLER_OUT ? (uint32_t)EPOLLOUT : 0);
}

static int control(const struct poller *p, int fd, int how, uint32_t bits)
{
    struct epoll_event e = { .events = bits, .data.u64 = (uint64_t)p->life[fd].count << 32 | (uint32_t)fd };
    return epoll_ctl(p->epoll, how, fd, &e) < 0 ? -errno : 0;
}

/* It may be in the set from an earlier life, forgotten but not closed. */
static int add(const struct poller *p, int fd, uint32_t bits)
{
    int r = control(p, fd, EPOLL_CTL_ADD, bits);
    return r == -EEXIST ? control(p, fd, EPOLL_CTL_MOD, bits) : r;
}

/* From now on level-triggered: what is there already is reported again. */
static int make_ordinary(struct poller *p, int fd)
{
    p->life[fd].fresh = false;
    return control(p, fd, EPOLL_CTL_MOD, bits_of(p->life[fd].wanted));
}

static int begin_life(struct poller *p, int fd, unsigned events)
{
    int r = grow(p, fd);
    if (r < 0)
        return r;
    struct life *f = &p->life[fd];
    *f = (struct life){ .count = f->count + 1, .wanted = (uint8_t)events, .fresh = true };
    r = add(p, fd, (uint32_t)(EPOLLIN | EPOLLOUT) | (uint32_t)EPOLLET);
    if (r < 0)
        f->wanted = 0;
    return r;
}

int poller_want(struct poller *p, int fd, unsigned events)
{
    if (fd < 0 || (size_t)fd >= p->room || !p->life[fd].wanted)
        return begin_life(p, fd, events);
    struct life *f = &p->life[fd];
    if (f->wanted == events)
        return 0;
    f->wanted = (uint8_t)events;
    return f->fresh && !(f->seen & events) ? 0 : make_ordinary(p, fd);
}

void poller_forget(struct poller *p, int fd)
{
    if (fd >= 0 && (size_t)fd < p->room)
        p->life[fd].wanted = 0;
}

/* ── Telling ───────────────────────────────────────────────────────────── */

/* Reading and writing both find out about an end. */
static unsigned events_of(uint32_t bits)
{
    return (bits & (EPOLLIN | EPOLLHUP) ? POLLER_IN : 0u) | (bits & (EPOLLOUT | EPOLLHUP) ? POLLER_OUT : 0u) |
           (bits & EPOLLERR ? POLLER_TROUBLE : 0u);
}

static bool same_life(const struct poller *p, int fd, uint32_t count)
{
    return p->life[fd].wanted != 0 && p->life[fd].count == count;
}

static void tell(struct poller *p, int fd, uint32_t count, unsigned events)
{
    struct life *f = &p->life[fd];
    if (f->count != count)
        return;
    if (!f->wanted) {
        control(p, fd, EPOLL_CTL_DEL, 0);
        return;
    }
    f->seen |= (uint8_t)events;
    unsigned telling = events & (f->wanted | POLLER_TROUBLE);
    if (telling == 0)
        return;
    p->fn(p->arg, fd, telling);
    if (!same_life(p, fd, count))
        return;
    f = &p->life[fd]; /* there may be more room by now */
    if (f->fresh && (telling & (f->wanted | POLLER_TROUBLE)))
        make_ordinary(p, fd);
}

static void on_events(void *arg)
{
    struct poller *p = arg;
    struct epoll_event event[EVENTS_A_ROUND];
    int n = EVENTS_A_ROUND;

    for (int round = 0; round < ROUNDS_A_TURN && n == EVENTS_A_ROUND; round++) {
        n = epoll_wait(p->epoll, event, EVENTS_A_ROUND, 0);
        for (int i = 0; i < n; i++)
            tell(p, (int)(uint32_t)event[i].data.u64, (uint32_t)(event[i].data.u64 >> 32),
                 events_of(event[i].events));
    }
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int poller_new(struct poller **ret, struct loop *l, poller_fn *fn, void *arg)
{
    scoped(poller) struct poller *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->loop = l;
    p->fn = fn;
    p->arg = arg;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return -errno;
    int r = loop_watch_fd(l, p->epoll, on_events, p);
    if (r < 0)
        return r;
    p->watched = true;
    *ret = moved(p);
    return 0;
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    if (p->watched)
        loop_unwatch_fd(p->loop, p->epoll);
    if (p->epoll >= 0)
        close(p->epoll);
    free(p->life);
    free(p);
}
