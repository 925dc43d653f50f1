#include "worker/machine.h"

#include "common/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define COUNT_EVERY_NS (5 * NS_PER_S)

/* The numbers in a file of /proc/sys; how many there were. */
static int read_numbers(const char *path, uint64_t *first, uint64_t *second)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%" SCNu64 " %" SCNu64, first, second);
    fclose(f);
    return n > 0 ? n : 0;
}

static uint64_t read_one(const char *path, uint64_t otherwise)
{
    uint64_t n = 0, none = 0;
    return read_numbers(path, &n, &none) > 0 ? n : otherwise;
}

/* The most connections that are tracked; 0 where none is. The module may be there without a rule that
 * asks for tracking: then it counts nothing, although there are connections. */
static uint64_t read_conntrack_max(void)
{
    bool counts = read_one("/proc/sys/net/netfilter/nf_conntrack_count", 0) > 0;
    return counts ? read_one("/proc/sys/net/netfilter/nf_conntrack_max", 0) : 0;
}

static uint32_t read_ports(void)
{
    uint64_t first = 0, last = 0;
    bool known = read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &first, &last) == 2 && last >= first;
    return known ? (uint32_t)(last - first + 1) : 0;
}

void machine_read(struct limits_host *ret)
{
    struct rlimit r;
    bool known = getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
    *ret = (struct limits_host){
        .descriptors = known ? r.rlim_cur : UINT64_MAX,
        .ports = read_ports(),
        .ports_again = read_one("/proc/sys/net/ipv4/tcp_tw_reuse", 0) == 1,
        .conntrack_max = read_conntrack_max(),
        .conntrack_tcp_s =
            (uint32_t)read_one("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", 120),
        .conntrack_udp_s = (uint32_t)read_one("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", 30),
    };
}

/* As much of a small file as there is room for, terminated. */
static void read_text(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(buf, 1, size - 1, f) : 0;
    buf[n] = '\0';
    if (f)
        fclose(f);
}

void machine_look(struct machine_room *m, mono_ns now)
{
    char sockstat[1024], sockstat6[1024];
    if (m->look_again != 0 && now < m->look_again)
        return;
    read_text("/proc/net/sockstat", sockstat, sizeof sockstat);
    read_text("/proc/net/sockstat6", sockstat6, sizeof sockstat6);
    *m = (struct machine_room){
        .ports = read_ports(),
        .ports_held = limits_ports_held(sockstat, sockstat6),
        .conntrack = read_one("/proc/sys/net/netfilter/nf_conntrack_count", 0),
        .conntrack_most = read_one("/proc/sys/net/netfilter/nf_conntrack_max", 0),
        .look_again = now + COUNT_EVERY_NS,
    };
}

uint32_t machine_descriptors(struct machine_count *c, mono_ns now)
{
    if (c->look_again == 0 || now >= c->look_again) {
        c->open = usage_descriptors();
        c->look_again = now + COUNT_EVERY_NS;
    }
    return c->open;
}
