/* pagestream.h - a page that is too long to be held in memory: written by a thread of its own, as fast as it
 * is read. Used by pages.h.
 *
 * Whoever writes is stopped by a pipe that is full, and told by page_put when the reader is gone. A writer
 * that ends with an error ends the connection in the middle, so that nobody takes half of a page for all of
 * it.
 */
#ifndef COMMON_PAGESTREAM_H
#define COMMON_PAGESTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct page_out; /* where it is written */

/* False when nobody reads any more: end then, it does not matter how. */
bool page_put(struct page_out *o, const char *bytes, size_t len);

/* Writes a page. `query`: what was asked behind "?site=", NULL for nothing; borrowed. 0, or a negative errno,
 * with which the page is cut off. */
typedef int page_writer_fn(void *arg, const char *query, struct page_out *o);

struct pagestream;

/* Starts the writer's thread. `query` is copied. -ENOMEM, -errno. */
int pagestream_new(struct pagestream **ret, page_writer_fn *fn, void *arg, const char *query);
/* Some bytes, waited for; 0 at the end, -EPIPE when the writer failed. */
ssize_t pagestream_read(struct pagestream *s, char *buf, size_t size);
/* Waits for the writer, who is told by its next page_put that nobody reads any more. NULL is fine. */
void pagestream_free(struct pagestream *s);

#endif
