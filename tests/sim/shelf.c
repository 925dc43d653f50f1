#include "tests/sim/shelf_inside.h"

#include "collector/notices.h"
#include "common/array.h"
#include "tests/sim/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct shelved { /* a site and what is known of it */
    struct site *site;
    struct site_state state;
    bool has_state;
    struct site_view view[2];
    unsigned n_views;
    struct shelf_line *lines; /* newest recorded first */
};

static struct {
    enum shelf_trouble trouble;
    mono_ns slow;
    unsigned unsure_percent;
    bool unreachable[32];
    struct shelved *sites; /* id 1 is the first */
    size_t n_sites, sites_room;
    struct owner *owners;
    char (*owner_text)[2][64];
    size_t n_owners, owners_room;
    uint64_t change;
    uint32_t epoch; /* of coordinators' jobs */
    wall_us states_us;
    struct incident *incidents;
    size_t n_incidents, incidents_room;
    struct notice **notices;
    size_t n_notices, notices_room;
    struct vitals vitals;
    struct shelf_line **table; /* by run; open addressing */
    size_t table_room, n_lines;
    char words[64][LOCATION_SIZE > WORKER_NAME_SIZE ? LOCATION_SIZE : WORKER_NAME_SIZE];
    unsigned n_words;
} shelf;

struct store *shelf_handles;
bool shelf_is_server;

/* ── Trouble ───────────────────────────────────────────────────────────── */

void shelf_set_trouble(enum shelf_trouble t)
{
    shelf.trouble = t;
}

void shelf_set_slow(mono_ns each)
{
    shelf.slow = each;
}

void shelf_set_unsure(unsigned percent)
{
    shelf.unsure_percent = percent;
}

void shelf_set_unreachable(const struct host *h, bool yes)
{
    shelf.unreachable[h->number] = yes;
}

int shelf_call(struct store *s, bool writes, struct err *err)
{
    int64_t us = writes ? chance_between(&world.net, 100, 900) : chance_between(&world.net, 5, 50);
    if (!proc_block(us * NS_PER_US + (writes ? shelf.slow : 0)))
        return err_set(err, -EIO, "the process was killed");
    if (shelf.trouble == SHELF_AWAY || shelf.unreachable[s->proc->host->number]) {
        proc_block(chance_between(&world.net, 1, 300) * NS_PER_MS);
        return err_set(err, -EIO, "the database does not answer");
    }
    if (writes && shelf.trouble == SHELF_LOCKED) {
        proc_block(500 * NS_PER_MS);
        return err_set(err, -EBUSY, "another process keeps it locked");
    }
    return writes && shelf.trouble == SHELF_FULL ? err_set(err, -ENOSPC, "the disk is full") : 0;
}

/* ── Words ─────────────────────────────────────────────────────────────── */

unsigned shelf_place(const char *location)
{
    for (unsigned i = 0; i < shelf.n_words; i++)
        if (strcmp(shelf.words[i], location) == 0)
            return i;
    if (shelf.n_words == sizeof shelf.words / sizeof *shelf.words)
        return 0; /* of many workers the names are not kept apart */
    snprintf(shelf.words[shelf.n_words], sizeof *shelf.words, "%s", location);
    return shelf.n_words++;
}

const char *shelf_place_name(unsigned place)
{
    return shelf.words[place];
}

/* ── Sites and owners ──────────────────────────────────────────────────── */

static struct shelved *find_site(uint64_t id)
{
    return id > 0 && id <= shelf.n_sites ? &shelf.sites[id - 1] : NULL;
}

uint64_t shelf_add_owner(const char *name, const char *channel)
{
    size_t room = shelf.owners_room;
    if (array_room(shelf.owners, shelf.n_owners, shelf.owners_room) < 0 ||
        array_room(shelf.owner_text, shelf.n_owners, room) < 0)
        abort();
    struct owner *o = &shelf.owners[shelf.n_owners];
    snprintf(shelf.owner_text[shelf.n_owners][0], 64, "%s", name);
    snprintf(shelf.owner_text[shelf.n_owners][1], 64, "%s", channel);
    *o = (struct owner){ .id = ++shelf.n_owners, .n_channels = 1, .change = ++shelf.change };
    return o->id;
}

