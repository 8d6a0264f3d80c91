//! What a database has done so far, and what it takes.

use crate::error::Result;
use crate::storage::reading::ReadView;
use crate::txn::{FreeStats, ReaderInfo, TxnStats};

use super::Db;

/// Sums over all transactions that have ended since the database was opened, and its state now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbStats {
    /// What write transactions did, and the cursors of all.
    pub txns: TxnStats,
    /// How many read transactions were begun (bbolt: `TxN`).
    pub read_txn_count: u64,
    /// How many of them are open (bbolt: `OpenTxN`).
    pub open_read_txn_count: u64,
    /// How many commits wrote something.
    pub commit_count: u64,
    /// What is free, as the last write transaction that began or ended saw it; `None` before the free pages
    /// are loaded.
    pub free: Option<FreeStats>,
    /// The oldest reader; what it holds back is all that readers hold back.
    pub oldest_reader: Option<ReaderInfo>,
    /// The page size in bytes.
    pub page_size: u32,
    /// Bytes of address space of the newest map of the file.
    pub mapped_len: u64,
    /// Bytes of the file in that map that are in memory: the kernel's, which it takes back when it needs
    /// them. `None` where that was not asked.
    pub resident_len: Option<u64>,
    /// Bytes of the process's own memory that the database takes, without its open transactions; of a
    /// database in memory the file, too.
    pub private_len: u64,
    /// Those of them that keep pages read without a map.
    pub cached_len: u64,
    /// Bytes of the pages that open transactions keep, which are read without a map.
    pub lent_len: u64,
}

impl Db {
    /// What the database has done so far, and what it takes. To ask what of the file is in memory takes the
    /// kernel a look at each page.
    pub fn stats(&self, with_resident: bool) -> Result<DbStats> {
        let shared = &self.inner.shared;
        let newest = shared.newest()?;
        let idle = shared.with_idle_writer(|writer| {
            let list = writer.freelist.as_ref();
            let list_len = list.map_or(0, |list| list.memory_len());
            (list.map(FreeStats::of), writer.buffer.capacity() as u64 + list_len)
        });
        let (txns, commit_count, free, writer_len) = shared.with_sums(|sums| {
            if let Some((free, writer_len)) = idle {
                sums.free = free.or(sums.free);
                sums.writer_len = writer_len;
            }
            (sums.txns, sums.commit_count, sums.free, sums.writer_len)
        });
        let (read_txn_count, cursor_count) = shared.reader_totals();
        let mapped_len = newest.view.mapped_len();
        let reading = newest.view.reading();
        Ok(DbStats {
            txns: TxnStats { cursor_count: txns.cursor_count + cursor_count, ..txns },
            read_txn_count,
            open_read_txn_count: shared.reader_count() as u64,
            commit_count,
            free,
            oldest_reader: shared.readers()?.into_iter().next(),
            page_size: newest.meta.page_size,
            mapped_len,
            resident_len: if with_resident { Some(newest.view.resident_len()?) } else { None },
            private_len: writer_len + shared.known.memory_len() + newest.view.private_len(),
            cached_len: reading.map_or(0, ReadView::cached_len),
            lent_len: reading.map_or(0, ReadView::lent_len),
        })
    }
}
