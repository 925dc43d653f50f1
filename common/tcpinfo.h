/* tcpinfo.h - what the kernel knows of a TCP connection, see tcp(7). */
#ifndef COMMON_TCPINFO_H
#define COMMON_TCPINFO_H

#include <stdint.h>

/* Bytes that the other end has sent so far; -1 for what is no TCP connection. */
int64_t tcpinfo_heard(int fd);

#endif
