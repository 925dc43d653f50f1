/* command.h - what a command of `vedette` is, and what all commands share.
 *
 * A command is one file, cmd_<name>.c, that exports one constant, and one row
 * of the table in main.c. Options are argp's; those that all commands have
 * (--config, --set, --store, --json) are added here.
 *
 * A command speaks for itself: what it has to say goes to standard output, what
 * went wrong to standard error as "vedette check: sentence". It returns its
 * exit code.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "common/config.h"
#include "common/err.h"
#include "common/store/store.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define COMMAND_MAX_SETS 64 /* --set on one command line */

/* Exit codes besides a store's own (store.h). */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_TROUBLE = 1, /* wrong usage, or trouble of our own */
    EXIT_DOWN = 2,    /* check: a site is down */
    EXIT_UNKNOWN = 3, /* check: none is down, but of some we do not know */
};

struct command;

/* One call of a command. The first member of every command's own options. */
struct call {
    const struct command *command;
    struct config config; /* read, and checked */
    bool json;
    char **args; /* what is no option; borrowed from argv */
    size_t n_args;

    const char *config_path; /* NULL: none was named */
    const char *sets[COMMAND_MAX_SETS];
    size_t n_sets;
    char store_set[sizeof "store=" + sizeof((struct config *)0)->store];
};

struct command {
    const char *name;                  /* "check" */
    const char *args;                  /* after the options: "URL... | -f FILE" */
    const char *summary;               /* one line, for the list of commands */
    const char *teaches;               /* for --help: what it does; after a \v: examples and remarks */
    const struct argp_option *options; /* its own; NULL for none */
    argp_parser_t parse;               /* its own options; state->input is its own struct */
    size_t size;                       /* of its own struct, whose first member is a struct call */
    unsigned min_args, max_args;
    int (*run)(struct call *call); /* its exit code */
};

/* Reads options, settings and arguments and runs it. Wrong usage ends the program. */
int command_run(const struct command *c, int argc, char **argv);

/* "vedette check: sentence", and the exit code that belongs to it. */
int command_fail(const struct call *call, const struct err *err);
int command_fail_store(const struct call *call, int r, const struct err *err);
void command_say(const struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The store of this call: 0, or the exit code after having said why not. */
int command_open_store(const struct call *call, enum store_mode mode, struct store **ret);

/* What was printed goes out now; false: it could not, which command_run tells at
 * the end. For commands that print as things happen. */
bool command_flush(void);

/* A whole number within bounds, or the program ends with the option named. */
unsigned long command_number(struct argp_state *state, const char *option, const char *text,
                             unsigned long min, unsigned long max);
/* A word that is none of those an option takes: the program ends with all of them
 * named, and the one that was probably meant. */
void command_no_such(struct argp_state *state, const char *option, const char *word, const char *const *words,
                     size_t n);
/* A duration in microseconds, likewise. */
int64_t command_duration(struct argp_state *state, const char *option, const char *text);

/* The terminal's locale, so that names in other scripts have their right width.
 * Numbers stay as they are everywhere. */
void command_locale(void);

#endif
