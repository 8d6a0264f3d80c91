//! redb, by its Rust API: one table of byte slices, the cache at its default.
//!
//! Without sync a commit has `Durability::None`.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use redb::{Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase};
use redb::{Table, TableDefinition, WriteTransaction};
use std::path::Path;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("bench");

pub struct Redb {
    db: Database,
    durability: Durability,
}

impl Engine for Redb {
    type Read<'e> = Read;
    type Write<'e> = Write;

    fn open(path: &Path, durable: bool) -> Result<Redb> {
        let durability = if durable { Durability::Immediate } else { Durability::None };
        if path.exists() {
            return Ok(Redb { db: Database::open(path)?, durability });
        }
        let db = Database::create(path)?;
        // A read transaction can open only a table that is there.
        let txn = db.begin_write()?;
        txn.open_table(TABLE)?;
        txn.commit()?;
        Ok(Redb { db, durability })
    }

    fn begin_read(&self) -> Result<Read> {
        let txn = self.db.begin_read()?;
        Ok(Read { table: txn.open_table(TABLE)?, txn })
    }

    fn begin_write(&self) -> Result<Write> {
        Write::begin(&self.db, self.durability)
    }

    fn sync(&self) -> Result<()> {
        // An empty durable commit makes those before it durable.
        Write::begin(&self.db, Durability::Immediate)?.commit()
    }

    fn close(self) -> Result<()> {
        drop(self.db);
        Ok(())
    }
}

pub struct Read {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    txn: ReadTransaction,
}

impl ReadTxn for Read {
    type Cursor<'t> = Walker<'t>;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.table.get(key)?.map(|guard| look(guard.value())))
    }

    fn cursor(&self) -> Result<Walker<'_>> {
        Ok(Walker { table: &self.table })
    }

    fn end(self) -> Result<()> {
        drop(self.table);
        Ok(self.txn.close()?)
    }
}

/// redb has ranges and no cursors: each walk makes one.
pub struct Walker<'t> {
    table: &'t ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl Cursor for Walker<'_> {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut range = match start {
            Start::First | Start::Last => self.table.range::<&[u8]>(..)?,
            Start::Seek(from) => self.table.range(from..)?,
        };
        let backward = matches!(start, Start::Last);
        let mut count = 0;
        while count < limit {
            let entry = if backward { range.next_back() } else { range.next() };
            let Some(entry) = entry else { break };
            let (key, value) = entry?;
            look(key.value(), value.value());
            count += 1;
        }
        Ok(count)
    }
}

/// A transaction with its table open, as a program keeps it for a row of puts. The table borrows the transaction; here
/// both live in one struct.
pub struct Write {
    /// Dropped before the transaction.
    table: Option<Table<'static, &'static [u8], &'static [u8]>>,
    txn: Option<Box<WriteTransaction>>,
}

impl Write {
    fn begin(db: &Database, durability: Durability) -> Result<Write> {
        let mut txn = Box::new(db.begin_write()?);
        txn.set_durability(durability)?;
        let pinned: *const WriteTransaction = &*txn;
        // SAFETY: the transaction stays in its box until the table, which borrows it, is gone: fields drop in order,
        // and commit takes the table first.
        let table = unsafe { &*pinned }.open_table(TABLE)?;
        Ok(Write { table: Some(table), txn: Some(txn) })
    }

    fn table(&mut self) -> Result<&mut Table<'static, &'static [u8], &'static [u8]>> {
        Ok(self.table.as_mut().ok_or("the transaction has ended")?)
    }
}

impl WriteTxn for Write {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.table()?.insert(key, value)?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.table()?.remove(key)?;
        Ok(())
    }

    fn commit(mut self) -> Result<()> {
        self.table = None;
        let txn = self.txn.take().ok_or("the transaction has ended")?;
        Ok(txn.commit()?)
    }
}
