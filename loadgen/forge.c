#include "loadgen/forge.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY_S = 86400, ROOT_DAYS = 3650, LEAF_DAYS = 60 };

struct authority {
    EVP_PKEY *key;
    X509 *cert;
};

struct forge {
    struct authority root, middle, stranger;
    EVP_PKEY *leaf_key;
};

static int set_serial(X509 *x)
{
    uint8_t bytes[8];
    BIGNUM *n = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
    bool fine = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return fine ? 0 : -ENOMEM;
}

static bool set_name(X509_NAME *to, const char *name)
{
    return X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1;
}

/* A certificate without extensions and signature. */
static X509 *draft(const char *name, EVP_PKEY *key, const X509 *issuer, long from_s, long until_s)
{
    X509 *x = X509_new();
    bool fine = x && X509_set_version(x, X509_VERSION_3) && set_serial(x) == 0 &&
                X509_gmtime_adj(X509_getm_notBefore(x), from_s) &&
                X509_gmtime_adj(X509_getm_notAfter(x), until_s) && set_name(X509_get_subject_name(x), name) &&
                X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) &&
                X509_set_pubkey(x, key);
    if (fine)
        return x;
    X509_free(x);
    return NULL;
}

/* ── Authorities ───────────────────────────────────────────────────────── */

static bool extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool fine = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return fine;
}

static int authority_make(struct authority *a, const char *name, const struct authority *by)
{
    a->key = EVP_EC_gen("P-256");
    a->cert = a->key ? draft(name, a->key, by ? by->cert : NULL, -DAY_S, ROOT_DAYS * (long)DAY_S) : NULL;
    bool fine = a->cert && extend(a->cert, NID_basic_constraints, "critical,CA:TRUE") &&
                extend(a->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                X509_sign(a->cert, by ? by->key : a->key, EVP_sha256()) > 0;
    return fine ? 0 : -ENOMEM;
}

static void authority_done(struct authority *a)
{
    EVP_PKEY_free(a->key);
    X509_free(a->cert);
}

/* Beside it first, then in its place: who reads it never reads a half. */
static int write_root(const struct forge *f, const char *path, struct err *err)
{
    char part[4096];
    if ((size_t)snprintf(part, sizeof part, "%s.%d", path, (int)getpid()) >= sizeof part)
        return err_set(err, -ENAMETOOLONG, "%s is too long a path", path);
    FILE *out = fopen(part, "we");
    if (!out)
        return err_set(err, -errno, "%s cannot be written: %s", part, strerror(errno));
    bool fine = PEM_write_X509(out, f->root.cert) == 1;
    fine = fclose(out) == 0 && fine && rename(part, path) == 0;
    if (fine)
        return 0;
    int code = errno ? -errno : -EIO;
    unlink(part);
    return err_set(err, code, "%s cannot be written: %s", path, strerror(-code));
}

int forge_new(struct forge **ret, const char *ca_file, struct err *err)
{
    scoped(forge) struct forge *f = calloc(1, sizeof *f);
    int r = f ? authority_make(&f->root, "vedette-loadgen root", NULL) : -ENOMEM;
    if (r == 0)
        r = authority_make(&f->middle, "vedette-loadgen issuer", &f->root);
    if (r == 0)
        r = authority_make(&f->stranger, "a stranger", NULL);
    if (r == 0 && !(f->leaf_key = EVP_EC_gen("P-256")))
        r = -ENOMEM;
    if (r < 0)
        return err_set(err, r, "certificates cannot be made");
    if (ca_file && *ca_file)
        r = write_root(f, ca_file, err);
    if (r < 0)
        return r;
    *ret = moved(f);
    return 0;
}

void forge_free(struct forge *f)
{
    if (!f)
        return;
    authority_done(&f->root);
    authority_done(&f->middle);
    authority_done(&f->stranger);
    EVP_PKEY_free(f->leaf_key);
    free(f);
}

/* ── Leaves ────────────────────────────────────────────────────────────── */

/* Built by hand: by way of X509V3_EXT_conf_nid it costs more than the signature. */
static bool add_dns_name(X509 *x, const char *name)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool fine = names && one && text && ASN1_STRING_set(text, name, -1) == 1;
    if (fine) {
        GENERAL_NAME_set0_value(one, GEN_DNS, text);
        text = NULL;
        fine = sk_GENERAL_NAME_push(names, one) > 0;
        one = fine ? NULL : one;
    }
    fine = fine && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(one);
    GENERAL_NAMES_free(names);
    return fine;
}

static X509 *make_leaf(const struct forge *f, const char *name, enum forged kind)
{
    const struct authority *by = kind == FORGED_UNTRUSTED ? &f->stranger : &f->middle;
    const char *known = kind == FORGED_WRONG_NAME ? "elsewhere.test" : name;
    long until = kind == FORGED_EXPIRED ? -DAY_S : LEAF_DAYS * (long)DAY_S;
    X509 *x = draft(known, f->leaf_key, by->cert, kind == FORGED_EXPIRED ? -LEAF_DAYS * (long)DAY_S : -DAY_S,
                    until);
    if (x && add_dns_name(x, known) && X509_sign(x, by->key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

int forge_dress(struct forge *f, SSL *ssl, const char *name, enum forged kind)
{
    X509 *leaf = make_leaf(f, name, kind);
    if (!leaf) {
        ERR_clear_error();
        return -ENOMEM;
    }
    bool fine = SSL_use_certificate(ssl, leaf) == 1 && SSL_use_PrivateKey(ssl, f->leaf_key) == 1 &&
                (kind == FORGED_UNTRUSTED || SSL_add1_chain_cert(ssl, f->middle.cert) == 1);
    X509_free(leaf);
    if (!fine)
        ERR_clear_error();
    return fine ? 0 : -EIO;
}
