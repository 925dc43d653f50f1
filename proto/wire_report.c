#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

/* As JOB_FIXED_BYTES in wire_job.c, for a result and its report. */
#define RESULT_FIXED_BYTES 186

size_t wire_result_size(const struct result *x)
{
    return RESULT_FIXED_BYTES + strlen(x->run.location) + strlen(x->worker) + strlen(x->address) +
           strlen(x->detail);
}

static int check_results(const struct report *rep, struct err *err)
{
    if (rep->n_results > WIRE_MAX_RESULTS)
        return err_set(err, -EBADMSG, "%zu results are more than %d", rep->n_results, WIRE_MAX_RESULTS);
    for (size_t i = 0; i < rep->n_results; i++) {
        const struct result *before = i ? &rep->results[i - 1] : NULL;
        int r = wire_check_result(&rep->results[i], before ? before->run.location : "",
                                  before ? before->worker : "", err);
        if (r < 0)
            return err_where(err, r, "result %zu", i);
    }
    return 0;
}

static struct wire_said said_by_first(const struct report *rep)
{
    if (rep->n_results == 0)
        return (struct wire_said){ .worker = "", .location = "" };
    const struct result *x = &rep->results[0];
    return (struct wire_said){ .worker = x->worker, .lane = x->lane, .location = x->run.location };
}

static void put_result(struct wire_out *o, const struct result *x, const struct wire_said *said)
{
    Vedette__V1__Run run;
    Vedette__V1__Result result, *one = &result;
    Vedette__V1__Report piece = VEDETTE__V1__REPORT__INIT;

    wire_result_out(&result, &run, x, said);
    piece.n_results = 1;
    piece.results = &one;
    wire_put(o, &piece.base);
}

static int put_results(struct wire_out *o, const struct report *rep)
{
    if (check_results(rep, NULL) < 0)
        return -EINVAL;
    struct wire_said said = said_by_first(rep);
    Vedette__V1__Report piece = VEDETTE__V1__REPORT__INIT;
    piece.worker = wire_lend(said.worker);
    piece.lane = said.lane;
    piece.location = wire_lend(said.location);
    wire_put(o, &piece.base);
    for (size_t i = 0; i < rep->n_results; i++)
        put_result(o, &rep->results[i], &said);
    return 0;
}

int wire_pack_report(const struct report *rep, uint8_t *buf, size_t size)
{
    struct wire_out out;
    wire_out_init(&out, buf, size);
    Vedette__V1__Report head = VEDETTE__V1__REPORT__INIT;
    head.major = WIRE_MAJOR;
    head.minor = WIRE_MINOR;
    head.kind = (Vedette__V1__ReportKind)rep->kind;
    wire_put(&out, &head.base);

    int r = rep->kind == REPORT_RESULTS  ? put_results(&out, rep)
            : rep->kind == REPORT_VITALS ? wire_pack_vitals(&rep->vitals, &out)
                                         : -EINVAL;
    return r < 0 ? r : wire_out_done(&out);
}

static int results_in(struct wire_arena *a, struct report *to, const Vedette__V1__Report *m, struct err *err)
{
    char worker[WORKER_NAME_SIZE], location[LOCATION_SIZE];
    struct wire_said said = { .worker = worker, .lane = (uint16_t)m->lane, .location = location };
    struct result *results = NULL;

    if (m->n_results > WIRE_MAX_RESULTS)
        return err_set(err, -EBADMSG, "%zu results are more than %d", m->n_results, WIRE_MAX_RESULTS);
    if (m->lane > UINT16_MAX)
        return err_set(err, -EBADMSG, "lane %u is too high", m->lane);
    int r = wire_name(worker, sizeof worker, m->worker, "worker's name", err);
    if (r == 0)
        r = wire_name(location, sizeof location, m->location, "location", err);
    if (r == 0)
        r = wire_array(a, m->n_results, sizeof *results, &results, err);
    for (size_t i = 0; r == 0 && i < m->n_results; i++) {
        r = wire_result_in(&results[i], m->results[i], &said, err);
        if (r < 0)
            err_where(err, r, "result %zu", i);
    }
    to->results = results;
    to->n_results = m->n_results;
    return r < 0 ? r : check_results(to, err);
}

int wire_unpack_report(struct wire_arena *a, const void *bytes, size_t len, struct report *ret,
                       struct err *err)
{
    ProtobufCMessage *message = NULL;
    int r = wire_take(a, &vedette__v1__report__descriptor, bytes, len, &message, err);
    if (r < 0)
        return r;

    const Vedette__V1__Report *m = (const Vedette__V1__Report *)message;
    struct report rep = { .kind = (enum report_kind)m->kind };
    if (rep.kind == REPORT_RESULTS)
        r = results_in(a, &rep, m, err);
    else if (rep.kind == REPORT_VITALS)
        r = wire_vitals_in(a, &rep.vitals, m, err);
    else
        r = err_set(err, -EBADMSG, "%u is no kind of report", (unsigned)m->kind);
    if (r == 0)
        *ret = rep;
    return r;
}
