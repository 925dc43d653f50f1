/* nameservers.h - whom to ask for names: as configured, or as the system says.
 *
 * c-ares 1.18 reads /etc/resolv.conf once and has no way to be told of a change;
 * so its date is looked at from time to time.
 */
#ifndef WORKER_NAMESERVERS_H
#define WORKER_NAMESERVERS_H

#include "worker/address.h"

#include <time.h>

#define NAMESERVERS_MAX 4

/* From the setting worker.resolver, comma-separated: "192.0.2.1",
 * "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353"; from
 * /etc/resolv.conf where that is "". How many, with their ports; -EINVAL with a
 * sentence, -EIO. Needs c-ares' library to be set up. */
int nameservers_list(const char *configured, struct address ret[NAMESERVERS_MAX], struct err *err);

struct nameservers_watch { /* private; begin with all zero */
    bool looked;
    struct timespec seen;
    mono_ns look_again;
};

/* Whether /etc/resolv.conf has changed since it was last asked; looks at most
 * every ten seconds. The first time never. */
bool nameservers_changed(struct nameservers_watch *w, mono_ns now);

#endif
