/* vedette apply - make the store say what a file says. */
#include "cli/apply.h"
#include "cli/commands.h"

#include <errno.h>

#define SHOWN_ROWS 200

struct apply_options {
    struct call call; /* first */
    const char *file;
    bool dry_run, prune;
};

enum { KEY_DRY_RUN = 0x100, KEY_PRUNE };

static const struct argp_option options[] = {
    {"file",                                                                          'f', "FILE", 0, "The list of sites and owners (YAML, or one URL a line; - for standard input)",
     0 },
    { "dry-run",                                                                         KEY_DRY_RUN, 0, 0, "Only show what would change", 0 },
    { "prune", KEY_PRUNE, 0, 0, "Also remove sites and owners that the file does not have", 0 },
    { 0                                                                             },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply_options *o = state->input;
    switch (key) {
    case 'f': o->file = arg; return 0;
    case KEY_DRY_RUN: o->dry_run = true; return 0;
    case KEY_PRUNE: o->prune = true; return 0;
    case ARGP_KEY_END:
        if (!o->file)
            argp_error(state, "-f FILE is missing");
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* A dry run makes no store: what is not there has nothing. */
static int plan_for(struct plan **ret, const struct apply_options *o, const struct sitelist *list,
                    struct store **ret_store, struct err *err)
{
    enum store_mode mode = o->dry_run ? STORE_READ : STORE_CREATE;
    int r = store_open(ret_store, o->call.config.store, mode, err);
    if (r == 0)
        return apply_plan(ret, *ret_store, list, o->prune, err);
    if (r != -ENOENT || !o->dry_run)
        return r;
    r = plan_new(ret);
    return r == 0 ? plan_make(*ret, list, o->prune) : r;
}

static int run(struct call *call)
{
    struct apply_options *o = (struct apply_options *)call;
    scoped(sitelist) struct sitelist *list = NULL;
    scoped(store) struct store *store = NULL;
    scoped(plan) struct plan *plan = NULL;
    struct err err = { 0 };
    uint64_t change = 0;

    int r = apply_read(&list, o->file, SITELIST_REFUSE_TWICE, stderr, &err);
    if (r < 0)
        return command_fail(call, &err);
    r = apply_check_locations(list, &call->config, o->file, stderr, &err);
    if (r < 0)
        return command_fail(call, &err);
    apply_warn(list, &call->config, stderr);
    r = plan_for(&plan, o, list, &store, &err);
    if (r == 0 && !o->dry_run)
        r = apply_do(plan, store, clock_wall(), &change, &err);
    if (r < 0)
        return command_fail_store(call, r, &err);

    if (call->json)
        return apply_print_json(plan, stdout, !o->dry_run) < 0 ? EXIT_TROUBLE : EXIT_FINE;
    apply_print(plan, stdout, SHOWN_ROWS);
    if (o->dry_run && plan_count(plan))
        puts("this was a dry run: nothing has changed");
    return EXIT_FINE;
}

const struct command cmd_apply = {
    .name = "apply",
    .args = "",
    .summary = "make the store say what a file of sites says",
    .teaches = "Reads a list of sites and owners, compares it with the store, and changes the store in one "
               "step. Running daemons follow within two seconds. A file with a mistake changes nothing."
               "\vExamples:\n"
               "  vedette apply -f sites.yaml --dry-run    what would change\n"
               "  vedette apply -f sites.yaml              change it\n"
               "  vedette apply -f sites.yaml --prune      and remove what the file does not have\n"
               "  printf 'http://example.com\\n' | vedette apply -f -\n"
               "\n"
               "+ is added, ~ is changed (field: old -> new), - is removed. The format is in sites.yaml(5).",
    .options = options,
    .parse = parse,
    .size = sizeof(struct apply_options),
    .run = run,
};
