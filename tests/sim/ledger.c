#include "tests/sim/ledger.h"

#include "common/array.h"
#include "tests/sim/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* How long a fault has consequences: a worker is dead after 10 s, a collector that was away makes workers
 * repeat their results, a successor waits for a lease of 10 s. */
#define AFTERMATH_NS (45 * NS_PER_S)

struct seen { /* one look */
    uint64_t job_id;
    uint64_t site_id;
    wall_us slot_us;
    wall_us at_us; /* as the collector dated it, once it is recorded */
    mono_ns began;
    uint16_t look;
    uint8_t place, verdict;
    bool lies, ended;
    const struct host *host;
    struct seen *next_of_site; /* newest first */
    UT_hash_handle hh;
};

struct tried { /* a run, by one coordinator */
    struct {
        uint64_t site_id;
        wall_us slot_us;
        uint32_t look, place, epoch, unused;
    } key;
    unsigned looks;
    UT_hash_handle hh;
};

struct delivered {
    char key[NOTICE_KEY_SIZE];
    unsigned copies;
    UT_hash_handle hh;
};

struct heard { /* a worker's process */
    char who[24];
    uint32_t epoch;
    UT_hash_handle hh;
};

static struct {
    struct heard *heard;
    struct seen *by_job, **of_site;
    struct tried *tried;
    struct delivered *delivered;
    uint64_t writer_epoch[STORE_ROLE_COUNT];
    struct incident *opened, *closed; /* in the transaction at hand */
    size_t n_opened, opened_room, n_closed, closed_room;
    struct ledger_numbers numbers;
} ledger;

static unsigned long long u(uint64_t x)
{
    return x;
}

/* Relative to the beginning, for people. */
static double s(wall_us at)
{
    return (double)(at - WORLD_BEGAN_US) / 1e6;
}

/* ── Looks ─────────────────────────────────────────────────────────────── */

static void count_try(const struct job *job, unsigned place)
{
    struct tried *t = NULL, key = {
        .key = {job->run.site_id, job->run.slot_us, job->run.look, place, job_id_epoch(job->id), 0}
    };
    HASH_FIND(hh, ledger.tried, &key.key, sizeof key.key, t);
    if (!t) {
        t = calloc(1, sizeof *t);
        if (!t)
            abort();
        t->key = key.key;
        HASH_ADD(hh, ledger.tried, key, sizeof t->key, t);
    }
    if (++t->looks > JOB_MAX_ATTEMPTS)
        broken("site %llu, slot %.3f, look %u: looked at %u times in one epoch", u(job->run.site_id),
               s(job->run.slot_us), job->run.look, t->looks);
}

/* Whoever has taken a job of a coordinator takes none of those that were before it. */
static void note_epoch(const struct job *job, const struct proc *who)
{
    uint32_t epoch = job_id_epoch(job->id);
    struct heard *h = NULL;
    HASH_FIND_STR(ledger.heard, who->name, h);
    if (!h) {
        h = calloc(1, sizeof *h);
        if (!h)
            abort();
        snprintf(h->who, sizeof h->who, "%s", who->name);
        HASH_ADD_STR(ledger.heard, who, h);
    }
    if (epoch < h->epoch)
        broken("%s takes a job of epoch %u after one of epoch %u", who->name, epoch, h->epoch);
    h->epoch = epoch;
}

