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
RELEASE = $(CARGO_TARGET_DIR)/release
DEMO = $(CARGO_TARGET_DIR)/demo

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lib test setup lint header test-rust test-interop test-demo clean

# ---- Everyday ----

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: lib ## build the library and tour a real etcd database with it (DEMO_FLAGS=--all: whole lists)
	@mkdir -p $(DEMO)
	@rm -f $(DEMO)/etcd-copy.db
	$(CC) $(C_FLAGS) examples-c/etcd_tour.c examples-c/etcd.c -o $(DEMO)/etcd_tour \
	    -L$(RELEASE) -lbolt -Wl,-rpath,'$$ORIGIN/../release'
	@$(DEMO)/etcd_tour $(DEMO_FLAGS) fixtures/etcd.db $(DEMO)/etcd-copy.db

lib: ## build target/release/libbolt.so and libbolt.a
	$(CARGO) build --release --locked
	@ln -sf libbolt.so $(RELEASE)/libbolt.so.$$(cat abi/SOVERSION)

clean: ## remove all that was built
	$(CARGO) clean

# ---- Tests ----

test: setup lint test-rust test-interop test-demo ## install what is missing, then run every check

setup: ## install what the tests need, where it is missing (apt-get, as root or by sudo)
	scripts/setup.sh

lint: ## formatting, clippy, and whether include/bolt.h is what the sources give
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask header --check

header: ## write include/bolt.h anew from the sources
	$(CARGO) xtask header

test-rust: ## all of cargo's tests; they compile and run the C programs, also under valgrind
	$(CARGO) test --workspace --locked

test-interop: ## the tests of the oracle, the program around Go's bbolt
	interop/test.sh

test-demo: ## the demo, its figures, and what Go's bbolt says of the copy that it wrote
	@mkdir -p $(DEMO)
	@$(MAKE) --no-print-directory demo > $(DEMO)/output.txt || { cat $(DEMO)/output.txt; exit 1; }
	grep -F "144 changes came to 96 keys" $(DEMO)/output.txt
	grep -F "96 of 96 values in it equal etcd's" $(DEMO)/output.txt
	target/interop/oracle check $(DEMO)/etcd-copy.db
