//! How much memory of its own a process needs that reads, and one that writes.
//!
//! Every allocation of the thread is counted, so the figures are exact, and the same on each machine with the same
//! standard library. What the kernel keeps of the file is not the process's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use bolt::{BucketId, Db, Options, ROOT, Txn, Wait};
use common::random::Random;
use common::sound::close_sound;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(change: i64) {
    // A thread that ends has no counters any more, and is none of those that are measured.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

/// The system's allocator, and what each thread has of it.
struct Counting;

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the system's.
        let place = unsafe { System.alloc(layout) };
        if !place.is_null() {
            count(layout.size() as i64);
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(place, layout) };
        count(-(layout.size() as i64));
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the system's.
        let moved = unsafe { System.realloc(place, layout, len) };
        if !moved.is_null() {
            count(len as i64 - layout.size() as i64);
        }
        moved
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most bytes that `work` had at once beyond those there were.
fn peak_of<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    (result, (PEAK.get() - before) as u64)
}

const KEY_LEN: usize = 16;

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key
}

fn options(page_size: u32) -> Options {
    Options { page_size, no_sync: true, ..common::options() }
}

/// A database with `count` keys in one bucket.
fn filled(path: &Path, page_size: u32, count: u64, value_len: usize) {
    let db = Db::open(path, &options(page_size)).unwrap();
    let value = vec![7; value_len];
    for start in (0..count).step_by(50_000) {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
        for number in start..count.min(start + 50_000) {
            txn.put(bucket, &key(number), &value).unwrap();
        }
        txn.commit().unwrap();
    }
    db.close().unwrap();
}

/// What a write transaction took, and what its measure is.
struct Written {
    peak: u64,
    page_len: u64,
    /// Pages that it took over to change them.
    node_count: u64,
    /// Pages that it wrote.
    page_count: u64,
    /// Bytes of keys and values that it was given.
    put_len: u64,
}

impl Written {
    fn assert_at_most(&self, what: &str, changed_count: u64) {
        let limit = 2 * self.page_len * changed_count + self.put_len + (1 << 20);
        assert!(
            self.peak <= limit,
            "{what} took {} bytes, {limit} are allowed: {} pages of {} changed, {} written, {} bytes put",
            self.peak,
            self.node_count,
            self.page_len,
            self.page_count,
            self.put_len
        );
    }

    /// Twice the distinct pages that it changed, the bytes that it put, and 1 MiB.
    fn assert_bounded(&self, what: &str) {
        self.assert_at_most(what, self.node_count.max(self.page_count));
    }
}

/// Does `change` in a write transaction and commits it; `change` answers how many bytes it put.
fn written(db: &Db, change: impl FnOnce(&mut Txn, BucketId) -> u64) -> Written {
    let before = db.stats(false).unwrap().txns;
    let (put_len, peak) = peak_of(|| {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
        let put_len = change(&mut txn, bucket);
        txn.commit().unwrap();
        put_len
    });
    let after = db.stats(false).unwrap();
    Written {
        peak,
        page_len: u64::from(after.page_size),
        node_count: after.txns.node_count - before.node_count,
        page_count: after.txns.page_count - before.page_count,
        put_len,
    }
}

/// A reader's constant: the database, its registry of readers, a transaction, the first steps of the set of known
/// pages.
const READER_LEN: u64 = 32 << 10;

/// A constant, and a bit for each page of the file.
fn assert_reader_bounded(what: &str, peak: u64, path: &Path, page_size: u32) {
    let page_count = std::fs::metadata(path).unwrap().len() / u64::from(page_size);
    let limit = READER_LEN + page_count.div_ceil(8);
    assert!(peak <= limit, "{what} took {peak} bytes, {limit} are allowed for {page_count} pages");
}

fn scan(txn: &Txn, bucket: BucketId) -> u64 {
    let mut cursor = txn.cursor(bucket).unwrap();
    let mut count = 0;
    let mut entry = cursor.first(txn).unwrap();
    while entry.is_some() {
        count += 1;
        entry = cursor.next(txn).unwrap();
    }
    count
}

