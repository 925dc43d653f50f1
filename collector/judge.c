#include "collector/judge_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ── One step of a site's health ───────────────────────────────────────── */

void judge_publish(struct batch *b, enum event_kind kind, const struct watched *w, enum health before,
                   enum health after, const struct result *look, const char *why, wall_us now)
{
    struct event e = {
        .kind = kind,
        .at_us = now,
        .site_id = w->site.id,
        .site = w->site.name,
        .url = w->site.url,
        .health_from = before,
        .health_to = after,
        .incident_id = w->state.incident_id,
        .channel = "",
        .text = why,
    };
    if (look)
        e.result = *look;
    batch_news(b, &e);
}

static enum change step_because(struct judge *j, struct batch *b, struct watched *w, enum step what,
                                const struct result *look, const char *why, wall_us at, struct instant now)
{
    enum health before = w->state.health;
    enum change change = state_step(&w->state, what, at);
    if (change != CHANGE_NONE)
        batch_state(b, w);
    if (w->state.health != before) {
        sites_moved(j->sites, w, before);
        judge_publish(b, EVENT_HEALTH, w, before, w->state.health, look, why, now.wall);
    }
    return change;
}

enum change judge_step(struct judge *j, struct batch *b, struct watched *w, enum step what,
                       const struct result *look, wall_us at, struct instant now)
{
    return step_because(j, b, w, what, look, "", at, now);
}

/* The newest look, for people. What it says besides is in the ledger, and the
 * state need not be written for it at once; see sites.h. */
void judge_note(struct judge *j, struct batch *b, struct watched *w, const struct result *r)
{
    state_note(&w->state, r, sites_worker(j->sites, r->worker));
    if (!w->views && r->run.look == 0 && r->cause != CAUSE_MISSED &&
        sites_may_wait(j->sites, w->state.last_slot_us))
        w->unwritten = !w->dirty;
    else
        batch_state(b, w);
}

const struct owner *judge_owner(const struct judge *j, const struct watched *w)
{
    return sites_owner(j->sites, w->site.owner_id);
}

/* What a worker in doubt saw up is up; what it saw fail says nothing. */
enum verdict judge_believed(const struct judge *j, const struct result *r, struct instant now)
{
    bool doubted = r->suspect || (r->verdict == VERDICT_DOWN && jury_doubts(j->jury, r->worker, now.mono));
    return doubted && r->verdict == VERDICT_DOWN ? VERDICT_UNKNOWN : r->verdict;
}

/* What a confirming look is worth to its round. */
static enum verdict vote_of(const struct judge *j, const struct round *round, const struct result *look,
                            struct instant now)
{
    enum verdict v = judge_believed(j, look, now);
    bool repeated = v == VERDICT_DOWN && witnesses_repeated(j->witnesses, round->looks, round->n_looks, look);
    return repeated ? VERDICT_UNKNOWN : v;
}

/* ── Rounds ────────────────────────────────────────────────────────────── */

const enum step judge_outcomes[] = {
    [QUORUM_DOWN] = STEP_CONFIRMED,
    [QUORUM_REJECTED] = STEP_REJECTED,
    [QUORUM_UNDECIDED] = STEP_UNDECIDED,
};

static void count_round(struct judge *j, const struct round *r, enum quorum_word word, struct instant now)
{
    struct judge_counts *c = &j->counts;
    *(word == QUORUM_DOWN ? &c->down : word == QUORUM_REJECTED ? &c->rejected : &c->undecided) += 1;
    spread_add(&c->settled, (now.mono - quorum_began(&r->quorum)) / NS_PER_US);
}

static void conclude(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                     enum quorum_word word, struct instant now)
{
    const struct result *last = &r->looks[r->n_looks - 1];
    enum change change = judge_step(j, b, w, judge_outcomes[word], last, last->at_us, now);
    if (change == CHANGE_WENT_DOWN)
        incidents_open(j->incidents, b, w, judge_owner(j, w), r->looks, r->n_looks, now.wall);
    jury_round(j->jury, r->looks, r->n_looks, now.mono);
    rounds_close(j->rounds, r);
}

static void ask(struct batch *b, const struct round *r, const struct quorum_answer *a)
{
    struct look_again again = { .run = r->looks[0].run, .within_ms = a->within_ms };
    again.run.look = (uint16_t)a->look;
    strncpy(again.avoid, a->avoid, sizeof again.avoid - 1);
    batch_ask(b, &again);
}

/* Do what the quorum says until it wants to wait; the round may be gone then. */
static void go_on(struct judge *j, struct batch *b, struct watched *w, struct round *r, struct instant now)
{
    for (;;) {
        struct quorum_answer a = quorum_next(&r->quorum, now.mono);
        if (a.word == QUORUM_ASK) {
            ask(b, r, &a);
            continue;
        }
        if (a.word != QUORUM_WAIT && !r->confirmed)
            count_round(j, r, a.word, now);
        if (a.word != QUORUM_WAIT && w->views)
            judge_conclude_view(j, b, w, r, a.word, now);
        else if (a.word != QUORUM_WAIT)
            conclude(j, b, w, r, a.word, now);
        else if (rounds_wait(j->rounds, r, a.until) < 0)
            b->failed = -ENOMEM;
        return;
    }
}

