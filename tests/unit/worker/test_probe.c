/* Real looks at small servers on this machine: plain HTTP. */
#include "tests/unit/worker/siteserver.h"
#include "worker/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct site_server server;
static uint16_t closed_port;

struct looking {
    struct loop *loop;
    struct probes *probes;
    struct config config;
    unsigned n_done;
    struct result result; /* the last one */
};

static void on_done(void *arg, const struct result *r)
{
    struct looking *k = arg;
    k->result = *r;
    k->n_done++;
}

static void begin_looking(struct looking *k, const char *networks)
{
    struct err err = { 0 };
    *k = (struct looking){ 0 };
    config_init(&k->config);
    k->config.worker.slots = 16;
    snprintf(k->config.worker.allow, sizeof k->config.worker.allow, "%s", networks);
    assert_int_equal(loop_new(&k->loop), 0);
    if (probes_new(&k->probes, k->loop, &k->config, &err) < 0)
        fail_msg("%s", err.text);
}

static void end_looking(struct looking *k)
{
    probes_free(k->probes);
    loop_free(k->loop);
}

static struct job job_for(const char *url)
{
    return (struct job){ .id = 7, .url = url, .contains = "", .avoid = "", .timeout_ms = 3000 };
}

static void look(struct looking *k, const struct job *j)
{
    unsigned before = k->n_done;
    assert_int_equal(probe_begin(k->probes, j, on_done, k), 0);
    assert_int_equal(k->n_done, before); /* never from within */
    for (int turns = 0; k->n_done == before && turns < 10000; turns++)
        assert_int_equal(loop_turn(k->loop, 1000), 0);
    assert_int_equal(k->n_done, before + 1);
}

/* {s} is the server's port, {c} one where nobody listens. */
static const char *with_ports(const char *url, char buf[512])
{
    size_t n = 0;
    for (const char *p = url; *p; p++) {
        if (p[0] == '{') {
            n += (size_t)sprintf(buf + n, "%u", p[1] == 's' ? server.port : closed_port);
            p += 2;
        } else {
            buf[n++] = *p;
        }
    }
    buf[n] = '\0';
    return buf;
}

