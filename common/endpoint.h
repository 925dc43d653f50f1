/* endpoint.h - addresses of links as settings write them: "tcp://127.0.0.1:7711",
 * "tcp://[::1]:7711", "tcp://collector.example.com:7712", "tcp://0.0.0.0:7711",
 * "ipc:///run/vedette/control", and "inproc://name" inside one process. Pure.
 */
#ifndef COMMON_ENDPOINT_H
#define COMMON_ENDPOINT_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/* -EINVAL with a sentence for what is none of these. Ports may be * for a free one
 * when binding. Nothing is looked up. */
int endpoint_check(const char *endpoint, struct err *err);

/* Beyond doubt of this machine alone: ipc://, inproc://, or tcp:// on a loopback
 * address (network.h). Others need keys, see keys.h. */
bool endpoint_is_local(const char *endpoint);
bool endpoint_is_tcp(const char *endpoint);

/* tcp:// on all addresses of this host: an asterisk, 0.0.0.0, [::]. */
bool endpoint_is_everywhere(const char *endpoint);

/* The host of a tcp:// endpoint, brackets and all, into buf; "" for others. */
void endpoint_host(const char *endpoint, char *buf, size_t size);

/* The same port at another host: what `endpoint` is called by whoever reaches it
 * there. -ENAMETOOLONG; -EINVAL where it has no host. */
int endpoint_at(const char *endpoint, const char *host, char *buf, size_t size);

/* What a socket of this host connects to: one that is everywhere is on loopback as
 * well. 0 or -ENAMETOOLONG. */
int endpoint_to_connect(const char *endpoint, char *buf, size_t size);

/* A socket that may do IPv6 names an IPv4 address as "tcp://[::ffff:127.0.0.1]:7711": the
 * plain writing is what others connect to, and what endpoint_check knows. In place. */
void endpoint_write_plainly(char *endpoint);

#endif
