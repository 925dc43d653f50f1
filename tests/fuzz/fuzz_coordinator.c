/* A coordinator whose workers and collector say whatever they like, in any order, at any time.
 *
 * It is the whole of it, on a loop with a clock of its own, a bus without a network and a store in memory.
 * What it sends is always what its receivers can read; and:
 *   - no job id is given twice, and a job is only ever sent where its site is to be looked at from
 *   - a site that a worker has taken, and of which it has said nothing else, is in nobody else's hand
 *   - no more jobs are on their way to a location than its lanes have said that they have room for
 *   - a key speaks for its own worker only, and is welcomed at its own location only
 *   - slots that were concluded or missed are never more than were scheduled, while sites stay where they are
 *   - when nobody is to be looked at any more, nothing stays under way
 */
/* libFuzzer: -max_len=512 */
#include "common/log.h"
#include "common/site.h"
#include "coordinator/coordinator.h"
#include "coordinator/herald.h"
#include "proto/wire.h"
#include "tests/fuzz/fake.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

enum {
    SITES = 8,
    WORKERS = 3, /* of two lanes each: the last is at the second location */
    PEERS = 2 * WORKERS,
    JOBS = 2048, /* that are remembered */
    MOST_OPS = 200,
    FAR_WORKER = WORKERS - 1,
};
#define SILENT_NS (2900 * NS_PER_MS) /* from then on a lane may count as silent */
#define ROOM_NS   NS_PER_S           /* jobs that young count as on their way */

struct given { /* a job */
    uint64_t id;
    struct run run;
    mono_ns sent;
    int holder; /* a peer; -1 */
    mono_ns taken;
    bool answered, recorded;
};

struct peer {
    char worker[WORKER_NAME_SIZE];
    uint16_t lane;
    uint64_t nonce;
    bool in; /* welcomed, and nothing since that may have ended it */
    mono_ns heard;
};

static struct world {
    struct script script;
    struct config config;
    struct loop *loop;
    struct coordinator *coordinator;
    struct wire_arena *arena;
    uint32_t epoch;
    bool keyed, store_away;
    bool moved; /* a site got other locations: what it owes from before is counted by the new ones */
    struct site site[SITES];
    uint64_t change;
    wall_us last_slot[SITES];
    struct peer peer[PEERS];
    struct given job[JOBS];
    size_t n_jobs;
    uint32_t room[2]; /* that lanes have said they have: "local", "far"; all that was ever said, added up */
    bool jobs_full, results_full, peers_gone;
    struct vitals vitals;
} w;

static const char *const urls[] = { "http://shop.example.com/", "https://www.example.com/a",
                                    "http://example.org:8080/", "https://192.0.2.1/" };
static const char *const places[] = { "", "local", "far", "far,local", "far,local,moon" };
static const uint32_t intervals[] = { 1000, 5000, 10000, 60000, 300000 };

/* ── The store ─────────────────────────────────────────────────────────── */

static int away(struct err *err)
{
    return w.store_away ? err_set(err, -EAGAIN, "the store is away") : 0;
}

int __wrap_store_newest_change(struct store *s, uint64_t *ret, struct err *err);
int __wrap_store_newest_change(struct store *s, uint64_t *ret, struct err *err)
{
    (void)s;
    *ret = w.change;
    return away(err);
}

int __wrap_store_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err);
int __wrap_store_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err)
{
    (void)s;
    int r = away(err);
    for (size_t i = 0; r == 0 && i < SITES; i++)
        r = w.site[i].removed ? 0 : fn(arg, &w.site[i]);
    return r;
}

/* The one that was edited next after the mark. */
static const struct site *next_edited(const struct site_mark *mark)
{
    const struct site *next = NULL;
    for (size_t i = 0; i < SITES; i++) {
        const struct site *x = &w.site[i];
        bool behind = x->change > mark->change || (x->change == mark->change && x->id > mark->id);
        if (behind && (!next || x->change < next->change))
            next = x;
    }
    return next;
}

