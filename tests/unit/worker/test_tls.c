/* Real looks over TLS at small servers on this machine, and what happens when
 * certificates cannot be checked: nothing is sent. */
#include "tests/unit/worker/siteserver.h"
#include "worker/probe.h"
#include "worker/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct site_authority ca;
static char other_file[48];

static void on_done(void *arg, const struct result *r)
{
    *(struct result *)arg = *r;
}

struct place {
    const char *host;
    uint16_t port;
};

static struct probes *make_probes(struct loop **ret_loop, struct config *c, const char *roots, size_t slots)
{
    struct probes *probes = NULL;
    struct err err = { 0 };

    config_init(c);
    c->worker.slots = (uint32_t)slots;
    snprintf(c->worker.allow, sizeof c->worker.allow, "127.0.0.0/8");
    snprintf(c->worker.ca_file, sizeof c->worker.ca_file, "%s", roots);
    assert_int_equal(loop_new(ret_loop), 0);
    if (probes_new(&probes, *ret_loop, c, &err) < 0)
        fail_msg("%s", err.text);
    return probes;
}

/* All of them at once. */
static void look_at(const char *roots, const struct place *place, size_t n, struct result *ret)
{
    struct config c;
    struct loop *loop = NULL;
    struct probes *probes = make_probes(&loop, &c, roots, n);
    char url[100];

    for (size_t i = 0; i < n; i++) {
        snprintf(url, sizeof url, "https://%s:%u/", place[i].host, place[i].port);
        struct job j = { .id = i + 1, .url = url, .contains = "", .avoid = "", .timeout_ms = 10000 };
        ret[i] = (struct result){ .cause = CAUSE_END };
        assert_int_equal(probe_begin(probes, &j, on_done, &ret[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        while (ret[i].cause == CAUSE_END)
            assert_int_equal(loop_turn(loop, 1000), 0);
    probes_free(probes);
    loop_free(loop);
}

static struct result look(const char *roots, const char *host, uint16_t port)
{
    struct result r;
    look_at(roots, &(struct place){ host, port }, 1, &r);
    return r;
}

static const struct {
    const char *name, *host, *names;
    bool self_signed;
    int from_days, to_days;
    enum verdict verdict;
    enum cause cause;
} stories[] = {
    {"a good one",             "localhost", "DNS:localhost", false, -1,  30, VERDICT_UP,   CAUSE_NONE              },
    { "for an address",        "127.0.0.1", "IP:127.0.0.1",  false, -1,  30, VERDICT_UP,   CAUSE_NONE              },
    { "self-signed",           "localhost", "DNS:localhost", true,  -1,  30, VERDICT_DOWN, CAUSE_CERT_UNTRUSTED    },
    { "expired",               "localhost", "DNS:localhost", false, -30, -2, VERDICT_DOWN, CAUSE_CERT_EXPIRED      },
    { "not yet valid",         "localhost", "DNS:localhost", false, 2,   30, VERDICT_DOWN, CAUSE_CERT_NOT_YET_VALID},
    { "for another name",      "localhost", "DNS:shop.test", false, -1,  30, VERDICT_DOWN, CAUSE_CERT_NAME         },
    { "for another address",   "127.0.0.1", "IP:127.0.0.2",  false, -1,  30, VERDICT_DOWN, CAUSE_CERT_NAME         },
    { "an address is no name", "127.0.0.1", "DNS:127.0.0.1", false, -1,  30, VERDICT_DOWN, CAUSE_CERT_NAME         },
};

static X509 *certificate_of(size_t story)
{
    bool self = stories[story].self_signed;
    return site_certificate(stories[story].names, ca.sites_key, self ? NULL : ca.cert, self ? NULL : ca.key,
                            stories[story].from_days, stories[story].to_days);
}

static void every_certificate_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        print_message("  %s\n", stories[i].name);
        X509 *cert = certificate_of(i);
        struct site_server s = site_server_start(cert, ca.sites_key);
        struct result r = look(ca.file, stories[i].host, s.port);
        site_server_stop(&s);
        X509_free(cert);

        if (r.verdict != stories[i].verdict || r.cause != stories[i].cause)
            fail_msg("%s: %s %s: %s", stories[i].name, verdict_name(r.verdict), cause_name(r.cause),
                     r.detail);
        wall_us expires = clock_wall() + stories[i].to_days * US_PER_DAY;
        assert_true(llabs(r.tls_expires_us - expires) < 3600 * US_PER_S);
        assert_true(r.phases.tls_us > 0);
        assert_int_equal(r.status, r.verdict == VERDICT_UP ? 200 : 0);
    }
}

/* They share a context; what is found of one is said of no other. */
static void looks_at_once_are_not_mixed_up(void **state)
{
    (void)state;
    enum { STORIES = sizeof stories / sizeof *stories, TIMES = 4 };
    struct site_server server[STORIES];
    struct place place[STORIES * TIMES];
    struct result result[STORIES * TIMES];
    for (size_t i = 0; i < STORIES; i++) {
        X509 *cert = certificate_of(i);
        server[i] = site_server_start(cert, ca.sites_key);
        X509_free(cert);
        for (size_t k = 0; k < TIMES; k++)
            place[k * STORIES + i] = (struct place){ stories[i].host, server[i].port };
    }
    look_at(ca.file, place, STORIES * TIMES, result);
    for (size_t i = 0; i < STORIES * TIMES; i++)
        if (result[i].cause != stories[i % STORIES].cause)
            fail_msg("%s: %s", stories[i % STORIES].name, result[i].detail);
    for (size_t i = 0; i < STORIES; i++)
        site_server_stop(&server[i]);
}

static void a_thread_has_one_context(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct err err = { 0 };
    assert_int_equal(tls_new(&t, ca.file, 16, &err), 0);
    SSL_CTX *one = SSL_CTX_new(TLS_client_method()), *two = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert_non_null(one);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, server);
    SSL_CTX_free(one);
    SSL_CTX_free(two);
    SSL_CTX_free(server);
    tls_free(t);
    one = SSL_CTX_new(TLS_client_method());
    two = SSL_CTX_new(TLS_client_method());
    assert_ptr_not_equal(one, two); /* as OpenSSL makes them */
    SSL_CTX_free(one);
    SSL_CTX_free(two);
}

/* After one another, in one thread: the server says whether it resumed. */
static void some_looks_want_a_full_handshake(void **state)
{
    static const struct {
        const char *name;
        uint8_t look;
        bool full, resumed;
    } looks[] = {
        {"the first",                             0, false, false},
        { "the second",                           0, false, true },
        { "with what the second was given",       0, false, true },
        { "the site wants it",                    0, true,  false},
        { "resuming what that one was given",     0, false, true },
        { "to confirm",                           1, false, false},
        { "to confirm once more",                 2, false, false},
        { "resuming what a confirming was given", 0, false, true },
    };
    (void)state;
    struct config c;
    struct loop *loop = NULL;
    struct probes *probes = make_probes(&loop, &c, ca.file, 1);
    X509 *cert = site_authority_vouch(&ca, "DNS:localhost", -1, 30);
    struct site_server s = site_server_start(cert, ca.sites_key);
    char url[100];
    snprintf(url, sizeof url, "https://localhost:%u/handshake", s.port);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct job j = { .id = i + 1, .url = url, .contains = "", .avoid = "", .timeout_ms = 10000 };
        struct result r = { .cause = CAUSE_END };
        j.run.look = looks[i].look;
        j.full_handshake = looks[i].full;
        assert_int_equal(probe_begin(probes, &j, on_done, &r), 0);
        while (r.cause == CAUSE_END)
            assert_int_equal(loop_turn(loop, 1000), 0);
        if (r.status != (looks[i].resumed ? 299 : 200))
            fail_msg("%s: status %u, %s", looks[i].name, r.status, r.detail);
        if (r.tls_expires_us <= clock_wall()) /* told also where no certificate was shown */
            fail_msg("%s: the certificate ends at %lld", looks[i].name, (long long)r.tls_expires_us);
    }
    site_server_stop(&s);
    X509_free(cert);
    probes_free(probes);
    loop_free(loop);
}

