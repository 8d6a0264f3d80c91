#!/usr/bin/env bash
# Runs the C tests under sanitizers: tests/sanitize/run.sh [c] [address] [thread], all three unless some are
# named. Any finding fails, and nothing is suppressed.
#
#   c         gcc's ASan, LSan and UBSan over the tests, with libbolt as it is installed
#   address   the same, with libbolt instrumented for ASan
#   thread    TSan, with libbolt and Rust's standard library instrumented: its locks, uninstrumented, would
#             look as if they kept nothing apart, and everything behind them like a race
#
# BOLT_TEST_ROUNDS says how many times as long as usual the tests with threads go on. The last line counts:
# "N passed, N failed". Beside gcc they need a nightly Rust; `thread` needs one with the source of its standard
# library (rustup component add rust-src --toolchain nightly), else it takes Debian's compiler, which has its
# own, and unpacks it beside the rest in cargo's target directory, without installing it.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/sanitize
kinds=${*:-c address thread}
source tests/results.sh

die() {
    echo "tests/sanitize/run.sh: $*" >&2
    exit 1
}

host=$(rustc -vV | sed -n 's/^host: //p')
[[ $host == *-linux-gnu ]] || die "these checks are for Linux with glibc alone as yet, not for $host"
flags=(-std=c99 -g -O1 -fno-omit-frame-pointer -Iinclude "-DFIXTURES=\"$PWD/fixtures\"")
libs=(-lpthread -ldl -lm)

nightly() {
    rustup run nightly "$@"
}

nightly rustc --version >/dev/null || die "these checks need a nightly Rust: rustup toolchain install nightly"

# library_with directory cargo's words...: compiles libbolt in a target directory of its own.
library_with() {
    local directory=$1
    shift
    CARGO_INCREMENTAL=0 nightly cargo rustc --lib --crate-type staticlib --locked --target "$host" --target-dir "$directory" \
        --config 'profile.dev.debug="line-tables-only"' "$@" >&2
    echo "$directory/$host/debug/libbolt.a"
}

# Makes $rustc a compiler that has the source of its own standard library.
find_rustc_with_source() {
    local sysroot package
    sysroot=$(nightly rustc --print sysroot)
    rustc=$sysroot/bin/rustc
    [[ ! -d $sysroot/lib/rustlib/src/rust/library ]] || return 0
    local root=$work/debian
    rustc=$root/usr/bin/rustc
    export LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu
    [[ ! -e $root/complete ]] || return 0
    command -v apt-get >/dev/null ||
        die "thread needs the standard library's source: rustup component add rust-src --toolchain nightly"
    rm -rf "$root"
    mkdir -p "$root/packages"
    [[ -n $(apt-cache search --names-only '^rust-web-src$') ]] || apt-get update -qq
    (
        cd "$root/packages"
        apt-cache depends --recurse --important rustc-web rust-web-src |
            grep -Ex 'rustc-web|rust-web-src|libstd-rust-web-[-.0-9a-z]+|libllvm[0-9]+' | sort -u |
            xargs apt-get download -q
    ) >&2 2>"$root/log" || { cat "$root/log" >&2; die "Debian's rustc-web and rust-web-src are not to be had"; }
    for package in "$root"/packages/*.deb; do
        # Of the sources, the library alone: the compiler's are ten times as much.
        dpkg-deb --fsys-tarfile "$package" |
            tar x -C "$root" --no-wildcards-match-slash --exclude './usr/share' \
                --exclude './usr/src/*/compiler' --exclude './usr/src/*/src'
    done
    rm -r "$root/packages"
    touch "$root/complete"
}

# prepare kind: sets $compile, what compiles and links a C file, and $library.
prepare() {
    case $1 in
    c)
        make --no-print-directory lib >&2
        library=$target/dist/lib/libbolt.a
        ;;
    address)
        library=$(RUSTFLAGS=-Zsanitizer=address library_with "$work/address")
        ;;
    thread)
        find_rustc_with_source
        library=$(RUSTC_BOOTSTRAP=1 RUSTC=$rustc RUSTFLAGS="-Zsanitizer=thread -Zexternal-clangrt" \
            library_with "$work/thread" -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind)
        unset LD_LIBRARY_PATH
        ;;
    *) die "there is no $1: there are c, address and thread" ;;
    esac
}

# compile kind source program. TSan's runtime is Rust's, since gcc's lacks functions that Rust's code calls.
compile() {
    local kind=$1 source=$2 program=$3 runtime
    if [[ $kind != thread ]]; then
        gcc "${flags[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all "$source" "$library" \
            "${libs[@]}" -o "$program"
        return
    fi
    runtime=$(nightly rustc --print sysroot)/lib/rustlib/$host/lib/librustc-nightly_rt.tsan.a
    gcc "${flags[@]}" -fsanitize=thread -c "$source" -o "$program.o"
    gcc "$program.o" "$library" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -rdynamic -lrt \
        "${libs[@]}" -o "$program"
}

export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1

# runs kind program: a test program of c-tests finds nothing wrong, nor does the sanitizer. What comes of it
# is written beside it, since the programs run side by side.
runs() {
    local kind=$1 name=$2 place=$work/$1-tests/$2 status=0
    mkdir -p "$place/files"
    {
        compile "$kind" "c-tests/$name.c" "$place/program" && "$place/program" "$place/files" &&
            grep -q ' passed, 0 failed$' "$place/log" && ! grep -q 'Sanitizer\|runtime error' "$place/log"
    } >"$place/log" 2>&1 </dev/null || status=1
    echo $status >"$place/status"
}

# clean kind: every program of c-tests runs.
clean() {
    local kind=$1 source place
    for source in c-tests/*.c; do
        while (($(jobs -rp | wc -l) >= $(nproc))); do
            wait -n || true
        done
        runs "$kind" "$(basename "$source" .c)" &
    done
    wait
    for source in c-tests/*.c; do
        place=$work/$kind-tests/$(basename "$source" .c)
        result "$(cat "$place/status" || echo 1)" "$kind: ${place##*/}" "$place/log"
    done
}

# finds kind fault "words": the sanitizer finds a fault that is there.
finds() {
    local kind=$1 fault=$2 words=$3 place=$work/$1-tests/fault-$2 status=0
    mkdir -p "$place"
    compile "$kind" tests/sanitize/faults.c "$place/program" >"$place/log" 2>&1 || status=1
    if "$place/program" "$fault" >>"$place/log" 2>&1 </dev/null; then
        status=1
    fi
    grep -q "$words" "$place/log" || status=1
    result $status "$kind: finds a planted fault: $fault" "$place/log"
}

for kind in $kinds; do
    prepare "$kind"
    rm -rf "$work/$kind-tests"
    if [[ $kind == thread ]]; then
        finds thread race 'ThreadSanitizer: data race'
    else
        finds "$kind" leak 'LeakSanitizer: detected memory leaks'
        finds "$kind" overflow 'runtime error: signed integer overflow'
    fi
    [[ $kind != address ]] || finds address stale 'heap-use-after-free'
    clean "$kind"
done
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
