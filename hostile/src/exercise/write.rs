//! Writing: every kind of change, in transactions that are committed, rolled back, and batched.

use bolt::{BucketId, Condition, Db, Error, FreelistMode, ROOT, Savepoint, Take, Txn, Wait};
use crashsim::random::Random;

use super::{Outcome, Stage, genuine, wanted};

/// When the list of free pages can be written.
pub const FREELIST_MODES: [FreelistMode; 4] =
    [FreelistMode::EachCommit, FreelistMode::Automatic, FreelistMode::AtClose, FreelistMode::Never];

const TXN_COUNT: usize = 4;
const CHANGE_COUNT: usize = 24;
/// How many buckets, and how many keys of one, are looked for to be changed.
const BUCKET_COUNT: usize = 12;
const KEY_COUNT: usize = 64;

/// A transaction, and what there is in it to be changed.
struct Writing<'a> {
    txn: Txn,
    /// Buckets with their parents and names.
    buckets: Vec<(BucketId, BucketId, Vec<u8>)>,
    keys: Vec<Vec<u8>>,
    savepoints: Vec<Savepoint>,
    must_work: bool,
    page_size: usize,
    random: &'a mut Random,
}

/// Writes to the database; how many transactions were committed.
pub fn all(stage: &Stage, db: &Db, must_work: bool, random: &mut Random) -> Outcome<u64> {
    let mut commit_count = 0;
    let page_size = db.page_size().map_err(|error| error.to_string())? as usize;
    let reader = wanted(db.begin_read(), must_work, "beginning to read")?;
    for number in 0..TXN_COUNT {
        db.set_freelist_mode(random.pick(&FREELIST_MODES));
        let Some(mut txn) = wanted(db.begin_write(Wait::Try), must_work, "beginning to write")? else {
            break;
        };
        let (buckets, keys) = targets(&mut txn, must_work, random)?;
        let savepoints = Vec::new();
        let mut writing = Writing { txn, buckets, keys, savepoints, must_work, page_size, random };
        let change_count = if stage.len > 1 << 22 { 6 } else { CHANGE_COUNT };
        for _ in 0..change_count {
            writing.change()?;
        }
        if number == 1 && writing.random.once_in(2) {
            writing.txn.rollback();
            continue;
        }
        match writing.txn.commit() {
            Ok(()) => commit_count += 1,
            Err(error) if must_work => return Err(format!("a commit, in a sound file: {error}")),
            Err(error) => genuine(&error).map_err(|violation| format!("a commit: {violation}"))?,
        }
    }
    drop(reader);
    let batched = db.batch(|txn| txn.put(ROOT, b"batched", b"value"));
    if let Some(()) = wanted(allowed(batched), must_work, "a batch")? {
        commit_count += 1;
    }
    wanted(db.sync(), must_work, "a sync")?;
    Ok(commit_count)
}

/// An error that a call may have in a sound file, too, is taken for a result.
fn allowed(result: bolt::Result<()>) -> bolt::Result<()> {
    match result {
        Err(
            Error::WrongType(_)
            | Error::Exists
            | Error::NotFound
            | Error::BadHandle(_)
            | Error::KeySize(_)
            | Error::Argument(_)
            | Error::SameBucket,
        ) => Ok(()),
        other => other,
    }
}

/// Buckets and keys that are there.
#[expect(clippy::type_complexity, reason = "they are the two lists of Writing")]
fn targets(
    txn: &mut Txn,
    must_work: bool,
    random: &mut Random,
) -> Outcome<(Vec<(BucketId, BucketId, Vec<u8>)>, Vec<Vec<u8>>)> {
    let (mut buckets, mut keys) = (vec![(ROOT, ROOT, Vec::new())], vec![b"new".to_vec(), vec![0xFF, 0xFE]]);
    let mut next = 0;
    while next < buckets.len() && buckets.len() < BUCKET_COUNT {
        let (id, ..) = buckets[next];
        next += 1;
        let mut names = Vec::new();
        let Some(mut cursor) = wanted(txn.cursor(id), must_work, "a cursor")? else { continue };
        let skip = if random.once_in(2) { 0 } else { random.below(KEY_COUNT) };
        let mut left = KEY_COUNT;
        let taken = cursor.take(txn, bolt::Direction::Forward, |entry| {
            left -= 1;
            if left < KEY_COUNT - skip || entry.value.is_none() {
                match entry.value {
                    Some(_) => keys.push(entry.key.to_vec()),
                    None => names.push(entry.key.to_vec()),
                }
            }
            if left > 0 { Take::More } else { Take::Enough }
        });
        wanted(taken, must_work, "taking entries")?;
        for name in names {
            if let Some(child) = wanted(txn.bucket(id, &name), must_work, "opening a bucket")? {
                buckets.push((child, id, name));
            }
        }
    }
    Ok((buckets, keys))
}

