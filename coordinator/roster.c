/* How room is counted
 *
 * A lane says once a second how many slots it has free. In between we count:
 * each job that it took uses a slot up, each result that was recorded gave one
 * back. Results that were waiting in its outbox when it spoke had given back
 * their slots by then, so that many recorded ones do not count again. The sum is
 * an estimate; where it is too high the lane answers busy, where it is too low
 * the next heartbeat mends it.
 */
#include "coordinator/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct lane_key {
    char worker[WORKER_NAME_SIZE]; /* zero-filled */
    uint16_t number;
};

struct member {
    struct roster_lane lane;
    struct lane_key key;
    int index;
    enum worker_health told; /* what roster_take_change said last */
    UT_hash_handle hh;
};

struct roster {
    struct roster_rules rules;
    struct member *by_key;
    struct member *at[ROSTER_MAX_LANES];
    size_t end;
    mono_ns next;  /* no change of health by silence before that */
    size_t cursor; /* where take_change goes on; end: nowhere */
    bool news;     /* a message changed somebody's health */
};

int roster_new(struct roster **ret, const struct roster_rules *rules)
{
    struct roster *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->rules = *rules;
    r->next = MONO_NEVER;
    *ret = r;
    return 0;
}

static void forget(struct roster *r, struct member *m)
{
    HASH_DEL(r->by_key, m);
    r->at[m->index] = NULL;
    free(m);
    while (r->end > 0 && !r->at[r->end - 1])
        r->end--;
}

void roster_free(struct roster *r)
{
    if (!r)
        return;
    for (size_t i = ROSTER_MAX_LANES; i-- > 0;)
        if (r->at[i])
            forget(r, r->at[i]);
    free(r);
}

static struct lane_key key_of(const char *worker, uint16_t number)
{
    struct lane_key key;
    memset(&key, 0, sizeof key); /* padding is compared too */
    memcpy(key.worker, worker, strnlen(worker, sizeof key.worker - 1));
    key.number = number;
    return key;
}

static struct member *find(const struct roster *r, const char *worker, uint16_t number)
{
    struct lane_key key = key_of(worker, number);
    struct member *m;
    HASH_FIND(hh, r->by_key, &key, sizeof key, m);
    return m;
}

static struct member *member(const struct roster *r, int lane)
{
    return lane >= 0 && (size_t)lane < r->end ? r->at[lane] : NULL;
}

static bool present(const struct roster_lane *l)
{
    return l->health != WORKER_DEAD && l->health != WORKER_GONE;
}

/* ── Coming ────────────────────────────────────────────────────────────── */

static int vacancy(const struct roster *r)
{
    for (int i = 0; i < ROSTER_MAX_LANES; i++)
        if (!r->at[i])
            return i;
    return -ENOSPC;
}

static int admit(struct roster *r, const struct control *hello, struct member **ret)
{
    int index = vacancy(r);
    if (index < 0)
        return index;
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    m->key = key_of(hello->worker, hello->lane);
    m->index = index;
    m->told = WORKER_GONE;
    m->lane.health = WORKER_GONE;
    strcpy(m->lane.worker, m->key.worker);
    m->lane.number = hello->lane;
    HASH_ADD(hh, r->by_key, key, sizeof m->key, m);
    r->at[index] = m;
    if ((size_t)index >= r->end)
        r->end = (size_t)index + 1;
    *ret = m;
    return 0;
}

static enum roster_welcome kind_of(const struct roster_lane *l, const struct control *hello)
{
    if (l->nonce && l->nonce != hello->nonce && l->health != WORKER_GONE)
        return ROSTER_RESTARTED;
    return present(l) ? ROSTER_AGAIN : ROSTER_JOINED;
}

/* What its health should be, from what is known of it. Gone is final until hello. */
static enum worker_health judge(const struct roster *r, struct roster_lane *l, mono_ns now)
{
    mono_ns silence = now - l->heard;
    l->silent = silence >= r->rules.suspect_after;
    if (l->health == WORKER_GONE)
        return WORKER_GONE;
    if (silence >= r->rules.dead_after)
        return WORKER_DEAD;
    if (l->draining)
        return WORKER_DRAINING;
    return l->silent || l->doubts || now < l->accused_until ? WORKER_SUSPECT : WORKER_READY;
}

/* A lane's life begins anew. A hello that it only repeats changes none of this. */
static void begin(struct roster_lane *l, const struct control *hello, wall_us wall)
{
    l->nonce_before = l->nonce == hello->nonce ? 0 : l->nonce;
    l->joined_us = wall;
    l->done = 0;
    l->free_slots = hello->slots;
    l->unrecorded = l->taken_since = l->recorded_since = 0;
    l->doubts = l->draining = false;
    l->reason[0] = '\0';
    l->health = WORKER_READY; /* until judged */
}

