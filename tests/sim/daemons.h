/* daemons.h - the processes of a simulated world: the real daemons, each as its main.c has it, and who starts
 * them again when they have ended. */
#ifndef SIM_DAEMONS_H
#define SIM_DAEMONS_H

#include "common/config.h"
#include "tests/sim/world.h"

struct post { /* a place where a process should run: as a service manager's unit */
    char name[24];
    enum part part;
    struct host *host;
    struct config *config;
    struct proc *proc; /* the present one; NULL before the first */
    struct happening again;
    unsigned lives;
    bool held; /* is not to be started now */
};

extern struct post *posts;
extern unsigned n_posts;

void daemons_begin(void);                  /* by the scene */
void daemons_stop(void);                   /* nobody is started any more */
void daemons_end(void);                    /* after the world's end */
void post_hold(struct post *p, bool held); /* not started again while it is held */

#endif
