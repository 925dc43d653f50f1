# What it costs, beside what others cost. Prints tables and keeps
# build/bench/results.json and build/bench/chart.svg.

benches := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))
$(benches): $(B)/bench/%: $(B)/tests/bench/%.o $(call archives,coordinator worker collector proto common)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@
benches: $(benches)

# make bench ONLY=exercise,many,cluster     only some
bench: deps-bench
	@$(MAKE) --no-print-directory -s -j2 VARIANT=release all benches
	@VEDETTE_BIN=$(CURDIR)/$(BUILD)/release/bin /usr/bin/python3 tests/bench/bench.py --out $(BUILD)/bench \
	    $(if $(ONLY),--only $(ONLY))
.PHONY: bench benches
