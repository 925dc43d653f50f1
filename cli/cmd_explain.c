/* vedette explain - the story of one site, with its evidence. */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/directory.h"
#include "cli/evidence.h"
#include "cli/print.h"
#include "cli/story.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_LOOKS      10
#define MAX_LOOKS        1000
#define CERTIFICATE_SOON (21 * US_PER_DAY)

struct explain_options {
    struct call call; /* first */
    unsigned long looks;
};

enum { KEY_LOOKS = 0x100 };

static const struct argp_option options[] = {
    {"looks", KEY_LOOKS, "N", 0, "How many of the last looks to show (10)", 0 },
    { 0   },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct explain_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: o->looks = SHOWN_LOOKS; return 0;
    case KEY_LOOKS: o->looks = command_number(state, "--looks", arg, 0, MAX_LOOKS); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* ── Telling ───────────────────────────────────────────────────────────── */

static void heading(const char *text)
{
    printf("\n%s%s%s\n", table_paint(stdout, HUE_FAINT), text, table_paint(stdout, HUE_NONE));
}

static void tell_health(const struct story *y)
{
    static const enum hue hues[HEALTH_COUNT] = { [HEALTH_UP] = HUE_GOOD,
                                                 [HEALTH_DOWN] = HUE_BAD,
                                                 [HEALTH_SUSPECTED] = HUE_DOUBT,
                                                 [HEALTH_UNKNOWN] = HUE_DOUBT };
    enum health h = y->has_state ? y->state.health : HEALTH_NEW;
    char since[60], lasted[40];
    const char *word = y->site->removed ? "removed" : y->site->paused ? "paused" : health_name(h);
    scoped(text) struct text otherwise = TEXT_UP_TO(1024);
    if (!y->site->paused && !y->site->removed)
        viewlist_tell(&otherwise, h, y->views, y->n_views);
    printf("%s is %s%s%s", y->site->name, hues[h] ? table_paint(stdout, hues[h]) : "", word,
           hues[h] ? table_paint(stdout, HUE_NONE) : "");
    if (otherwise.len)
        printf(" (%s)", text_str(&otherwise));
    if (y->has_state && !y->site->paused && !y->site->removed)
        printf(" since %s, for %s", print_moment(since, sizeof since, y->state.since_us, y->now),
               duration_words(lasted, sizeof lasted, y->now - y->state.since_us));
    puts(".");
}

static void tell_settings(const struct story *y)
{
    static const char *const how[METHOD_COUNT] = { [METHOD_AUTO] =
                                                       "HEAD, and GET to be sure before it is called down",
                                                   [METHOD_HEAD] = "HEAD",
                                                   [METHOD_GET] = "GET" };
    const struct site *s = y->site;
    char every[24], timeout[24], within[24], status[EXPECT_STATUS_SIZE], channel[300], next[40];
    printf("  %s\n  Looked at every %s", s->url,
           duration_format(every, sizeof every, s->every_ms * US_PER_MS));
    if (site_locations(s)[0])
        printf(" from %s", s->locations);
    printf(" with %s; a look may take %s.\n", how[s->method],
           duration_format(timeout, sizeof timeout, s->timeout_ms * US_PER_MS));
    printf("  It is well when it answers with status %s",
           status_set_format(status, sizeof status, &s->status));
    if (s->contains[0])
        printf(" and \"%s\" in the page", s->contains);
    if (s->full_handshake)
        printf(", with a full TLS handshake each time");
    if (s->confirm.looks)
        printf(". A failure is confirmed by %u more %s within %s.\n", s->confirm.looks,
               print_plural(s->confirm.looks, "look", "looks"),
               duration_format(within, sizeof within, s->confirm.within_ms * US_PER_MS));
    else
        printf(". The first failure is believed.\n");
    unsigned locations = location_count(site_locations(s)), from = site_needs(s->confirm_from, locations);
    if (locations > 1)
        printf("  Each location confirms by itself; it is down when %u of %u see it down, or all that know, "
               "where these are fewer.\n",
               from, locations);

    const struct owner *o = directory_owner(y->directory, s->owner_id);
    printf("  Owner: %s", directory_owner_name(y->directory, s->owner_id));
    for (unsigned i = 0; o && i < o->n_channels; i++)
        printf("%s%s", i ? ", " : ", told by ", print_channel(channel, sizeof channel, o->channel[i]));
    printf(".%s%s\n", s->tags[0] ? " Tags: " : "", s->tags);
    if (s->paused || s->removed)
        return;
    print_moment(next, sizeof next, site_next_slot(s->id, s->every_ms, y->now), y->now);
    if (y->now - y->vitals_us > PRINT_SILENT_AFTER)
        printf("  Its next time is %s, but nobody looks: no coordinator runs with this store.\n", next);
    else
        printf("  Due next at %s.\n", next);
}

static void tell_looks(const struct story_looks *l, wall_us now)
{
    static const struct table_column columns[] = {
        {"AT",       TABLE_TEXT, 0 },
        { "LOOK",         TABLE_TEXT, 3 },
        { "BY",    TABLE_NAME, 4 },
        { "VERDICT",         TABLE_TEXT, 0 },
        { "TIME",      TABLE_NUMBER, 2 },
        { "ADDRESS",         TABLE_TEXT, 1 },
        { "SAW", TABLE_WORDS, 0 },
        { 0        },
    };
    static const enum hue hues[VERDICT_COUNT] = {
        [VERDICT_UP] = HUE_GOOD, [VERDICT_DOWN] = HUE_BAD, [VERDICT_UNKNOWN] = HUE_DOUBT
    };
    scoped(table) struct table *t = NULL;
    char buf[400];
    if (table_new(&t, columns, stdout) < 0)
        return;
    for (size_t i = 0; i < l->n; i++) {
        const struct result *r = &l->at[i];
        table_row(t);
        wall_us at = r->at_us ? r->at_us : r->run.slot_us;
        bool recent = now - at < US_PER_DAY / 2; /* then milliseconds say more than the day */
        table_set(t, 0, recent ? print_clock(buf, sizeof buf, at) : print_moment(buf, sizeof buf, at, now));
        if (r->run.look)
            table_setf(t, 1, "confirming %u", r->run.look);
        else if (r->span > 1)
            table_setf(t, 1, "scheduled, %u times", r->span);
        else
            table_set(t, 1, "scheduled");
        table_setf(t, 2, "%s@%s", r->worker, r->run.location);
        table_setf(t, 3, "%s%s", verdict_name(r->verdict), r->suspect ? ", in doubt" : "");
        table_hue(t, 3, hues[r->verdict]);
        table_set(t, 4, print_ms(buf, sizeof buf, r->took_us));
        table_set(t, 5, r->address);
        if (r->status)
            table_setf(t, 6, "HTTP %u%s%s%s%s", r->status, r->cause ? ": " : "",
                       r->cause ? cause_words(r->cause) : "", r->detail[0] ? "; " : "", r->detail);
        else
            table_setf(t, 6, "%s%s%s", cause_words(r->cause), r->detail[0] ? ": " : "", r->detail);
    }
    table_print(t);
}

static void tell_notice(const struct notice *n, struct directory *d, wall_us now)
{
    char channel[300], at[40];
    printf("  %s to %s (%s): ", notice_kind_words(n->kind), directory_owner_name(d, n->owner_id),
           print_channel(channel, sizeof channel, n->channel));
    switch (n->state) {
    case NOTICE_SENT:
        printf("sent at %s", print_moment(at, sizeof at, n->sent_us, now));
        if (n->attempts > 1)
            printf(", at attempt %u", n->attempts);
        break;
    case NOTICE_PENDING:
        printf("not sent yet, next attempt at %s", print_moment(at, sizeof at, n->next_try_us, now));
        break;
    case NOTICE_FAILED:
        printf("given up after %u %s", n->attempts, print_plural(n->attempts, "attempt", "attempts"));
        break;
    case NOTICE_SUPERSEDED: printf("not sent, a newer one took its place"); break;
    case NOTICE_STATE_COUNT: break;
    }
    printf("%s%s\n", n->trouble[0] ? "; the last trouble: " : "", n->trouble);
}

static void tell_incident(const struct story *y)
{
    const struct incident *i = &y->incident;
    char began[40], confirmed[40], ended[40], lasted[40];
    scoped(text) struct text rule = TEXT_UP_TO(1024);
    bool open = i->end == INCIDENT_OPEN;

    heading(open ? "The outage" : "The last outage");
    printf("  Incident %" PRIu64 " began at %s and was confirmed at %s. ", i->id,
           print_moment(began, sizeof began, i->began_us, y->now),
           print_moment(confirmed, sizeof confirmed, i->confirmed_us, y->now));
    duration_words(lasted, sizeof lasted, (open ? y->now : i->ended_us) - i->began_us);
    if (open)
        printf("It is open, for %s now.\n", lasted);
    else if (i->end == INCIDENT_RECOVERED)
        printf("It ended at %s, after %s, with a look that found the site up.\n",
               print_moment(ended, sizeof ended, i->ended_us, y->now), lasted);
    else
        printf("It was closed at %s: the site is no longer watched that way, its end was not seen.\n",
               print_moment(ended, sizeof ended, i->ended_us, y->now));
    if (i->status)
        printf("  What was seen: HTTP %u, %s", i->status, cause_words(i->cause));
    else
        printf("  What was seen: %s", cause_words(i->cause));
    printf("%s%s.\n", i->detail[0] ? "; " : "", i->detail);
    evidence_tell_incident(&rule, y->evidence.at, y->evidence.n, y->site, !open);
    printf("  %s\n", text_str(&rule));
    if (y->evidence.n) {
        puts("");
        tell_looks(&y->evidence, y->now);
    }
    heading("Who was told");
    for (size_t k = noticelist_count(y->notices); k > 0; k--)
        tell_notice(noticelist_at(y->notices, k - 1), y->directory, y->now);
    if (noticelist_count(y->notices) == 0)
        puts("  Nobody.");
}

static void tell_certificate(const struct story *y)
{
    char at[32], left[40];
    wall_us ends = y->has_state ? y->state.tls_expires_us : 0;
    if (!ends)
        return;
    bool soon = ends - y->now < CERTIFICATE_SOON;
    wall_format(at, sizeof at, ends);
    printf("  Its certificate %s %.10s", ends > y->now ? "is valid until" : "has ended on", at);
    if (ends > y->now)
        printf(", %s%s more%s", soon ? table_paint(stdout, HUE_DOUBT) : "",
               duration_words(left, sizeof left, ends - y->now), soon ? table_paint(stdout, HUE_NONE) : "");
    puts(".");
}

static void tell(const struct story *y)
{
    scoped(text) struct text why = TEXT_UP_TO(1024);
    tell_health(y);
    tell_settings(y);
    tell_certificate(y);
    if (!y->has_incident || y->incident.end != INCIDENT_OPEN) {
        evidence_tell_health(&why, y->site, y->has_state ? &y->state : NULL);
        printf("  %s\n", text_str(&why));
    }
    if (y->has_state && y->state.blips)
        printf("  So far %" PRIu64 " %s rejected by confirming looks; nobody was told of %s.\n",
               y->state.blips, print_plural(y->state.blips, "failure was", "failures were"),
               print_plural(y->state.blips, "it", "them"));
    if (y->n_views) {
        heading("From each location");
        viewlist_print(y->views, y->n_views, y->now);
    }
    if (y->has_incident)
        tell_incident(y);
    if (y->looks.n) {
        heading("The last looks");
        tell_looks(&y->looks, y->now);
    }
}

/* ── As JSON ───────────────────────────────────────────────────────────── */

static json_t *json_looks(const struct story_looks *l)
{
    json_t *a = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, print_json_result(&l->at[i]));
    return a;
}

