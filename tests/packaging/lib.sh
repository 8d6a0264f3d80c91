# What the checks of tests/packaging share. Sourced by run.sh, after it has set
#
#   repository   libbolt's sources
#   work         a directory for what the checks make
#   dist         what `make lib` has built
#   xtask        the program that installs
#   tree         an installed tree that was moved from where it was installed

source "$repository/tests/results.sh"
skipped=0

# check "a sentence that is to hold" command arguments...
# The command runs in an empty directory, and stops at the first thing in it that fails.
check() {
    local name=$1 place status
    shift
    [[ $name == *"$only"* ]] || return 0
    place=$work/checks/$((passed + failed + 1))
    mkdir -p "$place"
    (
        set -euo pipefail
        cd "$place"
        "$@"
    ) >"$place.log" 2>&1 </dev/null
    status=$?
    result "$status" "$name" "$place.log"
}

skip() {
    skipped=$((skipped + 1))
    echo "SKIP  $1"
}

die() {
    echo "$*" >&2
    exit 1
}

# must_fail "what it says" command...: the command fails, and its words have these in them, whatever the line
# breaks.
must_fail() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then
        die "this should have failed: $*"$'\n'"$said"
    fi
    says "$words" "$said"
}

# says "words" "text": the text has the words, whatever the line breaks.
says() {
    local text
    text=$(tr -s ' \n\t' ' ' <<<"$2")
    [[ $text == *"$1"* ]] || die "missing: $1"$'\n'"in: $2"
}

# same a b: two texts are the same, and if not, it says in what.
same() {
    diff <(echo "$1") <(echo "$2") || die "the texts differ"
}

# The functions that a header declares, by the eye of this script alone.
declared() {
    tr '\n' ' ' <"$1" | grep -o 'BOLT_API [^;(]*(' | grep -o 'bolt_[a-z0-9_]*($' | tr -d '(' | sort
}

# The shared libraries that a program or library asks for.
needed() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# An expected absence is written so, since `set -e` does not see a command behind `!`.
needs_no_libbolt() {
    same "" "$(needed "$1" | grep libbolt)"
}

# runs program arguments...: the program succeeds with a database of its own, and says what use.c says.
runs() {
    local said
    rm -f db
    said=$("$@" db)
    says "apples are red" "$said"
}

configure() {
    cmake -S "$1" -B "$2" "${@:3}" >"$2.log" 2>&1 || { cat "$2.log"; return 1; }
}

build() {
    cmake --build "$1" >"$1.log" 2>&1 || { cat "$1.log"; return 1; }
}
