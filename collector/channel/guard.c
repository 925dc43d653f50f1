#include "collector/channel/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ── The process ───────────────────────────────────────────────────────── */

/* One word is one group: above zero it runs, below zero it has ended. */
static void note(pid_t groups[GUARD_MAX_GROUPS], size_t *n, int32_t word)
{
    if (word > 0 && *n < GUARD_MAX_GROUPS)
        groups[(*n)++] = word;
    for (size_t i = 0; word < 0 && i < *n; i++)
        if (groups[i] == -word) {
            groups[i] = groups[--*n];
            return;
        }
}

/* After a fork beside other threads: nothing but system calls from here on. */
static void watch(int pipe)
{
    pid_t groups[GUARD_MAX_GROUPS];
    size_t n = 0;
    int32_t word;
    ssize_t got;
    setsid(); /* Ctrl-C is not for us: we end when the pipe does */
    prctl(PR_SET_NAME, "notice-guard");
    if (dup2(pipe, 0) < 0)
        _exit(1);
    close_range(1, ~0U, 0); /* sockets, the store, its lock: none of it is ours to keep */
    while ((got = read(0, &word, sizeof word)) == sizeof word || (got < 0 && errno == EINTR))
        if (got > 0)
            note(groups, &n, word);
    for (size_t i = 0; i < n; i++)
        kill(-groups[i], SIGKILL);
    _exit(0);
}

/* ── Its client ────────────────────────────────────────────────────────── */

static int start(struct guard *g)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* and it keeps them blocked: only the pipe ends it */
    g->pid = fork();
    if (g->pid == 0)
        watch(ends[0]);
    int r = g->pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (r < 0) {
        close(ends[1]);
        return r;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK); /* we wait for nobody */
    g->pipe = ends[1];
    return 0;
}

static void say(struct guard *g, int32_t word)
{
    ssize_t written = write(g->pipe, &word, sizeof word); /* SIGPIPE is ignored */
    (void)written;
}

void guard_ready(struct guard *g)
{
    if (g->pipe <= 0)
        (void)start(g);
}

void guard_began(struct guard *g, pid_t group)
{
    if (g->pipe > 0)
        say(g, group);
}

void guard_ended(struct guard *g, pid_t group)
{
    if (g->pipe > 0)
        say(g, -group);
}

void guard_done(struct guard *g)
{
    if (g->pipe <= 0)
        return;
    close(g->pipe);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *g = (struct guard){ 0 };
}
