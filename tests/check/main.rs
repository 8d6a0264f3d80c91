//! The checker: sound files have no findings, and each kind of damage is found, at its page.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../common/mod.rs"]
mod common;

mod buckets;
mod elements;
mod freelists;
mod hostile;
mod metas;
mod references;
mod reports;
mod sound_files;
mod subtrees;
mod trees;

use std::path::Path;
use std::sync::LazyLock;

use bolt::format::meta::Meta;
use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, Error, FindingCode as Code, FreelistMode, Options, ROOT, Severity, Txn, Wait};
use common::edit::{BRANCH, COUNT, Found, ID, Image, KIND, LEAF, OVERFLOW, findings_of};
use common::{assert_sound, copy_of, fixture, open};

const ABSENT: u64 = 1 << 40;

/// A file of pages of 1 KiB in which each feature of the format occurs.
///
/// `large` is a tree of three levels, `long` has a value of several pages, `small` and `none` are inline,
/// `outer` has a bucket with pages of its own, `inner`.
static SOUND: LazyLock<Image> = LazyLock::new(|| {
    let names = MemoryNamespace::new();
    let path = Path::new("/sound.db");
    let options = Options { page_size: 1024, freelist_mode: FreelistMode::EachCommit, ..common::options() };
    let db = Db::open_in(&names, path, &options).unwrap();
    fill(&db);
    db.close().unwrap();
    let image = Image::new(names.to_vec(path).unwrap().unwrap());
    let large = image.bucket_root(&["large"]);
    assert_eq!(image.kind(image.child(large, 0)), BRANCH, "three levels");
    assert!(image.free_ids().len() > 4);
    image
});

fn fill(db: &Db) {
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let large = txn.create_bucket(ROOT, b"large").unwrap();
    for number in 0..2000 {
        txn.put(large, key(2 * number).as_bytes(), &[7; 40]).unwrap();
    }
    let outer = txn.create_bucket(ROOT, b"outer").unwrap();
    let inner = txn.create_bucket(outer, b"inner").unwrap();
    for number in 0..60 {
        txn.put(inner, key(number).as_bytes(), &[8; 30]).unwrap();
    }
    for (name, len) in [("gone", 9000), ("long", 5000)] {
        let bucket = txn.create_bucket(ROOT, name.as_bytes()).unwrap();
        txn.put(bucket, b"a", b"1").unwrap();
        txn.put(bucket, b"long", &vec![9; len]).unwrap();
    }
    let small = txn.create_bucket(ROOT, b"small").unwrap();
    for name in ["x", "y", "z"] {
        txn.put(small, name.as_bytes(), b"value").unwrap();
    }
    txn.create_bucket(ROOT, b"none").unwrap();
    txn.commit().unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.delete_bucket(ROOT, b"gone").unwrap();
    txn.commit().unwrap();
}

fn key(number: u32) -> String {
    format!("key-{number:06}")
}

/// Pages of the sound file where damage is done.
struct Places {
    root: u64,
    large: u64,
    /// The second branch below the root of `large`, and its second leaf.
    branch: u64,
    leaf: u64,
    long: u64,
    inner: u64,
    list: u64,
}

/// A copy of the sound file, and its places.
fn sound() -> (Image, Places) {
    let image = SOUND.clone();
    let large = image.bucket_root(&["large"]);
    let branch = image.child(large, 1);
    let long_root = image.bucket_root(&["long"]);
    let long = image.find(long_root, b"long").0;
    assert!(image.overflow(long) >= 4);
    let places = Places {
        root: image.meta().root,
        large,
        branch,
        leaf: image.child(branch, 1),
        long,
        inner: image.bucket_root(&["outer", "inner"]),
        list: image.meta().freelist,
    };
    (image, places)
}

/// Damages a sound file, and the kinds and pages of what is found then.
fn after(damage: impl FnOnce(&mut Image, &Places)) -> Vec<(Code, u64)> {
    let (mut image, places) = sound();
    damage(&mut image, &places);
    image.codes()
}

fn has(findings: &[Found], severity: Severity, code: Code, page: u64) -> bool {
    findings.iter().any(|found| (found.severity, found.code, found.page) == (severity, code, page))
}
