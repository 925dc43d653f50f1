/* evidence.h - which rule decided, in a sentence.
 *
 * Pure. The looks of one round, as they stand in the ledger or under an
 * incident, and what follows from them. The rule itself is the collector's
 * (quorum); here it is only told.
 */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include "common/health.h"
#include "common/site.h"
#include "common/text.h"

#include <stddef.h>

/* How the looks voted. Confirming looks are those after look 0. */
struct votes {
    unsigned down, up, unknown; /* of confirming looks */
    unsigned workers;           /* that saw it down, look 0 included */
    unsigned locations;         /* of these */
    const struct result *first; /* look 0, NULL when it is not among them */
};
struct votes evidence_count(const struct result *looks, size_t n);

/* Why an incident was opened: "A scheduled look failed, and 2 of 2 confirming
 * looks failed too (2 workers agree): the site is down." Once it is over, the site was down. With
 * several locations, also from how many of them. */
void evidence_tell_incident(struct text *t, const struct result *looks, size_t n, const struct site *s,
                            bool over);

/* Why a site that has no open incident is as it is. */
void evidence_tell_health(struct text *t, const struct site *s, const struct site_state *state);

#endif
