/* delivery.h - one attempt through a channel, from its beginning to its end. */
#ifndef TESTS_UNIT_COLLECTOR_DELIVERY_H
#define TESTS_UNIT_COLLECTOR_DELIVERY_H

#include "collector/channel.h"
#include "collector/notices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

struct delivery {
    struct loop *loop;
    struct channels *channels;
    struct config config;
    struct delivery_end end;
    unsigned ends;
};

static inline void delivery_open(struct delivery *d)
{
    *d = (struct delivery){ 0 };
    config_init(&d->config);
    assert_int_equal(loop_new(&d->loop), 0);
    assert_int_equal(channels_new(&d->channels, d->loop, &d->config, NULL), 0);
}

static inline void delivery_close(struct delivery *d)
{
    channels_free(d->channels);
    loop_free(d->loop);
}

static inline void delivery_done(void *arg, const struct delivery_end *end)
{
    struct delivery *d = arg;
    d->end = *end;
    d->ends++;
}

static inline struct notice *delivery_notice(enum notice_kind kind, const char *channel)
{
    static const struct site_kept site = {
        .id = 7, .name = "caf\xc3\xa9", .url = "https://x.example/", .tags = ""
    };
    static const struct owner owner = { .id = 3, .name = "team" };
    struct incident i = { .id = 12,
                          .site_id = 7,
                          .began_us = INT64_C(1772373731) * US_PER_S,
                          .confirmed_us = INT64_C(1772373740) * US_PER_S,
                          .cause = CAUSE_HTTP_5XX,
                          .status = 503 };
    struct notice_facts f = { .kind = kind,
                              .incident = &i,
                              .site = &site,
                              .owner = &owner,
                              .reason = "",
                              .now = INT64_C(1772373741) * US_PER_S };
    return notice_make(1, &f, channel);
}

/* Ends within half a minute, once. */
static inline enum delivery_word deliver(struct delivery *d, const struct notice *n)
{
    mono_ns until = clock_mono() + 30 * NS_PER_S;
    d->ends = 0;
    loop_turn(d->loop, 0);
    channel_begin(d->channels, n, delivery_done, d);
    while (d->ends == 0 && clock_mono() < until)
        loop_turn(d->loop, 50);
    assert_int_equal(d->ends, 1);
    loop_turn(d->loop, 0);
    assert_int_equal(d->ends, 1);
    return d->end.word;
}

#endif
