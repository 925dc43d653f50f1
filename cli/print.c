#include "cli/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ── JSON ──────────────────────────────────────────────────────────────── */

int print_json(FILE *out, json_t *object)
{
    if (!object)
        return -ENOMEM;
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(object);
    if (!text)
        return -ENOMEM;
    int r = fprintf(out, "%s\n", text) < 0 ? -EIO : 0;
    free(text);
    return r;
}

json_t *print_json_wall(wall_us at)
{
    char buf[32];
    if (at <= 0 || at == WALL_NEVER)
        return json_null();
    return json_string(wall_format(buf, sizeof buf, at));
}

json_t *print_json_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char *plain = strdup(s);
    for (char *p = plain; p && *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    j = plain ? json_string(plain) : NULL;
    free(plain);
    return j;
}

json_t *print_json_ms(int64_t us)
{
    return json_real((double)us / 1000.0);
}

static json_t *json_phases(const struct phases *p)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "dns_ms", print_json_ms(p->dns_us), "connect_ms",
                     print_json_ms(p->connect_us), "tls_ms", print_json_ms(p->tls_us), "wait_ms",
                     print_json_ms(p->wait_us), "body_ms", print_json_ms(p->body_us));
}

static int add_saw(json_t *o, const struct result *r)
{
    int bad = 0;
    bad |= json_object_set_new(o, "verdict", json_string(verdict_name(r->verdict)));
    bad |= json_object_set_new(o, "cause", json_string(cause_name(r->cause)));
    bad |= json_object_set_new(o, "status", r->status ? json_integer(r->status) : json_null());
    bad |= json_object_set_new(o, "method", json_string(method_name(r->method)));
    bad |= json_object_set_new(o, "time_ms", print_json_ms(r->took_us));
    bad |= json_object_set_new(o, "phases", json_phases(&r->phases));
    bad |= json_object_set_new(o, "address", r->address[0] ? print_json_text(r->address) : json_null());
    bad |= json_object_set_new(o, "tls_expires", print_json_wall(r->tls_expires_us));
    bad |= json_object_set_new(o, "detail", print_json_text(r->detail));
    return bad;
}

json_t *print_json_look(const char *url, const struct result *r)
{
    json_t *o = json_object();
    if (o && (json_object_set_new(o, "url", print_json_text(url)) < 0 || add_saw(o, r) != 0)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

json_t *print_json_result(const struct result *r)
{
    json_t *o = json_object();
    if (!o)
        return NULL;
    int bad = 0;
    bad |= json_object_set_new(o, "at", print_json_wall(r->at_us));
    bad |= json_object_set_new(o, "slot", print_json_wall(r->run.slot_us));
    bad |= json_object_set_new(o, "look", json_integer(r->run.look));
    bad |= json_object_set_new(o, "location", print_json_text(r->run.location));
    bad |= json_object_set_new(o, "worker", print_json_text(r->worker));
    bad |= json_object_set_new(o, "span", json_integer(r->span));
    if (bad || add_saw(o, r) != 0) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* ── For people ────────────────────────────────────────────────────────── */

char *print_ms(char *buf, size_t size, int64_t us)
{
    if (us < 0)
        snprintf(buf, size, "-");
    else if (us < 10 * US_PER_MS)
        snprintf(buf, size, "%.1f ms", (double)us / 1e3);
    else if (us < US_PER_S)
        snprintf(buf, size, "%" PRId64 " ms", us / US_PER_MS);
    else
        snprintf(buf, size, "%.2f s", (double)us / 1e6);
    return buf;
}

char *print_count(char *buf, size_t size, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    size_t at = 0;
    for (int i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    return buf;
}

char *print_ago(char *buf, size_t size, wall_us at, wall_us now)
{
    char words[40];
    if (at <= 0)
        snprintf(buf, size, "-");
    else if (at > now)
        snprintf(buf, size, "just now");
    else {
        int64_t us = now - at;
        if (us < 10 * US_PER_S)
            snprintf(words, sizeof words, "%" PRId64 "s", us / US_PER_S);
        else
            duration_words(words, sizeof words, us);
        snprintf(buf, size, "%s ago", words);
    }
    return buf;
}

char *print_clock(char *buf, size_t size, wall_us at)
{
    time_t t = (time_t)(at / US_PER_S);
    struct tm tm;
    if (at <= 0 || !localtime_r(&t, &tm)) {
        snprintf(buf, size, "-");
        return buf;
    }
    snprintf(buf, size, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(at % US_PER_S / US_PER_MS));
    return buf;
}

char *print_moment(char *buf, size_t size, wall_us at, wall_us now)
{
    time_t t = (time_t)(at / US_PER_S), n = (time_t)(now / US_PER_S);
    struct tm tm, today;
    if (at <= 0 || !localtime_r(&t, &tm) || !localtime_r(&n, &today)) {
        snprintf(buf, size, "-");
        return buf;
    }
    bool same_day = tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday;
    if (strftime(buf, size, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm) == 0)
        buf[0] = '\0';
    return buf;
}

/* The cause says what it means; the detail, where there is one, what was seen.
 * An HTTP status speaks for itself. */
char *print_saw(char *buf, size_t size, const struct result *r)
{
    char took[24];
    print_ms(took, sizeof took, r->took_us);
    bool told_by_status = r->cause == CAUSE_HTTP_4XX || r->cause == CAUSE_HTTP_5XX ||
                          r->cause == CAUSE_HTTP_UNEXPECTED || r->cause == CAUSE_NONE;
    if (r->status && told_by_status)
        snprintf(buf, size, "HTTP %u in %s", r->status, took);
    else if (r->detail[0])
        snprintf(buf, size, "%s (%s)", cause_words(r->cause), r->detail);
    else
        snprintf(buf, size, "%s", cause_words(r->cause));
    return buf;
}

const char *print_plural(uint64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

bool print_is_silent(const struct worker_vitals *w, wall_us now)
{
    return w->health != WORKER_GONE && w->health != WORKER_DEAD && now - w->heard_us > PRINT_SILENT_AFTER;
}

const char *print_worker_health(const struct worker_vitals *w, wall_us now)
{
    return print_is_silent(w, now) ? "silent" : worker_health_name(w->health);
}

char *print_channel(char *buf, size_t size, const char *channel)
{
    enum channel_kind kind;
    const char *target;
    if (channel_parse(channel, &kind, &target, NULL) < 0)
        snprintf(buf, size, "?");
    else if (kind == CHANNEL_CONSOLE)
        snprintf(buf, size, "console");
    else if (kind != CHANNEL_WEBHOOK)
        snprintf(buf, size, "%s", channel);
    else {
        const char *host = strstr(target, "://");
        host = host ? host + 3 : target;
        snprintf(buf, size, "webhook:%.*s", (int)strcspn(host, "/?#"), host);
    }
    return buf;
}
