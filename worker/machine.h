/* machine.h - what this host gives a process, asked of the kernel.
 *
 * proc(5), and Documentation/networking/ip-sysctl and nf_conntrack-sysctl of the kernel.
 */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include "common/clock.h"
#include "worker/limits.h"

/* What cannot be found out is as if there were no limit of that kind. */
void machine_read(struct limits_host *ret);

/* How many descriptors are open now. Counted at most once in five seconds, and
 * where the kernel only lists them (before 6.2) that takes microseconds for each. */
struct machine_count { /* private; begin with all zero */
    mono_ns look_again;
    uint32_t open;
};
uint32_t machine_descriptors(struct machine_count *c, mono_ns now);

#endif
