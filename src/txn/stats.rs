//! What is counted: plain numbers in a transaction, added up when it ends by whoever holds the writer's
//! place. Readers count in their slots (`readers.rs`). Nothing here is waited for.

use std::collections::VecDeque;
use std::fmt;

use crate::error::Result;
use crate::format::{self, TxnId};
use crate::freelist::Freelist;

/// What write transactions did, and the cursors of all. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxnStats {
    /// Pages allocated by commits (bbolt: `PageCount`).
    pub page_count: u64,
    /// The same in bytes (bbolt: `PageAlloc`).
    pub page_len: u64,
    /// Cursors opened.
    pub cursor_count: u64,
    /// Pages changed in memory (bbolt: `NodeCount`).
    pub node_count: u64,
    /// Pages looked at because they had lost keys.
    pub rebalance_count: u64,
    /// Cuts of pages in two.
    pub split_count: u64,
    /// Runs of pages that were planned.
    pub spill_count: u64,
    /// Writes to the file.
    pub write_count: u64,
    /// Time spent merging pages.
    pub rebalance_time: u64,
    /// Time spent cutting them and giving them their ids.
    pub spill_time: u64,
    /// Time spent growing the file and writing pages.
    pub write_time: u64,
    /// Time spent until they were on the disk.
    pub sync_time: u64,
    /// Time spent writing the meta page, and until it was on the disk.
    pub meta_time: u64,
}

impl TxnStats {
    /// Adds `other`.
    pub fn add(&mut self, other: &TxnStats) {
        self.page_count += other.page_count;
        self.page_len += other.page_len;
        self.cursor_count += other.cursor_count;
        self.node_count += other.node_count;
        self.rebalance_count += other.rebalance_count;
        self.split_count += other.split_count;
        self.spill_count += other.spill_count;
        self.write_count += other.write_count;
        self.rebalance_time += other.rebalance_time;
        self.spill_time += other.spill_time;
        self.write_time += other.write_time;
        self.sync_time += other.sync_time;
        self.meta_time += other.meta_time;
    }
}

/// A commit in a line.
impl fmt::Display for TxnStats {
    fn fmt(&self, line: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [self.rebalance_time + self.spill_time, self.write_time, self.sync_time, self.meta_time];
        let [plan, write, sync, meta] = times.map(|nanos| nanos / 1000);
        write!(line, "{} pages in {} writes; ", self.page_count, self.write_count)?;
        write!(line, "{plan} us to plan, {write} to write, {sync} to sync, {meta} for the meta page")
    }
}

/// What is free, as the last write transaction that began or ended saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeStats {
    /// Pages that may be reused.
    pub free_page_count: u64,
    /// Pages that wait until nobody sees them.
    pub pending_page_count: u64,
    /// The bytes that a list of both takes in the file.
    pub list_len: u64,
}

/// The sums of a database.
#[derive(Default)]
pub struct Sums {
    /// Over all write transactions that have ended.
    pub txns: TxnStats,
    /// How many of them were committed, and wrote something.
    pub commit_count: u64,
    /// `None` before the free pages are loaded.
    pub free: Option<FreeStats>,
    /// Bytes of memory that the writer keeps from one transaction to the next.
    pub writer_len: u64,
    /// What waits for readers.
    pub held: Held,
}

/// How many pages each commit freed that still wait to be free: a copy of what the freelist knows, for those
/// who look while somebody writes.
#[derive(Default)]
pub struct Held {
    /// A transaction, and how many pages it and those before it have freed; ascending.
    freed: VecDeque<(TxnId, u64)>,
    /// The sum at the last one that was released.
    released: u64,
}

impl Held {
    /// Makes room for one more [`Held::freed`].
    pub fn reserve(&mut self) -> Result<()> {
        Ok(self.freed.try_reserve(1)?)
    }

    /// Transaction `txid` has freed `page_count` pages.
    pub fn freed(&mut self, txid: TxnId, page_count: u64) {
        let before = self.freed.back().map_or(self.released, |&(_, sum)| sum);
        self.freed.push_back((txid, before + page_count));
    }

    /// What transactions up to `limit` have freed waits no more.
    pub fn release(&mut self, limit: TxnId) {
        while let Some(&(_, sum)) = self.freed.front().filter(|(txid, _)| *txid <= limit) {
            self.released = sum;
            self.freed.pop_front();
        }
    }

    /// The pages that a reader of snapshot `txid` keeps from being reused: those freed since by commits up to
    /// `limit`.
    pub fn page_count(&self, txid: TxnId, limit: TxnId) -> u64 {
        self.sum(limit).saturating_sub(self.sum(txid))
    }

    /// How many pages transactions up to `txid` have freed.
    fn sum(&self, txid: TxnId) -> u64 {
        let index = self.freed.partition_point(|&(freed, _)| freed <= txid);
        index.checked_sub(1).and_then(|last| self.freed.get(last)).map_or(self.released, |&(_, sum)| sum)
    }
}

impl FreeStats {
    /// What `list` holds, and the bytes it takes as a run of the file.
    pub fn of(list: &Freelist) -> FreeStats {
        FreeStats {
            free_page_count: list.free_count(),
            pending_page_count: list.pending_count(),
            list_len: format::freelist::encoded_len(list.count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_holds_what_was_freed_since_its_snapshot() {
        let mut held = Held::default();
        for (txid, page_count) in [(3, 10), (5, 0), (6, 7), (8, 2)] {
            held.freed(txid, page_count);
        }
        assert_eq!(held.page_count(2, 8), 19);
        assert_eq!(held.page_count(3, 8), 9);
        assert_eq!(held.page_count(4, 7), 7);
        assert_eq!(held.page_count(8, 8), 0);
        assert_eq!(held.page_count(9, 7), 0);
        held.release(5);
        assert_eq!(held.page_count(2, 8), 9);
        held.release(8);
        assert_eq!(held.page_count(2, 8), 0);
        held.freed(9, 4);
        assert_eq!((held.page_count(8, 9), held.page_count(9, 9)), (4, 0));
    }
}
