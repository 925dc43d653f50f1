/* vedette workers - who looks, and how they are. */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/doubts.h"
#include "cli/print.h"
#include "cli/table.h"

#include <inttypes.h>

static const struct table_column columns[] = {
    {"WORKER",    TABLE_NAME, 0 },
    { "LANE",          TABLE_NUMBER, 0 },
    { "LOCATION",     TABLE_TEXT, 4 },
    { "HEALTH",          TABLE_TEXT, 0 },
    { "SLOTS", TABLE_NUMBER, 3 },
    { "IN HAND",          TABLE_NUMBER, 5 },
    { "FDS",   TABLE_TEXT, 8 },
    { "DONE",          TABLE_NUMBER, 6 },
    { "HEARD",    TABLE_TEXT, 7 },
    { "JOINED",          TABLE_TEXT, 2 },
    { "SOFTWARE",  TABLE_TEXT, 1 },
    { 0         },
};

struct listing {
    bool json;
    wall_us now;
    struct table *table;
    const struct doubts *doubts;
};

static void add_row(struct listing *l, const struct worker_vitals *w)
{
    static const enum hue hues[WORKER_HEALTH_COUNT] = {
        [WORKER_READY] = HUE_GOOD, [WORKER_SUSPECT] = HUE_DOUBT, [WORKER_DRAINING] = HUE_DOUBT,
        [WORKER_DEAD] = HUE_BAD,   [WORKER_GONE] = HUE_FAINT,
    };
    char buf[60];
    struct table *t = l->table;
    table_row(t);
    table_set(t, 0, w->worker);
    table_setf(t, 1, "%u", w->lane);
    table_set(t, 2, w->location);
    bool silent = print_is_silent(w, l->now);
    table_setf(t, 3, "%s%s", print_worker_health(w, l->now), w->doubts && !silent ? ", doubts itself" : "");
    table_hue(t, 3, silent ? HUE_DOUBT : w->health < WORKER_HEALTH_COUNT ? hues[w->health] : HUE_NONE);
    table_setf(t, 4, "%u", w->slots);
    table_setf(t, 5, "%u", w->in_hand);
    if (w->descriptors_most)
        table_setf(t, 6, "%u/%u", w->descriptors, w->descriptors_most);
    table_set(t, 7, print_count(buf, sizeof buf, w->done));
    table_set(t, 8, print_ago(buf, sizeof buf, w->heard_us, l->now));
    table_set(t, 9, print_moment(buf, sizeof buf, w->joined_us, l->now));
    table_set(t, 10, w->software);
}

static int on_worker(void *arg, const struct worker_vitals *w)
{
    struct listing *l = arg;
    if (l->json)
        return print_json(stdout, asjson_worker(w, doubts_of(l->doubts, w->worker), l->now));
    add_row(l, w);
    return 0;
}

/* The reasons, which are too long for the table. */
static void print_doubts(const struct doubts *d, wall_us now)
{
    char ago[60];
    for (size_t i = 0; i < doubts_count(d); i++) {
        const struct episode *e = doubts_at(d, i);
        printf("%s%s is in doubt%s since %s: %s\n", table_paint(stdout, HUE_DOUBT), e->worker,
               table_paint(stdout, HUE_NONE), print_moment(ago, sizeof ago, e->began_us, now), e->reason);
    }
}

static int run(struct call *call)
{
    scoped(store) struct store *store = NULL;
    scoped(table) struct table *table = NULL;
    scoped(doubts) struct doubts *doubts = NULL;
    struct err err = { 0 };
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    if (table_new(&table, columns, stdout) < 0)
        return EXIT_TROUBLE;
    int r = doubts_read(&doubts, store, true, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    struct listing l = { .json = call->json, .now = clock_wall(), .table = table, .doubts = doubts };
    r = store_each_worker(store, on_worker, &l, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (call->json)
        return EXIT_FINE;
    if (table_rows(table) == 0)
        puts("no worker has joined yet");
    else
        r = table_print(table);
    print_doubts(doubts, l.now);
    return r < 0 ? EXIT_TROUBLE : EXIT_FINE;
}

const struct command cmd_workers = {
    .name = "workers",
    .args = "",
    .summary = "who looks: health, room, looks done",
    .teaches =
        "Lists the workers' lanes (one for each thread), as the coordinator last told of them."
        "\vExamples:\n"
        "  vedette workers\n"
        "  vedette workers --json | jq -r 'select(.health!=\"ready\").worker'\n"
        "\n"
        "ready: gets work. suspect: silent for 3 s, or in doubt; it gets no new work while others are "
        "ready, and what it sees fail counts for nothing. Why a worker is in doubt is said below the list. "
        "draining: ends when its looks have ended. dead: silent for 10 s; its looks went to others. gone: "
        "said goodbye. silent: nothing has been heard for 10 s, and no coordinator runs to call it dead.",
    .size = sizeof(struct call),
    .run = run,
};
