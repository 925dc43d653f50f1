/* A seeded storm: results that are late, shuffled, lost, sent twice; questions
 * that get lost; a collector that is killed again and again. Whatever happens,
 * one outage is one incident, told once and closed once. From two locations as
 * well, each of which has outages of its own that the other does not see. */
#include "tests/unit/collector/world.h"

enum { SITES = 4, SLOTS = 150, MAX_OUT = 4096, MAX_OUTAGES = 64, SEEDS = 12 };

struct out { /* a result in some worker's outbox */
    struct result result;
    mono_ns at;
    bool recorded;
};

static struct {
    struct out out[MAX_OUT];
    unsigned n_out;
    /* the truth: when each site was down, in seconds of the storm */
    struct {
        int from[MAX_OUTAGES], to[MAX_OUTAGES];
        int n;
    } truth[SITES];
    uint64_t id[SITES];
    uint32_t luck;
    unsigned lost_percent;
    bool crashes;
    unsigned places; /* 1 or 2 */
    struct {
        int from, to;
        unsigned place;
    } local[SITES][MAX_OUTAGES]; /* what only one of them sees, after each of the above */
} storm;

static const char *const place_names[] = { "eu", "us" };

static unsigned dice(unsigned n)
{
    storm.luck = storm.luck * 1664525u + 1013904223u;
    return (storm.luck >> 8) % n;
}

static bool is_down(int site, int second)
{
    for (int i = 0; i < storm.truth[site].n; i++)
        if (second >= storm.truth[site].from[i] && second < storm.truth[site].to[i])
            return true;
    return false;
}

static bool is_down_from(int site, unsigned place, int second)
{
    for (int i = 0; storm.places > 1 && i < storm.truth[site].n; i++)
        if (storm.local[site][i].place == place && second >= storm.local[site][i].from &&
            second < storm.local[site][i].to)
            return true;
    return is_down(site, second);
}

static int second_of(wall_us at)
{
    return (int)((at - WORLD_START_US) / US_PER_S);
}

static int site_of(uint64_t id)
{
    for (int i = 0; i < SITES; i++)
        if (storm.id[i] == id)
            return i;
    return -1;
}

/* Somebody looks now; the result arrives some time later. */
static void look(struct world *w, int site, wall_us slot, unsigned number, unsigned place)
{
    bool down = is_down_from(site, place, second_of(w->wall));
    char worker[8];
    snprintf(worker, sizeof worker, "w%u", dice(3));
    char saw = down ? '-' : storm.places > 1 || dice(20) ? '+' : '~';
    unsigned late_ms = number || storm.places > 1 ? 3000 : 25000;
    struct result r = world_result(w, storm.id[site], 0, number, saw, worker);
    r.run.slot_us = slot;
    if (storm.places > 1) {
        r.worker[0] = place_names[place][0];
        strcpy(r.run.location, place_names[place]);
    }
    assert_true(storm.n_out < MAX_OUT);
    storm.out[storm.n_out++] = (struct out){ r, w->mono + dice(late_ms) * NS_PER_MS, false };
}

static void on_recorded(struct world *w, const struct recorded *r)
{
    (void)w;
    for (unsigned i = 0; i < storm.n_out; i++)
        if (storm.out[i].result.job_id == r->job_id)
            storm.out[i].recorded = true;
}

static void on_asked(struct world *w, const struct look_again *a)
{
    assert_true(a->run.look >= 1 && a->within_ms >= 1);
    if (dice(100) >= storm.lost_percent)
        look(w, site_of(a->run.site_id), a->run.slot_us, a->run.look,
             strcmp(a->run.location, place_names[1]) == 0);
}

static void deliver(struct world *w)
{
    for (unsigned i = 0; i < storm.n_out; i++) {
        struct out *o = &storm.out[i];
        if (o->recorded || o->at > w->mono || !keeper_has_room(w->keeper))
            continue;
        o->at = w->mono + 10 * NS_PER_S; /* sent again until it is recorded */
        if (dice(100) < storm.lost_percent)
            continue;
        world_give(w, &o->result);
        if (dice(4) == 0)
            world_give(w, &o->result);
    }
}

static void make_truth(int site)
{
    int second = 40;
    storm.truth[site].n = 0;
    while (second < (SLOTS - 30) * 10) {
        int length = dice(2) ? 5 + (int)dice(20) : 100 + (int)dice(200);
        int i = storm.truth[site].n++;
        storm.truth[site].from[i] = second;
        storm.truth[site].to[i] = second + length;
        second += length + 60 + (int)dice(200);
    }
}

/* In each pause that is long enough, one of the locations has trouble of its own. */
static void make_local(int site)
{
    for (int i = 0; i + 1 < storm.truth[site].n; i++) {
        int from = storm.truth[site].to[i] + 60, to = storm.truth[site].from[i + 1] - 60;
        storm.local[site][i].place = dice(2);
        storm.local[site][i].from = from;
        storm.local[site][i].to = to > from ? to : from;
    }
}

