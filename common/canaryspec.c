#include "common/canaryspec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum canary_kind kind;
} words[] = {
    {"coordinator", CANARY_COORDINATOR},
    { "collector",  CANARY_COLLECTOR  },
    { "root",       CANARY_ROOT       },
};

static int bad_tcp(const char *word, struct err *err)
{
    return err_set(err, -EINVAL, "'%.80s' is not like tcp://HOST:PORT", word);
}

/* "tcp://192.0.2.1:443", "tcp://[2001:db8::1]:443", "tcp://host.example:443" */
static int parse_tcp(const char *word, struct canary_spec *ret, struct err *err)
{
    const char *host = word + strlen("tcp://"), *colon = strrchr(host, ':'), *end = colon;
    if (!colon || colon == host)
        return bad_tcp(word, err);
    if (*host == '[') {
        host++;
        if (end[-1] != ']')
            return bad_tcp(word, err);
        end--;
    }
    size_t len = (size_t)(end - host), digits = strspn(colon + 1, "0123456789");
    long port = strtol(colon + 1, NULL, 10);
    if (len == 0 || len > URL_MAX_HOST || digits == 0 || digits > 5 || colon[1 + digits] || port < 1 ||
        port > 65535 || memchr(host, '/', len) || (*word && host[-1] != '[' && memchr(host, ':', len)))
        return bad_tcp(word, err);
    ret->kind = CANARY_TCP;
    memcpy(ret->host, host, len);
    ret->host[len] = '\0';
    ret->port = (uint16_t)port;
    return 0;
}

int canary_spec_parse(const char *word, struct canary_spec *ret, struct err *err)
{
    *ret = (struct canary_spec){ 0 };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0) {
            ret->kind = words[i].kind;
            return 0;
        }
    if (strncmp(word, "tcp://", 6) == 0)
        return parse_tcp(word, ret, err);
    if (strncmp(word, "http://", 7) != 0 && strncmp(word, "https://", 8) != 0)
        return err_set(err, -EINVAL,
                       "'%.80s' is not a canary: coordinator, collector, root, tcp://HOST:PORT or a URL",
                       word);
    ret->kind = CANARY_URL;
    return url_normalise(word, ret->url, sizeof ret->url, err);
}

int canary_spec_list(const char *text, struct canary_spec ret[CANARY_MAX], struct err *err)
{
    char word[CANARY_MAX_WORDS + 1];
    int n = 0;
    for (const char *p = text; *p;) {
        p += strspn(p, " ,");
        size_t len = strcspn(p, ", ");
        if (len == 0)
            break;
        if (len >= sizeof word)
            return err_set(err, -EINVAL, "'%.60s...' is longer than %d bytes", p, CANARY_MAX_WORDS);
        if (n == CANARY_MAX)
            return err_set(err, -EINVAL, "more than %d canaries", CANARY_MAX);
        snprintf(word, sizeof word, "%.*s", (int)len, p);
        int r = canary_spec_parse(word, &ret[n], err);
        if (r < 0)
            return r;
        n++;
        p += len;
    }
    return n;
}

int canary_spec_check(const char *text, struct err *err)
{
    struct canary_spec spec[CANARY_MAX];
    int n = canary_spec_list(text, spec, err);
    return n < 0 ? n : 0;
}
