//! A reader of the file format that shares nothing with the library's: it says which pages a meta reaches,
//! what they hold, and what is wrong with them.
//!
//! It stops at the first fault, and demands all that Go relies on when it later writes to the file: also that
//! a branch has the first key of each child, that no page but a root is empty, and that each page has exactly
//! one use.

use std::borrow::Cow;

use bolt::storage::Storage;

use crate::digest::{Content, Digest};

/// The bytes of a meta page that carry anything.
pub const META_LEN: usize = 80;
/// The freelist page id of a file without a freelist.
const NO_LIST: u64 = u64::MAX;
const HEADER_LEN: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const META: u16 = 4;
const LIST: u16 = 16;
/// The deepest tree, and the deepest nest of buckets, that is followed.
const MAX_DEPTH: usize = 256;

/// What is said of what is not followed.
pub const TOO_DEEP: &str = "lies too deep";

/// What is wrong with a file, in words.
pub type Fault = String;

/// Where bytes are read from.
pub trait Source {
    /// The `len` bytes at `offset`; `None` where the file ends before.
    fn read(&self, offset: u64, len: usize) -> Option<Cow<'_, [u8]>>;
}

impl Source for Vec<u8> {
    fn read(&self, offset: u64, len: usize) -> Option<Cow<'_, [u8]>> {
        let start = usize::try_from(offset).ok()?;
        self.get(start..start.checked_add(len)?).map(Cow::Borrowed)
    }
}

impl Source for dyn Storage + '_ {
    fn read(&self, offset: u64, len: usize) -> Option<Cow<'_, [u8]>> {
        if self.len().ok()? < offset.checked_add(len as u64)? {
            return None;
        }
        let mut bytes = vec![0; len];
        let count = self.read_at(&mut bytes, offset).ok()?;
        if count == len { Some(Cow::Owned(bytes)) } else { None }
    }
}

/// What a meta page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The id in the page's header, if that names a meta page.
    pub slot: Option<u64>,
    /// The page size in bytes.
    pub page_size: u64,
    /// The root page.
    pub root: u64,
    /// The sequence of the root bucket.
    pub sequence: u64,
    /// The freelist's page.
    pub list: u64,
    /// The first page id never given out.
    pub high_water: u64,
    /// The transaction.
    pub txid: u64,
}

impl Meta {
    /// Whether both say the same. The page header may differ: nobody reads it.
    pub fn is_same(&self, other: &Meta) -> bool {
        Meta { slot: None, ..*self } == Meta { slot: None, ..*other }
    }
}

/// The meta at the head of `page`, if it is sound.
pub fn meta(page: &[u8]) -> Option<Meta> {
    let bytes = page.get(..META_LEN)?;
    let is_sound = u32_at(bytes, 16)? == 0xED0C_DAED && u32_at(bytes, 20)? == 2;
    if !is_sound || fnv(bytes.get(16..72)?) != u64_at(bytes, 72)? {
        return None;
    }
    let page_size = u64::from(u32_at(bytes, 24)?);
    if !page_size.is_power_of_two() || !(1024..=1 << 16).contains(&page_size) {
        return None;
    }
    Some(Meta {
        slot: if u16_at(bytes, 8)? == META { u64_at(bytes, 0) } else { None },
        page_size,
        root: u64_at(bytes, 32)?,
        sequence: u64_at(bytes, 40)?,
        list: u64_at(bytes, 48)?,
        high_water: u64_at(bytes, 56)?,
        txid: u64_at(bytes, 64)?,
    })
}

/// Both metas of a file, each where it is sound.
pub fn metas(source: &(impl Source + ?Sized)) -> [Option<Meta>; 2] {
    let at = |offset| source.read(offset, META_LEN).and_then(|page| meta(&page));
    let first = at(0);
    let second = match first {
        Some(first) => at(first.page_size),
        None => {
            (10..=16).filter_map(|shift| at(1 << shift).filter(|meta| meta.page_size == 1 << shift)).next()
        }
    };
    [first, second]
}

/// The meta with which a file opens.
pub fn newest(source: &(impl Source + ?Sized)) -> Option<Meta> {
    match metas(source) {
        [Some(first), Some(second)] => Some(if second.txid > first.txid { second } else { first }),
        [first, second] => first.or(second),
    }
}

/// A set of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    words: Vec<u64>,
}

