#include "collector/collector_metrics.h"

#include <stdio.h>

#define BEHIND_NS (5 * NS_PER_S) /* a pause of the reading that is more than a moment's */

enum metric {
    REPORTS,
    DROPPED,
    UNREAD,
    PAUSED,
    FEEDBACK_WAITING,
    FEEDBACK_DROPPED,
    FEED_DROPPED,
    SUBSCRIBERS,
    SITES,
    SITES_PAUSED,
    INCIDENTS,
    LOOKS,
    DUPLICATES,
    BATCHES,
    COMMITS,
    FAILURES,
    STORE_AWAY,
    UNRECORDED,
    RECORDED,
    ROUNDS_OPEN,
    ROUNDS,
    SETTLED,
    PENDING,
    OUTBOX,
    OLDEST,
    DELIVERING,
    DELIVERIES,
    DELIVERY_TIME,
    LEADS,
    LEASE_LEFT,
    METRICS, /* how many */
};

#define NAME(x) "vedette_collector_" x

static const struct metric_row rows[METRICS] = {
    [REPORTS] = {NAME("reports_total"),              METRIC_COUNTER,   "",                "Messages of workers and the coordinator"   },
    [DROPPED] = { NAME("messages_dropped_total"),    METRIC_COUNTER,   "lane,peer",
                 "Messages dropped for their form"                                                                                    },
    [UNREAD] = { NAME("reports_waiting"),           METRIC_GAUGE,     "",
                 "Messages that wait for the thread with the store"                                                                   },
    [PAUSED] = { NAME("reading_paused"),            METRIC_GAUGE,     "",
                 "1 while nothing is read, because results come faster than they are recorded"                                        },
    [FEEDBACK_WAITING] = { NAME("feedback_waiting"),          METRIC_GAUGE,     "",
                 "Messages that wait for the coordinator"                                                                             },
    [FEEDBACK_DROPPED] = { NAME("feedback_dropped_total"),    METRIC_COUNTER,   "",
                 "Messages for the coordinator that were dropped because it takes none"                                               },
    [FEED_DROPPED] = { NAME("feed_dropped_total"),        METRIC_COUNTER,   "",
                 "News that were dropped before the feed"                                                                             },
    [SUBSCRIBERS] = { NAME("feed_subscribers"),          METRIC_GAUGE,     "",                "Connections of the feed"                   },
    [SITES] = { NAME("sites"),                     METRIC_GAUGE,     "health",          "Sites that are not paused, by how they are"},
    [SITES_PAUSED] = { NAME("sites_paused"),              METRIC_GAUGE,     "",                "Sites that are paused"                     },
    [INCIDENTS] = { NAME("incidents_open"),            METRIC_GAUGE,     "",                "Outages that are not over"                 },
    [LOOKS] = { NAME("looks_total"),               METRIC_COUNTER,   "look,verdict",    "Looks that were recorded"                  },
    [DUPLICATES] = { NAME("duplicates_total"),          METRIC_COUNTER,   "",
                 "Results of looks that were recorded before"                                                                         },
    [BATCHES] = { NAME("batches_total"),             METRIC_COUNTER,   "",                "Transactions that were committed"          },
    [COMMITS] = { NAME("commit_duration_seconds"),   METRIC_HISTOGRAM, "",                "How long the store takes for one"          },
    [FAILURES] = { NAME("store_failures_total"),      METRIC_COUNTER,   "",                "Calls of the store that failed"            },
    [STORE_AWAY] = { NAME("store_away_seconds"),        METRIC_GAUGE,     "",
                 "For so long the store has taken nothing; 0 when all is well"                                                        },
    [UNRECORDED] = { NAME("results_unrecorded"),        METRIC_GAUGE,     "",
                 "Results that wait for the next transaction"                                                                         },
    [RECORDED] = { NAME("record_delay_seconds"),      METRIC_HISTOGRAM, "",
                 "From the end of a look, by its worker's clock, to its being in the store"                                           },
    [ROUNDS_OPEN] = { NAME("rounds_open"),               METRIC_GAUGE,     "",                "Failures that are being confirmed"         },
    [ROUNDS] = { NAME("rounds_total"),              METRIC_COUNTER,   "outcome",         "Failures whose confirmation has ended"     },
    [SETTLED] = { NAME("settle_delay_seconds"),      METRIC_HISTOGRAM, "",
                 "From the arrival of a first failure to the end of its confirmation"                                                 },
    [PENDING] = { NAME("notices_pending"),           METRIC_GAUGE,     "",                "Notices that are neither sent nor given up"},
    [OUTBOX] = { NAME("outbox_notices"),            METRIC_GAUGE,     "channel,age",
                 "Notices in the notifier's hand, by kind of channel and how old they are at most"                                    },
    [OLDEST] = { NAME("outbox_oldest_seconds"),     METRIC_GAUGE,     "channel",
                 "Age of the oldest of them; 0 for none"                                                                              },
    [DELIVERING] = { NAME("deliveries_under_way"),      METRIC_GAUGE,     "channel",         "Deliveries under way"                      },
    [DELIVERIES] = { NAME("deliveries_total"),          METRIC_COUNTER,   "channel,outcome", "Deliveries that ended"                     },
    [DELIVERY_TIME] = { NAME("delivery_duration_seconds"), METRIC_HISTOGRAM, "channel",
                 "How long they took"                                                                                                 },
    [LEADS] = { NAME("leads"),                     METRIC_GAUGE,     "",
                 "1 while this collector acts, 0 while another one does or nobody knows"                                              },
    [LEASE_LEFT] = { NAME("lease_seconds"),             METRIC_GAUGE,     "",
                 "For how long it may act without hearing from the store's server"                                                    },
};