void shelf_reserve_sites(size_t n)
{
    shelf.sites = realloc(shelf.sites, n * sizeof *shelf.sites);
    shelf.sites_room = n;
    if (!shelf.sites)
        abort();
}

uint64_t shelf_add_site(const struct site *s)
{
    struct site as = *s;
    if (array_room(shelf.sites, shelf.n_sites, shelf.sites_room) < 0)
        abort();
    as.id = shelf.n_sites + 1;
    as.change = ++shelf.change;
    as.changed_us = world_true_wall(world_now());
    shelf.sites[shelf.n_sites] = (struct shelved){ .site = site_copy(&as) };
    return ++shelf.n_sites;
}

void shelf_edit_site(uint64_t id, const struct site *as)
{
    struct shelved *x = find_site(id);
    struct site edited = *as, *old = x->site;
    edited.id = id;
    edited.change = ++shelf.change;
    if (edited.every_ms != old->every_ms || edited.paused != old->paused || strcmp(edited.url, old->url) != 0)
        edited.changed_us = world_true_wall(world_now());
    x->site = site_copy(&edited);
    site_free(old);
}

int store_newest_change(struct store *s, uint64_t *ret, struct err *err)
{
    int r = shelf_call(s, false, err);
    *ret = shelf.change;
    return r;
}

int store_each_site(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_sites; i++) {
        const struct site *x = shelf.sites[i].site;
        if (x->change > since && (since > 0 || !x->removed))
            r = fn(arg, x);
    }
    return r;
}

int store_each_owner(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_owners; i++) {
        struct owner o = shelf.owners[i];
        o.name = shelf.owner_text[i][0];
        o.channel[0] = shelf.owner_text[i][1];
        if (o.change > since)
            r = fn(arg, &o);
    }
    return r;
}

int store_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err)
{
    return store_each_site(s, 0, fn, arg, err);
}

int store_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                      struct err *err)
{
    /* Edits are few here: all of them after the mark, in the order of their numbers. */
    int r = shelf_call(s, false, err);
    unsigned n = 0;
    while (r == 0 && n < most) {
        const struct site *next = NULL;
        for (size_t i = 0; i < shelf.n_sites; i++) {
            const struct site *x = shelf.sites[i].site;
            bool behind = x->change > mark->change || (x->change == mark->change && x->id > mark->id);
            if (behind && (!next || x->change < next->change))
                next = x;
        }
        if (!next)
            return (int)n;
        r = fn(arg, next);
        if (r == 0)
            *mark = (struct site_mark){ next->change, next->id };
        n++;
    }
    return r < 0 ? r : (int)n;
}

/* ── Lines ─────────────────────────────────────────────────────────────── */

static uint64_t hash_run(uint64_t site_id, wall_us slot_us, uint16_t look, unsigned place)
{
    struct chance c = { site_id * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)slot_us ^ (uint64_t)look << 56 ^
                        (uint64_t)place << 48 };
    return chance_next(&c);
}

static struct shelf_line **place_in_table(uint64_t site_id, wall_us slot_us, uint16_t look, unsigned place)
{
    size_t i = hash_run(site_id, slot_us, look, place) & (shelf.table_room - 1);
    for (;; i = (i + 1) & (shelf.table_room - 1)) {
        const struct shelf_line *l = shelf.table[i];
        if (!l || (l->site_id == site_id && l->slot_us == slot_us && l->look == look && l->place == place))
            return &shelf.table[i];
    }
}

static void grow_table(void)
{
    struct shelf_line **old = shelf.table;
    size_t room = shelf.table_room;
    shelf.table_room = room ? room * 2 : 4096;
    shelf.table = calloc(shelf.table_room, sizeof *shelf.table);
    if (!shelf.table)
        abort();
    for (size_t i = 0; i < room; i++)
        if (old[i])
            *place_in_table(old[i]->site_id, old[i]->slot_us, old[i]->look, old[i]->place) = old[i];
    free(old);
}

