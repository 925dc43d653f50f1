/* scope.h - values that are released when they leave their scope.
 *
 *     scoped(schedule) struct schedule *s = NULL;
 *
 * frees s on every way out of the block. moved(s) hands the value on to
 * somebody else and leaves NULL behind, so nothing is freed twice.
 */
#ifndef COMMON_SCOPE_H
#define COMMON_SCOPE_H

#define scoped(name) __attribute__((cleanup(scope_end_##name)))

/* Makes scoped(name) work for variables of `type`; `release` must take NULL. */
#define DEFINE_SCOPED(name, type, release)       \
    static inline void scope_end_##name(type *v) \
    {                                            \
        release(*v);                             \
    }

#define moved(p)                    \
    ({                              \
        __typeof__(p) moved_ = (p); \
        (p) = NULL;                 \
        moved_;                     \
    })

#endif