void ledger_look(const struct job *job, const struct proc *who, unsigned place)
{
    struct seen *k = NULL;
    trace("%s looks at site %llu slot %.3f look %u attempt %u job %llx", who->name, u(job->run.site_id),
          s(job->run.slot_us), job->run.look, job->attempt, u(job->id));
    ledger.numbers.looks++;
    HASH_FIND(hh, ledger.by_job, &job->id, sizeof job->id, k);
    if (k) {
        broken("job %llx of site %llu was looked at twice", u(job->id), u(job->run.site_id));
        return;
    }
    k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->job_id = job->id;
    k->site_id = job->run.site_id;
    k->slot_us = job->run.slot_us;
    k->look = job->run.look;
    k->place = (uint8_t)place;
    k->began = world_now();
    k->host = who->host;
    k->next_of_site = ledger.of_site[k->site_id - 1];
    ledger.of_site[k->site_id - 1] = k;
    HASH_ADD(hh, ledger.by_job, job_id, sizeof k->job_id, k);
    count_try(job, place);
    note_epoch(job, who);
    /* A slot is looked at while it is the newest, or its turn is just over: no bursts of old ones. */
    int64_t late_us = world_true_wall(world_now()) - k->slot_us;
    int64_t most_us = 2 * (int64_t)scene.every_ms * US_PER_MS + scene.timeout_ms * US_PER_MS + 3 * US_PER_S;
    if (k->look == 0 && late_us > most_us + scene_clock_doubt_us())
        broken("site %llu, slot %.3f: looked at %.3f s too late", u(k->site_id), s(k->slot_us),
               (double)late_us / 1e6);
}

void ledger_saw(const struct result *r, const struct proc *who, mono_ns began, bool lies)
{
    struct seen *k = NULL;
    HASH_FIND(hh, ledger.by_job, &r->job_id, sizeof r->job_id, k);
    if (!k)
        abort();
    k->ended = true;
    k->verdict = (uint8_t)r->verdict;
    k->began = began;
    k->lies = lies;
    trace("%s saw site %llu slot %.3f look %u: %s", who->name, u(k->site_id), s(k->slot_us), k->look,
          verdict_name(r->verdict));
}

/* ── Transactions ──────────────────────────────────────────────────────── */

void ledger_writes(const struct proc *who, enum store_role role, uint64_t epoch)
{
    if (epoch && epoch < ledger.writer_epoch[role])
        broken("%s writes with epoch %llu after one of epoch %llu", who->name, u(epoch),
               u(ledger.writer_epoch[role]));
    if (epoch > ledger.writer_epoch[role])
        ledger.writer_epoch[role] = epoch;
}

void ledger_commit(const struct record *x)
{
    (void)x;
    ledger.n_opened = ledger.n_closed = 0;
}

static bool is_down_line(const struct shelf_line *l)
{
    return l->verdict == VERDICT_DOWN;
}

void ledger_line(const struct shelf_line *l)
{
    struct seen *k = NULL;
    ledger.numbers.lines++;
    ledger.numbers.unknown += l->look == 0 && l->verdict == VERDICT_UNKNOWN;
    trace("line: site %llu slot %.3f look %u from %s: %s %s", u(l->site_id), s(l->slot_us), l->look,
          shelf_place_name(l->place), verdict_name(l->verdict), cause_name(l->cause));
    if (l->cause == CAUSE_LOST || l->cause == CAUSE_MISSED || l->cause == CAUSE_HELD_BACK) {
        if (l->verdict != VERDICT_UNKNOWN)
            broken("site %llu, slot %.3f: nobody looked, and it is %s", u(l->site_id), s(l->slot_us),
                   verdict_name(l->verdict));
        return;
    }
    HASH_FIND(hh, ledger.by_job, &l->job_id, sizeof l->job_id, k);
    if (!k || !k->ended || k->site_id != l->site_id || k->slot_us != l->slot_us || k->look != l->look ||
        k->verdict != l->verdict)
        broken("site %llu, slot %.3f, look %u: the line is of no look that was made", u(l->site_id),
               s(l->slot_us), l->look);
    if (k)
        k->at_us = l->at_us;
    if (k && is_down_line(l) && !k->lies && !scene_is_down(l->site_id, k->place, k->began, NULL))
        broken("site %llu, slot %.3f: down, and it was up", u(l->site_id), s(l->slot_us));
}

