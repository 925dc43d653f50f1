/* How a list is read
 *
 * Each map of the format (the file, defaults, an owner, a site, expect,
 * confirm) is a table of fields, and a field is a name and a function that
 * reads its value. What `defaults:` says is read into a struct settings; every
 * site begins as a copy of it.
 */
#include "cli/siteread.h"

#include "cli/fields.h"
#include "cli/locationread.h"
#include "cli/ownerread.h"
#include "common/nearest.h"
#include "common/url.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a site and the defaults may both say. Strings are borrowed from the tree. */
struct settings {
    uint32_t every_ms, timeout_ms;
    const struct yaml_node *every_at, *timeout_at; /* where it was said; NULL: by nobody */
    enum method method;
    struct status_set status;
    const char *contains;
    bool full_handshake;
    struct confirm confirm;
    uint8_t confirm_from;
    const struct yaml_node *from_at; /* likewise */
    char locations[SITE_LOCATIONS_SIZE];
    unsigned locations_line; /* 0: said by nobody */
    const char *owner;
    const struct yaml_node *owner_at;
    char tags[SITE_MAX_TAGS + 1];
    /* a site alone */
    const char *name;
    char url[SITE_MAX_URL + 1];
    bool paused;
};

/* ── Values ────────────────────────────────────────────────────────────── */

static int field_every(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    s->every_at = n;
    return fields_duration(n, SITE_MIN_EVERY_MS, SITE_MAX_EVERY_MS, &s->every_ms, err);
}

static int field_timeout(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    s->timeout_at = n;
    return fields_duration(n, SITE_MIN_TIMEOUT_MS, SITE_MAX_TIMEOUT_MS, &s->timeout_ms, err);
}

static int field_method(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    int code = fields_scalar(n, "auto, HEAD or GET", err);
    return code < 0 ? code : method_parse(yaml_text(n), &s->method, err);
}

static int field_owner(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    s->owner_at = n;
    return fields_name(n, OWNER_MAX_NAME - 1, &s->owner, err);
}

static int field_status(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    int code = fields_scalar(n, "statuses like 200-299,404", err);
    return code < 0 ? code : status_set_parse(yaml_text(n), &s->status, err);
}

static int field_contains(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    if (yaml_kind(n) != YAML_SCALAR)
        return err_set(err, -EINVAL, "expected a keyword, this is %s", fields_kind_words(n));
    if (strlen(yaml_text(n)) > EXPECT_MAX_KEYWORD)
        return err_set(err, -EINVAL, "the keyword has more than %d bytes", EXPECT_MAX_KEYWORD);
    s->contains = yaml_text(n);
    return 0;
}

static int field_looks(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    int code = fields_scalar(n, "a number of looks", err);
    if (code < 0)
        return code;
    const char *t = yaml_text(n);
    if (t[0] < '0' || t[0] > '0' + SITE_MAX_LOOKS || t[1])
        return err_set(err, -EINVAL, "'%.40s' is not a number of looks from 0 to %d", t, SITE_MAX_LOOKS);
    s->confirm.looks = (uint8_t)(t[0] - '0');
    return 0;
}

static int field_from(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    s->from_at = n;
    return locationread_from(n, &s->confirm_from, err);
}

static int field_within(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    return fields_duration(n, SITE_MIN_TIMEOUT_MS, SITE_MAX_WITHIN_MS, &s->confirm.within_ms, err);
}

static int field_expect(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    static const struct field fields[] = {
        {"status",        field_status },
        { "contains",              field_contains },
        { 0},
    };
    return fields_nested(r, n, "expect", fields, "{status: \"200-299\", contains: \"OK\"}", to, err);
}

