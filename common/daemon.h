/* daemon.h - what every daemon's main does before and after its own work.
 *
 *     static int run(int argc, char **argv, struct err *err)
 *     {
 *         struct config config;
 *         ...
 *         int r = daemon_begin(&worker_program, argc, argv, &config, err);
 *         if (r == 0) r = loop_new(&loop);
 *         if (r == 0) r = daemon_watch_signals(loop, err);
 *         ...
 *         daemon_ready();
 *         return loop_run(loop);
 *     }
 *     int main(int argc, char **argv) { return daemon_main(run, argc, argv); }
 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include "common/config.h"
#include "common/err.h"
#include "common/loop.h"

#define DAEMON_MAX_OPTIONS 4 /* a program's own */

/* A short way to write one setting: --threads=2 for --set worker.threads=2. */
struct daemon_option {
    const char *name, *arg, *setting, *about; /* "threads", "N", "worker.threads", for --help */
};

struct daemon_program {
    const char *name;  /* "worker": in log lines */
    const char *about; /* for --help: what it does, one paragraph */
    struct daemon_option option[DAEMON_MAX_OPTIONS];
};

/* Options --config, --set, the program's own, --version, --help (argp; it ends the program for
 * the last two and for wrong usage), configuration, log, ceiling of descriptors
 * raised to the hard limit, SIGPIPE ignored. */
int daemon_begin(const struct daemon_program *p, int argc, char **argv, struct config *ret, struct err *err);

/* SIGTERM and SIGINT end the loop with status 0; a second one ends the process
 * at once. SIGHUP is ignored until somebody asks for it. Where the parent of
 * the process dies and VEDETTE_PARENT was set, that counts as SIGTERM. Where the
 * service manager watches (WatchdogSec= of its unit), it hears from this loop for as
 * long as it turns. */
int daemon_watch_signals(struct loop *l, struct err *err);
void daemon_unwatch_signals(struct loop *l);

void daemon_ready(void);   /* tells the service manager and, with VEDETTE_READY_FD, the parent */
void daemon_leaving(void); /* tells the service manager */
/* What the service manager shows of it, one line. */
void daemon_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool daemon_is_ending(void); /* a signal asked for it */

#define VEDETTE_VERSION "0.1.0"
const char *daemon_software(void); /* "vedette 0.1.0" */

/* For a store that failed at the start: says its last words and returns the
 * exit code of store.h, for run to return. */
int daemon_store_failed(int r, const struct err *err);

/* Puts /dev/null where standard input, output or error are closed. Else the next
 * file or socket would get that number, and what is written to standard error
 * with it; libuv refuses such a thing by ending the process. Reading and writing
 * fail as before. What could not be written to standard output by the end of the
 * process is told there, and the exit code is 1. For the first line of a main; -errno. */
int daemon_hold_standard(void);

/* Holds the standard descriptors, calls run and makes an exit code of what it returned: 0 and above as they
 * are; below 0 it says run's last words and it is 1, or the store's where its URL is wrong. */
int daemon_main(int (*run)(int argc, char **argv, struct err *err), int argc, char **argv);

#endif