const struct metric_table collector_metrics = { rows, METRICS };
const struct tenure_rows collector_tenure_rows = { &rows[LEADS], &rows[LEASE_LEFT] };

struct number {
    enum metric metric;
    double value;
};

static void put_numbers(struct sheet *s, const struct number *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sheet_put(s, &rows[n[i].metric], n[i].value);
}
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ── The network's thread ──────────────────────────────────────────────── */

static void put_dropped(void *arg, const char *peer, uint64_t n)
{
    sheet_put_of2(arg, &rows[DROPPED], "results", peer, (double)n);
}

enum board_word collector_metrics_network(const struct ingest *i, mono_ns now, struct sheet *sheet,
                                          char *why_not, size_t size)
{
    struct ingest_counts c = ingest_counts(i);
    const struct number numbers[] = {
        {REPORTS,           (double)c.reports         },
        { UNREAD,           (double)c.unread          },
        { PAUSED,           c.paused > 0              },
        { FEEDBACK_WAITING, (double)c.feedback_waiting},
        { FEEDBACK_DROPPED, (double)c.feedback_dropped},
        { FEED_DROPPED,     (double)c.feed_dropped    },
        { SUBSCRIBERS,      (double)c.subscribers     },
    };
    put_numbers(sheet, numbers, COUNT(numbers));
    ingest_each_dropped(i, put_dropped, sheet);
    if (c.paused == 0 || now - c.paused < BEHIND_NS)
        return BOARD_CAN;
    snprintf(why_not, size,
             "for %lld s no results have been read, because those before them are not recorded",
             (long long)((now - c.paused) / NS_PER_S));
    return BOARD_CANNOT;
}

/* ── The keeper's ──────────────────────────────────────────────────────── */

static void put_sites(struct sheet *s, const struct pulse *p)
{
    const struct {
        enum health health;
        uint64_t n;
    } counts[] = {
        {HEALTH_NEW,        p->fresh    },
        { HEALTH_UP,        p->up       },
        { HEALTH_SUSPECTED, p->suspected},
        { HEALTH_DOWN,      p->down     },
        { HEALTH_UNKNOWN,   p->unknown  },
    };
    for (size_t i = 0; i < COUNT(counts); i++)
        sheet_put_of(s, &rows[SITES], health_name(counts[i].health), (double)counts[i].n);
}

