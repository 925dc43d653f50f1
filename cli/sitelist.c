/* The list owns its strings in an arena: a hundred thousand sites are some
 * dozens of allocations, and freeing them is as many. Names are hashed, so that
 * finding a duplicate costs the same in a long list as in a short one. */
#include "cli/sitelist.h"

#include "cli/siteread.h"
#include "common/array.h"
#include "common/url.h"
#include "common/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uthash.h>

#define CHUNK_BYTES (64 * 1024)

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors put it in front of UTF-8 */

struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
};

struct site_entry {
    struct sitelist_site site;
    UT_hash_handle hh;
};

struct owner_entry {
    struct sitelist_owner owner;
    UT_hash_handle hh;
};

struct sitelist {
    struct chunk *chunks;
    struct site_entry **site;
    size_t n_sites, room_sites;
    struct owner_entry **owner;
    size_t n_owners, room_owners;
    struct site_entry *sites_by_name;
    struct owner_entry *owners_by_name;
};

/* ── The arena ─────────────────────────────────────────────────────────── */

static void *keep_room(struct sitelist *l, size_t len)
{
    size_t aligned = (len + 15) & ~(size_t)15;
    if (!l->chunks || l->chunks->size - l->chunks->used < aligned) {
        size_t size = aligned > CHUNK_BYTES ? aligned : CHUNK_BYTES;
        struct chunk *c = malloc(sizeof *c + size + 16);
        if (!c)
            return NULL;
        *c = (struct chunk){ .next = l->chunks, .size = size };
        l->chunks = c;
    }
    struct chunk *c = l->chunks;
    char *at = c->bytes + (-(uintptr_t)c->bytes & 15) + c->used;
    c->used += aligned;
    return at;
}

static const char *keep(struct sitelist *l, const char *s)
{
    size_t len = strlen(s) + 1;
    char *at = keep_room(l, len);
    return at ? memcpy(at, s, len) : NULL;
}

/* ── The container ─────────────────────────────────────────────────────── */