const struct shelf_line *shelf_find_line(uint64_t site_id, wall_us slot_us, uint16_t look, unsigned place)
{
    return shelf.table_room ? *place_in_table(site_id, slot_us, look, place) : NULL;
}

size_t shelf_lines(void)
{
    return shelf.n_lines;
}

const struct shelf_line *shelf_lines_of(uint64_t site_id)
{
    return find_site(site_id)->lines;
}

static struct shelf_line *add_line(const struct result *r, wall_us slot_us, unsigned place)
{
    struct shelved *x = find_site(r->run.site_id);
    if (shelf.n_lines * 2 >= shelf.table_room)
        grow_table();
    struct shelf_line **at = place_in_table(r->run.site_id, slot_us, r->run.look, place);
    if (*at)
        return NULL;
    struct shelf_line *l = malloc(sizeof *l);
    if (!l)
        abort();
    *l = (struct shelf_line){
        .next_of_site = x->lines,
        .site_id = r->run.site_id,
        .job_id = r->job_id,
        .slot_us = slot_us,
        .at_us = r->at_us,
        .took_us = r->took_us,
        .look = r->run.look,
        .place = (uint8_t)place,
        .verdict = (uint8_t)r->verdict,
        .cause = (uint8_t)r->cause,
        .suspect = r->suspect,
        .status = r->status,
        .span = 1,
        .worker = (uint16_t)shelf_place(r->worker),
    };
    x->lines = l;
    *at = l;
    shelf.n_lines++;
    ledger_line(l);
    return l;
}

/* A span is laid around the lines that are there: each free stretch becomes one line. */
static bool add_result(const struct result *r)
{
    struct shelved *x = find_site(r->run.site_id);
    unsigned place = shelf_place(r->run.location);
    struct shelf_line *first = NULL;
    bool fresh = false;
    for (uint32_t i = 0; i < (r->span ? r->span : 1); i++) {
        wall_us slot = r->run.slot_us + (int64_t)i * x->site->every_ms * US_PER_MS;
        struct shelf_line *l = add_line(r, slot, place);
        fresh |= l != NULL;
        if (l && first) {
            l->inside = true;
            first->span++;
        } else {
            first = l;
        }
    }
    return fresh;
}

static struct result result_of(const struct shelf_line *l)
{
    struct result r = {
        .job_id = l->job_id,
        .run = {.site_id = l->site_id, .slot_us = l->slot_us, .look = l->look},
        .span = l->span,
        .verdict = (enum verdict)l->verdict,
        .cause = (enum cause)l->cause,
        .status = l->status,
        .suspect = l->suspect,
        .at_us = l->at_us,
        .took_us = l->took_us,
    };
    snprintf(r.run.location, sizeof r.run.location, "%s", shelf.words[l->place]);
    snprintf(r.worker, sizeof r.worker, "%s", shelf.words[l->worker]);
    return r;
}

static int newer_slot(const void *a, const void *b)
{
    const struct shelf_line *const *x = a, *const *y = b;
    if ((*x)->slot_us != (*y)->slot_us)
        return (*x)->slot_us < (*y)->slot_us ? 1 : -1;
    return (int)(*x)->look * 256 + (*x)->place - ((int)(*y)->look * 256 + (*y)->place);
}

int store_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                      store_result_fn *fn, void *arg, struct err *err)
{
    struct shelf_line **found = NULL;
    size_t n = 0, room = 0;
    int r = shelf_call(s, false, err);
    for (size_t i = site_id ? site_id - 1 : 0; r == 0 && i < (site_id ? site_id : shelf.n_sites); i++)
        for (struct shelf_line *l = shelf.sites[i].lines; l; l = l->next_of_site) {
            if (l->slot_us < from_us || l->slot_us >= to_us || l->inside)
                continue;
            if (array_room(found, n, room) < 0)
                abort();
            found[n++] = l;
        }
    if (n > 1)
        qsort(found, n, sizeof *found, newer_slot);
    for (size_t i = 0; r == 0 && i < n && i < max; i++) {
        const struct result x = result_of(found[i]);
        r = fn(arg, &x);
    }
    free(found);
    return r;
}

