#include "collector/collector.h"
#include "collector/collector_metrics.h"
#include "collector/site_metrics.h"
#include "common/daemon.h"
#include "common/links.h"
#include "common/pages.h"

#include <curl/curl.h>
#include <errno.h>

static const struct daemon_program program = {
    .name = "collector",
    .about = "Takes in what the workers saw, decides what it means, records it and tells the owners.",
};

static int run(int argc, char **argv, struct err *err)
{
    struct config config;
    scoped(board) struct board *board = NULL;
    scoped(bus) struct bus *bus = NULL;
    scoped(loop) struct loop *loop = NULL;
    scoped(store) struct store *store = NULL;
    scoped(collector) struct collector *collector = NULL;
    const struct pages_long sites = { "/metrics/sites", site_metrics_write, config.store };
    scoped(pages) struct pages *pages = NULL;

    int r = daemon_begin(&program, argc, argv, &config, err);
    if (r < 0)
        return r;
    /* Before there are threads: it is not safe beside any. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, -EIO, "libcurl does not work here");
    r = store_open(&store, config.store, STORE_WRITE, err);
    if (r == 0) {
        store_set_shard(store, config_shard(&config));
        r = store_claim(store, STORE_COLLECTOR, STORE_CLAIM_WAIT_US, err);
    }
    if (r == 0)
        r = store_cut(store, err);
    if (r < 0)
        return daemon_store_failed(r, err);
    r = board_new(&board, program.name, &collector_metrics, BOARD_ALL_READY, err);
    if (r == 0)
        r = links_new(&bus, &config, LINKS_CLUSTER, err);
    if (r == 0)
        r = loop_new(&loop);
    if (r == 0)
        r = daemon_watch_signals(loop, err);
    if (r == 0)
        r = collector_new(&collector, loop, bus, store, &config, board, err);
    if (r == 0)
        r = pages_new(&pages, loop, board, config.metrics.collector, &sites, err);
    if (r < 0)
        return r;

    daemon_ready();
    r = loop_run(loop);
    daemon_leaving();
    board_leaving(board);

    int left = collector_drain(collector);
    daemon_unwatch_signals(loop);
    return r ? r : left;
}

int main(int argc, char **argv)
{
    return daemon_main(run, argc, argv);
}
