#include "coordinator/bundle.h"

#include <stdio.h>
#include <string.h>

#define BATCH_BYTES (WIRE_MAX_BYTES - 1024)

/* By which key a worker came in; 0 when it is not known, or the links need none. */
static uint64_t key_of(const struct parts *p, const char *worker)
{
    for (int i = 0; (size_t)i < roster_end(p->roster); i++) {
        const struct roster_lane *l = roster_lane(p->roster, i);
        if (l && strcmp(l->worker, worker) == 0)
            return p->lane_key[i];
    }
    return 0;
}

/* Whom a job is to avoid: as asked, or who had it and did not bring it back; and
 * only when somebody else is there, and it is not the last chance. A confirming look is to
 * be another key's, where there is one: witnesses.h of the collector. */
static void choose_avoid(struct parts *p, const struct lease_order *o, char *avoid, uint64_t *avoid_key)
{
    const struct roster_lane *last = roster_lane(p->roster, o->avoid_lane);
    const char *name = *o->avoid ? o->avoid : last ? last->worker : "";
    avoid[0] = '\0';
    *avoid_key = 0;
    if (!*name || o->anybody || !roster_has_other(p->roster, o->run.location, name))
        return;
    snprintf(avoid, WORKER_NAME_SIZE, "%.*s", WORKER_NAME_SIZE - 1, name);
    uint64_t key = *o->avoid ? key_of(p, name) : 0;
    if (*o->avoid && roster_has_other_key(p->roster, o->run.location, p->lane_key, key))
        *avoid_key = 1 + key;
    /* Twice round all of them, where all but one may have the key. */
    unsigned choosy = *avoid_key ? LEASE_CHOOSY + 2 * roster_ready(p->roster, o->run.location) : LEASE_CHOOSY;
    lease_mark_avoiding(p->lease, o->job_id, choosy);
}

static void refuse(struct bundle *b, struct parts *p, uint64_t job_id, uint64_t site_id)
{
    b->refused++;
    b->refused_site = site_id;
    lease_refuse(p->lease, job_id);
}

static bool add_job(struct bundle *b, struct parts *p, const struct lease_order *o, mono_ns now)
{
    const struct watched *site = catalog_find(p->catalog, o->run.site_id);
    if (!site) { /* cannot be: what is no longer watched was forgotten */
        refuse(b, p, o->job_id, o->run.site_id);
        return false;
    }
    char *avoid = b->avoid[b->n];
    uint64_t avoid_key;
    choose_avoid(p, o, avoid, &avoid_key);
    struct job *j = &b->job[b->n++];
    *j = (struct job){
        .id = o->job_id,
        .run = {.site_id = site->id, .slot_us = o->run.slot_us, .look = o->run.look},
        .attempt = o->attempt,
        .url = site->url,
        .method = site->manner->method,
        .timeout_ms = site->manner->timeout_ms,
        .start_by_ms = (uint32_t)(lease_taken_within(p->lease) / NS_PER_MS),
        .status = site->manner->status,
        .contains = site->manner->contains,
        .full_handshake = site->manner->full_handshake,
        .patience_s = o->run.look == 0 ? patience_left_s(p->patience, site->id, now) : 0,
        .avoid = avoid,
        .avoid_key = avoid_key,
    };
    memcpy(j->run.location, p->location[o->run.location], LOCATION_SIZE);
    if (p->seal.is_set)
        j->seal = seal_make(&p->seal, j->id, &j->run);
    return true;
}

void bundle_fill(struct bundle *b, struct parts *p, unsigned location, size_t most, mono_ns now)
{
    struct lease_order o;
    size_t bytes = 0;

    b->n = 0;
    while (b->n < most && b->n < BUNDLE_JOBS && lease_take(p->lease, location, now, &o)) {
        if (!add_job(b, p, &o, now))
            continue;
        bytes += wire_job_size(&b->job[b->n - 1]);
        if (bytes > BATCH_BYTES && b->n > 1) {
            b->n--;
            lease_unsend(p->lease, o.job_id);
            break;
        }
    }
}

int bundle_pack(struct bundle *b, const struct parts *p, size_t first, size_t n, mono_ns now)
{
    struct job_batch message = {
        .epoch = p->epoch,
        .stamp_ms = now / NS_PER_MS,
        .jobs = b->job + first,
        .n_jobs = n,
    };
    return wire_pack_jobs(&message, b->bytes, sizeof b->bytes);
}

/* The last one first, so that the order stays. */
void bundle_unsend(struct bundle *b, struct parts *p, size_t from)
{
    for (size_t i = b->n; i-- > from;)
        lease_unsend(p->lease, b->job[i].id);
}

void bundle_refuse(struct bundle *b, struct parts *p, size_t i)
{
    refuse(b, p, b->job[i].id, b->job[i].run.site_id);
}
