#include "cli/progress.h"

#include "cli/print.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY (100 * NS_PER_MS)
#define QUIET_FOR  (300 * NS_PER_MS)
#define BAR_WIDTH  30

/* The numbers behind the bar. Too early to tell a rate: none is told. */
static void write_numbers(char *buf, size_t size, const struct progress *p, mono_ns now)
{
    char done[32], total[32], left[40];
    unsigned percent = p->total ? (unsigned)(p->done * 100 / p->total) : 100;
    int len = snprintf(buf, size, "%s/%s  %u%%", print_count(done, sizeof done, p->done),
                       print_count(total, sizeof total, p->total), percent);
    int64_t took = now - p->began;
    if (p->done == 0 || took < QUIET_FOR || len < 0 || (size_t)len >= size)
        return;

    double rate = (double)p->done * 1e9 / (double)took;
    len += snprintf(buf + len, size - (size_t)len, rate < 10 ? "  %.1f/s" : "  %.0f/s", rate);
    if (p->done < p->total && (size_t)len < size) {
        double rest_s = (double)(p->total - p->done) / rate;
        duration_words(left, sizeof left, (int64_t)(rest_s + 0.999) * US_PER_S);
        char *tenths = strstr(left, ".0s"); /* nobody knows it that exactly */
        if (tenths)
            strcpy(tenths, "s");
        snprintf(buf + len, size - (size_t)len, "  %s left", left);
    }
}

char *progress_line(char *buf, size_t size, const struct progress *p, mono_ns now, unsigned width)
{
    char numbers[120], bar[BAR_WIDTH + 1];
    write_numbers(numbers, sizeof numbers, p, now);
    size_t need = strlen(numbers) + 4;
    if (width >= size)
        width = (unsigned)size - 1;

    size_t cells = width > need ? width - need : 0;
    if (cells > BAR_WIDTH)
        cells = BAR_WIDTH;
    if (cells < 5) {
        snprintf(buf, width + 1u, "%s", numbers);
        return buf;
    }
    size_t full = p->total ? (size_t)(p->done * cells / p->total) : cells;
    memset(bar, ' ', cells);
    memset(bar, '=', full < cells ? full : cells);
    bar[cells] = '\0';
    snprintf(buf, width + 1u, "[%s]  %s", bar, numbers);
    return buf;
}

void progress_draw(struct progress *p, mono_ns now)
{
    char line[160];
    struct winsize w = { 0 };
    if (now < p->next_draw || now - p->began < QUIET_FOR || !isatty(STDERR_FILENO))
        return;
    p->next_draw = now + DRAW_EVERY;
    unsigned width = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
    fprintf(stderr, "\r%s\033[K", progress_line(line, sizeof line, p, now, width - 1));
    fflush(stderr);
    p->shown = true;
}

void progress_wipe(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
