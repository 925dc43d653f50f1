#include "collector/channel/carrier.h"
#include "collector/courier.h"
#include "collector/message.h"
#include "collector/mime.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How a mail is sent
 *
 * One message, one recipient, one connection. libcurl speaks SMTP and does the
 * dot-stuffing; the message is written here. What the server's "no" means depends
 * on which command it answered, which libcurl does not tell: so we listen to what
 * goes over the line. A 5xx to RCPT, or to the message itself, is final for this
 * notice (RFC 5321 section 4.2.1). A 5xx to anything else (greeting, login, the
 * sender) is about our settings, which somebody will repair: tried again.
 *
 * The conversation has a thread of its own (see courier.h): on_read and on_talk
 * are called there and touch nothing but the mail, until on_done has it back.
 */

#define MAX_MAIL 65536

struct mail {
    CURL *easy;
    struct curl_slist *to;
    struct text text;
    size_t sent;
    delivery_done_fn *done;
    void *arg;
    char command[8]; /* the last one we said, or "data" for the message */
    char reply[120]; /* the last line that the server said */
    bool leaving;
    char errbuf[CURL_ERROR_SIZE];
};

static void mail_free(struct mail *m)
{
    if (m->easy)
        curl_easy_cleanup(m->easy);
    curl_slist_free_all(m->to);
    text_done(&m->text);
    free(m);
}

/* ── The message ───────────────────────────────────────────────────────── */

static void add_id(struct text *t, const char *name, const char *key, const char *domain)
{
    text_addf(t, "%s: <%s@%s>\r\n", name, key, domain);
}

static const char *string_in(const json_t *facts, const char *name)
{
    const char *s = json_string_value(json_object_get(facts, name));
    return s ? s : "";
}

static void add_threading(struct text *t, const struct notice *n, const char *domain)
{
    json_t *facts = json_loads(n->payload, 0, NULL);
    const char *thread = string_in(facts, "thread");
    add_id(t, "Message-ID", n->key, domain);
    if (*thread && strcmp(thread, n->key) != 0) {
        add_id(t, "In-Reply-To", thread, domain);
        add_id(t, "References", thread, domain);
    }
    const char *worker = string_in(facts, "worker");
    if (*worker)
        mime_header(t, "X-Vedette-Worker", worker);
    else
        mime_header(t, "X-Vedette-Site", string_in(json_object_get(facts, "site"), "name"));
    json_decref(facts);
}

static int write_mail(struct text *t, const struct notice *n, const char *from, const char *to,
                      struct err *err)
{
    scoped(text) struct text body = TEXT_UP_TO(MAX_MAIL / 4);
    char subject[MESSAGE_SUBJECT_SIZE];
    const char *domain = strrchr(from, '@');
    int r = message_subject(n->payload, subject, sizeof subject, err);
    if (r == 0)
        r = message_body(n->payload, &body, err);
    if (r < 0)
        return r;

