#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

/* What people read on a terminal or in a mail must not move their cursor. */
static void calm(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            s[i] = '?';
}

static int unfit(const char *what, struct err *err)
{
    return err_set(err, -EBADMSG, "the %s is too long or has a NUL inside", what);
}

int wire_name(char *to, size_t size, const char *unpacked, const char *what, struct err *err)
{
    size_t len = wire_length(unpacked);
    if (len >= size)
        return unfit(what, err);
    memcpy(to, unpacked, len + 1);
    return 0;
}

int wire_text(char *to, size_t size, const char *unpacked, const char *what, struct err *err)
{
    int r = wire_name(to, size, unpacked, what, err);
    if (r == 0)
        calm(to, strlen(to));
    return r;
}

int wire_borrow(const char **ret, char *unpacked, size_t max, const char *what, struct err *err)
{
    size_t len = wire_length(unpacked);
    if (len > max)
        return unfit(what, err);
    *ret = unpacked;
    return 0;
}

int wire_words(const char **ret, char *unpacked, size_t max, const char *what, struct err *err)
{
    int r = wire_borrow(ret, unpacked, max, what, err);
    if (r == 0 && *unpacked)
        calm(unpacked, strlen(unpacked));
    return r;
}

void wire_out_init(struct wire_out *o, uint8_t *buf, size_t size)
{
    *o = (struct wire_out){ .at = buf, .size = size < WIRE_MAX_BYTES ? size : WIRE_MAX_BYTES };
}

void wire_put(struct wire_out *o, const ProtobufCMessage *piece)
{
    if (o->failed)
        return;
    size_t len = protobuf_c_message_get_packed_size(piece);
    if (len > o->size - o->len)
        o->failed = -EMSGSIZE;
    else
        o->len += protobuf_c_message_pack(piece, o->at + o->len);
}

int wire_out_done(const struct wire_out *o)
{
    return o->failed ? o->failed : (int)o->len;
}
