/* Pairs of keys, and the files that hold them. */
#include "common/keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct desk {
    char folder[64], path[100];
};

static int begin(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    strcpy(d->folder, "/tmp/vedette-keys-XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    snprintf(d->path, sizeof d->path, "%s/server.key", d->folder);
    *state = d;
    return 0;
}

static int end(void **state)
{
    struct desk *d = *state;
    (void)unlink(d->path);
    assert_int_equal(rmdir(d->folder), 0);
    free(d);
    return 0;
}

static void what_was_written_is_read(void **state)
{
    const struct desk *d = *state;
    struct key_pair made, read;
    struct stat st;
    struct err err = { 0 };
    mode_t mask = umask(0);
    assert_int_equal(key_pair_make(&made, &err), 0);
    if (key_pair_write(&made, d->path, &err) < 0 || key_pair_read(&read, d->path, &err) < 0)
        fail_msg("%s", err.text);
    umask(mask);
    assert_string_equal(made.public, read.public);
    assert_string_equal(made.secret, read.secret);
    assert_int_equal(stat(d->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void no_key_is_written_over(void **state)
{
    const struct desk *d = *state;
    struct key_pair first, second, read;
    struct err err = { 0 };
    assert_int_equal(key_pair_make(&first, NULL), 0);
    assert_int_equal(key_pair_make(&second, NULL), 0);
    assert_string_not_equal(first.secret, second.secret);
    assert_int_equal(key_pair_write(&first, d->path, NULL), 0);
    assert_int_equal(key_pair_write(&second, d->path, &err), -EEXIST);
    assert_non_null(strstr(err.text, "never written over"));
    assert_int_equal(key_pair_read(&read, d->path, NULL), 0);
    assert_string_equal(read.secret, first.secret);
}

static void only_its_owner_may_read_it(void **state)
{
    const struct desk *d = *state;
    static const struct {
        mode_t mode;
        int want;
    } rows[] = {
        {0600,  0      },
        { 0400, 0      },
        { 0640, -EACCES},
        { 0604, -EACCES},
        { 0620, -EACCES},
        { 0610, -EACCES},
        { 0644, -EACCES}
    };
    struct key_pair k;
    assert_int_equal(key_pair_make(&k, NULL), 0);
    assert_int_equal(key_pair_write(&k, d->path, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = { 0 };
        assert_int_equal(chmod(d->path, rows[i].mode), 0);
        if (key_pair_read(&k, d->path, &err) != rows[i].want)
            fail_msg("%o: %d (%s)", rows[i].mode, err.code, err.text);
        if (rows[i].want < 0)
            assert_non_null(strstr(err.text, "chmod 600"));
    }
}

static void put(const struct desk *d, const char *fmt, const char *a, const char *b)
{
    (void)unlink(d->path);
    FILE *f = fopen(d->path, "w");
    assert_non_null(f);
    fprintf(f, "# a key\n%s%s\n%s%s\n", fmt, a, "secret ", b);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(d->path, 0600), 0);
}

static void what_is_none_is_refused(void **state)
{
    const struct desk *d = *state;
    struct key_pair k, other;
    struct err err = { 0 };
    assert_int_equal(key_pair_read(&k, d->path, &err), -ENOENT);
    assert_non_null(strstr(err.text, "vedette keygen"));
    assert_int_equal(key_pair_read(&k, d->folder, &err), -EINVAL);

    assert_int_equal(key_pair_make(&k, NULL), 0);
    assert_int_equal(key_pair_make(&other, NULL), 0);
    put(d, "public ", k.public, other.secret);
    assert_int_equal(key_pair_read(&k, d->path, &err), -EINVAL);
    assert_non_null(strstr(err.text, "do not belong together"));
    put(d, "public ", k.public, "short");
    assert_int_equal(key_pair_read(&k, d->path, &err), -EINVAL);
    assert_null(strstr(err.text, "short")); /* nothing of a secret is quoted */
    put(d, "nothing ", k.public, k.secret);
    assert_int_equal(key_pair_read(&k, d->path, &err), -EINVAL);
    put(d, "public ", k.public, k.secret);
    assert_int_equal(key_pair_read(&k, d->path, &err), 0);
}

static void text_and_bytes(void **state)
{
    (void)state;
    struct key_pair k;
    uint8_t bytes[KEY_BYTES];
    char back[KEY_SIZE];
    assert_int_equal(key_pair_make(&k, NULL), 0);
    assert_true(key_valid(k.public) && key_valid(k.secret));
    key_to_bytes(k.public, bytes);
    key_from_bytes(bytes, back);
    assert_string_equal(back, k.public);
    assert_int_equal(key_public_of(k.secret, back), 0);
    assert_string_equal(back, k.public);
    static const char *const bad[] = { "",
                                       "short",
                                       "0000000000000000000000000000000000000000x",
                                       "00000000000000000000000000000000000000 0",
                                       "0000000000000000000000000000000000000\"00",
                                       "%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%##" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(key_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, begin, end),
        cmocka_unit_test_setup_teardown(no_key_is_written_over, begin, end),
        cmocka_unit_test_setup_teardown(only_its_owner_may_read_it, begin, end),
        cmocka_unit_test_setup_teardown(what_is_none_is_refused, begin, end),
        cmocka_unit_test(text_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
