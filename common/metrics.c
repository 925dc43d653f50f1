#include "common/metrics.h"

#include "common/array.h"
#include "common/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 40

/* ── Rows ──────────────────────────────────────────────────────────────── */

static bool ends_with(const char *s, const char *end)
{
    size_t len = strlen(s), tail = strlen(end);
    return len >= tail && strcmp(s + len - tail, end) == 0;
}

static bool is_name(const char *s, const char *more)
{
    for (const char *p = s; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || *p == '_' || (p > s && *p >= '0' && *p <= '9') || strchr(more, *p)))
            return false;
    return true;
}

static const char *wrong_with(const struct metric_row *r)
{
    static const char *const kin[] = { "_bucket", "_count", "_sum" };
    if (!*r->name || !is_name(r->name, ""))
        return "its name is none";
    if ((r->kind == METRIC_COUNTER) != (ends_with(r->name, "_total") != 0))
        return "counters, and only they, end in _total";
    if (r->kind == METRIC_HISTOGRAM && !ends_with(r->name, "_seconds"))
        return "it is measured in seconds";
    for (size_t i = 0; i < sizeof kin / sizeof *kin; i++)
        if (ends_with(r->name, kin[i]))
            return "its name is like a part of a histogram's";
    if (!is_name(r->labels, ","))
        return "its labels are none";
    if (r->kind == METRIC_HISTOGRAM && strchr(r->labels, ','))
        return "a histogram has one label at most";
    if (!*r->help || ends_with(r->help, ".") || strpbrk(r->help, "\\\n"))
        return "its explanation is none";
    return NULL;
}

int metrics_check(const struct metric_table *t, struct err *err)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *wrong = wrong_with(&t->row[i]);
        if (wrong)
            return err_set(err, -EINVAL, "metric %s: %s", t->row[i].name, wrong);
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->row[i].name, t->row[k].name) == 0)
                return err_set(err, -EINVAL, "metric %s is there twice", t->row[i].name);
    }
    return 0;
}

/* ── Labels ────────────────────────────────────────────────────────────── */

static void add_value(struct text *t, const char *value)
{
    for (size_t left = strlen(value); left > 0;) {
        size_t n = utf8_length(value, left);
        if (n == 0)
            text_add(t, "?");
        else if (*value == '\n')
            text_add(t, "\\n");
        else if (*value == '\\' || *value == '"') {
            text_add(t, "\\");
            text_add_bytes(t, value, 1);
        } else
            text_add_bytes(t, value, n);
        value += n ? n : 1;
        left -= n ? n : 1;
    }
}

/* lane="control",peer="192.0.2.1": what stands between the braces. */
static void add_labels(struct text *t, const char *names, const char *first, const char *second)
{
    const char *values[] = { first, second };
    for (unsigned i = 0; i < 2 && *names; i++) {
        size_t len = strcspn(names, ",");
        text_add(t, i ? "," : "");
        text_add_bytes(t, names, len);
        text_add(t, "=\"");
        add_value(t, values[i] ? values[i] : "");
        text_add(t, "\"");
        names += len + (names[len] == ',');
    }
}

/* ── Sheets ────────────────────────────────────────────────────────────── */

struct sample {
    const struct metric_row *row;
    size_t labels; /* where they begin in the sheet's text, terminated */
    double value;
    size_t spread; /* its number among the sheet's */
};

struct sheet {
    struct sample *sample;
    size_t n, room;
    struct spread *spread;
    size_t n_spreads, spreads_room;
    struct text labels;
    size_t left_out;
};

int sheet_new(struct sheet **ret)
{
    struct sheet *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->labels.ceiling = SHEET_MAX_LABELS;
    *ret = s;
    return 0;
}

void sheet_free(struct sheet *s)
{
    if (!s)
        return;
    free(s->sample);
    free(s->spread);
    text_done(&s->labels);
    free(s);
}

void sheet_clear(struct sheet *s)
{
    s->n = s->n_spreads = s->left_out = 0;
    text_clear(&s->labels);
}

static struct sample *put(struct sheet *s, const struct metric_row *row, const char *first,
                          const char *second)
{
    size_t at = s->labels.len;
    if (s->n == SHEET_MAX_SAMPLES || array_room(s->sample, s->n, s->room) < 0) {
        s->left_out++;
        return NULL;
    }
    add_labels(&s->labels, row->labels, first, second);
    text_add_bytes(&s->labels, "", 1);
    if (s->labels.failed) { /* those before are whole */
        text_cut(&s->labels, at);
        s->left_out++;
        return NULL;
    }
    struct sample *x = &s->sample[s->n++];
    *x = (struct sample){ .row = row, .labels = at };
    return x;
}

void sheet_put_of2(struct sheet *s, const struct metric_row *row, const char *label, const char *second,
                   double value)
{
    struct sample *x = put(s, row, label, second);
    if (x)
        x->value = value;
}

void sheet_put_of(struct sheet *s, const struct metric_row *row, const char *label, double value)
{
    sheet_put_of2(s, row, label, NULL, value);
}