static const struct {
    const char *name, *url;
    enum method method;
    const char *contains, *statuses;
    uint32_t timeout_ms;
    enum verdict verdict;
    enum cause cause;
    unsigned status;
    enum method decided;
    unsigned redirects;
} stories[] = {
    {"a healthy site",                           "http://127.0.0.1:{s}/",                 0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200, METHOD_HEAD, 0 },
    { "by the name localhost",                   "http://localhost:{s}/",                 0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "405 to HEAD",                             "http://127.0.0.1:{s}/head/405",         0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200, METHOD_GET,
     0                                                                                                                                                                                    },
    { "500 to HEAD",                             "http://127.0.0.1:{s}/head/500",         0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200, METHOD_GET,
     0                                                                                                                                                                                    },
    { "405 to HEAD, and nothing else is wanted", "http://127.0.0.1:{s}/head/405",         METHOD_HEAD, "",        "",    0,
     VERDICT_DOWN,                                                                                                                             CAUSE_HTTP_4XX,        405, METHOD_HEAD, 0 },
    { "HEAD breaks the connection",              "http://127.0.0.1:{s}/headcut",          0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_GET,                                                                                                                                                                        0 },
    { "500",                                     "http://127.0.0.1:{s}/status/500",       0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_HTTP_5XX,        500, METHOD_GET,
     0                                                                                                                                                                                    },
    { "404",                                     "http://127.0.0.1:{s}/status/404",       0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_HTTP_4XX,        404, METHOD_GET,
     0                                                                                                                                                                                    },
    { "404 is what they want",                   "http://127.0.0.1:{s}/status/404",       0,           "",        "404", 0,   VERDICT_UP,      CAUSE_NONE,
     404,                                                                                                                                                                  METHOD_HEAD, 0 },
    { "200 is not",                              "http://127.0.0.1:{s}/",                 0,           "",        "404", 0,   VERDICT_DOWN,    CAUSE_HTTP_UNEXPECTED, 200,
     METHOD_GET,                                                                                                                                                                        0 },
    { "503 is no patience",                      "http://127.0.0.1:{s}/status/503/retry", 0,           "",        "",    0,   VERDICT_DOWN,
     CAUSE_HTTP_5XX,                                                                                                                                                  503, METHOD_GET,  0 },
    { "429 and patience",                        "http://127.0.0.1:{s}/status/429/retry", 0,           "",        "",    0,   VERDICT_UP,
     CAUSE_ASKS_PATIENCE,                                                                                                                                             429, METHOD_HEAD, 0 },
    { "429 without a word",                      "http://127.0.0.1:{s}/status/429",       0,           "",        "",    0,   VERDICT_UP,      CAUSE_ASKS_PATIENCE,
     429,                                                                                                                                                                  METHOD_HEAD, 0 },
    { "429 is what they want",                   "http://127.0.0.1:{s}/status/429/retry", 0,           "",        "429", 0,   VERDICT_UP,
     CAUSE_NONE,                                                                                                                                                      429, METHOD_HEAD, 0 },
    { "a filter",                                "http://127.0.0.1:{s}/status/403/waf",   0,           "",        "",    0,   VERDICT_UP,      CAUSE_BLOCKED_WAF,     403,
     METHOD_GET,                                                                                                                                                                        0 },
    { "interim answers",                         "http://127.0.0.1:{s}/interim",          0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            204,
     METHOD_HEAD,                                                                                                                                                                       0 },

    { "the keyword, cut in two",                 "http://127.0.0.1:{s}/",                 0,           "keyword", "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_GET,                                                                                                                                                                        0 },
    { "another keyword",                         "http://127.0.0.1:{s}/",                 0,           "goodbye", "",    0,   VERDICT_DOWN,    CAUSE_CONTENT,         200,
     METHOD_GET,                                                                                                                                                                        0 },
    { "a body without end",                      "http://127.0.0.1:{s}/body",             0,           "goodbye", "",    0,   VERDICT_DOWN,    CAUSE_CONTENT,
     200,                                                                                                                                                                  METHOD_GET,  0 },
    { "a body without end that nobody reads",    "http://127.0.0.1:{s}/body",             METHOD_GET,  "",        "",    0,   VERDICT_UP,
     CAUSE_NONE,                                                                                                                                                      200, METHOD_GET,  0 },
    { "a body that drips",                       "http://127.0.0.1:{s}/drip",             0,           "goodbye", "",    600, VERDICT_DOWN,
     CAUSE_TIMEOUT_BODY,                                                                                                                                              200, METHOD_GET,  0 },

    { "three redirects",                         "http://127.0.0.1:{s}/redirect/2",       0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_HEAD,                                                                                                                                                                       3 },
    { "ten redirects",                           "http://127.0.0.1:{s}/redirect/9",       0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_HEAD,                                                                                                                                                                       10},
    { "eleven",                                  "http://127.0.0.1:{s}/redirect/10",      0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_REDIRECT_LOOP,   302,
     METHOD_GET,                                                                                                                                                                        10},
    { "the redirect itself",                     "http://127.0.0.1:{s}/redirect/2",       0,           "",        "302", 0,   VERDICT_UP,      CAUSE_NONE,            302,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "to itself",                               "http://127.0.0.1:{s}/loop",             0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_REDIRECT_LOOP,   301,
     METHOD_GET,                                                                                                                                                                        0 },
    { "to itself with a cookie",                 "http://127.0.0.1:{s}/cookies",          0,           "",        "",    0,   VERDICT_UP,      CAUSE_NONE,            200,
     METHOD_HEAD,                                                                                                                                                                       1 },
    { "to nowhere",                              "http://127.0.0.1:{s}/nowhere",          0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_REDIRECT_BAD,    302,
     METHOD_GET,                                                                                                                                                                        0 },
    { "to a file",                               "http://127.0.0.1:{s}/file",             0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_REDIRECT_BAD,    302,
     METHOD_GET,                                                                                                                                                                        0 },
    { "to a private address",                    "http://127.0.0.1:{s}/private",          0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_REDIRECT_BAD,
     302,                                                                                                                                                                  METHOD_GET,  1 },

    { "nobody listens",                          "http://127.0.0.1:{c}/",                 0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_CONNECT_REFUSED, 0,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "closes without a word",                   "http://127.0.0.1:{s}/closed",           0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_CLOSED,          0,
     METHOD_GET,                                                                                                                                                                        0 },
    { "resets",                                  "http://127.0.0.1:{s}/reset",            0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_RESET,           0,   METHOD_GET,  0 },
    { "half a header",                           "http://127.0.0.1:{s}/half",             0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_CLOSED,          0,   METHOD_GET,
     0                                                                                                                                                                                    },
    { "never answers",                           "http://127.0.0.1:{s}/silent",           0,           "",        "",    300, VERDICT_DOWN,    CAUSE_TIMEOUT_WAIT,    0,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "speaks SSH",                              "http://127.0.0.1:{s}/ssh",              0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_PROTOCOL,        0,   METHOD_GET,
     0                                                                                                                                                                                    },
    { "headers without end",                     "http://127.0.0.1:{s}/headers",          0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_PROTOCOL,        0,
     METHOD_GET,                                                                                                                                                                        0 },
    { "TLS where there is none",                 "https://127.0.0.1:{s}/",                0,           "",        "",    0,   VERDICT_DOWN,    CAUSE_TLS_HANDSHAKE,   0,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "an address that is not allowed",          "http://10.0.0.1/",                      0,           "",        "",    0,   VERDICT_UNKNOWN, CAUSE_POLICY,          0,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "the same where the network was opened",   "http://127.0.0.1:1/",                   0,           "",        "",    0,   VERDICT_DOWN,
     CAUSE_CONNECT_REFUSED,                                                                                                                                           0,   METHOD_HEAD, 0 },
    { "a port that is not allowed",              "http://[2e00::1]:25/",                  0,           "",        "",    0,   VERDICT_UNKNOWN, CAUSE_POLICY,          0,
     METHOD_HEAD,                                                                                                                                                                       0 },
    { "a name that is not of the internet",      "http://printer.local/",                 0,           "",        "",    0,   VERDICT_UNKNOWN,
     CAUSE_POLICY,                                                                                                                                                    0,   METHOD_HEAD, 0 },
};

static void every_kind_of_answer_has_its_verdict(void **state)
{
    (void)state;
    struct looking k;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        char url[512];
        print_message("  %s\n", stories[i].name);
        begin_looking(&k, "127.0.0.0/8");
        struct job j = job_for(with_ports(stories[i].url, url));
        j.method = stories[i].method;
        j.contains = stories[i].contains;
        if (stories[i].statuses[0])
            assert_int_equal(status_set_parse(stories[i].statuses, &j.status, NULL), 0);
        if (stories[i].timeout_ms)
            j.timeout_ms = stories[i].timeout_ms;
        look(&k, &j);

        const struct result *r = &k.result;
        if (r->verdict != stories[i].verdict || r->cause != stories[i].cause ||
            r->status != stories[i].status || r->method != stories[i].decided ||
            r->redirects != stories[i].redirects)
            fail_msg("%s: %s %s status %u %s redirects %u: %s", stories[i].name, verdict_name(r->verdict),
                     cause_name(r->cause), r->status, method_name(r->method), r->redirects, r->detail);
        assert_int_equal(r->job_id, 7);
        assert_true(r->took_us > 0 && r->took_us < j.timeout_ms * 1000 + 500000);
        assert_int_equal(probes_in_hand(k.probes), 0);
        end_looking(&k);
    }
}

