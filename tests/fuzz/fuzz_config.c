/* Settings are all or nothing: what is refused is refused with a sentence and
 * changes nothing, what is accepted is accepted again and gives the same. */
/* libFuzzer: -max_len=4096 */
#include "common/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* config_load reads files, so the bytes become one. */
static int load(struct config *c, const uint8_t *data, size_t size, struct err *err)
{
    char path[64];
    int fd = memfd_create("vedette.yaml", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int r = config_load(c, path, NULL, err);
    close(fd);
    return r;
}

static void must_be_told(int r, const struct err *err)
{
    if (r < 0 && err->text[0] == '\0')
        abort();
}

static void one_setting(const uint8_t *data, size_t size)
{
    static struct config c, before;
    char assignment[512];
    struct err err = { 0 };
    if (size >= sizeof assignment)
        return;
    memcpy(assignment, data, size);
    assignment[size] = '\0';

    config_init(&c);
    before = c;
    int r = config_set(&c, assignment, &err);
    must_be_told(r, &err);
    if (r < 0 && memcmp(&c, &before, sizeof c) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config once, twice, before;
    struct err err = { 0 };

    one_setting(data, size);
    config_init(&once);
    before = once;
    int r = load(&once, data, size, &err);
    must_be_told(r, &err);
    if (r < 0) {
        if (memcmp(&once, &before, sizeof once) != 0)
            abort();
        return 0;
    }
    config_init(&twice);
    if (load(&twice, data, size, &err) < 0 || memcmp(&once, &twice, sizeof once) != 0)
        abort();
    must_be_told(config_check(&once, &err), &err);
    return 0;
}
