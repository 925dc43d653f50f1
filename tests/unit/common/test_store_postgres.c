/* What only PostgreSQL can do to us: databases that are not ours, connections that are
 * lost, holders of a claim that are silent. */
#include "tests/unit/common/stores.h"

#include "common/clock.h"

/* Tables and rows of the store at that place, behind its back. */
static void say(const struct place *p, const char *sql)
{
    PGconn *conn = PQconnectdb(p->url);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
    PQfinish(conn);
}

/* All connections of the store at that place but the one that says so are lost. */
static void cut(const struct place *p)
{
    char sql[300];
    snprintf(
        sql, sizeof sql,
        "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_stat_activity l WHERE pid <> pg_backend_pid() AND "
        "application_name = 'vedette' AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' "
        "AND classid = '%s.layout'::regclass::oid)",
        p->schema);
    say(p, sql);
}

#define PLACE(p)                 \
    struct place p;              \
    place_kind = PLACE_POSTGRES; \
    place_make(&(p));            \
    place_kind = PLACE_SQLITE

static void test_urls_that_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *words;
    } rows[] = {
        {"postgresql:vedette",                 "postgresql://host/database"},
        { "postgresql://host/db?secret=1",     "secret"                    },
        { "postgresql://host:none/db?sslmode", "URL is wrong"              },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *s = NULL;
        REFUSED(store_open(&s, rows[i].url, STORE_CREATE, &err), -EPROTONOSUPPORT, rows[i].words);
    }
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct store *s = NULL;
    struct err said = { 0 };
    assert_int_equal(store_open(&s, "postgresql://me:secret@127.0.0.1:1/db", STORE_WRITE, &said), -EIO);
    assert_non_null(strstr(said.text, "postgresql://127.0.0.1:1/db"));
    assert_null(strstr(said.text, "secret"));

    char url[300];
    const char *server = postgres_server();
    const char *query = strchr(server, '?');
    snprintf(url, sizeof url, "postgresql:///nothing%s", query);
    REFUSED(store_open(&s, url, STORE_CREATE, &err), -ENOENT, "nothing");
    snprintf(url, sizeof url, "%s&options=-csearch_path%%3Dnowhere", server);
    REFUSED(store_open(&s, url, STORE_CREATE, &err), -ENOENT, "search_path");
}

static void test_databases_that_are_not_ours(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int r[3]; /* by mode: read, write, create */
        const char *words;
    } rows[] = {
        {"CREATE TABLE recipe (name text)",    { -EINVAL, -EINVAL, -EINVAL }, "another program"},
        { "CREATE TABLE layout (version int)", { -EINVAL, -EINVAL, -EINVAL }, "another program"},
        { "SELECT 1",                          { -ENOENT, -ENOENT, 0 },       "empty"          },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++) {
            PLACE(p);
            struct store *s = NULL;
            say(&p, rows[i].sql);
            if (rows[i].r[mode] == 0)
                OK(store_open(&s, p.url, mode, &err));
            else
                REFUSED(store_open(&s, p.url, mode, &err), rows[i].r[mode], rows[i].words);
            store_close(s);
            place_remove(&p);
        }
}

static void test_a_store_of_another_version(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = NULL;
    store_close(store_at(p.url, STORE_CREATE));
    say(&p, "UPDATE layout SET version = 99");
    for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++)
        REFUSED(store_open(&s, p.url, mode, &err), -EPROTO, "version 99");
    say(&p, "UPDATE layout SET version = 0");
    REFUSED(store_open(&s, p.url, STORE_READ, &err), -ENOENT, "empty");
    place_remove(&p);
}

static void test_a_lost_connection_is_made_again(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE);
    struct result r = a_look(1, NOON, VERDICT_UP);
    struct site a = a_site("a");
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    assert_int_equal(record_results(s, &r, 1), 1);

    cut(&p); /* while nothing was under way: nobody notices */
    WALK("1@0+ ", store_each_result(s, 1, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    cut(&p);
    assert_int_equal(record_results(s, &r, 1), 0);
    OK(store_keep_claim(s, &err)); /* which came back with it */

    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_site(s, &a, &a.id, &err));
    cut(&p); /* in the middle: all of it is gone, and said to be */
    REFUSED(store_edit_commit(s, &err), -EIO, "connection was lost");
    WALK("", store_each_site(s, 0, write_site, &seen, &err));
    a.id = 0;
    assert_int_equal(add_site(s, &a, NOON), 1);
    store_close(s);
    place_remove(&p);
}

static void test_a_silent_holder_is_succeeded_and_refused(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *next = store_at(p.url, STORE_WRITE);
    struct result r = a_look(1, NOON, VERDICT_UP);
    struct record rec = { .results = &r, .n_results = 1 };
    uint32_t epoch;
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    REFUSED(store_claim(next, STORE_COLLECTOR, 0, &err), -EBUSY, "at work");
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '9 s'");
    REFUSED(store_claim(next, STORE_COLLECTOR, 0, &err), -EBUSY, "at work");
    OK(store_keep_claim(s, &err));

    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '11 s'");
    OK(store_claim(next, STORE_COLLECTOR, 5 * US_PER_S, &err));
    REFUSED(store_record(s, &rec, &err), -ESTALE, "taken over");
    REFUSED(store_keep_claim(s, &err), -ESTALE, "taken over");
    REFUSED(store_next_epoch(s, &epoch, &err), -ESTALE, "taken over");
    assert_int_equal(record_results(next, &r, 1), 1);
    OK(store_keep_claim(next, &err));
    assert_int_equal(store_exit_code(-ESTALE), 13);
    store_close(s);
    OK(store_keep_claim(next, &err)); /* the one that is gone took nothing with it */
    store_close(next);
    place_remove(&p);
}

