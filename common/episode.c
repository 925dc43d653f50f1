#include "common/episode.h"

static const char *const ends[] = {
    [EPISODE_OPEN] = "open",
    [EPISODE_TRUSTED] = "trusted",
    [EPISODE_LEFT] = "left",
};
_Static_assert(sizeof ends / sizeof *ends == EPISODE_END_COUNT, "every end has a name");

const char *episode_end_name(enum episode_end e)
{
    return (unsigned)e < EPISODE_END_COUNT ? ends[e] : "?";
}
