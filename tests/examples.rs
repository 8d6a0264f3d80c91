//! What users read first: the program in README.md and the tour of a real etcd database, which `make demo`
//! runs, compiled as the README says, against the libraries of this very test run; and that the documents
//! name nothing that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bolt::{Db, Options};
use common::{dump, fixture, hex};
use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles `sources` into `directory` with every warning an error, linked by `-lbolt`.
fn compile(sources: &[PathBuf], directory: &Path) -> PathBuf {
    // The compiler looks for libbolt.so, the program for the name in the ABI.
    let library = env::current_exe().unwrap().parent().unwrap().join("libbolt.so");
    let number = fs::read_to_string(repository().join("abi/SOVERSION")).unwrap();
    for name in ["libbolt.so".to_owned(), format!("libbolt.so.{}", number.trim())] {
        std::os::unix::fs::symlink(&library, directory.join(name)).unwrap();
    }
    let mut build = cc::Build::new();
    build
        .target(env!("BOLT_TARGET"))
        .host(env!("BOLT_TARGET"))
        .opt_level(1)
        .debug(true)
        .cargo_metadata(false);
    let mut command = build.get_compiler().to_command();
    command.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]).args(sources);
    command.arg("-I").arg(repository().join("include")).arg("-L").arg(directory).arg("-lbolt");
    command.arg(format!("-Wl,-rpath,{}", directory.display())).arg("-o").arg(directory.join("program"));
    succeed(&mut command);
    directory.join("program")
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What a command that succeeds says.
fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{}\n{said}{complained}", output.status);
    said.into_owned()
}

/// The tour, compiled, in a directory that also takes its copies.
fn tour() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let sources = ["etcd_tour.c", "etcd.c"].map(|name| repository().join("examples-c").join(name));
    let program = compile(&sources, directory.path());
    (directory, program)
}

/// The pairs of etcd's bucket "key" in the order of their revisions: key, value, whether it is a deletion.
fn changes() -> Vec<(String, String, bool)> {
    let mut changes = Vec::new();
    for line in fs::read_to_string(fixture("etcd.jsonl")).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        if entry["p"] == serde_json::json!([hex(b"key")]) && entry.get("k").is_some() {
            let message = unhex(entry["v"].as_str().unwrap());
            let is_deletion = entry["k"].as_str().unwrap().ends_with(&hex(b"t"));
            changes.push((text_of(&message, 1), text_of(&message, 5), is_deletion));
        }
    }
    changes
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Text `number` of a message that has only integers and texts; empty where it is not there.
fn text_of(mut message: &[u8], number: u64) -> String {
    while !message.is_empty() {
        let (tag, integer) = (varint(&mut message), varint(&mut message));
        if tag & 7 == 2 {
            let (text, rest) = message.split_at(integer as usize);
            if tag >> 3 == number {
                return String::from_utf8(text.to_vec()).unwrap();
            }
            message = rest;
        }
    }
    String::new()
}

fn varint(message: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = message.split_first().unwrap();
        *message = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return value;
        }
        shift += 7;
    }
}

/// What etcd answers: the last value of each key that was not deleted after it.
fn key_space() -> BTreeMap<String, String> {
    let mut latest = BTreeMap::new();
    for (key, value, is_deletion) in changes() {
        if is_deletion {
            latest.remove(&key)
        } else {
            latest.insert(key, value)
        };
    }
    latest
}

#[test]
fn the_program_of_the_readme_compiles_and_does_what_it_says() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let program = readme.split("```c\n").nth(1).unwrap().split("```").next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("apple.c");
    fs::write(&source, program).unwrap();
    let program = compile(&[source], directory.path());
    assert_eq!(succeed(Command::new(program).current_dir(&directory)), "an apple is red\n");
    let db = Db::open(&directory.path().join("fruit.db"), &Options::default()).unwrap();
    let pair = format!(r#"{{"p":["{}"],"k":"{}","v":"{}"}}"#, hex(b"fruit"), hex(b"apple"), hex(b"red"));
    assert_eq!(dump(&mut db.begin_read().unwrap()).last(), Some(&pair));
}

#[test]
fn the_documents_name_only_files_that_are_there() {
    let (mut count, mut missing) = (0, Vec::new());
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(repository().join(document)).unwrap();
        // Outside of blocks of code.
        let text: String = text.split("```").step_by(2).collect();
        let names = text.split('`').skip(1).step_by(2);
        for name in names.filter(|name| name.contains('/') && !name.starts_with("target/")) {
            count += 1;
            if !repository().join(name).exists() && !repository().join("src").join(name).exists() {
                missing.push(format!("{document}: {name}"));
            }
        }
    }
    assert!(count > 50, "only {count} names were seen");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The numbered rules at the head of a source, by their letters, as a table gives them: `F1`, `F1, F2`, `F1
/// to F3`.
fn rules(source: &str) -> Vec<String> {
    let mut counts: BTreeMap<char, u32> = BTreeMap::new();
    for line in source.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let mut start = line.chars();
        if let (Some('A'..='Z'), Some('1'..='9'), Some('.')) = (start.next(), start.next(), start.next()) {
            *counts.entry(line.chars().next().unwrap()).or_default() += 1;
        }
    }
    let span = |(letter, count)| match count {
        1 => format!("{letter}1"),
        2 => format!("{letter}1, {letter}2"),
        _ => format!("{letter}1 to {letter}{count}"),
    };
    counts.into_iter().map(span).collect()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn the_table_of_rules_has_every_rule_of_the_sources() {
    let document = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let mut count = 0;
    for path in sources(&repository().join("src")) {
        let name = format!("`{}`", path.strip_prefix(repository()).unwrap().display());
        for rule in rules(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            let mut rows = document.lines().filter(|row| row.starts_with("| ") && row.contains(&name));
            assert!(rows.any(|row| row.contains(&rule)), "the table lacks {rule} of {name}");
        }
    }
    assert!(count > 15, "only {count} were seen");
}

