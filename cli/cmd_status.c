/* vedette status - how all of it is, on one screen. */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/directory.h"
#include "cli/doubts.h"
#include "cli/feedline.h"
#include "cli/print.h"
#include "cli/status_feed.h"
#include "cli/statusline.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SHOWN_INCIDENTS 10
#define SHOWN_DOUBTS    5
#define STALE_AFTER     PRINT_SILENT_AFTER /* vitals come every second */

struct post { /* a location */
    char name[LOCATION_SIZE];
    unsigned ready; /* workers */
};

/* Workers are counted by name: the lanes of one are one witness. Rows of one
 * name follow each other in the store's order. */
struct fleet {
    wall_us now;
    unsigned all, ready, silent, lanes; /* silent: its first lane is */
    char last[WORKER_NAME_SIZE];
    bool last_ready;
    struct post post[CONFIG_MAX_LOCATIONS]; /* those of the settings, then others that have workers */
    unsigned n_posts;
};

struct picture {
    wall_us now;
    struct summary summary;
    struct vitals vitals;
    bool has_vitals;
    bool there[STORE_ROLE_COUNT];                 /* a process that has that part, as far as can be told */
    struct store_holder holder[STORE_ROLE_COUNT]; /* since_us 0: the store does not know since when */
    char no_room[200];                            /* why nothing can be written; "" */
    struct fleet fleet;
    struct parted { /* sites that some of their locations see up and others down; counted in order */
        uint64_t site_id, count;
        bool up, down;
    } parted;
    struct incident open[SHOWN_INCIDENTS];
    size_t n_open;
    struct doubts *doubts; /* owned by run */
};

struct status_options {
    struct call call; /* first */
    bool feed;
};

enum { KEY_FEED = 0x100 };

static const struct argp_option options[] = {
    {"feed", KEY_FEED, 0, 0, "Ask the feed instead of the store (with operator.join: always)", 0 },
    { 0    },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct status_options *o = state->input;
    (void)arg;
    if (key != KEY_FEED)
        return ARGP_ERR_UNKNOWN;
    o->feed = true;
    return 0;
}

static void know_posts(struct fleet *f, const struct config *config)
{
    while (f->n_posts < CONFIG_MAX_LOCATIONS &&
           config_location(config, f->n_posts, f->post[f->n_posts].name, LOCATION_SIZE))
        f->n_posts++;
}

static void count_at_post(struct fleet *f, const char *location)
{
    unsigned i = 0;
    while (i < f->n_posts && strcmp(f->post[i].name, location) != 0)
        i++;
    if (i == CONFIG_MAX_LOCATIONS)
        return;
    if (i == f->n_posts)
        snprintf(f->post[f->n_posts++].name, LOCATION_SIZE, "%s", location);
    f->post[i].ready++;
}

static int count_worker(void *arg, const struct worker_vitals *w)
{
    struct fleet *f = arg;
    bool silent = print_is_silent(w, f->now);
    bool here = w->health != WORKER_GONE && w->health != WORKER_DEAD && !silent;
    if (strcmp(f->last, w->worker) != 0) {
        snprintf(f->last, sizeof f->last, "%s", w->worker);
        f->last_ready = false;
        f->all++;
        f->silent += silent;
    }
    if (w->health == WORKER_READY && !silent && !f->last_ready) {
        f->last_ready = true;
        f->ready++;
        count_at_post(f, w->location);
    }
    f->lanes += here;
    return 0;
}

static int count_parted(void *arg, const struct site_view *v)
{
    struct parted *p = arg;
    bool was = p->up && p->down;
    if (v->state.site_id != p->site_id) {
        p->site_id = v->state.site_id;
        p->up = p->down = was = false;
    }
    p->up |= v->state.health == HEALTH_UP;
    p->down |= v->state.health == HEALTH_DOWN;
    p->count += p->up && p->down && !was;
    return 0;
}

static int keep_incident(void *arg, const struct incident *i)
{
    struct picture *p = arg;
    if (p->n_open < SHOWN_INCIDENTS)
        p->open[p->n_open++] = *i;
    return 0;
}

