#include "cli/feedline.h"

#include "cli/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Whatever comes from outside goes to a terminal: no control characters. */
static void add_plain(struct text *t, const char *s)
{
    for (; *s; s++) {
        char c = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
        text_add_bytes(t, &c, 1);
    }
}

static enum hue hue_of_health(enum health h)
{
    static const enum hue hues[HEALTH_COUNT] = {
        [HEALTH_UP] = HUE_GOOD,
        [HEALTH_DOWN] = HUE_BAD,
        [HEALTH_SUSPECTED] = HUE_DOUBT,
        [HEALTH_UNKNOWN] = HUE_DOUBT,
    };
    return (unsigned)h < HEALTH_COUNT ? hues[h] : HUE_NONE;
}

/* ── For people, one function for each kind ────────────────────────────── */

static enum hue write_result(struct text *t, const struct event *e)
{
    char saw[400];
    const struct result *r = &e->result;
    add_plain(t, e->site);
    text_addf(t, "  %s, ", verdict_name(r->verdict));
    add_plain(t, print_saw(saw, sizeof saw, r));
    if (r->span > 1)
        text_addf(t, ", %u times", r->span);
    if (r->run.look > 0)
        text_addf(t, ", confirming look %u", r->run.look);
    text_addf(t, " (%s)", r->worker);
    return r->verdict == VERDICT_UP ? HUE_FAINT : HUE_NONE;
}

static enum hue write_health(struct text *t, const struct event *e)
{
    char saw[400];
    add_plain(t, e->site);
    if (e->health_to == HEALTH_NEW) { /* what was known of it is void */
        text_addf(t, "  was %s; ", health_name(e->health_from));
        add_plain(t, e->text[0] ? e->text : "it is looked at anew");
        return HUE_FAINT;
    }
    text_addf(t, "  %s -> %s", health_name(e->health_from), health_name(e->health_to));
    if (e->result.at_us > 0) {
        text_add(t, ", ");
        add_plain(t, print_saw(saw, sizeof saw, &e->result));
    }
    return hue_of_health(e->health_to);
}

static enum hue write_view(struct text *t, const struct event *e)
{
    char saw[400];
    add_plain(t, e->site);
    text_addf(t, "  %s -> %s from %s, ", health_name(e->health_from), health_name(e->health_to),
              e->result.run.location);
    add_plain(t, print_saw(saw, sizeof saw, &e->result));
    return e->health_to == HEALTH_UP ? HUE_NONE : HUE_DOUBT;
}

static enum hue write_incident(struct text *t, const struct event *e)
{
    char saw[400], began[32], lasted[40];
    add_plain(t, e->site);
    if (e->end == INCIDENT_OPEN) {
        text_add(t, "  is DOWN: ");
        add_plain(t, print_saw(saw, sizeof saw, &e->result));
        text_addf(t, "; since %s, incident %" PRIu64, print_clock(began, sizeof began, e->began_us),
                  e->incident_id);
        return HUE_BAD;
    }
    duration_words(lasted, sizeof lasted, e->ended_us - e->began_us);
    if (e->end == INCIDENT_RECOVERED)
        text_addf(t, "  is BACK after %s, incident %" PRIu64, lasted, e->incident_id);
    else
        text_addf(t, "  is no longer watched that way after %s, incident %" PRIu64 " closed", lasted,
                  e->incident_id);
    return HUE_GOOD;
}

static enum hue write_notice(struct text *t, const struct event *e)
{
    char channel[300];
    snprintf(channel, sizeof channel, "%s", e->channel);
    size_t len = strlen(channel);
    if (len && channel[len - 1] == ':') /* "console:" */
        channel[len - 1] = '\0';
    add_plain(t, e->site_id ? e->site : "a worker");
    text_addf(t, "  %s to ", notice_kind_words(e->notice));
    add_plain(t, channel);
    text_addf(t, ": %s",
              e->notice_state == NOTICE_PENDING      ? "not yet, will be tried again"
              : e->notice_state == NOTICE_SUPERSEDED ? "not sent, a newer one takes its place"
                                                     : notice_state_name(e->notice_state));
    if (e->text[0]) {
        text_add(t, " (");
        add_plain(t, e->text);
        text_add(t, ")");
    }
    static const enum hue hues[NOTICE_STATE_COUNT] = {
        [NOTICE_PENDING] = HUE_DOUBT,
        [NOTICE_FAILED] = HUE_BAD,
        [NOTICE_SUPERSEDED] = HUE_FAINT,
    };
    return hues[e->notice_state];
}

