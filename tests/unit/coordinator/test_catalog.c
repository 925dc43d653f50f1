/* What the coordinator makes of edits in the store. */
#include "common/text.h"
#include "coordinator/catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 (1700000000 * US_PER_S)

struct world {
    struct store *store;
    struct catalog *catalog;
    struct text told; /* "watch shop, edited shop, " */
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = { 0 };
    w->told = (struct text)TEXT_UP_TO(4096);
    assert_int_equal(store_open(&w->store, "sqlite::memory:", STORE_CREATE, &err), 0);
    assert_int_equal(catalog_new(&w->catalog), 0);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    catalog_free(w->catalog);
    store_close(w->store);
    text_done(&w->told);
    free(w);
    return 0;
}

static struct site shop(uint64_t id)
{
    return (struct site){
        .id = id,
        .name = "shop",
        .url = "http://shop",
        .tags = "",
        .every_ms = 60000,
        .timeout_ms = 5000,
        .contains = "",
        .confirm = {2, 15000},
    };
}

static uint64_t edit(struct world *w, const struct site *site)
{
    uint64_t id = 0;
    assert_int_equal(store_edit_begin(w->store, T0, NULL), 0);
    assert_int_equal(store_edit_site(w->store, site, &id, NULL), 0);
    assert_int_equal(store_edit_commit(w->store, NULL), 0);
    return id;
}

static void on_news(void *arg, enum catalog_news news, const struct watched *site)
{
    struct world *w = arg;
    text_addf(&w->told, "%s%s %s", w->told.len ? ", " : "", catalog_news_name(news),
              site->url + strlen("http://"));
}

static void follows(struct world *w, const char *expected)
{
    struct err err = { 0 };
    text_clear(&w->told);
    int r = catalog_follow(w->catalog, w->store, 100, on_news, w, &err);
    if (r < 0)
        fail_msg("%s", err.text);
    assert_string_equal(text_str(&w->told), expected);
}

static void loads(struct world *w, const char *expected)
{
    text_clear(&w->told);
    assert_int_equal(catalog_load(w->catalog, w->store, on_news, w, NULL), 0);
    assert_string_equal(text_str(&w->told), expected);
}

static void change_nothing(struct site *s)
{
    (void)s;
}

static void change_name(struct site *s)
{
    s->name = "store";
}

static void change_url(struct site *s)
{
    s->url = "http://shop/health";
}

static void change_interval(struct site *s)
{
    s->every_ms = 30000;
}

static void change_keyword(struct site *s)
{
    s->contains = "OK";
}

static void pause_it(struct site *s)
{
    s->paused = true;
}

static void pause_and_change(struct site *s)
{
    s->paused = true;
    s->every_ms = 1000;
}

/* What changes in the site, and what is told of it. */
static const struct {
    const char *name;
    void (*change)(struct site *s);
    const char *told;
    size_t watched;
} stories[] = {
    {"nothing that matters",   change_nothing,   "edited shop",        1},
    { "what it is called",     change_name,      "edited shop",        1},
    { "where it is",           change_url,       "edited shop/health", 1},
    { "how often",             change_interval,  "interval shop",      1},
    { "what counts as well",   change_keyword,   "edited shop",        1},
    { "paused",                pause_it,         "unwatch shop",       0},
    { "paused, and how often", pause_and_change, "unwatch shop",       0},
};

static void test_edits_of_a_site(void **state)
{
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        begin(state);
        struct world *w = *state;
        struct site s = shop(0);
        s.id = edit(w, &s);
        loads(w, "watch shop");
        follows(w, "");
        stories[i].change(&s);
        edit(w, &s);
        text_clear(&w->told);
        int r = catalog_follow(w->catalog, w->store, 100, on_news, w, NULL);
        /* An edit that changes nothing may be none to the store. */
        if (r != 0 || stories[i].change != change_nothing)
            if (strcmp(text_str(&w->told), stories[i].told) != 0)
                fail_msg("%s: told '%s' and not '%s'", stories[i].name, text_str(&w->told), stories[i].told);
        assert_int_equal(catalog_watched(w->catalog), stories[i].watched);
        const struct watched *now = catalog_find(w->catalog, s.id);
        assert_int_equal(now != NULL, stories[i].watched);
        if (now) {
            assert_string_equal(now->url, s.url);
            assert_string_equal(now->manner->contains, s.contains);
            assert_int_equal(now->every_ms, s.every_ms);
        }
        follows(w, "");
        end(state);
    }
}

