#include "worker/selfcheck.h"

#include <errno.h>
#include <stdlib.h>

/* How the correlation works
 *
 * Each way has ten buckets of one second. A bucket counts the looks, the
 * failures, and some of the places where they failed. The usual share of
 * failures is an average that follows slowly, and ten times more slowly while
 * something is in doubt: an outage of ours does not soon become the new normal,
 * and a list of sites of which many always fail does not make us doubt for ever.
 */

enum {
    BUCKETS = 10,
    PLACES_PER_BUCKET = 8,
    LEAST_LOOKS = 20,
    LEAST_PLACES = 5,
    LEAST_OURS = 5,
};
#define BUCKET_NS       NS_PER_S
#define LEAST_SHARE     0.05
#define MOST_SHARE      0.6 /* so that a bad normal does not hide everything */
#define TIMES_USUAL     5.0
#define USUAL_FOLLOWS   0.02 /* for each second with looks: a minute or so */
#define DOUBT_FOLLOWS   0.002
#define DOUBT_NS        (30 * NS_PER_S)
#define STEP_US         US_PER_S
#define STEP_MATTERS_NS (60 * NS_PER_S)

struct bucket {
    int64_t second; /* which one it counts */
    unsigned looks, failed, ours;
    unsigned n_places;
    uint64_t place[PLACES_PER_BUCKET];
};

struct selfcheck {
    struct bucket bucket[WAY_COUNT][BUCKETS];
    double usual[WAY_COUNT];
    mono_ns doubt_until;
    mono_ns late_at;    /* when the loop was last seen to be late; 0 never */
    mono_ns stepped_at; /* when the clock was last seen to be stepped; 0 never */
    bool ticked;
    wall_us difference; /* wall minus monotonic, at the last tick */
};

int selfcheck_new(struct selfcheck **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void selfcheck_free(struct selfcheck *s)
{
    free(s);
}

void selfcheck_tick(struct selfcheck *s, mono_ns now, wall_us wall, mono_ns late)
{
    wall_us difference = wall - now / NS_PER_US;
    if (s->ticked && llabs(difference - s->difference) > STEP_US)
        s->stepped_at = now;
    s->difference = difference;
    s->ticked = true;
    if (late > SELFCHECK_LATE_NS)
        s->late_at = now;
}

bool selfcheck_was_late_since(const struct selfcheck *s, mono_ns since)
{
    return s->late_at != 0 && s->late_at >= since;
}

bool selfcheck_clock_stepped(const struct selfcheck *s, mono_ns now)
{
    return s->stepped_at != 0 && now - s->stepped_at < STEP_MATTERS_NS;
}

static void add_place(struct bucket *b, uint64_t place)
{
    for (unsigned i = 0; i < b->n_places; i++)
        if (b->place[i] == place)
            return;
    if (b->n_places < PLACES_PER_BUCKET)
        b->place[b->n_places++] = place;
}

/* What the last ten seconds come to. */
static struct bucket sum(const struct selfcheck *s, enum way way, int64_t second)
{
    struct bucket total = { 0 };
    for (int i = 0; i < BUCKETS; i++) {
        const struct bucket *b = &s->bucket[way][i];
        if (b->second <= second - BUCKETS)
            continue;
        total.looks += b->looks;
        total.failed += b->failed;
        total.ours += b->ours;
        for (unsigned k = 0; k < b->n_places; k++)
            add_place(&total, b->place[k]);
    }
    return total;
}

/* The bucket of this second, empty when it begins; what it held before has
 * become part of what is usual. */
static struct bucket *open_bucket(struct selfcheck *s, enum way way, mono_ns now)
{
    int64_t second = now / BUCKET_NS + BUCKETS; /* so that bucket 0, all zero, is long ago */
    struct bucket *b = &s->bucket[way][second % BUCKETS];
    if (b->second == second)
        return b;
    const struct bucket *before = &s->bucket[way][(second + BUCKETS - 1) % BUCKETS];
    if (before->second == second - 1 && before->looks > 0) {
        double share = (double)before->failed / before->looks;
        s->usual[way] +=
            (selfcheck_suspect(s, now) ? DOUBT_FOLLOWS : USUAL_FOLLOWS) * (share - s->usual[way]);
    }
    *b = (struct bucket){ .second = second };
    return b;
}

static bool is_evidence(const struct bucket *total, double usual)
{
    if (total->ours >= LEAST_OURS)
        return true;
    double most = usual * TIMES_USUAL;
    most = most < LEAST_SHARE ? LEAST_SHARE : most > MOST_SHARE ? MOST_SHARE : most;
    return total->looks >= LEAST_LOOKS && total->n_places >= LEAST_PLACES &&
           total->failed > most * total->looks;
}

static void weigh(struct selfcheck *s, enum way way, mono_ns now, const struct bucket *b)
{
    struct bucket total = sum(s, way, b->second);
    if (is_evidence(&total, s->usual[way]))
        s->doubt_until = now + DOUBT_NS;
}

void selfcheck_note(struct selfcheck *s, mono_ns now, enum way way, uint64_t place, bool failed)
{
    struct bucket *b = open_bucket(s, way, now);
    b->looks++;
    if (!failed)
        return;
    b->failed++;
    add_place(b, place);
    weigh(s, way, now, b);
}

void selfcheck_note_ours(struct selfcheck *s, mono_ns now)
{
    struct bucket *b = open_bucket(s, WAY_V4, now);
    b->ours++;
    weigh(s, WAY_V4, now, b);
}

bool selfcheck_suspect(const struct selfcheck *s, mono_ns now)
{
    return now < s->doubt_until;
}
