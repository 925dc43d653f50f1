/* folder.h - a folder of a test's own: in TMPDIR, which `make test` has in memory, or in /tmp. */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Its path, which is to be short: sockets lie in it, and theirs has 107 bytes at most. */
static inline void folder_make(char *path, size_t size, const char *name)
{
    const char *where = getenv("TMPDIR");
    int n = snprintf(path, size, "%s/vedette-%s-XXXXXX", where ? where : "/tmp", name);
    assert_true(n > 0 && (size_t)n < size);
    assert_non_null(mkdtemp(path));
}

#endif
