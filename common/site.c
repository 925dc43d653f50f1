#include "common/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const method_names[] = {
    [METHOD_AUTO] = "auto",
    [METHOD_HEAD] = "HEAD",
    [METHOD_GET] = "GET",
};
_Static_assert(sizeof method_names / sizeof *method_names == METHOD_COUNT, "every method has a name");

const char *method_name(enum method m)
{
    return (unsigned)m < METHOD_COUNT ? method_names[m] : "?";
}

int method_parse(const char *text, enum method *ret, struct err *err)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++)
        if (strcasecmp(text, method_names[i]) == 0) {
            *ret = (enum method)i;
            return 0;
        }
    return err_set(err, -EINVAL, "'%.40s' is not one of auto, HEAD, GET", text);
}

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): neighbouring ids land far apart. */
static uint64_t scatter(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t site_phase_us(uint64_t id, uint32_t every_ms)
{
    return (int64_t)(scatter(id) % ((uint64_t)every_ms * US_PER_MS));
}

wall_us site_next_slot(uint64_t id, uint32_t every_ms, wall_us at)
{
    int64_t every = (int64_t)every_ms * US_PER_MS;
    int64_t ahead = (site_phase_us(id, every_ms) - at) % every;
    return at + (ahead < 0 ? ahead + every : ahead);
}

unsigned site_needs(uint8_t confirm_from, unsigned locations)
{
    unsigned from = confirm_from ? confirm_from : SITE_DEFAULT_FROM;
    return locations < 1 ? 1 : from < locations ? from : locations;
}

static const char *put(char **to, const char *from)
{
    size_t size = strlen(from) + 1;
    char *at = memcpy(*to, from, size);
    *to += size;
    return at;
}

struct site *site_copy(const struct site *s)
{
    size_t strings = strlen(s->name) + strlen(s->url) + strlen(s->tags) + strlen(s->contains) +
                     strlen(site_locations(s)) + 5;
    struct site *copy = malloc(sizeof *copy + strings);
    if (!copy)
        return NULL;

    char *to = (char *)(copy + 1);
    *copy = *s;
    copy->name = put(&to, s->name);
    copy->url = put(&to, s->url);
    copy->tags = put(&to, s->tags);
    copy->contains = put(&to, s->contains);
    copy->locations = put(&to, site_locations(s));
    return copy;
}

void site_free(struct site *s)
{
    free(s);
}
