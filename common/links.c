#include "common/links.h"

#include "common/endpoint.h"
#include "common/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *token_of(const struct config *c, enum links_as as)
{
    return as == LINKS_WORKER ? c->worker.join : as == LINKS_OPERATOR ? c->operator.join : "";
}

static const char *setting_of(enum links_as as)
{
    return as == LINKS_WORKER ? "worker.join" : "operator.join";
}

static int read_token(const struct config *c, enum links_as as, struct token *ret, struct err *err)
{
    int r = token_read(token_of(c, as), ret, err);
    bool fits =
        ret->role == ACCESS_WORKER ? as == LINKS_WORKER : as == LINKS_OPERATOR && ret->role != ACCESS_PEER;
    if (r == 0 && !fits)
        r = err_set(err, -EINVAL, "this token is for the role '%s'", access_role_name(ret->role));
    return r < 0 ? err_where(err, r, "%s", setting_of(as)) : 0;
}

static void list_addresses(const struct token *t, char *list, size_t size)
{
    size_t len = 0;
    for (unsigned i = 0; i < t->n_addresses && len < size; i++)
        len += (size_t)snprintf(list + len, size - len, "%stcp://%s", i ? "," : "", t->address[i]);
}

int links_join(struct config *c, enum links_as as, struct err *err)
{
    scoped(token) struct token t = { .n_addresses = 0 };
    if (!*token_of(c, as))
        return 0;
    int r = read_token(c, as, &t, err);
    if (r < 0)
        return r;
    bool worker = as == LINKS_WORKER;
    snprintf(worker ? c->endpoint.control : c->endpoint.feed, ENDPOINT_SIZE, "tcp://%s", t.address[0]);
    /* Unless they were told by who knows of more than the token has room for. */
    if (worker && !*c->worker.coordinators)
        list_addresses(&t, c->worker.coordinators, sizeof c->worker.coordinators);
    if (!worker && !*c->operator.feeds)
        list_addresses(&t, c->operator.feeds, sizeof c->operator.feeds);
    if (worker) {
        memcpy(c->worker.location, t.location, sizeof c->worker.location);
        c->worker.join_ends_us = t.expires_us;
        c->endpoint.results[0] = '\0'; /* the welcome says */
    }
    return 0;
}

/* ── Keys ──────────────────────────────────────────────────────────────── */

static bool is_keyed(const struct config *c, const char *endpoint)
{
    return endpoint_is_tcp(endpoint) && (c->keys.loopback || !endpoint_is_local(endpoint));
}

/* Those links that a program has before it is told of others. */
static bool needs_keys(const struct config *c, enum links_as as)
{
    char one[ENDPOINT_SIZE];
    for (unsigned i = 0; as == LINKS_WORKER && i < config_coordinators(c); i++) {
        config_coordinator(c, i, one);
        if (is_keyed(c, one))
            return true;
    }
    for (unsigned i = 0; as == LINKS_OPERATOR && i < config_feeds(c); i++) {
        config_feed(c, i, one);
        if (is_keyed(c, one))
            return true;
    }
    const char *const ends[] = { c->endpoint.control, c->endpoint.feed, c->endpoint.results,
                                 c->endpoint.feedback, c->endpoint.jobs };
    for (size_t i = 0; as == LINKS_CLUSTER && i < sizeof ends / sizeof *ends; i++)
        if (is_keyed(c, ends[i]))
            return true;
    return false;
}

static int keys_of_token(const struct config *c, enum links_as as, struct bus_keys *ret, struct err *err)
{
    scoped(token) struct token t = { .n_addresses = 0 };
    int r = read_token(c, as, &t, err);
    if (r < 0)
        return r;
    memcpy(ret->own.secret, t.secret, sizeof ret->own.secret);
    memcpy(ret->server, t.server, sizeof ret->server);
    ret->loopback = true; /* whatever the way there: the other end is the cluster's, or nobody */
    return key_public_of(t.secret, ret->own.public);
}

static int keys_of_file(const struct config *c, enum links_as as, struct bus_keys *ret, struct err *err)
{
    int r = *c->keys.server_file ? key_pair_read(&ret->own, c->keys.server_file, err)
                                 : err_set(err, -EINVAL, "it is needed to listen beyond this host");
    if (r < 0)
        return err_where(err, r, "keys.server_file");
    memcpy(ret->server, ret->own.public, sizeof ret->server);
    ret->serves = as == LINKS_CLUSTER;
    ret->loopback = c->keys.loopback;
    return 0;
}

int links_new(struct bus **ret, const struct config *c, enum links_as as, struct err *err)
{
    scoped(bus) struct bus *b = NULL;
    struct bus_keys keys = { .serves = false };
    bool token = *token_of(c, as), file = !token && needs_keys(c, as);
    int r = bus_new(&b);
    if (r < 0)
        return err_set(err, r, "cannot begin with ZeroMQ: %s", strerror(-r));
    if (token)
        r = keys_of_token(c, as, &keys, err);
    else if (file)
        r = links_check(c, err);
    if (r == 0 && file)
        r = keys_of_file(c, as, &keys, err);
    if (r == 0 && (token || file))
        r = bus_use_keys(b, &keys, err);
    key_pair_wipe(&keys.own);
    if (r == 0)
        *ret = moved(b);
    return r;
}

static int no_keys(const char *setting, const char *endpoint, struct err *err)
{
    return err_set(err, -EINVAL,
                   "%s: '%.120s' is not on a loopback address: links to other hosts need keys; name "
                   "their file in keys.server_file, and `vedette keygen` makes it",
                   setting, endpoint);
}

int links_check(const struct config *c, struct err *err)
{
    const struct {
        const char *setting, *endpoint;
    } rows[] = {
        {"endpoint.control",   c->endpoint.control },
        { "endpoint.results",  c->endpoint.results },
        { "endpoint.feed",     c->endpoint.feed    },
        { "endpoint.feedback", c->endpoint.feedback},
        { "endpoint.jobs",     c->endpoint.jobs    },
    };
    if (*c->keys.server_file || *c->worker.join || *c->operator.join)
        return 0;
    for (unsigned i = 0; i < config_coordinators(c); i++) {
        char one[ENDPOINT_SIZE];
        config_coordinator(c, i, one);
        if (*c->worker.coordinators && !endpoint_is_local(one))
            return no_keys("worker.coordinators", one, err);
    }
    for (unsigned i = 0; i < config_feeds(c); i++) {
        char one[ENDPOINT_SIZE];
        config_feed(c, i, one);
        if (*c->operator.feeds && !endpoint_is_local(one))
            return no_keys("operator.feeds", one, err);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!endpoint_is_local(rows[i].endpoint))
            return no_keys(rows[i].setting, rows[i].endpoint, err);
    if (c->keys.loopback)
        return err_set(err, -EINVAL,
                       "keys.loopback: there are no keys; name their file in keys.server_file, "
                       "and `vedette keygen` makes it");
    return 0;
}
