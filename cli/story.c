#include "cli/story.h"

#include "common/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_EVIDENCE 96

static int keep_look(void *arg, const struct result *r)
{
    struct story_looks *l = arg;
    if (l->n == l->room)
        return 0;
    l->at[l->n++] = *r;
    return 0;
}

static int keep_state(void *arg, const struct site_state *s)
{
    struct story *y = arg;
    y->state = *s;
    snprintf(y->worker, sizeof y->worker, "%s", s->last_worker);
    y->state.last_worker = y->worker;
    y->has_state = true;
    return 0;
}

static int keep_incident(void *arg, const struct incident *i)
{
    struct story *y = arg;
    y->incident = *i;
    y->has_incident = true;
    return 0;
}

static int gather_incident(struct story *y, struct store *s, struct err *err)
{
    const struct incident_filter f = { .site_id = y->site->id, .max = 1 };
    int r = store_each_incident(s, &f, keep_incident, y, err);
    if (r < 0 || !y->has_incident)
        return r;
    const struct notice_filter n = { .incident_id = y->incident.id };
    r = store_each_evidence(s, y->incident.id, keep_look, &y->evidence, err);
    if (r == 0)
        r = noticelist_read(&y->notices, s, &n, err);
    return r;
}

/* Newest first, and so also the looks of one round. */
static int newer_first(const void *a, const void *b)
{
    const struct result *x = a, *y = b;
    wall_us at_x = x->at_us ? x->at_us : x->run.slot_us, at_y = y->at_us ? y->at_us : y->run.slot_us;
    return at_x != at_y ? (at_x < at_y) - (at_x > at_y)
                        : (x->run.look < y->run.look) - (x->run.look > y->run.look);
}

static int gather_vitals(struct story *y, struct store *s, struct err *err)
{
    struct vitals v;
    int r = store_get_vitals(s, &v, err);
    y->vitals_us = r == 0 ? v.at_us : 0;
    return r == -ENOENT ? 0 : r;
}

static int gather(struct story *y, struct store *s, struct err *err)
{
    int r = directory_new(&y->directory, s, err);
    if (r == 0)
        r = store_each_state(s, y->site->id, keep_state, y, err);
    if (r == 0)
        r = viewlist_read(&y->viewlist, s, y->site->id, err);
    if (r == 0)
        y->views = viewlist_of(y->viewlist, y->site->id, &y->n_views);
    if (r == 0)
        r = gather_incident(y, s, err);
    if (r == 0 && y->looks.room)
        r = store_each_result(s, y->site->id, 0, WALL_NEVER, y->looks.room, keep_look, &y->looks, err);
    if (r == 0)
        r = gather_vitals(y, s, err);
    qsort(y->looks.at, y->looks.n, sizeof *y->looks.at, newer_first);
    return r;
}

static int find(struct store *s, const char *what, struct site **ret, struct err *err)
{
    char url[SITE_MAX_URL + 1];
    int r = store_find_site(s, what, ret, err);
    if (r == -ENOENT && url_normalise(what, url, sizeof url, NULL) == 0)
        r = store_find_site(s, url, ret, err);
    return r;
}

int story_read(struct story **ret, struct store *s, const char *what, size_t looks, wall_us now,
               struct err *err)
{
    scoped(story) struct story *y = calloc(1, sizeof *y);
    if (!y)
        return err_set(err, -ENOMEM, "out of memory");
    y->now = now;
    y->looks.room = looks;
    y->evidence.room = MAX_EVIDENCE;
    y->looks.at = calloc(looks + 1, sizeof *y->looks.at);
    y->evidence.at = calloc(y->evidence.room, sizeof *y->evidence.at);
    if (!y->looks.at || !y->evidence.at)
        return err_set(err, -ENOMEM, "out of memory");
    int r = find(s, what, &y->site, err);
    if (r == 0)
        r = gather(y, s, err);
    if (r == 0)
        *ret = moved(y);
    return r;
}

void story_free(struct story *y)
{
    if (!y)
        return;
    free(y->looks.at);
    free(y->evidence.at);
    noticelist_free(y->notices);
    viewlist_free(y->viewlist);
    directory_free(y->directory);
    site_free(y->site);
    free(y);
}
