/* fake.h - a loop whose time is the fuzzer's and a bus without a network, in place of common/loop.c,
 * common/bus.c and common/busguard.c: the linker takes these.
 *
 * What the modules send is handed to the fuzzer at once; what it puts for them is read when the loop turns.
 * Time stands still but for fake_pass and fake_sleep, and clock_mono, clock_wall and libuv's timers go by it.
 * One thread at a time may be at it, whichever. Nothing of one input is left for the next: fake_end checks.
 */
#ifndef TESTS_FUZZ_FAKE_H
#define TESTS_FUZZ_FAKE_H

#include "common/bus.h"
#include "common/loop.h"

#define FAKE_BEGIN_WALL (INT64_C(1790000000) * US_PER_S)
#define FAKE_BEGIN_MONO (INT64_C(1000) * NS_PER_S)

/* Something is sent over a socket. `peer` of a ROUTER, `topic` of the feed, `location` of jobs. What is
 * returned is what sending comes to: 0, -EAGAIN, -EHOSTUNREACH. */
struct fake_sent {
    void *socket;
    enum lane lane;
    const char *endpoint, *location, *topic;
    const uint8_t *peer;
    size_t peer_len;
    const uint8_t *bytes;
    size_t len;
};
typedef int fake_sent_fn(void *arg, const struct fake_sent *s);

void fake_begin(fake_sent_fn *fn, void *arg, bool keyed);
void fake_end(void); /* all loops are freed, all sockets closed */

mono_ns fake_now(void);
void fake_step_wall(int64_t us);
void fake_sleep(mono_ns ns); /* time passes, and no loop turns meanwhile: the process was stopped */
/* Turns as often as something is to be done until that much time has passed. A loop that finds no end of
 * what is to be done at one time is a failure. */
void fake_pass(struct loop *l, mono_ns ns);

/* The open socket of that lane and side which was opened first, second, ...; NULL. */
void *fake_socket(enum lane lane, enum side side, unsigned nth);
/* A message for it. `bytes` NULL: one of the wrong number of parts. */
void fake_put(void *socket, const uint8_t *peer, size_t peer_len, const struct access_user *user,
              const void *bytes, size_t len);
void fake_cut(void *socket); /* its guard says that a connection was ended for what came */
/* What its guard says of the other end's refusals, see guarded_turned_away. */
void fake_turn_away(void *socket, unsigned times, bool stranger);

/* loop_run calls this between its turns, and takes that much time for them; 0: as much as it takes until
 * something is to be done. NULL: loops run as far as they come by themselves. */
typedef mono_ns fake_driver_fn(void *arg, struct loop *l);
void fake_drive(fake_driver_fn *fn, void *arg);

#endif