int __wrap_store_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn,
                             void *arg, struct err *err);
int __wrap_store_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn,
                             void *arg, struct err *err)
{
    (void)s;
    unsigned n = 0;
    int r = away(err);
    for (const struct site *x; r == 0 && n < most && (x = next_edited(mark)); n++) {
        r = fn(arg, x);
        *mark = (struct site_mark){ x->change, x->id };
    }
    return r ? r : (int)n;
}

int __wrap_store_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err);
int __wrap_store_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err)
{
    (void)s;
    int r = away(err);
    for (size_t i = 0; r == 0 && i < SITES; i++)
        r = w.last_slot[i] ? fn(arg, w.site[i].id, w.last_slot[i]) : 0;
    return r;
}

int __wrap_store_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                             store_result_fn *fn, void *arg, struct err *err);
int __wrap_store_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                             store_result_fn *fn, void *arg, struct err *err)
{
    (void)s;
    int r = away(err);
    for (size_t i = 0; r == 0 && max > 0 && i < w.n_jobs; i++) {
        const struct given *g = &w.job[i];
        struct result x = { .job_id = g->id, .run = g->run, .span = 1 };
        if (!g->recorded || g->run.site_id != site_id || g->run.slot_us < from_us || g->run.slot_us >= to_us)
            continue;
        r = fn(arg, &x);
        max--;
    }
    return r;
}

int __wrap_store_get_settled(struct store *s, wall_us *ret, struct err *err);
int __wrap_store_get_settled(struct store *s, wall_us *ret, struct err *err)
{
    (void)s;
    *ret = w.vitals.settled_us;
    return away(err);
}

/* In place of a thread that asks the store: it says at once what there is. */
struct herald {
    struct loop_bell bell;
    herald_fn *fn;
    void *arg;
};
static struct herald herald;

static void on_bell(void *arg)
{
    struct err err = { 0 };
    (void)arg;
    herald.fn(herald.arg, away(&err) < 0 ? &err : NULL);
}

int herald_new(struct herald **ret, struct loop *l, const char *store_url, int64_t every_us, herald_fn *fn,
               void *arg, struct err *err)
{
    (void)store_url, (void)every_us, (void)err;
    *ret = &herald;
    herald.fn = fn;
    herald.arg = arg;
    return loop_bell_init(l, &herald.bell, on_bell, NULL);
}

void herald_free(struct herald *h)
{
    if (h)
        loop_bell_done(&h->bell);
}

/* ── What is believed of lanes ─────────────────────────────────────────── */

/* Whatever may be a reason to take a job back makes it nobody's here. */
static void release(int peer)
{
    for (size_t i = 0; i < w.n_jobs; i++)
        if (w.job[i].holder == peer)
            w.job[i].holder = -1;
}

static void lost(int peer)
{
    w.peer[peer].in = false;
    release(peer);
}

static void note_silence(void)
{
    for (int i = 0; i < PEERS; i++)
        if (w.peer[i].in && fake_now() - w.peer[i].heard >= SILENT_NS)
            lost(i);
}

static int find_peer(const char *worker, unsigned lane)
{
    for (int i = 0; i < PEERS; i++)
        if (w.peer[i].lane == lane && strcmp(w.peer[i].worker, worker) == 0)
            return i;
    return -1;
}

static const char *location_of(int peer)
{
    return peer / 2 == FAR_WORKER ? "far" : "local";
}

/* ── What it sends ─────────────────────────────────────────────────────── */

