/* Contracts of every store that outlives its handle: who comes second, and who dies in
 * the middle. */
#include "tests/unit/common/stores.h"

#include "common/clock.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

/* ── Two at once ───────────────────────────────────────────────────────── */

EVERYWHERE(a_reader_sees_what_is_committed)
{
    struct place p;
    place_make(&p);
    {
        scoped(store) struct store *writer = store_at(p.url, STORE_CREATE);
        scoped(store) struct store *reader = store_at(p.url, STORE_READ);
        struct site a = a_site("a");
        uint64_t change = 9;
        OK(store_edit_begin(writer, NOON, &err));
        OK(store_edit_site(writer, &a, &a.id, &err));
        OK(store_newest_change(reader, &change, &err));
        assert_int_equal(change, 0);
        WALK("", store_each_site(reader, 0, write_site, &seen, &err));
        OK(store_edit_commit(writer, &err));
        mono_ns since = clock_mono();
        do /* a server's news are on their way for a moment */
            OK(store_newest_change(reader, &change, &err));
        while (change == 0 && clock_mono() - since < 10 * NS_PER_S);
        assert_int_equal(change, 1);
        WALK("1:a ", store_each_site(reader, 0, write_site, &seen, &err));

        struct result r = a_look(1, NOON, VERDICT_UP);
        struct record rec = { .results = &r, .n_results = 1 };
        uint32_t epoch;
        REFUSED(store_record(reader, &rec, &err), -EROFS, p.words);
        REFUSED(store_edit_begin(reader, NOON, &err), -EROFS, p.words);
        REFUSED(store_next_epoch(reader, &epoch, &err), -EROFS, p.words);
        assert_int_equal(record_results(writer, &r, 1), 1);
        WALK("1@0+ ", store_each_result(reader, 1, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    }
    place_remove(&p);
}

struct disturbance {
    struct store *writer;
    unsigned seen;
};

static int disturb(void *arg, const struct site *site)
{
    struct disturbance *d = arg;
    char name[32];
    snprintf(name, sizeof name, "new%u", d->seen++);
    struct site more = a_site(name);
    add_site(d->writer, &more, NOON);
    assert_true(site->id <= 3);
    return 0;
}

EVERYWHERE(a_walk_sees_one_moment)
{
    struct place p;
    place_make(&p);
    {
        scoped(store) struct store *writer = store_at(p.url, STORE_CREATE);
        scoped(store) struct store *reader = store_at(p.url, STORE_READ);
        struct site three[] = { a_site("a"), a_site("b"), a_site("c") };
        for (int i = 0; i < 3; i++)
            add_site(writer, &three[i], NOON);
        struct disturbance d = { writer, 0 };
        OK(store_each_site(reader, 0, disturb, &d, &err));
        assert_int_equal(d.seen, 3);
        WALK("1:a 2:b 3:c 4:new0 5:new1 6:new2 ", store_each_site(reader, 0, write_site, &seen, &err));
    }
    place_remove(&p);
}

EVERYWHERE(a_writer_waits_as_long_as_its_patience)
{
    struct place p;
    place_make(&p);
    {
        scoped(store) struct store *first = store_at(p.url, STORE_CREATE);
        scoped(store) struct store *second = store_at(p.url, STORE_WRITE);
        struct result r = a_look(1, NOON, VERDICT_UP);
        struct record rec = { .results = &r, .n_results = 1 };
        OK(store_edit_begin(first, NOON, &err));
        store_set_patience(second, 200 * US_PER_MS);
        mono_ns before = clock_mono();
        REFUSED(store_edit_begin(second, NOON, &err), -EBUSY, "locked");
        REFUSED(store_edit_begin(second, NOON, &err), -EBUSY, p.words);
        mono_ns waited = clock_mono() - before;
        assert_in_range(waited, 350 * NS_PER_MS, 20 * NS_PER_S);
        store_set_patience(second, 60 * US_PER_S);
        store_set_patience(second, 0);
        before = clock_mono();
        REFUSED(store_edit_begin(second, NOON, &err), -EBUSY, "locked");
        if (p.one_writer)
            REFUSED(store_record(second, &rec, &err), -EBUSY, "locked");
        else /* what is recorded is no edit */
            OK(store_record(second, &rec, &err));
        assert_in_range(clock_mono() - before, 0, 20 * NS_PER_S);
        store_edit_abort(first);
        store_set_patience(second, 20 * US_PER_S);
        assert_int_equal(record_results(second, &r, 1), p.one_writer);
    }
    place_remove(&p);
}

/* In a process of its own; what `fn` returns is its exit status. */
static pid_t child(int (*fn)(const char *url, int pipe), const char *url, int *ret_pipe)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        _exit(fn(url, fd[1]));
    }
    close(fd[1]);
    *ret_pipe = fd[0];
    return pid;
}

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int hold_for_a_while(const char *url, int pipe)
{
    struct store *s = NULL;
    struct site site = a_site("from the other");
    if (store_open(&s, url, STORE_WRITE, NULL) < 0 || store_edit_begin(s, NOON, NULL) < 0 ||
        store_edit_site(s, &site, &site.id, NULL) < 0 || write(pipe, "x", 1) != 1)
        return 1;
    nanosleep(&(struct timespec){ 0, 400 * NS_PER_MS }, NULL);
    int r = store_edit_commit(s, NULL);
    store_close(s);
    return r < 0;
}

