#include "worker/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SYSTEM_ROOTS  "/etc/ssl/certs/ca-certificates.crt" /* Debian, Ubuntu */
#define LOOK_AGAIN_NS (60 * NS_PER_S)
#define LOAD_AGAIN_NS (24 * 3600 * NS_PER_S)

struct tls {
    OSSL_LIB_CTX *library;
    OSSL_LIB_CTX *before; /* what this thread used */
    OSSL_PROVIDER *provider;
    SSL_CTX *context;  /* libcurl's connections share it, see SSL_CTX_new */
    X509_STORE *store; /* NULL when there are no roots */
    struct tickets *tickets;
    unsigned roots; /* how many times they were loaded anew */
    bool resumes;
    char file[256];
    struct timespec seen; /* the file's modification */
    mono_ns look_again, load_again;
};

/* ── One context for all ───────────────────────────────────────────────────
 *
 * libcurl makes an SSL_CTX for each connection. That takes a third of a resumed
 * look's instructions and 15 kB for as long as it lasts, since OpenSSL 3 looks
 * up every algorithm anew. So where libcurl calls SSL_CTX_new, in a thread that
 * has a struct tls, it finds the function of this program and gets one more
 * reference to the thread's context. That is right as long as each connection
 * sets the same in it, and finds what is its own with its SSL object; both is so
 * here. A libcurl that makes its contexts otherwise gets new ones, and all goes
 * on as before, more slowly. */

static _Thread_local struct tls *here;         /* this thread's */
static _Thread_local struct tls_peer *to_come; /* whose SSL object is made next */
static int peer_index = -1;

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
    if (!here || method != TLS_client_method())
        return SSL_CTX_new_ex(NULL, NULL, method);
    return SSL_CTX_up_ref(here->context) == 1 ? here->context : NULL;
}

/* Called by SSL_new, also for the indices before ours. */
static void name_peer(void *ssl, void *none, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)none, (void)argl, (void)argp;
    if (index != peer_index)
        return;
    if (CRYPTO_set_ex_data(data, index, to_come) == 1 && to_come)
        to_come->ssl = ssl;
    to_come = NULL;
}

/* Called by SSL_free. */
static void lose_peer(void *ssl, void *peer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)ssl, (void)data, (void)argl, (void)argp;
    if (index == peer_index && peer)
        ((struct tls_peer *)peer)->ssl = NULL;
}

/* Indices of ex_data are counted in each library context by itself, and libcurl's
 * are of the global one. So ours has the same number in all: one that is not taken
 * in the global one. In the thread's it is reached by taking those before. */
static bool know_peers(OSSL_LIB_CTX *library)
{
    if (peer_index < 0) {
        OSSL_LIB_CTX *mine = OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
        peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        OSSL_LIB_CTX_set0_default(mine);
    }
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(library);
    int index = peer_index < 0 ? peer_index : 0;
    while (index >= 0 && index < peer_index)
        index = SSL_get_ex_new_index(0, NULL, name_peer, NULL, lose_peer);
    OSSL_LIB_CTX_set0_default(before);
    return index >= 0 && index == peer_index;
}

static struct tls_peer *peer_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, peer_index);
}

void tls_part(struct tls_peer *peer)
{
    if (to_come == peer)
        to_come = NULL;
    if (peer->ssl)
        SSL_set_ex_data(peer->ssl, peer_index, NULL);
    peer->ssl = NULL;
}

/* ── Making ────────────────────────────────────────────────────────────── */

static int load_roots(const struct tls *t, X509_STORE **ret)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        return -ENOMEM;
    if (X509_STORE_load_file_ex(store, t->file, t->library, NULL) != 1) {
        X509_STORE_free(store);
        ERR_clear_error();
        return -ENOENT;
    }
    *ret = store;
    return 0;
}

static struct timespec modified(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? st.st_mtim : (struct timespec){ 0 };
}

static int make_library(struct tls *t)
{
    t->library = OSSL_LIB_CTX_new();
    if (!t->library)
        return -ENOMEM;
    t->provider = OSSL_PROVIDER_load(t->library, "default");
    if (!t->provider)
        return -ENOMEM;
    t->context = SSL_CTX_new_ex(t->library, NULL, TLS_client_method());
    if (!t->context || !know_peers(t->library))
        return -ENOMEM;
    t->before = OSSL_LIB_CTX_set0_default(t->library);
    return 0;
}