static json_t *json_incident(const struct story *y)
{
    scoped(text) struct text rule = TEXT_UP_TO(1024);
    json_t *notices = json_array(), *o;
    if (!y->has_incident)
        return json_null();
    for (size_t i = 0; i < noticelist_count(y->notices); i++) {
        const struct notice *n = noticelist_at(y->notices, i);
        json_array_append_new(
            notices, asjson_notice(n, y->site->name, directory_owner_name(y->directory, n->owner_id)));
    }
    evidence_tell_incident(&rule, y->evidence.at, y->evidence.n, y->site, y->incident.end != INCIDENT_OPEN);
    o = asjson_incident(&y->incident, y->site->name, y->site->url);
    asjson_text(&o, "rule", text_str(&rule));
    asjson_put(&o, "evidence", json_looks(&y->evidence));
    asjson_put(&o, "notices", notices);
    return o;
}

static int tell_json(const struct story *y)
{
    scoped(text) struct text why = TEXT_UP_TO(1024);
    const struct site_state *state = y->has_state ? &y->state : NULL;
    json_t *o = asjson_site(y->site, directory_owner_name(y->directory, y->site->owner_id), state);
    evidence_tell_health(&why, y->site, state);
    asjson_text(&o, "why", text_str(&why));
    if (y->n_views)
        asjson_put(&o, "views", asjson_views(y->views, y->n_views));
    asjson_put(&o, "last_incident", json_incident(y));
    asjson_put(&o, "looks", json_looks(&y->looks));
    return print_json(stdout, o);
}

