//! Readers beside a writer. Each state that is committed has a stamp in all its places. A reader that begins
//! sees one state, whole, not older than the newest that was published before it began, not newer than the
//! one that is being committed when it has begun, and the same until it ends; while the file grows, is mapped
//! anew, empties and is used again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bolt::error::code;
use bolt::{Db, Options, ROOT, Txn, Wait};

use super::common::{self, lint};

const READER_COUNT: usize = 6;
const BUCKETS: [&[u8]; 3] = [b"a", b"b", b"c"];

/// How many keys each bucket has in a state: up and down again.
fn key_count(stamp: u64) -> u64 {
    let at = stamp % 40;
    2 + 12 * if at < 20 { at } else { 40 - at }
}

/// How long the value of a key is: mostly a word, sometimes some pages.
fn word_count(stamp: u64, key: u64) -> usize {
    if (stamp + key) % 29 == 0 { 900 + (stamp % 7) as usize * 300 } else { 5 }
}

/// Commits the state of a stamp, in place of the one before.
fn commit(db: &Db, stamp: u64) {
    let mut txn = db.begin_write(Wait::Try).unwrap();
    for name in BUCKETS {
        let bucket = txn.ensure_bucket(ROOT, name).unwrap();
        for key in 0..key_count(stamp) {
            let value = stamp.to_be_bytes().repeat(word_count(stamp, key));
            txn.put(bucket, &key.to_be_bytes(), &value).unwrap();
        }
        txn.delete_range(bucket, Some(&key_count(stamp).to_be_bytes()), None).unwrap();
    }
    txn.commit().unwrap();
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|word| u64::from_be_bytes(word.try_into().unwrap()))
}

/// The stamp of the state that a transaction sees, and all values that it was given; the state must be whole.
fn state(txn: &mut Txn) -> (u64, Vec<&[u8]>) {
    let buckets = BUCKETS.map(|name| txn.bucket(ROOT, name).unwrap());
    let (txn, mut stamp, mut values) = (&*txn, None, Vec::new());
    for bucket in buckets {
        let mut cursor = txn.cursor(bucket).unwrap();
        let mut count = 0;
        let mut entry = cursor.first(txn).unwrap();
        while let Some(found) = entry {
            let value = found.value.unwrap();
            let stamp = *stamp.get_or_insert_with(|| words(value).next().unwrap());
            assert_eq!(found.key, u64::to_be_bytes(count), "a key of state {stamp}");
            assert_eq!(
                value.len(),
                8 * word_count(stamp, count),
                "the value of key {count} of state {stamp}"
            );
            values.push(value);
            count += 1;
            entry = cursor.next(txn).unwrap();
        }
        assert_eq!(Some(count), stamp.map(key_count), "the number of keys of state {stamp:?}");
    }
    let stamp = stamp.unwrap();
    assert_unchanged(stamp, &values);
    (stamp, values)
}

fn assert_unchanged(stamp: u64, values: &[&[u8]]) {
    for value in values {
        assert!(words(value).all(|word| word == stamp), "a value of state {stamp} has words of another");
    }
}

/// What the threads of a history know of each other.
#[derive(Default)]
struct History {
    /// The newest state whose commit was begun, and the newest whose commit has returned.
    begun: AtomicU64,
    published: AtomicU64,
    is_over: AtomicBool,
    /// How many states the readers have seen, and how many of them were no longer the newest at the end.
    seen: AtomicU64,
    outlived: AtomicU64,
}

impl History {
    /// Reads in a transaction that `begin` begins after the newest published state was noted.
    fn read(&self, txn: &mut Txn, begin: impl FnOnce(&mut Txn)) -> u64 {
        let published = self.published.load(Ordering::SeqCst);
        begin(txn);
        let begun = self.begun.load(Ordering::SeqCst);
        let (stamp, values) = state(txn);
        assert!(published <= stamp, "state {stamp} is older than {published}, which was published before");
        assert!(stamp <= begun, "state {stamp} is newer than {begun}, whose commit was begun last");
        // Long enough for the writer to commit some more.
        while stamp % 4 == 0
            && self.published.load(Ordering::SeqCst) < stamp + 3
            && !self.is_over.load(Ordering::SeqCst)
        {
            std::thread::yield_now();
        }
        assert_unchanged(stamp, &values);
        let value_count = values.len();
        let (again, values) = state(txn);
        assert_eq!((again, values.len()), (stamp, value_count), "the state has changed for its reader");
        self.seen.fetch_add(1, Ordering::Relaxed);
        let is_outlived = self.published.load(Ordering::SeqCst) > stamp;
        self.outlived.fetch_add(u64::from(is_outlived), Ordering::Relaxed);
        stamp
    }

