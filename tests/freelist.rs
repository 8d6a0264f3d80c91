//! The list of free pages in the file: when it is written, how long it may be, and what a failed commit
//! leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use bolt::format::bytes::u16_at;
use bolt::format::{NO_FREELIST, freelist};
use bolt::{Db, Error, FreelistMode, Options, ROOT, Result, Txn, Wait};
use common::churn::churn;
use common::faulty::{Call, Fault, FaultyNamespace};
use common::lint;
use common::random::Random;
use common::raw;
use common::sound::{assert_sound_closed, close_sound_in, write};
use common::{assert_sound, dump};

use FreelistMode::{AtClose, Automatic, EachCommit, Never};

const PATH: &str = "/a.db";
const MODES: [FreelistMode; 4] = [Automatic, EachCommit, AtClose, Never];

/// A file in memory with pages of 1 KiB, its names, and whoever has it open.
struct Base {
    names: FaultyNamespace,
    db: Option<Db>,
    options: Options,
}

impl Base {
    fn new(freelist_mode: FreelistMode) -> Base {
        Base::open(FaultyNamespace::new(), freelist_mode)
    }

    fn of_file(bytes: Vec<u8>, freelist_mode: FreelistMode) -> Base {
        let names = FaultyNamespace::new();
        names.inner.insert(Path::new(PATH), bytes).unwrap();
        Base::open(names, freelist_mode)
    }

    fn open(names: FaultyNamespace, freelist_mode: FreelistMode) -> Base {
        let lock_timeout = Some(Duration::ZERO);
        let options = Options { page_size: 1024, freelist_mode, lock_timeout, ..common::options() };
        let mut base = Base { names, db: None, options };
        base.reopen();
        base
    }

    /// Opens the file, which nobody has open.
    fn reopen(&mut self) {
        self.db = Some(lint::open_in(&self.names, Path::new(PATH), &self.options).unwrap());
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        self.names.bytes(Path::new(PATH))
    }

    /// Whether the file has a list; in any case it is sound.
    fn has_list(&self) -> bool {
        let bytes = self.bytes();
        raw::assert_sound_file(&bytes);
        raw::newest(&bytes).1.freelist != NO_FREELIST
    }

    fn txid(&self) -> u64 {
        raw::newest(&self.bytes()).1.txid
    }

    fn dump(&self) -> Vec<String> {
        dump(&mut self.db().begin_read().unwrap())
    }

    fn close(&mut self) {
        close_sound_in(&self.names, self.db());
        self.db = None;
    }

    /// A commit of random changes, or how it fails.
    fn churn(&self, random: &mut Random) -> Result<()> {
        let mut txn = self.db().begin_write(Wait::Try)?;
        churn(&mut txn, random);
        txn.commit()
    }
}

fn put(txn: &mut Txn, number: u32, len: usize) {
    txn.put(ROOT, &number.to_be_bytes(), &vec![number as u8; len]).unwrap();
}

/// Frees some two hundred pages: more than a list of one page names.
fn free_many(db: &Db) {
    write(db, |txn| put(txn, 1, 200_000));
    write(db, |txn| put(txn, 1, 10));
}

#[test]
fn each_mode_writes_the_list_when_it_says() {
    for (mode, short, long, closed) in [
        (EachCommit, true, true, true),
        (Automatic, true, false, true),
        (AtClose, false, false, true),
        (Never, false, false, false),
    ] {
        let mut base = Base::new(mode);
        for _ in 0..3 {
            for number in 0..5 {
                write(base.db(), |txn| put(txn, number, 300));
                assert_eq!(base.has_list(), short, "{mode:?}");
            }
            base.close();
            assert_eq!(base.has_list(), closed, "{mode:?}");
            base.reopen();
        }
        for _ in 0..2 {
            free_many(base.db());
            assert_eq!(base.has_list(), long, "{mode:?}");
            write(base.db(), |txn| put(txn, 2, 20));
            assert_eq!(base.has_list(), long, "{mode:?}");
            base.close();
            assert_eq!(base.has_list(), closed, "{mode:?}");
            base.reopen();
        }
        // What was free is used: the list is short again.
        write(base.db(), |txn| put(txn, 3, 180_000));
        write(base.db(), |txn| put(txn, 4, 20));
        assert_eq!(base.has_list(), short, "{mode:?}");
        base.close();
    }
}

