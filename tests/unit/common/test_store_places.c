/* Contracts of every store that lives in a file: what is found where it should be,
 * and who has no right. */
#include "tests/unit/common/stores.h"

#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ── What is there, and what is not ────────────────────────────────────── */

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct place p;
    struct store *s = NULL;
    char deeper[160];
    place_make(&p);
    REFUSED(store_open(&s, p.url, STORE_READ, &err), -ENOENT, "store.db");
    REFUSED(store_open(&s, p.url, STORE_WRITE, &err), -ENOENT, "store.db");
    snprintf(deeper, sizeof deeper, "sqlite:%s/no/store.db", p.folder);
    REFUSED(store_open(&s, deeper, STORE_CREATE, &err), -ENOENT, "folder");
    snprintf(deeper, sizeof deeper, "sqlite:%s", p.folder);
    REFUSED(store_open(&s, deeper, STORE_CREATE, &err), -EINVAL, "no file");
    REFUSED(store_open(&s, "sqlite::memory:", STORE_WRITE, &err), -ENOENT, "new");
    assert_null(s);

    /* A file that is empty can become one, and is none before. */
    write_file(strchr(p.url, ':') + 1, "", 0);
    REFUSED(store_open(&s, p.url, STORE_READ, &err), -ENOENT, "empty");
    REFUSED(store_open(&s, p.url, STORE_WRITE, &err), -ENOENT, "empty");
    s = store_at(p.url, STORE_CREATE);
    store_close(s);
    place_remove(&p);
}

static void test_something_else_there(void **state)
{
    (void)state;
    static const char text[] = "This is no store at all, but a letter of some length to somebody, who will "
                               "have to read to its end, which is at more than a hundred bytes from here.\n";
    struct place p;
    struct store *s = NULL;
    place_make(&p);
    write_file(strchr(p.url, ':') + 1, text, sizeof text - 1);
    for (enum store_mode mode = STORE_READ; mode <= STORE_CREATE; mode++)
        REFUSED(store_open(&s, p.url, mode, &err), -EINVAL, "not a store");
    assert_null(s);
    char back[sizeof text] = "";
    FILE *f = fopen(strchr(p.url, ':') + 1, "r");
    assert_non_null(f);
    assert_int_equal(fread(back, 1, sizeof back, f), sizeof text - 1);
    fclose(f);
    assert_string_equal(back, text); /* and it was left alone */
    place_remove(&p);
}

static void test_paths_are_paths(void **state)
{
    (void)state;
    static const char *const names[] = { "with space", "a?mode=ro", "a#b", "100%41", "file:x", ":memory" };
    struct place p;
    char here[256];
    place_make(&p);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(p.folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char url[64], path[64];
        snprintf(url, sizeof url, "sqlite:%s", names[i]);
        store_close(store_at(url, STORE_CREATE));
        assert_int_equal(access(names[i], F_OK), 0);
        store_close(store_at(url, STORE_READ));
        static const char *const ends[] = { "", "-wal", "-shm" };
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "%s%s", names[i], ends[k]);
            (void)unlink(path);
        }
    }
    assert_int_equal(chdir(here), 0);
    place_remove(&p);
}

/* ── Who has no right ──────────────────────────────────────────────────── */

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* What opening says to somebody with no rights of their own: as root, to nobody. */
static int try_open(const char *url, enum store_mode mode, struct err *err)
{
    int fd[2], r = 0;
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *s = NULL;
        struct err said = { 0 };
        if (geteuid() == 0 &&
            (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
            _exit(1);
        said.code = store_open(&s, url, mode, &said);
        if (said.code == 0) {
            uint64_t change;
            said.code = store_newest_change(s, &change, &said);
        }
        store_close(s);
        _exit(write(fd[1], &said, sizeof said) != sizeof said);
    }
    close(fd[1]);
    assert_int_equal(read(fd[0], err, sizeof *err), sizeof *err);
    close(fd[0]);
    assert_int_equal(status_of(pid), 0);
    r = err->code;
    return r;
}

static void allow(const struct place *p, mode_t folder, mode_t file)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (int i = 0; i < 3; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/store.db%s", p->folder, ends[i]);
        (void)chmod(path, file);
    }
    assert_int_equal(chmod(p->folder, folder), 0);
}

