#include "common/url.h"
#include "worker/candidates.h"
#include "worker/check.h"
#include "worker/match.h"
#include "worker/redirect.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The way of one look over HTTP
 *
 *   chain    from the site's own URL: with HEAD, or with GET where HEAD will not
 *            do or the look confirms a failure; if HEAD goes wrong in a way that
 *            GET may not, a second chain
 *   hop      one URL of a chain: its own, then where each redirect leads
 *   attempt  one address of a hop: up to three, until a connection comes about
 *
 * A hop's name is resolved once and vetted, and the very addresses that were
 * vetted are connected to, so that a name cannot change its meaning in between.
 */

enum { MAX_ATTEMPTS = 3, UNTOLD_PATIENCE_S = 60 }; /* for a site that does not say how long */
#define LEAST_FOR_GET    20                        /* a twentieth of the whole time */
#define FIRST_CONNECT_NS (5 * NS_PER_S)            /* for an address that is not the last one to try */

struct http {
    struct look *look;
    enum method method; /* of this chain: HEAD or GET */
    bool second_chain;
    bool downgraded; /* a redirect led from https to http */

    const char *url; /* of this hop: the job's, or */
    char *led_to;    /* ... where a redirect led */

    struct resolver_wait wait;
    mono_ns resolving_since; /* 0: not resolving */

    unsigned n_addresses, n_attempts;
    struct judgement before; /* of the attempts before this one */

    struct exchange_request request;
    struct exchange exchange;

    /* From the words of the exchange on: written before it is read. */
    struct keyword keyword;
    struct url_parts parts;      /* of this hop */
    struct redirect_trail trail; /* of this chain, since a cookie was set */
    struct address address[2 * DNS_MAX_ADDRESSES];
};

static void begin_hop(struct http *h);
static void begin_attempt(struct http *h);

static void add_us(uint32_t *to, mono_ns from, mono_ns until)
{
    int64_t us = (until - from) / NS_PER_US;
    if (from == 0 || us <= 0)
        return;
    *to = us > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)us;
}

/* ── Chains ────────────────────────────────────────────────────────────── */

static void begin_chain(struct http *h, enum method method)
{
    struct look *k = h->look;
    h->method = method;
    redirect_forget(&h->trail);
    h->downgraded = false;
    k->trace.method = method;
    k->trace.redirects = 0;
    k->trace.status = 0;
    exchange_forget(&h->exchange);
    h->url = k->job.url;
    begin_hop(h);
}

static bool get_may_help(const struct http *h, struct judgement j)
{
    return h->look->job.method == METHOD_AUTO && h->method == METHOD_HEAD && match_head_needs_get(j);
}

static bool time_for_get(const struct look *k)
{
    mono_ns whole = (mono_ns)k->job.timeout_ms * NS_PER_MS;
    return k->deadline - clock_mono() >= whole / LEAST_FOR_GET;
}

static void conclude(struct http *h, struct judgement j, const char *detail)
{
    struct look *k = h->look;
    if (get_may_help(h, j)) {
        if (time_for_get(k)) {
            h->second_chain = true;
            begin_chain(h, METHOD_GET);
            return;
        }
        /* Begun now it would end at once, and the look with a cause that is not the site's. */
        sitememory_needs_get(k->kit->memory, k->site_key, loop_now(k->kit->loop));
        if (k->trace.status != 0) /* to HEAD, which says nothing by itself */
            j = judgement_of(CAUSE_TIMEOUT_WAIT);
    }
    if (h->second_chain && j.verdict == VERDICT_UP && j.cause == CAUSE_NONE)
        sitememory_needs_get(k->kit->memory, k->site_key, loop_now(k->kit->loop));
    look_conclude(k, j, "%s", detail);
}

/* What a policy forbids is our own refusal at the site's own place, and the
 * site's mistake where a public site leads there. */
static void conclude_refused(struct http *h, const char *what)
{
    char detail[DETAIL_SIZE];
    bool first = h->look->trace.redirects == 0;
    snprintf(detail, sizeof detail, "%s%s%s", first ? "" : "a redirect leads to ", what,
             first ? " (setting worker.allow)" : "");
    conclude(h, judgement_of(first ? CAUSE_POLICY : CAUSE_REDIRECT_BAD), detail);
}