#[test]
fn the_automatic_list_is_written_up_to_one_page_exactly() {
    for free_count in 115..=140 {
        let mut base =
            Base::of_file(raw::file(1024, &[(b"key", b"value", false)], Some(free_count)), Automatic);
        write(base.db(), |txn| put(txn, 1, 10));
        let bytes = base.bytes();
        let tree_count = raw::assert_sound_file(&bytes).tree.len() as u64;
        // The list is measured before its own page leaves it.
        let named = raw::newest(&bytes).1.high_water - 2 - tree_count;
        assert_eq!(base.has_list(), freelist::encoded_len(named) < 1024, "{named} pages");
        base.close();
        assert!(base.has_list());
    }
}

#[test]
fn the_mode_can_be_changed_at_any_time() {
    let mut base = Base::new(Automatic);
    let mut random = Random::new(1);
    for step in 0..48usize {
        let mode = MODES[(step * 7 / 3) % 4];
        base.db().set_freelist_mode(mode);
        if step % 5 == 0 {
            free_many(base.db());
        }
        base.churn(&mut random).unwrap();
        match mode {
            EachCommit => assert!(base.has_list()),
            AtClose | Never => assert!(!base.has_list()),
            Automatic => assert!(base.has_list() || raw::assert_sound_file(&base.bytes()).tree.len() > 1),
        }
        if step % 6 == 5 {
            let had = base.has_list();
            base.close();
            assert_eq!(base.has_list(), had || mode != Never, "{mode:?}");
            base.reopen();
        }
    }
    base.close();
}

#[test]
fn the_list_at_close_is_a_commit_of_its_own_of_a_handle_that_has_committed() {
    for mode in [AtClose, Automatic] {
        let mut base = Base::new(mode);
        free_many(base.db());
        let (txid, lines, before) = (base.txid(), base.dump(), base.bytes());
        base.names.take_log();
        base.close();
        let after = base.bytes();
        assert_eq!(base.txid(), txid + 1, "{mode:?}");
        let calls: Vec<Call> = base.names.take_log().into_iter().filter(Call::is_change).collect();
        let order =
            matches!(calls[..], [Call::Write { .. }, Call::Sync, Call::Write { len: 512, .. }, Call::Sync]);
        assert!(order, "{calls:?}");
        for id in raw::assert_sound_file(&before).tree {
            let range = id as usize * 1024..(id as usize + 1) * 1024;
            assert!(before[range.clone()] == after[range], "page {id}");
        }
        raw::assert_sound_file(&raw::without_newest_meta(&after));

        // With the list there, and nothing committed, closing is no commit.
        base.reopen();
        assert_eq!(base.dump(), lines);
        base.close();
        assert!(base.bytes() == after, "{mode:?}");
    }
}

#[test]
fn opening_for_writing_and_closing_leaves_every_byte_as_it_was() {
    for written in MODES {
        for many in [false, true] {
            let mut base = Base::new(written);
            if many {
                free_many(base.db());
            }
            write(base.db(), |txn| put(txn, 9, 100));
            base.close();
            let bytes = base.bytes();
            for opened in MODES {
                base.options.freelist_mode = opened;
                base.names.take_log();
                base.reopen();
                let mut txn = base.db().begin_write(Wait::Try).unwrap();
                put(&mut txn, 9, 5000);
                txn.rollback();
                write(base.db(), |_| {});
                base.close();
                assert!(!base.names.take_log().iter().any(Call::is_change), "{written:?}, then {opened:?}");
                assert!(base.bytes() == bytes);
            }
        }
    }
}

#[test]
fn the_pages_of_a_file_without_a_list_are_found_by_a_walk() {
    for seed in 0..4 {
        let mut base = Base::new(Never);
        let mut random = Random::new(seed);
        for _ in 0..12 {
            base.churn(&mut random).unwrap();
        }
        assert!(!base.has_list());
        base.close();
        let bytes = base.bytes();
        let (high_water, used) = (raw::newest(&bytes).1.high_water, raw::assert_sound_file(&bytes).tree);
        base.options.freelist_mode = EachCommit;
        base.reopen();
        base.db().begin_write(Wait::Try).unwrap().rollback();
        let info = base.db().info().unwrap();
        assert_eq!(info.free_page_count, Some(high_water - 2 - used.len() as u64));
        assert_eq!(info.pending_page_count, Some(0));
        base.churn(&mut random).unwrap();
        assert!(base.has_list());
        base.close();
    }
}

