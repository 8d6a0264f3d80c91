//! Compaction: all that is in a database, written anew into another, without the holes.
//!
//! Keys are written in their order, so libbolt's split rule fills each page. Buckets are walked without
//! recursion; where a transaction has grown to the size given, it is committed and the way down to the bucket
//! is opened again.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::ELEMENT_LEN;
use crate::storage::{Namespace, file_system};
use crate::tree::{Condition, Direction, Entry, Take};
use crate::txn::{BucketId, Cursor, ROOT, Txn, Wait};

use super::backup::{check_target, publish};
use super::options::Options;
use super::{Db, open};

/// How a compaction is made.
#[derive(Clone, Debug, Default)]
pub struct CompactOptions {
    /// Commit after so many bytes of keys and values; 0: one transaction.
    pub txn_max_len: u64,
    /// Replace a file that has the name; otherwise that is `Exists`.
    pub replace: bool,
    /// How the new file is made: its page size (0: as the source's), its mode, its split rule.
    pub target: Options,
}

/// How full Go's compaction leaves pages.
const BBOLT_FILL_PERCENT: f64 = 1.0;
/// After about so many bytes it is told how far it has come.
const PROGRESS_LEN: u64 = 64 << 10;

/// A bucket on the way.
struct Level {
    source: BucketId,
    /// Where it has come to; taken out while it moves.
    cursor: Option<Cursor>,
    name: Vec<u8>,
    /// Its counterpart, once it is open in the target's transaction.
    target: Option<BucketId>,
}

struct Compaction<'a> {
    source: &'a mut Txn,
    target: &'a Db,
    txn: Option<Txn>,
    path: Vec<Level>,
    /// How full pages are to be left, where bbolt's rules hold.
    fill_percent: Option<f64>,
    txn_len: u64,
    txn_max_len: u64,
    /// How many bytes of elements may still come, and how many buckets with pages of their own: in a sound
    /// file no two share a byte or a page.
    room_len: u64,
    page_room: u64,
}

impl Db {
    /// Writes all that a new read transaction sees into the new file `path`, which appears as a whole or not
    /// at all.
    ///
    /// `progress` gets the bytes of keys and values copied so far, now and then and at the end; its error
    /// ends the compaction and comes back. `Exists`; `Argument` where the file is this database's own.
    pub fn compact<E: From<Error>>(
        &self,
        path: &Path,
        options: &CompactOptions,
        progress: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.compact_in(&*file_system(true, true), path, options, progress)
    }

    /// As [`Db::compact`], into a file of `names`.
    pub fn compact_in<E: From<Error>>(
        &self,
        names: &dyn Namespace,
        path: &Path,
        options: &CompactOptions,
        progress: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut source = self.begin_read()?;
        check_target(names, &source, path, options.replace)?;
        let storage = names.create_unnamed(path, options.target.file_mode)?;
        let no_map = options.target.no_map || self.is_without_map()?;
        let settings =
            Options { no_sync: true, room_max: 0, read_only: false, no_map, ..options.target.clone() };
        let target = Db::over(path, open::begin(storage, &settings, self.page_size()?)?, &settings);
        let compaction =
            Compaction::new(&mut source, &target, &settings, options.txn_max_len, self.page_size()?)?;
        compaction.run(progress)?;
        target.close()?;
        Ok(publish(names, &*target.inner.shared.storage, path, options.replace)?)
    }
}

/// What it takes to copy an entry, while the cursor that stands on it is moved.
struct Target<'c> {
    db: &'c Db,
    txn: &'c mut Option<Txn>,
    path: &'c mut [Level],
    fill_percent: Option<f64>,
    txn_len: &'c mut u64,
    txn_max_len: u64,
    room_len: &'c mut u64,
}

/// An entry that was copied.
struct Copied {
    len: u64,
    /// Of a bucket: the one in the target in which it belongs, and its name.
    below: Option<(BucketId, Vec<u8>)>,
}

impl Target<'_> {
    /// Copies an entry.
    fn copy(&mut self, entry: Entry<'_>) -> Result<Copied> {
        let len = (entry.key.len() + entry.value.map_or(0, <[u8]>::len)) as u64;
        *self.room_len = self.room_len.checked_sub(ELEMENT_LEN as u64 + len).ok_or_else(too_much)?;
        let sum = self.txn_len.saturating_add(len);
        if self.txn_max_len != 0 && *self.txn_len > 0 && sum > self.txn_max_len {
            commit(self.txn, self.path)?;
            *self.txn_len = 0;
        }
        *self.txn_len += len;
        let txn = begin(self.txn, self.db)?;
        let bucket = reopen(txn, self.path, self.fill_percent)?;
        let Some(value) = entry.value else {
            let mut name = Vec::new();
            name.try_reserve_exact(entry.key.len())?;
            name.extend_from_slice(entry.key);
            return Ok(Copied { len, below: Some((bucket, name)) });
        };
        txn.put_if(bucket, entry.key, value, Condition::Last).map_err(disordered)?;
        Ok(Copied { len, below: None })
    }
}