static int field_confirm(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    static const struct field fields[] = {
        {"looks",       field_looks },
        { "within",            field_within },
        { "from",field_from },
        { 0      },
    };
    return fields_nested(r, n, "confirm", fields, "{looks: 2, within: 15s}", to, err);
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once, with commas between. */
static int join_tags(const char **tag, size_t n, char *buf, size_t size, struct err *err)
{
    size_t len = 0;
    qsort(tag, n, sizeof *tag, compare_words);
    buf[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(tag[i], tag[i - 1]) == 0)
            continue;
        int k = snprintf(buf + len, size - len, "%s%s", len ? "," : "", tag[i]);
        if (k < 0 || (size_t)k >= size - len)
            return err_set(err, -EINVAL, "together the tags have more than %d bytes", SITE_MAX_TAGS);
        len += (size_t)k;
    }
    return 0;
}

static int field_tags(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    const char *tag[SITE_MAX_TAGS / 2];
    size_t count = yaml_kind(n) == YAML_SCALAR ? 1 : yaml_count(n);
    if (yaml_kind(n) == YAML_MAP)
        return err_set(err, -EINVAL, "expected a list of words like [prod, shop], this is a map");
    if (count > sizeof tag / sizeof *tag)
        return err_set(err, -EINVAL, "%zu tags are too many", count);

    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *word = yaml_kind(n) == YAML_LIST ? yaml_item(n, i) : n;
        int code = fields_scalar(word, "a word", err);
        if (code < 0)
            return code;
        tag[i] = yaml_text(word);
        if (strpbrk(tag[i], ", \t") || fields_has_control(tag[i]))
            return err_set(err, -EINVAL,
                           "the tag '%.60s' has a comma or space; tags are written [prod, shop]", tag[i]);
    }
    return join_tags(tag, count, s->tags, sizeof s->tags, err);
}

static int field_locations(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    s->locations_line = yaml_line(n);
    return locationread_list(n, s->locations, err);
}

static int field_name(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    return fields_name(n, SITE_MAX_NAME, &s->name, err);
}

static int field_url(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct settings *s = to;
    int code = fields_scalar(n, "a URL", err);
    return code < 0 ? code : url_normalise(yaml_text(n), s->url, sizeof s->url, err);
}

static int yes_or_no(const struct yaml_node *n, bool *ret, struct err *err)
{
    int code = fields_scalar(n, "true or false", err);
    if (code < 0)
        return code;
    *ret = strcasecmp(yaml_text(n), "true") == 0 || strcasecmp(yaml_text(n), "yes") == 0;
    if (!*ret && strcasecmp(yaml_text(n), "false") != 0 && strcasecmp(yaml_text(n), "no") != 0)
        return err_set(err, -EINVAL, "expected true or false, this is '%.40s'", yaml_text(n));
    return 0;
}

static int field_paused(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    return yes_or_no(n, &((struct settings *)to)->paused, err);
}

static int field_full_handshake(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    return yes_or_no(n, &((struct settings *)to)->full_handshake, err);
}

/* ── Sites ─────────────────────────────────────────────────────────────── */

static void check_owner(struct reader *r, const struct settings *s)
{
    if (!s->owner || sitelist_find_owner(r->list, s->owner))
        return;
    struct err err = { 0 };
    size_t n = sitelist_owners(r->list);
    const char **names = calloc(n + 1, sizeof *names);
    const char *meant = NULL;
    if (names) {
        for (size_t i = 0; i < n; i++)
            names[i] = sitelist_owner_at(r->list, i)->owner.name;
        meant = nearest_word(s->owner, names, n);
    }
    if (meant)
        err_set(&err, -EINVAL, "the file has no owner '%s'; did you mean '%s'?", s->owner, meant);
    else
        err_set(&err, -EINVAL, "the file has no owner '%s'", s->owner);
    free(names);
    fields_mistake(r, s->owner_at, "owner", -EINVAL, &err);
}

/* A timeout that is written must fit into the interval; one that is inherited is
 * made to fit. `own`: the map that gives the last word. */
