/* The connection to a server: made, set up, looked at, and made again when it is lost.
 *
 * Losing it is an ordinary outcome: what was under way fails with -EIO, and the next
 * call connects anew. Attempts that fail are 100 ms to 5 s apart (a claim's 200 ms); in between calls fail
 * at once, so that a daemon's loop is not held up by a server that is away. */
#include "common/clock.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WITHIN_MS   5000
#define AGAIN_WITHIN_MS   1000 /* a daemon's loop waits meanwhile */
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MOST_MS  5000
#define BACK_OFF_EAGER_MS 200 /* whoever has a claim, or waits for one; within HEIR_SILENCE_US it is back */

void postgres_drop(struct postgres *p)
{
    PQfinish(p->conn);
    p->conn = NULL;
    p->sent = 0;
    p->day_ready = -1;
}

/* Ours first: what the URL says of the same comes later and counts. A peer that is gone
 * without a word is noticed within some ten seconds. */
static PGconn *dial(const char *url)
{
    static const char *const keys[] = { "application_name", "client_encoding",  "keepalives",
                                        "keepalives_idle",  "keepalives_count", "keepalives_interval",
                                        "tcp_user_timeout", "dbname",           NULL };
    const char *const values[] = { "vedette", "UTF8", "1", "4", "3", "2", "10000", url, NULL };
    PGconn *conn = PQconnectStartParams(keys, values, 1);
    if (conn)
        PQsetErrorVerbosity(conn, PQERRORS_VERBOSE); /* with the number of what is wrong */
    return conn;
}

/* Runs libpq's steps of connecting until `deadline`. */
static bool finish_dialling(PGconn *conn, mono_ns deadline)
{
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (PQstatus(conn) != CONNECTION_BAD) {
        struct pollfd fd = { .fd = PQsocket(conn),
                             .events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT };
        int64_t left_ms = (deadline - clock_mono()) / NS_PER_MS;
        if (left_ms <= 0)
            return false;
        int n = poll(&fd, 1, (int)left_ms);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        wants = PQconnectPoll(conn);
        if (wants == PGRES_POLLING_OK)
            return true;
    }
    return false;
}

/* Why not: of a server's complaint its five characters are known. */
static int refused(const struct postgres *p, PGconn *conn, struct err *err)
{
    static const struct {
        const char *state;
        int r;
    } rows[] = {
        {"3D000",  -ENOENT},
        { "28P01", -EROFS },
        { "28000", -EROFS },
        { "42501", -EROFS }
    };
    const char *says = conn ? PQerrorMessage(conn) : "out of memory";
    const char *fatal = strstr(says, "FATAL:  ");
    int r = -EIO;
    if (fatal) {
        says = fatal + strlen("FATAL:  ");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (strncmp(says, rows[i].state, 5) == 0)
                r = rows[i].r;
        if (strlen(says) > 7 && says[5] == ':')
            says += 7;
    }
    if (!*says)
        says = "the server does not answer";
    return err_set(err, r, "%s: cannot connect: %.*s", p->sql.name, (int)strcspn(says, "\n"), says);
}

/* The server's own choice of plans is made for larger answers than ours: each of our
 * queries has an index. And it is to notice within some ten seconds, as we do, that the other
 * end is gone without a word: with Linux's two hours, hosts that die would use up its connections,
 * and hold what they had locked. */
static int set_up(struct postgres *p, struct err *err)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "SET client_min_messages = warning; SET statement_timeout = '60s'; SET jit = off; "
             "SET enable_seqscan = off; SET cursor_tuple_fraction = 1.0; "
             "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; "
             "SET tcp_user_timeout = 10000; "
             "SET default_transaction_read_only = %s",
             p->mode == STORE_READ ? "on" : "off");
    PGresult *res = PQexec(p->conn, sql);
    int r = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : postgres_fail(p, res, "connect", err);
    PQclear(res);
    return r;
}

static void no_notice(void *arg, const PGresult *res)
{
    (void)arg, (void)res;
}

static int connect_once(struct postgres *p, struct err *err)
{
    PGconn *conn = dial(p->url);
    if (!conn ||
        !finish_dialling(conn, clock_mono() + (p->session ? AGAIN_WITHIN_MS : FIRST_WITHIN_MS) * NS_PER_MS)) {
        int r = refused(p, conn, err);
        PQfinish(conn);
        return r;
    }
    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    PQsetNoticeReceiver(conn, no_notice, NULL);
    p->conn = conn;
    p->session++;
    return set_up(p, err);
}

int postgres_ready(struct postgres *p, struct err *err)
{
    char words[32];
    if (p->conn)
        return 0;
    if (p->deposed)
        return postgres_reclaim(p, err);
    mono_ns now = clock_mono();
    if (p->back_off_ms && now < p->retry_at)
        return err_set(err, -EIO, "%s: there is no connection; the next attempt is in %s", p->sql.name,
                       duration_words(words, sizeof words, (p->retry_at - now) / NS_PER_US));
    int r = connect_once(p, err);
    if (r == 0)
        r = postgres_inspect(p, err);
    if (r == 0)
        r = postgres_reclaim(p, err);
    if (r == 0) {
        p->back_off_ms = 0;
        return 0;
    }
    postgres_drop(p);
    p->back_off_ms = p->back_off_ms ? p->back_off_ms * 2 : BACK_OFF_FIRST_MS;
    int64_t most_ms = p->eager ? BACK_OFF_EAGER_MS : BACK_OFF_MOST_MS;
    if (p->back_off_ms > most_ms)
        p->back_off_ms = most_ms;
    p->retry_at = clock_mono() + p->back_off_ms * NS_PER_MS;
    return r;
}
