#!/bin/sh
# Measures what the border between C and Rust costs: the same calls from C through libbolt.so and from Rust directly, in
# nanoseconds and, where valgrind is there, in instructions. Prints a table in Markdown.
#
#   border.sh [ROUNDS]
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-"$root/target"}
calls="bolt_get bolt_cursor_next bolt_bucket_sequence"

cd "$root"
make --no-print-directory lib CARGO_TARGET_DIR="$target" >&2
cargo bench --locked --bench border --target-dir "$target" -- "$target/dist/lib" "$root/include" "$@"

# What 2,000 calls more take, divided by them.
instructions() {
    few=$(collected "$1" "$2" 2000)
    many=$(collected "$1" "$2" 4000)
    echo $(((many - few) / 2000))
}

collected() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$target/dist/lib" "$root/include" \
        count "$1" "$2" "$3" 2>&1 | sed -n 's/.*Collected : //p'
}

command -v valgrind >/dev/null || { echo "border.sh: without valgrind no instructions are counted" >&2; exit 0; }
program=$(cargo bench --locked --bench border --target-dir "$target" --no-run 2>&1 |
    sed -n 's/.*Executable .*(\(.*\)).*/\1/p')
echo
echo "| call | instructions from C | from Rust | the border |"
echo "|---|---:|---:|---:|"
for call in $calls; do
    from_c=$(instructions c "$call")
    from_rust=$(instructions rust "$call")
    echo "| \`$call\` | $from_c | $from_rust | $((from_c - from_rust)) |"
done
