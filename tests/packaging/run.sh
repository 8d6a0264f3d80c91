#!/usr/bin/env bash
# Builds libbolt, installs it, moves what was installed, and uses it as its users would:
# tests/packaging/run.sh
#
# With words as an argument, only the checks run that have these words in their name. The last line counts:
# "N passed, N failed". CARGO_TARGET_DIR says where cargo compiles. `make setup` installs what the checks need.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
only=${1:-}
target=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")
work=$target/packaging
dist=$target/dist
tree="$work/moved here"
source "$here/lib.sh"

# libbolt's own Makefile.
make_() {
    make --no-print-directory -C "$repository" "CARGO_TARGET_DIR=$target" "$@"
}

build_and_install() {
    rm -rf "$work/checks" "$work/first" "$tree"
    mkdir -p "$work/checks"
    make_ lib
    xtask=$dist/xtask
    "$xtask" install --prefix "$work/first" >/dev/null
    mv "$work/first" "$tree"
}

for program in cmake make pkg-config abidiff doxygen clang g++ readelf; do
    command -v $program >/dev/null || die "these checks need $program: \`make setup\` installs it"
done
cargo=$(command -v cargo) || die "these checks need cargo: https://rustup.rs"
rustc=$(command -v rustc) || die "these checks need rustc: https://rustup.rs"
# Nothing that the caller has set may decide what is found.
unset CARGO_TARGET_DIR CMAKE_PREFIX_PATH PKG_CONFIG_PATH PKG_CONFIG_LIBDIR LD_LIBRARY_PATH DESTDIR CC CXX CFLAGS LDFLAGS
unset CARGO_BUILD_TARGET
build_and_install

# A check says itself what is wrong; the rest run on.
set +e
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | head -1)
abi_number=$(cat "$repository/abi/SOVERSION")
for subject in readme install symbols headers cmake pkgconfig examples archive versions faults abi docs cargo_c; do
    source "$here/checks/$subject.sh"
done

if ((skipped > 0)); then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
((failed == 0 && passed > 0))
