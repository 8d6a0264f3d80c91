#!/usr/bin/env bash
# Runs the C tests over the linter of writes: tests/lint/run.sh [program..]. Each write, sync, name and
# acknowledgement of a database that they open by its path is held against rules R1 to R5
# (crashsim/src/lint.rs), and a broken one ends the program. A planted fault shows that it does.
#
# The last line counts: "N passed, N failed". Needs gcc beside Rust.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/lint
programs=("$@")
if ((${#programs[@]} == 0)); then
    for source in c-tests/*.c; do
        programs+=("$(basename "$source" .c)")
    done
fi
source tests/results.sh

# With assertions, as the Rust tests have them.
RUSTFLAGS="--cfg bolt_lint" cargo build --quiet --locked --package lint-c --target-dir "$work/build" >&2

# compile program: into a directory of its own, $place.
compile() {
    place=$work/$1
    rm -rf "$place"
    mkdir -p "$place/files"
    gcc -std=c99 -g -O1 -Iinclude "-DFIXTURES=\"$PWD/fixtures\"" "c-tests/$1.c" "$work/build/debug/liblint_c.a" \
        -lpthread -ldl -lm -o "$place/program"
}

for program in "${programs[@]}"; do
    compile "$program"
    status=0
    "$place/program" "$place/files" >"$place/log" 2>&1 </dev/null || status=1
    grep -q ' passed, 0 failed$' "$place/log" || status=1
    result $status "$program keeps the rules" "$place/log"
done

# The linter is told that commits wait for syncs, and they do not.
compile kv
status=0
if BOLT_LINT_FAULT=unsynced "$place/program" "$place/files" >"$place/log" 2>&1 </dev/null; then
    status=1
fi
grep -q 'R2: meta [0-9]* written' "$place/log" || status=1
result $status "a meta before its pages is found" "$place/log"

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
