#include "loadgen/sitesfile.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    const char *path;
    char part[4096];
    FILE *out;
};

static int place_open(struct place *p, const char *path, struct err *err)
{
    p->path = path;
    if ((size_t)snprintf(p->part, sizeof p->part, "%s.%d", path, (int)getpid()) >= sizeof p->part)
        return err_set(err, -ENAMETOOLONG, "%s is too long a path", path);
    p->out = fopen(p->part, "we");
    return p->out ? 0 : err_set(err, -errno, "%s cannot be written: %s", p->part, strerror(errno));
}

static int place_close(struct place *p, struct err *err)
{
    bool fine = !ferror(p->out);
    fine = fclose(p->out) == 0 && fine && rename(p->part, p->path) == 0;
    if (fine)
        return 0;
    int code = errno ? -errno : -EIO;
    unlink(p->part);
    return err_set(err, code, "%s cannot be written: %s", p->path, strerror(-code));
}

int sitesfile_write(const char *path, const struct crowd *c, const struct scenario *s, struct err *err)
{
    struct place p;
    char every[32], timeout[32], url[CROWD_URL_SIZE];
    int r = place_open(&p, path, err);
    if (r < 0)
        return r;
    fprintf(p.out,
            "# %" PRIu32 " simulated sites; written by vedette-loadgen, which must serve them meanwhile\n",
            c->sites);
    fprintf(p.out, "defaults: {every: %s, timeout: %s}\nsites:\n",
            duration_format(every, sizeof every, s->every_us),
            duration_format(timeout, sizeof timeout, s->timeout_us));
    for (uint32_t site = 1; site <= c->sites && !ferror(p.out); site++) {
        crowd_url(c, site, url, sizeof url);
        if (s->names)
            fprintf(p.out, "  - {name: s%" PRIu32 ", url: \"%s\"}\n", site, url);
        else
            fprintf(p.out, "  - %s\n", url);
    }
    return place_close(&p, err);
}

int sitesfile_write_config(const char *path, const struct scenario *s, const struct sockaddr_in *dns,
                           struct err *err)
{
    struct place p;
    char ip[INET_ADDRSTRLEN];
    int r = place_open(&p, path, err);
    if (r < 0)
        return r;
    inet_ntop(AF_INET, &dns->sin_addr, ip, sizeof ip);
    fprintf(
        p.out,
        "# For a rehearsal with vedette-loadgen; never for real sites: it lets workers look at loopback.\n"
        "worker:\n  resolver: %s:%u\n  allow: 127.0.0.0/8\n",
        ip, ntohs(dns->sin_port));
    char *ca = s->ca_file[0] ? realpath(s->ca_file, NULL) : NULL;
    if (ca)
        fprintf(p.out, "  ca_file: %s\n", ca);
    free(ca);
    return place_close(&p, err);
}
