/* The hot path: what the collector has decided, a thousand results at a time,
 * in one transaction. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <string.h>

#define DOING "record"

int sql_next_epoch(struct store *base, uint32_t *ret, struct err *err)
{
    struct sql *s = sql_of(base);
    int64_t epoch = 0;
    int r = sql_begin(s, SQL_NUMBERS, "draw an epoch", err);
    if (r < 0)
        return r;
    {
        scoped(query) struct query q = { 0 };
        r = query_new(&q, s, Q_EPOCH, "draw an epoch", "UPDATE meta SET epoch = epoch + 1 RETURNING epoch",
                      err);
        if (r == 0)
            r = query_number(&q, &epoch, err);
    }
    if (r == 0 && epoch >= 1 << 24) /* job ids have 24 bits for it */
        r = err_set(err, -EIO, "%s: its coordinators' epochs are used up", s->name);
    r = sql_end(s, r, "draw an epoch", err);
    if (r == 0)
        *ret = (uint32_t)epoch;
    return r;
}

int sql_newest_ids(struct store *base, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_NEWEST_IDS, "read it",
                      "SELECT coalesce((SELECT max(id) FROM incident), 0), "
                      "coalesce((SELECT max(id) FROM notice), 0)",
                      err);
    if (r == 0)
        r = query_step(&q, err);
    if (r <= 0)
        return r;
    *ret_incident = (uint64_t)query_int(&q, 0);
    *ret_notice = (uint64_t)query_int(&q, 1);
    return 0;
}

int sql_marks(struct sql *s, struct marks *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_MARKS, DOING,
                      "SELECT rolled_up_us, spans_until_us, pruned_us, packed_us, states_us, packing_site, "
                      "packed_day, packed_day_site FROM meta",
                      err);
    if (r == 0)
        r = query_step(&q, err);
    if (r <= 0)
        return r < 0 ? r : err_set(err, -EIO, "%s: has lost its numbers", s->name);
    *ret = (struct marks){ query_int(&q, 0), query_int(&q, 1),          query_int(&q, 2),
                           query_int(&q, 3), query_int(&q, 4),          (uint64_t)query_int(&q, 5),
                           query_int(&q, 6), (uint64_t)query_int(&q, 7) };
    return 0;
}

/* ── The ledger ────────────────────────────────────────────────────────── */

struct ledger {
    struct sql *s;
    struct query add;
    struct marks marks;
    int64_t added;

    /* the result in hand */
    const struct result *result;
    int64_t location_id;
    bool fresh;
};

static int check_result(const struct sql *s, const struct result *r, struct err *err)
{
    if ((unsigned)r->verdict < VERDICT_COUNT && cause_valid(r->cause) && (unsigned)r->method < METHOD_COUNT &&
        (r->span <= 1 || r->run.look == 0))
        return 0;
    return err_set(err, -EINVAL,
                   "%s: cannot record: a result of site %llu makes no sense (verdict %u, "
                   "cause %u, look %u, span %u)",
                   s->name, (unsigned long long)r->run.site_id, (unsigned)r->verdict, (unsigned)r->cause,
                   r->run.look, r->span);
}

/* Into the table, or into its hour when that is packed, or into both while it is being packed. */
static int write_line(struct ledger *l, const struct span_part *slots, bool *ret_added, struct err *err)
{
    const struct result *res = l->result;
    struct line line;
    int r = 0;
    if (slots->slot_us >= l->marks.packed_us) {
        r = query_put_result(&l->add, res, slots->slot_us, slots->n, l->location_id, err);
        if (r == 0)
            r = query_run(&l->add, err);
        *ret_added = r == 0 && l->add.changed > 0;
        if (!*ret_added || slots->slot_us >= l->marks.packed_us + US_PER_HOUR)
            return r;
    }
    r = sql_line_of(l->s, res, slots->slot_us, slots->n, l->location_id, &line, err);
    if (r < 0)
        return r;
    return slots->slot_us < l->marks.packed_us
               ? sql_packed_add(l->s, res->run.site_id, &line, ret_added, err)
               : sql_packing_line(l->s, &l->marks, res->run.site_id, &line, err);
}

