#include "collector/books.h"

#include "common/array.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What the callbacks of the store's walks are given. */
struct filling {
    struct books *books;
    struct batch *batch;
    struct instant now;
    /* open incidents of sites that are not among the watched */
    struct incident *orphans;
    size_t n_orphans;
};

/* ── Walks ─────────────────────────────────────────────────────────────── */

static int on_owner(void *arg, const struct owner *o)
{
    struct filling *f = arg;
    return sites_set_owner(f->books->judge.sites, o);
}

static int on_site(void *arg, const struct site *s)
{
    struct filling *f = arg;
    if (!shard_has(f->books->shard, s->id))
        return 0;
    judge_site(&f->books->judge, f->batch, s, f->now);
    return 0;
}

static int on_state(void *arg, const struct site_state *state)
{
    struct filling *f = arg;
    sites_load_state(f->books->judge.sites, state);
    return 0;
}

static int on_view(void *arg, const struct site_view *view)
{
    struct filling *f = arg;
    sites_load_view(f->books->judge.sites, view);
    return 0;
}

static int on_incident(void *arg, const struct incident *i)
{
    struct filling *f = arg;
    if (!shard_has(f->books->shard, i->site_id))
        return 0;
    if (!sites_find(f->books->judge.sites, i->site_id)) {
        struct incident *more = realloc(f->orphans, (f->n_orphans + 1) * sizeof *more);
        if (!more)
            return -ENOMEM;
        f->orphans = more;
        f->orphans[f->n_orphans++] = *i;
    }
    return incidents_load(f->books->judge.incidents, i);
}

/* ── Incidents whose reason went away while nobody was here ────────────── */

/* The highest reminder, and the URL that the owner was told. */
struct history {
    uint32_t reminders;
    char url[SITE_MAX_URL + 1];
};

static int on_notice(void *arg, const struct notice *n)
{
    struct history *h = arg;
    if (n->kind == NOTICE_STILL_DOWN && n->number > h->reminders)
        h->reminders = n->number;
    if (h->url[0])
        return 0;
    json_t *facts = json_loads(n->payload, 0, NULL);
    const char *url = json_string_value(json_object_get(json_object_get(facts, "site"), "url"));
    if (url && strlen(url) < sizeof h->url)
        strcpy(h->url, url);
    json_decref(facts);
    return 0;
}

static int review(struct filling *f, struct store *s, struct watched *w, struct err *err)
{
    struct history h = { 0 };
    struct notice_filter filter = { .incident_id = w->state.incident_id };
    const struct incident *i = incidents_find(f->books->judge.incidents, w->state.incident_id);
    int r = store_each_notice(s, &filter, on_notice, &h, err);
    if (r < 0 || !i)
        return r;
    incidents_set_reminders(f->books->judge.incidents, i->id, h.reminders);
    if (w->site.paused)
        judge_withdraw(&f->books->judge, f->batch, w, "the site was paused", f->now);
    else if (h.url[0] && strcmp(h.url, w->site.url) != 0)
        judge_withdraw(&f->books->judge, f->batch, w, "the site has another URL now", f->now);
    return 0;
}

static int on_tombstone(void *arg, const struct site *s)
{
    struct filling *f = arg;
    struct judge *j = &f->books->judge;
    for (size_t i = 0; i < f->n_orphans; i++) {
        struct watched *w = NULL;
        if (f->orphans[i].site_id != s->id)
            continue;
        if (sites_set(j->sites, s, &w) < 0)
            return -ENOMEM;
        w->state.health = HEALTH_DOWN;
        w->state.incident_id = f->orphans[i].id;
        judge_withdraw(j, f->batch, w, "the site was removed", f->now);
    }
    return 0;
}

/* ── Rounds that were open ─────────────────────────────────────────────── */

#define MAX_LINES    (SITE_MAX_LOCATIONS * (QUORUM_MAX_LOOKS + 1)) /* of one slot */
#define MAX_SEARCHED 10000                                         /* lines, for the round that is open */

struct lines {
    struct result line[MAX_LINES];
    size_t n;
};

static int on_line(void *arg, const struct result *r)
{
    struct lines *l = arg;
    l->line[l->n++] = *r; /* no more than were asked for */
    return 0;
}

/* The look that the suspicion dates from: since_us is when it began. */
struct origin {
    const char *location; /* NULL: any */
    wall_us at_us, slot_us;
    bool found;
};

static int on_origin(void *arg, const struct result *r)
{
    struct origin *o = arg;
    if (r->run.look != 0 || r->at_us != o->at_us ||
        (o->location && strcmp(r->run.location, o->location) != 0))
        return 0;
    o->slot_us = r->run.slot_us;
    o->found = true;
    return 1; /* enough */
}

/* Its slot is the state's newest one, unless later ones were looked at while the
 * round was open: then it is a little before since_us. Not by the grid, on which a
 * new site's first slot does not lie; and on a worker's clock that goes ahead,
 * since_us may be after slots that came later. */
static int find_origin(struct store *s, const struct watched *w, unsigned place, struct origin *o,
                       struct err *err)
{
    const struct view *v = w->views ? &w->views->at[place] : NULL;
    const struct site_state *state = v ? &v->seen.state : &w->state;
    wall_us newest = state->last_slot_us, since = state->since_us;
    wall_us from = (since < newest ? since : newest) - 2 * (int64_t)w->site.every_ms * US_PER_MS;
    *o = (struct origin){ .location = v ? v->seen.location : NULL, .at_us = since };
    int r = store_each_result(s, w->site.id, newest, newest + 1, MAX_LINES, on_origin, o, err);
    if (r == 0)
        r = store_each_result(s, w->site.id, from, newest, MAX_SEARCHED, on_origin, o, err);
    return r < 0 ? r : 0;
}

