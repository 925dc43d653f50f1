/* vedette check - look now, from here, without a cluster.
 *
 * It is the worker's own code on one thread: the same probes, resolver and
 * certificates. Looks are begun as long as there is room, results come back
 * from within the loop, and at most `concurrency` are under way. With --json a
 * line is written as soon as a result is there; the table waits for the last
 * and keeps the order of the list.
 */
#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "common/loop.h"
#include "worker/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_CONCURRENCY 500
#define MAX_CONCURRENCY     20000
#define FDS_FOR_A_LOOK      4 /* two families at once, a second hop, a name server */
#define FDS_FOR_OURSELVES   64
#define WAIT_FOR_TURN_US    (24 * US_PER_HOUR)

struct check_options {
    struct call call; /* first */
    const char *file;
    const char *resolver, *ca_file;
    uint32_t concurrency, timeout_ms;
    bool quiet, public_only;
};

enum { KEY_CONCURRENCY = 0x100, KEY_TIMEOUT, KEY_RESOLVER, KEY_CA_FILE, KEY_PUBLIC_ONLY };

static const struct argp_option options[] = {
    {"file",                                                                                         'f', "FILE", 0,
     "URLs from a file: one a line (# begins a comment), or a YAML site list; - for standard input", 0 },
    { "concurrency",                                                                                        KEY_CONCURRENCY, "N", 0, "Looks under way at once (500)", 0 },
    { "timeout", KEY_TIMEOUT, "DURATION", 0,
     "For one whole look: name, redirects, body (20s, or what the list says)", 0 },
    { "resolver",                                                                                             KEY_RESOLVER, "IP[:PORT]", 0, "Name servers to ask, comma-separated (those of resolv.conf)",
     0 },
    { "ca-file",KEY_CA_FILE, "FILE", 0, "Certificates to trust (the system's)", 0 },
    { "public-only",                                                                                             KEY_PUBLIC_ONLY, 0, 0, "Refuse addresses that are not of the internet, as workers do",
     0 },
    { "quiet",                                                                                             'q', 0, 0, "Show only what is not up; nothing when all is well", 0 },
    { 0                                                                                    },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check_options *o = state->input;
    int64_t us;
    switch (key) {
    case 'f': o->file = arg; return 0;
    case KEY_CONCURRENCY:
        o->concurrency = (uint32_t)command_number(state, "--concurrency", arg, 1, MAX_CONCURRENCY);
        return 0;
    case KEY_TIMEOUT:
        us = command_duration(state, "--timeout", arg);
        if (us < SITE_MIN_TIMEOUT_MS * US_PER_MS || us > SITE_MAX_TIMEOUT_MS * US_PER_MS)
            argp_error(state, "--timeout: %s is not between 50ms and 2m", arg);
        o->timeout_ms = (uint32_t)(us / US_PER_MS);
        return 0;
    case KEY_RESOLVER: o->resolver = arg; return 0;
    case KEY_CA_FILE: o->ca_file = arg; return 0;
    case KEY_PUBLIC_ONLY: o->public_only = true; return 0;
    case 'q': o->quiet = true; return 0;
    case ARGP_KEY_END:
        if (!o->file && o->call.n_args == 0)
            argp_error(state, "what shall be checked? Give a URL, or -f FILE");
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* ── The run ───────────────────────────────────────────────────────────── */

/* What remains of a result until the table is written. */
struct outcome {
    bool here;
    uint8_t verdict;
    uint16_t status;
    uint32_t took_us;
    char *saw; /* in words; NULL when there is nothing to explain */
};

struct check {
    const struct check_options *options;
    const struct sitelist *list;
    struct loop *loop;
    struct probes *probes;
    struct outcome *outcome; /* one for each site */
    size_t next;             /* the first that is not begun */
    size_t count[VERDICT_COUNT];
    struct progress progress;
    struct loop_timer tick;
    uv_signal_t signals[2];
    bool interrupted;
    bool unread; /* the output cannot be written */
    int failed;
};

static void keep_outcome(struct outcome *o, const struct result *r)
{
    char saw[320];
    *o = (struct outcome){
        .here = true, .verdict = (uint8_t)r->verdict, .status = r->status, .took_us = r->took_us
    };
    if (r->cause == CAUSE_NONE)
        return;
    /* The status has a column of its own, and the cause says what it means. */
    if (r->detail[0] && strcmp(r->detail, cause_words(r->cause)) != 0)
        snprintf(saw, sizeof saw, "%s (%s)", cause_words(r->cause), r->detail);
    else
        snprintf(saw, sizeof saw, "%s", cause_words(r->cause));
    o->saw = strdup(saw);
}

static void on_result(void *arg, const struct result *r)
{
    struct check *c = arg;
    size_t i = (size_t)r->run.site_id - 1;
    const char *url = sitelist_at(c->list, i)->site.url;

    c->count[r->verdict]++;
    c->progress.done++;
    if (!c->options->call.json)
        keep_outcome(&c->outcome[i], r);
    else if (!c->options->quiet || r->verdict != VERDICT_UP) {
        progress_wipe(&c->progress);
        /* Nobody reads any more: no use looking on. */
        if (print_json(stdout, print_json_look(url, r)) < 0 || !command_flush()) {
            c->unread = true;
            loop_stop(c->loop, 0);
        }
    }
}

static int begin(struct check *c, size_t i)
{
    const struct sitelist_site *s = sitelist_at(c->list, i);
    const struct job job = {
        .id = job_id_make(0, i + 1),
        .run = {.site_id = i + 1, .slot_us = loop_wall(c->loop), .location = "here"},
        .attempt = 1,
        .url = s->site.url,
        .method = s->site.method,
        .timeout_ms = c->options->timeout_ms ? c->options->timeout_ms : s->site.timeout_ms,
        .start_by_ms = SITE_MAX_TIMEOUT_MS,
        .status = s->site.status,
        .contains = s->site.contains,
        .avoid = "",
    };
    return probe_begin(c->probes, &job, on_result, c);
}

/* After every turn: fill up what has become free, and end when all is told. */
static void go_on(void *arg)
{
    struct check *c = arg;
    while (c->next < sitelist_count(c->list) && probes_room(c->probes) > 0) {
        int r = begin(c, c->next);
        if (r == -EAGAIN)
            break;
        if (r < 0) {
            c->failed = r;
            loop_stop(c->loop, 0);
            return;
        }
        c->next++;
    }
    if (c->progress.done == sitelist_count(c->list))
        loop_stop(c->loop, 0);
}

static void on_tick(void *arg)
{
    struct check *c = arg;
    progress_draw(&c->progress, loop_now(c->loop));
    loop_timer_at(&c->tick, loop_now(c->loop) + 100 * NS_PER_MS);
}

static void on_signal(uv_signal_t *s, int number)
{
    (void)number;
    struct check *c = s->data;
    c->interrupted = true;
    loop_stop(c->loop, 0);
}

static void watch_signals(struct check *c)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(loop_uv(c->loop), &c->signals[i]);
        c->signals[i].data = c;
        uv_signal_start(&c->signals[i], on_signal, numbers[i]);
    }
}

