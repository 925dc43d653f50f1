/* site_metrics.h - how each site is, as numbers, for those who ask for them.
 *
 *   probe_success, probe_duration_seconds, probe_http_status_code, probe_ssl_earliest_cert_expiry
 *
 * are named and mean what they do at Prometheus' blackbox exporter
 * (https://github.com/prometheus/blackbox_exporter), so that dashboards made for that go on working;
 * vedette_site_down is the confirmed outage, and vedette_site_last_look_timestamp_seconds when the newest
 * look began that counted.
 *
 * All of a cluster's sites may be a million, and 850 MB of text: it is written as fast as it is
 * read, and what is kept of a site meanwhile are 32 bytes. It reads the store by a handle of its own and
 * hinders nobody.
 */
#ifndef COLLECTOR_SITE_METRICS_H
#define COLLECTOR_SITE_METRICS_H

#include "common/metrics.h"
#include "common/pagestream.h"

extern const struct metric_table site_metrics;

/* A page_writer_fn. `arg` is the store's URL; `query` names one site, by its name, URL or id. A site that is
 * not there has no numbers. */
int site_metrics_write(void *arg, const char *query, struct page_out *o);

#endif
