//! The entries of a changed leaf, in order, in chunks that bound what an insert moves.
//!
//! I1. No chunk is empty, unless it is the only one.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::format::page::Page;

use super::arena::At;

/// The most entries in a chunk.
const CHUNK_LEN: usize = 256;
/// How full the chunks of a page that is taken over are made, so that the next insert finds room.
const FILLED_LEN: usize = 192;
const BUCKET_BIT: u32 = 1 << 31;

/// An entry of a changed leaf: where its key lies, with its value right behind.
#[derive(Clone, Copy, Debug)]
pub struct LeafItem {
    at: At,
    key_len_and_flag: u32,
    value_len: u32,
}

impl LeafItem {
    /// An entry whose key begins at `at`. `None` where the key is too long for any page.
    #[inline]
    pub fn new(at: At, key_len: usize, value_len: usize, is_bucket: bool) -> Option<LeafItem> {
        let key_len = u32::try_from(key_len).ok().filter(|len| len & BUCKET_BIT == 0)?;
        let flag = if is_bucket { BUCKET_BIT } else { 0 };
        Some(LeafItem { at, key_len_and_flag: key_len | flag, value_len: u32::try_from(value_len).ok()? })
    }

    /// Where the key lies.
    #[inline]
    pub fn key_at(&self) -> At {
        self.at
    }

    /// The key's length in bytes.
    #[inline]
    pub fn key_len(&self) -> u32 {
        self.key_len_and_flag & !BUCKET_BIT
    }

    /// Where the value lies.
    #[inline]
    pub fn value_at(&self) -> At {
        self.at.plus(u64::from(self.key_len()))
    }

    /// The value's length in bytes.
    #[inline]
    pub fn value_len(&self) -> u32 {
        self.value_len
    }

    /// Key and value together, in bytes.
    #[inline]
    pub fn data_len(&self) -> u64 {
        u64::from(self.key_len()) + u64::from(self.value_len)
    }

    /// Whether the value is a bucket.
    #[inline]
    pub fn is_bucket(&self) -> bool {
        self.key_len_and_flag & BUCKET_BIT != 0
    }
}

/// A place among the items: a chunk and an index in it. On a page the chunk is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pos {
    /// The chunk.
    pub chunk: u32,
    /// The index in it.
    pub index: u32,
}

impl Pos {
    /// Index `index` of a page or of a branch.
    #[inline]
    pub fn index(index: usize) -> Pos {
        Pos { chunk: 0, index: index as u32 }
    }
}

/// The entries, in order.
#[derive(Default)]
pub struct Items {
    chunks: SmallVec<[Vec<LeafItem>; 1]>,
    len: usize,
}

impl Items {
    /// Room for `len` entries that are about to be pushed.
    pub fn with_room(len: usize) -> Result<Items> {
        let mut chunk = Vec::new();
        chunk.try_reserve_exact(len.min(FILLED_LEN) + 4)?;
        let mut chunks = SmallVec::new();
        chunks.try_reserve_exact(len.div_ceil(FILLED_LEN).max(1)).map_err(|_| Error::NoMemory)?;
        chunks.push(chunk);
        Ok(Items { chunks, len: 0 })
    }

    /// The entries of the leaf `page`, which begins at `offset` of the file. `None` where one lies outside or
    /// cannot be written again.
    pub fn of_page(page: &Page<'_>, offset: u64) -> Result<Option<Items>> {
        let mut items = Items::with_room(page.count())?;
        let run_len = page.bytes().len() as u64;
        let mut is_sound = true;
        while items.len < page.count() {
            if items.len > 0 {
                items.push_chunk()?;
            }
            let Some(chunk) = items.chunks.last_mut() else { break };
            for place in page.leaf_places(items.len, FILLED_LEN) {
                is_sound &= place.end() <= run_len && place.key_len & BUCKET_BIT == 0;
                let flag = if place.is_bucket { BUCKET_BIT } else { 0 };
                chunk.push(LeafItem {
                    at: At::file(offset + place.key_offset),
                    key_len_and_flag: place.key_len | flag,
                    value_len: place.value_len,
                });
            }
            if chunk.is_empty() {
                return Ok(None);
            }
            items.len += chunk.len();
        }
        Ok(if is_sound { Some(items) } else { None })
    }

    /// Appends an entry, leaving room in each chunk.
    pub fn push(&mut self, item: LeafItem) -> Result<()> {
        if self.chunks.last().is_none_or(|chunk| chunk.len() >= FILLED_LEN) {
            self.push_chunk()?;
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.try_reserve(1)?;
            chunk.push(item);
            self.len += 1;
        }
        Ok(())
    }

    /// The same entries once more.
    pub fn copied(&self) -> Result<Items> {
        let mut chunks = SmallVec::new();
        chunks.try_reserve_exact(self.chunks.len()).map_err(|_| Error::NoMemory)?;
        for chunk in &self.chunks {
            let mut copy = Vec::new();
            copy.try_reserve_exact(chunk.len().max(CHUNK_LEN))?;
            copy.extend_from_slice(chunk);
            chunks.push(copy);
        }
        Ok(Items { chunks, len: self.len })
    }

