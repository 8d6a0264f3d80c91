//! What a database should hold: nested ordered maps, and the changes that are made to them and to the
//! database alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use bolt::{BucketId, ROOT, Txn};

use crate::digest::{Content, Digest};
use crate::random::{Random, mix};

/// A bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its sequence.
    pub sequence: u64,
    /// What it holds.
    pub entries: BTreeMap<Vec<u8>, Value>,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A bucket.
    Bucket(Bucket),
}

/// The names that lead to a bucket; none: the root bucket.
pub type Path = Vec<Vec<u8>>;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets a key.
    Put(Path, Vec<u8>, Arc<[u8]>),
    /// Takes a key out, if it is there.
    Delete(Path, Vec<u8>),
    /// Takes out all keys from the first to before the second.
    DeleteRange(Path, Vec<u8>, Vec<u8>),
    /// Makes a bucket where there is none.
    Ensure(Path, Vec<u8>),
    /// Takes a bucket out.
    Drop(Path, Vec<u8>),
    /// Moves a bucket from the first to the second.
    Move(Path, Vec<u8>, Path),
    /// Sets a bucket's sequence.
    Sequence(Path, u64),
    /// Changes that are taken back by a savepoint.
    Undone(Vec<Action>),
}

impl Bucket {
    /// The digest of it all, as the root bucket.
    pub fn digest(&self) -> Digest {
        let mut content = Content::default();
        self.add_to(&mut content, b"");
        content.digest()
    }

    fn add_to(&self, content: &mut Content, name: &[u8]) {
        content.begin_bucket(name, self.sequence);
        for (key, value) in &self.entries {
            match value {
                Value::Bytes(bytes) => content.entry(key, bytes),
                Value::Bucket(bucket) => bucket.add_to(content, key),
            }
        }
        content.end_bucket();
    }

    /// The bucket to which the path leads.
    pub fn at(&self, path: &[Vec<u8>]) -> Option<&Bucket> {
        path.iter().try_fold(self, |bucket, name| match bucket.entries.get(name) {
            Some(Value::Bucket(below)) => Some(below),
            _ => None,
        })
    }

    fn at_mut(&mut self, path: &[Vec<u8>]) -> Option<&mut Bucket> {
        path.iter().try_fold(self, |bucket, name| match bucket.entries.get_mut(name) {
            Some(Value::Bucket(below)) => Some(below),
            _ => None,
        })
    }

    /// The paths of all buckets, the root's first.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = vec![Path::new()];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            let Some(bucket) = self.at(&path) else { break };
            let below = bucket.entries.iter().filter(|(_, value)| matches!(value, Value::Bucket(_)));
            paths.extend(below.map(|(name, _)| [&path[..], std::slice::from_ref(name)].concat()));
            next += 1;
        }
        paths
    }

    /// Makes the change. One that cannot be, since a key is a bucket, or none, changes nothing; [`possible`]
    /// leaves it out.
    pub fn apply(&mut self, action: &Action) {
        match action {
            Action::Put(path, key, value) => self.set(path, key, Value::Bytes(value.clone())),
            Action::Ensure(path, name) => {
                let is_there = self.at(path).is_some_and(|bucket| bucket.entries.contains_key(name));
                if !is_there {
                    self.set(path, name, Value::Bucket(Bucket::default()));
                }
            }
            Action::Delete(path, key) | Action::Drop(path, key) => {
                self.at_mut(path).map(|bucket| bucket.entries.remove(key));
            }
            Action::DeleteRange(path, from, to) => {
                if let Some(bucket) = self.at_mut(path) {
                    bucket.entries.retain(|key, _| key < from || key >= to);
                }
            }
            Action::Move(from, name, to) => {
                if let Some(moved) = self.at_mut(from).and_then(|bucket| bucket.entries.remove(name)) {
                    self.set(to, name, moved);
                }
            }
            Action::Sequence(path, value) => {
                if let Some(bucket) = self.at_mut(path) {
                    bucket.sequence = *value;
                }
            }
            Action::Undone(_) => {}
        }
    }

    fn set(&mut self, path: &[Vec<u8>], key: &[u8], value: Value) {
        if let Some(bucket) = self.at_mut(path) {
            bucket.entries.insert(key.to_vec(), value);
        }
    }

    /// Whether the change can be made.
    pub fn possible(&self, action: &Action) -> bool {
        let entry = |path: &Path, key: &[u8]| self.at(path).map(|bucket| bucket.entries.get(key));
        match action {
            Action::Put(path, key, _) | Action::Delete(path, key) => {
                matches!(entry(path, key), Some(None | Some(Value::Bytes(_))))
            }
            Action::Ensure(path, name) => matches!(entry(path, name), Some(None | Some(Value::Bucket(_)))),
            Action::Drop(path, name) => matches!(entry(path, name), Some(Some(Value::Bucket(_)))),
            Action::DeleteRange(path, from, to) => self.at(path).is_some_and(|bucket| {
                from < to
                    && bucket
                        .entries
                        .range(from.clone()..to.clone())
                        .all(|(_, value)| matches!(value, Value::Bytes(_)))
            }),
            Action::Move(from, name, to) => {
                let moved = [&from[..], std::slice::from_ref(name)].concat();
                matches!(entry(from, name), Some(Some(Value::Bucket(_))))
                    && matches!(entry(to, name), Some(None))
                    && !to.starts_with(&moved)
            }
            Action::Sequence(path, _) => self.at(path).is_some(),
            Action::Undone(actions) => {
                let mut bucket = self.clone();
                actions.iter().all(|action| {
                    let possible = bucket.possible(action);
                    bucket.apply(action);
                    possible
                })
            }
        }
    }
}

