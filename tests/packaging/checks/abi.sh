# The ABI baseline, and that the check against it sees what it is to see.

keeps_to_the_baseline() {
    "$xtask" --repository "$repository" abi --check
}

# In a copy of what the check reads, changes the header by a sed script, and the list of symbols with it.
changed() {
    rm -rf copy
    mkdir copy
    cp -r "$repository/abi" "$repository/include" "$repository/Cargo.toml" copy
    sed -i "$1" copy/include/bolt.h
    ! cmp -s copy/include/bolt.h "$repository/include/bolt.h" || die "sed changed nothing: $1"
    "$xtask" --repository copy symbols
}

breaks() {
    changed "$1"
    local advice="would break: take the change back, or raise abi/SOVERSION"
    must_fail "$advice" "$xtask" --repository copy abi --check
    must_fail "$advice" "$xtask" --repository copy abi
}

grows() {
    changed "$1"
    must_fail "The ABI has grown, old programs still run: run \`cargo xtask abi\`" \
        "$xtask" --repository copy abi --check
    "$xtask" --repository copy abi
    "$xtask" --repository copy abi --check
}

incompatible_changes() {
    breaks 's/^#define BOLT_EXISTS (-2)/#define BOLT_EXISTS (-77)/'
    breaks '/^#define BOLT_EXISTS /d'
    breaks 's/^BOLT_API int bolt_close(/BOLT_API long bolt_close(/'
    breaks '/int bolt_get(/s/size_t key_len/uint32_t key_len/'
    breaks '/^BOLT_API int bolt_close(/d'
    breaks 's/^    uint32_t page_size;/    uint64_t page_size;/'
    breaks '/^} bolt_options;/i\    uint64_t added;
            s/^    uint64_t max_len;/    uint32_t max_len;/'
    breaks 's/^    uint32_t file_mode;/    int32_t file_mode;/'
    breaks 's/^    uint32_t reserved;/    uint16_t reserved, other;/'
    breaks '/^    uint64_t initial_map_len;/d'
    # bolt_kv has no struct_size.
    breaks '/^} bolt_kv;/i\    uint64_t added;'
}

compatible_changes() {
    grows 's/^#define BOLT_EXISTS .*/&\n#define BOLT_ADDED (-999)/'
    grows 's/^BOLT_API int bolt_close(/BOLT_API int bolt_added(int number);\n&/'
    grows '/^} bolt_options;/i\    uint64_t added;'
}

# A new number begins a new baseline, and all symbols anew in the release of the day.
new_number() {
    breaks '/^BOLT_API int bolt_close(/d'
    echo 99 >copy/abi/SOVERSION
    sed -i '0,/^version = .*/s//version = "7.8.9"/' copy/Cargo.toml
    must_fail "libbolt-99.abi is not there" "$xtask" --repository copy abi --check
    "$xtask" --repository copy symbols
    "$xtask" --repository copy abi
    "$xtask" --repository copy abi --check
    same 7.8 "$(cut -d' ' -f2 copy/abi/libbolt.symbols | sort -u)"
}

forgotten_symbol() {
    mkdir copy
    cp -r "$repository/abi" "$repository/include" "$repository/Cargo.toml" copy
    sed -i '/^bolt_get /d' copy/abi/libbolt.symbols
    must_fail "lacks bolt_get, which include/bolt.h has: run \`cargo xtask symbols\`" \
        "$xtask" --repository copy symbols --check
    sed -i 's/^bolt_put .*/bolt_put 99.0/' "copy/abi/libbolt.symbols"
    echo 'bolt_get 0.1' >>copy/abi/libbolt.symbols
    must_fail "bolt_put is of" "$xtask" --repository copy symbols --check
}

check "the ABI is that of the baseline" keeps_to_the_baseline
check "changes that break programs are refused" incompatible_changes
check "additions ask to be recorded" compatible_changes
check "a new ABI number begins anew" new_number
check "a function that the list of symbols lacks is named" forgotten_symbol