void ledger_state(const struct site_state *before, const struct site_state *after)
{
    if (before && after->last_slot_us < before->last_slot_us)
        broken("site %llu: its state goes back from slot %.3f to %.3f", u(after->site_id),
               s(before->last_slot_us), s(after->last_slot_us));
    if (before && before->health != after->health)
        trace("site %llu is %s", u(after->site_id), health_name(after->health));
}

static const struct seen *look_at(uint64_t site_id, wall_us at_us, enum verdict verdict)
{
    for (const struct seen *k = ledger.of_site[site_id - 1]; k; k = k->next_of_site)
        if (k->ended && k->at_us == at_us && k->verdict == verdict)
            return k;
    return NULL;
}

/* Its confirming looks are of that slot, failed themselves, are recorded, and not all one worker's. */
static void judge_round(const struct incident *in, const struct seen *first)
{
    unsigned looks = 0, hosts = 0;
    for (const struct seen *x = ledger.of_site[in->site_id - 1]; x; x = x->next_of_site) {
        if (x->slot_us != first->slot_us || x->look == 0 || x->verdict != VERDICT_DOWN || x->at_us == 0)
            continue;
        looks++;
        hosts += x->host != first->host;
    }
    if (looks < scene.looks)
        broken("site %llu: incident %llu of slot %.3f has %u confirming looks that failed", u(in->site_id),
               u(in->id), s(first->slot_us), looks);
    /* One that lied rests for minutes, and the other is alone. */
    if (hosts == 0 && !scene_disturbed(first->began - 20 * NS_PER_S, world.now, MONO_NEVER / 2))
        broken("site %llu: incident %llu rests on one worker alone", u(in->site_id), u(in->id));
}

static void judge_opening(const struct incident *in)
{
    const struct seen *k = look_at(in->site_id, in->began_us, VERDICT_DOWN);
    unsigned failed = 0;
    if (!k) {
        broken("site %llu: incident %llu begins at %.3f, and no look failed then", u(in->site_id), u(in->id),
               s(in->began_us));
        return;
    }
    if (scene.n_places == 1)
        judge_round(in, k);
    /* By so many looks of that round or later that truly failed: a liar alone confirms nothing, unless it is
     * alone in truth. */
    for (const struct seen *x = ledger.of_site[in->site_id - 1]; x; x = x->next_of_site)
        failed += x->ended && !x->lies && x->verdict == VERDICT_DOWN && x->slot_us >= k->slot_us;
    if (failed == 0 && !scene_disturbed_but_lies(k->began - 20 * NS_PER_S, world.now))
        broken("site %llu: incident %llu of %.3f rests on %u looks that failed", u(in->site_id), u(in->id),
               s(in->began_us), failed);
}

static void judge_closing(const struct incident *in)
{
    const struct seen *k = look_at(in->site_id, in->ended_us, VERDICT_UP);
    const struct seen *first = look_at(in->site_id, in->began_us, VERDICT_DOWN);
    if (in->ended_us ==
        in->began_us) /* by a clock that was set back meanwhile: it does not end before it began */
        return;
    if (!k || !first)
        broken("site %llu: incident %llu ends at %.3f, and no look found it up then", u(in->site_id),
               u(in->id), s(in->ended_us));
    else if (k->slot_us < first->slot_us || (k->slot_us == first->slot_us && scene.n_places == 1))
        broken("site %llu: incident %llu of slot %.3f is ended by an older look, of slot %.3f",
               u(in->site_id), u(in->id), s(first->slot_us), s(k->slot_us));
}