/* Where OpenSSL's own programs would look: SSL_CERT_FILE first, if it is set. */
static const char *system_roots(void)
{
    const char *named = secure_getenv(X509_get_default_cert_file_env());
    return named ? named : SYSTEM_ROOTS;
}

static int set_up(struct tls *t, const char *ca_file, size_t sessions, struct err *err)
{
    int r = tickets_new(&t->tickets, sessions);
    if (r < 0)
        return err_set(err, r, "no memory for TLS");
    t->resumes = sessions > 0;
    r = make_library(t);
    if (r < 0)
        return err_set(err, r, "OpenSSL gives no library context");
    snprintf(t->file, sizeof t->file, "%s", ca_file[0] ? ca_file : system_roots());
    t->seen = modified(t->file);
    r = load_roots(t, &t->store);
    if (r < 0 && (ca_file[0] || r == -ENOMEM))
        return err_set(err, r, "worker.ca_file: no certificates can be read from %s", t->file);
    return 0;
}

int tls_new(struct tls **ret, const char *ca_file, size_t sessions, struct err *err)
{
    /* OpenSSL 3.0 has races when two threads make contexts at once (openssl
     * issues 18226 and 28935): one after the other. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

    scoped(tls) struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, -ENOMEM, "no memory for TLS");
    pthread_mutex_lock(&one_at_a_time);
    int r = set_up(t, ca_file, sessions, err);
    pthread_mutex_unlock(&one_at_a_time);
    if (r < 0)
        return r;
    here = t;
    *ret = moved(t);
    return 0;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (here == t)
        here = NULL;
    tickets_free(t->tickets);
    SSL_CTX_free(t->context);
    X509_STORE_free(t->store);
    if (t->before)
        OSSL_LIB_CTX_set0_default(t->before);
    OPENSSL_thread_stop_ex(t->library);
    if (t->provider)
        OSSL_PROVIDER_unload(t->provider);
    OSSL_LIB_CTX_free(t->library);
    free(t);
}

bool tls_ready(const struct tls *t)
{
    return t->store != NULL;
}

void tls_refresh(struct tls *t, mono_ns now)
{
    if (now < t->look_again)
        return;
    t->look_again = now + LOOK_AGAIN_NS;
    if (t->load_again == 0)
        t->load_again = now + LOAD_AGAIN_NS;
    struct timespec seen = modified(t->file);
    bool same = seen.tv_sec == t->seen.tv_sec && seen.tv_nsec == t->seen.tv_nsec;
    if (same && now < t->load_again)
        return;
    t->seen = seen;
    t->load_again = now + LOAD_AGAIN_NS;

    X509_STORE *store = NULL;
    if (load_roots(t, &store) < 0)
        return;
    X509_STORE_free(t->store); /* the context holds a reference of its own */
    t->store = store;
    t->roots++;
    tickets_forget_all(t->tickets);
}

/* ── Verifying ─────────────────────────────────────────────────────────── */

static wall_us end_of(const X509 *cert)
{
    struct tm tm;
    if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    return (wall_us)timegm(&tm) * US_PER_S;
}

/* A chain ends with its root, whose end does not matter: it is in our store. */
static wall_us earliest_end(const X509_STORE_CTX *c, bool verified)
{
    wall_us earliest = end_of(X509_STORE_CTX_get0_cert(c));
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(c);
    for (int i = 1; verified && i < sk_X509_num(chain) - 1; i++) {
        wall_us end = end_of(sk_X509_value(chain, i));
        if (end < earliest)
            earliest = end;
    }
    return earliest;
}

static bool set_name(X509_STORE_CTX *c, const struct tls_peer *p)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(c);
    if (p->numeric)
        return X509_VERIFY_PARAM_set1_ip_asc(param, p->host) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, p->host, 0) == 1;
}

