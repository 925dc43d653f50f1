/* Whose store it is: a cluster's, by its key. */
#include "common/keys.h"
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASKING "ask whose store it is"

static int whose(struct sql *s, char ret[KEY_SIZE], struct err *err)
{
    scoped(query) struct query q = { 0 };
    *ret = '\0';
    int r = query_new(&q, s, Q_CLUSTER, ASKING, "SELECT cluster FROM meta", err);
    if (r == 0)
        r = query_step(&q, err);
    if (r > 0)
        snprintf(ret, KEY_SIZE, "%s", query_text(&q, 0));
    return r < 0 ? r : 0;
}

static int take(struct sql *s, const char *public, struct err *err)
{
    int r = sql_begin(s, SQL_LEDGER, ASKING, err);
    if (r < 0)
        return r;
    scoped(query) struct query q = { 0 };
    r = query_new(&q, s, Q_CLUSTER_SET, ASKING, "UPDATE meta SET cluster = ?", err);
    if (r == 0) {
        query_put_text(&q, public);
        r = query_run(&q, err);
    }
    return sql_end(s, r, ASKING, err);
}

int sql_join_cluster(struct store *base, const char *public, struct err *err)
{
    struct sql *s = sql_of(base);
    char theirs[KEY_SIZE];
    bool others = false;
    int r = *public ? whose(s, theirs, err) : 0;
    if (r < 0 || !*public || strcmp(theirs, public) == 0)
        return r;
    if (*theirs)
        r = base->backend->has_others(base, &others, err);
    if (r == 0 && others)
        r = err_set(err, -EBUSY,
                    "%s: another cluster is at work with this store: its key begins with %.8s, ours with "
                    "%.8s. Each cluster needs a store of its own; all hosts of one have the same "
                    "keys.server_file",
                    s->name, theirs, public);
    return r == 0 ? take(s, public, err) : r;
}
