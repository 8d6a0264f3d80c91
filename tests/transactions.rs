//! Transactions: snapshots, the writer's place, rollback, closing, and when freed pages are used again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bolt::storage::memory::MemoryNamespace;
use bolt::{BucketId, Cursor, Db, Error, FreelistMode, Options, ROOT, Severity, Txn, Wait};
use common::churn::churn;
use common::edit::findings_of;
use common::faulty::{Call, FaultyNamespace};
use common::lint;
use common::memory::{Memory, place};
use common::random::Random;
use common::raw;
use common::sound::{assert_sound_closed, close_sound, close_sound_in, write};
use common::{assert_sound, dump, entries, open};

const PATH: &str = "/a.db";
const LONG: Duration = Duration::from_secs(30);

/// What was called since this was asked last, but for reads where there is no map.
fn calls_beside_reading(names: &FaultyNamespace) -> Vec<Call> {
    let mut calls = names.take_log();
    calls.retain(|call| !common::is_without_map() || !matches!(call, Call::Read { .. }));
    calls
}

fn options() -> Options {
    Options { lock_timeout: Some(Duration::ZERO), ..common::options() }
}

/// A new database in memory.
fn in_memory(page_size: u32) -> (MemoryNamespace, Db) {
    let names = MemoryNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &Options { page_size, ..options() }).unwrap();
    (names, db)
}

/// Sets `key` of the bucket "bucket", which is made where it is missing.
fn put(txn: &mut Txn, key: &[u8], value: &[u8]) {
    let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
    txn.put(bucket, key, value).unwrap();
}

fn get(db: &Db, key: &[u8]) -> Option<Vec<u8>> {
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").ok()?;
    txn.get(bucket, key).unwrap().map(<[u8]>::to_vec)
}

#[test]
fn handles_pass_between_threads() {
    fn send<T: Send>() {}
    fn share<T: Sync>() {}
    send::<Db>();
    share::<Db>();
    send::<Txn>();
    send::<Cursor>();
    send::<BucketId>();
}

#[test]
fn a_reader_keeps_its_snapshot_while_the_file_grows_and_is_mapped_anew() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 4096);
    let mut random = Random::new(1);
    let memory = Memory::new();
    let mut readers = Vec::new();
    for step in 0..24u64 {
        let value = random.bytes(20_000 + 30_000 * step as usize);
        write(&db, |txn| {
            put(txn, b"fixed", &value);
            put(txn, format!("key {step}").as_bytes(), &value);
            put(txn, format!("small {step}").as_bytes(), &step.to_ne_bytes());
        });
        let mut txn = db.begin_read().unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        let found = txn.get(bucket, b"fixed").unwrap().unwrap();
        assert!(found == value);
        let at = place(found);
        let all = entries(&txn, bucket, false);
        readers.push((txn, at, value, all));
    }
    assert!(db.info().unwrap().file_len > 8 << 20, "the first map must have been too short");
    for (index, (txn, at, value, all)) in readers.iter_mut().enumerate() {
        memory.assert_unchanged(at, value);
        assert_eq!(all.len(), 1 + 2 * (index + 1));
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        assert!(entries(txn, bucket, true) == *all, "reader {index}");
        assert_eq!(place(txn.get(bucket, b"fixed").unwrap().unwrap()), *at);
    }
    readers.clear();
    close_sound(&db);
}