#[test]
fn a_handle_that_is_never_closed_leaves_a_file_without_a_list_that_is_sound() {
    for mode in [AtClose, Automatic] {
        let mut base = Base::new(mode);
        free_many(base.db());
        let lines = base.dump();
        let (bytes, txid) = (base.bytes(), base.txid());
        let mut copy = Base::of_file(bytes, mode);
        assert!(!copy.has_list());
        assert_eq!((copy.dump(), copy.txid()), (lines, txid));
        write(copy.db(), |txn| put(txn, 5, 100_000));
        assert_eq!(
            raw::newest(&copy.bytes()).1.high_water,
            raw::newest(&base.bytes()).1.high_water,
            "free pages are used"
        );
        copy.close();
        base.close();
    }
}

/// A file of which the list named so many pages, after a commit.
fn after_a_commit(named: u64) -> Base {
    let base = Base::of_file(raw::file(1024, &[(b"key", b"value", false)], Some(named)), EachCommit);
    base.db().begin_write(Wait::Try).unwrap().rollback();
    assert_eq!(base.db().info().unwrap().free_page_count, Some(named));
    write(base.db(), |txn| put(txn, 1, 10));
    base
}

/// The form changes at 65535 ids: the count moves from the header to the first word.
#[test]
fn lists_around_the_16_bit_count_are_written_and_read() {
    let named_by = |base: &Base| raw::free_ids(&base.bytes()).unwrap().len() as u64;
    // What a commit takes, the list's own pages among it.
    let taken = 66_000 - named_by(&after_a_commit(66_000));
    for target in 65_534..=65_536 {
        let mut base = after_a_commit(target + taken);
        assert_eq!(named_by(&base), target);
        let bytes = base.bytes();
        raw::assert_sound_file(&bytes);
        let list = &bytes[raw::newest(&bytes).1.freelist as usize * 1024..];
        let count = u16_at(list, 10).unwrap();
        assert_eq!((u64::from(count), raw::word(list, 16) == target), (target.min(0xFFFF), target >= 0xFFFF));
        base.close();
        base.reopen();
        base.db().begin_write(Wait::Try).unwrap().rollback();
        assert_eq!(base.db().info().unwrap().free_page_count, Some(target));
        write(base.db(), |txn| put(txn, 2, 10));
        base.close();
    }
}

#[test]
fn a_list_that_grows_past_the_16_bit_count_and_shrinks_again_is_sound_throughout() {
    let mut base = Base::new(EachCommit);
    let page = |count: usize| count * 1024 - 100;
    // One value of so many pages is freed at once, and taken again in parts.
    write(base.db(), |txn| put(txn, 1, page(66_000)));
    write(base.db(), |txn| put(txn, 1, 0));
    let mut longest = 0;
    for (number, count) in [(2, 440), (3, 20), (4, 1), (5, 2000), (6, 40_000)] {
        write(base.db(), |txn| put(txn, number, page(count)));
        longest = raw::free_ids(&base.bytes()).unwrap().len().max(longest);
        assert!(base.has_list());
    }
    assert!(longest > 0xFFFF);
    assert!(raw::free_ids(&base.bytes()).unwrap().len() < 0xFFFF);
    base.close();
}

/// What is wanted of a failure in a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The transaction fails alone.
    Alone,
    /// Nothing has happened, and nothing is written any more.
    Poisoned,
    /// The commit may have happened, and nothing is written any more.
    Unknown,
}

/// What follows from a failure of call `index` of a commit. The first commit after an opening begins with
/// both metas.
fn outcome(calls: &[Call], index: usize) -> Outcome {
    let is_meta = |call: &Call| matches!(call, Call::Write { offset, .. } if *offset < 2048);
    let last_meta = calls.iter().rposition(is_meta).unwrap();
    let adopting = if is_meta(&calls[0]) { 4 } else { 0 };
    match calls[index] {
        _ if index >= last_meta => Outcome::Unknown,
        _ if index < adopting => Outcome::Poisoned,
        Call::Sync => Outcome::Poisoned,
        _ => Outcome::Alone,
    }
}

