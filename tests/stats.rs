//! What is counted and told: statistics, open readers, slow ones, the log, pages; and the options that
//! concern memory, growth and strictness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::disallowed_types, reason = "a descriptor is what a test gives to the library")]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bolt::storage::Advice;
use bolt::storage::memory::MemoryNamespace;
use bolt::{Db, Error, FreelistMode, Level, Options, PageKind, ROOT, Wait};
use common::churn::churn;
use common::edit::Image;
use common::faulty::{Call, Fault, FaultyNamespace};
use common::lint;
use common::random::Random;
use common::sound::{close_sound_in, write};
use common::{dump, entries, open, raw};

const PATH: &str = "/a.db";

fn options() -> Options {
    Options { lock_timeout: Some(Duration::ZERO), ..Options::default() }
}

fn in_memory(options: &Options) -> (MemoryNamespace, Db) {
    let names = MemoryNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), options).unwrap();
    (names, db)
}

fn fill(db: &Db, count: u32) {
    write(db, |txn| {
        let bucket = txn.ensure_bucket(ROOT, b"b").unwrap();
        for number in 0..count {
            txn.put(bucket, &number.to_be_bytes(), &[1; 100]).unwrap();
        }
    });
}

#[test]
fn the_first_bucket_of_a_file_counts_as_in_bbolt() {
    let (_, db) = in_memory(&Options { bbolt_rules: true, page_size: 4096, ..options() });
    assert_eq!(db.stats(false).unwrap().free, None);
    write(&db, |txn| assert_ne!(txn.create_bucket(ROOT, b"widgets").unwrap(), ROOT));
    let stats = db.stats(false).unwrap();
    let free = stats.free.unwrap();
    assert_eq!((stats.txns.page_count, stats.txns.page_len), (2, 2 * 4096));
    assert_eq!((free.free_page_count, free.pending_page_count, free.list_len), (0, 2, 16 + 2 * 8));
    assert_eq!((stats.commit_count, stats.read_txn_count, stats.open_read_txn_count), (1, 0, 0));
}

#[test]
fn each_stage_of_a_commit_is_counted_and_timed() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { page_size: 1024, ..Options::default() };
    let db = lint::open(&directory.path().join("a.db"), &options).unwrap();
    fill(&db, 3000);
    let first = db.stats(false).unwrap().txns;
    assert!(first.split_count > 300 && first.node_count >= 2 && first.rebalance_count == 0, "{first:?}");
    assert!(first.page_count >= first.spill_count && first.spill_count > 300, "{first:?}");
    assert_eq!(first.page_len, first.page_count * 1024);
    assert!(first.write_count > 1 && first.write_count < first.page_count, "{first:?}");
    // Nothing of it is done in a nanosecond.
    assert!(first.spill_time > 1 && first.write_time > 1 && first.sync_time > 1 && first.meta_time > 1);
    write(&db, |txn| {
        let bucket = txn.bucket(ROOT, b"b").unwrap();
        for number in 0..2900_u32 {
            txn.delete(bucket, &number.to_be_bytes()).unwrap();
        }
    });
    let second = db.stats(false).unwrap();
    assert!(second.txns.rebalance_count > 300 && second.txns.rebalance_time > 0, "{:?}", second.txns);
    assert_eq!((second.txns.split_count, second.commit_count), (first.split_count, 2));
    assert!(second.free.unwrap().pending_page_count > 300);
}

#[test]
fn a_transaction_counts_for_itself_before_it_ends_and_for_the_database_after() {
    let (_, db) = in_memory(&options());
    fill(&db, 100);
    let before = db.stats(false).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    assert_eq!((txn.stats().node_count, txn.memory_len()), (0, 0));
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    txn.put(bucket, b"k", &[0; 5000]).unwrap();
    txn.cursor(bucket).unwrap();
    let own = txn.stats();
    assert!(own.node_count >= 1 && own.cursor_count == 1 && own.page_count == 0);
    assert!(txn.memory_len() > 5000);
    assert_eq!(db.stats(false).unwrap().txns, before.txns);
    txn.rollback();
    let after = db.stats(false).unwrap();
    assert_eq!(after.txns.node_count, before.txns.node_count + own.node_count);
    assert_eq!(after.txns.cursor_count, before.txns.cursor_count + 1);
    assert_eq!((after.txns.page_count, after.commit_count), (before.txns.page_count, before.commit_count));
}

