#include "common/event.h"

static const char *const names[] = {
    [EVENT_RESULT] = "result", [EVENT_HEALTH] = "health", [EVENT_INCIDENT] = "incident",
    [EVENT_NOTICE] = "notice", [EVENT_WORKER] = "worker", [EVENT_PULSE] = "pulse",
    [EVENT_VIEW] = "view",
};
_Static_assert(sizeof names / sizeof *names == EVENT_KIND_END, "every kind has a name");

const char *event_kind_name(enum event_kind k)
{
    return (unsigned)k < EVENT_KIND_END && names[k] ? names[k] : "?";
}