    text_addf(t, "From: Vedette <%s>\r\nTo: <%s>\r\n", from, to);
    mime_header(t, "Subject", subject);
    mime_date(t, n->created_us); /* the same in every attempt */
    add_threading(t, n, domain ? domain + 1 : "localhost");
    text_add(t, "Auto-Submitted: auto-generated\r\n"); /* RFC 3834: no holiday answers, please */
    text_addf(t, "X-Vedette-Key: %s\r\nX-Vedette-Kind: %s\r\nX-Vedette-Incident: %llu\r\n", n->key,
              notice_kind_name(n->kind), (unsigned long long)n->incident_id);
    text_add(t, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    mime_quoted_printable(t, text_str(&body));
    return t->failed ? err_set(err, t->failed, "the mail grew too large") : 0;
}

static size_t on_read(char *buf, size_t size, size_t n, void *arg)
{
    struct mail *m = arg;
    size_t left = m->text.len - m->sent, len = size * n < left ? size * n : left;
    memcpy(buf, m->text.at + m->sent, len);
    m->sent += len;
    snprintf(m->command, sizeof m->command, "data");
    return len;
}

/* ── The conversation ──────────────────────────────────────────────────── */

/* Until we take our leave: what is said then is about nothing. */
static int on_talk(CURL *easy, curl_infotype type, char *bytes, size_t len, void *arg)
{
    struct mail *m = arg;
    (void)easy;
    size_t n = 0;
    if (type == CURLINFO_HEADER_OUT && len >= 4 && strncasecmp(bytes, "QUIT", 4) == 0)
        m->leaving = true;
    if (m->leaving)
        return 0;
    if (type == CURLINFO_HEADER_OUT) {
        while (n < len && n < sizeof m->command - 1 && bytes[n] > ' ')
            n++;
        memcpy(m->command, bytes, n);
        m->command[n] = '\0';
    } else if (type == CURLINFO_HEADER_IN) {
        for (; n < len && n < sizeof m->reply - 1 && bytes[n] != '\r' && bytes[n] != '\n'; n++)
            m->reply[n] = (unsigned char)bytes[n] < 0x20 || (unsigned char)bytes[n] > 0x7e ? '?' : bytes[n];
        m->reply[n] = '\0';
    }
    return 0;
}

static bool is_final(const struct mail *m)
{
    return m->reply[0] == '5' && (strcasecmp(m->command, "RCPT") == 0 || strcasecmp(m->command, "data") == 0);
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
    struct mail *m = arg;
    struct delivery_end end = { .word = DELIVERY_DONE };
    (void)easy;
    if (code != CURLE_OK) {
        end.word = is_final(m) ? DELIVERY_REFUSED : DELIVERY_AGAIN;
        if (code == CURLE_USE_SSL_FAILED)
            snprintf(end.trouble, sizeof end.trouble,
                     "the mail server offers no TLS, and mail.tls or a login (mail.user) needs it");
        else if (m->reply[0] == '4' || m->reply[0] == '5')
            snprintf(end.trouble, sizeof end.trouble, "the mail server answered: %s", m->reply);
        else
            snprintf(end.trouble, sizeof end.trouble, "%.190s",
                     m->errbuf[0] ? m->errbuf : curl_easy_strerror(code));
    }
    delivery_done_fn *done = m->done;
    void *to = m->arg;
    mail_free(m);
    if (code != CURLE_ABORTED_BY_CALLBACK)
        done(to, &end);
}

/* ── Setting it up ─────────────────────────────────────────────────────── */

/* Opportunistic is what it says: whoever listens in sees nothing, whoever sits
 * in between is not noticed, and a server with a certificate of its own making
 * (most local ones) is no obstacle. Where a certificate was promised (smtps,
 * required), a root was named, or a password is at stake, it is verified. A
 * password goes to another machine over TLS or, unless "never" says so, not at all. */
static void set_tls(CURL *easy, const struct config *c)
{
    bool required = config_mail_needs_tls(c), never = strcmp(c->mail.tls, "never") == 0;
    bool smtps = strncasecmp(c->mail.server, "smtps:", 6) == 0;
    bool verify = required || smtps || c->mail.ca_file[0] || c->mail.user[0];
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(required ? CURLUSESSL_ALL
                            : never  ? CURLUSESSL_NONE
                                     : CURLUSESSL_TRY));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (c->mail.ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, c->mail.ca_file);
}

static bool set_up(struct mail *m, const struct config *c, const char *target)
{
    char from[sizeof c->mail.from + 2], to[CHANNEL_MAX_TEXT + 2];
    snprintf(from, sizeof from, "<%s>", c->mail.from);
    snprintf(to, sizeof to, "<%s>", target);
    m->easy = courier_handle("smtp,smtps", c->mail.timeout_us);
    m->to = curl_slist_append(NULL, to);
    if (!m->easy || !m->to)
        return false;
    curl_easy_setopt(m->easy, CURLOPT_URL, c->mail.server);
    curl_easy_setopt(m->easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(m->easy, CURLOPT_MAIL_RCPT, m->to);
    curl_easy_setopt(m->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(m->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->text.len);
    curl_easy_setopt(m->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(m->easy, CURLOPT_READDATA, m);
    curl_easy_setopt(m->easy, CURLOPT_ERRORBUFFER, m->errbuf);
    curl_easy_setopt(m->easy, CURLOPT_VERBOSE, 1L); /* for on_talk; nothing is printed */
    curl_easy_setopt(m->easy, CURLOPT_DEBUGFUNCTION, on_talk);
    curl_easy_setopt(m->easy, CURLOPT_DEBUGDATA, m);
    if (c->mail.user[0]) {
        curl_easy_setopt(m->easy, CURLOPT_USERNAME, c->mail.user);
        curl_easy_setopt(m->easy, CURLOPT_PASSWORD, c->mail.password);
    }
    set_tls(m->easy, c);
    return true;
}

void mailto_begin(struct carrier_tools *t, const struct notice *n, const char *target, delivery_done_fn *done,
                  void *arg)
{
    struct err err = { 0 };
    struct mail *m = calloc(1, sizeof *m);
    if (!m) {
        carrier_end(done, arg, DELIVERY_AGAIN, "out of memory");
        return;
    }
    m->text.ceiling = MAX_MAIL;
    m->done = done;
    m->arg = arg;
    int r = write_mail(&m->text, n, t->config->mail.from, target, &err);
    if (r < 0) {
        mail_free(m);
        carrier_end(done, arg, DELIVERY_REFUSED, "%s", err.text);
    } else if (!set_up(m, t->config, target) || courier_send_aside(t->courier, m->easy, on_done, m) < 0) {
        mail_free(m);
        carrier_end(done, arg, DELIVERY_AGAIN, "out of memory");
    }
}
