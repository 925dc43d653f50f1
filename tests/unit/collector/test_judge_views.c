/* Outages of sites that are looked at from several locations, through a keeper and a real store. */
#include "tests/unit/collector/outages.h"

struct rule {
    uint8_t looks, from;
};

static uint64_t begin_at(struct world *w, const char *locations, struct rule rule)
{
    world_init(w);
    w->places = true;
    uint64_t owner = world_add_owner(w, "team", 0, 1);
    struct site s = world_site("shop", "https://shop.example.com/", owner, rule.looks);
    s.locations = locations;
    s.confirm_from = rule.from;
    uint64_t id = world_edit_site(w, &s);
    w->wall += US_PER_S;
    w->mono += NS_PER_S;
    world_start(w);
    return id;
}

/* A story, one line a step: "slot look location saw worker : what is heard". "wait N" lets N ms
 * pass, "crash" is a kill and a start. */
static void tell(struct world *w, uint64_t id, const char *name, const char *const *line)
{
    for (; *line; line++) {
        char what[80], location[LOCATION_SIZE], saw, worker[8];
        const char *news = strstr(*line, ":");
        int slot, ms;
        unsigned look;
        snprintf(what, sizeof what, "%s, at '%s'", name, *line);
        if (sscanf(*line, "wait %d", &ms) == 1)
            world_pass(w, ms);
        else if (strncmp(*line, "crash", 5) == 0)
            world_crash(w);
        else {
            assert_int_equal(sscanf(*line, "%d %u %31s %c %7s", &slot, &look, location, &saw, worker), 5);
            struct result r = world_result(w, id, slot, look, saw, worker);
            snprintf(r.run.location, sizeof r.run.location, "%s", location);
            world_give(w, &r);
            world_pass(w, 100);
        }
        expect(w, what, news[1] ? news + 2 : "");
    }
}