/* The guard: libcurl's own check is off, so ours must never be missing. */
static void without_roots_nothing_is_sent(void **state)
{
    (void)state;
    X509 *cert = site_authority_vouch(&ca, "DNS:localhost", -1, 30);
    struct site_server s = site_server_start(cert, ca.sites_key);
    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    struct result r = look("", "localhost", s.port);
    unsetenv("SSL_CERT_FILE");
    site_server_stop(&s);
    X509_free(cert);

    assert_int_equal(r.verdict, VERDICT_UNKNOWN);
    assert_int_equal(r.cause, CAUSE_WORKER_ERROR);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.phases.wait_us, 0); /* no request */
}

static void setting_up_fails_closed(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct err err = { 0 };
    struct tls_peer peer = { .host = "localhost" }, nobody = { 0 };

    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    assert_int_equal(tls_new(&t, "", 16, &err), 0);
    unsetenv("SSL_CERT_FILE");
    assert_false(tls_ready(t));
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(tls_set_up(t, ctx, &peer), -ENOKEY);
    assert_false(tls_proved(&peer));
    SSL_CTX_free(ctx);
    tls_free(t);

    assert_int_equal(tls_new(&t, ca.file, 16, &err), 0);
    assert_true(tls_ready(t));
    ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(tls_set_up(t, NULL, &peer), -EINVAL);
    assert_int_equal(tls_set_up(t, ctx, &nobody), -EINVAL);
    assert_int_equal(tls_set_up(t, ctx, &peer), 0);
    assert_false(tls_proved(&peer)); /* not before the callback was called */
    peer.asked = true;
    assert_false(tls_proved(&peer)); /* nor when it found fault */
    tls_part(&peer);
    SSL_CTX_free(ctx);
    tls_free(t);
}

