#include "worker/selfcheck.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* How the share works
 *
 * Each way has two windows of buckets: ten of one second, and twelve of ten
 * seconds for workers with few looks. A bucket counts the looks, the failures, and
 * some of the places where they failed. The usual share of failures is an average
 * that follows slowly, and ten times more slowly while something is in doubt: an
 * outage of ours does not soon become the new normal, and a list of sites of which
 * many always fail does not make us doubt for ever.
 */

enum {
    MOST_BUCKETS = 12,
    PLACES_PER_BUCKET = 8,
    LEAST_LOOKS = 20,
    LEAST_PLACES = 5,
    LEAST_OURS = 5,
    LEAST_LATE = 3,
    MOST_TIMES_HOLD = 16,
};
#define LEAST_SHARE     0.1
#define MOST_SHARE      0.6 /* so that a bad normal does not hide everything */
#define TIMES_USUAL     5.0
#define USUAL_FOLLOWS   0.02 /* for each second with looks: a minute or so */
#define DOUBT_FOLLOWS   0.002
#define STEP_US         US_PER_S
#define STEP_MATTERS_NS (60 * NS_PER_S)
#define COUNTED_FOR_NS  (10 * NS_PER_S) /* shortages and late turns */
#define SAME_LATE_NS    (400 * NS_PER_MS)
#define SOON_NS         (600 * NS_PER_S) /* doubt that comes back within this lasts longer */

/* ── What is kept ──────────────────────────────────────────────────────── */

struct bucket {
    int64_t number; /* which one it counts */
    unsigned looks, failed;
    unsigned n_places;
    uint64_t place[PLACES_PER_BUCKET];
};

struct window {
    struct bucket bucket[MOST_BUCKETS];
};

static const struct {
    int64_t each_ns;
    int n;
} spans[] = {
    {NS_PER_S,       10},
    { 10 * NS_PER_S, 12},
};
enum { SPANS = sizeof spans / sizeof *spans };

struct tally { /* of what happens at moments: the newest ones */
    mono_ns at[LEAST_OURS];
    unsigned n;
};

enum evidence {
    EVIDENCE_SHORTAGE,
    EVIDENCE_LATE,
    EVIDENCE_CLOCK,
    EVIDENCE_CANARY, /* of WAY_V4, and so on */
    EVIDENCE_SHARE = EVIDENCE_CANARY + WAY_COUNT,
    EVIDENCE_COUNT = EVIDENCE_SHARE + WAY_COUNT,
};

struct doubt {
    mono_ns until;
    unsigned times; /* the hold, this time */
    char why[DOUBT_SIZE];
};

struct selfcheck {
    mono_ns hold;
    struct window window[WAY_COUNT][SPANS];
    double usual[WAY_COUNT];
    struct tally ours, late;
    struct doubt doubt[EVIDENCE_COUNT];
    mono_ns late_at;    /* when the loop was last seen to be late; 0 never */
    mono_ns stepped_at; /* when the clock was last seen to be stepped; 0 never */
    bool ticked;
    wall_us difference; /* wall minus monotonic, at the last tick */
};

static const char *const way_names[WAY_COUNT] = {
    [WAY_V4] = "over IPv4", [WAY_V6] = "over IPv6", [WAY_NAMES] = "for names"
};

int selfcheck_new(struct selfcheck **ret, mono_ns hold)
{
    struct selfcheck *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->hold = hold;
    *ret = s;
    return 0;
}

void selfcheck_free(struct selfcheck *s)
{
    free(s);
}

/* ── Doubt ─────────────────────────────────────────────────────────────── */

/* Evidence: doubt begins, or lasts on. The words are those of its beginning. */
__attribute__((format(printf, 4, 5))) static void doubt(struct selfcheck *s, unsigned evidence, mono_ns now,
                                                        const char *why, ...)
{
    struct doubt *d = &s->doubt[evidence];
    if (now >= d->until) {
        bool soon = d->times > 0 && now - d->until < SOON_NS;
        d->times = !soon ? 1 : d->times < MOST_TIMES_HOLD ? d->times * 2 : MOST_TIMES_HOLD;
        va_list ap;
        va_start(ap, why);
        vsnprintf(d->why, sizeof d->why, why, ap);
        va_end(ap);
    }
    d->until = now + d->times * s->hold;
}

bool selfcheck_suspect(const struct selfcheck *s, mono_ns now)
{
    for (unsigned e = 0; e < EVIDENCE_COUNT; e++)
        if (now < s->doubt[e].until)
            return true;
    return false;
}

static bool way_is_doubted(const struct selfcheck *s, enum way way, mono_ns now)
{
    return now < s->doubt[EVIDENCE_CANARY + way].until || now < s->doubt[EVIDENCE_SHARE + way].until;
}

bool selfcheck_doubts(const struct selfcheck *s, enum way way, mono_ns now)
{
    for (unsigned e = 0; e < EVIDENCE_CANARY; e++)
        if (now < s->doubt[e].until)
            return true;
    return way_is_doubted(s, way, now) || way_is_doubted(s, WAY_NAMES, now);
}

const char *selfcheck_reason(const struct selfcheck *s, mono_ns now)
{
    for (unsigned e = 0; e < EVIDENCE_COUNT; e++)
        if (now < s->doubt[e].until)
            return s->doubt[e].why;
    return "";
}

/* ── Ourselves ─────────────────────────────────────────────────────────── */

