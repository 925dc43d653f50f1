#include "cli/fields.h"

#include "common/clock.h"
#include "common/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void fields_mistake(struct reader *r, const struct yaml_node *at, const char *field, int code,
                    const struct err *err)
{
    mistakes_add(r->mistakes, yaml_line(at), field, code, err);
}

void fields_unknown(struct reader *r, const struct yaml_node *key, const struct field *fields)
{
    struct err err = { 0 };
    const char *names[FIELDS_MAX];
    size_t n = 0;
    for (; n < FIELDS_MAX && fields[n].name; n++)
        names[n] = fields[n].name;

    if (strcmp(yaml_text(key), "<<") == 0) {
        err_set(&err, -EINVAL, "merge keys are not understood; what many sites share stands under defaults");
        fields_mistake(r, key, "<<", -EINVAL, &err);
        return;
    }
    const char *meant = nearest_word(yaml_text(key), names, n);
    char word[80];
    snprintf(word, sizeof word, "%.64s", yaml_text(key));
    if (meant)
        err_set(&err, -EINVAL, "there is no such field here; did you mean '%s'?", meant);
    else {
        char all[200] = "";
        for (size_t i = 0; i < n; i++)
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
        err_set(&err, -EINVAL, "there is no such field here; known are %s", all);
    }
    fields_mistake(r, key, word, -EINVAL, &err);
}

const char *fields_kind_words(const struct yaml_node *n)
{
    static const char *const words[] = {
        [YAML_SCALAR] = "a single value",
        [YAML_LIST] = "a list",
        [YAML_MAP] = "a map",
    };
    return words[yaml_kind(n)];
}

int fields_scalar(const struct yaml_node *n, const char *what, struct err *err)
{
    if (yaml_kind(n) != YAML_SCALAR)
        return err_set(err, -EINVAL, "expected %s, this is %s", what, fields_kind_words(n));
    if (!yaml_text(n)[0])
        return err_set(err, -EINVAL, "expected %s, this is empty", what);
    return 0;
}

void fields_read(struct reader *r, const struct yaml_node *map, const char *path, const struct field *fields,
                 void *to)
{
    for (size_t i = 0; i < yaml_count(map) && mistakes_room(r->mistakes); i++) {
        const struct yaml_node *key = yaml_key(map, i), *value = yaml_value(map, i);
        const struct field *f = fields;
        while (f->name && strcmp(f->name, yaml_text(key)) != 0)
            f++;
        if (!f->name) {
            fields_unknown(r, key, fields);
            continue;
        }
        struct err err = { 0 };
        char name[80];
        int code = f->read(r, value, to, &err);
        snprintf(name, sizeof name, "%s%s%s", path, path[0] ? "." : "", f->name);
        if (code < 0)
            fields_mistake(r, value, name, code, &err);
    }
}

int fields_duration(const struct yaml_node *n, int64_t least_ms, int64_t most_ms, uint32_t *ret_ms,
                    struct err *err)
{
    int64_t us;
    char least[24], most[24];
    int r = fields_scalar(n, "a duration like 250ms, 30s, 5m, 6h or 14d", err);
    if (r == 0)
        r = duration_parse(yaml_text(n), &us, err);
    if (r < 0)
        return r;
    if (us < least_ms * US_PER_MS || us > most_ms * US_PER_MS)
        return err_set(err, -EINVAL, "%s is not between %s and %s", yaml_text(n),
                       duration_format(least, sizeof least, least_ms * US_PER_MS),
                       duration_format(most, sizeof most, most_ms * US_PER_MS));
    *ret_ms = (uint32_t)(us / US_PER_MS);
    return 0;
}

bool fields_has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

/* A number is no name: `vedette explain 12` means the id. */
int fields_name(const struct yaml_node *n, size_t most, const char **ret, struct err *err)
{
    int r = fields_scalar(n, "a name", err);
    if (r < 0)
        return r;
    const char *s = yaml_text(n);
    if (strlen(s) > most)
        return err_set(err, -EINVAL, "the name has more than %zu bytes", most);
    if (fields_has_control(s))
        return err_set(err, -EINVAL, "the name has a control character");
    if (s[0] == ' ' || s[strlen(s) - 1] == ' ')
        return err_set(err, -EINVAL, "the name begins or ends with a space");
    if (strspn(s, "0123456789") == strlen(s))
        return err_set(err, -EINVAL, "'%.40s' is a number, and numbers are ids; a name has a letter", s);
    *ret = s;
    return 0;
}

int fields_nested(struct reader *r, const struct yaml_node *n, const char *path, const struct field *fields,
                  const char *like, void *to, struct err *err)
{
    if (yaml_kind(n) != YAML_MAP)
        return err_set(err, -EINVAL, "expected a map like %s, this is %s", like, fields_kind_words(n));
    fields_read(r, n, path, fields, to);
    return 0;
}
