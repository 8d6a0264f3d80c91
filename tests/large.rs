//! Much at once: a million keys in one transaction, the longest keys on the smallest pages, a file at its
//! limit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use bolt::storage::memory::MemoryNamespace;
use bolt::{Db, Entry, Error, Options, ROOT, Txn, Wait};
use common::lint;
use common::random::Random;
use common::raw;
use common::sound::{close_sound, close_sound_in, write};
use common::{assert_sound, entries, open};

const PATH: &str = "/a.db";
const MILLION: u64 = 1_000_000;

/// The numbers below `count` in a random order.
fn shuffled(count: u64) -> Vec<u64> {
    let mut random = Random::new(count);
    let mut numbers: Vec<u64> = (0..count).collect();
    (1..numbers.len()).for_each(|index| numbers.swap(index, random.below(index as u64 + 1) as usize));
    numbers
}

/// Walks the keys of a bucket, which must be the big-endian numbers from 0 on, `count` of them, each with
/// itself as value.
fn assert_numbers(txn: &mut Txn, count: u64) {
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    let mut entry = cursor.first(txn).unwrap();
    for number in 0..count {
        let expected = number.to_be_bytes();
        assert_eq!(entry, Some(Entry { key: &expected, value: Some(&expected) }));
        entry = cursor.next(txn).unwrap();
    }
    assert_eq!(entry, None);
    for number in (0..count).step_by(997) {
        assert_eq!(txn.get(bucket, &number.to_be_bytes()).unwrap(), Some(&number.to_be_bytes()[..]));
    }
}

fn put_a_million(numbers: impl Iterator<Item = u64>) {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 4096);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
    for number in numbers {
        txn.put(bucket, &number.to_be_bytes(), &number.to_be_bytes()).unwrap();
    }
    assert_numbers(&mut txn, MILLION);
    txn.commit().unwrap();
    assert_numbers(&mut db.begin_read().unwrap(), MILLION);
    // 32 bytes each: what came in any order leaves pages at least half full.
    let file_len = db.info().unwrap().high_water * 4096;
    assert!(file_len < 2 * 32 * MILLION, "{file_len} bytes");
    close_sound(&db);
    let db = Db::open(db.path(), &Options { read_only: true, ..common::options() }).unwrap();
    assert_numbers(&mut db.begin_read().unwrap(), MILLION);
    db.close().unwrap();
}

#[test]
fn a_million_random_keys_go_into_one_transaction_and_come_back_in_order() {
    put_a_million(shuffled(MILLION).into_iter());
}

#[test]
fn a_million_rising_keys_go_into_one_transaction_and_come_back() {
    put_a_million(0..MILLION);
}

#[test]
fn a_million_falling_keys_go_into_one_transaction_and_come_back() {
    put_a_million((0..MILLION).rev());
}

#[test]
fn a_large_bucket_is_emptied_in_one_transaction_in_any_order() {
    const COUNT: u64 = 200_000;
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 4096);
    for order in [(0..COUNT).collect(), (0..COUNT).rev().collect(), shuffled(COUNT)] {
        write(&db, |txn| {
            let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
            for number in 0..COUNT {
                txn.put(bucket, &number.to_be_bytes(), &number.to_be_bytes()).unwrap();
            }
        });
        assert_numbers(&mut db.begin_read().unwrap(), COUNT);
        write(&db, |txn| {
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            let order: Vec<u64> = order;
            order.iter().for_each(|number| txn.delete(bucket, &number.to_be_bytes()).unwrap());
        });
        assert_numbers(&mut db.begin_read().unwrap(), 0);
        assert_sound(&db);
    }
    assert!(db.info().unwrap().file_len < 4 * 32 * COUNT, "freed pages are used again");
    close_sound(&db);
}

/// A key of any length there may be, short ones more often.
fn random_key(random: &mut Random) -> Vec<u8> {
    let limit = [3, 20, 100, 1000, 8000, 32_768][random.below(6) as usize];
    let len = 1 + random.below(limit) as usize;
    // Long common heads, so that keys are compared to their end.
    let mut key = vec![b'k'; len];
    let tail = random.bytes(len.min(3));
    key[len - tail.len()..].copy_from_slice(&tail);
    key
}

#[test]
fn keys_of_all_lengths_are_mixed_on_pages_of_all_sizes() {
    for shift in 10..=16 {
        let names = MemoryNamespace::new();
        let options = Options { page_size: 1 << shift, no_sync: true, ..common::options() };
        let mut db = Db::open_in(&names, Path::new(PATH), &options).unwrap();
        let mut random = Random::new(shift);
        let mut model = BTreeMap::new();
        for round in 0..6 {
            write(&db, |txn| {
                let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
                for _ in 0..120 {
                    let key = random_key(&mut random);
                    let limit = [10, 100, 3000][random.below(3) as usize];
                    let len = random.below(limit) as usize;
                    let value = random.bytes(len);
                    txn.put(bucket, &key, &value).unwrap();
                    model.insert(key, Some(value));
                }
                let doomed: Vec<Vec<u8>> = model.keys().filter(|_| random.below(3) == 0).cloned().collect();
                for key in doomed {
                    txn.delete(bucket, &key).unwrap();
                    model.remove(&key);
                }
                assert!(entries(txn, bucket, false).into_iter().eq(model.clone()));
            });
            let mut txn = db.begin_read().unwrap();
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            assert!(entries(&txn, bucket, round % 2 == 0).into_iter().eq(model.clone()));
            assert!(model.iter().all(|(key, value)| txn.get(bucket, key).unwrap() == value.as_deref()));
            drop(txn);
            assert_sound(&db);
            if round == 3 {
                close_sound_in(&names, &db);
                db = Db::open_in(&names, Path::new(PATH), &options).unwrap();
            }
        }
        write(&db, |txn| {
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            model.keys().for_each(|key| txn.delete(bucket, key).unwrap());
        });
        close_sound_in(&names, &db);
    }
}