/* ── States ────────────────────────────────────────────────────────────── */

const struct site_state *shelf_state(uint64_t site_id)
{
    const struct shelved *x = find_site(site_id);
    return x && x->has_state ? &x->state : NULL;
}

/* The name of who looked last is not kept: nothing is decided by it. */
static void put_state(const struct site_state *st)
{
    struct shelved *x = find_site(st->site_id);
    if (!x || (x->has_state && st->last_slot_us < x->state.last_slot_us))
        return;
    ledger_state(x->has_state ? &x->state : NULL, st);
    x->state = *st;
    x->state.last_worker = "";
    x->has_state = true;
}

static void put_view(const struct site_view *v)
{
    struct shelved *x = find_site(v->state.site_id);
    unsigned i = 0;
    while (i < x->n_views && strcmp(x->view[i].location, v->location) != 0)
        i++;
    if (i == sizeof x->view / sizeof *x->view)
        abort(); /* a world has two locations */
    if (i == x->n_views)
        x->n_views++;
    else if (v->state.last_slot_us < x->view[i].state.last_slot_us)
        return;
    x->view[i] = *v;
    x->view[i].state.last_worker = "";
}

/* What the newest line says that the state may be behind. */
static struct site_state laid_over(const struct shelved *x)
{
    struct site_state st = x->state;
    const struct shelf_line *newest = NULL;
    for (const struct shelf_line *l = x->lines; l; l = l->next_of_site)
        if (l->slot_us >= shelf.states_us && l->look == 0 && l->cause != CAUSE_MISSED &&
            l->slot_us > st.last_slot_us && l->at_us >= x->site->changed_us &&
            (!newest || l->slot_us > newest->slot_us))
            newest = l;
    if (!newest || x->site->paused)
        return st;
    st.last_slot_us = newest->slot_us;
    st.last_at_us = newest->at_us;
    st.last_verdict = (enum verdict)newest->verdict;
    st.last_cause = (enum cause)newest->cause;
    st.last_status = newest->status;
    st.last_took_us = newest->took_us;
    return st;
}

int store_each_state(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_sites; i++) {
        const struct shelved *x = &shelf.sites[i];
        if (!x->has_state || x->site->removed || (site_id && x->site->id != site_id))
            continue;
        struct site_state st = laid_over(x);
        r = fn(arg, &st);
    }
    return r;
}

int store_each_view(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_sites; i++) {
        const struct shelved *x = &shelf.sites[i];
        bool several = strchr(site_locations(x->site), ',') != NULL;
        if (!several || x->site->removed || (site_id && x->site->id != site_id))
            continue;
        for (unsigned k = 0; r == 0 && k < x->n_views; k++)
            r = fn(arg, &x->view[k]);
    }
    return r;
}

int store_get_states_us(struct store *s, wall_us *ret, struct err *err)
{
    int r = shelf_call(s, false, err);
    *ret = shelf.states_us;
    return r;
}

int store_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_sites; i++) {
        const struct shelved *x = &shelf.sites[i];
        if (x->has_state)
            r = fn(arg, x->site->id, x->state.last_slot_us);
        for (const struct shelf_line *l = x->lines; r == 0 && l; l = l->next_of_site)
            if (l->slot_us >= shelf.states_us && l->look == 0 && l->cause != CAUSE_MISSED)
                r = fn(arg, x->site->id, l->slot_us);
    }
    return r;
}

/* ── Incidents and notices ─────────────────────────────────────────────── */

const struct incident *shelf_incident(size_t i)
{
    return i < shelf.n_incidents ? &shelf.incidents[i] : NULL;
}

const struct notice *shelf_notice(size_t i)
{
    return i < shelf.n_notices ? shelf.notices[i] : NULL;
}