#[test]
fn neither_a_writer_nor_its_commit_blocks_a_reader_nor_a_reader_them() {
    let names = FaultyNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &Options { no_sync: false, ..options() }).unwrap();
    write(&db, |txn| put(txn, b"key", b"old"));
    let older = db.begin_read().unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    put(&mut txn, b"key", b"new");
    put(&mut txn, b"large", &[7; 300_000]);
    assert_eq!(get(&db, b"key").unwrap(), b"old");

    // The commit stands still in its first sync until the readers are through.
    let (reached, commit_reached) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let mut stops = Some((reached, may_go_on));
    names.fail(move |call| {
        if let Some((reached, may_go_on)) = stops.take_if(|_| *call == Call::Sync) {
            reached.send(()).unwrap();
            may_go_on.recv_timeout(LONG).unwrap();
        }
        None
    });
    std::thread::scope(|scope| {
        let committing = scope.spawn(|| txn.commit());
        commit_reached.recv_timeout(LONG).unwrap();
        assert_eq!(get(&db, b"key").unwrap(), b"old");
        assert!(matches!(db.begin_write(Wait::Try), Err(Error::Busy(_))));
        go_on.send(()).unwrap();
        committing.join().unwrap().unwrap();
    });
    assert_eq!(get(&db, b"key").unwrap(), b"new");
    drop(older);
    names.heal();
    close_sound_in(&names, &db);
}