/* In every part of the sites; what cannot be told is believed to be well. */
static bool is_there(struct store *s, enum store_role role, uint32_t shards)
{
    bool all = true, held;
    for (uint32_t i = 0; i < shards; i++) {
        store_set_shard(s, (struct shard){ i, shards });
        all &= store_claimed(s, role, &held, NULL) < 0 || held;
    }
    return all;
}

static void look_around(struct picture *p, struct store *s)
{
    struct err err = { 0 };
    uint32_t shards = 1;
    if (store_shards(s, &shards, NULL) < 0)
        shards = 1;
    for (int role = 0; role < STORE_ROLE_COUNT; role++) {
        p->there[role] = is_there(s, (enum store_role)role, shards);
        if (shards == 1) /* else there are several */
            (void)store_get_holder(s, (enum store_role)role, &p->holder[role], NULL);
    }
    if (store_check_room(s, &err) < 0)
        snprintf(p->no_room, sizeof p->no_room, "%.*s", (int)sizeof p->no_room - 1, err.text);
}

static int take_picture(struct picture *p, struct store *s, struct err *err)
{
    const struct incident_filter f = { .open_only = true, .max = SHOWN_INCIDENTS };
    p->now = p->fleet.now = clock_wall();
    look_around(p, s);
    int r = store_get_summary(s, &p->summary, err);
    if (r == 0) {
        r = store_get_vitals(s, &p->vitals, err);
        p->has_vitals = r == 0;
        r = r == -ENOENT ? 0 : r;
    }
    if (r == 0)
        r = store_each_worker(s, count_worker, &p->fleet, err);
    if (r == 0)
        r = store_each_view(s, 0, count_parted, &p->parted, err);
    if (r == 0)
        r = store_each_incident(s, &f, keep_incident, p, err);
    if (r == 0)
        r = doubts_read(&p->doubts, s, true, err);
    return r;
}

/* ── For people ────────────────────────────────────────────────────────── */

static void print_parted(uint64_t count)
{
    char n[32];
    if (count == 0)
        return;
    statusline_label("");
    printf("%s%s%s %s up from some locations and down from others: vedette sites\n",
           table_paint(stdout, HUE_DOUBT), print_count(n, sizeof n, count), table_paint(stdout, HUE_NONE),
           print_plural(count, "is", "are"));
}

static void print_vitals(const struct picture *p)
{
    const struct vitals *v = &p->vitals;
    char n[4][32], since[40];
    statusline_label("coverage");
    printf("%s (%s concluded, %s missed since %s)\n",
           feedline_coverage(n[0], sizeof n[0], v->concluded, v->missed),
           print_count(n[1], sizeof n[1], v->concluded), print_count(n[2], sizeof n[2], v->missed),
           print_moment(since, sizeof since, v->started_us, p->now));
    statusline_label("lateness");
    printf("p50 %s, p99 %s, worst %s in the last minute\n", print_ms(n[0], sizeof n[0], v->late_p50_us),
           print_ms(n[1], sizeof n[1], v->late_p99_us), print_ms(n[2], sizeof n[2], v->late_max_us));
    statusline_label("looks");
    printf("%s out now, %s waiting for room; %s confirming, %s repeated after a loss\n",
           print_count(n[0], sizeof n[0], v->in_flight), print_count(n[1], sizeof n[1], v->waiting),
           print_count(n[2], sizeof n[2], v->confirming), print_count(n[3], sizeof n[3], v->again));
    if (v->dropped) {
        statusline_label("messages");
        printf("%s%s malformed %s dropped%s; the daemons' logs say whose\n", table_paint(stdout, HUE_DOUBT),
               print_count(n[0], sizeof n[0], v->dropped), print_plural(v->dropped, "message", "messages"),
               table_paint(stdout, HUE_NONE));
    }
}

