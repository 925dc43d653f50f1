/* migrate.h - brings a store's layout up to date, one numbered step at a time.
 *
 * The layout has a version: the number of the last step that was taken, 0 for
 * an empty database. Each step is one transaction that also writes its number,
 * so that whoever dies in between leaves a store of some version, never half a
 * step. Knows no database: the backend says how.
 */
#ifndef COMMON_STORE_MIGRATE_H
#define COMMON_STORE_MIGRATE_H

#include "common/err.h"

#include <stddef.h>

struct migrate_step {
    unsigned number; /* 1 and up, without gaps, ascending */
    const char *sql; /* any number of statements */
};

/* What a database must be able to do. Each returns 0 or a negative error of
 * store.h with its sentence. `begin` keeps all other writers out. */
struct migrate_how {
    int (*version)(void *arg, unsigned *ret, struct err *err);
    int (*begin)(void *arg, struct err *err);
    int (*run)(void *arg, const char *sql, struct err *err);
    int (*set_version)(void *arg, unsigned version, struct err *err);
    int (*commit)(void *arg, struct err *err);
    void (*rollback)(void *arg);
};

/* Take every step above the store's version. Another process may do the same
 * at the same time: a step that it took meanwhile is passed over. -EPROTO when
 * the store's version is above the last step; the store is not touched then. */
int migrate(const struct migrate_how *how, void *arg, const struct migrate_step *steps, size_t n_steps,
            struct err *err);

/* 0, or -EPROTO with a sentence that names both versions, as migrate does. */
int migrate_check_version(unsigned version, unsigned ours, struct err *err);

#endif
