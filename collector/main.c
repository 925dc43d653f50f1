#include "collector/collector.h"
#include "collector/collector_metrics.h"
#include "collector/site_metrics.h"
#include "common/daemon.h"
#include "common/doors.h"
#include "common/links.h"
#include "common/pages.h"
#include "common/tenure.h"

#include <curl/curl.h>
#include <errno.h>

static const struct daemon_program program = {
    .name = "collector",
    .about = "Takes in what the workers saw, decides what it means, records it and tells the owners. "
             "One acts for each cluster, others wait to take over.",
};

struct stage { /* what there is before anybody acts */
    struct config config;
    struct board *board;
    struct loop *loop;
    struct tenure *tenure;
    struct bus *bus;
    struct store *store;
};

/* Until a signal comes, or another one has our part. */
static int act(struct stage *s, struct err *err)
{
    scoped(collector) struct collector *c = NULL;
    char doors[STORE_LISTENS_SIZE] = "";
    int r = store_join_claim(s->store, STORE_COLLECTOR, tenure_claim_epoch(s->tenure), err);
    if (r == 0)
        r = collector_new(&c, s->loop, s->bus, s->store, &s->config, s->board, s->tenure, err);
    if (r < 0)
        return r;
    doors_add(doors, sizeof doors, "results", s->config.endpoint.results, s->config.endpoint.advertise);
    doors_add(doors, sizeof doors, "feed", s->config.endpoint.feed, s->config.endpoint.advertise);
    tenure_begin(s->tenure, doors, collector_meet, c);
    daemon_ready();
    r = loop_run(s->loop);
    daemon_leaving();
    board_leaving(s->board);
    int left = collector_drain(c);
    return r ? r : left;
}

static int open_store(struct stage *s, struct err *err)
{
    const struct tenure_setup setup = {
        &s->config, STORE_COLLECTOR, bus_cluster(s->bus), s->loop, s->board, collector_tenure_rows,
    };
    int r = tenure_new(&s->tenure, &setup, err);
    if (r == 0)
        r = store_open(&s->store, s->config.store, STORE_WRITE, err);
    if (r == 0)
        store_set_shard(s->store, config_shard(&s->config));
    return r;
}

static int work(struct stage *s, struct err *err)
{
    const struct pages_long sites = { "/metrics/sites", site_metrics_write, s->config.store };
    scoped(pages) struct pages *pages = NULL;
    /* Before there are threads: it is not safe beside any. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, -EIO, "libcurl does not work here");
    int r = board_new(&s->board, program.name, &collector_metrics, BOARD_ALL_READY, err);
    if (r == 0)
        r = loop_new(&s->loop);
    if (r == 0)
        r = links_new(&s->bus, &s->config, LINKS_CLUSTER, err);
    if (r < 0)
        return r;
    r = open_store(s, err);
    if (r < 0)
        return daemon_store_failed(r, err);
    r = daemon_watch_signals(s->loop, err);
    if (r == 0)
        r = pages_new(&pages, s->loop, s->board, s->config.metrics.collector, &sites, err);
    if (r == 0)
        r = tenure_wait(s->tenure, err);
    if (r == 1)
        r = act(s, err);
    daemon_unwatch_signals(s->loop);
    return r;
}

static int run(int argc, char **argv, struct err *err)
{
    struct stage s = { 0 };
    int r = daemon_begin(&program, argc, argv, &s.config, err);
    if (r == 0)
        r = work(&s, err);
    store_close(s.store);
    bus_free(s.bus);
    tenure_free(s.tenure); /* when nothing of us is left: the next one begins now */
    loop_free(s.loop);
    board_free(s.board);
    return r;
}

int main(int argc, char **argv)
{
    return daemon_main(run, argc, argv);
}
