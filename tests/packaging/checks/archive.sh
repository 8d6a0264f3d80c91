# The static archive inside of other libraries, and beside others of Rust's.

downstream() {
    configure "$here/downstream" build "-DCMAKE_PREFIX_PATH=$tree"
    build build
    same "T downstream_count" "$(nm -D --defined-only build/libdownstream.so | cut -d' ' -f2-)"
    build/both one.db two.db
    # So it is with the archive alone, without the flags of CMake's.
    gcc -shared -fPIC -I"$tree/include" "$here/downstream/downstream.c" "$tree/lib/libbolt.a" -o libalone.so
    same "T downstream_count" "$(nm -D --defined-only libalone.so | cut -d' ' -f2-)"
}

two_archives() {
    "$rustc" --edition 2024 --crate-type staticlib -O "$here/rust_archive/other.rs" -o libother.a
    local first second
    for order in "$tree/lib/libbolt.a:libother.a" "libother.a:$tree/lib/libbolt.a"; do
        first=${order%%:*}
        second=${order#*:}
        gcc -I"$tree/include" "$here/rust_archive/main.c" "$first" "$second" -o both -lpthread -ldl -lm
        rm -f db
        ./both db
    done
}

# What rustc makes does not do this, so the two checks above would see it.
rustc_s_own_archive() {
    local raw=$target/release/libbolt.a
    gcc -shared -fPIC -I"$tree/include" "$here/downstream/downstream.c" "$raw" -o libalone.so
    (($(nm -D --defined-only libalone.so | wc -l) > 1))
    "$rustc" --edition 2024 --crate-type staticlib -O "$here/rust_archive/other.rs" -o libother.a
    must_fail "multiple definition" gcc -I"$tree/include" "$here/rust_archive/main.c" \
        -Wl,--whole-archive "$raw" libother.a -Wl,--no-whole-archive -o both -lpthread -ldl -lm
}

tools_can_read_it() {
    local said
    said=$(ar t "$tree/lib/libbolt.a" && nm "$tree/lib/libbolt.a" 2>&1 >/dev/null)
    same bolt.o "$said"
    cp "$tree/lib/libbolt.a" stripped.a
    strip --strip-unneeded stripped.a
    gcc -I"$tree/include" "$here/consumer/use.c" stripped.a -o use_c -lm
    runs ./use_c
}

check "a shared library with libbolt inside exports nothing of it, and works beside libbolt's own" downstream
check "two static archives of Rust's make one program, in either order" two_archives
check "rustc's own archive fails at both" rustc_s_own_archive
check "ar, nm and strip read the archive" tools_can_read_it
