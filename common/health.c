#include "common/health.h"

static const char *const names[] = {
    [HEALTH_NEW] = "new",   [HEALTH_UP] = "up",           [HEALTH_SUSPECTED] = "suspected",
    [HEALTH_DOWN] = "down", [HEALTH_UNKNOWN] = "unknown",
};
_Static_assert(sizeof names / sizeof *names == HEALTH_COUNT, "every health has a name");

const char *health_name(enum health h)
{
    return (unsigned)h < HEALTH_COUNT ? names[h] : "?";
}
