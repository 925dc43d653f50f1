/* fake_inside.h - what fake_loop.c and fake_bus.c know of each other. */
#ifndef TESTS_FUZZ_FAKE_INSIDE_H
#define TESTS_FUZZ_FAKE_INSIDE_H

#include "tests/fuzz/fake.h"

void fake_loop_begin(void);
void fake_loop_end(void);
bool fake_readable(const void *socket);

#endif
