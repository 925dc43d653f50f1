#include "loadgen/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool begins(const char *line, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && strncasecmp(line, word, n) == 0;
}

static void read_field(const char *line, size_t len, struct request *r)
{
    if (begins(line, len, "host:")) {
        const char *p = line + 5, *end = line + len;
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        r->host = p;
        r->host_len = (size_t)(end - p);
    } else if (begins(line, len, "connection:")) {
        if (memmem(line, len, "close", 5))
            r->keep = false;
        else if (memmem(line, len, "eep-", 4)) /* HTTP/1.0 asks for it */
            r->keep = true;
    }
}

/* "GET /path HTTP/1.1" */
static int read_line(const char *line, size_t len, struct request *r)
{
    const char *version = len >= 14 ? line + len - 8 : "";
    if (strncmp(version, "HTTP/1.", 7) != 0 || !memchr(line, ' ', len))
        return -EBADMSG;
    *r = (struct request){ .head = begins(line, len, "HEAD "), .keep = version[7] != '0', .host = "" };
    return 0;
}

int request_read(const char *bytes, size_t len, struct request *ret)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4), *at = bytes;
    if (!end)
        return len > 0 && (bytes[0] < 'A' || bytes[0] > 'Z') ? -EBADMSG : 0;
    for (bool first = true; at < end; first = false) {
        const char *eol = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
        if (first && read_line(at, (size_t)(eol - at), ret) < 0)
            return -EBADMSG;
        if (!first)
            read_field(at, (size_t)(eol - at), ret);
        at = eol + 2;
    }
    return at == bytes ? -EBADMSG : (int)(end + 4 - bytes);
}

/* Codes have names for people only (RFC 9112 section 4); one word for each hundred will do. */
static const char *phrase(unsigned status)
{
    static const char *const of[] = { "OK", "Elsewhere", "Refused", "Trouble" };
    return status / 100 >= 2 && status / 100 <= 5 ? of[status / 100 - 2] : "Odd";
}

int answer_write(char *buf, size_t size, const struct request *r, unsigned status, const char *name)
{
    char body[200];
    bool bodiless = status == 204 || status == 304;
    int n = snprintf(body, sizeof body, "<!doctype html><title>%s</title><p>%s.\n", name,
                     status / 100 == 2 ? "All is well" : phrase(status));
    const char *more = status / 100 == 3 && status != 304 ? "Location: /moved\r\n"
                       : status == 429                    ? "Retry-After: 30\r\n"
                                                          : "";
    int len = snprintf(buf, size,
                       "HTTP/1.1 %u %s\r\nServer: vedette-loadgen\r\nContent-Type: text/html\r\n"
                       "Content-Length: %d\r\n%sConnection: %s\r\n\r\n%s",
                       status, phrase(status), bodiless ? 0 : n, more, r->keep ? "keep-alive" : "close",
                       r->head || bodiless ? "" : body);
    return (size_t)len < size ? len : -ENOSPC;
}
