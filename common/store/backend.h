/* backend.h - what a database must be able to do to be a store. Each member
 * keeps the contract that store.h gives the function of that name. Included by
 * the files of this folder only. */
#ifndef COMMON_STORE_BACKEND_H
#define COMMON_STORE_BACKEND_H

#include "common/store/store.h"

struct store_backend {
    const char *scheme; /* the part of the URL before the first ':' */
    int (*open)(struct store **ret, const char *rest, enum store_mode mode, struct err *err);
    void (*close)(struct store *s);
    const char *(*name)(const struct store *s);
    void (*set_patience)(struct store *s, int64_t wait_us);
    void (*set_shard)(struct store *s, struct shard shard);
    int (*shards)(struct store *s, uint32_t *ret, struct err *err);
    int (*cut)(struct store *s, struct err *err);
    int (*join_cluster)(struct store *s, const char *public, struct err *err);
    int (*has_others)(struct store *s, bool *ret, struct err *err);
    int (*claim)(struct store *s, enum store_role role, int64_t wait_us, struct err *err);
    int (*keep_claim)(struct store *s, struct err *err);
    int (*claimed)(struct store *s, enum store_role role, bool *ret, struct err *err);
    int (*ask_claim)(struct store *s, enum store_role role, struct store_holder *ret, struct err *err);
    int (*get_holder)(struct store *s, enum store_role role, struct store_holder *ret, struct err *err);
    int (*set_listens)(struct store *s, enum store_role role, const char *listens, struct err *err);
    void (*set_lease)(struct store *s, int64_t lease_us);
    int64_t (*lease)(const struct store *s);
    uint64_t (*claim_epoch)(const struct store *s, enum store_role role);
    int (*join_claim)(struct store *s, enum store_role role, uint64_t epoch, struct err *err);
    int (*check_room)(struct store *s, struct err *err);
    int (*newest_change)(struct store *s, uint64_t *ret, struct err *err);
    int (*each_site)(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err);
    int (*each_brief)(struct store *s, store_site_fn *fn, void *arg, struct err *err);
    int (*next_briefs)(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                       struct err *err);
    int (*each_last_slot)(struct store *s, store_slot_fn *fn, void *arg, struct err *err);
    int (*each_owner)(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err);
    int (*find_site)(struct store *s, const char *what, struct site **ret, struct err *err);
    int (*edit_begin)(struct store *s, wall_us now, struct err *err);
    int (*edit_owner)(struct store *s, const struct owner *o, uint64_t *ret_id, struct err *err);
    int (*edit_site)(struct store *s, const struct site *site, uint64_t *ret_id, struct err *err);
    int (*edit_remove_site)(struct store *s, uint64_t id, struct err *err);
    int (*edit_remove_owner)(struct store *s, uint64_t id, struct err *err);
    int (*edit_commit)(struct store *s, struct err *err);
    void (*edit_abort)(struct store *s);
    int (*next_epoch)(struct store *s, uint32_t *ret, struct err *err);
    int (*newest_ids)(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err);
    int (*record)(struct store *s, const struct record *r, struct err *err);
    int (*put_vitals)(struct store *s, const struct vitals *v, struct err *err);
    int (*each_state)(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err);
    int (*each_view)(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err);
    int (*each_result)(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                       store_result_fn *fn, void *arg, struct err *err);
    int (*each_incident)(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                         struct err *err);
    int (*each_episode)(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                        struct err *err);
    int (*each_evidence)(struct store *s, uint64_t incident_id, store_result_fn *fn, void *arg,
                         struct err *err);
    int (*each_notice)(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                       struct err *err);
    int (*get_vitals)(struct store *s, struct vitals *ret, struct err *err);
    int (*get_settled)(struct store *s, wall_us *ret, struct err *err);
    int (*each_worker)(struct store *s, store_worker_fn *fn, void *arg, struct err *err);
    int (*get_states_us)(struct store *s, wall_us *ret, struct err *err);
    int (*get_summary)(struct store *s, struct summary *ret, struct err *err);
    int (*add_key)(struct store *s, const struct access_key *k, uint64_t *ret_id, struct err *err);
    int (*revoke_key)(struct store *s, uint64_t id, wall_us now, struct err *err);
    int (*keys_change)(struct store *s, uint64_t *ret, struct err *err);
    int (*each_key)(struct store *s, store_key_fn *fn, void *arg, struct err *err);
    int (*roll_up)(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
    int (*each_rollup)(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                       void *arg, struct err *err);
    int (*pack)(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
    int (*prune)(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
                 struct err *err);
    int (*copy)(struct store *from, struct store *to, store_copied_fn *fn, void *arg, struct err *err);
    int (*check)(struct store *s, store_fault_fn *fn, void *arg, struct err *err);
};

struct store { /* the first member of every backend's own struct */
    const struct store_backend *backend;
};

extern const struct store_backend store_sqlite, store_postgres;

#endif