static void told(const struct fake_sent *s)
{
    struct control c;
    must(wire_unpack_control(w.arena, s->bytes, s->len, &c, NULL) == 0);
    must(s->peer_len == 1 && s->peer[0] < PEERS);
    int peer = find_peer(c.worker, c.lane);
    if (c.kind != CONTROL_WELCOME || peer < 0)
        return;
    if (w.keyed) {
        must(strcmp(c.location, location_of(s->peer[0])) == 0);
        int worker = peer / 2;
        bool there = w.peer[2 * worker].in || w.peer[2 * worker + 1].in;
        must(worker == s->peer[0] / 2 || !there); /* a name is its key's while it is there */
    }
    if (!w.peer[peer].in)
        release(peer);
    w.peer[peer].in = peer == s->peer[0] && strcmp(c.location, location_of(peer)) == 0;
}

static void no_other_has(const struct run *run)
{
    for (size_t i = 0; i < w.n_jobs; i++) {
        const struct given *g = &w.job[i];
        if (g->holder < 0 || g->run.look > 0 || g->run.site_id != run->site_id ||
            strcmp(g->run.location, run->location) != 0)
            continue;
        must(fake_now() - g->taken >= (mono_ns)w.site[run->site_id - 1].timeout_ms * NS_PER_MS);
    }
}

static void must_have_room(const char *location)
{
    uint32_t room = w.room[strcmp(location, "far") == 0], under_way = 0;
    for (size_t i = 0; i < w.n_jobs; i++)
        under_way += !w.job[i].answered && fake_now() - w.job[i].sent < ROOM_NS &&
                     strcmp(w.job[i].run.location, location) == 0;
    must(under_way <= room);
}

static void given(const struct fake_sent *s)
{
    struct job_batch b;
    must(wire_unpack_jobs(w.arena, s->bytes, s->len, &b, NULL) == 0);
    must(b.epoch == w.epoch && b.n_jobs > 0);
    for (size_t i = 0; i < b.n_jobs; i++) {
        const struct job *j = &b.jobs[i];
        tell("  job %lx site %lu slot %ld look %u %s attempt %u\n", j->id, j->run.site_id,
             (long)(j->run.slot_us - FAKE_BEGIN_WALL), j->run.look, j->run.location, j->attempt);
        must(j->run.site_id >= 1 && j->run.site_id <= SITES && job_id_epoch(j->id) == w.epoch);
        must(strcmp(j->run.location, s->location) == 0);
        must(j->attempt >= 1 && j->attempt <= w.config.coordinator.attempts);
        for (size_t k = 0; k < w.n_jobs; k++)
            must(w.job[k].id != j->id);
        if (j->run.look == 0)
            no_other_has(&j->run);
        if (w.n_jobs < JOBS)
            w.job[w.n_jobs++] =
                (struct given){ .id = j->id, .run = j->run, .sent = fake_now(), .holder = -1 };
    }
    must_have_room(s->location);
}

static void nobody_looked(const struct result *x)
{
    tell("  nobody looked: site %lu slot %ld look %u %s: %s, %u slots\n", x->run.site_id,
         (long)(x->run.slot_us - FAKE_BEGIN_WALL), x->run.look, x->run.location, cause_name(x->cause),
         x->span);
    must(x->verdict == VERDICT_UNKNOWN && strcmp(x->worker, "coordinator") == 0);
}

static void reported(const struct fake_sent *s)
{
    struct report r;
    must(wire_unpack_report(w.arena, s->bytes, s->len, &r, NULL) == 0);
    for (size_t i = 0; r.kind == REPORT_RESULTS && i < r.n_results; i++)
        nobody_looked(&r.results[i]);
    if (r.kind != REPORT_VITALS)
        return;
    w.vitals = r.vitals;
    tell("%.3f vitals: scheduled %lu concluded %lu missed %lu in_flight %lu waiting %lu\n",
         (double)fake_now() / 1e9, r.vitals.scheduled, r.vitals.concluded, r.vitals.missed,
         r.vitals.in_flight, r.vitals.waiting);
    must(w.moved || r.vitals.concluded + r.vitals.missed <= r.vitals.scheduled);
}

