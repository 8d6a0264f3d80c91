//! Cursors that stay open while everything around them changes, and where each should stand.

use std::collections::BTreeMap;

use bolt::{BucketId, Cursor, Direction, Entry, Error, Result, Take, Txn};

use super::maps::{Value, key_bytes};

/// The numbers of the keys between which a cursor stays.
pub type Bounds = (Option<u16>, Option<u16>);

type Entries = BTreeMap<Vec<u8>, Value>;

/// What is done with a cursor.
#[derive(Clone, Debug)]
pub enum Motion {
    First,
    Last,
    Next(u8),
    Prev(u8),
    Seek(u16),
    SeekLe(u16),
    Current,
    Delete,
    /// So many at once; where it refuses, one more is offered and not taken.
    Many {
        count: u8,
        backward: bool,
        refuses: bool,
    },
    SetBounds(Bounds),
}

/// Where a cursor stands, by the rules.
#[derive(Clone, Debug)]
enum Stand {
    Nowhere,
    /// At a key; `is_entry`: on it, not in the gap that it left.
    At {
        key: Vec<u8>,
        is_entry: bool,
    },
    Start,
    End,
}

/// An open cursor.
pub struct Live {
    cursor: Cursor,
    pub bucket: BucketId,
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    stand: Stand,
}

impl Live {
    pub fn open(txn: &Txn, bucket: BucketId, bounds: Bounds) -> Live {
        let cursor = txn.cursor(bucket).unwrap();
        let mut live = Live { cursor, bucket, from: None, to: None, stand: Stand::Nowhere };
        live.set_bounds(txn, bounds);
        live
    }

    /// Moves, and panics where it does not come to stand where it should.
    pub fn go(&mut self, txn: &mut Txn, entries: &mut Entries, motion: &Motion) {
        match *motion {
            Motion::First => self.step(txn, entries, motion),
            Motion::Last => self.step(txn, entries, motion),
            Motion::Next(count) => (0..count).for_each(|_| self.step(txn, entries, &Motion::Next(1))),
            Motion::Prev(count) => (0..count).for_each(|_| self.step(txn, entries, &Motion::Prev(1))),
            Motion::Seek(_) | Motion::SeekLe(_) | Motion::Current => self.step(txn, entries, motion),
            Motion::Delete => self.delete(txn, entries),
            Motion::Many { count, backward, refuses } => {
                self.many(txn, entries, usize::from(count), backward, refuses);
            }
            Motion::SetBounds(bounds) => self.set_bounds(txn, bounds),
        }
    }

    /// A cursor whose bucket is gone refuses everything.
    pub fn assert_dead(&mut self, txn: &mut Txn, motion: &Motion) {
        let answer = match *motion {
            Motion::Delete => self.cursor.delete(txn),
            Motion::Many { .. } => self.cursor.take(txn, Direction::Forward, |_| Take::More),
            Motion::SetBounds(_) => self.cursor.set_bounds(txn, None, None),
            _ => perform(&mut self.cursor, txn, motion).map(drop),
        };
        assert!(matches!(answer, Err(Error::BadHandle(_))), "{motion:?}: {answer:?}");
    }

    fn set_bounds(&mut self, txn: &Txn, bounds: Bounds) {
        self.from = bounds.0.map(key_bytes);
        self.to = bounds.1.map(key_bytes);
        self.cursor.set_bounds(txn, self.from.as_deref(), self.to.as_deref()).unwrap();
        self.stand = Stand::Nowhere;
    }

