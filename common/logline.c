#include "common/logline.h"

#include "common/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How long a line may become
 *
 * A message has at most LOGLINE_MAX_MESSAGE bytes. A byte of it becomes two at most (what is escaped in JSON
 * is
 * '"' and '\', control characters are '?'), a pair of four bytes ("a=1 ") gets five more, and what a line
 * begins with is some hundred bytes. So LOGLINE_SIZE, eight times a message, is never reached, and writing
 * needs no question whether there is room.
 */

static const char *const form_names[LOG_FORM_COUNT] = { "plain", "logfmt", "json" };

const char *log_form_name(enum log_form f)
{
    return (unsigned)f < LOG_FORM_COUNT ? form_names[f] : "?";
}

int log_form_parse(const char *name, enum log_form *ret)
{
    for (unsigned i = 0; i < LOG_FORM_COUNT; i++)
        if (strcmp(name, form_names[i]) == 0) {
            *ret = (enum log_form)i;
            return 0;
        }
    return -EINVAL;
}

/* ── Pieces ────────────────────────────────────────────────────────────── */

struct writer {
    char *at;
    enum log_form form;
};

struct piece { /* of the message */
    const char *at;
    size_t len;
};

static void put(struct writer *w, const char *s, size_t len)
{
    memcpy(w->at, s, len);
    w->at += len;
}

static void put_str(struct writer *w, const char *s)
{
    put(w, s, strlen(s));
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* One character, as it may stand between quotes; how many bytes of the message it was. */
static size_t put_character(struct writer *w, const char *s, size_t left)
{
    size_t n = utf8_length(s, left);
    if (n == 0 || is_control(*s)) {
        put(w, "?", 1);
        return 1;
    }
    if (*s == '"' || *s == '\\')
        put(w, "\\", 1);
    put(w, s, n);
    return n;
}

static void put_quoted(struct writer *w, struct piece p)
{
    put(w, "\"", 1);
    for (size_t i = 0; i < p.len;)
        i += put_character(w, p.at + i, p.len - i);
    put(w, "\"", 1);
}

/* RFC 8259 section 6, whole numbers that every reader keeps exactly. */
static bool is_number(struct piece p)
{
    size_t i = p.len > 1 && p.at[0] == '-';
    if (p.len == i || p.len - i > 15 || (p.at[i] == '0' && p.len - i > 1))
        return false;
    for (; i < p.len; i++)
        if (p.at[i] < '0' || p.at[i] > '9')
            return false;
    return true;
}

static bool is_bare(struct piece p)
{
    for (size_t i = 0; i < p.len; i++)
        if (is_control(p.at[i]) || (unsigned char)p.at[i] >= 0x80 || strchr(" =\"\\", p.at[i]))
            return false;
    return p.len > 0;
}

static bool is_ours(struct piece key)
{
    static const char *const ours[] = { "time", "level", "program", "event", "msg" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == key.len && memcmp(ours[i], key.at, key.len) == 0)
            return true;
    return false;
}

static void put_member(struct writer *w, struct piece key, bool ours, struct piece value)
{
    bool json = w->form == LOG_JSON;
    put_str(w, json ? ",\"" : " ");
    put(w, key.at, key.len);
    put_str(w, !ours && is_ours(key) ? "_" : "");
    put_str(w, json ? "\":" : "=");
    if (json ? !ours && is_number(value) : is_bare(value))
        put(w, value.at, value.len);
    else
        put_quoted(w, value);
}

/* ── The message ───────────────────────────────────────────────────────── */

/* "key=" at the beginning: the length of the key, 0 when there is none. */
static size_t key_length(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return s[n] == '=' && !(s[0] >= '0' && s[0] <= '9') ? n : 0;
}

/* The pairs at its beginning; where the sentence begins. A pair that the sentence follows has a colon behind.
 */
static const char *put_pairs(struct writer *w, const char *s)
{
    size_t key_len;
    while ((key_len = key_length(s)) > 0) {
        const char *value = s + key_len + 1;
        size_t len = strcspn(value, " "), behind = len + (value[len] == ' ');
        bool last = len > 0 && value[len - 1] == ':';
        put_member(w, (struct piece){ s, key_len }, false, (struct piece){ value, len - last });
        s = value + behind;
        if (last)
            break;
    }
    return s;
}

static struct piece all_of(const char *s)
{
    return (struct piece){ s, strlen(s) };
}

static void put_parts(struct writer *w, const struct logline *l, const char *message)
{
    const struct {
        const char *key, *value;
    } first[] = {
        {"level",    l->level  },
        { "program", l->program},
        { "event",   l->event  }
    };
    put_str(w, w->form == LOG_JSON ? "{\"time\":\"" : "time=");
    put_str(w, l->time);
    put_str(w, w->form == LOG_JSON ? "\"" : "");
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        put_member(w, all_of(first[i].key), true, all_of(first[i].value));
    const char *sentence = put_pairs(w, message);
    if (*sentence)
        put_member(w, all_of("msg"), true, all_of(sentence));
    put_str(w, w->form == LOG_JSON ? "}" : "");
}

static void put_plain(struct writer *w, const struct logline *l, const char *message)
{
    const char *parts[] = { l->time, l->level, l->program, l->event, message };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        put_str(w, i ? " " : "");
        for (const char *p = parts[i]; *p; p++)
            put(w, is_control(*p) ? "?" : p, 1);
    }
}

size_t logline_write(enum log_form form, const struct logline *l, char buf[LOGLINE_SIZE])
{
    char message[LOGLINE_MAX_MESSAGE + 1];
    struct writer w = { .at = buf, .form = form };
    snprintf(message, sizeof message, "%s", l->message);
    if (form == LOG_PLAIN)
        put_plain(&w, l, message);
    else
        put_parts(&w, l, message);
    put(&w, "\n", 1);
    return (size_t)(w.at - buf);
}