/// Random changes, so many commits, that another base repeats from the same seed.
fn prepare(mode: FreelistMode, seed: u64, reopened: bool) -> (Base, Random) {
    let mut base = Base::new(mode);
    let mut random = Random::new(seed);
    for _ in 0..8 {
        base.churn(&mut random).unwrap();
    }
    if reopened {
        base.close();
        base.reopen();
    }
    (base, random)
}

/// Fails call `index` of one commit, and sees what that does to the handle and the file.
/// Without a map, how much a commit reads depends on what is cached; reads that fail are the subject of
/// `without_map/reading.rs`.
fn is_counted(call: &Call) -> bool {
    !common::is_without_map() || !matches!(call, Call::Read { .. })
}

fn assert_failure(
    mode: FreelistMode,
    reopened: bool,
    calls: &[Call],
    index: usize,
    fault: Fault,
    after: &[String],
) {
    let context = format!("{mode:?}, reopened {reopened}, call {index} of {calls:?}, {fault:?}");
    let (mut base, mut random) = prepare(mode, 5, reopened);
    let (before, txid) = (base.dump(), base.txid());
    let expected = outcome(calls, index);
    base.names.fail_nth(index, fault, is_counted);
    let error = base.churn(&mut random).unwrap_err();
    base.names.heal();
    assert_eq!(matches!(error, Error::Unknown(_)), expected == Outcome::Unknown, "{context}: {error}");
    assert!(expected == Outcome::Unknown || error.code() == libc::EIO, "{context}: {error}");
    for meta in raw::metas(&base.bytes()).into_iter().flatten() {
        raw::assert_sound_state(&base.bytes(), &meta);
    }
    // This handle stays where it was, whatever stands in the file.
    assert!(base.dump() == before, "{context}");
    assert_eq!(base.db().info().unwrap().txid, txid, "{context}");
    if expected == Outcome::Alone {
        for _ in 0..3 {
            base.churn(&mut random).unwrap();
            raw::assert_sound_file(&base.bytes());
        }
        base.close();
        return;
    }
    assert!(matches!(base.churn(&mut random), Err(Error::Poisoned(_))), "{context}");
    base.names.take_log();
    base.db().close().unwrap();
    assert!(
        !base.names.take_log().iter().any(Call::is_change),
        "{context}: a poisoned handle writes nothing"
    );
    base.reopen();
    let happened = base.txid() > txid;
    assert!(!happened || expected == Outcome::Unknown, "{context}");
    assert_eq!(base.db().info().unwrap().txid, txid + u64::from(happened), "{context}");
    assert!(base.dump() == if happened { after } else { &before[..] }, "{context}");
    base.churn(&mut random).unwrap();
    base.close();
}

#[test]
fn whichever_call_of_a_commit_fails_the_file_stays_sound_and_the_handle_knows() {
    let mut seen = Vec::new();
    for mode in MODES {
        for reopened in [false, true] {
            // What the commit does when nothing fails, and to which state it leads.
            let (mut base, mut random) = prepare(mode, 5, reopened);
            base.names.take_log();
            base.churn(&mut random).unwrap();
            let mut calls = base.names.take_log();
            calls.retain(is_counted);
            let after = base.dump();
            base.close();
            for index in 0..calls.len() {
                for fault in [Fault::Not(libc::EIO), Fault::Done(libc::EIO), Fault::Torn(40, libc::EIO)] {
                    if fault != Fault::Torn(40, libc::EIO) || matches!(calls[index], Call::Write { .. }) {
                        assert_failure(mode, reopened, &calls, index, fault, &after);
                        seen.push(outcome(&calls, index));
                    }
                }
            }
        }
    }
    for outcome in [Outcome::Alone, Outcome::Poisoned, Outcome::Unknown] {
        assert!(seen.contains(&outcome), "{outcome:?} was never met");
    }
}

#[test]
fn both_outcomes_of_an_unknown_commit_are_found_by_a_reopening() {
    let meta = |call: &Call| matches!(call, Call::Write { offset, .. } if *offset < 2048);
    for (fault, happened) in
        [(Fault::Not(libc::EIO), false), (Fault::Torn(60, libc::EIO), false), (Fault::Done(libc::EIO), true)]
    {
        let (mut base, mut random) = prepare(EachCommit, 8, false);
        let txid = base.txid();
        base.names.fail_first(fault, meta);
        assert!(matches!(base.churn(&mut random), Err(Error::Unknown(_))));
        base.names.heal();
        base.db().close().unwrap();
        base.reopen();
        assert_eq!(base.db().info().unwrap().txid, txid + u64::from(happened), "{fault:?}");
        base.churn(&mut random).unwrap();
        base.close();
    }
}

