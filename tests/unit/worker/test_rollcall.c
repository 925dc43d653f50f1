/* What a lane says to its coordinator, on a real socket. */
#include "common/log.h"
#include "worker/rollcall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = CONTROL_MAX_PARTS * CONTROL_MAX_IDS };

struct world {
    char folder[64];
    struct config config;
    struct loop *loop;
    struct bus *bus;
    struct rollcall *rollcall;
    struct wire_arena *arena;
    void *coordinator;
    size_t jobs; /* that the lane has: ids 1 and up */
    /* heard */
    size_t n_ids, n_lists, n_beats;
    uint32_t next;
};

static bool on_welcomed(void *arg, const struct control *c)
{
    (void)arg;
    (void)c;
    return true;
}

static void on_beat(void *arg, struct control *c)
{
    (void)arg;
    c->free_slots = 5;
}

static size_t on_list(void *arg, uint64_t *ids, size_t max)
{
    const struct world *w = arg;
    for (size_t i = 0; w->jobs <= max && i < w->jobs; i++)
        ids[i] = i + 1;
    return w->jobs;
}

static const struct rollcall_events events = { .welcomed = on_welcomed, .beat = on_beat, .list = on_list };

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = { 0 };
    snprintf(w->folder, sizeof w->folder, "/tmp/vedette-rollcall-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    config_init(&w->config);
    strcpy(w->config.worker.location, "local");
    snprintf(w->config.endpoint.control, ENDPOINT_SIZE, "ipc://%s/control", w->folder);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(bus_new(&w->bus), 0);
    assert_int_equal(wire_arena_new(&w->arena), 0);
    const struct rollcall_self self = {
        .config = &w->config, .where = w->config.endpoint.control, .worker = "w1", .nonce = 5
    };
    if (bus_open(w->bus, LANE_CONTROL, SIDE_TO, w->config.endpoint.control, &w->coordinator, &err) < 0 ||
        rollcall_new(&w->rollcall, w->loop, w->bus, &self, &events, w, &err) < 0)
        fail_msg("%s", err.text);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    char path[80];
    rollcall_free(w->rollcall);
    bus_close(w->coordinator);
    loop_free(w->loop);
    bus_free(w->bus);
    wire_arena_free(w->arena);
    snprintf(path, sizeof path, "%s/control", w->folder);
    unlink(path);
    rmdir(w->folder);
    free(w);
    return 0;
}

static void welcome(struct world *w, const struct bus_message *m, uint64_t nonce)
{
    uint8_t bytes[512];
    struct control c = { .kind = CONTROL_WELCOME, .nonce = nonce, .jobs = "ipc://j", .results = "ipc://r" };
    int len = wire_pack_control(&c, bytes, sizeof bytes);
    assert_true(len > 0);
    assert_int_equal(bus_send_to(w->coordinator, m->peer, m->peer_len, bytes, (size_t)len), 0);
}

static void hear_ids(struct world *w, const struct control *c)
{
    if (c->parts > 1)
        assert_int_equal(c->part, w->next++);
    for (size_t i = 0; i < c->n_ids; i++)
        assert_int_equal(c->ids[i], ++w->n_ids); /* all, in order, each once */
    w->n_lists += c->all_ids || (c->parts > 1 && c->part + 1 == c->parts);
    w->n_beats++;
    assert_int_equal(c->free_slots, 5);
}

/* A coordinator that has just started welcomes the lane, and hears what it has. */
static void one_list(struct world *w, size_t jobs, uint64_t nonce)
{
    mono_ns until = clock_mono() + 10 * NS_PER_S;
    w->jobs = jobs;
    w->n_ids = w->n_lists = w->n_beats = w->next = 0;
    while (w->n_beats == 0 || (w->next > 0 && w->n_lists == 0)) {
        struct bus_message m;
        assert_true(clock_mono() < until);
        loop_turn(w->loop, 5);
        while (bus_take(w->coordinator, &m) == 1) {
            struct control c;
            assert_int_equal(wire_unpack_control(w->arena, m.bytes, m.len, &c, NULL), 0);
            if (c.kind == CONTROL_HELLO)
                welcome(w, &m, nonce);
            else if (c.kind == CONTROL_HEARTBEAT)
                hear_ids(w, &c);
            bus_message_done(&m);
        }
    }
}

static void test_a_full_list_of_any_length(void **state)
{
    static const size_t jobs[] = {
        0, 1, CONTROL_MAX_IDS, CONTROL_MAX_IDS + 1, 3 * CONTROL_MAX_IDS, 10000, MOST - 1, MOST
    };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        begin(state);
        struct world *w = *state;
        one_list(w, jobs[i], 77);
        assert_int_equal(w->n_lists, 1);
        assert_int_equal(w->n_ids, jobs[i]);
        size_t parts = (jobs[i] + CONTROL_MAX_IDS - 1) / CONTROL_MAX_IDS;
        assert_int_equal(w->n_beats, parts > 1 ? parts : 1);
        end(state);
    }
}

static void test_more_than_can_be_told_is_not_told(void **state)
{
    begin(state);
    struct world *w = *state;
    one_list(w, MOST + 1, 77);
    assert_int_equal(w->n_beats, 1); /* it lives, and says so */
    assert_int_equal(w->n_lists, 0);
    assert_int_equal(w->n_ids, 0);
    end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_list_of_any_length),
        cmocka_unit_test(test_more_than_can_be_told_is_not_told),
    };
    log_setup("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
