#!/bin/sh
# Makes targets of the Makefile one after the other, up to the first that fails, and says how long each took:
# scripts/test.sh TARGET..
set -eu

cd "$(dirname "$0")/.."
took=
tell() {
    printf '\n%-14s %s\n%s' "part" "seconds" "$took"
}
trap tell EXIT
for target in "$@"; do
    began=$(date +%s)
    "${MAKE:-make}" --no-print-directory "$target"
    took=$took$(printf '%-14s %7d' "$target" $(($(date +%s) - began)))'
'
done