/// Makes the change in the database.
pub fn perform(txn: &mut Txn, action: &Action) -> bolt::Result<()> {
    match action {
        Action::Put(path, key, value) => {
            let bucket = open(txn, path)?;
            txn.put(bucket, key, value)
        }
        Action::Delete(path, key) => {
            let bucket = open(txn, path)?;
            txn.delete(bucket, key)
        }
        Action::DeleteRange(path, from, to) => {
            let bucket = open(txn, path)?;
            txn.delete_range(bucket, Some(from), Some(to)).map(|_| ())
        }
        Action::Ensure(path, name) => {
            let bucket = open(txn, path)?;
            txn.ensure_bucket(bucket, name).map(|_| ())
        }
        Action::Drop(path, name) => {
            let bucket = open(txn, path)?;
            txn.delete_bucket(bucket, name)
        }
        Action::Move(from, name, to) => {
            let (from, to) = (open(txn, from)?, open(txn, to)?);
            txn.move_bucket(from, name, to)
        }
        Action::Sequence(path, value) => {
            let bucket = open(txn, path)?;
            txn.set_sequence(bucket, *value)
        }
        Action::Undone(actions) => {
            let savepoint = txn.savepoint()?;
            actions.iter().try_for_each(|action| perform(txn, action))?;
            txn.rollback_to(savepoint)
        }
    }
}

fn open(txn: &mut Txn, path: &[Vec<u8>]) -> bolt::Result<BucketId> {
    path.iter().try_fold(ROOT, |bucket, name| txn.bucket(bucket, name))
}

/// The digest of what a transaction sees, by its cursors.
pub fn digest_of(txn: &mut Txn) -> bolt::Result<Digest> {
    let mut content = Content::default();
    add_bucket(txn, ROOT, b"", &mut content)?;
    Ok(content.digest())
}

fn add_bucket(txn: &mut Txn, bucket: BucketId, name: &[u8], content: &mut Content) -> bolt::Result<()> {
    content.begin_bucket(name, txn.sequence(bucket)?);
    let mut cursor = txn.cursor(bucket)?;
    let mut entry = cursor.first(txn)?;
    while let Some(found) = entry {
        match found.value {
            Some(value) => content.entry(found.key, value),
            None => {
                let name = found.key.to_vec();
                let below = txn.bucket(bucket, &name)?;
                add_bucket(txn, below, &name, content)?;
            }
        }
        entry = cursor.next(txn)?;
    }
    content.end_bucket();
    Ok(())
}

/// Bytes of this length, other ones for each seed.
pub fn value(seed: u64, len: usize) -> Arc<[u8]> {
    let mut bytes = vec![0; len];
    Random::new(mix(seed)).fill(&mut bytes);
    bytes.into()
}
