/* Which edit is the newest, without asking the server each time.
 *
 * An edit tells it to all that listen, with its commit (NOTIFY). A handle that asks for
 * the newest one begins to listen, and has the answer in its hand as long as it has heard
 * nothing. Daemons ask ten times a second; the server is asked when there is news, and
 * now and then all the same, since a pooler between us may swallow it.
 *
 * PostgreSQL's manual: LISTEN, NOTIFY, and chapter 34.9 (asynchronous notification). */
#include "common/clock.h"
#include "common/store/postgres_inside.h"

#include <errno.h>

#define CHANNEL      "vedette_edit"
#define ASK_AGAIN_NS NS_PER_S

int postgres_tell_edit(struct sql *s, struct err *err)
{
    return postgres_exec(postgres_of(s), "edit it", "NOTIFY " CHANNEL, NULL, err);
}

/* What has come in on the connection is looked at, and no more is waited for. */
static bool heard_something(struct postgres *p)
{
    bool some = false;
    if (PQconsumeInput(p->conn) != 1) {
        postgres_drop(p);
        return true;
    }
    for (PGnotify *n; (n = PQnotifies(p->conn)); PQfreemem(n))
        some = true;
    return some;
}

/* On each connection anew. What is asked afterwards comes after what is heard. */
static int listen_once(struct postgres *p, struct err *err)
{
    if (p->news.session == p->session && p->conn)
        return 0;
    int r = postgres_exec(p, "read it", "LISTEN " CHANNEL, NULL, err);
    if (r == 0) {
        p->news.session = p->session;
        p->news.asked = 0;
    }
    return r;
}

int postgres_newest_change(struct store *base, uint64_t *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    if (p->writing || p->reading || p->sent)
        return sql_newest_change(base, ret, err);
    if (p->conn && heard_something(p))
        p->news.asked = 0;
    int r = listen_once(p, err);
    if (r < 0)
        return r;
    mono_ns now = clock_mono();
    if (p->news.asked && now - p->news.asked < ASK_AGAIN_NS) {
        *ret = p->news.change;
        return 0;
    }
    r = sql_newest_change(base, ret, err);
    p->news.asked = r == 0 && p->news.session == p->session ? now : 0;
    p->news.change = *ret;
    return r;
}
