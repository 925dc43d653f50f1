/* vedette token - let somebody in: a worker on another host, somebody who watches.
 * Who is let in; not any more. */
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/endpoint.h"
#include "common/token.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct token_options {
    struct call call; /* first */
    const char *location, *name, *revoke;
    const char *address[TOKEN_MAX_ADDRESSES];
    unsigned n_addresses;
    int64_t lasts_us; /* 0: until it is revoked */
    enum access_role role;
    bool list;
};

enum { KEY_LOCATION = 0x100, KEY_NAME, KEY_ROLE, KEY_ADDRESS, KEY_EXPIRES, KEY_LIST, KEY_REVOKE };

static const struct argp_option options[] = {
    {"location",                                               KEY_LOCATION, "NAME", 0, "Where the worker stands: one of the setting locations", 0 },
    { "name",                                                  KEY_NAME, "NAME", 0, "What the key is called in lists", 0 },
    { "role", KEY_ROLE, "ROLE", 0, "worker (unless said otherwise), operator-read, operator-write", 0 },
    { "address",                                                       KEY_ADDRESS, "HOST[:PORT]", 0,
     "How this host is reached from there; else endpoint.advertise, or "
      "the endpoint itself. Once for each host that controls the cluster", 0 },
    { "expires",KEY_EXPIRES, "DURATION", 0, "Let it in for so long, like 30d; else until it is revoked", 0 },
    { "list",                                                       KEY_LIST, 0, 0, "Who is let in, and who was", 0 },
    { "revoke",                                                       KEY_REVOKE, "ID|NAME", 0, "Let that one in no more, and end its sessions within seconds", 0 },
    { 0                                                 },
};

static enum access_role role_of(struct argp_state *state, const char *word)
{
    const char *names[ACCESS_ROLE_END];
    size_t n = 0;
    for (enum access_role r = ACCESS_WORKER; r < ACCESS_PEER;
         r++) /* peers have the cluster's own key, so far */
        names[n++] = access_role_name(r);
    enum access_role role = access_role_find(word);
    if (!role || role >= ACCESS_PEER)
        command_no_such(state, "--role", word, names, n);
    return role;
}

static void check_usage(const struct token_options *o, struct argp_state *state)
{
    bool makes = !o->list && !o->revoke;
    if (o->list && o->revoke)
        argp_error(state, "--list and --revoke are two commands");
    if (!makes && (o->location || o->name || o->n_addresses || o->lasts_us))
        argp_error(state, "--location, --name, --address and --expires are for a new token");
    if (makes && o->role == ACCESS_WORKER && !o->location)
        argp_error(state, "--location NAME is missing: where the worker stands");
    if (makes && o->role != ACCESS_WORKER && o->location)
        argp_error(state, "--location is for workers");
    if (o->name && !worker_name_valid(o->name))
        argp_error(state, "--name: letters, digits, '.', '_' and '-', at most %d", ACCESS_NAME_SIZE - 1);
}

static void add_address(struct token_options *o, const char *address, struct argp_state *state)
{
    if (o->n_addresses == TOKEN_MAX_ADDRESSES)
        argp_error(state, "a token has at most %d addresses", TOKEN_MAX_ADDRESSES);
    for (unsigned i = 0; i < o->n_addresses; i++)
        if (strcmp(o->address[i], address) == 0)
            argp_error(state, "--address %s is said twice", address);
    o->address[o->n_addresses++] = address;
}

