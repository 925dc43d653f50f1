/* Who does what
 *
 * The keeper's thread owns the store's handle. It asks, and writes down what it was told under `lock`, and
 * the number `until`. The loop is rung when something may have changed, looks at what is written there, and
 * says what is new; and when a lease ends by itself, for then nobody rings.
 */
#include "common/tenure.h"

#include "common/daemon.h"
#include "common/leader.h"
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAVE_S       2                 /* for a database that does not answer, when we end */
#define FIRST_WAIT_US (300 * US_PER_MS) /* a predecessor that was killed may still be connected */
#define LOADING_NS    (60 * NS_PER_S)   /* the loop is away while a million sites are read */
enum { OURS = 1000 };                   /* the loop's status when waiting is over */

struct word { /* of the thread, for the loop */
    struct leader leader;
    struct store_holder holder; /* whom we wait for */
    char trouble[sizeof((struct err *)0)->text];
    uint64_t claim_epoch; /* ours, from here on ... */
    uint32_t job_epoch;
    char others[STORE_LISTENS_SIZE];
};

struct tenure {
    struct tenure_setup setup;
    enum store_role other;
    struct store *store; /* the thread's, once it runs */
    bool settled;        /* we and the store agree whose it is, and on the shards */

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t
        changed; /* for the thread: asked to end, or there are doors to tell; for us: it has ended */
    bool ending, ended;
    char doors[STORE_LISTENS_SIZE];
    bool doors_new;
    struct word word;
    _Atomic mono_ns until;

    /* The loop's. */
    struct loop_bell bell;
    struct loop_timer timer;
    bool bell_made, timer_made;
    struct desk *desk; /* until we act */
    enum leader_state told;
    uint64_t told_holder; /* its epoch */
    bool told_trouble, won;
    uint64_t claim_epoch;
    uint32_t job_epoch;
    char told_others[STORE_LISTENS_SIZE];
    tenure_other_fn *on_other;
    void *arg;
};

static const char *name_of(const struct tenure *t)
{
    return store_role_name(t->setup.role);
}

/* ── Asking, in the thread ─────────────────────────────────────────────── */

static int settle(struct tenure *t, struct err *err)
{
    int r = store_join_cluster(t->store, t->setup.cluster, err);
    return r < 0 ? r : store_cut(t->store, err);
}

/* Ours, and all that goes with it. What fails is asked again: whoever has it already is told so at once. */
static int take_office(struct tenure *t, struct word *w, struct err *err)
{
    int r = 0;
    w->claim_epoch = store_claim_epoch(t->store, t->setup.role);
    if (!t->settled)
        r = settle(t, err);
    t->settled |= r == 0;
    if (r == 0 && t->setup.role == STORE_COORDINATOR && w->job_epoch == 0)
        r = store_next_epoch(t->store, &w->job_epoch, err);
    return r < 0 ? r : store_keep_claim(t->store, err);
}

/* 0: it is ours. -EALREADY, -ESTALE: another's. */
static int ask(struct tenure *t, struct word *w, struct err *err)
{
    bool waiting = w->leader.state == LEADER_WAITING;
    int r = waiting ? store_ask_claim(t->store, t->setup.role, &w->holder, err) : 1;
    if (r == 0)
        return -EALREADY;
    return r < 0 ? r : take_office(t, w, err);
}

static void read_others(struct tenure *t, struct word *w)
{
    struct store_holder other;
    if (store_get_holder(t->store, t->other, &other, NULL) == 0 && other.listens[0])
        memcpy(w->others, other.listens, sizeof w->others);
}

static void step(struct tenure *t, struct word *w)
{
    struct err err = { 0 };
    mono_ns asked = clock_mono();
    int r = ask(t, w, &err);
    enum leader_answer answer = r == 0                           ? LEADER_OURS
                                : r == -EALREADY || r == -ESTALE ? LEADER_ANOTHERS
                                                                 : LEADER_NOBODY_KNOWS;
    leader_hear(&w->leader, answer, asked, clock_mono());
    snprintf(w->trouble, sizeof w->trouble, "%s", err.text);
    if (r == 0)
        read_others(t, w);
}

