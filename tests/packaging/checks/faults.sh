# What is asked for cannot be: a message says what to do.

find_bolt() {
    rm -rf build
    cmake -S "$here/find" -B build "-DCMAKE_PREFIX_PATH=$tree" "$@"
}

impossible_versions() {
    local wanted
    for wanted in 2.0 1 0.2 0.0 0.1.99 0.2...0.9 "0.0...<0.1"; do
        must_fail "version: $version (fits requests for 0.1 to $version)" find_bolt "-DBOLT_WANTED=$wanted"
    done
}

impossible_component() {
    must_fail 'there is no component "dynamic": the components are shared and static' \
        find_bolt -DBOLT_COMPONENTS=dynamic
}

missing_library() {
    cp -r "$tree" part
    rm part/lib/libbolt.a
    must_fail "the static library is not in $PWD/part/lib" \
        cmake -S "$here/find" -B build "-DCMAKE_PREFIX_PATH=$PWD/part" -DBOLT_COMPONENTS=static
    rm -r build
    cmake -S "$here/find" -B build "-DCMAKE_PREFIX_PATH=$PWD/part" -DBOLT_COMPONENTS=shared
    rm -r build "part/lib/libbolt.so.$version"
    must_fail "neither libbolt.so.$version nor libbolt.a is in $PWD/part/lib: install libbolt anew" \
        cmake -S "$here/find" -B build "-DCMAKE_PREFIX_PATH=$PWD/part"
}

missing_header() {
    cp -r "$tree" part
    rm part/include/bolt.h
    must_fail "bolt.h is not in $PWD/part/include: was only a part of the tree moved?" \
        cmake -S "$here/find" -B build "-DCMAKE_PREFIX_PATH=$PWD/part"
}

wrong_place_to_look() {
    must_fail 'Could not find a package configuration file provided by "bolt"' \
        cmake -S "$here/find" -B build -DCMAKE_PREFIX_PATH=/nowhere
    must_fail "Package 'bolt', required by 'virtual:world', not found" \
        env PKG_CONFIG_LIBDIR=/nowhere pkg-config --print-errors --exists bolt
    must_fail "bolt >= 2" env "PKG_CONFIG_LIBDIR=$tree/lib/pkgconfig" \
        pkg-config --print-errors --exists 'bolt >= 2'
}

wrong_prefix() {
    must_fail "--prefix is not a plain absolute path: here" "$xtask" install --prefix here
    must_fail "--libdir is not a plain absolute path: $PWD/p/../q" \
        "$xtask" install --prefix "$PWD/p" --libdir ../q
    touch file
    must_fail "choose another --prefix, or install as a user who may write there" \
        "$xtask" install --prefix "$PWD/file"
    must_fail "unknown option --perfix=/usr" "$xtask" install --perfix=/usr
    must_fail "there is no component all: the components are runtime, dev, doc" \
        "$xtask" install --component all
    [[ ! -e here && ! -e p ]]
}

nothing_built() {
    must_fail "nothing is built there yet" "$xtask" install --prefix "$PWD/p" --from "$PWD"
    configure "$repository" build -DBOLT_DOCS=off
    must_fail "libbolt is not built yet: cmake --build $PWD/build" cmake --install build --prefix "$PWD/p"
    [[ ! -e p ]]
}

# A path with cmake, a C compiler and what they need, but without Rust.
without_rust() {
    mkdir bin
    local program
    for program in cmake gcc cc make ld as ar nm objcopy uname; do
        ln -s "$(command -v $program)" bin/
    done
    env -i "PATH=$PWD/bin" HOME=/nowhere "$@"
}

missing_cargo() {
    must_fail "cargo, which compiles it, was not found. Install Rust (https://rustup.rs" \
        without_rust cmake -S "$repository" -B build
    must_fail "cargo is missing: install Rust (https://rustup.rs" \
        without_rust make -C "$repository" "CARGO_TARGET_DIR=$PWD/target" install "PREFIX=$PWD/p"
    [[ ! -e p ]]
}

old_rust() {
    printf '#!/bin/sh\necho "rustc 1.60.0 (7737e0b5c 2022-04-04)"\n' >rustc
    chmod +x rustc
    must_fail "or newer, and $PWD/rustc is 1.60.0. Update it (rustup update)" \
        cmake -S "$repository" -B build "-DRUSTC_EXECUTABLE=$PWD/rustc"
}

missing_c_compiler() {
    must_fail "Could not find compiler set in environment variable CC: /nowhere/cc" \
        env CC=/nowhere/cc cmake -S "$repository" -B build
    local build=("$xtask" --repository "$repository" dist --out "$PWD/dist" --target-dir "$target" --docs off)
    must_fail "/nowhere/cc is missing: install a C compiler" make_ lib CC=/nowhere/cc
    must_fail "\`/nowhere/cc\` was not found: install a C compiler and GNU binutils, or name the programs" \
        env CC=/nowhere/cc "${build[@]}"
    must_fail "\`/nowhere/cargo\` was not found: install Rust (https://rustup.rs" \
        env CARGO=/nowhere/cargo "${build[@]}"
    must_fail "nothing is built there yet" "$xtask" install --prefix "$PWD/p" --from "$PWD/dist"
}

missing_doxygen() {
    local said
    must_fail "\`/nowhere/doxygen\` was not found: install Doxygen" env DOXYGEN=/nowhere/doxygen \
        "$xtask" --repository "$repository" dist --out "$PWD/dist" --target-dir "$target" --docs on
    said=$(env DOXYGEN=/nowhere/doxygen "$xtask" --repository "$repository" dist --out "$PWD/dist" \
        --target-dir "$target" 2>&1)
    says "no documentation: \`/nowhere/doxygen\` was not found" "$said"
    "$xtask" install --prefix "$PWD/p" --from "$PWD/dist"
    same "$(cd "$repository" && ls LICENSE-*)" "$(ls p/share/doc/libbolt)"
    [[ -f p/lib/libbolt.a && ! -e p/share/man ]]
}

check "CMake is told which versions there are when it asks for another" impossible_versions
check "CMake is told the components when it asks for another" impossible_component
check "CMake is told which library is missing" missing_library
check "CMake is told that the header is missing" missing_header
check "CMake and pkg-config say that they do not find libbolt" wrong_place_to_look
check "a wrong prefix, option or component installs nothing and is named" wrong_prefix
check "installing before building says what to do first" nothing_built
check "without cargo, CMake and make say how to get it" missing_cargo
check "with an old rustc, CMake says which is needed" old_rust
check "without a C compiler or cargo, CMake, make and xtask say what to install" missing_c_compiler
check "without Doxygen there is no documentation, and the rest is built" missing_doxygen
