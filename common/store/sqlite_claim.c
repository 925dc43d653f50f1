/* Who is at work with this store: one coordinator, one collector.
 *
 * A claim is a lock (flock(2)) on a file beside the database, which the kernel
 * lets go of when its holder dies, however it dies. Not on the database itself:
 * SQLite has its own locks there. The file stays when its holder is gone: to
 * remove it would let two hold "the" lock, one on the old file and one on the
 * new. What it says, the process id, is for the sentence only.
 */
#include "common/control.h"
#include "common/store/sqlite_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    ASK_AGAIN_US = 20000,
    LEAST_ROOM = 65536, /* bytes: some pages of the log */
};

static int fail(const struct sqlite *s, const char *what, int number, struct err *err)
{
    int r = number == EACCES || number == EPERM || number == EROFS ? -EROFS
            : number == ENOSPC || number == EDQUOT                 ? -ENOSPC
                                                                   : -EIO;
    return err_set(err, r, "%s: cannot claim the part of the %s: %s", s->sql.name, what, strerror(number));
}

/* Beside the file itself, whatever link led here. */
static int open_lock(const struct sqlite *s, const char *role, uint32_t shard, int flags)
{
    char *path;
    char part[16] = "";
    if (shard > 0)
        snprintf(part, sizeof part, ".%u", shard);
    if (asprintf(&path, "%s.%s%s.lock", sqlite3_db_filename(s->db, "main"), role, part) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
    int number = errno;
    free(path);
    errno = number;
    return fd;
}

static long process_of(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int taken(const struct sqlite *s, int fd, const char *role, struct err *err)
{
    char process[48] = "";
    long pid = process_of(fd);
    if (pid > 0)
        snprintf(process, sizeof process, " (process %ld)", pid);
    return err_set(err, -EBUSY, "%s: another %s%s is at work with this store: two would tell everybody twice",
                   s->sql.name, role, process);
}

/* Whoever comes next reads there whom it waits for. */
static void sign(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) < 0)
        return; /* the lock is what counts */
}

int sqlite_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err)
{
    struct sqlite *s = sqlite_of(sql_of(base));
    const char *name = store_role_name(role);
    if (s->claimed[role] >= 0 || sqlite3_db_filename(s->db, "main")[0] == '\0') /* in memory: ours alone */
        return 0;
    int fd = open_lock(s, name, s->sql.shard.number, O_RDWR | O_CREAT);
    if (fd < 0)
        return fail(s, name, errno, err);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int number = errno;
        if (number == EINTR)
            continue;
        if (number != EWOULDBLOCK || wait_us <= 0) {
            int r = number == EWOULDBLOCK ? taken(s, fd, name, err) : fail(s, name, number, err);
            close(fd);
            return r;
        }
        usleep(ASK_AGAIN_US);
        wait_us -= ASK_AGAIN_US;
    }
    sign(fd);
    s->claimed[role] = fd;
    return 0;
}

int sqlite_ask_claim(struct store *base, enum store_role role, struct store_holder *ret, struct err *err)
{
    int r = sqlite_get_holder(base, role, ret, NULL);
    if (r < 0)
        *ret = (struct store_holder){ .silent_us = INT64_MAX };
    struct err why = { 0 };
    r = sqlite_claim(base, role, 0, &why);
    if (r == -EBUSY)
        return 0;
    return r < 0 ? err_set(err, r, "%s", why.text) : 1;
}

int sqlite_get_holder(struct store *base, enum store_role role, struct store_holder *ret, struct err *err)
{
    const struct sqlite *s = sqlite_of(sql_of(base));
    const char *name = store_role_name(role);
    int fd = sqlite3_db_filename(s->db, "main")[0] ? open_lock(s, name, s->sql.shard.number, O_RDONLY) : -1;
    if (fd < 0)
        return errno == EACCES ? fail(s, name, errno, err)
                               : err_set(err, -ENOENT, "%s: there never was a %s", s->sql.name, name);
    *ret = (struct store_holder){ .pid = process_of(fd) };
    if (gethostname(ret->host, sizeof ret->host - 1) < 0)
        ret->host[0] = '\0';
    close(fd);
    return 0;
}

/* Both are on one host, with one configuration. */
int sqlite_set_listens(struct store *base, enum store_role role, const char *listens, struct err *err)
{
    (void)base, (void)role, (void)listens, (void)err;
    return 0;
}

void sqlite_set_lease(struct store *base, int64_t lease_us)
{
    (void)base, (void)lease_us;
}

int64_t sqlite_lease(const struct store *base)
{
    (void)base;
    return 0;
}

uint64_t sqlite_claim_epoch(const struct store *base, enum store_role role)
{
    const struct sqlite *s = (const struct sqlite *)base;
    return s->claimed[role] >= 0;
}

/* The kernel keeps it, and no other thread of ours loses it before the process ends. */
int sqlite_join_claim(struct store *base, enum store_role role, uint64_t epoch, struct err *err)
{
    (void)base, (void)role, (void)epoch, (void)err;
    return 0;
}

/* The kernel keeps it. */
int sqlite_keep_claim(struct store *base, struct err *err)
{
    (void)base, (void)err;
    return 0;
}

/* -errno without a sentence. */
static int is_locked(const struct sqlite *s, const char *role, uint32_t shard, bool *ret)
{
    int fd = sqlite3_db_filename(s->db, "main")[0] ? open_lock(s, role, shard, O_RDONLY) : -1;
    *ret = false;
    if (fd < 0)
        return errno == EACCES ? -EACCES : 0; /* nobody ever was */
    /* Given back with the descriptor; whoever wants it meanwhile asks again. */
    *ret = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return 0;
}

int sqlite_claimed(struct store *base, enum store_role role, bool *ret, struct err *err)
{
    const struct sqlite *s = sqlite_of(sql_of(base));
    int r = is_locked(s, store_role_name(role), s->sql.shard.number, ret);
    return r < 0 ? fail(s, store_role_name(role), -r, err) : 0;
}

int sqlite_has_others(struct store *base, bool *ret, struct err *err)
{
    const struct sqlite *s = sqlite_of(sql_of(base));
    *ret = false;
    for (enum store_role role = 0; role < STORE_ROLE_COUNT; role++)
        for (uint32_t shard = 0; shard < CONTROL_MAX_SHARDS && !*ret; shard++) {
            if (s->claimed[role] >= 0 && shard == s->sql.shard.number)
                continue;
            int r = is_locked(s, store_role_name(role), shard, ret);
            if (r < 0)
                return fail(s, store_role_name(role), -r, err);
        }
    return 0;
}

int sqlite_check_room(struct store *base, struct err *err)
{
    const struct sqlite *s = sqlite_of(sql_of(base));
    struct statvfs fs;
    if (statvfs(sqlite3_db_filename(s->db, "main"), &fs) < 0 || fs.f_bavail * fs.f_frsize >= LEAST_ROOM)
        return 0;
    return err_set(err, -ENOSPC, "%s: the disk is full", s->sql.name);
}

void sqlite_give_up_claims(struct sqlite *s)
{
    for (int i = 0; i < STORE_ROLE_COUNT; i++)
        if (s->claimed[i] >= 0)
            close(s->claimed[i]);
}