static void test_added_paused_resumed_removed(void **state)
{
    struct world *w = *state;
    loads(w, "");
    struct site s = shop(0), other = shop(0);
    s.id = edit(w, &s);
    other.name = "blog";
    other.url = "http://blog";
    edit(w, &other);
    follows(w, "watch shop, watch blog");
    assert_int_equal(catalog_watched(w->catalog), 2);
    assert_null(catalog_find(w->catalog, 4711));

    s.paused = true;
    edit(w, &s);
    follows(w, "unwatch shop");
    s.url = "http://shop2"; /* while it is paused nobody needs to know */
    edit(w, &s);
    follows(w, "");
    s.paused = false;
    edit(w, &s);
    follows(w, "watch shop2");

    assert_int_equal(store_edit_begin(w->store, T0, NULL), 0);
    assert_int_equal(store_edit_remove_site(w->store, s.id, NULL), 0);
    assert_int_equal(store_edit_commit(w->store, NULL), 0);
    follows(w, "unwatch shop2");
    assert_null(catalog_find(w->catalog, s.id));
    assert_int_equal(catalog_watched(w->catalog), 1);
    follows(w, "");
}

/* A large edit, read in portions; one that was read already is edited meanwhile. */
static void test_many_edits_at_once(void **state)
{
    struct world *w = *state;
    enum { SITES = 10 };
    struct site s[SITES];
    loads(w, "");
    assert_int_equal(store_edit_begin(w->store, T0, NULL), 0);
    for (int i = 0; i < SITES; i++) {
        char name[16], url[32];
        snprintf(name, sizeof name, "s%d", i);
        snprintf(url, sizeof url, "http://s%d", i);
        s[i] = shop(0);
        s[i].name = name;
        s[i].url = url;
        assert_int_equal(store_edit_site(w->store, &s[i], &s[i].id, NULL), 0);
    }
    assert_int_equal(store_edit_commit(w->store, NULL), 0);
    text_clear(&w->told);
    assert_int_equal(catalog_follow(w->catalog, w->store, 4, on_news, w, NULL), 4);
    assert_string_equal(text_str(&w->told), "watch s0, watch s1, watch s2, watch s3");
    s[1].name = "again";
    s[1].url = "http://again";
    edit(w, &s[1]);
    text_clear(&w->told);
    assert_int_equal(catalog_follow(w->catalog, w->store, 4, on_news, w, NULL), 4);
    assert_int_equal(catalog_follow(w->catalog, w->store, 4, on_news, w, NULL), 3);
    assert_string_equal(text_str(&w->told),
                        "watch s4, watch s5, watch s6, watch s7, watch s8, watch s9, edited again");
    assert_int_equal(catalog_watched(w->catalog), SITES);
    assert_int_equal(catalog_follow(w->catalog, w->store, 4, on_news, w, NULL), 0);
}

static void test_paused_and_removed_sites_are_loaded_in_silence(void **state)
{
    struct world *w = *state;
    struct site s = shop(0);
    s.paused = true;
    s.id = edit(w, &s);
    loads(w, "");
    assert_int_equal(catalog_watched(w->catalog), 0);
    s.paused = false;
    edit(w, &s);
    follows(w, "watch shop");
}

static void test_the_newest_slot_that_counted(void **state)
{
    struct world *w = *state;
    struct site s = shop(0);
    s.id = edit(w, &s);
    struct site_state states[] = {
        {.site_id = s.id, .health = HEALTH_UP, .last_slot_us = T0 + 77}
    };
    struct record record = { .states = states, .n_states = 1 };
    assert_int_equal(store_record(w->store, &record, NULL), 0);
    loads(w, "watch shop");
    assert_int_equal(catalog_last_slot(w->catalog, s.id), T0 + 77);
    assert_int_equal(catalog_newest_slot(w->catalog), T0 + 77);
    assert_int_equal(catalog_last_slot(w->catalog, s.id + 1), 0);
    catalog_looked(w->catalog, s.id, T0 + 50); /* an older one changes nothing */
    catalog_looked(w->catalog, s.id + 1, T0 + 500);
    assert_int_equal(catalog_last_slot(w->catalog, s.id), T0 + 77);
    assert_int_equal(catalog_newest_slot(w->catalog), T0 + 77);
    catalog_looked(w->catalog, s.id, T0 + 100);
    assert_int_equal(catalog_newest_slot(w->catalog), T0 + 100);
    /* an edit keeps it */
    s.every_ms = 1000;
    edit(w, &s);
    follows(w, "interval shop");
    assert_int_equal(catalog_last_slot(w->catalog, s.id), T0 + 100);
}

