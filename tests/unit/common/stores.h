/* stores.h - what the tests of the store share: every kind of store to ask a
 * contract of, nouns with usual values, and walks written down as one line of
 * text. Another kind of store is another place; of databases only how to make one
 * is known here. */
#ifndef TESTS_UNIT_COMMON_STORES_H
#define TESTS_UNIT_COMMON_STORES_H

#include "common/store/store.h"
#include "common/text.h"
#include "tests/unit/folder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <libpq-fe.h>

#define LONG_AGO INT64_C(0)
#define FOREVER  (INT64_MAX / 4)
#define NOON     (INT64_C(1772323200) * US_PER_S) /* 2026-03-01T00:00:00Z, an hour's beginning */

/* ── A store, wherever it is ───────────────────────────────────────────── */

enum place_kind { PLACE_SQLITE, PLACE_POSTGRES, PLACE_KINDS };
static enum place_kind place_kind; /* of those that are made from here on */

struct place {
    enum place_kind kind;
    char folder[64]; /* of a file */
    char url[256];
    const char *words; /* some that its sentences have */
    bool one_writer;   /* whoever writes keeps all others out, not only those who write the like */
    int64_t death_us;  /* what a holder that died has may be held for so long */
    char schema[32];   /* of a database */
};

/* The server of this run: the one of VEDETTE_TEST_POSTGRES, or one of our own, which ends with us. */
static inline const char *postgres_server(void)
{
    static char url[160];
    const char *shared = getenv("VEDETTE_TEST_POSTGRES");
    int to[2], from[2];
    if (shared)
        return shared;
    if (*url)
        return url;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    fcntl(to[1], F_SETFD, FD_CLOEXEC);
    if (fork() == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        execl("/usr/bin/python3", "python3", "tests/harness/postgres.py", NULL);
        _exit(1);
    }
    close(to[0]);
    close(from[1]);
    for (size_t n = 0; !strchr(url, '\n') && read(from[0], url + n, 1) == 1; n++)
        if (n == sizeof url - 2)
            break;
    if (!strchr(url, '\n'))
        fail_msg("there is no PostgreSQL server to test with: make deps, and run this where tests/ is");
    *strchr(url, '\n') = '\0';
    return url;
}

static inline void postgres_say(const char *sql)
{
    PGconn *conn = PQconnectdb(postgres_server());
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
    PQfinish(conn);
}

static inline void place_make(struct place *p)
{
    static unsigned made;
    char sql[64];
    *p = (struct place){ .kind = place_kind };
    if (p->kind == PLACE_SQLITE) {
        folder_make(p->folder, sizeof p->folder, "store");
        snprintf(p->url, sizeof p->url, "sqlite:%s/store.db", p->folder);
        p->words = "store.db";
        p->one_writer = true;
        return;
    }
    snprintf(p->schema, sizeof p->schema, "t%d_%u", (int)getpid(), ++made);
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", p->schema);
    postgres_say(sql);
    snprintf(p->url, sizeof p->url, "%s&options=-csearch_path%%3D%s", postgres_server(), p->schema);
    p->words = "postgresql:///vedette";
    p->death_us = 5 * US_PER_S;
}

static inline void place_remove(struct place *p)
{
    static const char *const names[] = { "store.db",
                                         "store.db-wal",
                                         "store.db-shm",
                                         "store.db.coordinator.lock",
                                         "store.db.collector.lock",
                                         "store.db.coordinator.1.lock",
                                         "store.db.collector.1.lock",
                                         "store.db.coordinator.2.lock" };
    char path[128];
    if (p->kind == PLACE_POSTGRES) {
        snprintf(path, sizeof path, "SET client_min_messages = warning; DROP SCHEMA %s CASCADE", p->schema);
        postgres_say(path);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(p->folder), 0);
}

/* A story that makes places for itself, told of each kind. */
#define EVERYWHERE(name)                                             \
    static void everywhere_##name(void);                             \
    static void test_##name(void **state)                            \
    {                                                                \
        (void)state;                                                 \
        for (place_kind = 0; place_kind < PLACE_KINDS; place_kind++) \
            everywhere_##name();                                     \
        place_kind = PLACE_SQLITE;                                   \
    }                                                                \
    static void everywhere_##name(void)

