# libbolt by pkg-config, in a tree that was moved since.

ask() {
    PKG_CONFIG_LIBDIR="$tree/lib/pkgconfig" pkg-config --define-prefix "$@"
}

# compile compiler output options...: the words of pkg-config are quoted for a shell, as in a Makefile.
compile() {
    local compiler=$1 source=$2 output=$3
    shift 3
    eval "$compiler -Wall -Wextra -Werror \"$here/consumer/$source\" -o $output $*"
}

validates() {
    PKG_CONFIG_LIBDIR="$tree/lib/pkgconfig" pkg-config --validate bolt
    same "$version" "$(ask --modversion bolt)"
    ask --exists 'bolt >= 0.1'
}

shared_programs() {
    compile gcc use.c use_c "$(ask --cflags --libs bolt)" "\"-Wl,-rpath,$tree/lib\""
    compile g++ use.cpp use_cpp "$(ask --cflags --libs bolt)" "\"-Wl,-rpath,$tree/lib\""
    runs ./use_c
    runs ./use_cpp
    needed use_c | grep -x "libbolt.so.$abi_number"
}

# Where both libraries are there, a linker takes the shared one, unless it is told otherwise.
static_programs() {
    local flags
    flags=$(ask --static --cflags --libs bolt)
    says " -lm" "$flags"
    flags=${flags/-lbolt/-Wl,-Bstatic -lbolt -Wl,-Bdynamic}
    compile gcc use.c use_c "$flags"
    compile g++ use.cpp use_cpp "$flags"
    runs ./use_c
    runs ./use_cpp
    needs_no_libbolt use_c
}

whole_programs() {
    local compiler
    for compiler in gcc clang; do
        compile "$compiler -static" use.c "use_$compiler" "$(ask --static --cflags --libs bolt)"
        runs "./use_$compiler"
        same "" "$(needed "use_$compiler")"
    done
}

unmoved() {
    "$xtask" install --prefix "$PWD/p" --includedir "$PWD/apart/include"
    rm -r p/share
    export PKG_CONFIG_LIBDIR=$PWD/p/lib/pkgconfig
    same "-I$PWD/apart/include" "$(pkg-config --cflags bolt | xargs)"
    same "-L$PWD/p/lib -lbolt" "$(pkg-config --libs bolt | xargs)"
    compile gcc use.c use_c "$(pkg-config --cflags --libs bolt)"
    LD_LIBRARY_PATH=$PWD/p/lib runs ./use_c
}

check "bolt.pc is valid and has the version" validates
check "C and C++ programs are linked with the shared library by pkg-config" shared_programs
check "C and C++ programs are linked with the static library by pkg-config" static_programs
check "programs are linked to be wholly static by pkg-config --static" whole_programs
check "bolt.pc has absolute paths where headers are apart from the prefix" unmoved
