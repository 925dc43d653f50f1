/* Sessions resumed with a real server side in memory: what is offered, when, and
 * what is believed of it. */
#include "tests/unit/worker/siteserver.h"
#include "worker/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct site_authority ca;

static SSL_CTX *make_server(const char *names, int from_days, int to_days, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *cert = site_authority_vouch(&ca, names, from_days, to_days);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, ca.sites_key), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
    X509_free(cert);
    return ctx;
}

static bool parts_early; /* the look is over when the handshake is, the connection is not */

/* As libcurl does it: a context and an object for each connection. True when the
 * handshake was completed and the peer proved. */
static bool visit(struct tls *t, SSL_CTX *server, struct tls_peer *peer)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *ours, *theirs;
    char byte = 0;
    assert_int_equal(tls_set_up(t, ctx, peer), 0);
    SSL *c = SSL_new(ctx), *s = SSL_new(server);
    assert_int_equal(BIO_new_bio_pair(&ours, 1 << 16, &theirs, 1 << 16), 1);
    SSL_set_bio(c, ours, ours);
    SSL_set_bio(s, theirs, theirs);
    SSL_set_connect_state(c);
    SSL_set_accept_state(s);
    SSL_set_tlsext_host_name(c, peer->host);
    for (int i = 0; i < 20 && !(SSL_is_init_finished(c) && SSL_is_init_finished(s)); i++) {
        SSL_do_handshake(c);
        SSL_do_handshake(s);
    }
    bool done = SSL_is_init_finished(c) && SSL_is_init_finished(s) && tls_proved(peer);
    if (done && parts_early) {
        tls_part(peer);
        memset(peer, 0xee, sizeof *peer);
    }
    if (done) {
        assert_int_equal(SSL_write(s, "!", 1), 1);
        assert_int_equal(SSL_read(c, &byte, 1), 1);
        assert_int_equal(byte, '!');
    }
    SSL_free(c);
    SSL_free(s);
    SSL_CTX_free(ctx);
    return done;
}

static struct tls *make_tls(size_t sessions)
{
    struct tls *t = NULL;
    struct err err = { 0 };
    if (tls_new(&t, ca.file, sessions, &err) < 0)
        fail_msg("%s", err.text);
    return t;
}

static void a_second_look_resumes(void **state)
{
    static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        scoped(tls) struct tls *t = make_tls(16);
        SSL_CTX *server = make_server("DNS:shop.test", -1, 30, versions[v]);
        struct tls_peer first = { .host = "shop.test", .port = 443 };
        assert_true(visit(t, server, &first));
        assert_true(first.asked);
        assert_false(first.resumed);
        assert_int_equal(tls_sessions(t), 1);
        for (int i = 0; i < 3; i++) { /* and so does a third, with what the second was given */
            struct tls_peer again = { .host = "shop.test", .port = 443 };
            assert_true(visit(t, server, &again));
            assert_true(again.resumed);
            assert_false(again.asked);
            assert_int_equal(again.expires_us, first.expires_us);
            assert_int_equal(tls_sessions(t), 1);
        }
        SSL_CTX_free(server);
    }
}

static void some_looks_resume_nothing(void **state)
{
    (void)state;
    scoped(tls) struct tls *t = make_tls(16), *without = make_tls(0);
    SSL_CTX *server = make_server("DNS:shop.test,DNS:other.test", -1, 30, TLS1_3_VERSION);
    struct tls_peer first = { .host = "shop.test", .port = 443 };
    assert_true(visit(t, server, &first));

    struct tls_peer full = { .host = "shop.test", .port = 443, .full = true };
    struct tls_peer port = { .host = "shop.test", .port = 8443 };
    struct tls_peer other = { .host = "other.test", .port = 443 };
    struct tls_peer *peers[] = { &full, &port, &other };
    for (size_t i = 0; i < 3; i++) {
        assert_true(visit(t, server, peers[i]));
        assert_true(peers[i]->asked);
        assert_false(peers[i]->resumed);
    }
    for (int i = 0; i < 2; i++) {
        struct tls_peer peer = { .host = "shop.test", .port = 443 };
        assert_true(visit(without, server, &peer));
        assert_false(peer.resumed);
    }
    SSL_CTX_free(server);
}

/* The session that comes then is nobody's. */
static void a_peer_may_go_before_its_connection(void **state)
{
    (void)state;
    scoped(tls) struct tls *t = make_tls(16);
    SSL_CTX *server = make_server("DNS:shop.test", -1, 30, TLS1_3_VERSION);
    parts_early = true;
    for (int i = 0; i < 2; i++) {
        struct tls_peer peer = { .host = "shop.test", .port = 443 };
        assert_true(visit(t, server, &peer));
        assert_int_equal(tls_sessions(t), 0);
    }
    parts_early = false;
    SSL_CTX_free(server);
}

/* Another server cannot read the session: it makes a full handshake, in which its
 * certificate counts. */
static void another_server_must_show_its_certificate(void **state)
{
    (void)state;
    scoped(tls) struct tls *t = make_tls(16);
    SSL_CTX *server = make_server("DNS:shop.test", -1, 30, TLS1_3_VERSION);
    SSL_CTX *wrong = make_server("DNS:evil.test", -1, 30, TLS1_3_VERSION);
    SSL_CTX *expired = make_server("DNS:shop.test", -30, -2, TLS1_3_VERSION);
    SSL_CTX *others[] = { wrong, expired };
    for (size_t i = 0; i < 2; i++) {
        struct tls_peer first = { .host = "shop.test", .port = 443 }, then = first;
        assert_true(visit(t, server, &first));
        assert_false(visit(t, others[i], &then));
        assert_true(then.asked);
        assert_false(then.resumed);
        assert_int_equal(tls_sessions(t), 0); /* of a failure nothing is kept */
    }
    SSL_CTX_free(server);
    SSL_CTX_free(wrong);
    SSL_CTX_free(expired);
}

static int make_authority(void **state)
{
    (void)state;
    return site_authority_make(&ca);
}

static int remove_authority(void **state)
{
    (void)state;
    site_authority_remove(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_look_resumes),
        cmocka_unit_test(some_looks_resume_nothing),
        cmocka_unit_test(a_peer_may_go_before_its_connection),
        cmocka_unit_test(another_server_must_show_its_certificate),
    };
    return cmocka_run_group_tests(tests, make_authority, remove_authority);
}
