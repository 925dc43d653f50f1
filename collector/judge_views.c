/* The judge's part for sites that are looked at from several locations: the rule is in views.h. */
#include "collector/judge_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ── One step of a view ────────────────────────────────────────────────── */

/* The same for how one of its locations sees it. One that does not know any more says so, also
 * where it saw an outage: others go on with that, see views.h. */
enum change judge_step_view(struct batch *b, struct watched *w, struct view *v, enum step what,
                            const struct result *look, wall_us at, struct instant now)
{
    struct site_state *s = &v->seen.state;
    enum health before = s->health;
    if (what == STEP_UNKNOWN && before == HEALTH_DOWN)
        s->health = HEALTH_NEW;
    enum change change = state_step(s, what, at);
    if (s->health == HEALTH_UP || s->health == HEALTH_NEW)
        view_well(v);
    if (s->health == before)
        return change;
    batch_state(b, w);
    if (look)
        judge_publish(b, EVENT_VIEW, w, before, s->health, look, "", now.wall);
    return change;
}

/* ── What follows for the site ─────────────────────────────────────────── */

static struct round *newest_confirmed(struct judge *j, const struct watched *w)
{
    struct round *best = NULL;
    for (unsigned i = 0; i < w->views->n; i++) {
        struct round *r = rounds_find(j->rounds, w->site.id, i);
        if (r && r->confirmed && w->views->at[i].seen.state.health == HEALTH_DOWN &&
            (!best || r->slot_us > best->slot_us))
            best = r;
    }
    return best;
}

/* What a location that agrees has seen of it: its round, or the newest look that failed. */
static const struct result *looks_at(struct judge *j, const struct watched *w, unsigned place, wall_us slot,
                                     size_t *ret_n)
{
    const struct view *v = &w->views->at[place];
    const struct round *r = rounds_find(j->rounds, w->site.id, place);
    bool agrees = v->seen.state.health == HEALTH_DOWN && v->seen.state.last_slot_us >= slot;
    const struct result *looks = !agrees ? NULL : r ? r->looks : v->failed;
    *ret_n = !looks ? 0 : r ? r->n_looks : 1;
    return looks;
}

static int older_first(const void *a, const void *b)
{
    const struct result *x = a, *y = b;
    return x->at_us != y->at_us ? (x->at_us > y->at_us) - (x->at_us < y->at_us)
                                : (x->run.look > y->run.look) - (x->run.look < y->run.look);
}

/* The looks of all that agree, oldest first; NULL: no memory. */
static struct result *gather(struct judge *j, const struct watched *w, wall_us slot, size_t *ret_n)
{
    struct result *to = NULL;
    *ret_n = 0;
    for (unsigned i = 0; i < w->views->n; i++) {
        size_t n;
        const struct result *looks = looks_at(j, w, i, slot, &n);
        struct result *more = n ? realloc(to, (*ret_n + n) * sizeof *to) : to;
        if (n && !more) {
            free(to);
            return NULL;
        }
        to = more;
        if (n)
            memcpy(to + *ret_n, looks, n * sizeof *looks);
        *ret_n += n;
    }
    if (to)
        qsort(to, *ret_n, sizeof *to, older_first);
    return to;
}

static void close_confirmed(struct judge *j, const struct watched *w)
{
    for (unsigned i = 0; i < w->views->n; i++) {
        struct round *r = rounds_find(j->rounds, w->site.id, i);
        if (r && r->confirmed)
            rounds_close(j->rounds, r);
    }
}

static void open_outage(struct judge *j, struct batch *b, struct watched *w, const struct round *r,
                        struct instant now)
{
    size_t n = 0;
    struct result *looks = gather(j, w, r->slot_us, &n);
    if (!looks) {
        b->failed = -ENOMEM;
        return;
    }
    judge_step(j, b, w, STEP_FAILED, &looks[0], looks[0].at_us, now); /* where nobody suspected it yet */
    if (judge_step(j, b, w, STEP_CONFIRMED, &looks[n - 1], looks[n - 1].at_us, now) == CHANGE_WENT_DOWN)
        incidents_open(j->incidents, b, w, judge_owner(j, w), looks, n, now.wall);
    free(looks);
    close_confirmed(j, w);
}

/* Enough locations see it down, but no round of now has confirmed it, or it did without a
 * confirming look and fewer agree than should: one of them looks again. */
static void ask_anew(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                     const struct result *look, struct instant now)
{
    struct confirm rule = w->site.confirm;
    const struct result *failed = r ? &r->looks[0] : look;
    int place = failed ? views_place(w->views, failed->run.location) : -ENOENT;
    if (place < 0 || failed->run.look != 0 || w->views->at[place].seen.state.health != HEALTH_DOWN)
        return; /* the next look that fails will do */
    struct result look0 = *failed;
    if (r)
        rounds_close(j->rounds, r);
    if (rule.looks == 0)
        rule.looks = 1;
    judge_step(j, b, w, STEP_FAILED, &look0, look0.at_us, now);
    judge_begin_round(j, b, w, &look0, (unsigned)place, rule, now);
}

