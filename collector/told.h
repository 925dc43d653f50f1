/* told.h - what became of one attempt to deliver a notice: the notifier's word
 * to the thread that owns the store. */
#ifndef COLLECTOR_TOLD_H
#define COLLECTOR_TOLD_H

#include "common/incident.h"

#define TROUBLE_SIZE       200
#define CHANNEL_LABEL_SIZE 160

struct told {
    uint64_t notice_id, incident_id, site_id;
    enum notice_kind kind;
    enum notice_state state; /* pending: it will be tried again at next_try_us */
    uint32_t attempts;
    wall_us next_try_us;
    wall_us sent_us; /* 0 before */
    char trouble[TROUBLE_SIZE];
    char channel[CHANNEL_LABEL_SIZE]; /* without secrets */
};

#endif