#[test]
fn the_tour_shows_what_etcd_would_answer() {
    let (directory, program) = tour();
    let said = succeed(
        Command::new(program).arg("--all").arg(fixture("etcd.db")).arg(directory.path().join("copy.db")),
    );
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    for (key, value, is_deletion) in changes() {
        let what = if is_deletion { "delete".to_owned() } else { "put".to_owned() };
        let found = lines.iter().any(|words| words.len() > 2 && words[1..3] == [what.as_str(), key.as_str()]);
        assert!(found, "{what} {key} ({value}) is not in:\n{said}");
    }
    let table = lines.iter().skip_while(|words| words.first() != Some(&"KEY")).skip(1);
    let keys: Vec<&str> = table.take_while(|words| !words.is_empty()).map(|words| words[0]).collect();
    assert_eq!(keys, key_space().keys().collect::<Vec<_>>());
    assert!(keys.len() > 50, "{keys:?}");
    for sentence in ["144 changes came to 96 keys", "96 of 96 values in it equal etcd's"] {
        assert!(said.contains(sentence), "{said}");
    }
    assert!(!said.contains('\x1b'), "colours in a pipe");
}

#[test]
fn the_tour_writes_a_bucket_into_the_copy_and_changes_nothing_else() {
    let (directory, program) = tour();
    let copy = directory.path().join("copy.db");
    let said = succeed(Command::new(&program).arg(fixture("etcd.db")).arg(&copy));
    let sights = ["writer", "beside it", "on its snapshot", "begins now"];
    for (who, sees) in sights.into_iter().zip([true, false, false, true]) {
        let line = said.lines().find(|line| line.contains(who) && line.contains("the bucket")).unwrap();
        assert_eq!(!line.contains("does not"), sees, "{line}");
    }
    let db = Db::open(&copy, &Options { read_only: true, ..Options::default() }).unwrap();
    let (ours, latest) = (hex(b"tour of libbolt"), hex(b"latest"));
    let mut expected: Vec<String> =
        fs::read_to_string(fixture("etcd.jsonl")).unwrap().lines().map(str::to_owned).collect();
    expected.push(format!(r#"{{"p":["{ours}"],"seq":0}}"#));
    expected.push(format!(r#"{{"p":["{ours}","{latest}"],"seq":0}}"#));
    expected.extend(key_space().iter().map(|(key, value)| {
        let (key, value) = (hex(key.as_bytes()), hex(value.as_bytes()));
        format!(r#"{{"p":["{ours}","{latest}"],"k":"{key}","v":"{value}"}}"#)
    }));
    let (key, version) = (hex(b"written by"), hex(env!("CARGO_PKG_VERSION").as_bytes()));
    expected.push(format!(r#"{{"p":["{ours}"],"k":"{key}","v":"{version}"}}"#));
    assert_eq!(dump(&mut db.begin_read().unwrap()), expected);
}

#[test]
fn the_tour_shows_any_other_database_as_it_is() {
    let (directory, program) = tour();
    let said =
        succeed(Command::new(program).arg(fixture("containerd.db")).arg(directory.path().join("copy.db")));
    for name in ["v1 (5)", "default (1)", "content (2)", "blob (1)"] {
        assert!(said.lines().any(|line| line.trim() == name), "{name} is not in:\n{said}");
    }
    assert!(said.contains("not etcd's"), "{said}");
}

#[test]
fn the_tour_says_what_is_wrong_and_harms_no_file() {
    let (directory, program) = tour();
    let text = directory.path().join("text");
    fs::write(&text, "no database\n".repeat(1000)).unwrap();
    let copy = directory.path().join("copy.db");
    let cases = [
        (text.clone(), copy.clone(), "BOLT_INVALID"),
        (directory.path().join("none.db"), copy.clone(), "ENOENT"),
        (fixture("etcd.db"), text.clone(), "File exists"),
        (fixture("etcd.db"), fixture("etcd.db"), "File exists"),
    ];
    for (database, copy, reason) in cases {
        let output = run(Command::new(&program).arg(database).arg(copy).env("LC_ALL", "C"));
        let complained = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert!(complained.contains(reason), "{reason} is not in: {complained}");
    }
    assert!(!copy.exists());
    assert_eq!(fs::read_to_string(&text).unwrap(), "no database\n".repeat(1000));
    assert_eq!(run(&mut Command::new(&program)).status.code(), Some(2));
}

#[test]
fn the_tour_uses_colours_on_a_terminal_unless_told_not_to() {
    let (directory, program) = tour();
    for (no_color, copy, is_coloured) in [("", "a.db", true), ("1", "b.db", false)] {
        let line = format!("'{}' '{}' {copy}", program.display(), fixture("etcd.db").display());
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("NO_COLOR", no_color).current_dir(&directory);
        assert_eq!(succeed(&mut command).contains("\x1b[1m"), is_coloured, "NO_COLOR={no_color}");
    }
}

#[test]
fn valgrind_finds_no_error_and_no_leak_in_the_tour() {
    let (directory, program) = tour();
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite,possible"]);
    command.args(["--errors-for-leak-kinds=definite,possible", "--error-exitcode=9"]).arg(program);
    let said = succeed(command.arg("--all").arg(fixture("etcd.db")).arg(directory.path().join("copy.db")));
    assert!(said.contains("96 of 96 values in it equal etcd's"), "{said}");
}
