/* Contracts of every store: places, sites, owners, edits, numbers. */
#include "tests/unit/common/stores.h"

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int r;
        const char *words;
    } rows[] = {
        {"sqlite::memory:",                     0,                ""            },
        { "postgresql://db.example/vedette",    0,                ""            },
        { "sqlite:/var/lib/vedette/vedette.db", 0,                ""            },
        { "sqlite:relative.db",                 0,                ""            },
        { "sqlite:",                            -EPROTONOSUPPORT, "where"       },
        { "",                                   -EPROTONOSUPPORT, "sqlite:/path"},
        { "/var/lib/vedette.db",                -EPROTONOSUPPORT, "sqlite:/path"},
        { "mysql:host",                         -EPROTONOSUPPORT, "mysql"       },
        { "sqlit:/x",                           -EPROTONOSUPPORT, "sqlit"       },
        { "sqlite3:/x",                         -EPROTONOSUPPORT, "sqlite3"     },
        { ":x",                                 -EPROTONOSUPPORT, "no kind"     },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *s = NULL;
        if (rows[i].r == 0) {
            OK(store_url_check(rows[i].url, &err));
            continue;
        }
        REFUSED(store_url_check(rows[i].url, &err), rows[i].r, rows[i].words);
        REFUSED(store_open(&s, rows[i].url, STORE_CREATE, &err), rows[i].r, rows[i].words);
        assert_null(s);
    }
    assert_int_equal(store_url_check("nothing", NULL), -EPROTONOSUPPORT);
    store_close(NULL);
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const int rows[][2] = {
        {0,        0 },
        { -ENOENT, 10},
        { -EROFS,  11},
        { -ENOSPC, 12},
        { -EBUSY,  13},
        { -EPROTO, 14},
        { -EINVAL, 15},
        { -EIO,    16},
        { -ENOMEM, 1 },
        { 5,       1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(store_exit_code(rows[i][0]), rows[i][1]);
}

/* ── Sites ─────────────────────────────────────────────────────────────── */

static int same_site(void *arg, const struct site *b)
{
    const struct site *a = arg;
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->url, b->url);
    assert_string_equal(a->tags, b->tags);
    assert_string_equal(a->contains, b->contains);
    assert_int_equal(a->owner_id, b->owner_id);
    assert_int_equal(a->every_ms, b->every_ms);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->method, b->method);
    assert_memory_equal(&a->status, &b->status, sizeof a->status);
    assert_int_equal(a->confirm.looks, b->confirm.looks);
    assert_int_equal(a->confirm.within_ms, b->confirm.within_ms);
    assert_int_equal(a->confirm_from, b->confirm_from);
    assert_string_equal(site_locations(a), site_locations(b));
    assert_int_equal(a->full_handshake, b->full_handshake);
    assert_int_equal(a->paused, b->paused);
    return 7;
}

CONTRACT(a_site_comes_back_as_it_was)
{
    struct owner o = { .name = "team" };
    struct site site = {
        .name = "shop \"quoted\" 'ü' %s",
        .url = "https://shop.example.com/health?a=b%20c",
        .tags = "eu,prod",
        .contains = "all is \\ well",
        .every_ms = 100,
        .timeout_ms = 50,
        .method = METHOD_GET,
        .status = {.count = 2, .range = { { 200, 299 }, { 401, 401 } }},
        .confirm = { 5,         600000                                 },
        .confirm_from = 3,
        .locations = "ap,eu-west,us",
        .full_handshake = true,
        .paused = true,
    };
    uint64_t id = 0;
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_owner(s, &o, &site.owner_id, &err));
    OK(store_edit_site(s, &site, &id, &err));
    OK(store_edit_commit(s, &err));
    assert_int_equal(id, 1);
    /* What the callback says is what the walk says. */
    assert_int_equal(store_each_site(s, 0, same_site, &site, NULL), 7);

    scoped(site) struct site *found = NULL;
    OK(store_find_site(s, site.name, &found, &err));
    assert_int_equal(same_site(&site, found), 7);
    assert_int_equal(found->id, 1);
    assert_int_equal(found->change, 1);
    assert_int_equal(found->changed_us, NOON);
    assert_false(found->removed);
}

