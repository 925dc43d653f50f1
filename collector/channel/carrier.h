/* carrier.h - what a kind of channel must be able to do. Included by channel.c
 * and the files of this folder only. */
#ifndef COLLECTOR_CHANNEL_CARRIER_H
#define COLLECTOR_CHANNEL_CARRIER_H

#include "collector/channel.h"

/* What all kinds of one notifier share. */
struct courier;
struct carrier_tools {
    struct loop *loop;
    const struct config *config;
    struct courier *courier; /* libcurl's transfers */
    struct programs *programs;
};

/* Begins one delivery and ends it with one call of done, now or later. */
typedef void carrier_begin_fn(struct carrier_tools *t, const struct notice *n, const char *target,
                              delivery_done_fn *done, void *arg);

carrier_begin_fn mailto_begin, webhook_begin, exec_begin, console_begin;

/* Programs that exec has running. */
int programs_new(struct programs **ret, struct loop *l);
void programs_free(struct programs *p); /* they are killed; NULL is fine */

/* Ends a delivery with a sentence. */
void carrier_end(delivery_done_fn *done, void *arg, enum delivery_word word, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
