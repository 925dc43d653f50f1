#include "collector/site_metrics.h"

#include "common/array.h"
#include "common/log.h"
#include "common/store/store.h"

#include <errno.h>
#include <stdlib.h>

enum metric { SUCCESS, DURATION, STATUS, EXPIRY, DOWN, LAST_LOOK, METRICS };

static const struct metric_row rows[METRICS] = {
    [SUCCESS] = {"probe_success",                             METRIC_GAUGE, "site,url",
                 "1 when the newest look that counted found the site up, 0 when it did not; missing when it "
                  "said nothing"                                                                                 },
    [DURATION] = { "probe_duration_seconds",                   METRIC_GAUGE, "site,url", "How long that look took"},
    [STATUS] = { "probe_http_status_code",                   METRIC_GAUGE, "site,url",
                 "The status that it was answered, 0 for none"                                                   },
    [EXPIRY] = { "probe_ssl_earliest_cert_expiry",           METRIC_GAUGE, "site,url",
                 "The earliest end of a certificate of its chain, in Unix time"                                  },
    [DOWN] = { "vedette_site_down",                        METRIC_GAUGE, "site,url",
                 "1 while the site is down and that is confirmed"                                                },
    [LAST_LOOK] = { "vedette_site_last_look_timestamp_seconds", METRIC_GAUGE, "site,url",
                 "When that look began, in Unix time"                                                            },
};

const struct metric_table site_metrics = { rows, METRICS };

enum { FLUSH_BYTES = 32 * 1024 };

/* What is kept of a state. */
struct seen {
    uint64_t site_id;
    wall_us at_us;
    uint32_t took_us;
    uint32_t expires_s; /* Unix time, until 2106; 0 none */
    uint16_t status;
    uint8_t verdict;
    bool down;
};

struct writing {
    struct seen *seen; /* in order of id */
    size_t n, room, next;
    enum metric metric;
    struct text text;
    struct page_out *out;
};

static int keep(void *arg, const struct site_state *s)
{
    struct writing *w = arg;
    if (s->last_at_us == 0)
        return 0; /* not looked at yet */
    if (array_room(w->seen, w->n, w->room) < 0)
        return -ENOMEM;
    w->seen[w->n++] = (struct seen){
        .site_id = s->site_id,
        .at_us = s->last_at_us,
        .took_us = s->last_took_us,
        .expires_s = (uint32_t)(s->tls_expires_us / US_PER_S),
        .status = s->last_status,
        .verdict = (uint8_t)s->last_verdict,
        .down = s->health == HEALTH_DOWN,
    };
    return 0;
}

/* Whether it has that number. */
static bool value_of(const struct seen *s, enum metric m, double *ret)
{
    switch (m) {
    case SUCCESS: *ret = s->verdict == VERDICT_UP; return s->verdict != VERDICT_UNKNOWN;
    case DURATION: *ret = (double)s->took_us / 1e6; return true;
    case STATUS: *ret = s->status; return true;
    case EXPIRY: *ret = s->expires_s; return s->expires_s > 0;
    case DOWN: *ret = s->down; return true;
    case LAST_LOOK: *ret = (double)s->at_us / 1e6; return true;
    case METRICS: break;
    }
    return false;
}

/* -EPIPE when nobody reads any more. */
static int flush(struct writing *w)
{
    if (w->text.failed)
        return w->text.failed;
    bool read = page_put(w->out, text_str(&w->text), w->text.len);
    text_clear(&w->text);
    return read ? 0 : -EPIPE;
}

/* Sites and states come in the same order. */
static int write_one(void *arg, const struct site *site)
{
    struct writing *w = arg;
    double value;
    while (w->next < w->n && w->seen[w->next].site_id < site->id)
        w->next++;
    if (w->next == w->n || w->seen[w->next].site_id != site->id ||
        !value_of(&w->seen[w->next], w->metric, &value))
        return 0;
    metrics_write_line(&rows[w->metric], site->name, site->url, value, &w->text);
    return w->text.len < FLUSH_BYTES && !w->text.failed ? 0 : flush(w);
}

/* `only`: this site, NULL for all. A family's lines stand together: so all are gone through once for each. */
static int write_all(struct writing *w, struct store *s, const struct site *only, struct err *err)
{
    int r = store_each_state(s, only ? only->id : 0, keep, w, err);
    for (unsigned m = 0; r == 0 && m < METRICS; m++) {
        w->metric = (enum metric)m;
        w->next = 0;
        metrics_write_head(&rows[m], &w->text);
        r = only ? write_one(w, only) : store_each_site(s, 0, write_one, w, err);
        if (r == 0)
            r = flush(w);
    }
    return r;
}

int site_metrics_write(void *arg, const char *query, struct page_out *o)
{
    struct writing w = { .text = TEXT_UP_TO(1 << 20), .out = o };
    struct err err = { 0 };
    scoped(store) struct store *store = NULL;
    scoped(site) struct site *only = NULL;
    int r = store_open(&store, arg, STORE_READ, &err);
    bool none = false;
    if (r == 0 && query)
        r = store_find_site(store, query, &only, &err);
    if (r == -ENOENT && store) { /* there is no such site: an empty page */
        none = true;
        r = 0;
    }
    if (r == 0 && !none)
        r = write_all(&w, store, only, &err);
    if (r < 0 && r != -EPIPE)
        log_warn("pages.sites", "code=%d: the page is cut off: %s", r, err.text);
    text_done(&w.text);
    free(w.seen);
    return r;
}
