#include "cli/asjson.h"

#include "cli/print.h"

#include <stdio.h>
#include <string.h>

void asjson_put(json_t **o, const char *key, json_t *value)
{
    if (!*o) {
        json_decref(value);
        return;
    }
    /* Releases the value, also when it fails. */
    if (json_object_set_new(*o, key, value) == 0)
        return;
    json_decref(*o);
    *o = NULL;
}

void asjson_text(json_t **o, const char *key, const char *value)
{
    asjson_put(o, key, print_json_text(value));
}

void asjson_number(json_t **o, const char *key, uint64_t value)
{
    asjson_put(o, key, json_integer((json_int_t)value));
}

static json_t *words(const char *list)
{
    json_t *a = json_array();
    while (a && *list) {
        size_t len = strcspn(list, ",");
        json_array_append_new(a, json_stringn(list, len));
        list += len + (list[len] == ',');
    }
    return a;
}

json_t *asjson_views(const struct site_view *views, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct site_state *s = &views[i].state;
        json_t *o = json_object();
        asjson_text(&o, "location", views[i].location);
        asjson_text(&o, "health", health_name(s->health));
        asjson_put(&o, "since", print_json_wall(s->since_us));
        asjson_number(&o, "blips", s->blips);
        asjson_put(&o, "last_at", print_json_wall(s->last_at_us));
        asjson_text(&o, "last_verdict", verdict_name(s->last_verdict));
        asjson_text(&o, "last_cause", cause_name(s->last_cause));
        asjson_put(&o, "last_status", s->last_status ? json_integer(s->last_status) : json_null());
        asjson_put(&o, "last_time_ms", print_json_ms(s->last_took_us));
        asjson_text(&o, "last_worker", s->last_worker);
        json_array_append_new(a, o);
    }
    return a;
}

static void put_state(json_t **o, const struct site_state *s)
{
    asjson_put(o, "since", print_json_wall(s->since_us));
    asjson_put(o, "incident", s->incident_id ? json_integer((json_int_t)s->incident_id) : json_null());
    asjson_number(o, "blips", s->blips);
    asjson_put(o, "last_at", print_json_wall(s->last_at_us));
    asjson_text(o, "last_verdict", verdict_name(s->last_verdict));
    asjson_text(o, "last_cause", cause_name(s->last_cause));
    asjson_put(o, "last_status", s->last_status ? json_integer(s->last_status) : json_null());
    asjson_put(o, "last_time_ms", print_json_ms(s->last_took_us));
    asjson_text(o, "last_worker", s->last_worker);
    asjson_put(o, "tls_expires", print_json_wall(s->tls_expires_us));
}

json_t *asjson_site(const struct site *s, const char *owner, const struct site_state *state)
{
    char status[EXPECT_STATUS_SIZE];
    json_t *o = json_object();
    asjson_number(&o, "id", s->id);
    asjson_text(&o, "name", s->name);
    asjson_text(&o, "url", s->url);
    asjson_text(&o, "health", health_name(state ? state->health : HEALTH_NEW));
    asjson_put(&o, "paused", json_boolean(s->paused));
    asjson_text(&o, "owner", owner);
    asjson_put(&o, "every_ms", json_integer(s->every_ms));
    asjson_put(&o, "timeout_ms", json_integer(s->timeout_ms));
    asjson_text(&o, "method", method_name(s->method));
    asjson_text(&o, "expect_status", status_set_format(status, sizeof status, &s->status));
    asjson_text(&o, "expect_contains", s->contains);
    asjson_put(&o, "full_handshake", json_boolean(s->full_handshake));
    asjson_put(&o, "confirm_looks", json_integer(s->confirm.looks));
    asjson_put(&o, "confirm_within_ms", json_integer(s->confirm.within_ms));
    asjson_put(&o, "locations", words(site_locations(s)));
    asjson_put(&o, "confirm_from",
               json_integer(site_needs(s->confirm_from, location_count(site_locations(s)))));
    asjson_put(&o, "tags", words(s->tags));
    if (state)
        put_state(&o, state);
    return o;
}

json_t *asjson_incident(const struct incident *i, const char *site, const char *url)
{
    json_t *o = json_object();
    asjson_number(&o, "id", i->id);
    asjson_number(&o, "site_id", i->site_id);
    asjson_text(&o, "site", site);
    asjson_text(&o, "url", url);
    asjson_text(&o, "state", incident_end_name(i->end));
    asjson_put(&o, "began", print_json_wall(i->began_us));
    asjson_put(&o, "confirmed", print_json_wall(i->confirmed_us));
    asjson_put(&o, "ended", print_json_wall(i->ended_us));
    asjson_text(&o, "cause", cause_name(i->cause));
    asjson_put(&o, "status", i->status ? json_integer(i->status) : json_null());
    asjson_text(&o, "detail", i->detail);
    return o;
}

json_t *asjson_notice(const struct notice *n, const char *site, const char *owner)
{
    char channel[300];
    json_t *o = json_object();
    asjson_number(&o, "id", n->id);
    asjson_number(&o, "incident", n->incident_id);
    asjson_number(&o, "site_id", n->site_id);
    asjson_text(&o, "site", site);
    asjson_text(&o, "owner", owner);
    asjson_text(&o, "kind", notice_kind_name(n->kind));
    asjson_number(&o, "number", n->number);
    asjson_text(&o, "channel", print_channel(channel, sizeof channel, n->channel));
    asjson_text(&o, "state", notice_state_name(n->state));
    asjson_number(&o, "attempts", n->attempts);
    asjson_put(&o, "created", print_json_wall(n->created_us));
    asjson_put(&o, "next_try", n->state == NOTICE_PENDING ? print_json_wall(n->next_try_us) : json_null());
    asjson_put(&o, "sent", print_json_wall(n->sent_us));
    asjson_text(&o, "trouble", n->trouble);
    asjson_text(&o, "key", n->key);
    return o;
}

json_t *asjson_worker(const struct worker_vitals *w, const struct episode *doubt, wall_us now)
{
    json_t *o = json_object();
    asjson_text(&o, "worker", w->worker);
    asjson_number(&o, "lane", w->lane);
    asjson_text(&o, "location", w->location);
    asjson_text(&o, "health", print_worker_health(w, now));
    asjson_put(&o, "doubts", json_boolean(w->doubts));
    asjson_text(&o, "in_doubt", doubt ? doubt->reason : "");
    asjson_put(&o, "in_doubt_since", print_json_wall(doubt ? doubt->began_us : 0));
    asjson_number(&o, "slots", w->slots);
    asjson_number(&o, "in_hand", w->in_hand);
    asjson_number(&o, "descriptors", w->descriptors);
    asjson_number(&o, "descriptors_most", w->descriptors_most);
    asjson_number(&o, "done", w->done);
    asjson_put(&o, "joined", print_json_wall(w->joined_us));
    asjson_put(&o, "heard", print_json_wall(w->heard_us));
    asjson_text(&o, "software", w->software);
    return o;
}
