//! A checked view of one branch or leaf page.
//!
//! [`Page::verify`] looks at every element once; [`Page::trusted`] looks at the header alone and is for pages
//! that were verified, or written, before. Even so each access stays within the run (F1): a page that changes
//! under the map gives an error or other bytes, never a fault.
//!
//! P1. On a verified page every key has at least one byte and lies, with its value, within the run; keys
//!     ascend.
//! P2. On a verified page a branch has at least one child, and a bucket's value has at least its header; an
//!     inline page has no buckets, as nobody writes one that does.
//! P3. The keys and values of a verified page are together no longer than its run: whoever goes through all
//!     of them goes through no more bytes than there are.

use std::cmp::Ordering;

use super::bytes::{prefix_at, put_u16, put_u32, put_u64, u64_at, u64_pair_at};
use super::{BUCKET_HEADER_LEN, ELEMENT_LEN, FIRST_PAGE, PAGE_HEADER_LEN, PageId};
use crate::error::{Error, Result};

pub(super) const BUCKET_FLAG: u32 = 1;
/// What an inline page has for its id.
const INLINE: PageId = 0;

/// What a page is. Go compares the flags as a whole, so exactly one bit may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keys and child pages.
    Branch = 0x01,
    /// Keys and values.
    Leaf = 0x02,
    /// Page 0 or 1.
    Meta = 0x04,
    /// The ids of free pages.
    Freelist = 0x10,
}

/// The header of a page run.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The page's own id; 0 on an inline page.
    pub id: PageId,
    /// The kind, as it stands there.
    pub flags: u16,
    /// How many elements follow.
    pub count: u16,
    /// How many pages beyond the first the run has.
    pub overflow: u32,
}

impl Header {
    /// Reads the header at the head of `bytes`; `None` where they are too few.
    #[inline(always)]
    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let (id, rest) = u64_pair_at(bytes, 0)?;
        Some(Header { id, flags: rest as u16, count: (rest >> 16) as u16, overflow: (rest >> 32) as u32 })
    }

    /// The kind, or `None` where the flags name none.
    #[inline(always)]
    pub fn kind(&self) -> Option<Kind> {
        match self.flags {
            0x01 => Some(Kind::Branch),
            0x02 => Some(Kind::Leaf),
            0x04 => Some(Kind::Meta),
            0x10 => Some(Kind::Freelist),
            _ => None,
        }
    }
}

/// The bytes from `start` to `end`, sums of three 32-bit lengths at most: 64 bits hold them where the address
/// space has fewer.
#[inline(always)]
pub(super) fn slice(bytes: &[u8], start: u64, end: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// Writes a page header. `None` where `page` is too short.
pub fn put_header(page: &mut [u8], id: PageId, kind: Kind, count: u16, overflow: u32) -> Option<()> {
    put_u64(page, 0, id)?;
    put_u16(page, 8, kind as u16)?;
    put_u16(page, 10, count)?;
    put_u32(page, 12, overflow)
}

/// A branch or leaf page: its whole run, or the inline page in a bucket's value.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    bytes: &'a [u8],
    id: PageId,
    leaf: bool,
    count: u32,
}

/// Where an entry of a leaf lies, as its element says it.
#[derive(Clone, Copy, Debug)]
pub struct LeafPlace {
    /// Where the key begins, in bytes from the page's first byte; the value follows it.
    pub key_offset: u64,
    /// The key's length in bytes.
    pub key_len: u32,
    /// The value's length in bytes.
    pub value_len: u32,
    /// Whether the value is a bucket.
    pub is_bucket: bool,
}

impl LeafPlace {
    /// The offset behind the value.
    #[inline(always)]
    pub fn end(&self) -> u64 {
        self.key_offset + u64::from(self.key_len) + u64::from(self.value_len)
    }
}

/// An element of a leaf.
#[derive(Clone, Copy, Debug)]
pub struct LeafElement<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its value; a bucket's is its header, and its page where it is inline.
    pub value: &'a [u8],
    /// Whether the value is a bucket.
    pub is_bucket: bool,
    /// Where the key begins, in bytes from the page's first byte; the value follows it.
    pub key_offset: usize,
}

