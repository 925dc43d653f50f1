#include "coordinator/parts.h"

#include <errno.h>
#include <string.h>

static int find(const struct parts *p, const char *name, unsigned among)
{
    for (unsigned i = 0; i < among; i++)
        if (strcmp(p->location[i], name) == 0)
            return (int)i;
    return -ENOENT;
}

int parts_location(const struct parts *p, const char *name)
{
    return find(p, name, p->n_locations);
}

int parts_named(const struct parts *p, const char *name)
{
    return find(p, name, p->n_named);
}

uint32_t parts_places(struct parts *p, const char *list)
{
    char name[LOCATION_SIZE];
    uint32_t places = 0;
    while (location_next(&list, name)) {
        int at = parts_named(p, name);
        if (at < 0 && p->n_named < CONFIG_MAX_LOCATIONS) {
            at = (int)p->n_named++;
            strcpy(p->location[at], name);
        }
        if (at >= 0)
            places |= UINT32_C(1) << at;
    }
    return places ? places : 1;
}

wall_us parts_settled(const struct parts *p)
{
    const wall_us owed[] = { schedule_next(p->schedule), lease_oldest_slot(p->lease),
                             turns_oldest_slot(p->turns), accounts_oldest_slot(p->accounts),
                             arrears_oldest_slot(p->arrears) };
    wall_us settled = p->grid.at;
    for (size_t i = 0; i < sizeof owed / sizeof *owed; i++)
        if (owed[i] < settled)
            settled = owed[i];
    return settled;
}

void parts_unseen(struct parts *p, const struct account *line)
{
    if (line->look == 0)
        p->missed += line->span;
    accounts_add(p->accounts, line, loop_now(p->loop)); /* what memory does not hold is counted there */
}
