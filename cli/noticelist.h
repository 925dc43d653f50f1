/* noticelist.h - notices of a store, copied.
 *
 * The store lends each notice for the length of a callback; here they stay, so
 * that their sites can be looked up afterwards. Payloads are left out.
 */
#ifndef CLI_NOTICELIST_H
#define CLI_NOTICELIST_H

#include "common/store/store.h"

struct noticelist;

int noticelist_read(struct noticelist **ret, struct store *s, const struct notice_filter *f, struct err *err);
void noticelist_free(struct noticelist *l); /* NULL is fine */
DEFINE_SCOPED(noticelist, struct noticelist *, noticelist_free)

size_t noticelist_count(const struct noticelist *l);
const struct notice *noticelist_at(const struct noticelist *l, size_t i); /* borrowed */

#endif
