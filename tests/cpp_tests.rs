//! Compiles the C++ programs of `cpp-tests`, which use `include/bolt.hpp`, against the libraries that cargo
//! has just built, and runs them, also under valgrind; holds the header against two compilers and two
//! standards; and counts what it costs beside the same loops in C.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs, each with the flags that it is compiled with in particular.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("objects", &["-std=c++17"]),
    ("ranges", &["-std=c++20"]),
    ("transactions", &["-std=c++17"]),
    ("values", &["-std=c++17"]),
    ("values", &["-std=c++17", "-fno-exceptions"]),
];

const WARNINGS: [&str; 6] = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"];

const VALGRIND: [&str; 6] = [
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,possible",
    "--errors-for-leak-kinds=definite,possible",
    "--error-exitcode=9",
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> PathBuf {
    repository().join("cpp-tests")
}

/// The library that cargo built for this very test run.
fn library(file: &str) -> PathBuf {
    let path = env::current_exe().unwrap().parent().unwrap().join(file);
    assert!(path.exists(), "{} is not there: is the crate type gone from Cargo.toml?", path.display());
    path
}

/// A compiler that finds the headers.
fn compiler(is_cpp: bool, opt_level: u32) -> Command {
    let mut build = cc::Build::new();
    build
        .target(env!("BOLT_TARGET"))
        .host(env!("BOLT_TARGET"))
        .opt_level(opt_level)
        .debug(true)
        .cargo_metadata(false)
        .cpp(is_cpp)
        .include(repository().join("include"));
    build.get_compiler().to_command()
}

/// What a command that succeeds says, on both of its outputs.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{}\n{text}", output.status);
    text
}

/// Compiles a program of `cpp-tests` in `directory`, with the static library in it.
fn compile(program: &str, flags: &[&str], directory: &Path) -> PathBuf {
    let executable = directory.join(program);
    let mut command = compiler(true, 1);
    command.args(WARNINGS).args(flags).arg(sources().join(format!("{program}.cpp")));
    command.arg(library("libbolt.a")).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&executable);
    run(&mut command);
    executable
}

/// Runs a program in a new directory, in front of it the words of `runner`.
fn run_in_directory(program: &Path, runner: &[&str]) {
    let files = tempfile::tempdir().unwrap();
    let name = program.display().to_string();
    let words: Vec<&str> = runner.iter().copied().chain([name.as_str()]).collect();
    let output = run(Command::new(words[0]).args(&words[1..]).arg(files.path()));
    let last = output.lines().rfind(|line| line.ends_with(" passed, 0 failed"));
    assert!(last.is_some(), "{name} did not say that it passed:\n{output}");
}

#[test]
fn the_cpp_programs_pass_and_valgrind_finds_no_error_and_no_leak() {
    for (program, flags) in PROGRAMS {
        let directory = tempfile::tempdir().unwrap();
        let executable = compile(program, flags, directory.path());
        run_in_directory(&executable, &[]);
        run_in_directory(&executable, &VALGRIND);
    }
}

#[test]
fn every_cpp_program_is_run() {
    for entry in fs::read_dir(sources()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cpp") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(PROGRAMS.iter().any(|(program, _)| *program == name), "{name}.cpp is run by no test");
        }
    }
}

#[test]
fn two_compilers_take_the_programs_as_cpp_17_and_20() {
    for (program, flags) in PROGRAMS {
        for (compiler, standard) in [
            ("g++", "-std=c++17"),
            ("g++", "-std=c++20"),
            ("clang++", "-std=c++17"),
            ("clang++", "-std=c++20"),
        ] {
            // Those that are run are compiled there.
            if compiler == "g++" && flags.contains(&standard) {
                continue;
            }
            let mut command = Command::new(compiler);
            command.args(WARNINGS).args(flags).args([standard, "-fsyntax-only", "-I"]);
            command.arg(repository().join("include")).arg(sources().join(format!("{program}.cpp")));
            run(&mut command);
        }
    }
}

