/* rule.h - what goes wrong, with which sites, and when: one line of words each.
 *
 *     2% answer 503                      two of a hundred sites, always
 *     5% hang 20s                        five others: no answer, closed after 20 s
 *     1% of requests reset               now and then, with any site
 *     sites 100-200 answer 503 from 30s until 60s
 *     site 7 refuse
 *     0.5% show expired
 *     all slow 2s from 10m until 12m
 *
 * Who: "all", "site N", "sites N-M", "P%" or "P% of sites" (always the same
 * ones; shares of different rules never overlap), "P% of requests".
 * What: see the table in rule.c; `rule_kinds` writes it for people.
 * When: "from T", "until T", counted from the first request that anybody made.
 * The first rule that fits is followed. A site that no rule fits is well. Pure.
 */
#ifndef LOADGEN_RULE_H
#define LOADGEN_RULE_H

#include "common/err.h"
#include "loadgen/crowd.h"

#include <stdio.h>

#define RULES_MAX      64
#define RULE_TEXT_SIZE 120

enum deed {
    DEED_ANSWER, /* a status */
    DEED_HANG,   /* accepts, reads the request, says nothing; closes after a while */
    DEED_SLOW,   /* is well, but takes so long */
    DEED_REFUSE, /* nobody listens: its name leads to a closed address */
    DEED_RESET,  /* reads the request and resets the connection */
    DEED_CLOSE,  /* reads the request and closes the connection */
    DEED_EXPIRED,
    DEED_WRONG_NAME,
    DEED_UNTRUSTED,
    DEED_NXDOMAIN,
    DEED_SERVFAIL,
    DEED_MUTE, /* questions for its name are not answered */
    DEED_COUNT,
};

enum who { WHO_RANGE, WHO_SHARE, WHO_REQUESTS };

struct rule {
    enum who who;
    uint32_t first, last;     /* of a range */
    uint32_t from_ppm, n_ppm; /* of a share: draws from from_ppm on */
    enum deed deed;
    uint16_t status;           /* to answer with */
    int64_t us;                /* to hang or to be slow; of hanging 0: as long as the other side stays */
    int64_t from_us, until_us; /* since the first request */
    char text[RULE_TEXT_SIZE];
};

struct rules {
    unsigned n;
    uint32_t sites_ppm, requests_ppm; /* shares given away so far */
    struct rule rule[RULES_MAX];
};

/* One more line; the shares of all lines together stay within 100 %. -EINVAL
 * with a sentence, -ENOSPC; nothing is changed then. */
int rules_add(struct rules *r, const char *text, struct err *err);

/* The number of the rule that holds for a site at that time (microseconds since
 * the first request), -1 for none. `draw`, 0 to PPM - 1, is the request's own
 * luck; RULES_NO_REQUEST asks about the site as such, as the name server does. */
#define RULES_NO_REQUEST UINT32_MAX
int rules_find(const struct rules *r, const struct crowd *c, uint32_t site, int64_t since_us, uint32_t draw);

/* How many sites a rule is about, whenever it holds; 0 for one about requests. */
uint32_t rule_sites(const struct rule *r, const struct crowd *c);

void rule_kinds(FILE *out); /* "  answer STATUS   ...": for --help */

#endif
