//! Batches: many threads' updates in one commit, and what one member can do to the others (nothing).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use bolt::{Db, Error, Options, ROOT, Result, Txn, Wait, WriteList};
use common::faulty::{Call, Fault, FaultyNamespace};
use common::lint;
use common::sound::{close_sound_in, write};
use common::{assert_sound, entries};

const PATH: &str = "/a.db";
const THREADS: usize = 64;

fn options() -> Options {
    Options { lock_timeout: Some(Duration::ZERO), ..common::options() }
}

/// A database in memory with the bucket "b".
fn database() -> (FaultyNamespace, Db) {
    let names = FaultyNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &options()).unwrap();
    write(&db, |txn| assert_ne!(txn.create_bucket(ROOT, b"b").unwrap(), ROOT));
    (names, db)
}

fn put(txn: &mut Txn, key: &str) -> Result<()> {
    let bucket = txn.bucket(ROOT, b"b")?;
    txn.put(bucket, key.as_bytes(), b"v")
}

/// The keys of the bucket "b".
fn keys(db: &Db) -> Vec<String> {
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    entries(&txn, bucket, false).into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

/// Lets each of `count` threads run `call` at the same time, after they have queued up behind another writer,
/// so that they share a transaction as far as they can.
fn together(db: &Db, count: usize, call: impl Fn(usize) + Sync) {
    let writer = db.begin_write(Wait::Try).unwrap();
    std::thread::scope(|scope| {
        let call = &call;
        let begun = Arc::new(Barrier::new(count + 1));
        for number in 0..count {
            let begun = begun.clone();
            scope.spawn(move || {
                begun.wait();
                call(number);
            });
        }
        begun.wait();
        std::thread::sleep(Duration::from_millis(150));
        writer.rollback();
    });
}

/// A list that nobody is committing.
fn change(list: &mut Arc<WriteList>) -> &mut WriteList {
    Arc::get_mut(list).unwrap()
}

fn commits(db: &Db) -> u64 {
    db.stats(false).unwrap().commit_count
}

#[test]
fn what_64_threads_do_is_all_done_and_shares_few_commits() {
    let (names, db) = database();
    names.fail(|call| {
        if *call == Call::Sync {
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    });
    let (before, calls) = (commits(&db), 20);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let db = &db;
            scope.spawn(move || {
                for call in 0..calls {
                    let key = format!("{thread:02} {call:02}");
                    db.batch(|txn| put(txn, &key)).unwrap();
                    assert!(keys_contain(db, &key), "a call returns when its changes are seen");
                }
            });
        }
    });
    let shared = commits(&db) - before;
    assert!(shared <= (THREADS * calls / 8) as u64, "{shared} commits for {} calls", THREADS * calls);
    assert_eq!(keys(&db).len(), THREADS * calls);
    close_sound_in(&names, &db);
}

fn keys_contain(db: &Db, key: &str) -> bool {
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    txn.get(bucket, key.as_bytes()).unwrap().is_some()
}

#[test]
fn a_lone_caller_waits_for_nobody_and_its_function_runs_once() {
    let (names, db) = database();
    for number in 0..50 {
        let mut runs = 0;
        db.batch(|txn| {
            runs += 1;
            put(txn, &number.to_string())
        })
        .unwrap();
        assert_eq!(runs, 1);
    }
    assert_eq!(commits(&db), 51);
    close_sound_in(&names, &db);
}

#[test]
fn who_fails_is_run_again_alone_and_nobody_else_notices() {
    let (names, db) = database();
    let before = commits(&db);
    let runs: Vec<AtomicUsize> = (0..THREADS).map(|_| AtomicUsize::new(0)).collect();
    together(&db, THREADS, |number| {
        let done = db.batch(|txn| {
            runs[number].fetch_add(1, Ordering::Relaxed);
            put(txn, &format!("{number:02}"))?;
            if number % 5 == 0 { Err(Error::KeySize(number)) } else { Ok(()) }
        });
        match done {
            Err(Error::KeySize(size)) => assert!(size == number && number % 5 == 0),
            done => assert!(done.is_ok() && number % 5 != 0),
        }
    });
    for (number, runs) in runs.iter().enumerate() {
        assert_eq!(runs.load(Ordering::Relaxed), if number % 5 == 0 { 2 } else { 1 }, "{number}");
    }
    let expected: Vec<String> =
        (0..THREADS).filter(|number| number % 5 != 0).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys(&db), expected);
    assert!(commits(&db) - before <= 3);
    close_sound_in(&names, &db);
}