/* It is looked up once, and again for a URL that is another one. */
static void test_whose_place_a_site_is(void **state)
{
    struct world *w = *state;
    scoped(domains) struct domains *d = NULL;
    assert_int_equal(domains_new(&d), 0);
    struct site s = shop(0);
    s.url = "http://a.shop.co.uk/";
    s.id = edit(w, &s);
    loads(w, "watch a.shop.co.uk/");
    const struct watched *site = catalog_find(w->catalog, s.id);
    uint64_t before = catalog_domain(site, d);
    assert_true(before == domains_key(d, "http://b.shop.co.uk/") && before != 0);
    assert_true(site->domain_known && catalog_domain(site, d) == before);
    s.url = "http://a.shop.org.uk/";
    edit(w, &s);
    follows(w, "edited a.shop.org.uk/");
    site = catalog_find(w->catalog, s.id);
    assert_true(catalog_domain(site, d) == domains_key(d, s.url));
    assert_true(catalog_domain(site, d) != before);
}

/* Sites of other shards are as if they were not there, at the start and later. */
static void test_only_those_of_a_shard(void **state)
{
    enum { FIRST = 40, MORE = 20 };
    struct world *w = *state;
    struct err err = { 0 };
    size_t watched[2] = { 0 };
    uint64_t id[FIRST + MORE];
    char name[16], url[32];
    struct catalog *half[2] = { 0 };
    for (unsigned i = 0; i < FIRST + MORE; i++) {
        struct site s = shop(0);
        snprintf(name, sizeof name, "s%u", i);
        snprintf(url, sizeof url, "http://s%u", i);
        s.name = name;
        s.url = url;
        id[i] = edit(w, &s);
        if (i + 1 != FIRST)
            continue;
        for (uint32_t k = 0; k < 2; k++) {
            assert_int_equal(catalog_new(&half[k]), 0);
            catalog_only(half[k], (struct shard){ k, 2 });
            assert_int_equal(catalog_load(half[k], w->store, on_news, w, &err), 0);
        }
    }
    for (uint32_t k = 0; k < 2; k++) {
        assert_true(catalog_follow(half[k], w->store, 100, on_news, w, &err) >= 0);
        watched[k] = catalog_watched(half[k]);
        for (unsigned i = 0; i < FIRST + MORE; i++)
            assert_int_equal(catalog_find(half[k], id[i]) != NULL, shard_of(id[i], 2) == k);
        catalog_free(half[k]);
    }
    assert_int_equal(watched[0] + watched[1], FIRST + MORE);
    assert_true(watched[0] > 0 && watched[1] > 0);
}

/* Another process edits the file. */
static void test_edits_by_somebody_else(void **state)
{
    struct world *w = *state;
    char folder[] = "/tmp/vedette-catalog-XXXXXX", path[64], url[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.db", folder);
    snprintf(url, sizeof url, "sqlite:%s", path);
    store_close(w->store);
    assert_int_equal(store_open(&w->store, url, STORE_CREATE, NULL), 0);
    struct site s = shop(0);
    s.id = edit(w, &s);
    loads(w, "watch shop");

    struct store *ours = w->store, *other = NULL;
    assert_int_equal(store_open(&other, url, STORE_WRITE, NULL), 0);
    w->store = other;
    s.every_ms = 30000;
    edit(w, &s);
    w->store = ours;
    follows(w, "interval shop");
    store_close(other);

    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_of_a_site),
        cmocka_unit_test_setup_teardown(test_only_those_of_a_shard, begin, end),
        cmocka_unit_test_setup_teardown(test_added_paused_resumed_removed, begin, end),
        cmocka_unit_test_setup_teardown(test_many_edits_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_paused_and_removed_sites_are_loaded_in_silence, begin, end),
        cmocka_unit_test_setup_teardown(test_the_newest_slot_that_counted, begin, end),
        cmocka_unit_test_setup_teardown(test_whose_place_a_site_is, begin, end),
        cmocka_unit_test_setup_teardown(test_edits_by_somebody_else, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
