/* expect.h - what counts as well: acceptable statuses and a keyword.
 *
 * The worker decides with it, the store keeps it, the site list writes it.
 * Statuses are written "200-299", "200-399,401" or "204".
 */
#ifndef COMMON_EXPECT_H
#define COMMON_EXPECT_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPECT_MAX_RANGES  8
#define EXPECT_MAX_KEYWORD 256 /* bytes, without terminator */
#define EXPECT_STATUS_SIZE 96  /* enough to write any status_set */

struct status_set {
    uint8_t count; /* ranges in use; 0 stands for the default, 200-399 */
    struct {
        uint16_t lo, hi; /* inclusive; 100 <= lo <= hi <= 999 */
    } range[EXPECT_MAX_RANGES];
};

/* -EINVAL with a sentence on anything but comma-separated statuses and ranges
 * within 100 to 999, at most EXPECT_MAX_RANGES of them. */
int status_set_parse(const char *text, struct status_set *ret, struct err *err);

/* The writing that status_set_parse reads back. The default is "200-399". */
char *status_set_format(char *buf, size_t size, const struct status_set *set);

bool status_set_has(const struct status_set *set, unsigned status);
bool status_set_valid(const struct status_set *set); /* bounds as above; for what arrives from outside */

#endif
