#include "cli/misspelt.h"

#include "common/nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_OPTIONS 64

struct known {
    const char *name[MAX_OPTIONS];
    bool takes[MAX_OPTIONS]; /* a value, perhaps in the next argument */
    size_t n;
};

static void add(struct known *k, const char *name, bool takes)
{
    if (k->n == MAX_OPTIONS)
        return;
    k->name[k->n] = name;
    k->takes[k->n++] = takes;
}

static void learn(struct known *k, const struct argp_option *o)
{
    for (; o && (o->name || o->key || o->doc); o++)
        if (o->name)
            add(k, o->name, o->arg && !(o->flags & OPTION_ARG_OPTIONAL));
}

/* An option may be abbreviated. Its place; k->n when nothing begins so. */
static size_t find(const struct known *k, const char *word, size_t len)
{
    size_t i = 0;
    while (i < k->n && strncmp(k->name[i], word, len) != 0)
        i++;
    return i;
}

/* Is the value of this cluster of letters ("-f") the next argument? */
static bool short_takes_next(const char *arg, const struct argp_option *const *tables, size_t n_tables)
{
    char last = arg[strlen(arg) - 1];
    for (size_t t = 0; t < n_tables; t++)
        for (const struct argp_option *o = tables[t]; o && (o->name || o->key || o->doc); o++)
            if (o->key == last && o->arg)
                return arg[2] == '\0';
    return false;
}

const char *misspelt_option(int argc, char **argv, const struct argp_option *const *tables, size_t n_tables,
                            char *wrong, size_t size)
{
    struct known k = { .n = 0 };
    for (size_t t = 0; t < n_tables; t++)
        learn(&k, tables[t]);
    add(&k, "help", false);
    add(&k, "usage", false);
    add(&k, "version", false);

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *arg = argv[i];
        if (arg[0] == '-' && arg[1] && arg[1] != '-')
            i += short_takes_next(arg, tables, n_tables);
        if (strncmp(arg, "--", 2) != 0)
            continue;
        size_t len = strcspn(arg + 2, "=");
        size_t at = find(&k, arg + 2, len);
        if (at < k.n) {
            i += k.takes[at] && arg[2 + len] == '\0';
            continue;
        }
        snprintf(wrong, size, "%.*s", (int)len, arg + 2);
        return nearest_word(wrong, k.name, k.n);
    }
    return NULL;
}
