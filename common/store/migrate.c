#include "common/store/migrate.h"

#include <errno.h>

int migrate_check_version(unsigned version, unsigned ours, struct err *err)
{
    if (version <= ours)
        return 0;
    return err_set(err, -EPROTO,
                   "its layout has version %u and this program knows versions up to %u: use a newer Vedette",
                   version, ours);
}

static int take_step(const struct migrate_how *how, void *arg, const struct migrate_step *step,
                     struct err *err)
{
    unsigned version = 0;
    int r = how->version(arg, &version, err); /* again, now that nobody else can take it */
    if (r < 0 || version >= step->number)
        return r;
    r = how->run(arg, step->sql, err);
    return r < 0 ? r : how->set_version(arg, step->number, err);
}

int migrate(const struct migrate_how *how, void *arg, const struct migrate_step *steps, size_t n_steps,
            struct err *err)
{
    unsigned version = 0;
    int r = how->version(arg, &version, err);
    if (r == 0)
        r = migrate_check_version(version, n_steps ? steps[n_steps - 1].number : 0, err);
    if (r < 0)
        return r;

    for (size_t i = 0; i < n_steps; i++) {
        if (steps[i].number <= version)
            continue;
        r = how->begin(arg, err);
        if (r < 0)
            return r;
        r = take_step(how, arg, &steps[i], err);
        if (r == 0)
            r = how->commit(arg, err);
        if (r < 0) {
            how->rollback(arg);
            return err_where(err, r, "step %u of the layout", steps[i].number);
        }
    }
    return 0;
}