void sheet_put(struct sheet *s, const struct metric_row *row, double value)
{
    sheet_put_of2(s, row, NULL, NULL, value);
}

void sheet_put_spread(struct sheet *s, const struct metric_row *row, const char *label,
                      const struct spread *spread)
{
    if (array_room(s->spread, s->n_spreads, s->spreads_room) < 0) {
        s->left_out++;
        return;
    }
    struct sample *x = put(s, row, label, NULL);
    if (!x)
        return;
    x->spread = s->n_spreads;
    s->spread[s->n_spreads++] = *spread;
}

size_t sheet_left_out(const struct sheet *s)
{
    return s->left_out;
}

/* ── Numbers and lines ─────────────────────────────────────────────────── */

/* 15 digits: what was written as a decimal comes out as it was. */
static const char *number(char buf[NUMBER_SIZE], double v)
{
    if (isnan(v))
        return "NaN";
    if (isinf(v))
        return v > 0 ? "+Inf" : "-Inf";
    snprintf(buf, NUMBER_SIZE, "%.15g", v);
    return buf;
}

static void add_line(struct text *out, const char *name, const char *suffix, const char *labels,
                     const char *le, double value)
{
    char buf[NUMBER_SIZE];
    text_add(out, name);
    text_add(out, suffix);
    if (*labels || le) {
        text_add(out, "{");
        text_add(out, labels);
        if (le)
            text_addf(out, "%sle=\"%s\"", *labels ? "," : "", le);
        text_add(out, "}");
    }
    text_add(out, " ");
    text_add(out, number(buf, value));
    text_add(out, "\n");
}

static void add_spread(struct text *out, const char *name, const char *labels, const struct spread *s)
{
    char le[NUMBER_SIZE];
    double so_far = 0;
    for (unsigned i = 0; i < SPREAD_BOUNDS; i++) {
        so_far += (double)s->bucket[i];
        add_line(out, name, "_bucket", labels, number(le, (double)spread_bound_us[i] / 1e6), so_far);
    }
    so_far += (double)s->bucket[SPREAD_BOUNDS];
    add_line(out, name, "_bucket", labels, "+Inf", so_far);
    add_line(out, name, "_sum", labels, NULL, (double)s->sum_us / 1e6);
    add_line(out, name, "_count", labels, NULL, so_far);
}

void metrics_write_head(const struct metric_row *row, struct text *out)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
    };
    text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, kinds[row->kind]);
}

void metrics_write_line(const struct metric_row *row, const char *label, const char *second, double value,
                        struct text *out)
{
    char buf[NUMBER_SIZE];
    text_add(out, row->name);
    if (*row->labels) {
        text_add(out, "{");
        add_labels(out, row->labels, label, second);
        text_add(out, "}");
    }
    text_add(out, " ");
    text_add(out, number(buf, value));
    text_add(out, "\n");
}

/* ── All sheets together ───────────────────────────────────────────────── */

struct found { /* one sample of one sheet */
    const struct sheet *sheet;
    const struct sample *sample;
    const char *labels;
};

static int by_labels(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return strcmp(x->labels, y->labels);
}

static size_t find(const struct metric_row *row, const struct sheet *const *sheets, size_t n,
                   struct found *at)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sheets[i]->n; k++)
            if (sheets[i]->sample[k].row == row)
                at[found++] = (struct found){ sheets[i], &sheets[i]->sample[k],
                                              text_str(&sheets[i]->labels) + sheets[i]->sample[k].labels };
    qsort(at, found, sizeof *at, by_labels);
    return found;
}

/* Those of one set of labels; how many they were. */
static size_t write_sum(const struct metric_row *row, const struct found *at, size_t n, struct text *out)
{
    struct spread spread = { .sum_us = 0 };
    double value = 0;
    size_t i = 0;
    for (; i < n && strcmp(at[i].labels, at[0].labels) == 0; i++) {
        value += at[i].sample->value;
        if (row->kind == METRIC_HISTOGRAM)
            spread_merge(&spread, &at[i].sheet->spread[at[i].sample->spread]);
    }
    if (row->kind == METRIC_HISTOGRAM)
        add_spread(out, row->name, at[0].labels, &spread);
    else
        add_line(out, row->name, "", at[0].labels, NULL, value);
    return i;
}

void metrics_write(const struct metric_table *t, const struct sheet *const *sheets, size_t n_sheets,
                   struct text *out)
{
    size_t most = 0;
    for (size_t i = 0; i < n_sheets; i++)
        most += sheets[i]->n;
    struct found *found = calloc(most ? most : 1, sizeof *found);
    if (!found) {
        out->failed = out->failed ? out->failed : -ENOMEM;
        return;
    }
    for (size_t r = 0; r < t->n; r++) {
        metrics_write_head(&t->row[r], out);
        size_t n = find(&t->row[r], sheets, n_sheets, found);
        for (size_t i = 0; i < n;)
            i += write_sum(&t->row[r], found + i, n - i, out);
    }
    free(found);
}
