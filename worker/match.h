/* match.h - does this answer satisfy what the site expects?
 *
 * What the site's owner accepts decides first. Of the rest, two kinds are no
 * outage although the status says "error": a filter in front of the site that
 * takes us for a robot, and a site that says we ask too often (429, RFC 6585
 * section 4). 503 is an outage also where it says for how long. Pure.
 */
#ifndef WORKER_MATCH_H
#define WORKER_MATCH_H

#include "common/clock.h"
#include "common/expect.h"
#include "worker/causes.h"

struct answer {
    unsigned status;
    bool retry_after; /* there was a Retry-After header */
    bool filtered;    /* a filter's marks in the header, see match_header_is_filter */
    bool keyword;     /* the keyword was found, or none is expected */
};

/* Up, up with a reason (blocked_waf, asks_patience), or down. */
struct judgement match_answer(const struct status_set *accepted, const struct answer *a);

/* For how long a Retry-After (RFC 9110 section 10.2.3) wants us to wait: seconds, or
 * until a date; 0 for one that has passed. False when it is neither. */
bool match_retry_after(const char *value, wall_us now, uint32_t *ret_s);

/* Whether a HEAD that was judged so is worth a GET: many servers refuse HEAD or
 * answer it wrongly. Not when names, connecting, TLS or time were the trouble,
 * and not when the site asked for patience. */
bool match_head_needs_get(struct judgement j);

/* Whether a HEAD that was judged so was taken and not answered in time, which GET
 * may be: there is no time left for it in the same look. */
bool match_head_hangs(struct judgement j);

/* A header that only filters in front of sites (web application firewalls) write
 * when they refuse, or the name of such a server. `name` need not be terminated;
 * value neither. */
bool match_header_is_filter(const char *name, size_t name_len, const char *value, size_t value_len);

/* 301, 302, 303, 307 and 308, unless the site accepts that status and does not
 * accept 200: then the redirect itself is what its owner wants to see. */
bool match_follows(const struct status_set *accepted, unsigned status);

#endif
