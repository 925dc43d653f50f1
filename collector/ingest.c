#include "collector/ingest.h"
#include "collector/parcel.h"
#include "collector/passports.h"
#include "common/complaint.h"
#include "common/doors.h"
#include "common/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    READ_PER_TURN = 64,
    RETRY_MS = 50, /* for feedback that found nobody */
};

struct out { /* one packed message */
    struct out *next;
    const char *topic; /* the feed's; NULL: it is feedback */
    size_t len;
    uint8_t bytes[];
};

struct ingest {
    struct loop *loop;
    struct bus *bus;
    const struct config *config;
    void *results, *feedback, *feed;
    char feedback_at[ENDPOINT_SIZE];
    struct guarded *guarded; /* results' ... */
    struct guarded *heard;   /* ... and the feed's */
    bool keyed, feed_keyed;  /* whoever speaks there has proved by which key */
    struct passports *passports;
    struct shard shard;
    struct seal_key seal;
    struct wire_arena *arena;
    loop_fn *arrived;
    void *arg;

    struct queue *in, *out;
    struct loop_bell bell;
    struct loop_timer retry;
    bool bell_made, retry_made;
    bool paused, stopped;
    mono_ns paused_since;
    struct out *waiting; /* feedback that found nobody, oldest first */
    size_t n_waiting;

    struct complaint *malformed;
    struct log_gate dropped_gate;
    struct ingest_counts counts;
    atomic_uint_fast64_t dropped;                  /* messages; read by the keeper's thread */
    atomic_uint_fast64_t feed_full, feedback_full; /* the queue was full: counted by the keeper's thread */
    uint8_t buf[WIRE_MAX_BYTES];                   /* of the keeper's thread */
    atomic_bool reading_waits;                     /* room in the queue is news */
};

/* ── In ────────────────────────────────────────────────────────────────── */

static void malformed(struct ingest *i, const struct bus_message *m, const char *why)
{
    atomic_fetch_add(&i->dropped, 1);
    complaint_note(i->malformed, bus_message_from(m), why);
}

/* What its key does not allow a message to say; NULL. */
static const char *unfit_results(struct ingest *i, const struct access_user *u, const struct report *rep)
{
    const char *checked = "";
    for (size_t k = 0; k < rep->n_results; k++) {
        const struct result *x = &rep->results[k];
        if (u->role == ACCESS_WORKER && strcmp(x->run.location, u->location) != 0)
            return "a result of another location than its key's";
        if (u->role == ACCESS_WORKER && strcmp(x->worker, "coordinator") == 0)
            return "a worker's key reports as the coordinator";
        if (u->role == ACCESS_WORKER && !x->seal)
            return "a result without its job's seal: of no job, or of an older version's worker";
        if (u->role == ACCESS_WORKER && !seal_is_right(&i->seal, x->seal, x->job_id, &x->run))
            return "a result of a job that it was not given";
        if (strcmp(x->worker, checked) != 0 &&
            !passports_may(i->passports, x->worker, u->id, loop_now(i->loop)))
            return "a result of a worker that came in by another key";
        checked = x->worker;
    }
    return NULL;
}

/* Who sends it takes us for another, and keeps it until somebody records it. */
static bool is_anothers(const struct ingest *i, const struct report *rep)
{
    for (size_t k = 0; rep->kind == REPORT_RESULTS && k < rep->n_results; k++)
        if (!shard_has(i->shard, rep->results[k].run.site_id))
            return true;
    return false;
}

static const char *unfit(struct ingest *i, const struct access_user *u, const struct report *rep)
{
    if (is_anothers(i, rep))
        return "a result of a site of another shard";
    if (!i->keyed)
        return NULL;
    if (u->role != ACCESS_WORKER && u->role != ACCESS_PEER && u->role != ACCESS_SELF)
        return "its key is for something else than results";
    if (rep->kind == REPORT_RESULTS)
        return unfit_results(i, u, rep);
    return u->role == ACCESS_WORKER ? "a worker's key reports as the coordinator" : NULL;
}

/* A worker's clock may be wrong, and outages are dated by it. Slots that nobody looked at have no such time.
 */
