//! `bolt_batch_update` against `bolt_update`: 64 threads and one thread, each call puts a value of 100 bytes
//! under a random key of 10,000, and waits for the disk.
//!
//! `cargo bench --bench batch [SECONDS [DIRECTORY]]` prints the completed calls of both in a second, and how
//! many times as many the first has. Rounds of the two take turns, so that what else the machine and its disk
//! do meets both; the median round counts. A database that never waits for its disk shows nothing here, so
//! DIRECTORY should not be in memory.
#![expect(unsafe_code, reason = "the functions of C are called as C calls them")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::ffi::{CString, c_int, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bolt::ffi::bucket::{bolt_bucket_open, bolt_root};
use bolt::ffi::db::{bolt_close, bolt_db, bolt_open};
use bolt::ffi::error::BOLT_OK;
use bolt::ffi::kv::bolt_put;
use bolt::ffi::managed::{bolt_batch_update, bolt_update};
use bolt::ffi::txn::bolt_txn;
use bolt::{Db, Options, ROOT, Wait};

const KEYS: u64 = 10_000;
const VALUE_LEN: usize = 100;
const ROUNDS: usize = 5;

/// A number that depends on `index` alone and tells nothing of it (the finalizer of splitmix64).
fn mixed(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(number: u64) -> String {
    format!("{:08}", number % KEYS)
}

fn fill(path: &Path) {
    let db = Db::open(path, &Options::default()).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"b").unwrap();
    for number in 0..KEYS {
        txn.put(bucket, key(number).as_bytes(), &[b'v'; VALUE_LEN]).unwrap();
    }
    txn.commit().unwrap();
    db.close().unwrap();
}

/// What both functions call: puts one value. `ctx` is the call's number.
unsafe extern "C-unwind" fn put_one(ctx: *mut c_void, txn: *mut bolt_txn) -> c_int {
    // SAFETY: the caller gave a number that lives through the call.
    let call = unsafe { *ctx.cast::<u64>() };
    let (key, value) = (key(mixed(call)), [call as u8; VALUE_LEN]);
    let (mut root, mut bucket) = (null_mut(), null_mut());
    // SAFETY: a transaction's handle, and a place for the bucket's.
    let mut code = unsafe { bolt_root(txn, &raw mut root) };
    if code == BOLT_OK {
        // SAFETY: a good handle, one byte, and a place for the handle.
        code = unsafe { bolt_bucket_open(root, c"b".as_ptr().cast(), 1, &raw mut bucket) };
    }
    if code == BOLT_OK {
        // SAFETY: a good handle, and bytes of the lengths given.
        code = unsafe { bolt_put(bucket, key.as_ptr().cast(), key.len(), value.as_ptr().cast(), VALUE_LEN) };
    }
    code
}

/// How many calls so many threads complete in a second.
fn rate(db: *mut bolt_db, threads: u64, batch: bool, time: Duration) -> f64 {
    let (address, count, stop) = (db.expose_provenance(), AtomicU64::new(0), AtomicBool::new(false));
    let work = |thread: u64| {
        let db = std::ptr::with_exposed_provenance_mut::<bolt_db>(address);
        let mut call = thread << 40;
        while !stop.load(Ordering::Relaxed) {
            let ctx = (&raw mut call).cast();
            let run = if batch { bolt_batch_update } else { bolt_update };
            // SAFETY: the database is open, the function takes such a context.
            let code = unsafe { run(db, Some(put_one), ctx) };
            assert_eq!(code, BOLT_OK);
            call += 1;
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    let began = Instant::now();
    std::thread::scope(|scope| {
        let work = &work;
        (0..threads).for_each(|thread| drop(scope.spawn(move || work(thread))));
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let time = Duration::from_secs_f64(args.next().map_or(1.0, |seconds| seconds.parse().unwrap()));
    let parent = args.next().map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(parent).unwrap();
    let path = directory.path().join("batch.db");
    fill(&path);
    let name = CString::new(path.to_str().unwrap()).unwrap();
    let mut db = null_mut();
    // SAFETY: a text, no options, a place for the handle.
    assert_eq!(unsafe { bolt_open(name.as_ptr(), null(), &raw mut db) }, BOLT_OK);
    println!("{KEYS} keys, values of {VALUE_LEN} bytes, calls a second (median of {ROUNDS} rounds):");
    for threads in [64, 1] {
        let (mut plain, mut shared) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(rate(db, threads, false, time));
            shared.push(rate(db, threads, true, time));
        }
        let (plain, shared) = (median(&mut plain), median(&mut shared));
        let times = shared / plain;
        println!(
            "{threads:2} threads: bolt_update {plain:.0}, bolt_batch_update {shared:.0}: {times:.2} times as many"
        );
    }
    // SAFETY: a good handle, and no transaction is open.
    assert_eq!(unsafe { bolt_close(db) }, BOLT_OK);
}
