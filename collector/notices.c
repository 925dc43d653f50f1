#include "collector/notices.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ── The key ───────────────────────────────────────────────────────────── */

/* FNV-1a, 64 bits: not secret, only well spread. */
static uint64_t fnv(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void notice_key(char ret[NOTICE_KEY_SIZE], const struct incident *i, enum notice_kind kind, uint32_t number,
                uint64_t owner_id, const char *channel)
{
    /* When the incident began is in it, because a fresh store counts its
     * incidents from 1 again, and a mail reader hides a Message-ID that it has
     * seen before. */
    uint64_t hash = fnv(UINT64_C(0xcbf29ce484222325), channel, strlen(channel));
    hash = fnv(hash, &owner_id, sizeof owner_id);
    hash = fnv(hash, &i->site_id, sizeof i->site_id);
    hash = fnv(hash, &i->began_us, sizeof i->began_us);
    /* 63 bytes at the longest: twenty digits, ten of the number, "still_down". */
    snprintf(ret, NOTICE_KEY_SIZE, "vedette-%" PRIu64 "-%s-%" PRIu32 "-%012" PRIx64, i->id,
             notice_kind_name(kind), number, (hash ^ hash >> 48) & UINT64_C(0xffffffffffff));
}

/* ── The facts ─────────────────────────────────────────────────────────── */

/* What a server or library said need not be UTF-8, and JSON must be. */
static json_t *text_of(const char *bytes)
{
    json_t *text = json_string(bytes);
    if (text)
        return text;
    char plain[SITE_MAX_URL + 1];
    size_t n = 0;
    for (; n < sizeof plain - 1 && bytes[n]; n++)
        plain[n] = (unsigned char)bytes[n] < 0x80 ? bytes[n] : '?';
    plain[n] = '\0';
    return json_string(plain);
}

static json_t *time_of(wall_us at)
{
    char text[32];
    return at > 0 ? json_string(wall_format(text, sizeof text, at)) : json_null();
}

static json_t *look_of(const struct result *r)
{
    json_t *look = json_object();
    json_object_set_new(look, "look", json_integer(r->run.look));
    json_object_set_new(look, "at", time_of(r->at_us));
    json_object_set_new(look, "worker", text_of(r->worker));
    json_object_set_new(look, "location", text_of(r->run.location));
    json_object_set_new(look, "verdict", json_string(verdict_name(r->verdict)));
    json_object_set_new(look, "cause", json_string(cause_name(r->cause)));
    json_object_set_new(look, "status", json_integer(r->status));
    json_object_set_new(look, "address", text_of(r->address));
    json_object_set_new(look, "took_ms", json_integer(r->took_us / 1000));
    json_object_set_new(look, "took_us", json_integer(r->took_us));
    json_object_set_new(look, "detail", text_of(r->detail));
    return look;
}

static json_t *site_of(const struct site_kept *s)
{
    json_t *site = json_object();
    json_object_set_new(site, "id", json_integer((json_int_t)s->id));
    json_object_set_new(site, "name", text_of(s->name));
    json_object_set_new(site, "url", text_of(s->url));
    json_object_set_new(site, "tags", text_of(s->tags));
    return site;
}

static void add_incident(json_t *facts, const struct incident *i, wall_us now)
{
    wall_us until = i->ended_us ? i->ended_us : now;
    json_object_set_new(facts, "incident", json_integer((json_int_t)i->id));
    json_object_set_new(facts, "began", time_of(i->began_us));
    json_object_set_new(facts, "confirmed", time_of(i->confirmed_us));
    json_object_set_new(facts, "ended", time_of(i->ended_us));
    json_object_set_new(facts, "lasted_ms",
                        json_integer(until > i->began_us ? (until - i->began_us) / 1000 : 0));
    json_object_set_new(facts, "end", json_string(incident_end_name(i->end)));
    json_object_set_new(facts, "cause", json_string(cause_name(i->cause)));
    json_object_set_new(facts, "words", json_string(cause_words(i->cause)));
    json_object_set_new(facts, "status", json_integer(i->status));
    json_object_set_new(facts, "detail", text_of(i->detail));
}

static char *payload_of(const struct notice_facts *f, const char *key, const char *thread)
{
    json_t *facts = json_object(), *looks = json_array();
    json_object_set_new(facts, "version", json_integer(1));
    json_object_set_new(facts, "kind", json_string(notice_kind_name(f->kind)));
    json_object_set_new(facts, "number", json_integer(f->number));
    json_object_set_new(facts, "key", json_string(key));
    json_object_set_new(facts, "thread", json_string(thread));
    json_object_set_new(facts, "owner", text_of(f->owner->name));
    json_object_set_new(facts, "site", site_of(f->site));
    json_object_set_new(facts, "reason", text_of(f->reason));
    add_incident(facts, f->incident, f->now);
    for (size_t i = 0; i < f->n_looks; i++)
        json_array_append_new(looks, look_of(&f->looks[i]));
    bool whole = json_object_set_new(facts, "looks", looks) == 0;

    char *text = whole ? json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(facts);
    return text;
}

/* ── The notice ────────────────────────────────────────────────────────── */

struct notice *notice_copy(const struct notice *n)
{
    const char *trouble = n->trouble ? n->trouble : "";
    struct notice *copy =
        malloc(sizeof *copy + strlen(n->channel) + strlen(n->payload) + strlen(trouble) + 3);
    if (!copy)
        return NULL;
    char *to = (char *)(copy + 1);
    *copy = *n;
    copy->channel = to;
    to = stpcpy(to, n->channel) + 1;
    copy->payload = to;
    to = stpcpy(to, n->payload) + 1;
    copy->trouble = to;
    strcpy(to, trouble);
    return copy;
}

struct notice *notice_make(uint64_t id, const struct notice_facts *f, const char *channel)
{
    struct notice n = {
        .id = id,
        .incident_id = f->incident->id,
        .site_id = f->site->id,
        .owner_id = f->owner->id,
        .kind = f->kind,
        .number = f->number,
        .channel = channel,
        .state = NOTICE_PENDING,
        .created_us = f->now,
        .next_try_us = f->now,
        .trouble = "",
    };
    char thread[NOTICE_KEY_SIZE];
    notice_key(n.key, f->incident, f->kind, f->number, f->owner->id, channel);
    notice_key(thread, f->incident, NOTICE_DOWN, 0, f->owner->id, channel);

    char *payload = payload_of(f, n.key, thread);
    n.payload = payload;
    struct notice *copy = payload ? notice_copy(&n) : NULL;
    free(payload);
    return copy;
}

/* ── About a worker ────────────────────────────────────────────────────── */

static void worker_key(char ret[NOTICE_KEY_SIZE], const struct episode *e, enum notice_kind kind,
                       const char *channel)
{
    uint64_t hash = fnv(UINT64_C(0xcbf29ce484222325), channel, strlen(channel));
    hash = fnv(hash, e->worker, strlen(e->worker));
    hash = fnv(hash, &e->began_us, sizeof e->began_us);
    snprintf(ret, NOTICE_KEY_SIZE, "vedette-worker-%" PRIu64 "-%s-%012" PRIx64, e->id, notice_kind_name(kind),
             (hash ^ hash >> 48) & UINT64_C(0xffffffffffff));
}

static char *worker_payload(const struct notice *n, const struct episode *e, const char *thread, wall_us now)
{
    wall_us until = e->ended_us ? e->ended_us : now;
    json_t *facts = json_object();
    json_object_set_new(facts, "version", json_integer(1));
    json_object_set_new(facts, "kind", json_string(notice_kind_name(n->kind)));
    json_object_set_new(facts, "number", json_integer(n->number));
    json_object_set_new(facts, "key", json_string(n->key));
    json_object_set_new(facts, "thread", json_string(thread));
    json_object_set_new(facts, "owner", json_string("operator"));
    json_object_set_new(facts, "site", json_null());
    json_object_set_new(facts, "incident", json_integer(0));
    json_object_set_new(facts, "episode", json_integer((json_int_t)e->id));
    const char *location = episode_location(e->worker);
    json_object_set_new(facts, "worker", location ? json_null() : text_of(e->worker));
    json_object_set_new(facts, "location", location ? text_of(location) : json_null());
    json_object_set_new(facts, "began", time_of(e->began_us));
    json_object_set_new(facts, "ended", time_of(e->ended_us));
    json_object_set_new(facts, "lasted_ms",
                        json_integer(until > e->began_us ? (until - e->began_us) / 1000 : 0));
    json_object_set_new(facts, "end", json_string(episode_end_name(e->end)));
    bool whole = json_object_set_new(facts, "reason", text_of(e->reason)) == 0;
    char *text = whole ? json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(facts);
    return text;
}

struct notice *notice_make_of_worker(uint64_t id, const struct episode *e, const char *channel, wall_us now)
{
    struct notice n = {
        .id = id,
        .kind = e->end == EPISODE_OPEN ? NOTICE_IN_DOUBT : NOTICE_DOUBT_OVER,
        .number = (uint32_t)e->id,
        .channel = channel,
        .state = NOTICE_PENDING,
        .created_us = now,
        .next_try_us = now,
        .trouble = "",
    };
    char thread[NOTICE_KEY_SIZE];
    worker_key(n.key, e, n.kind, channel);
    worker_key(thread, e, NOTICE_IN_DOUBT, channel);
    char *payload = worker_payload(&n, e, thread, now);
    n.payload = payload;
    struct notice *copy = payload ? notice_copy(&n) : NULL;
    free(payload);
    return copy;
}

void notice_free(struct notice *n)
{
    free(n);
}
