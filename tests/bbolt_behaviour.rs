//! What bbolt does, and what it does wrong, held against what happens here: the parts that no other program
//! of tests holds. docs/bbolt-api.md names the test for each behaviour of bbolt's; most stand elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use bolt::format::meta::{META_LEN, Meta};
use bolt::storage::memory::MemoryNamespace;
use bolt::{Db, Error, Options, ROOT, Txn, Wait};
use common::edit::Image;
use common::lint;
use common::sound::{close_sound_in, write};

const PATH: &str = "/a.db";

/// A new database in memory, of small pages.
fn database() -> (MemoryNamespace, Db) {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, no_sync: true, ..common::options() };
    let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
    (names, db)
}

fn key(number: u32) -> Vec<u8> {
    format!("{number:05}").into_bytes()
}

/// A bucket with buckets in it, each of several pages.
fn fill_with_buckets(txn: &mut Txn, count: u32) {
    let parent = txn.ensure_bucket(ROOT, b"parent").unwrap();
    for number in 0..count {
        let child = txn.ensure_bucket(parent, &key(number)).unwrap();
        (0..100).for_each(|number| txn.put(child, &key(number), &[1; 50]).unwrap());
    }
}

/// bbolt, where a key was put into the parent before, skips every other bucket in it and loses its pages.
#[test]
fn a_bucket_changed_in_the_same_transaction_is_deleted_with_all_buckets_in_it() {
    let (names, db) = database();
    write(&db, |txn| fill_with_buckets(txn, 40));
    write(&db, |txn| {
        let parent = txn.bucket(ROOT, b"parent").unwrap();
        txn.put(parent, b"a key", b"in the parent's leaf").unwrap();
        txn.delete_bucket(ROOT, b"parent").unwrap();
    });
    let stats = db.begin_read().unwrap().bucket_stats(ROOT).unwrap();
    assert_eq!((stats.bucket_count, stats.key_count), (1, 0));
    close_sound_in(&names, &db);
}

/// bbolt loses them: the moved bucket is as it was before the transaction.
#[test]
fn what_was_changed_in_a_bucket_before_it_is_moved_moves_with_it() {
    let (names, db) = database();
    write(&db, |txn| {
        fill_with_buckets(txn, 3);
        txn.create_bucket(ROOT, b"to").unwrap();
    });
    write(&db, |txn| {
        let (parent, to) = (txn.bucket(ROOT, b"parent").unwrap(), txn.bucket(ROOT, b"to").unwrap());
        let changed = txn.bucket(parent, &key(1)).unwrap();
        txn.put(changed, b"new", b"of this transaction").unwrap();
        txn.delete(changed, &key(7)).unwrap();
        let made = txn.create_bucket(parent, b"made").unwrap();
        txn.put(made, b"k", b"v").unwrap();
        txn.move_bucket(parent, &key(1), to).unwrap();
        txn.move_bucket(parent, b"made", to).unwrap();
    });
    let mut txn = db.begin_read().unwrap();
    let to = txn.bucket(ROOT, b"to").unwrap();
    let (changed, made) = (txn.bucket(to, &key(1)).unwrap(), txn.bucket(to, b"made").unwrap());
    assert_eq!(txn.get(changed, b"new").unwrap(), Some(&b"of this transaction"[..]));
    assert_eq!(txn.get(changed, &key(7)).unwrap(), None);
    assert_eq!(txn.get(changed, &key(8)).unwrap(), Some(&[1; 50][..]));
    assert_eq!(txn.get(made, b"k").unwrap(), Some(&b"v"[..]));
    drop(txn);
    close_sound_in(&names, &db);
}

