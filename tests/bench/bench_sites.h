/* bench_sites.h - a store full of ordinary sites, for the benchmarks of what keeps them. */
#ifndef TESTS_BENCH_BENCH_SITES_H
#define TESTS_BENCH_BENCH_SITES_H

#include "common/store/store.h"

#include <stdio.h>

#define BENCH_EVERY_MS (5 * 60 * 1000)

/* `n` of them, ids from 1 on, in one edit. */
static inline int bench_add_sites(struct store *s, unsigned n, wall_us at, struct err *err)
{
    int r = store_edit_begin(s, at, err);
    for (unsigned i = 0; r == 0 && i < n; i++) {
        char url[64];
        uint64_t id;
        snprintf(url, sizeof url, "https://site-%u.example.com/", i);
        struct site site = {
            .name = url,
            .url = url,
            .tags = "",
            .contains = "",
            .every_ms = BENCH_EVERY_MS,
            .timeout_ms = 20000,
        };
        r = store_edit_site(s, &site, &id, err);
    }
    return r < 0 ? r : store_edit_commit(s, err);
}

#endif
