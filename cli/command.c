#include "cli/command.h"

#include "cli/misspelt.h"
#include "common/daemon.h"
#include "common/nearest.h"
#include "common/text.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_STORE = 0x1001, KEY_JSON };

static const struct argp_option shared_options[] = {
    {0,                          0, 0, 0, "Shared by all commands:", -2 },
    { "config",                         'c', "FILE", 0, "Settings, as the daemons read them (vedette.yaml)", -2 },
    { "set", 's', "NAME=VALUE", 0, "One setting, over the file: --set worker.slots=100", -2 },
    { "store",                         KEY_STORE, "URL", 0, "Where sites and history are: sqlite:/path/to/vedette.db", -2 },
    { "json",KEY_JSON, 0, 0, "JSON instead of text, for programs", -2 },
    { 0                        },
};

static void add_set(struct call *call, const char *assignment, struct argp_state *state)
{
    if (call->n_sets == COMMAND_MAX_SETS)
        argp_error(state, "more than %d --set", COMMAND_MAX_SETS);
    call->sets[call->n_sets++] = assignment;
}

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
    struct call *call = state->input;
    int n;
    switch (key) {
    case 'c': call->config_path = arg; return 0;
    case 's':
        if (!strchr(arg, '='))
            argp_error(state, "--set %s: it is written NAME=VALUE", arg);
        add_set(call, arg, state);
        return 0;
    case KEY_STORE:
        n = snprintf(call->store_set, sizeof call->store_set, "store=%s", arg);
        if (n < 0 || (size_t)n >= sizeof call->store_set)
            argp_error(state, "--store: the URL is too long");
        add_set(call, call->store_set, state);
        return 0;
    case KEY_JSON: call->json = true; return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static void take_args(struct call *call, struct argp_state *state)
{
    call->args = state->argv + state->next;
    call->n_args = (size_t)(state->argc - state->next);
    state->next = state->argc;
}

/* Arguments are taken and counted here, the same for all; every other key, and
 * the beginning and end, are the command's own. */
static error_t parse_own(int key, char *arg, struct argp_state *state)
{
    struct call *call = state->input;
    const struct command *c = call->command;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = call;
    if (key == ARGP_KEY_ARGS)
        take_args(call, state);
    if (key == ARGP_KEY_END) {
        if (call->n_args < c->min_args)
            argp_error(state, "%s is missing", c->args);
        if (call->n_args > c->max_args)
            argp_error(state, "'%s' is one too many", call->args[c->max_args]);
    }
    error_t r = c->parse ? c->parse(key, arg, state) : ARGP_ERR_UNKNOWN;
    return key == ARGP_KEY_ARGS || key == ARGP_KEY_INIT ? 0 : r;
}

/* Settings: the file, the environment, then the command line in its order. */
static int read_settings(struct call *call, struct err *err)
{
    int r = config_load(&call->config, call->config_path ? call->config_path : getenv("VEDETTE_CONFIG"),
                        environ, err);
    for (size_t i = 0; r == 0 && i < call->n_sets; i++)
        r = config_set(&call->config, call->sets[i], err);
    if (r == 0)
        r = config_check(&call->config, err);
    return r;
}

/* Why writing failed first: stdio forgets it with the bytes that it drops. */
static int write_errno;

bool command_flush(void)
{
    if (fflush(stdout) == 0)
        return true;
    if (write_errno == 0)
        write_errno = errno;
    return false;
}

/* What could not be written was not said; unless nobody reads any more, as with
 * `| head`, which is no trouble worth a sentence. */
static int written(const struct command *c, int code)
{
    if (command_flush() && !ferror(stdout))
        return code;
    int why = write_errno;
    clearerr(stdout); /* it is told here, or not at all */
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
        return code;
    fprintf(stderr, "vedette %s: writing the output failed%s%s\n", c->name, why ? ": " : "",
            why ? strerror(why) : "");
    return code ? code : EXIT_TROUBLE;
}

int command_run(const struct command *c, int argc, char **argv)
{
    const struct argp shared = { .options = shared_options, .parser = parse_shared };
    const struct argp_child children[] = { { .argp = &shared }, { 0 } };
    const struct argp argp = {
        .options = c->options,
        .parser = parse_own,
        .args_doc = c->args,
        .doc = c->teaches,
        .children = children,
    };
    struct err err = { 0 };
    char name[64];

    struct call *call = calloc(1, c->size);
    if (!call) {
        fprintf(stderr, "vedette: out of memory\n");
        return EXIT_TROUBLE;
    }
    call->command = c;
    config_init(&call->config);
    snprintf(name, sizeof name, "vedette %s", c->name);
    argv[0] = name;
    argp_err_exit_status = EXIT_TROUBLE;
    argp_program_version = daemon_software();

    const struct argp_option *const tables[] = { c->options, shared_options };
    char wrong[64];
    const char *meant = misspelt_option(argc, argv, tables, 2, wrong, sizeof wrong);
    if (meant) {
        command_say(call, "there is no option --%s; did you mean --%s?", wrong, meant);
        free(call);
        return EXIT_TROUBLE;
    }

    int code;
    int r = argp_parse(&argp, argc, argv, 0, NULL, call);
    if (r != 0) {
        command_say(call, "%s", strerror(r));
        code = EXIT_TROUBLE;
    } else if ((r = read_settings(call, &err)) < 0) {
        code = command_fail(call, &err);
        if (r == -EPROTONOSUPPORT) /* the setting store is wrong */
            code = store_exit_code(r);
    } else
        code = c->run(call);
    free(call);

    return written(c, code);
}

void command_say(const struct call *call, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "vedette %s: ", call->command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int command_fail(const struct call *call, const struct err *err)
{
    command_say(call, "%s", err->text[0] ? err->text : strerror(err->code < 0 ? -err->code : ENOMEM));
    return EXIT_TROUBLE;
}

int command_fail_store(const struct call *call, int r, const struct err *err)
{
    command_fail(call, err);
    return store_exit_code(r);
}

int command_open_store(const struct call *call, enum store_mode mode, struct store **ret)
{
    struct err err = { 0 };
    int r = store_open(ret, call->config.store, mode, &err);
    if (r == 0)
        return 0;
    if (r == -ENOENT && mode == STORE_READ)
        err_where(&err, r, "nothing is recorded yet (`vedette apply` or `vedette up` makes a store)");
    return command_fail_store(call, r, &err);
}

unsigned long command_number(struct argp_state *state, const char *option, const char *text,
                             unsigned long min, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
        argp_error(state, "%s: '%s' is not a number from %lu to %lu", option, text, min, max);
    return n;
}

void command_no_such(struct argp_state *state, const char *option, const char *word, const char *const *words,
                     size_t n)
{
    scoped(text) struct text t = TEXT_UP_TO(1024);
    const char *meant = nearest_word(word, words, n);
    text_addf(&t, "%s: there is no '%.60s'", option, word);
    if (meant)
        text_addf(&t, "; did you mean '%s'?", meant);
    text_addf(&t, "%s It is one of", meant ? "" : ".");
    for (size_t i = 0; i < n; i++)
        text_addf(&t, "%s%s", i ? ", " : " ", words[i]);
    argp_error(state, "%s", text_str(&t));
}

int64_t command_duration(struct argp_state *state, const char *option, const char *text)
{
    struct err err = { 0 };
    int64_t us = 0;
    if (duration_parse(text, &us, &err) < 0)
        argp_error(state, "%s: %s", option, err.text);
    return us;
}

void command_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}
