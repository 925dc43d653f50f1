#include "cli/backoff.h"

mono_ns backoff_step(struct backoff *b, mono_ns lived)
{
    if (b->wait == 0 || lived >= BACKOFF_FORGIVEN)
        b->wait = BACKOFF_FIRST;
    else
        b->wait = b->wait * 2 < BACKOFF_MOST ? b->wait * 2 : BACKOFF_MOST;
    return b->wait;
}
