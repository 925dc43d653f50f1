#include "collector/channel/carrier.h"
#include "collector/channel/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* How a program is run
 *
 * The program gets the notice's JSON on its standard input and what is most
 * asked for in its environment; it is started in a session of its own, so that
 * on its timeout everything it started ends with it. What it prints is kept up
 * to a ceiling, for the sentence that says why it failed, and read beyond that,
 * so that it never blocks. Exit 0 is delivered; 75 (EX_TEMPFAIL, sysexits.h) and
 * everything else is tried again.
 *
 * guard.h ends what runs when we are killed.
 *
 * It is over when it has exited and both of its outputs are closed, or, since a
 * child that it left behind may keep them open, a moment after its exit.
 */

enum {
    MAX_OUTPUT = 400,
    LINGER_MS = 200,
};

struct program {
    uv_process_t process;
    uv_pipe_t in, out, err;
    uv_write_t write;
    struct loop_timer timer; /* first its timeout, then the lingering */
    struct programs *all;
    unsigned handles; /* not closed yet */
    unsigned outputs; /* of out and err, not at their end yet */
    bool exited, timed_out, ended;
    int64_t status;
    int signal;
    char *payload;
    char output[MAX_OUTPUT];
    size_t n_output;
    char chunk[4096];
    delivery_done_fn *done;
    void *arg;
    struct program *prev, *next;
};

struct programs {
    struct loop *loop;
    struct program *list;
    struct guard guard; /* should we be killed */
};

int programs_new(struct programs **ret, struct loop *l)
{
    struct programs *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->loop = l;
    *ret = p;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct program *p = h->data;
    if (--p->handles > 0)
        return;
    DL_DELETE(p->all->list, p);
    free(p->payload);
    free(p);
}

static void close_handle(void *handle)
{
    uv_handle_t *h = handle;
    if (!uv_is_closing(h))
        uv_close(h, on_closed);
}

static void close_all(struct program *p)
{
    p->ended = true;
    close_handle(&p->process);
    close_handle(&p->in);
    close_handle(&p->out);
    close_handle(&p->err);
    p->timer.uv.data = p; /* for on_closed; it will not fire any more */
    close_handle(&p->timer.uv);
}

/* ── How it ends ───────────────────────────────────────────────────────── */

static const char *last_line(struct program *p)
{
    while (p->n_output > 0 && strchr(" \n\r\t", p->output[p->n_output - 1]))
        p->n_output--;
    p->output[p->n_output < MAX_OUTPUT ? p->n_output : MAX_OUTPUT - 1] = '\0';
    char *line = strrchr(p->output, '\n');
    line = line ? line + 1 : p->output;
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            *c = '?';
    return line;
}

static void end(struct program *p)
{
    if (p->ended)
        return;
    const char *said = last_line(p);
    delivery_done_fn *done = p->done;
    void *arg = p->arg;
    char words[80];
    if (p->timed_out)
        snprintf(words, sizeof words, "the program did not end in time and was killed");
    else if (p->signal)
        snprintf(words, sizeof words, "the program died of signal %d", p->signal);
    else
        snprintf(words, sizeof words, "the program ended with status %d", (int)p->status);
    bool delivered = !p->timed_out && p->signal == 0 && p->status == 0;
    close_all(p);
    carrier_end(done, arg, delivered ? DELIVERY_DONE : DELIVERY_AGAIN, "%s%s%s", delivered ? "" : words,
                delivered || !*said ? "" : ": ", delivered ? "" : said);
}

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
    struct program *p = process->data;
    guard_ended(&p->all->guard, process->pid);
    p->exited = true;
    p->status = status;
    p->signal = signal;
    if (p->outputs == 0)
        end(p);
    else
        loop_timer_at(&p->timer, loop_now(p->all->loop) + LINGER_MS * NS_PER_MS);
}

static void on_time(void *arg)
{
    struct program *p = arg;
    if (p->exited) {
        end(p);
        return;
    }
    p->timed_out = true;
    kill(-p->process.pid, SIGKILL); /* its whole session's group */
    uv_process_kill(&p->process, SIGKILL);
    loop_timer_at(&p->timer, loop_now(p->all->loop) + NS_PER_S); /* should the kernel take its time */
}

/* ── What goes in and comes out ────────────────────────────────────────── */

static void give_chunk(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct program *p = h->data;
    (void)suggested;
    *ret = uv_buf_init(p->chunk, sizeof p->chunk);
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct program *p = s->data;
    if (n < 0) {
        uv_read_stop(s);
        if (--p->outputs == 0 && p->exited)
            end(p);
        return;
    }
    /* The end of what it says is what matters: older bytes make room. */
    for (ssize_t i = 0; i < n; i++) {
        if (p->n_output == MAX_OUTPUT - 1) {
            memmove(p->output, p->output + MAX_OUTPUT / 2, p->n_output - MAX_OUTPUT / 2);
            p->n_output -= MAX_OUTPUT / 2;
        }
        p->output[p->n_output++] = buf->base[i];
    }
}

