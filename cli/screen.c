#include "cli/screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void screen_init(struct screen *s)
{
    *s = (struct screen){ .terminal = isatty(STDOUT_FILENO) };
}

static void wipe(struct screen *s)
{
    if (s->shown)
        fputs("\r\033[K", stdout);
    s->shown = false;
}

int screen_cut(const char *line, int width)
{
    int cut = width;
    if (strlen(line) <= (size_t)width)
        return width;
    for (const char *bar = line; (bar = strstr(bar, " | ")) && bar - line <= width; bar++)
        cut = (int)(bar - line);
    return cut;
}

static void draw(struct screen *s)
{
    struct winsize w = { 0 };
    if (!s->terminal || !s->status[0])
        return;
    int width =
        screen_cut(s->status, ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79);
    printf("%s%.*s%s", table_paint(stdout, HUE_FAINT), width, s->status, table_paint(stdout, HUE_NONE));
    fflush(stdout);
    s->shown = true;
}

void screen_line(struct screen *s, FILE *to, enum hue hue, const char *text)
{
    wipe(s);
    fflush(stdout);
    if (hue == HUE_NONE)
        fprintf(to, "%s\n", text);
    else
        fprintf(to, "%s%s%s\n", table_paint(to, hue), text, table_paint(to, HUE_NONE));
    fflush(to);
    draw(s);
}

void screen_status(struct screen *s, const char *text, mono_ns now)
{
    if (s->terminal) {
        wipe(s);
        snprintf(s->status, sizeof s->status, "%s", text);
        draw(s);
    } else if (now >= s->next_status) {
        s->next_status = now + SCREEN_STATUS_EVERY;
        printf("%s\n", text);
        fflush(stdout);
    }
}

void screen_done(struct screen *s)
{
    wipe(s);
    s->status[0] = '\0';
    fflush(stdout);
}
