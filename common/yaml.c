#include "common/yaml.h"

#include "common/array.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#ifndef HASH_FUNCTION /* the usual one has a switch that falls through, which clang tells */
#define HASH_FUNCTION HASH_OAT
#endif
#include <uthash.h>

/* How a tree is built
 *
 * libyaml hands out events (a text, a list begins, it ends, ...). Nodes that are
 * finished wait in one pile; a list or map that begins remembers how high the
 * pile was, and when it ends takes what lies above as its members. So nothing
 * recurses, depth is one number, and a node is placed in an anchor's table only
 * once it is finished: what refers to itself is refused without being looked for.
 *
 * Nodes, texts and lists of members are cut from large chunks that are released
 * together: a list of 100,000 sites is some two million small pieces.
 */

struct yaml_node {
    enum yaml_kind kind;
    unsigned line;
    size_t count; /* members; of a map, pairs */
    union {
        const char *text;
        struct yaml_node **member; /* of a map: key, value, key, value ... */
    };
};

enum { CHUNK_BYTES = 256 * 1024, ALIGNMENT = sizeof(void *) };

struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(ALIGNMENT) char bytes[];
};

struct yaml {
    struct chunk *chunks;
    const struct yaml_node *root;
    char *name;
};

static void *take(struct yaml *y, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct chunk *c = y->chunks;
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        c = malloc(sizeof *c + room);
        if (!c)
            return NULL;
        *c = (struct chunk){ .next = y->chunks, .size = room };
        y->chunks = c;
    }
    void *at = c->bytes + c->used;
    c->used += size;
    return at;
}

void yaml_tree_free(struct yaml *y)
{
    if (!y)
        return;
    while (y->chunks) {
        struct chunk *next = y->chunks->next;
        free(y->chunks);
        y->chunks = next;
    }
    free(y->name);
    free(y);
}

/* ── Building ──────────────────────────────────────────────────────────── */

struct anchor {
    char *name;
    struct yaml_node *node;
    UT_hash_handle hh;
};

struct build {
    struct yaml *y;
    struct yaml_node **pile;
    size_t height, room, nodes;
    struct {
        struct yaml_node *node; /* kind and line are known, members not yet */
        size_t height;          /* of the pile when it began */
        char *anchor;
    } open[YAML_MAX_DEPTH];
    unsigned depth;
    struct anchor *anchors;
    bool ended; /* the document is complete */
    int failed; /* what the first failure was */
    struct err *err;
};

static void build_done(struct build *b)
{
    struct anchor *a, *next;
    HASH_ITER (hh, b->anchors, a, next) {
        HASH_DEL(b->anchors, a);
        free(a->name);
        free(a);
    }
    while (b->depth > 0)
        free(b->open[--b->depth].anchor);
    free(b->pile);
}

static int no_memory(struct build *b)
{
    return b->failed = err_set(b->err, -ENOMEM, "there is no memory to read %s", b->y->name);
}

static int wrong(struct build *b, unsigned line, const char *what)
{
    return b->failed = err_set(b->err, -EINVAL, "%s:%u: %s", b->y->name, line, what);
}

static int put_on_pile(struct build *b, struct yaml_node *n)
{
    if (array_room(b->pile, b->height, b->room) < 0)
        return no_memory(b);
    b->pile[b->height++] = n;
    return 0;
}

/* NULL: b->failed says why. */
static struct yaml_node *new_node(struct build *b, enum yaml_kind kind, unsigned line)
{
    if (++b->nodes > YAML_MAX_NODES) {
        wrong(b, line, "the file has too many values");
        return NULL;
    }
    struct yaml_node *n = take(b->y, sizeof *n);
    if (!n)
        no_memory(b);
    else
        *n = (struct yaml_node){ .kind = kind, .line = line };
    return n;
}

/* Takes the name. A later anchor of one name replaces the earlier one (YAML 1.2, 7.1). */
static int set_anchor(struct build *b, char *name, struct yaml_node *n)
{
    if (!name)
        return 0;
    struct anchor *a;
    HASH_FIND_STR(b->anchors, name, a);
    if (a) {
        a->node = n;
        free(name);
        return 0;
    }
    a = malloc(sizeof *a);
    if (!a) {
        free(name);
        return no_memory(b);
    }
    *a = (struct anchor){ .name = name, .node = n };
    HASH_ADD_KEYPTR(hh, b->anchors, a->name, strlen(a->name), a);
    return 0;
}

static int copy_anchor(struct build *b, const unsigned char *name, char **ret)
{
    *ret = name ? strdup((const char *)name) : NULL;
    return name && !*ret ? no_memory(b) : 0;
}