#[test]
fn readers_in_threads_see_whole_commits_only_and_never_go_back() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("a.db"), 1024);
    let done = AtomicBool::new(false);
    let numbers = 60u32;
    let fill = |txn: &mut Txn, round: u64| {
        for number in 0..numbers {
            let value = [&round.to_ne_bytes()[..], &vec![round as u8; (round as usize * 7) % 400]].concat();
            put(txn, &number.to_be_bytes(), &value);
        }
    };
    write(&db, |txn| fill(txn, 0));
    let rounds_of = |txn: &mut Txn| -> Vec<u64> {
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        let values = entries(txn, bucket, false).into_iter().map(|(_, value)| value.unwrap());
        values.map(|value| raw::word(&value, 0)).collect()
    };
    std::thread::scope(|scope| {
        let read = || {
            let (mut count, mut last) = (0, (0, 0));
            let mut kept = db.begin_read().unwrap();
            while !done.load(Ordering::Relaxed) || count == 0 {
                let mut txn = db.begin_read().unwrap();
                let rounds = rounds_of(&mut txn);
                assert!(rounds.len() == numbers as usize && rounds.iter().all(|&round| round == rounds[0]));
                assert!((txn.id(), rounds[0]) >= last);
                last = (txn.id(), rounds[0]);
                if count % 16 == 0 {
                    let before = kept.id();
                    kept.renew().unwrap();
                    assert!(kept.id() >= before);
                }
                rounds_of(&mut kept);
                count += 1;
            }
            count
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        for round in 1..=300 {
            write(&db, |txn| fill(txn, round));
        }
        done.store(true, Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
    assert_eq!(rounds_of(&mut db.begin_read().unwrap()), vec![300; numbers as usize]);
    close_sound(&db);
}

#[test]
fn a_thousand_readers_are_open_at_once() {
    let (names, db) = in_memory(1024);
    let mut readers = Vec::new();
    for step in 0..1000u64 {
        if step % 100 == 0 {
            write(&db, |txn| put(txn, b"key", &step.to_ne_bytes()));
        }
        readers.push((db.begin_read().unwrap(), step / 100 * 100));
    }
    let info = db.info().unwrap();
    assert_eq!((info.reader_count, info.oldest_reader), (1000, Some(2)));
    for (txn, step) in &mut readers {
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&step.to_ne_bytes()[..]));
    }
    drop(readers);
    assert_eq!((db.info().unwrap().reader_count, db.info().unwrap().oldest_reader), (0, None));
    close_sound_in(&names, &db);
}

#[test]
fn the_writers_place_is_tried_or_waited_for_as_long_as_asked() {
    let (names, db) = in_memory(4096);
    let txn = db.begin_write(Wait::Try).unwrap();
    assert!(matches!(db.begin_write(Wait::Try), Err(Error::Busy(_))));
    for wait in [Duration::ZERO, Duration::from_millis(60)] {
        let start = Instant::now();
        assert!(matches!(db.begin_write(Wait::For(wait)), Err(Error::Timeout(_))));
        assert!(start.elapsed() >= wait && start.elapsed() < LONG);
    }
    std::thread::scope(|scope| {
        let waits = [Wait::Forever, Wait::For(LONG), Wait::For(Duration::MAX), Wait::Forever];
        let waiters: Vec<_> = waits
            .into_iter()
            .enumerate()
            .map(|(index, wait)| {
                let db = &db;
                scope.spawn(move || {
                    let mut txn = db.begin_write(wait).unwrap();
                    put(&mut txn, &[index as u8], b"");
                    // Half of them give up what they did.
                    if index % 2 == 0 { txn.commit().unwrap() } else { txn.rollback() }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(20));
        assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
        drop(txn);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    let present: Vec<bool> = (0..4u8).map(|index| get(&db, &[index]).is_some()).collect();
    assert_eq!(present, [true, false, true, false]);
    close_sound_in(&names, &db);
}

#[test]
fn whoever_waits_for_the_writers_place_learns_that_the_database_was_closed() {
    let (names, db) = in_memory(4096);
    std::thread::scope(|scope| {
        let txn = db.begin_write(Wait::Try).unwrap();
        let waiter = scope.spawn(|| db.begin_write(Wait::Forever).map(Txn::rollback));
        std::thread::sleep(Duration::from_millis(20));
        drop(txn);
        // The waiter may come first: then the database is busy until it has rolled back.
        while let Err(error) = db.close() {
            assert!(matches!(error, Error::Busy(_)), "{error}");
        }
        assert!(matches!(waiter.join().unwrap(), Ok(()) | Err(Error::BadHandle(_))));
    });
    assert!(matches!(db.begin_write(Wait::Forever), Err(Error::BadHandle(_))));
    assert_sound_closed(&names, Path::new(PATH));
}

#[test]
fn rollback_leaves_no_trace() {
    let names = FaultyNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &Options { page_size: 1024, ..options() }).unwrap();
    let mut random = Random::new(2);
    for _ in 0..6 {
        write(&db, |txn| churn(txn, &mut random));
    }
    let (bytes, before) = (names.bytes(Path::new(PATH)), dump(&mut db.begin_read().unwrap()));
    let free = |db: &Db| (db.info().unwrap().free_page_count, db.info().unwrap().pending_page_count);
    // The counts of the state in which the next writer begins.
    db.begin_write(Wait::Try).unwrap().rollback();
    let counts = free(&db);
    names.take_log();
    for round in 0..10 {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let id = txn.id();
        (0..5).for_each(|_| churn(&mut txn, &mut random));
        txn.create_bucket(ROOT, b"another").unwrap();
        assert!(dump(&mut txn) != before);
        if round % 2 == 0 {
            txn.rollback()
        } else {
            drop(txn)
        }
        assert_eq!(db.begin_write(Wait::Try).unwrap().id(), id);
        assert!(dump(&mut db.begin_read().unwrap()) == before);
        assert_eq!(free(&db), counts);
    }
    assert_eq!(calls_beside_reading(&names), []);
    assert!(names.bytes(Path::new(PATH)) == bytes);
    write(&db, |txn| churn(txn, &mut random));
    close_sound_in(&names, &db);
}

#[test]
fn a_transaction_begun_in_one_thread_is_committed_in_another() {
    let (names, db) = in_memory(4096);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    put(&mut txn, b"1", b"first thread");
    let txn = std::thread::spawn(move || {
        put(&mut txn, b"2", b"second thread");
        txn
    });
    let txn = txn.join().unwrap();
    std::thread::spawn(move || txn.commit().unwrap()).join().unwrap();
    let mut reader = db.begin_read().unwrap();
    let reader = std::thread::spawn(move || {
        assert_eq!(dump(&mut reader).len(), 3);
        reader
    });
    drop(reader.join().unwrap());
    close_sound_in(&names, &db);
}

#[test]
fn ids_count_commits() {
    let (names, db) = in_memory(4096);
    assert_eq!(db.begin_read().unwrap().id(), 1);
    for id in 2..6 {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        assert_eq!((txn.id(), txn.is_writable()), (id, true));
        put(&mut txn, b"key", b"value");
        txn.commit().unwrap();
        let txn = db.begin_read().unwrap();
        assert_eq!((txn.id(), txn.is_writable()), (id, false));
        assert_eq!(txn.len(), db.info().unwrap().high_water * 4096);
    }
    close_sound_in(&names, &db);
}

#[test]
fn a_reset_reader_holds_nothing_and_is_renewed_with_the_newest_snapshot() {
    let (names, db) = in_memory(1024);
    write(&db, |txn| put(txn, b"key", b"old"));
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    write(&db, |txn| put(txn, b"key", b"new"));
    assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&b"old"[..]));
    assert_eq!(db.info().unwrap().reader_count, 1);
    txn.reset().unwrap();
    txn.reset().unwrap();
    assert_eq!(db.info().unwrap().reader_count, 0);
    assert!(matches!(txn.get(bucket, b"key"), Err(Error::BadHandle(_))));
    assert!(matches!(txn.get(ROOT, b"key"), Err(Error::BadHandle(_))));
    assert!(matches!(txn.bucket(ROOT, b"bucket"), Err(Error::BadHandle(_))));
    assert!(matches!(txn.cursor(ROOT), Err(Error::BadHandle(_))));
    assert!(matches!(cursor.first(&txn), Err(Error::BadHandle(_))));
    assert!(!txn.is_writable());

    txn.renew().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&b"new"[..]));
    write(&db, |txn| put(txn, b"key", b"newer"));
    assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&b"new"[..]));
    txn.renew().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    assert_eq!(txn.get(bucket, b"key").unwrap(), Some(&b"newer"[..]));

    txn.reset().unwrap();
    assert!(matches!(txn.commit(), Err(Error::NotWritable)));
    let mut txn = db.begin_write(Wait::Try).unwrap();
    assert!(matches!(txn.reset(), Err(Error::Argument(_))));
    assert!(matches!(txn.renew(), Err(Error::Argument(_))));
    put(&mut txn, b"key", b"last");
    txn.commit().unwrap();
    let mut txn = db.begin_read().unwrap();
    txn.reset().unwrap();
    close_sound_in(&names, &db);
    assert!(matches!(txn.renew(), Err(Error::BadHandle(_))));
}

