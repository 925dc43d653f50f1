#include "collector/channel/carrier.h"
#include "collector/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Whoever reads our output may be slow, and other notices must not wait for it:
 * a pipe without room means that the line comes later. A line is shorter than
 * PIPE_BUF, so it is written whole or not at all (pipe(7)). */
void console_begin(struct carrier_tools *t, const struct notice *n, const char *target,
                   delivery_done_fn *done, void *arg)
{
    (void)t;
    (void)target;
    char line[MESSAGE_LINE_SIZE];
    struct err err = { 0 };
    if (message_line(n->payload, line, sizeof line - 1, &err) < 0) {
        carrier_end(done, arg, DELIVERY_REFUSED, "%s", err.text);
        return;
    }
    strcat(line, "\n");

    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT &&
        write(STDOUT_FILENO, line, strlen(line)) == (ssize_t)strlen(line))
        carrier_end(done, arg, DELIVERY_DONE, "%s", "");
    else
        carrier_end(done, arg, DELIVERY_AGAIN, "standard output takes no line now");
}