    fn push_chunk(&mut self) -> Result<()> {
        let mut chunk = Vec::new();
        chunk.try_reserve_exact(CHUNK_LEN)?;
        self.reserve_chunk()?;
        self.chunks.push(chunk);
        Ok(())
    }

    fn reserve_chunk(&mut self) -> Result<()> {
        self.chunks.try_reserve(1).map_err(|_| Error::NoMemory)
    }

    /// The place of the entry that was number `index` of the page that these items were taken from, unchanged
    /// since.
    pub fn pos_of_page_index(&self, index: usize) -> Pos {
        let last = self.chunks.len().saturating_sub(1);
        let chunk = (index / FILLED_LEN).min(last);
        Pos { chunk: chunk as u32, index: (index - chunk * FILLED_LEN) as u32 }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The entry at `pos`.
    #[inline]
    pub fn get(&self, pos: Pos) -> Option<&LeafItem> {
        self.chunks.get(pos.chunk as usize)?.get(pos.index as usize)
    }

    /// The place of the first entry, if any.
    pub fn first(&self) -> Option<Pos> {
        self.at_or_after(Pos::default())
    }

    /// The place of the last entry, if any.
    pub fn last(&self) -> Option<Pos> {
        let chunk = self.chunks.len().checked_sub(1)?;
        let index = self.chunks.get(chunk)?.len().checked_sub(1)?;
        Some(Pos { chunk: chunk as u32, index: index as u32 })
    }

    /// `pos`, or the next chunk's first place where `pos` is behind the last of its chunk; `None` at the end.
    #[inline]
    pub fn at_or_after(&self, pos: Pos) -> Option<Pos> {
        if (pos.index as usize) < self.chunks.get(pos.chunk as usize)?.len() {
            return Some(pos);
        }
        let next = Pos { chunk: pos.chunk + 1, index: 0 };
        self.get(next).map(|_| next)
    }

    /// The place after `pos`; `None` at the end.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.at_or_after(Pos { chunk: pos.chunk, index: pos.index + 1 })
    }

