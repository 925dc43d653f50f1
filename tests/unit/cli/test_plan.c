/* The difference between a list and a store, told as stories. */
#include "cli/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A store as a list that was applied before. */
static void know(struct plan *p, const char *yaml)
{
    scoped(sitelist) struct sitelist *l = NULL;
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 16);
    if (sitelist_load_bytes(&l, "had.yaml", yaml, strlen(yaml), SITELIST_REFUSE_TWICE, &mistakes, NULL) < 0)
        fail_msg("%s", text_str(&mistakes));
    for (size_t i = 0; i < sitelist_owners(l); i++) {
        struct owner o = sitelist_owner_at(l, i)->owner;
        o.id = i + 1;
        assert_int_equal(plan_know_owner(p, &o), 0);
    }
    for (size_t i = 0; i < sitelist_count(l); i++) {
        struct site s = sitelist_at(l, i)->site;
        s.id = 100 + i;
        s.owner_id = plan_owner_id(p, sitelist_at(l, i)->owner);
        assert_true(s.owner_id > 0);
        assert_int_equal(plan_know_site(p, &s), 0);
    }
}

/* "+o us; ~s a every 5m>1m; -s b" */
static void write_rows(const struct plan *p, char *buf, size_t size)
{
    static const char sign[] = { '+', '~', '-' };
    size_t len = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < plan_count(p); i++) {
        const struct plan_row *r = plan_row(p, i);
        len += (size_t)snprintf(buf + len, size - len, "%s%c%c %s", i ? "; " : "", sign[r->what],
                                r->of == PLAN_OWNER ? 'o' : 's', r->name);
        for (unsigned k = 0; k < r->n_fields; k++)
            len += (size_t)snprintf(buf + len, size - len, " %s %s>%s", r->field[k].name, r->field[k].from,
                                    r->field[k].to);
    }
}

#define US   "owners: [{name: us, notify: ['console:']}]\n"
#define A    "sites: [{url: 'http://a.test', name: a}]\n"
#define NONE "sites: []\n"

/* clang-format off: it would make one wide table of them */
static const struct {
    const char *name, *had, *has;
    bool prune;
    const char *rows;
    size_t same, left;
} stories[] = {
    {"an empty store gets all",                                                 NONE,                                                               US A,                                                       false, "+o us; +s a",                     0, 0},
    { "nothing to do",                                                          US A,                                                               US A,                                                       false, "",                                1, 0},
    { "nothing to prune",                                                       US A,                                                               US A,                                                       true,  "",                                1, 0},
    { "a site left the file",                                                   US A,                                                               US NONE,                                                    false, "",                                0, 1},
    { "and is pruned",                                                          US A,                                                               US NONE,                                                    true,  "-s a",                            0, 0},
    { "with its owner",                                                         US A,                                                               NONE,                                                       true,  "-s a; -o us",                     0, 0},
    { "an interval",                                                            US A,                                                               US "sites: [{url: 'http://a.test', name: a, every: 1m}]\n", false,
     "~s a every 5m>1m",                                                                                                                                                                                                                                  0, 0},
    { "a shorter interval takes the timeout along",                             US A,
     US "sites: [{url: 'http://a.test', name: a, every: 5s}]\n",                                                                                                                                                false, "~s a every 5m>5s timeout 20s>5s", 0,
     0                                                                                                                                                                                                                                                        },
    { "everything",                                                             US A,
     US "sites: [{url: 'http://b.test', name: a, every: 1m, timeout: 5s, method: GET, expect: {status: 204, "
         "contains: x}, confirm: {looks: 0, within: 2s}, full_handshake: true, tags: [t], paused: true}]\n",                                                                                                    false,
     "~s a url http://a.test/>http://b.test/ every 5m>1m timeout 20s>5s method auto>GET expect.status "
      "200-399>204 "
      "expect.contains >x full_handshake false>true confirm.looks 2>0 confirm.within 15s>2s tags >t paused "
      "false>true",                                                                                                                                                                                                                                       0, 0},
    { "locations",                                                              US A,
     US "sites: [{url: 'http://a.test', name: a, locations: [us, eu], confirm: {from: 1}}]\n",                                                                                                                  false,
     "~s a confirm.from >1 locations >eu,us",                                                                                                                                                                                                             0, 0},
    { "locations in another order are the same",                                US "sites: [{url: 'http://a.test', locations: [eu, us]}]\n",
     US "sites: [{url: 'http://a.test', locations: [us, eu]}]\n",                                                                                                                                               false, "",                                1, 0},
    { "a status set written another way is the same",
     US "sites: [{url: 'http://a.test', expect: {status: 200-399}}]\n",                                                                             US "sites: [http://a.test]\n",                              false,
     "",                                                                                                                                                                                                                                                  1, 0},
    { "another name is another site",                                           US A,                                                               US "sites: [{url: 'http://a.test', name: b}]\n",            false, "+s b",                            0,
     1                                                                                                                                                                                                                                                        },
    { "another owner",                                                          US A,
     "owners: [{name: us, notify: ['console:']}, {name: them, notify: ['console:']}]\nsites: [{url: "
      "'http://a.test', "
      "name: a, owner: them}]\n",                                                                                                                                                                               false, "+o them; ~s a owner us>them",     0, 0},
    { "channels and reminders",                                                 US A,
     "owners: [{name: us, notify: ['mailto:us@example.com', 'console:'], remind: 1h}]\n" A,                                                                                                                     false,
     "~o us notify console>mailto:us@example.com console remind 0s>1h",                                                                                                                                                                                   1, 0},
    { "a webhook's path is not shown",                                          "owners: [{name: us, notify: ['webhook:https://h.test/one']}]\n" A,
     "owners: [{name: us, notify: ['webhook:https://h.test/two']}]\n" A,                                                                                                                                        false,
     "~o us notify webhook:h.test>webhook:h.test (another path)",                                                                                                                                                                                         1, 0},
    { "the default owner of the store is not touched by one that nobody wrote",
     "owners: [{name: default, notify: ['mailto:us@example.com']}]\n" A,                                                                            A,                                                          true,  "",                                1, 0},
    { "but by one that somebody wrote",                                         "owners: [{name: default, notify: ['mailto:us@example.com']}]\n" A,
     "owners: [{name: default, notify: ['console:']}]\n" A,                                                                                                                                                     false,
     "~o default notify mailto:us@example.com>console",                                                                                                                                                                                                   1, 0},
    { "added, changed and removed at once",
     US "sites: [{url: 'http://a.test', name: a}, {url: 'http://b.test', name: b}]\n",
     US "sites: [{url: 'http://b.test', name: b, tags: [x]}, {url: 'http://c.test', name: c}]\n",                                                                                                               true,
     "~s b tags >x; +s c; -s a",                                                                                                                                                                                                                          0, 0},
};
/* clang-format on */

