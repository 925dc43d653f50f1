#include "common/url.h"

#include "common/scope.h"
#include "common/site.h"
#include "common/text.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How a URL is vetted
 *
 * libcurl decides what a URL means, because libcurl fetches it. But it accepts
 * much that a person never means ("http:/x", "http://a\@b/", port 0, zone ids,
 * percent signs in the host), and its own handling of international names
 * depends on the locale. So the text is first cut at the places where scheme,
 * host and port must be, each piece is vetted with a sentence of its own, and
 * the host is brought into its one plain form. Then libcurl reads the result,
 * and what it found must be what we vetted: two readings that differ are a
 * refusal, never a guess.
 */

DEFINE_SCOPED(curl_text, char *, curl_free)
DEFINE_SCOPED(idn2_text, char *, idn2_free)

#define SHOWN_SIZE 84

/* The beginning of what a stranger wrote, fit for a sentence. */
static const char *shown(char buf[SHOWN_SIZE], const char *in)
{
    size_t len = strlen(in), most = SHOWN_SIZE - 4;
    size_t n = len < most ? len : most;
    while (n < len && n > 0 && ((unsigned char)in[n] & 0xc0) == 0x80)
        n--; /* not in the middle of a UTF-8 sequence */
    for (size_t i = 0; i < n; i++)
        buf[i] = (unsigned char)in[i] < 0x20 || in[i] == 0x7f ? '?' : in[i];
    memcpy(buf + n, n < len ? "..." : "", n < len ? 4 : 1);
    return buf;
}

/* Where scheme, host and port are inside the text that a person wrote. */
struct cut {
    bool https;
    const char *host; /* with brackets, when it has any */
    size_t host_len;
    unsigned port; /* 0: none was written */
    const char *rest;
};

static int vet_text(const char *in, struct err *err)
{
    char show[SHOWN_SIZE];
    size_t len = strlen(in);
    if (len == 0)
        return err_set(err, -EINVAL, "the URL is empty");
    if (len > SITE_MAX_URL)
        return err_set(err, -EINVAL, "the URL has %zu bytes, at most %d are allowed", len, SITE_MAX_URL);
    for (const char *p = in; *p; p++) {
        if (*p == ' ')
            return err_set(err, -EINVAL, "'%s' has a space: write it as %%20", shown(show, in));
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_set(err, -EINVAL, "'%s' has a control character", shown(show, in));
        /* Browsers read it as '/', libcurl as part of a user's name: "http://a\\@b/". */
        if (*p == '\\')
            return err_set(err, -EINVAL, "'%s' has a backslash: write / instead", shown(show, in));
    }
    return 0;
}

/* Sets ret->https and returns where the authority begins; NULL when refused. */
static const char *cut_scheme(const char *in, struct cut *ret, struct err *err)
{
    char show[SHOWN_SIZE], bare[SHOWN_SIZE];
    size_t len = strspn(in, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-");
    bool ours =
        (len == 4 && strncasecmp(in, "http", 4) == 0) || (len == 5 && strncasecmp(in, "https", 5) == 0);

    /* "example.com:8080" has the form of scheme and path; a digit tells them apart. */
    if (len == 0 || in[len] != ':' || (!ours && in[len + 1] >= '0' && in[len + 1] <= '9')) {
        shown(bare, in + strspn(in, "/"));
        if (*bare == '\0' || *bare == ':')
            err_set(err, -EINVAL, "'%s' is not a URL like http://example.com", shown(show, in));
        else
            err_set(err, -EINVAL, "'%s' has no scheme: write http://%s", shown(show, in), bare);
        return NULL;
    }
    if (!ours) {
        err_set(err, -EINVAL, "'%s' is neither http nor https: nothing else works here", shown(show, in));
        return NULL;
    }
    ret->https = len == 5;
    if (strncmp(in + len, "://", 3) != 0) {
        shown(bare, in + len + 1 + strspn(in + len + 1, "/"));
        err_set(err, -EINVAL, "'%s' lacks the two slashes: write %s://%s", shown(show, in),
                ret->https ? "https" : "http", bare);
        return NULL;
    }
    return in + len + 3;
}

static int cut_port(const char *text, size_t len, unsigned *ret, struct err *err)
{
    unsigned port = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return err_set(err, -EINVAL, "the port '%.*s' is not a number", (int)(len < 40 ? len : 40), text);
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > 65535)
            return err_set(err, -EINVAL, "the port '%.*s' is above 65535", (int)(len < 40 ? len : 40), text);
    }
    if (len > 0 && port == 0)
        return err_set(err, -EINVAL, "port 0 cannot be connected to");
    *ret = port;
    return 0;
}

