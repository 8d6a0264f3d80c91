# README.md's sections on installing and linking, followed word for word, from a fresh clone on.

# blocks section language: the section's code of that language, one block after the other.
blocks() {
    awk -v heading="## $1" -v fence="\`\`\`$2" '
        /^## / { inside = $0 == heading }
        /^```/ { code = inside && !code && $0 == fence; if (code) count++; next }
        code { print > (count ".block") }
        END { exit count == 0 }' "$repository/README.md"
}

# What git would give a clone, with what is not committed yet.
clone() {
    mkdir clone
    (cd "$repository" && git ls-files --cached --others --exclude-standard -z | tar cf - --null -T -) |
        tar xf - -C clone
}

# A home of its own, which the tools of Rust do not need to know.
at_home() {
    export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    export HOME=$PWD/home
    mkdir "$HOME"
}

# follow block directory: runs it as a person would paste it.
follow() {
    sed 's/^/+ /' "$1"
    (cd "$2" && bash -euo pipefail "$1") 2>&1
}

followed() {
    local block said ways=0
    blocks Installing sh
    mkdir installing linking
    mv ./*.block installing
    clone
    at_home
    # One compilation for both ways; that they need none of each other's is known from the other checks.
    export CARGO_TARGET_DIR=$PWD/cargo
    for block in "$PWD"/installing/*; do
        case $(cat "$block") in
        *cinstall*) command -v cargo-cinstall >/dev/null || continue ;;
        esac
        [[ ! -e $HOME/.local ]] || rm -r "$HOME/.local"
        follow "$block" clone
        [[ -f $HOME/.local/include/bolt.h && -f $HOME/.local/lib/libbolt.a ]] || die "it installed nothing"
        ways=$((ways + 1))
        # The links to come are tried with what CMake has installed.
        [[ $(cat "$block") != *cmake* ]] || cp -r "$HOME/.local" by-cmake
    done
    ((ways >= 2))
    rm -r "$HOME/.local"
    mv by-cmake "$HOME/.local"
    blocks "A program" c
    mv 1.block linking/apple.c
    blocks Linking cmake
    mv 1.block linking/CMakeLists.txt
    blocks Linking sh
    # In one shell, as they are read.
    cat ./*.block >linking.block
    said=$(follow "$PWD/linking.block" linking) || die "$said"
    same "3" "$(grep -c 'an apple is red' <<<"$said")"
}

check "README.md's words on installing and linking are true, from a fresh clone on" followed
