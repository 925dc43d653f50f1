#include "collector/message.h"
#include "collector/workernote.h"
#include "common/clock.h"
#include "common/incident.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MAX_LOOKS 16
#define WHAT_SIZE 256

/* The facts, borrowed from the JSON. */
struct facts {
    json_t *json;
    enum notice_kind kind;
    const char *site, *url, *owner;
    const char *began, *ended, *cause, *words, *detail, *reason;
    json_int_t incident, number, status, lasted_ms;
    json_t *looks;
};

static void facts_done(struct facts *f)
{
    json_decref(f->json);
}

static int facts_read(struct facts *f, const char *payload, struct err *err)
{
    const char *kind = NULL;
    json_error_t why;
    *f = (struct facts){ .ended = "", .reason = "" };
    f->json = json_loads(payload, 0, NULL);
    if (!f->json ||
        json_unpack_ex(f->json, &why, 0,
                       "{s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "kind",
                       &kind, "site", "name", &f->site, "url", &f->url, "owner", &f->owner, "began",
                       &f->began, "reason", &f->reason, "cause", &f->cause, "words", &f->words, "detail",
                       &f->detail, "incident", &f->incident, "number", &f->number, "status", &f->status,
                       "lasted_ms", &f->lasted_ms, "looks", &f->looks) < 0) {
        facts_done(f);
        return err_set(err, -EBADMSG, "the notice's facts cannot be read");
    }
    const char *ended = json_string_value(json_object_get(f->json, "ended"));
    f->ended = ended ? ended : "";
    for (unsigned i = 0; i < NOTICE_KIND_COUNT; i++)
        if (strcmp(kind, notice_kind_name((enum notice_kind)i)) == 0) {
            f->kind = (enum notice_kind)i;
            return 0;
        }
    facts_done(f);
    return err_set(err, -EBADMSG, "'%.40s' is no kind of notice", kind);
}

/* ── Pieces ────────────────────────────────────────────────────────────── */

/* "HTTP 503" says more in fewer words than "it answered with a server error". */
static const char *what(const char *cause, const char *words, json_int_t status, char *buf, size_t size)
{
    if (status > 0 && (strncmp(cause, "http_", 5) == 0 || strcmp(cause, "none") == 0))
        snprintf(buf, size, "HTTP %d", (int)status);
    else
        snprintf(buf, size, "%s", words);
    return buf;
}

/* "2026-03-01T14:02:11.125Z" to "2026-03-01 14:02:11 UTC", or only the time of day. */
static const char *when(const char *at, bool day, char *buf, size_t size)
{
    if (strlen(at) < 19)
        snprintf(buf, size, "an unknown time");
    else if (day)
        snprintf(buf, size, "%.10s %.8s UTC", at, at + 11);
    else
        snprintf(buf, size, "%.8s UTC", at + 11);
    return buf;
}

static const char *text_in(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));
    return s ? s : "";
}

static const char *lasted(const struct facts *f, char *buf, size_t size)
{
    return duration_words(buf, size, f->lasted_ms * US_PER_MS);
}

/* "seen first by w1 and confirmed by 2 looks from w2, w1"; nothing behind "w1"
 * when there was none to confirm. */
static const char *confirmed(const struct facts *f, bool *ret_confirmed, char *buf, size_t size)
{
    char names[WHAT_SIZE] = "";
    const char *seen[MAX_LOOKS];
    unsigned looks = 0, n = 0;
    size_t i;
    json_t *look;
    json_array_foreach (f->looks, i, look) {
        const char *worker = text_in(look, "worker");
        if (i == 0 || strcmp(text_in(look, "verdict"), "down") != 0)
            continue;
        looks++;
        bool known = n == MAX_LOOKS;
        for (unsigned k = 0; k < n && !known; k++)
            known = strcmp(seen[k], worker) == 0;
        if (known)
            continue;
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s%s", n ? ", " : "", worker);
        seen[n++] = worker;
    }
    const char *first = text_in(json_array_get(f->looks, 0), "worker");
    int len = *first ? snprintf(buf, size, "seen first by %s", first) : 0;
    buf[len < 0 ? 0 : len] = '\0';
    if (looks > 0 && len >= 0 && (size_t)len < size)
        snprintf(buf + len, size - (size_t)len, "%sconfirmed by %u look%s from %s", len ? " and " : "", looks,
                 looks == 1 ? "" : "s", names);
    *ret_confirmed = looks > 0;
    return buf;
}

