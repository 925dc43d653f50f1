/* witnesses.h - which workers are different witnesses of an outage.
 *
 * Where workers prove who they are, whoever stole one key could look under many names,
 * and confirm what it said first. So a confirming look that found a site down says nothing
 * new when all that did before are of the same key, as long as somebody with another key
 * is at that location to be asked: ready, in no doubt, and not full. Where nobody is, names
 * are all that there is, as they are where links need no keys.
 *
 * Told once a second by the coordinator's vitals (fleet.h). Pure.
 */
#ifndef COLLECTOR_WITNESSES_H
#define COLLECTOR_WITNESSES_H

#include "common/result.h"
#include "common/scope.h"
#include "common/vitals.h"

#define WITNESSES_MAX           65536 /* workers; further ones are told apart by their names */
#define WITNESSES_MAX_LOCATIONS 256   /* likewise those at further locations */

struct witnesses;

int witnesses_new(struct witnesses **ret); /* -ENOMEM */
void witnesses_free(struct witnesses *w);  /* NULL is fine */
DEFINE_SCOPED(witnesses, struct witnesses *, witnesses_free)

/* All lanes as they are now: begin, tell each, end. Whom nobody tells of is forgotten. */
void witnesses_begin(struct witnesses *w);
void witnesses_told(struct witnesses *w, const struct worker_vitals *lane);
void witnesses_end(struct witnesses *w);

/* Whether a look that failed says nothing that those before it in its round did not say. */
bool witnesses_repeated(const struct witnesses *w, const struct result *before, size_t n,
                        const struct result *look);

#endif
