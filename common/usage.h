/* usage.h - what this process takes of its machine: proc(5), getrusage(2). From any thread. */
#ifndef COMMON_USAGE_H
#define COMMON_USAGE_H

#include <stdint.h>

/* What cannot be found out is 0. */
struct usage {
    int64_t cpu_us; /* user and system, all threads */
    uint64_t resident_bytes, virtual_bytes;
    uint32_t descriptors;      /* open now */
    uint64_t descriptors_most; /* that may be; of any number as well */
    uint32_t threads;
};
void usage_read(struct usage *ret);

/* How many descriptors are open. Where the kernel only lists them (before 6.2) that takes microseconds for
 * each. */
uint32_t usage_descriptors(void);

#endif
