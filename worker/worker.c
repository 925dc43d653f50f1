#include "worker/worker.h"

#include "common/daemon.h"
#include "common/desk.h"
#include "common/site.h"
#include "worker/lane.h"
#include "worker/limits.h"
#include "worker/machine.h"
#include "worker/worker_metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { EXIT_HUNG = 70 };
#define WATCH_EVERY_NS NS_PER_S
#define HUNG_NS        (30 * NS_PER_S)

struct worker {
    struct loop *loop;
    struct config config; /* as told, but no more slots than the host allows */
    char name[WORKER_NAME_SIZE];
    struct loop_bell ended;
    bool has_bell;
    struct loop_timer watch;
    mono_ns watch_at;
    struct desk *desk;
    struct limits limits; /* as reckoned at the start */
    struct machine_room room;
    unsigned n_lanes;
    struct thread_lane *lane[CONFIG_MAX_THREADS];
};

/* "the configured one", or the host's and the process's: unique, and says where. */
static void make_name(struct worker *w, const struct config *config)
{
    char host[WORKER_NAME_SIZE] = "";
    if (config->worker.name[0]) {
        memcpy(w->name, config->worker.name, sizeof w->name);
        return;
    }
    gethostname(host, sizeof host - 1);
    snprintf(w->name, sizeof w->name, "%.48s-%d", host[0] ? host : "worker", (int)getpid());
    for (char *p = w->name; *p; p++) {
        char one[2] = { *p, '\0' };
        if (!worker_name_valid(one))
            *p = '-';
    }
}

/* A lane of a process that was stopped as a whole is not hung: then we are late as well. */
static void on_watch(void *arg)
{
    struct worker *w = arg;
    mono_ns now = clock_mono();
    bool late = now - w->watch_at > HUNG_NS / 2;
    for (unsigned i = 0; !late && i < w->n_lanes; i++)
        if (!lane_has_ended(w->lane[i]) && now - lane_turned(w->lane[i]) > HUNG_NS) {
            log_error("worker.hung", "lane=%u: it has not come round for 30 s; ending this process", i);
            _exit(EXIT_HUNG);
        }
    w->watch_at = now + WATCH_EVERY_NS;
    loop_timer_at(&w->watch, w->watch_at);
}

static void on_lane_ended(void *arg)
{
    struct worker *w = arg;
    loop_stop(w->loop, 0);
}

/* Slots without a descriptor would be looks that end as unknown: there are as many
 * as descriptors suffice for, and what does not fit goes to other workers. */
static void fit_to_host(struct worker *w, unsigned lanes, uint32_t *descriptors_most)
{
    struct limits_host host;
    struct limits limits;
    struct limits_wish wish = { .lanes = lanes,
                                .slots = w->config.worker.slots,
                                .address_per_s = w->config.polite.address_per_s,
                                .timeout_us = SITE_DEFAULT_TIMEOUT_MS * US_PER_MS };
    char advice[300];
    machine_read(&host);
    limits_reckon(&host, &wish, &limits);
    w->config.worker.slots = limits.slots;
    w->limits = limits;
    *descriptors_most =
        host.descriptors < CONTROL_MAX_DESCRIPTORS ? (uint32_t)host.descriptors : CONTROL_MAX_DESCRIPTORS;
    log_info("worker.limits",
             "holds_per_s=%u hung_per_s=%u slots=%u descriptors=%llu ports=%u conntrack=%llu: "
             "checks a second if %d %% hang for 20 s, and if all do",
             limits.holds_per_s, limits.hung_per_s, limits.slots, (unsigned long long)host.descriptors,
             host.ports, (unsigned long long)host.conntrack_max, LIMITS_HANG_PERCENT);
    for (unsigned i = 0; limits_advise(&limits, &host, &wish, i, advice, sizeof advice); i++)
        log_warn("worker.limit", "configured_per_s=%u: %s", limits.per_s[LIMIT_SLOTS], advice);
}

/* The main thread looks at nothing itself: its lanes are the worker. */
static enum board_word on_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct worker *w = arg;
    const struct worker_view view = { w->name, w->config.worker.location, &w->limits, &w->room };
    (void)why_not;
    machine_look(&w->room, loop_now(w->loop));
    worker_metrics_process(&view, sheet);
    return BOARD_ASIDE;
}

static int start_lanes(struct worker *w, struct bus *bus, const struct config *config, struct board *board,
                       struct err *err)
{
    w->config = *config;
    char *location = w->config.worker.location;
    if (!*location)
        config_location(config, 0, location, sizeof w->config.worker.location);
    struct lane_setup setup = {
        .config = &w->config, .bus = bus, .worker = w->name, .ended = &w->ended, .board = board
    };
    if (getrandom(&setup.nonce, sizeof setup.nonce, 0) != sizeof setup.nonce)
        setup.nonce = (uint64_t)clock_wall() << 16 ^ (uint64_t)getpid();
    unsigned n = config_threads(config);
    fit_to_host(w, n, &setup.descriptors_most);
    for (; w->n_lanes < n; w->n_lanes++) {
        setup.number = (uint16_t)w->n_lanes;
        int r = lane_start(&w->lane[w->n_lanes], &setup, err);
        if (r < 0)
            return r;
    }
    log_info("worker.started", "name=%s location=%s lanes=%u slots=%u", w->name, location, n,
             w->config.worker.slots);
    return 0;
}

int worker_new(struct worker **ret, struct loop *l, struct bus *bus, const struct config *config,
               struct board *board, struct err *err)
{
    scoped(worker) struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(err, -ENOMEM, "no memory for a worker");
    w->loop = l;
    make_name(w, config);
    loop_timer_init(l, &w->watch, on_watch, w);
    int r = loop_bell_init(l, &w->ended, on_lane_ended, w);
    w->has_bell = r == 0;
    if (r == 0)
        r = start_lanes(w, bus, config, board, err);
    if (r == 0)
        r = desk_open(&w->desk, board, l, "main", on_desk, w);
    if (r < 0)
        return r;
    w->watch_at = clock_mono() + WATCH_EVERY_NS;
    loop_timer_at(&w->watch, w->watch_at);
    *ret = moved(w);
    return 0;
}

static bool all_ended(const struct worker *w)
{
    for (unsigned i = 0; i < w->n_lanes; i++)
        if (!lane_has_ended(w->lane[i]))
            return false;
    return true;
}

/* The loop goes on turning meanwhile: a second signal must be able to end us. */
int worker_drain(struct worker *w, struct err *err)
{
    int worst = 0;
    for (unsigned i = 0; i < w->n_lanes; i++)
        lane_drain(w->lane[i]);
    while (!all_ended(w) && loop_turn(w->loop, 100) == 0)
        continue;
    for (; w->n_lanes > 0; w->n_lanes--) {
        int r = lane_join(w->lane[w->n_lanes - 1], err);
        worst = r < 0 ? r : worst;
    }
    return worst;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    worker_drain(w, NULL);
    desk_close(w->desk);
    loop_timer_done(&w->watch);
    if (w->has_bell)
        loop_bell_done(&w->ended);
    loop_turn(w->loop, 0); /* lets go of the timer and the bell, which are inside *w */
    free(w);
}