CONTRACT(edits_have_numbers_and_what_they_wrote_carries_them)
{
    uint64_t change = 99;
    OK(store_newest_change(s, &change, &err));
    assert_int_equal(change, 0);
    WALK("", store_each_site(s, 0, write_site, &seen, &err));

    struct site a = a_site("a"), b = a_site("b"), c = a_site("c");
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_site(s, &a, &a.id, &err));
    OK(store_edit_site(s, &b, &b.id, &err));
    OK(store_edit_commit(s, &err));
    c.id = add_site(s, &c, NOON); /* edit 2 */
    a.timeout_ms = 1234;
    change_site(s, &a, NOON); /* edit 3 */
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, b.id, &err));
    OK(store_edit_commit(s, &err)); /* edit 4 */

    OK(store_newest_change(s, &change, &err));
    assert_int_equal(change, 4);
    WALK("1:a 3:c ", store_each_site(s, 0, write_site, &seen, &err));
    WALK("1:a 2:b(gone) 3:c ", store_each_site(s, 1, write_site, &seen, &err));
    WALK("1:a 2:b(gone) ", store_each_site(s, 2, write_site, &seen, &err));
    WALK("2:b(gone) ", store_each_site(s, 3, write_site, &seen, &err));
    WALK("", store_each_site(s, 4, write_site, &seen, &err));
}

CONTRACT(an_aborted_edit_was_never_there)
{
    struct site a = a_site("a");
    uint64_t change = 99;
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_site(s, &a, &a.id, &err));
    WALK("1:a ", store_each_site(s, 0, write_site, &seen, &err));
    store_edit_abort(s);
    store_edit_abort(s);
    WALK("", store_each_site(s, 0, write_site, &seen, &err));
    OK(store_newest_change(s, &change, &err));
    assert_int_equal(change, 0);
    a.id = 0;
    assert_int_equal(add_site(s, &a, NOON), 1);
}

CONTRACT(edits_one_at_a_time)
{
    struct site a = a_site("a");
    struct record nothing = { 0 };
    REFUSED(store_edit_site(s, &a, &a.id, &err), -EINVAL, "no edit");
    REFUSED(store_edit_commit(s, &err), -EINVAL, "no edit");
    OK(store_edit_begin(s, NOON, &err));
    REFUSED(store_edit_begin(s, NOON, &err), -EINVAL, "under way");
    REFUSED(store_record(s, &nothing, &err), -EINVAL, "under way");
    OK(store_edit_site(s, &a, &a.id, &err));
    OK(store_edit_commit(s, &err));
    WALK("1:a ", store_each_site(s, 0, write_site, &seen, &err));
}

CONTRACT(names_are_unique_among_the_living)
{
    struct site a = a_site("a"), b = a_site("b"), again = a_site("a");
    a.id = add_site(s, &a, NOON);
    b.id = add_site(s, &b, NOON);

    OK(store_edit_begin(s, NOON, &err));
    REFUSED(store_edit_site(s, &again, &again.id, &err), -EEXIST, "'a'");
    b.name = "a";
    REFUSED(store_edit_site(s, &b, &b.id, &err), -EEXIST, "'a'");
    b.name = "b2"; /* the edit goes on after a refusal */
    OK(store_edit_site(s, &b, &b.id, &err));
    OK(store_edit_remove_site(s, a.id, &err));
    OK(store_edit_site(s, &again, &again.id, &err)); /* the name is free again */
    OK(store_edit_commit(s, &err));
    assert_int_equal(again.id, 3); /* the id is not */
    WALK("2:b2 3:a ", store_each_site(s, 0, write_site, &seen, &err));
}

CONTRACT(ids_that_are_not_there)
{
    struct site a = a_site("a");
    a.id = add_site(s, &a, NOON);
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, a.id, &err));
    REFUSED(store_edit_remove_site(s, a.id, &err), -ENOENT, "id 1");
    REFUSED(store_edit_site(s, &a, &a.id, &err), -ENOENT, "id 1");
    a.id = 77;
    REFUSED(store_edit_site(s, &a, &a.id, &err), -ENOENT, "id 77");
    a.id = 0;
    a.owner_id = 5;
    REFUSED(store_edit_site(s, &a, &a.id, &err), -ENOENT, "owner with the id 5");
    REFUSED(store_edit_remove_owner(s, 5, &err), -ENOENT, "id 5");
    OK(store_edit_commit(s, &err));
}

CONTRACT(changed_us_moves_with_url_interval_and_paused_only)
{
    static const struct {
        const char *what;
        bool moves;
    } rows[] = {
        {"name",      false},
        { "tags",     false},
        { "timeout",  false},
        { "method",   false},
        { "status",   false},
        { "looks",    false},
        { "contains", false},
        { "nothing",  false},
        { "url",      true },
        { "every",    true },
        { "paused",   true },
    };
    struct site a = a_site("a");
    a.id = add_site(s, &a, NOON);
    wall_us now = NOON, expected = NOON;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *what = rows[i].what;
        now += US_PER_S;
        if (rows[i].moves)
            expected = now;
        if (!strcmp(what, "name"))
            a.name = "a2";
        else if (!strcmp(what, "tags"))
            a.tags = "x";
        else if (!strcmp(what, "timeout"))
            a.timeout_ms++;
        else if (!strcmp(what, "method"))
            a.method = METHOD_GET;
        else if (!strcmp(what, "status"))
            a.status = (struct status_set){ .count = 1, .range = { { 204, 204 } } };
        else if (!strcmp(what, "looks"))
            a.confirm.looks++;
        else if (!strcmp(what, "contains"))
            a.contains = "word";
        else if (!strcmp(what, "url"))
            a.url = "http://example.com/2";
        else if (!strcmp(what, "every"))
            a.every_ms *= 2;
        else if (!strcmp(what, "paused"))
            a.paused = true;
        change_site(s, &a, now);

        scoped(site) struct site *found = NULL;
        OK(store_find_site(s, "1", &found, &err));
        if (found->changed_us != expected)
            fail_msg("%s: %lld, not %lld", what, (long long)found->changed_us, (long long)expected);
        same_site(&a, found);
        assert_int_equal(found->change, i + 2);
    }
}

