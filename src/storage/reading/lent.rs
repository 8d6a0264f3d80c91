//! The pieces that a view has lent: a table that only grows, whose entries never move.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::{Piece, ReadFile};
use crate::error::{Error, Result};

const FIRST_CHUNK_LEN: usize = 16;
const CHUNKS: usize = 28;

type Chunk = Box<[OnceLock<Arc<Piece>>]>;

/// See the module's page.
pub(super) struct Lent {
    file: Arc<ReadFile>,
    index: RwLock<Index>,
    /// Chunk c has 2^c times as many places as the first, so that nothing ever moves.
    chunks: [OnceLock<Chunk>; CHUNKS],
    with_reserve: AtomicBool,
}

#[derive(Default)]
struct Index {
    /// The piece that has a granule; of several the last.
    by_granule: HashMap<u64, usize>,
    count: usize,
    len: u64,
}

/// Chunk and place of entry `index`.
fn place(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK_LEN + 1).ilog2() as usize;
    (chunk, index - FIRST_CHUNK_LEN * ((1 << chunk) - 1))
}

impl Lent {
    pub fn new(file: Arc<ReadFile>) -> Lent {
        let chunks = [const { OnceLock::new() }; CHUNKS];
        Lent { file, index: RwLock::default(), chunks, with_reserve: AtomicBool::new(false) }
    }

    pub fn use_reserve(&self) {
        self.with_reserve.store(true, Ordering::Relaxed);
    }

    fn entry(&self, index: usize) -> Option<&Arc<Piece>> {
        let (chunk, place) = place(index);
        self.chunks.get(chunk)?.get()?.get(place)?.get()
    }

    /// The piece that has the `len` bytes at `offset`.
    pub fn find(&self, offset: u64, len: u64) -> Option<&Arc<Piece>> {
        let granule = offset / self.file.granule_len;
        let index = *self.index.read().unwrap_or_else(PoisonError::into_inner).by_granule.get(&granule)?;
        self.entry(index).filter(|piece| piece.part(offset, len).is_some())
    }

    /// Adds a piece; where the same bytes are lent already, gives the piece that has them.
    pub fn add(&self, piece: &Arc<Piece>) -> Result<&Arc<Piece>> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let first = piece.offset / self.file.granule_len;
        let known = index.by_granule.get(&first).and_then(|&known| self.entry(known));
        if let Some(known) = known.filter(|known| known.stands_in_for(piece)) {
            return Ok(known);
        }
        let last = (piece.offset + piece.bytes.len().saturating_sub(1) as u64) / self.file.granule_len;
        index.by_granule.try_reserve(usize::try_from(last - first + 1).map_err(|_| Error::NoMemory)?)?;
        let slot = self.slot(index.count)?;
        self.file.take_lent(piece.memory_len(), self.with_reserve.load(Ordering::Relaxed))?;
        index.len += piece.memory_len();
        for granule in first..=last {
            let count = index.count;
            index.by_granule.insert(granule, count);
        }
        index.count += 1;
        Ok(slot.get_or_init(|| Arc::clone(piece)))
    }

    /// The place of an entry to come.
    fn slot(&self, index: usize) -> Result<&OnceLock<Arc<Piece>>> {
        let (number, place) = place(index);
        let chunk = self.chunks.get(number).ok_or(Error::NoMemory)?;
        if chunk.get().is_none() {
            let len = FIRST_CHUNK_LEN << number;
            let mut places = Vec::new();
            places.try_reserve_exact(len)?;
            places.resize_with(len, OnceLock::new);
            // Set by nobody else: the index is locked.
            let _ = chunk.set(places.into_boxed_slice());
        }
        chunk.get().and_then(|places| places.get(place)).ok_or(Error::NoMemory)
    }
}

impl Piece {
    /// Whether whoever wants `other` is served by this piece.
    fn stands_in_for(&self, other: &Piece) -> bool {
        let covers = self.part(other.offset, other.bytes.len() as u64).is_some();
        covers && (!other.is_whole || self.is_whole_at(other.offset))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.file.lent_len.fetch_sub(index.len, Ordering::Relaxed);
    }
}