void judge_begin_round(struct judge *j, struct batch *b, struct watched *w, const struct result *look0,
                       unsigned place, struct confirm rule, struct instant now)
{
    struct round *r = NULL;
    int e = rounds_open(j->rounds, look0, place, rule, w->site.timeout_ms, now.mono, &r);
    if (e == -ENOSPC && w->views)
        judge_step_view(b, w, &w->views->at[place], STEP_UNDECIDED, look0, look0->at_us, now);
    else if (e == -ENOSPC)
        judge_step(j, b, w, STEP_UNDECIDED, look0, look0->at_us, now);
    else if (e == -EEXIST)
        return; /* that goes on */
    else if (e < 0)
        b->failed = e;
    else
        go_on(j, b, w, r, now);
}

void judge_due(struct judge *j, struct batch *b, struct instant now)
{
    struct round *r;
    while ((r = rounds_take_due(j->rounds, now.mono))) {
        struct watched *w = sites_find(j->sites, r->key.site_id);
        if (w && r->confirmed)
            judge_stop_waiting(j, b, w, r, now);
        else if (w)
            go_on(j, b, w, r, now);
        else
            rounds_close(j->rounds, r);
    }
}

/* ── Results ───────────────────────────────────────────────────────────── */

static int64_t every_us(const struct watched *w)
{
    return (int64_t)w->site.every_ms * US_PER_MS;
}

/* Nobody looked at these slots. last_slot_us stays: these rounds did not count. True when
 * they are so many that we do not know any more. */
bool judge_too_long(const struct watched *w, const struct site_state *s, wall_us *from, wall_us *to,
                    const struct result *r)
{
    wall_us end = r->run.slot_us + (int64_t)r->span * every_us(w);
    if (end <= s->last_slot_us)
        return false;
    if (*to < r->run.slot_us)
        *from = r->run.slot_us;
    *to = end;
    wall_us known = s->last_slot_us ? s->last_slot_us : *from;
    return end - known > 2 * every_us(w) && s->health != HEALTH_UNKNOWN;
}

static void missed(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                   struct instant now)
{
    if (!judge_too_long(w, &w->state, &w->missed_from, &w->missed_to, r))
        return;
    if (judge_step(j, b, w, STEP_UNKNOWN, r, r->run.slot_us, now) != CHANGE_NONE)
        judge_note(j, b, w, r);
}

const enum step judge_findings[] = {
    [VERDICT_UP] = STEP_UP,
    [VERDICT_DOWN] = STEP_FAILED,
    [VERDICT_UNKNOWN] = STEP_UNKNOWN,
};

static void scheduled(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                      struct instant now)
{
    wall_us slot = r->run.slot_us;
    if (slot <= w->state.last_slot_us || (slot >= w->missed_from && slot < w->missed_to))
        return;
    w->state.last_slot_us = slot;
    judge_note(j, b, w, r);
    jury_look(j->jury, r, now.mono);

    switch (judge_step(j, b, w, judge_findings[judge_believed(j, r, now)], r, r->at_us, now)) {
    case CHANGE_SUSPECTED: judge_begin_round(j, b, w, r, 0, w->site.confirm, now); break;
    case CHANGE_CAME_BACK:
        incidents_end(j->incidents, b, w, judge_owner(j, w), INCIDENT_RECOVERED, r, "", now.wall);
        break;
    case CHANGE_BLIP: rounds_close(j->rounds, rounds_find(j->rounds, w->site.id, 0)); break;
    default: break;
    }
}

static void confirming(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                       struct instant now)
{
    int place = w->views ? views_place(w->views, r->run.location) : 0;
    struct round *round = place >= 0 ? rounds_find(j->rounds, w->site.id, (unsigned)place) : NULL;
    if (!round || round->confirmed || round->slot_us != r->run.slot_us)
        return;
    int counted = rounds_vote(round, r, vote_of(j, round, r, now));
    if (counted < 0)
        b->failed = counted;
    if (counted <= 0)
        return;
    batch_unask(b, &r->run); /* asked for anew a moment ago: it would be looked at once more, for nothing */
    if (w->views)
        judge_note_view(j, b, w, &w->views->at[place], r);
    else
        judge_note(j, b, w, r);
    go_on(j, b, w, round, now);
}

