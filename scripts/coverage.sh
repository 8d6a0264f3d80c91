#!/bin/bash
# Which lines of the engine the tests run, by cargo-tarpaulin's ptrace engine: it needs nothing of the
# compiler but debug info. `make coverage` runs it, and prints a table: a line for each layer, and below it each
# line that no test ran. target/coverage/lcov.info has the same for editors.
#
#   scripts/coverage.sh [--table]        --table: the figures of the last run once more
#
# Counted are the library's unit tests and the tests of the Rust API, not optimised, so that each line has
# its own code. Test code is not counted, nor are the runs of the C programs, of crashsim and of hostile, whose
# processes come and go by the thousands.
set -eu

cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
home=$target/coverage
layers="format storage freelist tree txn"
# Not tests/large.rs: its million keys take long where each line is watched, and run no line of their own.
tests="batch bbolt_behaviour buckets check copies cursors damaged freelist memory model open real_files
    stats transactions values without_map"

measure() {
    local name
    set -- --lib
    for name in $tests; do
        [ ! -e "tests/$name.rs" ] && [ ! -e "tests/$name/main.rs" ] || set -- "$@" --test "$name"
    done
    for name in $layers; do
        set -- "$@" --include-files "src/$name/*"
    done
    # Fewer cases of each property: whatever a case can reach, the first dozens do.
    CARGO_PROFILE_DEV_OPT_LEVEL=0 PROPTEST_CASES=32 cargo tarpaulin --engine ptrace --package libbolt \
        --skip-clean --avoid-cfg-tarpaulin --implicit-test-threads --timeout 900 --color never \
        --target-dir "$home/build" --out Lcov --output-dir "$home" "$@"
}

table() {
    local layer
    printf '%-12s %7s %7s %8s\n' layer lines run share
    for layer in $layers; do
        awk -F '[:,]' -v layer="$layer" -v root="$PWD/" '
            /^SF:/ { file = substr($0, 4); sub(root, "", file); ours = index(file, "src/" layer "/") == 1 }
            /^DA:/ && ours {
                all++
                if ($3 > 0) run++; else missed = missed sprintf("    %s:%d\n", file, $2)
            }
            END { printf "%-12s %7d %7d %7.1f%%\n%s", "src/" layer, all, run, 100 * run / all, missed }
        ' "$home/lcov.info"
    done
}

mkdir -p "$home"
if [ "${1:-}" != --table ]; then
    command -v cargo-tarpaulin >/dev/null || cargo install --locked cargo-tarpaulin
    measure
fi
table
