//! The registry of readers, the publishing of commits, closing and syncs side by side, in the orders in which threads can pass each
//! other: the library itself, built over shuttle's locks and atomic numbers (`src/txn/sync.rs`).
//!
//! `make test-shuttle` builds it so and runs it; in any other build this crate is empty. What is found is
//! printed as a schedule, which `shuttle::replay` takes. `INTERLEAVINGS=N` runs N of each kind.
#![cfg(all(shuttle, test))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod disk;

use std::path::Path;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use bolt::txn::sync::fault::{Fault, plant};
use bolt::{Db, Error, Options, ROOT, Txn, Wait};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use shuttle::{Config, FailurePersistence, Runner, thread};

/// Orders tried of each test, by each of the two ways to choose them.
const DEFAULT_COUNT: usize = 3000;
/// How many times an order departs from who would go on by priority.
const DEPTH: usize = 3;
const STACK_LEN: usize = 1 << 20;
const KEY_COUNT: u8 = 12;
const COMMIT_COUNT: u64 = 4;

/// A planted fault is there for the whole program, so one test runs at a time.
static ONE_AT_A_TIME: StdMutex<()> = StdMutex::new(());

/// How often closing came before a reader, and how often it was refused.
static CLOSED_FIRST: StdAtomicUsize = StdAtomicUsize::new(0);
static REFUSED: StdAtomicUsize = StdAtomicUsize::new(0);

fn count() -> usize {
    std::env::var("INTERLEAVINGS").ok().and_then(|count| count.parse().ok()).unwrap_or(DEFAULT_COUNT)
}

/// How often each outcome must be met at least.
fn count_least() -> usize {
    count() / 20
}

fn run(scheduler: impl Scheduler + 'static, case: fn()) {
    let mut config = Config::new();
    config.stack_size = STACK_LEN;
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(scheduler, config).run(case);
}

/// Runs `case` in many orders.
fn hold(case: fn()) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    plant(Fault::None);
    run(PctScheduler::new(DEPTH, count()), case);
    run(RandomScheduler::new(count()), case);
}

/// Whether one of the orders of `case` shows the fault.
fn is_found(fault: Fault, case: fn()) -> bool {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    plant(fault);
    let found = std::panic::catch_unwind(|| {
        run(PctScheduler::new(DEPTH, 10 * count()), case);
        run(RandomScheduler::new(10 * count()), case);
    });
    plant(Fault::None);
    found.is_err()
}

/// Every key has the number of its commit as its value, so that each commit replaces all pages. Without a map:
/// there a page that is used again is read as it is now.
fn database() -> Db {
    let options = Options {
        page_size: 1024,
        no_map: true,
        cache_len: 0,
        no_sync: true,
        bbolt_rules: true,
        ..Options::default()
    };
    let db = Db::in_memory(&options).unwrap();
    commit(&db, 0);
    db
}

fn commit(db: &Db, number: u64) {
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    for key in 0..KEY_COUNT {
        txn.put(ROOT, &[key], &[number as u8; 200]).unwrap();
    }
    txn.commit().unwrap();
}

/// The one commit that `txn` sees, looked at twice.
fn seen(txn: &Txn) -> u64 {
    let number = txn.get_with(ROOT, &[0], |value| value[0]).unwrap().unwrap();
    for _ in 0..2 {
        for key in 0..KEY_COUNT {
            let value = txn.get_with(ROOT, &[key], <[u8]>::to_vec).unwrap().unwrap();
            assert_eq!(value, [number; 200]);
            thread::yield_now();
        }
    }
    u64::from(number)
}

/// A writer commits one state after the other, and readers begin and end beside it.
fn readers_beside_a_writer() {
    let db = database();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (db, acknowledged) = (db.clone(), Arc::clone(&acknowledged));
            thread::spawn(move || {
                let mut newest = 0;
                for _ in 0..2 {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let txn = db.begin_read().unwrap();
                    let number = seen(&txn);
                    assert!(number >= before, "{before} was acknowledged, {number} is seen");
                    assert!(number >= newest, "{newest} was seen, and now {number}");
                    newest = number;
                }
            })
        })
        .collect();
    for number in 1..=COMMIT_COUNT {
        commit(&db, number);
        acknowledged.store(number, Ordering::SeqCst);
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(db.begin_read().map(|txn| seen(&txn)).unwrap(), COMMIT_COUNT);
    db.close().unwrap();
}

/// A sync by hand beside a commit, and the disk fails once.
fn syncs_side_by_side() {
    let disk = disk::FailingOnce::default();
    let options = Options { page_size: 1024, no_map: true, ..Options::default() };
    let db = Db::open_in(&disk, Path::new("db"), &options).unwrap();
    commit(&db, 0);
    let mut txn = db.begin_write(Wait::Forever).unwrap();
    txn.put(ROOT, &[0], &[1; 200]).unwrap();
    disk.fail_next_sync();
    let by_hand = {
        let db = db.clone();
        thread::spawn(move || db.sync())
    };
    let outcomes = [txn.commit(), by_hand.join().unwrap()];
    assert!(outcomes.iter().any(Result::is_err), "the disk has failed, and nobody was told");
    assert!(matches!(db.sync(), Err(Error::Poisoned(_))));
    db.close().unwrap();
}

/// A database is closed while readers begin.
fn closing_beside_readers() {
    let db = database();
    let open_count = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (db, open_count) = (db.clone(), Arc::clone(&open_count));
            thread::spawn(move || match db.begin_read() {
                Ok(txn) => {
                    open_count.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(seen(&txn), 0);
                    open_count.fetch_sub(1, Ordering::SeqCst);
                    drop(txn);
                    true
                }
                Err(Error::BadHandle(_)) => false,
                Err(other) => panic!("{other}"),
            })
        })
        .collect();
    let closed = db.close();
    if closed.is_ok() {
        assert_eq!(open_count.load(Ordering::SeqCst), 0, "it is closed, and a reader is open");
        assert!(matches!(db.begin_read().map(drop), Err(Error::BadHandle(_))));
    }
    let begun: Vec<bool> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    match closed {
        Ok(()) => {
            CLOSED_FIRST.fetch_add(usize::from(begun.contains(&false)), Ordering::Relaxed);
            assert!(matches!(db.close(), Err(Error::BadHandle(_))));
        }
        Err(Error::Busy(_)) => {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            assert!(begun.iter().all(|&begun| begun), "nobody closed it, and a reader was refused");
            db.close().unwrap();
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_reader_sees_one_commit_none_older_than_was_acknowledged_and_its_pages_stay() {
    hold(readers_beside_a_writer);
}

#[test]
fn a_database_is_closed_without_readers_or_not_at_all() {
    hold(closing_beside_readers);
    assert!([&CLOSED_FIRST, &REFUSED].iter().all(|count| count.load(Ordering::Relaxed) > count_least()));
}

#[test]
fn a_reader_that_looks_before_it_registers_is_found() {
    assert!(is_found(Fault::LooksFirst, readers_beside_a_writer));
}

#[test]
fn a_snapshot_that_is_told_before_it_is_shown_is_found() {
    assert!(is_found(Fault::TellsFirst, readers_beside_a_writer));
}

#[test]
fn closing_that_looks_for_readers_once_is_found() {
    assert!(is_found(Fault::LooksOnce, closing_beside_readers));
}

#[test]
fn after_a_failed_sync_nothing_is_synced_and_no_meta_page_written_whoever_was_about_to() {
    hold(syncs_side_by_side);
}

#[test]
fn syncs_that_wait_for_no_other_are_found() {
    assert!(is_found(Fault::SyncsAtOnce, syncs_side_by_side));
}
