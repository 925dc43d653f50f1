#include "cli/apply.h"

#include "cli/mistakes.h"
#include "cli/print.h"
#include "common/url.h"
#include "worker/address.h"

#include <errno.h>
#include <string.h>

int apply_read(struct sitelist **ret, const char *path, enum sitelist_twice twice, FILE *trouble,
               struct err *err)
{
    scoped(text) struct text mistakes = TEXT_UP_TO(1u << 20);
    int r = sitelist_load(ret, path, twice, &mistakes, err);
    fputs(text_str(&mistakes), trouble);
    return r;
}

#define MOST_REFUSALS 5 /* told one by one */

/* Of a name, nobody knows here where it leads. */
static bool port_is_refused(const struct address_policy *p, const char *url, uint16_t *ret_port)
{
    struct url_parts parts;
    struct address a;
    if (url_split(url, &parts, NULL) < 0 || !address_port_reserved(parts.port))
        return false;
    *ret_port = parts.port;
    return !(parts.numeric && address_parse(parts.host, &a) == 0 && address_port_allowed(p, &a, parts.port));
}

void apply_warn(const struct sitelist *list, const struct config *config, FILE *trouble)
{
    struct address_policy policy;
    size_t refused = 0;
    uint16_t port;
    if (address_policy_parse(config->worker.allow, &policy, NULL) < 0)
        return;
    for (size_t i = 0; i < sitelist_count(list); i++) {
        const struct sitelist_site *s = sitelist_at(list, i);
        if (port_is_refused(&policy, s->site.url, &port) && refused++ < MOST_REFUSALS)
            fprintf(
                trouble,
                "note: site %.100s: port %u belongs to another protocol than HTTP; workers look there only "
                "where worker.allow names the network\n",
                s->site.name, port);
    }
    if (refused > MOST_REFUSALS)
        fprintf(trouble, "note: %zu more sites have such a port\n", refused - MOST_REFUSALS);
}

static bool is_served(const struct config *config, const char *name)
{
    char served[LOCATION_SIZE];
    for (unsigned i = 0; config_location(config, i, served, sizeof served); i++)
        if (strcmp(served, name) == 0)
            return true;
    return false;
}

int apply_check_locations(const struct sitelist *list, const struct config *config, const char *path,
                          FILE *trouble, struct err *err)
{
    char name[LOCATION_SIZE];
    unsigned bad = 0, told = 0; /* told: the newest line; sites that inherit one follow each other */
    for (size_t i = 0; i < sitelist_count(list) && bad < MISTAKES_MAX; i++) {
        const struct sitelist_site *s = sitelist_at(list, i);
        const char *rest = site_locations(&s->site);
        unsigned line = s->locations_line;
        while (line != told && location_next(&rest, name)) {
            if (is_served(config, name))
                continue;
            fprintf(trouble, "%s:%u: locations: '%s' is not one of the cluster's locations (%s)\n", path,
                    line, name, config->locations);
            bad++;
        }
        told = line;
    }
    return bad == 0 ? 0
                    : err_set(err, -EINVAL, "%s: %u mistake%s: nothing of it is used", path, bad,
                              bad == 1 ? "" : "s");
}

/* ── What the store has ────────────────────────────────────────────────── */

static int know_owner(void *arg, const struct owner *o)
{
    return plan_know_owner(arg, o);
}

static int know_site(void *arg, const struct site *s)
{
    return plan_know_site(arg, s);
}

int apply_plan(struct plan **ret, struct store *s, const struct sitelist *list, bool prune, struct err *err)
{
    scoped(plan) struct plan *p = NULL;
    if (plan_new(&p) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    int r = store_each_owner(s, 0, know_owner, p, err);
    if (r == 0)
        r = store_each_site(s, 0, know_site, p, err);
    if (r == 0)
        r = plan_make(p, list, prune);
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r < 0)
        return r;
    *ret = moved(p);
    return 0;
}

/* ── The edit ──────────────────────────────────────────────────────────── */

static int do_owner(struct plan *p, struct store *s, const struct plan_row *row, struct err *err)
{
    struct owner o = row->owner->owner;
    uint64_t id = 0;
    o.id = row->id;
    int r = store_edit_owner(s, &o, &id, err);
    if (r == 0 && row->what == PLAN_ADD && plan_owner_has_id(p, o.name, id) < 0)
        r = err_set(err, -ENOMEM, "out of memory");
    return r;
}

static int do_site(struct plan *p, struct store *s, const struct plan_row *row, struct err *err)
{
    struct site site = row->site->site;
    uint64_t id = 0;
    site.id = row->id;
    site.owner_id = plan_owner_id(p, row->site->owner);
    return store_edit_site(s, &site, &id, err);
}

static int do_row(struct plan *p, struct store *s, const struct plan_row *row, struct err *err)
{
    int r;
    if (row->of == PLAN_OWNER)
        r = row->what == PLAN_REMOVE ? store_edit_remove_owner(s, row->id, err) : do_owner(p, s, row, err);
    else
        r = row->what == PLAN_REMOVE ? store_edit_remove_site(s, row->id, err) : do_site(p, s, row, err);
    return r < 0 ? err_where(err, r, "%s '%.200s'", row->of == PLAN_OWNER ? "owner" : "site", row->name) : r;
}

