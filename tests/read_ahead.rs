//! Files whose reads the kernel does not run ahead of: cursors, walks and copies ask for the pages that come next.
//!
//! The tests drop a file's pages from memory, read, and ask the kernel what it has then. So the files must lie where
//! pages can be dropped: not in a tmpfs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use bolt::storage::Advice;
use bolt::{Cursor, Db, FreelistMode, Options, ROOT, Txn, Wait};
use common::assert_sound;
use rustix::fs::{Mode, OFlags, fadvise};

const KEY_COUNT: u64 = 20_000;
const VALUE_LEN: usize = 400;
/// Entries on a leaf of 4 KiB, about.
const LEAF_COUNT: u64 = 9;

/// A file of 20,000 keys, put in a way that leaves neighbouring leaves apart.
fn file(path: &Path) -> Db {
    let options = Options { page_size: 4096, no_sync: true, ..Options::default() };
    let db = Db::open(path, &options).unwrap();
    for batch in 0..20 {
        let mut txn = db.begin_write(Wait::Forever).unwrap();
        for number in (batch..KEY_COUNT).step_by(20) {
            txn.put(ROOT, key(number).as_bytes(), &[number as u8; VALUE_LEN]).unwrap();
        }
        txn.commit().unwrap();
    }
    db.sync().unwrap();
    db.close().unwrap();
    forget(path);
    Db::open(path, &Options::default()).unwrap()
}

/// Drops the file's pages from memory.
fn forget(path: &Path) {
    let file = rustix::fs::open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

fn resident(db: &Db) -> u64 {
    db.stats(true).unwrap().resident_len.unwrap()
}

/// Waits until so many bytes of the file have come into memory: they come in the background.
fn await_resident(db: &Db, len: u64) {
    let end = Instant::now() + Duration::from_secs(60);
    while resident(db) < len {
        assert!(Instant::now() < end, "{} of {len} bytes have come", resident(db));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The keys that a cursor gives from where it stands, `count` of them.
fn keys(
    txn: &Txn,
    cursor: &mut Cursor,
    count: u64,
    next: impl Fn(&mut Cursor, &Txn) -> Option<u64>,
) -> Vec<u64> {
    (0..count).map_while(|_| next(cursor, txn)).collect()
}

fn key(number: u64) -> String {
    format!("{number:08}")
}

fn number(key: &[u8]) -> u64 {
    std::str::from_utf8(key).unwrap().parse().unwrap()
}

fn forward(cursor: &mut Cursor, txn: &Txn) -> Option<u64> {
    cursor.next(txn).unwrap().map(|entry| number(entry.key))
}

fn backward(cursor: &mut Cursor, txn: &Txn) -> Option<u64> {
    cursor.prev(txn).unwrap().map(|entry| number(entry.key))
}

#[test]
fn keys_sought_at_random_bring_little_of_the_file_into_memory() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("a.db");
    let db = file(&path);
    db.advise(Advice::Random).unwrap();
    let txn = db.begin_read().unwrap();
    for number in (0..KEY_COUNT).step_by(KEY_COUNT as usize / 32) {
        assert_eq!(txn.get_with(ROOT, key(number).as_bytes(), <[u8]>::len).unwrap(), Some(VALUE_LEN));
    }
    // A page or two for each key, and what the system has read behind the metas when the file was opened.
    let (resident, len) = (resident(&db), txn.len());
    assert!(resident < len / 8, "{resident} of {len} bytes");
    drop(txn);
    assert_sound(&db);
    db.close().unwrap();
}

#[test]
fn a_cursor_has_the_leaves_that_follow_read_in_both_directions() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (step, first) in [(forward as fn(&mut Cursor, &Txn) -> Option<u64>, 0), (backward, KEY_COUNT - 1)] {
        let path = directory.path().join(format!("{first}.db"));
        let db = file(&path);
        db.advise(Advice::Random).unwrap();
        let txn = db.begin_read().unwrap();
        let mut cursor = txn.cursor(ROOT).unwrap();
        let begun = if first == 0 { cursor.first(&txn) } else { cursor.last(&txn) };
        assert_eq!(begun.unwrap().map(|entry| number(entry.key)), Some(first));
        // 40 leaves; at least as many that no entry of has been seen are on their way.
        let passed = keys(&txn, &mut cursor, 40 * LEAF_COUNT, step);
        assert_eq!(passed.len() as u64, 40 * LEAF_COUNT);
        await_resident(&db, 80 * 4096);
        assert!(resident(&db) < 200 * 4096, "{} bytes", resident(&db));
        let rest = keys(&txn, &mut cursor, KEY_COUNT, step);
        let expected: Vec<u64> =
            if first == 0 { (0..KEY_COUNT).collect() } else { (0..KEY_COUNT).rev().collect() };
        assert_eq!([vec![first], passed, rest].concat(), expected);
        drop((cursor, txn));
        assert_sound(&db);
        db.close().unwrap();
    }
}

#[test]
fn many_keys_a_long_value_a_check_and_a_backup_are_the_same_in_a_file_read_at_random() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("a.db");
    let db = file(&path);
    let long: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    txn.put(ROOT, b"long", &long).unwrap();
    txn.commit().unwrap();
    let mut copies = Vec::new();
    for advice in [Advice::Normal, Advice::Random] {
        forget(&path);
        db.advise(advice).unwrap();
        let txn = db.begin_read().unwrap();
        assert!(txn.get_with(ROOT, b"long", |value| value == long).unwrap().unwrap());
        let names: Vec<String> = (0..KEY_COUNT).step_by(7).map(key).collect();
        let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let mut values = vec![None; names.len()];
        txn.get_many(ROOT, &names, &mut values).unwrap();
        assert!(
            names.iter().zip(&values).all(|(name, value)| value.unwrap() == [number(name) as u8; VALUE_LEN])
        );
        let mut copy = Vec::new();
        txn.write_to(|piece| {
            copy.extend_from_slice(piece);
            Ok::<(), bolt::Error>(())
        })
        .unwrap();
        assert_eq!(copy.len() as u64, txn.len());
        copies.push(copy);
        drop(txn);
        assert_sound(&db);
    }
    assert!(copies[0] == copies[1]);
    db.close().unwrap();
}