void ledger_incident(const struct incident *before, const struct incident *after)
{
    if (!before) {
        ledger.numbers.incidents++;
        trace("incident %llu of site %llu from %.3f", u(after->id), u(after->site_id), s(after->began_us));
        judge_opening(after);
        for (size_t i = 0; shelf_incident(i); i++)
            if (shelf_incident(i)->site_id == after->site_id && shelf_incident(i)->end == INCIDENT_OPEN)
                broken("site %llu: incident %llu opens while %llu is open", u(after->site_id), u(after->id),
                       u(shelf_incident(i)->id));
        if (array_room(ledger.opened, ledger.n_opened, ledger.opened_room) < 0)
            abort();
        ledger.opened[ledger.n_opened++] = *after;
    }
    if (before && before->end != INCIDENT_OPEN && after->end != before->end)
        broken("incident %llu ends a second time", u(after->id));
    if (after->end == INCIDENT_RECOVERED && (!before || before->end == INCIDENT_OPEN)) {
        trace("incident %llu of site %llu ends at %.3f", u(after->id), u(after->site_id), s(after->ended_us));
        judge_closing(after);
        if (array_room(ledger.closed, ledger.n_closed, ledger.closed_room) < 0)
            abort();
        ledger.closed[ledger.n_closed++] = *after;
    }
}

static void need_notice(const struct record *x, const struct incident *in, enum notice_kind kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < x->n_notices; i++)
        n += x->notices[i].incident_id == in->id && x->notices[i].kind == kind;
    if (n != 1)
        broken("incident %llu: %u notices '%s' in its transaction", u(in->id), n, notice_kind_name(kind));
}

void ledger_committed(const struct record *x)
{
    for (size_t i = 0; i < ledger.n_opened; i++)
        need_notice(x, &ledger.opened[i], NOTICE_DOWN);
    for (size_t i = 0; i < ledger.n_closed; i++)
        need_notice(x, &ledger.closed[i], NOTICE_BACK);
}

/* ── Notices ───────────────────────────────────────────────────────────── */

/* A second copy needs somebody who ended, or whose outcome could not be recorded, in between. */
void ledger_delivered(const struct notice *n)
{
    struct delivered *d = NULL;
    ledger.numbers.notices++;
    trace("delivered: '%s' of incident %llu", notice_kind_name(n->kind), u(n->incident_id));
    HASH_FIND_STR(ledger.delivered, n->key, d);
    if (!d) {
        d = calloc(1, sizeof *d);
        if (!d)
            abort();
        snprintf(d->key, sizeof d->key, "%s", n->key);
        HASH_ADD_STR(ledger.delivered, key, d);
    }
    if (++d->copies > 1 && !scene_disturbed(world.now - 10 * NS_PER_S, world.now, AFTERMATH_NS))
        broken("incident %llu: notice '%s' is delivered a second time", u(n->incident_id),
               notice_kind_name(n->kind));
}

/* ── Life ──────────────────────────────────────────────────────────────── */

struct ledger_numbers ledger_numbers(void)
{
    return ledger.numbers;
}

void ledger_begin(void)
{
    memset(&ledger, 0, sizeof ledger);
    ledger.of_site = calloc(scene.n_sites, sizeof *ledger.of_site);
    if (!ledger.of_site)
        abort();
}

void ledger_end(void)
{
    struct seen *k, *next;
    struct tried *t, *next_tried;
    struct delivered *d, *next_delivered;
    HASH_ITER (hh, ledger.by_job, k, next) {
        HASH_DEL(ledger.by_job, k);
        free(k);
    }
    HASH_ITER (hh, ledger.tried, t, next_tried) {
        HASH_DEL(ledger.tried, t);
        free(t);
    }
    HASH_ITER (hh, ledger.delivered, d, next_delivered) {
        HASH_DEL(ledger.delivered, d);
        free(d);
    }
    struct heard *h, *next_heard;
    HASH_ITER (hh, ledger.heard, h, next_heard) {
        HASH_DEL(ledger.heard, h);
        free(h);
    }
    free(ledger.of_site);
    free(ledger.opened);
    free(ledger.closed);
    memset(&ledger, 0, sizeof ledger);
}

/* ── At the end ────────────────────────────────────────────────────────── */

static bool explained(wall_us slot_us)
{
    mono_ns at = (slot_us - WORLD_BEGAN_US) * NS_PER_US;
    return at < scene.faults_from || scene_disturbed(at, at + scene.every_ms * NS_PER_MS, AFTERMATH_NS);
}