#[test]
fn who_succeeds_in_the_second_run_has_succeeded() {
    let (names, db) = database();
    together(&db, 8, |number| {
        let mut runs = 0;
        db.batch(|txn| {
            runs += 1;
            put(txn, &format!("{number} in run {runs}"))?;
            if number == 3 && runs == 1 { Err(Error::NotFound) } else { Ok(()) }
        })
        .unwrap();
    });
    let keys = keys(&db);
    assert_eq!(keys.len(), 8);
    assert!(keys.contains(&"3 in run 2".to_owned()) && !keys.contains(&"3 in run 1".to_owned()));
    close_sound_in(&names, &db);
}

#[test]
fn a_panic_comes_out_in_its_own_caller_with_its_payload_and_the_others_are_done() {
    let (names, db) = database();
    together(&db, THREADS, |number| {
        let done = catch_unwind(AssertUnwindSafe(|| {
            db.batch(|txn| {
                put(txn, &format!("{number:02}"))?;
                if number % 7 == 0 {
                    std::panic::panic_any(number);
                }
                Ok::<(), Error>(())
            })
        }));
        match done {
            Err(payload) => assert!(number % 7 == 0 && payload.downcast_ref() == Some(&number)),
            Ok(done) => assert!(done.is_ok() && number % 7 != 0),
        }
    });
    let expected: Vec<String> =
        (0..THREADS).filter(|number| number % 7 != 0).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys(&db), expected);
    db.batch(|txn| put(txn, "after")).unwrap();
    close_sound_in(&names, &db);
}

#[test]
fn when_a_transaction_is_given_up_its_members_run_again() {
    let (names, db) = database();
    let runs = Mutex::new(Vec::new());
    together(&db, 12, |number| {
        let done: Result<()> = db.batch_with(|mut txn| {
            runs.lock().unwrap().push(number);
            let put = put(&mut txn, &format!("{number:02}"));
            if number == 5 { (None, Err(Error::NotFound)) } else { (Some(txn), put) }
        });
        assert_eq!(done.is_err(), number == 5, "{number}: {done:?}");
    });
    let runs = runs.into_inner().unwrap();
    let count = |number: usize| runs.iter().filter(|&&run| run == number).count();
    assert_eq!(count(5), 2);
    assert!((0..12).all(|number| (1..=2).contains(&count(number))), "{runs:?}");
    assert_eq!(keys(&db).len(), 11);
    close_sound_in(&names, &db);
}

#[test]
fn who_is_too_large_for_the_file_does_not_make_the_others_fail() {
    let (names, db) = database();
    db.set_max_len(256 << 10);
    together(&db, 16, |number| {
        let len = if number == 7 { 300 << 10 } else { 100 };
        let done = db.batch(|txn| {
            let bucket = txn.bucket(ROOT, b"b")?;
            txn.put(bucket, format!("{number:02}").as_bytes(), &vec![1; len])
        });
        match done {
            Err(Error::Full(_)) => assert_eq!(number, 7),
            done => assert!(done.is_ok() && number != 7, "{number}: {done:?}"),
        }
    });
    assert_eq!(keys(&db).len(), 15);
    close_sound_in(&names, &db);
}

#[test]
fn when_the_disk_fails_every_member_is_told_and_nothing_is_seen() {
    for nth in [0, 1] {
        let (names, db) = database();
        let failures = Mutex::new(Vec::new());
        names.fail_nth(nth, Fault::Not(libc::EIO), |call| *call == Call::Sync);
        together(&db, 16, |number| {
            let error = db.batch(|txn| put(txn, &format!("{number:02}"))).unwrap_err();
            failures.lock().unwrap().push(error.code());
        });
        let failures = failures.into_inner().unwrap();
        let poisoned = bolt::error::code::POISONED;
        let first = if nth == 0 { libc::EIO } else { bolt::error::code::UNKNOWN };
        assert_eq!(failures.len(), 16);
        assert!(failures.contains(&first));
        assert!(failures.iter().all(|&code| code == first || code == poisoned), "{failures:?}");
        assert!(keys(&db).is_empty());
    }
}

