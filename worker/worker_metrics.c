#include "worker/worker_metrics.h"

#include <stdio.h>

enum metric {
    INFO,
    LANES,
    COORDINATORS,
    IN_DOUBT,
    SLOTS,
    IN_HAND,
    JOBS,
    LOOKS,
    DURATION,
    OUTBOX,
    OUTBOX_LEFT,
    DROPPED,
    HOLDS,
    HUNG,
    PORTS,
    PORTS_HELD,
    CONNTRACK_MOST,
    CONNTRACK,
    METRICS, /* how many */
};

#define NAME(x) "vedette_worker_" x

static const struct metric_row rows[METRICS] = {
    [INFO] = {NAME("info"),                         METRIC_GAUGE,     "worker,location",
              "Always 1: what it is called, and where it stands"                                                                 },
    [LANES] = { NAME("lanes"),                       METRIC_GAUGE,     "state",           "Its threads that look, by what they do"},
    [COORDINATORS] = { NAME("coordinators"),                METRIC_GAUGE,     "state",
              "Its threads' lines to coordinators, by what each of these is for it"                                              },
    [IN_DOUBT] = { NAME("lanes_in_doubt"),              METRIC_GAUGE,     "",                "Its threads that doubt themselves"     },
    [SLOTS] = { NAME("slots"),                       METRIC_GAUGE,     "",                "Looks that it can have in hand at once"},
    [IN_HAND] = { NAME("looks_in_hand"),               METRIC_GAUGE,     "",                "Looks under way"                       },
    [JOBS] = { NAME("jobs_total"),                  METRIC_COUNTER,   "word",
              "Jobs that came, by what became of them: stale ones came too late to be begun"                                     },
    [LOOKS] = { NAME("looks_total"),                 METRIC_COUNTER,   "verdict,cause",   "Looks that have ended"                 },
    [DURATION] = { NAME("look_duration_seconds"),       METRIC_HISTOGRAM, "verdict",         "How long looks took"                   },
    [OUTBOX] = { NAME("outbox_results"),              METRIC_GAUGE,     "",                "Results that are not recorded yet"     },
    [OUTBOX_LEFT] = { NAME("outbox_left"),                 METRIC_GAUGE,     "",                "For so many more there is room"        },
    [DROPPED] = { NAME("messages_dropped_total"),      METRIC_COUNTER,   "lane,peer",
              "Messages dropped for their form"                                                                                  },
    [HOLDS] = { NAME("holds_looks_per_second"),      METRIC_GAUGE,     "",
              "Looks a second that this host allows if a few of a hundred hang, reckoned at the start"                           },
    [HUNG] = { NAME("holds_hung_looks_per_second"), METRIC_GAUGE,     "",
              "Looks a second that it allows if all of them hang, reckoned at the start"                                         },
    [PORTS] = { NAME("host_ports_limit"),            METRIC_GAUGE,     "",
              "Local ports that this host has for connections, towards each address"                                             },
    [PORTS_HELD] = { NAME("host_ports_held"),             METRIC_GAUGE,     "",
              "Local ports that TCP connections of this host hold at most, ended ones included"                                  },
    [CONNTRACK_MOST] = { NAME("host_conntrack_limit"),        METRIC_GAUGE,     "",
              "Connections that this host can track; missing where it does not"                                                  },
    [CONNTRACK] = { NAME("host_conntrack_entries"),      METRIC_GAUGE,     "",
              "Connections that this host tracks now"                                                                            },
};

const struct metric_table worker_metrics = { rows, METRICS };

void lane_counts_look(struct lane_counts *c, const struct result *r)
{
    c->looks[r->verdict][r->cause]++;
    spread_add(&c->took[r->verdict], r->took_us);
}

/* ── A lane ────────────────────────────────────────────────────────────── */

static void put_counts(const struct lane_counts *c, struct sheet *s)
{
    static const char *const words[] = {
        [INTAKE_TAKEN] = "taken", [INTAKE_BUSY] = "busy", [INTAKE_STALE] = "stale"
    };
    for (unsigned w = 0; w <= INTAKE_STALE; w++)
        sheet_put_of(s, &rows[JOBS], words[w], (double)c->jobs[w]);
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        const char *verdict = verdict_name((enum verdict)v);
        sheet_put_spread(s, &rows[DURATION], verdict, &c->took[v]);
        for (unsigned k = 0; k < CAUSE_END; k++)
            if (c->looks[v][k] > 0)
                sheet_put_of2(s, &rows[LOOKS], verdict, k ? cause_name((enum cause)k) : "none",
                              (double)c->looks[v][k]);
    }
}