static int on_sent(void *arg, const struct fake_sent *s)
{
    (void)arg;
    if (s->lane == LANE_CONTROL && w.peers_gone)
        return -EHOSTUNREACH;
    if ((s->lane == LANE_JOBS && w.jobs_full) || (s->lane == LANE_RESULTS && w.results_full))
        return -EAGAIN;
    note_silence();
    if (s->lane == LANE_CONTROL)
        told(s);
    else if (s->lane == LANE_JOBS)
        given(s);
    else
        reported(s);
    return 0;
}

/* ── What workers say ──────────────────────────────────────────────────── */

static void turn(void)
{
    fake_pass(w.loop, 0);
}

static void put(enum lane lane, int peer, const struct access_user *user, const void *bytes, size_t len)
{
    uint8_t name = (uint8_t)peer;
    fake_put(fake_socket(lane, SIDE_TO, 0), &name, lane == LANE_CONTROL, user, bytes, len);
    turn();
}

static struct access_user user_of(int peer)
{
    struct access_user u = { .role = w.keyed ? ACCESS_WORKER : 0,
                             .id = w.keyed ? 1 + (uint64_t)peer / 2 : 0 };
    strcpy(u.location, location_of(peer));
    return u;
}

/* As `as`, whoever it is. */
static void say(int peer, int as, struct control *c)
{
    static uint8_t bytes[WIRE_MAX_BYTES];
    struct access_user user = user_of(peer);
    struct peer *p = &w.peer[as];
    strcpy(c->worker, p->worker);
    c->lane = p->lane;
    c->nonce = c->nonce ? c->nonce : p->nonce;
    int len = wire_pack_control(c, bytes, sizeof bytes);
    if (len <= 0)
        return;
    if (peer != as && (!w.keyed || peer / 2 == as / 2)) /* it may count as its own word */
        lost(as);
    if (peer == as && c->nonce == p->nonce)
        p->heard = fake_now();
    put(LANE_CONTROL, peer, &user, bytes, (size_t)len);
}

static struct given *some_job(void)
{
    size_t back = script_byte(&w.script);
    return w.n_jobs ? &w.job[w.n_jobs - 1 - back % w.n_jobs] : NULL;
}

static int some_peer(void)
{
    return (int)script_below(&w.script, PEERS);
}

static void say_hello(void)
{
    int p = some_peer();
    uint8_t how = script_byte(&w.script);
    struct control c = { .kind = CONTROL_HELLO, .slots = 1 + (how >> 3) % 32u };
    strcpy(c.location, how & 2 ? places[1 + (how >> 2 & 1)] : location_of(p));
    if (how & 1) { /* started again */
        w.peer[p].nonce++;
        lost(p);
    }
    w.room[strcmp(c.location, "far") == 0] += c.slots;
    say(p, p, &c);
}

static void say_taken(void)
{
    int p = some_peer();
    struct given *g = some_job();
    if (!g)
        return;
    struct control c = { .kind = CONTROL_TAKEN, .ids = &g->id, .n_ids = 1 };
    bool here = strcmp(g->run.location, location_of(p)) == 0;
    /* Later, another may have it. */
    bool counts = w.peer[p].in && !g->answered && here && fake_now() - g->sent < ROOM_NS;
    g->answered |= here || !w.keyed;
    say(p, p, &c);
    if (!w.peer[p].in || !counts)
        return;
    g->holder = job_id_epoch(g->id) == w.epoch ? p : -1;
    g->taken = fake_now();
}

static void say_busy(void)
{
    int p = some_peer();
    struct given *g = some_job();
    if (!g)
        return;
    struct control c = { .kind = CONTROL_BUSY, .ids = &g->id, .n_ids = 1 };
    if (g->holder == p)
        g->holder = -1;
    g->answered |= strcmp(g->run.location, location_of(p)) == 0 || !w.keyed;
    say(p, p, &c);
}

