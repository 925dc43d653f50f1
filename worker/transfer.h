/* transfer.h - many libcurl transfers on the loop: libcurl's multi socket
 * interface on libuv's timers and descriptors, and a pool of easy handles.
 *
 * Every transfer is a new connection that is closed afterwards: a checker that
 * reuses one looks at its own cache.
 */
#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include "common/loop.h"

#include <curl/curl.h>

struct transfers;

/* Told once for each transfer that ended by itself, after its handle was taken
 * out; `arg` is the handle's CURLOPT_PRIVATE. */
typedef void transfer_fn(void *arg, CURL *easy, CURLcode code);

/* At most `slots` transfers are going on at once by the caller's own count.
 * -ENOTSUP with a sentence for a libcurl that cannot do what is needed here. */
int transfers_new(struct transfers **ret, struct loop *l, size_t slots, transfer_fn *done, struct err *err);
void transfers_free(struct transfers *t); /* NULL is fine; what is under way ends untold */
DEFINE_SCOPED(transfers, struct transfers *, transfers_free)

/* A handle in its first state but for its cookies, which curl_easy_reset leaves
 * in it; NULL when memory is short. */
CURL *transfers_handle(struct transfers *t);
void transfers_give_back(struct transfers *t, CURL *easy); /* not one that is under way */

int transfers_begin(struct transfers *t, CURL *easy); /* -ENOMEM */
void transfers_end(struct transfers *t, CURL *easy);  /* before it ends by itself; nobody is told */

#endif
