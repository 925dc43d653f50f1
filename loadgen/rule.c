#include "loadgen/rule.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ABOUT_SHARE = 1, MAX_WORDS = 12 };

/* Which argument a deed takes, and whether it can befall a single request. */
static const struct kind {
    const char *words, *argument, *says;
    bool of_requests;
} kinds[DEED_COUNT] = {
    [DEED_ANSWER] = {"answer",           "STATUS", "an HTTP status, 200 to 599",                    true },
    [DEED_HANG] = { "hang",            "[T]",    "no answer; closes after T, or stays",           true },
    [DEED_SLOW] = { "slow",            "T",      "is well, and takes T",                          true },
    [DEED_REFUSE] = { "refuse",          "",       "nobody listens there",                          false},
    [DEED_RESET] = { "reset",           "",       "resets the connection instead of an answer",    true },
    [DEED_CLOSE] = { "close",           "",       "closes the connection instead of an answer",    true },
    [DEED_EXPIRED] = { "show expired",    "",       "its certificate ended yesterday",               false},
    [DEED_WRONG_NAME] = { "show wrong-name", "",       "its certificate is somebody else's",            false},
    [DEED_UNTRUSTED] = { "show untrusted",  "",       "its certificate is from a stranger",            false},
    [DEED_NXDOMAIN] = { "nxdomain",        "",       "its name does not exist",                       false},
    [DEED_SERVFAIL] = { "servfail",        "",       "its name server is in trouble",                 false},
    [DEED_MUTE] = { "mute",            "",       "questions for its name stay without an answer", false},
};

struct words {
    unsigned n, at;
    char *word[MAX_WORDS];
};

static const char *peek(const struct words *w)
{
    return w->at < w->n ? w->word[w->at] : "";
}

static bool take(struct words *w, const char *word)
{
    bool is = strcmp(peek(w), word) == 0;
    w->at += is;
    return is;
}

/* "2%", "0.125%" in millionths. */
static bool read_share(const char *text, uint32_t *ppm)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    double percent = strtod(text, &end);
    *ppm = (uint32_t)(percent * (PPM / 100) + 0.5);
    return strcmp(end, "%") == 0 && percent <= 100 && *ppm > 0;
}

static bool read_number(const char *text, const char **end, uint32_t *ret)
{
    char *e;
    unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &e, 10) : 0;
    if (n == 0 || n > CROWD_MAX_SITES)
        return false;
    *end = e;
    *ret = (uint32_t)n;
    return true;
}

static int read_range(struct words *w, struct rule *r, struct err *err)
{
    const char *text = peek(w), *end = "";
    bool fine = read_number(text, &end, &r->first);
    r->last = r->first;
    if (fine && *end == '-')
        fine = read_number(end + 1, &end, &r->last);
    w->at++;
    return fine && *end == '\0' && r->first <= r->last
               ? 0
               : err_set(err, -EINVAL, "'%s' is no site's number, or range like 100-200", text);
}

static int read_who(struct words *w, struct rule *r, struct err *err)
{
    r->who = WHO_RANGE;
    if (take(w, "all")) {
        r->first = 1;
        r->last = CROWD_MAX_SITES;
        return 0;
    }
    if (take(w, "site") || take(w, "sites"))
        return read_range(w, r, err);
    if (!read_share(peek(w), &r->n_ppm))
        return err_set(err, -EINVAL, "'%s': begin with all, site N, sites N-M, or a share like 2%%", peek(w));
    w->at++;
    r->who = WHO_SHARE;
    if (!take(w, "of"))
        return 0;
    if (take(w, "requests"))
        r->who = WHO_REQUESTS;
    else if (!take(w, "sites"))
        return err_set(err, -EINVAL, "a share is of sites or of requests, not of '%s'", peek(w));
    return 0;
}

static bool take_kind(struct words *w, enum deed *ret)
{
    char two[RULE_TEXT_SIZE * 2];
    snprintf(two, sizeof two, "%s %s", peek(w), w->at + 1 < w->n ? w->word[w->at + 1] : "");
    for (unsigned i = 0; i < DEED_COUNT; i++) {
        bool pair = strchr(kinds[i].words, ' ') != NULL;
        if (strcmp(kinds[i].words, pair ? two : peek(w)) != 0)
            continue;
        *ret = (enum deed)i;
        w->at += pair ? 2 : 1;
        return true;
    }
    return false;
}

