/* What a key may report, over real sockets with keys. */
#include "collector/ingest.h"
#include "collector/parcel.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct net {
    char folder[64];
    struct config config;
    struct key_pair cluster, worker[2];
    struct bus *bus, *guest[2];
    struct loop *loop;
    struct ingest *ingest;
    void *from[2], *coordinator;
    struct seal_key seal;
};

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

static struct bus *bus_with(const struct key_pair *own, const char *server, bool serves)
{
    struct bus_keys keys = { .own = *own, .serves = serves, .loopback = true };
    struct bus *b = NULL;
    strcpy(keys.server, server);
    assert_int_equal(bus_new(&b), 0);
    assert_int_equal(bus_use_keys(b, &keys, NULL), 0);
    return b;
}

static struct access_list *let_in(struct net *n, size_t count)
{
    struct access_list *l = NULL;
    assert_int_equal(access_list_new(&l), 0);
    for (size_t i = 0; i < count; i++) {
        struct access_key k = { .id = i + 1, .role = ACCESS_WORKER };
        strcpy(k.public, n->worker[i].public);
        strcpy(k.location, i ? "us" : "eu");
        assert_int_equal(access_list_add(l, &k, 0), 0);
    }
    return l;
}

static void on_arrived(void *arg)
{
    (void)arg;
}

static int begin(void **state)
{
    struct net *n = calloc(1, sizeof *n);
    struct err err = { 0 };
    log_setup("test", LOG_OFF);
    strcpy(n->folder, "/tmp/vedette-ingest-keys-XXXXXX");
    assert_non_null(mkdtemp(n->folder));
    config_init(&n->config);
    snprintf(n->config.endpoint.results, ENDPOINT_SIZE, "tcp://127.0.0.1:%u", free_port());
    snprintf(n->config.endpoint.feed, ENDPOINT_SIZE, "ipc://%s/feed", n->folder);
    snprintf(n->config.endpoint.feedback, ENDPOINT_SIZE, "ipc://%s/feedback", n->folder);
    assert_int_equal(key_pair_make(&n->cluster, NULL), 0);
    n->bus = bus_with(&n->cluster, n->cluster.public, true);
    bus_seal_key(n->bus, &n->seal);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(key_pair_make(&n->worker[i], NULL), 0);
        n->guest[i] = bus_with(&n->worker[i], n->cluster.public, false);
    }
    bus_let_in(n->bus, let_in(n, 2));
    assert_int_equal(loop_new(&n->loop), 0);
    if (ingest_new(&n->ingest, n->loop, n->bus, &n->config, on_arrived, n, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            bus_open(n->guest[i], LANE_RESULTS, SIDE_FROM, n->config.endpoint.results, &n->from[i], NULL), 0);
    assert_int_equal(
        bus_open(n->bus, LANE_RESULTS, SIDE_FROM, n->config.endpoint.results, &n->coordinator, NULL), 0);
    *state = n;
    return 0;
}