static void tells_the_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        scoped(plan) struct plan *p = NULL;
        scoped(sitelist) struct sitelist *l = NULL;
        scoped(text) struct text mistakes = TEXT_UP_TO(1 << 16);
        char rows[2000];
        assert_int_equal(plan_new(&p), 0);
        know(p, stories[i].had);
        if (sitelist_load_bytes(&l, "has.yaml", stories[i].has, strlen(stories[i].has), SITELIST_REFUSE_TWICE,
                                &mistakes, NULL) < 0)
            fail_msg("%s: %s", stories[i].name, text_str(&mistakes));
        assert_int_equal(plan_make(p, l, stories[i].prune), 0);
        write_rows(p, rows, sizeof rows);
        if (strcmp(rows, stories[i].rows) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", stories[i].name, stories[i].rows, rows);
        if (plan_same(p) != stories[i].same || plan_left(p) != stories[i].left)
            fail_msg("%s: %zu are the same, %zu are left", stories[i].name, plan_same(p), plan_left(p));
    }
}

static void knows_ids(void **state)
{
    scoped(plan) struct plan *p = NULL;
    scoped(sitelist) struct sitelist *l = NULL;
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 16);
    const char *has = US "sites: [{url: 'http://b.test', name: a}]\n";
    (void)state;
    assert_int_equal(plan_new(&p), 0);
    know(p, US A);
    assert_int_equal(
        sitelist_load_bytes(&l, "x.yaml", has, strlen(has), SITELIST_REFUSE_TWICE, &mistakes, NULL), 0);
    assert_int_equal(plan_make(p, l, false), 0);
    assert_int_equal(plan_row(p, 0)->id, 100);
    assert_int_equal(plan_owner_id(p, "us"), 1);
    assert_int_equal(plan_owner_id(p, "them"), 0);
    assert_int_equal(plan_owner_has_id(p, "them", 77), 0);
    assert_int_equal(plan_owner_id(p, "them"), 77);
    assert_int_equal(plan_number(p, PLAN_SITE, PLAN_CHANGE), 1);
    assert_int_equal(plan_number(p, PLAN_SITE, PLAN_ADD), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tells_the_difference), cmocka_unit_test(knows_ids) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
