#include "common/doors.h"

#include "common/endpoint.h"

#include <stdio.h>
#include <string.h>

bool doors_outside(const char *endpoint, const char *advertise, char ret[ENDPOINT_SIZE])
{
    char at[ENDPOINT_SIZE];
    size_t len = strlen(endpoint);
    if (len == 0 || len >= ENDPOINT_SIZE || endpoint[len - 1] == '*' || strchr(endpoint, ' '))
        return false;
    if (!endpoint_is_everywhere(endpoint))
        memcpy(at, endpoint, len + 1);
    else if (!*advertise || endpoint_at(endpoint, advertise, at, sizeof at) < 0)
        return false;
    memcpy(ret, at, strlen(at) + 1);
    return true;
}

void doors_add(char *doors, size_t size, const char *lane, const char *endpoint, const char *advertise)
{
    char outside[ENDPOINT_SIZE];
    size_t len = strlen(doors);
    if (doors_outside(endpoint, advertise, outside) && len + strlen(lane) + strlen(outside) + 2 < size)
        snprintf(doors + len, size - len, "%s%s=%s", len ? " " : "", lane, outside);
}

bool doors_find(const char *doors, const char *lane, char ret[ENDPOINT_SIZE])
{
    size_t len = strlen(lane);
    for (const char *at = doors; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t word = strcspn(at, " ");
        if (word <= len + 1 || strncmp(at, lane, len) != 0 || at[len] != '=')
            continue;
        if (word - len - 1 >= ENDPOINT_SIZE)
            return false;
        snprintf(ret, ENDPOINT_SIZE, "%.*s", (int)(word - len - 1), at + len + 1);
        return true;
    }
    return false;
}

bool doors_find_from(const char *doors, const char *lane, const char *endpoint, const char *advertise,
                     char ret[ENDPOINT_SIZE])
{
    char ours[ENDPOINT_SIZE];
    if (!doors_find(doors, lane, ret))
        return false;
    if (doors_outside(endpoint, advertise, ours) && strcmp(ours, ret) == 0)
        memcpy(ret, endpoint, strlen(endpoint) + 1);
    return true;
}
