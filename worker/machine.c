#include "worker/machine.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FDS            "/proc/self/fd"
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

void machine_read(struct limits_host *ret)
{
    struct rlimit r;
    uint64_t first = 0, last = 0;
    bool known = getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
    bool ports = read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &first, &last) == 2 && last >= first;
    *ret = (struct limits_host){
        .descriptors = known ? r.rlim_cur : UINT64_MAX,
        .ports = ports ? (uint32_t)(last - first + 1) : 0,
        .ports_again = read_one("/proc/sys/net/ipv4/tcp_tw_reuse", 0) == 1,
        .conntrack_max = read_conntrack_max(),
        .conntrack_tcp_s =
            (uint32_t)read_one("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", 120),
        .conntrack_udp_s = (uint32_t)read_one("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", 30),
    };
}

/* Since Linux 6.2 the folder's size is their number. */
static uint32_t count_descriptors(void)
{
    struct stat st;
    uint32_t n = 0;
    if (stat(FDS, &st) == 0 && st.st_size > 0)
        return (uint32_t)st.st_size;
    DIR *d = opendir(FDS);
    if (!d)
        return 0;
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n > 0 ? n - 1 : 0; /* the folder's own */
}

uint32_t machine_descriptors(struct machine_count *c, mono_ns now)
{
    if (c->look_again == 0 || now >= c->look_again) {
        c->open = count_descriptors();
        c->look_again = now + COUNT_EVERY_NS;
    }
    return c->open;
}
