#include "common/control.h"

static const char *const names[] = {
    [CONTROL_HELLO] = "hello",       [CONTROL_WELCOME] = "welcome",   [CONTROL_REFUSED] = "refused",
    [CONTROL_TAKEN] = "taken",       [CONTROL_BUSY] = "busy",         [CONTROL_HEARTBEAT] = "heartbeat",
    [CONTROL_BEAT] = "beat",         [CONTROL_RECORDED] = "recorded", [CONTROL_DRAIN] = "drain",
    [CONTROL_DRAINING] = "draining", [CONTROL_GOODBYE] = "goodbye",   [CONTROL_STANDBY] = "standby",
};
_Static_assert(sizeof names / sizeof *names == CONTROL_KIND_END, "every kind has a name");

const char *control_kind_name(enum control_kind k)
{
    return (unsigned)k < CONTROL_KIND_END && names[k] ? names[k] : "?";
}
