/* asjson.h - the nouns as JSON: the members that every command uses for them.
 *
 * NULL when memory is short. Names and ids stand side by side: names for people,
 * ids for what happened to a site before it was renamed.
 */
#ifndef CLI_ASJSON_H
#define CLI_ASJSON_H

#include "common/episode.h"
#include "common/health.h"
#include "common/incident.h"
#include "common/site.h"
#include "common/vitals.h"

#include <jansson.h>

/* state NULL: not looked at yet. */
json_t *asjson_site(const struct site *s, const char *owner, const struct site_state *state);
/* How its locations see a site. */
json_t *asjson_views(const struct site_view *views, size_t n);
json_t *asjson_incident(const struct incident *i, const char *site, const char *url);
json_t *asjson_notice(const struct notice *n, const char *site, const char *owner);
/* With the doubt that is open; NULL for none. */
json_t *asjson_worker(const struct worker_vitals *w, const struct episode *doubt, wall_us now);

/* A new member; NULL values and failures make *o NULL, so that a row of these
 * needs one question at the end. */
void asjson_put(json_t **o, const char *key, json_t *value);
void asjson_text(json_t **o, const char *key, const char *value);
void asjson_number(json_t **o, const char *key, uint64_t value);

#endif