static int cut_url(const char *in, struct cut *ret, struct err *err)
{
    char show[SHOWN_SIZE];
    const char *at = cut_scheme(in, ret, err);
    if (!at)
        return -EINVAL;

    size_t len = strcspn(at, "/?#");
    ret->rest = at + len;
    if (memchr(at, '@', len)) /* not shown: it may be a password */
        return err_set(err, -EINVAL,
                       "the URL has a user or password before its host, and these are not kept");

    const char *colon = memchr(at, ':', len);
    if (len > 0 && at[0] == '[') {
        const char *end = memchr(at, ']', len);
        if (!end || (end + 1 < at + len && end[1] != ':'))
            return err_set(err, -EINVAL, "'%s' has brackets that do not enclose its host", shown(show, in));
        colon = end + 1 < at + len ? end + 1 : NULL;
    }
    if (at[0] != '[' && colon && memchr(colon + 1, ':', (size_t)(at + len - colon - 1)))
        return err_set(err, -EINVAL, "'%s': an IPv6 address is written in brackets, like http://[::1]/",
                       shown(show, in));
    ret->host = at;
    ret->host_len = colon ? (size_t)(colon - at) : len;
    if (ret->host_len == 0)
        return err_set(err, -EINVAL, "'%s' has no host", shown(show, in));
    return colon ? cut_port(colon + 1, (size_t)(at + len - colon - 1), &ret->port, err) : 0;
}

/* ── The host in its one plain form ────────────────────────────────────── */

/* Whether a host's last label is a number, decimal or hexadecimal: then it is
 * meant as an IPv4 address, in whatever spelling (WHATWG URL, "ends in a number"). */
static bool ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot ? dot + 1 : host;
    if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
        return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] == '\0';
    return *last && last[strspn(last, "0123456789")] == '\0';
}

static int vet_labels(const char *host, struct err *err)
{
    size_t len = strlen(host);
    if (len == 0)
        return err_set(err, -EINVAL, "the host name is empty once it is written in ASCII");
    if (len > 254 || (len == 254 && host[253] != '.'))
        return err_set(err, -EINVAL, "the host name has %zu bytes, at most 253 are possible", len);
    for (const char *p = host; *p;) {
        size_t label = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_");
        if (p[label] && p[label] != '.')
            return err_set(err, -EINVAL, "the host '%.60s' has '%c', which host names cannot have", host,
                           p[label]);
        if (label == 0)
            return err_set(err, -EINVAL, "the host '%.60s' has an empty part between its dots", host);
        if (label > 63)
            return err_set(err, -EINVAL, "the host '%.60s...' has a part of more than 63 bytes", host);
        p += label + (p[label] == '.');
    }
    return 0;
}

/* A host name that is not plain ASCII as its A-labels: for libidn2's UTF-8 call,
 * since the other one, like libcurl, asks the locale. */
static int to_ascii(const char *host, char out[URL_MAX_HOST + 1], struct err *err)
{
    char show[SHOWN_SIZE];
    scoped(idn2_text) char *ascii = NULL;
    int r = idn2_to_ascii_8z(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (r != IDN2_OK)
        return err_set(err, -EINVAL, "'%s' is not an international host name: %s", shown(show, host),
                       idn2_strerror(r));
    if (strlen(ascii) > URL_MAX_HOST)
        return err_set(err, -EINVAL, "the host name '%s' is too long", shown(show, host));
    strcpy(out, ascii);
    return 0;
}

static int plain_ipv6(char *host, char out[URL_MAX_HOST + 1], struct err *err)
{
    struct in6_addr address;
    host[strlen(host) - 1] = '\0'; /* the bracket */
    if (strchr(host, '%'))
        return err_set(err, -EINVAL, "'%.60s]' has a zone, which means something on one host only", host);
    if (inet_pton(AF_INET6, host + 1, &address) != 1)
        return err_set(err, -EINVAL, "'%.60s]' is not an IPv6 address", host);
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &address, text, sizeof text);
    snprintf(out, URL_MAX_HOST + 1, "[%s]", text);
    return 0;
}

