#include "coordinator/coordinator_metrics.h"

#include <stdlib.h>
#include <string.h>

enum metric {
    SITES,
    LEFT_ALONE,
    SCHEDULED,
    CONCLUDED,
    MISSED,
    IN_FLIGHT,
    WAITING,
    OVERDUE,
    RETIRED,
    CONFIRMING,
    AGAIN,
    SENT_ON,
    REFUSED,
    UNTAKEN,
    LATENESS,
    WORKERS,
    IN_DOUBT,
    LANES,
    SLOTS,
    SLOTS_FREE,
    UNREPORTED,
    GIVEN_UP,
    BREAKER,
    DROPPED,
    STORE_AWAY,
    CLOCK_AHEAD,
    EPOCH,
    LEADS,
    LEASE_LEFT,
    METRICS, /* how many */
};

#define NAME(x) "vedette_coordinator_" x

static const struct metric_row rows[METRICS] = {
    [SITES] = {NAME("sites"),                      METRIC_GAUGE,     "",               "Sites that are watched: neither paused nor removed" },
    [LEFT_ALONE] = { NAME("sites_left_alone"),          METRIC_GAUGE,     "",
               "Sites that asked to be left alone for a while"                                                                              },
    [SCHEDULED] = { NAME("runs_scheduled_total"),      METRIC_COUNTER,   "",               "Scheduled looks whose time has come"                },
    [CONCLUDED] = { NAME("runs_concluded_total"),      METRIC_COUNTER,   "",
               "Scheduled looks whose result is in the store; coverage is these by these and the "
                    "missed"                                                                                                                },
    [MISSED] = { NAME("runs_missed_total"),         METRIC_COUNTER,   "",
               "Scheduled looks that nobody made or that never came back"                                                                   },
    [IN_FLIGHT] = { NAME("runs_in_flight"),            METRIC_GAUGE,     "",
               "Looks that are with a worker or on their way"                                                                               },
    [WAITING] = { NAME("runs_waiting"),              METRIC_GAUGE,     "",               "Looks that are due, and no worker has room"         },
    [OVERDUE] = { NAME("runs_overdue"),              METRIC_GAUGE,     "",
               "Looks that a worker has, and whose result is late"                                                                          },
    [RETIRED] = { NAME("runs_retired"),              METRIC_GAUGE,     "",
               "Looks that are over and not recorded, while their site's next one goes on"                                                  },
    [CONFIRMING] = { NAME("confirming_looks_total"),    METRIC_COUNTER,   "",               "Confirming looks that were sent"                    },
    [AGAIN] = { NAME("jobs_again_total"),          METRIC_COUNTER,   "",
               "Jobs sent again because they did not come back"                                                                             },
    [SENT_ON] = { NAME("jobs_sent_on_total"),        METRIC_COUNTER,   "",
               "Jobs that a worker handed back unopened and that went to another"                                                           },
    [REFUSED] = { NAME("jobs_refused_total"),        METRIC_COUNTER,   "",
               "Jobs that could not be written as a message"                                                                                },
    [UNTAKEN] = { NAME("jobs_untaken"),              METRIC_GAUGE,     "location",
               "Jobs that are sent and that no worker took yet"                                                                             },
    [LATENESS] = { NAME("lateness_seconds"),          METRIC_HISTOGRAM, "",
               "From the time that a look was due to the moment that a worker took it"                                                      },
    [WORKERS] = { NAME("workers"),                   METRIC_GAUGE,     "location,state",
               "Worker processes, by the best of their threads"                                                                             },
    [IN_DOUBT] = { NAME("workers_in_doubt"),          METRIC_GAUGE,     "location",
               "Worker processes that doubt themselves or that the others contradict"                                                       },
    [LANES] = { NAME("lanes"),                     METRIC_GAUGE,     "location,state", "Threads of workers"                                 },
    [SLOTS] = { NAME("slots"),                     METRIC_GAUGE,     "location",
               "Looks that ready workers can have in hand at once"                                                                          },
    [SLOTS_FREE] = { NAME("slots_free"),                METRIC_GAUGE,     "location",
               "Free slots of ready workers, as they said last"                                                                             },
    [UNREPORTED] = { NAME("unreported_runs"),           METRIC_GAUGE,     "",
               "Lines about looks that nobody made, which the collector has not recorded yet"                                               },
    [GIVEN_UP] = { NAME("unreported_given_up_total"), METRIC_COUNTER,   "",
               "Such lines that could not be kept or written"                                                                               },
    [BREAKER] = { NAME("breaker_open"),              METRIC_GAUGE,     "",
               "1 while nothing is recorded, so that no look that a worker has goes out again"                                              },
    [DROPPED] = { NAME("messages_dropped_total"),    METRIC_COUNTER,   "lane,peer",
               "Messages dropped for their form"                                                                                            },
    [STORE_AWAY] = { NAME("store_away"),                METRIC_GAUGE,     "",
               "1 while the store cannot be asked for changed sites"                                                                        },
    [CLOCK_AHEAD] = { NAME("clock_ahead_seconds"),       METRIC_GAUGE,     "",
               "How far the clock of the slots is ahead of this host's, which was put back"                                                 },
    [EPOCH] = { NAME("epoch"),                     METRIC_GAUGE,     "",               "The number of this start among all of the cluster's"},
    [LEADS] = { NAME("leads"),                     METRIC_GAUGE,     "",
               "1 while this coordinator acts, 0 while another one does or nobody knows"                                                    },
    [LEASE_LEFT] = { NAME("lease_seconds"),             METRIC_GAUGE,     "",
               "For how long it may act without hearing from the store's server"                                                            },
};