impl Pages {
    /// Whether it has the page.
    pub fn contains(&self, id: u64) -> bool {
        self.words.get((id / 64) as usize).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    /// Adds the page; `false` where it was there before.
    fn insert(&mut self, id: u64) -> bool {
        let index = (id / 64) as usize;
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        let is_new = !self.contains(id);
        self.words[index] |= 1 << (id % 64);
        is_new
    }
}

/// What a meta reaches.
pub struct State {
    /// The pages of its trees and of its freelist.
    pub pages: Pages,
    /// The digest of what the buckets hold.
    pub digest: Digest,
}

/// Goes through all that `meta` reaches.
pub fn walk(source: &(impl Source + ?Sized), meta: &Meta) -> Result<State, Fault> {
    let mut walker = Walker { source, meta: *meta, pages: Pages::default(), content: Content::default() };
    walker.content.begin_bucket(b"", meta.sequence);
    walker.page(meta.root, None, None, 0)?;
    walker.content.end_bucket();
    walker.list()?;
    Ok(State { pages: walker.pages, digest: walker.content.digest() })
}

struct Walker<'s, S: ?Sized> {
    source: &'s S,
    meta: Meta,
    pages: Pages,
    content: Content,
}

impl<'s, S: Source + ?Sized> Walker<'s, S> {
    /// The run of a page, which is claimed by it.
    fn run(&mut self, id: u64) -> Result<Cow<'s, [u8]>, Fault> {
        let page_size = self.meta.page_size;
        let start = id.checked_mul(page_size);
        let header = start.and_then(|start| self.source.read(start, HEADER_LEN));
        let header = header.ok_or_else(|| format!("page {id} lies past the end"))?;
        let overflow = u32_at(&header, 12).unwrap_or(0);
        let page_count = u64::from(overflow) + 1;
        if id < 2 || page_count > self.meta.high_water.saturating_sub(id) {
            return Err(format!(
                "the {page_count} pages from {id} on pass the high water {}",
                self.meta.high_water
            ));
        }
        if u64_at(&header, 0) != Some(id) {
            return Err(format!("page {id} has the id {:?}", u64_at(&header, 0)));
        }
        for page in id..id + page_count {
            if !self.pages.insert(page) {
                return Err(format!("page {page} is used twice"));
            }
        }
        let len = (page_count * page_size) as usize;
        self.source.read(id * page_size, len).ok_or_else(|| format!("the run of page {id} passes the end"))
    }

    /// A page of a tree. Its first key must be `first`, all its keys below `upper`.
    fn page(
        &mut self,
        id: u64,
        first: Option<&[u8]>,
        upper: Option<&[u8]>,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(format!("page {id} {TOO_DEEP}"));
        }
        let run = self.run(id)?;
        match u16_at(&run, 8) {
            Some(LEAF) => self.leaf(id, &run, first, upper, depth),
            Some(BRANCH) => self.branch(id, &run, first, upper, depth),
            kind => Err(format!("page {id} is no page of a tree: {kind:?}")),
        }
    }

    fn branch(
        &mut self,
        id: u64,
        run: &[u8],
        first: Option<&[u8]>,
        upper: Option<&[u8]>,
        depth: usize,
    ) -> Result<(), Fault> {
        let count = usize::from(u16_at(run, 10).unwrap_or(0));
        let mut children = Vec::with_capacity(count);
        for index in 0..count {
            let at = HEADER_LEN + 16 * index;
            let key =
                field(run, at, 0, 4).ok_or_else(|| format!("element {index} of page {id} lies outside"))?;
            children.push((key, u64_at(run, at + 8).unwrap_or(0)));
        }
        in_order(id, children.iter().map(|(key, _)| *key), first, upper, true)?;
        for (index, (key, child)) in children.iter().enumerate() {
            let next = children.get(index + 1).map(|(key, _)| *key).or(upper);
            self.page(*child, Some(key), next, depth + 1)?;
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        id: u64,
        run: &[u8],
        first: Option<&[u8]>,
        upper: Option<&[u8]>,
        depth: usize,
    ) -> Result<(), Fault> {
        let elements = leaf_elements(id, run)?;
        in_order(id, elements.iter().map(|element| element.key), first, upper, first.is_some())?;
        for element in &elements {
            match element.flags {
                0 => self.content.entry(element.key, element.value),
                1 => self.bucket(id, element, depth)?,
                flags => return Err(format!("an element of page {id} has the flags {flags:#x}")),
            }
        }
        Ok(())
    }

    fn bucket(&mut self, id: u64, element: &Element<'_>, depth: usize) -> Result<(), Fault> {
        let (Some(root), Some(sequence)) = (u64_at(element.value, 0), u64_at(element.value, 8)) else {
            return Err(format!("a bucket's value on page {id} is too short"));
        };
        self.content.begin_bucket(element.key, sequence);
        if root != 0 && element.value.len() != 16 {
            return Err(format!("a bucket on page {id} has pages and more than its header"));
        } else if root != 0 {
            self.page(root, None, None, depth + 1)?;
        } else {
            let inline = element.value.get(16..).unwrap_or_default();
            if u64_at(inline, 0) != Some(0) || u16_at(inline, 8) != Some(LEAF) {
                return Err(format!("an inline bucket on page {id} is no leaf"));
            }
            let elements = leaf_elements(id, inline)?;
            in_order(id, elements.iter().map(|element| element.key), None, None, false)?;
            for element in &elements {
                if element.flags != 0 {
                    return Err(format!("an inline bucket on page {id} holds a bucket"));
                }
                self.content.entry(element.key, element.value);
            }
        }
        self.content.end_bucket();
        Ok(())
    }

    /// The freelist, where there is one: with the trees it must name each page exactly once.
    fn list(&mut self) -> Result<(), Fault> {
        let id = self.meta.list;
        if id == NO_LIST {
            return Ok(());
        }
        let run = self.run(id)?;
        if u16_at(&run, 8) != Some(LIST) {
            return Err(format!("page {id} is not the freelist"));
        }
        let (count, start) = match u16_at(&run, 10) {
            Some(0xFFFF) => (u64_at(&run, HEADER_LEN).unwrap_or(0) as usize, HEADER_LEN + 8),
            count => (usize::from(count.unwrap_or(0)), HEADER_LEN),
        };
        let mut free = Pages::default();
        for index in 0..count {
            let page = u64_at(&run, start + 8 * index).ok_or("the freelist is longer than its pages")?;
            if self.pages.contains(page) || page < 2 || page >= self.meta.high_water || !free.insert(page) {
                return Err(format!("the freelist names page {page}, which is in use, named twice, or none"));
            }
        }
        match (2..self.meta.high_water).find(|&page| !self.pages.contains(page) && !free.contains(page)) {
            Some(page) => Err(format!("page {page} is neither in use nor free")),
            None => Ok(()),
        }
    }
}