static void date(struct parcel *p, wall_us now)
{
    for (size_t k = 0; k < p->n_results; k++)
        if (p->results[k].cause != CAUSE_MISSED)
            p->results[k].at_us = result_began(&p->results[k], now);
}

/* The coordinator's word on which key a worker came in by. */
static void learn_keys(struct ingest *i, const struct vitals *v)
{
    for (size_t k = 0; i->keyed && k < v->n_workers; k++)
        if (v->workers[k].health != WORKER_GONE && v->workers[k].health != WORKER_DEAD)
            passports_told(i->passports, v->workers[k].worker, v->workers[k].key, loop_now(i->loop));
}

static void receive(struct ingest *i, const struct bus_message *m)
{
    struct err err = { 0 };
    struct report report;
    if (wire_unpack_report(i->arena, m->bytes, m->len, &report, &err) < 0) {
        malformed(i, m, err.text);
        return;
    }
    const char *why = unfit(i, &m->user, &report);
    if (why) {
        malformed(i, m, why);
        return;
    }
    if (report.kind == REPORT_VITALS)
        learn_keys(i, &report.vitals);
    struct parcel *p = parcel_make(&report);
    if (p)
        date(p, loop_wall(i->loop));
    if (!p || queue_put(i->in, p) < 0) {
        /* Short of memory; the room was asked for before. Not acknowledged, so
         * it comes again. */
        parcel_free(p);
        return;
    }
    i->counts.reports++;
}

static void on_results(void *arg)
{
    struct ingest *i = arg;
    struct bus_message m;
    for (int n = 0; n < READ_PER_TURN; n++) {
        if (queue_room(i->in) == 0) {
            atomic_store(&i->reading_waits, true);
            i->paused = true;
            i->paused_since = loop_now(i->loop);
            loop_pause(i->loop, i->results, true);
            /* Taken meanwhile, before it could know that we wait? */
            if (queue_room(i->in) > 0)
                ingest_nudge(i);
            break;
        }
        int r = bus_take(i->results, &m);
        if (r == 0)
            break;
        if (r < 0) {
            if (r == -EBADMSG)
                malformed(i, &m, BUS_NO_MESSAGE);
            continue;
        }
        receive(i, &m);
        bus_message_done(&m);
    }
    i->arrived(i->arg);
}

static void read_again(struct ingest *i)
{
    if (!i->paused || i->stopped || queue_room(i->in) < INGEST_MAX_PARCELS / 2)
        return;
    atomic_store(&i->reading_waits, false);
    i->paused = false;
    loop_pause(i->loop, i->results, false);
}

/* ── Out ───────────────────────────────────────────────────────────────── */

static void send_waiting(struct ingest *i)
{
    struct out *o;
    while ((o = i->waiting) && bus_send(i->feedback, o->bytes, o->len) == 0) {
        LL_DELETE(i->waiting, o);
        i->n_waiting--;
        free(o);
    }
    loop_timer_at(&i->retry, i->waiting ? loop_now(i->loop) + RETRY_MS * NS_PER_MS : MONO_NEVER);
}

static void keep_feedback(struct ingest *i, struct out *o)
{
    uint64_t held = 0;
    if (i->n_waiting >= INGEST_MAX_FEEDBACK) {
        struct out *oldest = i->waiting;
        LL_DELETE(i->waiting, oldest);
        free(oldest);
        i->n_waiting--;
        i->counts.feedback_dropped++;
        if (log_gate_open(&i->dropped_gate, loop_now(i->loop), &held))
            log_warn("ingest.feedback_dropped",
                     "total=%llu: the coordinator takes none; what it lacks comes again",
                     (unsigned long long)i->counts.feedback_dropped);
    }
    LL_APPEND(i->waiting, o);
    i->n_waiting++;
}

static void on_bell(void *arg)
{
    struct ingest *i = arg;
    struct out *o;
    while ((o = queue_take(i->out))) {
        if (o->topic) {
            bus_send_topic(i->feed, o->topic, o->bytes, o->len); /* a slow subscriber misses it */
            free(o);
        } else
            keep_feedback(i, o);
    }
    send_waiting(i);
    read_again(i);
}

