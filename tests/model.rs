//! Random sequences of operations, transactions and reopenings, held against nested ordered maps.
//!
//! `PROPTEST_CASES=N cargo test --release --test model` runs N cases of each property instead of the default.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use bolt::{BucketId, Condition, Db, Error, FreelistMode, Options, ROOT, Savepoint, Txn, Wait};
use proptest::prelude::*;

/// A bucket of the model.
#[derive(Clone, Default, Debug, PartialEq)]
struct Model {
    sequence: u64,
    entries: BTreeMap<Vec<u8>, Value>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Bytes(Vec<u8>),
    Bucket(Model),
}

/// One step. A bucket is named by a number that picks one of those there are.
#[derive(Clone, Debug)]
enum Op {
    Put { bucket: u16, key: u16, len: usize },
    PutMany { bucket: u16, key: u16, count: u16, len: usize },
    Delete { bucket: u16, key: u16 },
    DeleteMany { bucket: u16, key: u16, count: u16 },
    Create { bucket: u16, key: u16 },
    Ensure { bucket: u16, key: u16 },
    Drop { bucket: u16, key: u16 },
    Sequence { bucket: u16, value: u64 },
    NextSequence { bucket: u16 },
    WalkAndDelete { bucket: u16, every: u8, backward: bool },
    Seek { bucket: u16, key: u16 },
    Commit,
    Rollback,
    Reopen,
    OpenReader,
    CloseReader,
    Mode { mode: u8 },
    PutIf { bucket: u16, key: u16, condition: Condition },
    Reserve { bucket: u16, key: u16, len: usize },
    DeleteRange { bucket: u16, from: Option<u16>, to: Option<u16> },
    Move { from: u16, key: u16, to: u16 },
    Savepoint,
    RollbackTo { savepoint: u8 },
    Release { savepoint: u8 },
}

fn value_len() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..60, 2 => 60usize..400, 1 => 400usize..9000]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Any),
        Just(Condition::Absent),
        Just(Condition::Present),
        Just(Condition::Last)
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let bucket = any::<u16>;
    let key = || 0u16..300;
    prop_oneof![
        12 => (bucket(), key(), value_len()).prop_map(|(bucket, key, len)| Op::Put { bucket, key, len }),
        4 => (bucket(), key(), 1u16..200, 0usize..100)
            .prop_map(|(bucket, key, count, len)| Op::PutMany { bucket, key, count, len }),
        6 => (bucket(), key()).prop_map(|(bucket, key)| Op::Delete { bucket, key }),
        3 => (bucket(), key(), 1u16..200).prop_map(|(bucket, key, count)| Op::DeleteMany { bucket, key, count }),
        3 => (bucket(), key()).prop_map(|(bucket, key)| Op::Create { bucket, key }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Ensure { bucket, key }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Drop { bucket, key }),
        1 => (bucket(), any::<u64>()).prop_map(|(bucket, value)| Op::Sequence { bucket, value }),
        1 => bucket().prop_map(|bucket| Op::NextSequence { bucket }),
        2 => (bucket(), 1u8..6, any::<bool>())
            .prop_map(|(bucket, every, backward)| Op::WalkAndDelete { bucket, every, backward }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Seek { bucket, key }),
        4 => Just(Op::Commit),
        1 => Just(Op::Rollback),
        1 => Just(Op::Reopen),
        1 => Just(Op::OpenReader),
        1 => Just(Op::CloseReader),
        1 => (0u8..4).prop_map(|mode| Op::Mode { mode }),
        2 => (bucket(), key(), condition()).prop_map(|(bucket, key, condition)| Op::PutIf { bucket, key, condition }),
        1 => (bucket(), key(), value_len()).prop_map(|(bucket, key, len)| Op::Reserve { bucket, key, len }),
        2 => (bucket(), prop::option::of(key()), prop::option::of(key()))
            .prop_map(|(bucket, from, to)| Op::DeleteRange { bucket, from, to }),
        2 => (bucket(), key(), bucket()).prop_map(|(from, key, to)| Op::Move { from, key, to }),
        3 => Just(Op::Savepoint),
        2 => any::<u8>().prop_map(|savepoint| Op::RollbackTo { savepoint }),
        1 => any::<u8>().prop_map(|savepoint| Op::Release { savepoint }),
    ]
}

fn key_bytes(key: u16) -> Vec<u8> {
    let mut bytes = format!("{key:04}").into_bytes();
    if key % 17 == 0 {
        bytes.resize(4 + usize::from(key), b'k');
    }
    bytes
}

