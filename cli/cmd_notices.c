/* vedette notices - who was told what, and what became of it.
 *
 * Notices are printed after the walk, since naming their sites asks the same
 * store.
 */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/directory.h"
#include "cli/doubts.h"
#include "cli/noticelist.h"
#include "cli/print.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX 50

struct notices_options {
    struct call call; /* first */
    bool pending_only;
    unsigned long incident, max;
    bool max_given;
};

struct lists {
    struct directory *directory;
    struct doubts *doubts;
};

enum { KEY_PENDING = 0x100, KEY_INCIDENT, KEY_MAX };

static const struct argp_option options[] = {
    {"pending",                                              KEY_PENDING, 0, 0, "Only those that are not delivered yet, oldest first", 0 },
    { "incident",                                                     KEY_INCIDENT, "ID", 0, "Only those about this incident", 0 },
    { "max", KEY_MAX, "N", 0, "At most so many (50); 0 for all", 0 },
    { 0                                                    },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct notices_options *o = state->input;
    switch (key) {
    case KEY_PENDING: o->pending_only = true; return 0;
    case KEY_INCIDENT: o->incident = command_number(state, "--incident", arg, 1, INT64_MAX); return 0;
    case KEY_MAX:
        o->max = command_number(state, "--max", arg, 0, 1000000000);
        o->max_given = true;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static bool is_of_worker(const struct notice *n)
{
    return n->kind == NOTICE_IN_DOUBT || n->kind == NOTICE_DOUBT_OVER;
}

/* Whom a notice is about: a site or, with the episode's id as its number, a worker or a location. */
static const char *about(const struct lists *l, const struct notice *n, char *buf, size_t size)
{
    const struct episode *e = doubts_by_id(l->doubts, n->number);
    if (!is_of_worker(n))
        return directory_site_name(l->directory, n->site_id);
    const char *location = e ? episode_location(e->worker) : NULL;
    if (location)
        snprintf(buf, size, "location %s", location);
    else
        snprintf(buf, size, "worker %s", e ? e->worker : "?");
    return buf;
}

static const char *to_whom(const struct lists *l, const struct notice *n)
{
    return is_of_worker(n) ? "operator" : directory_owner_name(l->directory, n->owner_id);
}

static void add_row(struct table *t, const struct notice *n, const struct lists *l, wall_us now)
{
    static const enum hue hues[NOTICE_STATE_COUNT] = {
        [NOTICE_PENDING] = HUE_DOUBT,
        [NOTICE_SENT] = HUE_GOOD,
        [NOTICE_FAILED] = HUE_BAD,
        [NOTICE_SUPERSEDED] = HUE_FAINT,
    };
    char buf[300];
    wall_us when = n->state == NOTICE_SENT ? n->sent_us : n->created_us;
    table_row(t);
    table_setf(t, 0, "%" PRIu64, n->id);
    table_setf(t, 1, n->number && !is_of_worker(n) ? "%s %u" : "%s", notice_kind_words(n->kind), n->number);
    table_set(t, 2, about(l, n, buf, sizeof buf));
    table_set(t, 3, to_whom(l, n));
    table_set(t, 4, print_channel(buf, sizeof buf, n->channel));
    table_set(t, 5, notice_state_name(n->state));
    table_hue(t, 5, n->state < NOTICE_STATE_COUNT ? hues[n->state] : HUE_NONE);
    table_set(t, 6, print_moment(buf, sizeof buf, when, now));
    table_setf(t, 7, "%u", n->attempts);
    table_set(t, 8, n->trouble);
}

static int print_all(const struct call *call, const struct noticelist *list, const struct lists *l)
{
    static const struct table_column columns[] = {
        {"NOTICE",   TABLE_NUMBER, 2 },
        { "KIND",         TABLE_TEXT, 0 },
        { "SITE",    TABLE_NAME, 0 },
        { "OWNER",         TABLE_TEXT, 5 },
        { "CHANNEL",    TABLE_WORDS, 4 },
        { "STATE",         TABLE_TEXT, 0 },
        { "WHEN",   TABLE_TEXT, 3 },
        { "TRIES",         TABLE_NUMBER, 1 },
        { "TROUBLE", TABLE_WORDS, 6 },
        { 0        },
    };
    scoped(table) struct table *t = NULL;
    wall_us now = clock_wall();
    int r = table_new(&t, columns, stdout);
    for (size_t i = 0; r == 0 && i < noticelist_count(list); i++) {
        const struct notice *n = noticelist_at(list, i);
        if (!call->json) {
            add_row(t, n, l, now);
            continue;
        }
        char buf[100];
        json_t *o = asjson_notice(n, "", to_whom(l, n));
        const char *whom = about(l, n, buf, sizeof buf);
        if (!is_of_worker(n))
            asjson_text(&o, "site", whom);
        else if (strncmp(whom, "location ", strlen("location ")) == 0)
            asjson_text(&o, "location", whom + strlen("location "));
        else
            asjson_text(&o, "worker", whom + strlen("worker "));
        r = print_json(stdout, o);
    }
    if (r < 0 || call->json)
        return r;
    if (noticelist_count(list))
        return table_print(t);
    puts("no notice");
    return 0;
}

static int run(struct call *call)
{
    const struct notices_options *o = (struct notices_options *)call;
    const struct notice_filter f = { .incident_id = o->incident,
                                     .pending_only = o->pending_only,
                                     .max = o->max_given ? o->max : DEFAULT_MAX };
    scoped(store) struct store *store = NULL;
    scoped(directory) struct directory *d = NULL;
    scoped(doubts) struct doubts *doubts = NULL;
    scoped(noticelist) struct noticelist *list = NULL;
    struct err err = { 0 };

    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    int r = directory_new(&d, store, &err);
    if (r == 0)
        r = noticelist_read(&list, store, &f, &err);
    if (r == 0)
        r = doubts_read(&doubts, store, false, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    const struct lists l = { d, doubts };
    return print_all(call, list, &l) < 0 ? EXIT_TROUBLE : EXIT_FINE;
}

const struct command cmd_notices = {
    .name = "notices",
    .args = "",
    .summary = "who was told what, and what became of it",
    .teaches =
        "Lists the messages to owners: one for each outage, owner and channel when it began, when it "
        "ended, and for each reminder; and those to the operator, when a worker is in doubt and when that "
        "is over."
        "\vExamples:\n"
        "  vedette notices\n"
        "  vedette notices --pending           what is still in the outbox\n"
        "  vedette notices --incident 12\n"
        "  vedette notices --json | jq -c 'select(.state==\"failed\")|[.site,.channel,.trouble]'\n"
        "\n"
        "pending: in the outbox, will be tried (again). sent: the receiver said that it has it. failed: "
        "given up, see trouble.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct notices_options),
    .run = run,
};
