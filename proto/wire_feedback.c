#include "proto/feedback.pb-c.h"
#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

static int check_recorded(const struct recorded *x, struct err *err)
{
    int r = wire_check_run(&x->run, "", err);
    if (r == 0)
        r = wire_check_patience(x->patience_s, err);
    return r < 0 ? r : wire_check_worker(x->worker, "", err);
}

static int check_again(const struct look_again *x, struct err *err)
{
    int r = wire_check_run(&x->run, "", err);
    if (r == 0 && x->run.look == 0)
        r = err_set(err, -EBADMSG, "look 0 is the scheduled one");
    if (r == 0 && x->avoid[0])
        r = wire_check_worker(x->avoid, "", err);
    if (r == 0 && x->within_ms == 0)
        r = err_set(err, -EBADMSG, "0 ms leave no time to look");
    if (r == 0 && x->within_ms > SITE_MAX_WITHIN_MS)
        r = err_set(err, -EBADMSG, "%u ms are more than %d", x->within_ms, SITE_MAX_WITHIN_MS);
    return r;
}

static int check_accused(const struct accused *x, struct err *err)
{
    int r = wire_check_worker(x->worker, "", err);
    if (r == 0 && x->for_ms > ACCUSED_MAX_MS)
        r = err_set(err, -EBADMSG, "%u ms are more than %d", x->for_ms, ACCUSED_MAX_MS);
    return r;
}

static int check_counts(size_t recorded, size_t again, size_t accused, struct err *err)
{
    if (recorded > WIRE_MAX_FEEDBACK || again > WIRE_MAX_FEEDBACK)
        return err_set(err, -EBADMSG, "%zu recorded or %zu to look at again are more than %d", recorded,
                       again, WIRE_MAX_FEEDBACK);
    if (accused > WIRE_MAX_FEEDBACK)
        return err_set(err, -EBADMSG, "%zu accused are more than %d", accused, WIRE_MAX_FEEDBACK);
    return 0;
}

static int check_feedback(const struct feedback *f, struct err *err)
{
    int r = check_counts(f->n_recorded, f->n_again, f->n_accused, err);
    for (size_t i = 0; r == 0 && i < f->n_recorded; i++) {
        r = check_recorded(&f->recorded[i], err);
        if (r < 0)
            err_where(err, r, "recorded %zu", i);
    }
    for (size_t i = 0; r == 0 && i < f->n_again; i++) {
        r = check_again(&f->again[i], err);
        if (r < 0)
            err_where(err, r, "look again %zu", i);
    }
    for (size_t i = 0; r == 0 && i < f->n_accused; i++) {
        r = check_accused(&f->accused[i], err);
        if (r < 0)
            err_where(err, r, "accused %zu", i);
    }
    return r;
}

static void put_recorded(struct wire_out *o, const struct recorded *x)
{
    Vedette__V1__Run run;
    Vedette__V1__Recorded recorded = VEDETTE__V1__RECORDED__INIT, *one = &recorded;
    Vedette__V1__Feedback piece = VEDETTE__V1__FEEDBACK__INIT;

    wire_run_out(&run, &x->run, "");
    recorded.job_id = x->job_id;
    recorded.worker = wire_lend(x->worker);
    recorded.lane = x->lane;
    recorded.patience_s = x->patience_s;
    recorded.held_back = x->held_back;
    recorded.run = &run;
    piece.n_recorded = 1;
    piece.recorded = &one;
    wire_put(o, &piece.base);
}

static void put_again(struct wire_out *o, const struct look_again *x)
{
    Vedette__V1__Run run;
    Vedette__V1__LookAgain again = VEDETTE__V1__LOOK_AGAIN__INIT, *one = &again;
    Vedette__V1__Feedback piece = VEDETTE__V1__FEEDBACK__INIT;

    wire_run_out(&run, &x->run, "");
    again.run = &run;
    again.avoid = wire_lend(x->avoid);
    again.within_ms = x->within_ms;
    piece.n_again = 1;
    piece.again = &one;
    wire_put(o, &piece.base);
}

