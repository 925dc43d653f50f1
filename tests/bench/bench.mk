# What it costs, beside what others cost. Prints tables; keeps figures, pictures and
# results.md in build/bench, and of measurements that are not repeated what was there.

# bench_schedule weighs what glibc's malloc tells.
benches := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))
$(benches): $(B)/bench/%: $(B)/tests/bench/%.o $(call archives,coordinator worker collector proto common)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(if $(findstring bench_schedule,$@),$(filter-out -ljemalloc,$(LDLIBS)),$(LDLIBS)) -o $@
benches: $(benches)

# make bench ONLY=exercise,many,cluster     only some
bench: deps-bench
	@$(MAKE) --no-print-directory -s -j2 VARIANT=release all benches
	@VEDETTE_BIN=$(CURDIR)/$(BUILD)/release/bin /usr/bin/python3 tests/bench/bench.py --out $(BUILD)/bench \
	    $(if $(ONLY),--only $(ONLY))

# Puts what is kept there into tests/bench/RESULTS.md.
bench-results:
	@/usr/bin/python3 tests/bench/bench.py --out $(BUILD)/bench --publish
.PHONY: bench bench-results benches
