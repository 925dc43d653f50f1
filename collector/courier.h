/* courier.h - libcurl's transfers beside a loop: what mailto and webhook send with.
 *
 * HTTP goes over libcurl's multi interface on the loop. SMTP cannot: libcurl
 * waits for the server's word about the message itself without returning to its
 * caller, so that one mail server that falls silent there would stop every
 * other delivery. Such transfers have a thread of their own while they last.
 *
 * Names are resolved by libcurl itself, in threads of its own: notices are few.
 * Belongs to the thread of its loop.
 */
#ifndef COLLECTOR_COURIER_H
#define COLLECTOR_COURIER_H

#include "common/loop.h"

#include <curl/curl.h>

struct courier;

int courier_new(struct courier **ret, struct loop *l);
/* Transfers under way are ended with CURLE_ABORTED_BY_CALLBACK, their last call
 * of `done`. NULL is fine. */
void courier_free(struct courier *c);

/* A handle with what every transfer of ours has set: the timeout, only these
 * protocols ("smtp,smtps"), no proxy, no redirects, no signals. NULL: memory. */
CURL *courier_handle(const char *protocols, int64_t timeout_us);

/* Perform it. `done` is called once, from within the loop or courier_free, never
 * from within this; the handle is the caller's again then. 0, or -EIO and the
 * handle stays the caller's. */
typedef void courier_done_fn(void *arg, CURL *easy, CURLcode code);
int courier_send(struct courier *c, CURL *easy, courier_done_fn *done, void *arg);

/* The same in a thread of its own: for what libcurl does not do without waiting.
 * The handle's callbacks are called in that thread, `done` in the loop's. */
int courier_send_aside(struct courier *c, CURL *easy, courier_done_fn *done, void *arg);

#endif
