#include "collector/channel.h"
#include "collector/channel/carrier.h"
#include "collector/courier.h"
#include "common/url.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static carrier_begin_fn *const rows[] = {
    [CHANNEL_MAILTO] = mailto_begin,
    [CHANNEL_WEBHOOK] = webhook_begin,
    [CHANNEL_EXEC] = exec_begin,
    [CHANNEL_CONSOLE] = console_begin,
};
_Static_assert(sizeof rows / sizeof *rows == CHANNEL_KIND_COUNT, "every kind has a carrier");

struct channels {
    struct carrier_tools tools;
};

int channels_new(struct channels **ret, struct loop *l, const struct config *config, struct err *err)
{
    scoped(channels) struct channels *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, -ENOMEM, "out of memory");
    c->tools.loop = l;
    c->tools.config = config;
    int r = courier_new(&c->tools.courier, l);
    if (r == 0)
        r = programs_new(&c->tools.programs, l);
    if (r < 0)
        return err_set(err, r, "cannot set up the channels: %s", strerror(-r));
    *ret = moved(c);
    return 0;
}

void channels_free(struct channels *c)
{
    if (!c)
        return;
    programs_free(c->tools.programs);
    courier_free(c->tools.courier);
    free(c);
}

void channel_begin(struct channels *c, const struct notice *n, delivery_done_fn *done, void *arg)
{
    enum channel_kind kind;
    const char *target = NULL;
    struct err err = { 0 };
    if (channel_parse(n->channel, &kind, &target, &err) < 0)
        carrier_end(done, arg, DELIVERY_REFUSED, "%s", err.text);
    else
        rows[kind](&c->tools, n, target, done, arg);
}

void carrier_end(delivery_done_fn *done, void *arg, enum delivery_word word, const char *fmt, ...)
{
    struct delivery_end end = { .word = word };
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(end.trouble, sizeof end.trouble, fmt, ap);
    va_end(ap);
    done(arg, &end);
}

char *channel_label(const char *channel, char *buf, size_t size)
{
    enum channel_kind kind;
    const char *target = NULL;
    struct url_parts parts;
    snprintf(buf, size, "?");
    if (channel_parse(channel, &kind, &target, NULL) < 0)
        return buf;
    if (kind == CHANNEL_WEBHOOK && url_split(target, &parts, NULL) == 0)
        target = parts.host;
    else if (kind == CHANNEL_WEBHOOK)
        target = "?";
    else if (kind == CHANNEL_EXEC && strrchr(target, '/'))
        target = strrchr(target, '/') + 1;
    snprintf(buf, size, "%s:%.*s", channel_kind_name(kind), (int)size - 12, target);
    return buf;
}
