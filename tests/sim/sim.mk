# The simulation: the daemons' own code in a world of its own time, network and store. See README.md.
#
# make sim                        thousands of seeds on all cores; SEEDS=N of them from FROM=N on
# make sim SEED=N [TRACE=1]       one

simulated := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/*.c))
in_place  := pthread_create pthread_join pthread_detach pthread_setname_np pthread_cond_wait pthread_cond_timedwait \
             pthread_cond_broadcast pthread_cond_signal sem_wait sem_post clock_gettime getrandom randombytes_random
wrapped   := $(in_place:%=-Wl,--wrap=%)
sim_parts := $(call archives,coordinator collector worker proto common)

$(B)/sim/sim: $(simulated) $(sim_parts)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(wrapped) $^ $(LDLIBS) -o $@

SEEDS ?= 10000
FROM  ?= 1
sim: deps-test
	@$(MAKE) --no-print-directory -s -j2 $(B)/sim/sim
	@$(B)/sim/sim $(if $(SEED),--seed=$(SEED) $(if $(TRACE),--trace,--tell),--seed=$(FROM) --seeds=$(SEEDS) --cores=2)

# Planted mistakes, each in a program of its own, and the seeds that find them.
$(B)/sim/mutants/%/sim: tests/sim/mutants.py $(simulated) $(sim_parts)
	@rm -rf $(@D); mkdir -p $(@D)
	@tests/sim/mutants.py write $* $(@D)
	@for f in $(@D)/*.c; do $(CC) $(CPPFLAGS) $(CFLAGS) -w -c $$f -o $${f%.c}.o || exit 1; done
	@$(CC) $(LDFLAGS) $(wrapped) $(simulated) $(@D)/*.o $(sim_parts) $(LDLIBS) -o $@
mutants := $(shell [ -z '$(filter sim-mutants hunt,$(MAKECMDGOALS))' ] || tests/sim/mutants.py names $(QUICK))
hunt: $(mutants:%=$(B)/sim/mutants/%/sim)
	@tests/sim/mutants.py hunt $(B)/sim/mutants 1000 $(mutants)
sim-mutants: deps-test
	@$(MAKE) --no-print-directory -s -j2 hunt

.PHONY: sim sim-mutants hunt
