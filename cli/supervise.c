/* A child is a place in the table; a life is one process of it, with the pipes
 * that belong to it. A pipe may stay open longer than the process (somebody the
 * child started holds it), so a life ends when its last handle is closed, and
 * the child may have a new one by then. */
#include "cli/supervise.h"

#include "cli/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READY_FD   3
#define LINE_BYTES 8192
#define LAST_WORDS (300 * NS_PER_MS) /* how long pipes are listened to after the last child's end */

struct child;

/* One of a life's pipes. */
struct stream {
    uv_pipe_t pipe;
    struct life *life;
    bool to_stderr;
    size_t len;
    char line[LINE_BYTES];
};

struct life {
    struct child *child;
    struct life *next; /* of the same supervisor */
    uv_process_t process;
    struct stream out, err;
    uv_pipe_t ready;
    char ready_byte[16];
    unsigned open; /* handles */
    bool running, is_ready;
    mono_ns began;
    char last_line[400];
};

struct child {
    struct supervisor *s;
    char *name;
    char *argv[SUPERVISE_MAX_ARGS + 1];
    unsigned rank;
    struct life *life; /* the present one; NULL between two */
    struct backoff backoff;
    struct loop_timer again;
    bool was_ready;
};

struct supervisor {
    struct loop *loop;
    struct supervise_hooks hooks;
    void *arg;
    struct child *child[SUPERVISE_MAX_CHILDREN];
    size_t n;
    struct life *lives;
    unsigned rank;  /* that is being started, or ended */
    bool all_ready; /* told */
    bool ending, finishing, all_ended;
    struct loop_timer patience;
};

static int start(struct child *c, struct err *err);
static void go_on_starting(struct supervisor *s);
static void go_on_ending(struct supervisor *s);
static void finish(struct supervisor *s, bool now);

/* ── A life's end ──────────────────────────────────────────────────────── */

static void free_life(struct life *l)
{
    struct supervisor *s = l->child->s;
    for (struct life **at = &s->lives; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    free(l);
    finish(s, false);
}

static void on_closed(uv_handle_t *h)
{
    struct life *l = h->data;
    if (--l->open == 0)
        free_life(l);
}

static void close_handle(uv_handle_t *h)
{
    if (!uv_is_closing(h))
        uv_close(h, on_closed);
}

/* After the loop, when nobody hears of it any more. */
static void orphan_closed(uv_handle_t *h)
{
    struct life *l = h->data;
    if (--l->open == 0)
        free(l);
}

static void tell(const struct child *c, struct child_told t)
{
    t.name = c->name;
    c->s->hooks.told(c->s->arg, &t);
}

static void on_ended(uv_process_t *p, int64_t status, int signal)
{
    struct life *l = p->data;
    struct child *c = l->child;
    struct supervisor *s = c->s;
    mono_ns now = loop_now(s->loop);
    l->running = false;
    c->life = NULL;
    close_handle((uv_handle_t *)p);
    close_handle((uv_handle_t *)&l->ready);

    mono_ns wait = s->ending ? MONO_NEVER : backoff_step(&c->backoff, now - l->began);
    if (wait != MONO_NEVER)
        loop_timer_at(&c->again, now + wait);
    tell(c, (struct child_told){ .news = CHILD_ENDED,
                                 .pid = p->pid,
                                 .exit_code = (int)status,
                                 .signal = signal,
                                 .first = !c->was_ready,
                                 .expected = s->ending,
                                 .again_in = wait,
                                 .last_line = l->last_line });
    if (s->ending)
        go_on_ending(s);
}

static void on_again(void *arg)
{
    struct child *c = arg;
    struct err err = { 0 };
    if (c->s->ending || c->life)
        return;
    if (start(c, &err) < 0) {
        c->s->hooks.line(c->s->arg, c->name, true, err.text);
        loop_timer_at(&c->again, loop_now(c->s->loop) + backoff_step(&c->backoff, 0));
    }
}

/* ── What it writes ────────────────────────────────────────────────────── */

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct stream *st = (struct stream *)h;
    *buf = uv_buf_init(st->line + st->len, (unsigned)(sizeof st->line - 1 - st->len));
}

static void one_line(struct stream *st, char *line)
{
    struct life *l = st->life;
    if (st->to_stderr)
        snprintf(l->last_line, sizeof l->last_line, "%s", line);
    l->child->s->hooks.line(l->child->s->arg, l->child->name, st->to_stderr, line);
}

