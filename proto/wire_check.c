#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

#define bad(err, ...) err_set(err, -EBADMSG, __VA_ARGS__)

bool wire_ended(const char *array, size_t size)
{
    return memchr(array, '\0', size) != NULL;
}

int wire_check_location(const char *location, const char *known, struct err *err)
{
    if (!wire_ended(location, LOCATION_SIZE))
        return bad(err, "a location's name does not end");
    if ((*known && strcmp(location, known) == 0) || location_valid(location))
        return 0;
    return bad(err, "a location's name is missing or has other characters than a-z, 0-9 and -");
}

int wire_check_worker(const char *worker, const char *known, struct err *err)
{
    if (!wire_ended(worker, WORKER_NAME_SIZE))
        return bad(err, "a worker's name does not end");
    if ((*known && strcmp(worker, known) == 0) || worker_name_valid(worker))
        return 0;
    return bad(err,
               "a worker's name is missing or has other characters than A-Z, a-z, 0-9, '.', '_' and '-'");
}

int wire_check_instant(wall_us at, const char *what, struct err *err)
{
    if (at < 0)
        return bad(err, "%s is before 1970", what);
    return at > WALL_MAX ? bad(err, "%s is after the year 9999", what) : 0;
}

int wire_check_number(uint64_t n, uint64_t most, const char *what, struct err *err)
{
    return n > most
               ? bad(err, "%llu %s are more than %llu", (unsigned long long)n, what, (unsigned long long)most)
               : 0;
}

/* The same bounds as url_normalise promises, without taking the URL apart again. */
int wire_check_url(const char *url, struct err *err)
{
    size_t len = url ? strnlen(url, SITE_MAX_URL + 1) : 0;
    if (len == 0 || len > SITE_MAX_URL)
        return bad(err, "the URL has not 1 to %d bytes", SITE_MAX_URL);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return bad(err, "the URL does not begin with http:// or https://");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || url[i] == 0x7f)
            return bad(err, "the URL has a space or a control character");
    return 0;
}

int wire_check_run(const struct run *r, const char *known_location, struct err *err)
{
    if (r->site_id == 0)
        return bad(err, "the site's id is 0");
    if (r->look > WIRE_MAX_LOOK)
        return bad(err, "look %u is more than %d", r->look, WIRE_MAX_LOOK);
    int bound = wire_check_instant(r->slot_us, "the slot", err);
    return bound < 0 ? bound : wire_check_location(r->location, known_location, err);
}

int wire_check_patience(uint32_t seconds, struct err *err)
{
    return seconds <= PATIENCE_MAX_S ? 0 : bad(err, "patience for %u s, at most %d", seconds, PATIENCE_MAX_S);
}

int wire_check_job(const struct job *j, const char *known_location, struct err *err)
{
    int r = wire_check_run(&j->run, known_location, err);
    if (r == 0)
        r = wire_check_url(j->url, err);
    if (r == 0 && j->avoid && *j->avoid && !worker_name_valid(j->avoid))
        r = bad(err, "the worker to avoid has no valid name");
    if (r < 0)
        return r;

    if (j->id == 0)
        return bad(err, "the job's id is 0");
    if (j->attempt == 0)
        return bad(err, "the attempt is 0, the first is 1");
    if ((unsigned)j->method >= METHOD_COUNT)
        return bad(err, "%u is no method", (unsigned)j->method);
    if (j->timeout_ms < SITE_MIN_TIMEOUT_MS || j->timeout_ms > SITE_MAX_TIMEOUT_MS)
        return bad(err, "a timeout of %u ms is not within %d to %d", j->timeout_ms, SITE_MIN_TIMEOUT_MS,
                   SITE_MAX_TIMEOUT_MS);
    if (!status_set_valid(&j->status))
        return bad(err, "the accepted statuses are no ranges within 100 to 999");
    if (j->contains && strnlen(j->contains, EXPECT_MAX_KEYWORD + 1) > EXPECT_MAX_KEYWORD)
        return bad(err, "the keyword has more than %d bytes", EXPECT_MAX_KEYWORD);
    return wire_check_patience(j->patience_s, err);
}

