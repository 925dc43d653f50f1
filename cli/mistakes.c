#include "cli/mistakes.h"

#include <errno.h>

bool mistakes_room(const struct mistakes *m)
{
    return m->count < MISTAKES_MAX && !m->fatal;
}

void mistakes_add(struct mistakes *m, unsigned line, const char *field, int code, const struct err *err)
{
    bool note = code == -EEXIST && m->note_twice;
    if (code == -ENOMEM || code == -ENOSPC)
        m->fatal = code;
    if (!mistakes_room(m))
        return;
    if (!note)
        m->count++;
    text_addf(m->text, "%s:%u: %s%s%s%s\n", m->path, line, field, field[0] ? ": " : "", err->text,
              note ? "; left out here" : "");
}
