//! Keys and values: their limits, values of many pages, and the promise that bytes once returned stay as they
//! are until the transaction ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bolt::format::max_value_len;
use bolt::storage::memory::MemoryNamespace;
use bolt::{BucketId, Db, Error, FreelistMode, Options, ROOT, Txn, Wait};
use common::lint;
use common::memory::{Memory, Place, place};
use common::random::Random;
use common::raw;
use common::sound::{close_sound, close_sound_in, write};
use common::{entries, open};

const PATH: &str = "/a.db";

struct Base {
    names: MemoryNamespace,
    db: Db,
}

impl Base {
    fn new(page_size: u32) -> Base {
        Base::open(MemoryNamespace::new(), page_size)
    }

    fn open(names: MemoryNamespace, page_size: u32) -> Base {
        let options = Options { page_size, freelist_mode: FreelistMode::EachCommit, ..common::options() };
        Base { db: lint::open_in(&names, Path::new(PATH), &options).unwrap(), names }
    }

    fn reopen(self) -> Base {
        close_sound_in(&self.names, &self.db);
        Base::open(self.names, 0)
    }

    fn write(&self, change: impl FnOnce(&mut Txn, BucketId)) {
        write(&self.db, |txn| {
            let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
            change(txn, bucket);
        });
        raw::assert_sound_file(&self.bytes());
    }

    fn read<T>(&self, look: impl FnOnce(&Txn, BucketId) -> T) -> T {
        let mut txn = self.db.begin_read().unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        look(&txn, bucket)
    }

    fn bytes(&self) -> Vec<u8> {
        self.names.to_vec(Path::new(PATH)).unwrap().unwrap()
    }

    fn close(self) {
        close_sound_in(&self.names, &self.db);
    }
}

#[test]
fn an_empty_value_is_there_and_a_missing_one_is_not() {
    let mut base = Base::new(4096);
    let look = |txn: &Txn, bucket: BucketId| {
        assert_eq!(txn.get(bucket, b"empty").unwrap(), Some(&[][..]));
        assert_eq!(txn.get(bucket, b"missing").unwrap(), None);
        assert_eq!(txn.get(bucket, b"inner").unwrap(), None);
        let found: Vec<(Vec<u8>, Option<Vec<u8>>)> = entries(txn, bucket, false);
        assert_eq!(found, [(b"empty".to_vec(), Some(Vec::new())), (b"inner".to_vec(), None)]);
    };
    base.write(|txn, bucket| {
        txn.put(bucket, b"empty", b"").unwrap();
        txn.create_bucket(bucket, b"inner").unwrap();
        look(txn, bucket);
    });
    base.read(look);
    base = base.reopen();
    base.read(look);
    base.write(|txn, bucket| {
        look(txn, bucket);
        txn.put(bucket, b"empty", b"no more").unwrap();
        txn.put(bucket, b"empty", b"").unwrap();
        look(txn, bucket);
    });
    base.read(look);
    base.close();
}

#[test]
fn keys_have_1_to_32768_bytes() {
    for page_size in [1024, 4096, 65536] {
        let mut base = Base::new(page_size);
        let lens = [1, 2, 255, 256, 1000, 1024, 4095, 4096, 10_000, 32_767, 32_768];
        let key = |len: usize, last: u8| [vec![b'k'; len - 1], vec![last]].concat();
        base.write(|txn, bucket| {
            for len in lens {
                for last in 0..6 {
                    txn.put(bucket, &key(len, last), &[last; 3]).unwrap();
                }
            }
            assert!(matches!(txn.put(bucket, b"", b"value"), Err(Error::KeyRequired)));
            for len in [32_769, 40_000, 1 << 20] {
                let refused = txn.put(bucket, &key(len, 0), b"");
                assert!(matches!(refused, Err(Error::KeySize(refused)) if refused == len));
            }
        });
        base = base.reopen();
        base.read(|txn, bucket| {
            for len in lens {
                for last in 0..6 {
                    assert_eq!(txn.get(bucket, &key(len, last)).unwrap(), Some(&[last; 3][..]));
                }
                assert_eq!(txn.get(bucket, &key(len, 7)).unwrap(), None);
            }
            assert_eq!(txn.get(bucket, b"").unwrap(), None);
            assert_eq!(txn.get(bucket, &key(32_769, 0)).unwrap(), None);
            assert_eq!(entries(txn, bucket, true).len(), lens.len() * 6);
        });
        base.write(|txn, bucket| {
            for missing in [vec![], key(1, 9), key(32_769, 0), key(1 << 20, 0)] {
                txn.delete(bucket, &missing).unwrap();
            }
            for len in lens {
                (0..6)
                    .filter(|last| last % 2 == 0)
                    .for_each(|last| txn.delete(bucket, &key(len, last)).unwrap());
            }
        });
        base.read(|txn, bucket| assert_eq!(entries(txn, bucket, false).len(), lens.len() * 3));
        base.close();
    }
}

