#include "collector/incidents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct open_incident {
    struct incident incident;
    uint32_t reminders; /* number of the newest one */
    UT_hash_handle hh;
};

struct incidents {
    struct open_incident *by_id;
    struct shard shard;
    uint64_t newest_incident, newest_notice;
};

int incidents_new(struct incidents **ret, struct shard shard, uint64_t newest_incident,
                  uint64_t newest_notice)
{
    struct incidents *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->shard = shard;
    s->newest_incident = newest_incident;
    s->newest_notice = newest_notice;
    *ret = s;
    return 0;
}

static void forget(struct incidents *s, struct open_incident *o)
{
    HASH_DEL(s->by_id, o);
    free(o);
}

void incidents_free(struct incidents *s)
{
    if (!s)
        return;
    struct open_incident *o, *next;
    HASH_ITER (hh, s->by_id, o, next)
        forget(s, o);
    free(s);
}

static struct open_incident *find(const struct incidents *s, uint64_t id)
{
    struct open_incident *o = NULL;
    HASH_FIND(hh, s->by_id, &id, sizeof id, o);
    return o;
}

int incidents_load(struct incidents *s, const struct incident *i)
{
    if (find(s, i->id))
        return 0;
    struct open_incident *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    o->incident = *i;
    HASH_ADD(hh, s->by_id, incident.id, sizeof o->incident.id, o);
    return 0;
}

void incidents_set_reminders(struct incidents *s, uint64_t id, uint32_t reminders)
{
    struct open_incident *o = find(s, id);
    if (o)
        o->reminders = reminders;
}

const struct incident *incidents_find(const struct incidents *s, uint64_t id)
{
    const struct open_incident *o = find(s, id);
    return o ? &o->incident : NULL;
}

size_t incidents_open_count(const struct incidents *s)
{
    return HASH_COUNT(s->by_id);
}

/* ── What is made of a change ──────────────────────────────────────────── */

uint64_t incidents_next_notice(struct incidents *s)
{
    return s->newest_notice = shard_next_id(s->shard, s->newest_notice);
}

static void tell(struct incidents *s, struct batch *b, const struct notice_facts *f)
{
    for (unsigned i = 0; f->owner && i < f->owner->n_channels; i++)
        batch_notice(b, notice_make(incidents_next_notice(s), f, f->owner->channel[i]));
}

static void publish(struct batch *b, const struct watched *w, const struct incident *i,
                    const struct result *look, enum health from, wall_us now)
{
    struct event e = {
        .kind = EVENT_INCIDENT,
        .at_us = now,
        .site_id = w->site.id,
        .site = w->site.name,
        .url = w->site.url,
        .health_from = from,
        .health_to = w->state.health,
        .incident_id = i->id,
        .began_us = i->began_us,
        .ended_us = i->ended_us,
        .end = i->end,
        .channel = "",
        .text = "",
    };
    if (look)
        e.result = *look;
    batch_news(b, &e);
}

void incidents_open(struct incidents *s, struct batch *b, struct watched *w, const struct owner *owner,
                    const struct result *looks, size_t n_looks, wall_us now)
{
    struct incident i = {
        .id = s->newest_incident = shard_next_id(s->shard, s->newest_incident),
        .site_id = w->site.id,
        .began_us = looks[0].at_us,
        .confirmed_us = now,
        .end = INCIDENT_OPEN,
        .cause = looks[0].cause,
        .status = looks[0].status,
    };
    memcpy(i.detail, looks[0].detail, sizeof i.detail);
    if (incidents_load(s, &i) < 0)
        b->failed = -ENOMEM;
    w->state.incident_id = i.id;
    batch_state(b, w);
    batch_incident(b, &i);
    batch_evidence(b, i.id, looks, n_looks);
    publish(b, w, &i, &looks[n_looks - 1], HEALTH_SUSPECTED, now);

    struct notice_facts facts = {
        .kind = NOTICE_DOWN,
        .incident = &i,
        .site = &w->site,
        .owner = owner,
        .looks = looks,
        .n_looks = n_looks,
        .reason = "",
        .now = now,
    };
    tell(s, b, &facts);
}

void incidents_end(struct incidents *s, struct batch *b, struct watched *w, const struct owner *owner,
                   enum incident_end end, const struct result *look, const char *reason, wall_us now)
{
    struct open_incident *o = find(s, w->state.incident_id);
    w->state.incident_id = 0;
    batch_state(b, w);
    if (!o)
        return;
    struct incident i = o->incident;
    forget(s, o);
    i.end = end;
    /* A look may carry an older time than the outage's begin when the clocks of
     * two workers differ; an outage does not end before it began. */
    i.ended_us = look ? look->at_us : now;
    if (i.ended_us < i.began_us)
        i.ended_us = i.began_us;
    batch_incident(b, &i);
    if (look)
        batch_evidence(b, i.id, look, 1);
    publish(b, w, &i, look, HEALTH_DOWN, now);

    struct notice_facts facts = {
        .kind = end == INCIDENT_RECOVERED ? NOTICE_BACK : NOTICE_WITHDRAWN,
        .incident = &i,
        .site = &w->site,
        .owner = owner,
        .looks = look,
        .n_looks = look ? 1 : 0,
        .reason = reason,
        .now = now,
    };
    tell(s, b, &facts);
}

/* ── Reminders ─────────────────────────────────────────────────────────── */

void incidents_remind(struct incidents *s, struct batch *b, struct sites *sites, wall_us now)
{
    struct open_incident *o, *next;
    HASH_ITER (hh, s->by_id, o, next) {
        const struct watched *w = sites_find(sites, o->incident.site_id);
        const struct owner *owner = w ? sites_owner(sites, w->site.owner_id) : NULL;
        if (!owner || owner->remind_s == 0 || now < o->incident.confirmed_us)
            continue;
        int64_t due = (now - o->incident.confirmed_us) / ((int64_t)owner->remind_s * US_PER_S);
        if (due <= (int64_t)o->reminders || due > UINT32_MAX)
            continue;
        o->reminders = (uint32_t)due;
        struct notice_facts facts = {
            .kind = NOTICE_STILL_DOWN,
            .number = o->reminders,
            .incident = &o->incident,
            .site = &w->site,
            .owner = owner,
            .reason = "",
            .now = now,
        };
        tell(s, b, &facts);
    }
}
