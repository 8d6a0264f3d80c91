#!/bin/sh
# Tests the oracle itself: format, vet, and its Go tests, which plant faults and look that each is found.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
"$here/build.sh" "$@"
. "$here/env.sh"
cd "$here"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not gofmt'ed: $unformatted" >&2; exit 1; }
go vet .
go test -count=1 .