struct Element<'a> {
    flags: u32,
    key: &'a [u8],
    value: &'a [u8],
}

fn leaf_elements(id: u64, run: &[u8]) -> Result<Vec<Element<'_>>, Fault> {
    let count = usize::from(u16_at(run, 10).unwrap_or(0));
    let element = |index: usize| {
        let at = HEADER_LEN + 16 * index;
        let key_len = u32_at(run, at + 8)? as usize;
        let value_len = u32_at(run, at + 12)? as usize;
        let key = field(run, at, 4, 8)?;
        let start = at + u32_at(run, at + 4)? as usize + key_len;
        Some(Element { flags: u32_at(run, at)?, key, value: run.get(start..start.checked_add(value_len)?)? })
    };
    (0..count)
        .map(|index| element(index).ok_or_else(|| format!("element {index} of page {id} lies outside")))
        .collect()
}

/// The bytes to which the element at `at` points: position and length stand in its fields.
fn field(run: &[u8], at: usize, pos_field: usize, len_field: usize) -> Option<&[u8]> {
    let start = at + u32_at(run, at + pos_field)? as usize;
    run.get(start..start.checked_add(u32_at(run, at + len_field)? as usize)?)
}

/// Whether the keys ascend from `first` on and stay below `upper`.
fn in_order<'a>(
    id: u64,
    keys: impl Iterator<Item = &'a [u8]>,
    first: Option<&[u8]>,
    upper: Option<&[u8]>,
    must_hold_one: bool,
) -> Result<(), Fault> {
    let mut previous: Option<&[u8]> = None;
    for key in keys {
        if key.is_empty() || previous.is_some_and(|previous| previous >= key) {
            return Err(format!("the keys of page {id} do not ascend"));
        }
        if previous.is_none() && first.is_some_and(|first| first != key) {
            return Err(format!("the parent of page {id} has another first key"));
        }
        previous = Some(key);
    }
    match (previous, upper) {
        (None, _) if must_hold_one => Err(format!("page {id} is empty")),
        (Some(last), Some(upper)) if last >= upper => Err(format!("page {id} reaches the next one's keys")),
        _ => Ok(()),
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
