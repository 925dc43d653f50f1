#include "worker/probe.h"

#include "common/text.h"
#include "worker/belief.h"
#include "worker/canaries.h"
#include "worker/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Time inside a look
 *
 * Each look has one timer. It rings first at once, to begin the look on the loop;
 * then when its check asked to be woken; and when its budget is used up. On that
 * last ring the answer may already lie in a socket that this turn has not looked
 * at, because it came after that or behind many others: so the look is given one
 * more turn before it is called a timeout.
 *
 * How much later than asked a timer rings is how long this loop kept everybody
 * waiting. The self-check hears of it. A look whose time ran out while the loop was
 * late gets that time again, once, so that an answer that is there can be heard;
 * if none is, it ends as unknown: a timeout seen by a late loop is no timeout.
 *
 * While a look waits for its turn at an address (courtesy.h) its time stands still:
 * when it goes on, all its points in time are moved by as much.
 */

#define TICK_NS          (250 * NS_PER_MS)
#define MEMORY_OF_SITES  2000000
#define MOST_AGAIN_NS    (2 * NS_PER_S) /* less than LOOK_LEEWAY_MS */
#define MOST_SPARE_ROOMS 1024           /* for checks' states, of looks that are not in hand */

struct probes {
    struct check_kit kit;
    struct address_policy policy;
    struct routes routes;
    struct loop *loop;
    size_t slots, in_hand;
    struct look *busy, *spare; /* spare ones keep their timers, and some their rooms */
    size_t spare_rooms;
    struct wakeup *tick;
    mono_ns tick_at;
    struct wakeup *turns; /* when somebody's turn comes */
    int64_t patience_ms;  /* of those who wait for it */
};

/* ── Life of all ───────────────────────────────────────────────────────── */

static void on_tick(void *arg);
static void on_turns(void *arg);

static int make_parts(struct probes *p, const struct config *config, struct err *err)
{
    struct check_kit *k = &p->kit;
    *k = (struct check_kit){ .loop = p->loop, .routes = &p->routes, .policy = &p->policy };
    k->exchange.policy = &p->policy;
    k->patience_most_s = (uint32_t)(config->polite.patience_us / US_PER_S);
    const struct courtesy_rules manners = {
        .at_once = config->polite.address_at_once,
        .per_s = config->polite.address_per_s,
        .threads = config_threads(config),
        .wait = config->polite.wait_us * NS_PER_US,
    };

    int r = address_policy_parse(config->worker.allow, &p->policy, err);
    if (r == 0)
        r = tls_new(&k->exchange.tls, config->worker.ca_file, config->worker.tls_sessions, err);
    if (r == 0)
        r = transfers_new(&k->exchange.transfers, p->loop, p->slots, exchange_prepare, exchange_finished,
                          err);
    if (r == 0)
        r = resolver_new(&k->resolver, p->loop, config, &p->routes, err);
    if (r < 0)
        return r;
    k->exchange.headers = exchange_headers(config->worker.user_agent);
    r = k->exchange.headers ? 0 : -ENOMEM;
    if (r == 0)
        r = sitememory_new(&k->memory, MEMORY_OF_SITES);
    if (r == 0)
        r = selfcheck_new(&k->selfcheck, config->worker.doubt_us * NS_PER_US);
    if (r == 0)
        r = courtesy_new(&k->courtesy, &manners);
    if (r == 0)
        r = wakeup_new(&p->turns, p->loop, on_turns, p);
    if (r == 0)
        r = wakeup_new(&p->tick, p->loop, on_tick, p);
    return r < 0 ? err_set(err, r, "no memory for looks") : 0;
}

int probes_new(struct probes **ret, struct loop *l, const struct config *config, struct err *err)
{
    scoped(probes) struct probes *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, -ENOMEM, "no memory for looks");
    p->loop = l;
    p->slots = config->worker.slots;
    p->patience_ms = config->polite.wait_us / US_PER_MS;
    p->tick_at = MONO_NEVER;
    routes_init(&p->routes, config->worker.ipv4, config->worker.ipv6);
    int r = make_parts(p, config, err);
    if (r < 0)
        return r;
    *ret = moved(p);
    return 0;
}

