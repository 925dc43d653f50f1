/* notices.h - making one notice: its facts, its key, and a copy that owns them.
 *
 * The facts are written down as JSON when the notice is made and never change
 * afterwards: every attempt, however late, says the same. That JSON is what a
 * webhook receives and a program reads; message.h makes words of it for people.
 *
 *   { "version": 1, "kind": "down", "number": 0, "key": "...", "thread": "...",
 *     "incident": 12, "owner": "shop-team",
 *     "site": { "id": 7, "name": "shop", "url": "https://...", "tags": "prod" },
 *     "began": "2026-...Z", "confirmed": "2026-...Z", "ended": null, "lasted_ms": 4200,
 *     "end": "open", "reason": "", "cause": "http_5xx", "words": "...", "status": 503, "detail": "...",
 *     "looks": [ { "look": 0, "at": "...", "worker": "w1", "location": "local", "verdict": "down",
 *                  "cause": "http_5xx", "status": 503, "address": "...", "took_ms": 12,
 *                  "detail": "" }, ... ] }
 *
 * "thread" is the key of the notice that this one belongs under: the incident's
 * down notice to the same owner through the same channel.
 */
#ifndef COLLECTOR_NOTICES_H
#define COLLECTOR_NOTICES_H

#include "collector/sites.h"
#include "common/episode.h"
#include "common/incident.h"
#include "common/owner.h"

struct notice_facts {
    enum notice_kind kind;
    uint32_t number;
    const struct incident *incident;
    const struct site_kept *site;
    const struct owner *owner;
    const struct result *looks; /* what the notice rests on; may be none */
    size_t n_looks;
    const char *reason; /* withdrawn: why; "" otherwise */
    wall_us now;
};

/* The idempotency key: the same for every attempt and after every restart,
 * another for every other notice, also of another installation's incident 1. */
void notice_key(char ret[NOTICE_KEY_SIZE], const struct incident *i, enum notice_kind kind, uint32_t number,
                uint64_t owner_id, const char *channel);

/* A pending notice that owns its strings (notice_free). NULL: memory was short. */
struct notice *notice_make(uint64_t id, const struct notice_facts *f, const char *channel);
/* The same about a worker, or a location where nobody is: in doubt while the episode is open, else over. Its
 * facts are in workernote.h. */
struct notice *notice_make_of_worker(uint64_t id, const struct episode *e, const char *channel, wall_us now);
struct notice *notice_copy(const struct notice *n);
void notice_free(struct notice *n); /* only of the two above; NULL is fine */

#endif
