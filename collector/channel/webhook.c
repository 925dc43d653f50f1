#include "collector/channel/carrier.h"
#include "collector/courier.h"
#include "collector/signature.h"
#include "common/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One POST. What the receiver answers beyond its status is read only so far
 * that the trouble's sentence can quote it. */

enum { MAX_ANSWER = 65536 };

struct post {
    CURL *easy;
    struct curl_slist *headers;
    delivery_done_fn *done;
    void *arg;
    size_t answered;
    char quote[80];
    char errbuf[CURL_ERROR_SIZE];
};

static void post_free(struct post *p)
{
    if (p->easy)
        curl_easy_cleanup(p->easy);
    curl_slist_free_all(p->headers);
    free(p);
}

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
    struct post *p = arg;
    size_t len = size * n, have = strlen(p->quote);
    for (size_t i = 0; i < len && have < sizeof p->quote - 1; i++)
        p->quote[have++] = (unsigned char)bytes[i] < 0x20 || (unsigned char)bytes[i] > 0x7e ? ' ' : bytes[i];
    p->answered += len;
    return p->answered > MAX_ANSWER ? 0 : len; /* the status is known by then */
}

/* 408, 425 and 429 ask for patience; any other 4xx says that this request will
 * never be right (RFC 9110 section 15.5, RFC 8470, RFC 6585). */
static enum delivery_word word_for(long status)
{
    if (status >= 200 && status < 300)
        return DELIVERY_DONE;
    if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429)
        return DELIVERY_REFUSED;
    return DELIVERY_AGAIN;
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
    struct post *p = arg;
    struct delivery_end end = { .word = DELIVERY_AGAIN };
    long status = 0;
    curl_off_t after_s = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after_s);
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && p->answered > MAX_ANSWER)) {
        end.word = word_for(status);
        if (after_s > 0)
            end.retry_after_us = (after_s > 86400 ? 86400 : after_s) * US_PER_S;
        if (end.word != DELIVERY_DONE)
            snprintf(end.trouble, sizeof end.trouble, "the receiver answered with HTTP %ld%s%s", status,
                     p->quote[0] ? ": " : "", p->quote);
    } else
        snprintf(end.trouble, sizeof end.trouble, "%.190s",
                 p->errbuf[0] ? p->errbuf : curl_easy_strerror(code));

    delivery_done_fn *done = p->done;
    void *to = p->arg;
    post_free(p);
    if (code != CURLE_ABORTED_BY_CALLBACK)
        done(to, &end);
}

static bool add_header(struct post *p, const char *name, const char *value)
{
    char line[512];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(p->headers, line);
    if (more)
        p->headers = more;
    return more;
}

static bool add_headers(struct post *p, const struct notice *n, const char *secret, size_t len)
{
    char timestamp[24], signature[SIGNATURE_SIZE];
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)(clock_wall() / US_PER_S));
    bool added = add_header(p, "Content-Type", "application/json") &&
                 add_header(p, "User-Agent", daemon_software()) && add_header(p, "Expect", "") &&
                 add_header(p, "Idempotency-Key", n->key) && add_header(p, "X-Vedette-Timestamp", timestamp);
    if (added && secret[0]) {
        signature_v1(signature, secret, timestamp, n->payload, len);
        added = add_header(p, "X-Vedette-Signature", signature);
    }
    return added;
}

void webhook_begin(struct carrier_tools *t, const struct notice *n, const char *target,
                   delivery_done_fn *done, void *arg)
{
    const struct config *c = t->config;
    size_t len = strlen(n->payload);
    struct post *p = calloc(1, sizeof *p);
    if (p) {
        p->easy = courier_handle("http,https", c->webhook.timeout_us);
        p->done = done;
        p->arg = arg;
    }
    if (!p || !p->easy || !add_headers(p, n, c->webhook.secret, len)) {
        if (p)
            post_free(p);
        carrier_end(done, arg, DELIVERY_AGAIN, "out of memory");
        return;
    }
    curl_easy_setopt(p->easy, CURLOPT_URL, target);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, n->payload); /* lives until done, as the notice does */
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->errbuf);
    curl_easy_setopt(p->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    if (c->webhook.ca_file[0])
        curl_easy_setopt(p->easy, CURLOPT_CAINFO, c->webhook.ca_file);
    if (courier_send(t->courier, p->easy, on_done, p) < 0) {
        post_free(p);
        carrier_end(done, arg, DELIVERY_AGAIN, "libcurl does not take the request");
    }
}