static void look_free(struct look *k)
{
    wakeup_free(k->alarm);
    free(k->far);
    free(k->room);
    free(k);
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    struct look *k;
    canaries_free(p->kit.canaries);
    while ((k = p->busy)) {
        DL_DELETE(p->busy, k);
        if (k->kind)
            k->kind->stop(k);
        look_free(k);
    }
    while ((k = p->spare)) {
        DL_DELETE(p->spare, k);
        look_free(k);
    }
    wakeup_free(p->tick);
    wakeup_free(p->turns);
    resolver_free(p->kit.resolver);
    transfers_free(p->kit.exchange.transfers);
    tls_free(p->kit.exchange.tls); /* after all that used it */
    curl_slist_free_all(p->kit.exchange.headers);
    sitememory_free(p->kit.memory);
    selfcheck_free(p->kit.selfcheck);
    courtesy_free(p->kit.courtesy);
    free(p);
}

int probes_keep_canaries(struct probes *p, const struct config *config, struct err *err)
{
    return canaries_new(&p->kit.canaries, &p->kit, p, config, err);
}

size_t probes_in_hand(const struct probes *p)
{
    return p->in_hand;
}

size_t probes_room(const struct probes *p)
{
    return p->slots - p->in_hand;
}

bool probes_suspect(const struct probes *p)
{
    return selfcheck_suspect(p->kit.selfcheck, loop_now(p->loop));
}

const char *probes_reason(const struct probes *p)
{
    return selfcheck_reason(p->kit.selfcheck, loop_now(p->loop));
}

/* While anything is in hand or in doubt: how late are we? */
static void on_tick(void *arg)
{
    struct probes *p = arg;
    mono_ns now = clock_mono();
    selfcheck_tick(p->kit.selfcheck, now, clock_wall(), now - p->tick_at);
    tls_refresh(p->kit.exchange.tls, now);
    bool goes_on = p->in_hand > 0 || selfcheck_suspect(p->kit.selfcheck, now);
    p->tick_at = goes_on ? now + TICK_NS : MONO_NEVER;
    wakeup_at(p->tick, p->tick_at);
}

static void start_ticking(struct probes *p)
{
    if (p->tick_at != MONO_NEVER)
        return;
    mono_ns now = clock_mono();
    selfcheck_tick(p->kit.selfcheck, now, clock_wall(), 0);
    p->tick_at = now + TICK_NS;
    wakeup_at(p->tick, p->tick_at);
}

/* ── Life of one ───────────────────────────────────────────────────────── */

static void set_alarm(struct look *k)
{
    k->alarm_at = k->wake_at < k->deadline ? k->wake_at : k->deadline;
    wakeup_at(k->alarm, k->alarm_at);
}

void look_wake_at(struct look *k, mono_ns at)
{
    if (k->wake_at == at)
        return;
    k->wake_at = at;
    set_alarm(k);
}

uint32_t look_left_ms(const struct look *k)
{
    mono_ns left = k->deadline - clock_mono();
    return left < NS_PER_MS ? 1 : (uint32_t)(left / NS_PER_MS);
}

static void start(struct look *k)
{
    k->started = true;
    set_alarm(k);
    if (k->job.patience_s > 0) {
        look_conclude(k, (struct judgement){ VERDICT_UP, CAUSE_ASKS_PATIENCE },
                      "not looked at: it asked to be left alone, for %u s more", k->job.patience_s);
        return;
    }
    k->kind = check_kind_of(k->job.url);
    if (!k->kind)
        look_conclude(k, judgement_of(CAUSE_INTERNAL), "no kind of check knows this URL");
    else if (k->kind->start(k) < 0)
        look_conclude(k, judgement_of(CAUSE_WORKER_ERROR), "no memory for a look");
}

