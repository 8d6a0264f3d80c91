//! What the tests share: the logical content of a database, and the fixtures.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod edit;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bolt::{BucketId, CheckOptions, Db, Options, ROOT, Txn};

/// A fixture beside the sources.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A copy of a fixture in `dir`.
pub fn copy_of(name: &str, dir: &Path) -> PathBuf {
    let copy = dir.join(name);
    std::fs::copy(fixture(name), &copy).unwrap();
    copy
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn path_text(path: &[Vec<u8>]) -> String {
    path.iter().map(|name| format!("\"{}\"", hex(name))).collect::<Vec<_>>().join(",")
}

/// The whole content in the form of the fixtures: a line for each bucket and each pair, parents first, keys
/// in order.
pub fn dump(txn: &mut Txn) -> Vec<String> {
    let mut lines = Vec::new();
    dump_bucket(txn, ROOT, &mut Vec::new(), &mut lines, false);
    lines
}

/// The same, each bucket walked from its end; the lines come in the same order.
pub fn dump_backward(txn: &mut Txn) -> Vec<String> {
    let mut lines = Vec::new();
    dump_bucket(txn, ROOT, &mut Vec::new(), &mut lines, true);
    lines
}

fn dump_bucket(
    txn: &mut Txn,
    bucket: BucketId,
    path: &mut Vec<Vec<u8>>,
    lines: &mut Vec<String>,
    backward: bool,
) {
    for (key, value) in entries(txn, bucket, backward) {
        match value {
            Some(value) => {
                lines.push(format!(
                    "{{\"p\":[{}],\"k\":\"{}\",\"v\":\"{}\"}}",
                    path_text(path),
                    hex(&key),
                    hex(&value)
                ));
            }
            None => {
                let child = txn.bucket(bucket, &key).unwrap();
                path.push(key);
                lines.push(format!(
                    "{{\"p\":[{}],\"seq\":{}}}",
                    path_text(path),
                    txn.sequence(child).unwrap()
                ));
                dump_bucket(txn, child, path, lines, backward);
                path.pop();
            }
        }
    }
}

/// All entries of a bucket, in order.
pub fn entries(txn: &Txn, bucket: BucketId, backward: bool) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut cursor = txn.cursor(bucket).unwrap();
    let mut all = Vec::new();
    let mut entry = if backward { cursor.last(txn).unwrap() } else { cursor.first(txn).unwrap() };
    while let Some(found) = entry {
        all.push((found.key.to_vec(), found.value.map(<[u8]>::to_vec)));
        entry = if backward { cursor.prev(txn).unwrap() } else { cursor.next(txn).unwrap() };
    }
    if backward {
        all.reverse();
    }
    all
}

/// Whether this is the program that runs the suites on databases without a map.
pub fn is_without_map() -> bool {
    env!("CARGO_CRATE_NAME") == "without_map"
}

/// The defaults; without a map where the suites run so, and then with a cache that is too small for most.
pub fn options() -> Options {
    let no_map = is_without_map();
    Options { no_map, cache_len: if no_map { 20_000 } else { 0 }, ..Options::default() }
}

/// Opens without syncs, which tests that cut no power do not need.
pub fn open(path: &Path, page_size: u32) -> Db {
    lint::open(path, &Options { page_size, no_sync: true, ..options() }).unwrap()
}

/// Panics with all findings of the checker.
pub fn assert_sound(db: &Db) {
    let mut findings = Vec::new();
    let txn = db.begin_read().unwrap();
    let count = txn.check(CheckOptions::default(), |finding| {
        findings.push(format!("{:?} {:?}: {}", finding.severity, finding.code, finding.text));
        Ok(())
    });
    assert_eq!(count.unwrap(), findings.len() as u64);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

pub mod churn;
pub mod faulty;
pub mod lint;
pub mod memory;
pub mod random;
pub mod raw;
pub mod sound;