struct seen {
    unsigned of_outage[SITES][MAX_OUTAGES];
    unsigned open, all;
};

static int on_incident(void *arg, const struct incident *i)
{
    struct seen *s = arg;
    int site = site_of(i->site_id), began = second_of(i->began_us);
    s->all++;
    s->open += i->end == INCIDENT_OPEN;
    for (int k = 0; k < storm.truth[site].n; k++)
        if (began >= storm.truth[site].from[k] && began < storm.truth[site].to[k]) {
            s->of_outage[site][k]++;
            return 0;
        }
    fail_msg("an incident at second %d, when site %d was up", began, site);
    return 0;
}

static int on_notice(void *arg, const struct notice *n)
{
    unsigned *kinds = arg;
    kinds[n->kind]++;
    return 0;
}

static void play(struct world *w, uint32_t seed, unsigned lost_percent, bool crashes, unsigned places)
{
    memset(&storm, 0, sizeof storm);
    storm.luck = seed;
    storm.lost_percent = lost_percent;
    storm.crashes = crashes;
    storm.places = places;
    world_init(w);
    uint64_t owner = world_add_owner(w, "team", 0, 1);
    for (int i = 0; i < SITES; i++) {
        char url[64];
        snprintf(url, sizeof url, "https://s%d.example.com/", i);
        struct site s = world_site(url, url, owner, dice(3));
        s.locations = places > 1 ? "eu,us" : "";
        storm.id[i] = world_edit_site(w, &s);
        make_truth(i);
        if (places > 1)
            make_local(i);
    }
    w->on_recorded = on_recorded;
    w->on_asked = on_asked;
    world_start(w);
    for (int second = 0; second < SLOTS * 10; second++) {
        for (int i = 0; i < SITES; i++) {
            wall_us slot = site_next_slot(storm.id[i], WORLD_EVERY_MS, w->wall);
            for (unsigned k = 0; slot < w->wall + US_PER_S && second > 10 && k < places; k++)
                look(w, i, slot, 0, k);
        }
        deliver(w);
        world_pass(w, 1000);
        if (crashes && dice(60) == 0)
            world_crash(w);
    }
    for (int second = 0; second < 120; second++) { /* everything heals and arrives */
        storm.lost_percent = 0;
        deliver(w);
        world_pass(w, 1000);
    }
}

static void check(struct world *w, uint32_t seed)
{
    struct seen seen = { 0 };
    unsigned kinds[NOTICE_KIND_COUNT] = { 0 };
    struct incident_filter all = { 0 };
    struct notice_filter every = { 0 };
    assert_int_equal(store_each_incident(w->store, &all, on_incident, &seen, NULL), 0);
    assert_int_equal(store_each_notice(w->store, &every, on_notice, kinds, NULL), 0);
    for (int i = 0; i < SITES; i++)
        for (int k = 0; k < storm.truth[i].n; k++) {
            int length = storm.truth[i].to[k] - storm.truth[i].from[k];
            if (seen.of_outage[i][k] > 1)
                fail_msg("seed %u: %u incidents for one outage of site %d", seed, seen.of_outage[i][k], i);
            if (length >= 100 && seen.of_outage[i][k] == 0)
                fail_msg("seed %u: an outage of %d s of site %d was never told", seed, length, i);
        }
    assert_int_equal(seen.open, 0);
    assert_int_equal(kinds[NOTICE_DOWN], seen.all);
    assert_int_equal(kinds[NOTICE_BACK], seen.all);
    assert_int_equal(kinds[NOTICE_STILL_DOWN] + kinds[NOTICE_WITHDRAWN], 0);
    for (unsigned i = 0; i < storm.n_out; i++)
        assert_true(storm.out[i].recorded);
}

static void storm_of(unsigned lost_percent, bool crashes, unsigned places)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = malloc(sizeof *w);
        play(w, seed * 7919, lost_percent, crashes, places);
        check(w, seed * 7919);
        world_done(w);
        free(w);
    }
}

static void test_shuffled_and_twice(void **state)
{
    (void)state;
    storm_of(0, false, 1);
}

static void test_lost_and_killed_as_well(void **state)
{
    (void)state;
    storm_of(25, true, 1);
}

static void test_from_two_locations(void **state)
{
    (void)state;
    storm_of(0, false, 2);
}

static void test_from_two_locations_and_killed_as_well(void **state)
{
    (void)state;
    storm_of(0, true, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shuffled_and_twice),
        cmocka_unit_test(test_lost_and_killed_as_well),
        cmocka_unit_test(test_from_two_locations),
        cmocka_unit_test(test_from_two_locations_and_killed_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
