/* outages.h - how the stories of a keeper begin, go on and are asked about. */
#ifndef TESTS_UNIT_COLLECTOR_OUTAGES_H
#define TESTS_UNIT_COLLECTOR_OUTAGES_H

#include "tests/unit/collector/world.h"

static inline uint64_t begin(struct world *w, unsigned looks)
{
    world_init(w);
    uint64_t owner = world_add_owner(w, "team", 0, 1);
    struct site s = world_site("shop", "https://shop.example.com/", owner, looks);
    uint64_t id = world_edit_site(w, &s);
    w->wall += US_PER_S; /* what is looked at begins after the edit */
    w->mono += NS_PER_S;
    world_start(w);
    return id;
}

static inline void expect(struct world *w, const char *what, const char *news)
{
    if (strcmp(w->news, news) != 0)
        fail_msg("%s: heard '%s', expected '%s'", what, w->news, news);
    w->news[0] = '\0';
}

static inline void go_down(struct world *w, uint64_t id, int slot)
{
    world_saw(w, id, slot, 0, '-', "w1");
    world_saw(w, id, slot, 1, '-', "w2");
    world_pass(w, 2000);
    world_saw(w, id, slot, 2, '-', "w1");
}

#endif
