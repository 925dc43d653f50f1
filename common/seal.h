/* seal.h - proof that a job was given out: a number that only the cluster's own programs
 * can make, sent with the job and brought back with its result.
 *
 * PUSH hands each job to one worker and does not say to which. Nobody else sees its seal,
 * since the link is encrypted. So whoever brings a result with the right seal was given that
 * very job: this site, slot, location and look, under this id. The collector needs to know
 * nothing else for it, neither what the coordinator remembers nor which of them it was; late
 * results and restarts change nothing.
 *
 * What it does not say: whether the look was made, or the result is true. A worker that
 * answered a job with busy has its seal as well.
 *
 * SipHash-2-4 (a keyed hash of 64 bits for short texts), with a key made of the cluster's
 * secret one by BLAKE2b. A guess is right once in 2^64, and each wrong one is counted. Pure.
 */
#ifndef COMMON_SEAL_H
#define COMMON_SEAL_H

#include "common/job.h"

#include <stdbool.h>

#define SEAL_KEY_BYTES 16

struct seal_key {
    bool is_set; /* false: there is no cluster's key, and jobs have no seals */
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* `secret`: the cluster's secret key, as text (keys.h). */
void seal_key_make(struct seal_key *ret, const char *secret);

/* Never 0, which is no seal. */
uint64_t seal_make(const struct seal_key *k, uint64_t job_id, const struct run *run);
bool seal_is_right(const struct seal_key *k, uint64_t seal, uint64_t job_id, const struct run *run);

#endif
