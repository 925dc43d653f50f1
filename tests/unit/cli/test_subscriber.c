/* A feed's numbers, and a feed. */
#include "cli/subscriber.h"

#include "common/bus.h"
#include "proto/wire.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void counts_what_is_missing(void **state)
{
    static const struct {
        uint64_t last, seq;
        enum feed_step step;
        uint64_t missed;
    } rows[] = {
        {0,    1,   FEED_FIRST, 0 },
        { 0,   500, FEED_FIRST, 0 },
        { 1,   2,   FEED_NEXT,  0 },
        { 500, 501, FEED_NEXT,  0 },
        { 500, 502, FEED_GAP,   1 },
        { 1,   100, FEED_GAP,   98},
        { 500, 1,   FEED_AGAIN, 0 },
        { 500, 500, FEED_AGAIN, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t missed = 99;
        assert_int_equal(feed_step(rows[i].last, rows[i].seq, &missed), rows[i].step);
        assert_int_equal(missed, rows[i].missed);
    }
}

struct heard {
    struct loop *loop;
    unsigned events, missed, again, bad;
    char site[40];
};

static void on_event(void *arg, const struct event *e)
{
    struct heard *h = arg;
    h->events++;
    snprintf(h->site, sizeof h->site, "%s", e->site);
}

static void on_missed(void *arg, uint64_t n)
{
    ((struct heard *)arg)->missed += (unsigned)n;
}

static void on_again(void *arg)
{
    ((struct heard *)arg)->again++;
}

static void on_bad(void *arg, const struct err *err)
{
    assert_true(err->text[0]);
    ((struct heard *)arg)->bad++;
}

static void tell(void *pub, uint64_t seq)
{
    uint8_t buf[8192];
    const struct event e = { .kind = EVENT_NOTICE,
                             .seq = seq,
                             .at_us = 1,
                             .site_id = 1,
                             .site = "shop",
                             .url = "http://shop.test/",
                             .channel = "console:",
                             .text = "",
                             .incident_id = 1,
                             .began_us = 1 };
    int n = wire_pack_event(&e, buf, sizeof buf);
    assert_true(n > 0);
    assert_int_equal(bus_send_topic(pub, "notice", buf, (size_t)n), 0);
}

static void hears_a_feed(void **state)
{
    static const struct subscriber_hooks hooks = {
        .event = on_event, .missed = on_missed, .again = on_again, .bad = on_bad
    };
    struct heard h = { 0 };
    struct err err = { 0 };
    char bound[160];
    void *pub = NULL;
    (void)state;
    {
        scoped(bus) struct bus *bus = NULL;
        scoped(loop) struct loop *loop = NULL;
        scoped(subscriber) struct subscriber *s = NULL;
        assert_int_equal(bus_new(&bus), 0);
        assert_int_equal(loop_new(&loop), 0);
        if (bus_open(bus, LANE_FEED, SIDE_FROM, "tcp://127.0.0.1:*", &pub, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(bus_endpoint(pub, bound, sizeof bound), 0);
        struct config config;
        config_init(&config);
        snprintf(config.endpoint.feed, ENDPOINT_SIZE, "tcp://127.0.0.1%s", strrchr(bound, ':'));
        if (subscriber_new(&s, loop, &config, &hooks, &h, &err) < 0)
            fail_msg("%s", err.text);
        uint64_t seq = 0;
        for (int i = 0; i < 1000 && h.events == 0; i++) { /* until the subscription has arrived */
            tell(pub, ++seq);
            loop_turn(loop, 10);
        }
        assert_true(h.events > 0);
        for (int i = 0; i < 20; i++)
            loop_turn(loop, 5);
        assert_int_equal(h.missed, 0);
        tell(pub, seq + 4);
        tell(pub, 1);
        bus_send_topic(pub, "notice", "nonsense", 8);
        for (int i = 0; i < 1000 && h.bad == 0; i++)
            loop_turn(loop, 10);
        assert_int_equal(h.missed, 3);
        assert_int_equal(h.again, 1);
        assert_int_equal(h.bad, 1);
        assert_string_equal(h.site, "shop");
        bus_close(pub);
    }
}

/* Each counts its own; one that is silent holds up nobody. */
static void hears_several(void **state)
{
    static const struct subscriber_hooks hooks = {
        .event = on_event, .missed = on_missed, .again = on_again, .bad = on_bad
    };
    struct heard h = { 0 };
    struct err err = { 0 };
    char bound[160], where[SUBSCRIBER_WHERE_SIZE];
    void *pub[2] = { NULL };
    int port[2] = { 0 };
    (void)state;
    {
        scoped(bus) struct bus *bus = NULL;
        scoped(loop) struct loop *loop = NULL;
        scoped(subscriber) struct subscriber *s = NULL;
        assert_int_equal(bus_new(&bus), 0);
        assert_int_equal(loop_new(&loop), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(bus_open(bus, LANE_FEED, SIDE_FROM, "tcp://127.0.0.1:*", &pub[i], &err), 0);
            assert_int_equal(bus_endpoint(pub[i], bound, sizeof bound), 0);
            port[i] = atoi(strrchr(bound, ':') + 1);
        }
        struct config config;
        config_init(&config);
        snprintf(config.operator.feeds, sizeof config.operator.feeds,
                 "tcp://127.0.0.1:%d, tcp://127.0.0.1:%d, tcp://127.0.0.1:1", port[0], port[1]);
        assert_int_equal(subscriber_new(&s, loop, &config, &hooks, &h, &err), 0);
        assert_non_null(strstr(subscriber_where(&config, where), " and 2 more"));
        uint64_t seq[2] = { 0, 5000 };
        for (int i = 0; i < 2; i++) {
            unsigned before = h.events;
            for (int k = 0; k < 1000 && h.events == before; k++) {
                tell(pub[i], ++seq[i]);
                loop_turn(loop, 10);
            }
            assert_true(h.events > before);
        }
        tell(pub[0], ++seq[0]);
        tell(pub[1], ++seq[1]);
        tell(pub[0], seq[0] += 3);
        for (int i = 0; i < 1000 && h.missed == 0; i++)
            loop_turn(loop, 10);
        assert_int_equal(h.missed, 2);
        assert_int_equal(h.again, 0);
        bus_close(pub[0]);
        bus_close(pub[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts_what_is_missing),
                                        cmocka_unit_test(hears_a_feed), cmocka_unit_test(hears_several) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
