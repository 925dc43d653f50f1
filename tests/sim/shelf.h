/* shelf.h - the store of a simulated world: what store.h promises, in memory, and what a database can do
 * wrong.
 *
 * It is a model of the contract in common/store/store.h and not of any database: a transaction is there or is
 * not; who has a claim, and how a successor ends a silent holder, is as on a server (heir.h decides) or as
 * with a file. Every write is shown to the ledger (ledger.h), which keeps the promises.
 */
#ifndef SIM_SHELF_H
#define SIM_SHELF_H

#include "common/store/store.h"
#include "tests/sim/world.h"

enum shelf_trouble {
    SHELF_WELL,
    SHELF_AWAY,   /* answers nothing: -EIO, after a while */
    SHELF_LOCKED, /* somebody else has it: -EBUSY */
    SHELF_FULL,   /* takes nothing: -ENOSPC */
};

void shelf_begin(bool server);
void shelf_end(void);
void shelf_set_trouble(enum shelf_trouble t);
void shelf_set_slow(mono_ns each);       /* each write takes that much longer; 0: none */
void shelf_set_unsure(unsigned percent); /* of commits that are done, and said to have failed */
void shelf_set_unreachable(const struct host *h, bool yes); /* its processes cannot ask it */

/* Sites and owners: as `vedette apply` does it. */
uint64_t shelf_add_owner(const char *name, const char *channel);
uint64_t shelf_add_site(const struct site *s);
void shelf_edit_site(uint64_t id, const struct site *as);
void shelf_reserve_sites(size_t n);

/* For the ledger's last look. */
struct shelf_line {
    struct shelf_line *next_of_site;
    uint64_t site_id, job_id;
    wall_us slot_us, at_us;
    uint32_t took_us;
    uint16_t look;
    uint8_t place, verdict, cause, suspect;
    uint16_t status;
    bool inside; /* a later slot of a span */
    uint32_t span;
    uint16_t worker; /* a number for its name */
};
const struct shelf_line *shelf_find_line(uint64_t site_id, wall_us slot_us, uint16_t look, unsigned place);
const struct shelf_line *shelf_lines_of(uint64_t site_id); /* newest recorded first */
const struct site_state *shelf_state(uint64_t site_id);
const struct incident *shelf_incident(size_t i); /* NULL: no more */
const struct notice *shelf_notice(size_t i);
const struct vitals *shelf_vitals(void);
uint64_t shelf_claim_epoch(enum store_role role);
size_t shelf_lines(void);
unsigned shelf_place(const char *location); /* a number for its name */
const char *shelf_place_name(unsigned place);

#endif
