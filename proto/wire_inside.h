/* wire_inside.h - what the files behind wire.h share, and nobody else includes.
 *
 * One set of rules serves both directions: wire_check_x looks at our own struct,
 * before it is packed and after it was unpacked. So nothing can be sent that
 * the receiver refuses. Before that, unpacking has to turn the library's
 * struct into ours; wire_name, wire_text and their like do it member by member
 * and refuse what would not fit.
 */
#ifndef PROTO_WIRE_INSIDE_H
#define PROTO_WIRE_INSIDE_H

#include "proto/report.pb-c.h"
#include "proto/result.pb-c.h"
#include "proto/run.pb-c.h"
#include "proto/vitals.pb-c.h"
#include "proto/wire.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#define WIRE_ARENA_BYTES (4u << 20)
#define WIRE_MAX_LOOK    (2 * SITE_MAX_LOOKS + 1) /* confirming looks of one round */
#define WIRE_MAX_TEXT    1024                     /* of an event */
#define WIRE_MAX_EPOCH   0xffffff                 /* upper 24 bits of a job id */

/* --- the arena: wire_arena.c --- */

/* Reset the arena and unpack one message into it; see wire.h for the errors.
 * The major version has been looked at. */
int wire_take(struct wire_arena *a, const ProtobufCMessageDescriptor *kind, const void *bytes, size_t len,
              ProtobufCMessage **ret, struct err *err);

/* Room for an array of ours, not cleared; -EMSGSIZE when the arena is full. */
int wire_array(struct wire_arena *a, size_t n, size_t size, void *ret, struct err *err);

/* --- strings that the library unpacked: wire_text.c --- */

/* Its length; SIZE_MAX when there is a NUL inside. */
size_t wire_length(const char *unpacked);
/* Copied as it is; -EBADMSG, naming `what`, when it does not fit or has a NUL inside. */
int wire_name(char *to, size_t size, const char *unpacked, const char *what, struct err *err);
/* The same for words for people: control characters become '?'. */
int wire_text(char *to, size_t size, const char *unpacked, const char *what, struct err *err);
/* In place: at most `max` bytes, no NUL inside; wire_words also replaces control characters. */
int wire_borrow(const char **ret, char *unpacked, size_t max, const char *what, struct err *err);
int wire_words(const char **ret, char *unpacked, size_t max, const char *what, struct err *err);

/* --- packing: wire_text.c --- */

/* A message is put together from pieces, each a whole packed message of the
 * same kind: by the encoding's rule, messages packed one behind the other are
 * one message, whose repeated members are all of theirs. So a batch needs no
 * array of the library's structs, only one at a time. Only for repeated members
 * of the message itself: what is single must be whole in one piece, because
 * protobuf-c 1.4 loses numbers when it joins two pieces of it. */
struct wire_out {
    uint8_t *at;
    size_t len, size;
    int failed; /* 0, or the first failure */
};
void wire_out_init(struct wire_out *o, uint8_t *buf, size_t size);
void wire_put(struct wire_out *o, const ProtobufCMessage *piece);
int wire_out_done(const struct wire_out *o); /* its length, or what failed */

/* The library's structs have `char *` for what they only read. */
static inline char *wire_lend(const char *s)
{
    return s ? (char *)s : (char *)"";
}

/* --- the rules: wire_check.c. 0 or -EBADMSG with a sentence --- */

bool wire_ended(const char *array, size_t size); /* a NUL is in it */
/* `known` is a name already found valid, so that a batch is looked at once; "" for none. */
int wire_check_location(const char *location, const char *known, struct err *err);
int wire_check_patience(uint32_t seconds, struct err *err);
int wire_check_worker(const char *worker, const char *known, struct err *err);
int wire_check_instant(wall_us at, const char *what,
                       struct err *err); /* 1970 to 9999: sums cannot overflow */
int wire_check_number(uint64_t n, uint64_t most, const char *what, struct err *err);
int wire_check_url(const char *url, struct err *err);
int wire_check_run(const struct run *r, const char *known_location, struct err *err);
int wire_check_job(const struct job *j, const char *known_location, struct err *err);
int wire_check_result(const struct result *x, const char *known_location, const char *known_worker,
                      struct err *err);
int wire_check_worker_vitals(const struct worker_vitals *w, struct err *err);

/* --- members of several messages --- */

void wire_run_out(Vedette__V1__Run *to, const struct run *from, const char *said_location);
int wire_run_in(struct run *to, const Vedette__V1__Run *from, const char *said_location, struct err *err);

/* Who looked and from where, said once for a whole report. */
struct wire_said {
    const char *worker; /* "" for nothing said */
    uint16_t lane;
    const char *location;
};
/* Points into *from and *run: valid while those are. */
void wire_result_out(Vedette__V1__Result *to, Vedette__V1__Run *run, const struct result *from,
                     const struct wire_said *said);
int wire_result_in(struct result *to, const Vedette__V1__Result *from, const struct wire_said *said,
                   struct err *err);

void wire_worker_out(Vedette__V1__WorkerVitals *to, const struct worker_vitals *from);
int wire_worker_in(struct worker_vitals *to, const Vedette__V1__WorkerVitals *from, struct err *err);

/* A report's vitals and workers. */
int wire_pack_vitals(const struct vitals *v, struct wire_out *o);
int wire_vitals_in(struct wire_arena *a, struct vitals *to, const Vedette__V1__Report *m, struct err *err);

#endif
