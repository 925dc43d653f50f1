/* What is the same for every database that speaks SQL: running a query, and the rules of transactions. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdio.h>

int query_new(struct query *ret, struct sql *s, enum query_id id, const char *doing, const char *sql,
              struct err *err)
{
    *ret = (struct query){ .s = s, .doing = doing };
    return s->driver->prepare(ret, id, sql, err);
}

void query_done(struct query *q)
{
    if (q->st)
        q->s->driver->done(q);
    q->st = NULL;
}

void query_again(struct query *q)
{
    q->s->driver->again(q);
    q->at = 0;
    q->trouble = 0;
}

int query_run(struct query *q, struct err *err)
{
    int r;
    while ((r = query_step(q, err)) > 0)
        ;
    query_again(q);
    return r;
}

int query_send(struct query *q, struct err *err)
{
    if (!q->s->driver->send)
        return query_run(q, err);
    int r = q->s->driver->send(q, err);
    query_again(q);
    return r;
}

int query_number(struct query *q, int64_t *ret, struct err *err)
{
    int r = query_step(q, err);
    if (r > 0)
        *ret = query_int(q, 0);
    int end = r > 0 ? query_run(q, err) : r;
    if (r == 0) {
        query_again(q);
        return -ENOENT;
    }
    return end;
}

void query_copy(const struct query *q, int column, char *to, size_t size)
{
    snprintf(to, size, "%s", query_text(q, column));
}

int sql_begin(struct sql *s, enum sql_lock lock, const char *doing, struct err *err)
{
    if (s->edit.open)
        return err_set(err, -EINVAL, "%s: cannot %s: an edit is under way on this handle", s->name, doing);
    if (s->read_only)
        return err_set(err, -EROFS, "%s: cannot %s: it was opened for reading only", s->name, doing);
    return s->driver->begin(s, lock, doing, err);
}

void sql_rollback(struct sql *s)
{
    s->driver->rollback(s);
    sql_forget_words(s);
}

int sql_end(struct sql *s, int r, const char *doing, struct err *err)
{
    if (r == 0)
        r = s->driver->commit(s, doing, err);
    if (r < 0)
        sql_rollback(s);
    return r;
}

int sql_out_of_memory(const struct sql *s, struct err *err)
{
    return err_set(err, -EIO, "%s: out of memory", s->name);
}

const char *sql_name(const struct store *s)
{
    return ((const struct sql *)s)->name;
}
