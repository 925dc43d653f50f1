/* shelf_inside.h - what shelf.c and shelf_claim.c share. */
#ifndef SIM_SHELF_INSIDE_H
#define SIM_SHELF_INSIDE_H

#include "tests/sim/shelf.h"

struct store { /* a handle */
    struct proc *proc;
    uint64_t session; /* a new number when it was ended by a successor, and connected anew */
    bool claims[STORE_ROLE_COUNT];
    uint64_t claim_epoch[STORE_ROLE_COUNT]; /* 0 none */
    uint64_t joined_epoch[STORE_ROLE_COUNT];
    mono_ns free_since[STORE_ROLE_COUNT];
    uint64_t ended_epoch[STORE_ROLE_COUNT];
    int64_t lease_us;
    struct store *prev, *next;
};

extern struct store *shelf_handles;
extern bool shelf_is_server;
int shelf_call(struct store *s, bool writes,
               struct err *err);                       /* 0: it may go on; what every call begins with */
int shelf_may_write(struct store *s, struct err *err); /* its claim is still its own, or -ESTALE */
void shelf_claims_begin(void);
void shelf_claims_let_go(struct store *s);

#endif
