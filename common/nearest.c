/* The optimal string alignment distance: like Levenshtein's, and swapping two
 * neighbours ("stauts") is one step instead of two. */
#include "common/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 63

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > LONGEST || lb > LONGEST)
        return SIZE_MAX;

    uint8_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= la; i++)
        d[i][0] = (uint8_t)i;
    for (size_t j = 0; j <= lb; j++)
        d[0][j] = (uint8_t)j;

    for (size_t i = 1; i <= la; i++)
        for (size_t j = 1; j <= lb; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            size_t best = least(d[i - 1][j] + 1u, d[i][j - 1] + 1u, d[i - 1][j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                best = least(best, d[i - 2][j - 2] + 1u, best);
            d[i][j] = (uint8_t)best;
        }
    return d[la][lb];
}

const char *nearest_word(const char *word, const char *const *words, size_t n)
{
    size_t limit = strlen(word) / 3, best = SIZE_MAX;
    const char *found = NULL;
    if (limit == 0)
        limit = 1;
    for (size_t i = 0; i < n; i++) {
        size_t steps = nearest_distance(word, words[i]);
        /* As many steps as letters share nothing with the word. */
        if (steps <= limit && steps < best && steps < strlen(words[i])) {
            best = steps;
            found = words[i];
        }
    }
    return found;
}
