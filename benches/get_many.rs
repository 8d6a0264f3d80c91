//! `bolt_get_many` of 64 random keys against 64 calls of `bolt_get`, on a warm file of a million keys.
//!
//! `cargo bench --bench get_many [KEYS]` prints both, by the C functions, and how many times as fast the
//! first is. Rounds of the two take turns, so that what else the machine does meets both. The time is that of
//! the thread on the processor, and the median round counts.
#![expect(unsafe_code, reason = "the functions of C are called as C calls them")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::ffi::c_void;
use std::hint::black_box;
use std::path::Path;
use std::ptr::{null, null_mut};

use bolt::ffi::bucket::{bolt_bucket, bolt_bucket_open, bolt_root};
use bolt::ffi::db::{bolt_close, bolt_open};
use bolt::ffi::error::BOLT_OK;
use bolt::ffi::kv::{bolt_get, bolt_get_many, bolt_slice};
use bolt::ffi::txn::{BOLT_READ, bolt_rollback, bolt_txn_begin};
use bolt::{Db, Options, ROOT, Wait};

const BATCH_LEN: usize = 64;
const BATCHES: usize = 500;
const ROUNDS: usize = 31;
const KEY_LEN: usize = 16;
const VALUE_LEN: usize = 100;

/// A number that depends on `index` alone and tells nothing of it (the finalizer of splitmix64).
fn mixed(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    key.copy_from_slice(format!("{:016x}", mixed(number)).as_bytes());
    key
}

/// A database with so many keys, in random order of their numbers.
fn fill(path: &Path, count: u64) {
    let db = Db::open(path, &Options { no_sync: true, ..Options::default() }).unwrap();
    let mut keys: Vec<[u8; KEY_LEN]> = (0..count).map(key).collect();
    keys.sort_unstable();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"b").unwrap();
    for key in &keys {
        txn.put(bucket, key, &[key[0]; VALUE_LEN]).unwrap();
    }
    txn.commit().unwrap();
    db.close().unwrap();
}

fn ok(code: i32) {
    assert_eq!(code, BOLT_OK);
}

/// The keys of a round's batches, one behind the other as a caller has them who has just made them.
fn batches(count: u64, round: usize) -> Vec<[u8; KEY_LEN]> {
    let pick = |index: usize| mixed((round * BATCHES * BATCH_LEN + index) as u64) % count;
    (0..BATCHES * BATCH_LEN).map(|index| key(pick(index))).collect()
}

fn slices(keys: &[[u8; KEY_LEN]]) -> Vec<bolt_slice> {
    keys.iter().map(|key| bolt_slice { data: key.as_ptr().cast(), len: KEY_LEN }).collect()
}

fn one_by_one(bucket: *mut bolt_bucket, keys: &[bolt_slice], values: &mut [bolt_slice]) {
    for (key, value) in keys.iter().zip(values) {
        // SAFETY: a good handle, a key, and places for pointer and length.
        ok(unsafe { bolt_get(bucket, key.data, key.len, &raw mut value.data, &raw mut value.len) });
    }
}

fn together(bucket: *mut bolt_bucket, keys: &[bolt_slice], values: &mut [bolt_slice]) {
    let mut found = 0;
    // SAFETY: a good handle, as many keys as said, and places for as many values.
    ok(unsafe { bolt_get_many(bucket, keys.as_ptr(), keys.len(), values.as_mut_ptr(), &raw mut found) });
    assert_eq!(found, keys.len());
}

/// How long this thread has been on the processor, in nanoseconds.
fn thread_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is this function's own and has the type that the call fills.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds for a batch, over a round of batches.
fn time(keys: &[bolt_slice], look: impl Fn(&[bolt_slice], &mut [bolt_slice])) -> f64 {
    let empty = bolt_slice { data: null(), len: 0 };
    let mut values = [empty; BATCH_LEN];
    let start = thread_time();
    for batch in keys.chunks(BATCH_LEN) {
        look(batch, &mut values);
        black_box(&values);
    }
    (thread_time() - start) / BATCHES as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("many.db");
    fill(&path, count);

    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let (mut db, mut txn, mut root, mut bucket) = (null_mut(), null_mut(), null_mut(), null_mut());
    // SAFETY: a path that ends with a zero, and a place for the handle.
    ok(unsafe { bolt_open(name.as_ptr(), null(), &raw mut db) });
    // SAFETY: a good handle and a place for the new one.
    ok(unsafe { bolt_txn_begin(db, BOLT_READ, &raw mut txn) });
    // SAFETY: a good handle and a place for the new one.
    ok(unsafe { bolt_root(txn, &raw mut root) });
    // SAFETY: a good handle, a name, and a place for the new one.
    ok(unsafe { bolt_bucket_open(root, b"b".as_ptr().cast::<c_void>(), 1, &raw mut bucket) });

    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let keys = [2 * round, 2 * round + 1].map(|round| batches(count, round));
        let single = time(&slices(&keys[0]), |keys, values| one_by_one(bucket, keys, values));
        let many = time(&slices(&keys[1]), |keys, values| together(bucket, keys, values));
        // The first round brings the file into memory.
        if round > 0 {
            times[0].push(single);
            times[1].push(many);
        }
    }
    let [single, many] = times.map(median);
    println!("{count} keys of {KEY_LEN} bytes, values of {VALUE_LEN}, warm; {BATCH_LEN} random keys:");
    println!("  {BATCH_LEN} x bolt_get    {:8.0} ns   {:6.1} ns a key", single, single / BATCH_LEN as f64);
    println!("  bolt_get_many    {:8.0} ns   {:6.1} ns a key", many, many / BATCH_LEN as f64);
    println!("  {:.2} times as fast", single / many);
    // SAFETY: a good handle.
    ok(unsafe { bolt_rollback(txn) });
    // SAFETY: a good handle.
    ok(unsafe { bolt_close(db) });
}
