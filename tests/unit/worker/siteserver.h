/* siteserver.h - small sites for the tests of looking: a server in a child process,
 * which does what the path of a request says, and certificates made on the spot.
 *
 *   /status/503[/retry|/waf]  that status         /head/405   that to HEAD, 200 to GET
 *   /headlate  closes on HEAD after 970 ms
 *   /headcut   closes on HEAD                     /redirect/N redirects N times
 *   /loop      to itself                          /cookies    to itself with a cookie, then 200
 *   /nowhere   a redirect without Location        /file       a redirect to file:
 *   /private   a redirect to 10.0.0.1             /interim    103, then 204
 *   /handshake  299 where a TLS session was resumed, else 200
 *   /closed  /reset  /silent  /half  /drip  /ssh  /headers (endless)  /body (endless)
 *   anything else: 200 and "hello, keyword" in two pieces
 *
 * Every connection is served by a process of its own, so that one that hangs
 * holds up nobody. They end with the test program.
 */
#ifndef TESTS_UNIT_WORKER_SITESERVER_H
#define TESTS_UNIT_WORKER_SITESERVER_H

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER __attribute__((unused)) static

struct site_server {
    pid_t pid;
    uint16_t port;
};

/* ── A conversation ────────────────────────────────────────────────────── */

struct visit {
    int fd;
    SSL *ssl; /* NULL: plain */
    char method[8], path[256];
    bool cookie;
};

HELPER void say_bytes(struct visit *v, const char *bytes, size_t len)
{
    if (v->ssl ? SSL_write(v->ssl, bytes, (int)len) <= 0 : write(v->fd, bytes, len) < 0)
        _exit(0);
}

HELPER void say(struct visit *v, const char *text)
{
    say_bytes(v, text, strlen(text));
}

HELPER bool hear(struct visit *v)
{
    char buf[8192];
    size_t len = 0;
    buf[0] = '\0';
    while (!strstr(buf, "\r\n\r\n") && len < sizeof buf - 1) {
        ssize_t n = v->ssl ? SSL_read(v->ssl, buf + len, (int)(sizeof buf - 1 - len))
                           : read(v->fd, buf + len, sizeof buf - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        buf[len] = '\0';
        if (buf[0] == 0x16) { /* a TLS handshake: what web servers answer to that */
            say(v, "HTTP/1.1 400 Bad Request\r\n\r\n");
            return false;
        }
    }
    v->cookie = strstr(buf, "\r\nCookie:") != NULL;
    return sscanf(buf, "%7s %255s", v->method, v->path) == 2;
}

HELPER void answer(struct visit *v, int status, const char *headers, const char *body)
{
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d So\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
             status, strlen(body), headers);
    say(v, head);
    if (strcmp(v->method, "HEAD") != 0)
        say(v, body);
}

HELPER void hang(void)
{
    for (;;)
        pause();
}

HELPER bool begins(const char *path, const char *with)
{
    return strncmp(path, with, strlen(with)) == 0;
}

HELPER void without_end(struct visit *v, const char *head, const char *piece, unsigned pause_us)
{
    say(v, head);
    for (;;) {
        say(v, piece);
        if (pause_us)
            usleep(pause_us);
    }
}