/* How many of the newest moments are recent, with this one. */
static unsigned tally_add(struct tally *t, mono_ns now)
{
    unsigned recent = 0;
    t->at[t->n++ % LEAST_OURS] = now;
    for (unsigned i = 0; i < LEAST_OURS && i < t->n; i++)
        recent += now - t->at[i] < COUNTED_FOR_NS;
    return recent;
}

/* Whatever was late in one turn is one lateness. */
static void note_late(struct selfcheck *s, mono_ns now, mono_ns late)
{
    bool same = s->late_at != 0 && now - s->late_at < SAME_LATE_NS;
    s->late_at = now;
    if (!same && tally_add(&s->late, now) >= LEAST_LATE)
        doubt(s, EVIDENCE_LATE, now, "its loop is held up again and again, now for %lld ms",
              (long long)(late / NS_PER_MS));
}

void selfcheck_tick(struct selfcheck *s, mono_ns now, wall_us wall, mono_ns late)
{
    wall_us difference = wall - now / NS_PER_US;
    wall_us step = difference - s->difference;
    if (s->ticked && llabs(step) > STEP_US) {
        s->stepped_at = now;
        doubt(s, EVIDENCE_CLOCK, now, "its clock was stepped by %+lld s", (long long)(step / US_PER_S));
    }
    s->difference = difference;
    s->ticked = true;
    if (late > SELFCHECK_LATE_NS)
        note_late(s, now, late);
}

bool selfcheck_was_late_since(const struct selfcheck *s, mono_ns since)
{
    return s->late_at != 0 && s->late_at >= since;
}

bool selfcheck_clock_stepped(const struct selfcheck *s, mono_ns now)
{
    return s->stepped_at != 0 && now - s->stepped_at < STEP_MATTERS_NS;
}

void selfcheck_note_ours(struct selfcheck *s, mono_ns now)
{
    if (tally_add(&s->ours, now) >= LEAST_OURS)
        doubt(s, EVIDENCE_SHORTAGE, now, "it runs out of descriptors, ports or memory, or may not use them");
}

void selfcheck_note_canaries(struct selfcheck *s, mono_ns now, enum way way, unsigned silent, unsigned all)
{
    doubt(s, EVIDENCE_CANARY + way, now, "%u of %u canaries %s do not answer", silent, all, way_names[way]);
}

/* ── The share ─────────────────────────────────────────────────────────── */

static void add_place(struct bucket *b, uint64_t place)
{
    for (unsigned i = 0; i < b->n_places; i++)
        if (b->place[i] == place)
            return;
    if (b->n_places < PLACES_PER_BUCKET)
        b->place[b->n_places++] = place;
}

/* What a window comes to. */
static struct bucket sum(const struct window *w, unsigned span, int64_t number)
{
    struct bucket total = { 0 };
    for (int i = 0; i < spans[span].n; i++) {
        const struct bucket *b = &w->bucket[i];
        if (b->number <= number - spans[span].n)
            continue;
        total.looks += b->looks;
        total.failed += b->failed;
        for (unsigned k = 0; k < b->n_places; k++)
            add_place(&total, b->place[k]);
    }
    return total;
}

/* Numbers so high that bucket 0, all zero, is long ago. */
static int64_t number_of(unsigned span, mono_ns now)
{
    return now / spans[span].each_ns + MOST_BUCKETS;
}

static struct bucket *bucket_of(struct selfcheck *s, enum way way, unsigned span, int64_t number)
{
    return &s->window[way][span].bucket[number % spans[span].n];
}

/* A second is over: what it held becomes part of what is usual. */
static void follow(struct selfcheck *s, enum way way, int64_t number, mono_ns now)
{
    const struct bucket *before = bucket_of(s, way, 0, number - 1);
    if (before->number != number - 1 || before->looks == 0)
        return;
    double share = (double)before->failed / before->looks;
    s->usual[way] += (selfcheck_suspect(s, now) ? DOUBT_FOLLOWS : USUAL_FOLLOWS) * (share - s->usual[way]);
}

/* The bucket of this moment, empty when it begins. */
static struct bucket *open_bucket(struct selfcheck *s, enum way way, unsigned span, mono_ns now)
{
    int64_t number = number_of(span, now);
    struct bucket *b = bucket_of(s, way, span, number);
    if (b->number == number)
        return b;
    if (span == 0)
        follow(s, way, number, now);
    *b = (struct bucket){ .number = number };
    return b;
}

static bool is_evidence(const struct bucket *total, double usual)
{
    double most = usual * TIMES_USUAL;
    most = most < LEAST_SHARE ? LEAST_SHARE : most > MOST_SHARE ? MOST_SHARE : most;
    return total->n_places >= LEAST_PLACES && total->failed > most * total->looks;
}

/* The shortest window that has enough in it. */
static void weigh(struct selfcheck *s, enum way way, mono_ns now)
{
    for (unsigned span = 0; span < SPANS; span++) {
        struct bucket total = sum(&s->window[way][span], span, number_of(span, now));
        if (total.looks < LEAST_LOOKS)
            continue;
        if (is_evidence(&total, s->usual[way]))
            doubt(s, EVIDENCE_SHARE + way, now, "%u of its last %u looks %s failed, in many networks at once",
                  total.failed, total.looks, way_names[way]);
        return;
    }
}

void selfcheck_note(struct selfcheck *s, mono_ns now, enum way way, uint64_t place, bool failed)
{
    for (unsigned span = 0; span < SPANS; span++) {
        struct bucket *b = open_bucket(s, way, span, now);
        b->looks++;
        b->failed += failed;
        if (failed)
            add_place(b, place);
    }
    if (failed)
        weigh(s, way, now);
}
