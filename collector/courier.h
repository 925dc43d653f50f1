/* courier.h - libcurl's transfers on a loop: what mailto and webhook send with.
 *
 * Names are resolved by libcurl itself, in a thread of its own: notices are
 * few. Belongs to the thread of its loop.
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

#endif