CONTRACT(finding_a_site)
{
    struct site sites[] = { a_site("a"), a_site("b"), a_site("2"), a_site("http://x.example/"), a_site("c") };
    sites[0].url = "http://a.example/";
    sites[1].url = "http://b.example/";
    sites[2].url = "http://a.example/"; /* the same as the first */
    sites[3].url = "http://y.example/";
    sites[4].url = "http://x.example/"; /* the name of the fourth */
    for (size_t i = 0; i < 5; i++)
        add_site(s, &sites[i], NOON);
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, 2, &err));
    OK(store_edit_commit(s, &err));

    static const struct {
        const char *what;
        uint64_t id; /* 0: none */
    } rows[] = {
        {"1",                           1},
        { "3",                          3},
        { "2",                          2}, /* removed, and still known by its id, which comes before the third's name */
        { "a",                          1},
        { "b",                          0}, /* removed: not by name */
        { "http://b.example/",          0},
        { "http://a.example/",          1}, /* the lowest id */
        { "http://y.example/",          4},
        { "http://x.example/",          4}, /* a name before a URL */
        { "c",                          5},
        { "99",                         0},
        { "",                           0},
        { "1 ",                         0},
        { "99999999999999999999999999", 0},
        { "' OR 1=1 --",                0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(site) struct site *found = NULL;
        struct err err = { 0 };
        int r = store_find_site(s, rows[i].what, &found, &err);
        if (r != (rows[i].id ? 0 : -ENOENT) || (found ? found->id : 0) != rows[i].id)
            fail_msg("'%s': %d, site %llu", rows[i].what, r, found ? (unsigned long long)found->id : 0);
    }
}

CONTRACT(sites_that_cannot_be)
{
    struct site rows[] = { a_site(""), a_site("a"), a_site("b"), a_site("c"), a_site("d") };
    rows[1].url = "";
    rows[2].every_ms = 0;
    rows[3].method = METHOD_COUNT;
    rows[4].status = (struct status_set){ .count = EXPECT_MAX_RANGES + 1 };
    OK(store_edit_begin(s, NOON, &err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        REFUSED(store_edit_site(s, &rows[i], &rows[i].id, &err), -EINVAL, "site");
    OK(store_edit_commit(s, &err));
    WALK("", store_each_site(s, 0, write_site, &seen, &err));
}

static int ask_in_between(void *arg, const struct site *site)
{
    struct store *s = arg;
    char name[32];
    snprintf(name, sizeof name, "%s", site->name);
    scoped(site) struct site *found = NULL;
    OK(store_find_site(s, site->name, &found, &err));
    assert_int_equal(found->id, site->id);
    WALK("1:a 2:b 3:c ", store_each_site(s, 0, write_site, &seen, &err));
    assert_string_equal(site->name, name); /* what was lent is as it was */
    return 0;
}

CONTRACT(a_callback_may_ask_the_same_store)
{
    static const char *const names[] = { "a", "b", "c" };
    for (size_t i = 0; i < 3; i++) {
        struct site site = a_site(names[i]);
        add_site(s, &site, NOON);
    }
    OK(store_each_site(s, 0, ask_in_between, s, &err));
}

/* ── Owners ────────────────────────────────────────────────────────────── */

static int write_owner(void *arg, const struct owner *o)
{
    text_addf(arg, "%llu:%s/%us", (unsigned long long)o->id, o->name, o->remind_s);
    for (unsigned i = 0; i < o->n_channels; i++)
        text_addf(arg, "%c%s", i ? ',' : '=', o->channel[i]);
    text_add(arg, " ");
    return 0;
}

CONTRACT(owners_and_their_channels)
{
    struct owner a = {
        .name = "a", .channel = {"mailto:a@b.c", "console:"},
             .n_channels = 2, .remind_s = 60
    };
    struct owner b = { .name = "b" };
    struct site site = a_site("site");

    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_owner(s, &a, &a.id, &err));
    OK(store_edit_owner(s, &b, &b.id, &err));
    site.owner_id = b.id;
    OK(store_edit_site(s, &site, &site.id, &err));
    OK(store_edit_commit(s, &err));
    WALK("1:a/60s=mailto:a@b.c,console: 2:b/0s ", store_each_owner(s, 0, write_owner, &seen, &err));

    OK(store_edit_begin(s, NOON, &err));
    struct owner twin = { .name = "a" };
    REFUSED(store_edit_owner(s, &twin, &twin.id, &err), -EEXIST, "owner has the name 'a'");
    REFUSED(store_edit_remove_owner(s, b.id, &err), -EBUSY, "sites");
    a.channel[0] = "webhook:http://x/";
    a.n_channels = 1;
    OK(store_edit_owner(s, &a, &a.id, &err));
    OK(store_edit_commit(s, &err));
    WALK("1:a/60s=webhook:http://x/ ", store_each_owner(s, 1, write_owner, &seen, &err));

    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, site.id, &err));
    OK(store_edit_remove_owner(s, b.id, &err)); /* nothing is theirs any more */
    b.id = 0;
    OK(store_edit_owner(s, &b, &b.id, &err));
    OK(store_edit_commit(s, &err));
    assert_int_equal(b.id, 3); /* never 2 again */
    WALK("1:a/60s=webhook:http://x/ 3:b/0s ", store_each_owner(s, 0, write_owner, &seen, &err));

    a.n_channels = OWNER_MAX_CHANNELS + 1;
    OK(store_edit_begin(s, NOON, &err));
    REFUSED(store_edit_owner(s, &a, &a.id, &err), -EINVAL, "channels");
    store_edit_abort(s);
}

