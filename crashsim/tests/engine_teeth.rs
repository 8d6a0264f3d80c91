//! Faults planted in the engine itself: in a copy of its sources, so that nothing of it is in the library.
//! The copy is built once, and each fault is switched on by a variable of its environment; the simulation, or
//! a test, must see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fault: its name, a file, the place in it, and what stands there instead. `tooth!` becomes the question
/// whether it is switched on.
const TEETH: [[&str; 4]; 9] = [
    [
        "pages reused one transaction too early",
        "src/freelist/mod.rs",
        "if delayed { committed.saturating_sub(1) }",
        "if delayed && !tooth! { committed.saturating_sub(1) }",
    ],
    [
        "pages reused that a reader sees",
        "src/freelist/mod.rs",
        "|reader| reader.min(durable)",
        "|reader| if tooth! { durable } else { reader.min(durable) }",
    ],
    [
        "a meta page in the wrong slot",
        "src/txn/commit.rs",
        "write_meta(self.shared, &self.meta, self.meta.slot(), page)?;",
        "write_meta(self.shared, &self.meta, self.meta.slot() ^ u64::from(tooth!), page)?;",
    ],
    [
        "a commit acknowledged before its meta page is durable",
        "src/txn/commit.rs",
        "        self.sync()\n    }",
        "        if tooth! { Ok(()) } else { self.sync() }\n    }",
    ],
    [
        "no sync of the data",
        "src/txn/commit.rs",
        "\"a sync of the data\", || self.sync())",
        "\"a sync of the data\", || if tooth! { Ok(()) } else { self.sync() })",
    ],
    [
        "no adoption after an open",
        "src/txn/commit.rs",
        "let Some(Adopted { slot, is_alone }) = writer.adopted else",
        "let Some(Adopted { slot, is_alone }) = writer.adopted.filter(|_| !tooth!) else",
    ],
    [
        "no poison after a failed sync",
        "src/txn/shared.rs",
        "lock(&self.poison).get_or_insert(why);",
        "if !tooth! { lock(&self.poison).get_or_insert(why); }",
    ],
    [
        "a new name not made durable",
        "src/db/create.rs",
        "    names.sync_directory(path)?;\n    storage.acknowledge();",
        "    if !tooth! { names.sync_directory(path)?; }\n    storage.acknowledge();",
    ],
    [
        "no look at the file's length",
        "src/db/open.rs",
        "if expected > len {",
        "if expected > len && !tooth! {",
    ],
];

/// Which of them a cut never shows: a sound engine leaves no such file.
const SEEN_BY_TESTS: [&str; 1] = ["no look at the file's length"];

const SWITCH: &str = "
/// Whether this fault is switched on.
pub fn is_on(name: &str) -> bool {
    static ON: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var(\"BOLT_TOOTH\").ok()).as_deref() == Some(name)
}
";

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

fn edit(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{}: {old}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

/// The manifest of the workspace with no other member than this, and with what the library itself needs.
fn alone(manifest: &str) -> String {
    let sections = manifest.split("\n[").enumerate();
    let kept = sections.filter(|(_, section)| !section.starts_with("dev-dependencies]"));
    let member = |(index, section): (usize, &str)| match section.strip_prefix("workspace]") {
        Some(_) => "[workspace]\nmembers = [\"crashsim\"]\n".to_owned(),
        None if index == 0 => section.to_owned(),
        None => format!("[{section}"),
    };
    kept.map(member).collect::<Vec<String>>().join("\n")
}

/// A copy of the sources with all faults in it, each switched off.
fn planted() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("teeth");
    for name in ["src", "crashsim/src", "crashsim/tests"] {
        // What was taken away since the last run must not stay.
        let _ = fs::remove_dir_all(directory.join(name));
    }
    fs::create_dir_all(directory.join("crashsim")).unwrap();
    for name in ["src", "benches", "abi", "build.rs", "Cargo.lock"] {
        copy(&sources.join(name), &directory.join(name));
    }
    for name in ["src", "tests", "Cargo.toml"] {
        copy(&sources.join("crashsim").join(name), &directory.join("crashsim").join(name));
    }
    let manifest = fs::read_to_string(sources.join("Cargo.toml")).unwrap();
    fs::write(directory.join("Cargo.toml"), alone(&manifest)).unwrap();
    edit(&directory.join("src/lib.rs"), "pub mod db;", &format!("pub mod db;\npub mod teeth {{{SWITCH}}}"));
    for [name, path, old, new] in TEETH {
        let tooth = format!("crate::teeth::is_on({name:?})");
        edit(&directory.join(path), old, &new.replace("tooth!", &tooth));
    }
    directory
}

fn cargo(directory: &Path, arguments: &[&str], tooth: &str) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--offline", "--package", "crashsim"]).current_dir(directory);
    command.env("CARGO_TARGET_DIR", directory.join("target")).env("BOLT_TOOTH", tooth);
    command.output().unwrap()
}

/// What the simulation says of the engine with this fault.
fn simulate(directory: &Path, arguments: &[&str], tooth: &str) -> Output {
    let mut command = Command::new(directory.join("target/debug/crashsim"));
    command.args(arguments).env("BOLT_TOOTH", tooth).env("TMPDIR", directory);
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn each_fault_planted_in_the_engine_is_seen() {
    let directory = planted();
    let built = cargo(&directory, &["build", "--quiet"], "none");
    assert!(built.status.success(), "{}", text(&built));
    let sound = simulate(&directory, &["quick", "--scale", "1"], "none");
    assert!(sound.status.success(), "{}", text(&sound));
    for [name, ..] in TEETH {
        if SEEN_BY_TESTS.contains(&name) {
            let sound = cargo(&directory, &["test", "--quiet", "--test", "damage"], "none");
            assert!(sound.status.success(), "{}", text(&sound));
            let tested = cargo(&directory, &["test", "--quiet", "--test", "damage"], name);
            assert!(!tested.status.success() && text(&tested).contains("FAILED"), "{name} is not seen");
            println!("{name}: the test of damaged files fails");
            continue;
        }
        let simulated = simulate(&directory, &["quick"], name);
        let said = text(&simulated);
        let violation = said.lines().find(|line| line.starts_with("VIOLATION"));
        assert!(violation.is_some() && simulated.status.code() == Some(1), "{name} is not seen: {said}");
        println!("{name}: {}", violation.unwrap_or_default());
    }
}
