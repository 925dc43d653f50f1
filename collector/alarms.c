#include "collector/alarms.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>

/* A binary heap. Every alarm knows its place, so that it can be moved and
 * taken out from the middle. Places count from 1: 0 says that it is not here,
 * which is how a zeroed alarm begins. */

static void put(struct alarms *a, size_t place, struct alarm *alarm)
{
    a->heap[place - 1] = alarm;
    alarm->place = place;
}

static void up(struct alarms *a, struct alarm *alarm)
{
    size_t place = alarm->place;
    while (place > 1 && a->heap[place / 2 - 1]->due > alarm->due) {
        put(a, place, a->heap[place / 2 - 1]);
        place /= 2;
    }
    put(a, place, alarm);
}

static void down(struct alarms *a, struct alarm *alarm)
{
    size_t place = alarm->place;
    for (;;) {
        size_t child = place * 2;
        if (child > a->count)
            break;
        if (child < a->count && a->heap[child]->due < a->heap[child - 1]->due)
            child++;
        if (a->heap[child - 1]->due >= alarm->due)
            break;
        put(a, place, a->heap[child - 1]);
        place = child;
    }
    put(a, place, alarm);
}

void alarms_done(struct alarms *a)
{
    free(a->heap);
    *a = (struct alarms){ 0 };
}

int alarms_set(struct alarms *a, struct alarm *alarm, int64_t due)
{
    if (due == ALARM_NEVER) {
        alarms_drop(a, alarm);
        return 0;
    }
    if (alarm->place == 0) {
        if (array_room(a->heap, a->count, a->room) < 0)
            return -ENOMEM;
        alarm->place = ++a->count;
    }
    alarm->due = due;
    up(a, alarm);
    down(a, alarm);
    return 0;
}

void alarms_drop(struct alarms *a, struct alarm *alarm)
{
    size_t place = alarm->place;
    if (place == 0)
        return;
    alarm->place = 0;
    struct alarm *last = a->heap[--a->count];
    if (last == alarm)
        return;
    last->place = place;
    up(a, last);
    down(a, last);
}

int64_t alarms_next(const struct alarms *a)
{
    return a->count ? a->heap[0]->due : ALARM_NEVER;
}

struct alarm *alarms_take(struct alarms *a, int64_t now)
{
    if (a->count == 0 || a->heap[0]->due > now)
        return NULL;
    struct alarm *first = a->heap[0];
    alarms_drop(a, first);
    return first;
}
