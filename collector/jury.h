/* jury.h - whose failures are only their own: each worker compared with the others
 * on the same sites.
 *
 * A round is several workers' looks at one site within seconds. A worker that saw
 * the site fail while another one saw it up is contradicted; one whose failure
 * another worker shares is not. A worker stands out, and is doubted, when within
 * five minutes
 *
 *   - it was contradicted five times, at five different sites,
 *   - by at least one in twenty of its looks, and twice as often as others shared what
 *     it saw fail,
 *   - and five times as often, by its looks, as all the other workers together that
 *     are not doubted (who have made twenty looks themselves).
 *
 * Doubt lasts a minute beyond the newest evidence; where it comes back soon, twice as
 * long as before, up to sixteen times, because a worker that rests shows nothing. A
 * site that is only shaky contradicts everybody alike, and a worker that is alone is
 * doubted by nobody. One that doubts itself has said why its looks failed: they are
 * no evidence, and its own word says when it can be counted on again.
 *
 * Pure: times are arguments.
 */
#ifndef COLLECTOR_JURY_H
#define COLLECTOR_JURY_H

#include "common/control.h"
#include "common/result.h"
#include "common/scope.h"

#define JURY_MAX_WORKERS 4096 /* more are neither counted nor doubted */

struct jury;

int jury_new(struct jury **ret); /* -ENOMEM */
void jury_free(struct jury *j);  /* NULL is fine */
DEFINE_SCOPED(jury, struct jury *, jury_free)

/* A scheduled look that ended up or down. */
void jury_look(struct jury *j, const struct result *look, mono_ns now);

/* A round is over: all of its looks, with what they were worth. */
void jury_round(struct jury *j, const struct result *looks, size_t n, mono_ns now);

/* It doubts itself: what it saw until now (by the looks' own time) is excused. */
void jury_excuse(struct jury *j, const char *worker, wall_us now);

bool jury_doubts(struct jury *j, const char *worker, mono_ns now);

/* Those who are doubted, and why; strings are borrowed for the call. */
typedef void jury_fn(void *arg, const char *worker, const char *reason);
void jury_each(const struct jury *j, mono_ns now, jury_fn *fn, void *arg);

#endif