/* Which causes a verdict may have. Confusing ours with theirs is the one mistake
 * that a checker must not make, so it is refused at the door as well. */
static bool cause_suits(enum verdict v, enum cause c)
{
    bool praise = c == CAUSE_NONE || c == CAUSE_BLOCKED_WAF || c == CAUSE_ASKS_PATIENCE;
    return v == VERDICT_UP ? praise : !praise && (v == VERDICT_UNKNOWN || !cause_is_ours(c));
}

static int check_conclusion(const struct result *x, struct err *err)
{
    if ((unsigned)x->verdict >= VERDICT_COUNT)
        return bad(err, "%u is no verdict", (unsigned)x->verdict);
    if (!cause_valid((unsigned)x->cause))
        return bad(err, "%u is no cause that this version knows", (unsigned)x->cause);
    if (!cause_suits(x->verdict, x->cause))
        return bad(err, "verdict %s cannot have cause %s", verdict_name(x->verdict), cause_name(x->cause));
    if (x->status != 0 && (x->status < 100 || x->status > 999))
        return bad(err, "status %u is neither 0 nor within 100 to 999", x->status);
    if ((unsigned)x->method >= METHOD_COUNT)
        return bad(err, "%u is no method", (unsigned)x->method);
    if (x->patience_s > 0 && x->cause != CAUSE_ASKS_PATIENCE)
        return bad(err, "patience for %u s, and the cause is %s", x->patience_s, cause_name(x->cause));
    return wire_check_patience(x->patience_s, err);
}

int wire_check_result(const struct result *x, const char *known_location, const char *known_worker,
                      struct err *err)
{
    int r = wire_check_run(&x->run, known_location, err);
    if (r == 0)
        r = wire_check_worker(x->worker, known_worker, err);
    if (r == 0)
        r = check_conclusion(x, err);
    if (r == 0)
        r = wire_check_instant(x->at_us, "the beginning of the look", err);
    if (r < 0)
        return r;

    /* Of these runs maybe no job was ever out. */
    if (x->job_id == 0 && x->cause != CAUSE_MISSED && x->cause != CAUSE_LOST)
        return bad(err, "the job's id is 0");
    if (x->span == 0 || (x->span > 1 && x->cause != CAUSE_MISSED))
        return bad(err, "a span of %u slots, which only missed ones may have", x->span);
    if (!wire_ended(x->address, ADDRESS_SIZE) || !wire_ended(x->detail, DETAIL_SIZE))
        return bad(err, "a text does not end");
    return 0;
}

int wire_check_worker_vitals(const struct worker_vitals *w, struct err *err)
{
    int r = wire_check_worker(w->worker, "", err);
    if (r == 0)
        r = wire_check_location(w->location, "", err);
    if (r == 0)
        r = wire_check_instant(w->joined_us, "when it joined", err);
    if (r == 0)
        r = wire_check_instant(w->heard_us, "when it was heard", err);
    if (r == 0)
        r = wire_check_number(w->slots, CONTROL_MAX_SLOTS, "slots", err);
    if (r == 0)
        r = wire_check_number(w->descriptors, CONTROL_MAX_DESCRIPTORS, "descriptors", err);
    if (r == 0)
        r = wire_check_number(w->descriptors_most, CONTROL_MAX_DESCRIPTORS, "descriptors at most", err);
    if (r == 0)
        r = wire_check_number(w->done, VITALS_MAX_COUNT, "looks done", err);
    if (r < 0)
        return r;

    if ((unsigned)w->health >= WORKER_HEALTH_COUNT)
        return bad(err, "%u is no health of a worker", (unsigned)w->health);
    if (!wire_ended(w->software, SOFTWARE_SIZE))
        return bad(err, "the software's name does not end");
    if (!wire_ended(w->reason, DOUBT_SIZE))
        return bad(err, "the reason does not end");
    return 0;
}
