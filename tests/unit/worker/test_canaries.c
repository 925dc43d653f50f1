/* Real canaries: small servers on this machine. Those of tcp:// are not asked on
 * loopback addresses; network namespaces have them (tests/integration). */
#include "tests/unit/worker/siteserver.h"
#include "worker/probe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct site_server server;
static uint16_t closed_port, silent_port;
static int silent_fd;

struct watch {
    struct loop *loop;
    struct probes *probes;
    struct config config;
};

static int begin(struct watch *w, const char *canaries, struct err *err)
{
    *w = (struct watch){ 0 };
    config_init(&w->config);
    w->config.worker.slots = 16;
    snprintf(w->config.worker.allow, sizeof w->config.worker.allow, "127.0.0.0/8");
    snprintf(w->config.worker.canaries, sizeof w->config.worker.canaries, "%s", canaries);
    snprintf(w->config.worker.resolver, sizeof w->config.worker.resolver, "127.0.0.1:%u", silent_port);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(probes_new(&w->probes, w->loop, &w->config, err), 0);
    return probes_keep_canaries(w->probes, &w->config, err);
}

static void end(struct watch *w)
{
    probes_free(w->probes);
    loop_free(w->loop);
}

/* Turn until there is doubt, or the time is over. */
static bool doubts_within(struct watch *w, int64_t ms)
{
    mono_ns until = clock_mono() + ms * NS_PER_MS;
    while (clock_mono() < until && !probes_suspect(w->probes))
        loop_turn(w->loop, 50);
    return probes_suspect(w->probes);
}

static const struct {
    const char *name, *canaries;
    int64_t within_ms;
    const char *reason; /* NULL: no doubt */
} stories[] = {
    {"one that answers",                    "http://127.0.0.1:%1$u/",                         1500, NULL                       },
    { "an answer of any kind",              "http://127.0.0.1:%1$u/status/503",               1500, NULL                       },
    { "one that does not",                  "http://127.0.0.1:%2$u/",                         5000, "1 of 1 canaries over IPv4"},
    { "half of them",                       "http://127.0.0.1:%1$u/, http://127.0.0.1:%2$u/", 5000, "1 of 2 canaries over IPv4"},
    { "two on loopback, which say nothing", "coordinator, collector, tcp://127.0.0.1:%2$u",   1500, NULL                       },
    { "name servers that never answered",   "root",                                           7500, NULL                       },
    { "nobody to ask",                      "",                                               100,  NULL                       },
};

static void silence_becomes_doubt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct watch w;
        struct err err = { 0 };
        char canaries[300];
        /* A row names the server's port or the closed one, in any order. */
        char *to = canaries;
        for (const char *p = stories[i].canaries; *p;) {
            if (strncmp(p, "%1$u", 4) == 0 || strncmp(p, "%2$u", 4) == 0) {
                to += sprintf(to, "%u", p[1] == '1' ? server.port : closed_port);
                p += 4;
            } else {
                *to++ = *p++;
            }
        }
        *to = '\0';
        if (begin(&w, canaries, &err) < 0)
            fail_msg("%s: %s", stories[i].name, err.text);
        bool doubts = doubts_within(&w, stories[i].within_ms);
        const char *reason = probes_reason(w.probes);
        if (doubts != (stories[i].reason != NULL) || (doubts && !strstr(reason, stories[i].reason)))
            fail_msg("%s: %s", stories[i].name, reason);
        end(&w);
    }
}

static void what_is_no_canary_is_named(void **state)
{
    (void)state;
    struct watch w;
    struct err err = { 0 };
    assert_int_equal(begin(&w, "root, sparrow", &err), -EINVAL);
    assert_non_null(strstr(err.text, "worker.canaries"));
    assert_non_null(strstr(err.text, "sparrow"));
    end(&w);
}

static int start(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    (void)state;
    server = site_server_start(NULL, NULL);
    closed_port = site_closed_port();
    silent_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (silent_fd < 0 || bind(silent_fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockname(silent_fd, (struct sockaddr *)&at, &len) < 0)
        return -1;
    silent_port = ntohs(at.sin_port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(silent_fd);
    site_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_becomes_doubt),
        cmocka_unit_test(what_is_no_canary_is_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
