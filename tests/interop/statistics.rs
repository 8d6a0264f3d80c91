//! The statistics of buckets: on the same file each number is the one that Go gives, for the root bucket and
//! for every bucket below it.

use std::path::Path;

use bolt::{BucketId, BucketStats, Db, FreelistMode, Options, ROOT, Txn, Wait};
use serde_json::{Value, json};

use crate::common::{self, hex, lint};
use crate::content::{assert_same, options, read_only};
use crate::oracle::Oracle;
use crate::script::{Machine, Script};
use crate::{mixed, seeds};

/// The line that the oracle has for a bucket with these statistics.
fn line(names: &[Vec<u8>], stats: &BucketStats) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{}\"", hex(name))).collect();
    let numbers = json!({
        "BranchPageN": stats.branch_page_count,
        "BranchOverflowN": stats.branch_overflow_count,
        "LeafPageN": stats.leaf_page_count,
        "LeafOverflowN": stats.leaf_overflow_count,
        "KeyN": stats.key_count,
        "Depth": stats.depth,
        "BranchAlloc": stats.branch_alloc_len,
        "BranchInuse": stats.branch_used_len,
        "LeafAlloc": stats.leaf_alloc_len,
        "LeafInuse": stats.leaf_used_len,
        "BucketN": stats.bucket_count,
        "InlineBucketN": stats.inline_bucket_count,
        "InlineBucketInuse": stats.inline_used_len,
    });
    format!("{{\"p\":[{}],\"stats\":{}}}", names.join(","), numbers)
}

/// Each bucket's line, the root bucket's first.
fn lines(txn: &mut Txn) -> Vec<String> {
    let mut lines = Vec::new();
    lines_of(txn, ROOT, &mut Vec::new(), &mut lines);
    lines
}

fn lines_of(txn: &mut Txn, bucket: BucketId, names: &mut Vec<Vec<u8>>, lines: &mut Vec<String>) {
    lines.push(line(names, &txn.bucket_stats(bucket).unwrap()));
    for (name, value) in common::entries(txn, bucket, false) {
        if value.is_none() {
            let child = txn.bucket(bucket, &name).unwrap();
            names.push(name);
            lines_of(txn, child, names, lines);
            names.pop();
        }
    }
}

/// The oracle's lines, their numbers in the order that ours have.
fn of_go(oracle: &mut Oracle, path: &Path) -> Vec<String> {
    let lines = oracle.lines(&["stats", path.to_str().unwrap()]);
    let parse = |line: &String| {
        let value: Value = serde_json::from_str(line).unwrap();
        format!("{{\"p\":{},\"stats\":{}}}", value["p"], value["stats"])
    };
    lines.iter().map(parse).collect()
}

fn assert_counted_as_go_counts(oracle: &mut Oracle, path: &Path, what: &str) {
    let db = Db::open(path, &read_only()).unwrap();
    let ours = lines(&mut db.begin_read().unwrap());
    db.close().unwrap();
    assert_same(what, &ours, &of_go(oracle, path));
}

#[test]
fn every_feature_file_is_counted_as_go_counts_it() {
    let mut oracle = Oracle::start();
    for kind in oracle.lines(&["kinds"]) {
        // One long list of free pages is as good as four.
        if kind == "pagesize-3000" || kind.starts_with("freelist-6") && kind != "freelist-65536" {
            continue;
        }
        let path = oracle.make(&kind, 3);
        assert_counted_as_go_counts(&mut oracle, &path, &kind);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn real_files_are_counted_as_go_counts_them() {
    let mut oracle = Oracle::start();
    for name in ["etcd.db", "containerd.db"] {
        let path = common::copy_of(name, oracle.dir.path());
        assert_counted_as_go_counts(&mut oracle, &path, name);
    }
}

#[test]
fn what_is_written_here_is_counted_as_go_counts_it() {
    let mut oracle = Oracle::start();
    for seed in seeds(9000, 30) {
        let page_size = 1024 << (seed % 7);
        let script = Script::parse(oracle.workload(seed, 300, "mixed", page_size));
        let path = oracle.path(&format!("stats-{seed}.db"));
        let bbolt_rules = mixed(seed, 1) % 2 == 0;
        let fill_percent = [None, Some(0.1), Some(0.5), Some(1.0)][mixed(seed, 2) as usize % 4];
        let rules = Options { page_size, bbolt_rules, fill_percent, ..options(FreelistMode::EachCommit) };
        Machine::run_all(&path, rules, &script);
        assert_counted_as_go_counts(&mut oracle, &path, &format!("seed {seed}"));
        std::fs::remove_file(&path).unwrap();
    }
}

/// Go counts pages, and so do we.
#[test]
fn what_a_transaction_has_changed_is_not_counted() {
    let mut oracle = Oracle::start();
    let path = oracle.make("mixed", 4);
    let theirs = of_go(&mut oracle, &path);
    let db = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    assert_same("before", &lines(&mut txn), &theirs);
    let names = common::entries(&txn, ROOT, false).into_iter().filter(|(_, value)| value.is_none());
    let buckets: Vec<BucketId> = names.map(|(name, _)| txn.bucket(ROOT, &name).unwrap()).collect();
    for bucket in buckets {
        for number in 0..500 {
            txn.put(bucket, format!("a new key {number}").as_bytes(), &[7; 50]).unwrap();
        }
        txn.set_sequence(bucket, 99).unwrap();
    }
    let made = txn.create_bucket(ROOT, b"made").unwrap();
    txn.put(made, b"k", b"v").unwrap();
    let mut ours = lines(&mut txn);
    let place = ours.iter().position(|line| line.contains(&format!("[\"{}\"]", hex(b"made")))).unwrap();
    let new = BucketStats {
        key_count: 0,
        depth: 1,
        bucket_count: 1,
        inline_bucket_count: 1,
        inline_used_len: 16,
        ..BucketStats::default()
    };
    assert_eq!(ours.remove(place), line(&[b"made".to_vec()], &new));
    assert_same("changed", &ours, &theirs);
    txn.rollback();
    db.close().unwrap();
}
