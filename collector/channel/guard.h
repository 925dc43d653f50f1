/* guard.h - ends programs of the channel exec: whose collector has died.
 *
 * A collector that is killed cannot end what it has started, and libuv has no
 * place for prctl(2) PR_SET_PDEATHSIG between fork and exec. So a small process
 * of ours waits at the other end of a pipe: it is told the process groups that
 * run, and when the pipe ends, because we did, it kills those that are left. It
 * is started with the first program and holds nothing of ours but the pipe.
 */
#ifndef COLLECTOR_CHANNEL_GUARD_H
#define COLLECTOR_CHANNEL_GUARD_H

#include <sys/types.h>

#define GUARD_MAX_GROUPS 512 /* at a time; more are not guarded */

struct guard {
    int pipe; /* 0 before the first program */
    pid_t pid;
};

/* Before a program is started, so that little time passes until guard_began. */
void guard_ready(struct guard *g);
/* Best effort: without it a program merely may outlive a collector that is killed. */
void guard_began(struct guard *g, pid_t group);
void guard_ended(struct guard *g, pid_t group);
void guard_done(struct guard *g); /* kills what is left, and waits for the guard's own end */

#endif
