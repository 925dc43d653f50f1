/* scene.h - what one run plays: how many of everything, which sites are down when, and what goes wrong.
 *
 * All of it is drawn from the seed before the run begins, so that a run can be told beforehand and a failing
 * one again.
 */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include "tests/sim/world.h"

#define SCENE_MOST_OUTAGES 4
#define SCENE_MOST_FAULTS  64

struct outage { /* of one site, by the true clock */
    mono_ns from, to;
    unsigned places; /* a bit for each location that sees it */
    bool silent;     /* does not answer, instead of refusing */
};

enum fault_kind {
    FAULT_KILL,    /* a process, which is started again after a while */
    FAULT_STOP,    /* a process, SIGSTOP and SIGCONT */
    FAULT_RESTART, /* a process, in good order */
    FAULT_CUT,     /* two hosts, both ways */
    FAULT_CUT_ONE_WAY,
    FAULT_BREAK, /* all connections between two hosts */
    FAULT_LAG,   /* between two hosts */
    FAULT_STORE_AWAY,
    FAULT_STORE_LOCKED,
    FAULT_STORE_FULL,
    FAULT_STORE_SLOW,
    FAULT_STORE_UNSURE,
    FAULT_STORE_CUT, /* one host cannot reach it */
    FAULT_CLOCK,     /* a host's wall clock is stepped */
    FAULT_LIAR,      /* a worker sees everything down */
    FAULT_MAIL,      /* the receiver of notices is away */
    FAULT_KIND_COUNT,
};
const char *fault_name(enum fault_kind k);

struct fault {
    enum fault_kind kind;
    mono_ns from, to;
    unsigned who, other; /* places among the scene's processes or hosts */
    int64_t amount;      /* ns, us or percent */
    struct happening begins, ends;
};

struct scene {
    uint64_t seed;
    unsigned n_sites, n_places, n_workers; /* workers: of all locations */
    uint32_t threads;
    bool server;  /* the store is a server: others stand by */
    bool standby; /* a second coordinator and a second collector */
    uint32_t every_ms, timeout_ms, within_ms;
    uint32_t looks;
    mono_ns faults_from, faults_to;               /* after that nothing goes wrong any more ... */
    mono_ns healed;                               /* ... from here on all is well ... */
    mono_ns end;                                  /* ... until here */
    struct outage (*outages)[SCENE_MOST_OUTAGES]; /* of each site */
    struct fault faults[SCENE_MOST_FAULTS];
    unsigned n_faults;
};
extern struct scene scene;

struct scene_wish { /* zeros: as the seed has it */
    unsigned sites, workers, places, threads;
    uint32_t every_ms;
    mono_ns faults_for, calm_for;
    bool no_faults;
};
void scene_draw(uint64_t seed, const struct scene_wish *wish);
void scene_free(void);
void scene_tell(void); /* on standard output */

bool scene_is_down(uint64_t site_id, unsigned place, mono_ns at, bool *ret_silent);
/* Whether anything went wrong in that time, or not long before: `after` is how long a fault has consequences.
 */
bool scene_disturbed(mono_ns from, mono_ns to, mono_ns after);
bool scene_disturbed_but_lies(mono_ns from, mono_ns to); /* by anything else than a worker that lies */
int64_t scene_clock_doubt_us(void);                      /* by which wall clocks are wrong at most */

/* faults.c */
void faults_begin(void);
bool fault_is_liar(const struct proc *p);
bool fault_mail_is_away(void);

#endif
