#include "collector/episodes.h"

#include "collector/notices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_DOUBTED 4096 /* workers at a time; the doubts of more are not told */
#define LEFT_US     US_PER_HOUR

struct doubted {
    char worker[WORKER_NAME_SIZE]; /* zero-filled */
    struct episode episode;        /* its id is 0 before it is opened */
    bool heard;
    enum worker_word word; /* when heard */
    char reason[DOUBT_SIZE];
    wall_us heard_us, calm_us; /* calm: without doubt since then; 0 not */
    UT_hash_handle hh;
};

struct episodes {
    struct doubted *by_worker;
    uint64_t newest;
    int64_t settled_us;
    unsigned n_channels;
    char channel[OWNER_MAX_CHANNELS][CHANNEL_MAX_TEXT];
};

int episodes_new(struct episodes **ret, const char *channels, int64_t settled_us, struct err *err)
{
    scoped(episodes) struct episodes *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    s->settled_us = settled_us;
    int n = channel_list(channels, s->channel, err);
    if (n < 0)
        return err_where(err, n, "operator.notify");
    s->n_channels = (unsigned)n;
    *ret = moved(s);
    return 0;
}

static void forget(struct episodes *s, struct doubted *d)
{
    HASH_DEL(s->by_worker, d);
    free(d);
}

void episodes_free(struct episodes *s)
{
    if (!s)
        return;
    struct doubted *d, *next;
    HASH_ITER (hh, s->by_worker, d, next)
        forget(s, d);
    free(s);
}

static struct doubted *find(const struct episodes *s, const char *worker)
{
    char key[WORKER_NAME_SIZE] = "";
    struct doubted *d = NULL;
    memcpy(key, worker, strnlen(worker, sizeof key - 1));
    HASH_FIND(hh, s->by_worker, key, sizeof key, d);
    return d;
}

static struct doubted *add(struct episodes *s, const char *worker)
{
    struct doubted *d = HASH_COUNT(s->by_worker) < MAX_DOUBTED ? calloc(1, sizeof *d) : NULL;
    if (!d)
        return NULL;
    memcpy(d->worker, worker, strnlen(worker, sizeof d->worker - 1));
    HASH_ADD(hh, s->by_worker, worker, sizeof d->worker, d);
    return d;
}

bool episodes_open(const struct episodes *s, const char *worker)
{
    const struct doubted *d = find(s, worker);
    return d && d->episode.id != 0;
}

int episodes_load(struct episodes *s, const struct episode *e, wall_us now)
{
    if (e->id > s->newest)
        s->newest = e->id;
    if (e->end != EPISODE_OPEN || episodes_open(s, e->worker))
        return 0;
    struct doubted *d = add(s, e->worker);
    if (!d)
        return -ENOMEM;
    d->episode = *e;
    d->heard_us = now;
    return 0;
}

/* Workers that are fine and were fine are not kept. */
void episodes_hear(struct episodes *s, const char *worker, enum worker_word word, const char *reason)
{
    struct doubted *d = find(s, worker);
    if (!d && word == WORKER_DOUBTED)
        d = add(s, worker); /* without memory: it will be said again */
    if (!d || (d->heard && d->word >= word))
        return;
    d->heard = true;
    d->word = word;
    snprintf(d->reason, sizeof d->reason, "%s", reason);
}

void episodes_hear_vacant(struct episodes *s, const char vacant[][LOCATION_SIZE], unsigned n)
{
    char name[WORKER_NAME_SIZE];
    struct doubted *d, *next;
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%c%.*s", EPISODE_LOCATION, LOCATION_SIZE - 1, vacant[i]);
        episodes_hear(s, name, WORKER_DOUBTED, "no worker is ready there");
    }
    HASH_ITER (hh, s->by_worker, d, next)
        if (episode_location(d->worker))
            episodes_hear(s, d->worker, WORKER_FINE, ""); /* which counts if nothing worse was said */
}

/* ── Steps ─────────────────────────────────────────────────────────────── */

static void tell(const struct episodes *s, struct batch *b, struct incidents *numbers,
                 const struct episode *e, wall_us now)
{
    for (unsigned i = 0; i < s->n_channels; i++)
        batch_notice(b, notice_make_of_worker(incidents_next_notice(numbers), e, s->channel[i], now));
}

static void open_episode(struct episodes *s, struct batch *b, struct incidents *numbers, struct doubted *d,
                         wall_us now)
{
    d->episode = (struct episode){ .id = ++s->newest, .began_us = now, .end = EPISODE_OPEN };
    memcpy(d->episode.worker, d->worker, sizeof d->episode.worker);
    memcpy(d->episode.reason, d->reason, sizeof d->episode.reason);
    batch_episode(b, &d->episode);
    tell(s, b, numbers, &d->episode, now);
}

static void close_episode(struct episodes *s, struct batch *b, struct incidents *numbers, struct doubted *d,
                          enum episode_end end, wall_us now)
{
    struct episode e = d->episode;
    e.end = end;
    e.ended_us = d->calm_us > e.began_us ? d->calm_us : e.began_us;
    batch_episode(b, &e);
    tell(s, b, numbers, &e, now);
    forget(s, d);
}

static bool has_left(const struct doubted *d, wall_us now)
{
    return d->heard ? d->word == WORKER_LEFT : now - d->heard_us >= LEFT_US;
}

static void step(struct episodes *s, struct batch *b, struct incidents *numbers, struct doubted *d,
                 wall_us now)
{
    bool left = has_left(d, now), calm = left || (d->heard && d->word == WORKER_FINE);
    if (d->heard)
        d->heard_us = now;
    if (d->heard && d->word == WORKER_DOUBTED) {
        d->calm_us = 0;
        if (d->episode.id == 0)
            open_episode(s, b, numbers, d, now);
    }
    if (calm && d->calm_us == 0)
        d->calm_us = now;
    d->heard = false;
    if (calm && now - d->calm_us >= s->settled_us)
        close_episode(s, b, numbers, d, left ? EPISODE_LEFT : EPISODE_TRUSTED, now);
}

void episodes_step(struct episodes *s, struct batch *b, struct incidents *numbers, wall_us now)
{
    struct doubted *d, *next;
    HASH_ITER (hh, s->by_worker, d, next)
        step(s, b, numbers, d, now);
}
