/* batch.h - what one transaction will record, and what is told once it is in
 * the store: results to be acknowledged, looks to ask for, news for the feed,
 * notices for the notifier.
 *
 * Everything is copied in. Memory that runs short is remembered in `failed`;
 * such a batch must not be committed, since what it lacks would be lost.
 */
#ifndef COLLECTOR_BATCH_H
#define COLLECTOR_BATCH_H

#include "collector/notices.h"
#include "collector/sites.h"
#include "collector/told.h"
#include "common/event.h"
#include "common/feedback.h"
#include "common/store/store.h"

struct batch {
    struct result *results;
    bool *fresh; /* as long as results; filled by the commit */
    size_t n_results;
    struct watched **states; /* sites whose state has moved, or a view */
    size_t n_states;
    wall_us states_us; /* for the store; 0: nothing to tell */
    struct incident *incidents;
    size_t n_incidents;
    struct evidence *evidence;
    size_t n_evidence;
    struct episode *episodes;
    size_t n_episodes;
    struct notice **notices; /* each owned, see notice_copy */
    size_t n_notices;
    struct told *tolds; /* what became of notices */
    size_t n_tolds;
    struct look_again *asks;
    size_t n_asks;
    struct news {
        struct event event; /* its strings are here */
        char *strings;
    } * news;
    size_t n_news;
    int failed; /* 0 or -ENOMEM */
    /* private: room of the arrays, and the commit's own */
    size_t room[9];
    struct site_state *state_rows;
    struct site_view *view_rows;
    struct notice *notice_rows;
    struct notice_outcome *outcome_rows;
    size_t rows_room[4], n_view_rows;
};

void batch_done(struct batch *b);
void batch_clear(struct batch *b); /* empty again, memory kept; notices still inside are freed */
bool batch_empty(const struct batch *b);

void batch_result(struct batch *b, const struct result *r);
void batch_state(struct batch *b, struct watched *w); /* once, however often it is called */
void batch_incident(struct batch *b, const struct incident *i);
void batch_evidence(struct batch *b, uint64_t incident_id, const struct result *looks, size_t n);
void batch_episode(struct batch *b, const struct episode *e);
void batch_notice(struct batch *b, struct notice *take); /* NULL: memory was short */
void batch_told(struct batch *b, const struct told *t);
void batch_ask(struct batch *b, const struct look_again *a);
void batch_unask(struct batch *b,
                 const struct run *r); /* that look has come meanwhile; not asked for: nothing */
void batch_news(struct batch *b, const struct event *e);

/* One transaction. On failure nothing is in the store and the batch is as it
 * was: it may be committed again later. */
int batch_commit(struct batch *b, struct store *s, struct err *err);

#endif
