/* What a site, and the name server in front of it, answers: whatever it is, it is read as one thing, and
 * leads nowhere that we may not look. The first byte says which part of it the rest is. */
/* libFuzzer: -max_len=3000 */
#include "common/url.h"
#include "tests/fuzz/fuzz.h"
#include "worker/candidates.h"
#include "worker/keyword.h"
#include "worker/match.h"
#include "worker/redirect.h"
#include "worker/tickets.h"
#include "worker/upstream.h"

#define NOW (INT64_C(1790000000) * US_PER_S)

static char *as_text(struct script *s)
{
    static char text[3001];
    size_t len = script_left(s) < sizeof text - 1 ? script_left(s) : sizeof text - 1;
    memcpy(text, s->at, len);
    text[len] = '\0';
    return text;
}

/* ── Where to ──────────────────────────────────────────────────────────── */

static void must_be_kept(const char *url)
{
    char again[SITE_MAX_URL + 1];
    struct url_parts parts;
    must(url_normalise(url, again, sizeof again, NULL) == 0 && strcmp(url, again) == 0);
    must(url_split(url, &parts, NULL) == 0);
    must(parts.host[0] && parts.port > 0);
    must(strncmp(url, parts.https ? "https://" : "http://", parts.https ? 8 : 7) == 0);
    for (const char *c = url; *c; c++)
        must(*c > ' ' && *c != '\\' && *c != '#' && (unsigned char)*c < 0x7f);
    must(strlen(url) <= SITE_MAX_URL);
}

static void location(struct script *s)
{
    static const char *const bases[] = { "http://a.test/", "https://a.test:8443/x/y?q=1", "http://192.0.2.1/",
                                         "https://[2001:db8::1]/x" };
    char out[SITE_MAX_URL + 1];
    struct err err = { 0 };
    const char *base = bases[script_below(s, 4)];
    int r = redirect_target(base, as_text(s), out, &err);
    if (r < 0) {
        must(err.text[0]);
        return;
    }
    must_be_kept(out);
    struct redirect_trail t = { 0 };
    redirect_add(&t, out);
    must(redirect_been_at(&t, out));
}

static void url(struct script *s)
{
    char out[SITE_MAX_URL + 1];
    struct err err = { 0 };
    if (url_normalise(as_text(s), out, sizeof out, &err) < 0)
        must(err.text[0]);
    else
        must_be_kept(out);
}

/* ── What it says ──────────────────────────────────────────────────────── */

static void retry_after(struct script *s)
{
    uint32_t wait_s = 0;
    const char *text = as_text(s);
    if (!match_retry_after(text, NOW, &wait_s))
        return;
    uint32_t later_s = 0;
    must(match_retry_after(text, NOW + US_PER_S, &later_s) && later_s <= wait_s);
}

static void header(struct script *s)
{
    size_t len;
    const uint8_t *name = script_bytes(s, 64, &len);
    match_header_is_filter((const char *)name, len, (const char *)s->at, script_left(s));
}

/* However the body is cut in pieces. */
static void body(struct script *s)
{
    char text[EXPECT_MAX_KEYWORD + 1];
    struct keyword k;
    keyword_init(&k, script_text(s, text, 64));
    const uint8_t *whole = s->at;
    size_t piece = 1 + script_byte(s), len = script_left(s);
    whole = s->at;
    bool there = text[0] == '\0' || memmem(whole, len, text, strlen(text)) != NULL;
    for (size_t at = 0; at < len && !k.found; at += piece)
        keyword_feed(&k, (const char *)whole + at, at + piece < len ? piece : len - at);
    must(k.found == there);
}

