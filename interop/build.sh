#!/bin/sh
# Builds the oracle: build.sh [DIRECTORY] writes DIRECTORY/oracle (default ../target/interop) unless it is
# newer than its sources. Installs Go and bbolt from Debian's packages where they are missing, as root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-"$here/../target/interop"}
packages="golang-go golang-github-coreos-bbolt-dev golang-golang-x-sys-dev"
. "$here/env.sh"

complete() {
    command -v go >/dev/null && [ -f "$sources/go.etcd.io/bbolt/db.go" ] &&
        [ -d "$sources/golang.org/x/sys/unix" ]
}

install_packages() {
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "build.sh: install as root: $packages" >&2; exit 1; }
        as_root=sudo
    fi
    $as_root apt-get update
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
}

up_to_date() {
    [ -x "$out/oracle" ] && [ -z "$(find "$here" -name '*.go' ! -name '*_test.go' -newer "$out/oracle")" ]
}

mkdir -p "$out"
# Tests that run at the same time may all call this: one builds, the others wait and find it done.
exec 9>"$out/.build-lock"
flock 9
if up_to_date; then
    exit 0
fi
complete || install_packages
cd "$here"
go build -buildvcs=false -o "$out/oracle.new" .
mv "$out/oracle.new" "$out/oracle"