static int plain_host(const struct cut *c, char out[URL_MAX_HOST + 1], struct err *err)
{
    char host[SITE_MAX_URL + 1], show[SHOWN_SIZE];
    bool ascii = true;
    for (size_t i = 0; i < c->host_len; i++) {
        host[i] = c->host[i] >= 'A' && c->host[i] <= 'Z' ? (char)(c->host[i] | 0x20) : c->host[i];
        ascii = ascii && (unsigned char)host[i] < 0x80;
    }
    host[c->host_len] = '\0';

    if (host[0] == '[')
        return plain_ipv6(host, out, err);
    if (strchr(host, '%')) /* libcurl would decode it: a second spelling for every name */
        return err_set(err, -EINVAL, "the host '%s' has a percent sign", shown(show, host));
    if (ascii) {
        int r = vet_labels(host, err);
        if (r < 0)
            return r;
        strcpy(out, host);
    } else {
        int r = to_ascii(host, out, err);
        if (r == 0)
            r = vet_labels(out, err);
        if (r < 0)
            return r;
    }

    size_t len = strlen(out);
    bool dotted = out[len - 1] == '.';
    if (dotted)
        out[len - 1] = '\0';
    if (dotted && !ends_in_number(out))
        out[len - 1] = '.';
    return 0;
}

/* ── What libcurl makes of it ──────────────────────────────────────────── */

struct reading {
    bool https, numeric;
    char host[URL_MAX_HOST + 1]; /* as in a URL: with brackets, perhaps with a final dot */
    unsigned port;               /* 0: the scheme's own */
    CURLU *url;
};

static inline void scope_end_reading(struct reading *r)
{
    curl_url_cleanup(r->url);
}

static int parse_with_curl(CURLU *url, const struct cut *c, const char *host, struct err *err)
{
    scoped(text) struct text all = TEXT_UP_TO(2 * SITE_MAX_URL);
    text_addf(&all, "%s://%s", c->https ? "https" : "http", host);
    if (c->port)
        text_addf(&all, ":%u", c->port);
    text_add(&all, c->rest);
    if (all.failed)
        return err_set(err, all.failed, "there is no memory to read a URL");

    /* Beyond ASCII, path and query are percent-encoded (RFC 3986 section 2.1). */
    CURLUcode rc = curl_url_set(url, CURLUPART_URL, text_str(&all), CURLU_URLENCODE);
    if (rc == CURLUE_OUT_OF_MEMORY)
        return err_set(err, -ENOMEM, "there is no memory to read a URL");
    if (rc != CURLUE_OK)
        return err_set(err, -EINVAL, "the URL of host '%.60s' cannot be read: %s", host,
                       curl_url_strerror(rc));
    return 0;
}

/* Host and port as libcurl found them; they must be those that were vetted. */
static int compare_with_curl(struct reading *r, const struct cut *c, const char *host, struct err *err)
{
    struct in_addr ipv4;
    scoped(curl_text) char *found = NULL;
    scoped(curl_text) char *port = NULL;
    scoped(curl_text) char *user = NULL;

    if (curl_url_get(r->url, CURLUPART_HOST, &found, 0) != CURLUE_OK || strlen(found) > URL_MAX_HOST)
        return err_set(err, -EINVAL, "the URL of host '%.60s' cannot be read", host);
    r->numeric = host[0] == '[' || ends_in_number(host);
    if (host[0] != '[' && r->numeric && inet_pton(AF_INET, found, &ipv4) != 1)
        return err_set(err, -EINVAL, "the host '%.60s' ends in a number and is not an IPv4 address", host);
    bool same = r->numeric && host[0] != '[' ? true : strcmp(found, host) == 0;
    if (curl_url_get(r->url, CURLUPART_PORT, &port, 0) == CURLUE_OK)
        same = same && strtoul(port, NULL, 10) == c->port;
    else
        same = same && c->port == 0;
    if (!same || curl_url_get(r->url, CURLUPART_USER, &user, 0) != CURLUE_NO_USER)
        return err_set(err, -EINVAL, "the URL of host '%.60s' can be read in two ways", host);
    strcpy(r->host, found);
    return 0;
}

