#include "cli/ownerread.h"

#include "cli/sitelist.h"

#include <errno.h>
#include <string.h>

static int owner_name(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct sitelist_owner *o = to;
    return fields_name(n, OWNER_MAX_NAME - 1, &o->owner.name, err);
}

static int owner_remind(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    (void)r;
    struct sitelist_owner *o = to;
    uint32_t ms = 0;
    int code = fields_duration(n, 1000, 30LL * 86400 * 1000, &ms, err);
    o->owner.remind_s = ms / 1000;
    return code;
}

static int owner_notify(struct reader *r, const struct yaml_node *n, void *to, struct err *err)
{
    struct sitelist_owner *o = to;
    size_t count = yaml_kind(n) == YAML_SCALAR ? 1 : yaml_count(n);
    if (yaml_kind(n) == YAML_MAP || count == 0)
        return err_set(err, -EINVAL, "expected channels like [\"mailto:shop@example.com\"]");
    if (count > OWNER_MAX_CHANNELS)
        return err_set(err, -EINVAL, "%zu channels are more than %d", count, OWNER_MAX_CHANNELS);

    o->owner.n_channels = 0;
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *at = yaml_kind(n) == YAML_LIST ? yaml_item(n, i) : n;
        struct err own = { 0 };
        enum channel_kind kind;
        const char *target;
        int code = fields_scalar(at, "a channel like mailto:shop@example.com", &own);
        if (code == 0)
            code = channel_parse(yaml_text(at), &kind, &target, &own);
        for (unsigned k = 0; code == 0 && k < o->owner.n_channels; k++)
            if (strcmp(o->owner.channel[k], yaml_text(at)) == 0)
                code = err_set(&own, -EINVAL, "'%.100s' is there twice", yaml_text(at));
        if (code < 0)
            fields_mistake(r, at, "notify", code, &own);
        else
            o->owner.channel[o->owner.n_channels++] = yaml_text(at);
    }
    return 0;
}

void ownerread_add(struct reader *r, const struct yaml_node *n)
{
    static const struct field fields[] = {
        {"name",        owner_name },
        { "notify",            owner_notify },
        { "remind",owner_remind },
        { 0    },
    };
    struct err err = { 0 };
    struct sitelist_owner o = { .line = yaml_line(n) };
    if (yaml_kind(n) != YAML_MAP) {
        err_set(&err, -EINVAL, "expected a map like {name: shop-team, notify: [\"mailto:...\"]}, this is %s",
                fields_kind_words(n));
        fields_mistake(r, n, "owners", -EINVAL, &err);
        return;
    }
    unsigned before = r->mistakes->count;
    fields_read(r, n, "", fields, &o);
    if (!yaml_get(n, "name"))
        fields_mistake(r, n, "name", -EINVAL, (err_set(&err, -EINVAL, "an owner needs a name"), &err));
    if (!yaml_get(n, "notify"))
        fields_mistake(
            r, n, "notify", -EINVAL,
            (err_set(&err, -EINVAL, "an owner needs a channel, like [\"mailto:shop@example.com\"]"), &err));
    if (!o.owner.name)
        return;
    /* One with a mistake is known all the same: his sites are not mistakes too. */
    int code = sitelist_add_owner(r->list, &o, &err);
    if (code == -EEXIST)
        code = -EINVAL;
    if (code < 0 && (r->mistakes->count == before || code != -EINVAL))
        fields_mistake(r, n, "name", code, &err);
}