#[test]
fn read_transactions_and_their_cursors_are_counted_from_every_thread() {
    let (_, db) = in_memory(&options());
    fill(&db, 10);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let mut txn = db.begin_read().unwrap();
                    let bucket = txn.bucket(ROOT, b"b").unwrap();
                    for _ in 0..3 {
                        txn.cursor(bucket).unwrap();
                    }
                    txn.reset().unwrap();
                    txn.renew().unwrap();
                }
            });
        }
    });
    let open = [db.begin_read().unwrap(), db.begin_read().unwrap()];
    let stats = db.stats(false).unwrap();
    assert_eq!(stats.read_txn_count, 2 * 2000 + 2);
    assert_eq!(stats.txns.cursor_count, 3 * 2000);
    assert_eq!(stats.open_read_txn_count, 2);
    drop(open);
    assert_eq!(db.stats(false).unwrap().open_read_txn_count, 0);
}

#[test]
fn readers_are_listed_with_their_age_and_what_they_hold_back() {
    let (_, db) = in_memory(&Options { page_size: 1024, ..options() });
    fill(&db, 500);
    assert!(db.readers().unwrap().is_empty());
    let first = db.begin_read().unwrap();
    fill(&db, 500);
    fill(&db, 500);
    let second = db.begin_read().unwrap();
    fill(&db, 500);
    fill(&db, 500);
    std::thread::sleep(Duration::from_millis(40));
    let newest = db.begin_read().unwrap();
    let readers = db.readers().unwrap();
    assert_eq!(
        readers.iter().map(|reader| reader.txid).collect::<Vec<_>>(),
        [first.id(), second.id(), newest.id()]
    );
    assert!(readers[0].age >= readers[1].age && readers[1].age >= Duration::from_millis(20), "{readers:?}");
    assert!(readers[2].age < readers[1].age && readers[2].age < Duration::from_millis(30), "{readers:?}");
    let held = [readers[0].held_len, readers[1].held_len, readers[2].held_len];
    assert!(held[0] > held[1] && held[1] > 50 * 1024 && held[2] == 0, "{held:?}");
    let stats = db.stats(false).unwrap();
    assert_eq!(stats.oldest_reader.map(|reader| (reader.txid, reader.held_len)), Some((first.id(), held[0])));
    drop(first);
    assert_eq!(db.readers().unwrap()[0].held_len, held[1]);
    drop((second, newest));
    let pages = |db: &Db| db.stats(false).unwrap().free.unwrap();
    let before = pages(&db);
    drop(db.begin_write(Wait::Try).unwrap());
    let after = pages(&db);
    let released = (before.pending_page_count - after.pending_page_count) * 1024;
    assert_eq!(released, held[0], "what was said to be held back is what becomes free");
    assert_eq!(after.free_page_count, before.free_page_count + released / 1024);
}

#[test]
fn what_a_reader_holds_back_is_told_while_a_writer_is_open() {
    let (_, db) = in_memory(&Options { page_size: 1024, bbolt_rules: true, ..options() });
    fill(&db, 500);
    let reader = db.begin_read().unwrap();
    fill(&db, 500);
    let told = db.readers().unwrap();
    let writer = db.begin_write(Wait::Try).unwrap();
    assert_eq!(db.readers().unwrap()[0].held_len, told[0].held_len);
    assert!(told[0].held_len > 50 * 1024);
    drop((writer, reader));
    assert!(db.readers().unwrap().is_empty());
}

