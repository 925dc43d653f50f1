/* doorcheck.h - does the lock work? Asked at the start, of this very libzmq and of
 * who answers for it in this very process: a stranger's key must be refused, and
 * our own let in. Without somebody who answers, libzmq 4.3 lets everybody in.
 *
 * Two handshakes over a socket that only this process knows; some milliseconds.
 */
#ifndef COMMON_DOORCHECK_H
#define COMMON_DOORCHECK_H

#include "common/err.h"
#include "common/keys.h"

/* `context`: a zmq_ctx with a busguard that has `own`. -EACCES when a stranger came
 * in, -EIO when a handshake went any other way than it should. */
int doorcheck(void *context, const struct key_pair *own, struct err *err);

#endif