#[test]
fn keys_are_bytes_and_stand_in_the_order_of_bytes() {
    let base = Base::new(1024);
    let mut keys: Vec<Vec<u8>> =
        (0..=255u8).flat_map(|byte| [vec![byte], vec![byte, 0], vec![byte, 255]]).collect();
    keys.push(vec![0; 3]);
    base.write(|txn, bucket| keys.iter().rev().for_each(|key| txn.put(bucket, key, key).unwrap()));
    keys.sort();
    let found: Vec<Vec<u8>> =
        base.read(|txn, bucket| entries(txn, bucket, false).into_iter().map(|(key, _)| key).collect());
    assert_eq!(found, keys);
    base.close();
}

/// Go cannot read an element whose position, key and value pass 2^31-1.
#[test]
fn a_value_too_long_for_go_is_refused_before_anything_is_allocated() {
    let base = Base::new(4096);
    // The zeros are the kernel's until somebody writes: nobody does.
    let zeros = vec![0; (1 << 31) - 1];
    base.write(|txn, bucket| {
        for key_len in [1usize, 100, 32_768] {
            let longest = (1 << 31) - 17 - key_len;
            assert_eq!(max_value_len(key_len), longest as u64);
            for len in [longest + 1, longest + 2, zeros.len()] {
                let refused = txn.put(bucket, &vec![b'k'; key_len], &zeros[..len]);
                assert!(matches!(refused, Err(Error::ValueSize(refused)) if refused == len));
            }
            assert_eq!(txn.get(bucket, &vec![b'k'; key_len]).unwrap(), None);
        }
        txn.put(bucket, b"key", b"value").unwrap();
    });
    base.read(|txn, bucket| assert_eq!(entries(txn, bucket, false).len(), 1));
    base.close();
}

#[test]
fn a_value_takes_as_many_pages_as_it_needs() {
    for shift in 10..=16 {
        let page_size = 1usize << shift;
        let mut base = Base::new(page_size as u32);
        let mut random = Random::new(shift);
        // Alone on its page, with a key of 8 bytes: header and element take 32.
        let full = page_size - 40;
        let lens = [full - 1, full, full + 1, 2 * page_size - 40, 2 * page_size - 39, 5 * page_size, 300_000];
        let values: Vec<Vec<u8>> = lens.iter().map(|&len| random.bytes(len)).collect();
        base.write(|txn, bucket| {
            for (number, value) in values.iter().enumerate() {
                txn.put(bucket, &number.to_be_bytes(), value).unwrap();
                txn.put(bucket, &(number + 1000).to_be_bytes(), b"small").unwrap();
            }
        });
        let look = |base: &Base| {
            base.read(|txn, bucket| {
                for (number, value) in values.iter().enumerate() {
                    assert!(txn.get(bucket, &number.to_be_bytes()).unwrap().unwrap() == value);
                }
            });
        };
        look(&base);
        base = base.reopen();
        look(&base);
        base.write(|txn, bucket| txn.put(bucket, &1001usize.to_be_bytes(), b"another").unwrap());
        look(&base);
        base.close();
    }
}

