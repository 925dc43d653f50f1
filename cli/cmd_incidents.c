/* vedette incidents - outages, newest first. */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/directory.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX 50

struct incidents_options {
    struct call call; /* first */
    bool open_only;
    const char *site;
    unsigned long max;
    bool max_given;
};

enum { KEY_OPEN = 0x100, KEY_SITE, KEY_MAX };

static const struct argp_option options[] = {
    {"open",                            KEY_OPEN, 0, 0, "Only those that have not ended", 0 },
    { "site",                                KEY_SITE, "SITE", 0, "Only of this one: its name, URL or id", 0 },
    { "max", KEY_MAX, "N", 0, "At most so many (50); 0 for all", 0 },
    { 0                               },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct incidents_options *o = state->input;
    switch (key) {
    case KEY_OPEN: o->open_only = true; return 0;
    case KEY_SITE: o->site = arg; return 0;
    case KEY_MAX:
        o->max = command_number(state, "--max", arg, 0, 1000000000);
        o->max_given = true;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

struct kept {
    struct incident *at;
    size_t n, room;
};

static int keep(void *arg, const struct incident *i)
{
    struct kept *k = arg;
    if (array_room(k->at, k->n, k->room) < 0)
        return -ENOMEM;
    k->at[k->n++] = *i;
    return 0;
}

static void add_row(struct table *t, const struct incident *i, const char *site, wall_us now)
{
    char buf[60];
    bool open = i->end == INCIDENT_OPEN;
    table_row(t);
    table_setf(t, 0, "%" PRIu64, i->id);
    table_set(t, 1, site);
    table_set(t, 2, incident_end_name(i->end));
    table_hue(t, 2, open ? HUE_BAD : HUE_GOOD);
    table_set(t, 3, print_moment(buf, sizeof buf, i->began_us, now));
    table_set(t, 4, duration_words(buf, sizeof buf, (open ? now : i->ended_us) - i->began_us));
    if (i->status)
        table_setf(t, 5, "HTTP %u: %s", i->status, cause_words(i->cause));
    else
        table_set(t, 5, cause_words(i->cause));
}

static int print_all(const struct call *call, const struct kept *k, struct directory *d)
{
    static const struct table_column columns[] = {
        {"INCIDENT", TABLE_NUMBER, 2 },
        { "SITE",         TABLE_NAME, 0 },
        { "STATE",    TABLE_TEXT, 0 },
        { "BEGAN",         TABLE_TEXT, 3 },
        { "LASTED",   TABLE_TEXT, 1 },
        { "CAUSE",         TABLE_WORDS, 4 },
        { 0  },
    };
    scoped(table) struct table *t = NULL;
    wall_us now = clock_wall();
    int r = table_new(&t, columns, stdout);
    for (size_t i = 0; r == 0 && i < k->n; i++) {
        const struct site *s = directory_site(d, k->at[i].site_id);
        const char *name = directory_site_name(d, k->at[i].site_id);
        if (call->json)
            r = print_json(stdout, asjson_incident(&k->at[i], name, s ? s->url : ""));
        else
            add_row(t, &k->at[i], name, now);
    }
    if (r < 0 || call->json)
        return r;
    if (k->n)
        return table_print(t);
    puts("no incident");
    return 0;
}

static int run(struct call *call)
{
    struct incidents_options *o = (struct incidents_options *)call;
    struct incident_filter f = { .open_only = o->open_only, .max = o->max_given ? o->max : DEFAULT_MAX };
    scoped(store) struct store *store = NULL;
    scoped(directory) struct directory *d = NULL;
    scoped(site) struct site *site = NULL;
    struct kept k = { 0 };
    struct err err = { 0 };

    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    int r = o->site ? store_find_site(store, o->site, &site, &err) : 0;
    if (r == -ENOENT) {
        command_say(call, "there is no site '%s'", o->site);
        return EXIT_TROUBLE;
    }
    f.site_id = site ? site->id : 0;
    if (r == 0)
        r = directory_new(&d, store, &err);
    if (r == 0)
        r = store_each_incident(store, &f, keep, &k, &err);
    if (r < 0)
        code = command_fail_store(call, r, &err);
    else
        code = print_all(call, &k, d) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    free(k.at);
    return code;
}

const struct command cmd_incidents = {
    .name = "incidents",
    .args = "",
    .summary = "outages, newest first",
    .teaches = "Lists confirmed outages: from the first failed look to the first good one."
               "\vExamples:\n"
               "  vedette incidents --open\n"
               "  vedette incidents --site shop --max 10\n"
               "  vedette incidents --json --max 0 | jq -r .cause | sort | uniq -c\n"
               "\n"
               "`vedette explain SITE` has the evidence. withdrawn: the site was paused or removed, or its "
               "URL changed, before the end was seen.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct incidents_options),
    .run = run,
};