/* All that it has, some of it, or nothing; whole or in parts. */
static void say_beat(void)
{
    static uint64_t ids[JOBS];
    int p = some_peer();
    uint8_t how = script_byte(&w.script);
    struct control c = { .kind = CONTROL_HEARTBEAT, .free_slots = script_byte(&w.script), .ids = ids };
    c.suspect = how & 1;
    c.all_ids = how & 2;
    if (how & 4) {
        c.all_ids = false;
        c.parts = 1 + (how >> 5);
        c.part = script_below(&w.script, c.parts);
    }
    for (size_t i = 0; i < w.n_jobs && c.n_ids < CONTROL_MAX_IDS; i++)
        if (w.job[i].holder == p && !(how & 8 && i % 2))
            ids[c.n_ids++] = w.job[i].id;
    if (how & 8) /* it lacks some */
        release(p);
    if (how & 16) {
        const struct given *g = some_job(); /* ... and has others' */
        if (g && c.n_ids < CONTROL_MAX_IDS)
            ids[c.n_ids++] = g->id;
    }
    if (!c.all_ids && c.parts == 0)
        c.n_ids = 0;
    w.room[0] += c.free_slots;
    w.room[1] += c.free_slots;
    say(p, p, &c);
    if (how & 4)
        release(p); /* several of one number are not what it has in hand */
}

static void say_leaving(void)
{
    int p = some_peer();
    struct control c = { .kind = script_byte(&w.script) & 1 ? CONTROL_GOODBYE : CONTROL_DRAINING };
    if (c.kind == CONTROL_GOODBYE)
        lost(p);
    say(p, p, &c);
}

/* Of any kind, for any worker. */
static void say_anything(void)
{
    int p = some_peer(), as = some_peer();
    const struct given *g = some_job();
    struct control c = {
        .kind = 1 + script_below(&w.script, CONTROL_KIND_END - 1),
        .nonce = script_byte(&w.script),
        .slots = script_byte(&w.script),
        .all_ids = script_byte(&w.script) & 1,
    };
    strcpy(c.location, places[1 + script_below(&w.script, 2)]);
    if (g) {
        c.ids = &g->id;
        c.n_ids = 1;
    }
    w.room[strcmp(c.location, "far") == 0] += c.slots;
    if (p == as || !w.keyed)
        lost(as);
    say(p, as, &c);
}

static void say_bytes(void)
{
    size_t len;
    int p = some_peer();
    const uint8_t *bytes = script_bytes(&w.script, 255, &len);
    struct access_user user = user_of(p);
    enum lane lane = script_byte(&w.script) & 1 ? LANE_CONTROL : LANE_FEEDBACK;
    for (int i = 0; i < PEERS; i++)
        lost(i); /* who knows what they say */
    put(lane, p, &user, bytes, len);
}

static void say_misshapen(void)
{
    uint8_t what = script_byte(&w.script);
    enum lane lane = what & 1 ? LANE_CONTROL : LANE_FEEDBACK;
    if (what & 2)
        fake_cut(fake_socket(lane, SIDE_TO, 0));
    else
        put(lane, 0, NULL, NULL, 0);
}

/* ── What the collector says ───────────────────────────────────────────── */

static void feed_back(const struct feedback *f)
{
    static uint8_t bytes[WIRE_MAX_BYTES];
    struct access_user user = { .role = w.keyed ? ACCESS_SELF : 0 };
    int len = wire_pack_feedback(f, bytes, sizeof bytes);
    if (len > 0)
        put(LANE_FEEDBACK, 0, &user, bytes, (size_t)len);
}