/* One line for these slots, unless its first slot has one. */
static int add_line(void *arg, const struct span_part *slots, struct err *err)
{
    struct ledger *l = arg;
    const struct result *res = l->result;
    bool added = false;

    int r = write_line(l, slots, &added, err);
    if (r < 0 || !added)
        return r;
    l->fresh = true;
    l->added++;

    if (slots->n > 1 && slots->every_us) {
        r = sql_span_add(l->s, res->run.site_id, l->location_id, slots, err);
        if (r < 0)
            return r;
        l->marks.spans_until_us = WALL_NEVER; /* from here on, look */
    }
    if (slots->slot_us >= l->marks.rolled_up_us || res->run.look)
        return 0;
    struct roll_line line = { res->run.site_id, l->location_id, *slots, res->verdict, res->took_us };
    return sql_roll_up_line(l->s, &l->marks, &line, &(size_t){ 0 }, err);
}

static int add_result(struct ledger *l, const struct result *res, struct err *err)
{
    struct span_part one = { res->run.slot_us, res->span ? res->span : 1, 0 };
    struct span_seen seen;
    l->result = res;
    l->fresh = false;
    if (one.slot_us < l->marks.pruned_us)
        return 0; /* nobody can tell whether it was there: it counts as repeated */

    int r = sql_word(l->s, res->run.location, &l->location_id, err);
    if (r < 0)
        return r;
    if (one.n > 1)
        return sql_span_parts(l->s, res, l->location_id, add_line, l, err);
    if (res->run.look == 0 && one.slot_us <= l->marks.spans_until_us) {
        r = sql_span_see(l->s, res->run.site_id, l->location_id, one.slot_us, &seen, err);
        if (r < 0 || seen.covered)
            return r;
    }
    return add_line(l, &one, err);
}

/* How many results from i on are lines of the table and nothing else: of single runs, not
 * covered by spans, in no roll-up and no packed hour. A database may take them at once. */
static size_t plain_ones(const struct ledger *l, const struct record *rec, size_t i)
{
    const struct marks *m = &l->marks;
    size_t n = 0;
    if (!l->s->driver->add_lines)
        return 0;
    for (; i + n < rec->n_results; n++) {
        const struct result *res = &rec->results[i + n];
        wall_us slot_us = res->run.slot_us;
        if (res->span > 1 || slot_us < m->pruned_us || slot_us < m->packed_us + US_PER_HOUR)
            break;
        if (res->run.look == 0 && (slot_us <= m->spans_until_us || slot_us < m->rolled_up_us))
            break;
    }
    return n;
}

static int add_plain_ones(struct ledger *l, const struct record *rec, size_t i, size_t n, struct err *err)
{
    int64_t added = 0;
    int r =
        l->s->driver->add_lines(l->s, rec->results + i, n, rec->fresh ? rec->fresh + i : NULL, &added, err);
    l->added += added;
    return r;
}

static int count_looks(struct sql *s, int64_t added, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_LOOKS_COUNT, DOING, "UPDATE meta SET looks = looks + ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, added);
    return query_send(&q, err);
}

static int put_results(struct sql *s, const struct record *rec, struct err *err)
{
    struct ledger l = { .s = s };
    if (rec->n_results == 0)
        return 0;
    int r = sql_marks(s, &l.marks, err);
    if (r == 0)
        r = query_new(&l.add, s, Q_LOOK_ADD, DOING,
                      "INSERT INTO look (" LOOK_COLUMNS ") VALUES (" LOOK_MARKS ") ON CONFLICT DO NOTHING",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_results;) {
        size_t n = plain_ones(&l, rec, i);
        if (n)
            r = add_plain_ones(&l, rec, i, n, err);
        else {
            r = add_result(&l, &rec->results[i], err);
            if (rec->fresh)
                rec->fresh[i] = l.fresh;
        }
        i += n ? n : 1;
    }
    query_done(&l.add);
    if (r == 0 && l.added)
        r = count_looks(s, l.added, err);
    return r;
}

