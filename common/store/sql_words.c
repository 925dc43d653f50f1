/* Names of locations and workers stand on every line of the ledger: the line
 * has a number, the table `word` the name. Names that were used lately are
 * remembered in the handle, up to a ceiling. What a transaction added is
 * forgotten when it is undone. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_REMEMBERED 4096

struct word {
    int64_t id;
    UT_hash_handle by_text, by_id;
    char text[];
};

void sql_forget_words(struct sql *s)
{
    struct word *w, *next;

    HASH_CLEAR(by_text, s->by_text);
    HASH_ITER (by_id, s->by_id, w, next) {
        HASH_DELETE(by_id, s->by_id, w);
        free(w);
    }
}

/* NULL when memory is short. */
static struct word *remember(struct sql *s, int64_t id, const char *text)
{
    if (HASH_CNT(by_id, s->by_id) >= MAX_REMEMBERED)
        sql_forget_words(s);

    size_t len = strlen(text);
    struct word *w = calloc(1, sizeof *w + len + 1);
    if (!w)
        return NULL;
    w->id = id;
    memcpy(w->text, text, len + 1);
    HASH_ADD_KEYPTR(by_text, s->by_text, w->text, len, w);
    HASH_ADD(by_id, s->by_id, id, sizeof w->id, w);
    return w;
}

static int look_up(struct sql *s, const char *text, int64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_WORD_BY_TEXT, "look up a name", "SELECT id FROM word WHERE text = ?", err);
    if (r < 0)
        return r;
    query_put_text(&q, text);
    return query_number(&q, ret, err);
}

static int add(struct sql *s, const char *text, int64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_WORD_ADD, "add a name",
                      "INSERT INTO word (id, text) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM word), ?) "
                      "RETURNING id",
                      err);
    if (r < 0)
        return r;
    query_put_text(&q, text);
    return query_number(&q, ret, err);
}

int sql_word(struct sql *s, const char *text, int64_t *ret, struct err *err)
{
    struct word *w = NULL;
    size_t len = strlen(text);
    if (len == 0) {
        *ret = 0;
        return 0;
    }
    HASH_FIND(by_text, s->by_text, text, len, w);
    if (!w) {
        int64_t id = 0;
        int r = look_up(s, text, &id, err);
        if (r == -ENOENT)
            r = add(s, text, &id, err);
        if (r < 0)
            return r;
        w = remember(s, id, text);
        if (!w)
            return sql_out_of_memory(s, err);
    }
    *ret = w->id;
    return 0;
}

int sql_word_text(struct sql *s, int64_t id, const char **ret, struct err *err)
{
    struct word *w = NULL;
    HASH_FIND(by_id, s->by_id, &id, sizeof id, w);
    if (!w && id) {
        scoped(query) struct query q = { 0 };
        int r = query_new(&q, s, Q_WORD_BY_ID, "look up a name", "SELECT text FROM word WHERE id = ?", err);
        if (r < 0)
            return r;
        query_put_int(&q, id);
        r = query_step(&q, err);
        if (r < 0)
            return r;
        if (r > 0 && !(w = remember(s, id, query_text(&q, 0))))
            return sql_out_of_memory(s, err);
    }
    *ret = w ? w->text : "";
    return 0;
}
