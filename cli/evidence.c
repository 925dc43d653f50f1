#include "cli/evidence.h"

#include "cli/print.h"

#include <string.h>

#define MAX_WORKERS 16

struct votes evidence_count(const struct result *looks, size_t n)
{
    struct votes v = { 0 };
    const char *seen[MAX_WORKERS];
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &looks[i];
        if (r->run.look == 0)
            v.first = r;
        else if (r->verdict == VERDICT_UNKNOWN || r->suspect)
            v.unknown++;
        else if (r->verdict == VERDICT_DOWN)
            v.down++;
        else
            v.up++;
        if (r->verdict != VERDICT_DOWN || r->suspect)
            continue;
        unsigned k = 0;
        while (k < v.workers && strcmp(seen[k], r->worker) != 0)
            k++;
        if (k == v.workers && k < MAX_WORKERS)
            seen[v.workers++] = r->worker;
    }
    return v;
}

void evidence_tell_incident(struct text *t, const struct result *looks, size_t n, unsigned looks_wanted,
                            bool over)
{
    const char *is = over ? "was" : "is";
    struct votes v = evidence_count(looks, n);
    text_add(t, v.first ? "A scheduled look failed" : "A look failed");
    if (v.down + v.up + v.unknown == 0) {
        text_addf(t,
                  looks_wanted == 0 ? ", and this site believes the first failure: it %s down."
                                    : ": it %s down. No confirming look is on record.",
                  is);
        return;
    }
    text_addf(t, ", and %u of %u confirming %s failed too", v.down, v.down + v.up + v.unknown,
              print_plural(v.down + v.up + v.unknown, "look", "looks"));
    if (v.unknown)
        text_addf(t, " (%u said nothing and %s not counted)", v.unknown,
                  print_plural(v.unknown, "is", "are"));
    text_addf(t, "; %u %s it: the site %s down.", v.workers,
              print_plural(v.workers, "worker saw", "workers saw"), is);
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