/// What the compiler says of a function body that uses `db`, `reader` and `writer`; none where it takes it.
fn is_refused(body: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("user.cpp");
    let program = format!(
        "#include \"bolt.hpp\"\nvoid use(const bolt::database& db, bolt::read_txn& reader, \
         bolt::write_txn& writer);\nvoid use(const bolt::database& db, bolt::read_txn& reader, \
         bolt::write_txn& writer) {{\n    (void)db, (void)reader, (void)writer;\n    {body}\n}}\n"
    );
    fs::write(&file, program).unwrap();
    let mut command = compiler(true, 0);
    let output =
        command.args(["-std=c++17", "-Wall", "-Werror", "-fsyntax-only"]).arg(&file).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_would_be_a_mistake_does_not_compile() {
    let good =
        "db.update([](bolt::write_txn& txn) { return std::string(*txn.open_bucket(\"b\").get(\"k\")); });";
    assert_eq!(is_refused(good), None);
    for (body, words) in [
        ("reader.open_bucket(\"b\").put(\"k\", \"v\");", "put"),
        ("reader.open_bucket(\"b\").cursor().erase();", "erase"),
        ("bolt::write_bucket b = reader.root();", "write_bucket"),
        ("bolt::write_txn copy = writer;", "deleted"),
        ("writer.open_bucket(\"b\").try_put(\"k\", \"v\");", "nodiscard"),
        ("writer.try_commit();", "nodiscard"),
        ("db.begin_write();", "nodiscard"),
        ("writer.savepoint();", "nodiscard"),
        ("db.view([](bolt::read_txn& txn) { return txn.open_bucket(\"b\").get(\"k\"); });", "ends with the"),
        ("db.view([](bolt::read_txn& txn) { return txn.open_bucket(\"b\"); });", "ends with the"),
        ("writer.on_commit([] {});", "must be noexcept"),
        ("reader.open_bucket(\"b\").for_each([](bolt::entry) { return 1; });", "returns nothing, or a bool"),
    ] {
        let said = is_refused(body).unwrap_or_else(|| panic!("this should not compile: {body}"));
        assert!(said.contains(words), "{body}: {said}");
    }
}

/// The codes that a header defines: `#define BOLT_BUSY (-13)`.
fn codes(header: &str) -> Vec<String> {
    let own = |line: &str| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(" (-")?;
        (value.trim_end_matches(')').parse::<u32>().ok()? < 1000).then(|| name.to_owned())
    };
    header.lines().filter_map(own).collect()
}

#[test]
fn every_code_has_a_name_in_cpp() {
    let read = |name: &str| fs::read_to_string(repository().join("include").join(name)).unwrap();
    let (codes, header) = (codes(&read("bolt.h")), read("bolt.hpp"));
    assert!(codes.len() >= 31, "{codes:?}");
    for code in codes {
        assert!(header.contains(&format!(" = {code}, ")), "bolt::errc has no name for {code}");
    }
}

/// The instructions of `rounds` rounds of a loop, the rest of the program with them.
fn instructions(program: &Path, of_loop: &str, rounds: u32) -> u64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let said = run(command.args([of_loop, &rounds.to_string()]));
    let (_, after) = said.split_once("Collected : ").unwrap_or_else(|| panic!("{said}"));
    after.split_whitespace().next().unwrap().parse().unwrap()
}

/// Links the loops of one language with the program that runs them.
fn loops(language: &str, directory: &Path) -> PathBuf {
    let (cost, is_cpp) = (sources().join("cost"), language == "cpp");
    let program = directory.join(language);
    let (main, object) = (directory.join("main.o"), directory.join("loops.o"));
    run(compiler(false, 2).args(["-std=c99", "-c"]).arg(cost.join("main.c")).arg("-o").arg(&main));
    let standard = if is_cpp { "-std=c++17" } else { "-std=c99" };
    let source = cost.join(format!("loops.{language}"));
    run(compiler(is_cpp, 2).args([standard, "-c"]).arg(source).arg("-o").arg(&object));
    let mut link = compiler(true, 2);
    link.args([&main, &object]).arg(library("libbolt.a")).args(["-lpthread", "-ldl", "-lm", "-o"]);
    run(link.arg(&program));
    program
}

/// What each round of a loop does so many times, as in cpp-tests/cost/loops.h.
const KEY_COUNT: u64 = 512;

#[test]
fn cpp_costs_a_few_instructions_beside_the_calls_of_c() {
    const ROUNDS: u32 = 4;
    let directory = tempfile::tempdir().unwrap();
    let [c, cpp] = ["c", "cpp"].map(|language| loops(language, directory.path()));
    // Half of the keys are there, so a scan has half as many steps.
    for (of_loop, steps) in
        [("get", KEY_COUNT), ("seek", KEY_COUNT), ("put", KEY_COUNT), ("scan", KEY_COUNT / 2)]
    {
        let each = |program: &Path| {
            let count = instructions(program, of_loop, ROUNDS) - instructions(program, of_loop, 0);
            count / (steps * u64::from(ROUNDS))
        };
        let (in_c, in_cpp) = (each(&c), each(&cpp));
        println!("{of_loop}: {in_c} instructions in C, {in_cpp} in C++");
        assert!(in_c > 100, "{of_loop} did nothing");
        assert!(in_cpp <= in_c + 20, "{of_loop}: {in_c} instructions in C, {in_cpp} in C++");
    }
}
