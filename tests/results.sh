# Counts what the tests in the shell find, for a line at their end. Sourced by them.

passed=0
failed=0

# result status "a sentence that is to hold" log: tells of one, and the end of its log where it does not hold.
result() {
    if (($1 == 0)); then
        passed=$((passed + 1))
        echo "pass  $2"
    else
        failed=$((failed + 1))
        echo "FAIL  $2"
        tail -n 60 "$3" | sed 's/^/      | /'
        echo "      | (all of it: $3)"
    fi
}
