//! Compiles the C programs of `c-tests` against the libraries that cargo has just built, and runs them: with
//! the shared library, with the static one, and under valgrind.
//!
//! Cargo puts the libraries beside this program, because integration tests are built with all the crate
//! types of the package. A program gets a directory of its own; it prints what each of its tests proved.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: [&str; 20] = [
    "version",
    "contents",
    "error",
    "options",
    "db",
    "txn",
    "savepoint",
    "bucket",
    "kv",
    "cursor",
    "bbolt",
    "managed",
    "batch",
    "check",
    "backup",
    "stats",
    "memory",
    "threads",
    "nomap",
    "fork",
];

/// How a program is linked.
#[derive(Clone, Copy)]
enum Link {
    Shared,
    Static,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library that cargo built for this very test run.
fn library(file: &str) -> PathBuf {
    let program = env::current_exe().unwrap();
    let path = program.parent().unwrap().join(file);
    assert!(
        path.exists(),
        "{} is not there: is the library's crate type gone from Cargo.toml?",
        path.display()
    );
    path
}

/// A C compiler that finds the header and takes no warning.
fn compiler() -> Command {
    let mut build = cc::Build::new();
    build
        .target(env!("BOLT_TARGET"))
        .host(env!("BOLT_TARGET"))
        .opt_level(1)
        .debug(true)
        .cargo_metadata(false);
    build.warnings(true).extra_warnings(true).warnings_into_errors(true).std("c99").flag("-pedantic");
    build.include(repository().join("include"));
    build.define("FIXTURES", format!("\"{}\"", repository().join("fixtures").display()).as_str());
    build.get_compiler().to_command()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{}\n{text}", output.status);
    text
}

/// Compiles a program of `c-tests` in `directory`.
fn compile(program: &str, link: Link, directory: &Path) -> PathBuf {
    let executable = directory.join(program);
    let mut command = compiler();
    command.arg(repository().join("c-tests").join(format!("{program}.c"))).arg("-o").arg(&executable);
    match link {
        Link::Shared => {
            // The program looks for the library by the name in the ABI.
            let number = fs::read_to_string(repository().join("abi/SOVERSION")).unwrap();
            let name = directory.join(format!("libbolt.so.{}", number.trim()));
            std::os::unix::fs::symlink(library("libbolt.so"), &name).unwrap();
            command.arg(&name).arg(format!("-Wl,-rpath,{}", directory.display()));
        }
        Link::Static => {
            command.arg(library("libbolt.a"));
        }
    }
    command.args(["-lpthread", "-ldl", "-lm"]);
    run(&mut command);
    executable
}

/// Compiles a program and runs it, in front of it the words of `runner`.
fn run_program(program: &str, link: Link, runner: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let executable = compile(program, link, directory.path());
    let files = directory.path().join("files");
    fs::create_dir(&files).unwrap();
    let mut words = runner.iter().map(|word| word.to_string()).chain([executable.display().to_string()]);
    let mut command = Command::new(words.next().unwrap());
    let output = run(command.args(words).arg(&files));
    let last = output.lines().rfind(|line| line.ends_with(" passed, 0 failed"));
    assert!(last.is_some(), "{program} did not say that it passed:\n{output}");
    println!("{output}");
}

#[test]
fn versions_hold_in_c() {
    run_program("version", Link::Shared, &[]);
}

#[test]
fn errors_hold_in_c() {
    run_program("error", Link::Shared, &[]);
}

#[test]
fn options_hold_in_c() {
    run_program("options", Link::Shared, &[]);
}

#[test]
fn databases_hold_in_c() {
    run_program("db", Link::Shared, &[]);
}

#[test]
fn transactions_hold_in_c() {
    run_program("txn", Link::Shared, &[]);
}

#[test]
fn savepoints_hold_in_c() {
    run_program("savepoint", Link::Shared, &[]);
}

#[test]
fn buckets_hold_in_c() {
    run_program("bucket", Link::Shared, &[]);
}

#[test]
fn keys_and_values_hold_in_c() {
    run_program("kv", Link::Shared, &[]);
}

#[test]
fn cursors_hold_in_c() {
    run_program("cursor", Link::Shared, &[]);
}

#[test]
fn the_content_of_the_real_files_is_read_in_c() {
    run_program("contents", Link::Shared, &[]);
}

#[test]
fn what_bbolt_promises_holds_in_c() {
    run_program("bbolt", Link::Shared, &[]);
}

#[test]
fn managed_transactions_hold_in_c() {
    run_program("managed", Link::Shared, &[]);
}

#[test]
fn batches_hold_in_c() {
    run_program("batch", Link::Shared, &[]);
}

#[test]
fn the_checker_holds_in_c() {
    run_program("check", Link::Shared, &[]);
}

#[test]
fn backups_hold_in_c() {
    run_program("backup", Link::Shared, &[]);
}

#[test]
fn statistics_hold_in_c() {
    run_program("stats", Link::Shared, &[]);
}

#[test]
fn databases_in_memory_hold_in_c() {
    run_program("memory", Link::Shared, &[]);
}

#[test]
fn many_threads_hold_in_c() {
    run_program("threads", Link::Shared, &[]);
}

#[test]
fn databases_without_a_map_hold_in_c() {
    run_program("nomap", Link::Shared, &[]);
}

#[test]
fn forked_children_change_nothing_for_their_parents() {
    run_program("fork", Link::Shared, &[]);
}

#[test]
fn the_static_library_holds_in_c() {
    for program in PROGRAMS {
        run_program(program, Link::Static, &[]);
    }
}

#[test]
fn valgrind_finds_no_error_and_no_leak() {
    let found = Command::new("valgrind").arg("--version").output();
    assert!(found.is_ok(), "this test needs valgrind: apt-get install valgrind");
    for program in PROGRAMS {
        // A forked child ends with its parent's database open. What that keeps in a hash table is reached through
        // the table alone, to which std has no pointer but one into its middle: possibly lost, by valgrind's word.
        let kinds = if program == "fork" { "definite" } else { "definite,possible" };
        let (shown, errors) =
            (format!("--show-leak-kinds={kinds}"), format!("--errors-for-leak-kinds={kinds}"));
        let runner = ["valgrind", "--quiet", "--leak-check=full", &shown, &errors, "--error-exitcode=9"];
        run_program(program, Link::Shared, &runner);
    }
}

#[test]
fn every_c_program_is_run() {
    for entry in fs::read_dir(repository().join("c-tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "c") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(PROGRAMS.contains(&name), "{name}.c is run by no test");
        }
    }
}
