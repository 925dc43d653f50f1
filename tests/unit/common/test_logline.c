/* One event in three forms: what is a pair, what is the sentence, and what a stranger's text cannot do. */
#include "common/logline.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *line(enum log_form form, const char *message)
{
    static char buf[LOGLINE_SIZE + 1];
    const struct logline l = { "2026-03-01T09:30:00.125Z", "warn", "collector", "ingest.away", message };
    size_t n = logline_write(form, &l, buf);
    assert_true(n > 0 && n <= LOGLINE_SIZE && buf[n - 1] == '\n');
    buf[n - 1] = '\0';
    assert_null(strchr(buf, '\n'));
    return buf;
}

#define PLAIN  "2026-03-01T09:30:00.125Z warn collector ingest.away "
#define LOGFMT "time=2026-03-01T09:30:00.125Z level=warn program=collector event=ingest.away"
#define JSON                                                                                         \
    "{\"time\":\"2026-03-01T09:30:00.125Z\",\"level\":\"warn\",\"program\":\"collector\",\"event\":" \
    "\"ingest.away\""

static const struct {
    const char *message, *logfmt, *json;
} rows[] = {
    {"results=12 retry_s=2: the disk is full",              " results=12 retry_s=2 msg=\"the disk is full\"",
     ",\"results\":12,\"retry_s\":2,\"msg\":\"the disk is full\""                                                                                                                                                   },
    { "only a sentence",                                    " msg=\"only a sentence\"",                          ",\"msg\":\"only a sentence\""                                                                     },
    { "n=1",                                                " n=1",                                              ",\"n\":1"                                                                                         },
    { "at=127.0.0.1:7715: shown",                           " at=127.0.0.1:7715 msg=shown",
     ",\"at\":\"127.0.0.1:7715\",\"msg\":\"shown\""                                                                                                                                                                 },
    { "url=https://a.test/?b=c news=watch",                 " url=\"https://a.test/?b=c\" news=watch",
     ",\"url\":\"https://a.test/?b=c\",\"news\":\"watch\""                                                                                                                                                          },
    { "reason= n=-7",                                       " reason=\"\" n=-7",                                 ",\"reason\":\"\",\"n\":-7"                                                                        },
    { "n=007 big=12345678901234567 half=1.5 minus=- no=-0",
     " n=007 big=12345678901234567 half=1.5 minus=- no=-0",                                                      ",\"n\":\"007\",\"big\":\"12345678901234567\",\"half\":\"1.5\",\"minus\":\"-\",\"no\":-0"          },
    { "why=: it says a=b and c=d",                          " why=\"\" msg=\"it says a=b and c=d\"",
     ",\"why\":\"\",\"msg\":\"it says a=b and c=d\""                                                                                                                                                                },
    { "Name=x is no pair",                                  " msg=\"Name=x is no pair\"",                        ",\"msg\":\"Name=x is no pair\""                                                                   },
    { "level=error event=forged msg=x time=never: really",
     " level_=error event_=forged msg_=x time_=never msg=really",                                                ",\"level_\":\"error\",\"event_\":\"forged\",\"msg_\":\"x\",\"time_\":\"never\",\"msg\":\"really\""},
    { "peer=a\"b\\c: he said \"no\"",                       " peer=\"a\\\"b\\\\c\" msg=\"he said \\\"no\\\"\"",
     ",\"peer\":\"a\\\"b\\\\c\",\"msg\":\"he said \\\"no\\\"\""                                                                                                                                                     },
    { "peer=\xc3\xbc\xff\x1b[31m: caf\xc3\xa9\ttab\x7f",    " peer=\"\xc3\xbc??[31m\" msg=\"caf\xc3\xa9?tab?\"",
     ",\"peer\":\"\xc3\xbc??[31m\",\"msg\":\"caf\xc3\xa9?tab?\""                                                                                                                                                    },
    { "",                                                   "",                                                  ""                                                                                                 },
};

static void each_form(void **state)
{
    (void)state;
    char expected[2000];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(expected, sizeof expected, LOGFMT "%s", rows[i].logfmt);
        assert_string_equal(line(LOG_LOGFMT, rows[i].message), expected);
        snprintf(expected, sizeof expected, JSON "%s}", rows[i].json);
        assert_string_equal(line(LOG_JSON, rows[i].message), expected);
        json_t *j = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);
        if (!j)
            fail_msg("no JSON: %s", expected);
        json_decref(j);
    }
}

static void plainly_it_is_as_it_was_said(void **state)
{
    (void)state;
    assert_string_equal(line(LOG_PLAIN, "results=12: the disk is \"full\""),
                        PLAIN "results=12: the disk is \"full\"");
    assert_string_equal(line(LOG_PLAIN, "a\nb\x7f"), PLAIN "a?b?");
}

/* Whatever a message of bytes is made of, a line fits and is JSON. */
static void the_worst_of_messages_fits(void **state)
{
    (void)state;
    static const char *const pieces[] = { "a= ",  "\"",    "\\",    "\xff",
                                          "\x01", "msg= ", "a=\" ", "\xf0\x9f\x90\xb4",
                                          "=" };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char message[4000] = "";
        while (strlen(message) + strlen(pieces[i]) < sizeof message)
            strcat(message, pieces[i]);
        for (int form = 0; form < LOG_FORM_COUNT; form++) {
            const char *l = line((enum log_form)form, message);
            json_t *j = form == LOG_JSON ? json_loads(l, 0, NULL) : json_null();
            if (!j)
                fail_msg("no JSON: %s", l);
            json_decref(j);
        }
    }
}

static void names(void **state)
{
    (void)state;
    enum log_form form;
    for (int i = 0; i < LOG_FORM_COUNT; i++) {
        assert_int_equal(log_form_parse(log_form_name((enum log_form)i), &form), 0);
        assert_int_equal(form, i);
    }
    assert_int_equal(log_form_parse("xml", &form), -EINVAL);
    assert_int_equal(log_form_parse("", &form), -EINVAL);
    assert_string_equal(log_form_name(LOG_FORM_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
        cmocka_unit_test(plainly_it_is_as_it_was_said),
        cmocka_unit_test(the_worst_of_messages_fits),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