    /// The place before `pos`; `None` at the beginning.
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        if pos.index > 0 {
            return Some(Pos { chunk: pos.chunk, index: pos.index - 1 });
        }
        let chunk = pos.chunk.checked_sub(1)?;
        let index = self.chunks.get(chunk as usize)?.len().checked_sub(1)?;
        Some(Pos { chunk, index: index as u32 })
    }

    /// The place `count` entries after `pos`.
    pub fn advance(&self, pos: Pos, count: usize) -> Pos {
        let mut index = pos.index as usize + count;
        let mut chunk = pos.chunk as usize;
        while let Some(len) = self.chunks.get(chunk).map(Vec::len) {
            if index < len || chunk + 1 == self.chunks.len() {
                break;
            }
            index -= len;
            chunk += 1;
        }
        Pos { chunk: chunk as u32, index: index as u32 }
    }

    /// The `count` entries from `pos` on, chunk by chunk.
    pub fn slices(&self, pos: Pos, count: usize) -> impl Iterator<Item = &[LeafItem]> + '_ {
        let (mut start, mut left) = (pos.index as usize, count);
        self.chunks.iter().skip(pos.chunk as usize).map_while(move |chunk| {
            let slice = chunk.get(std::mem::take(&mut start)..).unwrap_or_default();
            let slice = slice.get(..left).unwrap_or(slice);
            left -= slice.len();
            if slice.is_empty() { None } else { Some(slice) }
        })
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &LeafItem> + '_ {
        self.chunks.iter().flatten()
    }

    /// The first place whose key is not less than the one sought, by `compare` (the entry's key against the
    /// sought), and whether it is equal. The place may be behind the last entry of its chunk.
    #[inline]
    pub fn search(
        &self,
        mut compare: impl FnMut(&LeafItem) -> Result<std::cmp::Ordering>,
    ) -> Result<(Pos, bool)> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let (mut low, mut high) = (0, self.chunks.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.chunks.get(middle).and_then(|chunk| chunk.first()) {
                Some(first) if compare(first)? != Greater => low = middle,
                _ => high = middle,
            }
        }
        let chunk = self.chunks.get(low).map_or(&[][..], Vec::as_slice);
        let (mut left, mut right) = (0, chunk.len());
        while left < right {
            let middle = left + (right - left) / 2;
            let Some(item) = chunk.get(middle) else { break };
            match compare(item)? {
                Less => left = middle + 1,
                Greater => right = middle,
                Equal => return Ok((Pos { chunk: low as u32, index: middle as u32 }, true)),
            }
        }
        Ok((Pos { chunk: low as u32, index: left as u32 }, false))
    }

    /// The place behind the last entry.
    pub fn end(&self) -> Pos {
        let chunk = self.chunks.len().saturating_sub(1);
        Pos { chunk: chunk as u32, index: self.chunks.get(chunk).map_or(0, Vec::len) as u32 }
    }

    /// Puts `item` before the entry at `pos`. On an error nothing has changed.
    pub fn insert(&mut self, pos: Pos, item: LeafItem) -> Result<()> {
        let pos = self.make_room(pos)?;
        let Some(chunk) = self.chunks.get_mut(pos.chunk as usize) else { return Err(Error::NoMemory) };
        chunk.try_reserve(1)?;
        chunk.insert(pos.index as usize, item);
        self.len += 1;
        Ok(())
    }

    /// Splits the chunk of `pos` where it is full; at the very end a new chunk is begun instead.
    fn make_room(&mut self, pos: Pos) -> Result<Pos> {
        let at = pos.chunk as usize;
        if self.chunks.is_empty() {
            self.push_chunk()?;
        }
        let len = self.chunks.get(at).map_or(0, Vec::len);
        if len < CHUNK_LEN {
            return Ok(pos);
        }
        if at + 1 == self.chunks.len() && pos.index as usize == len {
            self.push_chunk()?;
            return Ok(Pos { chunk: pos.chunk + 1, index: 0 });
        }
        let mut upper = Vec::new();
        upper.try_reserve_exact(CHUNK_LEN)?;
        self.reserve_chunk()?;
        if let Some(chunk) = self.chunks.get_mut(at) {
            upper.extend(chunk.drain(len / 2..));
        }
        self.chunks.insert(at + 1, upper);
        let index = pos.index as usize;
        Ok(if index <= len / 2 { pos } else { Pos { chunk: pos.chunk + 1, index: (index - len / 2) as u32 } })
    }

    /// Replaces the entry at `pos`.
    pub fn replace(&mut self, pos: Pos, item: LeafItem) {
        if let Some(slot) =
            self.chunks.get_mut(pos.chunk as usize).and_then(|chunk| chunk.get_mut(pos.index as usize))
        {
            *slot = item;
        }
    }

    /// Takes the entry at `pos` out.
    pub fn remove(&mut self, pos: Pos) {
        let Some(chunk) = self.chunks.get_mut(pos.chunk as usize) else { return };
        if (pos.index as usize) < chunk.len() {
            chunk.remove(pos.index as usize);
            self.len -= 1;
        }
        if chunk.is_empty() && self.chunks.len() > 1 {
            self.chunks.remove(pos.chunk as usize);
        }
    }

    /// Appends all entries of `other`.
    pub fn append(&mut self, other: Items) -> Result<()> {
        for chunk in other.chunks {
            match self.chunks.last_mut() {
                Some(last) if last.len() + chunk.len() <= CHUNK_LEN => {
                    last.try_reserve(chunk.len())?;
                    self.len += chunk.len();
                    last.extend(chunk);
                }
                _ if !chunk.is_empty() => {
                    self.reserve_chunk()?;
                    self.len += chunk.len();
                    self.chunks.push(chunk);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(number: u64) -> LeafItem {
        LeafItem::new(At::file(number), 1, 1, false).unwrap()
    }

    fn number(item: &LeafItem) -> u64 {
        item.key_at().file_offset().unwrap()
    }

    fn find(items: &Items, sought: u64) -> (Pos, bool) {
        items.search(|item| Ok(number(item).cmp(&sought))).unwrap()
    }

    proptest! {
        #[test]
        fn they_hold_what_a_sorted_list_holds(ops in prop::collection::vec((0u64..3000, 0u8..4), 1..3000), rising in any::<bool>()) {
            let mut items = Items::default();
            let mut model = std::collections::BTreeSet::new();
            for (step, (random, kind)) in ops.into_iter().enumerate() {
                let sought = if rising { step as u64 } else { random };
                let (pos, exact) = find(&items, sought);
                prop_assert_eq!(exact, model.contains(&sought));
                if kind > 0 && !exact {
                    items.insert(pos, item(sought)).unwrap();
                    model.insert(sought);
                } else if kind == 0 && exact {
                    items.remove(pos);
                    model.remove(&sought);
                }
            }
            prop_assert_eq!(items.len(), model.len());
            prop_assert!(items.iter().map(number).eq(model.iter().copied()));
            let mut forward = Vec::new();
            let mut pos = items.first();
            while let Some(here) = pos {
                forward.push(number(items.get(here).unwrap()));
                pos = items.next(here);
            }
            prop_assert!(forward.iter().eq(model.iter()));
            let mut backward = Vec::new();
            let mut pos = items.last();
            while let Some(here) = pos {
                backward.push(number(items.get(here).unwrap()));
                pos = items.prev(here);
            }
            prop_assert!(backward.iter().rev().eq(model.iter()));
        }
    }

    #[test]
    fn a_place_on_the_page_is_the_same_place_among_the_items() {
        for len in [0usize, 1, 191, 192, 193, 384, 1000] {
            let mut items = Items::with_room(len).unwrap();
            (0..len).for_each(|number| items.push(item(number as u64)).unwrap());
            for index in 0..len {
                assert_eq!(number(items.get(items.pos_of_page_index(index)).unwrap()), index as u64);
            }
            assert_eq!(items.pos_of_page_index(len), items.end(), "{len}");
        }
    }
}