impl<'a> Page<'a> {
    /// A view of `bytes`, the run of page `id` (0: an inline page), by its header alone.
    #[inline]
    pub fn trusted(bytes: &'a [u8], id: PageId) -> Result<Page<'a>> {
        let Some(header) = Header::decode(bytes) else {
            return Err(Error::corrupt(id, "the page is cut short"));
        };
        if header.id != id {
            return Err(Error::corrupt(id, format!("the page names itself page {}", header.id)));
        }
        let leaf = match header.kind() {
            Some(Kind::Leaf) => true,
            Some(Kind::Branch) => false,
            _ => {
                return Err(Error::corrupt(
                    id,
                    format!("the page is no tree page, its flags are {:#x}", header.flags),
                ));
            }
        };
        Ok(Page { bytes, id, leaf, count: u32::from(header.count) })
    }

    /// A view of `bytes`, the run of page `id` (0: an inline page), every element checked (P1 to P3). Child ids
    /// must lie below `high_water`.
    pub fn verify(bytes: &'a [u8], id: PageId, high_water: PageId) -> Result<Page<'a>> {
        let page = Page::trusted(bytes, id)?;
        if page.leaf {
            if !page.is_plain_leaf() {
                page.verify_leaf()?;
            }
        } else {
            page.verify_branch(high_water)?;
        }
        Ok(page)
    }

    /// Whether it is a sound leaf (P1 to P3) without buckets whose keys differ in their first 8 bytes: what most are
    /// is told in few steps. Otherwise [`Self::verify_leaf`] decides.
    fn is_plain_leaf(&self) -> bool {
        let Some(table) = self.table() else { return false };
        let (table_end, len) = ((PAGE_HEADER_LEN + table.len()) as u64, self.bytes.len() as u64);
        let (mut at, mut used_len, mut previous) = (PAGE_HEADER_LEN as u64, table_end, None);
        for element in table.chunks_exact(ELEMENT_LEN) {
            let Some((first, second)) = u64_pair_at(element, 0) else { return false };
            let (key_offset, key_len) = (at + (first >> 32), second & u64::from(u32::MAX));
            let data_len = key_len + (second >> 32);
            let lies_within = key_offset >= table_end && key_offset + data_len <= len;
            if !lies_within || key_len < 8 || first as u32 & BUCKET_FLAG != 0 {
                return false;
            }
            let prefix = prefix_at(self.bytes, key_offset as usize, 8);
            if prefix <= previous {
                return false;
            }
            (at, used_len, previous) = (at + ELEMENT_LEN as u64, used_len + data_len, prefix);
        }
        used_len <= len
    }

    fn verify_leaf(&self) -> Result<()> {
        let table_end = PAGE_HEADER_LEN + ELEMENT_LEN * self.count();
        let mut used_len = table_end as u64;
        let mut previous: &[u8] = &[];
        for index in 0..self.count() {
            let element = self.leaf(index)?;
            used_len += element.key.len() as u64 + element.value.len() as u64;
            self.verify_key(index, element.key_offset, table_end, previous, element.key)?;
            if element.is_bucket && element.value.len() < BUCKET_HEADER_LEN {
                return Err(self.damaged(index, "has a bucket value shorter than a bucket header"));
            }
            if element.is_bucket && self.id == INLINE {
                return Err(self.damaged(index, "is a bucket within an inline bucket"));
            }
            previous = element.key;
        }
        self.verify_room(used_len)
    }

    fn verify_branch(&self, high_water: PageId) -> Result<()> {
        if self.count == 0 {
            return Err(Error::corrupt(self.id, "the branch page has no element"));
        }
        let table_end = PAGE_HEADER_LEN + ELEMENT_LEN * self.count();
        let mut used_len = table_end as u64;
        let mut previous: &[u8] = &[];
        for index in 0..self.count() {
            let (key, child, key_offset) = self.branch(index)?;
            used_len += key.len() as u64;
            self.verify_key(index, key_offset, table_end, previous, key)?;
            if !(FIRST_PAGE..high_water).contains(&child) || child == self.id {
                return Err(Error::corrupt(
                    self.id,
                    format!("element {index} names page {child} as its child"),
                ));
            }
            previous = key;
        }
        self.verify_room(used_len)
    }

    /// Whether the elements can lie side by side (P3).
    fn verify_room(&self, used_len: u64) -> Result<()> {
        if used_len > self.bytes.len() as u64 {
            return Err(Error::corrupt(
                self.id,
                "the elements share bytes: together they are longer than the page",
            ));
        }
        Ok(())
    }

    fn verify_key(
        &self,
        index: usize,
        offset: usize,
        table_end: usize,
        previous: &[u8],
        key: &[u8],
    ) -> Result<()> {
        if key.is_empty() {
            return Err(self.damaged(index, "has an empty key"));
        }
        if offset < table_end {
            return Err(self.damaged(index, "has its key within the table of elements"));
        }
        if previous.cmp(key) != Ordering::Less {
            return Err(self.damaged(index, "has a key that does not come after the one before it"));
        }
        Ok(())
    }

    /// A view of `bytes` as the leaf or branch of `count` elements that [`Page::trusted`] has found there before.
    #[inline]
    pub fn again(bytes: &'a [u8], id: PageId, leaf: bool, count: usize) -> Page<'a> {
        Page { bytes, id, leaf, count: count as u32 }
    }

    /// The bytes that a leaf takes whose data lie in their order, without gaps, behind the table; `None` where
    /// they do not, or an element lies outside or cannot be written again.
    pub fn packed_len(&self) -> Option<u64> {
        let mut end = (PAGE_HEADER_LEN + ELEMENT_LEN * self.count()) as u64;
        let mut at = PAGE_HEADER_LEN as u64;
        // What must be 0: how far each key lies from where the data before it end, and the highest bits of lengths.
        let (mut gaps, mut lens) = (0, 0);
        for element in self.table()?.chunks_exact(ELEMENT_LEN) {
            let (first, second) = u64_pair_at(element, 0)?;
            gaps |= (at + (first >> 32)) ^ end;
            lens |= second;
            end += (second & u64::from(u32::MAX)) + (second >> 32);
            at += ELEMENT_LEN as u64;
        }
        let is_packed = gaps == 0 && lens as u32 <= i32::MAX as u32;
        if is_packed && end <= self.bytes.len() as u64 { Some(end) } else { None }
    }

    /// The table of elements; `None` where it passes the end of the run.
    #[inline]
    pub(super) fn table(&self) -> Option<&'a [u8]> {
        self.bytes.get(PAGE_HEADER_LEN..PAGE_HEADER_LEN + ELEMENT_LEN * self.count())
    }

    /// Copies a leaf, of which the first `used_len` bytes are used, as page `id` into `run`, which has its length.
    /// `None` where that is not so.
    pub fn copy_leaf(&self, id: PageId, used_len: u64, run: &mut [u8]) -> Option<()> {
        let (used, rest) = run.split_at_mut_checked(usize::try_from(used_len).ok()?)?;
        used.copy_from_slice(self.bytes.get(..used.len())?);
        rest.fill(0);
        put_header(run, id, Kind::Leaf, u16::try_from(self.count).ok()?, 0)
    }

    /// Copies a branch as page `id` into `run`, which has its length, with other children at some indexes.
    /// `None` where one is none, or the page is no longer as it was.
    pub fn copy_branch(
        &self,
        id: PageId,
        children: impl Iterator<Item = Option<(usize, PageId)>>,
        run: &mut [u8],
    ) -> Option<()> {
        if run.len() != self.bytes.len() {
            return None;
        }
        run.copy_from_slice(self.bytes);
        put_header(run, id, Kind::Branch, u16::try_from(self.count).ok()?, 0)?;
        for child in children {
            let (index, child) = child?;
            put_u64(run, PAGE_HEADER_LEN + ELEMENT_LEN * index + 8, child)?;
        }
        Some(())
    }

    /// The page's id; 0 for an inline page.
    pub fn id(&self) -> PageId {
        self.id
    }

    /// Whether it is a leaf; otherwise it is a branch.
    #[inline]
    pub fn is_leaf(&self) -> bool {
        self.leaf
    }

    /// How many elements it has.
    #[inline]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The bytes of the run.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes that its header, its elements and their data take.
    pub fn used_len(&self) -> Result<usize> {
        let mut len = PAGE_HEADER_LEN + ELEMENT_LEN * self.count();
        for index in 0..self.count() {
            let data_len = if self.leaf {
                let element = self.leaf(index)?;
                element.key.len() + element.value.len()
            } else {
                self.key(index)?.len()
            };
            len = len.saturating_add(data_len);
        }
        Ok(len)
    }

    /// The key of element `index`.
    #[inline]
    pub fn key(&self, index: usize) -> Result<&'a [u8]> {
        self.key_at(index).ok_or_else(|| self.outside(index))
    }

    /// The key of element `index`; `None` where it lies outside the page.
    #[inline(always)]
    pub fn key_at(&self, index: usize) -> Option<&'a [u8]> {
        let at = PAGE_HEADER_LEN + ELEMENT_LEN * index;
        let (first, second) = u64_pair_at(self.bytes, at)?;
        let (pos, len) = if self.leaf {
            (first >> 32, second as u32)
        } else {
            (u64::from(first as u32), (first >> 32) as u32)
        };
        let start = at as u64 + pos;
        slice(self.bytes, start, start + u64::from(len))
    }

