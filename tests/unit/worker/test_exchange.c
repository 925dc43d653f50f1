/* The last door: an address that slipped through everything before is refused
 * when its socket is made, by libcurl's own word on where it is about to connect. */
#include "tests/unit/worker/siteserver.h"
#include "worker/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct site_server server;

struct asking {
    struct loop *loop;
    struct address_policy policy;
    struct exchange_kit kit;
    unsigned n_done;
    int code;
    unsigned marks, status;
    enum phase phase;
};

static void begin_asking(struct asking *k, const char *allow)
{
    struct err err = { 0 };
    *k = (struct asking){ .kit = { .policy = &k->policy } };
    assert_int_equal(address_policy_parse(allow, &k->policy, NULL), 0);
    assert_int_equal(loop_new(&k->loop), 0);
    if (transfers_new(&k->kit.transfers, k->loop, 4, exchange_prepare, exchange_finished, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(tls_new(&k->kit.tls, "", 0, &err), 0);
    k->kit.headers = exchange_headers("test");
    assert_non_null(k->kit.headers);
}

static void end_asking(struct asking *k)
{
    transfers_free(k->kit.transfers);
    tls_free(k->kit.tls);
    curl_slist_free_all(k->kit.headers);
    loop_free(k->loop);
}

static void on_answer(void *arg, const struct exchange_answer *a)
{
    struct asking *k = arg;
    k->code = a->code;
    k->marks = a->marks;
    k->status = a->status;
    k->phase = a->phase;
    k->n_done++;
}

static void ask(struct asking *k, const char *scheme, const char *to)
{
    struct exchange x = { 0 };
    struct url_parts parts;
    struct address address;
    struct status_set accepted = { 0 };
    char url[100];

    snprintf(url, sizeof url, "%s://example.com:%u/", scheme, server.port);
    assert_int_equal(url_split(url, &parts, NULL), 0);
    assert_int_equal(address_parse(to, &address), 0);
    const struct exchange_request r = {
        .url = url, .parts = &parts, .to = &address, .head = true, .timeout_ms = 5000, .accepted = &accepted
    };
    unsigned before = k->n_done;
    assert_int_equal(exchange_begin(&x, &k->kit, &r, on_answer, k), 0);
    while (k->n_done == before)
        assert_int_equal(loop_turn(k->loop, 1000), 0);
    exchange_done(&x);
}

static void a_socket_is_made_for_allowed_addresses_only(void **state)
{
    (void)state;
    static const char *const addresses[] = { "127.0.0.1", "127.3.2.1",        "0.0.0.0",
                                             "::1",       "::ffff:127.0.0.1", "10.0.0.1" };
    static const char *const schemes[] = { "http", "https" };
    struct asking k;
    begin_asking(&k, "127.0.0.2/32");
    for (size_t i = 0; i < 2 * sizeof addresses / sizeof *addresses; i++) {
        ask(&k, schemes[i % 2], addresses[i / 2]);
        if (k.code == CURLE_OK || !(k.marks & MARK_POLICY) || k.phase != PHASE_CONNECT || k.status != 0)
            fail_msg("%s: code %d phase %d", addresses[i / 2], k.code, k.phase);
    }
    end_asking(&k);
}

static void and_with_leave_it_is_made(void **state)
{
    (void)state;
    struct asking k;
    begin_asking(&k, "127.0.0.0/8");
    ask(&k, "http", "127.0.0.1");
    assert_int_equal(k.code, CURLE_OK);
    assert_int_equal(k.marks, 0);
    assert_int_equal(k.status, 200);
    end_asking(&k);
}

static int start_server(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    server = site_server_start(NULL, NULL);
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
        cmocka_unit_test(a_socket_is_made_for_allowed_addresses_only),
        cmocka_unit_test(and_with_leave_it_is_made),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
