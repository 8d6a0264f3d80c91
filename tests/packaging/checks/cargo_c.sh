# Installing by cargo-c.

by_cargo_c() {
    local stage=$PWD/stage files
    (cd "$repository" && "$cargo" cinstall --release --locked --target-dir "$target" \
        --prefix=/usr --libdir=lib "--destdir=$stage")
    files=$(cd "$tree" && find include lib ! -type d ! -path '*/cmake/*' | sort)
    same "$files" "$(cd stage/usr && find . ! -type d | cut -c3- | sort)"
    says "soname: [libbolt.so.$abi_number]" "$(readelf -dW stage/usr/lib/libbolt.so)"
    cmp "$repository/include/bolt.h" stage/usr/include/bolt.h
    gcc -Istage/usr/include "$here/consumer/use.c" -o use_c -Lstage/usr/lib -lbolt
    # A library without symbol versions and one with them take each other's programs.
    LD_LIBRARY_PATH=stage/usr/lib runs ./use_c
    LD_LIBRARY_PATH=$tree/lib runs ./use_c
    gcc -I"$tree/include" "$here/consumer/use.c" -o use_ours "-L$tree/lib" -lbolt
    LD_LIBRARY_PATH=stage/usr/lib runs ./use_ours
}

# Whether or not cargo-c is there: it takes the library's number from the version, unless it is told another.
number_for_cargo_c() {
    local own
    own=$(sed -n '/^\[package.metadata.capi.library\]/,$s/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml")
    own=${own:-$version}
    same "$abi_number" "${own%%.*}"
    grep -qx 'version_suffix_components = 1' "$repository/Cargo.toml"
}

check "the number that cargo-c gives the library is that of its ABI" number_for_cargo_c
if command -v cargo-cinstall >/dev/null; then
    check "cargo-c installs the same headers, libraries and bolt.pc" by_cargo_c
else
    skip "cargo-c installs the same headers, libraries and bolt.pc: no cargo-c here (cargo install cargo-c)"
fi