/* Of a single location the workers' line says all. */
static void print_posts(const struct fleet *f)
{
    if (f->n_posts < 2)
        return;
    statusline_label("locations");
    for (unsigned i = 0; i < f->n_posts; i++) {
        const struct post *p = &f->post[i];
        printf("%s%s ", i ? ", " : "", p->name);
        if (p->ready)
            printf("%u ready", p->ready);
        else
            printf("%snobody%s", table_paint(stdout, HUE_BAD), table_paint(stdout, HUE_NONE));
    }
    putchar('\n');
}

static void print_doubts(const struct picture *p)
{
    size_t n = doubts_count(p->doubts);
    for (size_t i = 0; i < n && i < SHOWN_DOUBTS; i++) {
        const struct episode *e = doubts_at(p->doubts, i);
        statusline_label("");
        printf("%s%s is in doubt%s: %s\n", table_paint(stdout, HUE_DOUBT), e->worker,
               table_paint(stdout, HUE_NONE), e->reason);
    }
    if (n > SHOWN_DOUBTS) {
        statusline_label("");
        printf("and %zu more: vedette workers\n", n - SHOWN_DOUBTS);
    }
}

static void print_rest(const struct picture *p, const char *store)
{
    const struct summary *s = &p->summary;
    char n[3][32], oldest[60];
    statusline_label("workers");
    printf("%u ready of %u, %u %s", p->fleet.ready, p->fleet.all, p->fleet.lanes,
           print_plural(p->fleet.lanes, "lane", "lanes"));
    if (p->fleet.silent)
        printf(", %s%u silent%s", table_paint(stdout, HUE_DOUBT), p->fleet.silent,
               table_paint(stdout, HUE_NONE));
    putchar('\n');
    print_posts(&p->fleet);
    print_doubts(p);
    statusline_label("incidents");
    printf("%s open, %s in all\n", print_count(n[0], sizeof n[0], s->incidents_open),
           print_count(n[1], sizeof n[1], s->incidents_all));
    statusline_label("notices");
    printf("%s pending, %s sent, %s failed", print_count(n[0], sizeof n[0], s->notices[NOTICE_PENDING]),
           print_count(n[1], sizeof n[1], s->notices[NOTICE_SENT]),
           print_count(n[2], sizeof n[2], s->notices[NOTICE_FAILED]));
    if (s->notices[NOTICE_SUPERSEDED])
        printf(", %s superseded", print_count(n[0], sizeof n[0], s->notices[NOTICE_SUPERSEDED]));
    if (s->oldest_pending_us)
        printf("; the oldest pending one is from %s",
               print_ago(oldest, sizeof oldest, s->oldest_pending_us, p->now));
    putchar('\n');
    statusline_label("store");
    printf("%s, %s looks, %.1f MiB\n", store, print_count(n[0], sizeof n[0], s->looks),
           (double)s->bytes / (1024.0 * 1024.0));
}

/* Who it is, where that is a question: with several hosts at one store. */
static void print_acting(const struct picture *p)
{
    char since[40];
    for (int role = 0; role < STORE_ROLE_COUNT; role++) {
        const struct store_holder *h = &p->holder[role];
        if (!h->since_us || !p->there[role])
            continue;
        statusline_label(role == 0 || !p->holder[0].since_us || !p->there[0] ? "acting" : "");
        printf("%s on %s (process %" PRId64 ") since %s\n", store_role_name((enum store_role)role), h->host,
               h->pid, print_moment(since, sizeof since, h->since_us, p->now));
    }
}

/* Whose silence it is. The collector writes what the coordinator tells it. */
static const char *why_silent(const struct picture *p)
{
    if (p->no_room[0])
        return p->no_room;
    if (!p->there[STORE_COLLECTOR] && !p->there[STORE_COORDINATOR])
        return "neither coordinator nor collector is running";
    if (!p->there[STORE_COLLECTOR])
        return "no collector is running";
    if (!p->there[STORE_COORDINATOR])
        return "no coordinator is running";
    return "coordinator and collector are there: do they hear each other, can the store be written? Their "
           "logs "
           "say more";
}