const struct metric_table coordinator_metrics = { rows, METRICS };
const struct tenure_rows coordinator_tenure_rows = { &rows[LEADS], &rows[LEASE_LEFT] };

/* ── Workers ───────────────────────────────────────────────────────────── */

struct place { /* one location's sums */
    unsigned lanes[WORKER_HEALTH_COUNT], workers[WORKER_HEALTH_COUNT];
    unsigned in_doubt;
    uint64_t slots, slots_free;
};

static int by_worker(const void *a, const void *b)
{
    const struct roster_lane *const *x = a, *const *y = b;
    return strcmp((*x)->worker, (*y)->worker);
}

static bool doubted(const struct roster_lane *l, mono_ns now)
{
    return l->health != WORKER_DEAD && l->health != WORKER_GONE && (l->doubts || now < l->accused_until);
}

static void add_lane(struct place *p, const struct roster_lane *l)
{
    p->lanes[l->health]++;
    if (l->health != WORKER_READY)
        return;
    p->slots += l->slots;
    p->slots_free += l->free_slots < l->slots ? l->free_slots : l->slots;
}

/* A worker's lanes are next to each other; how many they are. */
static size_t add_worker(struct place *places, const struct roster_lane *const *lane, size_t n, mono_ns now)
{
    enum worker_health best = lane[0]->health;
    bool doubt = false;
    size_t i = 0;
    for (; i < n && strcmp(lane[i]->worker, lane[0]->worker) == 0; i++) {
        best = lane[i]->health < best ? lane[i]->health : best;
        doubt |= doubted(lane[i], now);
        add_lane(&places[lane[i]->location], lane[i]);
    }
    places[lane[0]->location].workers[best]++;
    places[lane[0]->location].in_doubt += doubt;
    return i;
}

static void count_workers(const struct parts *p, struct place *places)
{
    const struct roster_lane *lane[ROSTER_MAX_LANES] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < roster_end(p->roster) && n < ROSTER_MAX_LANES; i++)
        if ((lane[n] = roster_lane(p->roster, (int)i)))
            n++;
    qsort(lane, n, sizeof *lane, by_worker);
    for (size_t i = 0; i < n;)
        i += add_worker(places, lane + i, n - i, loop_now(p->loop));
}

static void put_places(const struct parts *p, struct sheet *s)
{
    struct place places[CONFIG_MAX_LOCATIONS] = { 0 };
    count_workers(p, places);
    for (unsigned i = 0; i < p->n_named; i++) { /* also those that only sites name */
        const struct place *x = &places[i];
        const char *name = p->location[i];
        for (unsigned h = 0; h < WORKER_HEALTH_COUNT; h++) {
            const char *state = worker_health_name((enum worker_health)h);
            sheet_put_of2(s, &rows[WORKERS], name, state, x->workers[h]);
            sheet_put_of2(s, &rows[LANES], name, state, x->lanes[h]);
        }
        sheet_put_of(s, &rows[IN_DOUBT], name, x->in_doubt);
        sheet_put_of(s, &rows[SLOTS], name, (double)x->slots);
        sheet_put_of(s, &rows[SLOTS_FREE], name, (double)x->slots_free);
        sheet_put_of(s, &rows[UNTAKEN], name, lease_untaken(p->lease, i));
    }
}

/* ── All of it ─────────────────────────────────────────────────────────── */

struct dropped_on {
    struct sheet *sheet;
    const char *lane;
};

static void put_dropped(void *arg, const char *peer, uint64_t n)
{
    const struct dropped_on *d = arg;
    sheet_put_of2(d->sheet, &rows[DROPPED], d->lane, peer, (double)n);
}

static void put_runs(const struct parts *p, struct sheet *s)
{
    struct lease_numbers n = lease_numbers(p->lease);
    const struct {
        enum metric metric;
        double value;
    } numbers[] = {
        {SITES,       (double)catalog_watched(p->catalog)   },
        { LEFT_ALONE, (double)patience_count(p->patience)   },
        { SCHEDULED,  (double)p->scheduled                  },
        { CONCLUDED,  (double)p->concluded                  },
        { MISSED,     (double)p->missed                     },
        { IN_FLIGHT,  (double)n.in_flight                   },
        { WAITING,    (double)n.waiting                     },
        { OVERDUE,    (double)n.overdue                     },
        { RETIRED,    (double)n.retired                     },
        { CONFIRMING, (double)n.confirming                  },
        { AGAIN,      (double)n.again                       },
        { SENT_ON,    (double)n.sent_on                     },
        { UNREPORTED, (double)accounts_count(p->accounts)   },
        { GIVEN_UP,   (double)accounts_given_up(p->accounts)},
        { BREAKER,    lease_breaker_open(p->lease,            loop_now(p->loop)) },
        { CLOCK_AHEAD,          (double)p->grid.lead_us / 1e6                                    },
        { EPOCH,          p->epoch       },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sheet_put(s, &rows[numbers[i].metric], numbers[i].value);
}

void coordinator_metrics_put(const struct coordinator_sources *from, struct sheet *sheet)
{
    put_runs(from->parts, sheet);
    put_places(from->parts, sheet);
    sheet_put_spread(sheet, &rows[LATENESS], NULL, &from->parts->late);
    sheet_put(sheet, &rows[REFUSED], (double)dispatch_refused(from->dispatch));
    sheet_put(sheet, &rows[STORE_AWAY], from->store_away);
    reception_each_dropped(from->reception, put_dropped, &(struct dropped_on){ sheet, "control" });
    returns_each_dropped(from->returns, put_dropped, &(struct dropped_on){ sheet, "feedback" });
}
