/* Who is at work with the simulated store: as postgres_claim.c has it, or as a file's lock. */
#include "tests/sim/shelf_inside.h"

#include "common/store/heir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

static struct {
    uint64_t epoch;
    struct store *holder; /* whose connection has the lock; NULL: it is free */
    mono_ns renewed;      /* world time, the database's clock */
    bool given_back;
    int64_t lease_us;
    char listens[STORE_LISTENS_SIZE];
} claim[STORE_ROLE_COUNT];

void shelf_claims_begin(void)
{
    memset(claim, 0, sizeof claim);
}

uint64_t shelf_claim_epoch(enum store_role role)
{
    return claim[role].epoch;
}

void store_set_lease(struct store *s, int64_t lease_us)
{
    s->lease_us = lease_us;
}

int64_t store_lease(const struct store *s)
{
    return shelf_is_server ? s->lease_us : 0;
}

uint64_t store_claim_epoch(const struct store *s, enum store_role role)
{
    return s->claim_epoch[role];
}

static void fill(enum store_role role, struct store_holder *ret)
{
    *ret = (struct store_holder){ .epoch = claim[role].epoch, .silent_us = INT64_MAX };
    if (claim[role].epoch && !claim[role].given_back)
        ret->silent_us = (world_now() - claim[role].renewed) / NS_PER_US;
    snprintf(ret->listens, sizeof ret->listens, "%s", claim[role].listens);
}

static int sign(struct store *s, enum store_role role)
{
    struct store *h;
    /* Whoever still writes on the former holder's behalf is ended. */
    DL_FOREACH (shelf_handles, h)
        if (h->joined_epoch[role] && h->joined_epoch[role] != claim[role].epoch + 1)
            h->session++;
    claim[role].epoch++;
    claim[role].holder = s;
    claim[role].renewed = world_now();
    claim[role].given_back = false;
    claim[role].lease_us = s->lease_us;
    claim[role].listens[0] = '\0';
    s->claims[role] = true;
    s->claim_epoch[role] = claim[role].epoch;
    trace("%s has the part of the %s, epoch %llu", s->proc->name, store_role_name(role),
          (unsigned long long)claim[role].epoch);
    return 1;
}

static int ask_file(struct store *s, enum store_role role)
{
    return claim[role].holder ? 0 : sign(s, role);
}

static int ask_server(struct store *s, enum store_role role, const struct store_holder *who)
{
    mono_ns now = world_now();
    bool got = claim[role].holder == NULL;
    s->free_since[role] = !got ? 0 : s->free_since[role] ? s->free_since[role] : now;
    const struct heir_view v = {
        .locked = !got,
        .ever = who->epoch > 0,
        .given_back = who->silent_us == INT64_MAX,
        .dead = got && s->ended_epoch[role] == who->epoch,
        .silent_us = who->silent_us,
        .lease_us = claim[role].lease_us,
        .free_since = s->free_since[role],
    };
    enum heir_word word = heir_decide(&v, now);
    if (word == HEIR_TAKE)
        return sign(s, role);
    if (word == HEIR_END_HOLDER && v.silent_us > v.lease_us) {
        claim[role].holder->claims[role] = false;
        claim[role].holder->session++;
        claim[role].holder = NULL;
        s->ended_epoch[role] = who->epoch;
    }
    return 0;
}

int store_ask_claim(struct store *s, enum store_role role, struct store_holder *ret, struct err *err)
{
    struct store_holder who;
    int r = shelf_call(s, true, err);
    if (r < 0)
        return r;
    if (s->claims[role])
        return 1;
    fill(role, &who);
    if (ret)
        *ret = who;
    return shelf_is_server ? ask_server(s, role, &who) : ask_file(s, role);
}

int store_claim(struct store *s, enum store_role role, int64_t wait_us, struct err *err)
{
    struct store_holder who;
    for (mono_ns until = world_now() + wait_us * NS_PER_US;;) {
        int r = store_ask_claim(s, role, &who, err);
        if (r != 0)
            return r < 0 ? r : 0;
        if (world_now() >= until || !proc_block(50 * NS_PER_MS))
            return err_set(err, -EBUSY, "another %s is at work with this store", store_role_name(role));
    }
}

int store_get_holder(struct store *s, enum store_role role, struct store_holder *ret, struct err *err)
{
    int r = shelf_call(s, false, err);
    if (r < 0)
        return r;
    fill(role, ret);
    return ret->epoch ? 0 : err_set(err, -ENOENT, "there never was a %s", store_role_name(role));
}

int store_set_listens(struct store *s, enum store_role role, const char *listens, struct err *err)
{
    int r = shelf_call(s, true, err);
    if (r == 0 && claim[role].holder == s)
        snprintf(claim[role].listens, sizeof claim[role].listens, "%s", listens);
    return r;
}

int store_keep_claim(struct store *s, struct err *err)
{
    int r = shelf_call(s, true, err);
    if (r == 0)
        r = shelf_may_write(s, err);
    for (enum store_role role = 0; r == 0 && role < STORE_ROLE_COUNT; role++)
        if (claim[role].holder == s)
            claim[role].renewed = world_now();
    return r;
}

int store_join_claim(struct store *s, enum store_role role, uint64_t epoch, struct err *err)
{
    int r = shelf_call(s, true, err);
    s->joined_epoch[role] = epoch;
    return r < 0 ? r : shelf_may_write(s, err);
}

int shelf_may_write(struct store *s, struct err *err)
{
    for (enum store_role role = 0; role < STORE_ROLE_COUNT; role++) {
        uint64_t mine = s->claim_epoch[role] ? s->claim_epoch[role] : s->joined_epoch[role];
        if (mine && mine != claim[role].epoch)
            return err_set(err, -ESTALE, "another %s has taken over", store_role_name(role));
        if (s->claim_epoch[role] && !s->claims[role]) { /* ended, and nobody has come yet: it connects anew */
            if (claim[role].holder)
                return err_set(err, -ESTALE, "another %s has taken over", store_role_name(role));
            claim[role].holder = s;
            s->claims[role] = true;
        }
    }
    return 0;
}

void shelf_claims_let_go(struct store *s)
{
    for (enum store_role role = 0; role < STORE_ROLE_COUNT; role++)
        if (claim[role].holder == s) {
            claim[role].holder = NULL;
            claim[role].given_back = !s->proc->dead;
        }
}

/* There is one cluster in this world, without keys: nothing is asked of the store. */
int store_join_cluster(struct store *s, const char *public, struct err *err)
{
    (void)s, (void)public, (void)err;
    return 0;
}

int store_cut(struct store *s, struct err *err)
{
    return shelf_call(s, false, err);
}
