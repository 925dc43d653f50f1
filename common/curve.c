#include "common/curve.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

static int set_text(void *socket, int option, const char *text)
{
    return zmq_setsockopt(socket, option, text, strlen(text)) < 0 ? -errno : 0;
}

int curve_listen(void *socket, const char *secret, const char *door)
{
    int one = 1;
    int r = zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one) < 0 ? -errno : 0;
    if (r == 0)
        r = set_text(socket, ZMQ_CURVE_SECRETKEY, secret);
    return r == 0 ? set_text(socket, ZMQ_ZAP_DOMAIN, door) : r;
}

int curve_connect(void *socket, const struct key_pair *own, const char *server)
{
    int r = set_text(socket, ZMQ_CURVE_SERVERKEY, server);
    if (r == 0)
        r = set_text(socket, ZMQ_CURVE_PUBLICKEY, own->public);
    return r == 0 ? set_text(socket, ZMQ_CURVE_SECRETKEY, own->secret) : r;
}
