#include "common/location.h"

#include <errno.h>
#include <string.h>

bool location_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < LOCATION_SIZE && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool location_next(const char **list, char name[LOCATION_SIZE])
{
    for (const char *at = *list; *at; at = *list) {
        size_t len = strcspn(at, ",");
        *list = at + len + (at[len] == ',');
        if (len == 0 || len >= LOCATION_SIZE)
            continue;
        memcpy(name, at, len);
        name[len] = '\0';
        return true;
    }
    return false;
}

unsigned location_count(const char *list)
{
    char name[LOCATION_SIZE];
    unsigned n = 0;
    while (location_next(&list, name))
        n++;
    return n;
}

int location_place(const char *list, const char *name)
{
    char other[LOCATION_SIZE];
    for (int i = 0; location_next(&list, other); i++)
        if (strcmp(name, other) == 0)
            return i;
    return -ENOENT;
}