/* ── What was concluded from it ────────────────────────────────────────── */

static int put_states(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_states == 0)
        return 0;
    int r = query_new(&q, s, Q_STATE_PUT, DOING,
                      "INSERT INTO state (site_id, health, since_us, last_slot_us, incident_id, blips, "
                      "last_at_us, last_verdict, last_cause, last_status, last_took_us, tls_expires_us, "
                      "last_worker_id, first_slot_us) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?4) "
                      "ON CONFLICT (site_id) DO UPDATE SET health = excluded.health, "
                      "since_us = excluded.since_us, last_slot_us = excluded.last_slot_us, "
                      "incident_id = excluded.incident_id, blips = excluded.blips, "
                      "last_at_us = excluded.last_at_us, last_verdict = excluded.last_verdict, "
                      "last_cause = excluded.last_cause, last_status = excluded.last_status, "
                      "last_took_us = excluded.last_took_us, tls_expires_us = excluded.tls_expires_us, "
                      "last_worker_id = excluded.last_worker_id "
                      "WHERE excluded.last_slot_us >= state.last_slot_us",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_states; i++) {
        const struct site_state *st = &rec->states[i];
        int64_t worker_id = 0;
        r = sql_word(s, st->last_worker ? st->last_worker : "", &worker_id, err);
        if (r < 0)
            return r;
        query_put_int(&q, (int64_t)st->site_id);
        query_put_int(&q, st->health);
        query_put_int(&q, st->since_us);
        query_put_int(&q, st->last_slot_us);
        query_put_int(&q, (int64_t)st->incident_id);
        query_put_int(&q, (int64_t)st->blips);
        query_put_int(&q, st->last_at_us);
        query_put_int(&q, st->last_verdict);
        query_put_int(&q, st->last_cause);
        query_put_int(&q, st->last_status);
        query_put_int(&q, st->last_took_us);
        query_put_int(&q, st->tls_expires_us);
        query_put_int(&q, worker_id);
        r = query_send(&q, err);
    }
    return r;
}

static int put_states_us(struct sql *s, const struct record *rec, struct err *err)
{
    return rec->states_us == 0 ? 0 : sql_put_sweep(s, rec->states_us, err);
}

static int put_incidents(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_incidents == 0)
        return 0;
    int r = query_new(&q, s, Q_INCIDENT_PUT, DOING,
                      "INSERT INTO incident (id, site_id, began_us, confirmed_us, ended_us, ending, cause, "
                      "status, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                      "site_id = excluded.site_id, began_us = excluded.began_us, "
                      "confirmed_us = excluded.confirmed_us, ended_us = excluded.ended_us, "
                      "ending = excluded.ending, cause = excluded.cause, status = excluded.status, "
                      "detail = excluded.detail",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_incidents; i++) {
        const struct incident *in = &rec->incidents[i];
        query_put_int(&q, (int64_t)in->id);
        query_put_int(&q, (int64_t)in->site_id);
        query_put_int(&q, in->began_us);
        query_put_int(&q, in->confirmed_us);
        query_put_int(&q, in->ended_us);
        query_put_int(&q, in->end);
        query_put_int(&q, in->cause);
        query_put_int(&q, in->status);
        query_put_text(&q, in->detail);
        r = query_send(&q, err);
    }
    return r;
}

static int put_evidence(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_evidence == 0)
        return 0;
    int r = query_new(&q, s, Q_EVIDENCE_ADD, DOING,
                      "INSERT INTO evidence (incident_id, " LOOK_COLUMNS ") VALUES (?, " LOOK_MARKS ") "
                      "ON CONFLICT DO NOTHING",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_evidence; i++) {
        const struct evidence *e = &rec->evidence[i];
        int64_t location_id = 0;
        r = sql_word(s, e->result.run.location, &location_id, err);
        if (r < 0)
            return r;
        query_put_int(&q, (int64_t)e->incident_id);
        r = query_put_result(&q, &e->result, e->result.run.slot_us, e->result.span, location_id, err);
        if (r == 0)
            r = query_send(&q, err);
    }
    return r;
}