#[test]
fn hooks_run_in_the_caller_s_own_thread_once_and_only_for_what_is_committed() {
    let (names, db) = database();
    let ran = Arc::new(Mutex::new(Vec::new()));
    together(&db, 24, |number| {
        let mut runs = 0;
        let done = db.batch(|txn| {
            runs += 1;
            put(txn, &format!("{number:02}"))?;
            for step in [1, 2] {
                let (ran, db, run) = (ran.clone(), db.clone(), runs);
                txn.on_commit(Box::new(move || {
                    assert!(keys_contain(&db, &format!("{number:02}")), "hooks run after the commit");
                    ran.lock().unwrap().push((number, run, step, std::thread::current().id()));
                }))?;
            }
            if number % 6 == 0 { Err(Error::NotFound) } else { Ok(()) }
        });
        assert_eq!(done.is_err(), number % 6 == 0);
        let own: Vec<_> = ran.lock().unwrap().iter().filter(|ran| ran.0 == number).copied().collect();
        let me = std::thread::current().id();
        let expected = if number % 6 == 0 { vec![] } else { vec![(number, 1, 1, me), (number, 1, 2, me)] };
        assert_eq!(own, expected, "{number}");
    });
    assert_eq!(ran.lock().unwrap().len(), 2 * 20);
    close_sound_in(&names, &db);
}

#[test]
fn hooks_and_listeners_may_themselves_use_batches() {
    let (names, db) = database();
    let heard = Arc::new(AtomicUsize::new(0));
    let (listening, count) = (db.clone(), heard.clone());
    db.set_log(
        bolt::Level::Debug,
        Some(Arc::new(move |_: bolt::Level, text: &str| {
            if text.contains("is committed") && count.fetch_add(1, Ordering::Relaxed) < 5 {
                listening.batch(|txn| put(txn, "from the listener")).unwrap();
            }
        })),
    );
    together(&db, 16, |number| {
        let nested = db.clone();
        db.batch(|txn| {
            let nested = nested.clone();
            txn.on_commit(Box::new(move || {
                nested.batch(|txn| put(txn, &format!("hook {number}"))).unwrap();
            }))?;
            put(txn, &format!("{number:02}"))
        })
        .unwrap();
    });
    assert_eq!(keys(&db).len(), 33);
    assert!(heard.load(Ordering::Relaxed) >= 5);
    db.set_log(bolt::Level::Error, None);
    close_sound_in(&names, &db);
}

#[test]
fn members_may_set_savepoints_of_their_own() {
    let (names, db) = database();
    together(&db, 16, |number| {
        db.batch(|txn| {
            put(txn, &format!("{number:02} kept"))?;
            let savepoint = txn.savepoint()?;
            put(txn, &format!("{number:02} given up"))?;
            txn.rollback_to(savepoint)?;
            if number % 2 == 0 { txn.release(savepoint) } else { Ok(()) }
        })
        .unwrap();
    });
    let keys = keys(&db);
    assert_eq!(keys.len(), 16);
    assert!(keys.iter().all(|key| key.ends_with("kept")));
    close_sound_in(&names, &db);
}

#[test]
fn no_more_calls_share_a_commit_than_are_allowed() {
    let (names, db) = database();
    for (limit, least) in [(1, 20), (7, 3)] {
        db.set_max_batch_len(limit);
        let before = commits(&db);
        together(&db, 20, |number| db.batch(|txn| put(txn, &format!("{limit} {number}"))).unwrap());
        let made = commits(&db) - before;
        assert!(made >= least, "{made} commits of at most {limit} calls for 20");
    }
    close_sound_in(&names, &db);
}

#[test]
fn callers_of_a_database_that_is_closed_or_only_read_are_told_so() {
    let (names, db) = database();
    db.close().unwrap();
    for _ in 0..2 {
        assert!(matches!(db.batch(|txn| put(txn, "late")), Err(Error::BadHandle(_))));
    }
    let reading = Options { read_only: true, ..options() };
    let db = lint::open_in(&names, Path::new(PATH), &reading).unwrap();
    for _ in 0..2 {
        assert!(matches!(db.batch(|txn| put(txn, "late")), Err(Error::ReadOnly)));
    }
}

