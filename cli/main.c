/* vedette - the operator's command: a table of commands. */
#include "cli/commands.h"
#include "common/daemon.h"
#include "common/nearest.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *heading;
    const struct command *command[4];
} table[] = {
    {"Look",            { &cmd_check, &cmd_plan }                                },
    { "Run and change", { &cmd_up, &cmd_apply, &cmd_store }                      },
    { "Let in",         { &cmd_keygen, &cmd_token }                              },
    { "See",            { &cmd_status, &cmd_sites, &cmd_incidents, &cmd_workers }},
    { "",               { &cmd_notices, &cmd_explain, &cmd_watch }               },
};

#define ROWS    (sizeof table / sizeof *table)
#define COLUMNS (sizeof table->command / sizeof *table->command)

static const struct command *command_at(size_t i)
{
    return table[i / COLUMNS].command[i % COLUMNS];
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        if (command_at(i) && strcmp(command_at(i)->name, name) == 0)
            return command_at(i);
    return NULL;
}

static void help(FILE *out)
{
    fputs("Usage: vedette COMMAND [OPTION...]\n"
          "Watches web sites and tells their owners when one goes down and when it is back.\n",
          out);
    for (size_t row = 0; row < ROWS; row++) {
        if (table[row].heading[0])
            fprintf(out, "\n%s:\n", table[row].heading);
        for (size_t i = 0; i < COLUMNS && table[row].command[i]; i++)
            fprintf(out, "  %-10s %s\n", table[row].command[i]->name, table[row].command[i]->summary);
    }
    fputs("\nFirst steps:\n"
          "  vedette check https://example.com     look once, now; needs nothing else\n"
          "  vedette up --sites sites.yaml         watch that list from this machine\n"
          "  vedette explain shop                  why is it down, who saw it, who was told\n"
          "\n`vedette COMMAND --help` shows a command's options with examples; `man vedette` has it all.\n",
          out);
}

static int unknown(const char *name)
{
    const char *names[ROWS * COLUMNS];
    size_t n = 0;
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        if (command_at(i))
            names[n++] = command_at(i)->name;

    const char *meant = nearest_word(name, names, n);
    fprintf(stderr, "vedette: there is no command '%s'", name);
    if (meant)
        fprintf(stderr, "; did you mean '%s'?\n", meant);
    else
        fputs("; `vedette --help` lists them\n", stderr);
    return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    if (daemon_hold_standard() < 0)
        return EXIT_TROUBLE; /* there is nobody to tell */
    signal(SIGPIPE, SIG_IGN);
    command_locale();
    log_setup("vedette", LOG_WARN);
    if (argc < 2) {
        help(stderr);
        return EXIT_TROUBLE;
    }

    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return puts(daemon_software()) < 0;
    bool asks_help = strcmp(name, "help") == 0;
    if (asks_help && argc > 2 && find(argv[2])) {
        char *ask[] = { argv[0], (char *)"--help", NULL };
        return command_run(find(argv[2]), 2, ask);
    }
    if (asks_help && argc > 2)
        return unknown(argv[2]);
    if (asks_help || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-?") == 0) {
        help(stdout);
        return EXIT_FINE;
    }

    const struct command *c = find(name);
    return c ? command_run(c, argc - 1, argv + 1) : unknown(name);
}