struct dropped_on {
    struct sheet *sheet;
    const char *lane;
};

static void put_dropped(void *arg, const char *peer, uint64_t n)
{
    const struct dropped_on *d = arg;
    sheet_put_of2(d->sheet, &rows[DROPPED], d->lane, peer, (double)n);
}

static unsigned lines_in(const struct lane_view *v, enum line_state state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < v->n_lines; i++)
        n += line_state(v->line[i]) == state;
    return n;
}

/* All of them each time, so that a state that nobody is in shows 0. */
static void put_state(const struct lane_view *v, struct sheet *s)
{
    static const char *const states[] = { "works", "rests", "drains", "waits" };
    unsigned state = v->draining ? 2 : lines_in(v, LINE_ACTS) ? 0 : lines_in(v, LINE_RESTS) ? 1 : 3;
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++)
        sheet_put_of(s, &rows[LANES], states[i], i == state);
    for (unsigned i = 0; i < LINE_STATE_COUNT; i++)
        sheet_put_of(s, &rows[COORDINATORS], line_state_name(i), lines_in(v, i));
}

static enum board_word judge(const struct lane_view *v, char *why_not, size_t size)
{
    const char *doubt = probes_reason(v->probes);
    if (v->draining)
        snprintf(why_not, size, "it takes no more work");
    else if (!lines_in(v, LINE_ACTS) && !lines_in(v, LINE_RESTS))
        snprintf(why_not, size,
                 v->n_lines > 1 ? "no coordinator has welcomed it" : "the coordinator has not welcomed it");
    else if (doubt[0])
        snprintf(why_not, size, "it doubts itself: %s", doubt);
    else if (!lines_in(v, LINE_ACTS))
        snprintf(why_not, size, "it rests, and others do its work");
    else if (probes_room(v->probes) == 0)
        snprintf(why_not, size, "all of its %zu slots are taken", probes_in_hand(v->probes));
    else if (v->outbox_left == 0)
        snprintf(why_not, size, "%zu results are not recorded, and there is no room for more", v->unrecorded);
    else
        return BOARD_CAN;
    return BOARD_CANNOT;
}

enum board_word worker_metrics_lane(const struct lane_view *v, struct sheet *sheet, char *why_not,
                                    size_t size)
{
    put_state(v, sheet);
    put_counts(v->counts, sheet);
    size_t in_hand = probes_in_hand(v->probes);
    sheet_put(sheet, &rows[IN_DOUBT], probes_reason(v->probes)[0] != '\0');
    sheet_put(sheet, &rows[SLOTS], (double)(in_hand + probes_room(v->probes)));
    sheet_put(sheet, &rows[IN_HAND], (double)in_hand);
    sheet_put(sheet, &rows[OUTBOX], (double)v->unrecorded);
    sheet_put(sheet, &rows[OUTBOX_LEFT], (double)v->outbox_left);
    for (unsigned i = 0; i < v->n_lines; i++) {
        inlet_each_dropped(line_inlet(v->line[i]), put_dropped, &(struct dropped_on){ sheet, "jobs" });
        rollcall_each_dropped(line_rollcall(v->line[i]), put_dropped,
                              &(struct dropped_on){ sheet, "control" });
    }
    return judge(v, why_not, size);
}

const char *lane_name(unsigned number, char buf[16])
{
    snprintf(buf, 16, "lane %u", number % 100000);
    return buf;
}

/* ── The process ───────────────────────────────────────────────────────── */

void worker_metrics_process(const struct worker_view *v, struct sheet *sheet)
{
    const struct machine_room *m = v->room;
    sheet_put_of2(sheet, &rows[INFO], v->name, v->location, 1);
    sheet_put(sheet, &rows[HOLDS], v->limits->holds_per_s);
    sheet_put(sheet, &rows[HUNG], v->limits->hung_per_s);
    if (m->ports > 0) {
        sheet_put(sheet, &rows[PORTS], m->ports);
        sheet_put(sheet, &rows[PORTS_HELD], m->ports_held);
    }
    if (m->conntrack_most > 0) {
        sheet_put(sheet, &rows[CONNTRACK_MOST], (double)m->conntrack_most);
        sheet_put(sheet, &rows[CONNTRACK], (double)m->conntrack);
    }
}
