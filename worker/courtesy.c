#include "worker/courtesy.h"

#include "common/heap.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

enum { FORGET_AT_ONCE = 4 }; /* places given up with each new one: faster than they can be made */
enum { URGENT, ORDINARY, QUEUES };

struct place {
    uint64_t key;
    uint32_t in_hand, counting, waiting;
    mono_ns free_at;               /* when the next turn may begin, for the distance's sake */
    struct courtesy_turn *counted; /* of those in hand, the one that began first in front */
    struct courtesy_turn *queue[QUEUES];
    struct heap_node news;     /* when courtesy_take has something to say of it */
    struct place *prev, *next; /* among the idle */
    UT_hash_handle hh;
};

struct courtesy {
    struct courtesy_rules rules;
    uint32_t threads; /* that share them now */
    uint32_t at_once; /* for this thread; UINT32_MAX: no ceiling */
    mono_ns distance; /* between turns of this thread; 0: none */
    struct place *by_key;
    struct place *idle; /* nobody is there: the one left first in front */
    struct heap news;   /* of all places: MONO_NEVER where nobody waits */
};

int courtesy_new(struct courtesy **ret, const struct courtesy_rules *rules)
{
    struct courtesy *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->rules = *rules;
    courtesy_share(c, 1);
    heap_init(&c->news);
    *ret = c;
    return 0;
}

static void forget(struct courtesy *c, struct place *p)
{
    heap_drop(&c->news, &p->news);
    HASH_DEL(c->by_key, p);
    free(p);
}

void courtesy_free(struct courtesy *c)
{
    if (!c)
        return;
    struct place *p, *tmp;
    HASH_ITER (hh, c->by_key, p, tmp)
        forget(c, p);
    heap_done(&c->news);
    free(c);
}

uint64_t courtesy_place(const struct address *a)
{
    if (address_family(a) == AF_INET) {
        uint32_t number = ntohl(a->v4.sin_addr.s_addr);
        return number >> 24 == IN_LOOPBACKNET ? 0 : UINT64_C(1) << 32 | number;
    }
    uint64_t network;
    if (IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr))
        return 0;
    memcpy(&network, &a->v6.sin6_addr, sizeof network);
    return network ? be64toh(network) : 1; /* far above those of IPv4, whatever was ever given out */
}

size_t courtesy_places(const struct courtesy *c)
{
    return HASH_COUNT(c->by_key);
}

/* ── Places ────────────────────────────────────────────────────────────── */

static bool has_idled(const struct place *p)
{
    return p->in_hand == 0 && p->waiting == 0;
}

/* Nobody is there, and whoever comes need not keep a distance to anybody. */
static void forget_some(struct courtesy *c, mono_ns now)
{
    for (int i = 0; i < FORGET_AT_ONCE && c->idle && now >= c->idle->free_at; i++) {
        struct place *p = c->idle;
        DL_DELETE(c->idle, p);
        forget(c, p);
    }
}

static struct place *add(struct courtesy *c, uint64_t key)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->key = key;
    /* Among the news from the start: settling cannot fail later. */
    if (heap_set(&c->news, &p->news, MONO_NEVER) == 0) {
        HASH_ADD(hh, c->by_key, key, sizeof p->key, p);
        if (p->hh.tbl)
            return p;
        heap_drop(&c->news, &p->news);
    }
    free(p);
    return NULL;
}

/* Those who have had their turn for so long that they are no burden any more. */
static void stop_counting(struct place *p, mono_ns now)
{
    for (struct courtesy_turn *t; (t = p->counted) && now - t->since >= COURTESY_COUNTS_NS;) {
        DL_DELETE(p->counted, t);
        t->counts = false;
        p->counting--;
    }
}

/* Not among the idle: whoever visits settles it. */
static struct place *visit(struct courtesy *c, uint64_t key, mono_ns now)
{
    struct place *p = NULL;
    HASH_FIND(hh, c->by_key, &key, sizeof key, p);
    if (!p) {
        forget_some(c, now);
        return add(c, key);
    }
    if (has_idled(p))
        DL_DELETE(c->idle, p);
    stop_counting(p, now);
    return p;
}

static struct courtesy_turn *first_of(const struct place *p)
{
    return p->queue[URGENT] ? p->queue[URGENT] : p->queue[ORDINARY];
}

static struct courtesy_turn *oldest_of(const struct place *p)
{
    struct courtesy_turn *a = p->queue[URGENT], *b = p->queue[ORDINARY];
    return !a || (b && b->since < a->since) ? b : a;
}

static mono_ns later(mono_ns a, mono_ns b)
{
    return a > b ? a : b;
}

/* When the first there has its turn, or who came first has waited for too long. */
static mono_ns news_at(const struct courtesy *c, const struct place *p)
{
    if (p->waiting == 0)
        return MONO_NEVER;
    mono_ns room = p->counting < c->at_once ? p->free_at : p->counted->since + COURTESY_COUNTS_NS;
    mono_ns go = later(room, p->free_at), away = oldest_of(p)->since + c->rules.wait;
    return go < away ? go : away;
}

