/* Certificates as a client sees them: verified with OpenSSL against the root that was written. */
#include "loadgen/forge.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum forged kind;
    const char *asked;
    int error;
} sights[] = {
    {FORGED_GOOD,        "s17.d5.test", X509_V_OK                                   },
    { FORGED_EXPIRED,    "s17.d5.test", X509_V_ERR_CERT_HAS_EXPIRED                 },
    { FORGED_WRONG_NAME, "s17.d5.test", X509_V_ERR_HOSTNAME_MISMATCH                },
    { FORGED_UNTRUSTED,  "s17.d5.test", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
};

static int verify(SSL *ssl, const char *ca_file, const char *name)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;
    SSL_get0_chain_certs(ssl, &chain);
    assert_int_equal(X509_STORE_load_file(store, ca_file), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, SSL_get_certificate(ssl), chain), 1);
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), name, 0);
    X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return error;
}

static void each_kind_fails_as_it_should(void **state)
{
    char path[] = "/tmp/vedette-forge-XXXXXX";
    scoped(forge) struct forge *f = NULL;
    struct err err = { 0 };
    (void)state;
    close(mkstemp(path));
    assert_int_equal(forge_new(&f, path, &err), 0);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    for (size_t i = 0; i < sizeof sights / sizeof *sights; i++) {
        SSL *ssl = SSL_new(tls);
        assert_int_equal(forge_dress(f, ssl, sights[i].asked, sights[i].kind), 0);
        assert_int_equal(verify(ssl, path, "s17.d5.test"), sights[i].error);
        SSL_free(ssl);
    }
    SSL_CTX_free(tls);
    unlink(path);
}

static void a_root_that_cannot_be_written_is_said(void **state)
{
    scoped(forge) struct forge *f = NULL;
    struct err err = { 0 };
    (void)state;
    assert_true(forge_new(&f, "/nowhere/at/all.pem", &err) < 0);
    assert_non_null(strstr(err.text, "/nowhere/at/all.pem"));
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_fails_as_it_should),
        cmocka_unit_test(a_root_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
