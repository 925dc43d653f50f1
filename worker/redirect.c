#include "worker/redirect.h"

#include "common/url.h"
#include "worker/sitememory.h"

#include <curl/curl.h>
#include <errno.h>

int redirect_target(const char *base, const char *location, char out[SITE_MAX_URL + 1], struct err *err)
{
    CURLU *u = curl_url();
    char *text = NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
              curl_url_set(u, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK;
    int r = ok ? url_normalise(text, out, SITE_MAX_URL + 1, err)
               : err_set(err, -EINVAL, "'%.80s' is no http or https URL", location);
    curl_free(text);
    curl_url_cleanup(u);
    return r;
}

void redirect_forget(struct redirect_trail *t)
{
    t->n = 0;
}

void redirect_add(struct redirect_trail *t, const char *url)
{
    if (t->n < sizeof t->place / sizeof *t->place)
        t->place[t->n++] = sitememory_key(url);
}

bool redirect_been_at(const struct redirect_trail *t, const char *url)
{
    uint64_t key = sitememory_key(url);
    for (unsigned i = 0; i < t->n; i++)
        if (t->place[i] == key)
            return true;
    return false;
}