static void what_needs_get_is_remembered(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/headcut", url));
    look(&k, &j);
    uint32_t first_wait = k.result.phases.wait_us;
    assert_int_equal(k.result.method, METHOD_GET);

    /* HEAD alone now, to see that the memory is what decides. */
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_GET);
    assert_int_equal(k.result.verdict, VERDICT_UP);
    assert_true(first_wait > 0);
    end_looking(&k);
}

/* Time is up before GET can be tried, so the next look and the confirming ones
 * begin with it. */
static void a_head_that_hangs_is_followed_by_get(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/headhangs", url));
    j.timeout_ms = 200;
    j.run.look = 1;
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_GET);
    assert_int_equal(k.result.verdict, VERDICT_UP);
    j.run.look = 0; /* that a confirming look was well says nothing of HEAD */
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_HEAD);
    assert_int_equal(k.result.cause, CAUSE_TIMEOUT_WAIT);
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_GET);
    assert_int_equal(k.result.verdict, VERDICT_UP);

    j = job_for(with_ports("http://127.0.0.1:{s}/headhangs/only", url));
    j.timeout_ms = 200;
    j.method = METHOD_HEAD;
    j.run.look = 1;
    look(&k, &j);
    assert_int_equal(k.result.cause, CAUSE_TIMEOUT_WAIT); /* who says HEAD gets HEAD */
    end_looking(&k);
}

