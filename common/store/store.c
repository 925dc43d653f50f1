#include "common/store/backend.h"

#include <errno.h>
#include <string.h>

static const struct store_backend *const backends[] = {
    &store_sqlite,
    &store_postgres,
};

/* The backend of a URL, and what follows the scheme. */
static int find_backend(const char *url, const struct store_backend **ret, const char **ret_rest,
                        struct err *err)
{
    const char *colon = strchr(url, ':');
    if (!colon)
        return err_set(err, -EPROTONOSUPPORT,
                       "'%.200s' is not a store: write it like sqlite:/path/to/vedette.db, or "
                       "postgresql://host/database",
                       url);
    size_t len = (size_t)(colon - url);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const char *scheme = backends[i]->scheme;
        if (strlen(scheme) != len || strncmp(scheme, url, len) != 0)
            continue;
        if (colon[1] == '\0')
            return err_set(err, -EPROTONOSUPPORT,
                           "'%s' does not say where the store is: write it like sqlite:/path, or "
                           "postgresql://host/database",
                           url);
        *ret = backends[i];
        *ret_rest = colon + 1;
        return 0;
    }
    /* Not the rest: it may hold a secret. */
    return err_set(err, -EPROTONOSUPPORT,
                   "there is no kind of store called '%.*s', only sqlite and postgresql",
                   (int)(len < 40 ? len : 40), url);
}

int store_url_check(const char *url, struct err *err)
{
    const struct store_backend *backend = NULL;
    const char *rest = NULL;
    return find_backend(url, &backend, &rest, err);
}

int store_open(struct store **ret, const char *url, enum store_mode mode, struct err *err)
{
    const struct store_backend *backend = NULL;
    const char *rest = NULL;
    int r = find_backend(url, &backend, &rest, err);
    return r < 0 ? r : backend->open(ret, rest, mode, err);
}

void store_close(struct store *s)
{
    if (s)
        s->backend->close(s);
}

const char *store_name(const struct store *s)
{
    return s->backend->name(s);
}

int store_exit_code(int r)
{
    static const struct {
        int r, code;
    } codes[] = {
        {0,                 0 },
        { -ENOENT,          10},
        { -EROFS,           11},
        { -ENOSPC,          12},
        { -EBUSY,           13},
        { -ESTALE,          13},
        { -EPROTO,          14},
        { -EINVAL,          15},
        { -EPROTONOSUPPORT, 15},
        { -EIO,             16},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].r == r)
            return codes[i].code;
    return 1;
}

void store_set_patience(struct store *s, int64_t wait_us)
{
    s->backend->set_patience(s, wait_us);
}

void store_set_shard(struct store *s, struct shard shard)
{
    s->backend->set_shard(s, shard);
}

int store_shards(struct store *s, uint32_t *ret, struct err *err)
{
    return s->backend->shards(s, ret, err);
}

int store_join_cluster(struct store *s, const char *public, struct err *err)
{
    return s->backend->join_cluster(s, public, err);
}

int store_cut(struct store *s, struct err *err)
{
    return s->backend->cut(s, err);
}

int store_has_others(struct store *s, bool *ret, struct err *err)
{
    return s->backend->has_others(s, ret, err);
}

const char *store_role_name(enum store_role role)
{
    static const char *const names[STORE_ROLE_COUNT] = { "coordinator", "collector" };
    return names[role];
}

int store_claim(struct store *s, enum store_role role, int64_t wait_us, struct err *err)
{
    return s->backend->claim(s, role, wait_us, err);
}

int store_keep_claim(struct store *s, struct err *err)
{
    return s->backend->keep_claim(s, err);
}

int store_claimed(struct store *s, enum store_role role, bool *ret, struct err *err)
{
    return s->backend->claimed(s, role, ret, err);
}

int store_ask_claim(struct store *s, enum store_role role, struct store_holder *ret, struct err *err)
{
    struct store_holder unwanted;
    return s->backend->ask_claim(s, role, ret ? ret : &unwanted, err);
}

int store_get_holder(struct store *s, enum store_role role, struct store_holder *ret, struct err *err)
{
    return s->backend->get_holder(s, role, ret, err);
}

int store_set_listens(struct store *s, enum store_role role, const char *listens, struct err *err)
{
    return s->backend->set_listens(s, role, listens, err);
}

void store_set_lease(struct store *s, int64_t lease_us)
{
    s->backend->set_lease(s, lease_us);
}

int64_t store_lease(const struct store *s)
{
    return s->backend->lease(s);
}

uint64_t store_claim_epoch(const struct store *s, enum store_role role)
{
    return s->backend->claim_epoch(s, role);
}

int store_join_claim(struct store *s, enum store_role role, uint64_t epoch, struct err *err)
{
    return s->backend->join_claim(s, role, epoch, err);
}

int store_check_room(struct store *s, struct err *err)
{
    return s->backend->check_room(s, err);
}

int store_newest_change(struct store *s, uint64_t *ret, struct err *err)
{
    return s->backend->newest_change(s, ret, err);
}

