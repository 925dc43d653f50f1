#include "loadgen/zone.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    HEADER = 12,
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_SOA = 6,
    TYPE_OPT = 41,
    CLASS_IN = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    NEGATIVE_TTL_S = 5,
    MAX_NAME = 255,
    OPT_BYTES = 11,
};

struct question {
    char name[MAX_NAME + 1]; /* with dots; "" is the root */
    size_t name_len;
    size_t end; /* in the query, after the class */
    uint16_t type;
    bool edns;
};

struct writer {
    uint8_t *out;
    size_t len;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(struct writer *w, unsigned v)
{
    w->out[w->len++] = (uint8_t)(v >> 8);
    w->out[w->len++] = (uint8_t)v;
}

static void put32(struct writer *w, uint32_t v)
{
    put16(w, v >> 16);
    put16(w, v & 0xffff);
}

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
    memcpy(w->out + w->len, bytes, len);
    w->len += len;
}

/* Where the name ends; 0 for one that is malformed. */
static size_t read_name(const uint8_t *query, size_t len, struct question *q)
{
    size_t at = HEADER;
    while (at < len && query[at] != 0) {
        size_t n = query[at++];
        if (n > 63 || at + n > len || q->name_len + n + 1 > MAX_NAME)
            return 0;
        if (q->name_len > 0)
            q->name[q->name_len++] = '.';
        memcpy(q->name + q->name_len, query + at, n);
        q->name_len += n;
        at += n;
    }
    return at < len ? at + 1 : 0;
}

/* One question of class IN, no answers; behind it perhaps an OPT record. */
static bool read_question(const uint8_t *query, size_t len, struct question *q)
{
    static const uint8_t counts[] = { 0, 1, 0, 0, 0, 0 };
    if (len < HEADER || (query[2] & 0xf8) != 0 || memcmp(query + 4, counts, sizeof counts) != 0)
        return false;
    size_t at = read_name(query, len, q);
    if (at == 0 || at + 4 > len || get16(query + at + 2) != CLASS_IN)
        return false;
    q->type = get16(query + at);
    q->end = at + 4;
    q->edns = get16(query + 10) == 1 && q->end + OPT_BYTES <= len && query[q->end] == 0 &&
              get16(query + q->end + 1) == TYPE_OPT;
    return true;
}

static void put_address(struct writer *w, uint32_t address, uint32_t ttl_s)
{
    put16(w, 0xc000 | HEADER); /* the question's name */
    put16(w, TYPE_A);
    put16(w, CLASS_IN);
    put32(w, ttl_s);
    put16(w, 4);
    put32(w, address);
}

static void put_root_server(struct writer *w)
{
    static const uint8_t name[] = "\1a\7loadgen\4test";
    w->out[w->len++] = 0;
    put16(w, TYPE_NS);
    put16(w, CLASS_IN);
    put32(w, 3600);
    put16(w, sizeof name);
    put_bytes(w, name, sizeof name);
}

/* How long a "no" may be believed (RFC 2308). */
static void put_soa(struct writer *w)
{
    w->out[w->len++] = 0;
    put16(w, TYPE_SOA);
    put16(w, CLASS_IN);
    put32(w, NEGATIVE_TTL_S);
    put16(w, 22);
    put16(w, 0); /* both names are the root */
    put32(w, 1); /* serial */
    put32(w, 3600);
    put32(w, 900);
    put32(w, 86400);
    put32(w, NEGATIVE_TTL_S);
}

static void put_opt(struct writer *w)
{
    w->out[w->len++] = 0;
    put16(w, TYPE_OPT);
    put16(w, 1232);
    put32(w, 0);
    put16(w, 0);
}

static enum zone_said say_of_site(const struct zone *z, uint32_t site, int64_t since_us, bool *closed)
{
    int i = rules_find(z->rules, z->crowd, site, since_us, RULES_NO_REQUEST);
    enum deed deed = i < 0 ? DEED_COUNT : z->rules->rule[i].deed;
    *closed = deed == DEED_REFUSE;
    return deed == DEED_NXDOMAIN   ? ZONE_NXDOMAIN
           : deed == DEED_SERVFAIL ? ZONE_SERVFAIL
           : deed == DEED_MUTE     ? ZONE_MUTE
                                   : ZONE_ADDRESS;
}

size_t zone_answer(const struct zone *z, const uint8_t *query, size_t len, int64_t since_us,
                   uint8_t out[ZONE_MAX_BYTES], enum zone_said *said)
{
    struct question q = { 0 };
    bool closed = false;
    *said = ZONE_MALFORMED;
    if (!read_question(query, len, &q))
        return 0;

    uint32_t site = crowd_find(z->crowd, q.name, q.name_len);
    *said = site ? say_of_site(z, site, since_us, &closed) : q.name_len == 0 ? ZONE_ROOT : ZONE_NXDOMAIN;
    if ((*said == ZONE_ADDRESS && q.type != TYPE_A) || (*said == ZONE_ROOT && q.type != TYPE_NS))
        *said = ZONE_NO_DATA;
    if (*said == ZONE_MUTE)
        return 0;

    struct writer w = { .out = out };
    unsigned rcode = *said == ZONE_NXDOMAIN ? RCODE_NXDOMAIN : *said == ZONE_SERVFAIL ? RCODE_SERVFAIL : 0;
    bool answers = *said == ZONE_ADDRESS || *said == ZONE_ROOT;
    put_bytes(&w, query, 2);
    put16(&w,
          0x8480 | (query[2] & 1) << 8 | rcode); /* an answer, authoritative, recursion asked for and had */
    put16(&w, 1);
    put16(&w, answers);
    put16(&w, !answers && *said != ZONE_SERVFAIL);
    put16(&w, q.edns);
    put_bytes(&w, query + HEADER, q.end - HEADER);
    if (*said == ZONE_ADDRESS)
        put_address(&w, closed ? crowd_closed_address(z->crowd, site) : crowd_address(z->crowd, site),
                    z->ttl_s);
    else if (*said == ZONE_ROOT)
        put_root_server(&w);
    else if (*said != ZONE_SERVFAIL)
        put_soa(&w);
    if (q.edns)
        put_opt(&w);
    return w.len;
}
