#include "collector/views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ── Keeping ───────────────────────────────────────────────────────────── */

int views_new(struct views **ret, uint64_t site_id, const char *locations, struct views *old)
{
    unsigned n = location_count(locations);
    struct views *v = calloc(1, sizeof *v + n * sizeof *v->at);
    if (!v)
        return -ENOMEM;
    for (struct view *at = v->at; location_next(&locations, at->seen.location); at++) {
        int was = old ? views_place(old, at->seen.location) : -ENOENT;
        at->seen.state.site_id = site_id;
        at->seen.state.last_worker = "";
        if (was >= 0) {
            *at = old->at[was];
            old->at[was].failed = NULL;
        }
        v->n++;
    }
    *ret = v;
    return 0;
}

void views_free(struct views *v)
{
    if (!v)
        return;
    for (unsigned i = 0; i < v->n; i++)
        free(v->at[i].failed);
    free(v);
}

bool views_are(const struct views *v, const char *locations)
{
    char name[LOCATION_SIZE];
    if (!v)
        return location_count(locations) < 2;
    for (unsigned i = 0; i < v->n; i++)
        if (!location_next(&locations, name) || strcmp(v->at[i].seen.location, name) != 0)
            return false;
    return !location_next(&locations, name);
}

int views_place(const struct views *v, const char *location)
{
    for (unsigned i = 0; i < v->n; i++)
        if (strcmp(v->at[i].seen.location, location) == 0)
            return (int)i;
    return -ENOENT;
}

int view_failed(struct view *v, const struct result *look)
{
    if (!v->failed)
        v->failed = malloc(sizeof *v->failed);
    if (!v->failed)
        return -ENOMEM;
    *v->failed = *look;
    return 0;
}

void view_well(struct view *v)
{
    free(v->failed);
    v->failed = NULL;
}

/* ── Deciding ──────────────────────────────────────────────────────────── */

static bool is_alive(const struct site_state *s, const struct views_rule *rule)
{
    if (s->health == HEALTH_UNKNOWN)
        return !rule->waited && s->last_cause != CAUSE_MISSED && s->since_us > rule->unknown_us;
    return !rule->waited || s->last_slot_us >= rule->slot;
}

struct views_answer views_say(const struct views *v, const struct views_rule *rule)
{
    struct views_answer a = { .word = VIEWS_NOTHING };
    unsigned suspicious = 0, up = 0, silent = 0;
    for (unsigned i = 0; i < v->n; i++) {
        const struct site_state *s = &v->at[i].seen.state;
        bool late = s->last_slot_us < rule->slot;
        if (!is_alive(s, rule))
            continue;
        a.alive++;
        up += s->health == HEALTH_UP;
        silent += s->health == HEALTH_UNKNOWN;
        a.down += s->health == HEALTH_DOWN && !late;
        suspicious += s->health == HEALTH_SUSPECTED || (s->health == HEALTH_DOWN && late);
        a.open += s->health == HEALTH_SUSPECTED || s->health == HEALTH_UNKNOWN || late;
    }
    a.need = rule->from < a.alive ? rule->from : a.alive;
    if (a.alive == silent)
        a.word = VIEWS_UNKNOWN;
    else if (a.down >= a.need)
        a.word = VIEWS_DOWN;
    else if (a.down + suspicious >= a.need)
        a.word = VIEWS_SUSPECTED;
    else if (up > 0)
        a.word = VIEWS_UP;
    return a;
}