#[test]
fn a_slow_reader_is_reported_once_and_a_young_one_never() {
    let (_, db) = in_memory(&options());
    fill(&db, 100);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (listening, to) = (db.clone(), heard.clone());
    let listener = move |reader: &bolt::ReaderInfo| {
        to.lock().unwrap().push(*reader);
        write(&listening, |txn| txn.set_sequence(ROOT, 1).unwrap());
    };
    db.set_slow_reader_listener(Duration::from_millis(60), Some(Arc::new(listener)));
    let slow = db.begin_read().unwrap();
    fill(&db, 100);
    assert!(heard.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(100));
    let young = db.begin_read().unwrap();
    fill(&db, 100);
    fill(&db, 100);
    {
        let heard = heard.lock().unwrap();
        assert_eq!(heard.iter().map(|reader| reader.txid).collect::<Vec<_>>(), [slow.id()]);
        assert!(heard[0].age >= Duration::from_millis(60) && heard[0].held_len > 0, "{heard:?}");
    }
    drop(slow);
    std::thread::sleep(Duration::from_millis(100));
    db.begin_write(Wait::Try).unwrap().rollback();
    assert_eq!(heard.lock().unwrap().last().unwrap().txid, young.id());
    db.set_slow_reader_listener(Duration::ZERO, None);
    let late = db.begin_read().unwrap();
    fill(&db, 100);
    assert_eq!(heard.lock().unwrap().len(), 2);
    drop((young, late));
}

type Heard = Arc<Mutex<Vec<(Level, String)>>>;

fn listen(db: &Db, limit: Level) -> Heard {
    let heard = Heard::default();
    let to = heard.clone();
    db.set_log(
        limit,
        Some(Arc::new(move |level, text: &str| to.lock().unwrap().push((level, text.to_owned())))),
    );
    heard
}

fn take(heard: &Heard) -> Vec<(Level, String)> {
    std::mem::take(&mut heard.lock().unwrap())
}

#[test]
fn the_log_tells_of_opening_commits_and_closing_at_the_levels_asked_for() {
    let (names, db) = in_memory(&options());
    let heard = listen(&db, Level::Debug);
    let told = take(&heard);
    assert!(matches!(&told[..], [(Level::Info, text)] if text.contains("open at transaction 1")), "{told:?}");
    fill(&db, 100);
    let told = take(&heard);
    assert!(
        matches!(&told[..], [(Level::Debug, text)] if text.contains("transaction 2 is committed")),
        "{told:?}"
    );
    write(&db, |_| {});
    assert!(take(&heard).is_empty());
    db.set_max_len(20_000);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    txn.put(bucket, b"k", &[0; 100_000]).unwrap();
    assert!(matches!(txn.commit(), Err(Error::Full(_))));
    let told = take(&heard);
    assert!(
        matches!(&told[..], [(Level::Error, text)] if text.contains("transaction 3 is not committed")),
        "{told:?}"
    );
    let only_errors = listen(&db, Level::Error);
    db.set_max_len(0);
    fill(&db, 100);
    assert!(take(&only_errors).is_empty() && take(&heard).is_empty());
    let heard = listen(&db, Level::Info);
    close_sound_in(&names, &db);
    let told = take(&heard);
    assert!(matches!(&told[..], [(Level::Info, text)] if text == "closed"), "{told:?}");
}

#[test]
fn what_was_got_over_while_opening_is_told_to_the_first_listener() {
    let (names, db) = in_memory(&Options { freelist_mode: FreelistMode::Never, ..options() });
    fill(&db, 100);
    fill(&db, 100);
    db.close().unwrap();
    let mut bytes = names.to_vec(Path::new(PATH)).unwrap().unwrap();
    let (slot, _) = raw::newest(&bytes);
    raw::damage_meta(&mut bytes, slot);
    names.insert(Path::new(PATH), bytes).unwrap();
    let db = lint::open_in(&names, Path::new(PATH), &options()).unwrap();
    let heard = listen(&db, Level::Warning);
    let told = take(&heard);
    let expected = format!("meta page {slot} cannot be used");
    assert!(matches!(&told[..], [(Level::Warning, text)] if text.contains(&expected)), "{told:?}");
    let heard = listen(&db, Level::Info);
    assert!(take(&heard).is_empty(), "it is told once");
    fill(&db, 1);
    let told = take(&heard);
    assert!(matches!(&told[..], [(Level::Info, text)] if text.contains("no list of free pages")), "{told:?}");
    db.close().unwrap();
    names.insert(Path::new("/empty.db"), Vec::new()).unwrap();
    let db = lint::open_in(&names, Path::new("/empty.db"), &options()).unwrap();
    let told = take(&listen(&db, Level::Info));
    assert!(
        told.iter().any(|(level, text)| *level == Level::Warning && text.contains("begun afresh")),
        "{told:?}"
    );
}

