/* A field of a site is a row of a table: its name, and how it is written. Two
 * sites differ in a field when they are written differently, so what is shown
 * and what is compared cannot fall apart. */
#include "cli/plan.h"

#include "cli/print.h"
#include "common/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FIELD_BYTES (SITE_MAX_URL + 512)

struct known_owner {
    uint64_t id;
    char *name;
    char *notify, *shown; /* channels in full, and as they may be shown */
    uint32_t remind_s;
    bool listed;
    UT_hash_handle hh, by_id;
};

struct known_site {
    struct site *site;
    bool listed;
    UT_hash_handle hh;
};

struct plan {
    struct known_owner *owners, *owners_by_id;
    struct known_site *sites;
    struct plan_row *row;
    size_t n_rows, room;
    size_t number[PLAN_OF_COUNT][PLAN_WHAT_COUNT];
    size_t same, left;
};

int plan_new(struct plan **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

static void free_known_owner(struct known_owner *o)
{
    free(o->name);
    free(o->notify);
    free(o->shown);
    free(o);
}

static void free_known(struct plan *p)
{
    struct known_owner *o, *next_o;
    struct known_site *s, *next_s;
    HASH_CLEAR(by_id, p->owners_by_id);
    HASH_ITER (hh, p->owners, o, next_o) {
        HASH_DEL(p->owners, o);
        free_known_owner(o);
    }
    HASH_ITER (hh, p->sites, s, next_s) {
        HASH_DEL(p->sites, s);
        site_free(s->site);
        free(s);
    }
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free_known(p);
    for (size_t i = 0; i < p->n_rows; i++)
        for (unsigned k = 0; k < p->row[i].n_fields; k++) {
            free((char *)p->row[i].field[k].from);
            free((char *)p->row[i].field[k].to);
        }
    free(p->row);
    free(p);
}

/* ── What the store has ────────────────────────────────────────────────── */

/* Channels with spaces between: in full for comparing, or as they may be shown,
 * since the path of a webhook often is a secret. */
static char *write_channels(const struct owner *o, bool shown)
{
    scoped(text) struct text t = TEXT_UP_TO(OWNER_MAX_CHANNELS * (CHANNEL_MAX_TEXT + 2));
    char channel[CHANNEL_MAX_TEXT + 1];
    for (unsigned i = 0; i < o->n_channels; i++)
        text_addf(&t, "%s%s", i ? " " : "",
                  shown ? print_channel(channel, sizeof channel, o->channel[i]) : o->channel[i]);
    return t.failed ? NULL : strdup(text_str(&t));
}

int plan_know_owner(struct plan *p, const struct owner *o)
{
    struct known_owner *k = calloc(1, sizeof *k);
    if (!k)
        return -ENOMEM;
    k->id = o->id;
    k->name = strdup(o->name);
    k->notify = write_channels(o, false);
    k->shown = write_channels(o, true);
    k->remind_s = o->remind_s;
    if (!k->name || !k->notify || !k->shown) {
        free_known_owner(k);
        return -ENOMEM;
    }
    HASH_ADD_KEYPTR(hh, p->owners, k->name, strlen(k->name), k);
    HASH_ADD(by_id, p->owners_by_id, id, sizeof k->id, k);
    return 0;
}

int plan_know_site(struct plan *p, const struct site *s)
{
    struct known_site *k = calloc(1, sizeof *k);
    if (!k || !(k->site = site_copy(s))) {
        free(k);
        return -ENOMEM;
    }
    HASH_ADD_KEYPTR(hh, p->sites, k->site->name, strlen(k->site->name), k);
    return 0;
}

static struct known_owner *find_owner(const struct plan *p, const char *name)
{
    struct known_owner *k;
    HASH_FIND(hh, p->owners, name, strlen(name), k);
    return k;
}

static const char *owner_name(const struct plan *p, uint64_t id)
{
    struct known_owner *k;
    HASH_FIND(by_id, p->owners_by_id, &id, sizeof id, k);
    return k ? k->name : "";
}

uint64_t plan_owner_id(const struct plan *p, const char *name)
{
    const struct known_owner *k = find_owner(p, name);
    return k ? k->id : 0;
}

int plan_owner_has_id(struct plan *p, const char *name, uint64_t id)
{
    return plan_know_owner(p, &(struct owner){ .id = id, .name = name });
}

/* ── How a field is written ────────────────────────────────────────────── */

struct side { /* one of the two that are compared */
    const struct site *site;
    const char *owner;
};

typedef void write_fn(const struct side *s, char *buf, size_t size);

static void write_url(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->site->url);
}