/* ── Numbers ───────────────────────────────────────────────────────────── */

CONTRACT(epochs_and_ids_count_up)
{
    uint64_t incident = 9, notice = 9;
    for (uint32_t i = 1; i <= 3; i++) {
        uint32_t epoch = 0;
        OK(store_next_epoch(s, &epoch, &err));
        assert_int_equal(epoch, i);
    }
    OK(store_newest_ids(s, &incident, &notice, &err));
    assert_int_equal(incident, 0);
    assert_int_equal(notice, 0);

    struct incident in[] = {
        {.id = 4,  .site_id = 1},
        { .id = 2, .site_id = 1}
    };
    struct notice n[] = { a_notice(11, 4, NOTICE_DOWN), a_notice(10, 2, NOTICE_DOWN) };
    struct record rec = { .incidents = in, .n_incidents = 2, .notices = n, .n_notices = 2 };
    OK(store_record(s, &rec, &err));
    OK(store_newest_ids(s, &incident, &notice, &err));
    assert_int_equal(incident, 4);
    assert_int_equal(notice, 11);
}

EVERYWHERE(all_is_there_after_opening_again)
{
    struct place p;
    place_make(&p);
    for (uint32_t i = 1; i <= 4; i++) {
        scoped(store) struct store *s = store_at(p.url, i == 1 ? STORE_CREATE : STORE_WRITE);
        uint32_t epoch = 0;
        uint64_t change = 0;
        char name[8];
        snprintf(name, sizeof name, "s%u", i);
        struct site site = a_site(name);
        struct result look = a_look(i, NOON + i * US_PER_S, VERDICT_UP);
        OK(store_next_epoch(s, &epoch, &err));
        assert_int_equal(epoch, i);
        assert_int_equal(add_site(s, &site, NOON), i);
        assert_int_equal(record_results(s, &look, 1), 1);
        OK(store_newest_change(s, &change, &err));
        assert_int_equal(change, i);
    }
    scoped(store) struct store *s = store_at(p.url, STORE_READ);
    WALK("1:s1 2:s2 3:s3 4:s4 ", store_each_site(s, 0, write_site, &seen, &err));
    WALK("4@4+ 3@3+ 2@2+ 1@1+ ", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_a_site_comes_back_as_it_was),
        cmocka_unit_test(test_edits_have_numbers_and_what_they_wrote_carries_them),
        cmocka_unit_test(test_an_aborted_edit_was_never_there),
        cmocka_unit_test(test_edits_one_at_a_time),
        cmocka_unit_test(test_names_are_unique_among_the_living),
        cmocka_unit_test(test_ids_that_are_not_there),
        cmocka_unit_test(test_changed_us_moves_with_url_interval_and_paused_only),
        cmocka_unit_test(test_finding_a_site),
        cmocka_unit_test(test_sites_that_cannot_be),
        cmocka_unit_test(test_a_callback_may_ask_the_same_store),
        cmocka_unit_test(test_owners_and_their_channels),
        cmocka_unit_test(test_epochs_and_ids_count_up),
        cmocka_unit_test(test_all_is_there_after_opening_again),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
