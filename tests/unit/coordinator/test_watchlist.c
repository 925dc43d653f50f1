/* What is kept of a site, what sites share, and how much memory a million takes. */
#include "coordinator/watchlist.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct site usual(uint64_t id)
{
    return (struct site){
        .id = id,
        .name = "shop",
        .url = "http://shop.example.com/",
        .tags = "prod",
        .every_ms = 60000,
        .timeout_ms = 5000,
        .contains = "",
        .change = 3,
        .changed_us = 77,
    };
}

static struct watchlist *fresh(void)
{
    struct watchlist *l = NULL;
    assert_int_equal(watchlist_new(&l), 0);
    return l;
}

static void longer(struct site *s)
{
    s->timeout_ms = 6000;
}

static void get(struct site *s)
{
    s->method = METHOD_GET;
}

static void word(struct site *s)
{
    s->contains = "OK";
}

static void longer_word(struct site *s)
{
    s->contains = "OKAY";
}

static void statuses(struct site *s)
{
    assert_int_equal(status_set_parse("200-299,401", &s->status, NULL), 0);
}

static void full(struct site *s)
{
    s->full_handshake = true;
}

/* Of a status set only the ranges in use count. */
static void unused_range(struct site *s)
{
    s->status.range[5].lo = 123;
}

static void elsewhere(struct site *s)
{
    s->url = "http://blog.example.com/";
    s->every_ms = 1000;
    s->paused = true;
}

static const struct {
    const char *name;
    void (*differ)(struct site *s);
    size_t manners;
} sharing[] = {
    {"another timeout",             longer,       2},
    { "another method",             get,          2},
    { "a keyword",                  word,         2},
    { "statuses",                   statuses,     2},
    { "full handshakes",            full,         2},
    { "what is not in use",         unused_range, 1},
    { "another place and interval", elsewhere,    1},
};

static void test_sites_share_how_they_are_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sharing / sizeof *sharing; i++) {
        struct watchlist *l = fresh();
        struct watched *w;
        struct site a = usual(1), b = usual(2), c = usual(3);
        sharing[i].differ(&b);
        assert_int_equal(watchlist_put(l, &a, &w), 0);
        assert_int_equal(watchlist_put(l, &b, &w), 0);
        assert_string_equal(w->url, b.url);
        assert_string_equal(w->manner->contains, b.contains);
        assert_int_equal(w->manner->timeout_ms, b.timeout_ms);
        assert_int_equal(w->manner->method, b.method);
        assert_int_equal(w->manner->full_handshake, b.full_handshake);
        assert_int_equal(w->manner->status.count, b.status.count);
        assert_int_equal(w->every_ms, b.every_ms);
        assert_int_equal(watchlist_put(l, &c, &w), 0);
        if (watchlist_manners(l) != sharing[i].manners)
            fail_msg("%s: %zu manners", sharing[i].name, watchlist_manners(l));
        assert_ptr_equal(w->manner, watchlist_find(l, 1)->manner);
        watchlist_drop(l, 2);
        assert_int_equal(watchlist_manners(l), 1);
        watchlist_free(l);
    }
}

static void test_two_keywords(void **state)
{
    (void)state;
    struct watchlist *l = fresh();
    struct watched *w;
    struct site a = usual(1), b = usual(2);
    word(&a);
    longer_word(&b);
    watchlist_put(l, &a, &w);
    watchlist_put(l, &b, &w);
    assert_int_equal(watchlist_manners(l), 2);
    assert_string_equal(watchlist_find(l, 1)->manner->contains, "OK");
    assert_string_equal(w->manner->contains, "OKAY");
    watchlist_free(l);
    watchlist_free(NULL);
}

static void test_edits(void **state)
{
    (void)state;
    struct watchlist *l = fresh();
    struct watched *w;
    struct site a = usual(9);
    assert_int_equal(watchlist_put(l, &a, &w), 0);
    w->last_slot = 4711;
    get(&a);
    a.url = "http://shop.example.com/a/much/longer/path";
    a.change = 4;
    assert_int_equal(watchlist_put(l, &a, &w), 0);
    assert_ptr_equal(w, watchlist_find(l, 9));
    assert_int_equal(w->last_slot, 4711);
    assert_int_equal(w->change, 4);
    assert_string_equal(w->url, a.url);
    assert_int_equal(watchlist_manners(l), 1);
    assert_int_equal(watchlist_count(l), 1);
    a.paused = true;
    watchlist_put(l, &a, &w);
    assert_int_equal(watchlist_count(l), 0);
    watchlist_drop(l, 9);
    watchlist_drop(l, 9);
    assert_null(watchlist_find(l, 9));
    assert_int_equal(watchlist_manners(l), 0);
    watchlist_free(l);
}

static void test_a_million_sites(void **state)
{
    (void)state;
    enum { SITES = 1000000 };
    struct mallinfo2 before = mallinfo2();
    struct watchlist *l = fresh();
    struct watched *w;
    size_t urls = 0;
    for (uint64_t id = 1; id <= SITES; id++) {
        char url[80];
        struct site s = usual(id);
        urls += (size_t)snprintf(url, sizeof url, "https://customer-%llu.example.com/health",
                                 (unsigned long long)id);
        s.url = url;
        assert_int_equal(watchlist_put(l, &s, &w), 0);
    }
    struct mallinfo2 after = mallinfo2();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    size_t bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd - urls;
    assert_in_range(bytes / SITES, 40, 100);
#else
    (void)before;
    (void)after;
#endif
    assert_int_equal(watchlist_count(l), SITES);
    assert_int_equal(watchlist_manners(l), 1);
    size_t cursor = 0, n = 0;
    while (watchlist_next(l, &cursor))
        n++;
    assert_int_equal(n, SITES);
    watchlist_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sites_share_how_they_are_looked_at),
        cmocka_unit_test(test_two_keywords),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_a_million_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