#[test]
fn without_room_for_the_file_to_grow_the_transaction_fails_alone() {
    for errno in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
        let (mut base, mut random) = prepare(Automatic, 6, false);
        let (lines, bytes) = (base.dump(), base.bytes());
        base.names.take_log();
        base.names
            .fail(move |call| if matches!(call, Call::Grow { .. }) { Some(Fault::Not(errno)) } else { None });
        for _ in 0..3 {
            let mut txn = base.db().begin_write(Wait::Try).unwrap();
            put(&mut txn, 7, 3_000_000);
            assert_eq!(txn.commit().unwrap_err().code(), errno);
            assert!(base.dump() == lines && base.bytes() == bytes);
        }
        assert!(
            !base.names.take_log().iter().any(|call| matches!(call, Call::Write { .. })),
            "it fails before it writes"
        );
        // What fits the file as it is goes in.
        write(base.db(), |txn| txn.delete_bucket(ROOT, b"bucket 1").unwrap());
        base.names.heal();
        write(base.db(), |txn| put(txn, 7, 3_000_000));
        base.churn(&mut random).unwrap();
        base.close();
    }
}

#[test]
fn failed_transactions_one_after_the_other_leave_no_page_behind() {
    let (mut base, mut random) = prepare(EachCommit, 7, false);
    let (lines, mut random_before, mut failed_count) = (base.dump(), Random::new(99), 0);
    let is_data = |call: &Call| matches!(call, Call::Write { offset, .. } if *offset >= 2048);
    for round in 0..100 {
        base.names.fail_nth(round % 3, Fault::Torn(round * 40, libc::EIO), is_data);
        // A commit of few writes, all before the one that was to fail, succeeds.
        failed_count += usize::from(base.churn(&mut random_before).is_err());
        base.names.heal();
        raw::assert_sound_file(&base.bytes());
    }
    assert!(failed_count > 50, "{failed_count}");
    base.churn(&mut random).unwrap();
    assert!(base.dump() != lines);
    assert_sound(base.db());
    raw::assert_sound_file(&base.bytes());
    base.close();
}

#[test]
fn a_map_that_cannot_be_had_fails_the_transaction_alone() {
    let (mut base, mut random) = prepare(Automatic, 9, false);
    let lines = base.dump();
    base.names
        .fail(|call| if matches!(call, Call::View { .. }) { Some(Fault::Not(libc::ENOMEM)) } else { None });
    if common::is_without_map() {
        base.churn(&mut random).unwrap();
    } else {
        assert_eq!(base.churn(&mut random).unwrap_err().code(), libc::ENOMEM);
        assert!(base.dump() == lines);
    }
    base.names.heal();
    base.churn(&mut random).unwrap();
    base.close();
}

#[test]
fn a_failed_sync_by_hand_poisons_too() {
    let (mut base, mut random) = prepare(Automatic, 10, false);
    base.db().set_no_sync(true);
    base.churn(&mut random).unwrap();
    let lines = base.dump();
    base.names.fail_first(Fault::Not(libc::EIO), |call| *call == Call::Sync);
    assert_eq!(base.db().sync().unwrap_err().code(), libc::EIO);
    // The disk reports a failure once, and forgets what it has lost: a later sync must not look like a good one.
    base.names.heal();
    assert!(matches!(base.db().sync(), Err(Error::Poisoned(_))));
    assert!(matches!(base.churn(&mut random), Err(Error::Poisoned(_))));
    assert!(base.dump() == lines);
    base.db().close().unwrap();
    base.reopen();
    assert!(base.dump() == lines);
    base.churn(&mut random).unwrap();
    base.close();
}

#[test]
fn a_transaction_that_was_open_when_a_sync_by_hand_failed_writes_nothing() {
    let (mut base, mut random) = prepare(Automatic, 13, false);
    base.db().set_no_sync(true);
    base.churn(&mut random).unwrap();
    let lines = base.dump();
    let mut txn = base.db().begin_write(Wait::Try).unwrap();
    churn(&mut txn, &mut random);
    base.names.fail_first(Fault::Not(libc::EIO), |call| *call == Call::Sync);
    assert_eq!(base.db().sync().unwrap_err().code(), libc::EIO);
    base.names.heal();
    base.names.take_log();
    // What it would stand on may be lost, however its own syncs end.
    base.db().set_no_sync(false);
    assert!(matches!(txn.commit(), Err(Error::Poisoned(_))));
    assert!(!base.names.take_log().iter().any(Call::is_change));
    assert!(base.dump() == lines);
    base.db().close().unwrap();
    base.reopen();
    base.churn(&mut random).unwrap();
    base.close();
}

