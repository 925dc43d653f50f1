#include "common/daemon.h"

#include "common/settings.h"
#include "common/store/store.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

extern char **environ;

/* ── Options ───────────────────────────────────────────────────────────── */

enum { MAX_SETS = 64, OWN_SIZE = TOKEN_SIZE + 64, KEY_SETTINGS = 0x100, KEY_OWN };

struct options {
    const struct daemon_program *program;
    const char *config_path;
    const char *set[MAX_SETS];
    const char *said[MAX_SETS]; /* the option that said so, for sentences */
    unsigned n_sets;
    char own[DAEMON_MAX_OPTIONS][OWN_SIZE]; /* what the program's own options set */
};

static const struct argp_option shared_rows[] = {
    {"config",                          'c', "FILE", 0, "Read settings from FILE (YAML)", 0 },
    { "set",                           's', "NAME=VALUE", 0, "Set one setting, over file and environment; may be repeated", 0 },
    { "settings", KEY_SETTINGS, 0, 0, "List every setting with its default, and end", 0 },
    { 0                               },
};

static void add_set(struct options *o, const char *said, const char *assignment, struct argp_state *state)
{
    if (o->n_sets == MAX_SETS)
        argp_error(state, "more than %d --set", MAX_SETS);
    o->said[o->n_sets] = said;
    o->set[o->n_sets++] = assignment;
}

/* One of the program's own, which is another way to write a setting. */
static error_t on_own_option(struct options *o, unsigned i, char *arg, struct argp_state *state)
{
    const struct daemon_option *own = i < DAEMON_MAX_OPTIONS ? &o->program->option[i] : NULL;
    if (!own || !own->name)
        return ARGP_ERR_UNKNOWN;
    int n = snprintf(o->own[i], sizeof o->own[i], "%s=%s", own->setting, arg);
    if (n < 0 || (size_t)n >= sizeof o->own[i])
        argp_error(state, "--%s: that is too long", own->name);
    const struct setting *s = setting_find(own->setting);
    if (s && s->kind == SETTING_SECRET)
        memset(arg, '*', strlen(arg)); /* it was for our eyes: ps(1) shows this to everybody's */
    add_set(o, own->name, o->own[i], state);
    return 0;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'c': o->config_path = arg; return 0;
    case 's': add_set(o, "set", arg, state); return 0;
    case KEY_SETTINGS: config_describe(stdout); exit(0);
    case ARGP_KEY_ARG: argp_error(state, "'%s' is one argument too many", arg); return EINVAL;
    default:
        return key >= KEY_OWN ? on_own_option(o, (unsigned)(key - KEY_OWN), arg, state) : ARGP_ERR_UNKNOWN;
    }
}

static int read_config(const struct options *o, struct config *ret, struct err *err)
{
    config_init(ret);
    const char *path = o->config_path ? o->config_path : getenv("VEDETTE_CONFIG");
    int r = config_load(ret, path, environ, err);
    for (unsigned i = 0; r == 0 && i < o->n_sets; i++) {
        r = config_set(ret, o->set[i], err);
        if (r < 0)
            err_where(err, r, "--%s", o->said[i]);
    }
    return r < 0 ? r : config_check(ret, err);
}

static void raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

int daemon_begin(const struct daemon_program *p, int argc, char **argv, struct config *ret, struct err *err)
{
    struct options options = { .program = p };
    struct argp_option rows[sizeof shared_rows / sizeof *shared_rows + DAEMON_MAX_OPTIONS] = { 0 };
    const struct argp argp = { rows, on_option, NULL, p->about, NULL, NULL, NULL };

    for (int i = 0; i < DAEMON_MAX_OPTIONS && p->option[i].name; i++)
        rows[i] = (struct argp_option){
            .name = p->option[i].name, .key = KEY_OWN + i, .arg = p->option[i].arg, .doc = p->option[i].about
        };
    size_t own = 0;
    while (rows[own].name)
        own++;
    memcpy(rows + own, shared_rows, sizeof shared_rows);

    log_setup(p->name, LOG_INFO);
    argp_program_version = "vedette " VEDETTE_VERSION;
    argp_err_exit_status = 1;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return err_set(err, -EINVAL, "wrong usage");

    int r = read_config(&options, ret, err);
    explicit_bzero(options.own, sizeof options.own); /* a secret may be among them */
    if (r < 0)
        return r;
    log_setup(p->name, ret->log.level);
    enum log_form form = LOG_PLAIN;
    if (log_form_parse(ret->log.format, &form) == 0)
        log_set_form(form);
    raise_descriptors();
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* ── Signals ───────────────────────────────────────────────────────────── */

/* One set for the process: signals belong to it and not to a loop. */
static struct {
    struct loop *loop;
    uv_signal_t term, interrupt, hangup;
    unsigned asked;
    uv_timer_t alive; /* for the service manager's watchdog; has a loop when it is used */
} signals;

static void on_end(uv_signal_t *s, int number)
{
    (void)s;
    if (signals.asked++ > 0)
        _exit(128 + number);
    log_info("daemon.ending", "signal=%s", number == SIGTERM ? "TERM" : "INT");
    loop_stop(signals.loop, 0);
}

static void on_hangup(uv_signal_t *s, int number)
{
    (void)s;
    (void)number;
}

/* Our parent is gone already when it died between its fork and our prctl. */
static int follow_parent(struct err *err)
{
    const char *parent = getenv("VEDETTE_PARENT");
    if (!parent)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        return err_set(err, -errno, "cannot ask to be told of the parent's end: %s", strerror(errno));
    if (getppid() != (pid_t)atol(parent))
        return err_set(err, -ESRCH, "the process that started this one is gone");
    return 0;
}

static void on_alive(uv_timer_t *t)
{
    (void)t;
    sd_notify(0, "WATCHDOG=1");
}

/* Twice as often as the service manager asks for, see sd_watchdog_enabled(3). */
static int keep_alive(struct loop *l, struct err *err)
{
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) <= 0)
        return 0;
    uint64_t ms = us / 2 / (uint64_t)US_PER_MS;
    int r = uv_timer_init(loop_uv(l), &signals.alive);
    if (r == 0)
        r = uv_timer_start(&signals.alive, on_alive, 0, ms ? ms : 1);
    return r < 0 ? err_set(err, r, "cannot tell the watchdog: %s", uv_strerror(r)) : 0;
}

