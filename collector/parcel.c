#include "collector/parcel.h"

#include <stdlib.h>
#include <string.h>

struct parcel *parcel_make(const struct report *r)
{
    size_t n = r->kind == REPORT_RESULTS ? r->n_results : 0;
    struct parcel *p = malloc(sizeof *p + n * sizeof *p->results);
    if (!p)
        return NULL;
    *p = (struct parcel){ .kind = r->kind, .n_results = n };
    if (n > 0)
        memcpy(p->results, r->results, n * sizeof *p->results);
    for (size_t i = 0; i < n; i++)
        p->results[i].seal = 0; /* of use at the door only */
    if (r->kind != REPORT_VITALS)
        return p;

    p->vitals = r->vitals;
    p->vitals.workers = NULL;
    if (r->vitals.n_workers > 0) {
        p->workers = malloc(r->vitals.n_workers * sizeof *p->workers);
        if (!p->workers) {
            free(p);
            return NULL;
        }
        memcpy(p->workers, r->vitals.workers, r->vitals.n_workers * sizeof *p->workers);
        p->vitals.workers = p->workers;
    }
    return p;
}

void parcel_free(void *parcel)
{
    struct parcel *p = parcel;
    if (p)
        free(p->workers);
    free(p);
}