static const char *expiry_words(enum cause c)
{
    switch (c) {
    case CAUSE_DNS_TIMEOUT:
    case CAUSE_DNS_OURS:
    case CAUSE_DNS_CLOSED: return "no answer for the name";
    case CAUSE_CONNECT_TIMEOUT: return "no connection";
    case CAUSE_TLS_TIMEOUT: return "the TLS handshake did not end";
    case CAUSE_TIMEOUT_WAIT: return "connected, and no answer";
    case CAUSE_TIMEOUT_BODY: return "the answer did not end";
    default: return "it did not end";
    }
}

static void expire(struct look *k)
{
    if (!k->expiring) { /* what has arrived is read first, see above */
        k->expiring = true;
        wakeup_at(k->alarm, 0);
        return;
    }
    struct judgement j = k->kind->expire(k);
    look_conclude(k, j, "%s within %u ms", expiry_words(j.cause), k->job.timeout_ms);
}

/* The time that it could not use. */
static void give_again(struct look *k, mono_ns late)
{
    k->again = true;
    k->deadline += late < MOST_AGAIN_NS ? late : MOST_AGAIN_NS;
    mono_ns least = clock_mono() + TICK_NS;
    if (k->deadline < least)
        k->deadline = least;
    set_alarm(k);
}

static void on_alarm(void *arg)
{
    struct look *k = arg;
    mono_ns now = clock_mono(), late = now - k->alarm_at;

    if (!k->expiring)
        selfcheck_tick(k->kit->selfcheck, now, clock_wall(), late);
    if (!k->started) {
        start(k);
    } else if (now >= k->deadline) {
        if (late > SELFCHECK_LATE_NS && !k->again)
            give_again(k, late);
        else
            expire(k);
    } else if (now >= k->wake_at) {
        k->wake_at = MONO_NEVER;
        set_alarm(k);
        k->kind->wake(k);
    } else {
        set_alarm(k);
    }
}

/* ── Turns ─────────────────────────────────────────────────────────────── */

static void send_away(struct look *k)
{
    k->alarm_at = MONO_NEVER;
    look_conclude(k, judgement_of(CAUSE_HELD_BACK), "no turn at %s within %lld ms: too many looks there",
                  k->trace.address, (long long)k->probes->patience_ms);
}

static void stand_still(struct look *k, mono_ns now)
{
    k->waits_since = now;
    k->left = k->deadline - now;
    k->deadline = k->wake_at = MONO_NEVER;
    set_alarm(k);
}

static void go_on(struct look *k, mono_ns now)
{
    mono_ns waited = now - k->waits_since;
    k->waits_since = 0;
    k->began += waited;
    k->trace.at_us += waited / NS_PER_US;
    k->deadline = now + k->left;
    set_alarm(k);
    k->kind->go(k);
}

bool look_needs_turn(struct look *k, const struct address *to)
{
    struct courtesy *c = k->kit->courtesy;
    mono_ns now = clock_mono();
    switch (courtesy_ask(c, courtesy_place(to), k->job.run.look > 0, &k->turn, k, now)) {
    case COURTESY_GO: return true;
    case COURTESY_AWAY: send_away(k); return false;
    case COURTESY_WAIT: stand_still(k, now); break;
    }
    wakeup_at(k->probes->turns, courtesy_next(c));
    return false;
}

static void on_turns(void *arg)
{
    struct probes *p = arg;
    enum courtesy_word word;
    struct look *k;
    while ((k = courtesy_take(p->kit.courtesy, clock_mono(), &word))) {
        if (word == COURTESY_GO)
            go_on(k, clock_mono());
        else
            send_away(k);
    }
    wakeup_at(p->turns, courtesy_next(p->kit.courtesy));
}

void probes_share(struct probes *p, uint32_t lanes)
{
    courtesy_share(p->kit.courtesy, lanes);
    wakeup_at(p->turns, courtesy_next(p->kit.courtesy));
}

static void leave_turn(struct look *k, mono_ns now)
{
    struct courtesy *c = k->kit->courtesy;
    courtesy_leave(c, &k->turn, now);
    mono_ns next = courtesy_next(c);
    if (next != MONO_NEVER)
        wakeup_at(k->probes->turns, next);
}

