//! A list of writes, made before there is a transaction, and committed together with other threads'
//! (`batch.rs`): for callers to whom a function that is called back is dear.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::{MAX_KEY_LEN, max_value_len};
use crate::txn::{BucketId, ROOT, Txn};

use super::Db;

/// Where bytes lie in a list's own.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
}

/// A put, or without a value a delete.
struct Write {
    /// Which of the list's paths leads to its bucket.
    path_index: usize,
    key: Span,
    value: Option<Span>,
}

/// Puts and deletes in their order. It belongs to no database and copies what it is given.
#[derive(Default)]
pub struct WriteList {
    bytes: Vec<u8>,
    names: Vec<Span>,
    /// The ways to buckets, each the end of its names; the names begin where those of the path before end.
    path_ends: Vec<usize>,
    writes: Vec<Write>,
}

impl WriteList {
    /// An empty list.
    pub fn new() -> WriteList {
        WriteList::default()
    }

    /// How many writes it has.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds: set `key` to `value` in the bucket to which `path`, names from the root bucket on, leads.
    ///
    /// `KeyRequired`, `KeySize`, `ValueSize`, `NameRequired`: nothing is added then.
    pub fn put(&mut self, path: &[&[u8]], key: &[u8], value: &[u8]) -> Result<()> {
        if key.is_empty() {
            return Err(Error::KeyRequired);
        }
        if key.len() > MAX_KEY_LEN {
            return Err(Error::KeySize(key.len()));
        }
        if value.len() as u64 > max_value_len(key.len()) {
            return Err(Error::ValueSize(value.len()));
        }
        self.add(path, key, Some(value))
    }

    /// Adds: take out `key` in the bucket to which `path` leads.
    ///
    /// `NameRequired`: nothing is added then.
    pub fn delete(&mut self, path: &[&[u8]], key: &[u8]) -> Result<()> {
        self.add(path, key, None)
    }

    /// Takes all writes out, and keeps their room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
        self.path_ends.clear();
        self.writes.clear();
    }

    fn add(&mut self, path: &[&[u8]], key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if path.iter().any(|name| name.is_empty()) {
            return Err(Error::NameRequired);
        }
        let is_last =
            self.path_ends.last().is_some() && self.path(self.path_ends.len() - 1).eq(path.iter().copied());
        let names: usize = if is_last { 0 } else { path.iter().map(|name| name.len()).sum() };
        self.bytes.try_reserve(names + key.len() + value.map_or(0, <[u8]>::len))?;
        self.names.try_reserve(path.len())?;
        self.path_ends.try_reserve(1)?;
        self.writes.try_reserve(1)?;
        if !is_last {
            for name in path {
                let span = self.push(name);
                self.names.push(span);
            }
            self.path_ends.push(self.names.len());
        }
        let (key, value) = (self.push(key), value.map(|value| self.push(value)));
        self.writes.push(Write { path_index: self.path_ends.len() - 1, key, value });
        Ok(())
    }

    /// Appends bytes for which there is room.
    fn push(&mut self, bytes: &[u8]) -> Span {
        let span = Span { start: self.bytes.len(), len: bytes.len() };
        self.bytes.extend_from_slice(bytes);
        span
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start..span.start + span.len).unwrap_or_default()
    }

    fn path(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        let start = index.checked_sub(1).and_then(|before| self.path_ends.get(before)).copied().unwrap_or(0);
        let end = self.path_ends.get(index).copied().unwrap_or(start);
        self.names.get(start..end).unwrap_or_default().iter().map(|&span| self.bytes(span))
    }

    /// Does the writes in `txn`. Buckets that are missing are made where `with_buckets` says so, and for puts
    /// alone.
    fn apply(&self, txn: &mut Txn, with_buckets: bool) -> Result<()> {
        let mut open: Option<(usize, BucketId)> = None;
        for write in &self.writes {
            let bucket = match open {
                Some((path_index, bucket)) if path_index == write.path_index => bucket,
                _ => {
                    let makes = with_buckets && write.value.is_some();
                    let mut path = self.path(write.path_index);
                    let found = path.try_fold(ROOT, |parent, name| {
                        if makes { txn.ensure_bucket(parent, name) } else { txn.bucket(parent, name) }
                    });
                    match found {
                        Err(Error::NotFound) if with_buckets => continue,
                        found => found?,
                    }
                }
            };
            open = Some((write.path_index, bucket));
            match write.value {
                Some(value) => txn.put(bucket, self.bytes(write.key), self.bytes(value))?,
                None => txn.delete(bucket, self.bytes(write.key))?,
            }
        }
        Ok(())
    }
}

impl Db {
    /// Does all writes of `list`, in their order, in one transaction, which other threads' may share
    /// ([`Db::batch`]).
    ///
    /// `NotFound` where a bucket is missing, unless `with_buckets` says that they are to be made;
    /// `WrongType`; what a commit answers. Then nothing of the list is done.
    pub fn write(&self, list: &Arc<WriteList>, with_buckets: bool) -> Result<()> {
        let list = list.clone();
        self.batch_job(move |mut txn| {
            let done = list.apply(&mut txn, with_buckets);
            (Some(txn), done)
        })
    }
}
