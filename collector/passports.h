/* passports.h - which key a worker's name belongs to, so that no key's holder can
 * bring results in another worker's name.
 *
 * The coordinator knows: workers said hello to it, and its vitals tell once a
 * second. What it said holds. Of a name that it has not told of (a worker that has
 * just come, or no coordinator is there) the first key that uses it has it, until
 * the coordinator says otherwise, it has not been used for PASSPORTS_KEEP_NS, or
 * the key is revoked. Pure.
 */
#ifndef COLLECTOR_PASSPORTS_H
#define COLLECTOR_PASSPORTS_H

#include "common/access.h"

#define PASSPORTS_MAX     65536 /* names; of further ones nothing is kept, and each may be anybody's */
#define PASSPORTS_KEEP_NS (3600 * NS_PER_S)

struct passports;

int passports_new(struct passports **ret);
void passports_free(struct passports *p); /* NULL is fine */
DEFINE_SCOPED(passports, struct passports *, passports_free)

/* Whether a key (its id; 0 the cluster's own) may speak for the worker; if the name
 * is nobody's, it is the key's from now on. */
bool passports_may(struct passports *p, const char *worker, uint64_t key, mono_ns now);
/* The coordinator's word. */
void passports_told(struct passports *p, const char *worker, uint64_t key, mono_ns now);
/* Names of keys that are not let in any more are nobody's. */
void passports_revoke(struct passports *p, const struct access_list *let_in);
size_t passports_count(const struct passports *p);

#endif