static int64_t lasting(const char *text, struct argp_state *state)
{
    int64_t us = 0;
    struct err err = { 0 };
    if (duration_parse(text, &us, &err) < 0)
        argp_error(state, "--expires: %s", err.text);
    if (us < US_PER_S)
        argp_error(state, "--expires: a second at least");
    return us;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct token_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: o->role = ACCESS_WORKER; return 0;
    case KEY_LOCATION: o->location = arg; return 0;
    case KEY_NAME: o->name = arg; return 0;
    case KEY_ROLE: o->role = role_of(state, arg); return 0;
    case KEY_ADDRESS: add_address(o, arg, state); return 0;
    case KEY_EXPIRES: o->lasts_us = lasting(arg, state); return 0;
    case KEY_LIST: o->list = true; return 0;
    case KEY_REVOKE: o->revoke = arg; return 0;
    case ARGP_KEY_END: check_usage(o, state); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* ── A new one ─────────────────────────────────────────────────────────── */

static bool has_location(const struct config *c, const char *location)
{
    char name[sizeof c->locations];
    for (unsigned i = 0; config_location(c, i, name, sizeof name); i++)
        if (strcmp(name, location) == 0)
            return true;
    return false;
}

/* "HOST" or "HOST:PORT" */
static bool names_a_port(const char *address)
{
    const char *bracket = strrchr(address, ']'), *colon = strrchr(address, ':');
    return colon && (!bracket || colon > bracket);
}

/* `said`: what the option --address says, or NULL. */
static int address_of(const struct config *c, const char *said, const char *endpoint, const char *setting,
                      char buf[TOKEN_ADDRESS_SIZE], struct err *err)
{
    const char *host = said ? said : c->endpoint.advertise;
    char at[ENDPOINT_SIZE];
    if (!endpoint_is_tcp(endpoint) || (endpoint_is_local(endpoint) && !c->keys.loopback))
        return err_set(err, -EINVAL,
                       "%s is %s, which other hosts cannot reach: set it to tcp://0.0.0.0:PORT, or "
                       "to an address of this host",
                       setting, endpoint);
    if (strstr(endpoint, ":*"))
        return err_set(err, -EINVAL, "%s has no fixed port, which a token could name", setting);
    if (said && names_a_port(said))
        snprintf(at, sizeof at, "tcp://%s", said);
    else if (*host && (said || endpoint_is_everywhere(endpoint)))
        (void)endpoint_at(endpoint, host, at, sizeof at);
    else if (!endpoint_is_everywhere(endpoint))
        snprintf(at, sizeof at, "%s", endpoint);
    else
        return err_set(err, -EINVAL,
                       "%s is everywhere (%s): say by which name or address this host is reached, "
                       "with --address or the setting endpoint.advertise",
                       setting, endpoint);
    int r = endpoint_check(at, err);
    if (r == 0 && strlen(at + strlen("tcp://")) >= TOKEN_ADDRESS_SIZE)
        r = err_set(err, -EINVAL, "'%.60s...' is too long an address for a token", at);
    if (r == 0)
        strcpy(buf, at + strlen("tcp://"));
    return r;
}

_Static_assert(TOKEN_MAX_ADDRESSES >= CONFIG_MAX_COORDINATORS && TOKEN_MAX_ADDRESSES >= CONFIG_MAX_FEEDS,
               "a token has room for all that the settings name");

static int fill_addresses(const struct token_options *o, struct token *t, struct err *err)
{
    const struct config *c = &o->call.config;
    bool worker = o->role == ACCESS_WORKER;
    bool all = !o->n_addresses && *(worker ? c->worker.coordinators : c->operator.feeds);
    const char *setting = worker ? (all ? "worker.coordinators" : "endpoint.control")
                                 : (all ? "operator.feeds" : "endpoint.feed");
    unsigned n = o->n_addresses ? o->n_addresses
                 : !all         ? 1
                 : worker       ? config_coordinators(c)
                                : config_feeds(c);
    char endpoint[ENDPOINT_SIZE];
    int r = 0;
    for (; r == 0 && t->n_addresses < n; t->n_addresses++) {
        if (all)
            (worker ? config_coordinator : config_feed)(c, t->n_addresses, endpoint);
        else
            snprintf(endpoint, sizeof endpoint, "%s", worker ? c->endpoint.control : c->endpoint.feed);
        r = address_of(c, all ? NULL : o->address[t->n_addresses], endpoint, setting,
                       t->address[t->n_addresses], err);
    }
    return r;
}

static int fill(const struct token_options *o, struct token *t, struct access_key *k, struct err *err)
{
    const struct config *c = &o->call.config;
    scoped(key_pair) struct key_pair cluster = { .public = "" }, own = { .public = "" };
    bool worker = o->role == ACCESS_WORKER;
    if (worker && !has_location(c, o->location))
        return err_set(err, -EINVAL, "'%.40s' is not one of locations: %.200s", o->location, c->locations);
    if (!*c->keys.server_file)
        return err_set(err, -EINVAL,
                       "this cluster has no key: set keys.server_file, and `vedette keygen` makes it");
    int r = key_pair_read(&cluster, c->keys.server_file, err);
    if (r == 0)
        r = key_pair_make(&own, err);
    if (r == 0)
        r = fill_addresses(o, t, err);
    if (r < 0)
        return r;
    t->role = k->role = o->role;
    memcpy(t->server, cluster.public, sizeof t->server);
    memcpy(t->secret, own.secret, sizeof t->secret);
    memcpy(k->public, own.public, sizeof k->public);
    snprintf(t->location, sizeof t->location, "%s", worker ? o->location : "");
    memcpy(k->location, t->location, sizeof k->location);
    snprintf(k->name, sizeof k->name, "%s", o->name ? o->name : "");
    k->made_us = clock_wall();
    t->expires_us = k->expires_us = o->lasts_us ? k->made_us + o->lasts_us : 0;
    return 0;
}

/* Standard output has the token and nothing else. */
static int show(const struct token_options *o, const struct access_key *k, uint64_t id, const char *token)
{
    if (o->call.json)
        return print_json(stdout,
                          json_pack("{s:I, s:s, s:s, s:s, s:o, s:s}", "id", (json_int_t)id, "name", k->name,
                                    "role", access_role_name(k->role), "location", k->location, "expires",
                                    print_json_wall(k->expires_us), "token", token)) < 0
                   ? EXIT_TROUBLE
                   : EXIT_FINE;
    puts(token);
    if (!command_flush() || !isatty(STDERR_FILENO))
        return EXIT_FINE;
    fprintf(stderr,
            "\nOn the new host: %s\nWhoever has this token has its key: `vedette token --revoke %" PRIu64
            "` takes it back.\n",
            k->role == ACCESS_WORKER ? "vedette-worker --join TOKEN"
                                     : "vedette watch, with operator.join_file",
            id);
    return EXIT_FINE;
}

static int make(const struct token_options *o)
{
    const struct call *call = &o->call;
    scoped(store) struct store *store = NULL;
    scoped(token) struct token t = { .n_addresses = 0 };
    struct access_key k = { .id = 0 };
    char text[TOKEN_SIZE];
    struct err err = { 0 };
    uint64_t id = 0;
    int r = fill(o, &t, &k, &err);
    if (r == 0)
        r = token_write(&t, text, &err);
    if (r < 0)
        return command_fail(call, &err);
    int code = command_open_store(call, STORE_CREATE, &store);
    if (code)
        return code;
    r = store_add_key(store, &k, &id, &err);
    code = r < 0 ? command_fail_store(call, r, &err) : show(o, &k, id, text);
    explicit_bzero(text, sizeof text);
    return code;
}

/* ── Those that there are ──────────────────────────────────────────────── */

static const struct table_column columns[] = {
    {"ID",        TABLE_NUMBER, 0 },
    { "NAME",          TABLE_NAME, 0 },
    { "ROLE",     TABLE_TEXT, 0 },
    { "LOCATION",          TABLE_TEXT, 0 },
    { "MADE",     TABLE_TEXT, 1 },
    { "EXPIRES",          TABLE_TEXT, 1 },
    { "REVOKED", TABLE_TEXT, 0 },
    { 0         },
};

struct listing {
    bool json;
    wall_us now;
    struct table *table;
};

static int on_key(void *arg, const struct access_key *k)
{
    struct listing *l = arg;
    char at[60];
    if (l->json)
        return print_json(
            stdout, json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "id", (json_int_t)k->id, "name",
                              k->name, "role", access_role_name(k->role), "location", k->location, "public",
                              k->public, "made", print_json_wall(k->made_us), "expires",
                              print_json_wall(k->expires_us), "revoked", print_json_wall(k->revoked_us)));
    table_row(l->table);
    table_setf(l->table, 0, "%" PRIu64, k->id);
    table_set(l->table, 1, k->name);
    table_set(l->table, 2, access_role_name(k->role));
    table_set(l->table, 3, k->location);
    table_set(l->table, 4, print_moment(at, sizeof at, k->made_us, l->now));
    table_set(l->table, 5, k->expires_us ? print_moment(at, sizeof at, k->expires_us, l->now) : "-");
    if (k->expires_us && k->expires_us <= l->now)
        table_hue(l->table, 5, HUE_BAD);
    table_set(l->table, 6, k->revoked_us ? print_moment(at, sizeof at, k->revoked_us, l->now) : "-");
    if (k->revoked_us)
        table_hue(l->table, 6, HUE_BAD);
    return 0;
}

