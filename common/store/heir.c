#include "common/store/heir.h"

enum heir_word heir_decide(const struct heir_view *v, mono_ns now)
{
    if (v->locked)
        return v->ever && !v->given_back && v->silent_us > v->lease_us ? HEIR_END_HOLDER : HEIR_WAIT;
    if (!v->ever || v->given_back || v->dead)
        return HEIR_TAKE;
    bool watched = v->free_since != 0 && now - v->free_since >= HEIR_WATCH_NS;
    return watched && v->silent_us >= HEIR_SILENCE_US ? HEIR_TAKE : HEIR_WAIT;
}