void courtesy_share(struct courtesy *c, uint32_t threads)
{
    struct place *p, *tmp;
    if (threads < c->rules.threads)
        threads = c->rules.threads;
    if (threads == c->threads)
        return;
    c->threads = threads;
    c->at_once = c->rules.at_once ? (c->rules.at_once + threads - 1) / threads : UINT32_MAX;
    c->distance = c->rules.per_s ? NS_PER_S * threads / c->rules.per_s : 0;
    HASH_ITER (hh, c->by_key, p, tmp)
        heap_set(&c->news, &p->news, news_at(c, p));
}

/* After whatever was done there. */
static void settle(struct courtesy *c, struct place *p)
{
    heap_set(&c->news, &p->news, news_at(c, p));
    if (has_idled(p))
        DL_APPEND(c->idle, p);
}

/* ── Turns ─────────────────────────────────────────────────────────────── */

static bool has_room(const struct courtesy *c, const struct place *p, mono_ns now)
{
    return p->counting < c->at_once && now >= p->free_at;
}

static void begin(struct courtesy *c, struct place *p, struct courtesy_turn *t, mono_ns now)
{
    t->since = now;
    t->counts = true;
    DL_APPEND(p->counted, t);
    p->counting++;
    p->in_hand++;
    p->free_at = now + c->distance;
}

static void end(struct place *p, struct courtesy_turn *t)
{
    if (t->counts) {
        DL_DELETE(p->counted, t);
        p->counting--;
    }
    t->counts = false;
    p->in_hand--;
}

static void enqueue(struct place *p, bool urgent, struct courtesy_turn *t, mono_ns now)
{
    t->waits = true;
    t->since = now;
    t->queue = urgent ? URGENT : ORDINARY;
    DL_APPEND(p->queue[t->queue], t);
    p->waiting++;
}

static void unqueue(struct place *p, struct courtesy_turn *t)
{
    DL_DELETE(p->queue[t->queue], t);
    t->waits = false;
    p->waiting--;
}

/* With so many before it, its turn would come too late. */
static bool in_vain(const struct courtesy *c, const struct place *p, mono_ns now)
{
    mono_ns first = p->free_at > now ? p->free_at - now : 0;
    return first + (mono_ns)p->waiting * c->distance > c->rules.wait;
}

/* What is said to whoever has come to a place. */
static enum courtesy_word receive(struct courtesy *c, struct place *p, bool urgent, struct courtesy_turn *t,
                                  mono_ns now)
{
    if (p->waiting == 0 && has_room(c, p, now)) {
        begin(c, p, t, now);
        return COURTESY_GO;
    }
    if (!urgent && in_vain(c, p, now))
        return COURTESY_AWAY;
    enqueue(p, urgent, t, now);
    return COURTESY_WAIT;
}

enum courtesy_word courtesy_ask(struct courtesy *c, uint64_t place, bool urgent, struct courtesy_turn *t,
                                void *owner, mono_ns now)
{
    if (t->at && t->at->key == place)
        return COURTESY_GO;
    courtesy_leave(c, t, now);
    if (place == 0 || (c->at_once == UINT32_MAX && c->distance == 0))
        return COURTESY_GO;

    struct place *p = visit(c, place, now);
    if (!p)
        return COURTESY_GO;
    enum courtesy_word word = receive(c, p, urgent, t, now);
    t->at = word == COURTESY_AWAY ? NULL : p;
    t->owner = owner;
    settle(c, p);
    return word;
}

void courtesy_leave(struct courtesy *c, struct courtesy_turn *t, mono_ns now)
{
    struct place *p = t->at;
    if (!p)
        return;
    if (t->waits)
        unqueue(p, t);
    else
        end(p, t);
    t->at = NULL;
    settle(c, p);
    forget_some(c, now);
}

/* ── Time passes ───────────────────────────────────────────────────────── */

void *courtesy_take(struct courtesy *c, mono_ns now, enum courtesy_word *ret)
{
    while (heap_first_key(&c->news) <= now) {
        struct place *p = heap_owner(heap_first(&c->news), struct place, news);
        struct courtesy_turn *t;
        stop_counting(p, now);
        if (has_room(c, p, now)) {
            t = first_of(p);
            *ret = COURTESY_GO;
            unqueue(p, t);
            begin(c, p, t, now);
            settle(c, p);
            return t->owner;
        }
        t = oldest_of(p);
        if (now - t->since >= c->rules.wait) {
            *ret = COURTESY_AWAY;
            courtesy_leave(c, t, now);
            return t->owner;
        }
        settle(c, p); /* somebody counts no longer, and more do than there is room for */
    }
    return NULL;
}

mono_ns courtesy_next(const struct courtesy *c)
{
    return heap_first_key(&c->news);
}