#[test]
fn a_failed_sync_is_told_and_the_listener_may_use_the_database() {
    let names = FaultyNamespace::new();
    let db = lint::open_in(&names, Path::new(PATH), &Options { no_sync: false, ..options() }).unwrap();
    fill(&db, 10);
    let (heard, listening) = (Heard::default(), db.clone());
    let to = heard.clone();
    db.set_log(
        Level::Error,
        Some(Arc::new(move |level, text: &str| {
            let refused = listening.begin_write(Wait::Try);
            assert!(matches!(refused, Err(Error::Poisoned(_))), "the writer's place is free by then");
            assert!(dump(&mut listening.begin_read().unwrap()).len() > 10);
            to.lock().unwrap().push((level, text.to_owned()));
        })),
    );
    names.fail_first(Fault::Not(libc::EIO), |call| *call == Call::Sync);
    let before = db.stats(false).unwrap().txns;
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.create_bucket(ROOT, b"c").unwrap();
    assert_eq!(txn.commit().unwrap_err().code(), libc::EIO);
    let after = db.stats(false).unwrap().txns;
    assert_eq!(
        (after.page_count, after.page_len),
        (before.page_count, before.page_len),
        "they were given back"
    );
    let told = take(&heard);
    assert!(
        matches!(&told[..], [(_, first), (_, second)]
        if first.contains("refuses to write") && second.contains("is not committed")),
        "{told:?}"
    );
}

#[test]
fn hooks_run_in_order_after_the_commit_and_not_without_it() {
    let (_, db) = in_memory(&options());
    let ran = Arc::new(Mutex::new(Vec::new()));
    let hook = |number: u32| {
        let (ran, db) = (ran.clone(), db.clone());
        Box::new(move || {
            write(&db, |txn| txn.set_sequence(ROOT, u64::from(number)).unwrap());
            ran.lock().unwrap().push(number);
        })
    };
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.create_bucket(ROOT, b"b").unwrap();
    txn.on_commit(hook(1)).unwrap();
    let savepoint = txn.savepoint().unwrap();
    txn.on_commit(hook(2)).unwrap();
    txn.rollback_to(savepoint).unwrap();
    txn.on_commit(hook(3)).unwrap();
    txn.release(savepoint).unwrap();
    txn.commit().unwrap();
    assert_eq!(*ran.lock().unwrap(), [1, 3]);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.on_commit(hook(4)).unwrap();
    txn.rollback();
    db.set_max_len(1);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.put(ROOT, b"too large", &[0; 30_000]).unwrap();
    txn.on_commit(hook(5)).unwrap();
    assert!(txn.commit().is_err());
    assert_eq!(*ran.lock().unwrap(), [1, 3]);
    let refused = db.begin_read().unwrap().on_commit(hook(6));
    assert!(matches!(refused, Err(Error::NotWritable)));
}