#[test]
fn what_is_set_during_a_commit_holds_from_the_next_one_on() {
    let (mut base, mut random) = prepare(Automatic, 14, false);
    for (was, will_be, sync_count) in [(true, false, 0), (false, true, 2)] {
        base.db().set_no_sync(was);
        let db = base.db().clone();
        base.names.take_log();
        base.names.fail(move |call| {
            if matches!(call, Call::Write { offset, .. } if *offset >= 2048) {
                db.set_no_sync(will_be);
            }
            None
        });
        base.churn(&mut random).unwrap();
        base.names.heal();
        // A meta page that is synced over pages that are not would be found after a power cut, and they not.
        let log = base.names.take_log();
        assert_eq!(log.iter().filter(|call| **call == Call::Sync).count(), sync_count, "{log:?}");
    }
    base.db().set_no_sync(false);
    base.db().sync().unwrap();
    base.close();
}

#[test]
fn a_panic_within_a_commit_poisons_and_the_database_can_be_closed() {
    let is_data = |call: &Call| matches!(call, Call::Write { offset, .. } if *offset >= 2048);
    for meta in [false, true] {
        let (mut base, mut random) = prepare(EachCommit, 12, false);
        let lines = base.dump();
        base.names.fail(move |call| match call {
            Call::Write { .. } if is_data(call) != meta => panic!("a planted panic"),
            _ => None,
        });
        let commit = AssertUnwindSafe(|| base.churn(&mut random));
        assert!(std::panic::catch_unwind(commit).is_err());
        base.names.heal();
        assert!(matches!(base.churn(&mut random), Err(Error::Poisoned(_))));
        assert!(base.dump() == lines);
        base.db().close().unwrap();
        base.reopen();
        assert!(base.dump() == lines);
        base.churn(&mut random).unwrap();
        base.close();
    }
}

#[test]
fn whoever_waits_for_the_writers_place_learns_that_the_database_is_poisoned() {
    let (mut base, mut random) = prepare(Automatic, 11, false);
    let mut txn = base.db().begin_write(Wait::Try).unwrap();
    churn(&mut txn, &mut random);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| base.db().begin_write(Wait::Forever).map(Txn::rollback));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waiter.is_finished());
        base.names.fail_first(Fault::Not(libc::EIO), |call| *call == Call::Sync);
        assert_eq!(txn.commit().unwrap_err().code(), libc::EIO);
        assert!(matches!(waiter.join().unwrap(), Err(Error::Poisoned(_))));
    });
    base.names.heal();
    base.db().close().unwrap();
    base.reopen();
    base.close();
}

/// Closes with a fault in call `index` of the list's commit. `false` where the commit has no such call.
fn close_with_fault(index: usize, fault: Fault) -> bool {
    let mut base = Base::new(AtClose);
    free_many(base.db());
    let (txid, lines) = (base.txid(), base.dump());
    base.names.take_log();
    base.names.fail_nth(index, fault, is_counted);
    let closed = base.db().close();
    base.names.heal();
    let calls = base.names.take_log();
    if closed.is_ok() {
        assert!(calls.len() <= index);
        return false;
    }
    let error = closed.unwrap_err();
    let unknown = outcome(&calls_of_close(), index) == Outcome::Unknown;
    assert_eq!(matches!(error, Error::Unknown(_)), unknown, "call {index}, {fault:?}: {error}");
    assert!(unknown || error.code() == libc::ENOSPC, "call {index}, {fault:?}: {error}");
    // It is closed whatever was answered: others may open the file.
    assert!(matches!(base.db().begin_read(), Err(Error::BadHandle(_))));
    assert!(matches!(base.db().close(), Err(Error::BadHandle(_))));
    assert_sound_closed(&base.names, Path::new(PATH));
    let has_list = base.has_list();
    assert_eq!(base.txid(), txid + u64::from(has_list));
    assert!(!has_list || unknown, "call {index}, {fault:?}");
    base.reopen();
    assert!(base.dump() == lines);
    write(base.db(), |txn| put(txn, 3, 50_000));
    base.close();
    assert!(base.has_list());
    true
}