/* Every slot of the grid has its line, from each location. */
static void judge_slots(uint64_t site_id)
{
    int64_t every_us = scene.every_ms * US_PER_MS;
    wall_us first = site_next_slot(site_id, scene.every_ms, WORLD_BEGAN_US + 8 * US_PER_S + every_us);
    wall_us last = world_true_wall(scene.end) - 2 * every_us - 10 * US_PER_S;
    for (wall_us slot = first; slot < last; slot += every_us)
        for (unsigned place = 0; place < scene.n_places; place++) {
            const struct shelf_line *l = shelf_find_line(site_id, slot, 0, place + 1);
            if (!l)
                broken("site %llu, slot %.3f, location l%u: no line", u(site_id), s(slot), place);
            else if (l->verdict == VERDICT_UNKNOWN && !explained(slot))
                broken("site %llu, slot %.3f, location l%u: unknown (%s) without a reason", u(site_id),
                       s(slot), place, cause_name(l->cause));
        }
}

/* Those whose failing is seen from enough places. */
static bool counts(const struct outage *o)
{
    return __builtin_popcount(o->places) == (int)scene.n_places;
}

/* In true time: the wall clocks of those who looked may have been wrong. */
static mono_ns began_at(const struct incident *in)
{
    const struct seen *k = look_at(in->site_id, in->began_us, VERDICT_DOWN);
    return k ? k->began : MONO_NEVER;
}

static mono_ns ended_at(const struct incident *in)
{
    const struct seen *k = in->ended_us ? look_at(in->site_id, in->ended_us, VERDICT_UP) : NULL;
    return k ? k->began : MONO_NEVER;
}

static void judge_outage(uint64_t site_id, const struct outage *o)
{
    mono_ns every = scene.every_ms * NS_PER_MS;
    wall_us from = world_true_wall(o->from), to = world_true_wall(o->to);
    const struct incident *found = NULL;
    unsigned n = 0;
    for (size_t i = 0; shelf_incident(i); i++) {
        const struct incident *in = shelf_incident(i);
        if (in->site_id != site_id || began_at(in) < o->from || began_at(in) >= o->to)
            continue;
        found = in;
        n++;
    }
    if (n > 1)
        broken("site %llu: %u incidents of one outage from %.3f to %.3f", u(site_id), n, s(from), s(to));
    if (!counts(o)) { /* unless the others see nothing, see views.h of the collector */
        if (n > 0 && !scene_disturbed(o->from, o->to, AFTERMATH_NS))
            broken("site %llu: incident %llu, and one location alone saw it down", u(site_id), u(found->id));
        return;
    }
    mono_ns enough =
        2 * scene.every_ms * NS_PER_MS + (scene.timeout_ms + scene.within_ms) * NS_PER_MS + 6 * NS_PER_S;
    bool calm = !scene_disturbed(o->from - NS_PER_S, o->to, AFTERMATH_NS) && o->from > scene.faults_from;
    if (calm && o->to - o->from > enough && o->to < scene.end - 20 * NS_PER_S && n == 0)
        broken("site %llu: no incident of the outage from %.3f to %.3f", u(site_id), s(from), s(to));
    if (calm && n == 1 && began_at(found) > o->from + every + NS_PER_S)
        broken("site %llu: incident %llu begins %.3f s after its outage", u(site_id), u(found->id),
               (double)(began_at(found) - o->from) / 1e9);
    bool calm_after = !scene_disturbed(o->to, o->to + 2 * every, AFTERMATH_NS);
    if (n == 1 && calm_after && o->to < scene.end - 20 * NS_PER_S &&
        ended_at(found) > o->to + every + 2 * NS_PER_S)
        broken("site %llu: incident %llu ends %.3f s after its outage", u(site_id), u(found->id),
               (double)(ended_at(found) - o->to) / 1e9);
}

