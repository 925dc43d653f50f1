/* doors.h - where a daemon listens, in a text that others read in the store: lanes and endpoints,
 * "results=tcp://192.0.2.7:7712 feed=tcp://192.0.2.7:7713". Pure.
 */
#ifndef COMMON_DOORS_H
#define COMMON_DOORS_H

#include "common/control.h"

#include <stdbool.h>

/* What others call an endpoint that we listen at: where that is on all addresses, it is at the host
 * `advertise`. False when they cannot find it: there is no such host, or its port is any. */
bool doors_outside(const char *endpoint, const char *advertise, char ret[ENDPOINT_SIZE]);

/* Adds it to the text in `doors`, which has `size` bytes; nothing when others cannot find it. */
void doors_add(char *doors, size_t size, const char *lane, const char *endpoint, const char *advertise);

/* False when there is none of that lane, or it is longer than an endpoint may be: *ret is left alone. */
bool doors_find(const char *doors, const char *lane, char ret[ENDPOINT_SIZE]);

/* The same for whoever knows a place of that lane from its settings: where these mean the same place, it is
 * as they call it, since a host may be unable to reach itself by its name outside. */
bool doors_find_from(const char *doors, const char *lane, const char *endpoint, const char *advertise,
                     char ret[ENDPOINT_SIZE]);

#endif
