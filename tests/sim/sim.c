/* make sim: plays seeds, one world after the other. See README.md. */
#include "tests/sim/daemons.h"
#include "tests/sim/ledger.h"
#include "tests/sim/net.h"
#include "tests/sim/scene.h"
#include "tests/sim/shelf.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct wish {
    uint64_t seed, seeds;
    unsigned cores;
    unsigned enough; /* failed seeds, for one core */
    double seconds;  /* 0: as long as it takes */
    bool trace, tell;
    struct scene_wish scene;
};

struct sum { /* of many worlds */
    uint64_t played, failed, events;
};

/* Real time; the worlds' clock_gettime is wrapped. */
static double real_s(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void add_sites(void)
{
    uint64_t owner = shelf_add_owner("owner", "mailto:owner@example.com");
    for (unsigned i = 0; i < scene.n_sites; i++) {
        char url[64];
        snprintf(url, sizeof url, "http://site-%u.example/", i + 1);
        const struct site site = {
            .name = url,
            .url = url,
            .tags = "",
            .owner_id = owner,
            .every_ms = scene.every_ms,
            .timeout_ms = scene.timeout_ms,
            .contains = "",
            .confirm = {(uint8_t)scene.looks, scene.within_ms},
            .locations = scene.n_places > 1 ? "l0,l1" : "l0",
        };
        shelf_add_site(&site);
    }
}

/* What one world did: 0 when it kept its promises. */
static int play(uint64_t seed, const struct wish *w, uint64_t *events)
{
    world_begin(seed, w->trace);
    scene_draw(seed, &w->scene);
    if (w->trace || w->tell)
        scene_tell();
    net_begin();
    shelf_begin(scene.server);
    ledger_begin();
    add_sites();
    daemons_begin();
    faults_begin();
    world_run(scene.end);
    if (!world.broken[0])
        ledger_judge();
    *events += world.happenings + world.messages;
    int r = world.broken[0] ? -1 : 0;
    if (r < 0)
        printf("seed %llu: at %.3f s: %s\n", (unsigned long long)seed, (double)world.broken_at / 1e9,
               world.broken);
    if (w->tell || w->trace) {
        struct ledger_numbers n = ledger_numbers();
        printf(
            "seed %llu: %llu looks, %llu lines, %llu unknown, %llu incidents, %llu notices, %llu turns, %llu "
            "messages\n",
            (unsigned long long)seed, (unsigned long long)n.looks, (unsigned long long)n.lines,
            (unsigned long long)n.unknown, (unsigned long long)n.incidents, (unsigned long long)n.notices,
            (unsigned long long)world.turns, (unsigned long long)world.messages);
    }
    daemons_stop();
    world_end();
    net_end();
    daemons_end();
    ledger_end();
    shelf_end();
    scene_free();
    return r;
}

/* ── Many worlds ───────────────────────────────────────────────────────── */

/* Every so many'th seed from the first-th on. */
static struct sum play_some(const struct wish *w, uint64_t first, uint64_t step)
{
    struct sum sum = { 0 };
    double began = real_s();
    for (uint64_t i = first; i < w->seeds && sum.failed < w->enough; i += step) {
        if (w->seconds > 0 && real_s() - began >= w->seconds)
            break;
        sum.failed += play(w->seed + i, w, &sum.events) < 0;
        sum.played++;
        fflush(stdout);
    }
    return sum;
}

/* A process for each core: a world is a process' own. */
static struct sum play_all(const struct wish *w)
{
    struct sum all = { 0 };
    int ends[2];
    if (w->cores <= 1)
        return play_some(w, 0, 1);
    if (pipe(ends) < 0)
        abort();
    for (unsigned i = 0; i < w->cores; i++) {
        pid_t child = fork();
        if (child < 0)
            abort();
        if (child > 0)
            continue;
        struct sum sum = play_some(w, i, w->cores);
        _exit(write(ends[1], &sum, sizeof sum) == sizeof sum ? 0 : 1);
    }
    close(ends[1]);
    for (unsigned i = 0; i < w->cores; i++) {
        struct sum one = { .failed = 1 }; /* of one that crashed */
        int status = 0;
        wait(&status);
        if (status == 0 && read(ends[0], &one, sizeof one) != sizeof one)
            one.failed = 1;
        all.played += one.played;
        all.failed += one.failed;
        all.events += one.events;
    }
    close(ends[0]);
    return all;
}

/* ── Options ───────────────────────────────────────────────────────────── */

static const struct argp_option options[] = {
    {"seed",            's', "N", 0, "the first seed", 0 },
    { "seeds",              'n', "N", 0, "how many; they follow each other", 0 },
    { "enough", 'e', "N", 0, "stop after so many that failed", 0 },
    { "cores",                'j', "N", 0, "so many processes", 0 },
    { "seconds", 't', "S", 0, "no more than so long", 0 },
    { "trace",                'T', NULL, 0, "tell what happens", 0 },
    { "tell",                'v', NULL, 0, "tell each scene and its numbers", 0 },
    { "calm",         'c', NULL, 0, "nothing goes wrong", 0 },
    { 0             },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct wish *w = state->input;
    switch (key) {
    case 's': w->seed = strtoull(arg, NULL, 10); return 0;
    case 'n': w->seeds = strtoull(arg, NULL, 10); return 0;
    case 'e': w->enough = (unsigned)strtoul(arg, NULL, 10); return 0;
    case 'j': w->cores = (unsigned)strtoul(arg, NULL, 10); return 0;
    case 't': w->seconds = strtod(arg, NULL); return 0;
    case 'T': w->trace = true; return 0;
    case 'v': w->tell = true; return 0;
    case 'c': w->scene.no_faults = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = { .options = options, .parser = parse, .doc = "Plays simulated worlds." };
    struct wish w = { .seed = 1, .seeds = 1, .enough = 5 };
    argp_parse(&argp, argc, argv, 0, NULL, &w);
    double began = real_s();
    struct sum sum = play_all(&w);
    double took = real_s() - began;
    printf("%llu seeds from %llu on: %llu failed, %.1f s, %.2f million events a second\n",
           (unsigned long long)sum.played, (unsigned long long)w.seed, (unsigned long long)sum.failed, took,
           (double)sum.events / took / 1e6);
    return sum.failed ? 1 : 0;
}