    /// The first bytes of the key of element `index` as a number ([`super::bytes::prefix`]), of a page that is a
    /// leaf, or a branch, as `LEAF` says.
    #[inline(always)]
    pub fn prefix_of<const LEAF: bool>(&self, index: u32) -> Option<u64> {
        let at = PAGE_HEADER_LEN + ELEMENT_LEN * index as usize;
        let (first, second) = u64_pair_at(self.bytes, at)?;
        let (pos, len) =
            if LEAF { (first >> 32, second as u32) } else { (u64::from(first as u32), (first >> 32) as u32) };
        prefix_at(self.bytes, usize::try_from(at as u64 + pos).ok()?, len as usize)
    }

    /// Where the key of element `index` should begin, unchecked: for a prefetch.
    #[inline(always)]
    pub fn key_hint<const LEAF: bool>(&self, index: u32) -> Option<usize> {
        let at = PAGE_HEADER_LEN + ELEMENT_LEN * index as usize;
        let first = u64_at(self.bytes, at)?;
        let pos = if LEAF { first >> 32 } else { first as u32 as u64 };
        usize::try_from(at as u64 + pos).ok()
    }

    /// Element `index` of a leaf.
    #[inline]
    pub fn leaf(&self, index: usize) -> Result<LeafElement<'a>> {
        self.leaf_at(index).ok_or_else(|| self.outside(index))
    }

    /// Element `index` of a leaf; `None` where it lies outside the page.
    #[inline(always)]
    pub fn leaf_at(&self, index: usize) -> Option<LeafElement<'a>> {
        let at = PAGE_HEADER_LEN + ELEMENT_LEN * index;
        let (first, second) = u64_pair_at(self.bytes, at)?;
        let key_offset = at as u64 + (first >> 32);
        let key_end = key_offset + u64::from(second as u32);
        let value_end = key_end + (second >> 32);
        Some(LeafElement {
            key: slice(self.bytes, key_offset, key_end)?,
            value: slice(self.bytes, key_end, value_end)?,
            is_bucket: first as u32 & BUCKET_FLAG != 0,
            key_offset: key_offset as usize,
        })
    }

    /// Key, child and the offset of the key in the page, of element `index` of a branch.
    #[inline]
    pub fn branch(&self, index: usize) -> Result<(&'a [u8], PageId, usize)> {
        let element = || {
            let at = PAGE_HEADER_LEN + ELEMENT_LEN * index;
            let (first, child) = u64_pair_at(self.bytes, at)?;
            let key_offset = at as u64 + u64::from(first as u32);
            Some((slice(self.bytes, key_offset, key_offset + (first >> 32))?, child, key_offset as usize))
        };
        element().ok_or_else(|| self.outside(index))
    }

    /// Where the entries of a leaf lie, from number `start` on, at most `count`; none where the table passes the
    /// end of the run.
    #[inline]
    pub fn leaf_places(&self, start: usize, count: usize) -> impl Iterator<Item = LeafPlace> + 'a {
        self.elements(start, count).map(|(at, first, second)| LeafPlace {
            key_offset: at as u64 + (first >> 32),
            key_len: second as u32,
            value_len: (second >> 32) as u32,
            is_bucket: first as u32 & BUCKET_FLAG != 0,
        })
    }

    /// The entries of a branch: the key, its offset in the page, and the child. `None` where a key lies outside;
    /// no entries where the table passes the end of the run.
    #[inline]
    pub fn branch_places(&self) -> impl Iterator<Item = Option<(&'a [u8], u64, PageId)>> + '_ {
        self.elements(0, self.count()).map(|(at, first, child)| {
            let key_offset = at as u64 + u64::from(first as u32);
            Some((slice(self.bytes, key_offset, key_offset + (first >> 32))?, key_offset, child))
        })
    }

    /// The elements as they stand, each with its offset in the page.
    #[inline(always)]
    pub(super) fn elements(
        &self,
        start: usize,
        count: usize,
    ) -> impl Iterator<Item = (usize, u64, u64)> + 'a {
        let start = start.min(self.count());
        let count = count.min(self.count() - start);
        let begin = PAGE_HEADER_LEN + ELEMENT_LEN * start;
        let table = self.bytes.get(begin..begin + ELEMENT_LEN * count).unwrap_or_default();
        let mut at = begin;
        table.chunks_exact(ELEMENT_LEN).map(move |element| {
            let (first, second) = u64_pair_at(element, 0).unwrap_or_default();
            at += ELEMENT_LEN;
            (at - ELEMENT_LEN, first, second)
        })
    }

    /// The child of element `index` of a branch.
    #[inline]
    pub fn child(&self, index: usize) -> Result<PageId> {
        u64_at(self.bytes, PAGE_HEADER_LEN + ELEMENT_LEN * index + 8).ok_or_else(|| self.outside(index))
    }

    /// The error of an element that lies outside the page.
    #[cold]
    pub fn outside(&self, index: usize) -> Error {
        self.damaged(index, "lies outside its page")
    }

    #[cold]
    fn damaged(&self, index: usize, what: &str) -> Error {
        Error::corrupt(self.id, format!("element {index} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::builder::PageBuilder;
    use crate::format::bytes::{prefix, u32_at};

    fn leaf(pairs: &[(&[u8], &[u8], bool)]) -> Vec<u8> {
        let mut run = vec![0xAA; 4096];
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, pairs.len(), 0).unwrap();
        let lens = |(key, value, is_bucket): &(&[u8], &[u8], bool)| {
            (key.len() as u32, value.len() as u32, *is_bucket)
        };
        builder.leaf_table(pairs.iter().map(lens)).unwrap();
        for (key, value, _) in pairs {
            builder.data(key).unwrap();
            builder.data(value).unwrap();
        }
        builder.finish().unwrap();
        run
    }

    #[test]
    fn a_leaf_is_read_back_as_written() {
        let run = leaf(&[(b"a", b"1", false), (b"ab", b"", false), (b"b", &[7; 16], true)]);
        let page = Page::verify(&run, 9, 100).unwrap();
        assert!(page.is_leaf());
        assert_eq!(page.used_len().unwrap(), 16 + 3 * 16 + 2 + 2 + 17);
        assert_eq!(page.leaf(2).unwrap().value, [7; 16]);
        assert!(page.leaf(2).unwrap().is_bucket);
        assert!(run[16 + 48 + 21..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_leaf_is_plain_where_the_first_bytes_of_its_keys_tell_that_it_is_sound() {
        let is_plain =
            |pairs: &[(&[u8], &[u8], bool)]| Page::trusted(&leaf(pairs), 9).unwrap().is_plain_leaf();
        assert!(is_plain(&[]));
        assert!(is_plain(&[
            (&[0; 8], b"", false),
            (&[1; 8], &[2; 100], false),
            (&[u8::MAX; 20], b"v", false)
        ]));
        assert!(!is_plain(&[(&[1; 8], b"", false), (&[1; 9], b"", false)]), "the first bytes do not tell");
        assert!(!is_plain(&[(&[1; 7], b"", false)]), "fewer than 8 bytes");
        assert!(!is_plain(&[(&[1; 8], &[0; 16], true)]), "a bucket");
        let mut run = leaf(&[(&[1; 8], b"", false)]);
        put_u32(&mut run, PAGE_HEADER_LEN + 4, 0).unwrap();
        assert!(!Page::trusted(&run, 9).unwrap().is_plain_leaf(), "a key within the table");
        let run = leaf(&[(&[1; 8], &[3; 92], false), (&[2; 8], b"", false)]);
        let used_len = 16 + 2 * 16 + 108;
        let of_len = |len: usize| Page::trusted(&run[..len], 9).unwrap();
        assert!(of_len(used_len).is_plain_leaf() && !of_len(used_len - 1).is_plain_leaf());
    }

    proptest::proptest! {
        #[test]
        fn a_plain_leaf_is_sound_however_damaged(
            keys in proptest::collection::btree_set(proptest::collection::vec(0u8..4, 1..12), 1..12),
            damage in proptest::collection::vec((0usize..700, proptest::prelude::any::<u8>()), 0..4),
        ) {
            let pairs: Vec<(&[u8], &[u8], bool)> = keys.iter().map(|key| (&key[..], &key[1..], false)).collect();
            let mut run = leaf(&pairs);
            run.truncate(700);
            damage.into_iter().for_each(|(at, byte)| run[at] = byte);
            if let Ok(page) = Page::trusted(&run, 9) {
                proptest::prop_assert!(!page.is_leaf() || !page.is_plain_leaf() || page.verify_leaf().is_ok());
            }
        }
    }

    #[test]
    fn a_branch_is_read_back_as_written() {
        let mut run = vec![0; 1024];
        let mut builder = PageBuilder::new(&mut run, 4, Kind::Branch, 2, 0).unwrap();
        builder.branch_table([(1, 10), (2, 11)].into_iter()).unwrap();
        builder.data(b"bdd").unwrap();
        builder.finish().unwrap();
        let page = Page::verify(&run, 4, 12).unwrap();
        assert_eq!(page.branch(1).unwrap().0, b"dd");
        assert!(Page::verify(&run, 4, 11).is_err(), "a child past the high water");
        assert!(Page::verify(&run, 5, 12).is_err(), "another id");
    }

    #[test]
    fn each_way_to_an_element_leads_to_the_same_bytes() {
        let pairs: [(&[u8], &[u8], bool); 3] =
            [(b"a", b"1", false), (b"bc", &[7; 20], true), (b"d", b"", false)];
        let run = leaf(&pairs);
        let page = Page::verify(&run, 9, 100).unwrap();
        assert_eq!((page.id(), page.count(), page.bytes().len()), (9, 3, 4096));
        let places = page.leaf_places(0, 3).collect::<Vec<_>>();
        for (index, (key, value, is_bucket)) in pairs.into_iter().enumerate() {
            let element = Page::again(&run, 9, true, 3).leaf(index).unwrap();
            assert_eq!((element.key, element.value, element.is_bucket), (key, value, is_bucket));
            assert_eq!(page.key(index).unwrap(), key);
            assert_eq!(page.prefix_of::<true>(index as u32), Some(prefix(key)));
            assert_eq!(page.key_hint::<true>(index as u32), Some(element.key_offset));
            let place = places[index];
            assert_eq!((place.key_offset as usize, place.is_bucket), (element.key_offset, is_bucket));
            assert_eq!((place.key_len as usize, place.value_len as usize), (key.len(), value.len()));
            assert_eq!(place.end() as usize, element.key_offset + key.len() + value.len());
        }
        let offsets =
            |start, count| page.leaf_places(start, count).map(|place| place.key_offset).collect::<Vec<_>>();
        assert_eq!(offsets(1, 1), [places[1].key_offset]);
        assert_eq!(offsets(2, 9), [places[2].key_offset]);
        assert_eq!(offsets(9, 9), []);
        assert_eq!(Page::again(&run[..63], 9, true, 3).leaf_places(0, 3).count(), 0, "a table cut short");
    }

    #[test]
    fn each_way_to_a_child_leads_to_the_same_one() {
        let mut run = vec![0; 1024];
        let mut builder = PageBuilder::new(&mut run, 4, Kind::Branch, 3, 0).unwrap();
        builder.branch_table([(1, 10), (2, 11), (3, 2)].into_iter()).unwrap();
        builder.data(b"bddfff").unwrap();
        builder.finish().unwrap();
        let page = Page::verify(&run, 4, 12).unwrap();
        let places = page.branch_places().map(Option::unwrap).collect::<Vec<_>>();
        let wanted: [(&[u8], PageId); 3] = [(b"b", 10), (b"dd", 11), (b"fff", 2)];
        for (index, (key, child)) in wanted.into_iter().enumerate() {
            let key_offset = page.branch(index).unwrap().2;
            assert_eq!(page.branch(index).unwrap(), (key, child, key_offset));
            assert_eq!(places[index], (key, key_offset as u64, child));
            assert_eq!(page.child(index).unwrap(), child);
            assert_eq!(page.key(index).unwrap(), key);
            assert_eq!(page.prefix_of::<false>(index as u32), Some(prefix(key)));
            assert_eq!(page.key_hint::<false>(index as u32), Some(key_offset));
        }
        assert_eq!(page.used_len().unwrap(), 16 + 3 * 16 + 6);
        assert!(page.branch(64).is_err() && page.child(64).is_err() && page.key(64).is_err());
        assert_eq!((page.prefix_of::<false>(64), page.key_hint::<false>(64)), (None, None));
        for (offset, text) in
            [(20, "element 0 lies outside its page"), (36, "element 1 lies outside its page")]
        {
            let mut bad = run.clone();
            put_u32(&mut bad, offset, 1 << 20).unwrap();
            let error = Page::verify(&bad, 4, 12).err().unwrap().to_string();
            assert!(error.contains(text), "{error}");
            let places = Page::trusted(&bad, 4)
                .unwrap()
                .branch_places()
                .map(|place| place.is_some())
                .collect::<Vec<_>>();
            assert_eq!(places, [offset != 20, offset != 36, true]);
        }
    }

    #[test]
    fn children_are_pages_of_trees_and_not_the_branch_itself() {
        for (child, is_good) in
            [(0, false), (1, false), (2, true), (3, true), (4, false), (11, true), (12, false)]
        {
            let mut run = vec![0; 1024];
            let mut builder = PageBuilder::new(&mut run, 4, Kind::Branch, 1, 0).unwrap();
            builder.branch_table([(1, child)].into_iter()).unwrap();
            builder.data(b"b").unwrap();
            builder.finish().unwrap();
            assert_eq!(Page::verify(&run, 4, 12).is_ok(), is_good, "{child}");
        }
    }

    #[test]
    fn a_key_begins_behind_the_table_and_may_follow_it_at_once() {
        let run = leaf(&[(b"a", b"1", false), (b"b", b"2", false)]);
        assert_eq!(Page::verify(&run, 9, 100).unwrap().leaf(0).unwrap().key_offset, 48);
        let mut bad = run.clone();
        // The first key is the last byte of the table, which is zero.
        put_u32(&mut bad, 20, 31).unwrap();
        let error = Page::verify(&bad, 9, 100).err().unwrap().to_string();
        assert!(error.contains("element 0 has its key within the table"), "{error}");
    }

    /// A branch of two children with these keys.
    fn branch(keys: [&[u8]; 2]) -> Vec<u8> {
        let mut run = vec![0; 1024];
        let mut builder = PageBuilder::new(&mut run, 4, Kind::Branch, 2, 0).unwrap();
        builder.branch_table([(keys[0].len() as u32, 10), (keys[1].len() as u32, 11)].into_iter()).unwrap();
        keys.into_iter().for_each(|key| builder.data(key).unwrap());
        builder.finish().unwrap();
        run
    }

    #[test]
    fn the_keys_of_a_branch_lie_behind_its_table_and_share_no_bytes() {
        let run = branch([&[1; 400], &[2; 400]]);
        assert!(!Page::verify(&run, 4, 12).unwrap().is_leaf());
        // The second key begins within the first, and both are longer than half the page.
        let mut bad = branch([&[[1; 1].as_slice(), &[2; 599]].concat(), &[3; 300]]);
        put_u32(&mut bad, 32, 17).unwrap();
        put_u32(&mut bad, 36, 599).unwrap();
        let page = Page::trusted(&bad, 4).unwrap();
        assert!(page.key(0).unwrap() < page.key(1).unwrap());
        let error = Page::verify(&bad, 4, 12).err().unwrap().to_string();
        assert!(error.contains("share bytes"), "{error}");
        // The first key is the last byte of the table.
        let mut bad = branch([b"b", b"c"]);
        put_u32(&mut bad, 16, 31).unwrap();
        let error = Page::verify(&bad, 4, 12).err().unwrap().to_string();
        assert!(error.contains("element 0 has its key within the table"), "{error}");
    }

    #[test]
    fn keys_without_values_that_share_their_bytes_are_refused_too() {
        let mut run =
            leaf(&[(&[[1; 1].as_slice(), &[2; 2499]].concat(), b"", false), (&[3; 1000], b"", false)]);
        assert!(Page::verify(&run, 9, 100).is_ok());
        put_u32(&mut run, 36, 17).unwrap();
        put_u32(&mut run, 40, 2499).unwrap();
        let error = Page::verify(&run, 9, 100).err().unwrap().to_string();
        assert!(error.contains("share bytes"), "{error}");
    }

    #[test]
    fn a_page_as_long_as_its_data_is_full_and_a_shorter_one_is_refused() {
        let pairs: [(&[u8], &[u8], bool); 2] = [(b"a", &[1; 20], false), (b"b", &[2; 30], false)];
        let len = 16 + 2 * 16 + 2 + 50;
        for (given, fits) in [(len, true), (len - 1, false), (16 + 31, false), (15, false)] {
            let mut run = vec![0; given];
            let written = PageBuilder::new(&mut run, 9, Kind::Leaf, 2, 0).and_then(|mut builder| {
                builder.leaf_table([(1, 20, false), (1, 30, false)].into_iter())?;
                pairs.iter().try_for_each(|(key, value, _)| {
                    builder.data(key)?;
                    builder.data(value)
                })?;
                builder.finish()
            });
            assert_eq!(written.is_some(), fits, "{given}");
            assert_eq!(Page::verify(&run, 9, 100).is_ok(), fits, "{given}");
        }
    }

    #[test]
    fn the_flags_of_a_header_are_one_kind_or_none() {
        let mut run = vec![0; 64];
        for kind in [Kind::Branch, Kind::Leaf, Kind::Meta, Kind::Freelist] {
            put_header(&mut run, 77, kind, 3, 5).unwrap();
            let header = Header::decode(&run).unwrap();
            assert_eq!((header.id, header.count, header.overflow), (77, 3, 5));
            assert_eq!(header.kind(), Some(kind));
            let is_tree = matches!(kind, Kind::Branch | Kind::Leaf);
            assert_eq!(Page::trusted(&run, 77).is_ok(), is_tree);
        }
        for flags in [0, 3, 6, 8, 0x12, 0x20] {
            put_u16(&mut run, 8, flags).unwrap();
            assert_eq!(Header::decode(&run).unwrap().kind(), None, "{flags}");
            let error = Page::trusted(&run, 77).err().unwrap().to_string();
            assert!(error.contains(&format!("its flags are {flags:#x}")), "{error}");
        }
        assert!(Header::decode(&run[..15]).is_none());
        assert_eq!(
            Page::trusted(&run[..15], 77).err().unwrap().to_string(),
            Error::corrupt(77, "the page is cut short").to_string()
        );
    }

    #[test]
    fn data_that_begin_farther_away_than_an_element_can_say_are_refused() {
        let mut run = vec![0; 4096];
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, 2, 0).unwrap();
        let far = u32::MAX - 32;
        assert_eq!(builder.leaf_table([(10, far, false), (1, 1, false)].into_iter()), Some(()));
        let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, 2, 0).unwrap();
        assert_eq!(builder.leaf_table([(17, u32::MAX, false), (1, 1, false)].into_iter()), None);
    }

    #[test]
    fn every_changed_bit_gives_an_error_or_bytes_within_the_run() {
        let run = leaf(&[(b"a", b"1", false), (b"c", b"2", true), (b"d", b"33", false)]);
        for bit in 0..8 * 80 {
            let mut bad = run.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let Ok(page) = Page::trusted(&bad, 9) else { continue };
            for index in 0..page.count() {
                let _ = (page.key(index).is_ok(), page.leaf(index).is_ok(), page.branch(index).is_ok());
            }
            let _ = Page::verify(&bad, 9, 100);
        }
    }

    #[test]
    fn what_contradicts_the_format_is_refused() {
        for (pairs, why) in [
            (vec![(&b"b"[..], &b""[..], false), (b"a", b"", false)], "falling keys"),
            (vec![(b"a", b"", false), (b"a", b"", false)], "equal keys"),
            (vec![(b"", b"1", false)], "an empty key"),
            (vec![(b"a", &[0; 15], true)], "a short bucket header"),
        ] {
            assert!(Page::verify(&leaf(&pairs), 9, 100).is_err(), "{why}");
        }
    }

    #[test]
    fn elements_that_share_their_bytes_are_refused() {
        let mut run = leaf(&[(b"a", &[1; 2000], false), (b"b", &[2; 1900], false)]);
        assert!(Page::verify(&run, 9, 100).is_ok());
        // The first value now goes on over the second key and value.
        put_u32(&mut run, 28, 2000 + 1 + 1900).unwrap();
        assert!(Page::trusted(&run, 9).unwrap().leaf(0).is_ok(), "each lies within the page");
        assert!(Page::verify(&run, 9, 100).is_err());
    }

    #[test]
    fn a_bucket_within_an_inline_bucket_is_refused() {
        let mut run = leaf(&[(b"a", &[7; 16], true)]);
        assert!(Page::verify(&run, 9, 100).is_ok());
        put_u64(&mut run, 0, 0).unwrap();
        assert!(Page::verify(&run, 0, 100).is_err());
    }

    #[test]
    fn lengths_that_no_address_space_holds_lie_outside() {
        let mut run = leaf(&[(b"a", b"1", false)]);
        for offset in [20, 24, 28] {
            let kept = run.clone();
            put_u32(&mut run, offset, u32::MAX).unwrap();
            assert!(Page::trusted(&run, 9).unwrap().leaf(0).is_err());
            run = kept;
        }
        assert_eq!(slice(&run, u64::from(u32::MAX), 3 * u64::from(u32::MAX)), None);
        assert_eq!(slice(&run, 5, 4), None);
    }

    #[test]
    fn a_leaf_is_packed_where_its_data_follow_each_other_behind_the_table() {
        let run = leaf(&[(b"a", &[1; 20], false), (b"bc", b"", false), (b"d", &[3; 16], true)]);
        let len = 16 + 3 * 16 + 4 + 36;
        let packed_len = |run: &[u8]| Page::again(run, 9, true, 3).packed_len();
        assert_eq!(packed_len(&run), Some(len as u64));
        assert_eq!(packed_len(&run[..len]), Some(len as u64));
        assert_eq!(packed_len(&run[..len - 1]), None, "data cut short");
        assert_eq!(packed_len(&run[..63]), None, "a table cut short");
        assert_eq!(Page::again(&run, 9, true, 0).packed_len(), Some(16));
        // The place of each of the keys, and the length of each key and value.
        for offset in [20, 24, 28, 36, 40, 44, 52] {
            for change in [u32::MAX, 1] {
                let mut bad = run.clone();
                let was = u32_at(&bad, offset).unwrap();
                put_u32(&mut bad, offset, was.wrapping_add(change)).unwrap();
                assert_eq!(packed_len(&bad), None, "{offset}");
            }
        }
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_leaf_with_a_key_too_long_to_be_written_again_is_not_packed() {
        // Zeros that nobody touches take no memory.
        let mut run = vec![0; (1 << 31) + 1024];
        for (key_len, is_packed) in [(i32::MAX as u32, true), (1 << 31, false)] {
            let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, 2, 0).unwrap();
            builder.leaf_table([(key_len, 3, false), (1, 3, false)].into_iter()).unwrap();
            assert_eq!(Page::again(&run, 9, true, 2).packed_len().is_some(), is_packed, "{key_len}");
        }
    }

    #[test]
    fn a_leaf_is_copied_with_another_id_and_zeros_behind_its_data() {
        let run = leaf(&[(b"a", b"1", false), (b"b", b"22", false)]);
        let len = 16 + 2 * 16 + 5;
        let dirty = [&run[..len], &[0xAA; 100]].concat();
        let page = Page::trusted(&dirty, 9).unwrap();
        let mut copy = vec![0xBB; 4096];
        page.copy_leaf(7, len as u64, &mut copy).unwrap();
        assert!(copy[8..] == run[8..] && Page::verify(&copy, 7, 100).is_ok());
        page.copy_leaf(9, len as u64, &mut copy[..len]).unwrap();
        assert!(copy[..len] == run[..len], "a full page");
        assert_eq!(page.copy_leaf(7, len as u64, &mut copy[..len - 1]), None, "a shorter run");
        assert_eq!(page.copy_leaf(7, dirty.len() as u64 + 1, &mut copy), None, "more than there is");
    }

    #[test]
    fn a_branch_is_copied_with_another_id_and_other_children() {
        let run = branch([b"b", b"dd"]);
        let page = Page::verify(&run, 4, 12).unwrap();
        let mut copy = vec![0xAA; 1024];
        page.copy_branch(7, [Some((1, 5)), Some((0, 6))].into_iter(), &mut copy).unwrap();
        let copied = Page::verify(&copy, 7, 12).unwrap();
        let entries = [0, 1].map(|index| copied.branch(index).unwrap());
        assert_eq!(entries.map(|(key, child, _)| (key, child)), [(&b"b"[..], 6), (b"dd", 5)]);
        page.copy_branch(4, [].into_iter(), &mut copy).unwrap();
        assert!(copy == run);
        assert_eq!(page.copy_branch(7, [].into_iter(), &mut copy[..1008]), None, "another length");
        assert_eq!(page.copy_branch(7, [Some((0, 5)), None].into_iter(), &mut copy), None, "no child");
        assert_eq!(page.copy_branch(7, [Some((63, 5))].into_iter(), &mut copy), None, "past the end");
    }
}
