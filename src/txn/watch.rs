//! The open readers, what they hold back, and who wants to hear when one is slow.
//!
//! The clock is the system's coarse one: a reader's begin may cost nothing to speak of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::format::TxnId;
use crate::freelist::reuse_limit;

use super::readers::OpenReader;
use super::shared::Shared;

/// An open read transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderInfo {
    /// The transaction whose commit it sees; where it is just beginning, perhaps the one before.
    pub txid: TxnId,
    /// How long it has been open, to a few milliseconds.
    pub age: Duration,
    /// The bytes of the pages that were freed since, and cannot be reused as long as it is open.
    pub held_len: u64,
}

/// Who hears of slow readers.
pub type SlowReaderListener = dyn Fn(&ReaderInfo) + Send + Sync;

/// When a reader is slow, and who hears of it.
#[derive(Default)]
pub(super) struct Watch {
    /// In nanoseconds; 0: nobody wants to know.
    limit: AtomicU64,
    listener: Mutex<Option<Arc<SlowReaderListener>>>,
}

impl Shared {
    /// The open readers, oldest first.
    pub fn readers(&self) -> Result<Vec<ReaderInfo>> {
        let mut open = Vec::new();
        for reader in self.readers.list() {
            open.try_reserve(1)?;
            open.push(reader);
        }
        open.sort_unstable_by_key(|reader| (reader.txid, std::cmp::Reverse(reader.age)));
        let mut told = Vec::new();
        told.try_reserve_exact(open.len())?;
        told.extend(open.iter().map(|reader| self.look_at(reader)));
        Ok(told)
    }

    /// How many readers have begun so far, and how many cursors those that have ended opened.
    pub fn reader_totals(&self) -> (u64, u64) {
        self.readers.totals()
    }

    fn look_at(&self, reader: &OpenReader) -> ReaderInfo {
        // A database that is just being closed holds nothing back any more.
        let held_len = self.newest().map_or(0, |newest| {
            let limit = reuse_limit(None, newest.meta.txid, !self.bbolt_rules);
            let page_count = self.with_sums(|sums| sums.held.page_count(reader.txid, limit));
            page_count.saturating_mul(u64::from(newest.meta.page_size))
        });
        ReaderInfo { txid: reader.txid, age: Duration::from_nanos(reader.age), held_len }
    }

    /// Lets `listener` hear, at the end of a commit, of each reader that has been open for `limit` or longer;
    /// of each once.
    pub fn set_slow_reader_listener(&self, limit: Duration, listener: Option<Arc<SlowReaderListener>>) {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.watch.limit.store(if listener.is_some() { nanos } else { 0 }, Ordering::Relaxed);
        *self.watch.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
    }

    /// Says what was noted, and which readers are slow. The caller holds no lock and not the writer's place.
    pub fn speak(&self) {
        let limit = self.watch.limit.load(Ordering::Relaxed);
        if limit != 0 {
            self.tell_slow_readers(limit);
        }
        self.log.speak();
    }

    fn tell_slow_readers(&self, limit: u64) {
        let listener = self.watch.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(listener) = listener else { return };
        for reader in self.readers.list().filter(|reader| reader.age >= limit) {
            if self.readers.report(&reader) {
                listener(&self.look_at(&reader));
            }
        }
    }
}