static int read_url(const char *in, struct reading *ret, struct err *err)
{
    struct cut cut = { 0 };
    char host[URL_MAX_HOST + 1];
    int r = vet_text(in, err);
    if (r == 0)
        r = cut_url(in, &cut, err);
    if (r == 0)
        r = plain_host(&cut, host, err);
    if (r < 0)
        return r;

    ret->url = curl_url();
    if (!ret->url)
        return err_set(err, -ENOMEM, "there is no memory to read a URL");
    ret->https = cut.https;
    ret->port = cut.port == (cut.https ? 443 : 80) ? 0 : cut.port;
    r = parse_with_curl(ret->url, &cut, host, err);
    return r < 0 ? r : compare_with_curl(ret, &cut, host, err);
}

int url_normalise(const char *in, char *out, size_t size, struct err *err)
{
    scoped(reading) struct reading u = { 0 };
    scoped(curl_text) char *path = NULL;
    scoped(curl_text) char *query = NULL;
    int r = read_url(in, &u, err);
    if (r < 0)
        return r;
    if (curl_url_get(u.url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        return err_set(err, -ENOMEM, "there is no memory to read a URL");
    curl_url_get(u.url, CURLUPART_QUERY, &query, 0);

    char port[16] = "";
    if (u.port)
        snprintf(port, sizeof port, ":%u", u.port);
    size_t len = strlen(u.https ? "https://" : "http://") + strlen(u.host) + strlen(port) + strlen(path) +
                 (query ? 1 + strlen(query) : 0);
    if (len > SITE_MAX_URL)
        return err_set(err, -EINVAL, "the URL has %zu bytes when percent-encoded, at most %d are allowed",
                       len, SITE_MAX_URL);
    if (len >= size)
        return err_set(err, -ENAMETOOLONG, "the URL has %zu bytes, there is room for %zu", len, size);
    snprintf(out, size, "%s%s%s%s%s%s", u.https ? "https://" : "http://", u.host, port, path,
             query ? "?" : "", query ? query : "");
    return 0;
}

/* ── The short way ─────────────────────────────────────────────────────── */

/* Most URLs have nothing in them that could be read in two ways: a host of plain
 * labels of which the last is no number, maybe a port, and a path of printable
 * ASCII. Every look splits its URL, and libcurl's parser costs as much as ten of
 * these. How many bytes of the host are such; 0 when they are not. */
static size_t plain_host_len(const char *host)
{
    size_t len = 0, label = 0;
    for (; host[len] && !strchr("/:?", host[len]); len++) {
        char c = host[len];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if ((c == '.' ? len == label : !plain || len - label >= 63) || len >= 253)
            return 0;
        if (c == '.')
            label = len + 1;
    }
    bool letter = host[label] >= 'a' && host[label] <= 'z';
    return letter ? len : 0;
}

static bool split_plain(const char *url, struct url_parts *p)
{
    bool https = strncmp(url, "https://", 8) == 0;
    if (!https && strncmp(url, "http://", 7) != 0)
        return false;
    const char *host = url + (https ? 8 : 7), *at = host + plain_host_len(host);
    size_t len = (size_t)(at - host);
    unsigned port = https ? 443 : 80;
    if (len == 0)
        return false;
    if (*at == ':') {
        for (port = 0, at++; *at >= '0' && *at <= '9' && port <= 65535; at++)
            port = port * 10 + (unsigned)(*at - '0');
        if (port == 0 || port > 65535)
            return false;
    }
    if (*at != '/')
        return false;
    while (*at > ' ' && *at < 0x7f && *at != '\\')
        at++;
    if (*at || at - url > SITE_MAX_URL)
        return false;
    p->https = https;
    p->numeric = false;
    memcpy(p->host, host, len);
    p->host[len] = '\0';
    p->port = (uint16_t)port;
    return true;
}

int url_split(const char *url, struct url_parts *ret, struct err *err)
{
    if (split_plain(url, ret))
        return 0;
    scoped(reading) struct reading u = { 0 };
    int r = read_url(url, &u, err);
    if (r < 0)
        return r;

    struct url_parts p = { .https = u.https, .numeric = u.numeric };
    bool brackets = u.host[0] == '[';
    size_t len = strlen(u.host) - (brackets ? 2 : 0);
    memcpy(p.host, u.host + brackets, len);
    if (!u.numeric && p.host[len - 1] == '.')
        p.host[len - 1] = '\0';
    p.port = (uint16_t)(u.port ? u.port : u.https ? 443 : 80);
    *ret = p;
    return 0;
}