#[test]
fn what_was_opened_before_a_renewal_is_refused_after_it() {
    let (names, db) = in_memory(1024);
    write(&db, |txn| {
        let [one, two] = ["one", "two"].map(|name| txn.create_bucket(ROOT, name.as_bytes()).unwrap());
        txn.put(one, b"key", b"one").unwrap();
        txn.put(two, b"key", b"two").unwrap();
    });
    let mut txn = db.begin_read().unwrap();
    let one = txn.bucket(ROOT, b"one").unwrap();
    let mut cursors = [txn.cursor(one).unwrap(), txn.cursor(ROOT).unwrap()];
    cursors.iter_mut().for_each(|cursor| assert!(cursor.first(&txn).unwrap().is_some()));
    write(&db, |txn| txn.delete_bucket(ROOT, b"one").unwrap());
    txn.renew().unwrap();
    let two = txn.bucket(ROOT, b"two").unwrap();
    assert_ne!(one, two);
    assert!(matches!(txn.get(one, b"key"), Err(Error::BadHandle(_))));
    assert_eq!(txn.get(two, b"key").unwrap(), Some(&b"two"[..]));
    for cursor in &mut cursors {
        assert!(matches!(cursor.next(&txn), Err(Error::BadHandle(_))));
        assert!(matches!(cursor.first(&txn), Err(Error::BadHandle(_))));
    }
    drop(txn);
    close_sound_in(&names, &db);
}

