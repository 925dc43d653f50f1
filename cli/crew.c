#include "cli/crew.h"

#include "cli/program.h"
#include "common/listen.h"

#include <stdio.h>

_Static_assert(CREW_MAX_WORKERS + 2 <= SUPERVISE_MAX_CHILDREN, "all children fit");
_Static_assert(2 * COMMAND_MAX_SETS + 16 <= SUPERVISE_MAX_ARGS, "all arguments fit");

/* Quiet unless asked: the feed is what people came for. A level that was set on
 * purpose stays. */
static const char *level_for(const struct crew *c)
{
    return c->call->config.log.level == LOG_INFO && !c->verbose ? "log.level=warn" : NULL;
}

static size_t add_set(const char **argv, size_t n, const char *assignment)
{
    if (!assignment)
        return n;
    argv[n] = "--set";
    argv[n + 1] = assignment;
    return n + 2;
}

/* `extra` ends with NULL. */
static int add_child(struct supervisor *s, const struct crew *c, unsigned rank, const char *part,
                     const char *label, const char *const *extra, struct err *err)
{
    const char *argv[SUPERVISE_MAX_ARGS + 1];
    char path[4200], program[64];
    size_t n = 0;

    snprintf(program, sizeof program, "vedette-%s", part);
    int r = program_find(program, path, sizeof path, err);
    if (r < 0)
        return r;
    argv[n++] = path;
    if (c->call->config_path) {
        argv[n++] = "--config";
        argv[n++] = c->call->config_path;
    }
    for (size_t i = 0; i < c->call->n_sets; i++)
        n = add_set(argv, n, c->call->sets[i]);
    n = add_set(argv, n, level_for(c));
    for (; *extra; extra++)
        n = add_set(argv, n, *extra);
    argv[n] = NULL;
    r = supervisor_add(s, rank, label, argv);
    return r < 0 ? err_set(err, r, "no room for %s", label) : 0;
}

/* Several workers share a range of ports for their numbers; those who would find none free need not look. */
static const char *metrics_for(const struct crew *c, unsigned worker)
{
    struct listen_place place;
    if (listen_parse(c->call->config.metrics.worker, &place, NULL) < 0 || place.first == 0)
        return NULL;
    return worker > place.last - place.first + 1u ? "metrics.worker=" : NULL;
}

int crew_add(struct supervisor *s, const struct crew *c, struct err *err)
{
    /* All of it is here, or nothing: nobody waits for another host's to end. */
    static const char *const alone[] = { "standby.wait=no", NULL };
    bool threads_set = c->call->config.worker.threads != 0;

    int r = add_child(s, c, 0, "collector", CREW_COLLECTOR, alone, err);
    if (r == 0)
        r = add_child(s, c, 1, "coordinator", "coordinator", alone, err);
    for (unsigned i = 1; r == 0 && i <= c->workers; i++) {
        char label[32], name[40];
        snprintf(label, sizeof label, "worker w%u", i);
        snprintf(name, sizeof name, "worker.name=w%u", i);
        const char *extra[4] = { name };
        size_t n = 1;
        if (!threads_set)
            extra[n++] = "worker.threads=1";
        extra[n] = metrics_for(c, i);
        r = add_child(s, c, 2, "worker", label, extra, err);
    }
    return r;
}