int daemon_watch_signals(struct loop *l, struct err *err)
{
    const struct {
        uv_signal_t *handle;
        uv_signal_cb fn;
        int number;
    } rows[] = {
        {&signals.term,       on_end,    SIGTERM},
        { &signals.interrupt, on_end,    SIGINT },
        { &signals.hangup,    on_hangup, SIGHUP },
    };
    signals.loop = l;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = uv_signal_init(loop_uv(l), rows[i].handle);
        if (r == 0)
            r = uv_signal_start(rows[i].handle, rows[i].fn, rows[i].number);
        if (r < 0)
            return err_set(err, r, "cannot watch a signal: %s", uv_strerror(r));
    }
    int r = keep_alive(l, err);
    return r < 0 ? r : follow_parent(err);
}

void daemon_unwatch_signals(struct loop *l)
{
    if (signals.loop != l)
        return;
    uv_close((uv_handle_t *)&signals.term, NULL);
    uv_close((uv_handle_t *)&signals.interrupt, NULL);
    uv_close((uv_handle_t *)&signals.hangup, NULL);
    if (signals.alive.loop)
        uv_close((uv_handle_t *)&signals.alive, NULL);
    signals.loop = NULL;
}

/* ── Ready, leaving, last words ────────────────────────────────────────── */

void daemon_ready(void)
{
    sd_notify(0, "READY=1");
    const char *fd_text = getenv("VEDETTE_READY_FD");
    if (!fd_text)
        return;
    int fd = atoi(fd_text);
    if (fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0) {
        ssize_t written = write(fd, "ready\n", 6);
        (void)written; /* a parent that does not listen is not our trouble */
        close(fd);
    }
    unsetenv("VEDETTE_READY_FD");
}

void daemon_leaving(void)
{
    sd_notify(0, "STOPPING=1");
}

void daemon_status(const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sd_notifyf(0, "STATUS=%s\nWATCHDOG=1", text);
}

bool daemon_is_ending(void)
{
    return signals.asked > 0;
}

const char *daemon_software(void)
{
    return "vedette " VEDETTE_VERSION;
}

static void last_words(int r, const struct err *err)
{
    log_error("daemon.failed", "code=%d: %s", r, err->text[0] ? err->text : strerror(-r));
}

int daemon_store_failed(int r, const struct err *err)
{
    last_words(r, err);
    return store_exit_code(r);
}

/* The end of every way out, also of those that argp takes for --help. */
static void tell_unwritten(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    if (errno == EPIPE) /* nobody reads any more, as with `| head`: no trouble worth a sentence */
        return;
    fprintf(stderr, "%s: writing the output failed%s%s\n", program_invocation_short_name, errno ? ": " : "",
            errno ? strerror(errno) : "");
    _exit(1);
}

int daemon_hold_standard(void)
{
    if (atexit(tell_unwritten) != 0)
        return -ENOMEM;
    for (int wanted = STDIN_FILENO; wanted <= STDERR_FILENO; wanted++) {
        if (fcntl(wanted, F_GETFD) >= 0)
            continue;
        /* The lowest free number is taken; for the wrong direction, so that whoever
         * reads or writes here is told as before. */
        if (open("/dev/null", wanted == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return -errno;
    }
    return 0;
}

int daemon_main(int (*run)(int argc, char **argv, struct err *err), int argc, char **argv)
{
    struct err err = { 0 };
    int r = daemon_hold_standard();
    if (r < 0)
        return 1; /* there is nobody to tell */
    r = run(argc, argv, &err);
    if (r >= 0)
        return r;
    last_words(r, &err);
    return r == -EPROTONOSUPPORT ? store_exit_code(r) : 1; /* the setting store is wrong */
}
