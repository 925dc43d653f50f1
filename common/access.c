#include "common/access.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTROL = 1, RESULTS = 2, FEEDBACK = 4, FEED = 8, OWN_JOBS = 16, ALL_JOBS = 32 };

static const struct {
    const char *name;
    unsigned doors;
} roles[] = {
    [ACCESS_WORKER] = {"worker",          CONTROL | RESULTS | OWN_JOBS                  },
    [ACCESS_READ] = { "operator-read",  FEED                                          },
    [ACCESS_WRITE] = { "operator-write", FEED                                          },
    [ACCESS_PEER] = { "peer",           RESULTS | FEEDBACK | FEED                     },
    [ACCESS_SELF] = { "self",           CONTROL | RESULTS | FEEDBACK | FEED | ALL_JOBS},
};
#define ROLES (sizeof roles / sizeof *roles)

static bool is_role(enum access_role role)
{
    return (size_t)role < ROLES && roles[role].name;
}

const char *access_role_name(enum access_role role)
{
    return is_role(role) ? roles[role].name : "?";
}

enum access_role access_role_find(const char *name)
{
    for (enum access_role r = ACCESS_WORKER; r < ACCESS_ROLE_END; r++)
        if (strcmp(roles[r].name, name) == 0)
            return r;
    return (enum access_role)0;
}

static unsigned door_of(const char *door, const char *location)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {
        {"control",   CONTROL },
        { "results",  RESULTS },
        { "feedback", FEEDBACK},
        { "feed",     FEED    },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, door) == 0)
            return rows[i].bit;
    if (strncmp(door, "jobs/", 5) != 0)
        return 0;
    return strcmp(door + 5, location) == 0 ? OWN_JOBS | ALL_JOBS : ALL_JOBS;
}

bool access_may(enum access_role role, const char *location, const char *door)
{
    return is_role(role) && (roles[role].doors & door_of(door, location));
}

/* ── The list ──────────────────────────────────────────────────────────── */

/* In order of the public keys, so that it is found by halving. */
struct access_list {
    struct access_entry {
        struct access_key key;
        const char *why; /* it is refused; NULL: it is let in */
    } * at;
    size_t n, room, refused;
    wall_us end;
};

int access_list_new(struct access_list **ret)
{
    struct access_list *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->end = WALL_NEVER;
    *ret = l;
    return 0;
}

void access_list_free(struct access_list *l)
{
    if (!l)
        return;
    free(l->at);
    free(l);
}

/* The first place whose key is not before this one. */
static size_t place_of(const struct access_list *l, const char *public)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(l->at[mid].key.public, public) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int make_room(struct access_list *l)
{
    if (l->n < l->room)
        return 0;
    size_t room = l->room ? l->room * 2 : 16;
    struct access_entry *at = realloc(l->at, room * sizeof *at);
    if (!at)
        return -ENOMEM;
    l->at = at;
    l->room = room;
    return 0;
}

static const char *why_not(const struct access_key *k, wall_us now)
{
    if (k->revoked_us)
        return "this key was revoked";
    return k->expires_us && now >= k->expires_us ? "this key has expired" : NULL;
}

int access_list_add(struct access_list *l, const struct access_key *k, wall_us now)
{
    const char *why = why_not(k, now);
    if (why && l->refused == ACCESS_MAX_REFUSED)
        return 0;
    int r = !why && l->n - l->refused == ACCESS_MAX_KEYS ? -ENOSPC : make_room(l);
    if (r < 0)
        return r;
    size_t i = place_of(l, k->public);
    memmove(&l->at[i + 1], &l->at[i], (l->n - i) * sizeof *l->at);
    l->at[i] = (struct access_entry){ .key = *k, .why = why };
    l->n++;
    l->refused += why != NULL;
    if (!why && k->expires_us && k->expires_us < l->end)
        l->end = k->expires_us;
    return 0;
}

size_t access_list_count(const struct access_list *l)
{
    return l ? l->n - l->refused : 0;
}

wall_us access_list_end(const struct access_list *l)
{
    return l ? l->end : WALL_NEVER;
}

static const struct access_entry *find(const struct access_list *l, const char *public)
{
    size_t i = l ? place_of(l, public) : 0;
    return l && i < l->n && strcmp(l->at[i].key.public, public) == 0 ? &l->at[i] : NULL;
}

const struct access_key *access_list_find(const struct access_list *l, const char *public)
{
    const struct access_entry *e = find(l, public);
    return e && !e->why ? &e->key : NULL;
}

const char *access_list_why(const struct access_list *l, const char *public)
{
    const struct access_entry *e = find(l, public);
    return e ? e->why : NULL;
}

bool access_list_has(const struct access_list *l, uint64_t id)
{
    for (size_t i = 0; l && i < l->n; i++)
        if (l->at[i].key.id == id)
            return !l->at[i].why;
    return false;
}

size_t access_list_lost(const struct access_list *l, const struct access_list *before)
{
    size_t lost = 0;
    for (size_t i = 0; before && i < before->n; i++)
        lost += !before->at[i].why && !access_list_find(l, before->at[i].key.public);
    return lost;
}

int access_list_copy(struct access_list **ret, const struct access_list *l)
{
    scoped(access_list) struct access_list *copy = NULL;
    int r = access_list_new(&copy);
    if (r == 0 && l->n > 0) {
        copy->at = malloc(l->n * sizeof *copy->at);
        if (!copy->at)
            return -ENOMEM;
        memcpy(copy->at, l->at, l->n * sizeof *copy->at);
        copy->n = copy->room = l->n;
        copy->refused = l->refused;
        copy->end = l->end;
    }
    if (r == 0)
        *ret = moved(copy);
    return r;
}

/* ── Who sent a message ────────────────────────────────────────────────── */

void access_user_write(const struct access_user *u, char buf[ACCESS_USER_SIZE])
{
    snprintf(buf, ACCESS_USER_SIZE, "%s/%" PRIu64 "/%s", access_role_name(u->role), u->id, u->location);
}

static enum access_role role_of(const char *name, size_t len)
{
    for (size_t r = 0; r < ROLES; r++)
        if (roles[r].name && strlen(roles[r].name) == len && strncmp(roles[r].name, name, len) == 0)
            return (enum access_role)r;
    return (enum access_role)0;
}

void access_user_read(const char *text, struct access_user *ret)
{
    *ret = (struct access_user){ .id = 0 };
    const char *id = text ? strchr(text, '/') : NULL;
    const char *location = id ? strchr(id + 1, '/') : NULL;
    if (!location || strlen(location + 1) >= sizeof ret->location)
        return;
    ret->role = role_of(text, (size_t)(id - text));
    ret->id = strtoull(id + 1, NULL, 10);
    strcpy(ret->location, location + 1);
}