int roster_hello(struct roster *r, const struct control *hello, unsigned location, mono_ns now, wall_us wall,
                 enum roster_welcome *ret)
{
    struct member *m = find(r, hello->worker, hello->lane);
    int e = m ? 0 : admit(r, hello, &m);
    if (e < 0)
        return e;

    struct roster_lane *l = &m->lane;
    *ret = kind_of(l, hello);
    if (*ret != ROSTER_AGAIN)
        begin(l, hello, wall);
    l->nonce = hello->nonce;
    l->location = location;
    memcpy(l->software, hello->software, sizeof l->software);
    l->slots = hello->slots;
    l->heard = now;
    l->heard_us = wall;
    l->health = judge(r, l, now);
    r->news = true;
    if (now + r->rules.suspect_after < r->next)
        r->next = now + r->rules.suspect_after;
    return m->index;
}

bool roster_holds(const struct roster *r, int lane, const char *worker, uint64_t nonce, mono_ns now)
{
    const struct member *m = member(r, lane);
    return m && m->lane.nonce && m->lane.nonce != nonce && present(&m->lane) &&
           now - m->lane.heard < r->rules.suspect_after && strcmp(m->lane.worker, worker) == 0;
}

/* ── Being there ───────────────────────────────────────────────────────── */

int roster_find(const struct roster *r, const char *worker, uint16_t number)
{
    struct member *m = find(r, worker, number);
    return m ? m->index : -ENOENT;
}

size_t roster_end(const struct roster *r)
{
    return r->end;
}

const struct roster_lane *roster_lane(const struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    return m ? &m->lane : NULL;
}

bool roster_heard(struct roster *r, int lane, uint64_t nonce, const uint8_t *peer, size_t peer_len,
                  mono_ns now, wall_us wall)
{
    struct member *m = member(r, lane);
    if (!m || m->lane.nonce != nonce || m->lane.health == WORKER_GONE || peer_len > PEER_SIZE)
        return false;
    struct roster_lane *l = &m->lane;
    memcpy(l->peer, peer, peer_len);
    l->peer_len = peer_len;
    l->heard = now;
    l->heard_us = wall;
    enum worker_health health = judge(r, l, now);
    if (health != l->health) {
        l->health = health;
        r->news = true;
    }
    /* The next silence is noticed from here on; a lane that was dead was not waited for. */
    if (now + r->rules.suspect_after < r->next)
        r->next = now + r->rules.suspect_after;
    return true;
}

void roster_heartbeat(struct roster *r, int lane, const struct control *beat)
{
    struct member *m = member(r, lane);
    if (!m)
        return;
    struct roster_lane *l = &m->lane;
    l->free_slots = beat->free_slots < l->slots ? beat->free_slots : l->slots;
    l->unrecorded = beat->unrecorded;
    l->descriptors = beat->descriptors;
    l->descriptors_most = beat->descriptors_most;
    l->taken_since = l->recorded_since = 0;
    snprintf(l->reason, sizeof l->reason, "%.*s", beat->suspect ? DOUBT_SIZE - 1 : 0, beat->text);
    if (l->doubts != beat->suspect) {
        l->doubts = beat->suspect;
        l->health = judge(r, l, l->heard);
        r->news = true;
    }
}

void roster_taken(struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    if (m)
        m->lane.taken_since++;
}

void roster_busy(struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    if (!m)
        return;
    m->lane.free_slots = 0;
    m->lane.taken_since = m->lane.recorded_since = 0;
    /* What comes back from now on makes room again at once. */
    m->lane.unrecorded = 0;
}

void roster_recorded(struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    if (!m)
        return;
    m->lane.done++;
    m->lane.recorded_since++;
}

void roster_accuse(struct roster *r, const char *worker, mono_ns until, mono_ns now)
{
    for (size_t i = 0; i < r->end; i++) {
        struct member *m = r->at[i];
        if (!m || strcmp(m->lane.worker, worker) != 0)
            continue;
        m->lane.accused_until = until;
        m->lane.health = judge(r, &m->lane, now);
        r->news = true;
        if (now < until && until < r->next)
            r->next = until;
    }
}

void roster_draining(struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    if (!m || m->lane.health == WORKER_GONE)
        return;
    m->lane.draining = true;
    m->lane.health = judge(r, &m->lane, m->lane.heard);
    r->news = true;
}

void roster_goodbye(struct roster *r, int lane)
{
    struct member *m = member(r, lane);
    if (!m)
        return;
    m->lane.health = WORKER_GONE;
    r->news = true;
}

/* ── Going ─────────────────────────────────────────────────────────────── */

/* When time next changes what a lane is. */
static mono_ns next_of(const struct roster *r, const struct roster_lane *l, mono_ns now)
{
    if (!present(l))
        return l->heard + ROSTER_KEEP_NS;
    mono_ns next = l->heard + (l->silent ? r->rules.dead_after : r->rules.suspect_after);
    return now < l->accused_until && l->accused_until < next ? l->accused_until : next;
}

