/* request.h - the head of an HTTP/1.x request as far as a simulator needs it, and the answer to it.
 *
 * RFC 9112. Bodies of requests are not read: nobody who looks at a site sends one. Pure.
 */
#ifndef LOADGEN_REQUEST_H
#define LOADGEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

struct request {
    bool head;        /* HEAD: the answer has no body */
    bool keep;        /* the connection stays open afterwards */
    const char *host; /* of the Host field; borrowed from the bytes, not terminated */
    size_t host_len;
};

/* The length of the head, when all of it is there; 0 when not yet; -EBADMSG when
 * it is none. */
int request_read(const char *bytes, size_t len, struct request *ret);

/* The whole answer into buf, with a small page of the site's own where there is
 * a body: "all is well" with status 200. Its length; -ENOSPC. A 3xx leads to
 * "/moved", a 429 asks for half a minute. */
int answer_write(char *buf, size_t size, const struct request *r, unsigned status, const char *name);
#define ANSWER_SIZE 640 /* enough for any name of a crowd */

#endif