    /// Reads until the history is over, each time in a transaction that is begun anew or renewed, from a reset
    /// or at once.
    fn read_on(&self, db: &Db, reader: usize) {
        let mut last = 0;
        let mut kept = db.begin_read().unwrap();
        while !self.is_over.load(Ordering::SeqCst) {
            let seen = match reader % 3 {
                0 => self.read(&mut kept, |txn| *txn = db.begin_read().unwrap()),
                1 => self.read(&mut kept, |txn| txn.renew().unwrap()),
                _ => {
                    kept.reset().unwrap();
                    self.read(&mut kept, |txn| txn.renew().unwrap())
                }
            };
            assert!(last <= seen, "reader {reader} saw state {last}, then {seen}");
            last = seen;
        }
    }

    /// Commits all states up to one.
    fn write_on(&self, db: &Db, last: u64) {
        for stamp in self.published.load(Ordering::SeqCst) + 1..=last {
            self.begun.store(stamp, Ordering::SeqCst);
            commit(db, stamp);
            self.published.store(stamp, Ordering::SeqCst);
        }
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// Says that a history is over, however its writer ends.
struct Over<'h>(&'h History);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

fn run(path: &Path, options: &Options, last: u64) {
    let db = lint::open(path, options).unwrap();
    let history = History::default();
    history.write_on(&db, 1);
    history.is_over.store(false, Ordering::SeqCst);
    let len_before = std::fs::metadata(path).unwrap().len();
    std::thread::scope(|scope| {
        let _over = Over(&history);
        for reader in 0..READER_COUNT {
            let (db, history) = (&db, &history);
            scope.spawn(move || history.read_on(db, reader));
        }
        history.write_on(&db, last);
    });
    assert!(std::fs::metadata(path).unwrap().len() > 4 * len_before, "the file did not grow");
    assert!(history.outlived.into_inner() > 0, "no reader outlived a commit: nothing was seen");
    assert!(history.seen.into_inner() > READER_COUNT as u64);
    common::assert_sound(&db);
    db.close().unwrap();
}

/// Many small growths, each with a map of its own.
fn options() -> Options {
    Options { no_sync: true, room_max: 0, page_size: 1024, ..Options::default() }
}

#[test]
fn each_reader_sees_one_state_whole_and_none_older_than_was_published() {
    let directory = tempfile::tempdir().unwrap();
    run(&directory.path().join("own.db"), &options(), 400);
    let bbolts = Options { bbolt_rules: true, ..options() };
    run(&directory.path().join("bbolts.db"), &bbolts, 200);
    // With a cache too small for most of what is read.
    let without_map = Options { no_map: true, cache_len: 20_000, ..options() };
    run(&directory.path().join("without-map.db"), &without_map, 200);
}

/// A thread that begins transactions, new ones and renewed, until the database is closed; or for some more
/// once it is being closed, since there might never be a moment without a transaction.
fn begin_until_closed(db: &Db, history: &History) {
    let mut kept = db.begin_read().ok();
    let mut left = 20;
    while left > 0 {
        left -= u64::from(history.is_over.load(Ordering::SeqCst));
        let published = history.published.load(Ordering::SeqCst);
        let begun = match &mut kept {
            Some(txn) => txn.renew(),
            None => db.begin_read().map(|txn| kept = Some(txn)),
        };
        let seen = match (begun, &mut kept) {
            (Ok(()), Some(txn)) => state(txn).0,
            (refused, _) => {
                assert_eq!(refused.unwrap_err().code(), code::BADHANDLE);
                assert!(history.is_over.load(Ordering::SeqCst), "it was refused before anybody closed");
                return;
            }
        };
        assert!(published <= seen);
        history.seen.fetch_add(1, Ordering::Relaxed);
        match (seen % 2, &mut kept) {
            (0, Some(txn)) => txn.reset().unwrap(),
            _ => kept = None,
        }
    }
}

#[test]
fn a_database_is_closed_between_begins_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut busy_count = 0;
    for round in 1..=60 {
        let db = lint::open(&path, &options()).unwrap();
        let history = History::default();
        commit(&db, round);
        history.published.store(round, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..READER_COUNT {
                scope.spawn(|| begin_until_closed(&db, &history));
            }
            while history.seen.load(Ordering::Relaxed) < round % 8 {
                std::thread::yield_now();
            }
            // Before the first attempt: the one that succeeds is seen by the readers before it returns.
            history.is_over.store(true, Ordering::SeqCst);
            while let Err(refused) = db.close() {
                assert_eq!(refused.code(), code::BUSY);
                busy_count += 1;
                std::thread::yield_now();
            }
            assert_eq!(db.begin_read().err().map(|refused| refused.code()), Some(code::BADHANDLE));
        });
        let again = Options { lock_timeout: Some(std::time::Duration::ZERO), ..options() };
        let db = lint::open(&path, &again).unwrap();
        assert_eq!(state(&mut db.begin_read().unwrap()).0, round);
        common::assert_sound(&db);
        db.close().unwrap();
    }
    assert!(busy_count > 0, "no close met a transaction");
}
