/* status_feed.h - `vedette status` on a host that has no store: what the collector's
 * feed tells every second, by the key that the settings name.
 *
 * It is less than the store knows: no single incidents, no counts of what is over. */
#ifndef CLI_STATUS_FEED_H
#define CLI_STATUS_FEED_H

#include "cli/command.h"

/* Waits for a pulse, for some seconds, and prints it, for people or as JSON with the
 * names that the store's status has. The exit code; 1 when nothing answers. */
int status_feed(struct call *call);

#endif
