//! Compaction: all that is in a database, written anew into another, without the holes.
//!
//! Keys are written in their order, so libbolt's split rule fills each page. Buckets are walked without
//! recursion; where a transaction has grown to the size given, it is committed and the way down to the bucket
//! is opened again.

use std::path::Path;

use crate::error::{Error, Result};
use crate::storage::Namespace;
use crate::storage::file::FileNamespace;
use crate::tree::Condition;
use crate::txn::{BucketId, Cursor, ROOT, Txn, Wait};

use super::backup::publish;
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

/// A bucket on the way.
struct Level {
    source: BucketId,
    cursor: Cursor,
    name: Vec<u8>,
}

struct Compaction<'a> {
    source: &'a mut Txn,
    target: &'a Db,
    txn: Option<Txn>,
    path: Vec<Level>,
    txn_len: u64,
    txn_max_len: u64,
}

impl Db {
    /// Writes all that a new read transaction sees into the new file `path`, which appears as a whole or not
    /// at all.
    ///
    /// `progress` gets the bytes of keys and values copied, and 0 in the place of a total; its error ends the
    /// compaction and comes back.
    pub fn compact<E: From<Error>>(
        &self,
        path: &Path,
        options: &CompactOptions,
        progress: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let page_size = self.page_size()?;
        let storage = FileNamespace.create_unnamed(path, options.target.file_mode)?;
        let settings = Options { no_sync: true, ..options.target.clone() };
        let target = Db::over(path, open::begin(storage, &settings, page_size)?);
        let mut source = self.begin_read()?;
        let done = Compaction::new(&mut source, &target, options.txn_max_len)?.run(progress);
        target.close()?;
        done?;
        Ok(publish(&FileNamespace, &*target.inner.shared.storage, path, options.replace)?)
    }
}

impl<'a> Compaction<'a> {
    fn new(source: &'a mut Txn, target: &'a Db, txn_max_len: u64) -> Result<Compaction<'a>> {
        let cursor = source.cursor(ROOT)?;
        let path = vec![Level { source: ROOT, cursor, name: Vec::new() }];
        Ok(Compaction { source, target, txn: None, path, txn_len: 0, txn_max_len })
    }

    fn run<E: From<Error>>(
        mut self,
        mut progress: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut copied = 0;
        let mut bucket = ROOT;
        while let Some(level) = self.path.last_mut() {
            let Some(entry) = level.cursor.next_or_first(self.source)? else {
                self.path.pop();
                bucket = self.reopen()?;
                continue;
            };
            let (key, value) = (entry.key.to_vec(), entry.value.map(<[u8]>::len));
            let len = (key.len() + value.unwrap_or(0)) as u64;
            if self.txn_max_len != 0 && self.txn_len > 0 && self.txn_len + len > self.txn_max_len {
                self.commit()?;
                bucket = self.reopen()?;
            }
            self.txn_len += len;
            copied += len;
            match value {
                Some(_) => self.put(bucket, &key)?,
                None => bucket = self.enter(bucket, key)?,
            }
            progress(copied)?;
        }
        Ok(self.commit()?)
    }

    fn txn(&mut self) -> Result<&mut Txn> {
        if self.txn.is_none() {
            self.txn = Some(self.target.begin_write(Wait::Try)?);
        }
        self.txn.as_mut().ok_or(Error::NoMemory)
    }

    fn commit(&mut self) -> Result<()> {
        self.txn_len = 0;
        self.txn.take().map_or(Ok(()), Txn::commit)
    }

    /// Opens in the target the bucket at the end of the way.
    fn reopen(&mut self) -> Result<BucketId> {
        let names: Vec<Vec<u8>> = self.path.iter().skip(1).map(|level| level.name.clone()).collect();
        let txn = self.txn()?;
        names.iter().try_fold(ROOT, |bucket, name| txn.bucket(bucket, name))
    }

    fn put(&mut self, bucket: BucketId, key: &[u8]) -> Result<()> {
        self.txn()?;
        let level = self.path.last().ok_or(Error::NoMemory)?;
        let value = self.source.get(level.source, key)?.ok_or(Error::NotFound)?;
        let txn = self.txn.as_mut().ok_or(Error::NoMemory)?;
        txn.put_if(bucket, key, value, Condition::Absent)
    }

    /// Goes down into a nested bucket, which is made in the target.
    fn enter(&mut self, bucket: BucketId, name: Vec<u8>) -> Result<BucketId> {
        let level = self.path.last().ok_or(Error::NoMemory)?;
        let source = self.source.bucket(level.source, &name)?;
        let sequence = self.source.sequence(source)?;
        let cursor = self.source.cursor(source)?;
        let txn = self.txn()?;
        let child = txn.create_bucket(bucket, &name)?;
        if sequence != 0 {
            txn.set_sequence(child, sequence)?;
        }
        self.path.try_reserve(1)?;
        self.path.push(Level { source, cursor, name });
        Ok(child)
    }
}
