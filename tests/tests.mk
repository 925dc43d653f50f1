# Tests and checks of the code. `make test` installs what is missing and runs
# the phases of tests/run.py; its closing line is 'N passed, N failed'.

test: deps-test
	@tests/run.py
unit: deps-test
	@tests/run.py unit:asan unit:tsan
integration: deps-test
	@tests/run.py integration:debug
lint: deps-test
	@tests/run.py lint
# Stories of a cluster of hosts; `make test` tells the short ones. Needs root: tests/cluster/README.md.
cluster: deps-test
	@$(MAKE) --no-print-directory -s -j2 all
	@/usr/bin/python3 -m pytest -p no:cacheprovider tests/cluster

# Where spaces go.
own := $(wildcard $(foreach f,$(FOLDERS),$(f)/*.[ch] $(f)/*/*.[ch]) tests/unit/*/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] tests/sim/*.[ch])
format:
	clang-format-14 --dry-run -Werror $(own)
reformat:
	clang-format-14 -i $(own)

generated: $(gen) $(embedded)

# Each header compiles alone.
headers: $(gen) $(embedded)
	@bad=0; for h in $(headers); do \
	    $(CC) $(CPPFLAGS) $(CFLAGS) -Werror -x c -fsyntax-only $$h || bad=1; \
	    case "$$(basename $$h)" in *_inside.h) ;; *) \
	    printf '#include "%s"\n#include "%s"\n' $$h $$h | \
	        $(CC) $(CPPFLAGS) $(CFLAGS) -Werror -x c -fsyntax-only - || bad=1 ;; esac; \
	done; exit $$bad

# Includes point one way: common uses nothing of ours, proto uses common, a
# program uses both and no other program. The command line is the one that may
# look at sites by itself. Generated code stays behind proto/wire.h.
layers:
	@! grep -rnE '^#include "(proto|coordinator|worker|collector|cli|loadgen|tests)/' common
	@! grep -rnE '^#include "(coordinator|worker|collector|cli|loadgen|tests)/' proto
	@! grep -rnE '^#include "(worker|collector|cli|loadgen|tests)/' coordinator
	@! grep -rnE '^#include "(coordinator|collector|cli|loadgen|tests)/' worker
	@! grep -rnE '^#include "(coordinator|worker|cli|loadgen|tests)/' collector
	@! grep -rnE '^#include "(coordinator|collector|loadgen|tests)/' cli
	@! grep -rnE '^#include "(proto|coordinator|worker|collector|cli|tests)/' loadgen
	@! grep -rn 'pb-c\.h"' common coordinator worker collector cli loadgen tests
	@! grep -rnE '^#include "common/store/(backend|.*_inside)\.h"' coordinator worker collector cli loadgen proto tests
	@# One file name, one place: it says which test and which functions belong to it.
	@double=$$(printf '%s\n' $(wildcard $(foreach f,$(FOLDERS),$(f)/*.c $(f)/*/*.c)) | grep -v '/main\.c$$' | \
	    xargs -n1 basename | sort | uniq -d); [ -z "$$double" ] || { echo "two files are called: $$double"; exit 1; }
	@# Deciding is pure: no clock, socket, store or log in these.
	@! grep -nE 'clock_mono\(|clock_wall\(|zmq_|bus_|store_[a-z]+\(|log_[a-z]+\(|uv_' $(wildcard $(pure))
pure := $(addprefix coordinator/,schedule.c lease.c lease_table.c roster.c lateness.c pace.c accounts.c arrears.c gather.c ring.c watchlist.c \
            idmap.c turns.c domain.c patience.c vacancy.c) \
        $(addprefix collector/,jury.c passports.c quorum.c views.c witnesses.c rounds.c state.c message.c workernote.c mime.c retry.c signature.c) \
        $(addprefix worker/,exclusion.c halves.c shares.c limits.c match.c causes.c address.c candidates.c outbox.c selfcheck.c keyword.c dnscache.c courtesy.c presence.c intake.c canary.c tickets.c) \
        $(addprefix loadgen/,crowd.c rule.c latency.c request.c zone.c) \
        common/access.c common/shard.c common/doors.c common/dropped.c common/endpoint.c common/heap.c common/leader.c common/location.c common/logline.c common/metrics.c common/nearest.c common/pool.c common/seal.c common/severed.c common/spread.c common/token.c common/zap.c common/zapwait.c common/store/heir.c common/store/hours.c common/store/lines.c common/utf8.c cli/capacity.c cli/plan.c cli/pulses.c

scripts:
	shellcheck .ci/run $$(grep -rlE -m1 '^#!.*\b(ba)?sh\b' deploy tests)

# memleak and ctuuninitvar: cppcheck knows neither the cleanup attribute (scope.h)
# nor that a function may fill what it is pointed at; the sanitizers do. uthash and
# utlist are read for their macros.
analysis: $(gen) $(embedded)
	@mkdir -p $(BUILD)/cppcheck
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingInclude --suppress=normalCheckLevelMaxBranches --suppress=memleak \
	    --suppress=ctuuninitvar --suppress='preprocessorErrorDirective:*.pb-c.h' --suppress='*:/usr/include/*' \
	    --include=/usr/include/uthash.h --include=/usr/include/utlist.h -I. -I$(BUILD)/gen -D_GNU_SOURCE -j2 \
	    --cppcheck-build-dir=$(BUILD)/cppcheck $(foreach f,$(FOLDERS),$(wildcard $(f)))

.PHONY: test unit integration cluster lint generated format reformat headers layers scripts analysis
-include tests/fuzz/fuzz.mk
-include tests/bench/bench.mk
-include tests/chaos/chaos.mk
-include tests/sim/sim.mk
