/* vacancy.h - locations that sites ask for and where nobody is.
 *
 * A location without a worker that work is counted on is told of once, when it has been so for
 * VACANCY_NS, and once when somebody is there again. Pure: time is an argument, locations are
 * places in the coordinator's list.
 */
#ifndef COORDINATOR_VACANCY_H
#define COORDINATOR_VACANCY_H

#include "common/clock.h"
#include "common/config.h"

#include <stdbool.h>
#include <stdint.h>

#define VACANCY_NS (10 * NS_PER_S) /* as long as it takes until a silent worker is dead */

struct vacancy {                         /* zero-filled at the beginning; private */
    mono_ns since[CONFIG_MAX_LOCATIONS]; /* 0: somebody is there, or nobody asks */
    uint32_t told;
};

enum vacancy_word { VACANCY_NO_NEWS, VACANCY_NOBODY, VACANCY_MANNED };

/* Whether it has been told of that location that nobody is there, and not yet that somebody is. */
static inline bool vacancy_told(const struct vacancy *v, unsigned location)
{
    return v->told >> location & 1;
}

/* How a location is now: whether sites ask for it, and how many lanes are ready there. */
enum vacancy_word vacancy_step(struct vacancy *v, unsigned location, bool asked, unsigned ready, mono_ns now);

#endif
