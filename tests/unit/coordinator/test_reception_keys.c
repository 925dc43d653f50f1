/* What a key may say to the coordinator, over real sockets with keys. */
#include "tests/unit/coordinator/stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct guests { /* two workers' own worlds */
    struct key_pair key[2];
    struct bus *bus[2];
};
static struct guests guests;

static unsigned free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void use_keys(struct bus *b, const struct key_pair *own, const char *server, bool serves)
{
    struct bus_keys keys = { .own = *own, .serves = serves, .loopback = true };
    struct err err = { 0 };
    strcpy(keys.server, server);
    if (bus_use_keys(b, &keys, &err) < 0)
        fail_msg("%s", err.text);
}

static void start_keyed(struct world *w)
{
    struct err err = { 0 };
    uint32_t epoch = 0;
    set(w, "endpoint.control", "tcp://127.0.0.1:%u", free_port());
    set(w, "endpoint.jobs", "tcp://127.0.0.1:*");
    set(w, "endpoint.results", "ipc://%s/results", w->folder);
    set(w, "endpoint.feedback", "ipc://%s/feedback", w->folder);
    set(w, "locations", "local, us");
    set(w, "store", "%s", w->url);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(store_next_epoch(w->editor, &epoch, NULL), 0);
    assert_int_equal(store_open(&w->store, w->url, STORE_READ, NULL), 0);
    assert_int_equal(bus_open(w->bus, LANE_RESULTS, SIDE_TO, w->config.endpoint.results, &w->results, &err),
                     0);
    if (coordinator_new(&w->coordinator, &w->config, w->loop, w->bus, w->store, w->board, NULL, epoch, &err) <
        0)
        fail_msg("%s", err.text);
    assert_int_equal(
        bus_open(w->bus, LANE_FEEDBACK, SIDE_FROM, w->config.endpoint.feedback, &w->feedback, &err), 0);
}

static int begin_keyed(void **state)
{
    struct key_pair cluster;
    begin(state);
    struct world *w = *state;
    assert_int_equal(key_pair_make(&cluster, NULL), 0);
    use_keys(w->bus, &cluster, cluster.public, true);
    for (size_t i = 0; i < 2; i++) {
        struct access_key k = { .role = ACCESS_WORKER, .location = "local", .made_us = 1 };
        assert_int_equal(key_pair_make(&guests.key[i], NULL), 0);
        strcpy(k.public, guests.key[i].public);
        assert_int_equal(store_add_key(w->editor, &k, NULL, NULL), 0);
        assert_int_equal(bus_new(&guests.bus[i]), 0);
        use_keys(guests.bus[i], &guests.key[i], cluster.public, false);
    }
    start_keyed(w);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(bus_open(guests.bus[i], LANE_CONTROL, SIDE_FROM, w->config.endpoint.control,
                                  &w->lane[i].control, NULL),
                         0);
    return 0;
}

static int end_keyed(void **state)
{
    struct world *w = *state;
    leave(&w->lane[0]);
    leave(&w->lane[1]);
    for (size_t i = 0; i < 2; i++)
        bus_free(guests.bus[i]);
    return end(state);
}

static uint64_t dropped(struct world *w)
{
    unsigned n = w->n_vitals;
    until(w, w->n_vitals > n);
    return w->vitals.dropped;
}

static void enter(struct world *w, int i, const char *name)
{
    struct thread *l = &w->lane[i];
    say_hello(w, l, name, "local");
    until(w, l->told[CONTROL_WELCOME] > 0);
    assert_int_equal(
        bus_open(guests.bus[i], LANE_JOBS, SIDE_TO, l->last[CONTROL_WELCOME].jobs, &l->jobs, NULL), 0);
}

static void a_key_is_for_its_location(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    say_hello(w, l, "w1", "us");
    until(w, l->told[CONTROL_REFUSED] > 0);
    assert_non_null(strstr(l->last[CONTROL_REFUSED].text, "another location"));
    assert_int_equal(l->told[CONTROL_WELCOME], 0);
    assert_int_equal(dropped(w), 1);
    enter(w, 0, "w1");
    assert_int_equal(dropped(w), 1);
}

