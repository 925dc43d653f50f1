/* sqlite_inside.h - what the sqlite_*.c files share beyond sql_inside.h. Included by them only. */
#ifndef COMMON_STORE_SQLITE_INSIDE_H
#define COMMON_STORE_SQLITE_INSIDE_H

#include "common/store/sql_inside.h"

#include <sqlite3.h>

struct sqlite {
    struct sql sql; /* first */
    sqlite3 *db;
    sqlite3_stmt *kept[QUERY_COUNT]; /* prepared at first use, until the handle is closed */
    int claimed[STORE_ROLE_COUNT];   /* descriptors of the lock files; -1 none */
};

static inline struct sqlite *sqlite_of(struct sql *s)
{
    return (struct sqlite *)s;
}

/* What SQLite's last complaint means, as store.h's number and a sentence that
 * names the store: "sqlite:/var/x.db: cannot record: the disk is full". */
int sqlite_fail(struct sqlite *s, int rc, const char *doing, struct err *err);

extern const struct sql_driver sqlite_driver; /* sqlite_query.c */

/* sqlite_claim.c */
int sqlite_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err);
int sqlite_keep_claim(struct store *base, struct err *err);
int sqlite_claimed(struct store *base, enum store_role role, bool *ret, struct err *err);
int sqlite_has_others(struct store *base, bool *ret, struct err *err);
int sqlite_ask_claim(struct store *base, enum store_role role, struct store_holder *ret, struct err *err);
int sqlite_get_holder(struct store *base, enum store_role role, struct store_holder *ret, struct err *err);
int sqlite_set_listens(struct store *base, enum store_role role, const char *listens, struct err *err);
void sqlite_set_lease(struct store *base, int64_t lease_us);
int64_t sqlite_lease(const struct store *base);
uint64_t sqlite_claim_epoch(const struct store *base, enum store_role role);
int sqlite_join_claim(struct store *base, enum store_role role, uint64_t epoch, struct err *err);
int sqlite_check_room(struct store *base, struct err *err);
void sqlite_give_up_claims(struct sqlite *s);

#endif
