#include "coordinator/domain.h"

#include "common/url.h"

#include <errno.h>
#include <libpsl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct domains {
    psl_ctx_t *list;
};

int domains_new(struct domains **ret)
{
    scoped(domains) struct domains *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->list = psl_latest(NULL); /* what libpsl was built with, or the system's file if that is newer */
    if (!d->list)
        return -ENOMEM;
    *ret = moved(d);
    return 0;
}

void domains_free(struct domains *d)
{
    if (!d)
        return;
    psl_free(d->list);
    free(d);
}

/* FNV-1a; never 0. */
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

/* The host of a normalised URL, without a final dot; false for addresses. It is
 * asked for very many sites, and what libcurl's parser would find was vetted before. */
static bool name_of(const char *url, char host[URL_MAX_HOST + 1])
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    size_t len = strcspn(at, ":/?#");
    if (len > 0 && at[len - 1] == '.')
        len--;
    if (len == 0 || len > URL_MAX_HOST || at[0] == '[')
        return false;
    memcpy(host, at, len);
    host[len] = '\0';
    const char *last = strrchr(host, '.') ? strrchr(host, '.') + 1 : host;
    return *last < '0' || *last > '9'; /* no top-level domain begins with a digit */
}

static bool of_the_internet(const char *host)
{
    static const char *const reserved[] = { "test", "example", "invalid", "localhost" };
    const char *last = strrchr(host, '.') ? strrchr(host, '.') + 1 : host;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(last, reserved[i]) == 0)
            return false;
    return true;
}

uint64_t domains_key(const struct domains *d, const char *url)
{
    char host[URL_MAX_HOST + 1];
    if (!name_of(url, host) || !of_the_internet(host))
        return 0;
    const char *domain = psl_registrable_domain(d->list, host);
    return hash(domain ? domain : host);
}
