/* program.h - where our other programs are, and what a child of ours is told. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "common/err.h"

#include <stddef.h>

/* The path of one of our programs: beside this one, in ../lib/vedette, or in PATH. -ENOENT. */
int program_find(const char *name, char *buf, size_t size, struct err *err);

/* Our environment with VEDETTE_PARENT and VEDETTE_READY_FD (daemon.h) added; ends
 * with NULL. NULL when memory is short. */
char **program_environment(int ready_fd);
void program_environment_free(char **env); /* NULL is fine */

#endif