static int read_deed(struct words *w, struct rule *r, struct err *err)
{
    if (!take_kind(w, &r->deed))
        return err_set(err, -EINVAL, "'%s' is nothing that a site can do", peek(w));
    const struct kind *k = &kinds[r->deed];
    if (r->who == WHO_REQUESTS && !k->of_requests)
        return err_set(err, -EINVAL, "'%s' befalls sites, not single requests", k->words);
    if (r->deed == DEED_ANSWER) {
        const char *text = peek(w);
        char *end;
        unsigned long status = strtoul(text, &end, 10);
        if (strlen(text) != 3 || *end || status < 200 || status > 599)
            return err_set(err, -EINVAL, "'%s' is no status from 200 to 599", text);
        r->status = (uint16_t)status;
        w->at++;
    }
    bool has_time = *peek(w) >= '0' && *peek(w) <= '9';
    if (r->deed == DEED_SLOW || (r->deed == DEED_HANG && has_time))
        return duration_parse(w->at < w->n ? w->word[w->at++] : "", &r->us, err);
    return 0;
}

static int read_when(struct words *w, struct rule *r, struct err *err)
{
    r->until_us = WALL_NEVER;
    int code = 0;
    if (take(w, "from"))
        code = duration_parse(w->at < w->n ? w->word[w->at++] : "", &r->from_us, err);
    if (code == 0 && take(w, "until"))
        code = duration_parse(w->at < w->n ? w->word[w->at++] : "", &r->until_us, err);
    if (code < 0)
        return code;
    if (w->at < w->n)
        return err_set(err, -EINVAL, "'%s' is one word too many", peek(w));
    return r->from_us < r->until_us ? 0 : err_set(err, -EINVAL, "it ends before it begins");
}

static int split(char *text, struct words *w, struct err *err)
{
    char *rest = NULL;
    for (char *p = strtok_r(text, " \t", &rest); p; p = strtok_r(NULL, " \t", &rest)) {
        if (w->n == MAX_WORDS)
            return err_set(err, -EINVAL, "more than %d words", MAX_WORDS);
        w->word[w->n++] = p;
    }
    return w->n ? 0 : err_set(err, -EINVAL, "a rule is empty");
}

/* A share gets the draws after those that were given away. */
static int give_share(struct rule *r, uint32_t *given, struct err *err)
{
    if (r->n_ppm > PPM - *given)
        return err_set(err, -EINVAL, "the shares of all rules are together more than 100%%");
    r->from_ppm = *given;
    *given += r->n_ppm;
    return 0;
}

int rules_add(struct rules *rules, const char *text, struct err *err)
{
    struct rule r = { 0 };
    struct words w = { 0 };
    char copy[RULE_TEXT_SIZE];
    if (rules->n == RULES_MAX)
        return err_set(err, -ENOSPC, "more than %d rules", RULES_MAX);
    if (strlen(text) >= sizeof copy)
        return err_set(err, -EINVAL, "a rule is longer than %d characters", RULE_TEXT_SIZE - 1);
    memcpy(copy, text, strlen(text) + 1);
    memcpy(r.text, text, strlen(text) + 1);

    int code = split(copy, &w, err);
    if (code == 0)
        code = read_who(&w, &r, err);
    if (code == 0)
        code = read_deed(&w, &r, err);
    if (code == 0)
        code = read_when(&w, &r, err);
    if (code == 0 && r.who != WHO_RANGE)
        code = give_share(&r, r.who == WHO_SHARE ? &rules->sites_ppm : &rules->requests_ppm, err);
    if (code < 0)
        return err_where(err, code, "rule '%s'", text);
    rules->rule[rules->n++] = r;
    return 0;
}

static bool in_share(const struct rule *r, uint32_t draw)
{
    return draw >= r->from_ppm && draw - r->from_ppm < r->n_ppm;
}

int rules_find(const struct rules *r, const struct crowd *c, uint32_t site, int64_t since_us, uint32_t draw)
{
    uint32_t place = r->sites_ppm ? crowd_draw(c, site, ABOUT_SHARE) : 0;
    for (unsigned i = 0; i < r->n; i++) {
        const struct rule *one = &r->rule[i];
        if (since_us < one->from_us || since_us >= one->until_us)
            continue;
        bool fits = one->who == WHO_RANGE      ? site >= one->first && site <= one->last
                    : one->who == WHO_REQUESTS ? draw != RULES_NO_REQUEST && in_share(one, draw)
                                               : in_share(one, place);
        if (fits)
            return (int)i;
    }
    return -1;
}

uint32_t rule_sites(const struct rule *r, const struct crowd *c)
{
    if (r->who == WHO_REQUESTS)
        return 0;
    uint32_t n = 0, last = r->last < c->sites ? r->last : c->sites;
    if (r->who == WHO_RANGE)
        return r->first > last ? 0 : last - r->first + 1;
    for (uint32_t site = 1; site <= c->sites; site++)
        n += in_share(r, crowd_draw(c, site, ABOUT_SHARE));
    return n;
}

void rule_kinds(FILE *out)
{
    for (unsigned i = 0; i < DEED_COUNT; i++)
        fprintf(out, "  %-15s %-7s %s\n", kinds[i].words, kinds[i].argument, kinds[i].says);
}
