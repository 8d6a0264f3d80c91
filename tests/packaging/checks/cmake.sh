# libbolt in projects of CMake's.

finds() {
    configure "$here/consumer" build "-DCMAKE_PREFIX_PATH=$tree" "$@"
    build build
}

programs() {
    local language target
    finds -DBOLT_WANTED=0.1
    for language in c cpp; do
        for target in bolt shared static; do
            runs "build/${target}_$language"
        done
        needed "build/shared_$language" | grep -x "libbolt.so.$abi_number"
        needed "build/bolt_$language" | grep -x "libbolt.so.$abi_number"
        needs_no_libbolt "build/static_$language"
    done
    runs build/whole_c
    same "" "$(needed build/whole_c)"
    same "" "$(readelf -lW build/whole_c | grep INTERP)"
}

programs_of_static() {
    finds -DBUILD_SHARED_LIBS=OFF "-DBOLT_COMPONENTS=static;shared" -DCMAKE_BUILD_TYPE=Release
    runs build/bolt_c
    needs_no_libbolt build/bolt_c
}

fetches() {
    mkdir sources
    (cd "$repository" && tar cf - --exclude-vcs --exclude=./target --exclude=./build .) |
        tar xf - -C sources
    tar czf libbolt.tar.gz sources
    rm -r sources
    configure "$here/fetchcontent" build "-DBOLT_SOURCES=$PWD/libbolt.tar.gz" \
        -DCMAKE_BUILD_TYPE=Debug -DBOLT_DOCS=off
    build build
    runs build/shared_c
    runs build/static_c
    needed build/shared_c | grep -x "libbolt.so.$abi_number"
}

contains() {
    configure "$here/subdirectory" build "-DBOLT_SOURCES=$repository" "-DBOLT_CARGO_TARGET_DIR=$target" \
        -DBUILD_SHARED_LIBS=OFF -DBOLT_DOCS=off
    build build
    runs build/bolt_c
    needs_no_libbolt build/bolt_c
    cmake --install build --prefix "$PWD/p" >/dev/null
    same p/bin/bolt_c "$(find p -type f)"
    # What CMake learnt of an empty library is what rustc said of libbolt.
    same "$(sed -n 's/^native_libs = //p' "$dist/build-info")" "$(tr ';' ' ' <build/native-libs)"
    same "$(sed -n 's/^native_libs = //p' "$dist/build-info")" \
        "$(sed -n 's/^Libs.private: //p' "$tree/lib/pkgconfig/bolt.pc")"
}

ranges() {
    local wanted
    for wanted in 0.1 0.1.0 "$version" 0.1...0.9 "0.0...<1.0" "$version...<$version.1"; do
        configure "$here/find" build "-DCMAKE_PREFIX_PATH=$tree" "-DBOLT_WANTED=$wanted"
        says "found libbolt $version" "$(cat build.log)"
        rm -r build
    done
}

check "C and C++ programs find libbolt in a moved tree, shared, static and whole" programs
check "BUILD_SHARED_LIBS=OFF makes bolt::bolt the static library" programs_of_static
check "versions and ranges of versions that libbolt fits find it" ranges
check "FetchContent builds libbolt from a copy of its sources" fetches
check "add_subdirectory builds libbolt, and installs nothing of it" contains