/// At how many different places of a page 60 large values begin, with rules of bbolt's or without.
fn begins_of_large_values(bbolt_rules: bool) -> usize {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 4096, bbolt_rules, ..common::options() };
    let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
    let mut random = Random::new(5);
    let values: Vec<Vec<u8>> = (0..60).map(|_| random.bytes(24 * 4096)).collect();
    // Keys of 8 bytes, so that values begin at multiples of 8.
    for (key, value) in (1u64..).zip(&values) {
        write(&db, |txn| txn.put(ROOT, &key.to_be_bytes(), value).unwrap());
    }
    let txn = db.begin_read().unwrap();
    let is_there =
        |(key, value): (u64, &Vec<u8>)| txn.get(ROOT, &key.to_be_bytes()).unwrap().unwrap() == value;
    assert!((1u64..).zip(&values).all(is_there));
    drop(txn);
    close_sound_in(&names, &db);
    let bytes = names.to_vec(Path::new(PATH)).unwrap().unwrap();
    raw::assert_sound_file(&bytes);
    let heads: BTreeSet<&[u8]> = values.iter().map(|value| &value[..8]).collect();
    let begins = bytes.chunks_exact(8).enumerate().filter(|(_, word)| heads.contains(word));
    begins.map(|(number, _)| number * 8 % 4096).collect::<BTreeSet<usize>>().len()
}

#[test]
fn large_values_begin_at_different_places_of_their_pages_but_not_under_bbolts_rules() {
    // A run of 25 pages has room for 64 places; the leaves of Go have one such value, two, or three.
    assert!(begins_of_large_values(false) > 20);
    assert!(begins_of_large_values(true) <= 8);
}

#[test]
fn large_values_go_through_a_real_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut db = open(&path, 4096);
    let mut random = Random::new(4);
    let mut values = BTreeMap::new();
    for (number, len) in [10 << 20, 1 << 20, 0, 3_333_333, 70_000].into_iter().enumerate() {
        let value = random.bytes(len);
        write(&db, |txn| txn.put(ROOT, &[number as u8 + 1], &value).unwrap());
        values.insert(vec![number as u8 + 1], value);
    }
    for _ in 0..2 {
        let txn = db.begin_read().unwrap();
        assert!(values.iter().all(|(key, value)| txn.get(ROOT, key).unwrap().unwrap() == value));
        drop(txn);
        close_sound(&db);
        db = open(&path, 0);
    }
    db.close().unwrap();
}

/// The bytes of pages that a commit of `change` takes.
fn written_len(base: &Base, change: impl FnOnce(&mut Txn, BucketId)) -> u64 {
    let before = base.db.stats(false).unwrap().txns.page_len;
    base.write(change);
    base.db.stats(false).unwrap().txns.page_len - before
}

#[test]
fn a_large_value_is_not_written_again_for_a_key_that_comes_to_stand_beside_it() {
    let mut base = Base::new(4096);
    let mut random = Random::new(6);
    let large = random.bytes(1 << 20);
    let mut model = BTreeMap::from([(b"m".to_vec(), large.clone())]);
    assert!(written_len(&base, |txn, bucket| txn.put(bucket, b"m", &large).unwrap()) > 1 << 20);
    for (key, len) in [(b"x", 10), (b"a", 10), (b"o", 70_000), (b"d", 70_000), (b"n", 9), (b"l", 9)] {
        let value = random.bytes(len);
        let written = written_len(&base, |txn, bucket| txn.put(bucket, key, &value).unwrap());
        assert!(written < len as u64 + 7 * 4096, "{written} bytes of pages for one of {len}");
        model.insert(key.to_vec(), value);
        let found = base.read(|txn, bucket| entries(txn, bucket, true));
        assert!(found.into_iter().map(|(key, value)| (key, value.unwrap())).eq(model.clone()));
        base = base.reopen();
    }
    // The page whose value is another one is written.
    let other = random.bytes(1 << 20);
    let change = |txn: &mut Txn, bucket: BucketId| {
        txn.put(bucket, b"m", &other).unwrap();
        txn.put(bucket, b"m1", b"").unwrap();
    };
    assert!(written_len(&base, change) > 1 << 20);
    model.extend([(b"m".to_vec(), other.clone()), (b"m1".to_vec(), Vec::new())]);
    let found = base.read(|txn, bucket| entries(txn, bucket, true));
    assert!(found.into_iter().map(|(key, value)| (key, value.unwrap())).eq(model));
    base.close();
}