/// bbolt does it, and everything in the bucket is gone.
#[test]
fn a_bucket_is_not_moved_into_a_bucket_within_it() {
    let (names, db) = database();
    write(&db, |txn| {
        let outer = txn.create_bucket(ROOT, b"outer").unwrap();
        let inner = txn.create_bucket(outer, b"inner").unwrap();
        let innermost = txn.create_bucket(inner, b"innermost").unwrap();
        txn.put(innermost, b"k", b"v").unwrap();
    });
    write(&db, |txn| {
        let outer = txn.bucket(ROOT, b"outer").unwrap();
        let inner = txn.bucket(outer, b"inner").unwrap();
        let innermost = txn.bucket(inner, b"innermost").unwrap();
        for target in [outer, inner, innermost] {
            assert!(matches!(txn.move_bucket(ROOT, b"outer", target), Err(Error::SameBucket)));
        }
        assert_eq!(txn.get(innermost, b"k").unwrap(), Some(&b"v"[..]));
    });
    close_sound_in(&names, &db);
}

/// bbolt's Prev stops at a leaf in the middle that was emptied in the transaction.
#[test]
fn a_walk_backward_sees_all_that_is_left_around_an_emptied_leaf() {
    let (names, db) = database();
    write(&db, |txn| {
        let bucket = txn.create_bucket(ROOT, b"b").unwrap();
        (0..600).for_each(|number| txn.put(bucket, &key(number), &[0; 20]).unwrap());
    });
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    (200..300).for_each(|number| txn.delete(bucket, &key(number)).unwrap());
    let seen = common::entries(&txn, bucket, true);
    assert_eq!(seen.len(), 500);
    assert!(seen == common::entries(&txn, bucket, false));
    txn.rollback();
    close_sound_in(&names, &db);
}

/// bbolt skips the key after each that is deleted, once the leaf has been changed in the transaction.
#[test]
fn a_walk_that_deletes_each_key_in_a_changed_leaf_deletes_all() {
    let (names, db) = database();
    write(&db, |txn| {
        let bucket = txn.create_bucket(ROOT, b"b").unwrap();
        (0..100).for_each(|number| txn.put(bucket, &key(number), b"").unwrap());
        let mut cursor = txn.cursor(bucket).unwrap();
        let mut entry = cursor.first(txn).unwrap().is_some();
        while entry {
            cursor.delete(txn).unwrap();
            entry = cursor.next(txn).unwrap().is_some();
        }
        assert!(common::entries(txn, bucket, false).is_empty());
    });
    close_sound_in(&names, &db);
}

/// bbolt keeps a reference to the caller's value until the commit.
#[test]
fn a_value_that_the_caller_changes_after_a_put_is_stored_as_it_was_put() {
    let (names, db) = database();
    write(&db, |txn| {
        let bucket = txn.create_bucket(ROOT, b"b").unwrap();
        let mut value = b"as it was put".to_vec();
        txn.put(bucket, b"k", &value).unwrap();
        value.fill(b'#');
        assert_eq!(txn.get(bucket, b"k").unwrap(), Some(&b"as it was put"[..]));
    });
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    assert_eq!(txn.get(bucket, b"k").unwrap(), Some(&b"as it was put"[..]));
    drop(txn);
    close_sound_in(&names, &db);
}

/// bbolt panics there, and the lock of the file stays taken for the life of the process.
#[test]
fn an_opening_that_fails_at_a_damaged_freelist_gives_the_lock_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let db = common::open(&path, 4096);
    write(&db, |txn| txn.put(ROOT, b"k", b"v").unwrap());
    db.close().unwrap();
    let mut image = Image::read(&path);
    let sound = image.bytes.clone();
    let list = image.meta().freelist;
    image.page_mut(list).fill(0xff);
    std::fs::write(&path, &image.bytes).unwrap();
    let options = Options {
        load_free_pages: true,
        lock_timeout: Some(Duration::ZERO),
        no_sync: true,
        ..common::options()
    };
    for _ in 0..3 {
        assert!(matches!(lint::open(&path, &options), Err(Error::Corrupt { page, .. }) if page == list));
    }
    std::fs::write(&path, &sound).unwrap();
    lint::open(&path, &options).unwrap().close().unwrap();
}

