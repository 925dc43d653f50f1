/* debts.h - slots from before this coordinator was there: what they become, when
 * arrears.h says that it is time. The store knows which of them were looked at.
 *
 * A site with several locations has a run for each of them at a slot, and some of them may
 * be recorded and others not: of those the slot is asked about, whatever was recorded.
 */
#ifndef COORDINATOR_DEBTS_H
#define COORDINATOR_DEBTS_H

#include "coordinator/parts.h"

#define DEBTS_AT_ONCE 256 /* slots of one site that the store is asked about at a time */

/* The slots since the site was last looked at, or since it is watched this way; and earlier ones, where our
 * predecessor did not say that they are in the ledger: it may have looked at the site and have been gone
 * before it told what had been missed before its own time. -ENOMEM. */
int debts_owe(struct parts *p, const struct watched *site);
/* Of those, the ones that are in the ledger, once for all sites: the others would be asked for one by one. */
int debts_strike(struct parts *p, struct store *store, struct err *err);

/* One slot may be looked at after all ... */
void debts_look(struct parts *p, struct store *store, const struct arrears_due *due);
/* ... or it is too late, and those that nobody looked at are reported. */
void debts_report(struct parts *p, struct store *store, const struct arrears_due *due);

#endif
