/* err.h - what went wrong, in words a person can act on.
 *
 * A function that can fail returns 0 or a negative errno value. When the
 * number alone would leave the reader guessing, it also takes a
 * `struct err *` as its last argument: written only on failure, and NULL
 * when the caller does not want the sentence. Nothing here allocates, so it
 * also works when memory is what went wrong.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

struct err {
    int code;       /* what the function returned */
    char text[480]; /* one sentence, lower case, no full stop, no newline */
};

/* Write the sentence and return code, so that a failure is one line:
 *     return err_set(err, -EINVAL, "interval %s is too short", text); */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put where we were in front of what went wrong: "worker.conf:12: ...". */
int err_where(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
