/* The form of channels. */
#include "common/owner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)    (sizeof(a) / sizeof *(a))
#define SIXTY_FOUR  "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define LONG_DOMAIN SIXTY_FOUR "." SIXTY_FOUR "." SIXTY_FOUR

static const struct {
    const char *text;
    enum channel_kind kind;
    const char *target;
} accepted[] = {
    {"mailto:shop@example.com",                  CHANNEL_MAILTO,  "shop@example.com"               },
    { "mailto:root@localhost",                   CHANNEL_MAILTO,  "root@localhost"                 },
    { "mailto:a.b+c_d=e/f'g@mail.example.com",   CHANNEL_MAILTO,  "a.b+c_d=e/f'g@mail.example.com" },
    { "mailto:" SIXTY_FOUR "@example.com",       CHANNEL_MAILTO,  SIXTY_FOUR "@example.com"        },
    { "webhook:https://hooks.example.com/x?y=z", CHANNEL_WEBHOOK, "https://hooks.example.com/x?y=z"},
    { "webhook:http://127.0.0.1:8080/",          CHANNEL_WEBHOOK, "http://127.0.0.1:8080/"         },
    { "exec:/usr/local/bin/tell",                CHANNEL_EXEC,    "/usr/local/bin/tell"            },
    { "exec:/opt/our tools/tell",                CHANNEL_EXEC,    "/opt/our tools/tell"            },
    { "console:",                                CHANNEL_CONSOLE, ""                               },
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        enum channel_kind kind = CHANNEL_KIND_COUNT;
        const char *target = NULL;
        struct err err = { 0 };
        if (channel_parse(accepted[i].text, &kind, &target, &err) != 0)
            fail_msg("%s: %s", accepted[i].text, err.text);
        if (kind != accepted[i].kind || strcmp(target, accepted[i].target) != 0)
            fail_msg("%s: %s, '%s'", accepted[i].text, channel_kind_name(kind), target);
        assert_true(target >= accepted[i].text && target <= accepted[i].text + strlen(accepted[i].text));
    }
}

static const struct {
    const char *text, *why;
} refused[] = {
    {"",                                                      "is not a channel"                           },
    { "console",                                              "is not a channel"                           },
    { "shop@example.com",                                     "is not a channel"                           },
    { "pager:123",                                            "'pager:123' is not a channel: write mailto:"},
    { "MAILTO:shop@example.com",                              "is not a channel"                           },
    { "mail:shop@example.com",                                "is not a channel"                           },
    { "mailto:",                                              "is not a mail address"                      },
    { "mailto:shop",                                          "is not a mail address"                      },
    { "mailto:@example.com",                                  "is not a mail address"                      },
    { "mailto:shop@",                                         "is not a mail address"                      },
    { "mailto:a@example.com,b@example.com",                   "takes one address"                          },
    { "mailto:a@b@example.com",                               "has a character that it cannot have"        },
    { "mailto:a b@example.com",                               "has a character that it cannot have"        },
    { "mailto:Shop <shop@example.com>",                       "has a character that it cannot have"        },
    { "mailto:\"a b\"@example.com",                           "has a character that it cannot have"        },
    { "mailto:shop@example.com?subject=x",                    "has a character that it cannot have"        },
    { "mailto:shop@ex\xc3\xa4mple.com",                       "has a character that it cannot have"        },
    { "mailto:shop@[127.0.0.1]",                              "has a character that it cannot have"        },
    { "mailto:shop@example.com\r\nRCPT TO:<all@example.com>", "has a control character"                    },
    { "mailto:.shop@example.com",                             "dot or hyphen in a wrong place"             },
    { "mailto:shop.@example.com",                             "dot or hyphen in a wrong place"             },
    { "mailto:sh..op@example.com",                            "dot or hyphen in a wrong place"             },
    { "mailto:shop@.example.com",                             "dot or hyphen in a wrong place"             },
    { "mailto:shop@-example.com",                             "dot or hyphen in a wrong place"             },
    { "mailto:" SIXTY_FOUR "a@example.com",                   "is too long"                                },
    { "mailto:" SIXTY_FOUR "@" LONG_DOMAIN,                   "is too long"                                },
    { "webhook:",                                             "is empty"                                   },
    { "webhook:ftp://example.com/",                           "neither http nor https"                     },
    { "webhook:hooks.example.com",                            "has no scheme"                              },
    { "webhook:https://u:p@example.com/",                     "user or password"                           },
    { "exec:",                                                "needs the whole path"                       },
    { "exec:tell",                                            "needs the whole path"                       },
    { "exec:./tell",                                          "needs the whole path"                       },
    { "exec:/usr/local/bin/",                                 "is a folder"                                },
    { "exec:/bin/x\n",                                        "has a control character"                    },
    { "console:x",                                            "takes nothing behind its colon"             },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        enum channel_kind kind = CHANNEL_KIND_COUNT;
        const char *target = NULL;
        struct err err = { 0 };
        int r = channel_parse(refused[i].text, &kind, &target, &err);
        if (r != -EINVAL || !strstr(err.text, refused[i].why))
            fail_msg("'%s': %d, '%s', not '%s'", refused[i].text, r, err.text, refused[i].why);
        assert_int_equal(kind, CHANNEL_KIND_COUNT);
        assert_null(target);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    char text[CHANNEL_MAX_TEXT + 2];
    enum channel_kind kind;
    const char *target;
    struct err err;
    memset(text, 'a', sizeof text);
    memcpy(text, "exec:/", 6);
    text[CHANNEL_MAX_TEXT] = '\0';
    assert_int_equal(channel_parse(text, &kind, &target, &err), 0);
    text[CHANNEL_MAX_TEXT] = 'a';
    text[CHANNEL_MAX_TEXT + 1] = '\0';
    assert_int_equal(channel_parse(text, &kind, &target, &err), -EINVAL);
    assert_non_null(strstr(err.text, "2101 bytes is too long"));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(channel_kind_name(CHANNEL_MAILTO), "mailto");
    assert_string_equal(channel_kind_name(CHANNEL_CONSOLE), "console");
    assert_string_equal(channel_kind_name(CHANNEL_KIND_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
