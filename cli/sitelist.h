/* sitelist.h - a list of sites and owners as somebody wrote it.
 *
 * Two ways of writing: YAML (see sites.yaml(5)), and plain, one URL a line with
 * comments behind '#'. A file whose name ends in .yaml or .yml is YAML; any
 * other is plain when its first line that says something is a URL. A file of which
 * no line says anything is a mistake. A byte order mark in front is skipped.
 *
 * Reading is all or nothing. Every mistake is one line, "sites.yaml:12: every:
 * '5' is not a duration like ...", and all of a file's mistakes are told, up to
 * MISTAKES_MAX.
 *
 * What a site does not say itself comes from `defaults:`, and what those do not
 * say from site.h. A timeout that the site does not give is never longer than
 * its interval; one that it gives must not be.
 *
 * Whose a site is: its own `owner`, else the defaults', else the only owner of
 * the file, else the one called "default". That one is made when the file does
 * not define it, and is told on the console.
 */
#ifndef CLI_SITELIST_H
#define CLI_SITELIST_H

#include "common/err.h"
#include "common/owner.h"
#include "common/scope.h"
#include "common/site.h"
#include "common/text.h"

#include <stdbool.h>
#include <stddef.h>

#define SITELIST_MAX_SITES     2000000
#define SITELIST_MAX_OWNERS    100000
#define SITELIST_MAX_MISTAKES  20
#define SITELIST_DEFAULT_OWNER "default"

struct sitelist;

struct sitelist_site {
    struct site site;  /* id and owner_id are 0: the store gives them */
    const char *owner; /* name of one of the list's owners */
    unsigned line;
    unsigned locations_line; /* where its locations are said; 0: nowhere */
};

struct sitelist_owner {
    struct owner owner;
    unsigned line;
    bool implied; /* nobody wrote it: the default owner that somebody's site needed */
};

enum sitelist_twice {
    SITELIST_REFUSE_TWICE, /* a site that is there already is a mistake */
    SITELIST_NOTE_TWICE,   /* it is left out and noted: for a one-shot check */
};

/* An empty list, for sites that come one by one. */
int sitelist_new(struct sitelist **ret);

/* From a file ("-": standard input) or from memory, where `name` stands for the
 * path. -EINVAL when there are mistakes: they are in `mistakes`, one line each,
 * and err says how many. Notes go there as well, with 0 returned. -ENOENT and
 * the like with a sentence when the file cannot be read. */
int sitelist_load(struct sitelist **ret, const char *path, enum sitelist_twice twice, struct text *mistakes,
                  struct err *err);
int sitelist_load_bytes(struct sitelist **ret, const char *name, const void *bytes, size_t len,
                        enum sitelist_twice twice, struct text *mistakes, struct err *err);
void sitelist_free(struct sitelist *l); /* NULL is fine */
DEFINE_SCOPED(sitelist, struct sitelist *, sitelist_free)

/* One more; strings are copied, and a site's url is one that url_normalise made.
 * The owner's name is not looked up here. -EEXIST, naming the line of the other,
 * when there is one of that name; -ENOSPC at the ceiling; -ENOMEM. */
int sitelist_add(struct sitelist *l, const struct sitelist_site *s, struct err *err);
int sitelist_add_owner(struct sitelist *l, const struct sitelist_owner *o, struct err *err);
/* The default owner, made when there is none. */
int sitelist_need_default_owner(struct sitelist *l, struct err *err);

/* A site with the usual settings, by its URL as written; -EINVAL and the reason. */
int sitelist_add_url(struct sitelist *l, const char *url, unsigned line, struct err *err);
/* The sites of another list as well; those that are there already are left out. */
int sitelist_add_all(struct sitelist *l, const struct sitelist *from);

/* In the order in which they were written. Borrowed from the list. */
size_t sitelist_count(const struct sitelist *l);
const struct sitelist_site *sitelist_at(const struct sitelist *l, size_t i);
size_t sitelist_owners(const struct sitelist *l);
const struct sitelist_owner *sitelist_owner_at(const struct sitelist *l, size_t i);
const struct sitelist_owner *sitelist_find_owner(const struct sitelist *l, const char *name); /* or NULL */
const struct sitelist_site *sitelist_find(const struct sitelist *l, const char *name);        /* or NULL */

/* Whether bytes are a plain list, as told above. */
bool sitelist_is_plain(const char *name, const void *bytes, size_t len);

#endif