static void a_name_is_its_keys_while_it_is_there(void **state)
{
    struct world *w = *state;
    struct thread *owner = &w->lane[0], *thief = &w->lane[1];
    enter(w, 0, "w1");
    assert_int_equal(dropped(w), 0);
    assert_int_equal(w->vitals.n_workers, 1);
    assert_int_equal(w->vitals.workers[0].key, 1);

    say_hello(w, thief, "w1", "local");
    until(w, thief->told[CONTROL_REFUSED] > 0);
    assert_non_null(strstr(thief->last[CONTROL_REFUSED].text, "another key's worker"));
    thief->nonce = owner->nonce; /* as if it had listened */
    say(w, thief, CONTROL_GOODBYE, NULL, 0);
    say(w, thief, CONTROL_DRAINING, NULL, 0);
    until(w, dropped(w) == 3);
    assert_int_equal(w->vitals.workers[0].health, WORKER_READY);
    assert_int_equal(w->vitals.workers[0].key, 1);

    say(w, owner, CONTROL_GOODBYE, NULL, 0);
    owner->silent = true;
    pass(w, 100);
    thief->nonce = 77;
    enter(w, 1, "w1"); /* the name is free */
    dropped(w);
    assert_int_equal(w->vitals.workers[0].key, 2);
}

static void watch_shop(struct world *w)
{
    edit(w, &(struct site){
                .name = "shop",
                .url = "http://shop.example.com/",
                .tags = "",
                .every_ms = 1000,
                .timeout_ms = 900,
                .contains = "",
                .confirm = {2, 15000}
    });
}

/* What says that a job was given goes out with it. */
static void jobs_are_sealed(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    struct seal_key right;
    bus_seal_key(w->bus, &right);
    enter(w, 0, "w1");
    watch_shop(w);
    l->looks = true;
    until(w, l->n_jobs > 2);
    for (size_t i = 0; i < l->n_jobs; i++)
        assert_true(seal_is_right(&right, l->job[i].seal, l->job[i].id, &l->job[i].run));
}

/* One of another location, which says that it has, will not do, and holds what it was never given. */
static void jobs_are_their_locations(void **state)
{
    struct world *w = *state;
    struct thread *here = &w->lane[0], *far = &w->lane[1];
    enter(w, 0, "w1");
    bus_close(far->control);
    far->control = NULL;
    far->silent = true;
    say_hello(w, far, "w2", "us"); /* by the cluster's own key, which may be anywhere */
    until(w, far->told[CONTROL_WELCOME] > 0);
    assert_int_equal(dropped(w), 0);
    edit(w, &(struct site){
                .name = "shop",
                .url = "http://shop.example.com/",
                .tags = "",
                .every_ms = rarely(1),
                .timeout_ms = 900,
                .contains = "",
                .confirm = {2, 15000}
    });
    until(w, here->n_jobs > 0);
    const uint64_t *id = &here->job[0].id;
    say(w, here, CONTROL_TAKEN, id, 1);
    say(w, far, CONTROL_TAKEN, id, 1);
    say(w, far, CONTROL_BUSY, id, 1);
    say(w, far, CONTROL_HEARTBEAT, id, 1);
    assert_int_equal(dropped(w), 3);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(w->vitals.workers[i].in_hand, strcmp(w->vitals.workers[i].worker, "w1") == 0);
}

/* The store says so, nobody tells the coordinator. */
static void a_revoked_key_is_out_within_seconds(void **state)
{
    struct world *w = *state;
    struct thread *goes = &w->lane[0], *stays = &w->lane[1];
    enter(w, 0, "w1");
    enter(w, 1, "w2");
    watch_shop(w);
    stays->looks = goes->looks = true;
    until(w, goes->n_jobs + stays->n_jobs > 0);

    mono_ns before = clock_mono();
    assert_int_equal(store_revoke_key(w->editor, 1, 2, NULL), 0);
    goes->silent = true; /* it has nobody to speak to */
    goes->looks = false;
    until(w, (dropped(w), w->vitals.workers[0].health == WORKER_GONE));
    assert_true(clock_mono() - before < 5 * NS_PER_S);

    unsigned beats_then = stays->told[CONTROL_BEAT], welcomes = goes->told[CONTROL_WELCOME];
    size_t jobs = stays->n_jobs, taken = goes->n_jobs;
    say_hello(w, goes, "w1", "local");
    until(w, stays->n_jobs > jobs && stays->told[CONTROL_BEAT] > beats_then);
    say_hello(w, goes, "w1", "local");
    pass(w, 1000);
    assert_int_equal(goes->told[CONTROL_WELCOME], welcomes);
    assert_int_equal(goes->n_jobs, taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_for_its_location, begin_keyed, end_keyed),
        cmocka_unit_test_setup_teardown(a_name_is_its_keys_while_it_is_there, begin_keyed, end_keyed),
        cmocka_unit_test_setup_teardown(jobs_are_sealed, begin_keyed, end_keyed),
        cmocka_unit_test_setup_teardown(jobs_are_their_locations, begin_keyed, end_keyed),
        cmocka_unit_test_setup_teardown(a_revoked_key_is_out_within_seconds, begin_keyed, end_keyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
