/* site.h - what somebody wants watched.
 *
 * A site is a URL, how often to look at it, what counts as well, and whose it
 * is. Its id is given by the store and never reused; its name is what people
 * call it (the URL when they gave none) and is unique among the sites that are
 * not removed.
 */
#ifndef COMMON_SITE_H
#define COMMON_SITE_H

#include "common/clock.h"
#include "common/expect.h"
#include "common/location.h"
#include "common/scope.h"

#define SITE_MAX_URL                                                                                 \
    2048                   /* bytes, without terminator; RFC 9110 section 4.1 asks for 8000 at least \
                            * of servers, every checker's users stay far below 2,048 */
#define SITE_MAX_NAME 2048 /* a name may be the URL */
#define SITE_MAX_TAGS 512

/* Ceilings of what a site may ask for. */
#define SITE_MIN_EVERY_MS   100
#define SITE_MAX_EVERY_MS   (7 * 86400 * 1000)
#define SITE_MIN_TIMEOUT_MS 50
#define SITE_MAX_TIMEOUT_MS (120 * 1000)
#define SITE_MAX_LOOKS      5
#define SITE_MAX_WITHIN_MS  (600 * 1000)
#define SITE_MAX_LOCATIONS  8

#define SITE_LOCATIONS_SIZE (SITE_MAX_LOCATIONS * LOCATION_SIZE) /* of the list, with terminator */

#define SITE_DEFAULT_EVERY_MS   (5 * 60 * 1000)
#define SITE_DEFAULT_TIMEOUT_MS (20 * 1000)
#define SITE_DEFAULT_LOOKS      2
#define SITE_DEFAULT_WITHIN_MS  (15 * 1000)
#define SITE_DEFAULT_FROM       2 /* locations, where the site has as many */

enum method {
    METHOD_AUTO, /* HEAD, and GET to be sure when HEAD is refused or mis-served */
    METHOD_HEAD,
    METHOD_GET,
    METHOD_COUNT, /* last */
};

const char *method_name(enum method m); /* "auto", "HEAD", "GET" */
int method_parse(const char *text, enum method *ret, struct err *err);

/* How an outage is confirmed: that many further looks, begun within that time,
 * must all fail before the site is down. looks 0 believes the first failure. Of
 * several locations each confirms by itself, and `confirm_from` of them must have. */
struct confirm {
    uint8_t looks;
    uint32_t within_ms;
};

/* From how many of so many locations an outage must be seen: as the site says, or
 * SITE_DEFAULT_FROM for 0; at least 1 and no more than there are. */
unsigned site_needs(uint8_t confirm_from, unsigned locations);

struct site {
    uint64_t id;      /* 0: not in a store yet */
    const char *name; /* whose strings these are, the function says that hands out the site */
    const char *url;  /* normalised, see url.h */
    const char *tags; /* comma-separated, sorted; "" for none */
    uint64_t owner_id;
    uint32_t every_ms;
    uint32_t timeout_ms; /* for the whole look: names, redirects, body */
    enum method method;
    struct status_set status;
    const char *contains; /* keyword that the body must have; "" for none */
    struct confirm confirm;
    const char *locations; /* from where it is looked at, a list as in location.h; "" or NULL: from
                            * the cluster's first location */
    uint8_t confirm_from;  /* 0: of as many as is usual, see site_needs */
    bool full_handshake;   /* resume no TLS session of an earlier look */
    bool paused;
    bool removed;       /* a tombstone: kept so that history stays explained */
    uint64_t change;    /* number of the store's change that wrote it last */
    wall_us changed_us; /* when the way it is watched (URL, interval, paused) last changed */
};

static inline const char *site_locations(const struct site *s)
{
    return s->locations ? s->locations : "";
}

/* The site's place inside its interval: due times are every instant t with
 * t = k * every + phase, in wall time. A hash of the id, so that sites added
 * together do not fire together and every coordinator finds the same grid. */
int64_t site_phase_us(uint64_t id, uint32_t every_ms);

/* The first due time at or after `at`. */
wall_us site_next_slot(uint64_t id, uint32_t every_ms, wall_us at);

/* A copy that owns its strings, in one allocation; NULL when memory is short. */
struct site *site_copy(const struct site *s);
void site_free(struct site *s); /* only what site_copy made; NULL is fine */
DEFINE_SCOPED(site, struct site *, site_free)

#endif