/* They may have moved since we asked for our own part: when a host has died both parts begin elsewhere, one
 * of them first. Without a lease nobody moves. */
static mono_ns next_visit(const struct word *w, mono_ns now)
{
    return w->leader.state == LEADER_LEADING && w->leader.lease ? now + LEADER_ASK_NS : MONO_NEVER;
}

/* Whoever does not wait for us any more is not rung: its loop may be gone. */
static void publish(struct tenure *t, const struct word *w)
{
    atomic_store(&t->until, w->leader.state == LEADER_LEADING ? w->leader.until : 0);
    pthread_mutex_lock(&t->lock);
    t->word = *w;
    if (!t->ending)
        loop_bell_ring(&t->bell);
    pthread_mutex_unlock(&t->lock);
}

/* Waits until it is time to ask, or there are doors to tell, which are copied; false when it is time to end.
 */
static bool rest(struct tenure *t, mono_ns until, char ret[STORE_LISTENS_SIZE])
{
    struct timespec at = { .tv_sec = until / NS_PER_S, .tv_nsec = until % NS_PER_S };
    int r = 0;
    pthread_mutex_lock(&t->lock);
    while (!t->ending && !t->doors_new && r == 0)
        r = until == MONO_NEVER ? pthread_cond_wait(&t->changed, &t->lock)
                                : pthread_cond_timedwait(&t->changed, &t->lock, &at);
    if (t->doors_new)
        memcpy(ret, t->doors, STORE_LISTENS_SIZE);
    t->doors_new = false;
    bool on = !t->ending;
    pthread_mutex_unlock(&t->lock);
    return on;
}

/* Whether there is news for the loop. */
static bool do_what_is_due(struct tenure *t, struct word *w, mono_ns visit)
{
    char others[sizeof w->others];
    mono_ns now = clock_mono();
    if (now >= w->leader.ask) {
        step(t, w);
        return true;
    }
    memcpy(others, w->others, sizeof others);
    if (now >= visit)
        read_others(t, w);
    return strcmp(others, w->others) != 0;
}

