#include "coordinator/debts.h"

#include "coordinator/slots.h"

#include <string.h>

/* Nobody owes for longer than that without having told, but for those who were never there. */
#define HOLES_US (15 * 60 * US_PER_S)

static int64_t every_us(uint32_t every_ms)
{
    return (int64_t)every_ms * US_PER_MS;
}

static wall_us holes_from(const struct parts *p)
{
    wall_us earliest = p->grid.at - HOLES_US;
    return p->owed_from > earliest ? p->owed_from : earliest;
}

static uint32_t places_of(struct parts *p, uint64_t site_id)
{
    const struct watched *site = catalog_find(p->catalog, site_id);
    return site ? parts_places(p, site->manner->locations) : 1;
}

/* With several locations the newest slot is one that any of them has looked at, and the
 * others may lack. */
int debts_owe(struct parts *p, const struct watched *site)
{
    uint32_t places = parts_places(p, site->manner->locations);
    unsigned n = parts_count(places);
    wall_us since = site->last_slot - (n > 1 ? every_us(site->every_ms) : 0), first;
    if (p->owed_from && since >= holes_from(p))
        since = holes_from(p) - 1;
    if (since < site->changed_us)
        since = site->changed_us;
    uint32_t count = schedule_overdue(site->id, site->every_ms, since, p->grid.at, &first);
    p->scheduled += (uint64_t)count * n;
    return count ? arrears_add(p->arrears, site->id, site->every_ms, first, count) : 0;
}

/* Of a site with several locations other lines may be missing: its slots are asked for one by one. */
static int on_line_of_any(void *arg, const struct result *x)
{
    struct parts *p = arg;
    const struct watched *site = x->run.look == 0 ? catalog_find(p->catalog, x->run.site_id) : NULL;
    if (!site || strchr(site->manner->locations, ','))
        return 0;
    for (uint32_t k = 0; k < (x->span ? x->span : 1); k++)
        if (arrears_recorded(p->arrears, 0, site->id, x->run.slot_us + k * every_us(site->every_ms)))
            p->scheduled--; /* by our predecessor, which counted it */
    return 0;
}

int debts_strike(struct parts *p, struct store *store, struct err *err)
{
    if (!p->owed_from || arrears_slots(p->arrears) == 0)
        return 0;
    return store_each_result(store, 0, holes_from(p), p->grid.at + 1, SIZE_MAX, on_line_of_any, p, err);
}

/* ── What the store knows ──────────────────────────────────────────────── */

struct struck {
    const struct parts *parts;
    uint32_t at[DEBTS_AT_ONCE]; /* of the first so many slots in arrears: the locations that looked */
    uint32_t any;               /* counts for every location: where the site has but one */
    uint32_t asked;             /* the slot that the question is about */
};

static int on_recorded_slot(void *arg, const struct result *x)
{
    struct struck *s = arg;
    int location = parts_named(s->parts, x->run.location);
    uint32_t bits = s->any | (location >= 0 ? UINT32_C(1) << location : 0);
    for (uint32_t k = 0; x->run.look == 0 && k < x->span && s->asked + k < DEBTS_AT_ONCE; k++)
        s->at[s->asked + k] |= bits;
    return 0;
}

/* The state of a site does not show every result that is in the store. Without
 * an answer we report what we believe: the ledger keeps the lines it has. Slots
 * are asked for one by one: the stretch of time between two of them holds the
 * lines of all other sites. */
static void ask_store(struct parts *p, struct store *store, struct struck *s, const struct arrears_due *due,
                      uint32_t places)
{
    wall_us slot = due->first;
    *s = (struct struck){ .parts = p, .any = parts_count(places) > 1 ? 0 : places };
    for (; s->asked < due->count && s->asked < DEBTS_AT_ONCE; s->asked++) {
        (void)store_each_result(store, due->site_id, slot, slot + 1, DEBTS_AT_ONCE, on_recorded_slot, s,
                                NULL);
        slot += every_us(due->every_ms);
    }
}

/* ── What becomes of them ──────────────────────────────────────────────── */

static void report_at(struct parts *p, const struct struck *s, const struct arrears_due *due,
                      unsigned location)
{
    int64_t every = every_us(due->every_ms);
    uint32_t from = 0, i = 0;
    for (; i < due->count && i < DEBTS_AT_ONCE; i++) {
        if (!(s->at[i] >> location & 1))
            continue;
        slots_missed(p, due->site_id, due->every_ms, due->first + from * every, i - from, location);
        p->concluded++;
        from = i + 1;
    }
    slots_missed(p, due->site_id, due->every_ms, due->first + from * every, due->count - from, location);
}

void debts_report(struct parts *p, struct store *store, const struct arrears_due *due)
{
    struct struck s;
    uint32_t places = places_of(p, due->site_id);
    ask_store(p, store, &s, due, places);
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS; i++)
        if (places >> i & 1)
            report_at(p, &s, due, i);
}

void debts_look(struct parts *p, struct store *store, const struct arrears_due *due)
{
    struct struck s;
    uint32_t places = places_of(p, due->site_id);
    ask_store(p, store, &s, due, places);
    /* Looked at again also where it was: the ledger keeps the line it has. */
    if ((s.at[0] & places) != places && schedule_recall(p->schedule, due->site_id, due->first)) {
        p->scheduled -= parts_count(places); /* are counted when it is taken from there */
        return;
    }
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS; i++)
        if (places >> i & 1)
            report_at(p, &s, due, i);
}
