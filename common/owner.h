/* owner.h - who is told, and by which channels.
 *
 * A channel is written as a URL-like text: "mailto:shop@example.com",
 * "webhook:https://hooks.example.com/x", "exec:/usr/local/bin/tell", "console:".
 * Here is only its form; what the kinds do is the collector's affair.
 */
#ifndef COMMON_OWNER_H
#define COMMON_OWNER_H

#include "common/err.h"

#include <stdint.h>

#define OWNER_MAX_NAME     128
#define OWNER_MAX_CHANNELS 16
#define CHANNEL_MAX_TEXT   2100 /* a webhook's URL and its prefix */

enum channel_kind {
    CHANNEL_MAILTO,
    CHANNEL_WEBHOOK,
    CHANNEL_EXEC,
    CHANNEL_CONSOLE,
    CHANNEL_KIND_COUNT, /* last */
};

const char *channel_kind_name(enum channel_kind k); /* "mailto" */

/* The kind of a channel's text and where its target begins inside it. -EINVAL
 * with a sentence when the kind is not known or the target is malformed: a
 * mail address without '@' or with a control character or comma, a webhook
 * that is not http(s), an exec path that is not absolute. */
int channel_parse(const char *text, enum channel_kind *ret, const char **ret_target, struct err *err);

/* A comma-separated list of them; how many, or -EINVAL. */
int channel_list(const char *text, char ret[OWNER_MAX_CHANNELS][CHANNEL_MAX_TEXT], struct err *err);

/* Only whether it is one: 0 or -EINVAL. */
int channel_list_check(const char *text, struct err *err);

struct owner {
    uint64_t id; /* 0: not in a store yet */
    const char *name;
    const char *channel[OWNER_MAX_CHANNELS];
    unsigned n_channels;
    uint32_t remind_s; /* say again that it is still down, that often; 0 never */
    uint64_t change;
};

#endif
