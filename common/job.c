#include "common/job.h"

#include <string.h>

bool worker_name_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < WORKER_NAME_SIZE &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}
