#include "common/config.h"

#include "common/settings.h"
#include "common/text.h"
#include "common/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void config_init(struct config *c)
{
    *c = (struct config){ 0 };
    for (size_t i = 0; i < n_settings; i++)
        setting_parse(&settings[i], c, settings[i].fallback, NULL); /* a test proves that they fit */
}

/* ── One setting by its name ───────────────────────────────────────────── */

/* A secret is the file's first line. What everybody on the host may read is
 * none, and somebody should hear of it before it has been one for a year. */
static int read_secret(const char *path, char *buf, size_t size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));

    struct stat st;
    int r = 0;
    ssize_t len = 0;
    if (fstat(fd, &st) < 0)
        r = err_set(err, -errno, "cannot look at %s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        r = err_set(err, -EINVAL, "%s is not a file", path);
    else if (st.st_mode & 066)
        r = err_set(err, -EACCES, "%s is open to others than its owner: chmod 600 %s", path, path);
    else if ((len = read(fd, buf, size - 1)) < 0)
        r = err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
    close(fd);
    if (r < 0)
        return r;

    buf[len] = '\0';
    size_t line = strcspn(buf, "\r\n");
    if (line == size - 1)
        return err_set(err, -EINVAL, "the first line of %s is longer than any secret", path);
    if (line == 0)
        return err_set(err, -EINVAL, "the first line of %s is empty", path);
    buf[line] = '\0';
    return 0;
}

/* The setting that a name means; for "<secret>_file" the secret, and *ret_file is true. */
static const struct setting *find(const char *name, bool *ret_file)
{
    char secret[SETTING_NAME_MAX + 1];
    size_t len = strlen(name), suffix = strlen("_file");
    const struct setting *s = setting_find(name);
    *ret_file = false;
    if (s || len <= suffix || len - suffix >= sizeof secret || strcmp(name + len - suffix, "_file") != 0)
        return s;

    memcpy(secret, name, len - suffix);
    secret[len - suffix] = '\0';
    s = setting_find(secret);
    *ret_file = true;
    return s && s->kind == SETTING_SECRET ? s : NULL;
}

static int unknown(const char *name, struct err *err)
{
    char near[SETTING_NAME_MAX + 1];
    if (setting_near(name, near))
        return err_set(err, -EINVAL, "there is no setting '%.80s': did you mean '%s'?", name, near);
    return err_set(err, -EINVAL, "there is no setting '%.80s'", name);
}

/* `given` marks what this layer (file, environment) has set already; NULL: do not ask. */
static int set(struct config *c, const char *name, const char *value, bool *given, struct err *err)
{
    bool from_file;
    const struct setting *s = find(name, &from_file);
    if (!s)
        return unknown(name, err);
    if (given && given[s - settings])
        return err_where(err, err_set(err, -EINVAL, "it is given twice"), "%s", s->name);
    if (given)
        given[s - settings] = true;

    char secret[sizeof c->worker.join]; /* the longest of them */
    int r = from_file ? read_secret(value, secret, sizeof secret, err) : 0;
    if (r == 0)
        r = setting_parse(s, c, from_file ? secret : value, err);
    return r < 0 ? err_where(err, r, "%s", name) : 0;
}

int config_set(struct config *c, const char *assignment, struct err *err)
{
    char name[2 * SETTING_NAME_MAX];
    size_t len = strcspn(assignment, "=");
    if (assignment[len] != '=' || len == 0)
        return err_set(err, -EINVAL, "'%.80s' is not like worker.slots=100", assignment);
    if (len >= sizeof name)
        return err_set(err, -EINVAL, "there is no setting '%.80s...'", assignment);
    memcpy(name, assignment, len);
    name[len] = '\0';
    return set(c, name, assignment + len + 1, NULL, err);
}

/* ── The file ──────────────────────────────────────────────────────────── */

struct layer {
    struct config *c;
    const struct yaml *y;
    bool given[SETTINGS_MAX];
};

/* The texts of a list with commas between them. */
static int join(const struct yaml_node *list, struct text *to, struct err *err)
{
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *item = yaml_item(list, i);
        if (yaml_kind(item) != YAML_SCALAR || strchr(yaml_text(item), ','))
            return err_set(err, -EINVAL, "its list may hold single words only");
        text_addf(to, "%s%s", i ? ", " : "", yaml_text(item));
    }
    return to->failed ? err_set(err, to->failed, "the list is too long") : 0;
}

static int set_from_node(struct layer *l, const char *name, const struct yaml_node *value, struct err *err)
{
    bool from_file;
    const struct setting *s = find(name, &from_file);
    scoped(text) struct text joined = TEXT_UP_TO(4096);
    const char *text = yaml_text(value);

    if (s && yaml_kind(value) == YAML_LIST && s->kind == SETTING_LIST) {
        int r = join(value, &joined, err);
        if (r < 0)
            return err_where(err, r, "%s", name);
        text = text_str(&joined);
    } else if (s && yaml_kind(value) != YAML_SCALAR) {
        return err_set(err, -EINVAL, "%s: a single value is expected here, not a %s", name,
                       yaml_kind(value) == YAML_MAP ? "section" : "list");
    }
    return set(l->c, name, text, l->given, err);
}

static int read_section(struct layer *l, const char *section, const struct yaml_node *map, struct err *err);

