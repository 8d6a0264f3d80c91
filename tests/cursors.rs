//! Cursors: moves and their ends, over pages, over changed trees, over leaves emptied in the same
//! transaction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;

use bolt::storage::memory::MemoryNamespace;
use bolt::{BucketId, Cursor, Db, Entry, Error, Options, ROOT, Result, Txn, Wait};
use common::lint;
use common::memory::{Memory, place};
use common::sound::{close_sound_in, write};
use common::{assert_sound, entries};
use proptest::prelude::*;

const PATH: &str = "/a.db";

/// A database in memory, of small pages, with one bucket.
struct Base {
    names: MemoryNamespace,
    db: Db,
}

impl Base {
    /// The keys are committed.
    fn new(keys: impl IntoIterator<Item = u32>) -> Base {
        let names = MemoryNamespace::new();
        let options = Options { page_size: 1024, ..common::options() };
        let base = Base { db: lint::open_in(&names, Path::new(PATH), &options).unwrap(), names };
        base.write(|txn, bucket| keys.into_iter().for_each(|number| put(txn, bucket, number)));
        base
    }

    fn write(&self, change: impl FnOnce(&mut Txn, BucketId)) {
        write(&self.db, |txn| {
            let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
            change(txn, bucket);
        });
        assert_sound(&self.db);
    }

    fn close(self) {
        close_sound_in(&self.names, &self.db);
    }
}

fn key(number: u32) -> Vec<u8> {
    format!("key {number:06}").into_bytes()
}

fn number(entry: Entry<'_>) -> u32 {
    std::str::from_utf8(&entry.key[4..]).unwrap().parse().unwrap()
}

/// Some twenty pairs fill a page.
fn put(txn: &mut Txn, bucket: BucketId, number: u32) {
    txn.put(bucket, &key(number), &[number as u8; 20]).unwrap();
}

fn delete(txn: &mut Txn, bucket: BucketId, number: u32) {
    txn.delete(bucket, &key(number)).unwrap();
}

/// One move, and the number of the key at which it ended.
fn go(cursor: &mut Cursor, txn: &Txn, to: &str) -> Option<u32> {
    let entry = match to {
        "first" => cursor.first(txn),
        "last" => cursor.last(txn),
        "next" => cursor.next(txn),
        "prev" => cursor.prev(txn),
        "current" => cursor.current(txn),
        other => cursor.seek(txn, &key(other.parse().unwrap())),
    };
    entry.unwrap().map(number)
}

/// The moves one after the other, as text: each end, "-" where there is none.
fn walk(cursor: &mut Cursor, txn: &Txn, moves: &str) -> String {
    let ends = moves.split(' ').map(|to| go(cursor, txn, to).map_or("-".into(), |number| number.to_string()));
    ends.collect::<Vec<String>>().join(" ")
}

/// Runs the moves with a fresh cursor over committed pages, and over a tree of which everything was changed,
/// and over one of which a part was.
fn assert_moves(keys: &[u32], moves: &str, ends: &str) {
    let base = Base::new(keys.iter().copied());
    let mut txn = base.db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    assert_eq!(walk(&mut txn.cursor(bucket).unwrap(), &txn, moves), ends, "on pages: {moves}");
    drop(txn);
    for every in [1, 50] {
        let mut txn = base.db.begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        keys.iter().step_by(every).for_each(|&number| put(&mut txn, bucket, number));
        assert_eq!(
            walk(&mut txn.cursor(bucket).unwrap(), &txn, moves),
            ends,
            "changed, every {every}: {moves}"
        );
        // Where other keys were and are deleted, before, between and after.
        let others: Vec<u32> = (0..4000).filter(|number| !keys.contains(number)).collect();
        others.iter().for_each(|&number| put(&mut txn, bucket, number));
        others.iter().for_each(|&number| delete(&mut txn, bucket, number));
        assert_eq!(
            walk(&mut txn.cursor(bucket).unwrap(), &txn, moves),
            ends,
            "emptied, every {every}: {moves}"
        );
    }
    base.close();
}

