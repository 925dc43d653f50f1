/* Seals of jobs: what they depend on, and that nothing else passes. */
#include "common/keys.h"
#include "common/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Of the curve's documentation, zmq_curve(7). */
static const char secret[] = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
static const char another[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

static const struct run usual = { .site_id = 7, .slot_us = 1790000000000000, .look = 1, .location = "eu" };

/* A coordinator and a collector of two versions must agree: other numbers would refuse every result. */
static void test_it_is_what_it_was(void **state)
{
    (void)state;
    struct seal_key k;
    seal_key_make(&k, secret);
    assert_true(seal_make(&k, job_id_make(3, 12345), &usual) == UINT64_C(0x90a26cd860b91425));
}

static void test_each_member_matters(void **state)
{
    static const struct {
        const char *what, *secret;
        uint64_t job_id;
        struct run run;
        bool right;
    } rows[] = {
        {"as it was given",  secret,  5, { 7, 1000, 1, "eu" },  true },
        { "another job",     secret,  6, { 7, 1000, 1, "eu" },  false},
        { "another site",    secret,  5, { 8, 1000, 1, "eu" },  false},
        { "another slot",    secret,  5, { 7, 1001, 1, "eu" },  false},
        { "another look",    secret,  5, { 7, 1000, 2, "eu" },  false},
        { "another place",   secret,  5, { 7, 1000, 1, "us" },  false},
        { "a longer name",   secret,  5, { 7, 1000, 1, "eu1" }, false},
        { "another cluster", another, 5, { 7, 1000, 1, "eu" },  false},
    };
    (void)state;
    struct seal_key k;
    seal_key_make(&k, secret);
    uint64_t seal = seal_make(&k, rows[0].job_id, &rows[0].run);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        seal_key_make(&k, rows[i].secret);
        if (seal_is_right(&k, seal, rows[i].job_id, &rows[i].run) != rows[i].right)
            fail_msg("%s", rows[i].what);
    }
}

static void test_nothing_else_is_right(void **state)
{
    (void)state;
    struct seal_key k, none = { .is_set = false };
    seal_key_make(&k, secret);
    uint64_t seal = seal_make(&k, 5, &usual);
    assert_true(seal != 0);
    for (int bit = 0; bit < 64; bit++)
        assert_false(seal_is_right(&k, seal ^ UINT64_C(1) << bit, 5, &usual));
    assert_false(seal_is_right(&k, 0, 5, &usual));
    assert_false(seal_is_right(&none, seal_make(&none, 5, &usual), 5, &usual));
}

/* What stands behind a name's end in its array says nothing. */
static void test_only_the_name_counts(void **state)
{
    (void)state;
    struct seal_key k;
    struct run dirty;
    seal_key_make(&k, secret);
    memset(&dirty, 0xff, sizeof dirty);
    dirty.site_id = usual.site_id;
    dirty.slot_us = usual.slot_us;
    dirty.look = usual.look;
    strcpy(dirty.location, usual.location);
    assert_true(seal_make(&k, 5, &dirty) == seal_make(&k, 5, &usual));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_what_it_was),
        cmocka_unit_test(test_each_member_matters),
        cmocka_unit_test(test_nothing_else_is_right),
        cmocka_unit_test(test_only_the_name_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
