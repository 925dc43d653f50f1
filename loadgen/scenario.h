/* scenario.h - what shall be simulated: from options, or from a file with the same names.
 *
 * A row of the table in scenario.c is an option (--latency-p99 900ms) and a key
 * of the file (latency_p99: 900ms) at once. Later ones win; rules add up.
 */
#ifndef LOADGEN_SCENARIO_H
#define LOADGEN_SCENARIO_H

#include "common/err.h"
#include "loadgen/rule.h"

#include <stdbool.h>
#include <stdint.h>

#define SCENARIO_MAX_THREADS   64
#define SCENARIO_ADDRESSES_MAX 4096 /* that are chosen without being told */

struct scenario {
    uint64_t sites, per_domain, addresses, seed; /* addresses 0: one for each 100 sites, 4,096 at most */
    uint64_t port, ttl_s, threads;
    uint32_t https_ppm;
    char base[64]; /* "127.64.0.1" */
    char dns[64];  /* "127.0.0.1:7753" */
    int64_t latency_us, latency_p99_us;
    int64_t every_us, timeout_us; /* only for the list that is written */
    int64_t for_us;               /* 0: until it is told to end */
    int64_t report_us;            /* between two lines; 0: none */
    bool resume, names, json, only_write;
    char ca_file[256], write[256], write_config[256];
    struct rules rules;
};

void scenario_init(struct scenario *s); /* defaults */

/* One setting by its name in a file ("latency_p99"); -ENOENT when there is none
 * of that name, -EINVAL with a sentence. "rule" adds one; "hang", "fail" and
 * "refuse" with a share are short for one. */
int scenario_set(struct scenario *s, const char *name, const char *value, struct err *err);

/* From a YAML file: a map of settings, with `rules` as a list of lines. */
int scenario_load(struct scenario *s, const char *path, struct err *err);
int scenario_load_bytes(struct scenario *s, const char *name, const char *bytes, size_t len, struct err *err);

/* What only holds together, and the crowd and name server's address that follow. -EINVAL. */
struct sockaddr_in;
int scenario_finish(const struct scenario *s, struct crowd *ret, struct sockaddr_in *dns, struct err *err);

/* Rows of the table, for options and their help. `value` is what stands for the
 * argument, NULL for one that takes none. False when there are no more. */
struct scenario_row {
    const char *name, *value, *says;
};
bool scenario_row(unsigned i, struct scenario_row *ret);

#endif