#[test]
fn a_commit_of_nothing_writes_nothing() {
    let names = FaultyNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &options()).unwrap();
    write(&db, |txn| put(txn, b"key", b"value"));
    let bytes = names.bytes(Path::new(PATH));
    names.take_log();
    let nothings: [fn(&mut Txn); 5] = [
        |_| {},
        |txn| assert_eq!(txn.ensure_bucket(ROOT, b"bucket").unwrap().index(), 1),
        |txn| {
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            txn.delete(bucket, b"missing").unwrap();
        },
        |txn| assert!(matches!(txn.delete_bucket(ROOT, b"missing"), Err(Error::NotFound))),
        |txn| assert!(matches!(txn.create_bucket(ROOT, b"bucket"), Err(Error::Exists))),
    ];
    for nothing in nothings {
        write(&db, nothing);
    }
    assert_eq!(calls_beside_reading(&names), []);
    assert_eq!(db.info().unwrap().txid, 2);
    assert!(names.bytes(Path::new(PATH)) == bytes);
    close_sound_in(&names, &db);
}

#[test]
fn by_bbolts_rules_a_commit_of_nothing_is_one() {
    let names = MemoryNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &Options { bbolt_rules: true, ..options() }).unwrap();
    for txid in 2..8 {
        write(&db, |_| {});
        assert_eq!(db.info().unwrap().txid, txid);
        raw::assert_sound_file(&names.to_vec(Path::new(PATH)).unwrap().unwrap());
    }
    close_sound_in(&names, &db);
}

#[test]
fn a_commit_goes_data_sync_meta_sync() {
    let names = FaultyNamespace::new();
    let db =
        lint::open_in(&names, Path::new(PATH), &Options { page_size: 1024, no_sync: false, ..options() })
            .unwrap();
    names.take_log();
    for large in [100, 100_000, 5_000_000] {
        write(&db, |txn| put(txn, b"key", &vec![7; large]));
        let calls: Vec<Call> = names.take_log().into_iter().filter(Call::is_change).collect();
        let meta = |call: &Call| matches!(call, Call::Write { offset, .. } if *offset < 2048);
        let [data @ .., sync, last_but_one, last] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!((sync, last), (&Call::Sync, &Call::Sync), "{calls:?}");
        assert!(meta(last_but_one));
        assert!(
            data.iter().all(|call| matches!(call, Call::Write { .. } | Call::Grow { .. }) && !meta(call))
        );
        let first_write = data.iter().position(|call| matches!(call, Call::Write { .. })).unwrap();
        assert!(
            data[first_write..].iter().all(|call| matches!(call, Call::Write { .. })),
            "the file grows first"
        );
    }
    db.set_no_sync(true);
    write(&db, |txn| put(txn, b"key", b"value"));
    assert!(!names.take_log().contains(&Call::Sync));
    db.sync().unwrap();
    assert_eq!(names.take_log(), [Call::Sync]);
    close_sound_in(&names, &db);
}

#[test]
fn the_linter_that_watches_over_these_tests_sees_what_is_not_durable() {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, no_sync: true, ..common::options() };
    let db = lint::open_under(&names, Path::new(PATH), &options, lint::SYNCED).unwrap();
    let seen = std::panic::catch_unwind(AssertUnwindSafe(|| write(&db, |txn| put(txn, b"key", b"value"))));
    let text = seen.unwrap_err().downcast::<String>().unwrap();
    assert!(text.starts_with("R2: meta 2 written into slot "), "{text}");
    drop(db);
    assert_sound_closed(&names, Path::new(PATH));
}

#[test]
fn a_read_transaction_writes_nothing_and_is_ended_by_a_commit_too() {
    let (names, db) = in_memory(4096);
    write(&db, |txn| put(txn, b"key", b"value"));
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    cursor.first(&txn).unwrap();
    let refusals = [
        txn.put(bucket, b"key", b"x").err(),
        txn.put(bucket, b"", b"x").err(),
        txn.delete(bucket, b"key").err(),
        txn.create_bucket(ROOT, b"new").err(),
        txn.create_bucket(ROOT, b"").err(),
        txn.ensure_bucket(ROOT, b"bucket").err(),
        txn.delete_bucket(ROOT, b"bucket").err(),
        txn.set_sequence(bucket, 1).err(),
        txn.next_sequence(bucket).err(),
        txn.set_fill_percent(bucket, 0.5).err(),
        cursor.delete(&mut txn).err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(Error::NotWritable)), "{refusal:?}");
    }
    assert!(matches!(txn.commit(), Err(Error::NotWritable)));
    assert_eq!(db.info().unwrap().reader_count, 0);
    close_sound_in(&names, &db);
}

