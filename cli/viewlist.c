#include "cli/viewlist.h"

#include "cli/print.h"
#include "cli/table.h"
#include "common/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    struct site_view view;
    char worker[WORKER_NAME_SIZE]; /* the view's, once all are read: rows move meanwhile */
};

struct viewlist {
    struct row *row;
    struct site_view *view; /* in the order of site, then location, as the store has them */
    size_t n, room;
};

static int keep(void *arg, const struct site_view *view)
{
    struct viewlist *l = arg;
    if (array_room(l->row, l->n, l->room) < 0)
        return -ENOMEM;
    struct row *row = &l->row[l->n++];
    row->view = *view;
    snprintf(row->worker, sizeof row->worker, "%s", view->state.last_worker);
    return 0;
}

int viewlist_read(struct viewlist **ret, struct store *s, uint64_t site_id, struct err *err)
{
    scoped(viewlist) struct viewlist *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, -ENOMEM, "out of memory");
    int r = store_each_view(s, site_id, keep, l, err);
    if (r == 0 && l->n > 0 && !(l->view = calloc(l->n, sizeof *l->view)))
        r = -ENOMEM;
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r < 0)
        return r;
    for (size_t i = 0; i < l->n; i++) {
        l->view[i] = l->row[i].view;
        l->view[i].state.last_worker = l->row[i].worker;
    }
    *ret = moved(l);
    return 0;
}

void viewlist_free(struct viewlist *l)
{
    if (!l)
        return;
    free(l->row);
    free(l->view);
    free(l);
}

const struct site_view *viewlist_of(const struct viewlist *l, uint64_t site_id, size_t *ret_n)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->view[middle].state.site_id < site_id)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < l->n && l->view[end].state.site_id == site_id)
        end++;
    *ret_n = end - low;
    return end > low ? &l->view[low] : NULL;
}

void viewlist_tell(struct text *t, enum health health, const struct site_view *views, size_t n)
{
    if (health != HEALTH_UP && health != HEALTH_DOWN)
        return;
    for (size_t i = 0; i < n; i++) {
        enum health seen = views[i].state.health;
        if (seen == health || seen == HEALTH_NEW || seen == HEALTH_SUSPECTED)
            continue;
        text_addf(t, "%s%s from %s", t->len ? ", " : "", seen == HEALTH_DOWN ? "not" : health_name(seen),
                  views[i].location);
    }
}

void viewlist_print(const struct site_view *views, size_t n, wall_us now)
{
    static const struct table_column columns[] = {
        {"LOCATION", TABLE_NAME, 0 },
        { "SEES IT",         TABLE_TEXT, 0 },
        { "SINCE", TABLE_TEXT, 1 },
        { "LOOKED",         TABLE_TEXT, 2 },
        { "BY",   TABLE_NAME, 4 },
        { "SAW",         TABLE_WORDS, 3 },
        { 0 },
    };
    scoped(table) struct table *t = NULL;
    char buf[60];
    if (table_new(&t, columns, stdout) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct site_state *s = &views[i].state;
        table_row(t);
        table_set(t, 0, views[i].location);
        table_set(t, 1, health_name(s->health));
        table_hue(t, 1, s->health == HEALTH_UP ? HUE_GOOD : s->health == HEALTH_DOWN ? HUE_BAD : HUE_DOUBT);
        table_set(t, 2, print_moment(buf, sizeof buf, s->since_us, now));
        table_set(t, 3, print_ago(buf, sizeof buf, s->last_at_us, now));
        table_set(t, 4, s->last_worker);
        if (s->last_status)
            table_setf(t, 5, "HTTP %u%s%s", s->last_status, s->last_cause ? ": " : "",
                       s->last_cause ? cause_words(s->last_cause) : "");
        else
            table_set(t, 5, s->last_cause ? cause_words(s->last_cause) : "");
    }
    table_print(t);
}