static void record(void)
{
    struct given *g = some_job();
    uint8_t how = script_byte(&w.script);
    if (!g)
        return;
    struct recorded x = {
        .job_id = g->id,
        .run = g->run,
        .lane = w.peer[how % PEERS].lane,
        .patience_s = how & 64 ? 30 : 0,
        .held_back = how & 128,
    };
    strcpy(x.worker, w.peer[how % PEERS].worker);
    for (size_t i = 0; i < w.n_jobs; i++)
        if (memcmp(&w.job[i].run, &g->run, sizeof g->run) == 0) {
            w.job[i].holder = -1;
            w.job[i].answered = true;
        }
    tell("  recorded job %lx site %lu slot %ld look %u %s held_back %d\n", x.job_id, x.run.site_id,
         (long)(x.run.slot_us - FAKE_BEGIN_WALL), x.run.look, x.run.location, x.held_back);
    feed_back(&(struct feedback){ .recorded = &x, .n_recorded = 1 });
    g->recorded = true;
    if (g->run.look == 0 && g->run.slot_us > w.last_slot[g->run.site_id - 1])
        w.last_slot[g->run.site_id - 1] = g->run.slot_us;
}

static void ask_again(void)
{
    const struct given *g = some_job();
    uint8_t how = script_byte(&w.script);
    struct look_again x = { .within_ms = how & 1 ? 15000 : 0 };
    if (g)
        x.run = g->run;
    else
        strcpy(x.run.location, "local");
    x.run.look = 1 + (how >> 1) % 5;
    if (how & 16)
        x.run.site_id = script_byte(&w.script);
    if (how & 32)
        strcpy(x.avoid, w.peer[how % PEERS].worker);
    if (how & 64)
        strcpy(x.run.location, places[1 + how % 2]);
    feed_back(&(struct feedback){ .again = &x, .n_again = 1 });
}

static void accuse(void)
{
    struct accused x = { .for_ms = (uint32_t)script_number(&w.script, 2) };
    strcpy(x.worker, w.peer[some_peer()].worker);
    feed_back(&(struct feedback){ .accused = &x, .n_accused = 1 });
}

/* ── What else happens ─────────────────────────────────────────────────── */

static void wait(void)
{
    static const int ms[] = { 1, 10, 100, 300, 700, 1000, 2000, 3500, 11000, 30000, 70000 };
    fake_pass(w.loop, ms[script_below(&w.script, sizeof ms / sizeof *ms)] * NS_PER_MS);
    note_silence();
}

/* The process was stopped, or the clock was set. */
static void stumble(void)
{
    uint8_t how = script_byte(&w.script);
    if (how & 1)
        fake_sleep((how >> 1) * NS_PER_S / 4);
    else
        fake_step_wall(((int)how - 128) * US_PER_S);
    for (int i = 0; i < PEERS; i++)
        lost(i);
    turn();
}

static void edit(void)
{
    struct site *s = &w.site[script_below(&w.script, SITES)];
    uint8_t how = script_byte(&w.script);
    for (size_t i = 0; i < w.n_jobs; i++)
        if (w.job[i].run.site_id == s->id)
            w.job[i].holder = -1;
    s->paused = how & 1;
    s->removed |= how == 255;
    s->every_ms = intervals[(how >> 1) % (sizeof intervals / sizeof *intervals)];
    s->timeout_ms = s->every_ms < 5000 ? s->every_ms : 5000;
    w.moved = true;
    s->locations = places[(how >> 4) % (sizeof places / sizeof *places)];
    s->url = urls[how % (sizeof urls / sizeof *urls)];
    s->change = ++w.change;
    s->changed_us = clock_wall();
    loop_bell_ring(&herald.bell);
}

static void hinder(void)
{
    uint8_t how = script_byte(&w.script);
    w.jobs_full = how & 1;
    w.results_full = how & 2;
    w.peers_gone = how & 4;
    w.store_away = how & 8;
    loop_bell_ring(&herald.bell);
}

static void meet(void)
{
    static const char *const doors[] = { "results=tcp://192.0.2.9:7712", "results=ipc:///run/r",
                                         "feed=", "" };
    coordinator_meet(w.coordinator, doors[script_below(&w.script, 4)]);
}