#[test]
fn a_full_page_is_not_written_again_for_keys_that_come_behind_it() {
    let base = Base::new(4096);
    let put =
        |txn: &mut Txn, bucket, number: u32| txn.put(bucket, &number.to_be_bytes(), &[7; 1000]).unwrap();
    base.write(|txn, bucket| (0..10).for_each(|number| put(txn, bucket, number)));
    let before = base.db.stats(false).unwrap().txns;
    for number in 10..60 {
        // The leaf, whether cut or not, the branch above it, the root and the list of free pages.
        let written = written_len(&base, |txn, bucket| put(txn, bucket, number));
        assert_eq!(written, 4 * 4096);
    }
    assert!(base.db.stats(false).unwrap().txns.split_count > before.split_count + 10);
    let found = base.read(|txn, bucket| entries(txn, bucket, true));
    assert!(found.into_iter().map(|(key, _)| key).eq((0..60u32).map(|number| number.to_be_bytes().to_vec())));
    base.close();
}

#[test]
fn a_value_grows_and_shrinks_and_its_old_pages_are_used_again() {
    for page_size in [1024, 4096, 16384] {
        let mut base = Base::new(page_size);
        let mut random = Random::new(page_size.into());
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut high_water = 0;
        for step in 0..120u64 {
            base.write(|txn, bucket| {
                for _ in 0..3 {
                    let key = vec![b'a' + random.below(12) as u8; 1 + random.below(9) as usize * 40];
                    let limit = [50, 2000, 20_000, 60_000][random.below(4) as usize];
                    let len = random.below(limit) as usize;
                    let value = random.bytes(len);
                    txn.put(bucket, &key, &value).unwrap();
                    model.insert(key, value);
                }
                if model.len() > 20 {
                    let key = model.keys().nth(random.below(20) as usize).unwrap().clone();
                    txn.delete(bucket, &key).unwrap();
                    model.remove(&key);
                }
            });
            let found = base.read(|txn, bucket| entries(txn, bucket, step % 2 == 0));
            assert!(found.into_iter().map(|(key, value)| (key, value.unwrap())).eq(model.clone()));
            if step == 60 {
                high_water = base.db.info().unwrap().high_water;
            }
            if step % 40 == 39 {
                base = base.reopen();
            }
        }
        let now = base.db.info().unwrap().high_water;
        assert!(now < high_water * 2, "{page_size}: {high_water} pages became {now}");
        base.close();
    }
}

#[test]
fn the_last_of_several_puts_of_a_key_counts() {
    let base = Base::new(1024);
    let lens = [0usize, 5000, 1, 300, 300, 0, 2000, 7];
    base.write(|txn, bucket| {
        for (number, &len) in lens.iter().enumerate() {
            txn.put(bucket, b"key", &vec![number as u8; len]).unwrap();
            assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&vec![number as u8; len][..]));
            if number % 3 == 2 {
                txn.delete(bucket, b"key").unwrap();
                assert_eq!(txn.get(bucket, b"key").unwrap(), None);
            }
        }
    });
    base.read(|txn, bucket| assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&[7; 7][..])));
    base.write(|txn, bucket| {
        txn.delete(bucket, b"key").unwrap();
        txn.delete(bucket, b"key").unwrap();
    });
    base.read(|txn, bucket| assert!(entries(txn, bucket, false).is_empty()));
    base.close();
}

