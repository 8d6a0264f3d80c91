//! What a C or C++ program sees of the library: that the header compiles wherever it may be included, and
//! that header and library agree on the version, the exported names and the name in the ABI.
//!
//! That the header is what the sources give is a test of `xtask`, which knows cbindgen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    fs::read_to_string(repository().join("include/bolt.h")).unwrap()
}

/// The shared library that cargo built for this very test run.
fn library() -> PathBuf {
    let path = env::current_exe().unwrap().parent().unwrap().join("libbolt.so");
    assert!(path.exists(), "{} is not there: is the crate type cdylib gone from Cargo.toml?", path.display());
    path
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles a source under a standard, with every warning an error.
fn compile(source: &str, standard: &str) {
    let cpp = standard.starts_with("c++");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(if cpp { "user.cpp" } else { "user.c" });
    fs::write(&file, source).unwrap();
    let mut build = cc::Build::new();
    build.target(env!("BOLT_TARGET")).host(env!("BOLT_TARGET")).opt_level(0).cargo_metadata(false).cpp(cpp);
    let mut command = build.include(repository().join("include")).get_compiler().to_command();
    command.args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-c"]);
    output(command.arg(format!("-std={standard}")).arg(&file).arg("-o").arg(directory.path().join("user.o")));
}

const STANDARDS: [&str; 7] = ["c99", "c11", "c17", "c++11", "c++14", "c++17", "c++20"];

#[test]
fn the_header_compiles_alone_and_twice_under_every_standard() {
    for standard in STANDARDS {
        compile("#include \"bolt.h\"\n", standard);
        compile("#include \"bolt.h\"\n#include \"bolt.h\"\nint unused_but_present;\n", standard);
    }
}

#[test]
fn a_program_that_uses_the_header_compiles_under_every_standard() {
    let program = "
        #include \"bolt.h\"
        int use(bolt_bucket *bucket);
        int use(bolt_bucket *bucket) {
            const void *value = 0;
            size_t value_len = 0;
            bolt_kv kv;
            bolt_cursor *cursor;
            uint64_t forever = BOLT_FOREVER;
            if (bolt_get(bucket, \"k\", 1, &value, &value_len) == BOLT_NOTFOUND || forever == BOLT_NO_PAGE)
                return -1 -BOLT_NOTFOUND;
            if (bolt_cursor_open(bucket, &cursor) != BOLT_OK || bolt_cursor_first(cursor, &kv) != BOLT_OK)
                return 1;
            return kv.flags == BOLT_KV_BUCKET ? bolt_cursor_close(cursor) : (int)value_len;
        }
    ";
    for standard in STANDARDS {
        compile(program, standard);
    }
}

#[test]
#[should_panic(expected = "warn_unused_result")]
fn a_code_that_must_not_be_ignored_is_a_warning() {
    compile("#include \"bolt.h\"\nvoid f(bolt_txn *t);\nvoid f(bolt_txn *t) { bolt_commit(t); }\n", "c99");
}

#[test]
fn the_version_macros_are_those_of_the_package() {
    let macros = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR").to_owned()),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR").to_owned()),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH").to_owned()),
        ("STRING", format!("\"{}\"", env!("CARGO_PKG_VERSION"))),
    ];
    let number = fs::read_to_string(repository().join("abi/SOVERSION")).unwrap();
    let abi = [("BOLT_ABI_NUMBER".to_owned(), number.trim().to_owned())];
    for (name, value) in
        macros.map(|(part, value)| (format!("BOLT_VERSION_{part}"), value)).into_iter().chain(abi)
    {
        let line = format!("#define {name} {value}");
        assert!(header().lines().any(|found| found == line), "bolt.h lacks: {line}");
    }
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let text = header();
    let code: String = text.lines().filter(|line| line.starts_with("BOLT_API ")).collect();
    let names = code.split('(').filter_map(|before| before.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("bolt_")).map(str::to_owned).collect()
}

#[test]
fn the_library_exports_exactly_the_functions_of_the_header() {
    let symbols = output(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library()));
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(declared().len() >= 40, "{:?}", declared());
    assert_eq!(exported, declared());
}

#[test]
fn the_library_is_named_after_its_abi_and_stays_loaded() {
    let number = fs::read_to_string(repository().join("abi/SOVERSION")).unwrap();
    let dynamic = output(Command::new("readelf").args(["-d", "--wide"]).arg(library()));
    assert!(dynamic.contains(&format!("soname: [libbolt.so.{}]", number.trim())), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}
