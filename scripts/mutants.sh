#!/bin/bash
# Changes the engine in one place at a time, by cargo-mutants, and asks whether a test notices: for the file
# format, the free pages, the commit, and opening. `make mutants` runs it.
#
#   scripts/mutants.sh [--again] [--table] [--only REGEX] [PART ..]
#
# PART is format, freelist, commit or recovery; without one, all in this order. It may be stopped at any time:
# what was judged stays in target/mutants/PART/judged, and the next run goes on from there, also where lines
# have moved: a mutant is known by its file, its function, its text, and how many like it stand before it.
# --again tries those once more that have survived; --table only prints what is known; --only takes those mutants
# alone whose name, as cargo-mutants prints it, matches: a part that was changed. Who has changed much
# removes target/mutants.
#
# Each mutant meets the tests in three rounds: first those that judge most of its part in little time, then
# those near to it, then all that are quick and have anything to do with it. Who is caught in one round is
# spared the next.
#
# It all happens in a copy of the sources, target/mutants/tree, which stays, so that little is compiled anew. The
# copy makes no C libraries, and where the unit tests judge alone it has no linter: both would cost more than
# all else.
set -eu

cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
home=$target/mutants
tree=$home/tree
all_parts="format freelist commit recovery"
again= only_table= only=.
while [ $# -gt 0 ]; do
    case $1 in
        --again) again=yes ;;
        --table) only_table=yes ;;
        --only) only=$2; shift ;;
        *) break ;;
    esac
    shift
done

# The files of part $1.
files() {
    case $1 in
        format) echo 'src/format/*.rs' ;;
        freelist) echo 'src/freelist/*.rs' ;;
        commit) echo src/txn/commit.rs 'src/txn/commit/*.rs' ;;
        recovery) echo src/db/open.rs src/db/create.rs src/txn/free_pages.rs ;;
        *) echo "mutants.sh: there is no part $1, only $all_parts" >&2; exit 1 ;;
    esac
}

# The test programs of round $2 for part $1.
tests() {
    case $2/$1 in
        1/format | 1/freelist) echo --lib ;;
        1/commit) echo --test freelist --test transactions ;;
        1/recovery) echo --lib --test open ;;
        2/format) echo --test check --test damaged --test open --test values --test model ;;
        2/freelist) echo --test freelist --test transactions --test model --test stats ;;
        2/commit) echo --lib --test stats --test memory ;;
        2/recovery) echo --test freelist --test transactions --test check --test damaged ;;
        3/*)
            echo --lib --test batch --test bbolt_behaviour --test buckets --test check --test copies \
                --test cursors --test damaged --test freelist --test large --test memory --test model --test open \
                --test real_files --test stats --test transactions --test values --test without_map
            ;;
    esac
}

# Brings the copy of the sources up to date, and undoes what a stopped run has left in it. What is the same stays,
# with its time, by which cargo knows it.
copy_sources() {
    local file
    git ls-files --cached --others --exclude-standard | while read -r file; do
        [ -f "$file" ] && ! cmp -s "$file" "$tree/$file" || continue
        case $file in Cargo.toml | Cargo.lock) continue ;; esac
        mkdir -p "$tree/$(dirname "$file")"
        cp "$file" "$tree/$file"
    done
    git ls-files --deleted | while read -r file; do rm -f "$tree/$file"; done
    cp Cargo.lock "$tree/Cargo.lock"
}

# The manifest for the test programs $*.
write_manifest() {
    local linter=
    [ "$*" != --lib ] || linter='/^crashsim = /d'
    sed -e 's/^crate-type = .*/crate-type = ["rlib"]/' -e "$linter" Cargo.toml > "$tree/Cargo.toml"
}

# Each mutant of part $1 on a line of its own, as cargo-mutants names it now; a tab; the name that stays.
names() {
    # The globs are for cargo-mutants.
    set -f
    # shellcheck disable=SC2046
    cargo mutants --list --colors never --package libbolt --re "$only" $(printf -- '--file %s ' $(files "$1")) | awk '
        { name = $0; sub(/:[0-9]+:[0-9]+:/, ":", name); print $0 "\t" name " #" ++count[name] }'
    set +f
}