#[test]
fn closing_waits_for_no_one_and_ends_everything() {
    let (names, db) = in_memory(4096);
    write(&db, |txn| put(txn, b"key", b"value"));
    let other = db.clone();
    let mut reader = db.begin_read().unwrap();
    assert!(matches!(db.close(), Err(Error::Busy(_))));
    let mut writer = db.begin_write(Wait::Try).unwrap();
    drop(reader);
    assert!(matches!(other.close(), Err(Error::Busy(_))));
    // Nothing has happened: both go on.
    put(&mut writer, b"key", b"new");
    reader = db.begin_read().unwrap();
    writer.commit().unwrap();
    assert!(matches!(db.close(), Err(Error::Busy(_))));
    assert_eq!(dump(&mut reader).len(), 2);
    reader.rollback();
    assert_eq!(get(&db, b"key").unwrap(), b"new");
    assert_sound(&db);
    other.close().unwrap();
    for db in [&db, &other] {
        assert!(matches!(db.close(), Err(Error::BadHandle(_))));
        assert!(matches!(db.begin_read(), Err(Error::BadHandle(_))));
        assert!(matches!(db.begin_write(Wait::Forever), Err(Error::BadHandle(_))));
        assert!(matches!(db.info(), Err(Error::BadHandle(_))));
        assert!(matches!(db.page_size(), Err(Error::BadHandle(_))));
        assert!(matches!(db.sync(), Err(Error::BadHandle(_))));
    }
    assert_sound_closed(&names, Path::new(PATH));
}

#[test]
fn a_page_that_a_reader_sees_is_not_written_and_is_used_again_after_it() {
    let (names, db) = in_memory(1024);
    let bytes = || names.to_vec(Path::new(PATH)).unwrap().unwrap();
    let mut random = Random::new(3);
    (0..20).for_each(|_| write(&db, |txn| churn(txn, &mut random)));
    let mut readers = Vec::new();
    for step in 0..60 {
        if step % 8 == 0 {
            let mut txn = db.begin_read().unwrap();
            let lines = dump(&mut txn);
            let image = bytes();
            let pages = raw::assert_sound_file(&image).tree;
            readers.push((txn, lines, image, pages));
        }
        if step % 20 == 19 {
            readers.remove(1);
        }
        write(&db, |txn| churn(txn, &mut random));
        let now = bytes();
        raw::assert_sound_file(&now);
        for (txn, lines, image, pages) in &mut readers {
            let changed = pages.iter().find(|&&id| page(&now, id) != page(image, id));
            assert_eq!(changed, None, "step {step}, reader of {}", txn.id());
            assert!(dump(txn) == *lines, "step {step}, reader of {}", txn.id());
        }
    }
    let seen = readers[0].3.clone();
    readers.clear();
    let before = bytes();
    (0..30).for_each(|_| write(&db, |txn| churn(txn, &mut random)));
    let now = bytes();
    let used_again = seen.iter().filter(|&&id| page(&now, id) != page(&before, id)).count();
    assert!(used_again > seen.len() / 2, "{used_again} of {}", seen.len());
    close_sound_in(&names, &db);
}

fn page(bytes: &[u8], id: u64) -> &[u8] {
    &bytes[id as usize * 1024..][..1024]
}

