#!/bin/bash
# Which lines of the engine the tests run, by cargo-tarpaulin's ptrace engine: it needs nothing of the
# compiler but debug info. `make coverage` runs it, and prints a table: a line for each layer, and below it each
# line that no test ran. target/coverage/lcov.info has the same for editors.
#
#   scripts/coverage.sh [--table] [PROGRAM ..]
#
# PROGRAM is a test program, or `lib`, for the unit tests: only it is run anew, and counted with what the others
# ran before. --table prints the figures of the last runs once more.
#
# Counted are the library's unit tests and the tests of the Rust API, not optimised, so that each line has
# its own code. Test code is not counted, nor are the runs of the C programs, of crashsim and of hostile, whose
# processes come and go by the thousands.
set -eu

cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
home=$target/coverage
layers="format storage freelist tree txn"
all_programs="lib batch bbolt_behaviour buckets check copies cursors damaged freelist model open real_files stats
    transactions values without_map"
# A million keys, and thousands of damaged files, take long where each line is watched, and run no line of
# their own.
skipped="large:: thousands_of_mutants"

measure() {
    local program=$1 name
    if [ "$program" = lib ]; then set -- --lib; else set -- --test "$program"; fi
    for name in $layers; do
        set -- "$@" --include-files "src/$name/*"
    done
    set -- "$@" --
    # Its other suites go the ways of the program that they are from.
    [ "$program" != without_map ] || set -- "$@" reading:: cursors:: check::sound_files
    for name in $skipped; do
        set -- "$@" --skip "$name"
    done
    mkdir -p "$home/$program"
    # Fewer cases of each property: whatever a case can reach, the first dozens do.
    CARGO_PROFILE_DEV_OPT_LEVEL=0 PROPTEST_CASES=32 cargo tarpaulin --engine ptrace --package libbolt \
        --skip-clean --avoid-cfg-tarpaulin --implicit-test-threads --timeout 900 --color never \
        --target-dir "$home/build" --out Lcov --output-dir "$home/$program" "$@"
}

# A line counts as run where any program has run it.
table() {
    cat "$home"/*/lcov.info | awk -F '[:,]' -v root="$PWD/" '
        /^SF:/ { file = substr($0, 4); sub(root, "", file) }
        /^DA:/ { line = file ":" $2; if (!(line in run) || $3 > 0) run[line] = $3 }
        END { for (line in run) print line, run[line] }
    ' | sort -t : -k 1,1 -k 2,2n > "$home/lines"
    local layer
    printf '%-13s %7s %7s %8s\n' layer lines run share
    for layer in $layers; do
        awk -v layer="src/$layer/" 'index($0, layer) == 1 { all++; run += $2 > 0 }
            END { printf "%-13s %7d %7d %7.1f%%\n", layer, all, run, 100 * run / all }' "$home/lines"
    done
    echo "lines that no test ran:"
    awk '$2 == 0 { print "    " $1 }' "$home/lines"
}

mkdir -p "$home"
if [ "${1:-}" = --table ]; then
    table
    exit
fi
command -v cargo-tarpaulin >/dev/null || cargo install --locked cargo-tarpaulin
# shellcheck disable=SC2086
[ $# -gt 0 ] || { set -- $all_programs; rm -f "$home"/*/lcov.info; }
for program; do
    measure "$program"
done
table