/* ── Notices ───────────────────────────────────────────────────────────── */

static void put_notice_key(struct query *q, const struct notice *n)
{
    query_put_int(q, (int64_t)n->incident_id);
    query_put_int(q, (int64_t)n->owner_id);
    query_put_text(q, n->channel);
    query_put_int(q, n->kind);
    query_put_int(q, n->number);
}

/* A notice that was not inserted must be there; otherwise its id is another's. */
static int check_notice_is(struct sql *s, const struct notice *n, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t one;
    int r = query_new(&q, s, Q_NOTICE_IS, DOING,
                      "SELECT 1 FROM notice WHERE incident_id = ? AND owner_id = ? AND channel = ? AND "
                      "kind = ? AND number = ?",
                      err);
    if (r < 0)
        return r;
    put_notice_key(&q, n);
    r = query_number(&q, &one, err);
    if (r == -ENOENT)
        return err_set(err, -EINVAL, "%s: cannot record: another notice has the id %llu", s->name,
                       (unsigned long long)n->id);
    return r;
}

static int put_notices(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_notices == 0)
        return 0;
    int r =
        query_new(&q, s, Q_NOTICE_ADD, DOING,
                  "INSERT INTO notice (incident_id, owner_id, channel, kind, number, id, site_id, payload, "
                  "key, state, attempts, created_us, next_try_us, sent_us, trouble) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                  err);
    for (size_t i = 0; r == 0 && i < rec->n_notices; i++) {
        const struct notice *n = &rec->notices[i];
        put_notice_key(&q, n);
        query_put_int(&q, (int64_t)n->id);
        query_put_int(&q, (int64_t)n->site_id);
        query_put_text(&q, n->payload);
        query_put_text(&q, n->key);
        query_put_int(&q, n->state);
        query_put_int(&q, n->attempts);
        query_put_int(&q, n->created_us);
        query_put_int(&q, n->next_try_us);
        query_put_int(&q, n->sent_us);
        query_put_text(&q, n->trouble);
        r = query_run(&q, err);
        if (r == 0 && q.changed == 0)
            r = check_notice_is(s, n, err);
    }
    return r;
}

static int put_outcomes(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_outcomes == 0)
        return 0;
    int r = query_new(&q, s, Q_NOTICE_OUTCOME, DOING,
                      "UPDATE notice SET state = ?, attempts = ?, next_try_us = ?, sent_us = ?, trouble = ? "
                      "WHERE id = ? AND state = 0",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_outcomes; i++) {
        const struct notice_outcome *o = &rec->outcomes[i];
        query_put_int(&q, o->state);
        query_put_int(&q, o->attempts);
        query_put_int(&q, o->next_try_us);
        query_put_int(&q, o->sent_us);
        query_put_text(&q, o->trouble);
        query_put_int(&q, (int64_t)o->notice_id);
        r = query_send(&q, err);
    }
    return r;
}

int sql_record(struct store *base, const struct record *rec, struct err *err)
{
    static int (*const parts[])(struct sql *, const struct record *, struct err *) = {
        put_results,  put_states,       sql_put_views, put_states_us, put_incidents,
        put_evidence, sql_put_episodes, put_notices,   put_outcomes,
    };
    struct sql *s = sql_of(base);
    int r = 0;

    for (size_t i = 0; r == 0 && i < rec->n_results; i++)
        r = check_result(s, &rec->results[i], err);
    for (size_t i = 0; r == 0 && i < rec->n_evidence; i++)
        r = check_result(s, &rec->evidence[i].result, err);
    if (r == 0)
        r = sql_begin(s, SQL_LEDGER, DOING, err);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < sizeof parts / sizeof *parts; i++)
        r = parts[i](s, rec, err);
    return sql_end(s, r, DOING, err);
}
