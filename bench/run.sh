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
engines=all
. "$here/build.sh"

build
set -- run --engines "$engines" --dir "$directory" --bbolt-child "$target/bbolt-bench" \
    --bbolt-version "$(bbolt_version)" "$@"
if [ -n "$publish" ]; then
    set -- "$@" --publish-to "$root/docs"
fi
exec "$target/release/bolt-bench" "$@"
