/* What only SQLite can do to us: other versions, foreign and damaged files, a
 * disk that fails. Knows SQLite, and no other part of the backend. */
#include "tests/unit/common/stores.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

static const char *path_of(const struct place *p)
{
    return strchr(p->url, ':') + 1;
}

static void run_sql(const struct place *p, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path_of(p), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_databases_that_are_not_ours(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int r[3]; /* by mode: read, write, create */
        const char *words;
    } rows[] = {
        {"CREATE TABLE recipe (name TEXT)",                   { -EINVAL, -EINVAL, -EINVAL }, "another program"},
        { "PRAGMA application_id = 7",                        { -EINVAL, -EINVAL, -EINVAL }, "another program"},
        { "PRAGMA application_id = 7; CREATE TABLE meta (a)",
         { -EINVAL, -EINVAL, -EINVAL },
         "another program"                                                                                    },
 /* only a header: somebody died while making it */
        { "PRAGMA journal_mode = WAL",                        { -ENOENT, -ENOENT, 0 },       "empty"          },
        { "CREATE TABLE a (b); DROP TABLE a",                 { -ENOENT, -ENOENT, 0 },       "empty"          },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++) {
            struct place p;
            struct store *s = NULL;
            place_make(&p);
            run_sql(&p, rows[i].sql);
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
    struct place p;
    struct store *s = NULL;
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    run_sql(&p, "PRAGMA user_version = 99");
    for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++) {
        REFUSED(store_open(&s, p.url, mode, &err), -EPROTO, "version 99");
        REFUSED(store_open(&s, p.url, mode, &err), -EPROTO, "up to 13");
        REFUSED(store_open(&s, p.url, mode, &err), -EPROTO, path_of(&p));
    }
    run_sql(&p, "PRAGMA user_version = 0"); /* older: a reader cannot help it */
    REFUSED(store_open(&s, p.url, STORE_READ, &err), -EPROTO, "for writing once");
    assert_null(s);
    place_remove(&p);
}

static void test_files_beside_it(void **state)
{
    (void)state;
    struct place p;
    struct stat st;
    char wal[128];
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    assert_int_equal(stat(path_of(&p), &st), 0);
    assert_int_equal(st.st_mode & 0007, 0); /* may hold secrets */
    snprintf(wal, sizeof wal, "%s-wal", path_of(&p));
    assert_int_equal(stat(wal, &st), 0); /* stays, for readers without rights */
    assert_int_equal(st.st_size, 0);     /* and holds nothing: a copy of the store alone is whole */
    place_remove(&p);
}

static void test_a_damaged_file(void **state)
{
    (void)state;
    struct place p;
    struct store *s = NULL;
    place_make(&p);
    {
        scoped(store) struct store *writer = store_at(p.url, STORE_CREATE);
        struct site site = a_site("a");
        add_site(writer, &site, NOON);
    }
    struct stat st;
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(stat(path_of(&p), &st), 0);
    int fd = open(path_of(&p), O_WRONLY);
    assert_true(fd >= 0);
    for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    close(fd);
    struct err err = { 0 };
    uint64_t change;
    int r = store_open(&s, p.url, STORE_WRITE, &err);
    if (r == 0)
        r = store_newest_change(s, &change, &err);
    assert_int_equal(r, -EIO);
    assert_non_null(strstr(err.text, path_of(&p)));
    store_close(s);
    place_remove(&p);
}

/* ── A disk that fails ─────────────────────────────────────────────────── */

/* SQLite lets its system calls be replaced: these fail, when told to, after
 * some have succeeded. */
static struct {
    int error; /* 0: none */
    int after;
} disk;

static bool disk_fails(void)
{
    if (disk.error == 0 || disk.after-- > 0)
        return false;
    disk.after = 0;
    errno = disk.error;
    return true;
}

static ssize_t our_pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return disk_fails() ? -1 : pwrite64(fd, bytes, len, at);
}

static ssize_t our_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return disk_fails() ? -1 : pwrite(fd, bytes, len, at);
}

static ssize_t our_write(int fd, const void *bytes, size_t len)
{
    return disk_fails() ? -1 : write(fd, bytes, len);
}

static int replace_calls(void **state)
{
    (void)state;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)our_pwrite64);
    vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)our_pwrite);
    vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)our_write);
    return 0;
}

static int restore_calls(void **state)
{
    (void)state;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    disk.error = 0;
    return vfs->xSetSystemCall(vfs, NULL, NULL);
}