impl<'a> Compaction<'a> {
    fn new(
        source: &'a mut Txn,
        target: &'a Db,
        settings: &Options,
        txn_max_len: u64,
        page_size: u32,
    ) -> Result<Compaction<'a>> {
        let (cursor, room_len) = (source.cursor(ROOT)?, source.len());
        let page_room = room_len / u64::from(page_size);
        let path = vec![Level { source: ROOT, cursor: Some(cursor), name: Vec::new(), target: Some(ROOT) }];
        let by_rules = if settings.bbolt_rules { Some(BBOLT_FILL_PERCENT) } else { None };
        let fill_percent = settings.fill_percent.or(by_rules);
        Ok(Compaction {
            source,
            target,
            txn: None,
            path,
            fill_percent,
            txn_len: 0,
            txn_max_len,
            room_len,
            page_room,
        })
    }

    fn run<E: From<Error>>(
        mut self,
        mut progress: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (mut copied, mut told) = (0, 0);
        let sequence = self.source.sequence(ROOT)?;
        if sequence != 0 {
            self.begin()?.set_sequence(ROOT, sequence)?;
        }
        while let Some(len) = self.step()? {
            copied += len;
            if copied - told >= PROGRESS_LEN {
                told = copied;
                progress(copied)?;
            }
        }
        self.commit()?;
        progress(copied)
    }

    /// Copies the next entry, and goes into it if it is a bucket; its length, or 0 at the end of a bucket.
    /// `None` at the end of all.
    fn step(&mut self) -> Result<Option<u64>> {
        let Some(level) = self.path.last_mut() else { return Ok(None) };
        let Some(mut cursor) = level.cursor.take() else { return Ok(None) };
        let mut copied = None;
        let source = &*self.source;
        let mut target = Target {
            db: self.target,
            txn: &mut self.txn,
            path: &mut self.path,
            fill_percent: self.fill_percent,
            txn_len: &mut self.txn_len,
            txn_max_len: self.txn_max_len,
            room_len: &mut self.room_len,
        };
        cursor.visit(source, Direction::Forward, |entry| {
            copied = Some(target.copy(entry));
            Take::Enough
        })?;
        if let Some(level) = self.path.last_mut() {
            level.cursor = Some(cursor);
        }
        let Some(copied) = copied else {
            self.path.pop();
            return Ok(Some(0));
        };
        let Copied { len, below } = copied?;
        if let Some((bucket, name)) = below {
            self.enter(bucket, name)?;
        }
        Ok(Some(len))
    }

    fn begin(&mut self) -> Result<&mut Txn> {
        begin(&mut self.txn, self.target)
    }

    fn commit(&mut self) -> Result<()> {
        commit(&mut self.txn, &mut self.path)
    }

    /// Goes down into a nested bucket, which is made in the target.
    fn enter(&mut self, bucket: BucketId, name: Vec<u8>) -> Result<()> {
        let level = self.path.last().ok_or(Error::NotFound)?;
        let source = self.source.bucket(level.source, &name)?;
        if self.source.has_pages(source)? {
            self.page_room = self.page_room.checked_sub(1).ok_or_else(too_much)?;
        }
        let sequence = self.source.sequence(source)?;
        let cursor = self.source.cursor(source)?;
        let fill_percent = self.fill_percent;
        let txn = self.begin()?;
        let target = txn.create_bucket(bucket, &name)?;
        fill(txn, target, fill_percent)?;
        if sequence != 0 {
            txn.set_sequence(target, sequence)?;
        }
        self.path.try_reserve(1)?;
        self.path.push(Level { source, cursor: Some(cursor), name, target: Some(target) });
        Ok(())
    }
}

/// More than there is room for in the source: something is reached by several ways, or by a circle.
#[cold]
fn too_much() -> Error {
    Error::corrupt(0, "the buckets hold more than the file has room for")
}

/// A key that does not come after those before it was out of order in the source.
fn disordered(error: Error) -> Error {
    match error {
        Error::Exists => Error::corrupt(0, "the keys of a bucket are out of order"),
        other => other,
    }
}

/// The transaction of the target, which begins where none is open.
fn begin<'t>(txn: &'t mut Option<Txn>, target: &Db) -> Result<&'t mut Txn> {
    match txn {
        Some(txn) => Ok(txn),
        None => Ok(txn.insert(target.begin_write(Wait::Try)?)),
    }
}

/// Commits what was copied so far. All but the root bucket must be opened again.
fn commit(txn: &mut Option<Txn>, path: &mut [Level]) -> Result<()> {
    for level in path.iter_mut().skip(1) {
        level.target = None;
    }
    txn.take().map_or(Ok(()), Txn::commit)
}

/// The bucket at the end of the way, opened in the target where it is not.
fn reopen(txn: &mut Txn, path: &mut [Level], fill_percent: Option<f64>) -> Result<BucketId> {
    let open_count = path.iter().rposition(|level| level.target.is_some()).map_or(0, |last| last + 1);
    let mut bucket = open_count.checked_sub(1).and_then(|last| path.get(last)?.target).unwrap_or(ROOT);
    for level in path.iter_mut().skip(open_count) {
        bucket = txn.bucket(bucket, &level.name)?;
        fill(txn, bucket, fill_percent)?;
        level.target = Some(bucket);
    }
    Ok(bucket)
}

fn fill(txn: &mut Txn, bucket: BucketId, percent: Option<f64>) -> Result<()> {
    percent.map_or(Ok(()), |percent| txn.set_fill_percent(bucket, percent))
}