    /// The keys within the bounds.
    fn keys<'e>(&self, entries: &'e Entries) -> Vec<&'e Vec<u8>> {
        let above = |key: &&Vec<u8>| self.from.as_ref().is_none_or(|from| *key >= from);
        let below = |key: &&Vec<u8>| self.to.as_ref().is_none_or(|to| *key < to);
        entries.keys().filter(above).filter(below).collect()
    }

    /// An entry that was deleted by others is a gap once the cursor has looked.
    fn settle(&mut self, entries: &Entries) {
        if let Stand::At { key, is_entry } = &mut self.stand {
            *is_entry &= entries.contains_key(key);
        }
    }

    /// The keys on which the cursor would come to stand, one after the other.
    fn ahead(&self, entries: &Entries, backward: bool) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = self.keys(entries).into_iter().cloned().collect();
        match (&self.stand, backward) {
            (Stand::At { key, .. }, false) => keys.retain(|other| other > key),
            (Stand::At { key, .. }, true) => keys.retain(|other| other < key),
            (Stand::Start, true) | (Stand::End, false) => keys.clear(),
            _ => {}
        }
        if backward {
            keys.reverse();
        }
        keys
    }

    fn step(&mut self, txn: &Txn, entries: &Entries, motion: &Motion) {
        let expected = self.expect(entries, motion);
        let found = perform(&mut self.cursor, txn, motion).unwrap();
        assert_eq!(found.map(|entry| entry.key), expected.as_deref(), "{motion:?}");
        if let Some(entry) = found {
            assert_entry(entry, entries);
        }
    }

    /// The key at which a move ends; the cursor stands there then.
    fn expect(&mut self, entries: &Entries, motion: &Motion) -> Option<Vec<u8>> {
        self.settle(entries);
        let keys = self.keys(entries);
        let is_nowhere = matches!(self.stand, Stand::Nowhere);
        let (found, otherwise) = match *motion {
            Motion::First => (keys.first().copied().cloned(), Stand::Nowhere),
            Motion::Last => (keys.last().copied().cloned(), Stand::Nowhere),
            Motion::Seek(key) => {
                (keys.into_iter().find(|other| **other >= key_bytes(key)).cloned(), Stand::End)
            }
            Motion::SeekLe(key) => {
                (keys.into_iter().rfind(|other| **other <= key_bytes(key)).cloned(), Stand::Start)
            }
            Motion::Next(_) | Motion::Prev(_) => {
                let ahead = self.ahead(entries, matches!(motion, Motion::Prev(_)));
                (ahead.into_iter().next().filter(|_| !is_nowhere), self.stand.clone())
            }
            Motion::Current => match self.stand.clone() {
                Stand::At { key, is_entry: true } => (Some(key), Stand::Nowhere),
                stand => (None, stand),
            },
            _ => panic!("{motion:?} is no step"),
        };
        self.stand = match found.clone() {
            Some(key) => Stand::At { key, is_entry: true },
            None => otherwise,
        };
        found
    }

    fn delete(&mut self, txn: &mut Txn, entries: &mut Entries) {
        self.settle(entries);
        let answer = self.cursor.delete(txn);
        let Stand::At { key, is_entry: true } = self.stand.clone() else {
            assert!(matches!(answer, Err(Error::NotFound)), "{answer:?}");
            return;
        };
        if let Value::Bucket(_) = entries[&key] {
            assert!(matches!(answer, Err(Error::WrongType(_))), "{answer:?}");
            return;
        }
        answer.unwrap();
        entries.remove(&key);
        self.stand = Stand::At { key, is_entry: false };
    }

    fn many(&mut self, txn: &Txn, entries: &Entries, count: usize, backward: bool, refuses: bool) {
        self.settle(entries);
        let mut expected = self.ahead(entries, backward);
        expected.truncate(count);
        let mut taken: Vec<Vec<u8>> = Vec::new();
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let done = self.cursor.take(txn, direction, |entry| {
            assert_entry(entry, entries);
            if taken.len() == count {
                return Take::Refused;
            }
            taken.push(entry.key.to_vec());
            if taken.len() == count && !refuses { Take::Enough } else { Take::More }
        });
        done.unwrap();
        assert_eq!(taken, expected);
        if let Some(key) = taken.pop() {
            self.stand = Stand::At { key, is_entry: true };
        }
    }
}

fn perform<'t>(cursor: &mut Cursor, txn: &'t Txn, motion: &Motion) -> Result<Option<Entry<'t>>> {
    match *motion {
        Motion::First => cursor.first(txn),
        Motion::Last => cursor.last(txn),
        Motion::Next(_) => cursor.next(txn),
        Motion::Prev(_) => cursor.prev(txn),
        Motion::Seek(key) => cursor.seek(txn, &key_bytes(key)),
        Motion::SeekLe(key) => cursor.seek_le(txn, &key_bytes(key)),
        Motion::Current => cursor.current(txn),
        _ => panic!("{motion:?} is no step"),
    }
}

fn assert_entry(entry: Entry<'_>, entries: &Entries) {
    match &entries[entry.key] {
        Value::Bytes(bytes) => assert_eq!(entry.value, Some(&bytes[..])),
        Value::Bucket(_) => assert_eq!(entry.value, None),
    }
}