#[test]
fn a_database_at_its_limit_is_full_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    const LIMIT: u64 = 1 << 20;
    let options = Options { page_size: 1024, max_len: LIMIT, no_sync: true, ..common::options() };
    let db = lint::open(&path, &options).unwrap();
    let file_len = || std::fs::metadata(&path).unwrap().len();
    let put = |number: u64, len: usize| {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        txn.put(ROOT, &number.to_be_bytes(), &vec![number as u8; len])?;
        txn.commit()
    };
    for round in 0..3 {
        let mut number = 0;
        let refused = loop {
            match put(number, 5000) {
                Ok(()) => number += 1,
                Err(error) => break error,
            }
            assert!(file_len() <= LIMIT);
        };
        assert!(matches!(refused, Error::Full(LIMIT)), "{refused}");
        assert!(number > 150, "round {round}: {number} values of 5 KB went in");
        // Nothing of the refused one is there, and what fits goes on going in.
        assert!(matches!(put(1000, 600_000), Err(Error::Full(_))));
        let txn = db.begin_read().unwrap();
        assert_eq!(entries(&txn, ROOT, false).len() as u64, number);
        drop(txn);
        assert_sound(&db);
        db.set_max_len(LIMIT + (64 << 10));
        write(&db, |txn| (0..number).for_each(|number| txn.delete(ROOT, &number.to_be_bytes()).unwrap()));
        // Two commits later the pages are free.
        (0..2).for_each(|_| put(0, 10).unwrap());
        db.set_max_len(LIMIT);
        (0..20).for_each(|number| put(number, 5000).unwrap());
        write(&db, |txn| (0..20u64).for_each(|number| txn.delete(ROOT, &number.to_be_bytes()).unwrap()));
        assert!(file_len() <= LIMIT + (64 << 10));
    }
    db.set_max_len(0);
    put(1, 3 << 20).unwrap();
    // On a page of its own, as the large one is.
    put(2, 10).unwrap();
    close_sound(&db);
    // A larger file is opened all the same.
    let db = lint::open(&path, &options).unwrap();
    assert!(file_len() > LIMIT);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.put(ROOT, b"key", &vec![7; 4 << 20]).unwrap();
    assert!(matches!(txn.commit(), Err(Error::Full(LIMIT))));
    write(&db, |txn| txn.put(ROOT, b"small", b"fits a free page").unwrap());
    close_sound(&db);
}

#[test]
fn a_transaction_that_does_not_fit_changes_nothing() {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, max_len: 64 << 10, no_sync: true, ..common::options() };
    let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
    write(&db, |txn| txn.put(ROOT, b"key", b"value").unwrap());
    let before = names.to_vec(Path::new(PATH)).unwrap().unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
    (0..1000u32).for_each(|number| txn.put(bucket, &number.to_be_bytes(), &[7; 200]).unwrap());
    txn.put(ROOT, b"key", b"another").unwrap();
    assert!(matches!(txn.commit(), Err(Error::Full(_))));
    assert!(names.to_vec(Path::new(PATH)).unwrap().unwrap() == before);
    let txn = db.begin_read().unwrap();
    assert_eq!(entries(&txn, ROOT, false), [(b"key".to_vec(), Some(b"value".to_vec()))]);
    drop(txn);
    write(&db, |txn| txn.put(ROOT, b"key", b"another").unwrap());
    close_sound_in(&names, &db);
}

/// Go refuses to write a page of 0xFFFF elements, and opens files whose pages have room for more.
#[test]
fn no_page_has_more_elements_than_go_writes_however_large_it_is() {
    const PAGE_SIZE: u32 = 2 << 20;
    for count in [65_533u64, 65_534, 65_535, 65_536, 80_000, 140_000] {
        let names = MemoryNamespace::new();
        names.insert(Path::new(PATH), raw::file(PAGE_SIZE, &[], Some(2))).unwrap();
        let db =
            Db::open_in(&names, Path::new(PATH), &Options { no_sync: true, ..common::options() }).unwrap();
        write(&db, |txn| {
            let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
            (0..count)
                .for_each(|number| txn.put(bucket, &number.to_be_bytes(), &number.to_be_bytes()).unwrap());
        });
        assert_numbers(&mut db.begin_read().unwrap(), count);
        write(&db, |txn| {
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            txn.delete(bucket, &7u64.to_be_bytes()).unwrap();
            txn.put(bucket, &7u64.to_be_bytes(), &7u64.to_be_bytes()).unwrap();
        });
        assert_numbers(&mut db.begin_read().unwrap(), count);
        close_sound_in(&names, &db);
    }
}