#[test]
fn every_page_is_what_the_file_says() {
    for mode in [FreelistMode::EachCommit, FreelistMode::Never] {
        let (names, db) = in_memory(&Options { page_size: 1024, freelist_mode: mode, ..options() });
        let mut random = Random::new(5);
        for _ in 0..30 {
            write(&db, |txn| churn(txn, &mut random));
        }
        let bytes = names.to_vec(Path::new(PATH)).unwrap().unwrap();
        let pages = raw::assert_sound_file(&bytes);
        let image = Image::new(bytes);
        let meta = image.meta();
        let mut readers = [db.begin_read().unwrap(), db.begin_read().unwrap()];
        write(&db, |txn| churn(txn, &mut random));
        let mut kinds = std::collections::BTreeMap::<_, u64>::new();
        for id in 0..meta.high_water {
            let page = readers[0].page_info(id).unwrap().unwrap();
            let expected = if id < 2 {
                PageKind::Meta
            } else if id == meta.freelist {
                PageKind::Freelist
            } else if !pages.sees(id) {
                PageKind::Free
            } else {
                match image.kind(id) {
                    1 => PageKind::Branch,
                    2 => PageKind::Leaf,
                    _ => PageKind::Unknown,
                }
            };
            *kinds.entry(format!("{:?}", page.kind)).or_default() += 1;
            if id >= 2 && page.kind != PageKind::Unknown {
                assert_eq!(page.kind, expected, "page {id}");
            }
            if id >= 2 {
                assert_eq!(page.element_count as usize, image.count(id), "page {id}");
                assert_eq!(page.overflow_count, image.overflow(id), "page {id}");
            }
            assert_eq!(page.id, id);
        }
        assert!(["Branch", "Leaf", "Free", "Meta"].iter().all(|kind| kinds.contains_key(*kind)), "{kinds:?}");
        for id in [meta.high_water, meta.high_water + 1, u64::MAX] {
            assert_eq!(readers[1].page_info(id).unwrap(), None);
        }
        readers[1].reset().unwrap();
        assert!(matches!(readers[1].page_info(3), Err(Error::BadHandle(_))));
    }
}

#[test]
fn a_writer_sees_the_free_pages_with_which_it_began() {
    let (_, db) = in_memory(&Options { page_size: 1024, ..options() });
    fill(&db, 300);
    fill(&db, 300);
    let high_water = db.info().unwrap().high_water;
    let mut writer = db.begin_write(Wait::Try).unwrap();
    let mut reader = db.begin_read().unwrap();
    let mut free = 0;
    for id in 0..high_water {
        let page = writer.page_info(id).unwrap();
        assert_eq!(page, reader.page_info(id).unwrap());
        free += u64::from(page.unwrap().kind == PageKind::Free);
    }
    let told = db.stats(false).unwrap().free.unwrap();
    assert_eq!(free, told.free_page_count + told.pending_page_count);
}

#[test]
fn a_read_only_database_tells_pages_only_where_the_free_ones_were_loaded() {
    let (names, db) = in_memory(&Options { page_size: 1024, ..options() });
    fill(&db, 300);
    fill(&db, 300);
    let expected: Vec<_> = (0..20).map(|id| db.begin_read().unwrap().page_info(id).unwrap()).collect();
    db.close().unwrap();
    let reading = Options { read_only: true, ..options() };
    let db = lint::open_in(&names, Path::new(PATH), &reading).unwrap();
    let mut txn = db.begin_read().unwrap();
    assert!(matches!(txn.page_info(3), Err(Error::FreePagesNotLoaded)));
    assert_eq!(txn.page_info(1 << 40).unwrap(), None);
    assert_eq!(db.stats(false).unwrap().free, None);
    drop(txn);
    db.close().unwrap();
    let db = lint::open_in(&names, Path::new(PATH), &Options { load_free_pages: true, ..reading }).unwrap();
    let told: Vec<_> = (0..20).map(|id| db.begin_read().unwrap().page_info(id).unwrap()).collect();
    let kinds =
        |pages: &[Option<bolt::PageInfo>]| pages.iter().map(|page| page.unwrap().kind).collect::<Vec<_>>();
    assert_eq!(kinds(&told)[4..], kinds(&expected)[4..]);
    assert!(db.stats(false).unwrap().free.unwrap().free_page_count > 0);
}

#[test]
fn a_damaged_freelist_fails_the_opening_that_loads_it() {
    let (names, db) = in_memory(&Options { page_size: 1024, ..options() });
    fill(&db, 300);
    db.close().unwrap();
    let mut image = Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap());
    let list = image.meta().freelist;
    image.set_u16(list, 8, 2);
    names.insert(Path::new(PATH), image.bytes.clone()).unwrap();
    for read_only in [false, true] {
        let wanted = Options { load_free_pages: true, read_only, ..options() };
        assert!(matches!(lint::open_in(&names, Path::new(PATH), &wanted), Err(Error::Corrupt { .. })));
    }
    drop(lint::open_in(&names, Path::new(PATH), &options()).unwrap());
}