/* By id, name, or URL as people write it. */
static int run(struct call *call)
{
    const struct explain_options *o = (struct explain_options *)call;
    scoped(story) struct story *y = NULL;
    scoped(store) struct store *store = NULL;
    struct err err = { 0 };
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    int r = story_read(&y, store, call->args[0], o->looks, clock_wall(), &err);
    if (r == -ENOENT) {
        command_say(call, "there is no site with the name, URL or id '%s' (`vedette sites` lists them)",
                    call->args[0]);
        return EXIT_TROUBLE;
    }
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (call->json)
        return tell_json(y) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    tell(y);
    return EXIT_FINE;
}

const struct command cmd_explain = {
    .name = "explain",
    .args = "SITE",
    .summary = "the evidence for a site's state: who looked, who decided, who was told",
    .teaches = "Tells the story of one site: how it is watched, how it is and since when, the open or last "
               "outage with the looks that it rests on and the rule that decided, the notices and their "
               "fate, and the last looks."
               "\vExamples:\n"
               "  vedette explain shop\n"
               "  vedette explain https://shop.example.com/health\n"
               "  vedette explain 12 --looks 50\n"
               "  vedette explain shop --json | jq .last_incident.evidence\n",
    .options = options,
    .parse = parse,
    .size = sizeof(struct explain_options),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
