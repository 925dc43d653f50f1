/* serverthread.h - one thread that serves: a loop, listeners, the connections they bring.
 *
 * The addresses are dealt out among the threads, so that they share nothing but
 * what struct serving says. The name server is on the first thread.
 */
#ifndef LOADGEN_SERVERTHREAD_H
#define LOADGEN_SERVERTHREAD_H

#include "common/scope.h"
#include "loadgen/serving.h"
#include "loadgen/tally.h"

#include <netinet/in.h>

struct serverthread;

int serverthread_new(struct serverthread **ret, struct serving *serving, unsigned most_open, struct err *err);
void serverthread_free(struct serverthread *t); /* NULL is fine; ends it when it runs */
DEFINE_SCOPED(serverthread, struct serverthread *, serverthread_free)

/* Before it runs: connections, and questions for names, to be taken there. A port
 * of 0 is given by the system: *at says then which. A negative errno with a sentence. */
int serverthread_listen(struct serverthread *t, struct sockaddr_in *at, struct err *err);
int serverthread_answer_names(struct serverthread *t, struct sockaddr_in *at, struct err *err);

int serverthread_run(struct serverthread *t, struct err *err); /* in the background, until it is freed */

const struct tally *serverthread_tally(const struct serverthread *t); /* as long as it lives */

#endif