#[test]
fn a_strict_database_commits_nothing_onto_a_state_that_is_not_sound() {
    for mode in [FreelistMode::EachCommit, FreelistMode::Never] {
        let (names, db) = in_memory(&Options { page_size: 1024, ..options() });
        db.set_strict(true);
        let mut random = Random::new(6);
        for _ in 0..20 {
            write(&db, |txn| churn(txn, &mut random));
        }
        fill(&db, 300);
        db.close().unwrap();
        let mut image = Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap());
        let leaves = image.leaves(image.bucket_root(&["b"]));
        let keys = [1, 2].map(|index| image.key(leaves[2], index).to_vec());
        image.key_mut(leaves[2], 1).copy_from_slice(&keys[1]);
        image.key_mut(leaves[2], 2).copy_from_slice(&keys[0]);
        names.insert(Path::new(PATH), image.bytes.clone()).unwrap();
        let strict = Options { strict: true, freelist_mode: mode, ..options() };
        let db = Db::open_in(&names, Path::new(PATH), &strict).unwrap();
        let buckets = || entries(&db.begin_read().unwrap(), ROOT, false).len();
        let before = buckets();
        for _ in 0..2 {
            let mut txn = db.begin_write(Wait::Try).unwrap();
            txn.create_bucket(ROOT, b"elsewhere").unwrap();
            let refused = txn.commit();
            assert!(matches!(refused, Err(Error::Corrupt { page, .. }) if page == leaves[2]), "{refused:?}");
            assert_eq!(buckets(), before);
        }
        db.set_strict(false);
        write(&db, |txn| assert_ne!(txn.create_bucket(ROOT, b"elsewhere").unwrap(), ROOT));
        assert_eq!(buckets(), before + 1);
    }
}

#[test]
fn a_strict_database_sees_pages_that_nobody_has() {
    let (names, db) = in_memory(&Options { page_size: 1024, ..options() });
    fill(&db, 300);
    fill(&db, 300);
    db.close().unwrap();
    let mut image = Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap());
    let lost = *image.free_ids().last().unwrap();
    let (list, count) = (image.meta().freelist, image.count(image.meta().freelist));
    image.set_u16(list, 10, count as u16 - 1);
    names.insert(Path::new(PATH), image.bytes.clone()).unwrap();
    for mode in [FreelistMode::EachCommit, FreelistMode::Never] {
        let strict = Options { strict: true, freelist_mode: mode, ..options() };
        let db = Db::open_in(&names, Path::new(PATH), &strict).unwrap();
        let mut txn = db.begin_write(Wait::Try).unwrap();
        txn.create_bucket(ROOT, b"elsewhere").unwrap();
        assert!(matches!(txn.commit(), Err(Error::Corrupt { page, .. }) if page == lost));
        db.close().unwrap();
    }
}

#[test]
fn the_file_grows_by_no_more_room_than_is_allowed() {
    for (room, most) in [(0, 0), (8192, 8192 + 4096), (16 << 20, 16 << 20)] {
        let (_, db) = in_memory(&Options { page_size: 4096, room_max: room, ..options() });
        for count in [10, 1000, 20_000] {
            fill(&db, count);
            let info = db.info().unwrap();
            let unused = info.file_len - info.high_water * 4096;
            assert!(unused <= most, "{unused} bytes of room where {room} are allowed");
        }
        db.set_room_max(0);
        fill(&db, 40_000);
        let info = db.info().unwrap();
        assert_eq!(info.file_len, info.high_water * 4096);
    }
}

#[test]
fn the_file_may_be_as_long_as_its_limit_and_no_longer() {
    let options = Options { page_size: 1024, freelist_mode: FreelistMode::Never, ..options() };
    let needed = {
        let (_, db) = in_memory(&options);
        fill(&db, 100);
        db.info().unwrap().high_water * 1024
    };
    let (names, db) = in_memory(&Options { max_len: needed, ..options.clone() });
    fill(&db, 100);
    assert_eq!(db.info().unwrap().file_len, needed);
    close_sound_in(&names, &db);
    let (names, db) = in_memory(&Options { max_len: needed - 1, ..options });
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"b").unwrap();
    for number in 0..100_u32 {
        txn.put(bucket, &number.to_be_bytes(), &[1; 100]).unwrap();
    }
    assert!(matches!(txn.commit(), Err(Error::Full(limit)) if limit == needed - 1));
    fill(&db, 90);
    close_sound_in(&names, &db);
}

