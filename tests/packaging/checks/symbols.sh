# The names that the libraries show.

names_of_shared_library() {
    local exported
    exported=$(nm -D --defined-only "$tree/lib/libbolt.so" |
        awk '$2 == "T" { sub("@@.*", "", $3); print $3 }' | sort)
    same "$(declared "$tree/include/bolt.h")" "$exported"
    # Nothing but functions and the names of the versions.
    same "" "$(nm -D --defined-only "$tree/lib/libbolt.so" | awk '$2 != "T" && $3 !~ /^BOLT_/')"
}

names_of_archive() {
    local symbols
    symbols=$(nm --extern-only --defined-only "$tree/lib/libbolt.a" | awk 'NF == 3 { print $3 }' | sort)
    same "$(declared "$tree/include/bolt.h")" "$symbols"
    # Hidden: they go no further than the program or library that takes the archive in.
    same "$symbols" "$(readelf -sW "$tree/lib/libbolt.a" |
        awk '$5 == "GLOBAL" && $6 == "HIDDEN" && $7 != "UND" { print $8 }' | sort)"
}

versions_of_symbols() {
    "$xtask" --repository "$repository" symbols --check
    local expected
    expected=$(awk '{ print $1 "@@BOLT_" $2 }' "$repository/abi/libbolt.symbols" | sort)
    same "$expected" "$(nm -D --defined-only "$tree/lib/libbolt.so" | awk '$2 == "T" { print $3 }' | sort)"
}

name_of_library() {
    local dynamic
    dynamic=$(readelf -dW "$tree/lib/libbolt.so")
    says "soname: [libbolt.so.$abi_number]" "$dynamic"
    says NODELETE "$dynamic"
    says NOW "$dynamic"
    same "libbolt.so.$version" "$(readlink "$tree/lib/libbolt.so.$abi_number")"
    same "" "$(grep 'RPATH\|RUNPATH\|TEXTREL' <<<"$dynamic")"
    readelf -lW "$tree/lib/libbolt.so" | grep 'GNU_STACK .* RW '
}

sizes() {
    (($(stat -c %s "$tree/lib/libbolt.a") < 5000000))
    (($(stat -Lc %s "$tree/lib/libbolt.so") < 3000000))
}

paths_of_this_machine() {
    local place
    for place in "$target" "$repository" "$HOME"; do
        same "" "$(cd "$tree" && grep -rlF "$place" . --exclude bolt.pc)"
    done
}

check "the shared library exports exactly the functions of the header" names_of_shared_library
check "the static archive shows exactly the header's functions, to its own program alone" names_of_archive
check "each symbol has the version of abi/libbolt.symbols" versions_of_symbols
check "the shared library is named after its ABI, stays loaded, and has no weak spots" name_of_library
check "the libraries are a few megabytes" sizes
check "no installed file names the place where it was built" paths_of_this_machine
