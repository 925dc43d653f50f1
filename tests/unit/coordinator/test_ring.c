/* A ring against a list that is searched: who is met, when, in which order,
 * while sites come, go, and time stands still or jumps. */
#include "common/site.h"
#include "coordinator/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const wall_us T0 = 1700000000 * US_PER_S;

enum { SEATS = 3000 };

struct model {
    struct ring ring;
    struct ring_seat seat[SEATS];
    bool sits[SEATS];
    uint32_t every_ms;
};

/* The first slot that the ring should meet. */
static wall_us earliest(const struct model *m)
{
    wall_us first = WALL_NEVER;
    for (int i = 0; i < SEATS; i++)
        if (m->sits[i] && m->seat[i].next < first)
            first = m->seat[i].next;
    return first;
}

static void come(struct model *m, int i, wall_us now)
{
    struct ring_seat *s = &m->seat[i];
    *s = (struct ring_seat){ .id = (uint64_t)i + 1 };
    s->next = site_next_slot(s->id, m->every_ms, now);
    if (!ring_can_meet(&m->ring, s->next))
        return; /* its time has come already in this lap */
    ring_add(&m->ring, s);
    m->sits[i] = true;
}

static void meet_all(struct model *m, wall_us now)
{
    struct ring_visit v;
    for (;;) {
        assert_int_equal(ring_first(&m->ring, &v), 0);
        if (v.slot != earliest(m))
            fail_msg("meets after %lld us, and should after %lld", (long long)(v.slot - T0),
                     (long long)(earliest(m) - T0));
        if (v.slot > now)
            return;
        assert_int_equal(v.seat->next, v.slot);
        v.seat->next += m->ring.every_us;
        ring_pass(&m->ring);
    }
}

static void play(uint32_t every_ms, unsigned seed)
{
    static struct model m;
    m = (struct model){ .every_ms = every_ms };
    wall_us now = T0;
    srandom(seed);
    assert_int_equal(ring_init(&m.ring, every_ms, now - 1), 0);
    for (int step = 0; step < 400; step++) {
        for (int k = (int)(random() % 40); k > 0; k--) {
            int i = (int)(random() % SEATS);
            if (!m.sits[i]) {
                come(&m, i, now);
            } else if (random() % 4 == 0) {
                ring_drop(&m.ring, &m.seat[i]);
                m.sits[i] = false;
            }
        }
        now += random() % (m.ring.every_us / 20);
        meet_all(&m, now);
    }
    assert_true(m.ring.count > 500);
    for (int i = 0; i < SEATS; i++)
        if (m.sits[i])
            ring_drop(&m.ring, &m.seat[i]);
    struct ring_visit v;
    assert_int_equal(ring_first(&m.ring, &v), 0);
    assert_null(v.seat);
    assert_int_equal(v.slot, WALL_NEVER);
    ring_done(&m.ring);
}

static void test_all_are_met_in_order(void **state)
{
    (void)state;
    static const uint32_t every_ms[] = { SITE_MIN_EVERY_MS, 1000, 7777, 300000, SITE_MAX_EVERY_MS };
    for (size_t i = 0; i < sizeof every_ms / sizeof *every_ms; i++)
        play(every_ms[i], (unsigned)i + 1);
}

/* Who was leapt over is met at the first slot after it. */
static void test_a_leap(void **state)
{
    (void)state;
    enum { N = 500 };
    static struct ring_seat seat[N];
    struct ring r;
    struct ring_visit v;
    assert_int_equal(ring_init(&r, 60000, T0 - 1), 0);
    for (int i = 0; i < N; i++) {
        seat[i] =
            (struct ring_seat){ .id = (uint64_t)i + 1, .next = site_next_slot((uint64_t)i + 1, 60000, T0) };
        ring_add(&r, &seat[i]);
    }
    wall_us to = T0 + 3 * US_PER_DAY + 12345;
    ring_first(&r, &v);
    ring_leap(&r, to);
    wall_us last = to;
    for (int i = 0; i < N; i++) {
        assert_int_equal(ring_first(&r, &v), 0);
        assert_true(v.slot > to && v.slot <= to + r.every_us && v.slot >= last);
        assert_int_equal(v.slot, site_next_slot(v.seat->id, 60000, to + 1));
        last = v.slot;
        v.seat->next = v.slot + r.every_us;
        ring_pass(&r);
    }
    ring_first(&r, &v);
    assert_true(v.slot > to + r.every_us);
    ring_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_met_in_order),
        cmocka_unit_test(test_a_leap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