static const struct {
    const char *name, *locations;
    struct rule rule;
    const char *line[24];
    unsigned incidents;
} stories[] = {
    {"confirmed from both, and back",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 1 eu - e2 : eu=down",
          "1 1 us - u2 : us=down down open tell:down",
          "2 0 us - u2 :",
          "2 0 eu ~ e1 : eu=unknown",
          "3 0 eu - e1 : ask1@eu eu=suspected",
          "3 1 eu - e2 : eu=down",
          "4 0 eu + e1 : eu=up up recovered tell:back",
          "4 0 us + e1 : us=up",
          NULL,
      }, 1},
    { "up, but not from one of them",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 us + u1 :",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 1 eu - e2 : eu=down",
          "wait 60000 :",
          "2 0 eu - e1 :",
          "2 0 us + u1 :",
          "3 0 eu + e1 : eu=up",
          NULL,
      }, 0},
    { "a blip of one of them",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 1 eu + e2 : eu=up",
          "wait 60000 :",
          NULL,
      }, 0},
    { "suspected by both, and one of them is wrong",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 1 us + u2 : us=up up",
          "1 1 eu - e2 : eu=down",
          NULL,
      }, 0},
    { "one location may be enough",
     "eu,us",    { 1, 1 },
     {
          "0 0 us + u1 : us=up up",
          "1 0 us + u1 :",
          "1 0 eu - e1 : ask1@eu eu=suspected suspected",
          "1 1 eu - e2 : eu=down down open tell:down",
          "2 0 us + u1 :",
          "2 0 eu + e1 : eu=up up recovered tell:back",
          NULL,
      }, 1},
    { "two of three",
     "ap,eu,us", { 1, 0 },
     {
          "0 0 ap + a1 : ap=up up",
          "0 0 eu + e1 : eu=up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 0 ap + a1 :",
          "1 1 us - u2 : us=down",
          "1 1 eu - e2 : eu=down down open tell:down",
          "2 0 eu - e2 :",
          "2 0 ap + a2 :",
          "2 0 us + u2 : us=up up recovered tell:back",
          NULL,
      }, 1},
    { "the other does not know for the moment: it is waited for until the round ends",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us ~ u1 : us=unknown",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 1 eu - e2 : eu=down",
          "wait 15000 :",
          "wait 4000 : suspected down open tell:down",
          NULL,
      }, 1},
    { "the other does not know for the moment, and then sees it up",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us ~ u1 : us=unknown",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 1 eu - e2 : eu=down",
          "wait 5000 :",
          "1 0 us + u1 : us=up",
          "wait 60000 :",
          NULL,
      }, 0},
    { "the other has not known for long",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us ~ u1 : us=unknown",
          "wait 25000 :",
          "3 0 eu - e1 : ask1@eu eu=suspected suspected",
          "3 1 eu - e2 : eu=down down open tell:down",
          NULL,
      }, 1},
    { "the other is not heard of: it is waited for until the round ends",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 1 eu - e2 : eu=down",
          "wait 15000 :",
          "wait 4000 : suspected down open tell:down",
          "2 0 us + u1 : up recovered tell:back", /* it is heard of again, and has seen it up */
          NULL,
      }, 1},
    { "never the single look of one worker, though the site asks for no more",
     "eu,us",    { 0, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us ~ u1 : us=unknown",
          "wait 25000 :",
          "3 0 eu - e1 : ask1@eu eu=suspected eu=down suspected",
          "3 1 eu - e2 : down open tell:down",
          NULL,
      }, 1},
    { "without confirming looks, both must fail",
     "eu,us",    { 0, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : eu=suspected eu=down",
          "1 0 us - u1 : us=suspected us=down suspected down open tell:down",
          NULL,
      }, 1},
    { "one sees it down for long, then the other does not know: looked at anew, and rejected",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "0 0 eu - e1 : ask1@eu eu=suspected",
          "0 1 eu - e2 : eu=down",
          "1 0 us ~ u1 : us=unknown",
          "1 0 eu - e1 :",
          "wait 25000 :",
          "4 0 eu - e1 : ask1@eu suspected",
          "4 1 eu + e2 : eu=up up",
          NULL,
      }, 0},
    { "the same, and confirmed",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "0 0 eu - e1 : ask1@eu eu=suspected",
          "0 1 eu - e2 : eu=down",
          "1 0 us ~ u1 : us=unknown",
          "1 0 eu - e1 :",
          "wait 25000 :",
          "4 0 eu - e1 : ask1@eu suspected",
          "4 1 eu - e2 : down open tell:down",
          NULL,
      }, 1},
    { "one sees it down for long, then the other as well",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "0 0 eu - e1 : ask1@eu eu=suspected",
          "0 1 eu - e2 : eu=down",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 0 eu - e1 :",
          "1 1 us - u2 : us=down down open tell:down",
          NULL,
      }, 1},
    { "a confirmation is not of the same round when the other has not failed in it",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "0 0 eu - e1 : ask1@eu eu=suspected",
          "0 1 eu - e2 : eu=down",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 1 us - u2 : us=down",
          "1 0 eu + e1 : eu=up up",
          NULL,
      }, 0},
    { "nobody knows",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "0 0 eu ~ e1 : eu=unknown",
          "1 0 us ~ u1 : us=unknown unknown",
          "2 0 us + u1 : us=up up",
          NULL,
      }, 0},
    { "what comes from elsewhere does not count",
     "eu,us",    { 1, 0 },
     {
          "0 0 us + u1 : us=up up",
          "1 0 ap - a1 :",
          "1 1 ap - a2 :",
          NULL,
      }, 0},
    { "late, twice, in another order",
     "eu,us",    { 1, 0 },
     {
          "1 0 us + u1 : us=up up",
          "0 0 us - u2 :",
          "1 0 us - u2 :",
          "0 0 eu + e1 : eu=up",
          "2 0 eu - e1 : ask1@eu eu=suspected",
          "2 1 eu - e2 : eu=down",
          "2 1 eu + e2 :",
          "1 0 eu + e2 :",
          NULL,
      }, 0},
    { "killed in the middle",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "1 0 us - u1 : ask1@us us=suspected suspected",
          "1 1 eu - e2 : eu=down",
          "crash : crash",
          "wait 100 : ask1@us",
          "1 1 us - u2 : us=down down open tell:down",
          "crash : crash",
          "2 0 us - u1 : tell:down", /* nobody has said that it was delivered */
          "2 0 eu + e1 : eu=up up recovered tell:back",
          NULL,
      }, 1},
    { "killed when one alone suspects",
     "eu,us",    { 1, 0 },
     {
          "0 0 eu + e1 : eu=up up",
          "0 0 us + u1 : us=up",
          "1 0 eu - e1 : ask1@eu eu=suspected",
          "crash : crash",
          "wait 100 : ask1@eu",
          "1 1 eu + e2 : eu=up",
          NULL,
      }, 0},
};

static void whole_outages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct world w;
        uint64_t id = begin_at(&w, stories[i].locations, stories[i].rule);
        tell(&w, id, stories[i].name, stories[i].line);
        if (world_incidents(&w, false) != stories[i].incidents)
            fail_msg("%s: %u incidents", stories[i].name, world_incidents(&w, false));
        world_done(&w);
    }
}

