/* zapask.h - ZAP's questions and answers (ZeroMQ's RFC 27) as libzmq asks them, over
 * the ROUTER socket of "inproc://zeromq.zap.01", where each may be answered in its own
 * time. What to answer: zap.h. */
#ifndef COMMON_ZAPASK_H
#define COMMON_ZAPASK_H

#include "common/zap.h"

struct zap_question {
    char asker[16]; /* the connection's end within libzmq */
    int asker_len;
    char id[64];
    int id_len;
    char from[72]; /* the peer's address as libzmq writes it; "" for local ones */
    struct zap_request what;
};

/* The next question: 0; -EAGAIN when there is none, -errno. */
int zap_take(void *socket, struct zap_question *ret);
void zap_reply(void *socket, const struct zap_question *q, const struct zap_answer *a);

#endif
