#include "worker/shares.h"

void share_take(struct share *s)
{
    s->in_hand++;
    if (s->in_hand > s->most)
        s->most = s->in_hand;
}

void share_give(struct share *s)
{
    if (s->in_hand > 0)
        s->in_hand--;
}

uint32_t share_room(const struct share *s)
{
    return s->quota > s->in_hand ? s->quota - s->in_hand : 0;
}

enum { LEAST_PART = 16 }; /* of the slots: who has none could never show that it wants some */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* What it should have at most. */
static uint32_t want(const struct share *s, uint32_t slots)
{
    if (!s->present)
        return s->in_hand;
    bool hungry = s->wanted || (s->quota > 0 && s->most >= s->quota);
    return larger(s->in_hand, hungry ? slots : larger(s->most, slots / LEAST_PART + 1));
}

static uint32_t at_level(const struct share *s, uint32_t level, uint32_t slots)
{
    uint32_t most = want(s, slots);
    return level < s->in_hand ? s->in_hand : level > most ? most : level;
}

static uint64_t sum_at(struct share *const *s, size_t n, uint32_t level, uint32_t slots)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += at_level(s[i], level, slots);
    return sum;
}

/* The highest level to which all can be filled. */
static uint32_t find_level(struct share *const *s, size_t n, uint32_t slots)
{
    uint32_t low = 0, high = slots;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (sum_at(s, n, middle, slots) <= slots)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* To those who are there, equally; what does not divide goes to the first. */
static void lay_out(struct share *const *s, size_t n, uint32_t rest)
{
    uint32_t present = 0;
    for (size_t i = 0; i < n; i++)
        present += s[i]->present;
    for (size_t i = 0; i < n && present > 0; i++) {
        if (!s[i]->present)
            continue;
        uint32_t part = (rest + present - 1) / present;
        s[i]->quota += part;
        rest -= part;
        present--;
    }
}

void shares_divide(struct share *const *s, size_t n, uint32_t slots)
{
    uint32_t level = find_level(s, n, slots), rest = slots;
    for (size_t i = 0; i < n; i++) {
        uint32_t quota = at_level(s[i], level, slots);
        s[i]->quota = quota;
        s[i]->most = s[i]->in_hand;
        s[i]->wanted = false;
        rest = rest > quota ? rest - quota : 0;
    }
    lay_out(s, n, rest);
}