static int resume(struct filling *f, struct store *s, struct watched *w, unsigned place, struct err *err)
{
    struct origin o;
    int r = find_origin(s, w, place, &o, err);
    if (r < 0)
        return r;
    struct lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return err_set(err, -ENOMEM, "out of memory");
    if (o.found)
        r = store_each_result(s, w->site.id, o.slot_us, o.slot_us + 1, MAX_LINES, on_line, lines, err);
    if (r >= 0)
        judge_resume(&f->books->judge, f->batch, w, place, lines->line, lines->n, f->now);
    free(lines);
    return r < 0 ? r : 0;
}

static int resume_all(struct filling *f, struct store *s, struct watched *w, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && w->views && i < w->views->n; i++)
        if (w->views->at[i].seen.state.health == HEALTH_SUSPECTED)
            r = resume(f, s, w, i, err);
    if (r == 0 && w->views)
        judge_settle(&f->books->judge, f->batch, w, f->now);
    else if (r == 0 && w->state.health == HEALTH_SUSPECTED)
        r = resume(f, s, w, 0, err);
    return r;
}

static bool is_suspected(const struct watched *w)
{
    bool suspected = w->state.health == HEALTH_SUSPECTED;
    for (unsigned i = 0; w->views && i < w->views->n; i++)
        suspected |= w->views->at[i].seen.state.health == HEALTH_SUSPECTED;
    return suspected;
}

struct chosen {
    struct watched **list;
    size_t n, room;
    bool failed;
};

static void choose(void *arg, struct watched *w)
{
    struct chosen *c = arg;
    if (!is_suspected(w) && w->state.incident_id == 0)
        return;
    if (array_room(c->list, c->n, c->room) < 0)
        c->failed = true;
    else
        c->list[c->n++] = w;
}

static int review_all(struct filling *f, struct store *s, struct err *err)
{
    struct chosen c = { 0 };
    int r = 0;
    sites_each(f->books->judge.sites, choose, &c);
    for (size_t i = 0; r == 0 && i < c.n; i++) {
        struct watched *w = c.list[i];
        if (w->state.incident_id)
            r = review(f, s, w, err);
        else if (w->site.paused ||
                 (w->state.health == HEALTH_SUSPECTED && w->site.changed_us > w->state.since_us))
            judge_withdraw(&f->books->judge, f->batch, w, "", f->now);
        if (r == 0 && is_suspected(w))
            r = resume_all(f, s, w, err);
    }
    free(c.list);
    return c.failed ? err_set(err, -ENOMEM, "out of memory") : r;
}

/* ── Opening, closing, following ───────────────────────────────────────── */

static int fill(struct filling *f, struct store *s, struct err *err)
{
    struct incident_filter open = { .open_only = true };
    wall_us states_us = WALL_NEVER;
    int r = store_each_owner(s, 0, on_owner, f, err);
    if (r == 0)
        r = store_each_site(s, 0, on_site, f, err);
    if (r == 0)
        r = store_each_state(s, 0, on_state, f, err);
    if (r == 0)
        r = store_each_view(s, 0, on_view, f, err);
    if (r == 0)
        r = store_get_states_us(s, &states_us, err);
    if (r == 0) {
        sites_begin_sweeps(f->books->judge.sites, states_us);
        if (f->books->shard.of > 1) /* which holds for ours, too, until we have swept */
            f->batch->states_us = states_us;
    }
    if (r == 0)
        r = store_each_incident(s, &open, on_incident, f, err);
    /* Tombstones only come with changes; the first edit of a store has none. */
    if (r == 0 && f->n_orphans > 0)
        r = store_each_site(s, 1, on_tombstone, f, err);
    return r == 0 ? review_all(f, s, err) : r;
}

int books_open(struct books *k, struct shard shard, struct store *s, struct batch *b, struct instant now,
               struct err *err)
{
    struct filling f = { .books = k, .batch = b, .now = now };
    uint64_t incident = 0, notice = 0, change = 0;
    *k = (struct books){ .shard = shard };

    int r = store_newest_ids(s, &incident, &notice, err);
    if (r == 0)
        r = store_newest_change(s, &change, err);
    if (r == 0 && (sites_new(&k->judge.sites) < 0 || rounds_new(&k->judge.rounds) < 0 ||
                   incidents_new(&k->judge.incidents, shard, incident, notice) < 0 ||
                   jury_new(&k->judge.jury) < 0 || witnesses_new(&k->judge.witnesses) < 0))
        r = err_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = fill(&f, s, err);
    free(f.orphans);
    if (r == 0)
        k->change = change;
    return r;
}

void books_close(struct books *k)
{
    rounds_free(k->judge.rounds);
    incidents_free(k->judge.incidents);
    jury_free(k->judge.jury);
    witnesses_free(k->judge.witnesses);
    sites_free(k->judge.sites);
    *k = (struct books){ 0 };
}

int books_follow(struct books *k, struct store *s, struct batch *b, struct instant now, struct err *err)
{
    struct filling f = { .books = k, .batch = b, .now = now };
    uint64_t change = 0;
    int r = store_newest_change(s, &change, err);
    if (r < 0 || change == k->change)
        return r;
    /* Read before the walks: what is edited meanwhile is read twice, not missed. */
    r = store_each_owner(s, k->change, on_owner, &f, err);
    if (r == 0)
        r = store_each_site(s, k->change, on_site, &f, err);
    if (r == 0)
        k->change = change;
    return r;
}
