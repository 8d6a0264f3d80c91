//! Transactions with a number. Each writes its number in many places: a key that is always the same, a ring
//! of values of which some need overflow pages, the sequence of a nested bucket in which keys come and go,
//! and buckets that are begun and dropped whole. The content after each is known from the number alone.

use bolt::{BucketId, Db, ROOT, Txn, Wait};

use super::common;

/// How many values the ring has, how many keys are in the window, and how many transactions use a bucket.
const RING_COUNT: u64 = 24;
const WINDOW_COUNT: u64 = 40;
const ERA_COUNT: u64 = 10;

/// The entries of a bucket; `None`: a bucket in it.
type Entries = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The value that transaction `number` puts into the ring: its number over and over, up to some 12 KB.
fn ring_value(number: u64) -> Vec<u8> {
    let word_count = (number * 7919 % 1500) as usize * usize::from(number % 4 != 1) + 1;
    key(number).repeat(word_count)
}

/// The numbers of those before transaction `number`, and its own, of which keys are in the window.
fn window(number: u64) -> std::ops::RangeInclusive<u64> {
    number.saturating_sub(WINDOW_COUNT - 1).max(1)..=number
}

fn era_name(era: u64) -> Vec<u8> {
    format!("era {era:08}").into_bytes()
}

fn window_bucket(txn: &mut Txn) -> BucketId {
    let outer = txn.ensure_bucket(ROOT, b"outer").unwrap();
    txn.ensure_bucket(outer, b"window").unwrap()
}

/// The changes of transaction `number`, which the one before it must precede.
fn change(txn: &mut Txn, number: u64) {
    txn.put(ROOT, b"number", &key(number)).unwrap();
    let ring = txn.ensure_bucket(ROOT, b"ring").unwrap();
    txn.put(ring, &key(number % RING_COUNT), &ring_value(number)).unwrap();
    let window = window_bucket(txn);
    txn.put(window, &key(number), &key(number)).unwrap();
    if number > WINDOW_COUNT {
        txn.delete(window, &key(number - WINDOW_COUNT)).unwrap();
    }
    txn.set_sequence(window, number).unwrap();
    let era = txn.ensure_bucket(ROOT, &era_name(number / ERA_COUNT)).unwrap();
    txn.put(era, &key(number), &key(number).repeat(60)).unwrap();
    if number % ERA_COUNT == 0 {
        txn.delete_bucket(ROOT, &era_name(number / ERA_COUNT - 1)).unwrap();
    }
}

/// Commits transaction `number`.
pub fn commit(db: &Db, number: u64) {
    let mut txn = db.begin_write(Wait::Try).unwrap();
    change(&mut txn, number);
    txn.commit().unwrap();
}

/// The number of the last transaction in the database, which must have its content exactly; 0 where it is
/// empty.
pub fn state(db: &Db) -> u64 {
    let mut txn = db.begin_read().unwrap();
    let number = match txn.get(ROOT, b"number").unwrap() {
        Some(bytes) => u64::from_be_bytes(bytes.try_into().unwrap()),
        None => 0,
    };
    assert_entries(&txn, ROOT, &root_entries(number), number, "the root");
    if number > 0 {
        assert_content(&mut txn, number);
    }
    number
}

fn root_entries(number: u64) -> Entries {
    if number == 0 {
        return Vec::new();
    }
    let mut entries = vec![(b"number".to_vec(), Some(key(number)))];
    entries.extend([(b"outer".to_vec(), None), (b"ring".to_vec(), None)]);
    entries.push((era_name(number / ERA_COUNT), None));
    entries.sort();
    entries
}

/// What lies in the buckets.
fn assert_content(txn: &mut Txn, number: u64) {
    let ring = txn.bucket(ROOT, b"ring").unwrap();
    let slots = (0..RING_COUNT).filter_map(|slot| {
        let last = (1..=number).rev().take(RING_COUNT as usize).find(|last| last % RING_COUNT == slot)?;
        Some((key(slot), Some(ring_value(last))))
    });
    assert_entries(txn, ring, &slots.collect(), number, "the ring");

    let outer = txn.bucket(ROOT, b"outer").unwrap();
    assert_entries(txn, outer, &vec![(b"window".to_vec(), None)], number, "what is around the window");
    let inner = txn.bucket(outer, b"window").unwrap();
    let keys = window(number).map(|number| (key(number), Some(key(number))));
    assert_entries(txn, inner, &keys.collect(), number, "the window");
    assert_eq!(txn.sequence(inner).unwrap(), number);

    let era = number / ERA_COUNT;
    let bucket = txn.bucket(ROOT, &era_name(era)).unwrap();
    let keys = (era * ERA_COUNT).max(1)..=number;
    let entries = keys.map(|number| (key(number), Some(key(number).repeat(60))));
    assert_entries(txn, bucket, &entries.collect(), number, "the era");
}

fn assert_entries(txn: &Txn, bucket: BucketId, expected: &Entries, number: u64, what: &str) {
    for backward in [false, true] {
        let found = common::entries(txn, bucket, backward);
        let at = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
        assert!(
            at == found.len() && at == expected.len(),
            "{what} after transaction {number}: {} entries, not {}, and entry {at} is another",
            found.len(),
            expected.len()
        );
    }
}
