/* bus.h - the lanes: ZeroMQ sockets with the options that each needs.
 *
 *   lane      from         to           pattern          who binds
 *   jobs      coordinator  worker       PUSH to PULL     coordinator, one per location
 *   results   worker       collector    PUSH to PULL     collector
 *   control   worker       coordinator  DEALER, ROUTER   coordinator
 *   feedback  collector    coordinator  PUSH to PULL     coordinator
 *   feed      collector    anybody      PUB to SUB       collector
 *
 * Why each option stands as it does is told beside the table in bus.c; the
 * short of it: jobs are bounded by the coordinator's window and not by
 * high-water marks, results have real back-pressure and therefore no ZMTP
 * heartbeats, everything else is always drained.
 *
 * All sending and receiving is non-blocking. Messages have one part (two with
 * the feed's topic); others, and such above the ceiling, are dropped and counted.
 */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include "common/access.h"
#include "common/busguard.h"
#include "common/err.h"
#include "common/keys.h"
#include "common/scope.h"
#include "common/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus; /* one per process: a ZeroMQ context */

int bus_new(struct bus **ret);
/* Waits for what is queued for at most the lanes' linger (5 s for results). */
void bus_free(struct bus *b); /* NULL is fine; all sockets closed before */
DEFINE_SCOPED(bus, struct bus *, bus_free)

#define BUS_MAX_BYTES 65536 /* one message that is sent */
/* One that is received: what is longer than we send arrives up to this, so that
 * its receiver can refuse it by name (wire.h does). Beyond, ZeroMQ ends its
 * sender's connection when it has read the length, whatever is still to come;
 * bus_open_guarded tells.
 *
 * So low for the sake of memory: whoever does not read for a while holds up to
 * the lane's mark of such messages for each peer, 250 MiB of results; letting in
 * 16 MiB, to refuse them by name as well, would make that 16 GiB. */
#define BUS_MAX_HEARD  262144
#define BUS_NO_MESSAGE "a message of the wrong number of parts" /* words for -EBADMSG */

enum lane { LANE_JOBS, LANE_RESULTS, LANE_CONTROL, LANE_FEEDBACK, LANE_FEED, LANE_COUNT };
enum side { SIDE_FROM, SIDE_TO };

/* Keys for links that leave this host. Before anything is opened. With `serves` it
 * is tried out at once whether a stranger is refused (doorcheck.h). The secret is
 * wiped with the bus. */
struct bus_keys {
    struct key_pair own;
    char server[KEY_SIZE]; /* public key of those that we connect to */
    bool serves;           /* `own` is the cluster's: we may listen */
    bool loopback;         /* links on loopback addresses need keys as well */
};
int bus_use_keys(struct bus *b, const struct bus_keys *keys, struct err *err);
/* Whether a link there is encrypted, and its ends have proved who they are: tcp://
 * on another address than loopback, or on any with bus_keys.loopback. */
bool bus_is_keyed(const struct bus *b, const char *endpoint);
bool bus_serves_keys(const struct bus *b); /* it has the cluster's own key, to listen with */
/* The public half of that; "" where it has none. Borrowed. */
const char *bus_cluster(const struct bus *b);
/* What the cluster's own programs seal jobs with: of a bus that serves keys; else it is not set. */
void bus_seal_key(const struct bus *b, struct seal_key *ret);
/* Whose keys are let in from now on, besides the own one; taken. From any thread.
 * Ends no connection that there is: bus_rebind does. */
void bus_let_in(struct bus *b, struct access_list *list);

/* Before somebody is refused because nobody has let him in, it is asked whether somebody
 * has by now: busguard_ask, busguard_asked, busguard_settle. Of a bus that serves keys. */
struct busguard *bus_guard(struct bus *b);

/* One side of a lane. Binds or connects as the table above says; where it needs
 * keys and the bus has none, -EINVAL. To connect to one that is everywhere
 * ("tcp://0.0.0.0:7711") is to connect to this host. */
int bus_open(struct bus *b, enum lane lane, enum side side, const char *endpoint, void **ret_socket,
             struct err *err);
/* The sending side of jobs, for workers of that location. */
int bus_open_jobs(struct bus *b, const char *endpoint, const char *location, void **ret_socket,
                  struct err *err);
/* The same for a side that reads what strangers may send: `dropped` is called for
 * each connection that ZeroMQ ended for what came over it. Connecting sides are
 * not connected again after that (libzmq 4.3): open another. guarded_free before
 * bus_close. */
struct bus_witness {
    struct loop *loop;
    guarded_fn *dropped;
    void *arg;
};
int bus_open_guarded(struct bus *b, enum lane lane, enum side side, const char *endpoint,
                     const struct bus_witness *witness, void **ret_socket, struct guarded **ret_guarded,
                     struct err *err);
void bus_close(void *socket); /* NULL is fine */
/* Of a bound socket, with its guarded or NULL: ends every connection, with what is on its way in them, and
 * listens at the same place again. Peers come back by themselves, those that are
 * still let in. A failure leaves it deaf. */
int bus_rebind(void *socket, struct guarded *guarded, struct err *err);

/* The endpoint a socket is bound to, with the port that * became. */
int bus_endpoint(void *socket, char *buf, size_t size);

/* 0; -EAGAIN when nobody can take it now; -errno. */
int bus_send(void *socket, const void *bytes, size_t len);
int bus_send_topic(void *socket, const char *topic, const void *bytes, size_t len);

/* A received message. `bytes` live until bus_message_done. On the control
 * lane's ROUTER, peer says who; on the feed, topic says what. */
struct bus_message {
    const uint8_t *bytes;
    size_t len;
    uint8_t peer[64];
    size_t peer_len;
    char topic[32];
    struct access_user user; /* who its sender proved to be; role 0 on links without keys */
    char from[48];           /* of one that was dropped; see bus_message_from */
    _Alignas(void *) unsigned char private_[64]; /* a zmq_msg_t */
};
/* 1 when there is one, 0 when there is none, -EBADMSG when one was dropped for
 * its form (ask on), -errno. */
int bus_take(void *socket, struct bus_message *ret);
void bus_message_done(struct bus_message *m);
/* For the log: the address that a message came from, also one that was dropped; ""
 * where it has none (ipc://). Borrowed until bus_message_done. */
const char *bus_message_from(const struct bus_message *m);

/* To one peer of a ROUTER: 0; -EHOSTUNREACH when it is gone, -EAGAIN when it does not drain. */
int bus_send_to(void *socket, const uint8_t *peer, size_t peer_len, const void *bytes, size_t len);

#endif
