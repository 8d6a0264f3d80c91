//! The registry of open read transactions: a slot each, a cache line each, no lock between them and no limit.
//!
//! A slot holds the oldest snapshot that its reader may be using. The writer asks for the oldest of all
//! before it reuses pages.
//!
//! G1. A reader fills its slot before it looks which snapshot is the newest. Both go through sequentially
//!     consistent operations, as do the writer's publishing of a snapshot and its later look at the slots. So
//!     either the writer sees the slot, or the reader sees the newer snapshot, which needs none of the pages
//!     that the writer may reuse.
//! G2. What else a slot holds is written by its reader alone, between taking the slot and giving it back. The
//!     beginning is written after the slot is taken and wiped before it is given back: who sees a reader's id
//!     sees its beginning or none, never that of a reader before.

use std::cell::Cell;
use std::sync::{Arc, OnceLock, PoisonError};

use crate::format::TxnId;
use crate::storage::sys;

use super::bucket::Buckets;
use super::snapshot::Snapshot;
use super::sync::{AtomicU64, AtomicUsize, Mutex, Ordering};

const FIRST_CHUNK_LEN: usize = 64;
const CHUNKS: usize = 24;
const VACANT: u64 = 0;

/// One reader's slot.
#[repr(align(128))]
#[derive(Default)]
struct Slot {
    /// The oldest transaction id that the reader may be using, plus one.
    txid: AtomicU64,
    /// When the reader began, by the coarse clock; 0 where that is not written yet (G2).
    began: AtomicU64,
    /// The beginning of the reader that was last reported as slow.
    reported: AtomicU64,
    /// How many readers the slot has had, and how many cursors they opened.
    reader_count: AtomicU64,
    cursor_count: AtomicU64,
    /// What the slot's last reader left for the next one.
    kept: Mutex<Kept>,
}

/// What a reader leaves for the next one in its slot.
#[derive(Default)]
pub struct Kept {
    /// Its snapshot, so that readers do not contend for the count of those who hold it.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The buckets that it opened: those of the same snapshot need not be looked for again.
    pub(super) buckets: Buckets,
}

/// The number of a reader's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(usize);

/// An open reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenReader {
    /// The oldest transaction id that it may be using.
    pub txid: TxnId,
    /// How long it has been open, in nanoseconds, to a few milliseconds.
    pub age: u64,
    slot: SlotId,
}

/// Adds to a counter that one thread at a time writes.
#[inline]
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

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

#[inline]
fn chunk_of(index: usize) -> (usize, usize) {
    if index < FIRST_CHUNK_LEN {
        return (0, index);
    }
    let chunk = (index / FIRST_CHUNK_LEN + 1).ilog2() as usize;
    (chunk, index - FIRST_CHUNK_LEN * ((1 << chunk) - 1))
}

impl Readers {
    #[inline]
    fn slot(&self, index: usize) -> Option<&Slot> {
        let (chunk, offset) = chunk_of(index);
        let slots = self.chunks.get(chunk)?;
        match slots.get() {
            Some(slots) => slots.get(offset),
            None => Readers::make_chunk(slots, FIRST_CHUNK_LEN << chunk)?.get(offset),
        }
    }

    #[cold]
    fn make_chunk(slots: &OnceLock<Box<[Slot]>>, len: usize) -> Option<&[Slot]> {
        let mut made = Vec::new();
        made.try_reserve_exact(len).ok()?;
        made.resize_with(len, Slot::default);
        // Where another thread was faster, its own are taken.
        Some(slots.get_or_init(|| made.into_boxed_slice()))
    }

    /// Takes a slot for a reader that uses nothing older than `txid` (G1). `None` where 2^30 readers are
    /// open, or there is no memory for one more.
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
                add(&slot.reader_count, 1);
                slot.began.store(sys::coarse_nanos(), Ordering::Relaxed);
                return Some(SlotId(index));
            }
        }
        None
    }

    /// What the slot's last reader left behind.
    pub fn take_kept(&self, id: SlotId) -> Kept {
        let Some(slot) = self.slot(id.0) else { return Kept::default() };
        std::mem::take(&mut *slot.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the slot back, and leaves what may serve the next reader. The reader opened so many cursors.
    pub fn release(&self, id: SlotId, kept: Option<Kept>, cursor_count: u64) {
        let Some(slot) = self.slot(id.0) else { return };
        add(&slot.cursor_count, cursor_count);
        slot.began.store(0, Ordering::Relaxed);
        if let Some(kept) = kept {
            *slot.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
        // Who finds the slot vacant finds all reads done; that nobody finds it so at once harms nobody.
        slot.txid.store(VACANT, Ordering::Release);
    }

    fn slots(&self) -> impl Iterator<Item = (SlotId, &Slot)> + '_ {
        (0..self.used.load(Ordering::SeqCst)).filter_map(|index| Some((SlotId(index), self.slot(index)?)))
    }

    fn open(&self) -> impl Iterator<Item = TxnId> + '_ {
        self.slots().filter_map(|(_, slot)| slot.txid.load(Ordering::SeqCst).checked_sub(1))
    }

    /// The open readers.
    pub fn list(&self) -> impl Iterator<Item = OpenReader> + '_ {
        let now = sys::coarse_nanos();
        self.slots().filter_map(move |(id, slot)| {
            let txid = slot.txid.load(Ordering::SeqCst).checked_sub(1)?;
            let age = match slot.began.load(Ordering::Relaxed) {
                0 => 0,
                began => now.saturating_sub(began),
            };
            Some(OpenReader { txid, age, slot: id })
        })
    }

    /// Whether `reader`, which is slow, has not been reported before. It is now.
    pub fn report(&self, reader: &OpenReader) -> bool {
        let Some(slot) = self.slot(reader.slot.0) else { return false };
        match slot.began.load(Ordering::Relaxed) {
            0 => false,
            began => slot.reported.swap(began, Ordering::Relaxed) != began,
        }
    }

    /// How many readers have begun so far, and how many cursors those that have ended opened.
    pub fn totals(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.slots().fold((0, 0), |(readers, cursors), (_, slot)| {
            (readers + read(&slot.reader_count), cursors + read(&slot.cursor_count))
        })
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
    pub fn forget_kept(&self) {
        for index in 0..self.used.load(Ordering::SeqCst) {
            if let Some(Ok(mut kept)) = self.slot(index).map(|slot| slot.kept.try_lock()) {
                kept.snapshot = None;
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
        readers.release(slots[0], None, 0);
        assert_eq!((readers.count(), readers.oldest()), (999, Some(6)));
        for slot in &slots[1..] {
            readers.release(*slot, None, 2);
        }
        assert_eq!((readers.count(), readers.oldest()), (0, None));
        assert_eq!(readers.totals(), (1000, 2 * 999));
    }

    #[test]
    fn a_reader_ages_and_is_reported_once_and_the_next_in_its_slot_is_another() {
        let readers = Readers::default();
        let age = |readers: &Readers| readers.list().next().unwrap().age;
        let slot = readers.register(7).unwrap();
        assert!(age(&readers) < 1_000_000_000);
        std::thread::sleep(std::time::Duration::from_millis(30));
        let old = readers.list().next().unwrap();
        assert!(old.txid == 7 && old.age >= 20_000_000, "{old:?}");
        assert!(readers.report(&old) && !readers.report(&old));
        readers.release(slot, None, 0);
        assert_eq!(readers.list().count(), 0);
        assert!(!readers.report(&old));
        assert_eq!(readers.register(8), Some(slot));
        assert!(age(&readers) < old.age && readers.report(&old));
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