static void put_accused(struct wire_out *o, const struct accused *x)
{
    Vedette__V1__Accused accused = VEDETTE__V1__ACCUSED__INIT, *one = &accused;
    Vedette__V1__Feedback piece = VEDETTE__V1__FEEDBACK__INIT;

    accused.worker = wire_lend(x->worker);
    accused.for_ms = x->for_ms;
    piece.n_accused = 1;
    piece.accused = &one;
    wire_put(o, &piece.base);
}

int wire_pack_feedback(const struct feedback *f, uint8_t *buf, size_t size)
{
    if (check_feedback(f, NULL) < 0)
        return -EINVAL;

    struct wire_out out;
    wire_out_init(&out, buf, size);
    Vedette__V1__Feedback head = VEDETTE__V1__FEEDBACK__INIT;
    head.major = WIRE_MAJOR;
    head.minor = WIRE_MINOR;
    wire_put(&out, &head.base);
    for (size_t i = 0; i < f->n_recorded; i++)
        put_recorded(&out, &f->recorded[i]);
    for (size_t i = 0; i < f->n_again; i++)
        put_again(&out, &f->again[i]);
    for (size_t i = 0; i < f->n_accused; i++)
        put_accused(&out, &f->accused[i]);
    return wire_out_done(&out);
}

static int recorded_in(struct recorded *to, const Vedette__V1__Recorded *from, struct err *err)
{
    if (from->lane > UINT16_MAX)
        return err_set(err, -EBADMSG, "lane %u is too high", from->lane);
    *to = (struct recorded){ .job_id = from->job_id,
                             .lane = (uint16_t)from->lane,
                             .patience_s = from->patience_s,
                             .held_back = from->held_back };
    int r = wire_run_in(&to->run, from->run, "", err);
    return r < 0 ? r : wire_name(to->worker, sizeof to->worker, from->worker, "worker's name", err);
}

static int again_in(struct look_again *to, const Vedette__V1__LookAgain *from, struct err *err)
{
    *to = (struct look_again){ .within_ms = from->within_ms };
    int r = wire_run_in(&to->run, from->run, "", err);
    return r < 0 ? r : wire_name(to->avoid, sizeof to->avoid, from->avoid, "worker to avoid", err);
}

static int accused_in(struct accused *to, const Vedette__V1__Accused *from, struct err *err)
{
    *to = (struct accused){ .for_ms = from->for_ms };
    return wire_name(to->worker, sizeof to->worker, from->worker, "accused worker's name", err);
}

int wire_unpack_feedback(struct wire_arena *a, const void *bytes, size_t len, struct feedback *ret,
                         struct err *err)
{
    ProtobufCMessage *message = NULL;
    struct recorded *recorded = NULL;
    struct look_again *again = NULL;
    struct accused *accused = NULL;
    int r = wire_take(a, &vedette__v1__feedback__descriptor, bytes, len, &message, err);
    if (r < 0)
        return r;

    const Vedette__V1__Feedback *m = (const Vedette__V1__Feedback *)message;
    r = check_counts(m->n_recorded, m->n_again, m->n_accused, err);
    if (r == 0)
        r = wire_array(a, m->n_recorded, sizeof *recorded, &recorded, err);
    if (r == 0)
        r = wire_array(a, m->n_again, sizeof *again, &again, err);
    if (r == 0)
        r = wire_array(a, m->n_accused, sizeof *accused, &accused, err);
    for (size_t i = 0; r == 0 && i < m->n_recorded; i++)
        r = recorded_in(&recorded[i], m->recorded[i], err);
    for (size_t i = 0; r == 0 && i < m->n_again; i++)
        r = again_in(&again[i], m->again[i], err);
    for (size_t i = 0; r == 0 && i < m->n_accused; i++)
        r = accused_in(&accused[i], m->accused[i], err);
    if (r < 0)
        return r;

    struct feedback f = {
        .recorded = recorded,
        .n_recorded = m->n_recorded,
        .again = again,
        .n_again = m->n_again,
        .accused = accused,
        .n_accused = m->n_accused,
    };
    r = check_feedback(&f, err);
    if (r == 0)
        *ret = f;
    return r;
}