static void check_timeout(struct reader *r, struct settings *s, const struct yaml_node *inherited)
{
    if (s->timeout_ms <= s->every_ms)
        return;
    if (!s->timeout_at || s->timeout_at == inherited) {
        s->timeout_ms = s->every_ms;
        return;
    }
    struct err err = { 0 };
    char every[24], timeout[24];
    err_set(&err, -EINVAL, "%s is longer than the interval between looks (every: %s)",
            duration_format(timeout, sizeof timeout, s->timeout_ms * US_PER_MS),
            duration_format(every, sizeof every, s->every_ms * US_PER_MS));
    fields_mistake(r, s->timeout_at, "timeout", -EINVAL, &err);
}

/* The same for the number of locations that must agree. */
static void check_from(struct reader *r, struct settings *s, const struct yaml_node *inherited)
{
    unsigned n = location_count(s->locations);
    if (n == 0)
        n = 1; /* the cluster's first */
    if (s->confirm_from <= n)
        return;
    if (s->from_at == inherited) {
        s->confirm_from = (uint8_t)n;
        return;
    }
    struct err err = { 0 };
    err_set(&err, -EINVAL, "%u is more locations than the site is looked at from (%s)", s->confirm_from,
            s->locations[0] ? s->locations : "one");
    fields_mistake(r, s->from_at, "confirm.from", -EINVAL, &err);
}

/* Whose it is when neither it nor the defaults say so. */
static const char *usual_owner(struct reader *r)
{
    if (sitelist_owners(r->list) == 1)
        return sitelist_owner_at(r->list, 0)->owner.name;
    return SITELIST_DEFAULT_OWNER;
}

static void add_site(struct reader *r, const struct yaml_node *n, const struct settings *s)
{
    struct err err = { 0 };
    const struct sitelist_site site = {
        .site = {.name = s->name ? s->name : s->url,
                 .url = s->url,
                 .tags = s->tags,
                 .every_ms = s->every_ms,
                 .timeout_ms = s->timeout_ms,
                 .method = s->method,
                 .status = s->status,
                 .contains = s->contains,
                 .full_handshake = s->full_handshake,
                 .confirm = s->confirm,
                 .locations = s->locations,
                 .confirm_from = s->confirm_from,
                 .paused = s->paused},
        .owner = s->owner ? s->owner : usual_owner(r),
        .line = yaml_line(n),
        .locations_line = s->locations_line,
    };
    int code = s->owner                                          ? 0
               : strcmp(site.owner, SITELIST_DEFAULT_OWNER) != 0 ? 0
                                                                 : sitelist_need_default_owner(r->list, &err);
    if (code == 0)
        code = sitelist_add(r->list, &site, &err);
    if (code < 0)
        fields_mistake(r, n, s->name ? "name" : "url", code, &err);
}

static void read_site(struct reader *r, const struct yaml_node *n)
{
    static const struct field fields[] = {
        {"url",             field_url },
        { "name",                field_name },
        { "owner",field_owner },
        { "every",          field_every },
        { "timeout",                field_timeout },
        { "method",field_method },
        { "expect",        field_expect },
        { "confirm",                field_confirm },
        { "full_handshake",         field_full_handshake },
        { "locations",         field_locations },
        { "tags",                field_tags },
        { "paused",field_paused },
        { 0},
    };
    struct err err = { 0 };
    struct settings s = *r->defaults;
    unsigned before = r->mistakes->count;

    if (yaml_kind(n) == YAML_MAP) {
        fields_read(r, n, "", fields, &s);
        if (!yaml_get(n, "url"))
            fields_mistake(r, n, "url", -EINVAL, (err_set(&err, -EINVAL, "a site needs a URL"), &err));
    } else {
        int code = yaml_kind(n) == YAML_SCALAR
                       ? field_url(r, n, &s, &err)
                       : err_set(&err, -EINVAL, "expected a URL or a map, this is a list");
        if (code < 0)
            fields_mistake(r, n, "url", code, &err);
    }
    if (s.owner_at != r->defaults->owner_at)
        check_owner(r, &s);
    if (r->mistakes->count == before) {
        check_timeout(r, &s, r->defaults->timeout_at);
        check_from(r, &s, r->defaults->from_at);
    }
    if (r->mistakes->count == before)
        add_site(r, n, &s);
}

