#include "common/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS "/proc/self/fd"

/* Since Linux 6.2 the folder's size is their number. */
uint32_t usage_descriptors(void)
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

static int64_t cpu_us(void)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) < 0)
        return 0;
    return ((int64_t)r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

/* proc(5), statm: mapped and resident, in pages. */
static void read_memory(struct usage *u)
{
    uint64_t mapped = 0, resident = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%" SCNu64 " %" SCNu64, &mapped, &resident) == 2) {
        u->virtual_bytes = mapped * page;
        u->resident_bytes = resident * page;
    }
    if (f)
        fclose(f);
}

static uint32_t count_threads(void)
{
    char line[200];
    unsigned n = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %u", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}

void usage_read(struct usage *ret)
{
    struct rlimit most;
    *ret =
        (struct usage){ .cpu_us = cpu_us(), .descriptors = usage_descriptors(), .threads = count_threads() };
    read_memory(ret);
    if (getrlimit(RLIMIT_NOFILE, &most) == 0)
        ret->descriptors_most = most.rlim_cur;
}