static int on_text(struct build *b, const yaml_event_t *e, unsigned line)
{
    const unsigned char *value = e->data.scalar.value;
    size_t len = e->data.scalar.length;
    if (memchr(value, '\0', len))
        return wrong(b, line, "a text has a zero byte");

    struct yaml_node *n = new_node(b, YAML_SCALAR, line);
    if (!n)
        return b->failed;
    char *text = take(b->y, len + 1);
    if (!text)
        return no_memory(b);
    memcpy(text, value, len);
    text[len] = '\0';
    n->text = text;

    char *anchor;
    int r = copy_anchor(b, e->data.scalar.anchor, &anchor);
    if (r == 0)
        r = set_anchor(b, anchor, n);
    return r < 0 ? r : put_on_pile(b, n);
}

static int on_alias(struct build *b, const char *name, unsigned line)
{
    struct anchor *a;
    HASH_FIND_STR(b->anchors, name, a);
    if (!a) {
        err_set(b->err, -EINVAL, "%s:%u: *%.60s stands for nothing that was finished before it", b->y->name,
                line, name);
        return b->failed = -EINVAL;
    }
    return put_on_pile(b, a->node);
}

static int on_begin(struct build *b, enum yaml_kind kind, const unsigned char *anchor, unsigned line)
{
    if (b->depth == YAML_MAX_DEPTH)
        return wrong(b, line, "lists and maps are nested too deeply");
    struct yaml_node *n = new_node(b, kind, line);
    if (!n)
        return b->failed;
    b->open[b->depth].node = n;
    b->open[b->depth].height = b->height;
    int r = copy_anchor(b, anchor, &b->open[b->depth].anchor);
    b->depth += r == 0;
    return r;
}

/* ── No key twice ──────────────────────────────────────────────────────── */

static int compare_keys(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int check_keys(struct build *b, const struct yaml_node *map)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->member[2 * i]->kind != YAML_SCALAR)
            return wrong(b, map->member[2 * i]->line,
                         "a list or map stands where the name of a field must be");

    const struct yaml_node *few[32];
    const struct yaml_node **keys =
        map->count <= sizeof few / sizeof *few ? few : malloc(map->count * sizeof *keys);
    if (!keys)
        return no_memory(b);
    for (size_t i = 0; i < map->count; i++)
        keys[i] = map->member[2 * i];
    qsort(keys, map->count, sizeof *keys, compare_keys);

    int r = 0;
    for (size_t i = 1; r == 0 && i < map->count; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            r = b->failed = err_set(b->err, -EINVAL, "%s:%u: '%.60s' is given twice, first in line %u",
                                    b->y->name, keys[i]->line, keys[i]->text, keys[i - 1]->line);
    if (keys != few)
        free(keys);
    return r;
}

static int on_end(struct build *b)
{
    b->depth--;
    struct yaml_node *n = b->open[b->depth].node;
    char *anchor = b->open[b->depth].anchor;
    size_t height = b->open[b->depth].height, members = b->height - height;

    n->member = take(b->y, members * sizeof *n->member + 1);
    if (!n->member) {
        free(anchor);
        return no_memory(b);
    }
    if (members)
        memcpy(n->member, b->pile + height, members * sizeof *n->member);
    n->count = n->kind == YAML_MAP ? members / 2 : members;
    b->height = height;

    int r = set_anchor(b, anchor, n);
    if (r == 0 && n->kind == YAML_MAP)
        r = check_keys(b, n);
    return r < 0 ? r : put_on_pile(b, n);
}

/* ── Reading ───────────────────────────────────────────────────────────── */

static int on_event(struct build *b, const yaml_event_t *e)
{
    unsigned line = (unsigned)e->start_mark.line + 1;
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->ended ? wrong(b, line, "a second document begins: one file is one document") : 0;
    case YAML_DOCUMENT_END_EVENT: b->ended = true; return 0;
    case YAML_SCALAR_EVENT: return on_text(b, e, line);
    case YAML_ALIAS_EVENT: return on_alias(b, (const char *)e->data.alias.anchor, line);
    case YAML_SEQUENCE_START_EVENT: return on_begin(b, YAML_LIST, e->data.sequence_start.anchor, line);
    case YAML_MAPPING_START_EVENT: return on_begin(b, YAML_MAP, e->data.mapping_start.anchor, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return on_end(b);
    default: return 0;
    }
}

/* The reader works ahead of the parser and has no mark of its own, but counts bytes. */
static size_t line_of(const yaml_parser_t *p, const char *bytes, size_t len)
{
    size_t line = 0;
    if (p->error != YAML_READER_ERROR)
        return p->problem_mark.line;
    for (size_t i = 0; i < len && i < p->problem_offset; i++)
        line += bytes[i] == '\n';
    return line;
}

