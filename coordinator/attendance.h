/* attendance.h - workers come and go: it is said in the log, and those that are gone give their runs back.
 * Locations where nobody is are said there, too.
 */
#ifndef COORDINATOR_ATTENDANCE_H
#define COORDINATOR_ATTENDANCE_H

#include "coordinator/parts.h"

struct attendance { /* all zero at first; private */
    mono_ns vacancy_at;
};

/* What has changed until now, in each turn. */
void attendance_follow(struct attendance *a, struct parts *p, mono_ns now);

#endif