#define OK(call)                                          \
    do {                                                  \
        struct err err = { 0 };                           \
        int r_ = (call);                                  \
        if (r_ != 0)                                      \
            fail_msg("%s: %d (%s)", #call, r_, err.text); \
    } while (0)

/* Fails with that number and a sentence, which must hold these words. */
#define REFUSED(call, number, words)                                                       \
    do {                                                                                   \
        struct err err = { 0 };                                                            \
        int r_ = (call);                                                                   \
        if (r_ != (number) || err.code != (number) || !strstr(err.text, (words)))          \
            fail_msg("%s: %d (%s), not %d with '%s'", #call, r_, err.text, number, words); \
    } while (0)

static inline struct store *store_at(const char *url, enum store_mode mode)
{
    struct store *s = NULL;
    OK(store_open(&s, url, mode, &err));
    assert_non_null(s);
    return s;
}

typedef void contract(struct store *s);

/* Ask it of a new store of each kind. */
static inline void for_each_store(contract *holds)
{
    {
        scoped(store) struct store *s = store_at("sqlite::memory:", STORE_CREATE);
        holds(s);
    }
    for (place_kind = 0; place_kind < PLACE_KINDS; place_kind++) {
        struct place p;
        place_make(&p);
        struct store *s = store_at(p.url, STORE_CREATE);
        holds(s);
        store_close(s);
        place_remove(&p);
    }
    place_kind = PLACE_SQLITE;
}

#define CONTRACT(name)                         \
    static void holds_##name(struct store *s); \
    static void test_##name(void **state)      \
    {                                          \
        (void)state;                           \
        for_each_store(holds_##name);          \
    }                                          \
    static void holds_##name(struct store *s)

/* ── Nouns with usual values ───────────────────────────────────────────── */

static inline struct site a_site(const char *name)
{
    return (struct site){
        .name = name,
        .url = "http://example.com/",
        .tags = "",
        .contains = "",
        .every_ms = 60 * 1000,
        .timeout_ms = 5000,
        .confirm = {2, 15000},
    };
}

static inline struct result a_look(uint64_t site_id, wall_us slot_us, enum verdict verdict)
{
    return (struct result){
        .job_id = job_id_make(3, 17),
        .run = {.site_id = site_id, .slot_us = slot_us, .location = "here"},
        .span = 1,
        .verdict = verdict,
        .cause = verdict == VERDICT_UP     ? CAUSE_NONE
                 : verdict == VERDICT_DOWN ? CAUSE_HTTP_5XX
                                           : CAUSE_LOST,
        .status = verdict == VERDICT_UP     ? 200
                  : verdict == VERDICT_DOWN ? 503
                                            : 0,
        .method = METHOD_HEAD,
        .at_us = slot_us + 1500,
        .took_us = 25000,
        .worker = "w1",
    };
}

static inline struct notice a_notice(uint64_t id, uint64_t incident_id, enum notice_kind kind)
{
    struct notice n = {
        .id = id,
        .incident_id = incident_id,
        .site_id = 1,
        .owner_id = 1,
        .kind = kind,
        .channel = "console:",
        .payload = "{}",
        .created_us = NOON + (wall_us)id,
        .next_try_us = NOON + (wall_us)id,
        .trouble = "",
    };
    snprintf(n.key, sizeof n.key, "k%llu", (unsigned long long)id);
    return n;
}

/* One edit that adds the site; its id. */
static inline uint64_t add_site(struct store *s, const struct site *site, wall_us now)
{
    uint64_t id = 0;
    OK(store_edit_begin(s, now, &err));
    OK(store_edit_site(s, site, &id, &err));
    OK(store_edit_commit(s, &err));
    return id;
}

static inline void change_site(struct store *s, const struct site *site, wall_us now)
{
    assert_int_equal(add_site(s, site, now), site->id);
}

/* How many of these were new. */
static inline size_t record_results(struct store *s, const struct result *r, size_t n)
{
    bool fresh[64] = { 0 };
    size_t count = 0;
    assert_true(n <= 64);
    struct record rec = { .results = r, .n_results = n, .fresh = fresh };
    OK(store_record(s, &rec, &err));
    for (size_t i = 0; i < n; i++)
        count += fresh[i];
    return count;
}

/* ── Walks as text ─────────────────────────────────────────────────────── */

static inline int write_site(void *arg, const struct site *site)
{
    text_addf(arg, "%llu:%s%s ", (unsigned long long)site->id, site->name, site->removed ? "(gone)" : "");
    return 0;
}

static inline int write_look(void *arg, const struct result *r)
{
    text_addf(arg, "%llu@%lld", (unsigned long long)r->run.site_id,
              (long long)((r->run.slot_us - NOON) / US_PER_S));
    if (r->run.look)
        text_addf(arg, ".%u", r->run.look);
    if (r->span > 1)
        text_addf(arg, "x%u", r->span);
    text_addf(arg, "%s ", r->verdict == VERDICT_UP ? "+" : r->verdict == VERDICT_DOWN ? "-" : "?");
    return 0;
}

static inline int write_incident(void *arg, const struct incident *in)
{
    text_addf(arg, "%llu:%llu%s ", (unsigned long long)in->id, (unsigned long long)in->site_id,
              in->end == INCIDENT_OPEN ? "!" : "");
    return 0;
}

static inline int write_notice(void *arg, const struct notice *n)
{
    text_addf(arg, "%llu:%llu%c ", (unsigned long long)n->id, (unsigned long long)n->incident_id,
              "psf"[n->state]);
    return 0;
}

static inline int write_rollup(void *arg, const struct rollup *u)
{
    text_addf(arg, "%llu/%s@%lld:%u+%u-%u? ", (unsigned long long)u->site_id, u->location,
              (long long)((u->hour_us - NOON) / US_PER_HOUR), u->up, u->down, u->unknown);
    return 0;
}

/* WALK(expected, store_each_...(s, ..., write_x, &seen, &err)) */
#define WALK(expected, call)                               \
    do {                                                   \
        scoped(text) struct text seen = TEXT_UP_TO(65536); \
        OK(call);                                          \
        assert_string_equal(text_str(&seen), expected);    \
    } while (0)

#endif