static void begin_coordinator(void)
{
    struct err err = { 0 };
    w.epoch++;
    must(loop_new(&w.loop) == 0);
    if (coordinator_new(&w.coordinator, &w.config, w.loop, NULL, NULL, NULL, NULL, w.epoch, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    turn();
}

static void end_coordinator(void)
{
    coordinator_leave(w.coordinator);
    coordinator_free(w.coordinator);
    loop_free(w.loop);
}

static void restart(void)
{
    w.store_away = false;
    for (int i = 0; i < PEERS; i++)
        lost(i);
    end_coordinator();
    begin_coordinator();
}

#define OP(f) \
    {         \
        f, #f \
    }
static const struct {
    void (*fn)(void);
    const char *name;
} ops[] = { OP(wait),         OP(wait),          OP(wait),     OP(say_hello), OP(say_hello), OP(say_taken),
            OP(say_taken),    OP(say_busy),      OP(say_beat), OP(say_beat),  OP(record),    OP(record),
            OP(ask_again),    OP(accuse),        OP(edit),     OP(hinder),    OP(stumble),   OP(say_leaving),
            OP(say_anything), OP(say_misshapen), OP(meet),     OP(say_bytes), OP(restart) };

/* ── Beginning and end ─────────────────────────────────────────────────── */

static void make_world(const uint8_t *data, size_t size)
{
    static struct wire_arena *arena;
    if (!arena) {
        must(wire_arena_new(&arena) == 0);
        log_setup("fuzz", tells() ? LOG_DEBUG : LOG_OFF);
    }
    memset(&w, 0, sizeof w);
    w.arena = arena;
    w.script = (struct script){ data, data + size };
    uint8_t how = script_byte(&w.script);
    w.keyed = how & 1;
    config_init(&w.config);
    must(config_set(&w.config, "locations=local,far", NULL) == 0);
    if (how & 2)
        must(config_set(&w.config, "polite.domain_at_once=1", NULL) == 0);
    for (size_t i = 0; i < SITES; i++)
        w.site[i] = (struct site){ .id = i + 1,
                                   .url = urls[i % 4],
                                   .every_ms = intervals[i % 5],
                                   .timeout_ms = i % 5 == 0 ? 1000 : 5000,
                                   .contains = "",
                                   .locations = places[i % 4],
                                   .paused = how >> 2 & i & 1,
                                   .change = w.change = i + 1,
                                   .changed_us = FAKE_BEGIN_WALL - US_PER_DAY };
    for (int i = 0; i < PEERS; i++) {
        snprintf(w.peer[i].worker, sizeof w.peer[i].worker, "w%d", i / 2);
        w.peer[i].lane = (uint16_t)(i % 2);
        w.peer[i].nonce = 1000 * (1 + (uint64_t)i / 2);
    }
}

/* All sites are paused; what is out has its time, and a little more. */
static void must_come_to_rest(void)
{
    w.store_away = w.results_full = w.jobs_full = false;
    for (size_t i = 0; i < SITES; i++) {
        w.site[i].paused = true;
        w.site[i].change = ++w.change;
    }
    loop_bell_ring(&herald.bell);
    for (int i = 0; i < 6; i++)
        fake_pass(w.loop, 10 * NS_PER_S);
    must(w.vitals.in_flight == 0 && w.vitals.waiting == 0 && w.vitals.sites == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_world(data, size);
    fake_begin(on_sent, NULL, w.keyed);
    begin_coordinator();
    for (int i = 0; i < MOST_OPS && script_left(&w.script) > 0; i++) {
        unsigned op = script_below(&w.script, sizeof ops / sizeof *ops);
        tell("%.3f %s, %zu jobs\n", (double)fake_now() / 1e9, ops[op].name, w.n_jobs);
        ops[op].fn();
    }
    must_come_to_rest();
    end_coordinator();
    fake_end();
    return 0;
}