void judge_result(struct judge *j, struct batch *b, const struct result *r, struct instant now)
{
    batch_result(b, r);
    struct watched *w = sites_find(j->sites, r->run.site_id);
    if (!w || w->site.removed || w->site.paused)
        return;
    if (r->run.look > 0)
        /* The round is the measure: one that an edit voided is not open. */
        confirming(j, b, w, r, now);
    else if (r->cause == CAUSE_MISSED && w->views)
        judge_missed_from(j, b, w, r, now);
    else if (r->cause == CAUSE_MISSED)
        missed(j, b, w, r, now);
    else if (r->at_us < w->site.changed_us)
        return; /* of what it was before */
    else if (w->views)
        judge_seen_from(j, b, w, r, now);
    else
        scheduled(j, b, w, r, now);
}

/* ── Changes of sites ──────────────────────────────────────────────────── */

static void drop_rounds(struct judge *j, const struct watched *w)
{
    for (unsigned i = 0; i < (w->views ? w->views->n : 1); i++)
        rounds_close(j->rounds, rounds_find(j->rounds, w->site.id, i));
}

/* It is looked at from other places than before: rounds are theirs. The next looks decide. */
static void move(struct judge *j, struct batch *b, struct watched *w, struct instant now)
{
    drop_rounds(j, w);
    for (unsigned i = 0; w->views && i < w->views->n; i++)
        judge_step_view(b, w, &w->views->at[i], STEP_UNDECIDED, NULL, now.wall, now);
    judge_step(j, b, w, STEP_UNDECIDED, NULL, now.wall, now);
}

void judge_withdraw(struct judge *j, struct batch *b, struct watched *w, const char *reason,
                    struct instant now)
{
    drop_rounds(j, w);
    for (unsigned i = 0; w->views && i < w->views->n; i++)
        judge_step_view(b, w, &w->views->at[i], STEP_WITHDRAWN, NULL, now.wall, now);
    if (step_because(j, b, w, STEP_WITHDRAWN, NULL, reason, now.wall, now) == CHANGE_WITHDRAWN)
        incidents_end(j->incidents, b, w, judge_owner(j, w), INCIDENT_WITHDRAWN, NULL, reason, now.wall);
}

void judge_site(struct judge *j, struct batch *b, const struct site *site, struct instant now)
{
    struct watched *w = sites_find(j->sites, site->id);
    const char *reason = NULL;
    if (!w && site->removed)
        return;
    if (w && !w->site.removed && site->removed)
        reason = "the site was removed";
    else if (w && !w->site.paused && site->paused)
        reason = "the site was paused";
    else if (w && strcmp(w->site.url, site->url) != 0)
        reason = "the site has another URL now";
    /* Before the change: the notice names the site as it was when it went down. */
    if (reason)
        judge_withdraw(j, b, w, reason, now);
    if (w && !views_are(w->views, site_locations(site)))
        move(j, b, w, now);
    if (sites_set(j->sites, site, &w) < 0)
        b->failed = -ENOMEM;
}

/* ── After a start ─────────────────────────────────────────────────────── */

static const struct result *find_look0(const struct site_state *s, const char *location,
                                       const struct result *lines, size_t n)
{
    const struct result *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (lines[i].run.look == 0 && lines[i].verdict == VERDICT_DOWN && !lines[i].suspect &&
            lines[i].at_us == s->since_us && (!location || strcmp(lines[i].run.location, location) == 0))
            best = &lines[i];
    return best;
}

/* The next scheduled look decides anew. */
static void give_up(struct judge *j, struct batch *b, struct watched *w, struct view *v, struct instant now)
{
    if (!v)
        judge_step(j, b, w, STEP_UNDECIDED, NULL, now.wall, now);
    else
        judge_step_view(b, w, v, STEP_UNDECIDED, NULL, now.wall, now);
}

void judge_resume(struct judge *j, struct batch *b, struct watched *w, unsigned place,
                  const struct result *lines, size_t n, struct instant now)
{
    struct view *v = w->views ? &w->views->at[place] : NULL;
    const struct result *look0 =
        find_look0(v ? &v->seen.state : &w->state, v ? v->seen.location : NULL, lines, n);
    if (!look0) {
        give_up(j, b, w, v, now);
        return;
    }
    int64_t ago_us = now.wall - (look0->at_us + look0->took_us);
    struct round *r = NULL;
    int e = rounds_open(j->rounds, look0, place, w->site.confirm, w->site.timeout_ms,
                        now.mono - (ago_us > 0 ? ago_us * NS_PER_US : 0), &r);
    if (e < 0) {
        b->failed = e == -ENOMEM ? e : b->failed;
        give_up(j, b, w, v, now);
        return;
    }
    if (v && view_failed(v, look0) < 0)
        b->failed = -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (lines[i].run.slot_us == look0->run.slot_us && lines[i].run.look > 0 &&
            strcmp(lines[i].run.location, look0->run.location) == 0 &&
            rounds_vote(r, &lines[i], vote_of(j, r, &lines[i], now)) < 0)
            b->failed = -ENOMEM;
    go_on(j, b, w, r, now);
}
