/* transfer.h - many libcurl transfers on the loop: libcurl's multi socket
 * interface on the loop's timers and a poller, in groups of some hundred, and a
 * pool of easy handles.
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

/* Sets the options of a new handle that are the same for every transfer. */
typedef void handle_fn(CURL *easy);

/* At most `slots` transfers are going on at once by the caller's own count.
 * -ENOTSUP with a sentence for a libcurl that cannot do what is needed here. */
int transfers_new(struct transfers **ret, struct loop *l, size_t slots, handle_fn *prepare, transfer_fn *done,
                  struct err *err);
void transfers_free(struct transfers *t); /* NULL is fine; what is under way ends untold */
DEFINE_SCOPED(transfers, struct transfers *, transfers_free)

/* A handle, prepared; NULL when memory is short. Options that another transfer has
 * set are still there: whoever begins one sets all those that `prepare` has not. */
CURL *transfers_handle(struct transfers *t);

/* Not one that is under way, and with no option left that libcurl writes through. */
void transfers_give_back(struct transfers *t, CURL *easy);

/* -ENOMEM. `group` is for transfers_end, which ends it before it ends by itself; nobody is told. */
int transfers_begin(struct transfers *t, CURL *easy, unsigned *group);
void transfers_end(struct transfers *t, CURL *easy, unsigned group);

#endif