static void judged(struct script *s)
{
    struct status_set set = { .count = script_below(s, EXPECT_MAX_RANGES + 1) };
    for (unsigned i = 0; i < set.count; i++) {
        set.range[i].lo = (uint16_t)script_number(s, 2);
        set.range[i].hi = (uint16_t)script_number(s, 2);
    }
    if (!status_set_valid(&set))
        return;
    uint8_t how = script_byte(s);
    struct answer a = { (unsigned)script_number(s, 2) % 1000, how & 1, how & 2, how & 4 };
    struct judgement j = match_answer(&set, &a);
    must(cause_valid(j.cause) && !cause_is_ours(j.cause) && j.verdict != VERDICT_UNKNOWN);
    must(j.verdict == VERDICT_UP || j.cause != CAUSE_NONE);
    if (status_set_has(&set, a.status) && a.keyword)
        must(j.verdict == VERDICT_UP);
    match_head_needs_get(j);
    match_head_hangs(j);
    match_follows(&set, a.status);
    char words[EXPECT_STATUS_SIZE];
    struct status_set again;
    status_set_format(words, sizeof words, &set);
    must(status_set_parse(words, &again, NULL) == 0);
    must(status_set_has(&again, a.status) == status_set_has(&set, a.status));
}

static void session(struct script *s)
{
    uint8_t der[3000];
    size_t len = script_left(s);
    memcpy(der, s->at, len);
    must(tickets_bare(der, len) <= len);
}

/* ── What the name server says ─────────────────────────────────────────── */

static void must_be_allowed(const struct candidates *c, const struct address_policy *p, uint16_t port)
{
    must(c->n <= 2 * DNS_MAX_ADDRESSES);
    for (unsigned i = 0; i < c->n; i++) {
        must(address_allowed(p, &c->at[i]) && address_port_allowed(p, &c->at[i], port));
        must(p->allow.count > 0 || address_global(&c->at[i]));
    }
}

/* Every address of an answer is one that may be looked at, or is left out. */
static void choose(const struct dns_answer *a, uint8_t how)
{
    struct address_policy policy;
    struct candidates c;
    must(address_policy_parse(how & 1 ? "10.0.0.0/8,fd00::/8" : "", &policy, NULL) == 0);
    uint16_t port = how & 2 ? 25 : 443;
    candidates_choose(&c, a, how >> 2, &policy, port);
    must_be_allowed(&c, &policy, port);
}

static void name_answer(struct script *s)
{
    struct dns_answer a = { .status = NAME_OK, .ttl_s = UINT32_MAX };
    uint8_t how = script_byte(s);
    int type = how & 1 ? 28 : 1; /* AAAA, A */
    int n = upstream_addresses(s->at, (int)script_left(s), type, type == 1 ? a.v4 : a.v6, &a.ttl_s);
    must(n <= DNS_MAX_ADDRESSES);
    if (n <= 0)
        return;
    *(type == 1 ? &a.n_v4 : &a.n_v6) = (unsigned)n;
    choose(&a, how >> 1);
}

static void addresses(struct script *s)
{
    struct dns_answer a = { .status = NAME_OK };
    uint8_t how = script_byte(s);
    while (script_left(s) >= 16 && a.n_v6 < DNS_MAX_ADDRESSES) {
        a.v6[a.n_v6].v6.sin6_family = AF_INET6;
        memcpy(&a.v6[a.n_v6++].v6.sin6_addr, s->at, 16);
        s->at += 16;
    }
    while (script_left(s) >= 4 && a.n_v4 < DNS_MAX_ADDRESSES) {
        a.v4[a.n_v4].v4.sin_family = AF_INET;
        memcpy(&a.v4[a.n_v4++].v4.sin_addr, s->at, 4);
        s->at += 4;
    }
    choose(&a, how);
    for (unsigned i = 0; i < a.n_v6; i++) {
        char text[ADDRESS_SIZE];
        struct address again;
        must(address_parse(address_format(text, &a.v6[i]), &again) == 0);
        must(memcmp(&again.v6.sin6_addr, &a.v6[i].v6.sin6_addr, 16) == 0);
    }
}

static void (*const parts[])(struct script *) = { location, url,     retry_after, header,   body,
                                                  judged,   session, name_answer, addresses };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = { data, data + (size < 3000 ? size : 3000) };
    parts[script_below(&s, sizeof parts / sizeof *parts)](&s);
    return 0;
}
