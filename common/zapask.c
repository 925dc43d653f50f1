#include "common/zapask.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

/* One part, as much of it as there is room for. Its length, or -errno. */
static int take_part(void *socket, void *buf, size_t size)
{
    int n = zmq_recv(socket, buf, size, ZMQ_DONTWAIT);
    return n < 0 ? -errno : n;
}

static bool has_more(void *socket)
{
    int more = 0;
    size_t size = sizeof more;
    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more;
}

static void skip_rest(void *socket)
{
    char rest[8];
    while (has_more(socket) && take_part(socket, rest, sizeof rest) >= 0)
        continue;
}

/* The next part as a text; "" where there is none, or it is longer than any of ours. */
static void take_text(void *socket, char *buf, size_t size)
{
    int n = has_more(socket) ? take_part(socket, buf, size) : 0;
    buf[n > 0 && (size_t)n < size ? n : 0] = '\0';
}

/* RFC 27: who asks, an empty part, version, the request's id, domain, address, the peer's
 * routing id, mechanism, and what that mechanism knows of the peer: for CURVE its public key. */
int zap_take(void *socket, struct zap_question *ret)
{
    char passed_over[256];
    uint8_t key[KEY_BYTES];
    *ret = (struct zap_question){ .id_len = 0 };
    int n = take_part(socket, ret->asker, sizeof ret->asker);
    if (n < 0)
        return n;
    ret->asker_len = n < (int)sizeof ret->asker ? n : (int)sizeof ret->asker;
    take_text(socket, passed_over, sizeof passed_over);
    take_text(socket, passed_over, sizeof passed_over);
    n = has_more(socket) ? take_part(socket, ret->id, sizeof ret->id) : 0;
    ret->id_len = n < 0 ? 0 : n < (int)sizeof ret->id ? n : (int)sizeof ret->id;
    take_text(socket, ret->what.domain, sizeof ret->what.domain);
    take_text(socket, ret->from, sizeof ret->from);
    take_text(socket, passed_over, sizeof passed_over);
    take_text(socket, ret->what.mechanism, sizeof ret->what.mechanism);
    if (has_more(socket) && take_part(socket, key, sizeof key) == KEY_BYTES)
        key_from_bytes(key, ret->what.key);
    skip_rest(socket);
    return 0;
}

/* RFC 27: to whom, an empty part, version, the request's id, status, its text, user, metadata. */
void zap_reply(void *socket, const struct zap_question *q, const struct zap_answer *a)
{
    const struct {
        const char *bytes;
        size_t len;
    } part[] = {
        {q->asker,   (size_t)q->asker_len},
        { "",        0                   },
        { "1.0",     3                   },
        { q->id,     (size_t)q->id_len   },
        { a->status, strlen(a->status)   },
        { a->text,   strlen(a->text)     },
        { a->user,   strlen(a->user)     },
        { "",        0                   }
    };
    size_t n = sizeof part / sizeof *part;
    for (size_t i = 0; i < n; i++)
        if (zmq_send(socket, part[i].bytes, part[i].len, ZMQ_DONTWAIT | (i + 1 < n ? ZMQ_SNDMORE : 0)) < 0)
            return; /* whoever asked has gone */
}