static enum hue write_worker(struct text *t, const struct event *e)
{
    const struct worker_vitals *w = &e->worker;
    text_addf(t, "%s/%u  %s%s", w->worker, w->lane, worker_health_name(w->health),
              w->doubts ? ", doubts itself" : "");
    if (w->location[0])
        text_addf(t, ", location %s", w->location);
    if (w->health == WORKER_READY)
        text_addf(t, ", %u slots", w->slots);
    if (e->text[0]) {
        text_add(t, " (");
        add_plain(t, e->text);
        text_add(t, ")");
    }
    return w->health == WORKER_READY ? HUE_NONE : HUE_DOUBT;
}

static enum hue write_pulse(struct text *t, const struct event *e)
{
    char line[300];
    text_add(t, feedline_pulse(line, sizeof line, &e->pulse, -1));
    return HUE_FAINT;
}

static enum hue (*const writers[EVENT_KIND_END])(struct text *t, const struct event *e) = {
    [EVENT_RESULT] = write_result, [EVENT_HEALTH] = write_health, [EVENT_INCIDENT] = write_incident,
    [EVENT_NOTICE] = write_notice, [EVENT_WORKER] = write_worker, [EVENT_PULSE] = write_pulse,
    [EVENT_VIEW] = write_view,
};

enum hue feedline_write(struct text *t, const struct event *e)
{
    char at[32];
    text_addf(t, "%s  %-8s  ", print_clock(at, sizeof at, e->at_us), event_kind_name(e->kind));
    return (unsigned)e->kind < EVENT_KIND_END && writers[e->kind] ? writers[e->kind](t, e) : HUE_NONE;
}

char *feedline_coverage(char *buf, size_t size, uint64_t concluded, uint64_t missed)
{
    uint64_t all = concluded + missed;
    if (all == 0)
        snprintf(buf, size, "-");
    else if (missed == 0)
        snprintf(buf, size, "100 %%");
    else {
        double percent = (double)concluded * 100.0 / (double)all;
        snprintf(buf, size, "%.2f %%", percent > 99.99 ? 99.99 : percent);
    }
    return buf;
}

char *feedline_pulse(char *buf, size_t size, const struct pulse *p, double looks_per_s)
{
    const struct {
        uint64_t n;
        const char *name;
    } parts[] = {
        {p->up,         "up"       },
        { p->down,      "down"     },
        { p->suspected, "suspected"},
        { p->unknown,   "unknown"  },
        { p->fresh,     "new"      },
        { p->paused,    "paused"   },
    };
    char n[32], coverage[24], late[24], rate[32] = "";
    scoped(text) struct text t = TEXT_UP_TO(400);
    uint64_t sites = p->up + p->down + p->suspected + p->unknown + p->fresh + p->paused;

    text_addf(&t, "%s %s:", print_count(n, sizeof n, sites), print_plural(sites, "site", "sites"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].n || i < 2)
            text_addf(&t, " %s %s", print_count(n, sizeof n, parts[i].n), parts[i].name);
    /* Of a narrow screen the end is cut off: what people must know comes first. */
    if (p->store_away_s)
        text_addf(&t, " | THE STORE CANNOT BE WRITTEN for %s",
                  duration_words(late, sizeof late, (int64_t)p->store_away_s * US_PER_S));
    if (p->workers_all || p->scheduled) /* before that the coordinator has said nothing of them */
        text_addf(&t, " | %u %s", p->workers_ready, print_plural(p->workers_ready, "worker", "workers"));
    if (p->workers_all > p->workers_ready)
        text_addf(&t, " of %u", p->workers_all);
    if (p->notices_pending)
        text_addf(&t, " | %s %s pending", print_count(n, sizeof n, p->notices_pending),
                  print_plural(p->notices_pending, "notice", "notices"));
    if (looks_per_s >= 0)
        snprintf(rate, sizeof rate, looks_per_s < 10 ? " | %.1f looks/s" : " | %.0f looks/s", looks_per_s);
    text_add(&t, rate);
    if (p->concluded + p->missed > 0) /* before that there is nothing to tell of */
        text_addf(&t, " | coverage %s | late p99 %s",
                  feedline_coverage(coverage, sizeof coverage, p->concluded, p->missed),
                  print_ms(late, sizeof late, p->late_p99_us));
    snprintf(buf, size, "%s", text_str(&t));
    return buf;
}

