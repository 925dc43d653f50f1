#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

mono_ns clock_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (mono_ns)t.tv_sec * NS_PER_S + t.tv_nsec;
}

wall_us clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (wall_us)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static const struct {
    const char *unit;
    int64_t us;
} units[] = {
  /* largest first, as duration_format wants it */
    {"d",   US_PER_DAY   },
    { "h",  US_PER_HOUR  },
    { "m",  60 * US_PER_S},
    { "s",  US_PER_S     },
    { "ms", US_PER_MS    },
};
enum { N_UNITS = sizeof units / sizeof *units };

#define LONGEST_US (3660 * US_PER_DAY)

int duration_parse(const char *text, int64_t *ret_us, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long n = text[0] >= '0' && text[0] <= '9' ? strtoll(text, &end, 10) : -1;

    for (size_t i = 0; n >= 0 && errno == 0 && i < N_UNITS; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (n > LONGEST_US / units[i].us)
            return err_set(err, -EINVAL, "'%.40s' is longer than ten years", text);
        *ret_us = n * units[i].us;
        return 0;
    }
    return err_set(err, -EINVAL, "'%.40s' is not a duration like 250ms, 30s, 5m, 6h or 14d", text);
}

char *duration_format(char *buf, size_t size, int64_t us)
{
    for (size_t i = 0; i < N_UNITS; i++)
        if (us != 0 && us % units[i].us == 0) {
            snprintf(buf, size, "%" PRId64 "%s", us / units[i].us, units[i].unit);
            return buf;
        }
    snprintf(buf, size, us == 0 ? "0s" : "%" PRId64 "ms", us / US_PER_MS);
    return buf;
}

char *duration_words(char *buf, size_t size, int64_t us)
{
    int64_t s = us / US_PER_S;
    if (us < 10 * US_PER_S)
        snprintf(buf, size, "%" PRId64 ".%" PRId64 "s", s, us % US_PER_S / 100000);
    else if (s < 60)
        snprintf(buf, size, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(buf, size, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buf, size, "%" PRId64 "h %" PRId64 "m", s / 3600, s % 3600 / 60);
    else
        snprintf(buf, size, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
    return buf;
}

char *wall_format(char *buf, size_t size, wall_us at)
{
    if (at <= 0 || at == WALL_NEVER) {
        snprintf(buf, size, "-");
        return buf;
    }
    time_t t = (time_t)(at / US_PER_S);
    struct tm tm;
    gmtime_r(&t, &tm);
    char day[24];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf, size, "%s.%03dZ", day, (int)(at % US_PER_S / US_PER_MS));
    return buf;
}
