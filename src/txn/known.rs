//! One bit a page: whether it was checked, or written by this process, and is as it was then.
//!
//! It belongs to the database and outlives snapshots and maps. A bit is set when a page was found sound where
//! it was entered, or was written; it is cleared when the page is given out again. Readers and the writer
//! share it without a lock: a reader never enters a page that the writer may give out.
//!
//! A database that is read without a map remembers no page here: what was read anew is checked anew.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::format::PageId;
use crate::freelist::Run;

const CHUNK_WORDS: usize = 512;
const CHUNK_BITS: u64 = 64 * CHUNK_WORDS as u64;
const SEGMENTS: usize = 40;

type Chunk = [AtomicU64; CHUNK_WORDS];
type Segment = Box<[OnceLock<Box<Chunk>>]>;

/// The set. Memory follows the pages that were entered: 4 KiB for each 32,768 of which any was.
pub struct KnownPages {
    /// Segment s has 2^s chunks, so that nothing ever moves.
    segments: [OnceLock<Segment>; SEGMENTS],
    forgets_at_once: bool,
}

impl Default for KnownPages {
    fn default() -> Self {
        KnownPages { segments: [const { OnceLock::new() }; SEGMENTS], forgets_at_once: false }
    }
}

/// Segment, chunk, word and bit of page `id`.
#[inline]
fn place(id: PageId) -> (usize, usize, usize, u64) {
    let chunk = id / CHUNK_BITS + 1;
    let segment = chunk.ilog2();
    let word = id % CHUNK_BITS / 64;
    (segment as usize, (chunk - (1 << segment)) as usize, word as usize, 1 << (id % 64))
}

/// What is in the slot, made where there was nothing.
fn kept<T>(slot: &OnceLock<T>, make: impl FnOnce() -> Option<T>) -> Option<&T> {
    if slot.get().is_none() {
        // Where another thread was faster, its own is taken.
        let _ = slot.set(make()?);
    }
    slot.get()
}

/// So many of them; `None` where there is no memory.
fn filled<T>(count: usize, make: impl FnMut() -> T) -> Option<Box<[T]>> {
    let mut all = Vec::new();
    all.try_reserve_exact(count).ok()?;
    all.resize_with(count, make);
    Some(all.into_boxed_slice())
}

impl KnownPages {
    /// A set that stays empty.
    pub fn none() -> KnownPages {
        KnownPages { forgets_at_once: true, ..KnownPages::default() }
    }

    /// Whether page `id` is known to be sound.
    #[inline]
    pub fn contains(&self, id: PageId) -> bool {
        let (segment, chunk, word, bit) = place(id);
        let chunk =
            self.segments.get(segment).and_then(OnceLock::get).and_then(|segment| segment.get(chunk)?.get());
        chunk.is_some_and(|chunk| chunk[word].load(Ordering::Acquire) & bit != 0)
    }

    /// Page `id` has been found sound, or was written. Where there is no memory to know that, it will be
    /// found sound anew.
    pub fn insert(&self, id: PageId) {
        if self.forgets_at_once {
            return;
        }
        let (segment, chunk, word, bit) = place(id);
        let words = self
            .segments
            .get(segment)
            .and_then(|slot| kept(slot, || filled(1 << segment, OnceLock::new)))
            .and_then(|chunks| {
                kept(chunks.get(chunk)?, || filled(CHUNK_WORDS, AtomicU64::default)?.try_into().ok())
            });
        if let Some(words) = words {
            words[word].fetch_or(bit, Ordering::Release);
        }
    }

    /// Bytes of memory that it takes.
    pub fn memory_len(&self) -> u64 {
        let chunks = self.segments.iter().filter_map(OnceLock::get).map(|segment| {
            let made = segment.iter().filter(|chunk| chunk.get().is_some()).count();
            size_of_val::<[_]>(segment) + made * size_of::<Chunk>()
        });
        (size_of::<KnownPages>() + chunks.sum::<usize>()) as u64
    }

    /// The pages of `run` are given out: nothing is known of them.
    pub fn forget(&self, run: Run) {
        for id in run.id..run.id.saturating_add(run.page_count) {
            let (segment, chunk, word, bit) = place(id);
            let chunk = self
                .segments
                .get(segment)
                .and_then(OnceLock::get)
                .and_then(|segment| segment.get(chunk)?.get());
            if let Some(chunk) = chunk {
                chunk[word].fetch_and(!bit, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_from_its_check_until_it_is_given_out() {
        let known = KnownPages::default();
        let ids = [2, 63, 64, CHUNK_BITS - 1, CHUNK_BITS, 3 * CHUNK_BITS + 5, 1 << 24];
        for id in ids {
            assert!(!known.contains(id));
            known.insert(id);
            assert!(known.contains(id) && !known.contains(id + 1));
        }
        for id in ids {
            known.forget(Run { id: id - 1, page_count: 3 });
            assert!(!known.contains(id), "{id}");
        }
    }
}
