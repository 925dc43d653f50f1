#include "common/incident.h"

static const char *const ends[] = {
    [INCIDENT_OPEN] = "open",
    [INCIDENT_RECOVERED] = "recovered",
    [INCIDENT_WITHDRAWN] = "withdrawn",
};
_Static_assert(sizeof ends / sizeof *ends == INCIDENT_END_COUNT, "every end has a name");

static const char *const kinds[] = {
    [NOTICE_DOWN] = "down",           [NOTICE_BACK] = "back",         [NOTICE_STILL_DOWN] = "still_down",
    [NOTICE_WITHDRAWN] = "withdrawn", [NOTICE_IN_DOUBT] = "in_doubt", [NOTICE_DOUBT_OVER] = "doubt_over",
};
_Static_assert(sizeof kinds / sizeof *kinds == NOTICE_KIND_COUNT, "every kind has a name");

static const char *const states[] = {
    [NOTICE_PENDING] = "pending",
    [NOTICE_SENT] = "sent",
    [NOTICE_FAILED] = "failed",
    [NOTICE_SUPERSEDED] = "superseded",
};
_Static_assert(sizeof states / sizeof *states == NOTICE_STATE_COUNT, "every state has a name");

const char *incident_end_name(enum incident_end e)
{
    return (unsigned)e < INCIDENT_END_COUNT ? ends[e] : "?";
}

const char *notice_kind_name(enum notice_kind k)
{
    return (unsigned)k < NOTICE_KIND_COUNT ? kinds[k] : "?";
}

const char *notice_kind_words(enum notice_kind k)
{
    return k == NOTICE_STILL_DOWN   ? "still down"
           : k == NOTICE_IN_DOUBT   ? "in doubt"
           : k == NOTICE_DOUBT_OVER ? "doubt over"
                                    : notice_kind_name(k);
}

const char *notice_state_name(enum notice_state s)
{
    return (unsigned)s < NOTICE_STATE_COUNT ? states[s] : "?";
}