static struct look *take_look(struct probes *p)
{
    struct look *k = p->spare;
    if (k) {
        DL_DELETE(p->spare, k);
        if (k->room)
            p->spare_rooms--;
        *k = (struct look){ .alarm = k->alarm, .room = k->room, .room_bytes = k->room_bytes };
        return k;
    }
    k = calloc(1, sizeof *k);
    if (k && wakeup_new(&k->alarm, p->loop, on_alarm, k) < 0) {
        free(k);
        k = NULL;
    }
    return k;
}

static void put_aside(struct look *k)
{
    struct probes *p = k->probes;
    free(moved(k->far));
    if (k->room && p->spare_rooms == MOST_SPARE_ROOMS) {
        free(moved(k->room));
        k->room_bytes = 0;
    }
    if (k->room)
        p->spare_rooms++;
    DL_PREPEND(p->spare, k);
}

void *look_room(struct look *k, size_t bytes)
{
    if (k->room_bytes < bytes) {
        free(k->room);
        k->room = malloc(bytes);
        k->room_bytes = k->room ? bytes : 0;
    }
    return k->room;
}

/* URL and keyword, which the job's owner keeps no longer than this call. */
static int copy_job(struct look *k, const struct job *job)
{
    const char *contains = job->contains ? job->contains : "";
    size_t url = strlen(job->url) + 1, keyword = strlen(contains) + 1;
    char *strings = k->near;
    if (url + keyword > sizeof k->near)
        strings = k->far = malloc(url + keyword);
    if (!strings)
        return -ENOMEM;
    k->job = *job;
    k->job.url = memcpy(strings, job->url, url);
    k->job.contains = memcpy(strings + url, contains, keyword);
    k->job.avoid = "";
    return 0;
}

int probe_begin(struct probes *p, const struct job *job, probe_done_fn *done, void *arg)
{
    if (p->in_hand >= p->slots)
        return -EAGAIN;
    struct look *k = take_look(p);
    if (!k)
        return -ENOMEM;
    k->kit = &p->kit;
    k->probes = p;
    if (copy_job(k, job) < 0) {
        put_aside(k);
        return -ENOMEM;
    }
    k->done = done;
    k->arg = arg;
    k->began = clock_mono();
    k->deadline = k->began + (mono_ns)job->timeout_ms * NS_PER_MS;
    k->wake_at = MONO_NEVER;
    k->site_key = sitememory_key(job->url);
    k->trace = (struct result){
        .job_id = job->id, .seal = job->seal, .run = job->run, .span = 1, .at_us = clock_wall()
    };
    DL_APPEND(p->busy, k);
    p->in_hand++;
    start_ticking(p);

    k->alarm_at = k->began;
    wakeup_at(k->alarm, 0);
    return 0;
}

/* ── Conclusions ───────────────────────────────────────────────────────── */

/* For people, and for JSON and a terminal that take nothing else. */
static void make_plain(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p >= 0x7f)
            *p = '?';
}

void look_conclude(struct look *k, struct judgement j, const char *detail, ...)
{
    struct probes *p = k->probes;
    mono_ns now = clock_mono();
    char words[DETAIL_SIZE];

    va_list ap;
    va_start(ap, detail);
    vsnprintf(words, sizeof words, detail, ap);
    va_end(ap);
    if (k->kind)
        k->kind->stop(k);
    leave_turn(k, now);

    /* Our timer may be overdue while libcurl's has rung already. */
    selfcheck_tick(k->kit->selfcheck, now, clock_wall(), now - k->alarm_at);
    j = belief_weigh(k, j, now, words);
    make_plain(words);
    struct result r = k->trace;
    r.verdict = j.verdict;
    r.cause = j.cause;
    r.took_us = (uint32_t)((now - k->began) / NS_PER_US);
    memcpy(r.detail, words, sizeof r.detail);

    /* The slot is free before the caller is told, who may want to use it. */
    probe_done_fn *done = k->done;
    void *arg = k->arg;
    wakeup_at(k->alarm, MONO_NEVER);
    DL_DELETE(p->busy, k);
    put_aside(k);
    p->in_hand--;
    done(arg, &r);
}