#[test]
fn a_cursor_that_stands_nowhere_has_no_neighbours() {
    assert_moves(&[1, 2, 3], "next prev current next prev", "- - - - -");
    assert_moves(&[1, 2, 3], "prev next current", "- - -");
}

#[test]
fn an_empty_bucket_has_no_entry() {
    assert_moves(
        &[],
        "first next prev current last next prev current 0 next prev current",
        "- - - - - - - - - - - -",
    );
}

#[test]
fn past_the_last_entry_the_cursor_stays_on_it() {
    assert_moves(&[1, 2, 3], "last next next next current prev prev", "3 - - - 3 2 1");
    assert_moves(&[7], "first next next current prev prev current next", "7 - - 7 - - 7 -");
    let many: Vec<u32> = (0..500).collect();
    assert_moves(&many, "last next next prev prev next next next", "499 - - 498 497 498 499 -");
}

#[test]
fn before_the_first_entry_the_cursor_stays_on_it() {
    assert_moves(&[1, 2, 3], "first prev prev prev current next next", "1 - - - 1 2 3");
    let many: Vec<u32> = (100..600).collect();
    assert_moves(&many, "first prev prev next next prev prev prev", "100 - - 101 102 101 100 -");
}

#[test]
fn a_search_ends_on_the_key_or_the_next_one() {
    let even: Vec<u32> = (0..1000).map(|number| number * 2).collect();
    assert_moves(&even, "500 current next prev prev", "500 500 502 500 498");
    assert_moves(&even, "501 current next prev prev prev", "502 502 504 502 500 498");
    assert_moves(&even, "0 prev next", "0 - 2");
    assert_moves(&even, "1998 next prev", "1998 - 1996");
}

#[test]
fn a_search_past_the_end_finds_nothing_and_the_last_lies_before_it() {
    assert_moves(&[1, 2, 3], "9 current next next prev prev", "- - - - 3 2");
    let many: Vec<u32> = (0..500).collect();
    assert_moves(&many, "3000 next prev next", "- - 499 -");
}

#[test]
fn a_search_for_nothing_finds_the_first() {
    let base = Base::new(5..300);
    let mut txn = base.db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    assert_eq!(cursor.seek(&txn, b"").unwrap().map(number), Some(5));
    assert_eq!(cursor.seek(&txn, b"key").unwrap().map(number), Some(5));
    assert_eq!(cursor.seek(&txn, &[0xff; 40_000]).unwrap(), None);
    assert_eq!(go(&mut cursor, &txn, "prev"), Some(299));
    drop(txn);
    base.close();
}

#[test]
fn each_search_and_each_step_is_right_over_three_levels_of_pages() {
    let base = Base::new((0..6000).map(|number| number * 3));
    let mut txn = base.db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    for dirty in [false, true] {
        if dirty {
            (0..6000).step_by(400).for_each(|number| put(&mut txn, bucket, number * 3));
        }
        let mut cursor = txn.cursor(bucket).unwrap();
        for sought in (0..18_000).step_by(7) {
            let found = cursor.seek(&txn, &key(sought)).unwrap().map(number);
            let expected = Some(sought.div_ceil(3) * 3).filter(|&number| number < 18_000);
            assert_eq!(found, expected);
            if let Some(found) = found {
                assert_eq!(go(&mut cursor, &txn, "prev"), found.checked_sub(3));
                let next = if found == 0 { Some(3) } else { Some(found) };
                assert_eq!(go(&mut cursor, &txn, "next"), next);
            }
        }
        let forward = entries(&txn, bucket, false);
        assert_eq!(forward.len(), 6000);
        assert!(forward == entries(&txn, bucket, true));
    }
    drop(txn);
    base.close();
}

