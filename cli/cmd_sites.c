/* vedette sites - what is watched, and how each is.
 *
 * States are read first and kept by id, then the sites come one by one: a list
 * of a hundred thousand is printed as JSON without being held.
 */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/directory.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/viewlist.h"
#include "common/nearest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct sites_options {
    struct call call; /* first */
    const char *owner, *tag, *health;
};

enum { KEY_OWNER = 0x100, KEY_TAG, KEY_HEALTH };

static const struct argp_option options[] = {
    {"health",                                                    KEY_HEALTH, "HEALTH", 0, "Only these: new, up, suspected, down, unknown, or paused", 0 },
    { "owner",                                                   KEY_OWNER, "NAME", 0, "Only those of this owner", 0 },
    { "tag", KEY_TAG, "TAG", 0, "Only those with this tag", 0 },
    { 0                                                         },
};

static void check_health(const char *word, struct argp_state *state)
{
    const char *names[HEALTH_COUNT + 1] = { [HEALTH_COUNT] = "paused" };
    for (int h = 0; h < HEALTH_COUNT; h++)
        names[h] = health_name((enum health)h);
    for (size_t i = 0; i <= HEALTH_COUNT; i++)
        if (strcmp(names[i], word) == 0)
            return;
    command_no_such(state, "--health", word, names, HEALTH_COUNT + 1);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct sites_options *o = state->input;
    switch (key) {
    case KEY_OWNER: o->owner = arg; return 0;
    case KEY_TAG: o->tag = arg; return 0;
    case KEY_HEALTH:
        check_health(arg, state);
        o->health = arg;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

struct state_entry {
    struct site_state state;
    char worker[WORKER_NAME_SIZE];
    UT_hash_handle hh;
};

struct listing {
    const struct sites_options *options;
    struct directory *directory;
    struct state_entry *states;
    struct viewlist *views;
    struct table *table;
    wall_us now;
};

static int keep_state(void *arg, const struct site_state *state)
{
    struct listing *l = arg;
    struct state_entry *e = malloc(sizeof *e);
    if (!e)
        return -ENOMEM;
    e->state = *state;
    snprintf(e->worker, sizeof e->worker, "%s", state->last_worker);
    e->state.last_worker = e->worker;
    HASH_ADD(hh, l->states, state.site_id, sizeof e->state.site_id, e);
    return 0;
}

static void free_states(struct listing *l)
{
    struct state_entry *e, *next;
    HASH_ITER (hh, l->states, e, next) {
        HASH_DEL(l->states, e);
        free(e);
    }
}

static bool has_tag(const char *tags, const char *tag)
{
    size_t want = strlen(tag);
    while (*tags) {
        size_t len = strcspn(tags, ",");
        if (len == want && strncmp(tags, tag, len) == 0)
            return true;
        tags += len + (tags[len] == ',');
    }
    return false;
}

static const char *word_for(const struct site *s, const struct site_state *state)
{
    return s->paused ? "paused" : health_name(state ? state->health : HEALTH_NEW);
}

static enum hue hue_for(const struct site *s, const struct site_state *state)
{
    static const enum hue hues[HEALTH_COUNT] = {
        [HEALTH_NEW] = HUE_FAINT,       [HEALTH_UP] = HUE_GOOD,       [HEALTH_DOWN] = HUE_BAD,
        [HEALTH_SUSPECTED] = HUE_DOUBT, [HEALTH_UNKNOWN] = HUE_DOUBT,
    };
    return s->paused || !state ? HUE_FAINT : hues[state->health];
}

static void add_row(struct listing *l, const struct site *s, const struct site_state *state,
                    const char *owner)
{
    char buf[60];
    struct table *t = l->table;
    table_row(t);
    table_set(t, 0, s->name);
    scoped(text) struct text health = TEXT_UP_TO(1024);
    scoped(text) struct text otherwise = TEXT_UP_TO(1024);
    if (state && !s->paused) {
        size_t n;
        const struct site_view *views = viewlist_of(l->views, s->id, &n);
        viewlist_tell(&otherwise, state->health, views, n);
    }
    text_addf(&health, "%s%s%s", word_for(s, state), otherwise.len ? ", " : "", text_str(&otherwise));
    table_set(t, 1, text_str(&health));
    table_hue(t, 1, hue_for(s, state));
    if (state) {
        table_set(t, 2, print_moment(buf, sizeof buf, state->since_us, l->now));
        table_set(t, 3, print_ago(buf, sizeof buf, state->last_at_us, l->now));
        if (state->last_status)
            table_setf(t, 4, "%u", state->last_status);
        table_set(t, 5, print_ms(buf, sizeof buf, state->last_took_us));
        table_set(t, 8, state->last_cause == CAUSE_NONE ? "" : cause_words(state->last_cause));
    }
    table_set(t, 6, duration_format(buf, sizeof buf, s->every_ms * US_PER_MS));
    table_set(t, 7, owner);
}

static int on_site(void *arg, const struct site *s)
{
    struct listing *l = arg;
    const struct sites_options *o = l->options;
    struct state_entry *e;
    HASH_FIND(hh, l->states, &s->id, sizeof s->id, e);
    const struct site_state *state = e ? &e->state : NULL;
    const char *owner = directory_owner_name(l->directory, s->owner_id);

    if ((o->owner && strcmp(o->owner, owner) != 0) || (o->tag && !has_tag(s->tags, o->tag)) ||
        (o->health && strcmp(o->health, word_for(s, state)) != 0))
        return 0;
    if (o->call.json) {
        size_t n;
        const struct site_view *views = viewlist_of(l->views, s->id, &n);
        json_t *site = asjson_site(s, owner, state);
        if (n > 0)
            asjson_put(&site, "views", asjson_views(views, n));
        return print_json(stdout, site);
    }
    add_row(l, s, state, owner);
    return 0;
}

struct owners {
    const char *wanted;
    bool known;
    char near[OWNER_MAX_NAME + 1]; /* the one that was probably meant */
    size_t distance;
};

static int compare_owner(void *arg, const struct owner *o)
{
    struct owners *s = arg;
    size_t d = nearest_distance(s->wanted, o->name);
    s->known |= strcmp(s->wanted, o->name) == 0;
    if (nearest_word(s->wanted, &o->name, 1) && d < s->distance) {
        s->distance = d;
        snprintf(s->near, sizeof s->near, "%s", o->name);
    }
    return 0;
}

static int check_owner(struct store *store, const char *name, struct err *err)
{
    struct owners s = { .wanted = name, .distance = SIZE_MAX };
    int r = store_each_owner(store, 0, compare_owner, &s, err);
    if (r < 0 || s.known)
        return r;
    return err_set(err, -ESRCH, "there is no owner '%.100s'%s%s%s", name, s.near[0] ? "; did you mean '" : "",
                   s.near, s.near[0] ? "'?" : "");
}

static int list(struct listing *l, struct store *store, struct err *err)
{
    static const struct table_column columns[] = {
        {"SITE",    TABLE_NAME, 0 },
        { "HEALTH",        TABLE_TEXT, 0 },
        { "SINCE", TABLE_TEXT, 6 },
        { "LOOKED",        TABLE_TEXT, 2 },
        { "STATUS",  TABLE_NUMBER, 5 },
        { "TIME",        TABLE_NUMBER, 3 },
        { "EVERY", TABLE_NUMBER, 1 },
        { "OWNER",        TABLE_TEXT, 4 },
        { "CAUSE", TABLE_WORDS, 7 },
        { 0       },
    };
    l->now = clock_wall();
    int r = directory_new(&l->directory, store, err);
    if (r == 0 && l->options->owner)
        r = check_owner(store, l->options->owner, err);
    if (r == 0)
        r = store_each_state(store, 0, keep_state, l, err);
    if (r == 0)
        r = viewlist_read(&l->views, store, 0, err);
    if (r == 0)
        r = table_new(&l->table, columns, stdout);
    if (r == 0)
        r = store_each_site(store, 0, on_site, l, err);
    return r;
}

static int run(struct call *call)
{
    struct listing l = { .options = (struct sites_options *)call };
    scoped(store) struct store *store = NULL;
    struct err err = { 0 };
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    int r = list(&l, store, &err);
    if (r < 0)
        code = command_fail_store(call, r, &err);
    else if (!call->json && table_rows(l.table) == 0)
        puts("no such site");
    else if (!call->json)
        code = table_print(l.table) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    free_states(&l);
    viewlist_free(l.views);
    table_free(l.table);
    directory_free(l.directory);
    return code;
}

const struct command cmd_sites = {
    .name = "sites",
    .args = "",
    .summary = "what is watched, and how each is",
    .teaches =
        "Lists the sites of the store with their health and what the last look saw."
        "\vExamples:\n"
        "  vedette sites --health down\n"
        "  vedette sites --owner shop-team --tag prod\n"
        "  vedette sites --json | jq -r 'select(.last_time_ms>1000).name'\n"
        "\n"
        "new: not looked at yet. suspected: a look failed and is being confirmed. unknown: the last look "
        "said nothing of the site. \"up, not from us\": of its locations, too few see it down for an outage.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct sites_options),
    .run = run,
};
