/* supervise.h - child processes that are kept running.
 *
 * Children have ranks. Starting begins with rank 0, and the next rank is started
 * when all of the one before are ready; ending goes the other way: the highest
 * rank is asked first (SIGTERM), waited for, after SUPERVISE_PATIENCE killed,
 * then the next. In between a child that ends is started again, after a wait
 * that grows while it lives shortly.
 *
 * A child is in a session of its own, so that Ctrl-C on the terminal reaches us
 * alone and the order holds. It knows us (VEDETTE_PARENT) and ends when we die,
 * and says that it is ready through VEDETTE_READY_FD, see daemon.h.
 */
#ifndef CLI_SUPERVISE_H
#define CLI_SUPERVISE_H

#include "cli/backoff.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>

#define SUPERVISE_MAX_CHILDREN 80
#define SUPERVISE_MAX_RANKS    3
#define SUPERVISE_MAX_ARGS     160
#define SUPERVISE_PATIENCE     (10 * NS_PER_S)

struct supervisor;

enum child_news { CHILD_STARTED, CHILD_READY, CHILD_ENDED };

/* What is told of a child. */
struct child_told {
    enum child_news news;
    const char *name; /* "worker w1" */
    int pid;
    /* CHILD_ENDED */
    int exit_code, signal; /* signal 0: it ended by itself */
    bool first;            /* it was not ready yet, and never had been */
    bool expected;         /* we asked for it */
    mono_ns again_in;      /* started again after that; MONO_NEVER: not */
    const char *last_line; /* of its standard error, "" for none */
};

struct supervise_hooks {
    void (*told)(void *arg, const struct child_told *t);
    /* a line that a child wrote, without its newline */
    void (*line)(void *arg, const char *name, bool to_stderr, const char *line);
    void (*all_ready)(void *arg); /* once */
    void (*all_ended)(void *arg); /* once, after supervisor_end */
};

/* The hooks are copied, and called from within the loop. */
int supervisor_new(struct supervisor **ret, struct loop *l, const struct supervise_hooks *hooks, void *arg);
/* Children that still run are killed. Turn or free the loop afterwards. NULL is fine. */
void supervisor_free(struct supervisor *s);
DEFINE_SCOPED(supervisor, struct supervisor *, supervisor_free)

/* argv[0] is the program's path; all of it is copied. -ENOSPC, -ENOMEM. */
int supervisor_add(struct supervisor *s, unsigned rank, const char *name, const char *const *argv);

int supervisor_begin(struct supervisor *s, struct err *err);
void supervisor_end(struct supervisor *s);  /* in order; again: nothing */
void supervisor_kill(struct supervisor *s); /* all at once and now; all_ended follows */
/* Names of the children that were never ready yet, with commas between them. */
char *supervisor_waits_for(const struct supervisor *s, char *buf, size_t size);
size_t supervisor_running(const struct supervisor *s);

#endif
