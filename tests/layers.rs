//! Rules about the sources that no compiler knows: which layer may name which, what is kept to a few files,
//! how long a file may be, and that nothing is left to be done.
//!
//! The layers of the library stand in a row, and a module names only itself and what stands left of it: so
//! the graph of its modules has no cycle. Two tests hold the sources against the rules; the others plant a
//! fault against each rule, so that a rule which sees nothing is seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;

const LAYERS: [&str; 8] = ["error", "format", "storage", "freelist", "tree", "txn", "db", "ffi"];
/// The files outside `ffi` that may hold unsafe code.
const UNSAFE: [&str; 2] = ["storage/map.rs", "storage/sys.rs"];
const LINES_MAX: usize = 500;
/// What asks for memory of any length and aborts where there is none; `try_reserve` can fail.
const ABORTING: [&str; 7] =
    [".to_vec()", ".collect()", ".collect::<", "with_capacity(", ".concat()", "Box::from(", ".repeat("];
/// Words that leave something to be done, in two parts, so that they are not found here.
const UNDONE: [&str; 5] =
    [concat!("TO", "DO"), concat!("to", "do"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// What is wrong with the file `path` of `src`.
fn faults(path: &str, source: &str) -> Vec<String> {
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap()).collect();
    let code = code.join("\n");
    let (body, tests) = code.split_once("mod tests {").unwrap_or((&code, ""));
    let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let (layer, depth) = (module.split('/').next().unwrap(), module.split('/').count());
    let Some(rank) = LAYERS.iter().position(|&known| known == layer) else {
        return vec![format!("{layer} is no layer")];
    };
    let named = named(body, depth).into_iter().chain(named(tests, depth + 1));
    // What the crate's root re-exports comes from layers up to db.
    let rank_of = |name: &str| LAYERS.iter().position(|&known| known == name).unwrap_or(LAYERS.len() - 2);
    let mut faults: Vec<String> =
        named.filter(|name| rank_of(name) > rank).map(|name| format!("{layer} names {name}")).collect();

    let mut rule = |is_broken: bool, fault: &str| faults.extend(is_broken.then(|| fault.to_owned()));
    let errno_alone = body.split("libc::").skip(1).all(|name| name.starts_with('E'));
    let may_name_libc = layer == "storage" || layer == "ffi" || layer == "error" && errno_alone;
    let is_integer =
        |word: &str| word.ends_with("e_bytes") && (word.starts_with("from_") || word.starts_with("to_"));
    rule(
        layer != "ffi" && !UNSAFE.contains(&path) && words(&code).any(|word| word == "unsafe"),
        "unsafe code",
    );
    rule(body.contains("libc::") && !may_name_libc, "libc outside storage");
    rule(body.contains("std::fs") && layer != "storage", "files outside storage");
    rule(
        path != "format/bytes.rs" && words(body).any(is_integer),
        "integers as bytes outside format/bytes.rs",
    );
    // The border to C passes on what is the engine's, and texts; what a file in memory calls `to_vec` can fail.
    rule(
        layer != "ffi" && path != "storage/memory.rs" && ABORTING.iter().any(|call| body.contains(call)),
        "memory asked for without a way to fail",
    );
    rule(body.lines().count() > LINES_MAX, "too long");
    faults
}

/// What the code names at the crate's root, by `crate::` or from `depth` modules below by `super::`.
fn named(code: &str, depth: usize) -> Vec<&str> {
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    roots.iter().flat_map(|root| code.split(root.as_str()).skip(1)).flat_map(first_names).collect()
}

/// `a::b` gives `a`; `{a::{b, c}, d}` gives `a` and `d`.
fn first_names(path: &str) -> Vec<&str> {
    let statement = path.split(';').next().unwrap();
    let Some(group) = statement.strip_prefix('{') else { return words(statement).take(1).collect() };
    let mut open = 0;
    let items = group.split(move |c| {
        open += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && open == 0
    });
    items.filter_map(|item| words(item).next()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Calls `visit` with the path, from `root`, and the content of each file that is text.
fn each_file(root: &Path, below: &str, visit: &mut impl FnMut(&str, &str)) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if ["target", "build", ".git", "fixtures"].contains(&name.as_str()) {
            continue;
        }
        if root.join(&path).is_dir() {
            each_file(root, &path, visit);
        } else if let Ok(text) = fs::read_to_string(root.join(&path)) {
            visit(&path, &text);
        }
    }
}

#[test]
fn every_source_keeps_to_its_layer() {
    let (mut file_count, mut found) = (0, Vec::new());
    each_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut |path, source| {
        file_count += 1;
        if path != "lib.rs" {
            found.extend(faults(path, source).into_iter().map(|fault| format!("src/{path}: {fault}")));
        }
    });
    assert!(file_count > 40, "only {file_count} files were seen");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_left_to_be_done() {
    let mut found = Vec::new();
    each_file(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut |path, text| {
        found.extend(undone(text).map(|word| format!("{path}: {word}")));
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn undone(text: &str) -> impl Iterator<Item = &str> {
    words(text).filter(|word| UNDONE.contains(word))
}

#[test]
fn a_planted_fault_against_each_rule_is_found() {
    let too_long = "x\n".repeat(LINES_MAX + 1);
    let planted = [
        ("util.rs", "", "util is no layer"),
        ("format/page.rs", "use crate::storage::View;", "format names storage"),
        ("format/page.rs", "use crate::{error::Error, tree::{At, Root}};", "format names tree"),
        ("tree/mod.rs", "use crate::{\n    error::Error,\n    txn::Txn,\n};", "tree names txn"),
        ("tree/node.rs", "fn f() -> crate::db::Db {}", "tree names db"),
        ("tree/node.rs", "use super::super::db::Db;", "tree names db"),
        ("tree/mod.rs", "use super::{format, txn};", "tree names txn"),
        ("txn/check/walk.rs", "use super::super::super::ffi;", "txn names ffi"),
        ("error.rs", "use super::format;", "error names format"),
        ("error.rs", "mod tests {\n    use super::super::format;", "error names format"),
        ("txn/mod.rs", "use crate::Db;", "txn names Db"),
        ("tree/node.rs", "fn f() { unsafe { g() } }", "unsafe code"),
        ("storage/file.rs", "unsafe impl Send for File {}", "unsafe code"),
        ("db/open.rs", "let errno = libc::ENOENT;", "libc outside storage"),
        ("error.rs", "fn f() { libc::close(3); }", "libc outside storage"),
        ("db/open.rs", "use std::fs::File;", "files outside storage"),
        ("format/meta.rs", "u32::from_le_bytes(b)", "integers as bytes outside format/bytes.rs"),
        ("tree/node.rs", "n.to_be_bytes()", "integers as bytes outside format/bytes.rs"),
        ("txn/mod.rs", "let name = name.to_vec();", "memory asked for without a way to fail"),
        ("tree/node.rs", "iter.collect::<Vec<_>>()", "memory asked for without a way to fail"),
        ("tree/node.rs", &too_long, "too long"),
    ];
    for (path, source, fault) in planted {
        assert_eq!(faults(path, source), [fault], "{path}: {source}");
    }
    for word in UNDONE {
        assert_eq!(undone(&format!("a; // {word}: later")).count(), 1, "{word}");
    }
}

#[test]
fn what_the_rules_allow_is_no_fault() {
    let long_tests = format!("mod tests {{{}", "x\n".repeat(LINES_MAX));
    let allowed = [
        ("txn/mod.rs", "use crate::tree::{self, Nodes}; use super::txn::x; use crate::error::Error;"),
        ("txn/check/walk.rs", "use super::super::Txn; use super::Finding;"),
        ("tree/node.rs", "mod tests {\n    use super::super::Pages; use crate::format::page::Kind;"),
        ("ffi/txn.rs", "use crate::{BucketId, Txn, Wait}; unsafe { libc::getpid() }"),
        ("format/page.rs", "// unlike crate::tree, no unsafe, no std::fs and no libc::close"),
        ("storage/sys.rs", "unsafe { libc::fsync(3) }; use std::fs::File;"),
        ("format/bytes.rs", "u64::from_le_bytes(b)"),
        ("error.rs", "libc::EIO"),
        ("ffi/callback.rs", "text.bytes().collect()"),
        ("tree/node.rs", "mod tests {\n    let all: Vec<_> = keys.collect();"),
        ("db/create.rs", "mod tests { std::fs::read(path) }"),
        ("tree/node.rs", &long_tests),
    ];
    for (path, source) in allowed {
        assert_eq!(faults(path, source), [""; 0], "{path}: {source}");
    }
}
