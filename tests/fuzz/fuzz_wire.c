/* Whatever unpacks packs again, unpacks again, and then packs to the same bytes. */
/* libFuzzer: -max_len=16384 */
#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int jobs(struct wire_arena *a, const void *bytes, size_t len, uint8_t *buf, struct err *err)
{
    struct job_batch x;
    int r = wire_unpack_jobs(a, bytes, len, &x, err);
    if (r < 0)
        return r;
    size_t most = 0;
    for (size_t i = 0; i < x.n_jobs; i++)
        most += wire_job_size(&x.jobs[i]);
    int n = wire_pack_jobs(&x, buf, WIRE_MAX_BYTES);
    if (n > 0 && x.n_jobs > 0 && (size_t)n > most)
        abort(); /* a batch filled by sizes would not have fitted */
    return n < 0 && n != -EMSGSIZE ? -EINVAL : n;
}

static int report(struct wire_arena *a, const void *bytes, size_t len, uint8_t *buf, struct err *err)
{
    struct report x;
    int r = wire_unpack_report(a, bytes, len, &x, err);
    if (r < 0)
        return r;
    size_t most = 0;
    for (size_t i = 0; i < x.n_results; i++)
        most += wire_result_size(&x.results[i]);
    int n = wire_pack_report(&x, buf, WIRE_MAX_BYTES);
    if (n > 0 && x.n_results > 0 && (size_t)n > most)
        abort();
    return n;
}

static int control(struct wire_arena *a, const void *bytes, size_t len, uint8_t *buf, struct err *err)
{
    struct control x;
    int r = wire_unpack_control(a, bytes, len, &x, err);
    return r < 0 ? r : wire_pack_control(&x, buf, WIRE_MAX_BYTES);
}

static int feedback(struct wire_arena *a, const void *bytes, size_t len, uint8_t *buf, struct err *err)
{
    struct feedback x;
    int r = wire_unpack_feedback(a, bytes, len, &x, err);
    return r < 0 ? r : wire_pack_feedback(&x, buf, WIRE_MAX_BYTES);
}

static int event(struct wire_arena *a, const void *bytes, size_t len, uint8_t *buf, struct err *err)
{
    struct event x;
    int r = wire_unpack_event(a, bytes, len, &x, err);
    return r < 0 ? r : wire_pack_event(&x, buf, WIRE_MAX_BYTES);
}

static int (*const again[])(struct wire_arena *, const void *, size_t, uint8_t *,
                            struct err *) = { jobs, report, control, feedback, event };

/* The first byte says which kind the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire_arena *arena;
    static uint8_t once[WIRE_MAX_BYTES], twice[WIRE_MAX_BYTES];
    struct err err = { 0 };

    if (size == 0 || (!arena && wire_arena_new(&arena) < 0))
        return 0;
    int (*f)(struct wire_arena *, const void *, size_t, uint8_t *, struct err *) =
        again[data[0] % (sizeof again / sizeof *again)];

    int n = f(arena, data + 1, size - 1, once, &err);
    if (n < 0 && err.code == n && err.text[0])
        return 0; /* refused, with a sentence */
    if (n == -EMSGSIZE && size > WIRE_MAX_BYTES / 8)
        return 0; /* ours says some things more often than it was said to us */
    if (n <= 0)
        abort();
    int m = f(arena, once, (size_t)n, twice, &err);
    if (m != n || memcmp(once, twice, (size_t)n) != 0)
        abort();
    return 0;
}
