#include "worker/tickets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct kept {
    struct ticket_proof proof;
    size_t len;
    uint8_t *session;         /* behind the origin, in the same allocation */
    struct kept *prev, *next; /* the one unused for longest in front */
    UT_hash_handle hh;
    char origin[];
};

struct tickets {
    size_t ceiling;
    struct kept *by_origin, *by_use;
    struct kept *taken; /* whose bytes are lent */
};

int tickets_new(struct tickets **ret, size_t ceiling)
{
    struct tickets *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->ceiling = ceiling;
    *ret = t;
    return 0;
}

static void unlink_kept(struct tickets *t, struct kept *k)
{
    DL_DELETE(t->by_use, k);
    HASH_DEL(t->by_origin, k);
}

static void drop(struct tickets *t, struct kept *k)
{
    unlink_kept(t, k);
    free(k);
}

void tickets_forget_all(struct tickets *t)
{
    while (t->by_use)
        drop(t, t->by_use);
}

void tickets_free(struct tickets *t)
{
    if (!t)
        return;
    tickets_forget_all(t);
    free(t->taken);
    free(t);
}

static struct kept *find(const struct tickets *t, const char *origin)
{
    struct kept *k = NULL;
    HASH_FIND_STR(t->by_origin, origin, k);
    return k;
}

void tickets_keep(struct tickets *t, const char *origin, const struct ticket *ticket)
{
    struct kept *k = find(t, origin);
    if (k)
        drop(t, k);
    if (t->ceiling == 0 || ticket->len == 0 || ticket->len > TICKETS_MAX_BYTES)
        return;
    if (tickets_count(t) >= t->ceiling)
        drop(t, t->by_use);

    size_t name = strlen(origin) + 1;
    k = malloc(sizeof *k + name + ticket->len);
    if (!k)
        return;
    k->proof = ticket->proof;
    k->len = ticket->len;
    k->session = (uint8_t *)k->origin + name;
    memcpy(k->origin, origin, name);
    memcpy(k->session, ticket->session, ticket->len);
    HASH_ADD_STR(t->by_origin, origin, k);
    if (!k->hh.tbl) {
        free(k);
        return;
    }
    DL_APPEND(t->by_use, k);
}

bool tickets_take(struct tickets *t, const char *origin, mono_ns now, wall_us wall, struct ticket *ret)
{
    struct kept *k = find(t, origin);
    free(t->taken);
    t->taken = NULL;
    if (!k)
        return false;
    if (now - k->proof.full_ns >= TICKETS_BELIEVED_NS || wall >= k->proof.expires_us) {
        drop(t, k);
        return false;
    }
    unlink_kept(t, k);
    t->taken = k;
    *ret = (struct ticket){ .session = k->session, .len = k->len, .proof = k->proof };
    return true;
}

size_t tickets_count(const struct tickets *t)
{
    return HASH_COUNT(t->by_origin);
}

/* ── Leaving the certificate out ───────────────────────────────────────────
 *
 * SSL_SESSION's DER (i2d_SSL_SESSION(3)) is a SEQUENCE of fields, and the peer's
 * certificate is the one with context tag 3. */

#define TAG_SEQUENCE    0x30
#define TAG_CERTIFICATE 0xa3

struct field { /* tag, length and content of one DER element */
    size_t head, whole;
};

static bool read_field(const uint8_t *der, size_t len, struct field *f)
{
    if (len < 2)
        return false;
    size_t content = der[1], head = 2;
    if (content & 0x80) { /* long form: the number of bytes that say it */
        size_t bytes = content & 0x7f;
        if (bytes == 0 || bytes > 3 || len < 2 + bytes)
            return false;
        content = 0;
        for (size_t i = 0; i < bytes; i++)
            content = content << 8 | der[2 + i];
        head += bytes;
    }
    f->head = head;
    f->whole = head + content;
    return f->whole <= len;
}

static size_t write_sequence_head(uint8_t *to, size_t content)
{
    to[0] = TAG_SEQUENCE;
    to[1] = 0x82;
    to[2] = (uint8_t)(content >> 8);
    to[3] = (uint8_t)content;
    return 4;
}

size_t tickets_bare(uint8_t *der, size_t len)
{
    enum { HEAD = 4 };
    struct field all, f;
    if (len > UINT16_MAX || !read_field(der, len, &all) || der[0] != TAG_SEQUENCE || all.whole != len)
        return 0;
    if (all.head != HEAD) /* as short as that has no certificate in it */
        return len;
    size_t at = all.head, to = HEAD;
    while (at < len) {
        if (!read_field(der + at, len - at, &f))
            return 0;
        if (der[at] != TAG_CERTIFICATE) {
            memmove(der + to, der + at, f.whole);
            to += f.whole;
        }
        at += f.whole;
    }
    write_sequence_head(der, to - HEAD);
    return to;
}