/* ── Redirects ─────────────────────────────────────────────────────────── */

static void follow(struct http *h, const struct exchange_answer *a)
{
    struct look *k = h->look;
    char next[SITE_MAX_URL + 1], detail[DETAIL_SIZE];
    struct err err = { 0 };

    if (!a->has_location) {
        conclude(h, judgement_of(CAUSE_REDIRECT_BAD), "a redirect without a Location");
        return;
    }
    if (redirect_target(h->url, a->location, next, &err) < 0) {
        snprintf(detail, sizeof detail, "a redirect leads nowhere: %.120s", err.text);
        conclude(h, judgement_of(CAUSE_REDIRECT_BAD), detail);
        return;
    }
    if (k->trace.redirects == REDIRECT_MAX) {
        conclude(h, judgement_of(CAUSE_REDIRECT_LOOP), "more than ten redirects");
        return;
    }
    if (a->cookies) /* the same place again may then be another answer */
        redirect_forget(&h->trail);
    if (redirect_been_at(&h->trail, next)) {
        snprintf(detail, sizeof detail, "redirected to %.120s again", next);
        conclude(h, judgement_of(CAUSE_REDIRECT_LOOP), detail);
        return;
    }
    h->downgraded |= h->parts.https && strncmp(next, "http:", 5) == 0;
    k->trace.redirects++;
    free(h->led_to);
    h->url = h->led_to = strdup(next);
    if (!h->url)
        look_conclude(k, judgement_of(CAUSE_WORKER_ERROR), "no memory for a redirect");
    else
        begin_hop(h);
}

/* ── Attempts ──────────────────────────────────────────────────────────── */

static void note_phases(struct http *h, const struct exchange_answer *a)
{
    struct phases *p = &h->look->trace.phases;
    const mono_ns *at = a->at;
    mono_ns now = clock_mono();
    mono_ns connected = at[PHASE_TLS] ? at[PHASE_TLS] : at[PHASE_SENT];

    add_us(&p->connect_us, at[PHASE_CONNECT], connected ? connected : now);
    add_us(&p->tls_us, at[PHASE_TLS], at[PHASE_SENT] ? at[PHASE_SENT] : now);
    add_us(&p->wait_us, at[PHASE_SENT], at[PHASE_HEAD] ? at[PHASE_HEAD] : now);
    add_us(&p->body_us, at[PHASE_HEAD], now);
}

/* The certificate that ends first, over all hops: any of them would break the site. */
static void note_certificate(struct http *h, const struct exchange_answer *a)
{
    wall_us *earliest = &h->look->trace.tls_expires_us;
    bool known = a->peer.asked || a->peer.resumed;
    if (known && a->peer.expires_us != 0 && (*earliest == 0 || a->peer.expires_us < *earliest))
        *earliest = a->peer.expires_us;
}

static bool more_addresses(const struct http *h)
{
    return h->n_attempts < h->n_addresses && h->n_attempts < MAX_ATTEMPTS;
}

/* That one address is out of this host's reach says nothing against the site
 * when another address was reached for and failed. */
static struct judgement both(struct judgement before, struct judgement now)
{
    return now.cause == CAUSE_NO_ROUTE && before.verdict == VERDICT_DOWN ? before : now;
}

static struct judgement judge_trouble(struct http *h, const struct exchange_answer *a, int code)
{
    struct trouble t = exchange_trouble(a, code);
    bool unreachable = t.os_errno == ENETUNREACH || t.os_errno == EHOSTUNREACH;
    bool silent = t.os_errno == ETIMEDOUT || code == CURLE_OPERATION_TIMEDOUT;
    if ((unreachable || silent) && h->request.to &&
        routes_lost(h->look->kit->routes, h->request.to, clock_mono()))
        t.marks |= MARK_NO_ROUTE;
    return both(h->before, causes_of_exchange(&t));
}

