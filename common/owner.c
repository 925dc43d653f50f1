#include "common/owner.h"

#include "common/url.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* RFC 5321 section 4.5.3.1: 64 bytes before the '@', 254 for the whole address
 * (a path of 256 with its angle brackets). */
#define MAX_LOCAL_PART 64
#define MAX_ADDRESS    254

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

/* Only the plain form, dot-atom@domain (RFC 5321 section 4.1.2), without quoted
 * parts: the address goes into an SMTP command and a header line, and whatever
 * has a meaning there is refused rather than escaped. */
static int check_mailto(const char *address, struct err *err)
{
    static const char atom[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "!#$%&'*+-/=?^_`{|}~.";
    static const char domain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

    if (strchr(address, ','))
        return err_set(err, -EINVAL, "mailto takes one address: write one channel for each");
    const char *at = strrchr(address, '@');
    if (!at || at == address || !at[1])
        return err_set(err, -EINVAL, "'%.80s' is not a mail address like shop@example.com", address);

    size_t local = (size_t)(at - address);
    if (strlen(address) > MAX_ADDRESS || local > MAX_LOCAL_PART)
        return err_set(err, -EINVAL, "the mail address '%.40s...' is too long", address);
    size_t good = strspn(address, atom);
    if (good == local)
        good += 1 + strspn(at + 1, domain);
    if (address[good])
        return err_set(err, -EINVAL, "the mail address '%.80s' has a character that it cannot have", address);
    if (at[1] == '.' || at[1] == '-' || strstr(address, "..") || address[0] == '.' || at[-1] == '.')
        return err_set(err, -EINVAL, "the mail address '%.80s' has a dot or hyphen in a wrong place",
                       address);
    return 0;
}

static int check_webhook(const char *url, struct err *err)
{
    char normal[CHANNEL_MAX_TEXT];
    return url_normalise(url, normal, sizeof normal, err);
}

static int check_exec(const char *path, struct err *err)
{
    if (path[0] != '/')
        return err_set(err, -EINVAL, "exec needs the whole path of a program, like exec:/usr/local/bin/tell");
    if (path[strlen(path) - 1] == '/')
        return err_set(err, -EINVAL, "'%.80s' is a folder, exec needs a program", path);
    return 0;
}

static int check_console(const char *rest, struct err *err)
{
    if (*rest)
        return err_set(err, -EINVAL, "console takes nothing behind its colon");
    return 0;
}

static const struct {
    const char *name;
    int (*check)(const char *target, struct err *err);
} kinds[] = {
    [CHANNEL_MAILTO] = {"mailto",   check_mailto },
    [CHANNEL_WEBHOOK] = { "webhook", check_webhook},
    [CHANNEL_EXEC] = { "exec",    check_exec   },
    [CHANNEL_CONSOLE] = { "console", check_console},
};
_Static_assert(sizeof kinds / sizeof *kinds == CHANNEL_KIND_COUNT, "every kind has a name and a check");

const char *channel_kind_name(enum channel_kind k)
{
    return (unsigned)k < CHANNEL_KIND_COUNT ? kinds[k].name : "?";
}

int channel_parse(const char *text, enum channel_kind *ret, const char **ret_target, struct err *err)
{
    if (strlen(text) > CHANNEL_MAX_TEXT)
        return err_set(err, -EINVAL, "a channel of %zu bytes is too long: at most %d", strlen(text),
                       CHANNEL_MAX_TEXT);
    if (has_control(text))
        return err_set(err, -EINVAL, "a channel has a control character");

    size_t len = strcspn(text, ":");
    for (unsigned i = 0; i < CHANNEL_KIND_COUNT; i++) {
        if (text[len] != ':' || strlen(kinds[i].name) != len || strncmp(text, kinds[i].name, len) != 0)
            continue;
        const char *target = text + len + 1;
        int r = kinds[i].check(target, err);
        if (r < 0)
            return r;
        *ret = (enum channel_kind)i;
        *ret_target = target;
        return 0;
    }
    return err_set(
        err, -EINVAL,
        "'%.80s' is not a channel: write mailto:ADDRESS, webhook:URL, exec:PROGRAM or console:", text);
}

int channel_list(const char *text, char ret[OWNER_MAX_CHANNELS][CHANNEL_MAX_TEXT], struct err *err)
{
    int n = 0;
    for (const char *p = text; *p;) {
        enum channel_kind kind;
        const char *target;
        p += strspn(p, " ,");
        size_t len = strcspn(p, ",");
        const char *next = p + len;
        while (len > 0 && p[len - 1] == ' ')
            len--;
        if (len == 0)
            break;
        if (len >= CHANNEL_MAX_TEXT)
            return err_set(err, -EINVAL, "'%.60s...' is too long for a channel", p);
        if (n == OWNER_MAX_CHANNELS)
            return err_set(err, -EINVAL, "more than %d channels", OWNER_MAX_CHANNELS);
        memcpy(ret[n], p, len);
        ret[n][len] = '\0';
        int r = channel_parse(ret[n], &kind, &target, err);
        if (r < 0)
            return r;
        n++;
        p = next;
    }
    return n;
}

int channel_list_check(const char *text, struct err *err)
{
    char channel[OWNER_MAX_CHANNELS][CHANNEL_MAX_TEXT];
    int n = channel_list(text, channel, err);
    return n < 0 ? n : 0;
}