HELPER void serve_broken(struct visit *v)
{
    const char *p = v->path;
    if (begins(p, "/closed"))
        _exit(0);
    if (begins(p, "/reset")) {
        struct linger at_once = { 1, 0 };
        setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(v->fd);
        _exit(0);
    }
    if (begins(p, "/silent"))
        hang();
    if (begins(p, "/half")) {
        say(v, "HTTP/1.1 200 OK\r\nServ");
        _exit(0);
    }
    if (begins(p, "/drip"))
        without_end(v, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", ".", 100000);
    if (begins(p, "/ssh")) {
        say(v, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
        _exit(0);
    }
    if (begins(p, "/headers"))
        without_end(v, "HTTP/1.1 200 OK\r\n", "X-More: and more and more and more and more\r\n", 0);
    if (begins(p, "/body"))
        without_end(v, "HTTP/1.1 200 OK\r\n\r\n", "and more and more and more and more and more\n", 0);
    if (begins(p, "/headhangs") && strcmp(v->method, "HEAD") == 0)
        hang();
    if (begins(p, "/headlate") && strcmp(v->method, "HEAD") == 0) {
        usleep(970 * 1000);
        _exit(0);
    }
    if (begins(p, "/headcut") && strcmp(v->method, "HEAD") == 0)
        _exit(0);
}

HELPER void serve_redirect(struct visit *v)
{
    const char *p = v->path;
    char header[400];
    if (begins(p, "/redirect/")) {
        int n = atoi(p + 10);
        snprintf(header, sizeof header, "Location: %s%d\r\n", n > 0 ? "/redirect/" : "/ok/", n - 1);
        answer(v, 302, header, "");
    } else if (begins(p, "/loop"))
        answer(v, 301, "Location: /loop\r\n", "");
    else if (begins(p, "/cookies"))
        answer(v, v->cookie ? 200 : 302, v->cookie ? "" : "Location: /cookies\r\nSet-Cookie: a=b\r\n", "");
    else if (begins(p, "/nowhere"))
        answer(v, 302, "", "");
    else if (begins(p, "/file"))
        answer(v, 302, "Location: file:///etc/passwd\r\n", "");
    else if (begins(p, "/private"))
        answer(v, 302, "Location: http://10.0.0.1/\r\n", "");
    else
        return;
    _exit(0);
}

HELPER void serve(struct visit *v)
{
    if (!hear(v))
        return;
    bool head = strcmp(v->method, "HEAD") == 0;
    const char *p = v->path;
    serve_broken(v);
    serve_redirect(v);
    if (begins(p, "/status/"))
        answer(v, atoi(p + 8),
               strstr(p, "retry") ? "Retry-After: 30\r\n"
               : strstr(p, "waf") ? "cf-mitigated: x\r\n"
                                  : "",
               "so it is\n");
    else if (begins(p, "/head/"))
        answer(v, head ? atoi(p + 6) : 200, "", "fine\n");
    else if (begins(p, "/handshake"))
        answer(v, v->ssl && SSL_session_reused(v->ssl) ? 299 : 200, "", "");
    else if (begins(p, "/interim"))
        say(v, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    else if (head)
        answer(v, 200, "", "");
    else {
        say(v, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nhello, key");
        usleep(20000);
        say(v, "word");
    }
}

/* ── The server ────────────────────────────────────────────────────────── */

HELPER void serve_one(int fd, SSL_CTX *ctx)
{
    struct visit v = { .fd = fd };
    alarm(30); /* whatever happens to the test */
    if (ctx) {
        v.ssl = SSL_new(ctx);
        SSL_set_fd(v.ssl, fd);
        if (SSL_accept(v.ssl) != 1)
            _exit(0);
    }
    serve(&v);
    if (v.ssl)
        SSL_shutdown(v.ssl);
    _exit(0);
}

HELPER int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        abort();
    *ret_port = ntohs(at.sin_port);
    return fd;
}

HELPER struct site_server site_server_start(X509 *cert, EVP_PKEY *key)
{
    struct site_server s = { 0 };
    int listener = listen_somewhere(&s.port);

    s.pid = fork();
    if (s.pid != 0) {
        close(listener);
        return s;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    SSL_CTX *ctx = NULL;
    if (cert) {
        ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(ctx, cert);
        SSL_CTX_use_PrivateKey(ctx, key);
    }
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            serve_one(fd, ctx);
        }
        close(fd);
    }
}

HELPER void site_server_stop(struct site_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

/* A port on which nobody listens, for now. */
HELPER uint16_t site_closed_port(void)
{
    uint16_t port;
    close(listen_somewhere(&port));
    return port;
}

/* ── Certificates ──────────────────────────────────────────────────────── */

HELPER EVP_PKEY *site_key(void)
{
    return EVP_EC_gen("P-256");
}

HELPER void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* `name` is the subjectAltName ("DNS:shop.test", "IP:127.0.0.1"); NULL makes an
 * authority. `issuer` NULL: it signs itself. Days count from now. */
HELPER X509 *site_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                              int from_days, int to_days)
{
    static long serial = 1;
    X509 *c = X509_new();
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
    X509_time_adj_ex(X509_getm_notBefore(c), from_days, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(c), to_days, 0, NULL);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                               (const unsigned char *)(name ? "a site" : "an authority"), -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c));
    X509_set_pubkey(c, key);
    add_extension(c, issuer ? issuer : c, NID_basic_constraints, name ? "CA:FALSE" : "critical,CA:TRUE");
    if (name)
        add_extension(c, issuer ? issuer : c, NID_subject_alt_name, name);
    X509_sign(c, issuer_key ? issuer_key : key, EVP_sha256());
    return c;
}

HELPER void site_write_pem(const char *path, X509 *cert)
{
    FILE *f = fopen(path, "w");
    if (!f || PEM_write_X509(f, cert) != 1 || fclose(f) != 0)
        abort();
}

/* An authority of the test's own, its certificate in a file, and a key for the sites that it vouches for. */
struct site_authority {
    EVP_PKEY *key, *sites_key;
    X509 *cert;
    char folder[32], file[40];
};

HELPER int site_authority_make(struct site_authority *a)
{
    strcpy(a->folder, "/tmp/vedette-test-tls-XXXXXX");
    if (!mkdtemp(a->folder))
        return -1;
    snprintf(a->file, sizeof a->file, "%s/ca.pem", a->folder);
    a->key = site_key();
    a->sites_key = site_key();
    a->cert = site_certificate(NULL, a->key, NULL, NULL, -100, 100);
    site_write_pem(a->file, a->cert);
    return 0;
}

/* What else is in the folder is the caller's to remove before. */
HELPER void site_authority_remove(struct site_authority *a)
{
    unlink(a->file);
    rmdir(a->folder);
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
    EVP_PKEY_free(a->sites_key);
}

/* For a site of that name, or names. */
HELPER X509 *site_authority_vouch(struct site_authority *a, const char *name, int from_days, int to_days)
{
    return site_certificate(name, a->sites_key, a->cert, a->key, from_days, to_days);
}

#endif