int store_each_site(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_site(s, since, fn, arg, err);
}

int store_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_brief(s, fn, arg, err);
}

int store_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                      struct err *err)
{
    return s->backend->next_briefs(s, mark, most, fn, arg, err);
}

int store_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_last_slot(s, fn, arg, err);
}

int store_each_owner(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_owner(s, since, fn, arg, err);
}

int store_find_site(struct store *s, const char *what, struct site **ret, struct err *err)
{
    return s->backend->find_site(s, what, ret, err);
}

int store_edit_begin(struct store *s, wall_us now, struct err *err)
{
    return s->backend->edit_begin(s, now, err);
}

int store_edit_owner(struct store *s, const struct owner *o, uint64_t *ret_id, struct err *err)
{
    return s->backend->edit_owner(s, o, ret_id, err);
}

int store_edit_site(struct store *s, const struct site *site, uint64_t *ret_id, struct err *err)
{
    return s->backend->edit_site(s, site, ret_id, err);
}

int store_edit_remove_site(struct store *s, uint64_t id, struct err *err)
{
    return s->backend->edit_remove_site(s, id, err);
}

int store_edit_remove_owner(struct store *s, uint64_t id, struct err *err)
{
    return s->backend->edit_remove_owner(s, id, err);
}

int store_edit_commit(struct store *s, struct err *err)
{
    return s->backend->edit_commit(s, err);
}

void store_edit_abort(struct store *s)
{
    s->backend->edit_abort(s);
}

int store_next_epoch(struct store *s, uint32_t *ret, struct err *err)
{
    return s->backend->next_epoch(s, ret, err);
}

int store_newest_ids(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err)
{
    return s->backend->newest_ids(s, ret_incident, ret_notice, err);
}

int store_record(struct store *s, const struct record *r, struct err *err)
{
    return s->backend->record(s, r, err);
}

int store_put_vitals(struct store *s, const struct vitals *v, struct err *err)
{
    return s->backend->put_vitals(s, v, err);
}

int store_each_state(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_state(s, site_id, fn, arg, err);
}

int store_each_view(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_view(s, site_id, fn, arg, err);
}

int store_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                      store_result_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_result(s, site_id, from_us, to_us, max, fn, arg, err);
}

int store_each_incident(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                        struct err *err)
{
    return s->backend->each_incident(s, f, fn, arg, err);
}

int store_each_episode(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                       struct err *err)
{
    return s->backend->each_episode(s, f, fn, arg, err);
}

int store_each_evidence(struct store *s, uint64_t incident_id, store_result_fn *fn, void *arg,
                        struct err *err)
{
    return s->backend->each_evidence(s, incident_id, fn, arg, err);
}

int store_each_notice(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                      struct err *err)
{
    return s->backend->each_notice(s, f, fn, arg, err);
}

int store_get_vitals(struct store *s, struct vitals *ret, struct err *err)
{
    return s->backend->get_vitals(s, ret, err);
}

int store_each_worker(struct store *s, store_worker_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_worker(s, fn, arg, err);
}

int store_get_settled(struct store *s, wall_us *ret, struct err *err)
{
    return s->backend->get_settled(s, ret, err);
}

int store_get_states_us(struct store *s, wall_us *ret, struct err *err)
{
    return s->backend->get_states_us(s, ret, err);
}

int store_get_summary(struct store *s, struct summary *ret, struct err *err)
{
    return s->backend->get_summary(s, ret, err);
}

int store_add_key(struct store *s, const struct access_key *k, uint64_t *ret_id, struct err *err)
{
    return s->backend->add_key(s, k, ret_id, err);
}

int store_revoke_key(struct store *s, uint64_t id, wall_us now, struct err *err)
{
    return s->backend->revoke_key(s, id, now, err);
}

int store_keys_change(struct store *s, uint64_t *ret, struct err *err)
{
    return s->backend->keys_change(s, ret, err);
}

int store_each_key(struct store *s, store_key_fn *fn, void *arg, struct err *err)
{
    return s->backend->each_key(s, fn, arg, err);
}

int store_roll_up(struct store *s, wall_us until_us, bool *ret_more, struct err *err)
{
    return s->backend->roll_up(s, until_us, ret_more, err);
}

int store_each_rollup(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                      void *arg, struct err *err)
{
    return s->backend->each_rollup(s, site_id, from_us, to_us, fn, arg, err);
}

int store_pack(struct store *s, wall_us until_us, bool *ret_more, struct err *err)
{
    return s->backend->pack(s, until_us, ret_more, err);
}

int store_prune(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
                struct err *err)
{
    return s->backend->prune(s, results_us, rollups_us, max, ret_more, err);
}

int store_copy(struct store *from, struct store *to, store_copied_fn *fn, void *arg, struct err *err)
{
    return from->backend->copy(from, to, fn, arg, err);
}

int store_check(struct store *s, store_fault_fn *fn, void *arg, struct err *err)
{
    return s->backend->check(s, fn, arg, err);
}
