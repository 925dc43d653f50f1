#include "common/vitals.h"

static const char *const names[] = {
    [WORKER_READY] = "ready", [WORKER_SUSPECT] = "suspect", [WORKER_DRAINING] = "draining",
    [WORKER_DEAD] = "dead",   [WORKER_GONE] = "gone",
};
_Static_assert(sizeof names / sizeof *names == WORKER_HEALTH_COUNT, "every health has a name");

const char *worker_health_name(enum worker_health h)
{
    return (unsigned)h < WORKER_HEALTH_COUNT ? names[h] : "?";
}