/* Only a connection that did not come about is worth another address. */
static void fail(struct http *h, const struct exchange_answer *a, int code)
{
    struct judgement j = judge_trouble(h, a, code);
    char detail[DETAIL_SIZE];

    if (j.cause == CAUSE_POLICY) {
        conclude_refused(h, h->look->trace.address);
        return;
    }
    if (a->phase <= PHASE_CONNECT && j.cause != CAUSE_WORKER_ERROR && more_addresses(h)) {
        h->before = j;
        begin_attempt(h);
        return;
    }
    const struct trouble t = exchange_trouble(a, code);
    const char *words = causes_words(&t);
    if (code == CURLE_OPERATION_TIMEDOUT)
        words = "no connection in time";
    else if (!words)
        words = a->words[0] ? a->words : curl_easy_strerror((CURLcode)code);
    char tried[32] = "", where[ADDRESS_SIZE + 20] = "";
    if (h->n_attempts > 1)
        snprintf(tried, sizeof tried, "%u addresses tried; ", h->n_attempts);
    if (a->phase <= PHASE_CONNECT)
        snprintf(where, sizeof where, " at %s port %u", h->look->trace.address, h->parts.port);
    int room = (int)(sizeof detail - 1 - strlen(tried) - strlen(where));
    snprintf(detail, sizeof detail, "%s%.*s%s", tried, room, words, where);
    conclude(h, j, detail);
}

/* The site is there, and says that we ask too often. */
static void be_patient(struct http *h, const struct exchange_answer *a, char *detail)
{
    struct look *k = h->look;
    uint32_t asked = UNTOLD_PATIENCE_S;
    if (!match_retry_after(a->retry_after, clock_wall(), &asked))
        asked = UNTOLD_PATIENCE_S;
    k->trace.patience_s = asked < k->kit->patience_most_s ? asked : k->kit->patience_most_s;
    snprintf(detail, DETAIL_SIZE, "HTTP %u to %s, Retry-After: %s; left alone for %u s", a->status,
             method_name(h->method), a->retry_after[0] ? a->retry_after : "(none)", k->trace.patience_s);
}

static void judge_answer(struct http *h, const struct exchange_answer *a)
{
    struct look *k = h->look;
    struct answer answer = {
        .status = a->status,
        .retry_after = a->retry_after[0] != '\0',
        .filtered = a->filtered,
        .keyword = h->keyword.found,
    };
    struct judgement j = match_answer(&k->job.status, &answer);
    char detail[DETAIL_SIZE] = "";

    if (j.cause == CAUSE_ASKS_PATIENCE)
        be_patient(h, a, detail);
    else if (j.cause == CAUSE_CONTENT)
        snprintf(detail, sizeof detail, "not in the first %zu bytes", h->keyword.seen);
    else if (j.cause != CAUSE_NONE)
        snprintf(detail, sizeof detail, "HTTP %u to %s", a->status, method_name(h->method));
    else if (h->downgraded)
        snprintf(detail, sizeof detail, "redirected from https to http");
    conclude(h, j, detail);
}

static void on_exchange(void *arg, const struct exchange_answer *a)
{
    struct http *h = arg;
    look_wake_at(h->look, MONO_NEVER);
    note_phases(h, a);
    note_certificate(h, a);
    if (a->status != 0)
        h->look->trace.status = (uint16_t)a->status;

    if (a->code != CURLE_OK || a->status == 0)
        fail(h, a, a->code);
    else if (match_follows(&h->look->job.status, a->status))
        follow(h, a);
    else
        judge_answer(h, a);
}