#[test]
fn nothing_of_the_callers_is_kept() {
    let base = Base::new(4096);
    base.write(|txn, bucket| {
        let (mut key, mut value) = (vec![b'k'; 10], vec![b'v'; 10_000]);
        txn.put(bucket, &key, &value).unwrap();
        let mut name = b"name".to_vec();
        let inner = txn.create_bucket(bucket, &name).unwrap();
        key.fill(0);
        value.fill(0);
        name.fill(0);
        txn.put(inner, b"1", b"2").unwrap();
        assert_eq!(txn.get(bucket, &[b'k'; 10]).unwrap(), Some(&[b'v'; 10_000][..]));
    });
    base.read(|txn, bucket| {
        let found: Vec<Vec<u8>> = entries(txn, bucket, false).into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, [vec![b'k'; 10], b"name".to_vec()]);
    });
    base.close();
}

/// Bytes that a caller has been given, and what they were.
struct Kept(Vec<(Place, Vec<u8>)>);

impl Kept {
    fn take(&mut self, txn: &Txn, bucket: BucketId, key: &[u8]) {
        let value = txn.get(bucket, key).unwrap().expect("the key is there");
        self.0.push((place(value), value.to_vec()));
    }

    fn assert_unchanged(&self, memory: &Memory) {
        self.0.iter().for_each(|(place, bytes)| memory.assert_unchanged(place, bytes));
    }
}

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// Runs in a real file, so that what is edited in place is seen in the map, and in memory.
fn with_both_storages(run: impl Fn(Db)) {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 1024);
    run(db.clone());
    close_sound(&db);
    let base = Base::new(1024);
    run(base.db.clone());
    base.close();
}

const LENS: [usize; 5] = [0, 1, 30, 700, 9000];

fn fill(txn: &mut Txn, bucket: BucketId, salt: u8) {
    for number in 0..300u32 {
        txn.put(bucket, &key(number), &vec![salt ^ number as u8; LENS[number as usize % 5]]).unwrap();
    }
}

#[test]
fn bytes_stay_as_they_were_through_all_that_a_write_transaction_does_later() {
    with_both_storages(|db| {
        let memory = Memory::new();
        write(&db, |txn| {
            let large = txn.create_bucket(ROOT, b"large").unwrap();
            fill(txn, large, 1);
            let small = txn.create_bucket(large, b"small").unwrap();
            txn.put(small, &key(0), b"inline").unwrap();
        });
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let large = txn.bucket(ROOT, b"large").unwrap();
        let small = txn.bucket(large, b"small").unwrap();
        let mut kept = Kept(Vec::new());
        kept.take(&txn, small, &key(0));
        (0..300).for_each(|number| kept.take(&txn, large, &key(number)));

        // Overwritten with the same length, with another, deleted.
        fill(&mut txn, large, 2);
        txn.put(small, &key(0), b"INLINE").unwrap();
        kept.assert_unchanged(&memory);
        (0..300).for_each(|number| kept.take(&txn, large, &key(number)));
        kept.take(&txn, small, &key(0));
        for number in 0..300 {
            match number % 3 {
                0 => txn.delete(large, &key(number)).unwrap(),
                1 => txn.put(large, &key(number), &vec![3; 2000]).unwrap(),
                _ => txn.put(large, &key(number), &vec![3; LENS[number as usize % 5]]).unwrap(),
            }
        }
        kept.assert_unchanged(&memory);
        (0..300).filter(|number| number % 3 > 0).for_each(|number| kept.take(&txn, large, &key(number)));

        // Many more, then everything deleted, buckets too.
        (1000..9000).for_each(|number| txn.put(large, &key(number), &[4; 50]).unwrap());
        kept.assert_unchanged(&memory);
        txn.delete_bucket(ROOT, b"large").unwrap();
        let large = txn.create_bucket(ROOT, b"large").unwrap();
        fill(&mut txn, large, 5);
        txn.put(large, b"huge", &vec![6; 3 << 20]).unwrap();
        kept.assert_unchanged(&memory);
        assert!(kept.0.len() > 700);
        txn.commit().unwrap();
    });
}