static void print_freshness(const struct picture *p)
{
    char ago[60];
    statusline_label("as of");
    if (!p->has_vitals && (p->no_room[0] || p->there[STORE_COLLECTOR] || p->there[STORE_COORDINATOR]))
        printf("nothing has been recorded yet: %s\n", why_silent(p));
    else if (!p->has_vitals)
        puts("no coordinator has run with this store yet (`vedette up` starts one)");
    else if (p->now - p->vitals.at_us > STALE_AFTER)
        printf("%s%s, when the collector last recorded: %s%s\n", table_paint(stdout, HUE_DOUBT),
               print_ago(ago, sizeof ago, p->vitals.at_us, p->now), why_silent(p),
               table_paint(stdout, HUE_NONE));
    else
        puts(print_ago(ago, sizeof ago, p->vitals.at_us, p->now));
}

static int print_open(const struct picture *p, struct directory *d)
{
    static const struct table_column columns[] = {
        {"INCIDENT",    TABLE_NUMBER, 1 },
        { "SITE",            TABLE_NAME, 0 },
        { "DOWN SINCE",       TABLE_TEXT, 2 },
        { "FOR",            TABLE_TEXT, 3 },
        { "CAUSE", TABLE_WORDS, 4 },
        { 0           },
    };
    scoped(table) struct table *t = NULL;
    if (p->n_open == 0)
        return 0;
    int r = table_new(&t, columns, stdout);
    for (size_t i = 0; r == 0 && i < p->n_open; i++) {
        const struct incident *o = &p->open[i];
        char at[40], lasted[40];
        table_row(t);
        table_setf(t, 0, "%" PRIu64, o->id);
        table_set(t, 1, directory_site_name(d, o->site_id));
        table_hue(t, 1, HUE_BAD);
        table_set(t, 2, print_moment(at, sizeof at, o->began_us, p->now));
        table_set(t, 3, duration_words(lasted, sizeof lasted, p->now - o->began_us));
        if (o->status)
            table_setf(t, 4, "HTTP %u: %s", o->status, cause_words(o->cause));
        else
            table_set(t, 4, cause_words(o->cause));
    }
    putchar('\n');
    return r == 0 ? table_print(t) : r;
}

/* ── For programs ──────────────────────────────────────────────────────── */

static void put_vitals(json_t **o, const struct vitals *v)
{
    uint64_t all = v->concluded + v->missed;
    asjson_put(o, "coverage", all ? json_real((double)v->concluded / (double)all) : json_null());
    asjson_number(o, "scheduled", v->scheduled);
    asjson_number(o, "concluded", v->concluded);
    asjson_number(o, "missed", v->missed);
    asjson_number(o, "confirming", v->confirming);
    asjson_number(o, "again", v->again);
    asjson_number(o, "in_flight", v->in_flight);
    asjson_number(o, "waiting", v->waiting);
    asjson_number(o, "malformed", v->dropped);
    asjson_put(o, "late_p50_ms", print_json_ms(v->late_p50_us));
    asjson_put(o, "late_p99_ms", print_json_ms(v->late_p99_us));
    asjson_put(o, "late_max_ms", print_json_ms(v->late_max_us));
    asjson_put(o, "coordinator_started", print_json_wall(v->started_us));
    asjson_number(o, "epoch", v->epoch);
    asjson_put(o, "as_of", print_json_wall(v->at_us));
}

static json_t *json_posts(const struct fleet *f)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < f->n_posts; i++)
        json_array_append_new(
            a, json_pack("{s:s, s:i}", "location", f->post[i].name, "ready", (int)f->post[i].ready));
    return a;
}

static json_t *json_acting(const struct picture *p, enum store_role role)
{
    const struct store_holder *h = &p->holder[role];
    if (!h->since_us || !p->there[role])
        return json_null();
    return json_pack("{s:o, s:I, s:o}", "host", print_json_text(h->host), "process", (json_int_t)h->pid,
                     "since", print_json_wall(h->since_us));
}

