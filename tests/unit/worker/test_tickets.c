/* Sessions kept for the next look: for how long, how many, and with what left out. */
#include "worker/tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW  (1000 * NS_PER_S)
#define WALL (INT64_C(1700000000) * US_PER_S)

static const uint8_t bytes[] = "a session";

static struct ticket ticket(mono_ns full, wall_us expires)
{
    return (struct ticket){
        .session = bytes, .len = sizeof bytes, .proof = {full, expires}
    };
}

static void a_session_is_offered_within_its_hour_and_its_certificate(void **state)
{
    static const struct {
        const char *name;
        mono_ns later;
        wall_us expires;
        bool offered;
    } rows[] = {
        {"at once",                    0,                   WALL + US_PER_DAY, true },
        { "just within the hour",      3600 * NS_PER_S - 1, WALL + US_PER_DAY, true },
        { "after the hour",            3600 * NS_PER_S,     WALL + US_PER_DAY, false},
        { "the certificate has ended", NS_PER_S,            WALL,              false},
        { "it ends in a moment",       NS_PER_S,            WALL + 1,          true },
        { "nobody knows when it ends", NS_PER_S,            0,                 false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(tickets) struct tickets *t = NULL;
        struct ticket k = ticket(NOW, rows[i].expires), got = { 0 };
        assert_int_equal(tickets_new(&t, 4), 0);
        tickets_keep(t, "a.test:443", &k);
        if (tickets_take(t, "a.test:443", NOW + rows[i].later, WALL, &got) != rows[i].offered)
            fail_msg("%s", rows[i].name);
        if (rows[i].offered) {
            assert_int_equal(got.len, sizeof bytes);
            assert_memory_equal(got.session, bytes, sizeof bytes);
            assert_int_equal(got.proof.full_ns, NOW);
            assert_int_equal(got.proof.expires_us, rows[i].expires);
        }
        assert_int_equal(tickets_count(t), 0); /* offered once, or forgotten */
        assert_false(tickets_take(t, "a.test:443", NOW, WALL, &got));
    }
}

static void each_origin_has_its_own(void **state)
{
    (void)state;
    scoped(tickets) struct tickets *t = NULL;
    struct ticket k = ticket(NOW, WALL + 1), newer = ticket(NOW + 1, WALL + 2), got;
    assert_int_equal(tickets_new(&t, 4), 0);
    tickets_keep(t, "a.test:443", &k);
    assert_false(tickets_take(t, "a.test:8443", NOW, WALL, &got));
    assert_false(tickets_take(t, "b.test:443", NOW, WALL, &got));
    tickets_keep(t, "a.test:443", &newer);
    assert_int_equal(tickets_count(t), 1);
    assert_true(tickets_take(t, "a.test:443", NOW, WALL, &got));
    assert_int_equal(got.proof.expires_us, WALL + 2);

    tickets_keep(t, "a.test:443", &k);
    tickets_keep(t, "b.test:443", &k);
    tickets_forget_all(t);
    assert_int_equal(tickets_count(t), 0);
    assert_false(tickets_take(t, "b.test:443", NOW, WALL, &got));
}

static void the_ceiling_holds(void **state)
{
    (void)state;
    scoped(tickets) struct tickets *t = NULL, *none = NULL;
    struct ticket k = ticket(NOW, WALL + 1), got;
    uint8_t large[TICKETS_MAX_BYTES + 1] = { 0 };
    char origin[40];
    assert_int_equal(tickets_new(&t, 3), 0);
    for (int i = 0; i < 5; i++) {
        snprintf(origin, sizeof origin, "s%d.test:443", i);
        tickets_keep(t, origin, &k);
    }
    assert_int_equal(tickets_count(t), 3);
    assert_false(tickets_take(t, "s1.test:443", NOW, WALL, &got)); /* the oldest made room */
    assert_true(tickets_take(t, "s2.test:443", NOW, WALL, &got));

    k.session = large;
    k.len = sizeof large;
    tickets_keep(t, "large.test:443", &k);
    assert_false(tickets_take(t, "large.test:443", NOW, WALL, &got));
    k.len--;
    tickets_keep(t, "large.test:443", &k);
    assert_true(tickets_take(t, "large.test:443", NOW, WALL, &got));

    assert_int_equal(tickets_new(&none, 0), 0);
    k = ticket(NOW, WALL + 1);
    tickets_keep(none, "a.test:443", &k);
    assert_int_equal(tickets_count(none), 0);
}

/* SEQUENCE { INTEGER 1, [3] { 300 bytes }, [4] { 2 bytes } }, as i2d_SSL_SESSION writes it */
static size_t session_with_certificate(uint8_t *der)
{
    size_t n = 4;
    memcpy(der + n, "\x02\x01\x01\xa3\x82\x01\x2c", 7);
    n += 7;
    memset(der + n, 0xa3, 300);
    n += 300;
    memcpy(der + n, "\xa4\x02\xa3\x07", 4);
    n += 4;
    der[0] = 0x30;
    der[1] = 0x82;
    der[2] = (uint8_t)((n - 4) >> 8);
    der[3] = (uint8_t)(n - 4);
    return n;
}

static void the_certificate_is_left_out(void **state)
{
    static const uint8_t bare[] = { 0x30, 0x82, 0, 7, 2, 1, 1, 0xa4, 2, 0xa3, 7 };
    uint8_t der[400];
    (void)state;
    size_t len = session_with_certificate(der);
    assert_int_equal(tickets_bare(der, len), sizeof bare);
    assert_memory_equal(der, bare, sizeof bare);
    assert_int_equal(tickets_bare(der, sizeof bare), sizeof bare); /* nothing more to leave out */
}

static void what_is_no_session_is_refused(void **state)
{
    uint8_t der[400];
    (void)state;
    size_t len = session_with_certificate(der);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t copy[400];
        memcpy(copy, der, len);
        assert_int_equal(tickets_bare(copy, cut), 0);
    }
    static const struct {
        size_t at;
        uint8_t byte;
    } wrong[] = {
        {0,  0x31},
        { 1, 0x80},
        { 1, 0x84},
        { 3, 0xff},
        { 5, 0x7f},
        { 8, 0x85},
        { 9, 0xff}
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t copy[400];
        memcpy(copy, der, len);
        copy[wrong[i].at] = wrong[i].byte;
        if (tickets_bare(copy, len) != 0)
            fail_msg("byte %zu = %02x", wrong[i].at, wrong[i].byte);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_offered_within_its_hour_and_its_certificate),
        cmocka_unit_test(each_origin_has_its_own),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(the_certificate_is_left_out),
        cmocka_unit_test(what_is_no_session_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
