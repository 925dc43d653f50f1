#include "worker/check.h"

#include <string.h>

static const struct check_kind *const kinds[] = { &check_http };

const struct check_kind *check_kind_of(const char *url)
{
    const char *colon = strchr(url, ':');
    size_t len = colon ? (size_t)(colon - url) : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (const char *const *s = kinds[i]->schemes; *s; s++)
            if (strlen(*s) == len && memcmp(*s, url, len) == 0)
                return kinds[i];
    return NULL;
}
