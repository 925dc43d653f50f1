/* zone.h - the name server of a crowd: a question in, an answer out.
 *
 * RFC 1035, with the few parts of RFC 6891 (EDNS) that a resolver expects. It
 * knows the addresses of its sites, says that the root has name servers (which
 * is how a worker tells an open resolver from a closed one), and that nothing
 * else exists. Pure.
 */
#ifndef LOADGEN_ZONE_H
#define LOADGEN_ZONE_H

#include "loadgen/rule.h"

#define ZONE_MAX_BYTES 512

struct zone {
    const struct crowd *crowd;
    const struct rules *rules;
    uint32_t ttl_s;
};

enum zone_said {
    ZONE_ADDRESS,
    ZONE_NO_DATA, /* the name exists, without what was asked for */
    ZONE_ROOT,
    ZONE_NXDOMAIN,
    ZONE_SERVFAIL,
    ZONE_MUTE,      /* deliberately nothing */
    ZONE_MALFORMED, /* no question that can be answered: nothing */
    ZONE_SAID_COUNT,
};

/* The length of the answer in `out`, 0 for none. */
size_t zone_answer(const struct zone *z, const uint8_t *query, size_t len, int64_t since_us,
                   uint8_t out[ZONE_MAX_BYTES], enum zone_said *said);

#endif