static void write_owner(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->owner);
}

static void write_every(const struct side *s, char *buf, size_t size)
{
    duration_format(buf, size, s->site->every_ms * US_PER_MS);
}

static void write_timeout(const struct side *s, char *buf, size_t size)
{
    duration_format(buf, size, s->site->timeout_ms * US_PER_MS);
}

static void write_method(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", method_name(s->site->method));
}

static void write_status(const struct side *s, char *buf, size_t size)
{
    status_set_format(buf, size, &s->site->status);
}

static void write_contains(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->site->contains);
}

static void write_looks(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%u", s->site->confirm.looks);
}

static void write_within(const struct side *s, char *buf, size_t size)
{
    duration_format(buf, size, s->site->confirm.within_ms * US_PER_MS);
}

static void write_from(const struct side *s, char *buf, size_t size)
{
    buf[0] = '\0';
    if (s->site->confirm_from)
        snprintf(buf, size, "%u", s->site->confirm_from);
}

static void write_locations(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", site_locations(s->site));
}

static void write_tags(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->site->tags);
}

static void write_full_handshake(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->site->full_handshake ? "true" : "false");
}

static void write_paused(const struct side *s, char *buf, size_t size)
{
    snprintf(buf, size, "%s", s->site->paused ? "true" : "false");
}

static const struct {
    const char *name;
    write_fn *write;
} site_fields[] = {
    {"url",              write_url           },
    { "owner",           write_owner         },
    { "every",           write_every         },
    { "timeout",         write_timeout       },
    { "method",          write_method        },
    { "expect.status",   write_status        },
    { "expect.contains", write_contains      },
    { "full_handshake",  write_full_handshake},
    { "confirm.looks",   write_looks         },
    { "confirm.within",  write_within        },
    { "confirm.from",    write_from          },
    { "locations",       write_locations     },
    { "tags",            write_tags          },
    { "paused",          write_paused        },
};
_Static_assert(sizeof site_fields / sizeof *site_fields <= PLAN_MAX_FIELDS, "all of them can differ");

/* ── Comparing ─────────────────────────────────────────────────────────── */

static int add_field(struct plan_row *row, const char *name, const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return 0;
    struct plan_field *f = &row->field[row->n_fields++];
    *f = (struct plan_field){ .name = name, .from = strdup(from), .to = strdup(to) };
    return f->from && f->to ? 0 : -ENOMEM;
}

/* The row is the plan's from here on, also when this fails. */
static int add_row(struct plan *p, const struct plan_row *row)
{
    if (array_room(p->row, p->n_rows, p->room) < 0)
        return -ENOMEM;
    p->row[p->n_rows++] = *row;
    p->number[row->of][row->what]++;
    return 0;
}

static int compare_channels(struct plan_row *row, const struct known_owner *k, const struct owner *o)
{
    char *notify = write_channels(o, false), *shown = write_channels(o, true), *longer = NULL;
    int r = notify && shown ? 0 : -ENOMEM;
    if (r == 0 && strcmp(notify, k->notify) != 0 && strcmp(shown, k->shown) == 0) {
        r = asprintf(&longer, "%s (another path)", shown) < 0 ? -ENOMEM : 0;
        if (r == 0)
            r = add_field(row, "notify", k->shown, longer);
        else
            longer = NULL;
    } else if (r == 0)
        r = add_field(row, "notify", k->shown, shown);
    free(notify);
    free(shown);
    free(longer);
    return r;
}