static void put_looks(struct sheet *s, const struct keeper_counts *c)
{
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        sheet_put_of2(s, &rows[LOOKS], "scheduled", verdict_name((enum verdict)v), (double)c->looks[0][v]);
        sheet_put_of2(s, &rows[LOOKS], "confirming", verdict_name((enum verdict)v), (double)c->looks[1][v]);
    }
}

static void put_rounds(struct sheet *s, const struct judge_counts *c)
{
    sheet_put_of(s, &rows[ROUNDS], "down", (double)c->down);
    sheet_put_of(s, &rows[ROUNDS], "rejected", (double)c->rejected);
    sheet_put_of(s, &rows[ROUNDS], "undecided", (double)c->undecided);
    sheet_put_spread(s, &rows[SETTLED], NULL, &c->settled);
}

enum board_word collector_metrics_keeper(const struct keeper *k, mono_ns now, struct sheet *sheet,
                                         char *why_not, size_t size)
{
    struct keeper_counts c = keeper_counts(k);
    struct keeper_state state = keeper_state(k, now);
    const struct number numbers[] = {
        {SITES_PAUSED, (double)state.pulse.paused         },
        { INCIDENTS,   (double)state.pulse.incidents_open },
        { PENDING,     (double)state.pulse.notices_pending},
        { DUPLICATES,  (double)c.duplicates               },
        { BATCHES,     (double)c.batches                  },
        { FAILURES,    (double)c.store_failures           },
        { STORE_AWAY,  (double)state.away / 1e9           },
        { UNRECORDED,  (double)state.unrecorded           },
        { ROUNDS_OPEN, (double)state.rounds_open          },
    };
    put_numbers(sheet, numbers, COUNT(numbers));
    put_sites(sheet, &state.pulse);
    put_looks(sheet, &c);
    put_rounds(sheet, &state.rounds);
    sheet_put_spread(sheet, &rows[COMMITS], NULL, &c.commits);
    sheet_put_spread(sheet, &rows[RECORDED], NULL, &c.recorded);
    if (state.away == 0)
        return BOARD_CAN;
    snprintf(why_not, size, "for %.1f s the store has taken nothing: %.200s", (double)state.away / 1e9,
             state.trouble);
    return BOARD_CANNOT;
}

/* ── The notifier's ────────────────────────────────────────────────────── */

static void put_channel(struct sheet *s, const char *kind, const struct notifier_counts *c)
{
    static const char *const ages[AGE_COUNT] = { "1m", "10m", "1h", "older" };
    const struct {
        const char *outcome;
        uint64_t n;
    } outcomes[] = {
        {"sent",        c->sent      },
        { "again",      c->again     },
        { "failed",     c->failed    },
        { "superseded", c->superseded},
    };
    for (size_t i = 0; i < COUNT(outcomes); i++)
        sheet_put_of2(s, &rows[DELIVERIES], kind, outcomes[i].outcome, (double)outcomes[i].n);
    for (unsigned a = 0; a < AGE_COUNT; a++)
        sheet_put_of2(s, &rows[OUTBOX], kind, ages[a], (double)c->pending[a]);
    sheet_put_of(s, &rows[OLDEST], kind, (double)c->oldest_us / 1e6);
    sheet_put_of(s, &rows[DELIVERING], kind, (double)c->under_way);
    sheet_put_spread(s, &rows[DELIVERY_TIME], kind, &c->took);
}

enum board_word collector_metrics_notifier(const struct notifier *n, wall_us now, struct sheet *sheet)
{
    struct notifier_counts c;
    for (unsigned k = 0; k < CHANNEL_KIND_COUNT; k++) {
        notifier_counts(n, (enum channel_kind)k, now, &c);
        put_channel(sheet, channel_kind_name((enum channel_kind)k), &c);
    }
    return BOARD_CAN;
}
