#include "common/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { FILE_MOST = 1024 };

/* ── Text and bytes ────────────────────────────────────────────────────── */

bool key_valid(const char *text)
{
    static const char z85[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    uint8_t bytes[KEY_BYTES];
    bool valid = strlen(text) == KEY_SIZE - 1 && strspn(text, z85) == KEY_SIZE - 1 &&
                 zmq_z85_decode(bytes, text) != NULL;
    sodium_memzero(bytes, sizeof bytes);
    return valid;
}

void key_to_bytes(const char *text, uint8_t ret[KEY_BYTES])
{
    if (!zmq_z85_decode(ret, text))
        memset(ret, 0, KEY_BYTES);
}

void key_from_bytes(const uint8_t bytes[KEY_BYTES], char ret[KEY_SIZE])
{
    zmq_z85_encode(ret, bytes, KEY_BYTES);
}

int key_public_of(const char *secret, char ret[KEY_SIZE])
{
    return key_valid(secret) && zmq_curve_public(ret, secret) == 0 ? 0 : -EINVAL;
}

/* ── Pairs ─────────────────────────────────────────────────────────────── */

int key_pair_make(struct key_pair *ret, struct err *err)
{
    if (zmq_curve_keypair(ret->public, ret->secret) < 0)
        return err_set(err, -ENOTSUP, "this libzmq cannot make keys: %s", zmq_strerror(errno));
    return 0;
}

void key_pair_wipe(struct key_pair *k)
{
    sodium_memzero(k, sizeof *k);
}

/* ── Files ─────────────────────────────────────────────────────────────── */

static const char first_line[] =
    "# A secret key of Vedette. Whoever has this file is whom it stands for: keep it.\n";

static int write_all(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int key_pair_write(const struct key_pair *k, const char *path, struct err *err)
{
    char text[FILE_MOST];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, -EEXIST, "%s is there already; a key is never written over: move it away first",
                       path);
    if (fd < 0)
        return err_set(err, -errno, "cannot make %s: %s", path, strerror(errno));
    snprintf(text, sizeof text, "%spublic %s\nsecret %s\n", first_line, k->public, k->secret);
    int r = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, text); /* whatever the umask leaves */
    sodium_memzero(text, sizeof text);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0) {
        (void)unlink(path);
        return err_set(err, r, "cannot write %s: %s", path, strerror(-r));
    }
    return 0;
}

static int check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(err, -errno, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, -EINVAL, "%s is not a file", path);
    if (st.st_mode & 077)
        return err_set(err, -EACCES,
                       "%s holds a secret key and is open to others than its owner: chmod 600 %s", path,
                       path);
    return 0;
}

static int read_text(const char *path, char *text, size_t size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, -ENOENT, "there is no file %s: `vedette keygen %s` makes it", path, path);
    if (fd < 0)
        return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
    int r = check_file(fd, path, err);
    ssize_t n = r == 0 ? read(fd, text, size - 1) : 0;
    if (n < 0)
        r = err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return r;
}

/* The word behind `name` on a line of its own; false where there is none that is a key. */
static bool find_key(const char *text, const char *name, char ret[KEY_SIZE])
{
    size_t len = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) != 0 || line[len] != ' ')
            continue;
        snprintf(ret, KEY_SIZE, "%.*s", (int)strcspn(line + len + 1, " \r\n"), line + len + 1);
        return key_valid(ret);
    }
    return false;
}

int key_pair_read(struct key_pair *ret, const char *path, struct err *err)
{
    char text[FILE_MOST] = "", public[KEY_SIZE] = "";
    scoped(key_pair) struct key_pair k = { .public = "" };
    int r = read_text(path, text, sizeof text, err);
    bool there = r == 0 && find_key(text, "public", k.public) && find_key(text, "secret", k.secret);
    sodium_memzero(text, sizeof text);
    if (r < 0)
        return r;
    if (!there || key_public_of(k.secret, public) < 0)
        return err_set(err, -EINVAL, "%s is not a file with a key as `vedette keygen` makes it", path);
    if (strcmp(public, k.public) != 0)
        return err_set(err, -EINVAL, "%s is damaged: its two keys do not belong together", path);
    *ret = k;
    return 0;
}