static void unwatch(struct check *c)
{
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&c->signals[i], NULL);
    loop_timer_done(&c->tick);
}

/* Looks at all of the list. */
static int look(struct check *c, const struct config *config, struct err *err)
{
    scoped(loop) struct loop *loop = NULL;
    int r = loop_new(&loop);
    if (r < 0)
        return err_set(err, r, "no event loop: %s", strerror(-r));
    c->loop = loop;
    r = probes_new(&c->probes, loop, config, err);
    if (r < 0)
        return r;
    loop_timer_init(loop, &c->tick, on_tick, c);
    watch_signals(c);
    c->progress = (struct progress){ .total = sitelist_count(c->list), .began = clock_mono() };
    on_tick(c);
    r = loop_after_turn(loop, go_on, c);
    go_on(c);
    if (r == 0 && !c->failed)
        r = loop_run(loop);
    progress_wipe(&c->progress);
    probes_free(c->probes);
    unwatch(c);
    if (r == 0)
        r = c->failed;
    return r < 0 ? err_set(err, r, "looking ended early: %s", strerror(-r)) : 0;
}

/* ── What to look at, and how ──────────────────────────────────────────── */

/* All that is wrong with them is told at once; then none is looked at. */
static int add_arguments(struct sitelist *list, const struct call *call, struct err *err)
{
    static const char secretive[] = "a URL with '@'"; /* what is before it may be a password */
    size_t wrong = 0;
    for (size_t i = 0; i < call->n_args; i++) {
        struct err why = { 0 };
        int r = sitelist_add_url(list, call->args[i], 0, &why);
        if (r == -ENOMEM || r == -ENOSPC)
            return err_set(err, r, "%s", why.text);
        if (r == -EEXIST)
            fprintf(stderr, "%s is named twice; looked at once\n", call->args[i]);
        else if (r < 0 && wrong++ < SITELIST_MAX_MISTAKES)
            command_say(call, "%s: %s", strchr(call->args[i], '@') ? secretive : call->args[i], why.text);
    }
    return wrong ? err_set(err, -EINVAL, "%zu of %zu %s cannot be looked at, and none was", wrong,
                           call->n_args, print_plural(call->n_args, "URL", "URLs"))
                 : 0;
}

