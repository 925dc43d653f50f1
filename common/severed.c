#include "common/severed.h"

#include <stdio.h>

enum severed severed_judge(const struct severed_facts *f)
{
    if (f->refused)
        return SEVERED_YES;
    if (f->ours)
        return f->last ? SEVERED_NO : SEVERED_LATER;
    if (f->unread > 0)
        return SEVERED_YES;
    if (f->closed)
        return SEVERED_NO;
    if (f->quiet_ms >= 0)
        return f->quiet_ms < SEVERED_QUIET_MS ? SEVERED_YES : SEVERED_NO;
    return f->last ? SEVERED_NO : SEVERED_LATER;
}

void severed_words(const struct severed_facts *f, size_t most, char *buf, size_t size)
{
    if (f->refused)
        snprintf(buf, size,
                 "its connection was ended: what it said first is not ZeroMQ, or for another cluster's key");
    else if (f->unread > 0)
        snprintf(
            buf, size,
            "its connection ended with %zu bytes unread: a message of more than %zu bytes, or not ZeroMQ",
            f->unread, most);
    else
        snprintf(buf, size, "its connection was ended: a message of more than %zu bytes, or not ZeroMQ",
                 most);
}
