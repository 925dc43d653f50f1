/* sitememory.h - what this thread remembers of sites it has looked at.
 *
 * That a site answers HEAD wrongly, or lets it hang, and needs GET (believed for 24 hours, then
 * HEAD is tried again), and whether it was up the last time, which the
 * self-check wants to know. A convenience: forgetting costs one request more.
 *
 * Eight bytes a site, in twice the room. Above the ceiling it grows no more, and who
 * was used longest ago, of a few, makes room.
 *
 * Pure: the time is an argument.
 */
#ifndef WORKER_SITEMEMORY_H
#define WORKER_SITEMEMORY_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sitememory;

int sitememory_new(struct sitememory **ret, size_t ceiling);
void sitememory_free(struct sitememory *m); /* NULL is fine */
DEFINE_SCOPED(sitememory, struct sitememory *, sitememory_free)

/* Sites are known by their URL. */
uint64_t sitememory_key(const char *url);

void sitememory_needs_get(struct sitememory *m, uint64_t key, mono_ns now);
bool sitememory_wants_get(const struct sitememory *m, uint64_t key, mono_ns now);

void sitememory_set_up(struct sitememory *m, uint64_t key, bool up);
bool sitememory_was_up(const struct sitememory *m, uint64_t key); /* false when it is not known */

size_t sitememory_count(const struct sitememory *m);

#endif