static void on_written(uv_write_t *w, int status)
{
    (void)status; /* a program need not read its input */
    struct program *p = w->data;
    close_handle(&p->in);
}

/* ── Starting it ───────────────────────────────────────────────────────── */

#define N_OWN_VARIABLES 6

static char *variable(const char *name, const char *value)
{
    char *text = NULL;
    return asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text;
}

static void free_environment(char **env)
{
    for (size_t i = 0; env && i < N_OWN_VARIABLES && env[i]; i++)
        free(env[i]); /* ours come first; the others are borrowed */
    free(env);
}

static char **environment_for(const struct notice *n)
{
    char incident[24], number[16];
    snprintf(incident, sizeof incident, "%llu", (unsigned long long)n->incident_id);
    snprintf(number, sizeof number, "%u", n->number);
    const char *own[N_OWN_VARIABLES][2] = {
        {"VEDETTE_NOTICE_KEY",       n->key                   },
        { "VEDETTE_NOTICE_KIND",     notice_kind_name(n->kind)},
        { "VEDETTE_NOTICE_INCIDENT", incident                 },
        { "VEDETTE_NOTICE_NUMBER",   number                   },
        { "VEDETTE_NOTICE_CHANNEL",  n->channel               },
        { "VEDETTE_NOTICE_VERSION",  "1"                      },
    };
    size_t count = 0;
    while (environ[count])
        count++;
    char **env = calloc(count + N_OWN_VARIABLES + 1, sizeof *env);
    bool made = env;
    for (size_t i = 0; made && i < N_OWN_VARIABLES; i++)
        made = (env[i] = variable(own[i][0], own[i][1]));
    if (!made) {
        free_environment(env);
        return NULL;
    }
    /* Our own settings may hold passwords, and are none of its business. */
    size_t to = N_OWN_VARIABLES;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "VEDETTE_", 8) != 0)
            env[to++] = environ[i];
    return env;
}

static int spawn(struct program *p, char **env, const char *path)
{
    char *argv[] = { (char *)path, NULL };
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,  .data.stream = (uv_stream_t *)&p->in },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out},
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->err},
    };
    uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = path,
        .args = argv,
        .env = env,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    return uv_spawn(loop_uv(p->all->loop), &p->process, &options);
}

static int start(struct program *p, char **env, const char *path, int64_t timeout_us)
{
    uv_loop_t *uv = loop_uv(p->all->loop);
    uv_pipe_init(uv, &p->in, 0);
    uv_pipe_init(uv, &p->out, 0);
    uv_pipe_init(uv, &p->err, 0);
    loop_timer_init(p->all->loop, &p->timer, on_time, p);
    guard_ready(&p->all->guard);
    int r = spawn(p, env, path); /* the process is a handle to be closed also when this fails */
    p->handles = 5;
    p->outputs = 2;
    p->process.data = p->in.data = p->out.data = p->err.data = p;
    if (r < 0)
        return r;

    guard_began(&p->all->guard, p->process.pid);
    uv_buf_t buf = uv_buf_init(p->payload, (unsigned)strlen(p->payload));
    p->write.data = p;
    uv_read_start((uv_stream_t *)&p->out, give_chunk, on_output);
    uv_read_start((uv_stream_t *)&p->err, give_chunk, on_output);
    if (uv_write(&p->write, (uv_stream_t *)&p->in, &buf, 1, on_written) < 0)
        close_handle(&p->in);
    loop_timer_at(&p->timer, loop_now(p->all->loop) + timeout_us * NS_PER_US);
    return 0;
}

void exec_begin(struct carrier_tools *t, const struct notice *n, const char *target, delivery_done_fn *done,
                void *arg)
{
    struct program *p = calloc(1, sizeof *p);
    char *payload = strdup(n->payload), **env = environment_for(n);
    if (!p || !payload || !env) {
        free(p);
        free(payload);
        free_environment(env);
        carrier_end(done, arg, DELIVERY_AGAIN, "out of memory");
        return;
    }
    p->all = t->programs;
    p->payload = payload;
    p->done = done;
    p->arg = arg;
    DL_APPEND(p->all->list, p);
    int r = start(p, env, target, t->config->exec.timeout_us);
    free_environment(env);
    if (r < 0) {
        close_all(p);
        /* Not there or not executable today may be repaired tomorrow. */
        carrier_end(done, arg, DELIVERY_AGAIN, "cannot start the program: %s", uv_strerror(r));
    }
}

void programs_free(struct programs *all)
{
    if (!all)
        return;
    struct program *p;
    DL_FOREACH (all->list, p) {
        if (!p->exited && p->process.pid > 0)
            kill(-p->process.pid, SIGKILL);
        close_all(p);
    }
    for (int i = 0; i < 16 && all->list; i++)
        loop_turn(all->loop, 0);
    guard_done(&all->guard);
    free(all);
}
