#include "common/pagestream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct page_out {
    int fd;
    bool gone; /* the reader */
};

struct pagestream {
    pthread_t thread;
    page_writer_fn *fn;
    void *arg;
    char *query;
    int fd; /* to be read from */
    struct page_out out;
    atomic_int failed;
};

bool page_put(struct page_out *o, const char *bytes, size_t len)
{
    while (len > 0 && !o->gone) {
        ssize_t n = write(o->fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* EPIPE: SIGPIPE is ignored */
            o->gone = true;
        else {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return !o->gone;
}

static void *write_page(void *arg)
{
    struct pagestream *s = arg;
    int r = s->fn(s->arg, s->query, &s->out);
    atomic_store(&s->failed, r < 0 ? r : 0);
    close(s->out.fd); /* after `failed`: whoever reads the end asks for it then */
    return NULL;
}

static int begin(struct pagestream *s, const char *query)
{
    int ends[2];
    s->query = query ? strdup(query) : NULL;
    if (query && !s->query)
        return -ENOMEM;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    s->fd = ends[0];
    s->out.fd = ends[1];
    int r = -pthread_create(&s->thread, NULL, write_page, s);
    if (r < 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return r;
}

int pagestream_new(struct pagestream **ret, page_writer_fn *fn, void *arg, const char *query)
{
    struct pagestream *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->fn = fn;
    s->arg = arg;
    int r = begin(s, query);
    if (r < 0) {
        free(s->query);
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}

ssize_t pagestream_read(struct pagestream *s, char *buf, size_t size)
{
    ssize_t n;
    do
        n = read(s->fd, buf, size);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    return n < 0 || atomic_load(&s->failed) ? -EPIPE : 0;
}

void pagestream_free(struct pagestream *s)
{
    if (!s)
        return;
    close(s->fd);
    pthread_join(s->thread, NULL);
    free(s->query);
    free(s);
}
