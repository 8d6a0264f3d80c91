#!/bin/sh
# Installs what `make test` needs beyond Rust and a C compiler, and nothing that is there already.
#
# Debian's packages come by apt-get, as root or by sudo; rustfmt and clippy by rustup. The packages for Go are
# the business of interop/build.sh.
set -eu

cd "$(dirname "$0")/.."

have() {
    command -v "$1" >/dev/null 2>&1
}

missing_packages() {
    have cc || echo gcc libc6-dev
    have g++ || echo g++
    have clang || echo clang
    have nm || echo binutils
    have cmake || echo cmake
    have pkg-config || echo pkg-config
    have abidiff || echo abigail-tools
    have doxygen || echo doxygen
    # valgrind finds the names of the C library's functions in libc6-dbg.
    { have valgrind && valgrind --quiet true; } >/dev/null 2>&1 || echo valgrind libc6-dbg
}

install_packages() {
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || { echo "setup.sh: to be installed by root: $*" >&2; exit 1; }
        as_root=sudo
    fi
    have apt-get || { echo "setup.sh: no apt-get here; to be installed: $*" >&2; exit 1; }
    $as_root apt-get update
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

have cargo || { echo "setup.sh: cargo is missing; https://rustup.rs installs it" >&2; exit 1; }
if ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    have rustup || { echo "setup.sh: rustfmt and clippy are missing, and there is no rustup" >&2; exit 1; }
    rustup component add rustfmt clippy
fi

# The fuzzers need a compiler that can tell which code they have reached.
if ! cargo +nightly --version >/dev/null 2>&1; then
    have rustup || { echo "setup.sh: a nightly compiler is missing, and there is no rustup" >&2; exit 1; }
    rustup toolchain install nightly --profile minimal
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz

packages=$(missing_packages)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
packages=$(missing_packages | tr '\n' ' ')
[ -z "$packages" ] || { echo "setup.sh: installed, but not found or not working: $packages" >&2; exit 1; }

interop/build.sh