#[test]
fn leaves_emptied_in_the_transaction_are_passed_in_both_directions() {
    for gap in [0..300, 200..400, 300..600, 100..500, 0..599, 1..600, 0..600] {
        let base = Base::new(0..600);
        let mut txn = base.db.begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        gap.clone().for_each(|number| delete(&mut txn, bucket, number));
        let left: Vec<u32> = (0..600).filter(|number| !gap.contains(number)).collect();
        let found = |backward| -> Vec<u32> {
            let found = entries(&txn, bucket, backward).into_iter();
            found.map(|(key, value)| number(Entry { key: &key, value: value.as_deref() })).collect()
        };
        assert_eq!(found(false), left, "{gap:?}");
        assert_eq!(found(true), left, "{gap:?}");
        let mut cursor = txn.cursor(bucket).unwrap();
        assert_eq!(go(&mut cursor, &txn, "first"), left.first().copied(), "{gap:?}");
        assert_eq!(go(&mut cursor, &txn, "last"), left.last().copied(), "{gap:?}");
        for sought in [gap.start, gap.start + 50, gap.end - 1, gap.end] {
            let after = left.iter().copied().find(|&number| number >= sought);
            assert_eq!(go(&mut cursor, &txn, &sought.to_string()), after, "{gap:?}");
            let before = left.iter().copied().rfind(|&number| number < sought);
            assert_eq!(go(&mut cursor, &txn, "prev"), before, "{gap:?}");
        }
        txn.commit().unwrap();
        let mut txn = base.db.begin_read().unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        assert_eq!(entries(&txn, bucket, false).len(), left.len());
        drop(txn);
        base.close();
    }
}

#[test]
fn after_a_deletion_next_gives_the_following_key_exactly_once() {
    for touched_before in [false, true] {
        for (every, backward) in [(1, false), (2, false), (7, false), (1, true), (3, true)] {
            let base = Base::new(0..1000);
            let mut txn = base.db.begin_write(Wait::Try).unwrap();
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            if touched_before {
                (0..1000).step_by(5).for_each(|number| put(&mut txn, bucket, number));
            }
            let (start, step) = if backward { ("last", "prev") } else { ("first", "next") };
            let mut cursor = txn.cursor(bucket).unwrap();
            let mut seen = Vec::new();
            let mut here = go(&mut cursor, &txn, start);
            while let Some(number) = here {
                seen.push(number);
                if seen.len() % every == 0 {
                    cursor.delete(&mut txn).unwrap();
                    assert_eq!(go(&mut cursor, &txn, "current"), None);
                    assert!(matches!(cursor.delete(&mut txn), Err(Error::NotFound)));
                }
                here = go(&mut cursor, &txn, step);
            }
            if backward {
                seen.reverse();
            }
            assert_eq!(seen, (0..1000).collect::<Vec<u32>>());
            assert_eq!(entries(&txn, bucket, false).len(), 1000 - 1000 / every);
            txn.commit().unwrap();
            base.close();
        }
    }
}

#[test]
fn a_deleted_entry_leaves_a_gap_between_its_neighbours() {
    let base = Base::new([10, 20, 30, 40]);
    let gap = |deletions: &[u32], moves: &str| {
        let mut txn = base.db.begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        let mut cursor = txn.cursor(bucket).unwrap();
        for number in deletions {
            assert_eq!(go(&mut cursor, &txn, &number.to_string()), Some(*number));
            cursor.delete(&mut txn).unwrap();
        }
        walk(&mut cursor, &txn, moves)
    };
    assert_eq!(gap(&[20], "current next prev"), "- 30 10");
    assert_eq!(gap(&[20], "prev next"), "10 30");
    assert_eq!(gap(&[10], "prev prev next prev"), "- - 20 -");
    assert_eq!(gap(&[40], "next next prev prev"), "- - 30 20");
    assert_eq!(gap(&[20, 30], "prev next next"), "10 40 -");
    assert_eq!(gap(&[40, 30, 20, 10], "next prev first last current"), "- - - - -");
    base.close();
}

#[test]
fn a_deletion_by_a_cursor_that_stands_on_nothing_is_not_found() {
    let base = Base::new([1, 2]);
    let mut txn = base.db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    assert!(matches!(cursor.delete(&mut txn), Err(Error::NotFound)));
    assert_eq!(go(&mut cursor, &txn, "9"), None);
    assert!(matches!(cursor.delete(&mut txn), Err(Error::NotFound)));
    assert_eq!(walk(&mut cursor, &txn, "first prev"), "1 -");
    cursor.delete(&mut txn).unwrap();
    assert_eq!(walk(&mut cursor, &txn, "first last"), "2 2");
    txn.commit().unwrap();
    base.close();
}