/* Everybody's health anew: rare, at most when somebody's silence begins or ends. */
static void review(struct roster *r, mono_ns now)
{
    r->next = MONO_NEVER;
    for (size_t i = 0; i < r->end; i++) {
        struct member *m = r->at[i];
        if (!m)
            continue;
        if (!present(&m->lane) && m->told == m->lane.health && now - m->lane.heard >= ROSTER_KEEP_NS) {
            forget(r, m);
            continue;
        }
        m->lane.health = judge(r, &m->lane, now);
        mono_ns next = next_of(r, &m->lane, now);
        if (next < r->next)
            r->next = next;
    }
}

bool roster_take_change(struct roster *r, mono_ns now, struct roster_change *ret)
{
    if (now >= r->next) {
        review(r, now);
        r->news = true;
    }
    if (!r->news)
        return false;
    for (; r->cursor < r->end; r->cursor++) {
        struct member *m = r->at[r->cursor];
        if (!m || m->told == m->lane.health)
            continue;
        *ret = (struct roster_change){ .lane = m->index, .from = m->told, .to = m->lane.health };
        m->told = m->lane.health;
        return true;
    }
    r->cursor = 0;
    r->news = false;
    return false;
}

mono_ns roster_next(const struct roster *r)
{
    return r->next;
}

void roster_excuse(struct roster *r, mono_ns gap)
{
    for (size_t i = 0; i < r->end; i++)
        if (r->at[i])
            r->at[i]->lane.heard += gap;
    if (r->next < MONO_NEVER - gap)
        r->next += gap;
}

/* ── Room ──────────────────────────────────────────────────────────────── */

static uint32_t room_of(const struct roster_lane *l)
{
    int64_t back = (int64_t)l->recorded_since - l->unrecorded;
    int64_t room = (int64_t)l->free_slots - l->taken_since + (back > 0 ? back : 0);
    return room < 0 ? 0 : room > l->slots ? l->slots : (uint32_t)room;
}

static const struct roster_lane *present_at(const struct roster *r, size_t i, unsigned location)
{
    const struct member *m = r->at[i];
    return m && m->lane.location == location ? &m->lane : NULL;
}

static bool is_only_in_doubt(const struct roster_lane *l)
{
    return l->health == WORKER_SUSPECT && !l->silent;
}

static bool any_is_ready(const struct roster *r, unsigned location)
{
    for (size_t i = 0; i < r->end; i++) {
        const struct roster_lane *l = present_at(r, i, location);
        if (l && l->health == WORKER_READY)
            return true;
    }
    return false;
}

/* The lane at i if work is counted on it. */
static const struct roster_lane *ready_at(const struct roster *r, size_t i, unsigned location, bool any_ready)
{
    const struct roster_lane *l = present_at(r, i, location);
    return l && (any_ready ? l->health == WORKER_READY : is_only_in_doubt(l)) ? l : NULL;
}

unsigned roster_ready(const struct roster *r, unsigned location)
{
    bool any = any_is_ready(r, location);
    unsigned n = 0;
    for (size_t i = 0; i < r->end; i++)
        n += ready_at(r, i, location, any) != NULL;
    return n;
}

unsigned roster_present(const struct roster *r)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->end; i++)
        n += r->at[i] && present(&r->at[i]->lane);
    return n;
}

bool roster_has_other(const struct roster *r, unsigned location, const char *worker)
{
    bool any = any_is_ready(r, location);
    for (size_t i = 0; i < r->end; i++) {
        const struct roster_lane *l = ready_at(r, i, location, any);
        if (l && strcmp(l->worker, worker) != 0)
            return true;
    }
    return false;
}

bool roster_has_other_key(const struct roster *r, unsigned location, const uint64_t *keys, uint64_t key)
{
    bool any = any_is_ready(r, location);
    for (size_t i = 0; i < r->end; i++)
        if (ready_at(r, i, location, any) && keys[i] != key)
            return true;
    return false;
}

bool roster_may_rest(const struct roster *r, int lane)
{
    const struct roster_lane *l = roster_lane(r, lane);
    return l && l->health == WORKER_SUSPECT && any_is_ready(r, l->location);
}

uint32_t roster_window(const struct roster *r, unsigned location, uint32_t untaken, uint32_t pipeline)
{
    uint64_t window = 0, room = 0;
    bool any = any_is_ready(r, location);
    for (size_t i = 0; i < r->end; i++) {
        const struct roster_lane *l = ready_at(r, i, location, any);
        if (!l)
            continue;
        window += r->rules.window;
        room += room_of(l);
    }
    if (window > 0 && pipeline > window)
        window = pipeline;
    uint64_t most = window < room ? window : room;
    return most > untaken ? (uint32_t)(most - untaken) : 0;
}
