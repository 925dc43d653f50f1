/* What the manual pages and the completion leave out. */
#include "cli/commands.h"
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command *const commands[] = { &cmd_check,   &cmd_up,        &cmd_apply,   &cmd_status,
                                                  &cmd_sites,   &cmd_incidents, &cmd_workers, &cmd_notices,
                                                  &cmd_explain, &cmd_watch,     &cmd_store,   &cmd_keygen,
                                                  &cmd_token };
#define COMMANDS (sizeof commands / sizeof *commands)

static void read_file(const char *path, struct text *t)
{
    char buf[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is not there (tests run in the repository's folder)", path);
    text_clear(t);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        text_add_bytes(t, buf, n);
    fclose(f);
    assert_int_equal(t->failed, 0);
}

/* "--dry-run" as roff has it: "\-\-dry\-run". */
static void in_roff(const char *name, char *buf, size_t size)
{
    size_t len = (size_t)snprintf(buf, size, "\\-\\-");
    for (; *name && len + 3 < size; name++) {
        if (*name == '-')
            buf[len++] = '\\';
        buf[len++] = *name;
    }
    buf[len] = '\0';
}

static void every_option_has_its_words(void **state)
{
    scoped(text) struct text page = TEXT_UP_TO(1 << 20), completion = TEXT_UP_TO(1 << 20);
    (void)state;
    read_file("deploy/completion/vedette", &completion);
    for (size_t i = 0; i < COMMANDS; i++) {
        char path[200], word[100];
        snprintf(path, sizeof path, "deploy/man/vedette-%s.1", commands[i]->name);
        read_file(path, &page);
        for (const struct argp_option *o = commands[i]->options; o && o->name; o++) {
            in_roff(o->name, word, sizeof word);
            if (!strstr(text_str(&page), word))
                fail_msg("%s has no --%s", path, o->name);
            snprintf(word, sizeof word, "--%s", o->name);
            if (!strstr(text_str(&completion), word))
                fail_msg("the completion has no %s", word);
        }
        static const char *const shared[] = { "config", "set", "store", "json", "help" };
        for (size_t k = 0; k < sizeof shared / sizeof *shared; k++) {
            in_roff(shared[k], word, sizeof word);
            if (!strstr(text_str(&page), word))
                fail_msg("%s has no --%s", path, shared[k]);
        }
    }
}

static void every_command_is_listed(void **state)
{
    scoped(text) struct text page = TEXT_UP_TO(1 << 20), completion = TEXT_UP_TO(1 << 20);
    (void)state;
    read_file("deploy/man/vedette.1", &page);
    read_file("deploy/completion/vedette", &completion);
    for (size_t i = 0; i < COMMANDS; i++) {
        char word[100];
        snprintf(word, sizeof word, "vedette-%s(1)", commands[i]->name);
        if (!strstr(text_str(&page), word) && !strstr(text_str(&page), commands[i]->name))
            fail_msg("vedette.1 has no %s", word);
        snprintf(word, sizeof word, " %s ", commands[i]->name);
        if (!strstr(text_str(&completion), word) && strcmp(commands[i]->name, "check") != 0)
            fail_msg("the completion has no%s", word);
        assert_true(commands[i]->summary && commands[i]->teaches &&
                    strstr(commands[i]->teaches, "Examples:"));
    }
}

static void every_setting_is_explained(void **state)
{
    scoped(text) struct text page = TEXT_UP_TO(1 << 20);
    char *described = NULL;
    size_t size = 0, settings = 0, ranges = 0;
    const char *about = "";
    (void)state;
    read_file("deploy/man/vedette.yaml.5", &page);
    FILE *f = open_memstream(&described, &size);
    config_describe(f);
    fclose(f);
    for (char *line = strtok(described, "\n"); line; line = strtok(NULL, "\n")) {
        char word[120], *range = strstr(line, "   from "), *end = range ? strstr(range + 3, "   ") : NULL;
        if (line[0] == ' ' && end) { /* of the setting that was named before */
            snprintf(word, sizeof word, "F%.*s.", (int)(end - range - 4), range + 4);
            const char *there = strstr(about, word), *next = strstr(about, ".TP");
            if (!there || (next && there > next))
                fail_msg("vedette.yaml.5 does not say '%s' of %.40s", word, about);
            ranges++;
        }
        if (line[0] == ' ' || line[0] == '\0')
            continue;
        snprintf(word, sizeof word, "\\fB%.100s\\fR", line);
        about = strstr(text_str(&page), word);
        if (!about)
            fail_msg("vedette.yaml.5 does not explain %s", line);
        settings++;
    }
    free(described);
    assert_true(settings > 40 && ranges > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_its_words),
        cmocka_unit_test(every_command_is_listed),
        cmocka_unit_test(every_setting_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
