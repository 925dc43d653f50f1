#include "common/doorcheck.h"

#include "common/curve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <zmq.h>

enum { WAIT_MS = 5000 };

struct door {
    void *listener, *news;
    char endpoint[64], monitor[64];
};

static void no_linger(void *socket)
{
    int none = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
}

static int watch(struct door *d, void *context)
{
    if (zmq_socket_monitor(d->listener, d->monitor,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) < 0)
        return -errno;
    d->news = zmq_socket(context, ZMQ_PAIR);
    return !d->news || zmq_connect(d->news, d->monitor) < 0 ? -errno : 0;
}

/* The name is of the abstract kind, see unix(7): no file, gone with the socket. */
static int open_door(struct door *d, void *context, const struct key_pair *own)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return -errno;
    snprintf(d->endpoint, sizeof d->endpoint, "ipc://@vedette-doorcheck-%016" PRIx64, number);
    snprintf(d->monitor, sizeof d->monitor, "inproc://doorcheck-%016" PRIx64, number);
    d->listener = zmq_socket(context, ZMQ_PULL);
    if (!d->listener)
        return -errno;
    no_linger(d->listener);
    int r = curve_listen(d->listener, own->secret, "control");
    if (r == 0)
        r = watch(d, context);
    if (r == 0 && zmq_bind(d->listener, d->endpoint) < 0)
        r = -errno;
    return r;
}

static void close_door(struct door *d)
{
    if (d->listener)
        zmq_socket_monitor(d->listener, NULL, 0);
    if (d->news) {
        no_linger(d->news);
        zmq_close(d->news);
    }
    if (d->listener)
        zmq_close(d->listener);
}

/* The event that ends the handshake: zmq_socket_monitor(3). -ETIMEDOUT. */
static int next_event(struct door *d, uint16_t *ret)
{
    uint8_t head[6];
    char rest[8];
    zmq_pollitem_t item = { .socket = d->news, .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, WAIT_MS) <= 0)
        return -ETIMEDOUT;
    if (zmq_recv(d->news, head, sizeof head, ZMQ_DONTWAIT) < 0)
        return -errno;
    (void)zmq_recv(d->news, rest, sizeof rest, ZMQ_DONTWAIT); /* the endpoint */
    memcpy(ret, head, sizeof *ret);
    return 0;
}

static int knock(struct door *d, void *context, const struct key_pair *with, const char *server,
                 uint16_t *ret_event)
{
    void *visitor = zmq_socket(context, ZMQ_PUSH);
    if (!visitor)
        return -errno;
    no_linger(visitor);
    int r = curve_connect(visitor, with, server);
    if (r == 0 && zmq_connect(visitor, d->endpoint) < 0)
        r = -errno;
    if (r == 0)
        r = next_event(d, ret_event);
    zmq_close(visitor);
    return r;
}

static int try_both(struct door *d, void *context, const struct key_pair *own, struct err *err)
{
    scoped(key_pair) struct key_pair stranger = { .public = "" };
    uint16_t event = 0;
    int r = key_pair_make(&stranger, err);
    if (r < 0)
        return r;
    r = knock(d, context, own, own->public, &event);
    if (r < 0 || event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        return err_set(err, -EIO, "this host's own key is not let in, so that nobody's would be%s%s",
                       r < 0 ? ": " : "", r < 0 ? zmq_strerror(-r) : "");
    r = knock(d, context, &stranger, own->public, &event);
    if (r == 0 && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        return err_set(err, -EACCES, "a key that nobody knows was let in: nothing would be safe");
    return r < 0 ? err_set(err, -EIO, "a stranger's key was neither refused nor let in: %s", zmq_strerror(-r))
                 : 0;
}

int doorcheck(void *context, const struct key_pair *own, struct err *err)
{
    struct door d = { .listener = NULL };
    int r = open_door(&d, context, own);
    r = r < 0 ? err_set(err, -EIO, "cannot try whether keys work here: %s", zmq_strerror(-r))
              : try_both(&d, context, own, err);
    close_door(&d);
    return r;
}
