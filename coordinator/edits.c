#include "coordinator/edits.h"

#include "common/log.h"
#include "coordinator/debts.h"
#include "coordinator/herald.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    EDITS_A_TURN = 2048, /* sites; 3 to 10 ms */
    TOLD_SINGLY = 16,    /* edited sites, in the log */
};

struct edits {
    struct parts *parts;
    struct store *store;
    struct herald *herald;
    mono_ns at;    /* they are to be read then */
    unsigned told; /* edited sites, since all edits were read */
    bool store_away;
};

/* ── What a site is to the others ──────────────────────────────────────── */

static int watch(struct parts *p, const struct watched *site)
{
    if (site->last_slot == 0)
        return schedule_set_new(p->schedule, site->id, site->every_ms, p->grid.at);
    return schedule_set(p->schedule, site->id, site->every_ms, p->grid.at + 1);
}

static void unwatch(struct parts *p, uint64_t id)
{
    schedule_drop(p->schedule, id);
    lease_forget(p->lease, id);
    turns_forget(p->turns, id, loop_now(p->loop));
    arrears_forget(p->arrears, id);
}

static void check_watched(int r, const struct watched *site)
{
    if (r < 0)
        log_error("schedule.no_memory", "site=%llu: it is not watched", (unsigned long long)site->id);
}

/* ── At the start ──────────────────────────────────────────────────────── */

static void start_grid(struct parts *p)
{
    if (p->grid.at == 0)
        grid_start(&p->grid, loop_now(p->loop), loop_wall(p->loop), catalog_newest_slot(p->catalog));
}

static void on_loaded(void *arg, enum catalog_news news, const struct watched *site)
{
    struct edits *e = arg;
    struct parts *p = e->parts;
    (void)news;
    start_grid(p);
    int r = watch(p, site);
    if (r == 0 && site->last_slot != 0)
        r = debts_owe(p, site);
    check_watched(r, site);
}

static int load(struct edits *e, struct err *err)
{
    struct parts *p = e->parts;
    int r = store_get_settled(e->store, &p->owed_from, err);
    if (r == 0)
        r = catalog_load(p->catalog, e->store, on_loaded, e, err);
    if (r < 0)
        return r;
    start_grid(p); /* where there are no sites */
    return debts_strike(p, e->store, err);
}

/* ── From then on ──────────────────────────────────────────────────────── */

static void on_news(void *arg, enum catalog_news news, const struct watched *site)
{
    struct edits *e = arg;
    struct parts *p = e->parts;
    int r = 0;
    patience_forget(p->patience, site->id); /* it may be another place now */
    if (news == CATALOG_WATCH || news == CATALOG_INTERVAL)
        r = watch(p, site);
    else if (news == CATALOG_UNWATCH)
        unwatch(p, site->id);
    if (news != CATALOG_UNWATCH)
        lease_only(p->lease, site->id, parts_places(p, site->manner->locations));
    if (e->told++ < TOLD_SINGLY)
        log_info("catalog.changed", "site=%llu news=%s every_ms=%u url=%.120s", (unsigned long long)site->id,
                 catalog_news_name(news), site->every_ms, site->url);
    check_watched(r, site);
}

static void note_absence(struct edits *e, const struct err *err)
{
    if (err && !e->store_away)
        log_warn("catalog.store_away", "sites=%zu: going on with what is known: %s",
                 catalog_watched(e->parts->catalog), err->text);
    if (!err && e->store_away)
        log_info("catalog.store_back", "sites=%zu", catalog_watched(e->parts->catalog));
    e->store_away = err != NULL;
}

static void on_herald(void *arg, const struct err *err)
{
    struct edits *e = arg;
    note_absence(e, err);
    e->at = err ? MONO_NEVER : 0;
}

static void close_log(struct edits *e)
{
    if (e->told > TOLD_SINGLY)
        log_info("catalog.changed", "sites=%u more of them, not told singly; watched=%zu",
                 e->told - TOLD_SINGLY, catalog_watched(e->parts->catalog));
    e->told = 0;
}

/* The herald has just been answered, so that this is, too. */
void edits_step(struct edits *e, mono_ns now)
{
    struct err err = { 0 };
    if (now < e->at)
        return;
    int r = catalog_follow(e->parts->catalog, e->store, EDITS_A_TURN, on_news, e, &err);
    note_absence(e, r < 0 ? &err : NULL);
    if (r < 0)
        e->at = now + e->parts->config->coordinator.catalog_every_us * NS_PER_US;
    else
        e->at = r == EDITS_A_TURN ? now : MONO_NEVER;
    if (r != EDITS_A_TURN)
        close_log(e);
}

mono_ns edits_next(const struct edits *e)
{
    return e->at;
}

bool edits_store_away(const struct edits *e)
{
    return e->store_away;
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int edits_new(struct edits **ret, struct parts *p, struct store *store, struct err *err)
{
    scoped(edits) struct edits *e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, -ENOMEM, "no memory for the list of sites");
    e->parts = p;
    e->store = store;
    e->at = MONO_NEVER;
    int r = load(e, err);
    if (r < 0)
        return r;
    r = herald_new(&e->herald, p->loop, p->config->store, p->config->coordinator.catalog_every_us, on_herald,
                   e, err);
    if (r < 0)
        return r;
    *ret = moved(e);
    return 0;
}

void edits_free(struct edits *e)
{
    if (!e)
        return;
    herald_free(e->herald);
    free(e);
}
