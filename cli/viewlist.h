/* viewlist.h - how each location sees the sites that have several.
 *
 * Read from the store at once; what is handed out is borrowed from the list.
 */
#ifndef CLI_VIEWLIST_H
#define CLI_VIEWLIST_H

#include "common/store/store.h"
#include "common/text.h"

struct viewlist;

/* site_id 0: of all sites. A store's failure, or -ENOMEM. */
int viewlist_read(struct viewlist **ret, struct store *s, uint64_t site_id, struct err *err);
void viewlist_free(struct viewlist *l); /* NULL is fine */
DEFINE_SCOPED(viewlist, struct viewlist *, viewlist_free)

/* Those of one site, in the order of their names; NULL and 0 when there are none. */
const struct site_view *viewlist_of(const struct viewlist *l, uint64_t site_id, size_t *ret_n);

/* Who sees it otherwise than the site is taken to be: "not from us", "unknown from ap", or
 * nothing. For people, to go behind the site's health. */
void viewlist_tell(struct text *t, enum health health, const struct site_view *views, size_t n);
/* As a table on standard output. */
void viewlist_print(const struct site_view *views, size_t n, wall_us now);

#endif
