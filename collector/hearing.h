/* hearing.h - who is in doubt now: by its own word, in the vitals, or by the jury's. The operator hears of it
 * through the episodes, and the coordinator of those whom the jury accuses, so that it gives their work to
 * others. The judge learns from the same vitals which workers are different witnesses.
 */
#ifndef COLLECTOR_HEARING_H
#define COLLECTOR_HEARING_H

#include "collector/episodes.h"
#include "collector/fleet.h"
#include "collector/judge.h"
#include "common/feedback.h"

#define HEARING_MAX_ACCUSED 64 /* told at a time: the others when these are not doubted any more */

struct hearing {
    struct accused accused[HEARING_MAX_ACCUSED];
    size_t n;
};

/* To be held once a second. What follows of it goes into the episodes (NULL: nowhere); *ret
 * says who is accused. */
void hearing_hold(struct hearing *ret, const struct fleet *fleet, const struct judge *judge,
                  struct episodes *episodes, struct instant now);

#endif