/// bbolt's Batch waits 10 ms for company.
#[test]
fn a_lone_call_of_batch_waits_for_nobody() {
    let (names, db) = database();
    let start = Instant::now();
    for number in 0..300 {
        db.batch(|txn| {
            let bucket = txn.ensure_bucket(ROOT, b"b")?;
            txn.put(bucket, &key(number), b"v")
        })
        .unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?} for 300 calls", start.elapsed());
    close_sound_in(&names, &db);
}

/// bbolt's Close waits for them, for ever.
#[test]
fn closing_with_transactions_open_answers_at_once_and_does_nothing() {
    let (names, db) = database();
    let reader = db.begin_read().unwrap();
    assert!(matches!(db.close(), Err(Error::Busy(_))));
    let writer = db.begin_write(Wait::Try).unwrap();
    drop(reader);
    assert!(matches!(db.close(), Err(Error::Busy(_))));
    writer.rollback();
    close_sound_in(&names, &db);
}

/// As Go's `Tx.WriteTo` has it.
#[test]
fn a_copy_is_as_long_as_the_database_and_has_its_transaction_s_meta_twice() {
    let (names, db) = database();
    write(&db, |txn| fill_with_buckets(txn, 5));
    let reader = db.begin_read().unwrap();
    let mut copy = Vec::new();
    reader
        .write_to(|bytes| -> bolt::Result<()> {
            copy.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    write(&db, |txn| fill_with_buckets(txn, 9));
    assert_eq!(copy.len() as u64, reader.len());
    let file = common::sound::content(&names, Path::new(PATH));
    let [first, second] = [0, 1].map(|slot| Meta::decode(&copy[slot * 1024..]).unwrap());
    assert_eq!((first.txid, second.txid), (reader.id(), reader.id() - 1));
    assert_eq!(Meta { txid: first.txid, ..second }, first);
    assert!(copy[META_LEN..1024].iter().all(|&byte| byte == 0));
    // What the reader sees was written nowhere else since.
    let kept =
        (2..first.high_water as usize).filter(|id| copy[id * 1024..][..1024] == file[id * 1024..][..1024]);
    assert!(kept.count() > 20);
    drop(reader);
    let restored = Db::from_bytes(copy, &common::options()).unwrap();
    common::assert_sound(&restored);
    assert_eq!(restored.begin_read().unwrap().bucket_stats(ROOT).unwrap().bucket_count, 7);
    close_sound_in(&names, &db);
}

/// bbolt makes files of 512 bytes a page that it cannot open again.
#[test]
fn no_page_size_is_taken_that_could_not_be_opened_again() {
    let names = MemoryNamespace::new();
    for page_size in [1, 512, 1000, 3000, 1 << 17] {
        let options = Options { page_size, ..common::options() };
        let answer = lint::open_in(&names, Path::new(PATH), &options);
        assert!(matches!(answer, Err(Error::Incompatible(_))), "{page_size}");
        assert!(names.to_vec(Path::new(PATH)).unwrap().is_none(), "a file of {page_size} bytes a page");
    }
}

/// Go dies of a value whose end lies 2^31 bytes behind its element.
#[test]
fn no_value_is_taken_that_go_would_die_of() {
    let (names, db) = database();
    write(&db, |txn| {
        let bucket = txn.create_bucket(ROOT, b"b").unwrap();
        let longest = (1usize << 31) - 17 - 5;
        for len in [longest + 1, (1 << 31) - 2, usize::MAX] {
            let refused = txn.put_reserve(bucket, &key(1), len).map(|value| value.len());
            assert!(matches!(refused, Err(Error::ValueSize(refused)) if refused == len));
        }
        assert_eq!(txn.get(bucket, &key(1)).unwrap(), None);
    });
    close_sound_in(&names, &db);
}