EVERYWHERE(a_writer_waits_for_another_process)
{
    struct place p;
    char byte;
    int fd;
    place_make(&p);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_CREATE);
        store_set_patience(s, 60 * US_PER_S);
        mono_ns before = clock_mono();
        pid_t pid = child(hold_for_a_while, p.url, &fd);
        assert_int_equal(read(fd, &byte, 1), 1);
        struct site mine = a_site("mine");
        assert_int_equal(add_site(s, &mine, NOON), 2);
        assert_true(clock_mono() - before >= 400 * NS_PER_MS);
        assert_int_equal(status_of(pid), 0);
        close(fd);
    }
    place_remove(&p);
}

static int draw_epochs(const char *url, int pipe)
{
    struct store *s = NULL;
    struct err err = { 0 };
    uint32_t epoch = 0;
    int r = store_open(&s, url, STORE_CREATE, &err);
    if (r == 0)
        r = store_next_epoch(s, &epoch, &err);
    if (r < 0)
        fprintf(stderr, "%d: %s\n", r, err.text);
    store_close(s);
    return r < 0 || write(pipe, &epoch, sizeof epoch) != sizeof epoch;
}

EVERYWHERE(many_may_make_the_same_store)
{
    for (int round = 0; round < 5; round++) {
        struct place p;
        pid_t pid[8];
        int fd[8];
        unsigned drawn = 0;
        place_make(&p);
        for (int i = 0; i < 8; i++)
            pid[i] = child(draw_epochs, p.url, &fd[i]);
        for (int i = 0; i < 8; i++) {
            uint32_t epoch = 0;
            assert_int_equal(status_of(pid[i]), 0);
            assert_int_equal(read(fd[i], &epoch, sizeof epoch), sizeof epoch);
            assert_in_range(epoch, 1, 8);
            drawn |= 1u << epoch;
            close(fd[i]);
        }
        assert_int_equal(drawn, 0x1fe); /* each once */
        place_remove(&p);
    }
}

/* ── Dying in the middle ───────────────────────────────────────────────── */

#define BATCH 200

/* Batch after batch, saying the number of each that is committed. */
static int record_for_ever(const char *url, int pipe)
{
    static struct result r[BATCH];
    struct store *s = NULL;
    if (store_open(&s, url, STORE_WRITE, NULL) < 0)
        return 1;
    for (uint32_t batch = 1;; batch++) {
        struct site_state st = { .site_id = 1, .last_slot_us = NOON + batch };
        struct incident in = { .id = batch, .site_id = 1 };
        struct record rec = {
            .results = r, .n_results = BATCH, .states = &st, .n_states = 1, .incidents = &in, .n_incidents = 1
        };
        for (unsigned i = 0; i < BATCH; i++)
            r[i] = a_look(1 + i, NOON + batch, VERDICT_UP);
        if (store_record(s, &rec, NULL) < 0 || write(pipe, &batch, sizeof batch) != sizeof batch)
            return 1;
    }
}