static void put_incident(const struct incident *in)
{
    size_t i = 0;
    while (i < shelf.n_incidents && shelf.incidents[i].id != in->id)
        i++;
    ledger_incident(i < shelf.n_incidents ? &shelf.incidents[i] : NULL, in);
    if (i == shelf.n_incidents) {
        if (array_room(shelf.incidents, shelf.n_incidents, shelf.incidents_room) < 0)
            abort();
        shelf.n_incidents++;
    }
    shelf.incidents[i] = *in;
}

static int put_notice(const struct notice *n, struct err *err)
{
    for (size_t i = 0; i < shelf.n_notices; i++) {
        const struct notice *x = shelf.notices[i];
        if (x->incident_id == n->incident_id && x->owner_id == n->owner_id && x->kind == n->kind &&
            x->number == n->number && strcmp(x->channel, n->channel) == 0)
            return 0;
        if (x->id == n->id)
            return err_set(err, -EINVAL, "another notice has the id %llu", (unsigned long long)n->id);
    }
    if (array_room(shelf.notices, shelf.n_notices, shelf.notices_room) < 0)
        abort();
    shelf.notices[shelf.n_notices++] = notice_copy(n);
    return 0;
}

static void put_outcome(const struct notice_outcome *o)
{
    for (size_t i = 0; i < shelf.n_notices; i++) {
        struct notice *x = shelf.notices[i];
        if (x->id != o->notice_id || x->state != NOTICE_PENDING)
            continue;
        x->state = o->state;
        x->attempts = o->attempts;
        x->next_try_us = o->next_try_us;
        x->sent_us = o->sent_us;
    }
}

int store_each_incident(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                        struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = shelf.n_incidents; r == 0 && i-- > 0;) {
        const struct incident *x = &shelf.incidents[i];
        if ((!f->id || x->id == f->id) && (!f->site_id || x->site_id == f->site_id) &&
            (!f->open_only || x->end == INCIDENT_OPEN))
            r = fn(arg, x);
    }
    return r;
}

int store_each_notice(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                      struct err *err)
{
    int r = shelf_call(s, false, err);
    for (size_t i = 0; r == 0 && i < shelf.n_notices; i++) {
        const struct notice *x = shelf.notices[f->pending_only ? i : shelf.n_notices - 1 - i];
        if ((!f->incident_id || x->incident_id == f->incident_id) &&
            (!f->pending_only || x->state == NOTICE_PENDING))
            r = fn(arg, x);
    }
    return r;
}

int store_each_episode(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                       struct err *err)
{
    (void)f;
    (void)fn;
    (void)arg;
    return shelf_call(s, false, err); /* nobody is told of workers in this world */
}

int store_newest_ids(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err)
{
    int r = shelf_call(s, false, err);
    *ret_incident = *ret_notice = 0;
    for (size_t i = 0; i < shelf.n_incidents; i++)
        if (shelf.incidents[i].id > *ret_incident)
            *ret_incident = shelf.incidents[i].id;
    for (size_t i = 0; i < shelf.n_notices; i++)
        if (shelf.notices[i]->id > *ret_notice)
            *ret_notice = shelf.notices[i]->id;
    return r;
}

/* ── Recording ─────────────────────────────────────────────────────────── */

static int put_all(const struct record *x, struct err *err)
{
    int r = 0;
    ledger_commit(x);
    for (size_t i = 0; i < x->n_results; i++) {
        bool fresh = add_result(&x->results[i]);
        if (x->fresh)
            x->fresh[i] = fresh;
    }
    for (size_t i = 0; i < x->n_states; i++)
        put_state(&x->states[i]);
    for (size_t i = 0; i < x->n_views; i++)
        put_view(&x->views[i]);
    if (x->states_us)
        shelf.states_us = x->states_us;
    for (size_t i = 0; i < x->n_incidents; i++)
        put_incident(&x->incidents[i]);
    for (size_t i = 0; r == 0 && i < x->n_notices; i++)
        r = put_notice(&x->notices[i], err);
    for (size_t i = 0; i < x->n_outcomes; i++)
        put_outcome(&x->outcomes[i]);
    ledger_committed(x);
    return r;
}

