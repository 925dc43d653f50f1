# make                     every program, debug variant, in build/debug/bin
# make VARIANT=release     also: debug, asan, tsan, cov; each has its own build folder; CC=clang works
# make run                 install what is missing, build, watch an example list (FOR=40s SITES=my.yaml KEEP=FOLDER)
# make test                install what is missing, build, run every test but the long ones
# make unit | integration  parts of it            make lint     format, analysis, headers, layers, scripts
# make cluster             all stories of many hosts, as root
# make chaos               faults by seeds for half an hour, as root
# make sim                 thousands of simulated worlds in which everything goes wrong; SEED=N TRACE=1 for one
# make sim-mutants         mistakes planted in copies of the daemons' files, and the seeds that find them
# make fuzz SECONDS=60     every fuzzer            make bench    what it costs, beside what others cost
# make fuzz-long FOR=3600  ... for so long in all, and a small corpus of what they found
# make install PREFIX=     make deps               make clean
#
# Sources are found, not listed: adding a .c file needs no edit here. The
# compiler writes down each object's headers (-MMD), so that editing a header
# rebuilds exactly what includes it. Each folder becomes an archive, and a
# program or test links the archives of what it may use.

MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/bash

VARIANT ?= debug
BUILD   ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
B       := $(BUILD)/$(VARIANT)$(if $(filter clang,$(CC)),-clang)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
        -Wformat=2 -Wundef -Wpointer-arith $(if $(WERROR),-Werror)
FLAGS.debug   := -O1 -g -fno-omit-frame-pointer
FLAGS.release  = -O2 -g -fstack-protector-strong -fstack-clash-protection -fPIE $(BRANCHES)
FLAGS.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS.cov     := -O0 -g --coverage
# Where an indirect jump may lead, as far as compiler and processor know of it: CET, BTI. deploy/hardening.sh
# reads from the programs that all of this is in them.
BRANCHES       = $(firstword $(foreach f,-fcf-protection=full -mbranch-protection=standard,$(if \
                     $(shell $(CC) $f -Werror -x c -c -o /dev/null /dev/null 2>/dev/null && echo yes),$f)))
FLAGS         := $(or $(FLAGS.$(VARIANT)),$(error there is no variant '$(VARIANT)'))
DEFS.release  := -D_FORTIFY_SOURCE=2
LINK.release  := -pie -Wl,-z,relro,-z,now,-z,noexecstack

PKGS     := libzmq libcurl libcares openssl libuv sqlite3 libprotobuf-c yaml-0.1 jansson smartcols \
            libsodium libsystemd libidn2 libpsl libmicrohttpd libpq
CPPFLAGS := -I. -I$(BUILD)/gen -D_GNU_SOURCE $(DEFS.$(VARIANT)) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS   := -std=gnu17 $(WARN) $(FLAGS) -pthread
LDFLAGS  := $(FLAGS) $(LINK.$(VARIANT)) -pthread
# Looks make and free some hundred pieces of memory each, in libcurl and OpenSSL; with
# glibc's malloc that takes a fifth of a worker's CPU. Only there: sanitizers have an
# allocator of their own, and libfaketime, which tests use, does not bear this one.
MALLOC   := $(if $(filter release,$(VARIANT)),-ljemalloc)
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm $(MALLOC)

# What each program is made of, besides its own main.c. A command-line tool that
# looks at sites by itself is made of the worker's parts.
PROGRAMS             := vedette vedette-coordinator vedette-worker vedette-collector vedette-loadgen
FOLDER.vedette             := cli
FOLDER.vedette-coordinator := coordinator
FOLDER.vedette-worker      := worker
FOLDER.vedette-collector   := collector
FOLDER.vedette-loadgen     := loadgen
USES.cli             := worker
FOLDERS              := common proto coordinator worker collector cli loadgen

sources = $(wildcard $(1)/*.c $(1)/*/*.c)
objects = $(patsubst %.c,$(B)/%.o,$(1))
parts   = $(filter-out %/main.c,$(call sources,$(1)))
archives = $(foreach f,$(1),$(B)/lib$(f).a)
protos  := $(wildcard proto/*.proto)
gen     := $(protos:proto/%.proto=$(BUILD)/gen/proto/%.pb-c.c)
headers := $(wildcard $(foreach f,$(FOLDERS) tests,$(f)/*.h $(f)/*/*.h))
schemas := $(wildcard common/store/schema/*/*.sql)
embedded := $(schemas:%.sql=$(BUILD)/gen/%.sql.h)

all: $(PROGRAMS:%=$(B)/bin/%)

define program
$(B)/bin/$(1): $(B)/$(FOLDER.$(1))/main.o $(call archives,$(FOLDER.$(1)) $(USES.$(FOLDER.$(1))) proto common)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(B)/bin/%:
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

define archive
$(B)/lib$(1).a: $(call objects,$(call parts,$(1))) $(if $(filter proto,$(1)),$(gen:$(BUILD)/gen/%.c=$(B)/gen/%.o))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))
$(B)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/%.o: %.c | $(gen) $(embedded)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/gen/%.o: $(BUILD)/gen/%.c | $(gen)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -w -c $< -o $@
$(BUILD)/gen/proto/%.pb-c.c $(BUILD)/gen/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=. --c_out=$(BUILD)/gen $<
# A schema step becomes a string: read by the program, not looked for at run time.
$(BUILD)/gen/%.sql.h: %.sql
	@mkdir -p $(@D)
	@{ sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; } > $@

# A unit test is tests/unit/<folder>/test_<file>.c and links what <folder> may use.
units := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*/test_*.c))
define unit
$(filter $(B)/unit/$(1)/%,$(units)): $(call archives,$(filter-out proto common,$(1)) $(USES.$(1)) proto common)
endef
$(foreach f,$(FOLDERS),$(eval $(call unit,$(f))))
$(B)/unit/%: $(B)/tests/unit/%.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o %.a,$^) $(LDLIBS) -lcmocka -o $@
units: $(units)

clean:
	rm -rf $(BUILD)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all units clean
-include tests/tests.mk deploy/deploy.mk
