/* commands.h - one constant for each cmd_<name>.c; the table is in main.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_apply;
extern const struct command cmd_check;
extern const struct command cmd_explain;
extern const struct command cmd_incidents;
extern const struct command cmd_keygen;
extern const struct command cmd_notices;
extern const struct command cmd_plan;
extern const struct command cmd_sites;
extern const struct command cmd_status;
extern const struct command cmd_store;
extern const struct command cmd_token;
extern const struct command cmd_up;
extern const struct command cmd_watch;
extern const struct command cmd_workers;

#endif
