#include "worker/match.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct judgement match_answer(const struct status_set *accepted, const struct answer *a)
{
    const struct judgement up = { VERDICT_UP, CAUSE_NONE };

    if (status_set_has(accepted, a->status))
        return a->keyword ? up : judgement_of(CAUSE_CONTENT);
    if (a->status == 429 && (a->retry_after || !a->filtered))
        return (struct judgement){ VERDICT_UP, CAUSE_ASKS_PATIENCE };
    if ((a->status == 403 || a->status == 429) && a->filtered)
        return (struct judgement){ VERDICT_UP, CAUSE_BLOCKED_WAF };
    if (a->status >= 500 && a->status < 600)
        return judgement_of(CAUSE_HTTP_5XX);
    return judgement_of(a->status >= 400 && a->status < 500 ? CAUSE_HTTP_4XX : CAUSE_HTTP_UNEXPECTED);
}

bool match_head_needs_get(struct judgement j)
{
    switch (j.cause) {
    case CAUSE_HTTP_4XX:
    case CAUSE_HTTP_5XX:
    case CAUSE_HTTP_UNEXPECTED:
    case CAUSE_BLOCKED_WAF:
    case CAUSE_RESET:
    case CAUSE_CLOSED:
    case CAUSE_PROTOCOL:
    case CAUSE_REDIRECT_LOOP:
    case CAUSE_REDIRECT_BAD: return true;
    default: return false;
    }
}

bool match_head_hangs(struct judgement j)
{
    return j.cause == CAUSE_TIMEOUT_WAIT || j.cause == CAUSE_TIMEOUT_BODY;
}

/* A date of any of the three kinds that RFC 9110 section 5.6.7 tells to read, and no
 * other text that a date may be read into. */
static int64_t date_of(const char *value)
{
    bool dated = strchr("MTWFS", value[0]) && value[0] && strchr(value, ':');
    return dated ? (int64_t)curl_getdate(value, NULL) : -1;
}

bool match_retry_after(const char *value, wall_us now, uint32_t *ret_s)
{
    size_t digits = strspn(value, "0123456789");
    if (digits > 0 && value[digits] == '\0') {
        *ret_s = digits > 9 ? UINT32_MAX : (uint32_t)strtoul(value, NULL, 10);
        return true;
    }
    int64_t at = date_of(value), now_s = now / US_PER_S;
    if (at < 0)
        return false;
    *ret_s = at <= now_s ? 0 : at - now_s > UINT32_MAX ? UINT32_MAX : (uint32_t)(at - now_s);
    return true;
}

static bool is(const char *text, size_t len, const char *what)
{
    return strlen(what) == len && strncasecmp(text, what, len) == 0;
}

bool match_header_is_filter(const char *name, size_t name_len, const char *value, size_t value_len)
{
    static const char *const headers[] = {
        "cf-mitigated",     /* Cloudflare */
        "x-sucuri-block",   /* Sucuri */
        "x-datadome",       /* DataDome */
        "x-amzn-waf-action" /* AWS WAF */
    };
    static const char *const servers[] = { "cloudflare", "AkamaiGHost", "Sucuri/Cloudproxy", "ddos-guard" };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (is(name, name_len, headers[i]))
            return true;
    if (!is(name, name_len, "server"))
        return false;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        if (is(value, value_len, servers[i]))
            return true;
    return false;
}

bool match_follows(const struct status_set *accepted, unsigned status)
{
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return false;
    return !status_set_has(accepted, status) || status_set_has(accepted, 200);
}