static void record_many(struct store *s, unsigned round, int expected, const char *words)
{
    static struct result r[300];
    struct site_state st = { .site_id = 1, .last_slot_us = NOON + round };
    struct record rec = { .results = r, .n_results = 300, .states = &st, .n_states = 1 };
    for (unsigned i = 0; i < 300; i++) {
        r[i] = a_look(1 + i, NOON + round, VERDICT_DOWN);
        snprintf(r[i].worker, sizeof r[i].worker, "worker-%u", round); /* a name that is new */
    }
    if (expected == 0)
        OK(store_record(s, &rec, &err));
    else
        REFUSED(store_record(s, &rec, &err), expected, words);
}

static int check_worker(void *arg, const struct result *r)
{
    char name[32];
    unsigned *counts = arg;
    unsigned round = (unsigned)(r->run.slot_us - NOON);
    snprintf(name, sizeof name, "worker-%u", round);
    assert_string_equal(r->worker, name);
    assert_in_range(round, 1, 7);
    counts[round]++;
    return 0;
}

static void test_a_full_or_failing_disk(void **state)
{
    (void)state;
    static const struct {
        int error, r;
        const char *words;
    } rows[] = {
        {ENOSPC,  -ENOSPC, "full"              },
        { EDQUOT, -ENOSPC, "full"              },
        { EIO,    -EIO,    "Input/output error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int after = 0; after < 12; after += 3) {
            struct place p;
            unsigned counts[8] = { 0 };
            place_make(&p);
            scoped(store) struct store *s = store_at(p.url, STORE_CREATE);
            record_many(s, 1, 0, "");

            disk.error = rows[i].error;
            disk.after = after;
            record_many(s, 2, rows[i].r, rows[i].words);
            disk.after = 0;
            record_many(s, 3, rows[i].r, path_of(&p));
            REFUSED(store_put_vitals(s, &(struct vitals){ .epoch = 1 }, &err), rows[i].r, rows[i].words);
            disk.error = 0; /* there is room again */

            record_many(s, 3, 0, "");
            /* Somebody else reads, who remembers nothing of what was undone. */
            scoped(store) struct store *reader = store_at(p.url, STORE_READ);
            OK(store_each_result(reader, 0, LONG_AGO, FOREVER, SIZE_MAX, check_worker, counts, &err));
            assert_int_equal(counts[1], 300);
            assert_int_equal(counts[2], 0);
            assert_int_equal(counts[3], 300);
            struct summary sum;
            OK(store_get_summary(s, &sum, &err));
            assert_int_equal(sum.looks, 600);
            place_remove(&p);
        }
}

static void test_an_edit_on_a_full_disk(void **state)
{
    (void)state;
    struct place p;
    uint64_t change = 9;
    place_make(&p);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_CREATE);
        struct site a = a_site("a");
        OK(store_edit_begin(s, NOON, &err));
        OK(store_edit_site(s, &a, &a.id, &err));
        disk.error = ENOSPC;
        disk.after = 0;
        REFUSED(store_edit_commit(s, &err), -ENOSPC, "full");
        disk.error = 0;
        REFUSED(store_edit_commit(s, &err), -EINVAL, "no edit");
        OK(store_newest_change(s, &change, &err));
        assert_int_equal(change, 0);
        WALK("", store_each_site(s, 0, write_site, &seen, &err));
        a.id = 0;
        assert_int_equal(add_site(s, &a, NOON), 1);
    }
    place_remove(&p);
}

static void test_making_one_on_a_full_disk(void **state)
{
    (void)state;
    for (int after = 0; after < 30; after += 2) {
        struct place p;
        struct store *s = NULL;
        place_make(&p);
        disk.error = ENOSPC;
        disk.after = after;
        struct err err = { 0 };
        int r = store_open(&s, p.url, STORE_CREATE, &err);
        if (r != 0 && r != -ENOSPC)
            fail_msg("after %d writes: %d, %s", after, r, err.text);
        assert_true(r != 0 || after > 0);
        disk.error = 0;
        store_close(s);
        /* Whatever is there now, a store can be made of it. */
        s = store_at(p.url, STORE_CREATE);
        struct site a = a_site("a");
        assert_int_equal(add_site(s, &a, NOON), 1);
        store_close(s);
        place_remove(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_databases_that_are_not_ours),
        cmocka_unit_test(test_a_store_of_another_version),
        cmocka_unit_test(test_files_beside_it),
        cmocka_unit_test(test_a_damaged_file),
        cmocka_unit_test_setup_teardown(test_a_full_or_failing_disk, replace_calls, restore_calls),
        cmocka_unit_test_setup_teardown(test_an_edit_on_a_full_disk, replace_calls, restore_calls),
        cmocka_unit_test_setup_teardown(test_making_one_on_a_full_disk, replace_calls, restore_calls),
    };
    return cmocka_run_group_tests_name("store: sqlite", tests, NULL, NULL);
}