static void judge_incident(const struct incident *in)
{
    unsigned down = 0, back = 0;
    const struct seen *k = look_at(in->site_id, in->began_us, VERDICT_DOWN);
    if (k && k->lies && !scene_is_down(in->site_id, 0, k->began, NULL) && in->end == INCIDENT_OPEN)
        broken("incident %llu of site %llu was begun by a liar, and is open", u(in->id), u(in->site_id));
    for (size_t i = 0; shelf_notice(i); i++) {
        const struct notice *x = shelf_notice(i);
        if (x->incident_id != in->id)
            continue;
        down += x->kind == NOTICE_DOWN;
        back += x->kind == NOTICE_BACK;
        struct delivered *d = NULL;
        HASH_FIND_STR(ledger.delivered, x->key, d);
        bool old = x->created_us < world_true_wall(scene.end) - 15 * US_PER_S;
        if (old && (x->state != NOTICE_SENT || !d))
            broken("incident %llu: notice '%s' is %s at the end", u(in->id), notice_kind_name(x->kind),
                   notice_state_name(x->state));
    }
    if (down != 1 || back != (in->end == INCIDENT_RECOVERED))
        broken("incident %llu: told down %u times and back %u times", u(in->id), down, back);
}

/* With nothing wrong for so long, what is said of a site is so. */
static void judge_site(uint64_t site_id)
{
    mono_ns since = scene.end - 2 * scene.every_ms * NS_PER_MS - 12 * NS_PER_S;
    unsigned all = (1U << scene.n_places) - 1, down_now = 0, down_ever = 0;
    for (unsigned place = 0; place < scene.n_places; place++) {
        down_now |= (unsigned)scene_is_down(site_id, place, scene.end, NULL) << place;
        for (mono_ns at = since; at < scene.end; at += NS_PER_S / 2)
            down_ever |= (unsigned)scene_is_down(site_id, place, at, NULL) << place;
    }
    const struct site_state *st = shelf_state(site_id);
    bool steady = down_now == down_ever;
    if (!st) {
        broken("site %llu has no state", u(site_id));
        return;
    }
    bool open = false;
    for (size_t i = 0; shelf_incident(i); i++)
        open |= shelf_incident(i)->site_id == site_id && shelf_incident(i)->end == INCIDENT_OPEN;
    for (mono_ns at = since - 10 * NS_PER_S; at < since; at += NS_PER_S / 2)
        for (unsigned place = 0; place < scene.n_places; place++)
            steady &= (down_now >> place & 1) == scene_is_down(site_id, place, at, NULL);
    if (steady && open != (down_now == all))
        broken("site %llu is %s, and its incident is %s", u(site_id), down_now == all ? "down" : "up",
               open ? "open" : "not open");
    if (steady && (st->health == HEALTH_DOWN) != (down_now == all))
        broken("site %llu is %s, and its state says %s", u(site_id), down_now == all ? "down" : "up",
               health_name(st->health));
}

void ledger_judge(void)
{
    for (uint64_t id = 1; id <= scene.n_sites && !world.broken[0]; id++) {
        judge_slots(id);
        judge_site(id);
        for (unsigned k = 0; k < SCENE_MOST_OUTAGES && scene.outages[id - 1][k].to; k++)
            judge_outage(id, &scene.outages[id - 1][k]);
    }
    for (size_t i = 0; shelf_incident(i) && !world.broken[0]; i++)
        judge_incident(shelf_incident(i));
    const struct vitals *v = shelf_vitals();
    if (v->in_flight > 2 * scene.n_sites * scene.n_places + 8 || v->waiting > scene.n_sites)
        broken("%llu runs are out and %llu wait at the end", u(v->in_flight), u(v->waiting));
    /* Sixteen at once, and a tenth of what is sent. */
    uint64_t sent = v->scheduled + v->confirming + v->again;
    if (v->again > 16 + sent / 10 + 4)
        broken("%llu of %llu jobs are repeats", u(v->again), u(sent));
}
