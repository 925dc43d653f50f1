/* nearest.h - the known word that somebody probably meant.
 *
 * Pure. Used wherever a person's word is not one of ours: settings, commands, and
 * fields of a site list.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include <stddef.h>

/* How many letters must be added, dropped, changed or swapped with their
 * neighbour to make b of a, regardless of case. Words longer than 63 bytes are
 * nobody's typing mistake: SIZE_MAX. */
size_t nearest_distance(const char *a, const char *b);

/* The word that the fewest such steps lead to, at most one for every three
 * letters (but at least one); NULL when none is that near. Borrowed from words. */
const char *nearest_word(const char *word, const char *const *words, size_t n);

#endif
