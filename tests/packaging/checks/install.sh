# What is installed, and where.

installed_files() {
    local expected
    expected="include/bolt.h
lib/cmake/bolt/boltConfig.cmake
lib/cmake/bolt/boltConfigVersion.cmake
lib/cmake/bolt/boltTargets.cmake
lib/libbolt.a
lib/libbolt.so
lib/libbolt.so.$abi_number
lib/libbolt.so.$version
lib/pkgconfig/bolt.pc"
    for header in "$repository"/include/*.hpp; do
        [[ ! -e $header ]] || expected+=$'\n'include/${header##*/}
    done
    same "$(sort <<<"$expected")" "$(cd "$tree" && find include lib ! -type d | sort)"
    same "$(printf 'include\nlib\nshare')" "$(ls "$tree")"
    [[ -f $tree/share/doc/libbolt/html/index.html && -f $tree/share/man/man3/bolt_open.3 ]]
    cmp "$repository/LICENSE-MIT" "$tree/share/doc/libbolt/LICENSE-MIT"
}

# A tree as text: each file with its rights, and what is in it or what it links to.
listing() {
    (cd "$1" && find . -type f -printf '%p %m ' -exec sha256sum {} \; -o -type l -printf '%p -> %l\n' | sort)
}

# Without cargo, too, as for root.
by_make() {
    make_ install "PREFIX=$PWD/p" CARGO=/nowhere/cargo
    mv p by-make
    "$xtask" install --prefix "$PWD/p" >/dev/null
    same "$(listing p)" "$(listing by-make)"
    make_ uninstall "PREFIX=$PWD/p" CARGO=/nowhere/cargo
    same p "$(find p)"
    make_ install PREFIX=/usr LIBDIR=lib64 INCLUDEDIR=include/bolt "DESTDIR=$PWD/stage"
    [[ -f stage/usr/lib64/libbolt.a && -f stage/usr/include/bolt/bolt.h ]]
    same "" "$(grep -rl "$PWD" stage)"
}

cmake_and_xtask_agree() {
    configure "$repository" build "-DBOLT_CARGO_TARGET_DIR=$target" -DBOLT_DOCS=on
    build build
    cmake --install build --prefix "$PWD/by" >/dev/null
    same "$(sort build/install_manifest.txt)" "$(find "$PWD/by" ! -type d | sort)"
    mv by by-cmake
    "$xtask" install --prefix "$PWD/by" >/dev/null
    mv by by-xtask
    same "$(listing by-cmake)" "$(listing by-xtask)"
}

components() {
    "$xtask" install --prefix "$PWD/p" --component runtime
    same "libbolt.so.$abi_number libbolt.so.$version" "$(cd p/lib && echo *)"
    same "lib" "$(ls p)"
    "$xtask" install --prefix "$PWD/p" --component dev
    [[ ! -e p/share ]]
    "$xtask" install --prefix "$PWD/p" --component doc
    same "$(cd "$tree" && find . | sort)" "$(cd p && find . | sort)"
}

staging() {
    "$xtask" install --prefix /usr --libdir lib/x86_64-linux-gnu --destdir "$PWD/stage"
    same usr "$(ls stage)"
    same "" "$(grep -rl "$PWD" stage)"
    grep -qx 'prefix=/usr' stage/usr/lib/x86_64-linux-gnu/pkgconfig/bolt.pc
    grep -qx 'libdir=${prefix}/lib/x86_64-linux-gnu' stage/usr/lib/x86_64-linux-gnu/pkgconfig/bolt.pc
    # The package for CMake finds the headers from two directories further down.
    configure "$here/find" found "-DCMAKE_PREFIX_PATH=$PWD/stage/usr" \
        -DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu
    says "found libbolt $version" "$(cat found.log)"
}

staging_by_cmake() {
    configure "$repository" build "-DBOLT_CARGO_TARGET_DIR=$target" -DBOLT_DOCS=on \
        -DCMAKE_INSTALL_PREFIX=/opt/bolt
    build build
    DESTDIR=$PWD/stage cmake --install build --component dev >/dev/null
    same "$(printf 'include\nlib')" "$(ls stage/opt/bolt)"
    grep -qx 'prefix=/opt/bolt' stage/opt/bolt/lib/pkgconfig/bolt.pc
}

uninstalls() {
    mkdir -p p/lib
    touch p/lib/of-another
    "$xtask" install --prefix "$PWD/p"
    "$xtask" uninstall --prefix "$PWD/p"
    same p/lib/of-another "$(find p -type f -o -type l)"
    same "$(printf 'p\np/lib')" "$(find p -type d)"
}

needs_no_cargo() {
    env -i PATH=/nowhere "$xtask" install --prefix "$PWD/p"
    [[ -f p/lib/libbolt.so.$version ]]
}

replaces_by_renaming() {
    "$xtask" install --prefix "$PWD/p"
    exec 9<"p/lib/libbolt.so.$version"
    echo grown >>"p/lib/libbolt.so.$version"
    local old
    old=$(sha256sum <"p/lib/libbolt.so.$version")
    "$xtask" install --prefix "$PWD/p"
    # Who has the old file open still has the old file.
    same "$old" "$(sha256sum <&9)"
    cmp "p/lib/libbolt.so.$version" "$dist/lib/libbolt.so.$version"
    same "" "$(find p -name '.*.new')"
}

rebuilds_nothing() {
    local before
    before=$(find "$dist" -type f -printf '%p %T@ %i\n' | sort)
    make_ lib
    same "$before" "$(find "$dist" -type f -printf '%p %T@ %i\n' | sort)"
}

check "the installed tree has the files that it is to have" installed_files
check "a second build changes no file" rebuilds_nothing
check "make install installs the same files as xtask, stages them, and takes them away" by_make
check "cmake --install installs the same files as xtask, and lists them" cmake_and_xtask_agree
check "the components are the whole together, and runtime is the shared library alone" components
check "a staged tree names the place it is for, not the stage" staging
check "cmake --install stages under DESTDIR" staging_by_cmake
check "uninstalling leaves what others have installed" uninstalls
check "installing needs no cargo" needs_no_cargo
check "installing anew leaves running programs their library" replaces_by_renaming
