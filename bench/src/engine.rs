//! What the drivers ask of an engine: the few things that all of them have. An adapter maps each to what the engine's
//! own documentation recommends, and adds nothing; the drivers know no engine.

use crate::Result;
use crate::spec::Spec;
use std::path::Path;

/// An open database with one table, bucket or keyspace.
pub trait Engine: Sized + Sync {
    type Read<'e>: ReadTxn
    where
        Self: 'e;
    type Write<'e>: WriteTxn
    where
        Self: 'e;

    /// Opens or creates the database at `path`. Where `durable` is false, commits wait for no disk.
    fn open(path: &Path, durable: bool) -> Result<Self>;
    fn begin_read(&self) -> Result<Self::Read<'_>>;
    fn begin_write(&self) -> Result<Self::Write<'_>>;
    /// Makes everything committed so far durable.
    fn sync(&self) -> Result<()>;
    fn close(self) -> Result<()>;

    /// Why the engine cannot do this work at all, if so.
    fn unsupported(_spec: &Spec) -> Option<&'static str> {
        None
    }
}

/// Where a walk begins, and in which direction it goes.
#[derive(Clone, Copy)]
pub enum Start<'k> {
    First,
    /// Backward from the end.
    Last,
    /// Forward from the first key that is not less.
    Seek(&'k [u8]),
}

pub trait ReadTxn {
    type Cursor<'t>: Cursor
    where
        Self: 't;

    /// Shows the value to `look` in place, where the engine can.
    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;
    fn cursor(&self) -> Result<Self::Cursor<'_>>;
    fn end(self) -> Result<()>;
}

pub trait Cursor {
    /// Shows up to `limit` entries and says how many there were.
    fn walk(&mut self, start: Start<'_>, limit: u64, look: impl FnMut(&[u8], &[u8])) -> Result<u64>;
}

pub trait WriteTxn {
    /// Sets a key, whether it is there or not.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    /// Sets a key that is known not to be there.
    fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)
    }
    fn delete(&mut self, key: &[u8]) -> Result<()>;
    fn commit(self) -> Result<()>;
}