/// All bucket paths of the model, the root's first.
fn paths(model: &Model) -> Vec<Vec<Vec<u8>>> {
    let mut all = vec![Vec::new()];
    let mut index = 0;
    while index < all.len() {
        let path: Vec<Vec<u8>> = all[index].clone();
        for (name, value) in &bucket_of(model, &path).entries {
            if matches!(value, Value::Bucket(_)) {
                all.push([path.clone(), vec![name.clone()]].concat());
            }
        }
        index += 1;
    }
    all
}

fn bucket_of<'m>(model: &'m Model, path: &[Vec<u8>]) -> &'m Model {
    path.iter().fold(model, |model, name| match &model.entries[name] {
        Value::Bucket(bucket) => bucket,
        Value::Bytes(_) => panic!("a path leads through buckets"),
    })
}

fn bucket_of_mut<'m>(model: &'m mut Model, path: &[Vec<u8>]) -> &'m mut Model {
    path.iter().fold(model, |model, name| match model.entries.get_mut(name) {
        Some(Value::Bucket(bucket)) => bucket,
        _ => panic!("a path leads through buckets"),
    })
}

fn open_path(txn: &mut Txn, path: &[Vec<u8>]) -> BucketId {
    path.iter().fold(ROOT, |bucket, name| txn.bucket(bucket, name).unwrap())
}

fn assert_same(txn: &mut Txn, bucket: BucketId, model: &Model) {
    let forward = common::entries(txn, bucket, false);
    assert_eq!(forward, common::entries(txn, bucket, true), "forward and backward differ");
    assert_eq!(forward.len(), model.entries.len());
    assert_eq!(txn.sequence(bucket).unwrap(), model.sequence);
    for ((key, value), (model_key, model_value)) in forward.iter().zip(&model.entries) {
        assert_eq!(key, model_key);
        match model_value {
            Value::Bytes(bytes) => {
                assert_eq!(value.as_ref(), Some(bytes));
                assert_eq!(txn.get(bucket, key).unwrap(), Some(&bytes[..]));
            }
            Value::Bucket(below) => {
                assert_eq!(value, &None);
                let child = txn.bucket(bucket, key).unwrap();
                assert_same(txn, child, below);
            }
        }
    }
}

/// The database and what it should hold.
struct Run {
    db: Option<Db>,
    options: Options,
    committed: Model,
    current: Model,
    txn: Option<Txn>,
    readers: Vec<(Txn, Model)>,
    savepoints: Vec<(Savepoint, Model)>,
    step: usize,
}