static void *keep(void *arg)
{
    struct tenure *t = arg;
    struct word w = t->word;
    char doors[STORE_LISTENS_SIZE] = ""; /* that are still to be told */
    mono_ns visit = next_visit(&w, clock_mono());
    pthread_setname_np(pthread_self(), "tenure");
    while (rest(t, visit < w.leader.ask ? visit : w.leader.ask, doors)) {
        if (do_what_is_due(t, &w, visit))
            publish(t, &w);
        if (clock_mono() >= visit || visit == MONO_NEVER)
            visit = next_visit(&w, clock_mono());
        if (doors[0] && store_set_listens(t->store, t->setup.role, doors, NULL) == 0)
            doors[0] = '\0';
    }
    store_close(t->store); /* and with it the part is given back */
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* ── Telling, in the loop ──────────────────────────────────────────────── */

static void describe_holder(const struct tenure *t, const struct store_holder *h, char *to, size_t size)
{
    char since[48] = "";
    struct tm tm;
    time_t at = (time_t)(h->since_us / US_PER_S);
    if (h->since_us && gmtime_r(&at, &tm))
        strftime(since, sizeof since, " since %Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(to, size, "process %lld on %s acts as %s%s", (long long)h->pid, h->host, name_of(t), since);
}

static void say(const struct tenure *t, enum log_level level, const char *what, const char *text)
{
    char name[48];
    snprintf(name, sizeof name, "%s.%s", name_of(t), what);
    log_line(level, name, "claim_epoch=%llu: %s", (unsigned long long)t->claim_epoch, text);
    daemon_status("%s: %s", what, text);
}

static void say_waiting(struct tenure *t, const struct word *w)
{
    char who[200];
    bool trouble = w->trouble[0];
    if (trouble ? t->told_trouble : !t->told_trouble && t->told_holder == w->holder.epoch + 1)
        return;
    t->told_trouble = trouble;
    t->told_holder = w->holder.epoch + 1;
    describe_holder(t, &w->holder, who, sizeof who);
    say(t, trouble ? LOG_WARN : LOG_INFO, "standby", trouble ? w->trouble : who);
    daemon_ready();
}

static void say_changed(struct tenure *t, const struct word *w, enum leader_state to)
{
    enum leader_state from = t->told;
    t->told = to;
    if (to == LEADER_LEADING)
        say(t, LOG_INFO, from == LEADER_LAPSED ? "leads_again" : "leads",
            from == LEADER_LAPSED ? "the lease was renewed" : "the part is ours");
    else if (to == LEADER_LAPSED)
        say(t, LOG_WARN, "lapsed", w->trouble[0] ? w->trouble : "the lease could not be renewed in time");
    else if (to == LEADER_DEPOSED)
        say(t, LOG_ERROR, "deposed", w->trouble);
}

static void tell_others(struct tenure *t, const struct word *w)
{
    if (!t->on_other || !w->others[0] || strcmp(t->told_others, w->others) == 0)
        return;
    memcpy(t->told_others, w->others, sizeof t->told_others);
    t->on_other(t->arg, t->told_others);
}

static void look(void *arg)
{
    struct tenure *t = arg;
    pthread_mutex_lock(&t->lock);
    struct word w = t->word;
    pthread_mutex_unlock(&t->lock);
    mono_ns now = clock_mono();
    enum leader_state to = leader_now(&w.leader, now);
    t->claim_epoch = w.claim_epoch;
    t->job_epoch = w.job_epoch;
    if (to == LEADER_WAITING)
        say_waiting(t, &w);
    if (to != t->told)
        say_changed(t, &w, to);
    loop_timer_at(&t->timer, to == LEADER_LEADING ? w.leader.until : MONO_NEVER);
    if (to == LEADER_DEPOSED) {
        loop_stop(t->setup.loop, store_exit_code(-ESTALE));
    } else if (to != LEADER_WAITING && !t->won) {
        t->won = true;
        loop_stop(t->setup.loop, OURS);
    } else {
        tell_others(t, &w);
    }
}

enum board_word tenure_put(struct tenure *t, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    mono_ns now = clock_mono(), until = atomic_load(&t->until);
    bool leads = now < until;
    sheet_put(sheet, t->setup.rows.leads, leads);
    if (until != MONO_NEVER)
        sheet_put(sheet, t->setup.rows.lease_left, leads ? (double)(until - now) / 1e9 : 0);
    if (leads)
        return BOARD_CAN;
    char text[240];
    pthread_mutex_lock(&t->lock);
    enum leader_state state = leader_now(&t->word.leader, now);
    if (state == LEADER_WAITING && !t->word.trouble[0])
        describe_holder(t, &t->word.holder, text, sizeof text);
    else
        snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, t->word.trouble);
    pthread_mutex_unlock(&t->lock);
    snprintf(why_not, DESK_WHY_SIZE, "%s: %s", state == LEADER_WAITING ? "standby" : leader_state_name(state),
             text);
    return BOARD_CANNOT;
}

static enum board_word on_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    return tenure_put(arg, sheet, why_not);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

static bool waits(const struct tenure *t)
{
    const char *wait = t->setup.config->standby.wait;
    return strcmp(wait, "auto") == 0 ? store_lease(t->store) > 0 : strcmp(wait, "yes") == 0;
}

/* So that one that is alone begins at once, and what is wrong with the store is told at once. */
static int ask_first(struct tenure *t, struct err *err)
{
    struct word *w = &t->word;
    bool may_wait = waits(t);
    leader_init(&w->leader, store_lease(t->store) * NS_PER_US, clock_mono());
    int r = store_claim(t->store, t->setup.role, may_wait ? FIRST_WAIT_US : STORE_CLAIM_WAIT_US, err);
    if (r == -EBUSY && may_wait) {
        *err = (struct err){ 0 };
        (void)store_get_holder(t->store, t->setup.role, &w->holder, NULL);
        return settle(t, err); /* it waits for one of its own cluster, who cuts the sites alike */
    }
    mono_ns asked = clock_mono();
    if (r == 0)
        r = take_office(t, w, err);
    if (r < 0)
        return r;
    leader_hear(&w->leader, LEADER_OURS, asked, clock_mono());
    atomic_store(&t->until, w->leader.until);
    read_others(t, w);
    return 0;
}

static int start(struct tenure *t, struct err *err)
{
    sigset_t all, before;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all); /* signals are for the loop's thread */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = -pthread_create(&t->thread, NULL, keep, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->running = r == 0;
    return r < 0 ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

int tenure_new(struct tenure **ret, const struct tenure_setup *setup, struct err *err)
{
    scoped(tenure) struct tenure *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, -ENOMEM, "out of memory");
    t->setup = *setup;
    t->other = setup->role == STORE_COORDINATOR ? STORE_COLLECTOR : STORE_COORDINATOR;
    pthread_mutex_init(&t->lock, NULL);
    int r = store_open(&t->store, setup->config->store, STORE_WRITE, err);
    if (r < 0)
        return r;
    store_set_shard(t->store, config_shard(setup->config));
    store_set_lease(t->store, setup->config->standby.lease_us);
    r = ask_first(t, err);
    if (r < 0)
        return r;
    r = loop_bell_init(setup->loop, &t->bell, look, t);
    t->bell_made = r == 0;
    loop_timer_init(setup->loop, &t->timer, look, t);
    t->timer_made = true;
    if (r == 0)
        r = desk_open_patient(&t->desk, setup->board, setup->loop, "standby", LOADING_NS, on_desk, t);
    if (r < 0)
        return err_set(err, r, "cannot begin: %s", strerror(-r));
    r = start(t, err);
    if (r < 0)
        return r;
    *ret = moved(t);
    return 0;
}

int tenure_wait(struct tenure *t, struct err *err)
{
    loop_timer_at(&t->timer, 0);
    int r = loop_run(t->setup.loop);
    if (r < 0)
        return err_set(err, r, "the loop: %s", strerror(-r));
    return r == OURS && !daemon_is_ending();
}

void tenure_begin(struct tenure *t, const char *doors, tenure_other_fn *other, void *arg)
{
    desk_close(moved(t->desk));
    t->on_other = other;
    t->arg = arg;
    pthread_mutex_lock(&t->lock);
    snprintf(t->doors, sizeof t->doors, "%s", doors);
    t->doors_new = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    loop_timer_at(&t->timer, 0);
}

bool tenure_leads(const struct tenure *t, mono_ns now)
{
    return now < atomic_load(&t->until);
}

uint32_t tenure_job_epoch(const struct tenure *t)
{
    return t->job_epoch;
}

uint64_t tenure_claim_epoch(const struct tenure *t)
{
    return t->claim_epoch;
}

/* Whether the thread has ended within the time that we have. */
static bool end_thread(struct tenure *t)
{
    struct timespec at;
    int r = 0;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += LEAVE_S;
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_broadcast(&t->changed);
    while (!t->ended && r == 0)
        r = pthread_cond_timedwait(&t->changed, &t->lock, &at);
    bool ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    if (ended)
        pthread_join(t->thread, NULL);
    else
        pthread_detach(t->thread);
    return ended;
}

void tenure_free(struct tenure *t)
{
    if (!t)
        return;
    bool ended = !t->running || end_thread(t);
    desk_close(t->desk);
    if (t->timer_made)
        loop_timer_done(&t->timer);
    if (!ended) { /* it may still ring: what it has in hand stays until the process ends */
        log_warn("tenure.left_behind", "the database does not answer; the part falls free with its lease");
        return;
    }
    if (t->bell_made)
        loop_bell_done(&t->bell);
    uv_run(loop_uv(t->setup.loop),
           UV_RUN_NOWAIT); /* bell and timer are part of us; no turn: who acted is gone */
    if (t->running)
        pthread_cond_destroy(&t->changed);
    else
        store_close(t->store);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
