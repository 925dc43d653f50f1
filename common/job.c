#include "common/job.h"

#include <string.h>

static bool made_of(const char *name, size_t size, const char *allowed)
{
    size_t len = strlen(name);
    return len > 0 && len < size && strspn(name, allowed) == len;
}

bool location_valid(const char *name)
{
    return made_of(name, LOCATION_SIZE, "abcdefghijklmnopqrstuvwxyz0123456789-") && name[0] >= 'a' &&
           name[0] <= 'z';
}

bool worker_name_valid(const char *name)
{
    return made_of(name, WORKER_NAME_SIZE,
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}
