/* Questions as they come over the wire; answers are read back with c-ares' parser, not with ours. */
#include "loadgen/zone.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct crowd crowd = {
    .sites = 1000, .per_domain = 4, .base = 0x7f400001, .addresses = 7, .seed = 1
};
static struct rules rules;
static const struct zone zone = { .crowd = &crowd, .rules = &rules, .ttl_s = 42 };

static size_t ask(const char *name, int type, unsigned edns, uint8_t out[ZONE_MAX_BYTES],
                  enum zone_said *said)
{
    unsigned char *query = NULL;
    int len = 0;
    assert_int_equal(ares_create_query(name, ns_c_in, type, 0x1234, 1, &query, &len, (int)edns),
                     ARES_SUCCESS);
    size_t n = zone_answer(&zone, query, (size_t)len, 0, out, said);
    ares_free_string(query);
    return n;
}

#define RCODE(out) ((out)[3] & 15)

static const struct {
    const char *name;
    int type;
    enum zone_said said;
    int rcode;
} questions[] = {
    {"s17.d5.test",  ns_t_a,    ZONE_ADDRESS,  ns_r_noerror },
    { "S17.D5.Test", ns_t_a,    ZONE_ADDRESS,  ns_r_noerror },
    { "s17.d5.test", ns_t_aaaa, ZONE_NO_DATA,  ns_r_noerror },
    { "s17.d5.test", ns_t_ns,   ZONE_NO_DATA,  ns_r_noerror },
    { "s17.d4.test", ns_t_a,    ZONE_NXDOMAIN, ns_r_nxdomain},
    { "d5.test",     ns_t_a,    ZONE_NXDOMAIN, ns_r_nxdomain},
    { "example.com", ns_t_aaaa, ZONE_NXDOMAIN, ns_r_nxdomain},
    { "s1.d1.test",  ns_t_a,    ZONE_NXDOMAIN, ns_r_nxdomain}, /* by the rules */
    { "s2.d1.test",  ns_t_a,    ZONE_SERVFAIL, ns_r_servfail},
    { "s2.d1.test",  ns_t_aaaa, ZONE_SERVFAIL, ns_r_servfail},
    { "s4.d1.test",  ns_t_a,    ZONE_ADDRESS,  ns_r_noerror },
    { ".",           ns_t_ns,   ZONE_ROOT,     ns_r_noerror },
    { ".",           ns_t_a,    ZONE_NO_DATA,  ns_r_noerror },
};

static void every_question(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        for (unsigned edns = 0; edns <= 1232; edns += 1232) {
            uint8_t out[ZONE_MAX_BYTES];
            enum zone_said said;
            size_t n = ask(questions[i].name, questions[i].type, edns, out, &said);
            if (said != questions[i].said || n < 12 || RCODE(out) != questions[i].rcode)
                fail_msg("%s %d: said %u, %zu bytes", questions[i].name, questions[i].type, said, n);
            assert_int_equal(out[0] << 8 | out[1], 0x1234);
            assert_int_equal(out[2], 0x85);          /* an answer, authoritative, recursion desired */
            assert_int_equal(out[11], edns ? 1 : 0); /* an OPT for an OPT */
            assert_int_equal(out[7], said == ZONE_ADDRESS || said == ZONE_ROOT);
        }
}

static uint32_t address_of(const char *name, int *ttl)
{
    uint8_t out[ZONE_MAX_BYTES];
    enum zone_said said;
    struct ares_addrttl one;
    int n = 1;
    size_t len = ask(name, ns_t_a, 1232, out, &said);
    assert_int_equal(ares_parse_a_reply(out, (int)len, NULL, &one, &n), ARES_SUCCESS);
    assert_int_equal(n, 1);
    *ttl = one.ttl;
    return ntohl(one.ipaddr.s_addr);
}

static void addresses_are_the_crowds(void **state)
{
    int ttl;
    (void)state;
    assert_int_equal(address_of("s17.d5.test", &ttl), crowd_address(&crowd, 17));
    assert_int_equal(ttl, 42);
    assert_int_equal(address_of("s4.d1.test", &ttl), crowd_closed_address(&crowd, 4)); /* it refuses */
}

static void the_root_has_a_name_server(void **state)
{
    uint8_t out[ZONE_MAX_BYTES];
    enum zone_said said;
    struct hostent *host = NULL;
    (void)state;
    size_t n = ask(".", ns_t_ns, 0, out, &said);
    assert_int_equal(ares_parse_ns_reply(out, (int)n, &host), ARES_SUCCESS);
    assert_string_equal(host->h_aliases[0], "a.loadgen.test");
    ares_free_hostent(host);
}

static void a_no_may_be_believed_for_seconds(void **state)
{
    uint8_t out[ZONE_MAX_BYTES];
    enum zone_said said;
    struct ares_soa_reply *soa = NULL;
    (void)state;
    size_t n = ask("nobody.test", ns_t_a, 0, out, &said);
    out[7] = 1; /* c-ares reads a SOA where answers are */
    out[9] = 0;
    assert_int_equal(ares_parse_soa_reply(out, (int)n, &soa), ARES_SUCCESS);
    assert_int_equal(soa->minttl, 5);
    ares_free_data(soa);
}

static void the_mute_says_nothing(void **state)
{
    uint8_t out[ZONE_MAX_BYTES];
    enum zone_said said;
    (void)state;
    assert_int_equal(ask("s3.d1.test", ns_t_a, 0, out, &said), 0);
    assert_int_equal(said, ZONE_MUTE);
}

/* Every cut and every changed byte of a good question: an answer that fits, or none. */
static void damaged_questions_do_no_harm(void **state)
{
    unsigned char *query = NULL, copy[ZONE_MAX_BYTES];
    int len = 0;
    uint8_t out[ZONE_MAX_BYTES];
    enum zone_said said;
    (void)state;
    assert_int_equal(ares_create_query("s17.d5.test", ns_c_in, ns_t_a, 7, 1, &query, &len, 1232),
                     ARES_SUCCESS);
    for (int n = 0; n < len - 11; n++) {
        assert_int_equal(zone_answer(&zone, query, (size_t)n, 0, out, &said), 0);
        assert_int_equal(said, ZONE_MALFORMED);
    }
    for (int at = 0; at < len; at++)
        for (unsigned value = 0; value < 256; value++) {
            memcpy(copy, query, (size_t)len);
            copy[at] = (unsigned char)value;
            assert_in_range(zone_answer(&zone, copy, (size_t)len, 0, out, &said), 0, ZONE_MAX_BYTES);
        }
    ares_free_string(query);
}

static int make_rules(void **state)
{
    (void)state;
    return rules_add(&rules, "site 1 nxdomain", NULL) || rules_add(&rules, "site 2 servfail", NULL) ||
           rules_add(&rules, "site 3 mute", NULL) || rules_add(&rules, "site 4 refuse", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question),
        cmocka_unit_test(addresses_are_the_crowds),
        cmocka_unit_test(the_root_has_a_name_server),
        cmocka_unit_test(a_no_may_be_believed_for_seconds),
        cmocka_unit_test(the_mute_says_nothing),
        cmocka_unit_test(damaged_questions_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_rules, NULL);
}