/* Whether that line is indented with a tab: what the parser says of it ("cannot
 * start any token") helps nobody. */
static bool tab_indents(const char *bytes, size_t len, size_t line)
{
    size_t i = 0;
    for (; line > 0 && i < len; i++)
        line -= bytes[i] == '\n';
    while (i < len && bytes[i] == ' ')
        i++;
    return i < len && bytes[i] == '\t';
}

static int parser_failed(struct build *b, const yaml_parser_t *p, const char *bytes, size_t len)
{
    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(b);
    size_t line = line_of(p, bytes, len);
    const char *problem = p->problem ? p->problem : "not YAML", *context = p->context;
    char value[24] = "";
    if (p->error == YAML_SCANNER_ERROR && tab_indents(bytes, len, line)) {
        problem = "a tab stands where the line begins: YAML is indented with spaces";
        context = NULL;
    }
    if (p->error == YAML_READER_ERROR && p->problem_value >= 0)
        snprintf(value, sizeof value, " (0x%02x)", (unsigned)p->problem_value);
    err_set(b->err, -EINVAL, "%s:%zu: %s%s%s%s", b->y->name, line + 1, problem, value, context ? ", " : "",
            context ? context : "");
    return b->failed = -EINVAL;
}

static int read_events(struct build *b, const char *bytes, size_t len)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return no_memory(b);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);

    int r = 0;
    for (bool more = true; more && r == 0;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            r = parser_failed(b, &parser, bytes, len);
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        r = on_event(b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return r;
}

int yaml_load_bytes(struct yaml **ret, const char *name, const void *bytes, size_t len, struct err *err)
{
    if (len > YAML_MAX_BYTES)
        return err_set(err, -EFBIG, "%s has more than %u MiB", name, YAML_MAX_BYTES >> 20);
    scoped(yaml) struct yaml *y = calloc(1, sizeof *y);
    if (!y || !(y->name = strdup(name)))
        return err_set(err, -ENOMEM, "there is no memory to read %s", name);

    struct build b = { .y = y, .err = err };
    int r = read_events(&b, bytes, len);
    /* A file of comments, or with "---" alone, says nothing. */
    if (r == 0 && b.height == 1 && !(b.pile[0]->kind == YAML_SCALAR && b.pile[0]->text[0] == '\0'))
        y->root = b.pile[0];
    build_done(&b);
    if (r == 0)
        *ret = moved(y);
    return r;
}

static int read_all(int fd, struct text *to)
{
    char block[64 * 1024];
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)YAML_MAX_BYTES)
        return -EFBIG;
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        text_add_bytes(to, block, (size_t)n);
        if (to->failed)
            return to->failed == -EMSGSIZE ? -EFBIG : to->failed;
    }
}

int yaml_load(struct yaml **ret, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
    scoped(text) struct text all = TEXT_UP_TO(YAML_MAX_BYTES);
    int r = read_all(fd, &all);
    close(fd);
    if (r == -EFBIG)
        return err_set(err, r, "%s has more than %u MiB", path, YAML_MAX_BYTES >> 20);
    if (r < 0)
        return err_set(err, r, "cannot read %s: %s", path, strerror(-r));
    return yaml_load_bytes(ret, path, text_str(&all), all.len, err);
}

/* ── Asking ────────────────────────────────────────────────────────────── */

const struct yaml_node *yaml_root(const struct yaml *y)
{
    return y->root;
}

enum yaml_kind yaml_kind(const struct yaml_node *n)
{
    return n->kind;
}

const char *yaml_text(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR ? n->text : "";
}

unsigned yaml_line(const struct yaml_node *n)
{
    return n->line;
}

size_t yaml_count(const struct yaml_node *n)
{
    return n->count;
}

const struct yaml_node *yaml_item(const struct yaml_node *list, size_t i)
{
    return list->kind == YAML_LIST && i < list->count ? list->member[i] : NULL;
}

const struct yaml_node *yaml_key(const struct yaml_node *map, size_t i)
{
    return map->kind == YAML_MAP && i < map->count ? map->member[2 * i] : NULL;
}

const struct yaml_node *yaml_value(const struct yaml_node *map, size_t i)
{
    return map->kind == YAML_MAP && i < map->count ? map->member[2 * i + 1] : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; map->kind == YAML_MAP && i < map->count; i++)
        if (strcmp(map->member[2 * i]->text, key) == 0)
            return map->member[2 * i + 1];
    return NULL;
}

int yaml_where(const struct yaml *y, const struct yaml_node *n, const char *field, int code, struct err *err)
{
    if (field)
        err_where(err, code, "%s", field);
    if (n)
        return err_where(err, code, "%s:%u", y->name, n->line);
    return err_where(err, code, "%s", y->name);
}