#[test]
fn buckets_are_entries_without_a_value_and_are_not_deleted_by_a_cursor() {
    let base = Base::new([]);
    base.write(|txn, bucket| {
        txn.create_bucket(bucket, b"key 000002").unwrap();
        put(txn, bucket, 1);
        txn.put(bucket, &key(3), b"").unwrap();
        let mut cursor = txn.cursor(bucket).unwrap();
        cursor.seek(txn, &key(2)).unwrap();
        assert!(matches!(cursor.delete(txn), Err(Error::WrongType(_))));
        assert_eq!(walk(&mut cursor, txn, "current next prev prev"), "2 3 2 1");
    });
    let mut txn = base.db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let values: Vec<Option<usize>> =
        entries(&txn, bucket, false).into_iter().map(|(_, value)| value.map(|value| value.len())).collect();
    assert_eq!(values, [Some(20), None, Some(0)]);
    let mut cursor = txn.cursor(ROOT).unwrap();
    assert_eq!(cursor.first(&txn).unwrap(), Some(Entry { key: b"bucket", value: None }));
    drop(txn);
    base.close();
}

#[test]
fn a_cursor_stays_at_its_key_whatever_others_write() {
    let base = Base::new((0..1000).map(|number| number * 2));
    let mut txn = base.db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursor = txn.cursor(bucket).unwrap();
    assert_eq!(go(&mut cursor, &txn, "500"), Some(500));
    // A key on either side, and one on the cursor's own place.
    put(&mut txn, bucket, 499);
    put(&mut txn, bucket, 501);
    txn.put(bucket, &key(500), b"new").unwrap();
    assert_eq!(cursor.current(&txn).unwrap().unwrap().value, Some(&b"new"[..]));
    assert_eq!(walk(&mut cursor, &txn, "next next prev prev prev prev"), "501 502 501 500 499 498");
    // Everything around it goes, and then its own key.
    (0..1000).filter(|&number| number != 249).for_each(|number| delete(&mut txn, bucket, number * 2));
    [499, 501].into_iter().for_each(|number| delete(&mut txn, bucket, number));
    assert_eq!(walk(&mut cursor, &txn, "current next prev current"), "498 - - 498");
    delete(&mut txn, bucket, 498);
    assert_eq!(walk(&mut cursor, &txn, "current next prev"), "- - -");
    put(&mut txn, bucket, 700);
    put(&mut txn, bucket, 300);
    assert_eq!(walk(&mut cursor, &txn, "next next prev prev"), "700 - 300 -");
    // Its key comes back: it is an entry again, to be met from outside.
    delete(&mut txn, bucket, 300);
    put(&mut txn, bucket, 300);
    assert_eq!(walk(&mut cursor, &txn, "current next prev"), "300 700 300");
    cursor.delete(&mut txn).unwrap();
    put(&mut txn, bucket, 300);
    assert_eq!(walk(&mut cursor, &txn, "next prev"), "700 300");
    txn.commit().unwrap();
    base.close();
}

#[test]
fn many_cursors_move_over_one_tree_while_one_of_them_deletes() {
    let base = Base::new(0..800);
    let mut txn = base.db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    let mut cursors: Vec<Cursor> = (0..80).map(|_| txn.cursor(bucket).unwrap()).collect();
    for (index, cursor) in cursors.iter_mut().enumerate() {
        assert_eq!(go(cursor, &txn, &(index * 10).to_string()), Some(index as u32 * 10));
    }
    // Each tenth key is under a cursor; the deleting one takes all that are divisible by 4.
    let mut deleting = txn.cursor(bucket).unwrap();
    let mut here = go(&mut deleting, &txn, "first");
    while let Some(number) = here {
        if number % 4 == 0 {
            deleting.delete(&mut txn).unwrap();
        }
        here = go(&mut deleting, &txn, "next");
    }
    for (index, cursor) in cursors.iter_mut().enumerate() {
        let here = index as u32 * 10;
        let (gone, at_start) = (here % 4 == 0, here == 0);
        assert_eq!(go(cursor, &txn, "current"), Some(here).filter(|_| !gone));
        assert_eq!(go(cursor, &txn, "next"), Some(here + 1));
        let before = if gone { here.checked_sub(1) } else { Some(here) };
        assert_eq!(go(cursor, &txn, "prev"), before, "{here} {at_start}");
    }
    txn.commit().unwrap();
    base.close();
}

