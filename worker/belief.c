#include "worker/belief.h"

#include "worker/canaries.h"

#include <stdio.h>

/* What a late loop may be the cause of. A server that loses patience with us says
 * 408, or closes. */
static bool may_be_late(const struct look *k, enum cause c)
{
    return cause_is_timeout(c) || cause_may_be_impatience(c) ||
           (c == CAUSE_HTTP_4XX && k->trace.status == 408);
}

/* A worker that was late itself, or whose clock jumps, has no business calling
 * others slow or expired. */
static struct judgement believable(const struct look *k, struct judgement j, mono_ns now, char *detail)
{
    const struct selfcheck *s = k->kit->selfcheck;
    if (may_be_late(k, j.cause) && selfcheck_was_late_since(s, k->began)) {
        snprintf(detail, DETAIL_SIZE, "%s, but our own loop was held up", cause_words(j.cause));
        return judgement_of(CAUSE_WORKER_ERROR);
    }
    bool by_clock = j.cause == CAUSE_CERT_EXPIRED || j.cause == CAUSE_CERT_NOT_YET_VALID;
    if (by_clock && selfcheck_clock_stepped(s, now)) {
        snprintf(detail, DETAIL_SIZE, "%s, but our own clock was stepped", cause_words(j.cause));
        return judgement_of(CAUSE_WORKER_ERROR);
    }
    return j;
}

/* What this look says about ourselves. */
static void learn(struct look *k, struct judgement was, struct judgement j, mono_ns now)
{
    struct selfcheck *s = k->kit->selfcheck;
    struct sitememory *m = k->kit->memory;
    bool cut_off = cause_is_cut_off(j.cause), ours = cause_is_ours(j.cause);
    if (k->job.patience_s > 0) /* nobody looked */
        return;

    /* What became ours only now is not a shortage: lateness and steps are counted by themselves. */
    if (was.cause == CAUSE_WORKER_ERROR)
        selfcheck_note_ours(s, now);
    if ((!ours || cut_off) && sitememory_was_up(m, k->site_key)) {
        bool failed = cut_off || cause_is_transport(j.cause);
        selfcheck_note(s, now, k->way, k->place, failed);
        if (k->asked_name && k->way != WAY_NAMES) /* it was answered */
            selfcheck_note(s, now, WAY_NAMES, 0, false);
        if (failed)
            canaries_hurry(k->kit->canaries);
    }
    if (!ours)
        sitememory_set_up(m, k->site_key, j.verdict == VERDICT_UP);
}

struct judgement belief_weigh(struct look *k, struct judgement was, mono_ns now, char *detail)
{
    struct judgement j = believable(k, was, now, detail);
    learn(k, was, j, now);
    k->trace.suspect = selfcheck_doubts(k->kit->selfcheck, k->way, now);
    if (k->trace.suspect && cause_is_transport(j.cause)) {
        snprintf(detail, DETAIL_SIZE, "%s, while %s", cause_words(j.cause),
                 selfcheck_reason(k->kit->selfcheck, now));
        return judgement_of(CAUSE_WORKER_SUSPECT);
    }
    return j;
}
