#include "worker/exclusion.h"

#include <stdio.h>

mono_ns exclusion_begin(struct exclusion *e, mono_ns now, uint64_t luck)
{
    mono_ns longer = e->pause ? 2 * e->pause : EXCLUSION_FIRST_NS;
    e->pause = longer < EXCLUSION_MOST_NS ? longer : EXCLUSION_MOST_NS;
    return now + e->pause + (mono_ns)(luck % 256) * (e->pause / 4) / 256;
}

void exclusion_over(struct exclusion *e)
{
    e->pause = 0;
}

void exclusion_words(bool stranger, wall_us expires_us, wall_us now, char *buf, size_t size)
{
    char at[32];
    if (stranger)
        snprintf(buf, size, "it has another key than the cluster that this worker's token is for");
    else if (expires_us && now >= expires_us)
        snprintf(buf, size, "it does not let this worker's key in, whose token expired at %s",
                 wall_format(at, sizeof at, expires_us));
    else
        snprintf(buf, size, "it does not let this worker's key in: it was revoked, or is not known there");
}
