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

/* What of it is taken now; looked at at most once in five seconds. 0 where it cannot be found out, or where
 * there is no such limit. */
struct machine_room {
    uint32_t ports, ports_held;         /* see limits_ports_held */
    uint64_t conntrack, conntrack_most; /* entries */
    mono_ns look_again;                 /* private; begin with 0 */
};
void machine_look(struct machine_room *m, mono_ns now);

/* How many descriptors are open now. Counted at most once in five seconds, and
 * where the kernel only lists them (before 6.2) that takes microseconds for each. */
struct machine_count { /* private; begin with all zero */
    mono_ns look_again;
    uint32_t open;
};
uint32_t machine_descriptors(struct machine_count *c, mono_ns now);

#endif
