# Fuzzers: make fuzz SECONDS=60. Each tests/fuzz/fuzz_<name>.c is a libFuzzer
# program that states a truth about what comes from outside. It starts from the
# small corpus kept in tests/fuzz/corpus/fuzz_<name>/; what it finds stays in
# the build folder. Everything of ours in it is built by clang, with coverage
# and sanitizers, as a variant of its own.

SECONDS ?= 60
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzzing := CC=clang VARIANT=fuzz \
           'FLAGS.fuzz=-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
fuzzed   = $(BUILD)/fuzz-clang

# What a fuzzer links besides proto and common.
FUZZES.fuzz_sitelist    := cli
FUZZES.fuzz_coordinator := coordinator
FUZZES.fuzz_answer      := worker
# Those whose time, network and store are the fuzzer's: see fake.h.
FAKES.fuzz_coordinator  := newest_change each_brief next_briefs each_last_slot each_result get_settled
fakes = $(if $(FAKES.$(1)),$(B)/tests/fuzz/fake_loop.o $(B)/tests/fuzz/fake_bus.o)
wraps = $(if $(FAKES.$(1)),$(addprefix -Wl$(comma)--wrap=,clock_mono clock_wall uv_timer_init uv_timer_start \
            uv_timer_stop uv_now uv_close zmq_setsockopt $(FAKES.$(1):%=store_%)))
comma := ,
# Half of a daemon's virtual seconds would go into watching how these count.
$(patsubst %,$(B)/%.o,common/histogram common/spread coordinator/lateness): CFLAGS := $(subst fuzzer-no-link$(comma),,$(CFLAGS))

fuzz:
	@$(MAKE) --no-print-directory $(fuzzing) fuzzers
	@$(MAKE) --no-print-directory $(fuzzing) $(fuzzers:%=run-%)
# For so long in all, on every core; then what was found is made as small as it can be without losing a line
# that it reaches, and is left in fuzz-clang/kept/: make fuzz-long FOR=3600
FOR ?= 3600
fuzz-long:
	@$(MAKE) --no-print-directory -j$(CORES) fuzz SECONDS=$$(( $(FOR) * $(CORES) / $(words $(fuzzers)) + 1 ))
	@$(MAKE) --no-print-directory -j$(CORES) $(fuzzing) $(fuzzers:%=keep-%)
CORES := $(shell nproc)
$(fuzzers:%=keep-%): keep-%:
	@f=$*; kept=$(fuzzed)/kept/$$f; rm -rf $$kept; mkdir -p $$kept; \
	$(fuzzed)/fuzz/$$f -set_cover_merge=1 $$kept tests/fuzz/corpus/$$f $(fuzzed)/found/$$f >$$kept.log 2>&1 \
	    || { tail -n 40 $$kept.log; exit 1; }; echo "$$f: $$(ls $$kept | wc -l) inputs in $$kept"
# One after the other, or side by side with make -j.
$(fuzzers:%=run-%): run-%:
	@f=$*; mkdir -p $(fuzzed)/found/$$f; log=$(fuzzed)/found/$$f.log; \
	$(fuzzed)/fuzz/$$f -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    $$(sed -n 's|^/\* libFuzzer: \(.*\) \*/$$|\1|p' tests/fuzz/$$f.c) \
	    -artifact_prefix=$(fuzzed)/found/$$f. $(fuzzed)/found/$$f tests/fuzz/corpus/$$f >$$log 2>&1 \
	    || { tail -n 40 $$log; echo "$$f: found something, see $$log"; exit 1; }; \
	sed -n "s/^stat::number_of_executed_units: */$$f: $(SECONDS) seconds, executions: /p" $$log

# In the variant 'fuzz' only.
define fuzzer
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(call fakes,$(1)) $(call archives,$(FUZZES.$(1)) proto common)
endef
$(foreach f,$(fuzzers),$(eval $(call fuzzer,$(f))))
$(B)/fuzz/%:
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $(call wraps,$(@F)) $(filter %.o %.a,$^) $(LDLIBS) -o $@
fuzzers: $(fuzzers:%=$(B)/fuzz/%)

.PHONY: fuzz fuzz-long fuzzers $(fuzzers:%=run-%) $(fuzzers:%=keep-%)
