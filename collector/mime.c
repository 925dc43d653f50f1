#include "collector/mime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 76 /* RFC 2045 section 6.7, RFC 2047 section 2 */

/* "=?" would be read as the beginning of an encoded word. */
static bool plain(const char *value)
{
    for (const char *s = value; *s; s++)
        if ((unsigned char)*s >= 0x7f)
            return false;
    return !strstr(value, "=?");
}

static unsigned char visible(unsigned char c)
{
    return c < 0x20 || c == 0x7f ? ' ' : c;
}

/* Words separated by single spaces, a new line before one that does not fit. */
static void add_plain(struct text *t, size_t column, const char *value)
{
    while (*value) {
        size_t len = 1;
        while (value[len] && visible((unsigned char)value[len]) != ' ')
            len++;
        if (column + len > LINE_MAX_BYTES && visible((unsigned char)*value) == ' ') {
            text_add(t, "\r\n");
            column = 0;
        }
        char first = (char)visible((unsigned char)*value);
        text_add_bytes(t, &first, 1);
        text_add_bytes(t, value + 1, len - 1);
        column += len;
        value += len;
    }
}

/* How many bytes the character at s has: an encoded word may not split one. */
static size_t character(const char *s)
{
    size_t n = 1;
    while (((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static bool stands_for_itself(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* =?UTF-8?Q?...?= as often as it takes (RFC 2047 sections 2, 4.2, 5). */
static void add_encoded(struct text *t, size_t column, const char *value)
{
    static const char begin[] = "=?UTF-8?Q?", end[] = "?=";
    bool open = false;
    while (*value) {
        size_t n = character(value), len = 0;
        char out[64];
        for (size_t i = 0; i < n && len + 4 < sizeof out; i++) {
            unsigned char c = visible((unsigned char)value[i]);
            len += (size_t)snprintf(out + len, sizeof out - len,
                                    c == ' '               ? "_"
                                    : stands_for_itself(c) ? "%c"
                                                           : "=%02X",
                                    c);
        }
        if (open && column + len + strlen(end) > LINE_MAX_BYTES) {
            text_addf(t, "%s\r\n ", end);
            column = 1;
            open = false;
        }
        if (!open) {
            text_add(t, begin);
            column += strlen(begin);
            open = true;
        }
        text_add_bytes(t, out, len);
        column += len;
        value += n;
    }
    text_add(t, end);
}

void mime_header(struct text *t, const char *name, const char *value)
{
    text_addf(t, "%s: ", name);
    if (plain(value))
        add_plain(t, strlen(name) + 2, value);
    else
        add_encoded(t, strlen(name) + 2, value);
    text_add(t, "\r\n");
}

void mime_date(struct text *t, wall_us at)
{
    /* Not strftime: names of days and months are English here, whatever the locale. */
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(at / US_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    text_addf(t, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
              months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void mime_quoted_printable(struct text *t, const char *body)
{
    size_t column = 0;
    for (; *body; body++) {
        unsigned char c = (unsigned char)*body;
        if (c == '\n') {
            text_add(t, "\r\n");
            column = 0;
            continue;
        }
        /* A space or tab at the end of a line would be lost on the way. */
        bool last = body[1] == '\n' || body[1] == '\0';
        bool as_it_is = (c >= 33 && c <= 126 && c != '=') || ((c == ' ' || c == '\t') && !last);
        char out[4];
        size_t len = (size_t)snprintf(out, sizeof out, as_it_is ? "%c" : "=%02X", c);
        if (column + len > LINE_MAX_BYTES - 1) {
            text_add(t, "=\r\n");
            column = 0;
        }
        text_add_bytes(t, out, len);
        column += len;
    }
    if (column > 0)
        text_add(t, "\r\n");
}
