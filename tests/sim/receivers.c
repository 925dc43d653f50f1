/* Who is told: in the place of channel.c and the mail servers behind it. A delivery takes some time; a
 * receiver that is away does not take it. Who is killed in the midst of one may or may not have been heard.
 */
#include "collector/channel.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct delivery {
    struct channels *channels;
    char key[NOTICE_KEY_SIZE];
    delivery_done_fn *done;
    void *arg;
    struct loop_timer timer;
    bool accepted;
    struct delivery *prev, *next;
};

struct channels {
    struct loop *loop;
    struct delivery *under_way;
};

int channels_new(struct channels **ret, struct loop *l, const struct config *config, struct err *err)
{
    (void)config;
    (void)err;
    struct channels *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->loop = l;
    *ret = c;
    return 0;
}

static void drop(struct delivery *d)
{
    DL_DELETE(d->channels->under_way, d);
    loop_timer_done(&d->timer);
    free(d);
}

void channels_free(struct channels *c)
{
    if (!c)
        return;
    while (c->under_way)
        drop(c->under_way);
    free(c);
}

static void on_ended(void *arg)
{
    struct delivery *d = arg;
    struct delivery_end end = { .word = d->accepted ? DELIVERY_DONE : DELIVERY_AGAIN };
    if (!d->accepted)
        snprintf(end.trouble, sizeof end.trouble, "it does not answer");
    delivery_done_fn *done = d->done;
    void *whose = d->arg;
    drop(d);
    done(whose, &end);
}

/* Accepted at the beginning, answered later: in between is where a copy comes from. */
void channel_begin(struct channels *c, const struct notice *n, delivery_done_fn *done, void *arg)
{
    struct delivery *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->channels = c;
    snprintf(d->key, sizeof d->key, "%s", n->key);
    d->done = done;
    d->arg = arg;
    d->accepted = !fault_mail_is_away();
    if (d->accepted)
        ledger_delivered(n);
    DL_APPEND(c->under_way, d);
    loop_timer_init(c->loop, &d->timer, on_ended, d);
    loop_timer_at(&d->timer, loop_now(c->loop) + chance_between(&world.looks, 2, 400) * NS_PER_MS);
}

char *channel_label(const char *channel, char *buf, size_t size)
{
    snprintf(buf, size, "%s", channel);
    return buf;
}
