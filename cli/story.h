/* story.h - what a store knows of one site: how it is, what was seen last, its open or
 * last incident with the looks that it rests on and the notices about it.
 *
 * Read by `vedette explain`, which tells it.
 */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "cli/directory.h"
#include "cli/noticelist.h"
#include "cli/viewlist.h"

struct story_looks {
    struct result *at;
    size_t n, room;
};

struct story {
    wall_us now, vitals_us; /* when the coordinator last said something; 0: never */
    struct site *site;
    struct directory *directory;
    struct site_state state;
    char worker[WORKER_NAME_SIZE]; /* the state's */
    bool has_state, has_incident;
    struct incident incident;           /* the open one, or the last */
    struct story_looks evidence, looks; /* looks: newest first */
    struct noticelist *notices;         /* about that incident */
    struct viewlist *viewlist;
    const struct site_view *views; /* of that list */
    size_t n_views;
};

/* The site of that name, URL (in any spelling) or id, with its last `looks` looks.
 * -ENOENT: there is none; otherwise what the store says. */
int story_read(struct story **ret, struct store *s, const char *what, size_t looks, wall_us now,
               struct err *err);
void story_free(struct story *y); /* NULL is fine */
DEFINE_SCOPED(story, struct story *, story_free)

#endif
