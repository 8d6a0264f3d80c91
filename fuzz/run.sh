#!/bin/sh
# Fuzzes each target for so many seconds, all at once: fuzz/run.sh SECONDS [TARGET..]
#
# What a fuzzer thinks of and finds worth keeping stays in fuzz/corpus, from where the next run goes on. What went
# wrong goes to fuzz/artifacts, its log beside it; once it is mended it belongs into fuzz/seeds, which a test runs.
set -eu

cd "$(dirname "$0")/.."
seconds=$1
shift
[ $# -gt 0 ] || set -- file operations both
built=${CARGO_TARGET_DIR:-target}/fuzz

# Under AddressSanitizer, with overflows and debug assertions checked (fuzz/Cargo.toml).
cargo +nightly fuzz build --target-dir "$built"

running=""
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    cargo +nightly fuzz run --target-dir "$built" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=16384 -timeout=120 -print_final_stats=1 \
        >"fuzz/artifacts/$target.log" 2>&1 &
    running="$running $target:$!"
done

failed=0
for one in $running; do
    target=${one%%:*}
    log=fuzz/artifacts/$target.log
    if wait "${one#*:}"; then
        awk -v target="$target" '
            /^stat::number_of_executed_units/ { count = $2 }
            /^Done / { seconds = $5 }
            / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") reached = $(i + 1) }
            END { printf "%-10s  %d executions in %d seconds, %d places reached\n", target, count, seconds, reached }
        ' "$log"
    else
        failed=1
        echo "run.sh: $target went wrong; $log ends with:" >&2
        tail -n 60 "$log" >&2
    fi
done
exit $failed