#[test]
fn without_readers_the_file_stays_as_long_as_its_content_needs() {
    for mode in
        [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never]
    {
        let names = MemoryNamespace::new();
        let options = Options { page_size: 1024, freelist_mode: mode, ..options() };
        let mut db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
        let mut high_water = 0;
        for step in 0..200u64 {
            write(&db, |txn| put(txn, &(step % 40).to_be_bytes(), &vec![step as u8; 3000]));
            if step == 60 {
                high_water = db.info().unwrap().high_water;
            }
            if step % 25 == 24 {
                close_sound_in(&names, &db);
                db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
            }
        }
        let now = db.info().unwrap().high_water;
        assert!(now <= high_water + high_water / 8, "{mode:?}: {high_water} pages became {now}");
        close_sound_in(&names, &db);
    }
}

/// The contents that the commits had, by their ids.
type States = BTreeMap<u64, Vec<String>>;

/// Each meta that stands in the file leads to the sound state of its commit, alone as well.
fn assert_each_meta_leads_to_its_state(image: &[u8], states: &States, context: &str) {
    let metas = raw::metas(image);
    for slot in 0..2 {
        let Some(meta) = metas[slot] else { continue };
        raw::assert_sound_state(image, &meta);
        let mut alone = image.to_vec();
        if metas[1 - slot].is_some() {
            raw::damage_meta(&mut alone, 1 - slot);
        }
        let names = MemoryNamespace::new();
        names.insert(Path::new(PATH), alone).unwrap();
        let db = lint::open_in(&names, Path::new(PATH), &options()).unwrap();
        let mut txn = db.begin_read().unwrap();
        assert_eq!(txn.id(), meta.txid);
        assert!(dump(&mut txn) == states[&meta.txid], "{context}: the state of {}", meta.txid);
        drop(txn);
        let findings = findings_of(&db, Default::default());
        assert!(findings.iter().all(|found| found.severity == Severity::Warning), "{context}: {findings:?}");
        write(&db, |txn| put(txn, b"after", b"the loss"));
        close_sound_in(&names, &db);
    }
}

/// Rule R5: the loss of the newest meta, at any moment, leads back to the sound state of the commit before.
#[test]
fn the_older_meta_is_a_sound_fallback_at_every_moment() {
    for (seed, mode) in
        [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never]
            .into_iter()
            .enumerate()
    {
        let names = FaultyNamespace::new();
        let path = Path::new(PATH);
        let options = Options { page_size: 1024, freelist_mode: mode, no_sync: false, ..options() };
        let mut db = lint::open_in(&names, path, &options).unwrap();
        // The file before each sync and each write of a meta: all that the commit has written of its data is
        // there.
        let images = Arc::new(Mutex::new(Vec::new()));
        let (inner, taken) = (names.inner.clone(), images.clone());
        let mut states = States::from([(0, Vec::new()), (1, Vec::new())]);
        names.fail(move |call| {
            if matches!(call, Call::Sync) || matches!(call, Call::Write { offset, .. } if *offset < 2048) {
                taken.lock().unwrap().push(inner.to_vec(Path::new(PATH)).unwrap().unwrap());
            }
            None
        });
        let mut random = Random::new(seed as u64);
        let mut reader = None;
        for step in 0..26 {
            let mut txn = db.begin_write(Wait::Try).unwrap();
            let id = txn.id();
            churn(&mut txn, &mut random);
            states.insert(id, dump(&mut txn));
            txn.commit().unwrap();
            if step % 9 == 3 {
                reader = Some(db.begin_read().unwrap());
            }
            if step % 9 == 7 {
                reader = None;
            }
            if step % 6 == 5 && reader.is_none() {
                db.close().unwrap();
                // The list at close is a commit of its own.
                let closed = raw::newest(&names.bytes(path)).1.txid;
                states.insert(closed, states[&id].clone());
                db = lint::open_in(&names, path, &options).unwrap();
            }
            images.lock().unwrap().push(names.bytes(path));
            for image in std::mem::take(&mut *images.lock().unwrap()) {
                assert_each_meta_leads_to_its_state(&image, &states, &format!("{mode:?}, step {step}"));
            }
        }
        drop(reader);
        names.heal();
        close_sound_in(&names, &db);
    }
}