static void on_written(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct stream *st = (struct stream *)stream;
    if (n > 0)
        st->len += (size_t)n;
    st->line[st->len] = '\0';

    char *at = st->line, *end;
    while ((end = memchr(at, '\n', st->len - (size_t)(at - st->line)))) {
        *end = '\0';
        one_line(st, at);
        at = end + 1;
    }
    st->len -= (size_t)(at - st->line);
    memmove(st->line, at, st->len + 1);
    /* The last word of somebody who died in the middle of it, or an overlong line. */
    if (st->len > 0 && (n < 0 || st->len == sizeof st->line - 1)) {
        one_line(st, st->line);
        st->len = 0;
    }
    if (n < 0)
        close_handle((uv_handle_t *)stream);
}

static void on_ready_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct life *l = h->data;
    *buf = uv_buf_init(l->ready_byte, sizeof l->ready_byte);
}

static void on_ready(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct life *l = stream->data;
    struct child *c = l->child;
    if (n == 0)
        return;
    if (n > 0 && !l->is_ready && l->running) {
        l->is_ready = c->was_ready = true;
        tell(c, (struct child_told){ .news = CHILD_READY, .pid = l->process.pid });
        go_on_starting(c->s);
    }
    close_handle((uv_handle_t *)stream);
}

/* ── A life's beginning ────────────────────────────────────────────────── */

static struct life *new_life(struct child *c)
{
    struct life *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    uv_loop_t *uv = loop_uv(c->s->loop);
    l->child = c;
    l->began = loop_now(c->s->loop);
    uv_pipe_init(uv, &l->out.pipe, 0);
    uv_pipe_init(uv, &l->err.pipe, 0);
    uv_pipe_init(uv, &l->ready, 0);
    l->out.life = l->err.life = l;
    l->err.to_stderr = true;
    l->out.pipe.data = l->err.pipe.data = l->ready.data = l->process.data = l;
    l->open = 4;
    l->next = c->s->lives;
    c->s->lives = l;
    return l;
}

static void close_life(struct life *l)
{
    close_handle((uv_handle_t *)&l->process);
    close_handle((uv_handle_t *)&l->out.pipe);
    close_handle((uv_handle_t *)&l->err.pipe);
    close_handle((uv_handle_t *)&l->ready);
}

static int start(struct child *c, struct err *err)
{
    struct life *l = new_life(c);
    char **env = program_environment(READY_FD);
    if (!l || !env) {
        if (l) {
            l->open = 3;
            close_handle((uv_handle_t *)&l->out.pipe);
            close_handle((uv_handle_t *)&l->err.pipe);
            close_handle((uv_handle_t *)&l->ready);
        }
        program_environment_free(env);
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int pipe = UV_CREATE_PIPE | UV_WRITABLE_PIPE; /* writable for the child */
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE                         },
        {  .flags = (uv_stdio_flags)pipe, .data.stream = (uv_stream_t *)&l->out.pipe },
        { .flags = (uv_stdio_flags)pipe, .data.stream = (uv_stream_t *)&l->err.pipe },
        { .flags = (uv_stdio_flags)pipe,    .data.stream = (uv_stream_t *)&l->ready },
    };
    const uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = c->argv[0],
        .args = c->argv,
        .env = env,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = sizeof stdio / sizeof *stdio,
        .stdio = stdio,
    };
    int r = uv_spawn(loop_uv(c->s->loop), &l->process, &options);
    l->process.data = l;
    program_environment_free(env);
    if (r < 0) {
        close_life(l);
        return err_set(err, r, "%s cannot be started (%s): %s", c->name, c->argv[0], uv_strerror(r));
    }
    l->running = true;
    c->life = l;
    uv_read_start((uv_stream_t *)&l->out.pipe, on_room, on_written);
    uv_read_start((uv_stream_t *)&l->err.pipe, on_room, on_written);
    uv_read_start((uv_stream_t *)&l->ready, on_ready_room, on_ready);
    tell(c, (struct child_told){ .news = CHILD_STARTED, .pid = l->process.pid });
    return 0;
}

/* ── All of them ───────────────────────────────────────────────────────── */

static void on_patience(void *arg)
{
    struct supervisor *s = arg;
    finish(s, true);
    for (size_t i = 0; i < s->n; i++)
        if (s->child[i]->rank == s->rank && s->child[i]->life)
            uv_process_kill(&s->child[i]->life->process, SIGKILL);
}

int supervisor_new(struct supervisor **ret, struct loop *l, const struct supervise_hooks *hooks, void *arg)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->loop = l;
    s->hooks = *hooks;
    s->arg = arg;
    loop_timer_init(l, &s->patience, on_patience, s);
    *ret = s;
    return 0;
}

/* Timers are memory that the loop still knows: they are closed first, and the
 * loop turned once before they are freed. */
