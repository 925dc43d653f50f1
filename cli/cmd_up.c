/* vedette up - all of it on this machine, in the foreground.
 *
 * What happens is told by two sides: the supervisor tells of processes, the feed
 * tells of sites. Both write to one screen. The end comes from a signal, from
 * --for, from --until-idle, or from a child that cannot start; whatever it is,
 * the children are ended in order and the store says what was reached.
 */
#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/feedline.h"
#include "cli/ports.h"
#include "cli/print.h"
#include "cli/screen.h"
#include "cli/subscriber.h"
#include "cli/supervise.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WORKERS 2
#define SHOWN_ROWS      20
#define FEW_SITES       100 /* so many are told one by one when they are first found up */
#define SLOW_START      (10 * NS_PER_S)
#define RATE_PULSES     6

struct up_options {
    struct call call; /* first */
    const char *sites;
    unsigned workers;
    bool workers_given, until_idle, verbose;
    int64_t for_us;
};

enum { KEY_SITES = 0x100, KEY_WORKERS, KEY_UNTIL_IDLE, KEY_FOR };

static const struct argp_option options[] = {
    {"sites",                                                          KEY_SITES, "FILE", 0, "First make the store say what this list says, as `apply` does", 0 },
    { "workers",                                                          KEY_WORKERS, "N", 0, "Worker processes (2)", 0 },
    { "until-idle", KEY_UNTIL_IDLE, 0, 0, "End when every site has a verdict and every notice is delivered",
     0 },
    { "for",                                                               KEY_FOR, "DURATION", 0, "End after that time (never)", 0 },
    { "verbose",'v', 0, 0, "Show each look, and more of the daemons' logs", 0 },
    { 0                                                              },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct up_options *o = state->input;
    switch (key) {
    case KEY_SITES: o->sites = arg; return 0;
    case KEY_WORKERS:
        o->workers = (unsigned)command_number(state, "--workers", arg, 0, CREW_MAX_WORKERS);
        o->workers_given = true;
        return 0;
    case KEY_UNTIL_IDLE: o->until_idle = true; return 0;
    case KEY_FOR: o->for_us = command_duration(state, "--for", arg); return 0;
    case 'v': o->verbose = true; return 0;
    case ARGP_KEY_END:
        if (!o->workers_given)
            o->workers = DEFAULT_WORKERS;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

struct up {
    struct up_options *options;
    struct loop *loop;
    struct supervisor *children;
    struct subscriber *feed;
    struct store *store;
    struct screen screen;
    struct loop_timer end, slow;
    uv_signal_t signals[3];
    unsigned asked; /* signals so far */
    bool all_ready, ending;
    bool worker_trouble; /* one was not ready: that it is again is news */
    wall_us shown_us;    /* the newest time on the screen */
    bool not_started;    /* somebody could not even start */
    int code;
    mono_ns began;
    /* the last pulses, for a rate */
    struct {
        wall_us at;
        uint64_t results;
    } pulse[RATE_PULSES];
    unsigned n_pulses;
};

/* With --json standard output is the feed's events and nothing else. */
static FILE *for_people(const struct up *u)
{
    return u->options->call.json ? stderr : stdout;
}

static void say(struct up *u, enum hue hue, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct up *u, enum hue hue, const char *fmt, ...)
{
    char at[32];
    scoped(text) struct text t = TEXT_UP_TO(4096);
    char line[3000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    wall_us now = clock_wall();
    u->shown_us = now > u->shown_us ? now : u->shown_us;
    text_addf(&t, "%s  %s", print_clock(at, sizeof at, u->shown_us), line);
    screen_line(&u->screen, for_people(u), hue, text_str(&t));
}

static void end(struct up *u, const char *why)
{
    if (u->ending)
        return;
    u->ending = true;
    loop_timer_at(&u->end, MONO_NEVER);
    loop_timer_at(&u->slow, MONO_NEVER);
    say(u, HUE_NONE, "vedette   ending: %s", why);
    supervisor_end(u->children);
}

/* ── What the feed tells ───────────────────────────────────────────────── */

static double rate(struct up *u, const struct event *e)
{
    unsigned at = u->n_pulses++ % RATE_PULSES,
             oldest = u->n_pulses > RATE_PULSES ? u->n_pulses % RATE_PULSES : 0;
    u->pulse[at].at = e->at_us;
    u->pulse[at].results = e->pulse.results;
    int64_t span = e->at_us - u->pulse[oldest].at;
    /* A collector that began anew counts from zero. */
    if (span <= 0 || u->pulse[oldest].results > e->pulse.results)
        return -1;
    return (double)(e->pulse.results - u->pulse[oldest].results) * 1e6 / (double)span;
}

/* The pulse says when it is worth asking; the store, which is one transaction
 * with the notices, says whether it is so. */
static bool is_idle(struct up *u, const struct pulse *p)
{
    struct summary s;
    if (p->fresh || p->suspected || p->notices_pending)
        return false;
    if (store_get_summary(u->store, &s, NULL) < 0)
        return false;
    return s.health[HEALTH_NEW] == 0 && s.health[HEALTH_SUSPECTED] == 0 && s.notices[NOTICE_PENDING] == 0;
}

static void on_pulse(struct up *u, const struct event *e)
{
    char line[400];
    if (!u->options->call.json)
        screen_status(&u->screen, feedline_pulse(line, sizeof line, &e->pulse, rate(u, e)),
                      loop_now(u->loop));
    if (u->options->until_idle && u->all_ready && !u->ending && is_idle(u, &e->pulse))
        end(u, "every site has a verdict and every notice is delivered");
    if (ferror(stdout))
        end(u, "nobody reads this any more");
}

/* That a worker is ready at first, its process has said already. */
static bool is_shown(struct up *u, const struct event *e)
{
    if (e->kind == EVENT_RESULT)
        return u->options->verbose;
    if (e->kind == EVENT_WORKER) {
        u->worker_trouble |= e->worker.health != WORKER_READY;
        return u->worker_trouble || u->options->verbose;
    }
    bool first_up = e->kind == EVENT_HEALTH && e->health_from == HEALTH_NEW && e->health_to == HEALTH_UP;
    return !first_up || u->options->verbose || u->options->call.json || e->site_id <= FEW_SITES;
}

static void on_event(void *arg, const struct event *e)
{
    struct up *u = arg;
    if (u->options->call.json) {
        if (e->kind != EVENT_RESULT || u->options->verbose)
            print_json(stdout, feedline_json(e));
        command_flush();
    }
    if (e->kind == EVENT_PULSE) {
        on_pulse(u, e);
        return;
    }
    if (u->options->call.json || !is_shown(u, e))
        return;
    scoped(text) struct text t = TEXT_UP_TO(16 * 1024);
    /* The feed's events are on their way for a moment; on one screen time goes one way. */
    struct event shown = *e;
    shown.at_us = u->shown_us = e->at_us > u->shown_us ? e->at_us : u->shown_us;
    enum hue hue = feedline_write(&t, &shown);
    screen_line(&u->screen, stdout, hue, text_str(&t));
}

static void on_missed(void *arg, uint64_t events)
{
    struct up *u = arg;
    say(u, HUE_DOUBT, "vedette   %llu events of the feed were missed here (all of it is stored)",
        (unsigned long long)events);
}

/* ── What the supervisor tells ─────────────────────────────────────────── */

static bool of_store(int exit_code)
{
    return exit_code >= 10 && exit_code <= 16;
}

/* Whoever could not even start once will not next time either: a setting or the
 * store is wrong, and its last line says which. */
static void could_not_start(struct up *u, const struct child_told *t)
{
    u->code = of_store(t->exit_code) ? t->exit_code : EXIT_TROUBLE;
    u->not_started = true;
    screen_done(&u->screen);
    command_say(&u->options->call, "the %s could not start (exit code %d)", t->name, t->exit_code);
    end(u, "not all of it could be started");
}

static void child_ended(struct up *u, const struct child_told *t)
{
    char again[40];
    if (t->expected) {
        if (u->options->verbose || t->signal || t->exit_code)
            say(u, HUE_FAINT, "process   %s ended (%s %d)", t->name, t->signal ? "signal" : "exit code",
                t->signal ? t->signal : t->exit_code);
        if (u->code == 0 && of_store(t->exit_code)) /* it could not record all at its end */
            u->code = t->exit_code;
        return;
    }
    if (t->first && !t->signal && t->exit_code) {
        could_not_start(u, t);
        return;
    }
    snprintf(again, sizeof again, "%.2f s", (double)t->again_in / 1e9);
    if (t->signal)
        say(u, HUE_BAD, "process   %s was ended by signal %d (%s); starting it again in %s", t->name,
            t->signal, strsignal(t->signal), again);
    else
        say(u, HUE_BAD, "process   %s ended with exit code %d; starting it again in %s", t->name,
            t->exit_code, again);
}

/* Not before the collector is there: a connection that was refused is tried again
 * only after a while, and the first news would be missed. */
static void listen_to_feed(struct up *u)
{
    static const struct subscriber_hooks hooks = { .event = on_event, .missed = on_missed };
    struct err err = { 0 };
    if (u->feed)
        return;
    if (subscriber_new(&u->feed, u->loop, &u->options->call.config, &hooks, u, &err) < 0)
        say(u, HUE_BAD, "vedette   the feed cannot be heard: %s", err.text);
}

static void on_child(void *arg, const struct child_told *t)
{
    struct up *u = arg;
    switch (t->news) {
    case CHILD_STARTED:
        if (u->options->verbose)
            say(u, HUE_FAINT, "process   %s started, process %d", t->name, t->pid);
        return;
    case CHILD_READY:
        say(u, HUE_NONE, "process   %s is ready, process %d", t->name, t->pid);
        if (strcmp(t->name, CREW_COLLECTOR) == 0)
            listen_to_feed(u);
        return;
    case CHILD_ENDED: child_ended(u, t); return;
    }
}

static void on_line(void *arg, const char *name, bool to_stderr, const char *line)
{
    struct up *u = arg;
    (void)name;
    screen_line(&u->screen, to_stderr ? stderr : for_people(u), HUE_NONE, line);
}

static void on_all_ready(void *arg)
{
    struct up *u = arg;
    u->all_ready = true;
    loop_timer_at(&u->slow, MONO_NEVER);
    if (u->options->for_us && !u->ending)
        loop_timer_at(&u->end, loop_now(u->loop) + u->options->for_us * NS_PER_US);
}

static void on_all_ended(void *arg)
{
    struct up *u = arg;
    loop_stop(u->loop, 0);
}

/* ── Signals and times ─────────────────────────────────────────────────── */

static void on_signal(uv_signal_t *s, int number)
{
    struct up *u = s->data;
    if (u->asked++ == 0) {
        end(u, number == SIGINT ? "interrupted (once more ends it at once)" : "asked to");
        return;
    }
    u->code = EXIT_TROUBLE;
    supervisor_kill(u->children);
}

static void on_time(void *arg)
{
    end(arg, "the time is over");
}

static void on_slow(void *arg)
{
    struct up *u = arg;
    char names[400];
    say(u, HUE_DOUBT, "vedette   after 10 s these processes are not ready yet: %s; they are waited for",
        supervisor_waits_for(u->children, names, sizeof names));
}

static void watch_signals(struct up *u)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    loop_timer_init(u->loop, &u->end, on_time, u);
    loop_timer_init(u->loop, &u->slow, on_slow, u);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(loop_uv(u->loop), &u->signals[i]);
        u->signals[i].data = u;
        uv_signal_start(&u->signals[i], on_signal, numbers[i]);
    }
}

static void unwatch_signals(struct up *u)
{
    loop_timer_done(&u->end);
    loop_timer_done(&u->slow);
    for (size_t i = 0; i < sizeof u->signals / sizeof *u->signals; i++)
        uv_close((uv_handle_t *)&u->signals[i], NULL);
}

static int make_children(struct up *u, struct err *err)
{
    static const struct supervise_hooks hooks = {
        .told = on_child, .line = on_line, .all_ready = on_all_ready, .all_ended = on_all_ended
    };
    const struct crew crew = { .call = &u->options->call,
                               .workers = u->options->workers,
                               .verbose = u->options->verbose };
    int r = supervisor_new(&u->children, u->loop, &hooks, u);
    return r < 0 ? err_set(err, r, "out of memory") : crew_add(u->children, &crew, err);
}

/* ── The whole ─────────────────────────────────────────────────────────── */

/* A second one is told so before it has changed anything. Our children claim the
 * store themselves, after this. */
static int claim_for_once(const char *url, struct err *err)
{
    scoped(store) struct store *store = NULL;
    int r = store_open(&store, url, STORE_CREATE, err);
    for (int role = 0; r == 0 && role < STORE_ROLE_COUNT; role++)
        r = store_claim(store, (enum store_role)role, STORE_CLAIM_WAIT_US, err);
    return r < 0 ? r : store_cut(store, err);
}

static int prepare_store(struct up *u, struct err *err)
{
    const struct up_options *o = u->options;
    if (o->call.config.shards > 1) {
        u->code = EXIT_TROUBLE;
        return err_set(
            err, -EINVAL,
            "shards is %u, and `vedette up` runs one coordinator and one collector, which are for all "
            "sites: start the programs singly",
            o->call.config.shards);
    }
    scoped(sitelist) struct sitelist *list = NULL;
    scoped(plan) struct plan *plan = NULL;
    uint64_t change;
    int r = o->sites ? apply_read(&list, o->sites, SITELIST_REFUSE_TWICE, stderr, err) : 0;
    if (r == 0 && list)
        r = apply_check_locations(list, &o->call.config, o->sites, stderr, err);
    if (r < 0) {
        u->code = EXIT_TROUBLE;
        return r;
    }
    if (list)
        apply_warn(list, &o->call.config, stderr);
    r = claim_for_once(o->call.config.store, err);
    if (r == 0)
        r = store_open(&u->store, o->call.config.store, STORE_CREATE, err);
    if (r == 0 && list)
        r = apply_plan(&plan, u->store, list, false, err);
    if (r == 0 && list)
        r = apply_do(plan, u->store, clock_wall(), &change, err);
    if (r < 0)
        u->code = store_exit_code(r);
    else if (list && !o->call.json)
        apply_print(plan, stdout, SHOWN_ROWS);
    fflush(stdout);
    return r;
}

static void print_closing(struct up *u)
{
    struct summary s;
    struct err err = { 0 };
    char took[40], n[2][32];
    duration_words(took, sizeof took, (loop_now(u->loop) - u->began) / NS_PER_US);
    if (store_get_summary(u->store, &s, &err) < 0) {
        command_say(&u->options->call, "what was reached cannot be told: %s", err.text);
        return;
    }
    if (u->options->call.json)
        return;
    printf("\nEnded after %s. %s %s: %" PRIu64 " up, %" PRIu64 " down, %" PRIu64 " unknown", took,
           print_count(n[0], sizeof n[0], s.sites), print_plural(s.sites, "site", "sites"),
           s.health[HEALTH_UP], s.health[HEALTH_DOWN], s.health[HEALTH_UNKNOWN]);
    if (s.health[HEALTH_NEW])
        printf(", %" PRIu64 " not looked at yet", s.health[HEALTH_NEW]);
    printf(".\nStored in %s: %s %s, %" PRIu64 " %s (%" PRIu64 " open), notices: %" PRIu64 " sent, %" PRIu64
           " pending, %" PRIu64 " failed.\n",
           store_name(u->store), print_count(n[1], sizeof n[1], s.looks),
           print_plural(s.looks, "look", "looks"), s.incidents_all,
           print_plural(s.incidents_all, "incident", "incidents"), s.incidents_open, s.notices[NOTICE_SENT],
           s.notices[NOTICE_PENDING], s.notices[NOTICE_FAILED]);
}

static int watch_over(struct up *u, struct err *err)
{
    int r = supervisor_begin(u->children, err);
    if (r == 0) {
        loop_timer_at(&u->slow, loop_now(u->loop) + SLOW_START);
        r = loop_run(u->loop);
    }
    subscriber_free(u->feed);
    screen_done(&u->screen);
    return r;
}

static int run_in_loop(struct up *u, struct err *err)
{
    scoped(loop) struct loop *loop = NULL;
    int r = loop_new(&loop);
    if (r < 0)
        return err_set(err, r, "no event loop: %s", strerror(-r));
    u->loop = loop;
    u->began = loop_now(loop);
    watch_signals(u);
    r = make_children(u, err);
    if (r == 0)
        r = watch_over(u, err);
    if (r == 0 && !u->not_started) /* what was reached is of no interest then */
        print_closing(u);
    supervisor_free(u->children);
    unwatch_signals(u);
    return r;
}

static int run(struct call *call)
{
    struct up u = { .options = (struct up_options *)call };
    struct err err = { 0 };

    screen_init(&u.screen);
    int r = ports_check(&call->config, &err);
    if (r < 0)
        u.code = EXIT_TROUBLE;
    if (r == 0)
        r = prepare_store(&u, &err);
    if (r == 0)
        r = run_in_loop(&u, &err);
    store_close(u.store);
    if (r < 0)
        command_fail(call, &err);
    return r < 0 && u.code == 0 ? EXIT_TROUBLE : u.code;
}

const struct command cmd_up = {
    .name = "up",
    .args = "",
    .summary = "coordinator, collector and workers on this machine, in the foreground",
    .teaches =
        "Starts everything that watching needs on this machine, shows what happens, restarts what dies, and "
        "ends cleanly with Ctrl-C. The store is made when there is none."
        "\vExamples:\n"
        "  vedette up --sites sites.yaml                      watch that list until Ctrl-C\n"
        "  vedette up --config vedette.yaml --workers 4\n"
        "  vedette up --store sqlite:/tmp/try.db --sites sites.yaml --for 1m\n"
        "  vedette up --sites sites.yaml --until-idle         one round, then the end\n"
        "\n"
        "In another terminal `vedette status`, `vedette watch` and `vedette explain SITE` see the same.\n"
        "Each worker is one process with one thread, unless worker.threads says otherwise.\n"
        "Ends with 0 when it was asked to end, 10 to 16 when the store cannot be used (see store in "
        "vedette.yaml(5)), 1 for other trouble.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct up_options),
    .run = run,
};
