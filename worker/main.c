#include "common/daemon.h"
#include "common/links.h"
#include "common/pages.h"
#include "worker/worker.h"
#include "worker/worker_metrics.h"

#include <string.h>

static const struct daemon_program program = {
    .name = "worker",
    .about = "Looks at sites: takes jobs from the coordinator, tells the collector what it saw. "
             "Holds nothing that matters; start as many as you like, on as many hosts.",
    .option = {{ "join", "TOKEN", "worker.join",
                  "Take part in the cluster that `vedette token` printed TOKEN for, at its location" },
               { "threads", "N", "worker.threads", "Threads that look; 0: as many as there are cores" }},
};

static int run(int argc, char **argv, struct err *err)
{
    struct config config;
    scoped(board) struct board *board = NULL;
    scoped(bus) struct bus *bus = NULL;
    scoped(loop) struct loop *loop = NULL;
    scoped(worker) struct worker *worker = NULL;
    scoped(pages) struct pages *pages = NULL;

    int r = daemon_begin(&program, argc, argv, &config, err);
    if (r == 0) /* ready while any of its threads is */
        r = board_new(&board, program.name, &worker_metrics, BOARD_ANY_READY, err);
    if (r == 0)
        r = links_join(&config, LINKS_WORKER, err);
    if (r == 0)
        r = links_new(&bus, &config, LINKS_WORKER, err);
    explicit_bzero(config.worker.join, sizeof config.worker.join); /* the bus has what is needed of it */
    if (r == 0)
        r = loop_new(&loop);
    if (r == 0)
        r = daemon_watch_signals(loop, err);
    if (r == 0)
        r = worker_new(&worker, loop, bus, &config, board, err);
    if (r == 0)
        r = pages_new(&pages, loop, board, config.metrics.worker, NULL, err);
    if (r == 0) {
        daemon_ready();
        r = loop_run(loop);
        daemon_leaving();
        board_leaving(board);
        if (r == 0)
            r = worker_drain(worker, err);
    }
    if (loop)
        daemon_unwatch_signals(loop);
    return r;
}

int main(int argc, char **argv)
{
    return daemon_main(run, argc, argv);
}