int apply_do(struct plan *p, struct store *s, wall_us now, uint64_t *ret_change, struct err *err)
{
    int r = plan_count(p) ? store_edit_begin(s, now, err) : 0;
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < plan_count(p); i++)
        r = do_row(p, s, plan_row(p, i), err);
    if (r == 0 && plan_count(p))
        r = store_edit_commit(s, err);
    if (r < 0) {
        store_edit_abort(s);
        return r;
    }
    return store_newest_change(s, ret_change, err);
}

/* ── Printing ──────────────────────────────────────────────────────────── */

static void print_added(const struct plan_row *row, FILE *out)
{
    if (row->of == PLAN_OWNER) {
        char channel[300];
        const struct owner *o = &row->owner->owner;
        for (unsigned i = 0; i < o->n_channels; i++)
            fprintf(out, "%s%s", i ? ", " : "  told by ",
                    print_channel(channel, sizeof channel, o->channel[i]));
        return;
    }
    char every[24];
    const struct site *s = &row->site->site;
    if (strcmp(s->name, s->url) != 0)
        fprintf(out, "  %s", s->url);
    fprintf(out, "  every %s%s%s, owner %s%s", duration_format(every, sizeof every, s->every_ms * US_PER_MS),
            site_locations(s)[0] ? " from " : "", site_locations(s), row->site->owner,
            s->paused ? ", paused" : "");
}

static void print_row(const struct plan_row *row, FILE *out)
{
    static const char sign[] = { [PLAN_ADD] = '+', [PLAN_CHANGE] = '~', [PLAN_REMOVE] = '-' };
    fprintf(out, "%c %s %s", sign[row->what], row->of == PLAN_OWNER ? "owner" : "site ", row->name);
    if (row->what == PLAN_ADD)
        print_added(row, out);
    for (unsigned i = 0; i < row->n_fields; i++) {
        const struct plan_field *f = &row->field[i];
        fprintf(out, "%s %s: %s -> %s", i ? "," : " ", f->name, f->from[0] ? f->from : "(none)",
                f->to[0] ? f->to : "(none)");
    }
    fputc('\n', out);
}

/* "2 sites added, 1 site changed", or nothing. */
static void add_sum(struct text *t, const struct plan *p, enum plan_of of, const char *one, const char *many)
{
    static const char *const done[] = { "added", "changed", "removed" };
    char n[32];
    for (enum plan_what w = 0; w < PLAN_WHAT_COUNT; w++) {
        size_t k = plan_number(p, of, w);
        if (k)
            text_addf(t, "%s%s %s %s", t->len ? ", " : "", print_count(n, sizeof n, k),
                      print_plural(k, one, many), done[w]);
    }
}

void apply_print(const struct plan *p, FILE *out, size_t most)
{
    char n[32];
    scoped(text) struct text sum = TEXT_UP_TO(1024);
    size_t shown = plan_count(p) < most ? plan_count(p) : most, same = plan_same(p), left = plan_left(p);
    for (size_t i = 0; i < shown; i++)
        print_row(plan_row(p, i), out);
    if (shown < plan_count(p))
        fprintf(out, "... and %s more (apply --json shows all)\n",
                print_count(n, sizeof n, plan_count(p) - shown));

    add_sum(&sum, p, PLAN_OWNER, "owner", "owners");
    add_sum(&sum, p, PLAN_SITE, "site", "sites");
    if (same || !sum.len)
        text_addf(&sum, "%s%s %s as the file says%s", sum.len ? "; " : "", print_count(n, sizeof n, same),
                  print_plural(same, "site is", "sites are"), sum.len ? " already" : "");
    fprintf(out, "%s\n", text_str(&sum));
    if (left)
        fprintf(out, "%s %s in the store and not in the file; --prune removes %s\n",
                print_count(n, sizeof n, left), print_plural(left, "site is", "sites are"),
                print_plural(left, "it", "them"));
}

static json_t *json_row(const struct plan_row *row)
{
    json_t *fields = json_object();
    for (unsigned i = 0; i < row->n_fields; i++)
        json_object_set_new(
            fields, row->field[i].name,
            json_pack("[o, o]", print_json_text(row->field[i].from), print_json_text(row->field[i].to)));
    json_t *o = json_pack("{s:s, s:o}", "kind", row->of == PLAN_OWNER ? "owner" : "site", "name",
                          print_json_text(row->name));
    if (row->n_fields)
        json_object_set(o, "fields", fields);
    json_decref(fields);
    return o;
}

int apply_print_json(const struct plan *p, FILE *out, bool done)
{
    json_t *list[PLAN_WHAT_COUNT] = { json_array(), json_array(), json_array() };
    for (size_t i = 0; i < plan_count(p); i++)
        json_array_append_new(list[plan_row(p, i)->what], json_row(plan_row(p, i)));
    return print_json(out,
                      json_pack("{s:b, s:o, s:o, s:o, s:I, s:I}", "applied", done, "added", list[PLAN_ADD],
                                "changed", list[PLAN_CHANGE], "removed", list[PLAN_REMOVE], "unchanged",
                                (json_int_t)plan_same(p), "left", (json_int_t)plan_left(p)));
}
