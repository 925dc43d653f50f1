/* links.h - this process's ends of the links, as the settings say: a bus, with
 * keys where a link needs any (bus.h).
 *
 * Who listens, and who lives on the same host, has the cluster's own key
 * (keys.server_file). Others have a token (token.h), which also says where the
 * cluster is: worker.join, operator.join.
 */
#ifndef COMMON_LINKS_H
#define COMMON_LINKS_H

#include "common/bus.h"
#include "common/config.h"

enum links_as {
    LINKS_CLUSTER, /* coordinator, collector: they listen */
    LINKS_WORKER,
    LINKS_OPERATOR, /* who watches the feed */
};

/* Reads the key's file only where a link of this program needs keys. */
int links_new(struct bus **ret, const struct config *c, enum links_as as, struct err *err);

/* What a token says takes the place of what the settings say: endpoint.control and
 * worker.location, or endpoint.feed; and worker.coordinators or operator.feeds, where that is not set.
 * Without a token: nothing. */
int links_join(struct config *c, enum links_as as, struct err *err);

/* -EINVAL with a sentence where an endpoint is for others than this host, and the
 * settings name no keys. */
int links_check(const struct config *c, struct err *err);

#endif
