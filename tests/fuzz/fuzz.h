/* fuzz.h - what the fuzzers share: a truth that must hold, and bytes read as decisions. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(truth)                                                                    \
    do {                                                                               \
        if (!(truth)) {                                                                \
            fprintf(stderr, "not so: %s (%s, line %d)\n", #truth, __FILE__, __LINE__); \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* With FUZZ_TELL=1 in the environment an input tells what it does: for reading one that was found. */
#define tell(...) ((void)(tells() && fprintf(stderr, __VA_ARGS__)))
static inline int tells(void)
{
    static int yes = -1;
    yes = yes < 0 ? getenv("FUZZ_TELL") != NULL : yes;
    return yes;
}

/* The input as a row of decisions. Behind its end everything is 0. */
struct script {
    const uint8_t *at, *end;
};

static inline size_t script_left(const struct script *s)
{
    return (size_t)(s->end - s->at);
}

static inline uint8_t script_byte(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static inline uint32_t script_below(struct script *s, uint32_t n)
{
    return script_byte(s) % n;
}

static inline uint64_t script_number(struct script *s, unsigned bytes)
{
    uint64_t n = 0;
    while (bytes-- > 0)
        n = n << 8 | script_byte(s);
    return n;
}

/* Borrowed: up to `most` of the bytes that follow, as one byte of length says. */
static inline const uint8_t *script_bytes(struct script *s, size_t most, size_t *ret_len)
{
    size_t n = script_byte(s);
    n = n < most ? n : most;
    *ret_len = n < script_left(s) ? n : script_left(s);
    s->at += *ret_len;
    return s->at - *ret_len;
}

/* The same as a string in `buf`; ends at a NUL inside. */
static inline char *script_text(struct script *s, char *buf, size_t size)
{
    size_t len;
    const uint8_t *bytes = script_bytes(s, size - 1, &len);
    memcpy(buf, bytes, len);
    buf[len] = '\0';
    return buf;
}

#endif
