#include "coordinator/parts.h"

#include <errno.h>
#include <string.h>

int parts_location(const struct parts *p, const char *name)
{
    for (unsigned i = 0; i < p->n_locations; i++)
        if (strcmp(p->location[i], name) == 0)
            return (int)i;
    return -ENOENT;
}

void parts_unseen(struct parts *p, const struct account *line)
{
    if (line->look == 0)
        p->missed += line->span;
    accounts_add(p->accounts, line, loop_now(p->loop)); /* what memory does not hold is counted there */
}
