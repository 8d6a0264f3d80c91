//! Writing a branch or leaf page: the mirror of [`Page`].

use std::ops::Range;

use super::bytes::{put_u64_pair, u64_at, u64_pair_at};
use super::page::{BUCKET_FLAG, Kind, Page, put_header, slice};
use super::{ELEMENT_LEN, PAGE_HEADER_LEN, PageId};

/// Writes one branch or leaf page into the bytes of its run: elements in order, data packed behind the table
/// as Go packs it, the rest zero.
///
/// The bytes need not be zero before. Each call answers `None` where the run is too short; nothing else can
/// fail.
pub struct PageBuilder<'a> {
    run: &'a mut [u8],
    element_offset: usize,
    /// How far behind the next element its data lie.
    pos: u64,
    data_offset: usize,
}

impl<'a> PageBuilder<'a> {
    /// Appends the elements `range` of a leaf that [`Page::packed_len`] has found in order. `None` where they lie
    /// outside or there is no room. If the leaf is in order no more, what it makes of them is within the run all
    /// the same; [`Self::used_len`] tells.
    pub fn leaf_copy(&mut self, page: &Page<'_>, range: Range<usize>) -> Option<()> {
        let table = page.table()?.get(ELEMENT_LEN * range.start..ELEMENT_LEN * range.end)?;
        let (first, last) = match (table.chunks_exact(ELEMENT_LEN).next(), range.end.checked_sub(1)) {
            (Some(first), Some(last)) => (first, last),
            _ => return Some(()),
        };
        let at = (PAGE_HEADER_LEN + ELEMENT_LEN * range.start) as u64;
        let data_start = at + (u64_at(first, 0)? >> 32);
        let data = slice(page.bytes(), data_start, page.leaf_places(last, 1).next()?.end())?;
        // All data move as one, and all elements as one, so that each finds its data as much farther on.
        let farther = (self.pos).wrapping_sub(data_start - at) << 32;
        let end = self.element_offset + table.len();
        let copy = self.run.get_mut(self.element_offset..end)?;
        for (element, from) in copy.chunks_exact_mut(ELEMENT_LEN).zip(table.chunks_exact(ELEMENT_LEN)) {
            let (first, second) = u64_pair_at(from, 0)?;
            let pos = (first & !u64::from(u32::MAX)).wrapping_add(farther);
            put_u64_pair(element, first & u64::from(BUCKET_FLAG) | pos, second)?;
        }
        self.element_offset = end;
        self.pos = (self.pos + data.len() as u64).wrapping_sub(table.len() as u64);
        self.data(data)
    }

    /// The bytes that header, table and the data so far take.
    pub fn used_len(&self) -> u64 {
        self.data_offset as u64
    }

    /// Appends an element: the lengths of key and value, whether it is a bucket, and key and value in one piece.
    pub fn leaf_entry(
        &mut self,
        (key_len, value_len, is_bucket): (u32, u32, bool),
        data: &[u8],
    ) -> Option<()> {
        self.leaf_table(std::iter::once((key_len, value_len, is_bucket)))?;
        self.data(data)
    }

    /// Begins page `id` of `count` elements in `run`, which has `overflow` pages beyond the first.
    pub fn new(
        run: &'a mut [u8],
        id: PageId,
        kind: Kind,
        count: usize,
        overflow: u32,
    ) -> Option<PageBuilder<'a>> {
        put_header(run, id, kind, u16::try_from(count).ok()?, overflow)?;
        let table_len = ELEMENT_LEN * count;
        Some(PageBuilder {
            run,
            element_offset: PAGE_HEADER_LEN,
            pos: table_len as u64,
            data_offset: PAGE_HEADER_LEN + table_len,
        })
    }

    /// Writes the next elements of a leaf, given the lengths of each key and value and whether it is a bucket.
    /// When the table is whole the data follow by [`Self::data`].
    #[inline]
    pub fn leaf_table(&mut self, entries: impl ExactSizeIterator<Item = (u32, u32, bool)>) -> Option<()> {
        self.table(entries.map(|(key_len, value_len, is_bucket)| {
            let lens = u64::from(key_len) | u64::from(value_len) << 32;
            (u64::from(key_len) + u64::from(value_len), u64::from(is_bucket), 32, lens)
        }))
    }

    /// Writes the next elements of a branch, given the length of each key, and its child. When the table is
    /// whole the keys follow by [`Self::data`].
    #[inline]
    pub fn branch_table(&mut self, entries: impl ExactSizeIterator<Item = (u32, PageId)>) -> Option<()> {
        self.table(entries.map(|(key_len, child)| (u64::from(key_len), u64::from(key_len) << 32, 0, child)))
    }

    /// Writes elements: the length of the data, the first word, how far the data's place is shifted in it, and
    /// the second word.
    #[inline(always)]
    fn table(&mut self, elements: impl ExactSizeIterator<Item = (u64, u64, u32, u64)>) -> Option<()> {
        let end = self.element_offset + ELEMENT_LEN * elements.len();
        let table = self.run.get_mut(self.element_offset..end)?;
        let (mut pos, mut farthest) = (self.pos, 0);
        for (element, (len, first, shift, second)) in table.chunks_exact_mut(ELEMENT_LEN).zip(elements) {
            put_u64_pair(element, first | pos << shift, second)?;
            farthest |= pos;
            pos = (pos + len).wrapping_sub(ELEMENT_LEN as u64);
        }
        (self.element_offset, self.pos) = (end, pos);
        if farthest > u64::from(u32::MAX) { None } else { Some(()) }
    }

    /// Appends data: the keys and values announced, in their order, in pieces of any size.
    #[inline]
    pub fn data(&mut self, bytes: &[u8]) -> Option<()> {
        self.run.get_mut(self.data_offset..self.data_offset + bytes.len())?.copy_from_slice(bytes);
        self.data_offset += bytes.len();
        Some(())
    }

    /// Ends the page: what is left of the run becomes zero.
    pub fn finish(self) -> Option<()> {
        self.run.get_mut(self.data_offset..)?.fill(0);
        Some(())
    }
}
