/* vedette-loadgen - any number of sites to rehearse with: options, then loadgen.c. */
#include "common/daemon.h"
#include "loadgen/loadgen.h"

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_KEY = 0x100, MAX_ROWS = 40, NAME_SIZE = 24 };

static char option_names[MAX_ROWS][NAME_SIZE]; /* "latency-p99" for latency_p99 */
static struct argp_option options[MAX_ROWS + 2];

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct scenario *s = state->input;
    struct scenario_row row;
    struct err err = { 0 };
    if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s' is one argument too many", arg);
    if (key == 'f') {
        if (scenario_load(s, arg, &err) < 0)
            argp_error(state, "%s", err.text);
        return 0;
    }
    if (key < FIRST_KEY || !scenario_row((unsigned)key - FIRST_KEY, &row))
        return ARGP_ERR_UNKNOWN;
    if (scenario_set(s, row.name, arg ? arg : "yes", &err) < 0)
        argp_error(state, "--%s", err.text);
    return 0;
}

static void make_options(void)
{
    struct scenario_row row;
    options[0] = (struct argp_option){
        "file", 'f', "FILE", 0, "Settings from a file: the options' names with _ for -, and `rules`, a list",
        0
    };
    for (unsigned i = 0; i < MAX_ROWS && scenario_row(i, &row); i++) {
        strncpy(option_names[i], row.name, NAME_SIZE - 1);
        for (char *p = option_names[i]; *p; p++)
            *p = *p == '_' ? '-' : *p;
        options[i + 1] =
            (struct argp_option){ option_names[i], FIRST_KEY + (int)i, row.value, 0, row.says, 0 };
    }
}

/* Behind argp's own help: the table of what can go wrong. */
static char *more_help(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC || !text)
        return (char *)text;
    char *all = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&all, &len);
    if (!out)
        return (char *)text;
    fprintf(out, "%s\n", text);
    rule_kinds(out);
    fclose(out);
    return all;
}

int main(int argc, char **argv)
{
    static struct scenario scenario;
    const struct argp argp = {
        options,
        on_option,
        NULL,
        "Plays any number of web sites, with their names and certificates and their troubles, on loopback "
        "addresses, so that a size and its failures can be rehearsed before they are real."
        "\vA rule says who, what, and perhaps when, counted from the first request:\n"
        "  2% answer 503\n"
        "  sites 100-200 hang 20s from 30s until 60s\n"
        "  1% of requests reset\n"
        "Who: all, site N, sites N-M, P% (of sites), P% of requests. What:\n",
        NULL,
        more_help,
        NULL
    };
    struct err err = { 0 };

    if (daemon_hold_standard() < 0)
        return 1;
    signal(SIGPIPE, SIG_IGN);
    log_setup("loadgen", LOG_INFO);
    argp_program_version = "vedette-loadgen " VEDETTE_VERSION;
    argp_err_exit_status = 1;
    scenario_init(&scenario);
    make_options();
    if (argp_parse(&argp, argc, argv, 0, NULL, &scenario) != 0)
        return 1;
    if (loadgen_run(&scenario, &err) == 0)
        return 0;
    fprintf(stderr, "vedette-loadgen: %s\n", err.text);
    return 1;
}