# Notes what the round $2 of part $1, ended or stopped, has found: who survived it goes on to the next.
note() {
    local found=$home/$1/round$2/mutants.out outcome
    for outcome in caught timeout unviable missed; do
        [ -f "$found/$outcome.txt" ] || continue
        awk -F '\t' -v outcome="$outcome $2" 'NR == FNR { name[$1] = $2; next } $0 in name { print outcome, name[$0] }' \
            "$home/$1/names" "$found/$outcome.txt" >> "$home/$1/judged"
        rm "$found/$outcome.txt"
    done
}

# The mutants of part $1 that round $2 need not look at.
settled() {
    awk -F '\t' -v round="$2" '
        is_judged {
            split($0, word, " ")
            if (word[1] != "missed" || word[2] >= round) { sub(/^[a-z]+ [0-9] /, ""); done[$0] }
            next
        }
        $2 in done { print $1 }' is_judged=1 "$home/$1/judged" is_judged=0 "$home/$1/names"
}

run_round() {
    local part=$1 round=$2 place=$home/$1/round$2 argument
    note "$part" "$round"
    names "$part" > "$home/$part/names"
    mkdir -p "$place/mutants.out"
    settled "$part" "$round" > "$place/mutants.out/previously_caught.txt"
    [ "$(wc -l < "$place/mutants.out/previously_caught.txt")" -lt "$(wc -l < "$home/$part/names")" ] || return 0
    set --
    for argument in $(tests "$part" "$round"); do
        set -- "$@" --cargo-arg="$argument"
    done
    # In the first round the unit tests of the part are enough.
    case $round/$part in 1/format | 1/freelist) set -- "$@" --cargo-test-arg="$part::" ;; esac
    set -f
    for argument in $(files "$part"); do
        set -- "$@" --file "$argument"
    done
    set +f
    copy_sources
    # shellcheck disable=SC2046
    write_manifest $(tests "$part" "$round")
    echo "== $part, round $round"
    local code=0
    # What runs wild is stopped by a limit of its own. A dying test needs no debug info.
    (
        ulimit -v 16000000
        ulimit -f 8000000
        export CARGO_TARGET_DIR="$home/build" CARGO_PROFILE_DEV_DEBUG=0
        exec nice -n "${NICE:-15}" cargo mutants --dir "$tree" --in-place --iterate --output "$place" --package libbolt \
            --test-tool cargo --timeout "${TIMEOUT:-$((120 * round))}" --re "$only" --no-shuffle --colors never "$@"
    ) || code=$?
    note "$part" "$round"
    # 2: some were missed. 3: some timed out. Anything else is no result.
    case $code in 0 | 2 | 3) ;; *) exit "$code" ;; esac
}

table() {
    local part
    printf '%-10s %8s %8s %10s %10s %10s %8s\n' part mutants caught 'timed out' unviable survived left
    for part; do
        names "$part" | awk -F '\t' -v part="$part" '
            is_judged {
                split($0, word, " ")
                name = $0; sub(/^[a-z]+ [0-9] /, "", name)
                if (word[1] == "missed" && word[2] < 3) next
                if (!(name in outcome) || outcome[name] == "missed") outcome[name] = word[1]
                next
            }
            {
                all++
                count[outcome[$2]]++
                if (outcome[$2] == "missed") survivors = survivors "    " $1 "\n"
            }
            END {
                printf "%-10s %8d %8d %10d %10d %10d %8d\n%s", part, all, count["caught"], count["timeout"],
                    count["unviable"], count["missed"], count[""], survivors
            }' is_judged=1 "$home/$part/judged" is_judged=0 -
    done
}

command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $all_parts
for part; do
    files "$part" >/dev/null
    mkdir -p "$home/$part"
    touch "$home/$part/judged"
    [ -z "$again" ] || sed -i '/^missed/d' "$home/$part/judged"
done
# Round by round: who looks at the survivors of the first need not wait for the last of another part.
for round in 1 2 3; do
    for part; do
        [ -n "$only_table" ] || run_round "$part" "$round"
    done
done
table "$@"