static int gather(struct sitelist **ret, const struct check_options *o, struct err *err)
{
    scoped(sitelist) struct sitelist *list = NULL;
    scoped(sitelist) struct sitelist *file = NULL;
    int r = sitelist_new(&list);
    if (r == 0)
        r = add_arguments(list, &o->call, err);
    if (r == 0 && o->file)
        r = apply_read(&file, o->file, SITELIST_NOTE_TWICE, stderr, err);
    if (r == 0 && file)
        r = sitelist_add_all(list, file);
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r == 0)
        *ret = moved(list);
    return r;
}

/* As many descriptors as there may be, and no more looks at once than they allow. */
static uint32_t fit_concurrency(uint32_t wanted)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return wanted;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    getrlimit(RLIMIT_NOFILE, &l);
    if (l.rlim_cur == RLIM_INFINITY || l.rlim_cur > (rlim_t)wanted * FDS_FOR_A_LOOK + FDS_FOR_OURSELVES)
        return wanted;
    rlim_t most = l.rlim_cur > FDS_FOR_OURSELVES ? (l.rlim_cur - FDS_FOR_OURSELVES) / FDS_FOR_A_LOOK : 1;
    return most ? (uint32_t)most : 1;
}

static int set_one(struct config *c, const char *name, const char *value, struct err *err)
{
    char set[600];
    if (!value)
        return 0;
    int n = snprintf(set, sizeof set, "%s=%s", name, value);
    if (n < 0 || (size_t)n >= sizeof set)
        return err_set(err, -EINVAL, "%s: the value is too long", name);
    return config_set(c, set, err);
}

/* Whoever types this may look at any address: nobody else's job is done here. With
 * --public-only, which is for URLs that somebody else gave, it is as on a worker. */
static int settings_for(struct config *c, const struct check_options *o, size_t sites, struct err *err)
{
    uint32_t wanted = o->concurrency ? o->concurrency : DEFAULT_CONCURRENCY;
    c->worker.tls_sessions = 0; /* whoever asks wants to see certificates */
    c->worker.slots = fit_concurrency(sites < wanted ? (uint32_t)sites : wanted);
    c->worker.threads = 1;
    c->polite.wait_us = WAIT_FOR_TURN_US; /* who checks a long list of one host has the time */
    int r = o->public_only ? 0 : set_one(c, "worker.allow", "0.0.0.0/0, ::/0", err);
    if (r == 0)
        r = set_one(c, "worker.resolver", o->resolver, err);
    if (r == 0)
        r = set_one(c, "worker.ca_file", o->ca_file, err);
    return r;
}

/* ── What came of it ───────────────────────────────────────────────────── */

static enum hue hue_of(unsigned verdict)
{
    static const enum hue hues[] = {
        [VERDICT_UP] = HUE_GOOD, [VERDICT_DOWN] = HUE_BAD, [VERDICT_UNKNOWN] = HUE_DOUBT
    };
    return hues[verdict];
}