/* ── The file ──────────────────────────────────────────────────────────── */

static int file_defaults(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    static const struct field fields[] = {
        {"every",               field_every },
        { "timeout",                    field_timeout },
        { "method",field_method },
        { "expect",             field_expect },
        { "confirm",                    field_confirm },
        { "full_handshake",field_full_handshake },
        { "locations",            field_locations },
        { "owner",                    field_owner },
        { "tags",     field_tags },
        { 0         },
    };
    (void)to;
    unsigned before = r->mistakes->count;
    int code = fields_nested(r, n, "defaults", fields, "{every: 5m, timeout: 20s}", r->defaults, err);
    if (code == 0 && r->mistakes->count == before)
        check_timeout(r, r->defaults, NULL);
    if (code == 0 && r->mistakes->count == before && r->defaults->locations[0])
        check_from(r, r->defaults, NULL);
    return code;
}

static int each_item(struct reader *r, const struct yaml_node *n, const char *what,
                     void (*fn)(struct reader *r, const struct yaml_node *item), struct err *err)
{
    if (yaml_kind(n) != YAML_LIST)
        return err_set(err, -EINVAL, "expected a list of %s, this is %s", what, fields_kind_words(n));
    for (size_t i = 0; i < yaml_count(n) && mistakes_room(r->mistakes); i++)
        fn(r, yaml_item(n, i));
    return 0;
}

static int file_owners(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)to;
    return each_item(r, n, "owners", ownerread_add, err);
}

static int file_sites(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)to;
    return each_item(r, n, "sites", read_site, err);
}

/* In the order in which they need each other, which need not be the file's. */
static const struct field file_fields[] = {
    {"owners",       file_owners },
    { "defaults",             file_defaults },
    { "sites",file_sites },
    { 0      },
};

static void read_section(struct reader *r, const struct yaml_node *root, const struct field *f)
{
    struct err err = { 0 };
    const struct yaml_node *n = yaml_get(root, f->name);
    int code = n ? f->read(r, n, NULL, &err) : 0;
    if (code < 0)
        fields_mistake(r, n, f->name, code, &err);
    if (n && f->read == file_defaults)
        check_owner(r, r->defaults);
}

void siteread_yaml(struct sitelist *l, const struct yaml *y, struct mistakes *m)
{
    struct err err = { 0 };
    struct settings defaults = {
        .every_ms = SITE_DEFAULT_EVERY_MS,
        .timeout_ms = SITE_DEFAULT_TIMEOUT_MS,
        .contains = "",
        .confirm = {SITE_DEFAULT_LOOKS, SITE_DEFAULT_WITHIN_MS}
    };
    struct reader r = { .list = l, .mistakes = m, .defaults = &defaults };
    const struct yaml_node *root = yaml_root(y);
    if (!root || yaml_kind(root) != YAML_MAP) {
        err_set(&err, -EINVAL, "expected the fields defaults, owners and sites, this is %s",
                root ? fields_kind_words(root) : "empty");
        mistakes_add(m, root ? yaml_line(root) : 1, "", -EINVAL, &err);
        return;
    }
    for (size_t i = 0; i < yaml_count(root); i++) {
        const struct field *f = file_fields;
        while (f->name && strcmp(f->name, yaml_text(yaml_key(root, i))) != 0)
            f++;
        if (!f->name)
            fields_unknown(&r, yaml_key(root, i), file_fields);
    }
    for (const struct field *f = file_fields; f->name; f++)
        read_section(&r, root, f);
    if (!yaml_get(root, "sites"))
        fields_mistake(&r, root, "sites", -EINVAL, (err_set(&err, -EINVAL, "the file has no sites"), &err));
}
