/* access.h - who may take part: keys that are let in, and which doors each role
 * may go through.
 *
 * A door is a lane's listening side, by its name: "control", "results",
 * "feedback", "feed", and "jobs/<location>" for each location. The list of keys
 * lives in the store (store.h), is held in memory by who listens, and is asked
 * at every handshake (zap.h). Pure.
 */
#ifndef COMMON_ACCESS_H
#define COMMON_ACCESS_H

#include "common/clock.h"
#include "common/job.h"
#include "common/keys.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access_role {
    ACCESS_WORKER = 1, /* control, results, and its own location's jobs */
    ACCESS_READ,       /* an operator who looks: the feed */
    ACCESS_WRITE,      /* an operator who changes things: the feed, so far */
    ACCESS_PEER,       /* another of the cluster's own programs: results, feedback, feed */
    ACCESS_ROLE_END,   /* one past the last that is kept */
    ACCESS_SELF,       /* who has the listener's own secret key: every door */
};
const char *access_role_name(enum access_role role);         /* "operator-read"; "?" for none */
enum access_role access_role_find(const char *name);         /* 0: there is none of that name */
bool access_may(enum access_role role, const char *location, /* the key's, "" for other roles */
                const char *door);

#define ACCESS_NAME_SIZE WORKER_NAME_SIZE /* same alphabet; may be empty */
#define ACCESS_DOOR_SIZE 64

struct access_key {
    uint64_t id;
    char public[KEY_SIZE];
    char name[ACCESS_NAME_SIZE]; /* for people */
    enum access_role role;
    char location[LOCATION_SIZE]; /* a worker's; else "" */
    wall_us made_us;
    wall_us revoked_us; /* 0: it is let in */
    wall_us expires_us; /* not from then on; 0: it has no end */
};

/* ── Those that are let in ─────────────────────────────────────────────── */

#define ACCESS_MAX_KEYS 65536
#define ACCESS_MAX_REFUSED \
    4096 /* of keys that were let in, to be told why not; further ones are only unknown */

struct access_list;

int access_list_new(struct access_list **ret);
void access_list_free(struct access_list *l); /* NULL is fine */
DEFINE_SCOPED(access_list, struct access_list *, access_list_free)

/* A copy is kept. At the time `now` it is revoked, has expired, or is let in. -ENOMEM, -ENOSPC. */
int access_list_add(struct access_list *l, const struct access_key *k, wall_us now);
size_t access_list_count(const struct access_list *l); /* that are let in */
/* One that is let in: borrowed until the next add; NULL. An empty list (NULL) has none. */
const struct access_key *access_list_find(const struct access_list *l, const char *public);
/* Why a key is not: "this key was revoked"; NULL for one that is, or is not known. */
const char *access_list_why(const struct access_list *l, const char *public);
/* When the next of them expires, and the list is to be made anew; WALL_NEVER. */
wall_us access_list_end(const struct access_list *l);
bool access_list_has(const struct access_list *l, uint64_t id);
/* How many of `before` are not in `l`. */
size_t access_list_lost(const struct access_list *l, const struct access_list *before);
int access_list_copy(struct access_list **ret, const struct access_list *l);

/* ── Who sent a message ────────────────────────────────────────────────── */

/* Its User-Id (ZeroMQ's RFC 27), which the handshake proved. */
struct access_user {
    enum access_role role; /* 0: nobody asked, as on links within this host */
    uint64_t id;           /* of the key; 0 for ACCESS_SELF */
    char location[LOCATION_SIZE];
};
#define ACCESS_USER_SIZE 64
/* "worker/7/eu-west" */
void access_user_write(const struct access_user *u, char buf[ACCESS_USER_SIZE]);
/* *ret is nobody (role 0) for NULL, "" and what is none. */
void access_user_read(const char *text, struct access_user *ret);

#endif