/* A part of the past that somebody else wrote the epoch of: no lock is needed to be refused. */
static void test_writes_carry_their_epoch(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE);
    struct result r = a_look(1, NOON, VERDICT_UP);
    struct record rec = { .results = &r, .n_results = 1 };
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    say(&p, "UPDATE claim SET epoch = epoch + 1");
    REFUSED(store_record(s, &rec, &err), -ESTALE, "taken over");
    WALK("", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    store_close(s);
    place_remove(&p);
}

static void test_what_is_no_text_is_mended(void **state)
{
    (void)state;
    static const struct {
        const char *said, *kept;
    } rows[] = {
        {"plain",                                           "plain"                                 },
        { "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",         "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"},
        { "a\xff"
          "b\xc3",                                 "a?b?"                                  },
        { "\xc0\x80 \xed\xa0\x80 \xf5\x80\x80\x80",         "?? ??? ????"                           },
        { "\xe0\x80\x80 \xf0\x80\x80\x80 \xf4\x90\x80\x80", "??? ???? ????"                         },
    };
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct incident in = { .id = i + 1, .site_id = 1 };
        struct result look = a_look(1, NOON + (wall_us)i, VERDICT_DOWN);
        struct record rec = { .incidents = &in, .n_incidents = 1, .results = &look, .n_results = 1 };
        snprintf(in.detail, sizeof in.detail, "%s", rows[i].said);
        snprintf(look.detail, sizeof look.detail, "%s", rows[i].said);
        OK(store_record(s, &rec, &err));
    }
    PGconn *conn = PQconnectdb(p.url);
    PGresult *res =
        PQexec(conn, "SELECT incident.detail, look.detail FROM incident JOIN look ON "
                     "look.slot_us = (SELECT min(slot_us) FROM look) + incident.id - 1 ORDER BY id");
    assert_int_equal(PQntuples(res), sizeof rows / sizeof *rows);
    for (int i = 0; i < PQntuples(res); i++) {
        assert_string_equal(PQgetvalue(res, i, 0), rows[i].kept);
        assert_string_equal(PQgetvalue(res, i, 1), rows[i].kept);
    }
    PQclear(res);
    PQfinish(conn);
    store_close(s);
    place_remove(&p);
}

static int64_t number(const struct place *p, const char *sql)
{
    PGconn *conn = PQconnectdb(p->url);
    PGresult *res = PQexec(conn, sql);
    assert_int_equal(PQntuples(res), 1);
    int64_t v = atoll(PQgetvalue(res, 0, 0));
    PQclear(res);
    PQfinish(conn);
    return v;
}

static void test_days_come_and_go_as_partitions(void **state)
{
    (void)state;
    static const char partitions[] = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'history'::regclass";
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE);
    bool more = true;
    for (int hour = 0; hour < 60; hour++) {
        struct result r = a_look(1, NOON + hour * US_PER_HOUR, VERDICT_UP);
        assert_int_equal(record_results(s, &r, 1), 1);
    }
    while (more)
        OK(store_roll_up(s, FOREVER, &more, &err));
    for (more = true; more;)
        OK(store_pack(s, FOREVER, &more, &err));
    assert_int_equal(number(&p, partitions), 3);
    assert_int_equal(number(&p, "SELECT count(*) FROM look"), 0);

    for (more = true; more;)
        OK(store_prune(s, NOON + 36 * US_PER_HOUR, LONG_AGO, 1000, &more, &err));
    assert_int_equal(number(&p, partitions), 2);
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 24);
    assert_int_equal(number(&p, "SELECT sum(lines) FROM history_day"), 24);
    for (more = true; more;)
        OK(store_prune(s, FOREVER, LONG_AGO, 1000, &more, &err));
    assert_int_equal(number(&p, "SELECT looks FROM meta"), 0);
    store_close(s);
    place_remove(&p);
}

/* Sooner than it would ask by itself: the answer that it has is good for a second. */
static void test_edits_are_told_to_who_listens(void **state)
{
    (void)state;
    PLACE(p);
    struct store *editor = NULL, *reader = NULL;
    uint64_t before = 0, change = 0;
    OK(store_open(&editor, p.url, STORE_CREATE, &err));
    char url[sizeof p.url + 64], end_it[160];
    snprintf(url, sizeof url, "%s&application_name=%s", p.url, p.schema);
    snprintf(end_it, sizeof end_it,
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '%s'",
             p.schema);
    OK(store_open(&reader, url, STORE_READ, &err));
    for (int round = 0; round < 3; round++) {
        OK(store_newest_change(reader, &before, &err));
        OK(store_edit_begin(editor, 1, &err));
        OK(store_edit_commit(editor, &err));
        mono_ns since = clock_mono();
        do
            OK(store_newest_change(reader, &change, &err));
        while (change == before && clock_mono() - since < 10 * NS_PER_S);
        assert_int_equal(change, before + 1);
        if (round == 1) /* a new connection listens anew */
            say(&p, end_it);
    }
    store_close(reader);
    store_close(editor);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_that_are_wrong),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_databases_that_are_not_ours),
        cmocka_unit_test(test_a_store_of_another_version),
        cmocka_unit_test(test_a_lost_connection_is_made_again),
        cmocka_unit_test(test_a_silent_holder_is_succeeded_and_refused),
        cmocka_unit_test(test_writes_carry_their_epoch),
        cmocka_unit_test(test_what_is_no_text_is_mended),
        cmocka_unit_test(test_edits_are_told_to_who_listens),
        cmocka_unit_test(test_days_come_and_go_as_partitions),
    };
    return cmocka_run_group_tests_name("store: postgresql", tests, NULL, NULL);
}
