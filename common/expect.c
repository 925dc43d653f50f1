#include "common/expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct status_set usual = { .count = 1, .range = { { 200, 399 } } };

/* One "200" or "200-299" at *p; moves *p behind it. */
static int parse_range(const char **p, uint16_t *lo, uint16_t *hi)
{
    unsigned n[2] = { 0, 0 };
    for (int i = 0; i < 2; i++) {
        int digits = 0;
        for (; **p >= '0' && **p <= '9' && digits < 4; (*p)++, digits++)
            n[i] = n[i] * 10 + (unsigned)(**p - '0');
        if (digits != 3)
            return -EINVAL;
        if (i == 1)
            break;
        if (**p != '-') {
            n[1] = n[0];
            break;
        }
        (*p)++;
    }
    if (n[0] < 100 || n[1] < n[0])
        return -EINVAL;
    *lo = (uint16_t)n[0];
    *hi = (uint16_t)n[1];
    return 0;
}

int status_set_parse(const char *text, struct status_set *ret, struct err *err)
{
    struct status_set set = { 0 };
    const char *p = text;

    for (;;) {
        while (*p == ' ')
            p++;
        if (set.count == EXPECT_MAX_RANGES)
            return err_set(err, -EINVAL, "'%.60s' has more than %d ranges of statuses", text,
                           EXPECT_MAX_RANGES);
        if (parse_range(&p, &set.range[set.count].lo, &set.range[set.count].hi) < 0)
            break;
        set.count++;
        while (*p == ' ')
            p++;
        if (*p == '\0') {
            *ret = set;
            return 0;
        }
        if (*p++ != ',')
            break;
    }
    return err_set(err, -EINVAL, "'%.60s' is not a list of statuses like 200-299,404", text);
}

char *status_set_format(char *buf, size_t size, const struct status_set *set)
{
    const struct status_set *s = set->count ? set : &usual;
    size_t len = 0;
    buf[0] = '\0';
    for (unsigned i = 0; i < s->count && len < size; i++) {
        const char *comma = i ? "," : "";
        int n = s->range[i].lo == s->range[i].hi
                    ? snprintf(buf + len, size - len, "%s%u", comma, s->range[i].lo)
                    : snprintf(buf + len, size - len, "%s%u-%u", comma, s->range[i].lo, s->range[i].hi);
        len += (size_t)n;
    }
    return buf;
}

bool status_set_has(const struct status_set *set, unsigned status)
{
    const struct status_set *s = set->count ? set : &usual;
    for (unsigned i = 0; i < s->count; i++)
        if (status >= s->range[i].lo && status <= s->range[i].hi)
            return true;
    return false;
}

bool status_set_valid(const struct status_set *set)
{
    if (set->count > EXPECT_MAX_RANGES)
        return false;
    for (unsigned i = 0; i < set->count; i++)
        if (set->range[i].lo < 100 || set->range[i].hi > 999 || set->range[i].lo > set->range[i].hi)
            return false;
    return true;
}