/* The site is as its views say, after a look (NULL: after a time). */
static void settle(struct judge *j, struct batch *b, struct watched *w, const struct result *look,
                   bool waited, struct instant now)
{
    bool open = w->state.health == HEALTH_DOWN, suspected = w->state.health == HEALTH_SUSPECTED;
    struct round *r = open ? NULL : newest_confirmed(j, w);
    wall_us at = look ? look->at_us : now.wall;
    const struct views_rule rule = {
        .from = site_needs(w->site.confirm_from, w->views->n),
        .slot = open ? 0
                : r  ? r->slot_us
                     : w->state.last_slot_us,
        .waited = waited && !open,
        .unknown_us = now.wall - 2 * (int64_t)w->site.every_ms * US_PER_MS,
    };
    struct views_answer a = views_say(w->views, &rule);
    switch (a.word) {
    case VIEWS_NOTHING: break;
    case VIEWS_DOWN:
        if (!open && r && (a.down >= rule.from || r->quorum.rule.looks > 0))
            open_outage(j, b, w, r, now);
        else if (!open)
            ask_anew(j, b, w, r, look, now);
        break;
    case VIEWS_SUSPECTED: judge_step(j, b, w, STEP_FAILED, look, at, now); break;
    case VIEWS_UP:
        if (!open)
            judge_step(j, b, w, suspected ? STEP_REJECTED : STEP_UP, look, at, now);
        else if (look && look->verdict == VERDICT_UP &&
                 judge_step(j, b, w, STEP_UP, look, at, now) == CHANGE_CAME_BACK)
            incidents_end(j->incidents, b, w, judge_owner(j, w), INCIDENT_RECOVERED, look, "", now.wall);
        if (r && a.open == 0) /* all have looked, and too few agree */
            close_confirmed(j, w);
        break;
    case VIEWS_UNKNOWN: judge_step(j, b, w, suspected ? STEP_UNDECIDED : STEP_UNKNOWN, look, at, now); break;
    }
}

/* The end of a round that one location has confirmed: who has not looked by now is not alive. */
void judge_stop_waiting(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                        struct instant now)
{
    unsigned place = (unsigned)r->key.place;
    settle(j, b, w, NULL, true, now);
    r = rounds_find(j->rounds, w->site.id, place); /* it may be gone, or another one */
    if (r && r->confirmed)
        rounds_close(j->rounds, r);
}

/* ── What comes ────────────────────────────────────────────────────────── */

/* What one location has found out by its own looks. A round that confirmed stays until the
 * others have had their time; one that was to confirm anew what it had confirmed before, and
 * found the site up, says so. */
void judge_conclude_view(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                         enum quorum_word word, struct instant now)
{
    const struct result last = r->looks[r->n_looks - 1];
    struct view *v = &w->views->at[r->key.place];
    bool anew = v->seen.state.health == HEALTH_DOWN && word == QUORUM_REJECTED;
    jury_round(j->jury, r->looks, r->n_looks, now.mono);
    judge_step_view(b, w, v, anew ? STEP_UP : judge_outcomes[word], &last, last.at_us, now);
    r->confirmed = word == QUORUM_DOWN;
    if (!r->confirmed)
        rounds_close(j->rounds, r);
    else if (rounds_wait(j->rounds, r, quorum_end(&r->quorum)) < 0)
        b->failed = -ENOMEM;
    settle(j, b, w, &last, false, now);
}

static bool any_is_up(const struct views *v)
{
    bool up = false;
    for (unsigned i = 0; i < v->n; i++)
        up |= v->at[i].seen.state.health == HEALTH_UP;
    return up;
}

/* Of a site that is up somewhere, what failed elsewhere is that location's affair. */
void judge_note_view(struct judge *j, struct batch *b, struct watched *w, struct view *v,
                     const struct result *r)
{
    state_note(&v->seen.state, r, sites_worker(j->sites, r->worker));
    if (r->verdict == VERDICT_UP || !any_is_up(w->views))
        judge_note(j, b, w, r);
    batch_state(b, w);
}

/* A scheduled look of one location of several. */
void judge_seen_from(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                     struct instant now)
{
    int place = views_place(w->views, r->run.location);
    struct view *v = place >= 0 ? &w->views->at[place] : NULL;
    wall_us slot = r->run.slot_us;
    if (!v || slot <= v->seen.state.last_slot_us || (slot >= v->missed_from && slot < v->missed_to))
        return;
    v->seen.state.last_slot_us = slot;
    if (slot > w->state.last_slot_us)
        w->state.last_slot_us = slot;
    jury_look(j->jury, r, now.mono);

    enum verdict verdict = judge_believed(j, r, now);
    if (verdict == VERDICT_DOWN && view_failed(v, r) < 0)
        b->failed = -ENOMEM;
    enum change change = judge_step_view(b, w, v, judge_findings[verdict], r, r->at_us, now);
    judge_note_view(j, b, w, v, r);
    if (change != CHANGE_NONE) /* what was suspected or confirmed is no more */
        rounds_close(j->rounds, rounds_find(j->rounds, w->site.id, (unsigned)place));
    if (change == CHANGE_SUSPECTED)
        judge_begin_round(j, b, w, r, (unsigned)place, w->site.confirm, now);
    settle(j, b, w, r, false, now);
}

void judge_missed_from(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                       struct instant now)
{
    int place = views_place(w->views, r->run.location);
    struct view *v = place >= 0 ? &w->views->at[place] : NULL;
    if (!v || !judge_too_long(w, &v->seen.state, &v->missed_from, &v->missed_to, r) ||
        judge_step_view(b, w, v, STEP_UNKNOWN, r, r->run.slot_us, now) == CHANGE_NONE)
        return;
    judge_note_view(j, b, w, v, r);
    rounds_close(j->rounds, rounds_find(j->rounds, w->site.id, (unsigned)place));
    settle(j, b, w, r, false, now);
}

void judge_settle(struct judge *j, struct batch *b, struct watched *w, struct instant now)
{
    settle(j, b, w, NULL, false, now);
}
