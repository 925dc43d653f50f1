#include "common/daemon.h"

#include "common/store/store.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

extern char **environ;

/* ── Options ───────────────────────────────────────────────────────────── */

enum { MAX_SETS = 64, KEY_SETTINGS = 0x100 };

struct options {
    const char *config_path;
    const char *set[MAX_SETS];
    unsigned n_sets;
};

static const struct argp_option option_rows[] = {
    {"config",                          'c', "FILE", 0, "Read settings from FILE (YAML)", 0 },
    { "set",                           's', "NAME=VALUE", 0, "Set one setting, over file and environment; may be repeated", 0 },
    { "settings", KEY_SETTINGS, 0, 0, "List every setting with its default, and end", 0 },
    { 0                               },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'c': o->config_path = arg; return 0;
    case 's':
        if (o->n_sets == MAX_SETS)
            argp_error(state, "more than %d --set", MAX_SETS);
        o->set[o->n_sets++] = arg;
        return 0;
    case KEY_SETTINGS: config_describe(stdout); exit(0);
    case ARGP_KEY_ARG: argp_error(state, "'%s' is one argument too many", arg); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
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
            err_where(err, r, "--set");
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
    struct options options = { 0 };
    const struct argp argp = { option_rows, on_option, NULL, p->about, NULL, NULL, NULL };

    log_setup(p->name, LOG_INFO);
    argp_program_version = "vedette " VEDETTE_VERSION;
    argp_err_exit_status = 1;
    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return err_set(err, -EINVAL, "wrong usage");

    int r = read_config(&options, ret, err);
    if (r < 0)
        return r;
    log_setup(p->name, ret->log.level);
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
    return follow_parent(err);
}

void daemon_unwatch_signals(struct loop *l)
{
    if (signals.loop != l)
        return;
    uv_close((uv_handle_t *)&signals.term, NULL);
    uv_close((uv_handle_t *)&signals.interrupt, NULL);
    uv_close((uv_handle_t *)&signals.hangup, NULL);
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

int daemon_main(int (*run)(int argc, char **argv, struct err *err), int argc, char **argv)
{
    struct err err = { 0 };
    int r = run(argc, argv, &err);
    if (r >= 0)
        return r;
    last_words(r, &err);
    return 1;
}