static int print_status_json(const struct picture *p, const char *store)
{
    const struct summary *s = &p->summary;
    json_t *o = json_object();
    json_t *sites = statusline_sites_json(s);
    asjson_number(&sites, "parted", p->parted.count);
    asjson_put(&o, "sites", sites);
    if (p->has_vitals)
        put_vitals(&o, &p->vitals);
    else {
        asjson_put(&o, "coverage", json_null());
        asjson_put(&o, "as_of", json_null());
    }
    asjson_put(&o, "workers",
               json_pack("{s:i, s:i, s:i, s:i, s:i}", "ready", p->fleet.ready, "all", p->fleet.all, "lanes",
                         p->fleet.lanes, "silent", p->fleet.silent, "in_doubt",
                         (int)doubts_count(p->doubts)));
    asjson_put(&o, "locations", json_posts(&p->fleet));
    asjson_put(
        &o, "incidents",
        json_pack("{s:I, s:I}", "open", (json_int_t)s->incidents_open, "all", (json_int_t)s->incidents_all));
    asjson_put(&o, "notices",
               json_pack("{s:I, s:I, s:I, s:I, s:o}", "pending", (json_int_t)s->notices[NOTICE_PENDING],
                         "sent", (json_int_t)s->notices[NOTICE_SENT], "failed",
                         (json_int_t)s->notices[NOTICE_FAILED], "superseded",
                         (json_int_t)s->notices[NOTICE_SUPERSEDED], "oldest_pending",
                         print_json_wall(s->oldest_pending_us)));
    asjson_put(&o, "running",
               json_pack("{s:b, s:b}", "coordinator", (int)p->there[STORE_COORDINATOR], "collector",
                         (int)p->there[STORE_COLLECTOR]));
    asjson_put(&o, "acting",
               json_pack("{s:o, s:o}", "coordinator", json_acting(p, STORE_COORDINATOR), "collector",
                         json_acting(p, STORE_COLLECTOR)));
    asjson_put(&o, "store",
               json_pack("{s:o, s:I, s:I, s:o}", "url", print_json_text(store), "looks", (json_int_t)s->looks,
                         "bytes", (json_int_t)s->bytes, "trouble", print_json_text(p->no_room)));
    return print_json(stdout, o);
}

static int run(struct call *call)
{
    scoped(store) struct store *store = NULL;
    scoped(directory) struct directory *d = NULL;
    scoped(doubts) struct doubts *doubts = NULL;
    struct picture p = { 0 };
    struct err err = { 0 };

    /* Whoever has a key for the cluster is somewhere else, and its store, too. */
    const struct status_options *o = (const struct status_options *)call;
    if (o->feed || (call->config.operator.join[0] && !call->store_set[0]))
        return status_feed(call);
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    know_posts(&p.fleet, &call->config);
    int r = take_picture(&p, store, &err);
    doubts = p.doubts;
    if (r == 0)
        r = directory_new(&d, store, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (call->json)
        return print_status_json(&p, store_name(store)) < 0 ? EXIT_TROUBLE : EXIT_FINE;

    statusline_sites(&p.summary);
    print_parted(p.parted.count);
    if (p.has_vitals)
        print_vitals(&p);
    print_rest(&p, store_name(store));
    print_acting(&p);
    print_freshness(&p);
    return print_open(&p, d) < 0 ? EXIT_TROUBLE : EXIT_FINE;
}

const struct command cmd_status = {
    .name = "status",
    .args = "",
    .summary = "how all of it is: sites, coverage, lateness, workers, outbox",
    .teaches = "Shows the numbers that tell whether watching works: sites by health, how many due looks were "
               "concluded, how late they began, workers, open incidents, notices on their way."
               "\vExamples:\n"
               "  vedette status\n"
               "  vedette status --store sqlite:/var/lib/vedette/vedette.db\n"
               "  vedette status --json | jq .coverage\n"
               "  vedette status --feed --set endpoint.feed=tcp://control.example:7713\n"
               "\n"
               "Coverage is concluded / (concluded + missed) since the coordinator started;\n"
               "looks that were held back, so as not to crowd a place, are missed.\n"
               "`as of` says how old the coordinator's numbers are; it tells them every second.\n"
               "\n"
               "On a host without the store the feed tells most of it: with an operator's token in\n"
               "operator.join (`vedette token` on the control host prints one), or with --feed.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct status_options),
    .run = run,
};
