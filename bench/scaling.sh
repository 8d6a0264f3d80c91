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
. "$here/build.sh"

engines=libbolt,lmdb,bbolt
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
