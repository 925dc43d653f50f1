#include "cli/status_feed.h"

#include "cli/asjson.h"
#include "cli/feedline.h"
#include "cli/print.h"
#include "cli/pulses.h"
#include "cli/statusline.h"
#include "cli/subscriber.h"
#include "common/clock.h"
#include "common/links.h"

#include <string.h>

#define WAIT_NS (5 * NS_PER_S) /* a pulse comes every second, and a key takes some round trips */

struct listener {
    struct loop *loop;
    struct pulses pulses;
    char where[SUBSCRIBER_WHERE_SIZE];
};

static void on_event(void *arg, const struct event *e)
{
    struct listener *l = arg;
    if (e->kind != EVENT_PULSE)
        return;
    pulses_hear(&l->pulses, &e->pulse, e->at_us);
    if (pulses_whole(&l->pulses))
        loop_stop(l->loop, 0);
}

static void on_silence(void *arg)
{
    struct listener *l = arg;
    loop_stop(l->loop, 0);
}

static int listen_for_pulses(struct call *call, struct listener *l, struct err *err)
{
    static const struct subscriber_hooks hooks = { .event = on_event };
    scoped(loop) struct loop *loop = NULL;
    scoped(subscriber) struct subscriber *sub = NULL;
    struct loop_timer silence;

    int r = loop_new(&loop);
    if (r < 0)
        return err_set(err, r, "no event loop: %s", strerror(-r));
    l->loop = loop;
    r = links_join(&call->config, LINKS_OPERATOR, err);
    if (r == 0)
        r = subscriber_new(&sub, loop, &call->config, &hooks, l, err);
    if (r < 0)
        return r;
    subscriber_where(&call->config, l->where);
    loop_timer_init(loop, &silence, on_silence, l);
    loop_timer_at(&silence, loop_now(loop) + WAIT_NS);
    r = loop_run(loop);
    loop_timer_done(&silence);
    return r < 0 ? err_set(err, r, "the event loop ended: %s", strerror(-r)) : 0;
}

/* The same words for the same things as where they come from the store. */
static void fill(const struct pulse *p, struct summary *s)
{
    *s = (struct summary){ .paused = p->paused, .incidents_open = p->incidents_open };
    s->health[HEALTH_UP] = p->up;
    s->health[HEALTH_DOWN] = p->down;
    s->health[HEALTH_SUSPECTED] = p->suspected;
    s->health[HEALTH_UNKNOWN] = p->unknown;
    s->health[HEALTH_NEW] = p->fresh;
    for (int h = 0; h < HEALTH_COUNT; h++)
        s->sites += s->health[h];
    s->sites += p->paused;
}

/* Of what is silent nothing is said. */
static void print_silent_parts(const struct pulses *p)
{
    if (pulses_whole(p))
        return;
    statusline_label("parts");
    printf(
        "%s%u of %u that the sites are cut in are silent, and not counted here%s; operator.feeds names all "
        "collectors\n",
        table_paint(stdout, HUE_BAD), pulses_parts(p) - pulses_heard(p), pulses_parts(p),
        table_paint(stdout, HUE_NONE));
}

static void print_pulse(const struct listener *l)
{
    struct pulse sum, *p = &sum;
    wall_us at_us = pulses_sum(&l->pulses, p);
    struct summary s;
    char n[3][32];
    fill(p, &s);
    statusline_sites(&s);
    statusline_label("coverage");
    printf("%s (%s concluded, %s missed)\n", feedline_coverage(n[0], sizeof n[0], p->concluded, p->missed),
           print_count(n[1], sizeof n[1], p->concluded), print_count(n[2], sizeof n[2], p->missed));
    statusline_label("lateness");
    printf("p50 %s, p99 %s in the last minute\n", print_ms(n[0], sizeof n[0], p->late_p50_us),
           print_ms(n[1], sizeof n[1], p->late_p99_us));
    statusline_label("looks");
    printf("%s out now; %s recorded since the collector started\n",
           print_count(n[0], sizeof n[0], p->in_flight), print_count(n[1], sizeof n[1], p->results));
    statusline_label("workers");
    printf("%u ready of %u\n", p->workers_ready, p->workers_all);
    statusline_label("incidents");
    printf("%s open\n", print_count(n[0], sizeof n[0], p->incidents_open));
    statusline_label("notices");
    printf("%s pending\n", print_count(n[0], sizeof n[0], p->notices_pending));
    if (p->store_away_s) {
        statusline_label("store");
        printf("%snothing could be recorded for %s s%s\n", table_paint(stdout, HUE_BAD),
               print_count(n[0], sizeof n[0], p->store_away_s), table_paint(stdout, HUE_NONE));
    }
    print_silent_parts(&l->pulses);
    statusline_label("as of");
    printf("%s, told by the feed at %s\n", print_ago(n[0], sizeof n[0], at_us, clock_wall()), l->where);
}

static int print_pulse_json(const struct listener *l)
{
    struct pulse sum, *p = &sum;
    wall_us at_us = pulses_sum(&l->pulses, p);
    uint64_t all = p->concluded + p->missed;
    struct summary s;
    json_t *o = json_object();
    fill(p, &s);
    asjson_put(&o, "sites", statusline_sites_json(&s));
    asjson_put(&o, "coverage", all ? json_real((double)p->concluded / (double)all) : json_null());
    asjson_number(&o, "scheduled", p->scheduled);
    asjson_number(&o, "concluded", p->concluded);
    asjson_number(&o, "missed", p->missed);
    asjson_number(&o, "in_flight", p->in_flight);
    asjson_put(&o, "late_p50_ms", print_json_ms(p->late_p50_us));
    asjson_put(&o, "late_p99_ms", print_json_ms(p->late_p99_us));
    asjson_put(&o, "as_of", print_json_wall(at_us));
    asjson_put(
        &o, "workers",
        json_pack("{s:I, s:I}", "ready", (json_int_t)p->workers_ready, "all", (json_int_t)p->workers_all));
    asjson_put(&o, "incidents", json_pack("{s:I}", "open", (json_int_t)p->incidents_open));
    asjson_put(&o, "notices", json_pack("{s:I}", "pending", (json_int_t)p->notices_pending));
    asjson_number(&o, "store_away_s", p->store_away_s);
    asjson_put(&o, "parts",
               json_pack("{s:i, s:i}", "all", (int)pulses_parts(&l->pulses), "heard",
                         (int)pulses_heard(&l->pulses)));
    asjson_put(&o, "feed", print_json_text(l->where));
    return print_json(stdout, o);
}

int status_feed(struct call *call)
{
    struct listener l = { .loop = NULL };
    struct err err = { 0 };
    if (listen_for_pulses(call, &l, &err) < 0)
        return command_fail(call, &err);
    if (!pulses_heard(&l.pulses)) {
        command_say(call,
                    "nothing answers at %s, the feed's address: is a collector running, and is the key "
                    "one that it knows?",
                    l.where);
        return EXIT_TROUBLE;
    }
    if (call->json)
        return print_pulse_json(&l) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    print_pulse(&l);
    return EXIT_FINE;
}
