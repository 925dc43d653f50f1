#include "coordinator/vacancy.h"

enum vacancy_word vacancy_step(struct vacancy *v, unsigned location, bool asked, unsigned ready, mono_ns now)
{
    uint32_t bit = UINT32_C(1) << location;
    if (ready > 0 || !asked) {
        bool was_told = v->told & bit;
        v->since[location] = 0;
        v->told &= ~bit;
        return was_told && ready > 0 ? VACANCY_MANNED : VACANCY_NO_NEWS;
    }
    if (v->since[location] == 0)
        v->since[location] = now;
    if (v->told & bit || now - v->since[location] < VACANCY_NS)
        return VACANCY_NO_NEWS;
    v->told |= bit;
    return VACANCY_NOBODY;
}
