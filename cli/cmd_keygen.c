/* vedette keygen - the key by which a cluster is known. */
#include "cli/commands.h"
#include "cli/print.h"
#include "common/keys.h"

#include <string.h>

static void say_what_next(const struct call *call, const char *path, const struct key_pair *k)
{
    printf("made %s\npublic key: %s\n", path, k->public);
    if (strcmp(path, call->config.keys.server_file) != 0)
        printf("\nName it in the settings of the coordinator and the collector:\n"
               "  keys:\n"
               "    server_file: %s\n",
               path);
    puts("\nThe file must be theirs alone (mode 0600, owned by the user that they run as). Every control "
         "host\n"
         "of the cluster has the same one. `vedette token --location NAME` lets a worker in.");
}

static int run(struct call *call)
{
    const char *path = call->n_args ? call->args[0] : call->config.keys.server_file;
    scoped(key_pair) struct key_pair k = { .public = "" };
    struct err err = { 0 };
    if (!*path) {
        command_say(call, "where to? Name a FILE, or set keys.server_file");
        return EXIT_TROUBLE;
    }
    int r = key_pair_make(&k, &err);
    if (r == 0)
        r = key_pair_write(&k, path, &err);
    if (r < 0)
        return command_fail(call, &err);
    if (call->json)
        return print_json(stdout, json_pack("{s:s, s:s}", "file", path, "public", k.public)) < 0
                   ? EXIT_TROUBLE
                   : EXIT_FINE;
    say_what_next(call, path, &k);
    return EXIT_FINE;
}

const struct command cmd_keygen = {
    .name = "keygen",
    .args = "[FILE]",
    .summary = "make the key that links to other hosts need",
    .teaches =
        "Makes the secret key of a cluster, in a new file that only its owner may read. Links that stay on "
        "one "
        "host need none. FILE is keys.server_file unless named; one that is there is never written over."
        "\vExamples:\n"
        "  vedette keygen /etc/vedette/server.key\n"
        "  vedette keygen --config /etc/vedette/vedette.yaml     where keys.server_file says\n"
        "\n"
        "Whoever has this file can be the coordinator to every worker: keep it as you keep a password.",
    .size = sizeof(struct call),
    .max_args = 1,
    .run = run,
};
