/* Options that somebody meant to write. */
#include "cli/misspelt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct argp_option own[] = {
    {"owner", 0x100, "NAME", 0, "", 0 },
    { "quiet", 'q', 0, 0, "", 0 },
    { "file",     'f', "FILE", 0, "", 0 },
    { 0     },
};
static const struct argp_option shared[] = {
    {0,          0, 0, 0, "Shared:", 0 },
    { "json",         0x101, 0, 0, "", 0 },
    { 0},
};

static void the_nearest_is_named(void **state)
{
    static const struct {
        const char *args[4];
        const char *meant; /* NULL: nothing to say */
    } rows[] = {
        {{ "--ownr=x" },              "owner"},
        { { "--jsno" },               "json" },
        { { "--owner", "--jsno" },    NULL   }, /* the value of an option */
        { { "--owner=a", "--jsno" },  "json" },
        { { "-f", "--jsno" },         NULL   },
        { { "-q", "--jsno" },         "json" },
        { { "--own", "x" },           NULL   }, /* abbreviated */
        { { "--hlep" },               "help" },
        { { "--", "--jsno" },         NULL   },
        { { "--nothing-like-it" },    NULL   },
        { { "jsno", "-", "--quiet" }, NULL   },
    };
    (void)state;
    const struct argp_option *const tables[] = { own, shared, NULL };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *argv[6] = { (char *)"vedette sites" }, wrong[64] = "";
        int argc = 1;
        for (size_t k = 0; k < 4 && rows[i].args[k]; k++)
            argv[argc++] = (char *)rows[i].args[k];
        const char *meant = misspelt_option(argc, argv, tables, 3, wrong, sizeof wrong);
        if ((meant != NULL) != (rows[i].meant != NULL) || (meant && strcmp(meant, rows[i].meant) != 0))
            fail_msg("%s: %s", rows[i].args[0], meant ? meant : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_nearest_is_named) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
