# The examples, built against the installed tree and run: what they say, and whether the databases that they
# leave are sound.

sources=$repository/examples-c
examples=$work/examples

# Each program of examples-c is built; only etcd.c is a part of another one.
build_examples() {
    local program programs
    rm -rf "$examples"
    configure "$sources" "$examples" "-DCMAKE_PREFIX_PATH=$tree"
    build "$examples"
    programs=$(cd "$sources" && ls ./*.c ./*.cpp | sed 's,^./,,; s,\.[a-z]*$,,' | grep -vx etcd)
    ((6 <= $(wc -l <<<"$programs")))
    for program in $programs; do
        [[ -x $examples/$program ]] || die "examples-c/CMakeLists.txt does not build $program"
    done
    gcc -std=c99 -Wall -Wextra -pedantic-errors -Werror -I"$tree/include" "$here/examples/check.c" \
        -o "$examples/check" "$tree/lib/libbolt.a" -lm
}

# sound databases...: each is sound, by bolt_check.
sound() {
    "$examples/check" "$@" || die "a database is not sound"
}

# fails status "what it says" command...: the command ends with this status, and says so on standard error.
fails() {
    local status=0 said
    said=$("${@:3}" 2>&1 >/dev/null) || status=$?
    same "$1" "$status"
    says "$2" "$said"
}

job_queue() {
    same "30 jobs done, 10 of them at the second attempt or later
the queue is empty" "$("$examples/job_queue" q.db 4 30)"
    same "5 jobs done, 1 of them at the second attempt or later
the queue is empty" "$("$examples/job_queue" q.db 1 5)"
    fails 2 "usage:" "$examples/job_queue" q.db 0 1
    fails 1 "No such file or directory" env LC_ALL=C "$examples/job_queue" nowhere/q.db 1 1
    sound q.db
}

time_series() {
    local run=("$examples/time_series" t.db)
    same "4 added" "$(printf '10 1.5\n5 2\n300 7\n20 -1\n' | "${run[@]}" append room)"
    same "5 2
10 1.5
20 -1
3 measurements: least -1, mean 0.833333, most 2" "$("${run[@]}" range room 5 300)"
    same "10000 added" "$(seq 1000 10999 | sed 's/$/ 1/' | "${run[@]}" append hall)"
    same "9999 measurements: least 1, mean 1, most 1" "$("${run[@]}" range hall 1000 10999 | tail -1)"
    same "9000 deleted" "$("${run[@]}" trim hall 10000)"
    same "1000 measurements: least 1, mean 1, most 1" "$("${run[@]}" range hall 0 99999 | tail -1)"
    same "0 measurements" "$("${run[@]}" range room 6 7)"
    echo "1 1 and what is no time" | fails 1 "nothing was added" "${run[@]}" append room
    same "4 measurements: least -1, mean 2.375, most 7" "$("${run[@]}" range room 0 999 | tail -1)"
    fails 1 "none: not found" "${run[@]}" range none 1 2
    fails 2 "no time: -1" "${run[@]}" range room -1 2
    fails 2 "usage:" "${run[@]}"
    sound t.db
}

sessions() {
    local run=("$examples/sessions" s.db) ann bob
    ann=$("${run[@]}" 1000 create ann 60)
    bob=$("${run[@]}" 1000 create bob 30)
    [[ $ann =~ ^[0-9a-f]{32}$ && $ann != "$bob" ]]
    same ann "$("${run[@]}" 1059 get "$ann")"
    same "no such session" "$("${run[@]}" 1060 get "$ann" || true)"
    same touched "$("${run[@]}" 1059 touch "$ann" 100)"
    same "no such session" "$("${run[@]}" 1059 touch "$bob" 100 || true)"
    same "1 expired" "$("${run[@]}" 1100 sweep)"
    same "0 expired" "$("${run[@]}" 1158 sweep)"
    same ann "$("${run[@]}" 1158 get "$ann")"
    same ended "$("${run[@]}" 1158 end "$ann")"
    same "no such session" "$("${run[@]}" 1158 end "$ann" || true)"
    fails 1 "no number: soon" "${run[@]}" soon sweep
    fails 1 "create USER SECONDS" "${run[@]}" now wipe
    sound s.db
}

live_backup() {
    local said
    said=$("$examples/live_backup" l.db copy.db)
    says "the writer went on meanwhile" "$said"
    says "the copy is sound, its counter says" "$said"
    says "CRC-32 $(gzip -c copy.db | tail -c8 | od -An -tx4 -N4 | tr -d ' ');" "$said"
    fails 1 "already exists" "$examples/live_backup" l.db copy.db
    sound l.db copy.db
}

server_store() {
    local said commits
    said=$("$examples/server_store" a.db 8 50)
    says "400 requests: " "$said"
    says "the sum is 2000 of 2000" "$said"
    # Each thread's first request is refused; of the others some may be, too.
    (($(sed -n 's/.* \([0-9]*\) refused/\1/p' <<<"$said") >= 8))
    commits=$(sed -n 's/ commits$//p' <<<"$said")
    ((commits > 0 && commits < 390)) || die "$commits commits for 400 requests"
    fails 2 "usage:" "$examples/server_store" a.db 0 1
    sound a.db
}

etcd_tour() {
    local said
    said=$("$examples/etcd_tour" "$repository/fixtures/etcd.db" copy.db)
    says "144 changes came to 96 keys" "$said"
    says "96 of 96 values in it equal etcd's" "$said"
    sound copy.db
}

# As examples-c/README.md has it.
by_pkg_config() {
    local line
    grep '^    c.*pkg-config' "$sources/README.md" >lines
    (($(wc -l <lines) == 2))
    cp "$sources/time_series.c" "$sources/sessions.cpp" .
    # The tree was moved to where the name has a space, and pkg-config's words are quoted for a shell.
    while read -r line; do
        eval "${line%%\$(*} $(ask --cflags --libs bolt)"
    done <lines
    same "1 added" "$(echo 1 1 | LD_LIBRARY_PATH=$tree/lib ./time_series t.db append room)"
    same "0 expired" "$(LD_LIBRARY_PATH=$tree/lib ./sessions s.db now sweep)"
}

check "the examples are built by CMake, all of them" build_examples
check "the job queue does each job, also those that were dropped" job_queue
check "the time series gives ranges and forgets them" time_series
check "the sessions live as long as they should" sessions
check "the live backup is sound and whole" live_backup
check "the server's store shares commits and loses no money" server_store
check "the tour of etcd's database reads it" etcd_tour
check "two examples are built by pkg-config, as their README says" by_pkg_config