/* ── Subject and line ──────────────────────────────────────────────────── */

static const char *const tags[NOTICE_KIND_COUNT] = {
    [NOTICE_DOWN] = "down",
    [NOTICE_BACK] = "back",
    [NOTICE_STILL_DOWN] = "still down",
    [NOTICE_WITHDRAWN] = "closed",
};

/* A control character would begin another line or another header. */
static void flatten(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int message_subject(const char *payload, char *buf, size_t size, struct err *err)
{
    struct facts f;
    char why[WHAT_SIZE], span[32];
    if (workernote_is(payload))
        return workernote_subject(payload, buf, size, err);
    int r = facts_read(&f, payload, err);
    if (r < 0)
        return r;
    what(f.cause, f.words, f.status, why, sizeof why);
    lasted(&f, span, sizeof span);
    const char *tag = tags[f.kind];
    if (f.kind == NOTICE_DOWN)
        snprintf(buf, size, "[%s] %.150s: %s", tag, f.site, why);
    else if (f.kind == NOTICE_BACK)
        snprintf(buf, size, "[%s] %.150s after %s", tag, f.site, span);
    else if (f.kind == NOTICE_STILL_DOWN)
        snprintf(buf, size, "[%s] %.150s for %s: %s", tag, f.site, span, why);
    else
        snprintf(buf, size, "[%s] %.150s: %s", tag, f.site, f.reason);
    flatten(buf);
    facts_done(&f);
    return 0;
}

int message_line(const char *payload, char *buf, size_t size, struct err *err)
{
    struct facts f;
    char why[WHAT_SIZE], span[32], since[40], by[WHAT_SIZE + 64];
    if (workernote_is(payload))
        return workernote_line(payload, buf, size, err);
    int r = facts_read(&f, payload, err);
    if (r < 0)
        return r;
    what(f.cause, f.words, f.status, why, sizeof why);
    lasted(&f, span, sizeof span);
    when(f.began, false, since, sizeof since);
    bool is_confirmed;
    confirmed(&f, &is_confirmed, by, sizeof by);
    /* Who gave no name is known by the URL; once is enough. */
    const char *url = strcmp(f.site, f.url) == 0 ? "" : f.url, *gap = *url ? "  " : "";
    if (f.kind == NOTICE_DOWN)
        snprintf(buf, size, "DOWN  %.200s%s%.300s since %s: %s%s%s%s", f.site, gap, url, since, why,
                 *by ? " (" : "", by, *by ? ")" : "");
    else if (f.kind == NOTICE_BACK)
        snprintf(buf, size, "BACK  %.200s%s%.300s after %s", f.site, gap, url, span);
    else if (f.kind == NOTICE_STILL_DOWN)
        snprintf(buf, size, "STILL %.200s%s%.300s down for %s: %s", f.site, gap, url, span, why);
    else
        snprintf(buf, size, "CLOSED %.200s%s%.300s: %s", f.site, gap, url, f.reason);
    flatten(buf);
    facts_done(&f);
    return 0;
}

/* ── The text ──────────────────────────────────────────────────────────── */

/* As every list of Vedette says it. */
static const char *took(const json_t *look, char *buf, size_t size)
{
    const json_t *exact = json_object_get(look, "took_us"); /* notices of older versions have none */
    json_int_t us =
        exact ? json_integer_value(exact) : 1000 * json_integer_value(json_object_get(look, "took_ms"));
    if (us >= US_PER_S)
        snprintf(buf, size, "%.2f s", (double)us / 1e6);
    else
        snprintf(buf, size, "%.*f ms", us < 10 * US_PER_MS, (double)us / 1e3);
    return buf;
}

/* As a shell takes it for one word: for a line that people paste. */
static void add_word(struct text *t, const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@%+,=-";
    if (*name == '-')
        text_add(t, "-- ");
    if (*name && strspn(name, plain) == strlen(name)) {
        text_add(t, name);
        return;
    }
    text_add(t, "'");
    for (; *name; name++) {
        if (*name == '\'')
            text_add(t, "'\\'");
        text_add_bytes(t, name, 1);
    }
    text_add(t, "'");
}

static void add_looks(struct text *t, const struct facts *f)
{
    size_t i;
    json_t *look;
    json_array_foreach (f->looks, i, look) {
        char why[WHAT_SIZE], at[40];
        enum cause cause = CAUSE_INTERNAL;
        cause_parse(text_in(look, "cause"), &cause);
        json_int_t status = json_integer_value(json_object_get(look, "status"));
        what(text_in(look, "cause"), cause_words(cause), status, why, sizeof why);
        text_addf(t, "  %s  %s from %s: %s", when(text_in(look, "at"), false, at, sizeof at),
                  text_in(look, "worker"), text_in(look, "location"), why);
        if (*text_in(look, "address"))
            text_addf(t, ", at %s", text_in(look, "address"));
        text_addf(t, ", %s\n", took(look, why, sizeof why));
    }
}

static void add_opening(struct text *t, const struct facts *f)
{
    char why[WHAT_SIZE], span[32], began[40], ended[40], by[WHAT_SIZE + 64];
    what(f->cause, f->words, f->status, why, sizeof why);
    lasted(f, span, sizeof span);
    when(f->began, true, began, sizeof began);
    when(f->ended, true, ended, sizeof ended);
    bool is_confirmed;
    confirmed(f, &is_confirmed, by, sizeof by);
    switch (f->kind) {
    case NOTICE_DOWN:
        text_addf(t, "%s is down since %s: %s.\n", f->site, began, why);
        if (*by)
            text_addf(t, "This was %s.\n", by);
        if (!is_confirmed)
            text_add(t, "The first failed look was believed, as the site asks.\n");
        break;
    case NOTICE_BACK:
        text_addf(t, "%s is back since %s.\n", f->site, ended);
        text_addf(t, "It was down for %s, from %s: %s.\n", span, began, why);
        break;
    case NOTICE_STILL_DOWN:
        text_addf(t, "%s is still down, for %s now, since %s: %s.\n", f->site, span, began, why);
        text_addf(t, "This is reminder %d.\n", (int)f->number);
        break;
    default:
        text_addf(t, "The outage of %s that began at %s is closed without having been seen to end: %s.\n",
                  f->site, began, f->reason);
        break;
    }
}

int message_body(const char *payload, struct text *ret, struct err *err)
{
    struct facts f;
    if (workernote_is(payload))
        return workernote_body(payload, ret, err);
    int r = facts_read(&f, payload, err);
    if (r < 0)
        return r;
    add_opening(ret, &f);
    text_addf(ret, "\n  %s\n", f.url);
    if (*f.detail && f.kind != NOTICE_BACK)
        text_addf(ret, "  %s\n", f.detail);
    if (json_array_size(f.looks) > 0) {
        text_add(ret, f.kind == NOTICE_BACK ? "\nSeen up again:\n" : "\nWhat was seen:\n");
        add_looks(ret, &f);
    }
    text_addf(ret, "\nIncident %d, told to %s. All about it: vedette explain ", (int)f.incident, f.owner);
    add_word(ret, f.site);
    text_add(ret, "\n");
    facts_done(&f);
    if (ret->failed)
        return err_set(err, ret->failed, "the message about %.80s grew too large", "a site");
    return 0;
}