#[test]
fn the_bytes_of_a_reader_stay_as_they_were_through_all_commits() {
    with_both_storages(|db| {
        let memory = Memory::new();
        write(&db, |txn| {
            let large = txn.create_bucket(ROOT, b"large").unwrap();
            fill(txn, large, 1);
        });
        let mut kept = Kept(Vec::new());
        let mut readers = Vec::new();
        for round in 2..14u8 {
            let mut txn = db.begin_read().unwrap();
            let large = txn.bucket(ROOT, b"large").unwrap();
            (0..300).for_each(|number| kept.take(&txn, large, &key(number)));
            readers.push(txn);
            write(&db, |txn| {
                let large = txn.bucket(ROOT, b"large").unwrap();
                fill(txn, large, round);
            });
            if round % 4 == 0 {
                write(&db, |txn| {
                    txn.delete_bucket(ROOT, b"large").unwrap();
                    let large = txn.create_bucket(ROOT, b"large").unwrap();
                    fill(txn, large, round);
                });
            }
            kept.assert_unchanged(&memory);
        }
        // The oldest ends: the bytes of the others stay.
        readers.drain(..6);
        kept.0.drain(..6 * 300);
        for round in 20..30 {
            write(&db, |txn| {
                let large = txn.bucket(ROOT, b"large").unwrap();
                fill(txn, large, round);
            });
            kept.assert_unchanged(&memory);
        }
    });
}

#[test]
fn bytes_that_a_read_transaction_returned_are_those_of_the_file_and_no_copy() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 4096);
    write(&db, |txn| txn.put(ROOT, b"key", &vec![7; 100_000]).unwrap());
    let one = db.begin_read().unwrap();
    let two = db.begin_read().unwrap();
    let places = [&one, &two].map(|txn| place(txn.get(ROOT, b"key").unwrap().unwrap()));
    assert_eq!(places[0] == places[1], !common::is_without_map());
    drop((one, two));
    close_sound(&db);
}

/// What [`Txn::get_many`] says of all of `keys`, having compared it with what [`Txn::get`] says of each.
fn get_many(txn: &Txn, bucket: BucketId, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let keys = keys.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let mut values = vec![Some(&b"old"[..]); keys.len()];
    txn.get_many(bucket, &keys, &mut values).unwrap();
    for (key, value) in keys.iter().zip(&values) {
        assert_eq!(*value, txn.get(bucket, key).unwrap(), "{key:?}");
    }
    values.into_iter().map(|value| value.map(<[u8]>::to_vec)).collect()
}

#[test]
fn many_keys_asked_for_at_once_have_the_values_that_each_has_alone() {
    with_both_storages(|db| {
        let keys = (0..400u32).rev().map(|number| key(number).to_vec()).chain([Vec::new(), vec![1; 9]]);
        let keys = keys.collect::<Vec<_>>();
        write(&db, |txn| {
            let [empty, inline, large] =
                [b"a", b"b", b"c"].map(|name| txn.create_bucket(ROOT, name).unwrap());
            txn.put(inline, &key(7), b"seven").unwrap();
            assert!(get_many(txn, empty, &keys).iter().all(Option::is_none));
            fill(txn, large, 0);
            assert_eq!(get_many(txn, large, &keys).iter().flatten().count(), 300);
        });
        write(&db, |txn| {
            let [empty, inline, large] = [b"a", b"b", b"c"].map(|name| txn.bucket(ROOT, name).unwrap());
            assert!(get_many(txn, empty, &keys).iter().all(Option::is_none));
            assert_eq!(get_many(txn, inline, &keys)[392].as_deref(), Some(&b"seven"[..]));
            // Some of the leaves are changed, the others are still those of the file.
            (100..120).for_each(|number| txn.delete(large, &key(number)).unwrap());
            txn.create_bucket(large, &key(300)).unwrap();
            assert_eq!(get_many(txn, large, &keys).iter().flatten().count(), 280);
        });
        let mut txn = db.begin_read().unwrap();
        let large = txn.bucket(ROOT, b"c").unwrap();
        let values = get_many(&txn, large, &keys);
        assert_eq!(values.iter().flatten().count(), 280);
        assert_eq!(values[100], Some(vec![299u32 as u8; LENS[4]]), "the key 299");
        assert_eq!(get_many(&txn, large, &[]), []);
        let refused = txn.get_many(large, &[&key(1), &key(2)], &mut [None]);
        assert!(matches!(refused, Err(Error::Argument(_))));
    });
}
