//! A database under random operations, and what it should hold.

use std::collections::BTreeMap;
use std::path::Path;

use bolt::{BucketId, Condition, Db, Error, FreelistMode, Options, ROOT, Savepoint, Txn, Wait};

use super::cursors::{Bounds, Live, Motion};
use super::maps::{Model, Names, Value, assert_counted, assert_inspected, assert_same};
use super::maps::{bucket_of, bucket_of_mut, key_bytes, paths};
use super::ops::Op;
use crate::common;

/// The names of the buckets that are open in the transaction, by their numbers.
type Places = BTreeMap<usize, Names>;

/// Asked after each commit whether the file is sound.
type Judge<'j> = Box<dyn FnMut(&Db) + 'j>;

/// The database and what it should hold.
pub struct Run<'j> {
    db: Option<Db>,
    options: Options,
    judge: Judge<'j>,
    committed: Model,
    current: Model,
    txn: Option<Txn>,
    places: Places,
    cursors: Vec<Live>,
    readers: Vec<(Txn, Model)>,
    savepoints: Vec<(Savepoint, Model, Places)>,
    step: usize,
}

impl<'j> Run<'j> {
    pub fn new(path: &Path, options: Options, judge: impl FnMut(&Db) + 'j) -> Run<'j> {
        let db = Some(common::lint::open(path, &options).unwrap());
        let (committed, current) = (Model::default(), Model::default());
        Run {
            db,
            options,
            judge: Box::new(judge),
            committed,
            current,
            txn: None,
            places: BTreeMap::from([(ROOT.index(), Names::new())]),
            cursors: Vec::new(),
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
    fn pick(&mut self, pick: u16) -> (BucketId, Names) {
        let all = paths(&self.current);
        let path = all[usize::from(pick) % all.len()].clone();
        (self.open(&path), path)
    }

    /// As [`Self::pick`], the bucket in which that one lies, and its name; `None` for the root bucket.
    fn pick_below_root(&mut self, pick: u16) -> Option<(BucketId, Names, Vec<u8>)> {
        let mut path = self.pick(pick).1;
        let name = path.pop()?;
        Some((self.open(&path), path, name))
    }

    /// Opens a bucket that is there. Who has a number keeps it, and no other gets it.
    fn open(&mut self, path: &[Vec<u8>]) -> BucketId {
        let mut id = ROOT;
        self.txn();
        for (depth, name) in path.iter().enumerate() {
            id = self.txn().bucket(id, name).unwrap();
            let place = &path[..=depth];
            match self.places.get(&id.index()) {
                Some(known) => assert_eq!(known, place),
                None => {
                    assert!(
                        self.places.values().all(|known| known != place),
                        "the same name, another number"
                    );
                    self.places.insert(id.index(), place.to_vec());
                }
            }
        }
        id
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
            Some(Value::Bucket(_)) => {
                let opened = self.open(&[path, vec![name]].concat());
                assert_eq!(result.unwrap(), opened);
            }
            None => {
                model.entries.insert(name.clone(), Value::Bucket(Model::default()));
                let opened = self.open(&[path, vec![name]].concat());
                assert_eq!(result.unwrap(), opened);
            }
        }
    }

    fn drop_bucket(&mut self, (id, path, name): (BucketId, Names, Vec<u8>)) {
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
                let dropped = [path, vec![name]].concat();
                self.places.retain(|_, place| !place.starts_with(&dropped));
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

    fn move_bucket(&mut self, (from, from_path, name): (BucketId, Names, Vec<u8>), to: u16) {
        let (to, to_path) = self.pick(to);
        let moved_path = [from_path.clone(), vec![name.clone()]].concat();
        if matches!(bucket_of(&self.current, &from_path).entries.get(&name), Some(Value::Bucket(_))) {
            self.open(&moved_path);
        }
        let result = self.txn().move_bucket(from, &name, to);
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
                let target = [to_path.clone(), vec![name.clone()]].concat();
                bucket_of_mut(&mut self.current, &to_path).entries.insert(name, bucket);
                for place in self.places.values_mut().filter(|place| place.starts_with(&moved_path)) {
                    *place = [&target[..], &place[moved_path.len()..]].concat();
                }
            }
        }
    }

    fn savepoint(&mut self) {
        let savepoint = self.txn().savepoint().unwrap();
        self.savepoints.push((savepoint, self.current.clone(), self.places.clone()));
    }

    fn rollback_to(&mut self, pick: u8) {
        if self.savepoints.is_empty() {
            return;
        }
        self.savepoints.truncate(usize::from(pick) % self.savepoints.len() + 1);
        let (savepoint, model, places) = self.savepoints.last().unwrap().clone();
        self.txn().rollback_to(savepoint).unwrap();
        (self.current, self.places) = (model.clone(), places);
        for path in paths(&model) {
            self.open(&path);
        }
        assert_same(self.txn(), ROOT, &model);
    }

    fn release(&mut self, pick: u8) {
        if self.savepoints.is_empty() {
            return;
        }
        let position = usize::from(pick) % self.savepoints.len();
        let (savepoint, ..) = self.savepoints[position];
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

    fn get_many(&mut self, bucket: u16, keys: &[Vec<u8>]) {
        let (id, path) = self.pick(bucket);
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let mut values = vec![Some(&b"not looked for"[..]); keys.len()];
        self.txn.as_ref().unwrap().get_many(id, &keys, &mut values).unwrap();
        let entries = &bucket_of(&self.current, &path).entries;
        for (key, value) in keys.iter().zip(values) {
            let expected = match entries.get(*key) {
                Some(Value::Bytes(bytes)) => Some(&bytes[..]),
                _ => None,
            };
            assert_eq!(value, expected);
        }
    }

    fn open_cursor(&mut self, bucket: u16, bounds: Bounds, motions: &[Motion]) {
        let (id, path) = self.pick(bucket);
        let txn = self.txn.as_mut().unwrap();
        let mut live = Live::open(txn, id, bounds);
        let entries = &mut bucket_of_mut(&mut self.current, &path).entries;
        motions.iter().for_each(|motion| live.go(txn, entries, motion));
        self.cursors.push(live);
    }

    fn close_cursor(&mut self, pick: u8) {
        if !self.cursors.is_empty() {
            self.cursors.swap_remove(usize::from(pick) % self.cursors.len());
        }
    }

    fn go(&mut self, pick: u8, motion: &Motion) {
        if self.cursors.is_empty() {
            return;
        }
        let position = usize::from(pick) % self.cursors.len();
        let live = &mut self.cursors[position];
        let txn = self.txn.as_mut().unwrap();
        match self.places.get(&live.bucket.index()) {
            Some(path) => live.go(txn, &mut bucket_of_mut(&mut self.current, path).entries, motion),
            None => live.assert_dead(txn, motion),
        }
    }

    fn commit(&mut self) {
        self.forget();
        if let Some(txn) = self.txn.take() {
            assert_inspected(&txn, &self.current);
            let before = txn.bucket_stats(ROOT).unwrap();
            assert_counted(before, &self.committed);
            txn.commit().unwrap();
            self.committed = self.current.clone();
            let db = self.db().clone();
            (self.judge)(&db);
            let mut txn = self.db().begin_read().unwrap();
            assert_same(&mut txn, ROOT, &self.committed);
            assert_inspected(&txn, &self.committed);
            assert_counted(txn.bucket_stats(ROOT).unwrap(), &self.committed);
        }
    }

    /// Nothing that was opened in the transaction outlives it.
    fn forget(&mut self) {
        self.savepoints.clear();
        self.cursors.clear();
        self.places = BTreeMap::from([(ROOT.index(), Names::new())]);
    }

    fn rollback(&mut self) {
        self.forget();
        self.txn = None;
        self.current = self.committed.clone();
    }

    fn reopen(&mut self, path: &Path) {
        self.rollback();
        self.readers.clear();
        self.db().close().unwrap();
        self.db = Some(common::lint::open(path, &self.options).unwrap());
        common::assert_sound(self.db());
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    pub fn apply(&mut self, op: &Op, path: &Path) {
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
            Op::Drop { bucket, key } => {
                let (id, path) = self.pick(bucket);
                self.drop_bucket((id, path, key_bytes(key)));
            }
            Op::DropOne { bucket } => {
                if let Some(place) = self.pick_below_root(bucket) {
                    self.drop_bucket(place);
                }
            }
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
            Op::Move { from, key, to } => {
                let (id, path) = self.pick(from);
                self.move_bucket((id, path, key_bytes(key)), to);
            }
            Op::MoveOne { bucket, to } => {
                if let Some(place) = self.pick_below_root(bucket) {
                    self.move_bucket(place, to);
                }
            }
            Op::GetMany { bucket, key, step, count } => {
                let keys: Vec<Vec<u8>> =
                    (0..u16::from(count)).map(|index| key_bytes(key + index * step)).collect();
                self.get_many(bucket, &keys);
            }
            Op::OpenCursor { bucket, bounds, ref motions } => self.open_cursor(bucket, bounds, motions),
            Op::CloseCursor { cursor } => self.close_cursor(cursor),
            Op::Go { cursor, ref motion } => self.go(cursor, motion),
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

    pub fn finish(mut self, path: &Path) {
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
