/* check.h - what a kind of check is, and the table of kinds.
 *
 * A probe knows a life: slots, the budget of time, doubt about ourselves, the
 * conclusion. A check knows a protocol. Another kind of check is a file in
 * check/ and a row in check.c.
 */
#ifndef WORKER_CHECK_H
#define WORKER_CHECK_H

#include "worker/courtesy.h"
#include "worker/exchange.h"
#include "worker/resolver.h"
#include "worker/selfcheck.h"
#include "worker/sitememory.h"
#include "worker/wakeup.h"

struct canaries;

/* What all looks of a thread share. Borrowed. */
struct check_kit {
    struct loop *loop;
    struct resolver *resolver;
    struct routes *routes;
    const struct address_policy *policy;
    struct sitememory *memory;
    struct selfcheck *selfcheck;
    struct courtesy *courtesy;
    struct canaries *canaries; /* NULL: none */
    uint32_t patience_most_s;  /* that a site may ask for */
    struct exchange_kit exchange;
};

/* One look in hand. A check reads the job, writes what it sees into the trace
 * (method, status, redirects, phases, address, tls_expires_us), and concludes. */
struct look {
    const struct check_kit *kit;
    struct job job; /* its strings live as long as the look */
    struct result trace;
    uint64_t site_key; /* for the memory of sites */
    mono_ns began, deadline;
    void *state;    /* the check's own */
    uint64_t place; /* what its failing would have in common with others; see selfcheck.h */
    enum way way;
    bool asked_name; /* its name was asked for, not known already */

    /* the probe's own */
    const struct check_kind *kind;
    struct probes *probes;
    struct wakeup *alarm;
    mono_ns alarm_at, wake_at;
    struct courtesy_turn turn;
    mono_ns waits_since, left;     /* while it waits for its turn */
    bool started, expiring, again; /* again: its budget was prolonged, see probe.c */
    void *room;                    /* see look_room */
    size_t room_bytes;
    char *far, near[192]; /* the job's strings: near, or far when they are long */
    void (*done)(void *arg, const struct result *result);
    void *arg;
    struct look *prev, *next;
};

struct check_kind {
    const char *name;
    const char *const *schemes; /* of the URLs that it looks at, ended by NULL */

    /* Begin; always from the loop. May conclude at once. -ENOMEM. */
    int (*start)(struct look *k);

    /* The time that look_wake_at asked for has come. */
    void (*wake)(struct look *k);

    /* The turn that look_needs_turn asked for has come. */
    void (*go)(struct look *k);

    /* The budget is used up: what was it waiting for? The caller concludes. */
    struct judgement (*expire)(struct look *k);

    /* Let go of everything. After this nothing of the check is called any more. */
    void (*stop)(struct look *k);
};

/* check/http.c: http and https. */
extern const struct check_kind check_http;

/* By the URL's scheme; NULL for one that nobody knows. */
const struct check_kind *check_kind_of(const char *url);

/* Memory for a check's own state, not cleared, which is lent to one look after the
 * other; one piece for each look, until it is over. NULL when memory is short. */
void *look_room(struct look *k, size_t bytes);

/* Ask for `wake` at that time; MONO_NEVER for never. One at a time. */
void look_wake_at(struct look *k, mono_ns at);

/* Before a connection to that address. True: go on now. False: the caller must
 * return; later `go` is called, or the look was over, because so many others are to
 * be looked at there. Meanwhile its time stands still. */
bool look_needs_turn(struct look *k, const struct address *to);

/* The look is over: the caller must return without touching it again. `detail`
 * is for people. */
void look_conclude(struct look *k, struct judgement j, const char *detail, ...)
    __attribute__((format(printf, 3, 4)));

uint32_t look_left_ms(const struct look *k); /* of the budget; at least 1 */

/* How much later than the budget says a look may end: a loop that was held up
 * gives what it could not hear meanwhile another chance. */
#define LOOK_LEEWAY_MS 3000

#endif