static int print_outcomes(const struct check *c)
{
    static const struct table_column columns[] = {
        {"VERDICT", TABLE_TEXT, 0 },
        { "STATUS",        TABLE_NUMBER, 2 },
        { "TIME", TABLE_NUMBER, 1 },
        { "URL",        TABLE_NAME, 0 },
        { "CAUSE",   TABLE_WORDS, 3 },
        { 0       },
    };
    scoped(table) struct table *t = NULL;
    int r = table_new(&t, columns, stdout);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sitelist_count(c->list); i++) {
        const struct outcome *o = &c->outcome[i];
        char took[24];
        if (!o->here || (c->options->quiet && o->verdict == VERDICT_UP))
            continue;
        table_row(t);
        table_set(t, 0, verdict_name(o->verdict));
        table_hue(t, 0, hue_of(o->verdict));
        if (o->status)
            table_setf(t, 1, "%u", o->status);
        table_set(t, 2, print_ms(took, sizeof took, o->took_us));
        table_set(t, 3, sitelist_at(c->list, i)->site.url);
        table_set(t, 4, o->saw ? o->saw : "");
    }
    return table_rows(t) ? table_print(t) : 0;
}

static void print_sum(const struct check *c, int64_t took_us)
{
    char n[4][32], took[40];
    size_t all = sitelist_count(c->list), done = c->progress.done;
    if (c->options->quiet && c->count[VERDICT_UP] == all)
        return;
    if (took_us < US_PER_S)
        snprintf(took, sizeof took, "%dms", (int)(took_us / US_PER_MS));
    else
        duration_words(took, sizeof took, took_us);
    printf("%s %s: %s up, %s down, %s unknown in %s\n", print_count(n[0], sizeof n[0], done),
           print_plural(done, "site", "sites"), print_count(n[1], sizeof n[1], c->count[VERDICT_UP]),
           print_count(n[2], sizeof n[2], c->count[VERDICT_DOWN]),
           print_count(n[3], sizeof n[3], c->count[VERDICT_UNKNOWN]), took);
}

static int exit_code(const struct check *c)
{
    if (c->interrupted || c->unread)
        return EXIT_TROUBLE;
    if (c->count[VERDICT_DOWN])
        return EXIT_DOWN;
    return c->count[VERDICT_UNKNOWN] ? EXIT_UNKNOWN : EXIT_FINE;
}

static int report(struct check *c, int64_t took_us)
{
    if (!c->options->call.json) {
        if (print_outcomes(c) < 0)
            return EXIT_TROUBLE;
        print_sum(c, took_us);
    }
    if (c->interrupted)
        command_say(&c->options->call, "interrupted: %zu of %zu sites were looked at",
                    (size_t)c->progress.done, sitelist_count(c->list));
    return exit_code(c);
}

static void free_outcomes(struct check *c)
{
    for (size_t i = 0; c->outcome && i < sitelist_count(c->list); i++)
        free(c->outcome[i].saw);
    free(c->outcome);
}

static int run(struct call *call)
{
    const struct check_options *o = (const struct check_options *)call;
    scoped(sitelist) struct sitelist *list = NULL;
    struct err err = { 0 };

    int r = gather(&list, o, &err);
    if (r == 0)
        r = settings_for(&call->config, o, sitelist_count(list), &err);
    if (r < 0)
        return command_fail(call, &err);

    struct check c = { .options = o, .list = list };
    c.outcome = calloc(sitelist_count(list), sizeof *c.outcome);
    mono_ns began = clock_mono();
    r = c.outcome ? look(&c, &call->config, &err) : err_set(&err, -ENOMEM, "out of memory");
    int code = r < 0 ? command_fail(call, &err) : report(&c, (clock_mono() - began) / NS_PER_US);
    free_outcomes(&c);
    return code;
}

const struct command cmd_check = {
    .name = "check",
    .args = "[URL...]",
    .summary = "look at sites once, now, from here",
    .teaches =
        "Looks at every URL once, all at the same time, and says what it saw. It needs no store and no "
        "daemons, confirms nothing and tells nobody."
        "\vExamples:\n"
        "  vedette check https://example.com http://localhost:8080/health\n"
        "  vedette check -f urls.txt                  one URL a line\n"
        "  vedette check -f sites.yaml --quiet        only what is not up\n"
        "  vedette check -f urls.txt --json | jq -r 'select(.verdict==\"down\").url'\n"
        "  vedette check --timeout 5s --resolver 9.9.9.9 https://example.com\n"
        "\n"
        "Ends with 0 when all are up, 2 when one is down, 3 when none is down and one is unknown, 1 for "
        "wrong usage or trouble of our own.\n"
        "With --json each result is one object on a line of its own, as soon as it is there.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct check_options),
    .max_args = UINT32_MAX,
    .run = run,
};
