#!/bin/sh
# Measures libbolt beside its peers: builds the library, the programs and what they need, runs the rows, prints the
# tables and leaves them in the directory of the data.
#
#   run.sh [--rounds N] [--rows W1,W5,..] [--engines libbolt,bbolt,lmdb,..] [--dir DIRECTORY] [--keys N]
#          [--style uniform|decimal] [--library DIRECTORY] [--publish]
#
# --library names another source tree of libbolt's to build and measure in place of this one: an older one, say. With
# --publish the table and the picture go to docs/, too. Without libbolt among the engines no library is built. Installs
# Go, bbolt and strace from Debian's packages where they are missing, as root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$root/interop/env.sh"
target=${CARGO_TARGET_DIR:-"$here/target"}
jobs=${JOBS:-2}
packages="golang-go golang-github-coreos-bbolt-dev golang-golang-x-sys-dev strace"

complete() {
    command -v go >/dev/null && command -v strace >/dev/null && [ -f "$sources/go.etcd.io/bbolt/db.go" ] &&
        [ -d "$sources/golang.org/x/sys/unix" ]
}

install_packages() {
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "run.sh: install as root: $packages" >&2; exit 1; }
        as_root=sudo
    fi
    $as_root apt-get update
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
}

# The library under the name by which programs look for it, apart from what cargo may rebuild meanwhile.
build_library() {
    (cd "$library" && cargo run --quiet --locked --jobs "$jobs" --package xtask --no-default-features \
        --target-dir "$target/library" -- dist --out "$target/dist" --target-dir "$target/library")
    LIBBOLT_DIR="$target/bench-library"
    export LIBBOLT_DIR
    mkdir -p "$LIBBOLT_DIR"
    cp -L "$target/dist/lib/libbolt.so" "$LIBBOLT_DIR/libbolt.so.new"
    mv "$LIBBOLT_DIR/libbolt.so.new" "$LIBBOLT_DIR/libbolt.so"
    ln -sf libbolt.so "$LIBBOLT_DIR/libbolt.so.$(cat "$library/abi/SOVERSION")"
}

engines=all
directory="$here/data"
library=$root
publish=
# Cycles through the arguments once: what is not taken out goes back to the end.
count=$#
while [ "$count" -gt 0 ]; do
    case $1 in
    --publish) publish=yes; shift; count=$((count - 1)) ;;
    --dir) directory=${2:?}; shift 2; count=$((count - 2)) ;;
    --library) library=${2:?}; shift 2; count=$((count - 2)) ;;
    --engines) engines=${2:?}; shift 2; count=$((count - 2)) ;;
    *) set -- "$@" "$1"; shift; count=$((count - 1)) ;;
    esac
done

complete || install_packages
features=
case ",$engines," in
*,all,* | *,libbolt,*) features=libbolt; build_library ;;
esac
cargo build --manifest-path "$here/Cargo.toml" --release --jobs "$jobs" --target-dir "$target" --features "$features"
(cd "$here/go" && go build -buildvcs=false -o "$target/bbolt-bench" .)

version=$(dpkg-query -W -f '${Version}' golang-github-coreos-bbolt-dev 2>/dev/null || echo "?")
set -- run --engines "$engines" --dir "$directory" --bbolt-child "$target/bbolt-bench" \
    --bbolt-version "${version%-*} ($(go version | cut -d' ' -f3))" "$@"
if [ -n "$publish" ]; then
    set -- "$@" --publish-to "$root/docs"
fi
exec "$target/release/bolt-bench" "$@"
