#include "worker/shipment.h"

#include "common/control.h"
#include "proto/wire.h"
#include "worker/outbox.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 100, /* results in a message: fits WIRE_MAX_BYTES however long their texts are */
    BATCHES_A_TURN = 32,
};
#define TRY_AGAIN_NS (100 * NS_PER_MS)
/* A message costs more than a result in it, here and at the collector: results
 * wait for each other that long. */
#define GATHER_NS (10 * NS_PER_MS)

struct shipment {
    struct loop *loop;
    struct bus *bus;
    struct outbox *outbox;
    void *socket; /* NULL before the first welcome */
    char endpoint[ENDPOINT_SIZE];
    struct wakeup *wakeup;
    mono_ns wakes_at;
    struct result batch[BATCH];
    uint8_t bytes[WIRE_MAX_BYTES];
};

/* Waking the loop is all: what is due is sent at the end of its turn. */
static void on_wake(void *arg)
{
    struct shipment *s = arg;
    s->wakes_at = MONO_NEVER;
}

int shipment_new(struct shipment **ret, struct loop *l, struct bus *bus, size_t ceiling, struct err *err)
{
    scoped(shipment) struct shipment *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, -ENOMEM, "no memory for results");
    s->loop = l;
    s->bus = bus;
    s->wakes_at = MONO_NEVER;
    int r = outbox_new(&s->outbox, ceiling);
    if (r == 0)
        r = wakeup_new(&s->wakeup, l, on_wake, s);
    if (r < 0)
        return err_set(err, r, "no memory for results");
    *ret = moved(s);
    return 0;
}

void shipment_free(struct shipment *s)
{
    if (!s)
        return;
    bus_close(s->socket);
    wakeup_free(s->wakeup);
    outbox_free(s->outbox);
    free(s);
}

static int new_socket(struct shipment *s, const char *endpoint, struct err *err)
{
    void *socket = NULL;
    int r = bus_open(s->bus, LANE_RESULTS, SIDE_FROM, endpoint, &socket, err);
    if (r < 0)
        return r;
    bus_close(s->socket); /* what it still holds is sent, or sent again from the outbox */
    s->socket = socket;
    return 0;
}

int shipment_connect(struct shipment *s, const char *endpoint, struct err *err)
{
    if (s->socket && strcmp(s->endpoint, endpoint) == 0)
        return 0;
    bool moved_on = s->endpoint[0] != '\0';
    int r = new_socket(s, endpoint, err);
    if (r < 0)
        return r;
    snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
    if (moved_on) /* what the one before has and did not record, it may never record */
        outbox_hurry(s->outbox, loop_now(s->loop));
    return 0;
}

int shipment_reconnect(struct shipment *s, struct err *err)
{
    return s->socket ? new_socket(s, s->endpoint, err) : 0;
}

void shipment_disconnect(struct shipment *s)
{
    bus_close(moved(s->socket));
    s->endpoint[0] = '\0';
}

int shipment_add(struct shipment *s, const struct result *r)
{
    return outbox_add(s->outbox, r, loop_now(s->loop) + GATHER_NS);
}

size_t shipment_forget_all(struct shipment *s)
{
    return outbox_forget_all(s->outbox);
}

void shipment_recorded(struct shipment *s, const uint64_t *job_ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        outbox_forget(s->outbox, job_ids[i]);
}

const struct outbox *shipment_outbox(const struct shipment *s)
{
    return s->outbox;
}

/* Results that cannot be packed are a mistake of ours; they must not block the
 * others, and the coordinator gives their runs out again. */
static void drop_unpackable(struct shipment *s, size_t n)
{
    struct report one = { .kind = REPORT_RESULTS, .n_results = 1 };
    for (size_t i = 0; i < n; i++) {
        one.results = &s->batch[i];
        if (wire_pack_report(&one, s->bytes, sizeof s->bytes) < 0)
            outbox_forget(s->outbox, s->batch[i].job_id);
    }
}

/* 0 when a batch went out, else nothing more can be sent now. What is nearly due goes as well. */
static int send_batch(struct shipment *s, mono_ns now)
{
    size_t n = outbox_take_due(s->outbox, now + GATHER_NS, s->batch, BATCH);
    if (n == 0)
        return -ENOENT;
    struct report report = { .kind = REPORT_RESULTS, .results = s->batch, .n_results = n };
    int len = wire_pack_report(&report, s->bytes, sizeof s->bytes);
    if (len < 0)
        drop_unpackable(s, n);
    int r = len < 0 ? len : bus_send(s->socket, s->bytes, (size_t)len);
    if (r < 0)
        outbox_unsent(s->outbox, s->batch, n, now + TRY_AGAIN_NS);
    return r;
}

static bool is_time(const struct shipment *s, mono_ns now)
{
    return s->socket && outbox_next(s->outbox) <= now;
}

void shipment_flush(struct shipment *s, bool all)
{
    mono_ns now = loop_now(s->loop);
    for (int i = 0; i < BATCHES_A_TURN && (all || is_time(s, now)) && s->socket && send_batch(s, now) == 0;
         i++)
        continue;

    mono_ns next = s->socket ? outbox_next(s->outbox) : MONO_NEVER;
    if (next != s->wakes_at)
        wakeup_at(s->wakeup, next);
    s->wakes_at = next;
}
