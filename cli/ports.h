/* ports.h - whether the places where the daemons will listen are free.
 *
 * Asked before anything is started, so that a second `vedette up` on one machine
 * is told so in a sentence, and not by a daemon that ends and ends again.
 */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include "common/config.h"

/* Every endpoint of the configuration: -EADDRINUSE, with a sentence that names
 * the setting, for the first that somebody listens on. */
int ports_check(const struct config *c, struct err *err);

/* One endpoint: 0 when it is free or when it cannot be told. */
int ports_check_one(const char *setting, const char *endpoint, struct err *err);

#endif
