#include "collector/batch.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more. */
#define GROW(b, array, count, i) \
    (!(b)->failed && ((b)->failed = array_room((b)->array, (b)->count, (b)->room[i])) == 0)

void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->n_notices; i++)
        notice_free(b->notices[i]);
    for (size_t i = 0; i < b->n_news; i++)
        free(b->news[i].strings);
    for (size_t i = 0; i < b->n_states; i++)
        b->states[i]->dirty = false;
    b->n_results = b->n_states = b->n_incidents = b->n_evidence = 0;
    b->n_episodes = b->n_notices = b->n_tolds = b->n_asks = b->n_news = 0;
    b->states_us = 0;
    b->failed = 0;
}

void batch_done(struct batch *b)
{
    batch_clear(b);
    free(b->results);
    free(b->fresh);
    free(b->states);
    free(b->incidents);
    free(b->evidence);
    free(b->episodes);
    free(b->notices);
    free(b->tolds);
    free(b->asks);
    free(b->news);
    free(b->state_rows);
    free(b->view_rows);
    free(b->notice_rows);
    free(b->outcome_rows);
    *b = (struct batch){ 0 };
}

bool batch_empty(const struct batch *b)
{
    return !b->failed && b->n_results + b->n_states + b->n_incidents + b->n_evidence + b->n_episodes +
                                 b->n_notices + b->n_tolds + b->n_asks + b->n_news ==
                             0;
}

void batch_result(struct batch *b, const struct result *r)
{
    if (GROW(b, results, n_results, 0))
        b->results[b->n_results++] = *r;
}

void batch_state(struct batch *b, struct watched *w)
{
    if (w->dirty || !GROW(b, states, n_states, 1))
        return;
    w->dirty = true;
    w->unwritten = false;
    b->states[b->n_states++] = w;
}

void batch_incident(struct batch *b, const struct incident *incident)
{
    /* Opened and ended in one batch: the later word is the one to keep. */
    for (size_t i = 0; i < b->n_incidents; i++)
        if (b->incidents[i].id == incident->id) {
            b->incidents[i] = *incident;
            return;
        }
    if (GROW(b, incidents, n_incidents, 2))
        b->incidents[b->n_incidents++] = *incident;
}

void batch_evidence(struct batch *b, uint64_t incident_id, const struct result *looks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (GROW(b, evidence, n_evidence, 3))
            b->evidence[b->n_evidence++] = (struct evidence){ incident_id, looks[i] };
}

void batch_episode(struct batch *b, const struct episode *e)
{
    for (size_t i = 0; i < b->n_episodes; i++)
        if (b->episodes[i].id == e->id) {
            b->episodes[i] = *e;
            return;
        }
    if (GROW(b, episodes, n_episodes, 8))
        b->episodes[b->n_episodes++] = *e;
}

void batch_notice(struct batch *b, struct notice *take)
{
    if (!take)
        b->failed = -ENOMEM;
    else if (GROW(b, notices, n_notices, 4))
        b->notices[b->n_notices++] = take;
    else
        notice_free(take);
}

void batch_told(struct batch *b, const struct told *t)
{
    if (GROW(b, tolds, n_tolds, 5))
        b->tolds[b->n_tolds++] = *t;
}

void batch_ask(struct batch *b, const struct look_again *a)
{
    if (GROW(b, asks, n_asks, 6))
        b->asks[b->n_asks++] = *a;
}

void batch_unask(struct batch *b, const struct run *r)
{
    for (size_t i = b->n_asks; i-- > 0;) {
        const struct run *x = &b->asks[i].run;
        if (x->site_id == r->site_id && x->slot_us == r->slot_us && x->look == r->look &&
            strcmp(x->location, r->location) == 0)
            memmove(&b->asks[i], &b->asks[i + 1], (--b->n_asks - i) * sizeof *b->asks);
    }
}

void batch_news(struct batch *b, const struct event *e)
{
    if (!GROW(b, news, n_news, 7))
        return;
    char *strings = malloc(strlen(e->site) + strlen(e->url) + strlen(e->channel) + strlen(e->text) + 4);
    if (!strings) {
        b->failed = -ENOMEM;
        return;
    }
    struct news *n = &b->news[b->n_news++];
    *n = (struct news){ *e, strings };
    char *to = strings;
    n->event.site = to;
    to = stpcpy(to, e->site) + 1;
    n->event.url = to;
    to = stpcpy(to, e->url) + 1;
    n->event.channel = to;
    to = stpcpy(to, e->channel) + 1;
    n->event.text = to;
    strcpy(to, e->text);
}

/* ── The transaction ───────────────────────────────────────────────────── */

static void put_state_rows(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_states; i++) {
        const struct watched *w = b->states[i];
        b->state_rows[i] = w->state;
        for (unsigned k = 0; w->views && k < w->views->n; k++)
            b->view_rows[n++] = w->views->at[k].seen;
    }
}

static int make_rows(struct batch *b)
{
    if (b->n_results > 0) {
        free(b->fresh);
        b->fresh = calloc(b->n_results, sizeof *b->fresh);
        if (!b->fresh)
            return -ENOMEM;
    }
    b->n_view_rows = 0;
    for (size_t i = 0; i < b->n_states; i++)
        b->n_view_rows += b->states[i]->views ? b->states[i]->views->n : 0;
    const struct {
        void **rows;
        size_t *room;
        size_t want, size;
    } tables[] = {
        {(void **)&b->state_rows,    &b->rows_room[0], b->n_states,    sizeof *b->state_rows  },
        { (void **)&b->notice_rows,  &b->rows_room[1], b->n_notices,   sizeof *b->notice_rows },
        { (void **)&b->outcome_rows, &b->rows_room[2], b->n_tolds,     sizeof *b->outcome_rows},
        { (void **)&b->view_rows,    &b->rows_room[3], b->n_view_rows, sizeof *b->view_rows   },
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (tables[i].want <= *tables[i].room)
            continue;
        void *larger = realloc(*tables[i].rows, tables[i].want * tables[i].size);
        if (!larger)
            return -ENOMEM;
        *tables[i].rows = larger;
        *tables[i].room = tables[i].want;
    }
    put_state_rows(b);
    for (size_t i = 0; i < b->n_notices; i++)
        b->notice_rows[i] = *b->notices[i];
    for (size_t i = 0; i < b->n_tolds; i++) {
        const struct told *t = &b->tolds[i];
        b->outcome_rows[i] = (struct notice_outcome){
            .notice_id = t->notice_id,
            .state = t->state,
            .attempts = t->attempts,
            .next_try_us = t->next_try_us,
            .sent_us = t->sent_us,
            .trouble = t->trouble,
        };
    }
    return 0;
}

int batch_commit(struct batch *b, struct store *s, struct err *err)
{
    if (b->failed || make_rows(b) < 0)
        return err_set(err, -ENOMEM, "out of memory for a batch of %zu results", b->n_results);
    struct record record = {
        .results = b->results,
        .n_results = b->n_results,
        .fresh = b->fresh,
        .states = b->state_rows,
        .n_states = b->n_states,
        .views = b->view_rows,
        .n_views = b->n_view_rows,
        .states_us = b->states_us,
        .incidents = b->incidents,
        .n_incidents = b->n_incidents,
        .evidence = b->evidence,
        .n_evidence = b->n_evidence,
        .episodes = b->episodes,
        .n_episodes = b->n_episodes,
        .notices = b->notice_rows,
        .n_notices = b->n_notices,
        .outcomes = b->outcome_rows,
        .n_outcomes = b->n_tolds,
    };
    return store_record(s, &record, err);
}
