#include "proto/job.pb-c.h"
#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

/* Tag and value of every number at its longest, tags and lengths of the strings
 * and of the members that hold them, and a batch's own numbers, so that the
 * sizes of any jobs together hold for the batch. */
#define JOB_FIXED_BYTES   150
#define JOB_BYTES_A_RANGE 4

size_t wire_job_size(const struct job *j)
{
    return JOB_FIXED_BYTES + strlen(wire_lend(j->url)) + strlen(wire_lend(j->contains)) +
           strlen(wire_lend(j->avoid)) + strlen(j->run.location) +
           (size_t)j->status.count * JOB_BYTES_A_RANGE;
}

void wire_run_out(Vedette__V1__Run *to, const struct run *from, const char *said_location)
{
    bool said = strcmp(from->location, said_location) == 0;
    vedette__v1__run__init(to);
    to->site_id = from->site_id;
    to->slot_us = from->slot_us;
    to->look = from->look;
    to->location = wire_lend(said ? "" : from->location);
}

int wire_run_in(struct run *to, const Vedette__V1__Run *from, const char *said_location, struct err *err)
{
    if (!from)
        return err_set(err, -EBADMSG, "the run is missing");
    if (from->look > UINT16_MAX)
        return err_set(err, -EBADMSG, "look %u is too high", from->look);
    to->site_id = from->site_id;
    to->slot_us = from->slot_us;
    to->look = (uint16_t)from->look;
    if (from->location == protobuf_c_empty_string) {
        memcpy(to->location, said_location, strlen(said_location) + 1);
        return 0;
    }
    return wire_name(to->location, sizeof to->location, from->location, "location", err);
}

static void put_job(struct wire_out *o, const struct job *j, const char *said_location)
{
    Vedette__V1__Run run;
    Vedette__V1__Job job = VEDETTE__V1__JOB__INIT;
    uint32_t status[2 * EXPECT_MAX_RANGES];

    wire_run_out(&run, &j->run, said_location);
    for (unsigned i = 0; i < j->status.count; i++) {
        status[2 * i] = j->status.range[i].lo;
        status[2 * i + 1] = j->status.range[i].hi;
    }
    job.id = j->id;
    job.run = &run;
    job.attempt = j->attempt;
    job.url = wire_lend(j->url);
    job.method = (Vedette__V1__Method)j->method;
    job.timeout_ms = j->timeout_ms;
    job.start_by_ms = j->start_by_ms;
    job.n_status = 2u * j->status.count;
    job.status = status;
    job.contains = wire_lend(j->contains);
    job.avoid = wire_lend(j->avoid);
    job.avoid_key = j->avoid_key;
    job.seal = j->seal;
    job.full_handshake = j->full_handshake;
    job.patience_s = j->patience_s;

    Vedette__V1__JobBatch piece = VEDETTE__V1__JOB_BATCH__INIT;
    Vedette__V1__Job *one = &job;
    piece.n_jobs = 1;
    piece.jobs = &one;
    wire_put(o, &piece.base);
}

static int check_batch(const struct job_batch *b, struct err *err)
{
    if (b->n_jobs > WIRE_MAX_JOBS)
        return err_set(err, -EBADMSG, "%zu jobs are more than %d", b->n_jobs, WIRE_MAX_JOBS);
    if (b->epoch > WIRE_MAX_EPOCH)
        return err_set(err, -EBADMSG, "epoch %u is more than %d", b->epoch, WIRE_MAX_EPOCH);
    for (size_t i = 0; i < b->n_jobs; i++) {
        int r = wire_check_job(&b->jobs[i], i ? b->jobs[i - 1].run.location : "", err);
        if (r < 0)
            return err_where(err, r, "job %zu", i);
    }
    return 0;
}

