#include "cli/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_program(char *buf, size_t size, const char *folder, size_t folder_len, const char *between,
                       const char *name)
{
    int n = snprintf(buf, size, "%.*s%s/%s", (int)folder_len, folder, between, name);
    return n > 0 && (size_t)n < size && access(buf, X_OK) == 0;
}

int program_find(const char *name, char *buf, size_t size, struct err *err)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        size_t len = slash ? (size_t)(slash - self) : 0;
        if (is_program(buf, size, self, len, "", name) ||
            is_program(buf, size, self, len, "/../lib/vedette", name))
            return 0;
    }
    for (const char *p = getenv("PATH"); p && *p;) {
        size_t len = strcspn(p, ":");
        if (len > 0 && is_program(buf, size, p, len, "", name))
            return 0;
        p += len + (p[len] == ':');
    }
    return err_set(err, -ENOENT, "%s is neither beside this program nor in PATH", name);
}

void program_environment_free(char **env)
{
    for (size_t i = 0; env && env[i]; i++)
        free(env[i]);
    free(env);
}

static bool is_ours(const char *entry)
{
    return strncmp(entry, "VEDETTE_PARENT=", 15) == 0 || strncmp(entry, "VEDETTE_READY_FD=", 17) == 0;
}

char **program_environment(int ready_fd)
{
    char parent[40], ready[40];
    size_t n = 0, k = 0;
    snprintf(parent, sizeof parent, "VEDETTE_PARENT=%d", (int)getpid());
    snprintf(ready, sizeof ready, "VEDETTE_READY_FD=%d", ready_fd);

    while (environ[n])
        n++;
    char **env = calloc(n + 3, sizeof *env);
    bool good = env != NULL;
    for (size_t i = 0; good && i < n; i++)
        if (!is_ours(environ[i]))
            good = (env[k++] = strdup(environ[i])) != NULL;
    good = good && (env[k++] = strdup(parent)) && (env[k++] = strdup(ready));
    if (good)
        return env;
    program_environment_free(env);
    return NULL;
}