int store_record(struct store *s, const struct record *x, struct err *err)
{
    int r = shelf_call(s, true, err);
    if (r == 0)
        r = shelf_may_write(s, err);
    if (r < 0)
        return r;
    ledger_writes(s->proc, STORE_COLLECTOR,
                  s->claim_epoch[STORE_COLLECTOR] ? s->claim_epoch[STORE_COLLECTOR]
                                                  : s->joined_epoch[STORE_COLLECTOR]);
    r = put_all(x, err);
    if (r == 0 && chance_of(&world.net, shelf.unsure_percent))
        r = err_set(err, -EIO, "the connection was lost while it committed");
    return r;
}

int store_put_vitals(struct store *s, const struct vitals *v, struct err *err)
{
    int r = shelf_call(s, true, err);
    if (r < 0)
        return r;
    shelf.vitals = *v;
    shelf.vitals.workers = NULL;
    shelf.vitals.n_workers = 0;
    return 0;
}

int store_get_settled(struct store *s, wall_us *ret, struct err *err)
{
    *ret = shelf.vitals.settled_us;
    return shelf_call(s, false, err);
}

const struct vitals *shelf_vitals(void)
{
    return &shelf.vitals;
}

int store_next_epoch(struct store *s, uint32_t *ret, struct err *err)
{
    int r = shelf_call(s, true, err);
    if (r == 0)
        *ret = ++shelf.epoch;
    return r;
}

/* ── What is only looked after ─────────────────────────────────────────── */

int store_roll_up(struct store *s, wall_us until_us, bool *ret_more, struct err *err)
{
    (void)until_us;
    *ret_more = false;
    return shelf_call(s, true, err);
}

int store_pack(struct store *s, wall_us until_us, bool *ret_more, struct err *err)
{
    return store_roll_up(s, until_us, ret_more, err);
}

int store_prune(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
                struct err *err)
{
    (void)rollups_us;
    (void)max;
    return store_roll_up(s, results_us, ret_more, err);
}

/* ── Handles ───────────────────────────────────────────────────────────── */

int store_open(struct store **ret, const char *url, enum store_mode mode, struct err *err)
{
    (void)url;
    (void)mode;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->proc = world.self;
    s->lease_us = STORE_LEASE_US;
    int r = shelf_call(s, false, err);
    if (r < 0) {
        free(s);
        return r;
    }
    DL_APPEND(shelf_handles, s);
    *ret = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    shelf_claims_let_go(s);
    DL_DELETE(shelf_handles, s);
    free(s);
}

void store_set_shard(struct store *s, struct shard shard)
{
    (void)s;
    (void)shard;
}

const char *store_role_name(enum store_role role)
{
    return role == STORE_COORDINATOR ? "coordinator" : "collector";
}

int store_exit_code(int r)
{
    return r == -ESTALE || r == -EBUSY ? 13 : r < 0 ? 16 : 0;
}

void shelf_begin(bool server)
{
    memset(&shelf, 0, sizeof shelf);
    shelf.states_us = WALL_NEVER;
    shelf_is_server = server;
    shelf_handles = NULL;
    shelf_claims_begin();
    (void)shelf_place(""); /* locations are 1 and 2 */
    (void)shelf_place("l0");
    (void)shelf_place("l1");
}

void shelf_end(void)
{
    for (size_t i = 0; i < shelf.n_sites; i++) {
        struct shelf_line *l;
        while ((l = shelf.sites[i].lines)) {
            shelf.sites[i].lines = l->next_of_site;
            free(l);
        }
        site_free(shelf.sites[i].site);
    }
    for (size_t i = 0; i < shelf.n_notices; i++)
        notice_free(shelf.notices[i]);
    free(shelf.notices);
    free(shelf.incidents);
    free(shelf.sites);
    free(shelf.owners);
    free(shelf.owner_text);
    free(shelf.table);
    memset(&shelf, 0, sizeof shelf);
}

int store_url_check(const char *url, struct err *err)
{
    (void)url;
    (void)err;
    return 0;
}
