//! Which chunk of memory holds which part of a file, at one moment. The invariants M1 to M4 stand at the head
//! of `memory`.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

pub(super) const GRANULE_LEN: usize = 1024;
pub(super) const BLOCK_SLOT_COUNT: usize = 512;

/// What a view lends where nothing was ever written.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Bytes that never move and never change, whole granules of them.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    first_granule: usize,
    /// How many of its granules the newest table names.
    live_count: AtomicUsize,
}

impl Chunk {
    pub(super) fn new(bytes: Vec<u8>, first_granule: usize) -> Arc<Chunk> {
        let live_count = AtomicUsize::new(bytes.len() / GRANULE_LEN);
        Arc::new(Chunk { bytes, first_granule, live_count })
    }

    pub(super) fn granule_count(&self) -> usize {
        self.bytes.len() / GRANULE_LEN
    }

    /// The bytes at an offset of the file (M2).
    pub(super) fn bytes_at(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let start = offset.checked_sub(self.first_granule * GRANULE_LEN)?;
        self.bytes.get(start..start.checked_add(len)?)
    }
}

/// A part of the table.
pub(super) type Block = [Option<Arc<Chunk>>; BLOCK_SLOT_COUNT];

/// Which chunk has which granule, at one moment.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) blocks: Arc<Vec<Arc<Block>>>,
    pub(super) len: usize,
}

impl Table {
    pub(super) fn chunk(&self, granule: usize) -> Option<&Arc<Chunk>> {
        self.blocks.get(granule / BLOCK_SLOT_COUNT)?.get(granule % BLOCK_SLOT_COUNT)?.as_ref()
    }

    /// The bytes of the range, all within the file, where they are contiguous in memory.
    pub(super) fn contiguous(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let (first, last) = (offset / GRANULE_LEN, (offset + len.saturating_sub(1)) / GRANULE_LEN);
        let Some(chunk) = self.chunk(first) else {
            let unwritten = (first..=last).all(|granule| self.chunk(granule).is_none());
            return if unwritten { ZEROS.get(..len) } else { None };
        };
        let same = |granule| self.chunk(granule).is_some_and(|other| Arc::ptr_eq(chunk, other));
        if (first + 1..=last).all(same) { chunk.bytes_at(offset, len) } else { None }
    }

    /// Fills `buf` with the bytes at `offset`; what the file does not have reads as zeros.
    pub(super) fn copy_to(&self, buf: &mut [u8], offset: usize) {
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let len = rest.len().min(GRANULE_LEN - offset % GRANULE_LEN);
            let (piece, others) = rest.split_at_mut(len);
            match self.chunk(offset / GRANULE_LEN).and_then(|chunk| chunk.bytes_at(offset, len)) {
                Some(bytes) => piece.copy_from_slice(bytes),
                None => piece.fill(0),
            }
            offset += len;
            rest = others;
        }
    }

    /// A copy of the range.
    pub(super) fn copy(&self, offset: usize, len: usize) -> Result<Vec<u8>> {
        let mut bytes = zeros(len)?;
        self.copy_to(&mut bytes, offset);
        Ok(bytes)
    }

    /// Lengthens the file, without a granule of it written.
    pub(super) fn extend(&mut self, len: usize) -> Result<()> {
        if len <= self.len {
            return Ok(());
        }
        let block_count = len.div_ceil(GRANULE_LEN).div_ceil(BLOCK_SLOT_COUNT);
        let added = block_count.saturating_sub(self.blocks.len());
        if added > 0 {
            let blocks = own_blocks(&mut self.blocks, added)?;
            blocks.resize(block_count, Arc::new([const { None }; BLOCK_SLOT_COUNT]));
        }
        self.len = len;
        Ok(())
    }

    /// Points the granules of the chunk at it, and gives up the chunks that are worn by it (M4).
    pub(super) fn put(&mut self, chunk: &Arc<Chunk>) -> Result<()> {
        let blocks = own_blocks(&mut self.blocks, 0)?;
        let mut worn: Vec<Arc<Chunk>> = Vec::new();
        for granule in chunk.first_granule..chunk.first_granule + chunk.granule_count() {
            let Some(block) = blocks.get_mut(granule / BLOCK_SLOT_COUNT) else { break };
            let slot = &mut Arc::make_mut(block)[granule % BLOCK_SLOT_COUNT];
            let Some(old) = slot.replace(Arc::clone(chunk)) else { continue };
            let live_count = old.live_count.fetch_sub(1, Ordering::Relaxed) - 1;
            let is_worn = live_count > 0 && live_count * 2 < old.granule_count();
            let is_new = worn.last().is_none_or(|last| !Arc::ptr_eq(last, &old));
            // Without memory for the list it stays as it is until the next write to it.
            if is_worn && is_new && worn.try_reserve(1).is_ok() {
                worn.push(old);
            }
        }
        for chunk in worn {
            self.give_up(&chunk);
        }
        Ok(())
    }

    /// Copies what is left of a chunk, so that it can go. Without memory for that it stays as it is.
    pub(super) fn give_up(&mut self, chunk: &Arc<Chunk>) {
        let end = chunk.first_granule + chunk.granule_count();
        let mut granule = chunk.first_granule;
        while granule < end {
            let left = |granule: &usize| self.chunk(*granule).is_some_and(|other| Arc::ptr_eq(other, chunk));
            let count = (granule..end).take_while(left).count();
            if count > 0 {
                let Ok(bytes) = self.copy(granule * GRANULE_LEN, count * GRANULE_LEN) else { return };
                let copied = Chunk::new(bytes, granule);
                let Ok(blocks) = own_blocks(&mut self.blocks, 0) else { return };
                for granule in granule..granule + count {
                    let Some(block) = blocks.get_mut(granule / BLOCK_SLOT_COUNT) else { return };
                    Arc::make_mut(block)[granule % BLOCK_SLOT_COUNT] = Some(Arc::clone(&copied));
                }
                chunk.live_count.fetch_sub(count, Ordering::Relaxed);
            }
            granule += count.max(1);
        }
    }

    /// Writes the parts at `offset`. A granule that they do not fill keeps the rest of its bytes.
    pub(super) fn write(&mut self, parts: &[IoSlice<'_>], offset: usize) -> Result<()> {
        let total = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len()));
        let end = total.and_then(|total| offset.checked_add(total)).ok_or(Error::NoMemory)?;
        if end == offset {
            return Ok(());
        }
        let start = offset - offset % GRANULE_LEN;
        let stop = end.checked_next_multiple_of(GRANULE_LEN).ok_or(Error::NoMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(stop - start)?;
        bytes.resize(offset - start, 0);
        self.copy_to(&mut bytes, start);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        let tail = bytes.len();
        bytes.resize(stop - start, 0);
        self.copy_to(bytes.get_mut(tail..).unwrap_or(&mut []), end);
        self.extend(end)?;
        self.put(&Chunk::new(bytes, start / GRANULE_LEN))
    }
}

/// The blocks, with room for more, in a `Vec` that no view shares (M1).
fn own_blocks(blocks: &mut Arc<Vec<Arc<Block>>>, added: usize) -> Result<&mut Vec<Arc<Block>>> {
    if Arc::get_mut(blocks).is_none() {
        let mut own = Vec::new();
        own.try_reserve_exact(blocks.len())?;
        own.extend(blocks.iter().cloned());
        *blocks = Arc::new(own);
    }
    // No copy any more: it is shared with nobody.
    let own = Arc::make_mut(blocks);
    own.try_reserve(added)?;
    Ok(own)
}

pub(super) fn zeros(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}