struct tally {
    uint32_t lines[4096];
    uint32_t batches;
};

static int count_line(void *arg, const struct result *r)
{
    struct tally *t = arg;
    uint32_t batch = (uint32_t)(r->run.slot_us - NOON);
    assert_in_range(batch, 1, 4095);
    t->batches += t->lines[batch]++ == 0;
    return 0;
}

static int get_slot(void *arg, const struct site_state *st)
{
    *(wall_us *)arg = st->last_slot_us - NOON;
    return 0;
}

static void check_after_death(const char *url, uint32_t acknowledged)
{
    static struct tally t;
    struct summary sum;
    wall_us slot = 0;
    uint64_t incident, notice;
    memset(&t, 0, sizeof t);
    scoped(store) struct store *s = store_at(url, STORE_WRITE);
    OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, count_line, &t, &err));
    assert_in_range(t.batches, acknowledged, acknowledged + 1); /* the last may be in, and not be said */
    for (uint32_t i = 1; i <= t.batches; i++)
        assert_int_equal(t.lines[i], BATCH); /* whole ones only */
    OK(store_each_state(s, 1, get_slot, &slot, &err));
    OK(store_newest_ids(s, &incident, &notice, &err));
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(slot, t.batches);
    assert_int_equal(incident, t.batches);
    assert_int_equal(sum.looks, t.batches * BATCH);
    struct result r = a_look(1, NOON + 5000, VERDICT_UP);
    assert_int_equal(record_results(s, &r, 1), 1);
}

EVERYWHERE(what_was_said_to_be_recorded_is_there_after_a_kill)
{
    for (int round = 0; round < 8; round++) {
        struct place p;
        uint32_t acknowledged = 0, batch;
        int fd;
        place_make(&p);
        store_close(store_at(p.url, STORE_CREATE));
        pid_t pid = child(record_for_ever, p.url, &fd);
        for (int i = 0; i < 3 + round; i++) {
            assert_int_equal(read(fd, &batch, sizeof batch), sizeof batch);
            acknowledged = batch;
        }
        nanosleep(&(struct timespec){ 0, round * 700 * NS_PER_US }, NULL); /* somewhere in the next */
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_true(WIFSIGNALED(status_of(pid)));
        while (read(fd, &batch, sizeof batch) == sizeof batch)
            acknowledged = batch;
        close(fd);
        check_after_death(p.url, acknowledged);
        place_remove(&p);
    }
}

static int die_in_an_edit(const char *url, int pipe)
{
    struct store *s = NULL;
    struct site site = a_site("never");
    if (store_open(&s, url, STORE_WRITE, NULL) < 0 || store_edit_begin(s, NOON, NULL) < 0 ||
        store_edit_site(s, &site, &site.id, NULL) < 0 || write(pipe, "x", 1) != 1)
        return 1;
    pause();
    return 1;
}

EVERYWHERE(an_edit_dies_with_its_process)
{
    struct place p;
    char byte;
    int fd;
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    pid_t pid = child(die_in_an_edit, p.url, &fd);
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(WIFSIGNALED(status_of(pid)));
    close(fd);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_WRITE);
        uint64_t change = 9;
        store_set_patience(s, p.death_us); /* nobody holds it any more */
        OK(store_newest_change(s, &change, &err));
        assert_int_equal(change, 0);
        struct site site = a_site("mine");
        assert_int_equal(add_site(s, &site, NOON), 1);
    }
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reader_sees_what_is_committed),
        cmocka_unit_test(test_a_walk_sees_one_moment),
        cmocka_unit_test(test_a_writer_waits_as_long_as_its_patience),
        cmocka_unit_test(test_a_writer_waits_for_another_process),
        cmocka_unit_test(test_many_may_make_the_same_store),
        cmocka_unit_test(test_what_was_said_to_be_recorded_is_there_after_a_kill),
        cmocka_unit_test(test_an_edit_dies_with_its_process),
    };
    return cmocka_run_group_tests_name("store: trouble", tests, NULL, NULL);
}
