# Headers, programs and libraries of different releases.

# compiled_with name number: a program whose header has this number in that macro.
compiled_with() {
    mkdir -p include
    sed "s/^\(#define $1\) .*/\1 $2/" "$tree/include/bolt.h" >include/bolt.h
    ! cmp -s include/bolt.h "$tree/include/bolt.h" || die "the header has no $1, or it is $2 already"
    gcc -Iinclude "$here/consumer/use.c" -o use_c "-L$tree/lib" -lbolt "-Wl,-rpath,$tree/lib"
}

newer_header() {
    compiled_with BOLT_VERSION_MINOR 99
    must_fail "runs with libbolt $version, which is older: install libbolt 0.99.0 or newer" ./use_c db
    compiled_with BOLT_ABI_NUMBER 77
    must_fail "compile it anew with the bolt.h of $version, or give it a libbolt.so.77" ./use_c db
    [[ ! -e db ]]
}

older_header() {
    compiled_with BOLT_VERSION_MINOR 0
    runs ./use_c
}

# future number node: a shared libbolt to come, with the ABI number, its functions of today in the nodes of
# today, and one more in a node of its own.
future() {
    local number=$1 node=$2
    mkdir -p future
    {
        cat "$dist/work/libbolt.map"
        echo "$node { global: bolt_future; };"
    } >future.map
    echo 'int bolt_future(void); int bolt_future(void) { return 42; }' >future.c
    gcc -shared -fPIC future.c "$dist/work/bolt-shared.o" -o "future/libbolt.so.$number" \
        "-Wl,-soname,libbolt.so.$number" -Wl,--version-script=future.map -lm
    ln -sf "libbolt.so.$number" future/libbolt.so
}

newer_function() {
    future "$abi_number" BOLT_0.99
    echo '#include <bolt.h>
int bolt_future(void);
int main(void) { return bolt_future() != 42 || bolt_version() == 0; }' >main.c
    gcc -I"$tree/include" main.c -o program -Lfuture -lbolt
    LD_LIBRARY_PATH=future ./program
    # With the library of today it is told at its start what it lacks, before it has done anything.
    must_fail "version \`BOLT_0.99' not found (required by ./program)" \
        env "LD_LIBRARY_PATH=$tree/lib" ./program
}

other_abi_number() {
    future 99 BOLT_0.99
    gcc -I"$tree/include" "$here/consumer/use.c" -o use_c -Lfuture -lbolt
    must_fail "libbolt.so.99: cannot open shared object file" env "LD_LIBRARY_PATH=$tree/lib" ./use_c db
}

# What the symbol versions are for: two releases in one process, by way of two libraries, each with its own.
two_abi_numbers() {
    mkdir -p later
    echo 'unsigned bolt_version(void); unsigned bolt_version(void) { return 99u << 16; }' >later.c
    echo 'BOLT_99.0 { global: bolt_version; local: *; };' >later.map
    gcc -shared -fPIC later.c -o later/libbolt.so.99 -Wl,-soname,libbolt.so.99 -Wl,--version-script=later.map
    echo 'unsigned bolt_version(void), NAME(void); unsigned NAME(void) { return bolt_version(); }' >user.c
    gcc -shared -fPIC -DNAME=by_now user.c -o libnow.so "$tree/lib/libbolt.so.$abi_number"
    gcc -shared -fPIC -DNAME=by_later user.c -o liblater.so later/libbolt.so.99
    echo 'unsigned by_now(void), by_later(void);
int main(void) { return by_now() >> 16 == 99 || by_later() >> 16 != 99; }' >main.c
    local order
    for order in "-lnow -llater" "-llater -lnow"; do
        gcc main.c -o program -L. $order -Wl,--no-as-needed "-Wl,-rpath-link,$tree/lib:later"
        LD_LIBRARY_PATH=.:later:$tree/lib ./program
    done
}

check "a program compiled with a newer header, or for another ABI, is told what to do" newer_header
check "a program compiled with an older header of the same ABI runs" older_header
check "a program that needs a newer function is told at its start" newer_function
check "a program for another ABI number is told which library it lacks" other_abi_number
check "two releases of different ABI numbers live in one process" two_abi_numbers
