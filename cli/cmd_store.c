/* vedette store - the store itself: its layout, whether it makes sense, the whole of it elsewhere. */
#include "cli/asjson.h"
#include "cli/commands.h"
#include "cli/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Exit code of a store that has faults. */
#define EXIT_FAULTY EXIT_DOWN

/* ── migrate ───────────────────────────────────────────────────────────── */

static int run_migrate(struct call *call)
{
    scoped(store) struct store *store = NULL;
    int code = command_open_store(call, STORE_CREATE, &store);
    if (code)
        return code;
    if (call->json)
        return print_json(stdout, json_pack("{s:s, s:b}", "store", store_name(store), "up_to_date", 1)) < 0
                   ? EXIT_TROUBLE
                   : EXIT_FINE;
    printf("%s is there, and its layout is that of this version\n", store_name(store));
    return EXIT_FINE;
}

/* ── check ─────────────────────────────────────────────────────────────── */

struct checking {
    bool json;
    size_t faults;
};

static int on_fault(void *arg, const char *what, uint64_t n)
{
    struct checking *c = arg;
    c->faults++;
    if (c->json)
        return print_json(stdout, json_pack("{s:s, s:I}", "fault", what, "count", (json_int_t)n));
    printf("%8" PRIu64 " %s\n", n, what);
    return 0;
}

static int run_check(struct call *call)
{
    scoped(store) struct store *store = NULL;
    struct checking c = { .json = call->json };
    struct err err = { 0 };
    int code = command_open_store(call, STORE_READ, &store);
    if (code)
        return code;
    int r = store_check(store, on_fault, &c, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (c.faults == 0 && !call->json)
        printf("%s: no fault found\n", store_name(store));
    return c.faults ? EXIT_FAULTY : EXIT_FINE;
}

/* ── copy ──────────────────────────────────────────────────────────────── */

/* Open and nobody else's: a copy of what daemons are writing would be of no moment. */
static int open_alone(struct store **ret, const char *url, enum store_mode mode, struct err *err)
{
    int r = store_open(ret, url, mode, err);
    for (int role = 0; r == 0 && role < STORE_ROLE_COUNT; role++)
        r = store_claim(*ret, (enum store_role)role, STORE_CLAIM_WAIT_US, err);
    bool others = false; /* of further shards */
    if (r == 0)
        r = store_has_others(*ret, &others, err);
    if (r == 0 && others)
        r = err_set(err, -EBUSY, "%s: others are at work with this store", store_name(*ret));
    return r == -EBUSY ? err_where(err, r, "end coordinator and collector first") : r;
}

static int on_copied(void *arg, const char *table, uint64_t rows)
{
    const struct call *call = arg;
    if (!call->json)
        printf("%-14s %12" PRIu64 " rows\n", table, rows);
    else if (print_json(stdout, json_pack("{s:s, s:I}", "table", table, "rows", (json_int_t)rows)) < 0)
        return -EIO;
    return command_flush() ? 0 : -EIO;
}

static int count_open(void *arg, const struct incident *in)
{
    ++*(uint64_t *)arg;
    (void)in;
    return 0;
}

static int run_copy(struct call *call)
{
    scoped(store) struct store *from = NULL;
    scoped(store) struct store *to = NULL;
    const struct incident_filter open = { .open_only = true };
    struct err err = { 0 };
    uint64_t n = 0;
    int r = open_alone(&from, call->args[1], STORE_WRITE, &err);
    if (r == 0)
        r = open_alone(&to, call->args[2], STORE_CREATE, &err);
    if (r == 0)
        r = store_copy(from, to, on_copied, call, &err);
    if (r == 0)
        r = store_each_incident(to, &open, count_open, &n, &err);
    if (r == -EEXIST) { /* no number of a store's own */
        command_fail(call, &err);
        return EXIT_TROUBLE;
    }
    if (r < 0)
        return command_fail_store(call, r, &err);
    if (!call->json)
        printf("%s is %s now, with %" PRIu64 " incident%s open; set store to it\n", store_name(from),
               store_name(to), n, n == 1 ? "" : "s");
    return EXIT_FINE;
}

static const struct {
    const char *word;
    unsigned args;
    int (*run)(struct call *call);
} parts[] = {
    {"migrate", 1, run_migrate},
    { "check",  1, run_check  },
    { "copy",   3, run_copy   },
};

static int run(struct call *call)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(call->args[0], parts[i].word) != 0)
            continue;
        if (call->n_args == parts[i].args)
            return parts[i].run(call);
        command_say(call,
                    parts[i].args == 1 ? "%s takes no URL: name the store with --store"
                                       : "%s takes two URLs: from which store, and into which new one",
                    parts[i].word);
        return EXIT_TROUBLE;
    }
    command_say(call, "'%.60s' is none of migrate, check, copy", call->args[0]);
    return EXIT_TROUBLE;
}

const struct command cmd_store = {
    .name = "store",
    .args = "migrate | check | copy FROM TO",
    .summary = "bring the store up to date, check it, copy it",
    .teaches =
        "Looks after the store as a whole. migrate makes one where there is none, and brings the layout of "
        "an "
        "older one up to date, as daemons do when they start. check looks for what cannot be, like an open "
        "incident of a site that is not there; it reads all of it. copy puts everything that is in one store "
        "into a new one, of whatever kind: sites, history, open incidents, notices on their way."
        "\vExamples:\n"
        "  vedette store check\n"
        "  vedette store migrate --store postgresql://vedette@db.example/vedette\n"
        "  vedette store copy sqlite:/var/lib/vedette/vedette.db postgresql://vedette@db.example/vedette\n"
        "\n"
        "copy wants to be alone: end coordinator and collector first (workers may stay). It is one "
        "transaction: "
        "when it ends early, the new store is as empty as before. check ends with 2 when it found a fault; "
        "beside daemons at work it may take what is just being written for one.",
    .size = sizeof(struct call),
    .min_args = 1,
    .max_args = 3,
    .run = run,
};
