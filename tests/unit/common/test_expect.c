/* Which statuses count as well. */
#include "common/expect.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *text, *back; /* NULL: refused */
    const char *in, *out;    /* statuses that are and are not inside, at the edges */
} rows[] = {
    {"200",          "200",         "200",         "199 201 100 999"},
    { "200-299",     "200-299",     "200 250 299", "199 300"        },
    { "200-200",     "200",         "200",         "201"            },
    { "200-399,401", "200-399,401", "200 399 401", "400 402"        },
    { " 200 , 404 ", "200,404",     "200 404",     "201 403 405"    },
    { "100-999",     "100-999",     "100 999",     "99 1000 0"      },
    { "300,200",     "300,200",     "200 300",     "250"            },
    { "1-2",         NULL,          NULL,          NULL             },
    { "",            NULL,          NULL,          NULL             },
    { " ",           NULL,          NULL,          NULL             },
    { ",",           NULL,          NULL,          NULL             },
    { "200,",        NULL,          NULL,          NULL             },
    { ",200",        NULL,          NULL,          NULL             },
    { "200,,300",    NULL,          NULL,          NULL             },
    { "200 300",     NULL,          NULL,          NULL             },
    { "299-200",     NULL,          NULL,          NULL             },
    { "200-",        NULL,          NULL,          NULL             },
    { "-299",        NULL,          NULL,          NULL             },
    { "200 - 299",   NULL,          NULL,          NULL             },
    { "200-299-300", NULL,          NULL,          NULL             },
    { "99",          NULL,          NULL,          NULL             },
    { "099",         NULL,          NULL,          NULL             },
    { "1000",        NULL,          NULL,          NULL             },
    { "2000-2999",   NULL,          NULL,          NULL             },
    { "20",          NULL,          NULL,          NULL             },
    { "2xx",         NULL,          NULL,          NULL             },
    { "200x",        NULL,          NULL,          NULL             },
    { "ok",          NULL,          NULL,          NULL             },
    { "200;300",     NULL,          NULL,          NULL             },
};

static void assert_each(const struct status_set *set, const char *statuses, bool inside, const char *text)
{
    for (char *p = (char *)(uintptr_t)statuses; *p;) {
        unsigned status = (unsigned)strtoul(p, &p, 10);
        if (status_set_has(set, status) != inside)
            fail_msg("'%s': %u is%s inside", text, status, inside ? " not" : "");
    }
}

static void test_sets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct status_set set = { .count = 3 };
        struct err err = { 0 };
        char back[EXPECT_STATUS_SIZE];
        int r = status_set_parse(rows[i].text, &set, &err);
        if (!rows[i].back) {
            if (r != -EINVAL || !strstr(err.text, "is not a list of statuses") || set.count != 3)
                fail_msg("'%s': %d '%s'", rows[i].text, r, err.text);
            continue;
        }
        if (r != 0)
            fail_msg("'%s': %s", rows[i].text, err.text);
        assert_true(status_set_valid(&set));
        assert_string_equal(status_set_format(back, sizeof back, &set), rows[i].back);
        assert_each(&set, rows[i].in, true, rows[i].text);
        assert_each(&set, rows[i].out, false, rows[i].text);
    }
}

static void test_the_default(void **state)
{
    (void)state;
    struct status_set set = { 0 };
    char back[EXPECT_STATUS_SIZE];
    assert_string_equal(status_set_format(back, sizeof back, &set), "200-399");
    assert_true(status_set_valid(&set));
    assert_each(&set, "200 299 300 399", true, "default");
    assert_each(&set, "0 199 400 500", false, "default");
}

static void test_the_most_ranges(void **state)
{
    (void)state;
    static const char eight[] = "100-101,200-201,300-301,400-401,500-501,600-601,700-701,800-801";
    struct status_set set;
    struct err err = { 0 };
    char back[EXPECT_STATUS_SIZE], nine[100];
    assert_int_equal(status_set_parse(eight, &set, &err), 0);
    assert_int_equal(set.count, EXPECT_MAX_RANGES);
    assert_string_equal(status_set_format(back, sizeof back, &set), eight);
    snprintf(nine, sizeof nine, "%s,900", eight);
    assert_int_equal(status_set_parse(nine, &set, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 8 ranges"));
}

static void test_what_arrives_from_outside(void **state)
{
    (void)state;
    static const struct {
        struct status_set set;
        bool valid;
    } sets[] = {
        {{ .count = 1, .range = { { 100, 999 } } },   true },
        { { .count = 1, .range = { { 99, 200 } } },   false},
        { { .count = 1, .range = { { 200, 1000 } } }, false},
        { { .count = 1, .range = { { 300, 200 } } },  false},
        { { .count = 2, .range = { { 200, 299 } } },  false}, /* the second is 0-0 */
        { { .count = EXPECT_MAX_RANGES + 1 },         false},
        { { .count = 255 },                           false},
    };
    for (size_t i = 0; i < COUNT(sets); i++)
        assert_int_equal(status_set_valid(&sets[i].set), sets[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_the_default),
        cmocka_unit_test(test_the_most_ranges),
        cmocka_unit_test(test_what_arrives_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