int sitelist_new(struct sitelist **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void sitelist_free(struct sitelist *l)
{
    if (!l)
        return;
    HASH_CLEAR(hh, l->sites_by_name);
    HASH_CLEAR(hh, l->owners_by_name);
    for (struct chunk *c = l->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(l->site);
    free(l->owner);
    free(l);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory");
}

static int twice(const struct sitelist_site *s, const struct sitelist_site *other, struct err *err)
{
    if (strcmp(s->site.name, s->site.url) != 0)
        return err_set(err, -EEXIST, "the name '%.120s' is taken by line %u", s->site.name, other->line);
    return err_set(err, -EEXIST, "%.200s is on line %u already; to watch it twice, give each a name",
                   s->site.url, other->line);
}

/* Sites that follow each other are mostly looked at from the same places. */
static const char *keep_locations(struct sitelist *l, const char *list)
{
    const char *before = l->n_sites ? l->site[l->n_sites - 1]->site.site.locations : "";
    return strcmp(before, list) == 0 ? before : keep(l, list);
}

int sitelist_add(struct sitelist *l, const struct sitelist_site *s, struct err *err)
{
    const struct sitelist_site *other = sitelist_find(l, s->site.name);
    if (other)
        return twice(s, other, err);

    if (l->n_sites >= SITELIST_MAX_SITES)
        return err_set(err, -ENOSPC, "the list has more than %d sites", SITELIST_MAX_SITES);
    int r = array_room(l->site, l->n_sites, l->room_sites);
    struct site_entry *e = r == 0 ? keep_room(l, sizeof *e) : NULL;
    if (!e)
        return no_memory(err);

    *e = (struct site_entry){ .site = *s };
    struct site *mine = &e->site.site;
    mine->url = keep(l, s->site.url);
    mine->name = strcmp(s->site.name, s->site.url) == 0 ? mine->url : keep(l, s->site.name);
    mine->tags = s->site.tags[0] ? keep(l, s->site.tags) : "";
    mine->contains = s->site.contains[0] ? keep(l, s->site.contains) : "";
    mine->locations = s->site.locations && s->site.locations[0] ? keep_locations(l, s->site.locations) : "";
    const struct sitelist_owner *o = sitelist_find_owner(l, s->owner);
    e->site.owner = o ? o->owner.name : keep(l, s->owner);
    if (!mine->url || !mine->name || !mine->tags || !mine->contains || !mine->locations || !e->site.owner)
        return no_memory(err);

    l->site[l->n_sites++] = e;
    HASH_ADD_KEYPTR(hh, l->sites_by_name, mine->name, strlen(mine->name), e);
    return 0;
}

int sitelist_add_owner(struct sitelist *l, const struct sitelist_owner *o, struct err *err)
{
    const struct sitelist_owner *other = sitelist_find_owner(l, o->owner.name);
    if (other)
        return err_set(err, -EEXIST, "the owner '%s' is on line %u already", o->owner.name, other->line);

    if (l->n_owners >= SITELIST_MAX_OWNERS)
        return err_set(err, -ENOSPC, "the list has more than %d owners", SITELIST_MAX_OWNERS);
    int r = array_room(l->owner, l->n_owners, l->room_owners);
    struct owner_entry *e = r == 0 ? keep_room(l, sizeof *e) : NULL;
    if (!e)
        return no_memory(err);

    *e = (struct owner_entry){ .owner = *o };
    struct owner *mine = &e->owner.owner;
    mine->name = keep(l, o->owner.name);
    bool good = mine->name;
    for (unsigned i = 0; i < mine->n_channels; i++)
        good = (mine->channel[i] = keep(l, o->owner.channel[i])) && good;
    if (!good)
        return no_memory(err);

    l->owner[l->n_owners++] = e;
    HASH_ADD_KEYPTR(hh, l->owners_by_name, mine->name, strlen(mine->name), e);
    return 0;
}

int sitelist_need_default_owner(struct sitelist *l, struct err *err)
{
    const struct sitelist_owner usual = {
        .owner = {.name = SITELIST_DEFAULT_OWNER, .channel = { "console:" }, .n_channels = 1},
        .implied = true,
    };
    return sitelist_find_owner(l, SITELIST_DEFAULT_OWNER) ? 0 : sitelist_add_owner(l, &usual, err);
}

int sitelist_add_url(struct sitelist *l, const char *url, unsigned line, struct err *err)
{
    char normal[SITE_MAX_URL + 1];
    int r = url_normalise(url, normal, sizeof normal, err);
    if (r == 0)
        r = sitelist_need_default_owner(l, err);
    if (r < 0)
        return r;
    const struct sitelist_site s = {
        .site = {.name = normal,
                 .url = normal,
                 .tags = "",
                 .contains = "",
                 .every_ms = SITE_DEFAULT_EVERY_MS,
                 .timeout_ms = SITE_DEFAULT_TIMEOUT_MS,
                 .confirm = { SITE_DEFAULT_LOOKS, SITE_DEFAULT_WITHIN_MS }},
        .owner = SITELIST_DEFAULT_OWNER,
        .line = line,
    };
    return sitelist_add(l, &s, err);
}

int sitelist_add_all(struct sitelist *l, const struct sitelist *from)
{
    for (size_t i = 0; i < from->n_owners; i++) {
        int r = sitelist_add_owner(l, &from->owner[i]->owner, NULL);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    for (size_t i = 0; i < from->n_sites; i++) {
        int r = sitelist_add(l, &from->site[i]->site, NULL);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

size_t sitelist_count(const struct sitelist *l)
{
    return l->n_sites;
}

const struct sitelist_site *sitelist_at(const struct sitelist *l, size_t i)
{
    return &l->site[i]->site;
}

size_t sitelist_owners(const struct sitelist *l)
{
    return l->n_owners;
}

const struct sitelist_owner *sitelist_owner_at(const struct sitelist *l, size_t i)
{
    return &l->owner[i]->owner;
}

const struct sitelist_site *sitelist_find(const struct sitelist *l, const char *name)
{
    struct site_entry *e;
    HASH_FIND(hh, l->sites_by_name, name, strlen(name), e);
    return e ? &e->site : NULL;
}

const struct sitelist_owner *sitelist_find_owner(const struct sitelist *l, const char *name)
{
    struct owner_entry *e;
    HASH_FIND(hh, l->owners_by_name, name, strlen(name), e);
    return e ? &e->owner : NULL;
}

/* ── Reading ───────────────────────────────────────────────────────────── */

static bool ends_with(const char *s, const char *end)
{
    size_t ls = strlen(s), le = strlen(end);
    return ls >= le && strcmp(s + ls - le, end) == 0;
}

/* Where the first line begins that is neither empty nor a comment. */
static const char *first_word(const char *p, const char *end)
{
    while (p < end) {
        while (p < end && strchr(" \t\r\n", *p) && *p)
            p++;
        if (p == end || *p != '#')
            break;
        while (p < end && *p != '\n')
            p++;
    }
    return p;
}

static bool says_nothing(const char *bytes, size_t len)
{
    return first_word(bytes, bytes + len) == bytes + len;
}

bool sitelist_is_plain(const char *name, const void *bytes, size_t len)
{
    if (ends_with(name, ".yaml") || ends_with(name, ".yml"))
        return false;
    const char *end = (const char *)bytes + len, *p = first_word(bytes, end);
    const char *stop = p;
    while (stop < end && *stop != '\n' && *stop != '#')
        stop++;
    while (stop > p && strchr(" \t\r", stop[-1]) && stop[-1])
        stop--;
    if (p == stop || strchr("-{[%&!|>", *p))
        return false;
    /* "sites:" and "defaults: {...}" are YAML; "http://a" has no space behind its colon. */
    const char *colon = memchr(p, ':', (size_t)(stop - p));
    return !(colon && (colon + 1 == stop || colon[1] == ' ' || colon[1] == '\t'));
}

/* One line of a plain list: a URL, perhaps with space and a comment around it. */
static void read_plain_line(struct sitelist *l, struct mistakes *m, unsigned line, const char *at, size_t len)
{
    struct err err = { 0 };
    char url[SITE_MAX_URL * 2];

    const char *hash = memchr(at, '#', len);
    /* A '#' that follows something other than space is a fragment of the URL. */
    while (hash && hash > at && !strchr(" \t", hash[-1]))
        hash = memchr(hash + 1, '#', len - (size_t)(hash + 1 - at));
    if (hash)
        len = (size_t)(hash - at);
    while (len && strchr(" \t\r", at[len - 1]) && at[len - 1])
        len--;
    while (len && (*at == ' ' || *at == '\t'))
        at++, len--;
    if (len == 0)
        return;

    int r;
    if (len >= sizeof url || memchr(at, '\0', len))
        r = err_set(&err, -EINVAL, len >= sizeof url ? "it is too long" : "it has a NUL byte");
    else {
        memcpy(url, at, len);
        url[len] = '\0';
        r = sitelist_add_url(l, url, line, &err);
    }
    if (r < 0)
        mistakes_add(m, line, "url", r, &err);
}

static void read_plain(struct sitelist *l, struct mistakes *m, const char *bytes, size_t len)
{
    unsigned line = 1;
    for (const char *at = bytes, *end = bytes + len; at < end && mistakes_room(m); line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        read_plain_line(l, m, line, at, (size_t)(stop - at));
        at = stop + (stop < end);
    }
}

int sitelist_load_bytes(struct sitelist **ret, const char *name, const void *bytes, size_t len,
                        enum sitelist_twice twice_is, struct text *mistakes, struct err *err)
{
    scoped(sitelist) struct sitelist *l = NULL;
    scoped(yaml) struct yaml *y = NULL;
    struct mistakes m = { .path = name, .text = mistakes, .note_twice = twice_is == SITELIST_NOTE_TWICE };

    int r = sitelist_new(&l);
    if (r < 0)
        return no_memory(err);
    if (len >= sizeof BYTE_ORDER_MARK - 1 &&
        memcmp(bytes, BYTE_ORDER_MARK, sizeof BYTE_ORDER_MARK - 1) == 0) {
        bytes = (const char *)bytes + sizeof BYTE_ORDER_MARK - 1;
        len -= sizeof BYTE_ORDER_MARK - 1;
    }
    if (says_nothing(bytes, len))
        return err_set(err, -EINVAL, "%s has no URL in it", name);
    if (sitelist_is_plain(name, bytes, len))
        read_plain(l, &m, bytes, len);
    else {
        r = yaml_load_bytes(&y, name, bytes, len, err);
        if (r < 0)
            return r;
        siteread_yaml(l, y, &m);
    }
    if (m.fatal)
        return err_set(err, m.fatal, "%s", m.fatal == -ENOMEM ? "out of memory" : "the list is too long");
    if (m.count > 0)
        return err_set(err, -EINVAL, "%s: %u mistake%s%s: nothing of it is used", name, m.count,
                       m.count == 1 ? "" : "s", mistakes_room(&m) ? "" : " and perhaps more");
    *ret = moved(l);
    return 0;
}

/* All of a file that may be a pipe. */
static int read_all(int fd, struct text *ret)
{
    char buf[65536];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text_add_bytes(ret, buf, (size_t)n);
        if (ret->failed)
            return ret->failed;
    }
    return 0;
}

int sitelist_load(struct sitelist **ret, const char *path, enum sitelist_twice twice_is,
                  struct text *mistakes, struct err *err)
{
    scoped(text) struct text bytes = TEXT_UP_TO(YAML_MAX_BYTES);
    bool from_stdin = strcmp(path, "-") == 0;
    const char *name = from_stdin ? "standard input" : path;

    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, -errno, "%s cannot be opened: %s", path, strerror(errno));
    int r = read_all(fd, &bytes);
    if (!from_stdin)
        close(fd);
    if (r == -EMSGSIZE)
        return err_set(err, r, "%s has more than %u MiB", name, YAML_MAX_BYTES >> 20);
    if (r < 0)
        return err_set(err, r, "%s cannot be read: %s", name, strerror(-r));
    return sitelist_load_bytes(ret, name, text_str(&bytes), bytes.len, twice_is, mistakes, err);
}
