# The installed headers, under every standard of the language that they are for, by two compilers, with no
# warning.

standards() {
    case $1 in
    *.hpp) echo c++17 c++20 ;;
    *) echo c99 c11 c17 c++11 c++17 c++20 ;;
    esac
}

compiles() {
    local compiler=$1 header standard language source count=0
    for header in "$tree"/include/*; do
        header=${header##*/}
        for standard in $(standards "$header"); do
            language=c
            [[ $standard != c++* ]] || language=c++
            for source in "#include <$header>" "#include <$header>"$'\n'"#include <$header>"; do
                echo "$source" | "$compiler" -x $language -std="$standard" -fsyntax-only \
                    -pedantic-errors -Wall -Wextra -Werror -I"$tree/include" - || die "$header as $standard"
                count=$((count + 1))
            done
        done
    done
    ((count >= 12))
}

# Programs of more than one part include the header in each.
compiles_in_two_parts() {
    echo '#include <bolt.h>
int other(void);
int main(void) { return other() - (int)bolt_version(); }' >main.c
    echo '#include <bolt.h>
int other(void);
int other(void) { return (int)bolt_version(); }' >other.c
    gcc -std=c99 -pedantic-errors -Wall -Wextra -Werror -I"$tree/include" main.c other.c -o both \
        "$tree/lib/libbolt.a" -lm
    ./both
}

check "gcc takes the headers, alone and twice, as C99 to C17 and C++11 to C++20" compiles gcc
check "clang takes the headers, alone and twice, as C99 to C17 and C++11 to C++20" compiles clang
check "two parts of a program include the header" compiles_in_two_parts
