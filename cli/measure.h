/* measure.h - what the worker's looks cost on this machine, measured in a few seconds.
 *
 * vedette-loadgen is started on free loopback ports as a child, and the worker's
 * own probes look at its sites from this process, first over HTTP, then with full
 * handshakes, then with resumed ones.
 */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include "common/config.h"
#include "common/err.h"

#include <stdint.h>

struct measured {
    double http_us, https_us, resumed_us; /* CPU of this process for one look */
    uint64_t looks;
};

/* Needs /tmp (or TMPDIR) for the list and the root certificate, which are gone
 * afterwards. -ENOENT when there is no vedette-loadgen, -EIO when looks fail, and others. */
int measure_looks(const struct config *config, struct measured *ret, struct err *err);

#endif
