/* channel.h - the ways to tell somebody: one file in channel/ and one row in
 * channel.c for each kind.
 *
 *   mailto   SMTP through mail.server: one message to one address
 *   webhook  POST of the notice's JSON, signed when webhook.secret is set
 *   exec     a program gets the JSON on its standard input; exit 0 is delivered
 *   console  one line for people on our standard output
 *
 * A delivery is one attempt. It always ends with one call of `done`, which may
 * come from within channel_begin, unless channels_free ends it before. Belongs to one thread, that of the
 * loop.
 */
#ifndef COLLECTOR_CHANNEL_H
#define COLLECTOR_CHANNEL_H

#include "collector/told.h"
#include "common/config.h"
#include "common/loop.h"
#include "common/owner.h"

struct channels;

/* `config` is borrowed for as long as the channels live. */
int channels_new(struct channels **ret, struct loop *l, const struct config *config, struct err *err);
void channels_free(struct channels *c); /* deliveries under way end without a word; NULL is fine */
DEFINE_SCOPED(channels, struct channels *, channels_free)

enum delivery_word {
    DELIVERY_DONE,    /* the receiver says that it has it */
    DELIVERY_AGAIN,   /* not this time */
    DELIVERY_REFUSED, /* never: trying again would not help */
};

struct delivery_end {
    enum delivery_word word;
    int64_t retry_after_us;     /* what the receiver asked for; 0: nothing */
    char trouble[TROUBLE_SIZE]; /* one sentence unless done */
};
typedef void delivery_done_fn(void *arg, const struct delivery_end *end);

/* The notice is borrowed until done. */
void channel_begin(struct channels *c, const struct notice *n, delivery_done_fn *done, void *arg);

/* A channel for people to read, without what may be secret in it: of a webhook
 * the host, of a program its name. Returns buf. */
char *channel_label(const char *channel, char *buf, size_t size);

#endif
