/* inet_ntop, standing before glibc's: that one prints IPv4 addresses through sprintf,
 * and libcurl asks for three in every transfer, which was a tenth of a plain look's
 * instructions. Same contract (POSIX, inet_ntop(3)); what is not IPv4 libuv does. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <uv.h>

static size_t print_v4(char *to, const unsigned char bytes[4])
{
    char *at = to;
    for (int i = 0; i < 4; i++) {
        if (bytes[i] >= 100)
            *at++ = (char)('0' + bytes[i] / 100);
        if (bytes[i] >= 10)
            *at++ = (char)('0' + bytes[i] / 10 % 10);
        *at++ = (char)('0' + bytes[i] % 10);
        *at++ = i < 3 ? '.' : '\0';
    }
    return (size_t)(at - to);
}

const char *inet_ntop(int family, const void *restrict address, char *restrict buf, socklen_t size)
{
    char v4[INET_ADDRSTRLEN];
    if (family != AF_INET) {
        errno = -uv_inet_ntop(family, address, buf, size);
        return errno == 0 ? buf : NULL;
    }
    size_t len = print_v4(v4, address);
    if (len > size) {
        errno = ENOSPC;
        return NULL;
    }
    return memcpy(buf, v4, len);
}
