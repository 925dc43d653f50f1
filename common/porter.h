/* porter.h - answers what libzmq asks of a context's peers (zapask.h): whom its list lets
 * in (zap.h), and whom it must be asked about once more before they are refused
 * (zapwait.h).
 *
 * Not shared between threads: busguard.h has the thread and the lock.
 */
#ifndef COMMON_PORTER_H
#define COMMON_PORTER_H

#include "common/scope.h"
#include "common/zapwait.h"

typedef void porter_ask_fn(void *arg);

struct porter_events {
    void (*asked)(void *arg); /* a question is here, and is answered next */
    void (*refused)(void *arg, const struct zap_question *q, const struct zap_answer *a);
};

struct porter { /* private, but for `socket`, which is readable when porter_answer has something to do */
    void *socket;
    const struct porter_events *events;
    void *arg;
    char own[KEY_SIZE]; /* public key of who listens; "": no door needs one */
    struct access_list *let_in;
    porter_ask_fn *ask; /* NULL: nobody can be asked */
    void *ask_arg;
    struct zapwait waiting;
};

/* `context`: a zmq_ctx. -errno, and then it is as after porter_done. */
int porter_init(struct porter *p, void *context, const char *own, const struct porter_events *events,
                void *arg);
void porter_done(struct porter *p);

/* Takes the list, and returns the one before. */
struct access_list *porter_let_in(struct porter *p, struct access_list *list);
void porter_answer(struct porter *p);
mono_ns porter_next(const struct porter *p); /* when to call that again at the latest */

#endif