/* The little that is left would be over before GET is connected. */
static void a_head_that_fails_late_is_not_followed_by_get(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/headlate", url));
    j.timeout_ms = 1000;
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_HEAD);
    assert_true(k.result.cause == CAUSE_CLOSED || k.result.cause == CAUSE_TIMEOUT_WAIT);
    look(&k, &j);
    assert_int_equal(k.result.method, METHOD_GET);
    assert_int_equal(k.result.verdict, VERDICT_UP);
    end_looking(&k);
}

/* What the coordinator has been told by another worker. */
static void a_site_that_asked_for_patience_is_not_looked_at(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{c}/", url));
    j.patience_s = 90;
    look(&k, &j);
    assert_int_equal(k.result.verdict, VERDICT_UP);
    assert_int_equal(k.result.cause, CAUSE_ASKS_PATIENCE);
    assert_int_equal(k.result.patience_s, 0);
    assert_non_null(strstr(k.result.detail, "90 s more"));
    j.patience_s = 0;
    look(&k, &j);
    assert_int_equal(k.result.cause, CAUSE_CONNECT_REFUSED);
    j = job_for(with_ports("http://127.0.0.1:{s}/status/429/retry", url));
    look(&k, &j);
    assert_int_equal(k.result.patience_s, 30);
    j = job_for(with_ports("http://127.0.0.1:{s}/status/429", url));
    look(&k, &j);
    assert_int_equal(k.result.patience_s, 60);
    end_looking(&k);
}

static void phases_add_up(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/redirect/3", url));
    look(&k, &j);
    const struct phases *p = &k.result.phases;
    uint64_t sum = (uint64_t)p->dns_us + p->connect_us + p->tls_us + p->wait_us + p->body_us;
    assert_true(p->connect_us > 0 && p->wait_us > 0);
    assert_int_equal(p->dns_us, 0);
    assert_int_equal(p->tls_us, 0);
    assert_true(sum <= k.result.took_us);
    assert_string_equal(k.result.address, "127.0.0.1");
    assert_true(llabs(k.result.at_us - clock_wall()) < 5 * US_PER_S);
    end_looking(&k);
}

static void slots_are_a_ceiling(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/silent", url));
    for (int i = 0; i < 16; i++)
        assert_int_equal(probe_begin(k.probes, &j, on_done, &k), 0);
    assert_int_equal(probes_room(k.probes), 0);
    assert_int_equal(probe_begin(k.probes, &j, on_done, &k), -EAGAIN);
    for (int i = 0; i < 5; i++)
        loop_turn(k.loop, 50);
    assert_int_equal(probes_in_hand(k.probes), 16);
    end_looking(&k); /* with all of them in hand */
    assert_int_equal(k.n_done, 0);
}

/* The loop is held up for longer than the budget: the site has answered long ago. */
static void a_late_loop_judges_nobody(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/silent", url));
    j.timeout_ms = 200;
    assert_int_equal(probe_begin(k.probes, &j, on_done, &k), 0);
    for (int i = 0; i < 5; i++)
        loop_turn(k.loop, 10);
    usleep(1200000);
    while (k.n_done == 0)
        loop_turn(k.loop, 100);
    if (k.result.cause != CAUSE_WORKER_ERROR)
        fail_msg("%s: %s", cause_name(k.result.cause), k.result.detail);
    assert_int_equal(k.result.verdict, VERDICT_UNKNOWN);
    end_looking(&k);
}