static void test_rights(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    allow(&p, 0555, 0);
    REFUSED(try_open(p.url, STORE_CREATE, &err), -EROFS, "make");
    allow(&p, 0755, 0);
    store_close(store_at(p.url, STORE_CREATE));

    allow(&p, 0555, 0444);
    REFUSED(try_open(p.url, STORE_WRITE, &err), -EROFS, "no right to write");
    REFUSED(try_open(p.url, STORE_CREATE, &err), -EROFS, "no right to write");
    OK(try_open(p.url, STORE_READ, &err)); /* needs none */

    allow(&p, 0755, 0644);
    { /* beside a writer as well */
        scoped(store) struct store *writer = store_at(p.url, STORE_WRITE);
        struct result r = a_look(1, NOON, VERDICT_UP);
        assert_int_equal(record_results(writer, &r, 1), 1);
        allow(&p, 0555, 0444);
        OK(try_open(p.url, STORE_READ, &err));
        allow(&p, 0755, 0644);
    }
    /* A copy of the file alone, in a folder where nothing can be put beside it. */
    char path[160];
    snprintf(path, sizeof path, "%s/store.db-shm", p.folder);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/store.db-wal", p.folder);
    assert_int_equal(unlink(path), 0);
    allow(&p, 0555, 0444);
    REFUSED(try_open(p.url, STORE_READ, &err), -EROFS, "beside it");
    allow(&p, 0555, 0000);
    REFUSED(try_open(p.url, STORE_READ, &err), -EROFS, "no right to read");
    allow(&p, 0755, 0644);
    place_remove(&p);
}

/* ── Who is at work with it ────────────────────────────────────────────── */

/* Holds a claim in another process until it is killed. */
static pid_t claim_elsewhere(const char *url)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = NULL;
        close(ready[0]);
        if (store_open(&s, url, STORE_WRITE, NULL) == 0 && store_claim(s, STORE_COLLECTOR, 0, NULL) == 0 &&
            write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

EVERYWHERE(one_of_each)
{
    struct place p;
    char words[64], link_url[sizeof p.url], link_path[128];
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    snprintf(link_path, sizeof link_path, "%s/other.db", p.folder);
    snprintf(link_url, sizeof link_url, "sqlite:%s", link_path);
    if (p.kind == PLACE_SQLITE) /* a file may have two names */
        assert_int_equal(symlink("store.db", link_path), 0);
    else
        memcpy(link_url, p.url, sizeof link_url);

    struct store *s = store_at(p.url, STORE_WRITE), *same = store_at(link_url, STORE_WRITE);
    bool held = true;
    OK(store_claimed(s, STORE_COLLECTOR, &held, &err));
    assert_false(held);
    pid_t holder = claim_elsewhere(p.url);
    OK(store_claimed(s, STORE_COLLECTOR, &held, &err));
    assert_true(held);
    OK(store_claimed(s, STORE_COORDINATOR, &held, &err));
    assert_false(held);
    OK(store_check_room(s, &err));
    snprintf(words, sizeof words, "another collector (process %d) is at work", (int)holder);
    REFUSED(store_claim(s, STORE_COLLECTOR, 0, &err), -EBUSY, words);
    REFUSED(store_claim(same, STORE_COLLECTOR, 50 * US_PER_MS, &err), -EBUSY, words);
    OK(store_claim(s, STORE_COORDINATOR, 0, &err)); /* the other role is free */
    OK(store_claim(s, STORE_COORDINATOR, 0, &err)); /* ours already */
    REFUSED(store_claim(same, STORE_COORDINATOR, 0, &err), -EBUSY, "another coordinator");

    assert_int_equal(kill(holder, SIGKILL), 0); /* however it ends: its claim ends with it */
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    OK(store_claim(s, STORE_COLLECTOR, p.death_us, &err));
    OK(store_keep_claim(s, &err));
    store_close(s);
    OK(store_claim(same, STORE_COLLECTOR, 0, &err)); /* and with the handle */
    OK(store_claim(same, STORE_COORDINATOR, 0, &err));
    store_close(same);
    if (p.kind == PLACE_SQLITE)
        unlink(link_path);
    place_remove(&p);
}

static void *close_soon(void *s)
{
    usleep(100000);
    store_close(s);
    return NULL;
}

EVERYWHERE(a_predecessor_that_is_just_ending)
{
    struct place p;
    pthread_t thread;
    place_make(&p);
    struct store *before = store_at(p.url, STORE_CREATE), *s = store_at(p.url, STORE_WRITE);
    OK(store_claim(before, STORE_COLLECTOR, 0, &err));
    assert_int_equal(pthread_create(&thread, NULL, close_soon, before), 0);
    OK(store_claim(s, STORE_COLLECTOR, 20 * US_PER_S, &err));
    pthread_join(thread, NULL);
    store_close(s);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there),   cmocka_unit_test(test_something_else_there),
        cmocka_unit_test(test_paths_are_paths), cmocka_unit_test(test_rights),
        cmocka_unit_test(test_one_of_each),     cmocka_unit_test(test_a_predecessor_that_is_just_ending),
    };
    return cmocka_run_group_tests_name("store: places", tests, NULL, NULL);
}