static void attempt(struct http *h)
{
    struct look *k = h->look;
    const struct address *to = &h->address[h->n_attempts - 1];
    mono_ns now = clock_mono(), left = k->deadline - now;

    k->way = address_family(to) == AF_INET ? WAY_V4 : WAY_V6;
    k->place = address_place(to);
    if (k->job.contains[0])
        keyword_init(&h->keyword, k->job.contains);
    else
        keyword_init(&h->keyword, "");
    h->request = (struct exchange_request){
        .url = h->url,
        .parts = &h->parts,
        .to = to,
        .head = h->method == METHOD_HEAD,
        /* One that confirms believes nothing of before. */
        .full_handshake = k->job.full_handshake || k->job.run.look > 0,
        .timeout_ms = look_left_ms(k) + LOOK_LEEWAY_MS, /* ours comes first */
        .accepted = &k->job.status,
        .keyword = k->job.contains[0] ? &h->keyword : NULL,
    };
    if (more_addresses(h))
        look_wake_at(k, now + (left / 2 < FIRST_CONNECT_NS ? left / 2 : FIRST_CONNECT_NS));
    if (exchange_begin(&h->exchange, &k->kit->exchange, &h->request, on_exchange, h) < 0)
        look_conclude(k, judgement_of(CAUSE_WORKER_ERROR), "no memory for a transfer");
}

static void begin_attempt(struct http *h)
{
    const struct address *to = &h->address[h->n_attempts++];
    address_format(h->look->trace.address, to);
    if (look_needs_turn(h->look, to))
        attempt(h);
}

static void go(struct look *k)
{
    attempt(k->state);
}

/* This address has had its time; there is another one. */
static void wake(struct look *k)
{
    struct http *h = k->state;
    if (h->exchange.answer.phase > PHASE_CONNECT)
        return; /* connected: what follows has the whole budget */
    exchange_stop(&h->exchange);
    note_phases(h, &h->exchange.answer);
    fail(h, &h->exchange.answer, CURLE_OPERATION_TIMEDOUT);
}

/* ── Addresses ─────────────────────────────────────────────────────────── */

static void refuse(struct http *h, const struct candidates *c)
{
    char *text = h->look->trace.address, what[DETAIL_SIZE];
    address_format(text, &c->refused);
    if (c->wrong_port)
        snprintf(what, sizeof what, "port %u of %s, which belongs to another protocol", h->parts.port, text);
    else
        snprintf(what, sizeof what, "%s", text);
    conclude_refused(h, what);
}

static void use_addresses(struct http *h, const struct dns_answer *a)
{
    struct look *k = h->look;
    struct candidates c;
    mono_ns now = loop_now(k->kit->loop);

    h->n_addresses = h->n_attempts = 0;
    h->before = (struct judgement){ VERDICT_UNKNOWN, CAUSE_NONE };
    candidates_choose(&c, a, k->job.run.look, k->kit->policy, h->parts.port);
    if (c.n == 0) {
        refuse(h, &c);
        return;
    }
    for (unsigned i = 0; i < c.n; i++)
        if (routes_usable(k->kit->routes, &c.at[i], now))
            h->address[h->n_addresses++] = c.at[i];
    if (h->n_addresses > 0) {
        begin_attempt(h);
        return;
    }
    address_format(k->trace.address, &c.at[0]);
    look_conclude(k, judgement_of(CAUSE_NO_ROUTE), "no route to %s from here", k->trace.address);
}

static void use_answer(struct http *h, const struct dns_answer *a)
{
    static const char *const words[NAME_STATUS_COUNT] = {
        [NAME_NXDOMAIN] = "no such name",
        [NAME_NODATA] = "the name has neither A nor AAAA",
        [NAME_SERVFAIL] = "the name server says SERVFAIL",
        [NAME_REFUSED] = "our name server says REFUSED",
        [NAME_TIMEOUT] = "no answer for the name",
        [NAME_UNREACHABLE] = "nothing listens at our name server's address",
        [NAME_GARBLED] = "the name server's answer cannot be read",
        [NAME_IMPOSSIBLE] = "this can be no name",
        [NAME_NO_MEMORY] = "no memory to resolve a name",
    };
    if (a->status == NAME_OK) {
        use_addresses(h, a);
        return;
    }
    /* No second chain with GET: a name is a name. */
    look_conclude(h->look, causes_of_name(a->status, a->root), "%s: %s", h->parts.host, words[a->status]);
}

static void on_resolved(void *arg, const struct dns_answer *a)
{
    struct http *h = arg;
    add_us(&h->look->trace.phases.dns_us, h->resolving_since, clock_mono());
    h->resolving_since = 0;
    use_answer(h, a);
}

