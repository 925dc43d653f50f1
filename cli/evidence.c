#include "cli/evidence.h"

#include "cli/print.h"

#include <string.h>

#define MAX_WORKERS 16

static void note_once(const char **seen, unsigned *n, unsigned most, const char *name)
{
    unsigned k = 0;
    while (k < *n && strcmp(seen[k], name) != 0)
        k++;
    if (k == *n && k < most)
        seen[(*n)++] = name;
}

struct votes evidence_count(const struct result *looks, size_t n)
{
    struct votes v = { 0 };
    const char *seen[MAX_WORKERS], *from[SITE_MAX_LOCATIONS];
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &looks[i];
        if (r->run.look == 0)
            v.first = v.first ? v.first : r;
        else if (r->verdict == VERDICT_UNKNOWN || r->suspect)
            v.unknown++;
        else if (r->verdict == VERDICT_DOWN)
            v.down++;
        else
            v.up++;
        if (r->verdict != VERDICT_DOWN || r->suspect)
            continue;
        note_once(seen, &v.workers, MAX_WORKERS, r->worker);
        note_once(from, &v.locations, SITE_MAX_LOCATIONS, r->run.location);
    }
    return v;
}

/* "; from 2 of 2 locations", and why not from as many as it takes. */
static void tell_locations(struct text *t, const struct votes *v, const struct site *s)
{
    unsigned all = location_count(site_locations(s));
    if (all < 2)
        return;
    text_addf(t, " Confirmed from %u of %u locations", v->locations, all);
    if (v->locations < site_needs(s->confirm_from, all))
        text_add(t, "; the others could not look, and all that could agreed");
    text_add(t, ".");
}

void evidence_tell_incident(struct text *t, const struct result *looks, size_t n, const struct site *s,
                            bool over)
{
    const char *is = over ? "was" : "is";
    struct votes v = evidence_count(looks, n);
    text_add(t, v.first ? "A scheduled look failed" : "A look failed");
    if (v.down + v.up + v.unknown == 0) {
        text_addf(t,
                  s->confirm.looks == 0 ? ", and this site believes the first failure: it %s down."
                                        : ": it %s down. No confirming look is on record.",
                  is);
        tell_locations(t, &v, s);
        return;
    }
    text_addf(t, ", and %u of %u confirming %s failed too", v.down, v.down + v.up + v.unknown,
              print_plural(v.down + v.up + v.unknown, "look", "looks"));
    if (v.unknown)
        text_addf(t, " (%u said nothing and %s not counted)", v.unknown,
                  print_plural(v.unknown, "is", "are"));
    text_addf(t, "; %u %s it: the site %s down.", v.workers,
              print_plural(v.workers, "worker saw", "workers saw"), is);
    tell_locations(t, &v, s);
}

void evidence_tell_health(struct text *t, const struct site *s, const struct site_state *state)
{
    if (s->paused) {
        text_add(t, "It is paused: nobody looks at it.");
        return;
    }
    switch (state ? state->health : HEALTH_NEW) {
    case HEALTH_NEW: text_add(t, "It has not been looked at yet."); return;
    case HEALTH_UP: text_add(t, "Its last counted look found it as it should be."); return;
    case HEALTH_SUSPECTED:
        text_addf(
            t,
            "A look failed, and up to %u confirming %s under way; one that finds it up rejects the failure.",
            s->confirm.looks, print_plural(s->confirm.looks, "look is", "looks are"));
        return;
    case HEALTH_UNKNOWN:
        text_addf(t,
                  "The last look said nothing of the site: %s. That is nobody's outage, and nobody is told.",
                  cause_words(state->last_cause));
        return;
    case HEALTH_DOWN: text_add(t, "Its outage is confirmed."); return;
    case HEALTH_COUNT: return;
    }
}