/* ── For programs ──────────────────────────────────────────────────────── */

static int put(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value);
}

static int put_site(json_t *o, const struct event *e)
{
    return put(o, "site_id", json_integer((json_int_t)e->site_id)) |
           put(o, "site", print_json_text(e->site)) | put(o, "url", print_json_text(e->url));
}

static int json_incident(json_t *o, const struct event *e)
{
    return put(o, "incident", json_integer((json_int_t)e->incident_id)) |
           put(o, "state", json_string(incident_end_name(e->end))) |
           put(o, "began", print_json_wall(e->began_us)) | put(o, "ended", print_json_wall(e->ended_us)) |
           put(o, "look", print_json_result(&e->result));
}

static int json_notice(json_t *o, const struct event *e)
{
    return put(o, "incident", json_integer((json_int_t)e->incident_id)) |
           put(o, "notice", json_string(notice_kind_name(e->notice))) |
           put(o, "state", json_string(notice_state_name(e->notice_state))) |
           put(o, "channel", print_json_text(e->channel)) | put(o, "text", print_json_text(e->text));
}

static int json_worker(json_t *o, const struct event *e)
{
    const struct worker_vitals *w = &e->worker;
    return put(o, "worker", print_json_text(w->worker)) | put(o, "lane", json_integer(w->lane)) |
           put(o, "location", print_json_text(w->location)) |
           put(o, "health", json_string(worker_health_name(w->health))) |
           put(o, "doubts", json_boolean(w->doubts)) | put(o, "slots", json_integer(w->slots)) |
           put(o, "text", print_json_text(e->text));
}

static int json_pulse(json_t *o, const struct pulse *p)
{
    const struct {
        const char *key;
        uint64_t n;
    } rows[] = {
        {"up",               p->up             },
        { "down",            p->down           },
        { "unknown",         p->unknown        },
        { "suspected",       p->suspected      },
        { "new",             p->fresh          },
        { "paused",          p->paused         },
        { "incidents_open",  p->incidents_open },
        { "notices_pending", p->notices_pending},
        { "results",         p->results        },
        { "scheduled",       p->scheduled      },
        { "concluded",       p->concluded      },
        { "missed",          p->missed         },
        { "in_flight",       p->in_flight      },
        { "store_away_s",    p->store_away_s   },
        { "workers_ready",   p->workers_ready  },
        { "workers",         p->workers_all    },
        { "shard",           p->shard          },
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bad |= put(o, rows[i].key, json_integer((json_int_t)rows[i].n));
    return bad | put(o, "late_p50_ms", print_json_ms(p->late_p50_us)) |
           put(o, "late_p99_ms", print_json_ms(p->late_p99_us));
}

json_t *feedline_json(const struct event *e)
{
    json_t *o = json_object();
    if (!o)
        return NULL;
    int bad = put(o, "event", json_string(event_kind_name(e->kind))) |
              put(o, "seq", json_integer((json_int_t)e->seq)) | put(o, "at", print_json_wall(e->at_us));
    switch (e->kind) {
    case EVENT_RESULT: bad |= put_site(o, e) | put(o, "result", print_json_result(&e->result)); break;
    case EVENT_HEALTH:
        bad |= put_site(o, e) | put(o, "from", json_string(health_name(e->health_from))) |
               put(o, "to", json_string(health_name(e->health_to))) |
               put(o, "look", print_json_result(&e->result));
        break;
    case EVENT_VIEW:
        bad |= put_site(o, e) | put(o, "location", print_json_text(e->result.run.location)) |
               put(o, "from", json_string(health_name(e->health_from))) |
               put(o, "to", json_string(health_name(e->health_to))) |
               put(o, "look", print_json_result(&e->result));
        break;
    case EVENT_INCIDENT: bad |= put_site(o, e) | json_incident(o, e); break;
    case EVENT_NOTICE: bad |= put_site(o, e) | json_notice(o, e); break;
    case EVENT_WORKER: bad |= json_worker(o, e); break;
    case EVENT_PULSE: bad |= json_pulse(o, &e->pulse); break;
    case EVENT_KIND_END: break;
    }
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}
