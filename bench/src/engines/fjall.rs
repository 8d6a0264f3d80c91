//! fjall, a log-structured store, by its Rust API: one keyspace of a database with transactions, options at their
//! defaults (LZ4 among them; the workloads' values do not compress).
//!
//! Durable commits have `PersistMode::SyncData`; without sync they go to the operating system, `PersistMode::Buffer`.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use fjall::{KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use fjall::{SingleWriterTxDatabase, SingleWriterTxKeyspace, SingleWriterWriteTx};
use std::path::Path;

pub struct Fjall {
    db: SingleWriterTxDatabase,
    keyspace: SingleWriterTxKeyspace,
    mode: PersistMode,
}

impl Engine for Fjall {
    type Read<'e> = Read<'e>;
    type Write<'e> = Write<'e>;

    fn open(path: &Path, durable: bool) -> Result<Fjall> {
        let db = SingleWriterTxDatabase::builder(path).open()?;
        let keyspace = db.keyspace("bench", KeyspaceCreateOptions::default)?;
        let mode = if durable { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(Fjall { db, keyspace, mode })
    }

    fn begin_read(&self) -> Result<Read<'_>> {
        Ok(Read { snapshot: self.db.read_tx(), keyspace: &self.keyspace })
    }

    fn begin_write(&self) -> Result<Write<'_>> {
        let txn = self.db.write_tx().durability(Some(self.mode));
        Ok(Write { txn, keyspace: &self.keyspace })
    }

    fn sync(&self) -> Result<()> {
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }

    fn close(self) -> Result<()> {
        drop(self.keyspace);
        drop(self.db);
        Ok(())
    }
}

pub struct Read<'e> {
    snapshot: Snapshot,
    keyspace: &'e SingleWriterTxKeyspace,
}

impl ReadTxn for Read<'_> {
    type Cursor<'t>
        = Walker<'t>
    where
        Self: 't;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.snapshot.get(self.keyspace, key)?.map(|value| look(&value)))
    }

    fn cursor(&self) -> Result<Walker<'_>> {
        Ok(Walker { snapshot: &self.snapshot, keyspace: self.keyspace })
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

pub struct Walker<'t> {
    snapshot: &'t Snapshot,
    keyspace: &'t SingleWriterTxKeyspace,
}

impl Cursor for Walker<'_> {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut entries = match start {
            Start::First | Start::Last => self.snapshot.iter(self.keyspace),
            Start::Seek(from) => self.snapshot.range(self.keyspace, from..),
        };
        let backward = matches!(start, Start::Last);
        let mut count = 0;
        while count < limit {
            let entry = if backward { entries.next_back() } else { entries.next() };
            let Some(entry) = entry else { break };
            let (key, value) = entry.into_inner()?;
            look(&key, &value);
            count += 1;
        }
        Ok(count)
    }
}

pub struct Write<'e> {
    txn: SingleWriterWriteTx<'e>,
    keyspace: &'e SingleWriterTxKeyspace,
}

impl WriteTxn for Write<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.txn.insert(self.keyspace, key, value);
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.txn.remove(self.keyspace, key);
        Ok(())
    }

    fn commit(self) -> Result<()> {
        Ok(self.txn.commit()?)
    }
}
