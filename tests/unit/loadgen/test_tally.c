#include "loadgen/tally.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void threads_are_summed_and_rates_are_per_second(void **state)
{
    struct tally a = { 0 }, b = { 0 }, before = { 0 }, after = { 0 };
    char line[240];
    (void)state;
    for (int i = 0; i < 150; i++)
        tally_count(&a.count[COUNT_REQUESTS]);
    for (int i = 0; i < 50; i++)
        tally_count(&b.count[COUNT_REQUESTS]);
    a.count[COUNT_CONNECTIONS] = 12;
    b.count[COUNT_CLOSED] = 2;
    a.count[COUNT_5XX] = 7;
    a.count[COUNT_4XX] = 3;
    b.count[COUNT_DNS + ZONE_ADDRESS] = 30;
    b.count[COUNT_DNS + ZONE_MALFORMED] = 10;
    tally_add(&after, &a);
    tally_add(&after, &b);
    tally_line(line, sizeof line, &before, &after, 25 * US_PER_S, 2 * US_PER_S);
    assert_non_null(strstr(line, "25s     100 requests/s"));
    assert_non_null(strstr(line, " 5 bad/s"));
    assert_non_null(strstr(line, " 10 open"));
    assert_non_null(strstr(line, " 20 questions/s"));
    tally_line(line, sizeof line, &after, &after, 25 * US_PER_S, 0);
    assert_non_null(strstr(line, " 0 requests/s"));
}

static void the_summary_is_json_with_all_counts(void **state)
{
    static const struct crowd c = { .sites = 1000, .per_domain = 4, .addresses = 1, .seed = 1 };
    struct rules rules = { 0 };
    struct tally sum = { 0 };
    scoped(text) struct text out = TEXT_UP_TO(1 << 16);
    (void)state;
    assert_int_equal(rules_add(&rules, "sites 1-10 answer 503", NULL), 0);
    for (unsigned i = 0; i < COUNT_COUNT; i++)
        sum.count[i] = 1000 + i;
    sum.followed[0] = 77;
    tally_json(&out, &sum, &rules, &c, 5 * US_PER_S);
    assert_int_equal(out.failed, 0);
    json_t *j = json_loads(text_str(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    assert_int_equal(json_object_size(j), COUNT_COUNT + 3); /* each count has a name of its own */
    assert_int_equal(json_integer_value(json_object_get(j, "requests")), 1000 + COUNT_REQUESTS);
    assert_int_equal(json_integer_value(json_object_get(j, "served_ms")), 5000);
    json_t *rule = json_array_get(json_object_get(j, "rules"), 0);
    assert_string_equal(json_string_value(json_object_get(rule, "rule")), "sites 1-10 answer 503");
    assert_int_equal(json_integer_value(json_object_get(rule, "sites")), 10);
    assert_int_equal(json_integer_value(json_object_get(rule, "requests")), 77);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_summed_and_rates_are_per_second),
        cmocka_unit_test(the_summary_is_json_with_all_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
