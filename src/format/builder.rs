//! Writing a branch or leaf page: the mirror of [`Page`].

use std::ops::Range;

use super::bytes::{put_u64_pair, u64_at, u64_pair_at};
use super::page::{BUCKET_FLAG, Kind, Page, put_header, slice};
use super::{ELEMENT_LEN, PAGE_HEADER_LEN, PageId};

/// What of the first word of a leaf's element is copied: how far its data lie, and whether it is a bucket.
const KEPT_BITS: u64 = (u32::MAX as u64) << 32 | BUCKET_FLAG as u64;

/// Writes one branch or leaf page into the bytes of its run: elements in order, data packed behind the table
/// as Go packs it, or behind a gap, the rest zero.
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
            put_u64_pair(element, (first & KEPT_BITS).wrapping_add(farther), second)?;
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

    /// Leaves `len` zero bytes between the table and the data; to be called before anything is appended.
    pub fn gap(&mut self, len: usize) -> Option<()> {
        self.run.get_mut(self.data_offset..self.data_offset + len)?.fill(0);
        self.data_offset += len;
        self.pos += len as u64;
        Some(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bytes::put_u32;

    const LENS: [(u32, u32, bool); 5] =
        [(3, 40, false), (4, 0, false), (1, 16, true), (9, 2, false), (2, 31, true)];

    /// The key and the value of the element of these lengths, in one piece.
    fn data((key_len, value_len, _): (u32, u32, bool), number: u8) -> Vec<u8> {
        [vec![b'a' + number; key_len as usize], vec![number + 1; value_len as usize]].concat()
    }

    /// The elements of these numbers, one after the other.
    fn leaf(numbers: &[u8]) -> Vec<u8> {
        let mut run = vec![0xAA; 1024];
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, numbers.len(), 0).unwrap();
        builder.leaf_table(numbers.iter().map(|&number| LENS[usize::from(number)])).unwrap();
        let written: usize = numbers
            .iter()
            .map(|&number| {
                let data = data(LENS[usize::from(number)], number);
                builder.data(&data).unwrap();
                data.len()
            })
            .sum();
        assert_eq!(builder.used_len(), (PAGE_HEADER_LEN + ELEMENT_LEN * numbers.len() + written) as u64);
        builder.finish().unwrap();
        run
    }

    #[test]
    fn elements_copied_and_written_one_by_one_give_the_page_that_is_written_at_once() {
        let source = leaf(&[0, 1, 2, 3, 4]);
        let page = Page::verify(&source, 9, 100).unwrap();
        for start in 0..=5u8 {
            for end in start..=5 {
                let numbers: Vec<u8> = [0].into_iter().chain(start..end).chain([4]).collect();
                let mut run = vec![0xAA; 1024];
                let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, numbers.len(), 0).unwrap();
                builder.leaf_entry(LENS[0], &data(LENS[0], 0)).unwrap();
                builder.leaf_copy(&page, usize::from(start)..usize::from(end)).unwrap();
                builder.leaf_entry(LENS[4], &data(LENS[4], 4)).unwrap();
                builder.finish().unwrap();
                assert!(run == leaf(&numbers), "{start}..{end}");
            }
        }
    }

    #[test]
    fn data_behind_a_gap_are_where_the_elements_say() {
        let mut run = vec![0xAA; 1024];
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, LENS.len(), 0).unwrap();
        builder.gap(128).unwrap();
        for (number, lens) in LENS.into_iter().enumerate() {
            builder.leaf_entry(lens, &data(lens, number as u8)).unwrap();
        }
        builder.finish().unwrap();
        let table_end = PAGE_HEADER_LEN + ELEMENT_LEN * LENS.len();
        assert!(run[table_end..table_end + 128].iter().all(|&byte| byte == 0));
        let (gapped, plain) = (Page::verify(&run, 9, 100).unwrap(), leaf(&[0, 1, 2, 3, 4]));
        let plain = Page::verify(&plain, 9, 100).unwrap();
        for index in 0..LENS.len() {
            let (gapped, plain) = (gapped.leaf(index).unwrap(), plain.leaf(index).unwrap());
            assert_eq!((gapped.key, gapped.value), (plain.key, plain.value));
            assert_eq!((gapped.is_bucket, gapped.key_offset), (plain.is_bucket, plain.key_offset + 128));
        }
        let mut short = vec![0; table_end + 127];
        let mut builder = PageBuilder::new(&mut short, 9, Kind::Leaf, LENS.len(), 0).unwrap();
        assert!(builder.gap(128).is_none());
    }

    #[test]
    fn of_the_flags_of_an_element_a_copy_keeps_those_that_the_format_has() {
        let mut source = leaf(&[0, 1, 2, 3, 4]);
        for (index, (.., is_bucket)) in LENS.into_iter().enumerate() {
            let flags = 0xF0F0_F0F0 | u32::from(is_bucket);
            put_u32(&mut source, PAGE_HEADER_LEN + ELEMENT_LEN * index, flags).unwrap();
        }
        let mut run = vec![0; 1024];
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, 5, 0).unwrap();
        builder.leaf_copy(&Page::trusted(&source, 9).unwrap(), 0..5).unwrap();
        builder.finish().unwrap();
        assert!(run == leaf(&[0, 1, 2, 3, 4]));
    }

    #[test]
    fn what_has_no_room_or_lies_outside_is_not_copied() {
        let source = leaf(&[0, 1, 2, 3, 4]);
        let page = Page::trusted(&source, 9).unwrap();
        let used_len = PageBuilder::new(&mut [0; 1024], 9, Kind::Leaf, 5, 0)
            .and_then(|mut builder| builder.leaf_copy(&page, 0..5).map(|()| builder.used_len()))
            .unwrap() as usize;
        for (run_len, page, range) in [
            (used_len, page, 0..5),
            (used_len - 1, page, 0..5),
            (PAGE_HEADER_LEN + 5 * ELEMENT_LEN - 1, page, 0..5),
            (1024, page, 0..64),
            (1024, Page::again(&source[..used_len - 1], 9, true, 5), 0..5),
            (1024, Page::again(&source[..used_len - 1], 9, true, 5), 0..4),
            (1024, Page::again(&source[..95], 9, true, 5), 0..1),
        ] {
            let fits =
                run_len >= used_len && range.end <= 5 && page.bytes().len() + 5 >= used_len + range.end;
            let mut run = vec![0; run_len];
            let copied = PageBuilder::new(&mut run, 9, Kind::Leaf, range.len(), 0)
                .and_then(|mut builder| builder.leaf_copy(&page, range.clone()));
            assert_eq!(copied.is_some(), fits, "{run_len} {range:?}");
        }
    }

    #[test]
    fn an_element_says_up_to_32_bits_how_far_its_data_lie() {
        for (value_len, fits) in [(u32::MAX - 26, true), (u32::MAX - 25, false)] {
            let mut run = vec![0; 64];
            let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, 2, 0).unwrap();
            // The first data lie 32 bytes behind their element, the second ones 16 less and as many as there are.
            let told = builder.leaf_table([(10, value_len, false), (1, 1, false)].into_iter());
            assert_eq!(told.is_some(), fits, "{value_len}");
        }
    }
}
