#include "tests/sim/scene.h"

#include <stdio.h>
#include <stdlib.h>

struct scene scene;

const char *fault_name(enum fault_kind k)
{
    static const char *const names[] = {
        [FAULT_KILL] = "kill",
        [FAULT_STOP] = "stop",
        [FAULT_RESTART] = "restart",
        [FAULT_CUT] = "cut",
        [FAULT_CUT_ONE_WAY] = "cut one way",
        [FAULT_BREAK] = "break connections",
        [FAULT_LAG] = "lag",
        [FAULT_STORE_AWAY] = "store away",
        [FAULT_STORE_LOCKED] = "store locked",
        [FAULT_STORE_FULL] = "store full",
        [FAULT_STORE_SLOW] = "store slow",
        [FAULT_STORE_UNSURE] = "store unsure",
        [FAULT_STORE_CUT] = "store cut off",
        [FAULT_CLOCK] = "clock stepped",
        [FAULT_LIAR] = "a worker sees all down",
        [FAULT_MAIL] = "receiver away",
    };
    _Static_assert(sizeof names / sizeof *names == FAULT_KIND_COUNT, "every kind has a name");
    return names[k];
}

/* ── Drawing ───────────────────────────────────────────────────────────── */

static void draw_sizes(struct chance *c, const struct scene_wish *w)
{
    static const uint32_t every[] = { 3000, 5000, 10000 };
    scene.n_places = w->places ? w->places : 1 + (unsigned)chance_below(c, 2);
    scene.n_workers = w->workers ? w->workers : scene.n_places * (2 + (unsigned)chance_below(c, 2));
    scene.n_sites = w->sites ? w->sites : 4 + (unsigned)chance_below(c, 12);
    scene.threads = w->threads ? w->threads : 1 + (uint32_t)chance_below(c, 2);
    scene.every_ms = w->every_ms ? w->every_ms : every[chance_below(c, 3)];
    scene.timeout_ms = 1000;
    scene.within_ms = 3000;
    scene.looks = 1 + (uint32_t)chance_below(c, 2);
    scene.server = chance_of(c, 60);
    scene.standby = scene.server && chance_of(c, 70);
    scene.faults_from = 20 * NS_PER_S;
    scene.faults_to = scene.faults_from + (w->faults_for ? w->faults_for : 150 * NS_PER_S);
    scene.healed = scene.faults_to + (w->calm_for ? w->calm_for : 120 * NS_PER_S);
    scene.end = scene.healed + 40 * NS_PER_S;
}

/* Apart from each other by more than it takes to see that a site is back. */
static void draw_outages(struct chance *c)
{
    mono_ns apart = 4 * scene.every_ms * NS_PER_MS + 10 * NS_PER_S;
    scene.outages = calloc(scene.n_sites, sizeof *scene.outages);
    if (!scene.outages)
        abort();
    for (unsigned i = 0; i < scene.n_sites; i++) {
        mono_ns at = chance_between(c, 5, 60) * NS_PER_S;
        unsigned n = (unsigned)chance_below(c, SCENE_MOST_OUTAGES + 1);
        for (unsigned k = 0; k < n && at < scene.end - 30 * NS_PER_S; k++) {
            struct outage *o = &scene.outages[i][k];
            bool blip = chance_of(c, 30);
            o->from = at + chance_between(c, 0, 999) * NS_PER_MS;
            o->to = o->from +
                    (blip ? chance_between(c, 100, 3000) * NS_PER_MS : chance_between(c, 15, 70) * NS_PER_S);
            o->places = (1U << scene.n_places) - 1;
            if (scene.n_places > 1 && chance_of(c, 20))
                o->places = 1U << chance_below(c, scene.n_places);
            o->silent = chance_of(c, 40);
            at = o->to + apart + chance_between(c, 0, 40) * NS_PER_S;
        }
    }
}

static int64_t draw_amount(struct chance *c, enum fault_kind k)
{
    switch (k) {
    case FAULT_LAG: return chance_between(c, 5, 1500) * NS_PER_MS;
    case FAULT_STORE_SLOW: return chance_between(c, 20, 3000) * NS_PER_MS;
    case FAULT_STORE_UNSURE: return chance_between(c, 5, 60);
    case FAULT_CLOCK: return chance_between(c, -40, 40) * 250 * US_PER_MS;
    default: return 0;
    }
}

static bool needs_server(enum fault_kind k)
{
    return k == FAULT_STORE_CUT || k == FAULT_STORE_UNSURE;
}