impl Writing<'_> {
    fn key(&mut self) -> Vec<u8> {
        let mut key = self.keys[self.random.below(self.keys.len())].clone();
        match self.random.below(4) {
            0 => key.push(self.random.next() as u8),
            1 => {
                let at = self.random.below(key.len());
                key.truncate(at + 1);
            }
            _ => {}
        }
        key
    }

    fn value(&mut self) -> Vec<u8> {
        let len = match self.random.below(10) {
            0 => 0,
            1 => self.page_size,
            2 => 3 * self.page_size - self.random.below(64),
            3 => self.page_size / 4,
            _ => self.random.below(60),
        };
        vec![b'w'; len]
    }

    /// Makes one change; an error of a damaged file is an answer.
    fn change(&mut self) -> Outcome {
        let kind = self.random.below(22);
        let result = self.made(kind);
        let kinds = "a change of kind ";
        wanted(allowed(result), self.must_work, &format!("{kinds}{kind}")).map(drop)
    }

    fn made(&mut self, kind: usize) -> bolt::Result<()> {
        let place = self.random.below(self.buckets.len());
        let (id, parent, name) = self.buckets[place].clone();
        let (key, value) = (self.key(), self.value());
        match kind {
            0..=4 => self.txn.put(id, &key, &value),
            5..=7 => self.txn.delete(id, &key),
            8 => {
                let condition = self.random.pick(&[Condition::Absent, Condition::Present, Condition::Last]);
                self.txn.put_if(id, &key, &value, condition)
            }
            9 => self.txn.put_reserve(id, &key, value.len()).map(|room| room.fill(b'r')),
            10 => {
                let (from, to) = (self.key().min(key.clone()), self.key().max(key));
                let from = Some(&from[..]).filter(|_| !self.random.once_in(6));
                let to = Some(&to[..]).filter(|_| !self.random.once_in(6));
                self.txn.delete_range(id, from, to).map(drop)
            }
            11 | 12 => self.deleted_by_cursor(id, &key),
            13 => {
                let made = self.txn.create_bucket(id, &key)?;
                self.buckets.push((made, id, key));
                self.txn.put(made, b"within", &value)
            }
            14 => self.txn.ensure_bucket(id, &key).map(drop),
            15 if place > 0 => self.txn.delete_bucket(parent, &name),
            16 | 17 if place > 0 => {
                let to = self.buckets[self.random.below(self.buckets.len())].0;
                self.txn.move_bucket(parent, &name, to)
            }
            18 => self.txn.next_sequence(id).map(drop),
            19 => self.txn.set_sequence(id, u64::MAX),
            20 => {
                let savepoint = self.txn.savepoint()?;
                self.savepoints.push(savepoint);
                Ok(())
            }
            _ => match self.savepoints.pop() {
                Some(savepoint) if self.random.once_in(4) => self.txn.release(savepoint),
                Some(savepoint) => self.txn.rollback_to(savepoint),
                None => self.txn.bucket_stats(id).map(drop),
            },
        }
    }

    fn deleted_by_cursor(&mut self, id: BucketId, key: &[u8]) -> bolt::Result<()> {
        let mut cursor = self.txn.cursor(id)?;
        cursor.seek(&self.txn, key)?;
        for _ in 0..1 + self.random.below(20) {
            cursor.delete(&mut self.txn)?;
            let next =
                if self.random.once_in(3) { cursor.prev(&self.txn)? } else { cursor.next(&self.txn)? };
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }
}
