#include "cli/locationread.h"

#include "cli/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_name(const char *name, const char *const *others, size_t n, struct err *err)
{
    if (!location_valid(name))
        return err_set(err, -EINVAL,
                       "'%.60s' is not the name of a location: a letter, then a-z, 0-9 and '-', at most %d",
                       name, LOCATION_SIZE - 1);
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, others[i]) == 0)
            return err_set(err, -EINVAL, "the location '%s' is there twice", name);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int locationread_list(const struct yaml_node *n, char list[SITE_LOCATIONS_SIZE], struct err *err)
{
    const char *name[SITE_MAX_LOCATIONS];
    size_t count = yaml_kind(n) == YAML_SCALAR ? 1 : yaml_count(n), len = 0;
    if (yaml_kind(n) == YAML_MAP || count == 0)
        return err_set(err, -EINVAL, "expected a list of locations like [eu, us], this is %s",
                       count ? fields_kind_words(n) : "empty");
    if (count > SITE_MAX_LOCATIONS)
        return err_set(err, -EINVAL, "%zu locations are more than %d", count, SITE_MAX_LOCATIONS);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *word = yaml_kind(n) == YAML_LIST ? yaml_item(n, i) : n;
        int code = fields_scalar(word, "a location's name", err);
        if (code == 0)
            code = check_name(yaml_text(word), name, i, err);
        if (code < 0)
            return code;
        name[i] = yaml_text(word);
    }
    qsort(name, count, sizeof *name, compare_names);
    for (size_t i = 0; i < count; i++) /* each is shorter than its share of the room */
        len += (size_t)snprintf(list + len, SITE_LOCATIONS_SIZE - len, "%s%s", i ? "," : "", name[i]);
    return 0;
}

int locationread_from(const struct yaml_node *n, uint8_t *ret, struct err *err)
{
    int code = fields_scalar(n, "a number of locations", err);
    if (code < 0)
        return code;
    const char *t = yaml_text(n);
    if (t[0] < '1' || t[0] > '0' + SITE_MAX_LOCATIONS || t[1])
        return err_set(err, -EINVAL, "'%.40s' is not a number of locations from 1 to %d", t,
                       SITE_MAX_LOCATIONS);
    *ret = (uint8_t)(t[0] - '0');
    return 0;
}
