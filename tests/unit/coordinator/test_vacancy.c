/* Locations where nobody is are told of once. */
#include "coordinator/vacancy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void told_once_and_once_more(void **state)
{
    static const struct {
        int at_s;
        bool asked;
        unsigned ready;
        enum vacancy_word word;
    } story[] = {
        {1,   false, 0, VACANCY_NO_NEWS}, /* nobody asks for it */
        { 2,  true,  0, VACANCY_NO_NEWS},
        { 11, true,  0, VACANCY_NO_NEWS},
        { 12, true,  0, VACANCY_NOBODY },
        { 13, true,  0, VACANCY_NO_NEWS},
        { 50, true,  2, VACANCY_MANNED },
        { 51, true,  2, VACANCY_NO_NEWS},
        { 60, true,  0, VACANCY_NO_NEWS},
        { 65, true,  1, VACANCY_NO_NEWS}, /* not for long */
        { 66, true,  0, VACANCY_NO_NEWS},
        { 75, true,  0, VACANCY_NO_NEWS},
        { 76, true,  0, VACANCY_NOBODY },
    };
    (void)state;
    struct vacancy v = { 0 };
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        mono_ns now = story[i].at_s * NS_PER_S;
        assert_int_equal(vacancy_step(&v, CONFIG_MAX_LOCATIONS - 1, story[i].asked, story[i].ready, now),
                         story[i].word);
        assert_int_equal(vacancy_step(&v, 0, true, 1, now), VACANCY_NO_NEWS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_once_and_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