void supervisor_free(struct supervisor *s)
{
    if (!s)
        return;
    s->all_ended = true; /* nobody is told any more */
    for (struct life *l = s->lives, *next; l; l = next) {
        next = l->next;
        if (l->running)
            uv_process_kill(&l->process, SIGKILL);
        uv_handle_t *handles[] = { (uv_handle_t *)&l->process, (uv_handle_t *)&l->out.pipe,
                                   (uv_handle_t *)&l->err.pipe, (uv_handle_t *)&l->ready };
        for (size_t i = 0; i < 4; i++) {
            handles[i]->data = l;
            if (!uv_is_closing(handles[i]))
                uv_close(handles[i], orphan_closed);
        }
    }
    s->lives = NULL;
    loop_timer_done(&s->patience);
    for (size_t i = 0; i < s->n; i++)
        loop_timer_done(&s->child[i]->again);
    loop_turn(s->loop, 0);
    for (size_t i = 0; i < s->n; i++) {
        for (char **a = s->child[i]->argv; *a; a++)
            free(*a);
        free(s->child[i]->name);
        free(s->child[i]);
    }
    free(s);
}

int supervisor_add(struct supervisor *s, unsigned rank, const char *name, const char *const *argv)
{
    if (s->n == SUPERVISE_MAX_CHILDREN || rank >= SUPERVISE_MAX_RANKS)
        return -ENOSPC;
    struct child *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    *c = (struct child){ .s = s, .rank = rank, .name = strdup(name) };
    loop_timer_init(s->loop, &c->again, on_again, c);
    s->child[s->n++] = c;
    if (!c->name)
        return -ENOMEM;
    for (size_t i = 0; argv[i]; i++) {
        if (i == SUPERVISE_MAX_ARGS)
            return -ENOSPC;
        if (!(c->argv[i] = strdup(argv[i])))
            return -ENOMEM;
    }
    return 0;
}

static int start_rank(struct supervisor *s, struct err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct child *c = s->child[i];
        int r = c->rank == s->rank && !c->life ? start(c, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool rank_is_ready(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->child[i]->rank == s->rank && !s->child[i]->was_ready)
            return false;
    return true;
}

int supervisor_begin(struct supervisor *s, struct err *err)
{
    s->rank = 0;
    return start_rank(s, err);
}

static void go_on_starting(struct supervisor *s)
{
    while (!s->ending && !s->all_ready && rank_is_ready(s)) {
        struct err err = { 0 };
        if (++s->rank == SUPERVISE_MAX_RANKS) {
            s->all_ready = true;
            s->hooks.all_ready(s->arg);
            return;
        }
        if (start_rank(s, &err) < 0)
            s->hooks.line(s->arg, "", true, err.text);
    }
}

char *supervisor_waits_for(const struct supervisor *s, char *buf, size_t size)
{
    size_t len = 0;
    *buf = '\0';
    for (size_t i = 0; i < s->n && len < size; i++)
        if (!s->child[i]->was_ready)
            len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", s->child[i]->name);
    return buf;
}

size_t supervisor_running(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->child[i]->life != NULL;
    return n;
}

static size_t ask_rank(struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->child[i]->rank == s->rank && s->child[i]->life) {
            uv_process_kill(&s->child[i]->life->process, SIGTERM);
            n++;
        }
    return n;
}

static bool rank_runs(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->child[i]->rank == s->rank && s->child[i]->life)
            return true;
    return false;
}

/* All have ended. What they wrote last may still be in the pipes, and a pipe is
 * closed when it is empty; but somebody else may hold it open for ever. */
static void finish(struct supervisor *s, bool now)
{
    if (!s->finishing || s->all_ended || (s->lives && !now))
        return;
    s->all_ended = true;
    loop_timer_at(&s->patience, MONO_NEVER);
    s->hooks.all_ended(s->arg);
}

static void go_on_ending(struct supervisor *s)
{
    while (!s->finishing && !rank_runs(s)) {
        if (s->rank == 0) {
            s->finishing = true;
            loop_timer_at(&s->patience, loop_now(s->loop) + LAST_WORDS);
            finish(s, false);
            return;
        }
        s->rank--;
        if (ask_rank(s) > 0)
            loop_timer_at(&s->patience, loop_now(s->loop) + SUPERVISE_PATIENCE);
    }
}

void supervisor_end(struct supervisor *s)
{
    if (s->ending)
        return;
    s->ending = true;
    for (size_t i = 0; i < s->n; i++)
        loop_timer_at(&s->child[i]->again, MONO_NEVER);
    s->rank = SUPERVISE_MAX_RANKS;
    go_on_ending(s);
}

void supervisor_kill(struct supervisor *s)
{
    supervisor_end(s);
    for (size_t i = 0; i < s->n; i++)
        if (s->child[i]->life)
            uv_process_kill(&s->child[i]->life->process, SIGKILL);
}
