#include "common/daemon.h"
#include "common/links.h"
#include "common/log.h"
#include "common/pages.h"
#include "coordinator/coordinator.h"
#include "coordinator/coordinator_metrics.h"

#include <errno.h>

#define KEEP_EVERY_NS NS_PER_S

static const struct daemon_program program = {
    .name = "coordinator",
    .about = "Decides which site is due, gives jobs to workers, and takes them back when they are lost. "
             "One for each cluster.",
};

/* Every start has a number of its own: job ids of this one are never those of
 * another. It is the only thing that a coordinator writes. The handle stays
 * open for the claim that it has. */
static int draw_epoch(struct store **ret_claim, const struct config *c, uint32_t *ret, struct err *err)
{
    int r = store_open(ret_claim, c->store, STORE_WRITE, err);
    if (r == 0) {
        store_set_shard(*ret_claim, config_shard(c));
        r = store_claim(*ret_claim, STORE_COORDINATOR, STORE_CLAIM_WAIT_US, err);
    }
    if (r == 0)
        r = store_cut(*ret_claim, err);
    return r < 0 ? r : store_next_epoch(*ret_claim, ret, err);
}

/* Says every second that we are still at it, where the store wants to hear that. A store
 * that is away is not the end: nobody else can take over then. */
struct keeping {
    struct store *claim;
    struct loop *loop;
    struct loop_timer timer;
};

static void keep_claim(void *arg)
{
    struct keeping *k = arg;
    struct err err = { 0 };
    int r = store_keep_claim(k->claim, &err);
    if (r == -ESTALE) {
        log_error("coordinator.deposed", "%s", err.text);
        loop_stop(k->loop, store_exit_code(r));
        return;
    }
    loop_timer_at(&k->timer, loop_now(k->loop) + KEEP_EVERY_NS);
}

static void begin_keeping(struct keeping *k, struct store *claim, struct loop *loop)
{
    *k = (struct keeping){ .claim = claim, .loop = loop };
    loop_timer_init(loop, &k->timer, keep_claim, k);
    loop_timer_at(&k->timer, loop_now(loop) + KEEP_EVERY_NS);
}

static int run(int argc, char **argv, struct err *err)
{
    struct config config;
    struct keeping keeping;                   /* until the loop is freed */
    scoped(store) struct store *claim = NULL; /* given up last */
    scoped(board) struct board *board = NULL;
    scoped(loop) struct loop *loop = NULL;
    scoped(bus) struct bus *bus = NULL;
    scoped(store) struct store *store = NULL;
    scoped(coordinator) struct coordinator *coordinator = NULL;
    scoped(pages) struct pages *pages = NULL;
    uint32_t epoch = 0;

    int r = daemon_begin(&program, argc, argv, &config, err);
    if (r < 0)
        return r;
    r = draw_epoch(&claim, &config, &epoch, err);
    if (r == 0)
        r = store_open(&store, config.store, STORE_READ, err);
    if (r < 0)
        return daemon_store_failed(r, err);

    r = board_new(&board, program.name, &coordinator_metrics, BOARD_ALL_READY, err);
    if (r == 0)
        r = loop_new(&loop);
    if (r == 0)
        r = daemon_watch_signals(loop, err);
    if (r == 0)
        r = links_new(&bus, &config, LINKS_CLUSTER, err);
    if (r == 0)
        r = coordinator_new(&coordinator, &config, loop, bus, store, board, epoch, err);
    if (r == 0)
        r = pages_new(&pages, loop, board, config.metrics.coordinator, NULL, err);
    if (r == 0) {
        begin_keeping(&keeping, claim, loop);
        daemon_ready();
        r = loop_run(loop);
        daemon_leaving();
        loop_timer_done(&keeping.timer);
        board_leaving(board);
        coordinator_leave(coordinator);
    }
    if (loop)
        daemon_unwatch_signals(loop);
    return r;
}

int main(int argc, char **argv)
{
    return daemon_main(run, argc, argv);
}
