# The documentation by Doxygen.

complete() {
    "$xtask" --repository "$repository" docs --check
}

# The check finds an undocumented function and an undocumented parameter.
sees_gaps() {
    mkdir copy
    cp -r "$repository/docs" "$repository/include" "$repository/Cargo.toml" copy
    sed -i 's/^BOLT_API int bolt_close(/BOLT_API int bolt_added(int number);\n\n&/' copy/include/bolt.h
    must_fail "bolt_close" "$xtask" --repository copy docs --check
    cp "$repository/include/bolt.h" copy/include
    sed -i '/^ \* @param path The file.s name/d' copy/include/bolt.h
    must_fail "'path'" "$xtask" --repository copy docs --check
}

pages() {
    local name page
    for name in $(declared "$tree/include/bolt.h"); do
        page=$tree/share/man/man3/$name.3
        # A page of a group's, or a line that leads to one.
        [[ -f $page ]] || die "no manual page: $name"
        page=$tree/share/man/$(sed -n 's/^\.so //p' "$page")
        grep -q "$name" "$page" || die "$page says nothing of $name"
    done
    # Names such as `key` and `flags`, which Doxygen gives the fields of structs, are not for libbolt to take.
    same "" "$(cd "$tree/share/man/man3" && find . -type f | grep -v '^./\(bolt\|BOLT\|libbolt\)[_.:]')"
    for name in database read_txn write_txn bucket write_bucket cursor entry_range savepoint result error; do
        grep -q "bolt::$name" "$tree/share/man/man3/bolt::$name.3"
    done
    grep -q Conventions "$tree/share/man/man3/bolt.h.3"
    grep -q Conventions "$tree/share/man/man3/bolt.hpp.3"
    grep -q Conventions "$tree/share/doc/libbolt/html/index.html"
    grep -q "$version" "$tree/share/doc/libbolt/html/index.html"
}

check "everything in the header is documented" complete
check "an undocumented function or parameter is found" sees_gaps
check "each function has a manual page, and the conventions are on the first" pages
