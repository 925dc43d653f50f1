/* vedette watch - the collector's feed, live. */
#include "cli/commands.h"
#include "cli/feedline.h"
#include "cli/print.h"
#include "cli/subscriber.h"
#include "common/links.h"
#include "common/nearest.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct watch_options {
    struct call call; /* first */
    bool only[EVENT_KIND_END];
    bool some; /* --only was given */
    int64_t for_us;
};

enum { KEY_ONLY = 0x100, KEY_FOR };

static const struct argp_option options[] = {
    {"only",                                                               KEY_ONLY, "KIND[,KIND]", 0, "Only these: result, health, incident, notice, worker, pulse, view",
     0 },
    { "for",                                                       KEY_FOR, "DURATION", 0, "End after that time (never)", 0 },
    { 0},
};

static void add_kinds(struct watch_options *o, const char *list, struct argp_state *state)
{
    const char *names[EVENT_KIND_END];
    size_t n = 0;
    for (int k = 1; k < EVENT_KIND_END; k++)
        names[n++] = event_kind_name((enum event_kind)k);
    for (const char *p = list; *p;) {
        char word[32];
        size_t len = strcspn(p, ",");
        snprintf(word, sizeof word, "%.*s", (int)len, p);
        size_t k = 0;
        while (k < n && strcmp(names[k], word) != 0)
            k++;
        if (k == n)
            command_no_such(state, "--only", word, names, n);
        else
            o->only[k + 1] = o->some = true;
        p += len + (p[len] == ',');
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct watch_options *o = state->input;
    switch (key) {
    case KEY_ONLY: add_kinds(o, arg, state); return 0;
    case KEY_FOR: o->for_us = command_duration(state, "--for", arg); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

struct watcher {
    const struct watch_options *options;
    struct loop *loop;
    struct loop_timer end, silence;
    uv_signal_t signals[2];
    bool heard;
};

/* Nobody reads any more, as with `| head`: the end, and no trouble. */
static void wrote(struct watcher *w, bool good)
{
    if (!command_flush() || !good)
        loop_stop(w->loop, EXIT_FINE);
}

static void on_event(void *arg, const struct event *e)
{
    struct watcher *w = arg;
    const struct watch_options *o = w->options;
    w->heard = true;
    if (o->some ? !o->only[e->kind] : e->kind == EVENT_PULSE && !o->call.json)
        return;
    if (o->call.json) {
        wrote(w, print_json(stdout, feedline_json(e)) == 0);
        return;
    }
    scoped(text) struct text t = TEXT_UP_TO(16 * 1024);
    enum hue hue = feedline_write(&t, e);
    wrote(w, printf("%s%s%s\n", hue ? table_paint(stdout, hue) : "", text_str(&t),
                    hue ? table_paint(stdout, HUE_NONE) : "") >= 0);
}

static void on_missed(void *arg, uint64_t events)
{
    struct watcher *w = arg;
    command_say(&w->options->call, "%llu %s missed here", (unsigned long long)events,
                print_plural(events, "event was", "events were"));
}

static void on_again(void *arg)
{
    struct watcher *w = arg;
    command_say(&w->options->call, "the collector has started anew; events in between may be missed here");
}

static void on_bad(void *arg, const struct err *err)
{
    struct watcher *w = arg;
    command_say(&w->options->call, "something arrived that is no event: %s", err->text);
}

static void nothing_there(struct watcher *w, const char *then)
{
    char where[SUBSCRIBER_WHERE_SIZE];
    command_say(&w->options->call, "nothing answers at %s, the feed's address: is a collector running?%s",
                subscriber_where(&w->options->call.config, where), then);
}

/* A feed has a pulse every second: silence means that nobody is there. */
static void on_end(void *arg)
{
    struct watcher *w = arg;
    if (!w->heard)
        nothing_there(w, "");
    loop_stop(w->loop, w->heard ? EXIT_FINE : EXIT_TROUBLE);
}

static void on_silence(void *arg)
{
    struct watcher *w = arg;
    if (!w->heard)
        nothing_there(w, " Waiting for one");
}

static void on_signal(uv_signal_t *s, int number)
{
    (void)number;
    struct watcher *w = s->data;
    loop_stop(w->loop, EXIT_FINE);
}

static int run(struct call *call)
{
    static const struct subscriber_hooks hooks = {
        .event = on_event, .missed = on_missed, .again = on_again, .bad = on_bad
    };
    static const int numbers[] = { SIGINT, SIGTERM };
    struct watch_options *o = (struct watch_options *)call;
    struct watcher w = { .options = o };
    struct err err = { 0 };
    scoped(loop) struct loop *loop = NULL;
    scoped(subscriber) struct subscriber *sub = NULL;

    int r = loop_new(&loop);
    if (r < 0)
        err_set(&err, r, "no event loop: %s", strerror(-r));
    w.loop = loop;
    if (r == 0)
        r = links_join(&call->config, LINKS_OPERATOR, &err);
    if (r == 0)
        r = subscriber_new(&sub, loop, &call->config, &hooks, &w, &err);
    if (r < 0)
        return command_fail(call, &err);

    loop_timer_init(loop, &w.end, on_end, &w);
    loop_timer_init(loop, &w.silence, on_silence, &w);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(loop_uv(loop), &w.signals[i]);
        w.signals[i].data = &w;
        uv_signal_start(&w.signals[i], on_signal, numbers[i]);
    }
    if (o->for_us)
        loop_timer_at(&w.end, loop_now(loop) + o->for_us * NS_PER_US);
    loop_timer_at(&w.silence, loop_now(loop) + 3 * NS_PER_S);

    int code = loop_run(loop);
    loop_timer_done(&w.end);
    loop_timer_done(&w.silence);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&w.signals[i], NULL);
    return code < 0 ? EXIT_TROUBLE : code;
}

const struct command cmd_watch = {
    .name = "watch",
    .args = "",
    .summary = "the feed, live: one line for each look or event",
    .teaches = "Shows what the collector tells, as it happens: looks, changes of health, incidents, notices, "
               "workers. What was told before is not on the feed; `vedette incidents` has it."
               "\vExamples:\n"
               "  vedette watch\n"
               "  vedette watch --only incident,notice\n"
               "  vedette watch --only pulse --for 10s\n"
               "  vedette watch --json | jq -c 'select(.event==\"health\")|[.site,.to]'\n"
               "\n"
               "Pulses (the numbers of `vedette status`, every second) are shown only with --json or "
               "--only pulse. Ends with Ctrl-C; with 1 when --for is over and nothing was ever heard.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct watch_options),
    .run = run,
};