#[test]
fn a_reader_takes_a_constant_and_a_bit_for_each_page() {
    let dir = tempfile::tempdir().unwrap();
    let read_only = Options { read_only: true, ..options(0) };
    for (count, page_size) in [(1_000u64, 4096), (10_000, 4096), (100_000, 1024), (300_000, 1024)] {
        let path = dir.path().join(format!("{count}.db"));
        filled(&path, page_size, count, 100);
        let (entries, peak) = peak_of(|| {
            let db = Db::open(&path, &read_only).unwrap();
            let mut txn = db.begin_read().unwrap();
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            scan(&txn, bucket)
        });
        assert_eq!(entries, count);
        assert_reader_bounded("a scan", peak, &path, page_size);
        let mut random = Random::new(count);
        let ((), peak) = peak_of(|| {
            let db = Db::open(&path, &options(0)).unwrap();
            for _ in 0..100 {
                let mut txn = db.begin_read().unwrap();
                let bucket = txn.bucket(ROOT, b"bucket").unwrap();
                for _ in 0..100 {
                    assert!(txn.get(bucket, &key(random.below(count))).unwrap().is_some());
                }
            }
            db.close().unwrap();
        });
        assert_reader_bounded("gets", peak, &path, page_size);
    }
}

#[test]
fn a_reader_of_nested_buckets_takes_a_constant_for_each_that_it_has_open() {
    const BUCKET_LEN: u64 = 512;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nested.db");
    let count = 5_000u64;
    let db = Db::open(&path, &options(1024)).unwrap();
    common::sound::write(&db, |txn| {
        let outer = txn.create_bucket(ROOT, b"outer").unwrap();
        for number in 0..count {
            let inner = txn.create_bucket(outer, &key(number)).unwrap();
            // Some are inline, the others have pages of their own.
            for entry in 0..number % 20 {
                txn.put(inner, &key(entry), &[1; 50]).unwrap();
            }
        }
    });
    close_sound(&db);
    let (entries, peak) = peak_of(|| {
        let db = Db::open(&path, &options(0)).unwrap();
        let mut txn = db.begin_read().unwrap();
        let outer = txn.bucket(ROOT, b"outer").unwrap();
        (0..count)
            .map(|number| {
                let inner = txn.bucket(outer, &key(number)).unwrap();
                scan(&txn, inner)
            })
            .sum::<u64>()
    });
    assert_eq!(entries, (0..count).map(|number| number % 20).sum::<u64>());
    let page_count = std::fs::metadata(&path).unwrap().len() / 1024;
    let limit = READER_LEN + page_count.div_ceil(8) + count * BUCKET_LEN;
    assert!(peak <= limit, "{peak} bytes for {count} open buckets, {limit} are allowed");
}

/// What is done in a transaction, and how many bytes it puts.
type Change = fn(&mut Txn, BucketId, u64) -> u64;

fn put_one(txn: &mut Txn, bucket: BucketId, number: u64, value: &[u8]) -> u64 {
    txn.put(bucket, &key(number), value).unwrap();
    (KEY_LEN + value.len()) as u64
}

fn delete_each(txn: &mut Txn, bucket: BucketId, numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.for_each(|number| txn.delete(bucket, &key(number)).unwrap());
    0
}

/// A number above all that the file begins with, in no order.
fn scattered(number: u64) -> u64 {
    (1 << 40) + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20)
}