static int compare_owner(struct plan *p, const struct sitelist_owner *o)
{
    struct known_owner *k = find_owner(p, o->owner.name);
    struct plan_row row = { .of = PLAN_OWNER, .name = o->owner.name, .owner = o };
    if (!k) {
        row.what = PLAN_ADD;
        return add_row(p, &row);
    }
    k->listed = true;
    /* Nobody wrote this one: what the store has under that name is better. */
    if (o->implied)
        return 0;

    char from[24], to[24];
    row.what = PLAN_CHANGE;
    row.id = k->id;
    int r = compare_channels(&row, k, &o->owner);
    if (r == 0)
        r = add_field(&row, "remind", duration_format(from, sizeof from, k->remind_s * US_PER_S),
                      duration_format(to, sizeof to, o->owner.remind_s * US_PER_S));
    if (r < 0)
        return r;
    return row.n_fields ? add_row(p, &row) : 0;
}

static int compare_site(struct plan *p, const struct sitelist_site *s)
{
    struct known_site *k;
    struct plan_row row = { .of = PLAN_SITE, .name = s->site.name, .site = s };
    HASH_FIND(hh, p->sites, s->site.name, strlen(s->site.name), k);
    if (!k) {
        row.what = PLAN_ADD;
        return add_row(p, &row);
    }
    k->listed = true;
    row.what = PLAN_CHANGE;
    row.id = k->site->id;

    const struct side had = { k->site, owner_name(p, k->site->owner_id) }, has = { &s->site, s->owner };
    char from[FIELD_BYTES], to[FIELD_BYTES];
    for (size_t i = 0; i < sizeof site_fields / sizeof *site_fields; i++) {
        site_fields[i].write(&had, from, sizeof from);
        site_fields[i].write(&has, to, sizeof to);
        int r = add_field(&row, site_fields[i].name, from, to);
        if (r < 0)
            return r;
    }
    p->same += row.n_fields == 0;
    return row.n_fields ? add_row(p, &row) : 0;
}

static int remove_rest(struct plan *p, bool prune)
{
    struct known_site *s, *next_s;
    struct known_owner *o, *next_o;
    HASH_ITER (hh, p->sites, s, next_s) {
        const struct plan_row row = {
            .what = PLAN_REMOVE, .of = PLAN_SITE, .id = s->site->id, .name = s->site->name
        };
        int r = s->listed || !prune ? 0 : add_row(p, &row);
        if (r < 0)
            return r;
        p->left += !s->listed && !prune;
    }
    if (!prune)
        return 0;
    HASH_ITER (hh, p->owners, o, next_o) {
        const struct plan_row row = { .what = PLAN_REMOVE, .of = PLAN_OWNER, .id = o->id, .name = o->name };
        int r = o->listed ? 0 : add_row(p, &row);
        if (r < 0)
            return r;
    }
    return 0;
}

int plan_make(struct plan *p, const struct sitelist *list, bool prune)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < sitelist_owners(list); i++)
        r = compare_owner(p, sitelist_owner_at(list, i));
    for (size_t i = 0; r == 0 && i < sitelist_count(list); i++)
        r = compare_site(p, sitelist_at(list, i));
    return r == 0 ? remove_rest(p, prune) : r;
}

size_t plan_count(const struct plan *p)
{
    return p->n_rows;
}

const struct plan_row *plan_row(const struct plan *p, size_t i)
{
    return &p->row[i];
}

size_t plan_number(const struct plan *p, enum plan_of of, enum plan_what what)
{
    return p->number[of][what];
}

size_t plan_same(const struct plan *p)
{
    return p->same;
}

size_t plan_left(const struct plan *p)
{
    return p->left;
}