static int list(const struct call *call)
{
    scoped(store) struct store *store = NULL;
    scoped(table) struct table *table = NULL;
    struct err err = { 0 };
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    if (table_new(&table, columns, stdout) < 0)
        return EXIT_TROUBLE;
    struct listing l = { .json = call->json, .now = clock_wall(), .table = table };
    int r = store_each_key(store, on_key, &l, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (call->json)
        return EXIT_FINE;
    if (table_rows(table) == 0)
        puts("nobody is let in yet: `vedette token --location NAME` makes a worker's token");
    else
        r = table_print(table);
    return r < 0 ? EXIT_TROUBLE : EXIT_FINE;
}

/* ── Not any more ──────────────────────────────────────────────────────── */

struct search {
    const char *what;
    uint64_t id; /* of what, if it is a number */
    uint64_t found[64];
    size_t n, more;
};

static int on_candidate(void *arg, const struct access_key *k)
{
    struct search *s = arg;
    if (k->revoked_us || (s->id ? k->id != s->id : !*k->name || strcmp(k->name, s->what) != 0))
        return 0;
    if (s->n < sizeof s->found / sizeof *s->found)
        s->found[s->n++] = k->id;
    else
        s->more++;
    return 0;
}

static int take_back(const struct call *call, const char *what)
{
    scoped(store) struct store *store = NULL;
    struct search s = { .what = what };
    struct err err = { 0 };
    if (strspn(what, "0123456789") == strlen(what))
        s.id = strtoull(what, NULL, 10);
    int code = command_open_store(call, STORE_WRITE, &store);
    if (code)
        return code;
    int r = store_each_key(store, on_candidate, &s, &err);
    if (r == 0 && s.n == 0) {
        command_say(
            call, "nobody who is let in has the id or name '%.60s'; `vedette token --list` shows them", what);
        return EXIT_TROUBLE;
    }
    for (size_t i = 0; r == 0 && i < s.n; i++)
        r = store_revoke_key(store, s.found[i], clock_wall(), &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    for (size_t i = 0; i < s.n && !call->json; i++)
        printf("key %" PRIu64 " is revoked; its sessions end within seconds\n", s.found[i]);
    if (s.more > 0)
        command_say(call, "%zu more have that name: call it again", s.more);
    return EXIT_FINE;
}

static int run(struct call *call)
{
    const struct token_options *o = (const struct token_options *)call;
    if (o->list)
        return list(call);
    return o->revoke ? take_back(call, o->revoke) : make(o);
}

const struct command cmd_token = {
    .name = "token",
    .args = "",
    .summary = "one line to start a worker elsewhere; who is let in",
    .teaches =
        "Prints a token: address and public key of this cluster, and a new secret key that it lets in from "
        "now on. "
        "`vedette-worker --join TOKEN` needs nothing else. One token may serve several workers of one "
        "location; "
        "their names must differ."
        "\vExamples:\n"
        "  vedette token --location eu-west --name rack7\n"
        "  vedette token --location us --expires 30d --address a.example.com --address b.example.com\n"
        "  vedette-worker --join $(cat token)                    on the new host\n"
        "  vedette token --list\n"
        "  vedette token --revoke rack7                          also what is stolen or lost\n"
        "  vedette token --role operator-read > watcher.token    for operator.join_file and vedette watch\n"
        "\n"
        "Needs keys.server_file (vedette keygen), and endpoints that other hosts can reach.",
    .options = options,
    .parse = parse,
    .size = sizeof(struct token_options),
    .run = run,
};