/* It answers at once, and we could not hear it: its time is given again. */
static void what_a_late_loop_could_not_hear_is_heard_after_all(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/", url));
    j.timeout_ms = 200;
    assert_int_equal(probe_begin(k.probes, &j, on_done, &k), 0);
    loop_turn(k.loop, 10);
    usleep(1200000);
    while (k.n_done == 0)
        loop_turn(k.loop, 100);
    if (k.result.verdict != VERDICT_UP)
        fail_msg("%s: %s", cause_name(k.result.cause), k.result.detail);
    end_looking(&k);
}

/* No descriptor is left, as often as it takes to say so. */
static void running_out_of_descriptors_is_ours(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    struct rlimit before, few;
    begin_looking(&k, "127.0.0.0/8");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/", url));
    look(&k, &j);
    assert_int_equal(k.result.verdict, VERDICT_UP);

    int next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ (rlim_t)next, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 5; i++) {
        look(&k, &j);
        if (k.result.cause != CAUSE_WORKER_ERROR || k.result.verdict != VERDICT_UNKNOWN)
            fail_msg("%s: %s", cause_name(k.result.cause), k.result.detail);
    }
    assert_true(probes_suspect(k.probes));
    assert_non_null(strstr(probes_reason(k.probes), "descriptors"));

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    look(&k, &j); /* in doubt, and what is up is up all the same */
    assert_int_equal(k.result.verdict, VERDICT_UP);
    assert_true(k.result.suspect);
    j = job_for(with_ports("http://127.0.0.1:{c}/", url));
    look(&k, &j);
    assert_int_equal(k.result.cause, CAUSE_WORKER_SUSPECT);
    assert_int_equal(k.result.verdict, VERDICT_UNKNOWN);
    end_looking(&k);
}

static void without_leave_loopback_is_refused(void **state)
{
    (void)state;
    struct looking k;
    char url[512];
    begin_looking(&k, "");
    struct job j = job_for(with_ports("http://127.0.0.1:{s}/", url));
    look(&k, &j);
    assert_int_equal(k.result.cause, CAUSE_POLICY);
    j = job_for(with_ports("http://localhost:{s}/", url));
    look(&k, &j);
    assert_int_equal(k.result.cause, CAUSE_POLICY);
    end_looking(&k);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *networks, *resolver, *ca_file, *says;
    } rows[] = {
        {"10.0.0.0/99", "",                "",             "worker.allow"   },
        { "",           "not-an-address",  "",             "worker.resolver"},
        { "",           "127.0.0.1:0",     "",             "worker.resolver"},
        { "",           "127.0.0.1:99999", "",             "worker.resolver"},
        { "",           "[::1",            "",             "worker.resolver"},
        { "",           "",                "/nonexistent", "worker.ca_file" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct loop *loop = NULL;
        struct probes *probes = NULL;
        struct err err = { 0 };
        config_init(&c);
        snprintf(c.worker.allow, sizeof c.worker.allow, "%s", rows[i].networks);
        snprintf(c.worker.resolver, sizeof c.worker.resolver, "%s", rows[i].resolver);
        snprintf(c.worker.ca_file, sizeof c.worker.ca_file, "%s", rows[i].ca_file);
        assert_int_equal(loop_new(&loop), 0);
        assert_true(probes_new(&probes, loop, &c, &err) < 0);
        assert_non_null(strstr(err.text, rows[i].says));
        loop_free(loop);
    }
}

static int start_server(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    server = site_server_start(NULL, NULL);
    closed_port = site_closed_port();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    site_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_answer_has_its_verdict),
        cmocka_unit_test(what_needs_get_is_remembered),
        cmocka_unit_test(a_head_that_hangs_is_followed_by_get),
        cmocka_unit_test(a_head_that_fails_late_is_not_followed_by_get),
        cmocka_unit_test(a_site_that_asked_for_patience_is_not_looked_at),
        cmocka_unit_test(phases_add_up),
        cmocka_unit_test(slots_are_a_ceiling),
        cmocka_unit_test(a_late_loop_judges_nobody),
        cmocka_unit_test(what_a_late_loop_could_not_hear_is_heard_after_all),
        cmocka_unit_test(running_out_of_descriptors_is_ours),
        cmocka_unit_test(without_leave_loopback_is_refused),
        cmocka_unit_test(bad_settings_are_named),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