static void on_retry(void *arg)
{
    send_waiting(arg);
}

/* ── From the keeper's thread ──────────────────────────────────────────── */

struct parcel *ingest_take(struct ingest *i)
{
    return queue_take(i->in);
}

bool ingest_has_parcels(struct ingest *i)
{
    return queue_count(i->in) > 0;
}

size_t ingest_unread(struct ingest *i)
{
    return queue_count(i->in);
}

static bool put_out(struct ingest *i, const char *topic, int len)
{
    struct out *o = malloc(sizeof *o + (size_t)len);
    if (!o)
        return false;
    *o = (struct out){ .topic = topic, .len = (size_t)len };
    memcpy(o->bytes, i->buf, (size_t)len);
    if (queue_put(i->out, o) == 0)
        return true;
    free(o);
    return false;
}

/* What does not fit in one message goes out in two halves, and so on; what cannot
 * be packed even by itself is a mistake of ours, and takes nothing else with it. */
void ingest_feedback(struct ingest *i, const struct feedback *f)
{
    int len = wire_pack_feedback(f, i->buf, sizeof i->buf);
    if (len < 0 && f->n_recorded + f->n_again > 1) {
        /* One of the two may have a single one: rounded up here, down there. */
        size_t recorded = (f->n_recorded + 1) / 2, again = f->n_again / 2;
        ingest_feedback(i, &(struct feedback){
                               .recorded = f->recorded,
                               .n_recorded = recorded,
                               .again = f->again,
                               .n_again = again,
                           });
        ingest_feedback(i, &(struct feedback){
                               .recorded = f->recorded + recorded,
                               .n_recorded = f->n_recorded - recorded,
                               .again = f->again + again,
                               .n_again = f->n_again - again,
                           });
        return;
    }
    if (len < 0 || !put_out(i, NULL, len))
        atomic_fetch_add(&i->feedback_full, 1);
}

void ingest_publish(struct ingest *i, const struct event *e)
{
    int len = wire_pack_event(e, i->buf, sizeof i->buf);
    if (len < 0 || !put_out(i, event_kind_name(e->kind), len))
        atomic_fetch_add(&i->feed_full, 1);
}

void ingest_nudge(struct ingest *i)
{
    if (queue_count(i->out) > 0 || atomic_load(&i->reading_waits))
        loop_bell_ring(&i->bell);
}

uint64_t ingest_dropped(struct ingest *i)
{
    return atomic_load(&i->dropped);
}

/* ── Making one ────────────────────────────────────────────────────────── */

/* What came was more than is let in. */
static void on_cut(void *arg, const char *peer, const char *why)
{
    struct ingest *i = arg;
    atomic_fetch_add(&i->dropped, 1);
    complaint_note(i->malformed, peer, why);
}

/* What the former one did not take is for nobody: it comes again. */
static int connect_feedback(struct ingest *i, const char *feedback, struct err *err)
{
    void *socket = NULL;
    if (strcmp(i->feedback_at, feedback) == 0)
        return 0;
    int r = bus_open(i->bus, LANE_FEEDBACK, SIDE_FROM, feedback, &socket, err);
    if (r < 0)
        return r;
    bus_close(i->feedback);
    i->feedback = socket;
    snprintf(i->feedback_at, sizeof i->feedback_at, "%s", feedback);
    return 0;
}

static int open_sockets(struct ingest *i, struct bus *b, const struct config *c, struct err *err)
{
    const struct bus_witness witness = { i->loop, on_cut, i };
    int r = bus_open_guarded(b, LANE_RESULTS, SIDE_TO, c->endpoint.results, &witness, &i->results,
                             &i->guarded, err);
    if (r == 0) /* what subscribers say is only that they are: under guard so that they are counted */
        r = bus_open_guarded(b, LANE_FEED, SIDE_FROM, c->endpoint.feed, &witness, &i->feed, &i->heard, err);
    if (r == 0)
        r = connect_feedback(i, c->endpoint.feedback, err);
    return r;
}

