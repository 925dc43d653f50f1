/* judge_inside.h - what the two files of the judge share: see judge.h for what it is. judge.c
 * has the rules, judge_views.c what is otherwise where a site has several locations. */
#ifndef COLLECTOR_JUDGE_INSIDE_H
#define COLLECTOR_JUDGE_INSIDE_H

#include "collector/judge.h"
#include "collector/sites.h"
#include "collector/state.h"

/* judge.c */
extern const enum step judge_findings[VERDICT_COUNT];        /* of a scheduled look */
extern const enum step judge_outcomes[QUORUM_UNDECIDED + 1]; /* of a round that is over */

void judge_publish(struct batch *b, enum event_kind kind, const struct watched *w, enum health before,
                   enum health after, const struct result *look, const char *why, wall_us now);
enum change judge_step(struct judge *j, struct batch *b, struct watched *w, enum step what,
                       const struct result *look, wall_us at, struct instant now);
void judge_note(struct judge *j, struct batch *b, struct watched *w, const struct result *r);
const struct owner *judge_owner(const struct judge *j, const struct watched *w);
enum verdict judge_believed(const struct judge *j, const struct result *r, struct instant now);
void judge_begin_round(struct judge *j, struct batch *b, struct watched *w, const struct result *look0,
                       unsigned place, struct confirm rule, struct instant now);
bool judge_too_long(const struct watched *w, const struct site_state *s, wall_us *from, wall_us *to,
                    const struct result *missed);

/* judge_views.c: `w` has views */
enum change judge_step_view(struct batch *b, struct watched *w, struct view *v, enum step what,
                            const struct result *look, wall_us at, struct instant now);
/* The newest look of a location, for people. */
void judge_note_view(struct judge *j, struct batch *b, struct watched *w, struct view *v,
                     const struct result *r);
/* What comes: a scheduled look, slots that nobody looked at, the end of a round, the end of waiting. */
void judge_seen_from(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                     struct instant now);
void judge_missed_from(struct judge *j, struct batch *b, struct watched *w, const struct result *r,
                       struct instant now);
void judge_conclude_view(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                         enum quorum_word word, struct instant now);
void judge_stop_waiting(struct judge *j, struct batch *b, struct watched *w, struct round *r,
                        struct instant now);

#endif