static int end(void **state)
{
    struct net *n = *state;
    char path[100];
    for (size_t i = 0; i < 2; i++) {
        bus_close(n->from[i]);
        bus_free(n->guest[i]);
    }
    bus_close(n->coordinator);
    ingest_free(n->ingest);
    loop_free(n->loop);
    bus_free(n->bus);
    snprintf(path, sizeof path, "%s/feed", n->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/feedback", n->folder);
    unlink(path);
    rmdir(n->folder);
    free(n);
    return 0;
}

static void send_report(struct net *n, void *socket, const struct report *rep)
{
    uint8_t buf[4096];
    int len = wire_pack_report(rep, buf, sizeof buf), r = -1;
    assert_true(len > 0);
    for (int i = 0; i < 500 && r < 0; i++) {
        r = bus_send(socket, buf, (size_t)len);
        loop_turn(n->loop, 10);
    }
    assert_int_equal(r, 0);
}

/* Of a job that was given. */
static struct result looked(const struct net *n, const char *worker, const char *location)
{
    struct result r = {
        .job_id = 1, .run = {.site_id = 1, .slot_us = 1},
             .span = 1, .verdict = VERDICT_UP, .at_us = 1
    };
    strcpy(r.worker, worker);
    strcpy(r.run.location, location);
    r.seal = seal_make(&n->seal, r.job_id, &r.run);
    return r;
}

/* Whether it arrived; otherwise it was counted. */
static bool arrives(struct net *n, void *socket, const struct report *rep)
{
    struct ingest_counts before = ingest_counts(n->ingest), now = before;
    send_report(n, socket, rep);
    for (int i = 0; i < 500 && now.reports + now.malformed == before.reports + before.malformed; i++) {
        loop_turn(n->loop, 10);
        now = ingest_counts(n->ingest);
    }
    assert_int_equal(now.reports + now.malformed, before.reports + before.malformed + 1);
    parcel_free(ingest_take(n->ingest));
    return now.reports > before.reports;
}

static bool result_arrives(struct net *n, void *socket, const char *worker, const char *location)
{
    struct result r = looked(n, worker, location);
    return arrives(n, socket, &(struct report){ .kind = REPORT_RESULTS, .results = &r, .n_results = 1 });
}

static bool vitals_arrive(struct net *n, void *socket, const char *worker, uint64_t key,
                          enum worker_health health)
{
    struct worker_vitals w = { .health = health, .key = key };
    struct vitals v = { .at_us = 1, .started_us = 1, .parts = 1, .workers = &w, .n_workers = 1 };
    strcpy(w.worker, worker);
    strcpy(w.location, "eu");
    return arrives(n, socket, &(struct report){ .kind = REPORT_VITALS, .vitals = v });
}

static void a_key_reports_for_its_location_and_names(void **state)
{
    struct net *n = *state;
    assert_true(result_arrives(n, n->from[0], "w1", "eu"));
    assert_false(result_arrives(n, n->from[0], "w1", "us"));
    assert_false(result_arrives(n, n->from[0], "coordinator", "eu"));
    assert_false(vitals_arrive(n, n->from[0], "w1", 1, WORKER_READY));
    assert_true(result_arrives(n, n->from[1], "w2", "us"));
    assert_false(result_arrives(n, n->from[1], "w1", "us")); /* it was the other's first */

    struct result two[] = { looked(n, "w1", "eu"), looked(n, "w2", "eu") }; /* one of them is not its own */
    assert_false(
        arrives(n, n->from[0], &(struct report){ .kind = REPORT_RESULTS, .results = two, .n_results = 2 }));
    assert_int_equal(ingest_counts(n->ingest).malformed, 5);
}

static bool one_arrives(struct net *n, void *socket, struct result r)
{
    return arrives(n, socket, &(struct report){ .kind = REPORT_RESULTS, .results = &r, .n_results = 1 });
}

/* Of a worker's key only results of jobs that were given, as they were given. */
static void a_job_that_was_not_given_has_no_result(void **state)
{
    struct net *n = *state;
    struct result given = looked(n, "w1", "eu"), r = given;
    struct seal_key others;
    seal_key_make(&others, n->worker[0].secret);
    assert_true(one_arrives(n, n->from[0], r));
    r.verdict = VERDICT_DOWN; /* what it saw is its own word */
    r.cause = CAUSE_RESET;
    assert_true(one_arrives(n, n->from[0], r));

    uint64_t dropped = ingest_counts(n->ingest).malformed;
    r.seal = 0;
    assert_false(one_arrives(n, n->from[0], r));
    r.seal = seal_make(&others, r.job_id, &r.run);
    assert_false(one_arrives(n, n->from[0], r));
    for (int what = 0; what < 4; what++) {
        r = given;
        *(what == 0 ? &r.job_id : what == 1 ? &r.run.site_id : (uint64_t *)&r.run.slot_us) += what < 3;
        r.run.look += what == 3;
        assert_false(one_arrives(n, n->from[0], r));
    }
    assert_int_equal(ingest_counts(n->ingest).malformed, dropped + 6);

    /* One such among others takes these with it: they come again, without it. */
    struct result two[] = { given, given };
    two[1].job_id++;
    assert_false(
        arrives(n, n->from[0], &(struct report){ .kind = REPORT_RESULTS, .results = two, .n_results = 2 }));
    r = looked(n, "w9", "eu");
    r.seal = 0; /* who has the cluster's own key could make any */
    assert_true(one_arrives(n, n->coordinator, r));
}

static void the_coordinator_knows_whose_a_name_is(void **state)
{
    struct net *n = *state;
    assert_true(result_arrives(n, n->from[1], "w1", "us"));
    assert_true(vitals_arrive(n, n->coordinator, "w1", 1, WORKER_READY));
    assert_false(result_arrives(n, n->from[1], "w1", "us"));
    assert_true(result_arrives(n, n->from[0], "w1", "eu"));
    assert_true(
        vitals_arrive(n, n->coordinator, "w1", 2, WORKER_GONE)); /* of one that is gone nothing is learnt */
    assert_true(result_arrives(n, n->from[0], "w1", "eu"));
    assert_true(result_arrives(n, n->coordinator, "coordinator", "eu"));
}

/* Sent again and again, since a connection may be ending: how many arrived. */
static uint64_t keep_sending(struct net *n, void *socket, const char *worker, const char *location, int turns)
{
    struct result r = looked(n, worker, location);
    uint8_t buf[4096];
    int len = wire_pack_report(&(struct report){ .kind = REPORT_RESULTS, .results = &r, .n_results = 1 }, buf,
                               sizeof buf);
    uint64_t before = ingest_counts(n->ingest).reports;
    for (int i = 0; i < turns && ingest_counts(n->ingest).reports == before; i++) {
        (void)bus_send(socket, buf, (size_t)len);
        loop_turn(n->loop, 10);
    }
    return ingest_counts(n->ingest).reports - before;
}

static void a_revoked_key_reports_nothing(void **state)
{
    struct net *n = *state;
    struct err err = { 0 };
    assert_true(result_arrives(n, n->from[0], "w1", "eu"));
    assert_true(result_arrives(n, n->from[1], "w2", "us"));
    scoped(access_list) struct access_list *left = let_in(n, 1);
    bus_let_in(n->bus, let_in(n, 1));
    if (ingest_revoke(n->ingest, left, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(keep_sending(n, n->from[0], "w1", "eu", 1000) > 0);
    while (ingest_has_parcels(n->ingest))
        parcel_free(ingest_take(n->ingest));
    loop_turn(n->loop, 10);
    assert_int_equal(keep_sending(n, n->from[1], "w2", "us", 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_reports_for_its_location_and_names, begin, end),
        cmocka_unit_test_setup_teardown(a_job_that_was_not_given_has_no_result, begin, end),
        cmocka_unit_test_setup_teardown(the_coordinator_knows_whose_a_name_is, begin, end),
        cmocka_unit_test_setup_teardown(a_revoked_key_reports_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