/// As a caller in C has them: pointers that are good until the transaction ends.
#[test]
fn the_keys_and_values_of_a_cursor_stay_in_place_to_the_end_of_the_transaction() {
    let base = Base::new(0..400);
    let memory = Memory::new();
    let mut txn = base.db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"bucket").unwrap();
    (0..400).step_by(3).for_each(|number| txn.put(bucket, &key(number), b"of this transaction").unwrap());
    let mut kept = Vec::new();
    let mut cursor = txn.cursor(bucket).unwrap();
    let mut entry = cursor.first(&txn).unwrap();
    while let Some(Entry { key, value: Some(value) }) = entry {
        kept.push((place(key), key.to_vec(), place(value), value.to_vec()));
        entry = cursor.next(&txn).unwrap();
    }
    assert_eq!(kept.len(), 400);
    go(&mut cursor, &txn, "first");
    for number in 0..400 {
        txn.put(bucket, &key(number), &[0xee; 300]).unwrap();
        cursor.delete(&mut txn).unwrap();
        go(&mut cursor, &txn, "next");
    }
    (0..3000).for_each(|number| put(&mut txn, bucket, number));
    for (key_place, key, value_place, value) in &kept {
        memory.assert_unchanged(key_place, key);
        memory.assert_unchanged(value_place, value);
    }
    txn.commit().unwrap();
    base.close();
}

/// Where a cursor stands, by the rules.
#[derive(Clone, Debug)]
enum Stand {
    Nowhere,
    On(u32),
    /// Where an entry was.
    Gap(u32),
    /// Where a search ended behind all entries.
    End,
}

struct Model {
    keys: BTreeMap<u32, u8>,
    stand: Stand,
}

impl Model {
    /// An entry that was deleted by another is a gap once the cursor is asked for anything.
    fn settle(&mut self) {
        if let Stand::On(number) = self.stand {
            if !self.keys.contains_key(&number) {
                self.stand = Stand::Gap(number);
            }
        }
    }

    fn arrive(&mut self, number: Option<u32>) -> Option<u32> {
        if let Some(number) = number {
            self.stand = Stand::On(number);
        }
        number
    }

    fn go(&mut self, to: &Move) -> Option<u32> {
        self.settle();
        let above = |number| self.keys.range((Excluded(number), Unbounded)).next().map(|(&number, _)| number);
        let below = |number| self.keys.range(..number).next_back().map(|(&number, _)| number);
        let found = match (to, &self.stand) {
            (Move::First, _) => self.keys.keys().next().copied(),
            (Move::Last, _) | (Move::Prev, Stand::End) => self.keys.keys().next_back().copied(),
            (Move::Next, Stand::On(number) | Stand::Gap(number)) => above(*number),
            (Move::Prev, Stand::On(number) | Stand::Gap(number)) => below(*number),
            (Move::Current, Stand::On(number)) => Some(*number),
            (Move::Seek(sought), _) => self.keys.range(sought..).next().map(|(&number, _)| number),
            _ => None,
        };
        match to {
            Move::First | Move::Last if found.is_none() => self.stand = Stand::Nowhere,
            Move::Seek(_) if found.is_none() => self.stand = Stand::End,
            _ => {}
        }
        self.arrive(found)
    }
}

#[derive(Clone, Debug)]
enum Move {
    First,
    Last,
    Next,
    Prev,
    Current,
    Seek(u32),
}