/* A location where nobody is: its slots are missed, and after two of them it is unknown. */
static void nobody_is_there(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin_at(&w, "eu,us", (struct rule){ 1, 0 });
    for (int slot = 0; slot < 4; slot++) {
        struct result up = world_result(&w, id, slot, 0, '+', "e1");
        struct result none = world_result(&w, id, slot, 0, '~', "coordinator");
        strcpy(up.run.location, "eu");
        strcpy(none.run.location, "us");
        none.cause = CAUSE_MISSED;
        none.at_us = none.run.slot_us;
        world_give(&w, &up);
        world_give(&w, &none);
        world_pass(&w, 100);
    }
    expect(&w, "only that location is unknown", "eu=up up us=unknown");
    assert_int_equal(world_state(&w, id).health, HEALTH_UP);
    assert_int_equal(world_state(&w, id).last_verdict, VERDICT_UP);
    world_done(&w);
}

static int write_view(void *arg, const struct site_view *v)
{
    char *to = arg;
    sprintf(to + strlen(to), "%s=%s/%s ", v->location, health_name(v->state.health), v->state.last_worker);
    return 0;
}

static void expect_views(struct world *w, const char *expected)
{
    char views[200] = "";
    assert_int_equal(store_each_view(w->store, 0, write_view, views, NULL), 0);
    assert_string_equal(views, expected);
}

/* The views are in the store; a site that moves keeps those of places where it stays. */
static void a_site_moves(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin_at(&w, "eu,us", (struct rule){ 1, 0 });
    static const char *const before[] = { "0 0 eu + e1 : eu=up up", "0 0 us + u1 : us=up",
                                          "1 0 us - u1 : ask1@us us=suspected", NULL };
    tell(&w, id, "before", before);
    expect_views(&w, "eu=up/e1 us=suspected/u1 ");

    struct site s = world_site("shop", "https://shop.example.com/", 1, 1);
    s.id = id;
    s.locations = "ap,eu";
    world_edit_site(&w, &s);
    static const char *const after[] = {
        "2 0 us - u1 :", "2 0 eu + e2 :", "2 0 ap - a1 : ask1@ap ap=suspected", "2 1 ap - a2 : ap=down", NULL
    };
    tell(&w, id, "after", after);
    expect_views(&w, "ap=down/a2 eu=up/e2 ");

    s.locations = "";
    world_edit_site(&w, &s);
    static const char *const alone[] = { "3 0 local - l1 : ask1@local suspected",
                                         "3 1 local - l2 : down open tell:down", NULL };
    tell(&w, id, "alone", alone);
    expect_views(&w, "");
    world_done(&w);
}

static int write_evidence(void *arg, const struct result *r)
{
    char *to = arg;
    sprintf(to + strlen(to), "%s%u%c ", r->run.location, r->run.look, "+-?"[r->verdict]);
    return 0;
}

static int keep_incident(void *arg, const struct incident *i)
{
    *(struct incident *)arg = *i;
    return 0;
}

static void evidence_is_from_all_that_agree(void **state)
{
    (void)state;
    struct world w;
    struct incident i = { 0 };
    uint64_t id = begin_at(&w, "ap,eu,us", (struct rule){ 1, 0 });
    static const char *const lines[] = { "0 0 us + u1 : us=up up",
                                         "1 0 us - u1 : ask1@us us=suspected",
                                         "1 0 eu - e1 : ask1@eu eu=suspected suspected",
                                         "1 0 ap + a1 : ap=up",
                                         "1 1 us - u2 : us=down",
                                         "1 1 eu - e2 : eu=down down open tell:down",
                                         NULL };
    tell(&w, id, "an outage", lines);
    const struct incident_filter f = { .max = 1 };
    char looks[200] = "";
    assert_int_equal(store_each_incident(w.store, &f, keep_incident, &i, NULL), 0);
    assert_int_equal(store_each_evidence(w.store, i.id, write_evidence, looks, NULL), 0);
    assert_int_equal(strlen(looks), strlen("eu0- us0- eu1- us1- "));
    assert_true(strstr(looks, "eu0- ") && strstr(looks, "us0- ") && strstr(looks, "eu1- ") &&
                strstr(looks, "us1- "));
    assert_int_equal(i.began_us, WORLD_START_US + US_PER_S + 100 * US_PER_MS); /* the first that failed */
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_outages),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(a_site_moves),
        cmocka_unit_test(evidence_is_from_all_that_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
