#include "loadgen/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[COUNT_COUNT] = {
    [COUNT_CONNECTIONS] = "connections",
    [COUNT_CLOSED] = "closed",
    [COUNT_TURNED_AWAY] = "turned_away",
    [COUNT_HANDSHAKES] = "handshakes",
    [COUNT_RESUMED] = "resumed",
    [COUNT_TLS_FAILED] = "tls_failed",
    [COUNT_REQUESTS] = "requests",
    [COUNT_HEAD] = "head",
    [COUNT_STRANGERS] = "strangers",
    [COUNT_MALFORMED] = "malformed",
    [COUNT_2XX] = "answered_2xx",
    [COUNT_3XX] = "answered_3xx",
    [COUNT_4XX] = "answered_4xx",
    [COUNT_5XX] = "answered_5xx",
    [COUNT_HUNG] = "hung",
    [COUNT_CUT] = "cut",
    [COUNT_EARLY] = "left_early",
    [COUNT_DNS + ZONE_ADDRESS] = "dns_address",
    [COUNT_DNS + ZONE_NO_DATA] = "dns_no_data",
    [COUNT_DNS + ZONE_ROOT] = "dns_root",
    [COUNT_DNS + ZONE_NXDOMAIN] = "dns_nxdomain",
    [COUNT_DNS + ZONE_SERVFAIL] = "dns_servfail",
    [COUNT_DNS + ZONE_MUTE] = "dns_mute",
    [COUNT_DNS + ZONE_MALFORMED] = "dns_malformed",
};

void tally_add(struct tally *into, const struct tally *one)
{
    for (unsigned i = 0; i < COUNT_COUNT; i++)
        into->count[i] += __atomic_load_n(&one->count[i], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < RULES_MAX; i++)
        into->followed[i] += __atomic_load_n(&one->followed[i], __ATOMIC_RELAXED);
}

static uint64_t sum(const struct tally *t, unsigned from, unsigned to)
{
    uint64_t n = 0;
    for (unsigned i = from; i <= to; i++)
        n += t->count[i];
    return n;
}

static uint64_t rate(const struct tally *before, const struct tally *after, unsigned from, unsigned to,
                     int64_t span_us)
{
    uint64_t n = sum(after, from, to) - sum(before, from, to);
    return span_us > 0 ? (n * US_PER_S + (uint64_t)span_us / 2) / (uint64_t)span_us : 0;
}

void tally_line(char *buf, size_t size, const struct tally *before, const struct tally *after, int64_t at_us,
                int64_t span_us)
{
    uint64_t open = after->count[COUNT_CONNECTIONS] - after->count[COUNT_CLOSED];
    snprintf(buf, size,
             "%6" PRId64 "s %7" PRIu64 " requests/s (%" PRIu64 " handshakes/s) %6" PRIu64 " well/s %5" PRIu64
             " bad/s %5" PRIu64 " hung or cut/s %6" PRIu64 " open %6" PRIu64 " questions/s",
             (at_us + US_PER_S / 2) / US_PER_S, rate(before, after, COUNT_REQUESTS, COUNT_REQUESTS, span_us),
             rate(before, after, COUNT_HANDSHAKES, COUNT_HANDSHAKES, span_us),
             rate(before, after, COUNT_2XX, COUNT_3XX, span_us),
             rate(before, after, COUNT_4XX, COUNT_5XX, span_us),
             rate(before, after, COUNT_HUNG, COUNT_CUT, span_us), open,
             rate(before, after, COUNT_DNS, COUNT_COUNT - 1, span_us));
}

/* Rules are plain words; what JSON must not have bare is left out. */
static void add_string(struct text *out, const char *s)
{
    text_add(out, "\"");
    for (; *s; s++)
        if ((unsigned char)*s >= ' ' && *s != '"' && *s != '\\')
            text_add_bytes(out, s, 1);
    text_add(out, "\"");
}

void tally_json(struct text *out, const struct tally *sum, const struct rules *rules, const struct crowd *c,
                int64_t served_us)
{
    text_addf(out, "{\"sites\":%" PRIu32 ",\"served_ms\":%" PRId64, c->sites, served_us / US_PER_MS);
    for (unsigned i = 0; i < COUNT_COUNT; i++)
        text_addf(out, ",\"%s\":%" PRIu64, names[i], sum->count[i]);
    text_add(out, ",\"rules\":[");
    for (unsigned i = 0; i < rules->n; i++) {
        text_add(out, i ? ",{\"rule\":" : "{\"rule\":");
        add_string(out, rules->rule[i].text);
        text_addf(out, ",\"sites\":%" PRIu32 ",\"requests\":%" PRIu64 "}", rule_sites(&rules->rule[i], c),
                  sum->followed[i]);
    }
    text_add(out, "]}");
}