#[test]
fn the_pages_of_a_commit_lie_side_by_side_where_free_ones_do() {
    let write_count = |bbolt_rules| {
        let (names, db) = in_memory(&Options { page_size: 1024, bbolt_rules, ..options() });
        let change = |step: usize, count: usize| {
            write(&db, |txn| {
                let bucket = txn.bucket(ROOT, b"b").unwrap();
                for number in (0..count as u32).step_by(step) {
                    txn.put(bucket, &number.to_be_bytes(), &[2; 100]).unwrap();
                }
            });
        };
        fill(&db, 1000);
        write(&db, |txn| {
            let large = txn.create_bucket(ROOT, b"large").unwrap();
            (0..12).for_each(|key| txn.put(large, &[key], &[3; 10 << 10]).unwrap());
        });
        // Pages here and there become free, and behind them some times eleven in a row.
        change(50, 1000);
        write(&db, |txn| {
            let large = txn.bucket(ROOT, b"large").unwrap();
            (0..12).step_by(2).for_each(|key| txn.delete(large, &[key]).unwrap());
        });
        change(1000, 1);
        change(1000, 1);
        let before = db.stats(false).unwrap().txns.write_count;
        change(1, 120);
        let write_count = db.stats(false).unwrap().txns.write_count - before;
        close_sound_in(&names, &db);
        write_count
    };
    let (together, by_rules) = (write_count(false), write_count(true));
    assert!(together * 2 < by_rules, "{together} writes, {by_rules} by bbolt's rules");
}

/// The writes since the log was asked last, each as where it begins and how long it is.
fn writes(names: &FaultyNamespace) -> Vec<(u64, u64)> {
    let is_write = |call| if let Call::Write { offset, len } = call { Some((offset, len)) } else { None };
    names.take_log().into_iter().filter_map(is_write).collect()
}

#[test]
fn neighbours_are_written_together_up_to_16_kib_and_each_write_is_counted() {
    for (page_size, bbolt_rules) in [(1024, false), (4096, false), (1024, true), (4096, true)] {
        let names = FaultyNamespace::new();
        let options = Options { page_size, bbolt_rules, ..options() };
        let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
        // The first commit writes the adopted meta once more.
        fill(&db, 1);
        let before = db.stats(false).unwrap().txns.write_count;
        names.take_log();
        write(&db, |txn| {
            let bucket = txn.ensure_bucket(ROOT, b"b").unwrap();
            for number in 0..3000_u32 {
                txn.put(bucket, &number.to_be_bytes(), &[1; 100]).unwrap();
            }
            let large = txn.create_bucket(ROOT, b"large").unwrap();
            txn.put(large, b"k", &[2; 40 << 10]).unwrap();
        });
        let written = writes(&names);
        assert_eq!(db.stats(false).unwrap().txns.write_count - before, written.len() as u64);
        let ((meta, meta_len), data) = written.split_last().unwrap();
        assert!(*meta <= u64::from(page_size) && data.is_sorted(), "{written:?}");
        assert_eq!(*meta_len, if bbolt_rules { u64::from(page_size) } else { 512 });
        let large_len = (40_u64 << 10) + u64::from(page_size);
        let lens: Vec<u64> = data.iter().map(|(_, len)| *len).collect();
        assert_eq!(lens.iter().filter(|&&len| len == large_len).count(), 1, "{lens:?}");
        assert!(lens.iter().all(|&len| len <= 16 << 10 || len == large_len), "{lens:?}");
        let full = lens.iter().filter(|&&len| len == 16 << 10).count();
        assert!(full > 16 && full + 8 > lens.len(), "{lens:?}");
        close_sound_in(&names, &db);
    }
}

