//! The registry of open read transactions: a slot each, a cache line each, no lock between them and no limit.
//!
//! A slot holds the oldest snapshot that its reader may be using. The writer asks for the oldest of all
//! before it reuses pages.
//!
//! G1. A reader fills its slot before it looks which snapshot is the newest. Both go through sequentially
//! consistent     operations, as do the writer's publishing of a snapshot and its later look at the slots. So
//! either the writer     sees the slot, or the reader sees the newer snapshot, which needs none of the pages
//! that the writer may reuse.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::format::TxnId;

use super::snapshot::Snapshot;

const FIRST_CHUNK_LEN: usize = 64;
const CHUNKS: usize = 24;
const VACANT: u64 = 0;

/// One reader's slot.
#[repr(align(128))]
#[derive(Default)]
struct Slot {
    /// The oldest transaction id that the reader may be using, plus one.
    txid: AtomicU64,
    /// The snapshot of the slot's last reader, for the next one: so that readers do not contend for its
    /// count.
    cache: Mutex<Option<Arc<Snapshot>>>,
}

/// The number of a reader's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(usize);

/// The slots.
pub struct Readers {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    /// No slot from this one on was ever taken.
    used: AtomicUsize,
}

impl Default for Readers {
    fn default() -> Self {
        Readers { chunks: [const { OnceLock::new() }; CHUNKS], used: AtomicUsize::new(0) }
    }
}

thread_local! {
    static HINT: Cell<usize> = const { Cell::new(usize::MAX) };
}

static NEXT_HINT: AtomicUsize = AtomicUsize::new(0);

/// Where this thread begins to look for a slot: its last one.
fn hint() -> usize {
    HINT.with(|hint| {
        if hint.get() == usize::MAX {
            hint.set(NEXT_HINT.fetch_add(1, Ordering::Relaxed) % FIRST_CHUNK_LEN);
        }
        hint.get()
    })
}

fn chunk_of(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK_LEN + 1).ilog2() as usize;
    (chunk, index - FIRST_CHUNK_LEN * ((1 << chunk) - 1))
}

impl Readers {
    fn slot(&self, index: usize) -> Option<&Slot> {
        let (chunk, offset) = chunk_of(index);
        let slots = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST_CHUNK_LEN << chunk).map(|_| Slot::default()).collect());
        slots.get(offset)
    }

    /// Takes a slot for a reader that uses nothing older than `txid` (G1). `None` where 2^30 readers are
    /// open.
    pub fn register(&self, txid: TxnId) -> Option<SlotId> {
        let start = hint();
        let around = self.used.load(Ordering::SeqCst).max(start + 1);
        for index in (start..around).chain(0..start).chain(around..usize::MAX) {
            let slot = self.slot(index)?;
            if slot.txid.load(Ordering::Relaxed) != VACANT {
                continue;
            }
            if self.used.load(Ordering::SeqCst) <= index {
                self.used.fetch_max(index + 1, Ordering::SeqCst);
            }
            if slot.txid.compare_exchange(VACANT, txid + 1, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                if index != start {
                    HINT.with(|hint| hint.set(index));
                }
                return Some(SlotId(index));
            }
        }
        None
    }

    /// The snapshot that the slot's last reader left behind.
    pub fn take_cached(&self, id: SlotId) -> Option<Arc<Snapshot>> {
        let slot = self.slot(id.0)?;
        slot.cache.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives the slot back, and leaves the snapshot for the next reader.
    pub fn release(&self, id: SlotId, snapshot: Option<Arc<Snapshot>>) {
        let Some(slot) = self.slot(id.0) else { return };
        if snapshot.is_some() {
            *slot.cache.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        }
        slot.txid.store(VACANT, Ordering::SeqCst);
    }

    fn open(&self) -> impl Iterator<Item = TxnId> + '_ {
        let used = self.used.load(Ordering::SeqCst);
        (0..used).filter_map(|index| self.slot(index)?.txid.load(Ordering::SeqCst).checked_sub(1))
    }

    /// The oldest transaction id that any reader may be using.
    pub fn oldest(&self) -> Option<TxnId> {
        self.open().min()
    }

    /// How many readers are open.
    pub fn count(&self) -> usize {
        self.open().count()
    }

    /// Drops the snapshots kept for readers to come, which would keep an old map alive.
    pub fn forget_cached(&self) {
        for index in 0..self.used.load(Ordering::SeqCst) {
            if let Some(Ok(mut cache)) = self.slot(index).map(|slot| slot.cache.try_lock()) {
                *cache = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_many_and_each_is_one_readers() {
        let readers = Readers::default();
        let slots: Vec<SlotId> = (0..1000).map(|txid| readers.register(txid + 5).unwrap()).collect();
        assert_eq!((readers.count(), readers.oldest()), (1000, Some(5)));
        readers.release(slots[0], None);
        assert_eq!((readers.count(), readers.oldest()), (999, Some(6)));
        for slot in &slots[1..] {
            readers.release(*slot, None);
        }
        assert_eq!((readers.count(), readers.oldest()), (0, None));
    }

    #[test]
    fn chunks_follow_each_other_without_a_gap() {
        let mut expected =
            (0..3).flat_map(|chunk| (0..FIRST_CHUNK_LEN << chunk).map(move |offset| (chunk, offset)));
        for index in 0..FIRST_CHUNK_LEN * 7 {
            assert_eq!(Some(chunk_of(index)), expected.next());
        }
    }
}