int ingest_meet(struct ingest *i, const char *doors, struct err *err)
{
    char feedback[ENDPOINT_SIZE];
    if (!doors_find_from(doors, "feedback", i->config->endpoint.feedback, i->config->endpoint.advertise,
                         feedback))
        return 0;
    return connect_feedback(i, feedback, err);
}

int ingest_new(struct ingest **ret, struct loop *l, struct bus *b, const struct config *c, loop_fn *arrived,
               void *arg, struct err *err)
{
    scoped(ingest) struct ingest *i = calloc(1, sizeof *i);
    if (!i)
        return err_set(err, -ENOMEM, "out of memory");
    i->loop = l;
    i->bus = b;
    i->config = c;
    i->arrived = arrived;
    i->shard = config_shard(c);
    bus_seal_key(b, &i->seal);
    i->arg = arg;
    i->keyed = bus_is_keyed(b, c->endpoint.results);
    i->feed_keyed = bus_is_keyed(b, c->endpoint.feed);
    int r = open_sockets(i, b, c, err);
    if (r < 0)
        return r;
    if (wire_arena_new(&i->arena) < 0 || queue_new(&i->in, INGEST_MAX_PARCELS) < 0 ||
        queue_new(&i->out, INGEST_MAX_OUT) < 0 || passports_new(&i->passports) < 0)
        return err_set(err, -ENOMEM, "out of memory");

    if (complaint_new(&i->malformed, l, "ingest.malformed") < 0)
        return err_set(err, -ENOMEM, "out of memory");
    r = loop_bell_init(l, &i->bell, on_bell, i);
    if (r < 0)
        return err_set(err, r, "cannot make a bell: %s", uv_strerror(r));
    i->bell_made = true;
    loop_timer_init(l, &i->retry, on_retry, i);
    i->retry_made = true;
    r = loop_watch(l, i->results, on_results, i);
    if (r < 0)
        return err_set(err, r, "too many sockets on one loop");
    *ret = moved(i);
    return 0;
}

void ingest_free(struct ingest *i)
{
    if (!i)
        return;
    if (i->results)
        loop_unwatch(i->loop, i->results);
    if (i->bell_made)
        loop_bell_done(&i->bell);
    if (i->retry_made)
        loop_timer_done(&i->retry);
    guarded_free(i->guarded);
    guarded_free(i->heard);
    complaint_free(i->malformed);
    if (i->bell_made)
        loop_turn(i->loop, 0); /* the closing handles are part of us */
    bus_close(i->results);
    bus_close(i->feedback);
    bus_close(i->feed);
    while (i->waiting) {
        struct out *o = i->waiting;
        LL_DELETE(i->waiting, o);
        free(o);
    }
    queue_free(i->in, parcel_free);
    queue_free(i->out, free);
    wire_arena_free(i->arena);
    passports_free(i->passports);
    free(i);
}

int ingest_revoke(struct ingest *i, const struct access_list *let_in, struct err *err)
{
    passports_revoke(i->passports, let_in);
    int r = i->keyed ? bus_rebind(i->results, i->guarded, err) : 0;
    return r == 0 && i->feed_keyed ? bus_rebind(i->feed, i->heard, err) : r;
}

void ingest_stop_reading(struct ingest *i)
{
    i->stopped = true;
    loop_pause(i->loop, i->results, true);
}

bool ingest_is_flushed(struct ingest *i)
{
    return i->n_waiting == 0 && queue_count(i->out) == 0;
}

struct ingest_counts ingest_counts(const struct ingest *i)
{
    struct ingest_counts c = i->counts;
    c.malformed = atomic_load(&i->dropped);
    c.feed_dropped += atomic_load(&i->feed_full);
    c.feedback_dropped += atomic_load(&i->feedback_full);
    c.unread = queue_count(i->in);
    c.feedback_waiting = i->n_waiting;
    c.subscribers = guarded_peers(i->heard);
    c.paused = i->paused ? i->paused_since : 0;
    return c;
}

void ingest_each_dropped(const struct ingest *i, dropped_fn *fn, void *arg)
{
    complaint_each(i->malformed, fn, arg);
}
