/* metrics.h - numbers for whoever watches: what there is, what it is now, and how that is written down.
 *
 * What there is stands in tables: a row for each family of numbers. A sheet is what one thread has to say of
 * some rows at one moment. Several sheets are written down together: what they say of the same row with the
 * same labels is added up, so that each thread of a process counts for itself and the process is one.
 *
 *     enum { JOBS, LOOKS };
 *     static const struct metric_row rows[] = {
 *         [JOBS] = { "vedette_worker_jobs_total", METRIC_COUNTER, "word", "Jobs, by the word they got" },
 *         [LOOKS] = { "vedette_worker_look_duration_seconds", METRIC_HISTOGRAM, "verdict", "How long ..." },
 *     };
 *     sheet_put_of(sheet, &rows[JOBS], "taken", 17);
 *     sheet_put_spread(sheet, &rows[LOOKS], "up", &spread);
 *
 * Written as Prometheus reads it, the text-based format 0.0.4 of
 * https://prometheus.io/docs/instrumenting/exposition_formats/ ; named as in
 * https://prometheus.io/docs/practices/naming/ : seconds and bytes, counters end in _total.
 *
 * Pure, and not for several threads at once.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/err.h"
#include "common/scope.h"
#include "common/spread.h"
#include "common/text.h"

#include <stddef.h>
#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_kind {
    METRIC_COUNTER, /* only ever grows, from the process' start */
    METRIC_GAUGE,
    METRIC_HISTOGRAM, /* a struct spread */
};

struct metric_row {
    const char *name;
    enum metric_kind kind;
    const char *labels; /* names of at most two, "channel" or "lane,peer"; "" for none */
    const char *help;   /* one sentence, without a full stop */
};

struct metric_table {
    const struct metric_row *row;
    size_t n;
};

/* Whether rows are named and explained as above, and none twice. -EINVAL with a sentence: a mistake of ours.
 */
int metrics_check(const struct metric_table *t, struct err *err);

/* ── What one thread says ──────────────────────────────────────────────── */

#define SHEET_MAX_SAMPLES 16384 /* what is put beyond is left out, and counted */
#define SHEET_MAX_LABELS  (1 << 20)

struct sheet;

int sheet_new(struct sheet **ret);
void sheet_free(struct sheet *s); /* NULL is fine */
DEFINE_SCOPED(sheet, struct sheet *, sheet_free)

void sheet_clear(struct sheet *s); /* empty, memory kept */

/* As many labels as the row has. Rows must live as long as the sheet; what is no
 * UTF-8 in a label becomes '?'. What lacks memory is left out. */
void sheet_put(struct sheet *s, const struct metric_row *row, double value);
void sheet_put_of(struct sheet *s, const struct metric_row *row, const char *label, double value);
void sheet_put_of2(struct sheet *s, const struct metric_row *row, const char *label, const char *second,
                   double value);
void sheet_put_spread(struct sheet *s, const struct metric_row *row, const char *label /* NULL: has none */,
                      const struct spread *spread);

size_t sheet_left_out(const struct sheet *s); /* since it was cleared */

/* ── Written down ──────────────────────────────────────────────────────── */

/* Every row of the table, each with what the sheets say of it in the order of its labels; a row that nobody
 * speaks of has its explanation all the same. `out` says itself when it is too small. */
void metrics_write(const struct metric_table *t, const struct sheet *const *sheets, size_t n_sheets,
                   struct text *out);

/* Pieces, for whoever writes more than fits into sheets: the explanation, and one line of a row. */
void metrics_write_head(const struct metric_row *row, struct text *out);
void metrics_write_line(const struct metric_row *row, const char *label, const char *second, double value,
                        struct text *out);

#endif