#[derive(Clone, Debug)]
enum Step {
    Go(Move),
    /// The same move so many times.
    Run(Move, u8),
    Delete,
    Put(u32),
    PutMany(u32, u8),
    Remove(u32),
    RemoveMany(u32, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0u32..400;
    let direction = || prop_oneof![Just(Move::Next), Just(Move::Prev)];
    prop_oneof![
        1 => Just(Step::Go(Move::First)),
        1 => Just(Step::Go(Move::Last)),
        4 => direction().prop_map(Step::Go),
        3 => (direction(), 2u8..60).prop_map(|(to, count)| Step::Run(to, count)),
        2 => Just(Step::Go(Move::Current)),
        4 => (0u32..420).prop_map(|number| Step::Go(Move::Seek(number))),
        4 => Just(Step::Delete),
        2 => number().prop_map(Step::Put),
        1 => (number(), 1u8..100).prop_map(|(number, count)| Step::PutMany(number, count)),
        3 => number().prop_map(Step::Remove),
        2 => (number(), 1u8..200).prop_map(|(number, count)| Step::RemoveMany(number, count)),
    ]
}

fn found(entry: Result<Option<Entry<'_>>>) -> Option<(u32, u8)> {
    entry.unwrap().map(|entry| (number(entry), entry.value.unwrap()[0]))
}

fn run(txn: &mut Txn, bucket: BucketId, cursor: &mut Cursor, model: &mut Model, step: &Step, count: u8) {
    let go = |cursor: &mut Cursor, model: &mut Model, to: &Move| {
        let entry = match to {
            Move::First => cursor.first(txn),
            Move::Last => cursor.last(txn),
            Move::Next => cursor.next(txn),
            Move::Prev => cursor.prev(txn),
            Move::Current => cursor.current(txn),
            Move::Seek(number) => cursor.seek(txn, &key(*number)),
        };
        let expected = model.go(to).map(|number| (number, model.keys[&number]));
        assert_eq!(found(entry), expected, "{to:?}");
    };
    let put = |txn: &mut Txn, model: &mut Model, number: u32| {
        txn.put(bucket, &key(number), &[count; 20]).unwrap();
        model.keys.insert(number, count);
    };
    let remove = |txn: &mut Txn, model: &mut Model, number: u32| {
        txn.delete(bucket, &key(number)).unwrap();
        model.keys.remove(&number);
    };
    match step {
        Step::Go(to) => go(cursor, model, to),
        Step::Run(to, count) => (0..*count).for_each(|_| go(cursor, model, to)),
        Step::Put(number) => put(txn, model, *number),
        Step::PutMany(start, len) => {
            (*start..start + u32::from(*len)).for_each(|number| put(txn, model, number))
        }
        Step::Remove(number) => remove(txn, model, *number),
        Step::RemoveMany(start, len) => {
            (*start..start + u32::from(*len)).for_each(|number| remove(txn, model, number))
        }
        Step::Delete => {
            model.settle();
            let deleted = cursor.delete(txn);
            if let Stand::On(number) = model.stand {
                deleted.unwrap();
                model.keys.remove(&number);
                model.stand = Stand::Gap(number);
            } else {
                assert!(matches!(deleted, Err(Error::NotFound)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_cursor_moves_as_its_rules_say_whatever_is_written_between(
        committed in prop::collection::btree_set(0u32..400, 0..350),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let base = Base::new([]);
        base.write(|txn, bucket| {
            committed.iter().for_each(|&number| txn.put(bucket, &key(number), &[0xff; 20]).unwrap());
        });
        let mut txn = base.db.begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        let mut cursor = txn.cursor(bucket).unwrap();
        let keys = committed.into_iter().map(|number| (number, 0xff)).collect();
        let mut model = Model { keys, stand: Stand::Nowhere };
        for (count, step) in steps.iter().enumerate() {
            run(&mut txn, bucket, &mut cursor, &mut model, step, count as u8);
        }
        let left: Vec<u32> = entries(&txn, bucket, true)
            .into_iter()
            .map(|(key, value)| number(Entry { key: &key, value: value.as_deref() }))
            .collect();
        prop_assert!(left.iter().eq(model.keys.keys()));
        txn.commit().unwrap();
        base.close();
    }
}