static void resolve(struct http *h)
{
    struct look *k = h->look;
    struct dns_answer a;

    k->way = WAY_NAMES;
    k->place = sitememory_key(h->parts.host);
    h->wait.fn = on_resolved;
    h->wait.arg = h;
    h->resolving_since = clock_mono();
    int r = resolver_ask(k->kit->resolver, h->parts.host, k->job.run.look > 0, &h->wait, &a);
    k->asked_name |= r == 0;
    if (r > 0)
        on_resolved(h, &a);
    else if (r < 0)
        look_conclude(k, judgement_of(CAUSE_WORKER_ERROR), "no memory to resolve a name");
}

/* ── Hops ──────────────────────────────────────────────────────────────── */

static void begin_hop(struct http *h)
{
    struct look *k = h->look;
    struct dns_answer known;
    struct err err = { 0 };
    char what[DETAIL_SIZE];

    redirect_add(&h->trail, h->url);
    if (url_split(h->url, &h->parts, &err) < 0) {
        look_conclude(k, judgement_of(CAUSE_INTERNAL), "%.150s", err.text);
        return;
    }
    if (candidates_known(h->parts.host, h->parts.numeric, &known)) {
        use_addresses(h, &known);
        return;
    }
    if (!h->parts.numeric && !address_name_allowed(k->kit->policy, h->parts.host)) {
        snprintf(what, sizeof what, "the name %.100s, which is not of the internet", h->parts.host);
        conclude_refused(h, what);
        return;
    }
    resolve(h);
}

/* ── The kind ──────────────────────────────────────────────────────────── */

/* A look that confirms is one before somebody calls the site down: some sites
 * let every HEAD hang, so it is GET at once. */
static enum method first_method(const struct look *k)
{
    if (k->job.contains[0] || k->job.method == METHOD_GET) /* a keyword needs a body */
        return METHOD_GET;
    if (k->job.method == METHOD_AUTO &&
        (k->job.run.look > 0 || sitememory_wants_get(k->kit->memory, k->site_key, loop_now(k->kit->loop))))
        return METHOD_GET;
    return METHOD_HEAD;
}

/* No time is left for a GET in this look: the next one begins with it. */
static void remember_hanging(const struct http *h, struct judgement j)
{
    const struct look *k = h->look;
    if (k->job.method == METHOD_AUTO && h->method == METHOD_HEAD && match_head_hangs(j))
        sitememory_needs_get(k->kit->memory, k->site_key, loop_now(k->kit->loop));
}

static int start(struct look *k)
{
    struct http *h = look_room(k, sizeof *h);
    if (!h)
        return -ENOMEM;
    memset(h, 0, offsetof(struct http, exchange.answer.words)); /* the rest is large */
    h->look = k;
    k->state = h;
    begin_chain(h, first_method(k));
    return 0;
}

static struct judgement expire(struct look *k)
{
    struct http *h = k->state;
    if (h->resolving_since != 0) {
        add_us(&k->trace.phases.dns_us, h->resolving_since, clock_mono());
        return causes_of_name(NAME_TIMEOUT, resolver_root(k->kit->resolver));
    }
    exchange_stop(&h->exchange);
    note_phases(h, &h->exchange.answer);
    note_certificate(h, &h->exchange.answer);
    if (h->exchange.answer.status)
        k->trace.status = (uint16_t)h->exchange.answer.status;
    struct judgement j = judge_trouble(h, &h->exchange.answer, CURLE_OPERATION_TIMEDOUT);
    remember_hanging(h, j);
    return j;
}

static void stop(struct look *k)
{
    struct http *h = k->state;
    if (!h)
        return;
    resolver_cancel(&h->wait);
    exchange_done(&h->exchange);
    free(h->led_to);
    k->state = NULL;
}

static const char *const schemes[] = { "http", "https", NULL };

const struct check_kind check_http = {
    .name = "http",
    .schemes = schemes,
    .start = start,
    .wake = wake,
    .go = go,
    .expire = expire,
    .stop = stop,
};