/// The calls of the commit that writes the list.
fn calls_of_close() -> Vec<Call> {
    let base = Base::new(AtClose);
    free_many(base.db());
    base.names.take_log();
    base.db().close().unwrap();
    base.names.take_log()
}

#[test]
fn if_the_list_cannot_be_written_at_close_the_file_is_sound_without_it() {
    let mut count = 0;
    for fault in [Fault::Not(libc::ENOSPC), Fault::Done(libc::ENOSPC), Fault::Torn(100, libc::ENOSPC)] {
        count = (0..).take_while(|&index| close_with_fault(index, fault)).count();
        assert_eq!(count, calls_of_close().len(), "{fault:?}");
    }
    assert!(count >= 4);
}

#[test]
fn a_handle_that_is_poisoned_writes_no_list_at_close() {
    let mut base = Base::new(AtClose);
    free_many(base.db());
    let txid = base.txid();
    base.names.fail_first(Fault::Not(libc::EIO), |call| *call == Call::Sync);
    let mut txn = base.db().begin_write(Wait::Try).unwrap();
    put(&mut txn, 2, 10);
    assert!(txn.commit().is_err());
    base.names.heal();
    base.names.take_log();
    base.db().close().unwrap();
    assert!(!base.names.take_log().iter().any(Call::is_change));
    assert_eq!((base.txid(), base.has_list()), (txid, false));
    base.reopen();
    write(base.db(), |txn| put(txn, 2, 10));
    base.close();
    assert!(base.has_list());
}

#[test]
fn a_list_of_several_pages_is_found_again_and_its_pages_are_used_again() {
    for mode in [EachCommit, Automatic, AtClose] {
        let mut base = Base::new(mode);
        free_many(base.db());
        base.close();
        let high_water = raw::newest(&base.bytes()).1.high_water;
        assert!(raw::assert_sound_file(&base.bytes()).list.len() > 1);
        for round in 0..6 {
            base.reopen();
            write(base.db(), |txn| put(txn, round, 100));
            base.close();
        }
        assert!(raw::newest(&base.bytes()).1.high_water <= high_water + 8, "{mode:?}");
    }
}

/// Puts `count` random ones of 40,000 keys.
fn put_at_random(base: &Base, random: &mut Random, count: u32) {
    write(base.db(), |txn| (0..count).for_each(|_| put(txn, random.below(40_000) as u32, 60)));
}

/// A file of some 5,000 pages that many commits have changed at random, each about 100 keys of it.
fn changed_at_random(bbolt_rules: bool) -> (Base, Random) {
    let mut base = Base::new(Never);
    base.db().close().unwrap();
    base.options.bbolt_rules = bbolt_rules;
    base.reopen();
    let mut random = Random::new(12);
    for _ in 0..40 {
        put_at_random(&base, &mut random, 2_000);
    }
    for _ in 0..60 {
        put_at_random(&base, &mut random, 100);
    }
    (base, random)
}

/// In how many places of 16 pages a commit like those writes.
fn place_count(bbolt_rules: bool) -> usize {
    let (mut base, mut random) = changed_at_random(bbolt_rules);
    base.names.take_log();
    put_at_random(&base, &mut random, 100);
    let offsets = base.names.take_log().into_iter().filter_map(|call| match call {
        Call::Write { offset, .. } => Some(offset),
        _ => None,
    });
    let places: std::collections::BTreeSet<u64> = offsets.map(|offset| offset / (16 * 1024)).collect();
    base.close();
    places.len()
}

#[test]
fn commits_of_many_random_changes_come_to_write_into_few_places() {
    let (ours, gos) = (place_count(false), place_count(true));
    assert!(ours * 3 < gos * 2, "{ours} {gos}");
}

#[test]
fn pages_that_are_left_free_are_taken_before_the_file_grows() {
    let (mut base, mut random) = changed_at_random(false);
    base.names
        .fail(|call| if matches!(call, Call::Grow { .. }) { Some(Fault::Not(libc::ENOSPC)) } else { None });
    for _ in 0..20 {
        put_at_random(&base, &mut random, 100);
    }
    base.names.heal();
    base.close();
}