impl Run {
    fn new(path: &Path, options: Options) -> Run {
        let db = Some(Db::open(path, &options).unwrap());
        let (committed, current) = (Model::default(), Model::default());
        Run {
            db,
            options,
            committed,
            current,
            txn: None,
            readers: Vec::new(),
            savepoints: Vec::new(),
            step: 0,
        }
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn txn(&mut self) -> &mut Txn {
        if self.txn.is_none() {
            self.txn = Some(self.db().begin_write(Wait::Try).unwrap());
        }
        self.txn.as_mut().unwrap()
    }

    /// The bucket that number `pick` names, here and in the model.
    fn pick(&mut self, pick: u16) -> (BucketId, Vec<Vec<u8>>) {
        let all = paths(&self.current);
        let path = all[usize::from(pick) % all.len()].clone();
        (open_path(self.txn(), &path), path)
    }

    fn put(&mut self, bucket: u16, key: Vec<u8>, value: Vec<u8>) {
        let (id, path) = self.pick(bucket);
        let result = self.txn().put(id, &key, &value);
        let model = bucket_of_mut(&mut self.current, &path);
        match model.entries.get(&key) {
            Some(Value::Bucket(_)) => assert!(matches!(result, Err(Error::WrongType(_)))),
            _ => {
                result.unwrap();
                model.entries.insert(key, Value::Bytes(value));
            }
        }
    }

    fn delete(&mut self, bucket: u16, key: Vec<u8>) {
        let (id, path) = self.pick(bucket);
        let result = self.txn().delete(id, &key);
        let model = bucket_of_mut(&mut self.current, &path);
        match model.entries.get(&key) {
            Some(Value::Bucket(_)) => assert!(matches!(result, Err(Error::WrongType(_)))),
            _ => {
                result.unwrap();
                model.entries.remove(&key);
            }
        }
    }

    fn make(&mut self, bucket: u16, name: Vec<u8>, ensure: bool) {
        let (id, path) = self.pick(bucket);
        let txn = self.txn();
        let result = if ensure { txn.ensure_bucket(id, &name) } else { txn.create_bucket(id, &name) };
        let model = bucket_of_mut(&mut self.current, &path);
        match model.entries.get(&name) {
            Some(Value::Bytes(_)) => assert!(matches!(result, Err(Error::WrongType(_)))),
            Some(Value::Bucket(_)) if !ensure => assert!(matches!(result, Err(Error::Exists))),
            Some(Value::Bucket(_)) => drop(result.unwrap()),
            None => {
                result.unwrap();
                model.entries.insert(name, Value::Bucket(Model::default()));
            }
        }
    }

    fn drop_bucket(&mut self, bucket: u16, name: Vec<u8>) {
        let (id, path) = self.pick(bucket);
        let below = self.txn().bucket(id, &name).ok();
        let result = self.txn().delete_bucket(id, &name);
        let model = bucket_of_mut(&mut self.current, &path);
        match model.entries.get(&name) {
            Some(Value::Bytes(_)) => assert!(matches!(result, Err(Error::WrongType(_)))),
            None => assert!(matches!(result, Err(Error::NotFound))),
            Some(Value::Bucket(_)) => {
                result.unwrap();
                model.entries.remove(&name);
                assert!(matches!(self.txn().get(below.unwrap(), b"k"), Err(Error::BadHandle(_))));
            }
        }
    }

    fn put_if(&mut self, bucket: u16, key: Vec<u8>, condition: Condition) {
        let (id, path) = self.pick(bucket);
        let value = key.repeat(2);
        let result = self.txn().put_if(id, &key, &value, condition);
        let model = bucket_of_mut(&mut self.current, &path);
        let is_last = model.entries.last_key_value().is_none_or(|(last, _)| *last < key);
        match (model.entries.get(&key), condition) {
            (Some(Value::Bucket(_)), _) => assert!(matches!(result, Err(Error::WrongType(_)))),
            (Some(_), Condition::Absent) => assert!(matches!(result, Err(Error::Exists))),
            (None, Condition::Present) => assert!(matches!(result, Err(Error::NotFound))),
            (_, Condition::Last) if !is_last => assert!(matches!(result, Err(Error::Exists))),
            _ => {
                result.unwrap();
                model.entries.insert(key, Value::Bytes(value));
            }
        }
    }

    fn reserve(&mut self, bucket: u16, key: Vec<u8>, len: usize) {
        let (id, path) = self.pick(bucket);
        match self.txn().put_reserve(id, &key, len) {
            Ok(value) => {
                assert_eq!(value, vec![0; len]);
                value.fill(b'r');
                let model = bucket_of_mut(&mut self.current, &path);
                model.entries.insert(key, Value::Bytes(vec![b'r'; len]));
            }
            Err(error) => {
                let model = bucket_of(&self.current, &path);
                assert!(matches!((error, &model.entries[&key]), (Error::WrongType(_), Value::Bucket(_))));
            }
        }
    }

    fn delete_range(&mut self, bucket: u16, from: Option<Vec<u8>>, to: Option<Vec<u8>>) {
        let (id, path) = self.pick(bucket);
        let result = self.txn().delete_range(id, from.as_deref(), to.as_deref());
        let model = bucket_of_mut(&mut self.current, &path);
        let within = |key: &Vec<u8>| {
            from.as_ref().is_none_or(|from| key >= from) && to.as_ref().is_none_or(|to| key < to)
        };
        if model.entries.iter().any(|(key, value)| within(key) && matches!(value, Value::Bucket(_))) {
            assert!(matches!(result, Err(Error::WrongType(_))));
            return;
        }
        let before = model.entries.len();
        model.entries.retain(|key, _| !within(key));
        assert_eq!(result.unwrap(), (before - model.entries.len()) as u64);
    }

    fn move_bucket(&mut self, from: u16, name: Vec<u8>, to: u16) {
        let (from, from_path) = self.pick(from);
        let (to, to_path) = self.pick(to);
        let result = self.txn().move_bucket(from, &name, to);
        let moved_path = [from_path.clone(), vec![name.clone()]].concat();
        match bucket_of(&self.current, &from_path).entries.get(&name) {
            None => return assert!(matches!(result, Err(Error::NotFound))),
            Some(Value::Bytes(_)) => return assert!(matches!(result, Err(Error::WrongType(_)))),
            Some(Value::Bucket(_)) if from == to || to_path.starts_with(&moved_path) => {
                return assert!(matches!(result, Err(Error::SameBucket)));
            }
            Some(Value::Bucket(_)) => {}
        }
        match bucket_of(&self.current, &to_path).entries.get(&name) {
            Some(Value::Bucket(_)) => assert!(matches!(result, Err(Error::Exists))),
            Some(Value::Bytes(_)) => assert!(matches!(result, Err(Error::WrongType(_)))),
            None => {
                result.unwrap();
                let bucket = bucket_of_mut(&mut self.current, &from_path).entries.remove(&name).unwrap();
                bucket_of_mut(&mut self.current, &to_path).entries.insert(name, bucket);
            }
        }
    }

    fn savepoint(&mut self) {
        let savepoint = self.txn().savepoint().unwrap();
        self.savepoints.push((savepoint, self.current.clone()));
    }

    fn rollback_to(&mut self, pick: u8) {
        if self.savepoints.is_empty() {
            return;
        }
        self.savepoints.truncate(usize::from(pick) % self.savepoints.len() + 1);
        let (savepoint, model) = self.savepoints.last().unwrap().clone();
        self.txn().rollback_to(savepoint).unwrap();
        self.current = model.clone();
        assert_same(self.txn(), ROOT, &model);
    }

    fn release(&mut self, pick: u8) {
        if self.savepoints.is_empty() {
            return;
        }
        let position = usize::from(pick) % self.savepoints.len();
        let (savepoint, _) = self.savepoints[position];
        self.savepoints.truncate(position);
        self.txn().release(savepoint).unwrap();
        assert!(matches!(self.txn().rollback_to(savepoint), Err(Error::BadHandle(_))));
    }

    /// Walks a bucket by cursor and deletes every so many entries on the way: none is skipped, none comes
    /// twice.
    fn walk_and_delete(&mut self, bucket: u16, every: u8, backward: bool) {
        let (id, path) = self.pick(bucket);
        let txn = self.txn.as_mut().unwrap();
        let mut cursor = txn.cursor(id).unwrap();
        let mut seen = Vec::new();
        let mut entry = if backward { cursor.last(txn).unwrap() } else { cursor.first(txn).unwrap() };
        while let Some(found) = entry {
            let is_bucket = found.value.is_none();
            seen.push(found.key.to_vec());
            if !is_bucket && seen.len() % usize::from(every) == 0 {
                cursor.delete(txn).unwrap();
                assert!(cursor.current(txn).unwrap().is_none());
            }
            entry = if backward { cursor.prev(txn).unwrap() } else { cursor.next(txn).unwrap() };
        }
        let model = bucket_of_mut(&mut self.current, &path);
        let mut expected: Vec<Vec<u8>> = model.entries.keys().cloned().collect();
        if backward {
            expected.reverse();
        }
        assert_eq!(seen, expected);
        for (index, key) in seen.iter().enumerate() {
            if (index + 1) % usize::from(every) == 0 && matches!(model.entries[key], Value::Bytes(_)) {
                model.entries.remove(key);
            }
        }
    }

    fn seek(&mut self, bucket: u16, key: &[u8]) {
        let (id, path) = self.pick(bucket);
        let txn = self.txn.as_ref().unwrap();
        let mut cursor = txn.cursor(id).unwrap();
        let model = &bucket_of(&self.current, &path).entries;
        let mut after = model.range(key.to_vec()..);
        let found = cursor.seek(txn, key).unwrap().map(|entry| entry.key.to_vec());
        let expected = after.next().map(|(key, _)| key.clone());
        assert_eq!(found, expected);
        let before = cursor.prev(txn).unwrap().map(|entry| entry.key.to_vec());
        let expected_before = model.range(..key.to_vec()).next_back().map(|(key, _)| key.clone());
        assert_eq!(before, expected_before);
        if before.is_some() && expected.is_some() {
            assert_eq!(cursor.next(txn).unwrap().map(|entry| entry.key.to_vec()), expected);
        }
    }

    fn commit(&mut self) {
        self.savepoints.clear();
        if let Some(txn) = self.txn.take() {
            txn.commit().unwrap();
            self.committed = self.current.clone();
            common::assert_sound(self.db());
        }
    }

    fn rollback(&mut self) {
        self.savepoints.clear();
        self.txn = None;
        self.current = self.committed.clone();
    }

    fn reopen(&mut self, path: &Path) {
        self.rollback();
        self.readers.clear();
        self.db().close().unwrap();
        self.db = Some(Db::open(path, &self.options).unwrap());
        common::assert_sound(self.db());
    }

    fn apply(&mut self, op: &Op, path: &Path) {
        self.step += 1;
        let byte = self.step as u8;
        match *op {
            Op::Put { bucket, key, len } => self.put(bucket, key_bytes(key), vec![byte; len]),
            Op::PutMany { bucket, key, count, len } => {
                (key..key + count).for_each(|key| self.put(bucket, key_bytes(key), vec![byte; len]));
            }
            Op::Delete { bucket, key } => self.delete(bucket, key_bytes(key)),
            Op::DeleteMany { bucket, key, count } => {
                (key..key + count).for_each(|key| self.delete(bucket, key_bytes(key)))
            }
            Op::Create { bucket, key } => self.make(bucket, key_bytes(key), false),
            Op::Ensure { bucket, key } => self.make(bucket, key_bytes(key), true),
            Op::Drop { bucket, key } => self.drop_bucket(bucket, key_bytes(key)),
            Op::Sequence { bucket, value } => {
                let (id, path) = self.pick(bucket);
                self.txn().set_sequence(id, value).unwrap();
                bucket_of_mut(&mut self.current, &path).sequence = value;
            }
            Op::NextSequence { bucket } => {
                let (id, path) = self.pick(bucket);
                let next = self.txn().next_sequence(id).unwrap();
                let model = bucket_of_mut(&mut self.current, &path);
                model.sequence = model.sequence.wrapping_add(1);
                assert_eq!(next, model.sequence);
            }
            Op::WalkAndDelete { bucket, every, backward } => self.walk_and_delete(bucket, every, backward),
            Op::Seek { bucket, key } => self.seek(bucket, &key_bytes(key)),
            Op::Commit => self.commit(),
            Op::Rollback => self.rollback(),
            Op::Reopen => self.reopen(path),
            Op::OpenReader => {
                let reader = self.db().begin_read().unwrap();
                self.readers.push((reader, self.committed.clone()));
            }
            Op::CloseReader => {
                if !self.readers.is_empty() {
                    let (mut reader, model) = self.readers.remove(0);
                    assert_same(&mut reader, ROOT, &model);
                }
            }
            Op::PutIf { bucket, key, condition } => self.put_if(bucket, key_bytes(key), condition),
            Op::Reserve { bucket, key, len } => self.reserve(bucket, key_bytes(key), len),
            Op::DeleteRange { bucket, from, to } => {
                self.delete_range(bucket, from.map(key_bytes), to.map(key_bytes));
            }
            Op::Move { from, key, to } => self.move_bucket(from, key_bytes(key), to),
            Op::Savepoint => self.savepoint(),
            Op::RollbackTo { savepoint } => self.rollback_to(savepoint),
            Op::Release { savepoint } => self.release(savepoint),
            Op::Mode { mode } => self.db().set_freelist_mode(match mode {
                0 => FreelistMode::Automatic,
                1 => FreelistMode::EachCommit,
                2 => FreelistMode::AtClose,
                _ => FreelistMode::Never,
            }),
        }
    }

    fn finish(mut self, path: &Path) {
        let current = self.current.clone();
        if self.txn.is_some() {
            assert_same(self.txn(), ROOT, &current);
        }
        for (mut reader, model) in std::mem::take(&mut self.readers) {
            assert_same(&mut reader, ROOT, &model);
        }
        self.commit();
        self.reopen(path);
        let mut txn = self.db().begin_read().unwrap();
        assert_same(&mut txn, ROOT, &self.committed);
    }
}

fn options() -> impl Strategy<Value = Options> {
    let fill = prop::option::weighted(0.3, prop_oneof![Just(0.1), Just(0.5), Just(1.0)]);
    (0u32..7, fill, prop::bool::weighted(0.2)).prop_map(|(shift, fill_percent, bbolt_rules)| Options {
        page_size: 1024 << shift,
        fill_percent,
        bbolt_rules,
        no_sync: true,
        ..Options::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_database_holds_what_nested_maps_hold(options in options(), ops in prop::collection::vec(op(), 1..120)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.db");
        let mut run = Run::new(&path, options);
        for op in &ops {
            run.apply(op, &path);
        }
        run.finish(&path);
    }
}