#[test]
fn batches_and_plain_updates_take_turns() {
    let (names, db) = database();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let db = &db;
            scope.spawn(move || {
                for call in 0..50 {
                    let key = format!("{thread} {call}");
                    if thread % 2 == 0 {
                        db.batch(|txn| put(txn, &key)).unwrap();
                    } else {
                        db.update(|txn| put(txn, &key)).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(keys(&db).len(), 400);
    close_sound_in(&names, &db);
}

/// What one of many does in the tests of jobs.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Deed {
    Put,
    Fail,
    Panic,
    GiveUp,
}

fn deed(number: usize) -> Deed {
    match number % 8 {
        3 => Deed::Fail,
        5 if number > 32 => Deed::Panic,
        6 if number > 48 => Deed::GiveUp,
        _ => Deed::Put,
    }
}

fn do_deed(mut txn: Txn, number: usize) -> (Option<Txn>, Result<()>) {
    let done = put(&mut txn, &format!("{number:02}"));
    match deed(number) {
        Deed::Put => (Some(txn), done),
        Deed::Fail => (Some(txn), Err(Error::KeySize(number))),
        Deed::Panic => std::panic::panic_any(number),
        Deed::GiveUp => (None, Err(Error::KeySize(number))),
    }
}

#[test]
fn jobs_and_functions_of_a_thread_share_transactions_and_fail_each_for_itself() {
    let (names, db) = database();
    let here = Arc::new(AtomicUsize::new(0));
    together(&db, THREADS, |number| {
        let (caller, count) = (std::thread::current().id(), here.clone());
        let done = catch_unwind(AssertUnwindSafe(|| match number % 3 {
            0 => db.batch_with(|txn| {
                assert_eq!(std::thread::current().id(), caller, "such a function is bound to its thread");
                do_deed(txn, number)
            }),
            _ => db.batch_job(move |txn| {
                let is_here = std::thread::current().id() == caller;
                count.fetch_add(usize::from(is_here), Ordering::Relaxed);
                do_deed(txn, number)
            }),
        }));
        match (deed(number), done) {
            (Deed::Put, Ok(Ok(()))) => {}
            (Deed::Fail | Deed::GiveUp, Ok(Err(Error::KeySize(own)))) => assert_eq!(own, number),
            (Deed::Panic, Err(payload)) => assert_eq!(payload.downcast_ref(), Some(&number)),
            (deed, done) => panic!("{number}: {deed:?} came to {done:?}"),
        }
    });
    let expected: Vec<String> = (0..THREADS)
        .filter(|&number| deed(number) == Deed::Put)
        .map(|number| format!("{number:02}"))
        .collect();
    assert_eq!(keys(&db), expected);
    assert!(here.load(Ordering::Relaxed) < THREADS, "other threads do jobs, too");
    close_sound_in(&names, &db);
}

#[test]
fn hooks_of_a_job_run_in_the_thread_of_its_call() {
    let (names, db) = database();
    let ran = Arc::new(Mutex::new(Vec::new()));
    together(&db, 24, |number| {
        let hooks = ran.clone();
        db.batch_job::<Error>(move |mut txn| {
            let hooks = hooks.clone();
            let hook = Box::new(move || hooks.lock().unwrap().push((number, std::thread::current().id())));
            let done = put(&mut txn, &format!("{number:02}")).and_then(|()| txn.on_commit(hook));
            (Some(txn), done)
        })
        .unwrap();
        let own: Vec<_> = ran.lock().unwrap().iter().filter(|ran| ran.0 == number).copied().collect();
        assert_eq!(own, [(number, std::thread::current().id())]);
    });
    assert_eq!(keys(&db).len(), 24);
    close_sound_in(&names, &db);
}

#[test]
fn a_list_of_writes_is_done_in_its_order_or_not_at_all() {
    let (names, db) = database();
    let mut list = Arc::new(WriteList::new());
    change(&mut list).put(&[b"b"], b"one", b"1").unwrap();
    change(&mut list).put(&[b"b"], b"two", b"2").unwrap();
    change(&mut list).delete(&[b"b"], b"one").unwrap();
    change(&mut list).put(&[b"b"], b"two", b"22").unwrap();
    change(&mut list).delete(&[b"b"], b"never there").unwrap();
    change(&mut list).put(&[], b"a key of the root", b"r").unwrap();
    assert_eq!(list.len(), 6);
    db.write(&list, false).unwrap();
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    assert_eq!(txn.get(bucket, b"one").unwrap(), None);
    assert_eq!(txn.get(bucket, b"two").unwrap(), Some(&b"22"[..]));
    assert_eq!(txn.get(ROOT, b"a key of the root").unwrap(), Some(&b"r"[..]));
    drop(txn);
    let before = commits(&db);
    change(&mut list).put(&[b"b"], b"three", b"3").unwrap();
    change(&mut list).put(&[b"missing"], b"k", b"v").unwrap();
    assert!(matches!(db.write(&list, false), Err(Error::NotFound)));
    assert!(!keys_contain(&db, "three"));
    change(&mut list).clear();
    assert!(list.is_empty());
    change(&mut list).put(&[b"b"], b"three", b"3").unwrap();
    change(&mut list).put(&[b"b", b"two"], b"k", b"v").unwrap();
    for with_buckets in [false, true] {
        assert!(matches!(db.write(&list, with_buckets), Err(Error::WrongType(_))));
    }
    assert!(!keys_contain(&db, "three"));
    change(&mut list).clear();
    db.write(&list, true).unwrap();
    assert_eq!(commits(&db), before);
    close_sound_in(&names, &db);
}

#[test]
fn a_list_makes_the_buckets_that_its_puts_need_and_none_for_its_deletes() {
    let (names, db) = database();
    let mut list = Arc::new(WriteList::new());
    change(&mut list).delete(&[b"for a delete"], b"k").unwrap();
    change(&mut list).put(&[b"x", b"y", b"z"], b"k", b"deep").unwrap();
    change(&mut list).put(&[b"x", b"y"], b"k", b"less deep").unwrap();
    change(&mut list).delete(&[b"x", b"y"], b"k").unwrap();
    change(&mut list).put(&[b"x", b"y", b"z"], b"l", b"deep again").unwrap();
    db.write(&list, true).unwrap();
    db.write(&list, true).unwrap();
    let mut txn = db.begin_read().unwrap();
    assert!(matches!(txn.bucket(ROOT, b"for a delete"), Err(Error::NotFound)));
    let [y, z] = [&[&b"x"[..], b"y"][..], &[b"x", b"y", b"z"]]
        .map(|path| path.iter().fold(ROOT, |parent, name| txn.bucket(parent, name).unwrap()));
    assert_eq!(txn.get(y, b"k").unwrap(), None);
    assert_eq!(txn.get(z, b"k").unwrap(), Some(&b"deep"[..]));
    assert_eq!(txn.get(z, b"l").unwrap(), Some(&b"deep again"[..]));
    drop(txn);
    close_sound_in(&names, &db);
}

#[test]
fn a_list_refuses_what_cannot_be_written_and_stays_as_it_was() {
    let mut list = Arc::new(WriteList::new());
    assert!(matches!(change(&mut list).put(&[b"b"], b"", b"v"), Err(Error::KeyRequired)));
    assert!(matches!(change(&mut list).put(&[b"b"], &[1; 32769], b"v"), Err(Error::KeySize(32769))));
    assert!(matches!(change(&mut list).put(&[b"b", b""], b"k", b"v"), Err(Error::NameRequired)));
    assert!(matches!(change(&mut list).delete(&[b""], b"k"), Err(Error::NameRequired)));
    assert!(list.is_empty());
    change(&mut list).put(&[b"b"], &[1; 32768], b"").unwrap();
    let (_, db) = database();
    db.write(&list, false).unwrap();
    assert_sound(&db);
}

#[test]
fn lists_of_many_threads_share_commits() {
    let (names, db) = database();
    let before = commits(&db);
    together(&db, THREADS, |number| {
        let mut list = Arc::new(WriteList::new());
        for key in 0..10 {
            change(&mut list).put(&[b"b"], format!("{number:02} {key}").as_bytes(), &[7; 100]).unwrap();
        }
        db.write(&list, false).unwrap();
    });
    assert_eq!(keys(&db).len(), 10 * THREADS);
    assert!(commits(&db) - before <= 3);
    close_sound_in(&names, &db);
}
