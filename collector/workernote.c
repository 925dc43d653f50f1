#include "collector/workernote.h"

#include "common/clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct note { /* borrowed from the JSON */
    json_t *json;
    const char *worker, *location, *began, *end, *reason; /* one of the first two is NULL */
    json_int_t lasted_ms;
    bool over, left;
};

static int note_read(struct note *n, const char *payload, struct err *err)
{
    json_error_t why;
    *n = (struct note){ .json = json_loads(payload, 0, NULL) };
    n->worker = json_string_value(json_object_get(n->json, "worker"));
    n->location = json_string_value(json_object_get(n->json, "location"));
    if (!n->worker == !n->location ||
        json_unpack_ex(n->json, &why, 0, "{s:s, s:s, s:s, s:I}", "began", &n->began, "end", &n->end, "reason",
                       &n->reason, "lasted_ms", &n->lasted_ms) < 0) {
        json_decref(n->json);
        return err_set(err, -EBADMSG, "the notice's facts cannot be read");
    }
    n->over = strcmp(n->end, "open") != 0;
    n->left = strcmp(n->end, "left") == 0;
    return 0;
}

bool workernote_is(const char *payload)
{
    json_t *json = json_loads(payload, 0, NULL);
    bool is =
        json_is_string(json_object_get(json, "worker")) || json_is_string(json_object_get(json, "location"));
    json_decref(json);
    return is;
}

/* "2026-03-01T14:02:11.125Z" to "2026-03-01 14:02:11 UTC". */
static const char *when(const char *at, char *buf, size_t size)
{
    if (strlen(at) < 19)
        snprintf(buf, size, "an unknown time");
    else
        snprintf(buf, size, "%.10s %.8s UTC", at, at + 11);
    return buf;
}

static void flatten(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

int workernote_subject(const char *payload, char *buf, size_t size, struct err *err)
{
    struct note n;
    char span[32];
    int r = note_read(&n, payload, err);
    if (r < 0)
        return r;
    duration_words(span, sizeof span, n.lasted_ms * US_PER_MS);
    if (n.location)
        snprintf(buf, size,
                 n.over ? "[doubt over] location %.60s is looked at from again, after %s"
                        : "[in doubt] location %.60s: nobody looks from there",
                 n.location, span);
    else if (!n.over)
        snprintf(buf, size, "[in doubt] worker %.80s: %.120s", n.worker, n.reason);
    else
        snprintf(buf, size, "[doubt over] worker %.80s %s after %s", n.worker,
                 n.left ? "has left" : "is trusted again", span);
    flatten(buf);
    json_decref(n.json);
    return 0;
}

int workernote_line(const char *payload, char *buf, size_t size, struct err *err)
{
    struct note n;
    char span[32], since[40];
    int r = note_read(&n, payload, err);
    if (r < 0)
        return r;
    duration_words(span, sizeof span, n.lasted_ms * US_PER_MS);
    if (n.location && !n.over)
        snprintf(buf, size, "DOUBT location %.60s since %s: nobody looks from there", n.location,
                 when(n.began, since, sizeof since));
    else if (n.location)
        snprintf(buf, size, "TRUST location %.60s is looked at from again, after %s", n.location, span);
    else if (!n.over)
        snprintf(buf, size, "DOUBT worker %.80s since %s: %.120s", n.worker,
                 when(n.began, since, sizeof since), n.reason);
    else
        snprintf(buf, size, "TRUST worker %.80s %s after %s", n.worker,
                 n.left ? "has left" : "is trusted again", span);
    flatten(buf);
    json_decref(n.json);
    return 0;
}

static void location_body(const struct note *n, const char *span, const char *began, struct text *ret)
{
    if (n->over)
        text_addf(ret, "The location %s is looked at from again. Nobody was there for %s, from %s.\n",
                  n->location, span, began);
    else
        text_addf(
            ret,
            "Nobody looks from the location %s since %s:\n\n  %s\n\n"
            "What is due there is missed, and sites that are looked at from nowhere else are unknown. No\n"
            "owner is told of it.\n",
            n->location, began, n->reason);
    text_add(ret, "\nAll locations: vedette status\n");
}

int workernote_body(const char *payload, struct text *ret, struct err *err)
{
    struct note n;
    char span[32], began[40];
    int r = note_read(&n, payload, err);
    if (r < 0)
        return r;
    duration_words(span, sizeof span, n.lasted_ms * US_PER_MS);
    when(n.began, began, sizeof began);
    if (n.location) {
        location_body(&n, span, began, ret);
        json_decref(n.json);
        return ret->failed ? err_set(err, ret->failed, "the message about a location grew too large") : 0;
    }
    if (!n.over) {
        text_addf(ret, "The worker %s is in doubt since %s:\n\n  %s\n\n", n.worker, began, n.reason);
        text_add(ret,
                 "This is trouble of ours. What it sees fail counts for nothing meanwhile, and no owner is\n"
                 "told of it. Other workers do its work, where there are any.\n");
    } else if (n.left) {
        text_addf(ret, "The worker %s, which was in doubt since %s, has left after %s:\n\n  %s\n", n.worker,
                  began, span, n.reason);
    } else {
        text_addf(ret, "The worker %s is trusted again. It was in doubt for %s, from %s:\n\n  %s\n", n.worker,
                  span, began, n.reason);
    }
    text_add(ret, "\nAll workers: vedette workers\n");
    json_decref(n.json);
    return ret->failed ? err_set(err, ret->failed, "the message about a worker grew too large") : 0;
}