static int read_entry(struct layer *l, const char *name, const struct yaml_node *key,
                      const struct yaml_node *value, struct err *err)
{
    int r;
    if (!setting_is_section(name))
        r = set_from_node(l, name, value, err);
    else if (yaml_kind(value) == YAML_MAP)
        return read_section(l, name, value, err);
    else if (yaml_kind(value) == YAML_SCALAR && *yaml_text(value) == '\0')
        r = 0; /* "worker:" with all its lines commented out */
    else
        r = err_set(err, -EINVAL, "'%s' is a section: its settings stand below it, indented", name);
    return r < 0 ? yaml_where(l->y, key, NULL, r, err) : 0;
}

/* Goes as deep as names have dots, since a section holds settings only. */
static int read_section(struct layer *l, const char *section, const struct yaml_node *map, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < yaml_count(map); i++) {
        const struct yaml_node *key = yaml_key(map, i);
        char name[2 * SETTING_NAME_MAX];
        int n = snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", yaml_text(key));
        if (n < 0 || (size_t)n >= sizeof name)
            return yaml_where(l->y, key, NULL, err_set(err, -EINVAL, "there is no setting '%.80s...'", name),
                              err);
        r = read_entry(l, name, key, yaml_value(map, i), err);
    }
    return r;
}

static int read_file(struct config *c, const char *path, struct err *err)
{
    scoped(yaml) struct yaml *y = NULL;
    int r = yaml_load(&y, path, err);
    if (r < 0 || !yaml_root(y))
        return r;
    if (yaml_kind(yaml_root(y)) != YAML_MAP)
        return yaml_where(y, yaml_root(y), NULL,
                          err_set(err, -EINVAL, "settings are expected, like 'store: sqlite:vedette.db'"),
                          err);
    struct layer l = { .c = c, .y = y };
    return read_section(&l, "", yaml_root(y), err);
}

/* ── The environment ───────────────────────────────────────────────────── */

#define ENV_PREFIX "VEDETTE_"

/* What others than the settings are told by such a variable. */
static bool is_for_others(const char *variable)
{
    static const char *const names[] = { "VEDETTE_PARENT=", "VEDETTE_READY_FD=", "VEDETTE_BIN=",
                                         "VEDETTE_CONFIG=", "VEDETTE_TEST_" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* "worker.slots" to "VEDETTE_WORKER_SLOTS" */
static void env_name(const char *name, char *buf, size_t size)
{
    snprintf(buf, size, ENV_PREFIX "%s", name);
    for (char *p = buf + strlen(ENV_PREFIX); *p; p++)
        *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
}

/* Back: the dot is where a section ends. "WORKER_DNS_MIN" to "worker.dns_min". */
static void name_of_env(const char *variable, size_t len, char *buf, size_t size)
{
    snprintf(buf, size, "%.*s", (int)(len - strlen(ENV_PREFIX)), variable + strlen(ENV_PREFIX));
    for (char *p = buf; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *p = strchr(buf, '_'); p; p = strchr(p + 1, '_')) {
        *p = '\0';
        bool section = setting_is_section(buf);
        *p = section ? '.' : '_';
        if (section)
            return;
    }
}

static int read_environment(struct config *c, char *const *env, struct err *err)
{
    bool given[SETTINGS_MAX] = { false };
    for (; env && *env; env++) {
        size_t len = strcspn(*env, "=");
        if (strncmp(*env, ENV_PREFIX, strlen(ENV_PREFIX)) != 0 || is_for_others(*env) || !(*env)[len])
            continue;

        char name[2 * SETTING_NAME_MAX], near[SETTING_NAME_MAX + 1], meant[2 * SETTING_NAME_MAX];
        bool from_file;
        name_of_env(*env, len, name, sizeof name);
        if (!find(name, &from_file)) {
            const char *like = setting_near(name, near);
            bool whole = like && setting_find(like);
            if (whole)
                env_name(like, meant, sizeof meant);
            return err_set(err, -EINVAL, "the environment has %.*s, which is no setting%s%s%s",
                           (int)(len < 80 ? len : 80), *env, whole ? ": did you mean " : "",
                           whole ? meant : "", whole ? "?" : "");
        }
        int r = set(c, name, *env + len + 1, given, err);
        if (r < 0)
            return err_where(err, r, "the environment's %.*s", (int)(len < 80 ? len : 80), *env);
    }
    return 0;
}

int config_load(struct config *c, const char *path, char *const *env, struct err *err)
{
    struct config loaded = *c;
    int r = path ? read_file(&loaded, path, err) : 0;
    if (r == 0)
        r = read_environment(&loaded, env, err);
    if (r == 0)
        *c = loaded;
    return r;
}

/* "   from 100ms to 1h", or nothing. */
static const char *range_of(const struct setting *s, char *buf, size_t size)
{
    char least[32], most[32];
    *buf = '\0';
    if (s->kind == SETTING_COUNT)
        snprintf(buf, size, "   from %" PRId64 " to %" PRId64, s->least, s->most);
    if (s->kind == SETTING_DURATION)
        snprintf(buf, size, "   from %s to %s", duration_format(least, sizeof least, s->least),
                 duration_format(most, sizeof most, s->most));
    return buf;
}

void config_describe(FILE *out)
{
    for (size_t i = 0; i < n_settings; i++) {
        const struct setting *s = &settings[i];
        char env[2 * SETTING_NAME_MAX], range[100];
        env_name(s->name, env, sizeof env);
        fprintf(out, "%s\n    %s\n    default: %s%s   environment: %s", s->name, s->about,
                *s->fallback ? s->fallback : "(empty)", range_of(s, range, sizeof range), env);
        if (s->kind == SETTING_SECRET)
            fprintf(out, "   from a file: %s_file", s->name);
        fputs("\n", out);
    }
}
