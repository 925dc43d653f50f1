/* views.h - what the locations of a site see, and what follows for the site (pure).
 *
 * A site that is looked at from several locations has a view for each of them: a health of its
 * own, moved by its own looks as state.h has it, and confirmed by its own rounds as quorum.h has
 * it. A location's word is then worth what a single location's would be. The site itself is
 *
 *   down        when `from` locations see it down (site_needs in site.h). The outage opens with
 *               the confirmed round of one of them, and each of the others has failed at the same
 *               slot or a later one: what was seen before says nothing of now
 *   suspected   when it would be down if those that are suspicious were right
 *   up          otherwise, when any location sees it up: "up, but not from us"
 *   unknown     when no location knows
 *
 * When fewer than `from` are alive. A location is not alive when nobody is there (its slots are
 * missed), when its looks have said nothing for longer than two intervals, and, for one round,
 * when none of its looks at that slot or later has said anything by the end of the round
 * (quorum_end): until then it is waited for. Then all that are alive must agree, and it takes a
 * confirming look at least, by another worker where there is one: never the single look of one
 * worker. What is told then is from how many of how many locations it was seen.
 *
 * An outage ends with the first look that finds the site up and leaves fewer than `from`
 * locations that see it down. Not knowing ends none.
 */
#ifndef COLLECTOR_VIEWS_H
#define COLLECTOR_VIEWS_H

#include "common/health.h"
#include "common/scope.h"
#include "common/site.h"

struct view {
    struct site_view seen;
    struct result *failed; /* its newest scheduled look, if that failed; owned; NULL: not, or not known */
    /* The newest span of slots that nobody looked at, as in struct watched. */
    wall_us missed_from, missed_to;
};

struct views {
    unsigned n; /* 2 or more */
    struct view at[];
};

/* One for each location of the list. What `old` (NULL: nothing) knows of those locations is moved
 * over; freeing it stays the caller's. -ENOMEM. */
int views_new(struct views **ret, uint64_t site_id, const char *locations, struct views *old);
void views_free(struct views *v); /* NULL is fine */
DEFINE_SCOPED(views, struct views *, views_free)

/* Whether they are those of this list; NULL is right for a list of less than two. */
bool views_are(const struct views *v, const char *locations);
int views_place(const struct views *v, const char *location); /* or -ENOENT */

/* Remember a scheduled look that failed (a copy), or forget the last one. -ENOMEM. */
int view_failed(struct view *v, const struct result *look);
void view_well(struct view *v);

struct views_answer {
    enum views_word { VIEWS_NOTHING, VIEWS_UP, VIEWS_SUSPECTED, VIEWS_DOWN, VIEWS_UNKNOWN } word;
    unsigned down;  /* locations that see it down, at that slot or later */
    unsigned alive; /* that know, or may soon */
    unsigned need;  /* that must agree */
    unsigned open;  /* alive, and have not had their say about that slot yet: suspicious, or to look */
};

struct views_rule {
    unsigned from;      /* locations that must agree, where so many are alive */
    wall_us slot;       /* views that are down from before it are only suspicious; 0: all count */
    bool waited;        /* locations that have seen nothing since `slot` are not alive */
    wall_us unknown_us; /* ... nor those that have not known since then or before */
};
/* What the views say of the site. */
struct views_answer views_say(const struct views *v, const struct views_rule *rule);

#endif
