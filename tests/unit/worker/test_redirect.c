#include "worker/redirect.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *base, *location, *target; /* NULL: refused */
} rows[] = {
    {"http://a.test/",        "http://b.test/x",            "http://b.test/x"           },
    { "http://a.test/",       "https://a.test/",            "https://a.test/"           },
    { "http://a.test/x/y",    "/z",                         "http://a.test/z"           },
    { "http://a.test/x/y",    "z",                          "http://a.test/x/z"         },
    { "http://a.test/x/y",    "../z",                       "http://a.test/z"           },
    { "http://a.test/x/y?q",  "?r",                         "http://a.test/x/y?r"       },
    { "http://a.test:8080/x", "/y",                         "http://a.test:8080/y"      },
    { "https://a.test/",      "//b.test/y",                 "https://b.test/y"          },
    { "http://a.test/x",      "/y#part",                    "http://a.test/y"           },
    { "http://a.test/",       "http://B.TEST",              "http://b.test/"            },
    { "http://a.test/",       "/with space",                "http://a.test/with%20space"},
    { "http://a.test/",       "file:///etc/passwd",         NULL                        },
    { "http://a.test/",       "ftp://b.test/",              NULL                        },
    { "http://a.test/",       "gopher://b.test/",           NULL                        },
    { "http://a.test/",       "javascript:alert(1)",        NULL                        },
    { "http://a.test/",       "http://user:secret@b.test/", NULL                        },
    { "http://a.test/",       "http://b.test:0/",           NULL                        },
    { "http://a.test/",       "http://",                    NULL                        },
    { "http://a.test/",       "",                           "http://a.test/"            },
};

static void every_location_leads_somewhere_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[SITE_MAX_URL + 1] = "";
        struct err err = { 0 };
        int r = redirect_target(rows[i].base, rows[i].location, out, &err);
        if ((r == 0) != (rows[i].target != NULL) || (r == 0 && strcmp(out, rows[i].target) != 0))
            fail_msg("'%s' from %s: %d %s %s", rows[i].location, rows[i].base, r, out, err.text);
        assert_true(r == 0 || err.text[0]);
    }
}

static void circles_are_noticed(void **state)
{
    (void)state;
    struct redirect_trail t = { 0 };
    redirect_add(&t, "http://a.test/");
    assert_true(redirect_been_at(&t, "http://a.test/"));
    assert_false(redirect_been_at(&t, "http://a.test/b"));
    redirect_add(&t, "http://a.test/b");
    assert_true(redirect_been_at(&t, "http://a.test/") && redirect_been_at(&t, "http://a.test/b"));
    redirect_forget(&t); /* a cookie was set */
    assert_false(redirect_been_at(&t, "http://a.test/"));
    for (int i = 0; i < 2 * REDIRECT_MAX; i++)
        redirect_add(&t, "http://c.test/");
    assert_int_equal(t.n, REDIRECT_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_location_leads_somewhere_or_is_refused),
        cmocka_unit_test(circles_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