int wire_pack_jobs(const struct job_batch *b, uint8_t *buf, size_t size)
{
    if (check_batch(b, NULL) < 0)
        return -EINVAL;

    struct wire_out out;
    wire_out_init(&out, buf, size);
    const char *location = b->n_jobs ? b->jobs[0].run.location : "";
    Vedette__V1__JobBatch head = VEDETTE__V1__JOB_BATCH__INIT;
    head.major = WIRE_MAJOR;
    head.minor = WIRE_MINOR;
    head.epoch = b->epoch;
    head.stamp_ms = b->stamp_ms;
    head.location = wire_lend(location);
    wire_put(&out, &head.base);

    for (size_t i = 0; i < b->n_jobs; i++)
        put_job(&out, &b->jobs[i], location);
    return wire_out_done(&out);
}

static int status_in(struct status_set *to, const Vedette__V1__Job *from, struct err *err)
{
    if (from->n_status % 2 != 0 || from->n_status > 2 * EXPECT_MAX_RANGES)
        return err_set(err, -EBADMSG, "%zu numbers are not 0 to %d ranges of statuses", from->n_status,
                       EXPECT_MAX_RANGES);
    to->count = (uint8_t)(from->n_status / 2);
    for (size_t i = 0; i < from->n_status; i++) {
        if (from->status[i] > 999)
            return err_set(err, -EBADMSG, "%u is no status", from->status[i]);
        *(i % 2 ? &to->range[i / 2].hi : &to->range[i / 2].lo) = (uint16_t)from->status[i];
    }
    return 0;
}

static int job_in(struct job *to, const Vedette__V1__Job *from, const char *said_location, struct err *err)
{
    if (from->attempt > UINT8_MAX)
        return err_set(err, -EBADMSG, "attempt %u is too high", from->attempt);
    *to = (struct job){
        .id = from->id,
        .attempt = (uint8_t)from->attempt,
        .method = (enum method)from->method,
        .timeout_ms = from->timeout_ms,
        .start_by_ms = from->start_by_ms,
        .full_handshake = from->full_handshake,
        .patience_s = from->patience_s,
        .avoid_key = from->avoid_key,
        .seal = from->seal,
    };
    int r = wire_run_in(&to->run, from->run, said_location, err);
    if (r == 0)
        r = status_in(&to->status, from, err);
    if (r == 0)
        r = wire_borrow(&to->url, from->url, SITE_MAX_URL, "URL", err);
    if (r == 0)
        r = wire_borrow(&to->contains, from->contains, EXPECT_MAX_KEYWORD, "keyword", err);
    if (r == 0)
        r = wire_borrow(&to->avoid, from->avoid, WORKER_NAME_SIZE - 1, "worker to avoid", err);
    return r;
}

int wire_unpack_jobs(struct wire_arena *a, const void *bytes, size_t len, struct job_batch *ret,
                     struct err *err)
{
    ProtobufCMessage *message = NULL;
    int r = wire_take(a, &vedette__v1__job_batch__descriptor, bytes, len, &message, err);
    if (r < 0)
        return r;

    const Vedette__V1__JobBatch *m = (const Vedette__V1__JobBatch *)message;
    char location[LOCATION_SIZE];
    struct job *jobs = NULL;
    if (m->n_jobs > WIRE_MAX_JOBS)
        return err_set(err, -EBADMSG, "%zu jobs are more than %d", m->n_jobs, WIRE_MAX_JOBS);
    r = wire_name(location, sizeof location, m->location, "location", err);
    if (r == 0)
        r = wire_array(a, m->n_jobs, sizeof *jobs, &jobs, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < m->n_jobs; i++) {
        r = job_in(&jobs[i], m->jobs[i], location, err);
        if (r < 0)
            return err_where(err, r, "job %zu", i);
    }
    struct job_batch batch = {
        .epoch = m->epoch, .stamp_ms = m->stamp_ms, .jobs = jobs, .n_jobs = m->n_jobs
    };
    r = check_batch(&batch, err);
    if (r == 0)
        *ret = batch;
    return r;
}
