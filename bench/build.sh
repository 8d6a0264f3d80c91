# What run.sh and scaling.sh have in common: their arguments, and what they build before they measure. Read by both. It
# wants $here, this directory, $root, and $engines, those that are measured unless others are named.
. "$root/interop/env.sh"

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

# The library, where it is among the engines, and the programs.
build() {
    complete || install_packages
    features=
    case ",$engines," in
    *,all,* | *,libbolt,*) features=libbolt; build_library ;;
    esac
    cargo build --manifest-path "$here/Cargo.toml" --release --jobs "$jobs" --target-dir "$target" \
        --features "$features"
    (cd "$here/go" && go build -buildvcs=false -o "$target/bbolt-bench" .)
}

bbolt_version() {
    version=$(dpkg-query -W -f '${Version}' golang-github-coreos-bbolt-dev 2>/dev/null || echo "?")
    echo "${version%-*} ($(go version | cut -d' ' -f3))"
}