/// Transactions that change many pages a little, few a lot, and all of that; each goes on where the one before
/// it ended.
const CHANGES: [(&str, Change); 11] = [
    ("one put", |txn, bucket, _| put_one(txn, bucket, 5, &[1; 100])),
    ("a put or two a leaf", |txn, bucket, count| {
        (0..count).step_by(16).map(|number| put_one(txn, bucket, number, &[2; 100])).sum()
    }),
    ("random puts, many a leaf", |txn, bucket, count| {
        let mut random = Random::new(3);
        (0..count).map(|_| put_one(txn, bucket, random.below(count), &[3; 100])).sum()
    }),
    ("a delete or two a leaf", |txn, bucket, count| delete_each(txn, bucket, (3..count).step_by(16))),
    ("half deleted", |txn, bucket, count| delete_each(txn, bucket, (0..count).step_by(2))),
    ("that half put again", |txn, bucket, count| {
        (0..count).step_by(2).map(|number| put_one(txn, bucket, number, &[4; 100])).sum()
    }),
    ("as many appended", |txn, bucket, count| {
        (0..count).map(|number| put_one(txn, bucket, count + number, &[5; 100])).sum()
    }),
    ("those deleted", |txn, bucket, count| delete_each(txn, bucket, count..2 * count)),
    ("keys alone, at random", |txn, bucket, count| {
        (0..count).map(|number| put_one(txn, bucket, scattered(number), &[])).sum()
    }),
    ("a byte for each of them", |txn, bucket, count| {
        (0..count).step_by(50).map(|number| put_one(txn, bucket, scattered(number), &[1])).sum()
    }),
    ("those deleted, too", |txn, bucket, count| delete_each(txn, bucket, (0..count).map(scattered))),
];

#[test]
fn a_write_transaction_takes_twice_its_pages_its_bytes_and_a_mebibyte_at_most() {
    let dir = tempfile::tempdir().unwrap();
    for (count, page_size) in [(10_000u64, 4096), (100_000, 4096), (50_000, 1024)] {
        let path = dir.path().join(format!("{count}-{page_size}.db"));
        filled(&path, page_size, count, 100);
        let db = Db::open(&path, &options(0)).unwrap();
        for (what, change) in CHANGES {
            let written = written(&db, |txn, bucket| change(txn, bucket, count));
            assert!(written.page_count > 0, "{what}");
            written.assert_bounded(what);
        }
        close_sound(&db);
    }
}

#[test]
fn a_million_sorted_puts_in_one_transaction_are_bounded_alike() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&dir.path().join("million.db"), &options(4096)).unwrap();
    let written = written(&db, |txn, bucket| {
        (0..1_000_000).map(|number| put_one(txn, bucket, number, &[6; 100])).sum()
    });
    written.assert_bounded("a million sorted puts");
    close_sound(&db);
}

#[test]
fn large_values_are_held_once() {
    const LARGE_LEN: usize = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.db");
    filled(&path, 4096, 10_000, 100);
    let value = vec![7; LARGE_LEN];
    let db = Db::open(&path, &options(0)).unwrap();
    for round in 0..2 {
        let large =
            written(&db, |txn, bucket| (0..20).map(|number| put_one(txn, bucket, number * 7, &value)).sum());
        assert!(large.page_count >= 20 * (LARGE_LEN as u64 / 4096), "round {round}");
        // The pages of the values are no measure here: without them the limit is the bytes themselves.
        large.assert_at_most("large values", large.node_count);
    }
    let small =
        written(&db, |txn, bucket| (0..20).map(|number| put_one(txn, bucket, number * 7, b"v")).sum());
    small.assert_at_most("small values for large ones", small.node_count);
    close_sound(&db);
}

#[test]
fn what_the_database_says_of_its_memory_is_what_it_has() {
    const OFF_LEN: i64 = 32 << 10;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("told.db");
    filled(&path, 1024, 100_000, 100);
    let before = LIVE.get();
    let live = || LIVE.get() - before;
    let db = Db::open(&path, &options(0)).unwrap();
    let mut reader = db.begin_read().unwrap();
    let bucket = reader.bucket(ROOT, b"bucket").unwrap();
    assert_eq!(scan(&reader, bucket), 100_000);
    reader.rollback();
    let told = db.stats(false).unwrap().private_len as i64;
    assert!((live() - told).abs() <= OFF_LEN, "{told} bytes told, {} there after a scan", live());

    let without = live();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    (0..100_000).step_by(5).for_each(|number| {
        put_one(&mut txn, bucket, number, &[8; 100]);
    });
    let (told, there) = (txn.memory_len() as i64, live() - without);
    assert!(told <= there && there - told <= there / 5 + OFF_LEN, "{told} bytes told, {there} there");
    txn.commit().unwrap();
    let told = db.stats(false).unwrap().private_len as i64;
    assert!((live() - told).abs() <= OFF_LEN, "{told} bytes told, {} there after a commit", live());
    close_sound(&db);
}
