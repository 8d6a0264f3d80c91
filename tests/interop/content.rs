//! The logical content of a file: reading it here, comparing it, and a script of changes that fit it.

use std::collections::BTreeMap;
use std::path::Path;

use bolt::{Db, FreelistMode, Options};
use serde_json::Value;

use crate::common;

/// All modes of the freelist.
pub const MODES: [FreelistMode; 4] =
    [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never];

/// Options without syncs: these tests cut no power.
pub fn options(mode: FreelistMode) -> Options {
    Options {
        no_sync: true,
        freelist_mode: mode,
        lock_timeout: Some(std::time::Duration::ZERO),
        ..Options::default()
    }
}

/// Options for reading only.
pub fn read_only() -> Options {
    Options { read_only: true, ..options(FreelistMode::Automatic) }
}

/// The content of an open database, walked in both directions.
pub fn content(db: &Db) -> Vec<String> {
    let mut txn = db.begin_read().unwrap();
    let lines = common::dump(&mut txn);
    assert_same("a walk backward, then forward", &common::dump_backward(&mut txn), &lines);
    lines
}

/// The content of a file as it is read here.
pub fn read(path: &Path, options: &Options) -> Vec<String> {
    let db = Db::open(path, options).unwrap();
    let lines = content(&db);
    db.close().unwrap();
    lines
}

/// Panics at the first line in which two contents differ.
pub fn assert_same(what: &str, ours: &[String], theirs: &[String]) {
    let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let short = |lines: &[String]| lines.get(at).map_or("nothing".to_string(), |line| format!("{line:.300}"));
    assert!(
        at == ours.len() && at == theirs.len(),
        "{what}: {} lines here, {} there; line {at} here and there:\n{}\n{}",
        ours.len(),
        theirs.len(),
        short(ours),
        short(theirs)
    );
}

/// The keys and the buckets of a bucket, in hex as scripts have them.
#[derive(Default)]
struct Names {
    keys: Vec<String>,
    buckets: Vec<String>,
}

/// The buckets of a content by their paths, the root bucket (".") among them.
fn buckets_of(lines: &[String]) -> BTreeMap<String, Names> {
    let mut buckets = BTreeMap::from([(".".to_string(), Names::default())]);
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let names: Vec<&str> =
            line["p"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        match line["k"].as_str() {
            Some(key) => buckets.get_mut(&path(&names)).unwrap().keys.push(key.to_string()),
            None => {
                let (name, parent) = names.split_last().unwrap();
                buckets.get_mut(&path(parent)).unwrap().buckets.push((*name).to_string());
                buckets.insert(path(&names), Names::default());
            }
        }
    }
    buckets
}

fn path(names: &[&str]) -> String {
    if names.is_empty() { ".".to_string() } else { names.join("/") }
}

fn below(path: &str, name: &str) -> String {
    if path == "." { name.to_string() } else { format!("{path}/{name}") }
}

/// Names that come after most others.
const NEW_BUCKET: &str = "7e6e65772d6275636b6574";
const NEW_KEY: &str = "7e6e65772d6b6579";

/// A script that changes what it finds at every depth: keys taken out at both ends and in the middle, others
/// overwritten and added; buckets made, and dropped with their changes. It is valid for this content alone.
pub fn changes(lines: &[String]) -> Vec<String> {
    let buckets = buckets_of(lines);
    let mut script: Vec<String> = ["open nosync=1", "begin"].map(String::from).to_vec();
    let step = buckets.len() / 12 + 1;
    for (path, names) in buckets.iter().step_by(step) {
        change_bucket(&mut script, path, names);
    }
    let mut nested = buckets.iter().filter(|(path, names)| *path != "." && !names.buckets.is_empty());
    if let Some((path, names)) = nested.nth(buckets.len() / 9) {
        script.push(format!("drop {}", below(path, names.buckets.last().unwrap())));
    }
    script.extend(["commit", "begin"].map(String::from));
    if let Some(name) = buckets["."].buckets.last() {
        script.push(format!("drop {name}"));
    }
    script.extend(["commit", "begin"].map(String::from));
    script.push(format!("ensure {NEW_BUCKET}"));
    script.push(format!("put {NEW_BUCKET} 6b {}", "5a".repeat(700)));
    script.extend(["commit", "begin"].map(String::from));
    script.push(format!("create {NEW_BUCKET}/01"));
    script.push("rollback".to_string());
    script
}

/// Scripts of a few transactions, each of which changes one entry of one bucket.
pub fn single_changes(lines: &[String]) -> Vec<Vec<String>> {
    let buckets = buckets_of(lines);
    let of_values = buckets.iter().filter(|(_, names)| !names.keys.is_empty());
    let step = of_values.clone().count() / 3 + 1;
    let changes = of_values.step_by(step).map(|(path, names)| {
        let key = &names.keys[names.keys.len() / 2];
        let mut script = vec!["open nosync=1".to_string()];
        for change in
            [format!("put {path} {NEW_KEY} 61"), format!("del {path} {key}"), format!("nextseq {path}")]
        {
            if path != "." || !change.starts_with("nextseq") {
                script.extend(["begin".to_string(), change, "commit".to_string()]);
            }
        }
        script.extend(["begin", "commit"].map(String::from));
        script
    });
    let new_bucket = ["open nosync=1", "begin", &format!("create {NEW_BUCKET}"), "commit", "reopen", "begin"];
    let dropped = [format!("drop {NEW_BUCKET}"), "commit".to_string()];
    changes.chain([new_bucket.into_iter().map(String::from).chain(dropped).collect()]).collect()
}

/// A script that takes out everything, in one transaction.
pub fn clearing(lines: &[String]) -> Vec<String> {
    let root = buckets_of(lines).remove(".").unwrap();
    let mut script: Vec<String> = ["open nosync=1", "begin"].map(String::from).to_vec();
    script.extend(root.buckets.iter().map(|name| format!("drop {name}")));
    script.extend(root.keys.iter().map(|key| format!("del . {key}")));
    script.push("commit".to_string());
    script
}

fn change_bucket(script: &mut Vec<String>, path: &str, names: &Names) {
    let keys = &names.keys;
    let middle = keys.len() / 2;
    let removed =
        keys.first().into_iter().chain(keys.last()).chain(keys.iter().skip(middle).take(keys.len() / 5));
    script.extend(removed.map(|key| format!("del {path} {key}")));
    if let Some(key) = keys.get(keys.len() / 3) {
        script.push(format!("put {path} {key} {}", "ab".repeat(50)));
    }
    if let Some(key) = keys.get(keys.len() * 2 / 3) {
        script.push(format!("putlen {path} {key} 9000 cd"));
    }
    script.push(format!("put {path} {NEW_KEY} -"));
    script.push(format!("create {}", below(path, NEW_BUCKET)));
    script.push(format!("create {}", below(path, &format!("{NEW_BUCKET}/6f6e65"))));
    script.push(format!("put {} 61 62", below(path, &format!("{NEW_BUCKET}/6f6e65"))));
    script.push(format!("nextseq {}", below(path, NEW_BUCKET)));
    if path != "." {
        script.push(format!("nextseq {path}"));
    }
}