/* A run has a taste: few kinds of trouble, often, find more than all kinds, seldom. */
static void draw_faults(struct chance *c)
{
    unsigned liar = (unsigned)chance_below(c, 1 << 20); /* one alone */
    unsigned taste = (unsigned)chance_next(c) & (unsigned)chance_next(c) & ((1U << FAULT_KIND_COUNT) - 1);
    unsigned most = 2 + (unsigned)chance_below(c, 14);
    mono_ns longest = chance_of(c, 30) ? 40 * NS_PER_S : 12 * NS_PER_S;
    for (unsigned tries = 0; tries < 200 && scene.n_faults < most; tries++) {
        enum fault_kind k = (enum fault_kind)chance_below(c, FAULT_KIND_COUNT);
        if (!(taste >> k & 1) && taste)
            continue;
        if (needs_server(k) && !scene.server)
            continue;
        struct fault *f = &scene.faults[scene.n_faults++];
        f->kind = k;
        f->from = chance_between(c, scene.faults_from, scene.faults_to - NS_PER_S);
        f->to = f->from + chance_between(c, 50 * NS_PER_MS, longest);
        if (f->to > scene.faults_to)
            f->to = scene.faults_to;
        f->who = k == FAULT_LIAR ? liar : (unsigned)chance_below(c, 1 << 20);
        f->other = (unsigned)chance_below(c, 1 << 20);
        f->amount = draw_amount(c, k);
    }
}

void scene_draw(uint64_t seed, const struct scene_wish *wish)
{
    struct chance c = { seed * UINT64_C(0xd1342543de82ef95) + 7 };
    scene = (struct scene){ .seed = seed };
    draw_sizes(&c, wish);
    draw_outages(&c);
    if (!wish->no_faults)
        draw_faults(&c);
}

void scene_free(void)
{
    free(scene.outages);
    scene = (struct scene){ 0 };
}

void scene_tell(void)
{
    printf("%u sites every %u ms, %u workers of %u threads in %u locations, %s%s, %u confirming looks\n",
           scene.n_sites, scene.every_ms, scene.n_workers, scene.threads, scene.n_places,
           scene.server ? "a server's store" : "a file's store",
           scene.standby ? ", with others that stand by" : "", scene.looks);
    for (unsigned i = 0; i < scene.n_sites && scene.n_sites <= 40; i++)
        for (unsigned k = 0; k < SCENE_MOST_OUTAGES && scene.outages[i][k].to; k++) {
            const struct outage *o = &scene.outages[i][k];
            printf("  site %u is down from %.3f to %.3f for locations %x%s\n", i + 1, (double)o->from / 1e9,
                   (double)o->to / 1e9, o->places, o->silent ? ", silent" : "");
        }
    for (unsigned i = 0; i < scene.n_faults; i++) {
        const struct fault *f = &scene.faults[i];
        printf("  %s from %.3f to %.3f who %u other %u amount %lld\n", fault_name(f->kind),
               (double)f->from / 1e9, (double)f->to / 1e9, f->who, f->other, (long long)f->amount);
    }
}

/* ── Asking ────────────────────────────────────────────────────────────── */

bool scene_is_down(uint64_t site_id, unsigned place, mono_ns at, bool *ret_silent)
{
    const struct outage *o = scene.outages[site_id - 1];
    for (unsigned k = 0; k < SCENE_MOST_OUTAGES && o[k].to; k++)
        if (at >= o[k].from && at < o[k].to && (o[k].places >> place & 1)) {
            if (ret_silent)
                *ret_silent = o[k].silent;
            return true;
        }
    return false;
}

bool scene_disturbed(mono_ns from, mono_ns to, mono_ns after)
{
    for (unsigned i = 0; i < scene.n_faults; i++)
        if (scene.faults[i].from <= to && scene.faults[i].to + after >= from)
            return true;
    return false;
}

bool scene_disturbed_but_lies(mono_ns from, mono_ns to)
{
    for (unsigned i = 0; i < scene.n_faults; i++)
        if (scene.faults[i].kind != FAULT_LIAR && scene.faults[i].from <= to && scene.faults[i].to >= from)
            return true;
    return false;
}

int64_t scene_clock_doubt_us(void)
{
    int64_t doubt = 100 * US_PER_MS;
    for (unsigned i = 0; i < scene.n_faults; i++)
        if (scene.faults[i].kind == FAULT_CLOCK)
            doubt += llabs(scene.faults[i].amount);
    return doubt;
}
