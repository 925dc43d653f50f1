#include "worker/inlet.h"

#include "common/complaint.h"
#include "common/config.h"
#include "common/log.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES_A_TURN = 4 }; /* of jobs, so that a flood of them does not hold up looks */

struct inlet {
    struct loop *loop;
    struct bus *bus;
    inlet_fn *fn;
    void *arg;
    void *socket; /* NULL: closed, or to be opened again */
    struct guarded *guarded;
    char endpoint[ENDPOINT_SIZE]; /* "": closed */
    struct wakeup *again;
    struct complaint *malformed;
};

void inlet_drain(struct inlet *i)
{
    struct bus_message m;
    for (int n = 0; n < BATCHES_A_TURN && i->socket; n++) {
        struct err err = { 0 };
        int got = bus_take(i->socket, &m);
        if (got == -EBADMSG) {
            complaint_note(i->malformed, bus_message_from(&m), BUS_NO_MESSAGE);
            continue;
        }
        if (got <= 0)
            return;
        if (i->fn(i->arg, &m, &err) < 0)
            complaint_note(i->malformed, bus_message_from(&m), err.text);
        bus_message_done(&m);
    }
}

static void on_readable(void *arg)
{
    inlet_drain(arg);
}

static void disconnect(struct inlet *i)
{
    if (!i->socket)
        return;
    loop_unwatch(i->loop, i->socket);
    guarded_free(moved(i->guarded));
    bus_close(moved(i->socket));
}

static void connect_later(struct inlet *i)
{
    disconnect(i);
    wakeup_at(i->again, loop_now(i->loop) + INLET_PAUSE_NS);
}

static void on_cut(void *arg, const char *peer, const char *why)
{
    struct inlet *i = arg;
    complaint_note(i->malformed, peer, why);
    connect_later(i);
}

static int connect_now(struct inlet *i, struct err *err)
{
    const struct bus_witness witness = { i->loop, on_cut, i };
    int r = bus_open_guarded(i->bus, LANE_JOBS, SIDE_TO, i->endpoint, &witness, &i->socket, &i->guarded, err);
    if (r < 0)
        return r;
    r = loop_watch(i->loop, i->socket, on_readable, i);
    if (r < 0) {
        disconnect(i);
        return err_set(err, r, "too many sockets on one loop");
    }
    return 0;
}

static void on_again(void *arg)
{
    struct inlet *i = arg;
    struct err err = { 0 };
    if (connect_now(i, &err) == 0)
        return;
    log_warn("jobs.no_socket", "%s", err.text);
    connect_later(i);
}

int inlet_open(struct inlet *i, const char *endpoint, struct err *err)
{
    if (strcmp(i->endpoint, endpoint) == 0)
        return 0;
    inlet_close(i);
    snprintf(i->endpoint, sizeof i->endpoint, "%s", endpoint);
    int r = connect_now(i, err);
    if (r < 0)
        i->endpoint[0] = '\0';
    return r;
}

void inlet_close(struct inlet *i)
{
    disconnect(i);
    wakeup_at(i->again, MONO_NEVER);
    i->endpoint[0] = '\0';
}

bool inlet_is_open(const struct inlet *i)
{
    return i->endpoint[0] != '\0';
}

int inlet_new(struct inlet **ret, struct loop *l, struct bus *bus, inlet_fn *fn, void *arg)
{
    scoped(inlet) struct inlet *i = calloc(1, sizeof *i);
    if (!i)
        return -ENOMEM;
    *i = (struct inlet){ .loop = l, .bus = bus, .fn = fn, .arg = arg };
    int r = complaint_new(&i->malformed, l, "jobs.malformed");
    if (r == 0)
        r = wakeup_new(&i->again, l, on_again, i);
    if (r < 0)
        return r;
    *ret = moved(i);
    return 0;
}

void inlet_free(struct inlet *i)
{
    if (!i)
        return;
    disconnect(i);
    wakeup_free(i->again);
    complaint_free(i->malformed);
    free(i);
}

void inlet_each_dropped(const struct inlet *i, dropped_fn *fn, void *arg)
{
    complaint_each(i->malformed, fn, arg);
}
