#!/bin/sh
# Measures how the costs of libbolt, LMDB and bbolt grow: builds what it needs as run.sh does, measures, prints the tables
# and leaves them with the plots and every result in the directory of the data.
#
#   scaling.sh [--only keys,free,readers,memory] [--engines libbolt,lmdb,bbolt,..] [--rounds N] [--millis N]
#              [--smaller N] [--dir DIRECTORY] [--library DIRECTORY] [--fresh yes] [--publish]
#
# A run that was ended goes on where it was, as long as the library, the machine and the settings are the same; with
# --fresh yes it begins anew. --smaller N divides all counts of keys and pages. With --publish the tables and the plots
# go to docs/, too. It takes some 25 GB of disk; as root, it limits memory by a cgroup.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
engines=libbolt,lmdb,bbolt
. "$here/build.sh"

build
set -- scaling --engines "$engines" --dir "$directory" --bbolt-child "$target/bbolt-bench" \
    --bbolt-version "$(bbolt_version)" "$@"
case ",$engines," in
*,libbolt,*) set -- "$@" --library-file "$target/bench-library/libbolt.so" ;;
esac
if [ -n "$publish" ]; then
    set -- "$@" --publish-to "$root/docs"
fi
exec "$target/release/bolt-bench" "$@"
