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
FUZZES.fuzz_sitelist := cli

fuzz:
	@$(MAKE) --no-print-directory $(fuzzing) fuzzers
	@$(MAKE) --no-print-directory $(fuzzing) $(fuzzers:%=run-%)
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
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(call archives,$(FUZZES.$(1)) proto common)
endef
$(foreach f,$(fuzzers),$(eval $(call fuzzer,$(f))))
$(B)/fuzz/%:
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $(filter %.o %.a,$^) $(LDLIBS) -o $@
fuzzers: $(fuzzers:%=$(B)/fuzz/%)

.PHONY: fuzz fuzzers $(fuzzers:%=run-%)
