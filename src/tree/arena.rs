//! The bytes that a write transaction adds, and addresses of bytes wherever they lie.
//!
//! A1. Nothing in the arena moves or changes once it was written: slices of it stay valid, at their place, as
//!     long as the arena lives.

use crate::error::{Error, Result};

const ARENA_BIT: u64 = 1 << 63;
const OFFSET_BITS: u32 = 32;
const FIRST_CHUNK_LEN: usize = 8 << 10;
const MAX_CHUNK_LEN: usize = 1 << 20;
/// What is longer gets a chunk of its own, so that no chunk is given up half empty.
const LARGE_LEN: usize = 64 << 10;

/// Where bytes lie: at an offset of the file, or in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(u64);

impl At {
    /// An offset of the file, in bytes.
    #[inline]
    pub fn file(offset: u64) -> At {
        At(offset & !ARENA_BIT)
    }

    /// The address `len` bytes further on, within the same piece.
    #[inline]
    pub fn plus(self, len: u64) -> At {
        At(self.0 + len)
    }

    /// The offset in the file; `None` for the arena.
    #[inline]
    pub fn file_offset(self) -> Option<u64> {
        if self.0 & ARENA_BIT == 0 { Some(self.0) } else { None }
    }
}

/// Bytes that are only ever appended.
#[derive(Default)]
pub struct Arena {
    chunks: Vec<Vec<u8>>,
    /// The chunk that is being filled.
    current: usize,
}

impl Arena {
    /// Appends `parts`, one after the other in one piece.
    pub fn push(&mut self, parts: [&[u8]; 2]) -> Result<At> {
        let len = parts[0].len() + parts[1].len();
        let index = self.room(len)?;
        let chunk = self.chunks.get_mut(index).ok_or(Error::NoMemory)?;
        let offset = chunk.len();
        for part in parts {
            chunk.extend_from_slice(part);
        }
        Ok(address(index, offset))
    }

    /// Appends `head` and `len` zero bytes in one piece.
    pub fn push_zeros(&mut self, head: &[u8], len: usize) -> Result<At> {
        let index = self.room(head.len() + len)?;
        let chunk = self.chunks.get_mut(index).ok_or(Error::NoMemory)?;
        let offset = chunk.len();
        chunk.extend_from_slice(head);
        chunk.resize(chunk.len() + len, 0);
        Ok(address(index, offset))
    }

    /// Bytes of memory that it takes.
    pub fn memory_len(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.capacity() as u64).sum()
    }

    /// The index of a chunk that takes `len` more bytes without growing (A1).
    fn room(&mut self, len: usize) -> Result<usize> {
        if let Some(chunk) = self.chunks.get(self.current) {
            if chunk.capacity() - chunk.len() >= len {
                return Ok(self.current);
            }
        }
        let index = self.chunks.len();
        let grown = (FIRST_CHUNK_LEN << index.min(8)).min(MAX_CHUNK_LEN);
        let mut chunk = Vec::new();
        chunk.try_reserve_exact(if len > LARGE_LEN { len } else { grown.max(len) })?;
        self.chunks.try_reserve(1)?;
        self.chunks.push(chunk);
        if len <= LARGE_LEN {
            self.current = index;
        }
        Ok(index)
    }

    /// The `len` bytes at `at`, or `None` where the arena has none there.
    #[inline]
    pub fn bytes(&self, at: At, len: u64) -> Option<&[u8]> {
        let chunk = self.chunks.get(((at.0 & !ARENA_BIT) >> OFFSET_BITS) as usize)?;
        let offset = (at.0 & ((1 << OFFSET_BITS) - 1)) as usize;
        chunk.get(offset..offset.checked_add(usize::try_from(len).ok()?)?)
    }

    /// The `len` bytes at `at`, which nobody has been given yet, to be filled.
    pub fn bytes_mut(&mut self, at: At, len: usize) -> Option<&mut [u8]> {
        let chunk = self.chunks.get_mut(((at.0 & !ARENA_BIT) >> OFFSET_BITS) as usize)?;
        let offset = (at.0 & ((1 << OFFSET_BITS) - 1)) as usize;
        chunk.get_mut(offset..offset.checked_add(len)?)
    }
}

fn address(chunk: usize, offset: usize) -> At {
    At(ARENA_BIT | (chunk as u64) << OFFSET_BITS | offset as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_stays_where_it_is() {
        let mut arena = Arena::default();
        let mut pieces = Vec::new();
        for index in 0..2000usize {
            let (key, value) = (index.to_string().into_bytes(), vec![index as u8; index * 37 % 5000]);
            let at = arena.push([&key, &value]).unwrap();
            let all = [key, value].concat();
            let place = arena.bytes(at, all.len() as u64).unwrap().as_ptr();
            pieces.push((at, all, place));
        }
        let large = arena.push([b"k", &vec![9; 1 << 20]]).unwrap();
        for (at, all, place) in &pieces {
            let bytes = arena.bytes(*at, all.len() as u64).unwrap();
            assert_eq!((bytes, bytes.as_ptr()), (&all[..], *place));
        }
        assert_eq!(arena.bytes(large.plus(1), 1 << 20), Some(&vec![9; 1 << 20][..]));
        assert_eq!(arena.bytes(large.plus(2), 1 << 20), None);
    }

    #[test]
    fn reserved_bytes_are_zero_and_may_be_filled() {
        let mut arena = Arena::default();
        let at = arena.push_zeros(b"key", 5).unwrap();
        assert_eq!(arena.bytes(at, 8), Some(&b"key\0\0\0\0\0"[..]));
        arena.bytes_mut(at.plus(3), 5).unwrap().copy_from_slice(b"value");
        assert_eq!(arena.bytes(at, 8), Some(&b"keyvalue"[..]));
    }
}
