#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

void wire_result_out(Vedette__V1__Result *to, Vedette__V1__Run *run, const struct result *from,
                     const struct wire_said *said)
{
    bool same = from->lane == said->lane && strcmp(from->worker, said->worker) == 0;

    wire_run_out(run, &from->run, said->location);
    vedette__v1__result__init(to);
    to->job_id = from->job_id;
    to->run = run;
    to->verdict = (Vedette__V1__Verdict)from->verdict;
    to->cause = (Vedette__V1__Cause)from->cause;
    to->status = from->status;
    to->method = (Vedette__V1__Method)from->method;
    to->redirects = from->redirects;
    to->suspect = from->suspect;
    to->at_us = from->at_us;
    to->took_us = from->took_us;
    to->dns_us = from->phases.dns_us;
    to->connect_us = from->phases.connect_us;
    to->tls_us = from->phases.tls_us;
    to->wait_us = from->phases.wait_us;
    to->body_us = from->phases.body_us;
    to->tls_expires_us = from->tls_expires_us;
    to->address = wire_lend(from->address);
    to->worker = wire_lend(same ? "" : from->worker);
    to->lane = same ? 0 : from->lane;
    to->detail = wire_lend(from->detail);
    to->more = from->span - 1;
    to->patience_s = from->patience_s;
    to->seal = from->seal;
}

/* Numbers that are narrower with us than on the wire. */
static int numbers_in(struct result *to, const Vedette__V1__Result *from, struct err *err)
{
    if (from->status > UINT16_MAX || from->redirects > UINT8_MAX || from->lane > UINT16_MAX ||
        from->more == UINT32_MAX)
        return err_set(err, -EBADMSG, "status %u, redirects %u, lane %u or span %u is too high", from->status,
                       from->redirects, from->lane, from->more);
    to->status = (uint16_t)from->status;
    to->redirects = (uint8_t)from->redirects;
    to->span = from->more + 1;
    return 0;
}

static int who_in(struct result *to, const Vedette__V1__Result *from, const struct wire_said *said,
                  struct err *err)
{
    bool same = from->worker == protobuf_c_empty_string;
    to->lane = same ? said->lane : (uint16_t)from->lane;
    if (same) {
        memcpy(to->worker, said->worker, strlen(said->worker) + 1);
        return 0;
    }
    return wire_name(to->worker, sizeof to->worker, from->worker, "worker's name", err);
}

int wire_result_in(struct result *to, const Vedette__V1__Result *from, const struct wire_said *said,
                   struct err *err)
{
    *to = (struct result){
        .job_id = from->job_id,
        .verdict = (enum verdict)from->verdict,
        .cause = (enum cause)from->cause,
        .method = (enum method)from->method,
        .suspect = from->suspect,
        .at_us = from->at_us,
        .patience_s = from->patience_s,
        .seal = from->seal,
        .took_us = from->took_us,
        .phases = {.dns_us = from->dns_us,
                   .connect_us = from->connect_us,
                   .tls_us = from->tls_us,
                   .wait_us = from->wait_us,
                   .body_us = from->body_us},
        .tls_expires_us = from->tls_expires_us,
    };
    int r = numbers_in(to, from, err);
    if (r == 0)
        r = wire_run_in(&to->run, from->run, said->location, err);
    if (r == 0)
        r = who_in(to, from, said, err);
    if (r == 0)
        r = wire_text(to->address, sizeof to->address, from->address, "address", err);
    if (r == 0)
        r = wire_text(to->detail, sizeof to->detail, from->detail, "detail", err);
    return r;
}