static bool trusts(struct tls *t, X509 *cert)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct tls_peer peer = { .host = "localhost" };
    assert_int_equal(tls_set_up(t, ctx, &peer), 0);
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    X509_STORE_CTX_init(c, SSL_CTX_get_cert_store(ctx), cert, NULL);
    bool yes = X509_verify_cert(c) == 1;
    X509_STORE_CTX_free(c);
    tls_part(&peer);
    SSL_CTX_free(ctx);
    return yes;
}

static void changed_roots_are_noticed(void **state)
{
    (void)state;
    struct tls *t = NULL;
    struct err err = { 0 };
    EVP_PKEY *key = site_key();
    X509 *other_ca = site_certificate(NULL, key, NULL, NULL, -1, 30);
    X509 *cert = site_authority_vouch(&ca, "DNS:localhost", -1, 30);

    site_write_pem(other_file, other_ca);
    assert_int_equal(tls_new(&t, other_file, 16, &err), 0);
    mono_ns now = NS_PER_S;
    tls_refresh(t, now);
    assert_false(trusts(t, cert));

    site_write_pem(other_file, ca.cert);
    struct timespec later[2] = { { .tv_sec = 2000000000 }, { .tv_sec = 2000000000 } };
    assert_int_equal(utimensat(AT_FDCWD, other_file, later, 0), 0);
    tls_refresh(t, now + NS_PER_S); /* within the minute: not looked at */
    assert_false(trusts(t, cert));
    tls_refresh(t, now + 61 * NS_PER_S);
    assert_true(trusts(t, cert));

    unlink(other_file); /* what cannot be loaded leaves the old roots */
    tls_refresh(t, now + 200 * NS_PER_S);
    assert_true(trusts(t, cert));
    tls_free(t);
    X509_free(cert);
    X509_free(other_ca);
    EVP_PKEY_free(key);
}

static int make_authority(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    int r = site_authority_make(&ca);
    snprintf(other_file, sizeof other_file, "%s/other.pem", ca.folder);
    return r;
}

static int remove_authority(void **state)
{
    (void)state;
    unlink(other_file);
    site_authority_remove(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_certificate_has_its_verdict), cmocka_unit_test(looks_at_once_are_not_mixed_up),
        cmocka_unit_test(a_thread_has_one_context),          cmocka_unit_test(without_roots_nothing_is_sent),
        cmocka_unit_test(setting_up_fails_closed),           cmocka_unit_test(changed_roots_are_noticed),
        cmocka_unit_test(some_looks_want_a_full_handshake),
    };
    return cmocka_run_group_tests(tests, make_authority, remove_authority);
}