static int verify(X509_STORE_CTX *c, void *arg)
{
    (void)arg;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(c, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer *p = ssl ? peer_of(ssl) : NULL;
    if (!p)
        return 0;
    p->asked = true;
    bool ok = p->host[0] != '\0' && set_name(c, p) && X509_verify_cert(c) == 1;
    p->x509 = X509_STORE_CTX_get_error(c);
    if (!ok && p->x509 == X509_V_OK) {
        p->x509 = X509_V_ERR_UNSPECIFIED;
        X509_STORE_CTX_set_error(c, p->x509);
    }
    p->expires_us = earliest_end(c, ok);
    return ok;
}

/* ── Resuming ──────────────────────────────────────────────────────────────
 *
 * libcurl makes the SSL object by itself and tells us before of its context only.
 * So the session is offered from the info callback, at the start of the
 * handshake, before the first message is written. */

static char *origin_of(const struct tls_peer *p, char *buf, size_t size)
{
    snprintf(buf, size, "%s:%u", p->host, p->port);
    return buf;
}

#define ORIGIN_SIZE 300 /* a host name has 253 bytes at most */

static void offer(SSL *ssl, struct tls_peer *p)
{
    char origin[ORIGIN_SIZE];
    struct ticket k;
    if (p->full ||
        !tickets_take(p->tls->tickets, origin_of(p, origin, sizeof origin), clock_mono(), clock_wall(), &k))
        return;
    const unsigned char *der = k.session;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &der, (long)k.len);
    p->proof = k.proof;
    SSL_set_session(ssl, session); /* takes a reference; NULL offers nothing */
    SSL_SESSION_free(session);
    ERR_clear_error();
}

static void keep_session(struct tls_peer *p, SSL_SESSION *session, const struct ticket_proof *proof)
{
    uint8_t der[2 * TICKETS_MAX_BYTES], *end = der;
    char origin[ORIGIN_SIZE];
    int len = i2d_SSL_SESSION(session, NULL);
    if (len <= 0 || (size_t)len > sizeof der || i2d_SSL_SESSION(session, &end) != len)
        return;
    struct ticket k = { .session = der, .len = tickets_bare(der, (size_t)len), .proof = *proof };
    if (k.len == 0)
        return;
    tickets_keep(p->tls->tickets, origin_of(p, origin, sizeof origin), &k);
    p->kept = true;
}

/* The first one of a connection is kept: servers give two, and one look needs one. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_peer *p = peer_of(ssl);
    if (!p || p->kept || p->roots != p->tls->roots || !SSL_SESSION_is_resumable(session))
        return 0;
    if (SSL_session_reused(ssl))
        keep_session(p, session, &p->proof);
    else if (p->asked && p->x509 == X509_V_OK)
        keep_session(p, session, &(struct ticket_proof){ clock_mono(), p->expires_us });
    return 0; /* no reference is held */
}

static void on_info(const SSL *ssl, int where, int ret)
{
    struct tls_peer *p = peer_of(ssl);
    (void)ret;
    if (!p)
        return;
    if (where & SSL_CB_HANDSHAKE_START && !p->begun) { /* messages after it begin small ones */
        p->begun = true;
        offer((SSL *)ssl, p);
    }
    /* A resumed session shows no certificate: what it was proved to be is in the proof. */
    if (where & SSL_CB_HANDSHAKE_DONE && SSL_session_reused(ssl) && !p->asked) {
        p->resumed = true;
        p->x509 = X509_V_OK;
        p->expires_us = p->proof.expires_us;
        /* Before TLS 1.3 a server need not give another one, and one serves again. */
        if (SSL_version(ssl) < TLS1_3_VERSION && !p->kept && p->roots == p->tls->roots)
            keep_session(p, SSL_get0_session(ssl), &p->proof);
    }
}

static void prepare_to_resume(SSL_CTX *ctx)
{
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET); /* libcurl sets it, for servers of 2010 */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    SSL_CTX_set_info_callback(ctx, on_info);
}

size_t tls_sessions(const struct tls *t)
{
    return tickets_count(t->tickets);
}

int tls_set_up(struct tls *t, SSL_CTX *ctx, struct tls_peer *peer)
{
    peer->asked = peer->resumed = peer->begun = peer->kept = false;
    peer->x509 = X509_V_ERR_UNSPECIFIED;
    peer->expires_us = 0;
    if (!ctx || !peer->host)
        return -EINVAL;
    if (!t->store)
        return -ENOKEY;
    if (X509_STORE_up_ref(t->store) != 1)
        return -ENOMEM;
    SSL_CTX_set_cert_store(ctx, t->store);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* two of 16 kB, else kept by who hangs */
    if (t->resumes)
        prepare_to_resume(ctx);
    peer->tls = t;
    peer->roots = t->roots;
    to_come = peer;
    return 0;
}