#[test]
fn a_long_value_comes_whole_for_who_asks_for_it_and_not_for_who_passes_by() {
    const LEN: usize = 1 << 20;
    const COUNT: u64 = 24;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("a.db");
    let options = Options { freelist_mode: FreelistMode::Never, no_sync: true, ..Options::default() };
    let db = Db::open(&path, &options).unwrap();
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    for number in 0..COUNT {
        txn.put(ROOT, key(number).as_bytes(), &vec![number as u8; LEN]).unwrap();
    }
    txn.commit().unwrap();
    db.sync().unwrap();
    db.close().unwrap();
    forget(&path);
    let db = Db::open(&path, &options).unwrap();
    db.advise(Advice::Random).unwrap();
    // It looks for the free pages.
    db.begin_write(Wait::Forever).unwrap().rollback();
    assert!(resident(&db) < LEN as u64, "{} bytes", resident(&db));
    let txn = db.begin_read().unwrap();
    let mut cursor = txn.cursor(ROOT).unwrap();
    cursor.first(&txn).unwrap();
    assert_eq!(keys(&txn, &mut cursor, COUNT, forward).len() as u64, COUNT - 1);
    let passed = COUNT * (128 << 10) + LEN as u64;
    std::thread::sleep(Duration::from_millis(50));
    assert!(resident(&db) < passed, "{} bytes", resident(&db));
    assert_eq!(txn.get_with(ROOT, key(3).as_bytes(), <[u8]>::len).unwrap(), Some(LEN));
    await_resident(&db, LEN as u64);
    drop((cursor, txn));
    assert_sound(&db);
    db.close().unwrap();
}

#[test]
fn the_free_pages_of_a_file_without_a_list_are_found_where_nobody_reads_ahead() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("a.db");
    file(&path).close().unwrap();
    let options = Options { freelist_mode: FreelistMode::Never, no_sync: true, ..Options::default() };
    let db = Db::open(&path, &options).unwrap();
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    for number in 0..KEY_COUNT / 2 {
        txn.delete(ROOT, key(number).as_bytes()).unwrap();
    }
    txn.commit().unwrap();
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    txn.put(ROOT, b"one more", b"").unwrap();
    txn.commit().unwrap();
    let expected = free_count(&db);
    db.close().unwrap();
    forget(&path);
    let db = Db::open(&path, &options).unwrap();
    db.advise(Advice::Random).unwrap();
    db.begin_write(Wait::Forever).unwrap().rollback();
    assert!(expected > 500 && free_count(&db) == expected, "{} of {expected}", free_count(&db));
    assert_sound(&db);
    db.close().unwrap();
}

fn free_count(db: &Db) -> u64 {
    let info = db.info().unwrap();
    info.free_page_count.unwrap() + info.pending_page_count.unwrap()
}