#[test]
fn the_file_grows_seldom_and_by_a_32nd_of_its_length_at_most_or_32_kib() {
    let names = FaultyNamespace::new();
    let options = Options { page_size: 1024, ..options() };
    let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
    let mut growth_count = 0;
    for round in 1..=80 {
        fill(&db, round * 50);
        let info = db.info().unwrap();
        let unused = info.file_len - info.high_water * 1024;
        let step = (info.high_water * 1024 / 32).next_multiple_of(32 << 10) + (32 << 10);
        assert!(unused < step && info.file_len % (32 << 10) == 0, "{unused} bytes of {}", info.file_len);
        growth_count += names.take_log().iter().filter(|call| matches!(call, Call::Grow { .. })).count();
    }
    assert!(growth_count > 8 && growth_count < 40, "{growth_count}");
    close_sound_in(&names, &db);
}

/// A number in kB from /proc/self/status.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn memory_is_populated_locked_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = open(&path, 4096);
    fill(&db, 2000);
    db.close().unwrap();
    let len = std::fs::metadata(&path).unwrap().len();
    let db = lint::open(&path, &Options { populate: true, ..options() }).unwrap();
    let stats = db.stats(true).unwrap();
    assert_eq!(stats.resident_len, Some(len.next_multiple_of(4096)));
    assert!(stats.mapped_len >= len && db.stats(false).unwrap().resident_len.is_none());
    assert!(stats.private_len < 1 << 20, "{} bytes", stats.private_len);
    db.close().unwrap();
    let before = status("VmLck:");
    let db = lint::open(&path, &Options { lock_memory: true, ..options() }).unwrap();
    assert!(status("VmLck:") - before >= len / 1024);
    write(&db, |txn| {
        let bucket = txn.bucket(ROOT, b"b").unwrap();
        txn.put(bucket, b"large", &vec![3; 2 << 20]).unwrap();
    });
    assert!(status("VmLck:") - before >= (len + (2 << 20)) / 1024, "what the file gets later is locked, too");
    db.close().unwrap();
    assert_eq!(status("VmLck:"), before);
}

#[test]
fn a_database_in_memory_is_all_private() {
    let db = Db::in_memory(&Options::default()).unwrap();
    fill(&db, 20_000);
    let stats = db.stats(true).unwrap();
    let info = db.info().unwrap();
    assert_eq!((stats.mapped_len, stats.resident_len), (0, Some(0)));
    assert!(stats.private_len > info.high_water * 4096 && stats.private_len < 2 * info.file_len);
}

#[test]
fn advice_is_taken_by_files_and_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let file = open(&directory.path().join("a.db"), 4096);
    let memory = Db::in_memory(&Options::default()).unwrap();
    for db in [file, memory] {
        fill(&db, 1000);
        for advice in [Advice::Random, Advice::WillNeed, Advice::Sequential, Advice::Populate, Advice::Normal]
        {
            db.advise(advice).unwrap();
            assert_eq!(dump(&mut db.begin_read().unwrap()).len(), 1001);
        }
        db.close().unwrap();
        assert!(matches!(db.advise(Advice::Random), Err(Error::BadHandle(_))));
    }
}

#[test]
fn a_descriptor_must_be_open_for_what_is_wanted() {
    use std::os::fd::AsRawFd;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = open(&path, 4096);
    fill(&db, 100);
    db.close().unwrap();
    let reading = std::fs::OpenOptions::new().read(true).open(&path).unwrap();
    let refused = Db::from_descriptor(reading.as_raw_fd(), &options()).err().unwrap();
    assert_eq!(refused.code(), libc::EBADF);
    let wanted = Options { read_only: true, ..options() };
    let db = Db::from_descriptor(reading.as_raw_fd(), &wanted).unwrap();
    assert_eq!(dump(&mut db.begin_read().unwrap()).len(), 101);
    db.close().unwrap();
    let both = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let db = Db::from_descriptor(both.as_raw_fd(), &options()).unwrap();
    fill(&db, 200);
    db.close().unwrap();
    assert_eq!(dump(&mut open(&path, 4096).begin_read().unwrap()).len(), 201);
}
