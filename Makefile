# libbolt's commands: `make help` lists them.
#
# Cargo knows what depends on what in the library; the targets here only say what is done in which order. They
# need Rust and a C compiler; `make setup` installs what the tests need beyond that.

CARGO ?= cargo
CC ?= cc
CFLAGS ?= -O2
C_FLAGS = -std=c99 -Wall -Wextra -pedantic -Iinclude $(CFLAGS)

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
DIST = $(CARGO_TARGET_DIR)/dist
DEMO = $(CARGO_TARGET_DIR)/demo

GET_RUST = install Rust (https://rustup.rs, or your system's packages cargo and rustc)
GET_CC = install a C compiler, or name one in CC

# Where `make install` puts what; DESTDIR comes in front of all, for who makes a package.
PREFIX ?= /usr/local
LIBDIR ?= lib
INCLUDEDIR ?= include
DESTDIR ?=
PLACES = --prefix "$(PREFIX)" --libdir "$(LIBDIR)" --includedir "$(INCLUDEDIR)" --destdir "$(DESTDIR)"

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lib install uninstall test setup lint header test-rust test-lint test-crash crash-soak test-interop \
    test-demo test-package test-sanitize test-shuttle sanitize test-hostile hostile-soak test-fuzz fuzz test-speed \
    coverage mutants \
    clean

# ---- Everyday ----

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: lib ## build the library and tour a real etcd database with it (DEMO_FLAGS=--all: whole lists)
	@mkdir -p $(DEMO)
	@rm -f $(DEMO)/etcd-copy.db
	$(CC) $(C_FLAGS) examples-c/etcd_tour.c examples-c/etcd.c -o $(DEMO)/etcd_tour \
	    -L$(DIST)/lib -lbolt -Wl,-rpath,'$$ORIGIN/../dist/lib'
	@$(DEMO)/etcd_tour $(DEMO_FLAGS) fixtures/etcd.db $(DEMO)/etcd-copy.db

lib: ## build libbolt.so and libbolt.a in target/dist/lib, and the documentation, where Doxygen is there
	@command -v $(CARGO) >/dev/null || { echo "make: cargo is missing: $(GET_RUST)" >&2; exit 1; }
	@command -v $(CC) >/dev/null || { echo "make: $(CC) is missing: $(GET_CC)" >&2; exit 1; }
	@# cbindgen, which only `make header` needs, is left out.
	$(CARGO) run --quiet --locked --package xtask --no-default-features -- dist

# What was built brings its own program for installing, so that root needs no cargo.
$(DIST)/xtask:
	@$(MAKE) --no-print-directory lib

install: $(DIST)/xtask ## install what `make lib` has built (PREFIX=, LIBDIR=, INCLUDEDIR=, DESTDIR=)
	@$(DIST)/xtask install $(PLACES)

uninstall: $(DIST)/xtask ## take it away again, from the same places
	@$(DIST)/xtask uninstall $(PLACES)

clean: ## remove all that was built
	$(CARGO) clean

# ---- Tests ----

TESTS = test-rust test-lint test-crash test-interop test-demo test-package test-sanitize test-shuttle test-hostile \
    test-fuzz test-speed
test: ## install what is missing, then run every check, and say how long each part took
	@MAKE="$(MAKE)" scripts/test.sh setup lint $(TESTS)

setup: ## install what the tests need, where it is missing (apt-get, as root or by sudo)
	scripts/setup.sh

lint: ## formatting, clippy, and whether header, symbols and ABI are what the sources give
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask header --check
	$(CARGO) xtask symbols --check
	$(CARGO) xtask abi --check

header: ## write include/bolt.h anew from the sources
	$(CARGO) xtask header

test-rust: ## all of cargo's tests; they compile and run the C programs, also under valgrind
	$(CARGO) test --workspace --locked

test-lint: ## the C tests over the linter: each write and sync against the rules that a power cut needs
	tests/lint/run.sh

test-crash: ## power cuts and failing disks, simulated: over 100,000 distinct disks (CRASH_SCALE=100: all cases)
	$(CARGO) run --quiet --locked --profile checked --package crashsim -- quick --scale $(CRASH_SCALE)

CRASH_SCALE ?= 40
SECONDS ?= 3600
SEED ?= 1
START ?= 0
crash-soak: ## the same by chance, for SECONDS=, from case START= of SEED= on
	$(CARGO) run --quiet --locked --profile checked --package crashsim -- soak --seconds $(SECONDS) --seed $(SEED) --start $(START)

test-shuttle: ## readers, commits and closing in the orders in which threads can pass each other (INTERLEAVINGS=N)
	RUSTFLAGS="--cfg shuttle" CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/shuttle \
	    $(CARGO) test --locked --package interleavings --lib

test-interop: ## the tests of the oracle, the program around Go's bbolt
	interop/test.sh

test-demo: ## the demo, its figures, and what Go's bbolt says of the copy that it wrote
	@mkdir -p $(DEMO)
	@$(MAKE) --no-print-directory demo > $(DEMO)/output.txt || { cat $(DEMO)/output.txt; exit 1; }
	grep -F "144 changes came to 96 keys" $(DEMO)/output.txt
	grep -F "96 of 96 values in it equal etcd's" $(DEMO)/output.txt
	target/interop/oracle check $(DEMO)/etcd-copy.db

test-speed: lib ## the instructions of a get, a next, a put and a commit against those recorded
	$(CARGO) xtask instructions --check

test-hostile: ## damaged files of every kind, read, checked, copied and written to; memory that fails at each place
	$(CARGO) run --quiet --locked --profile checked --package hostile -- quick
	$(CARGO) run --quiet --locked --profile checked --package hostile -- memory

hostile-soak: ## damaged files by chance, for SECONDS=, other ones for each SEED=
	$(CARGO) run --quiet --locked --profile checked --package hostile -- soak --seconds $(SECONDS) --seed $(SEED)

test-fuzz: ## coverage-guided fuzzing: files, changes, and both, 20 seconds each
	fuzz/run.sh 20

fuzz: ## the same for SECONDS=; what the fuzzers think of is kept
	fuzz/run.sh $(SECONDS)

test-package: ## install libbolt, move the tree, and use it from C, C++, CMake, pkg-config
	tests/packaging/run.sh

test-sanitize: ## the C tests under ASan, LSan, UBSan and TSan, with libbolt instrumented, too
	tests/sanitize/run.sh

sanitize: ## the same with threads that go on twenty times as long
	BOLT_TEST_ROUNDS=20 tests/sanitize/run.sh

# ---- Longer: what the tests are worth ----

coverage: ## the lines of the engine that the tests run, layer by layer, and those that they do not
	scripts/coverage.sh

# Its own targets are in a directory of their own; a stopped run is gone on with.
PARTS ?=
AGAIN ?=
mutants: ## change the engine in one place after the other, and see whether a test fails (PARTS=, AGAIN=1)
	scripts/mutants.sh $(if $(AGAIN),--again) $(PARTS)
