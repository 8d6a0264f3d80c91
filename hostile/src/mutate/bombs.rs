//! Files in which everything leads everywhere: small to write down, without end to whoever follows it all.

use bolt::FindingCode as Code;

use super::{Draft, Expect, Mutation};

pub const ALL: &[(&str, Mutation)] = &[
    ("bomb of branches", branches),
    ("bomb of buckets", buckets),
    ("ring of buckets", ring),
    ("bomb of inline buckets", inline),
    ("chain of inline buckets", chain),
    ("bomb of values", values),
];

/// How many elements a page of a bomb has.
const WIDTH: usize = 8;
/// How many pages lie one below the other in it, at most.
const HEIGHT: usize = 40;

/// The pages of one page each that come to be the bomb, the root first.
fn pages(draft: &Draft<'_>) -> Vec<(u64, usize)> {
    let root = draft.layout.meta.root;
    let single =
        draft.layout.pages.iter().filter(|page| page.len == draft.layout.page_size && page.id != root);
    let below = single.take(HEIGHT).map(|page| (page.id, page.at));
    std::iter::once((root, root as usize * draft.layout.page_size)).chain(below).collect()
}

impl Draft<'_> {
    fn header(&mut self, at: usize, id: u64, flags: u16, count: usize) -> Option<()> {
        self.set_u64(at, id)?;
        self.set_u16(at + 8, flags)?;
        self.set_u16(at + 10, count as u16)?;
        self.set_u32(at + 12, 0)
    }

    /// Element `index` of the leaf at `page`: one whose key and value begin at `key_at`.
    fn leaf_element(
        &mut self,
        page: usize,
        index: usize,
        is_bucket: bool,
        key_at: usize,
        (key_len, value_len): (usize, usize),
    ) -> Option<()> {
        let at = page + 16 + 16 * index;
        self.set_u32(at, u32::from(is_bucket))?;
        self.set_u32(at + 4, (key_at - at) as u32)?;
        self.set_u32(at + 8, key_len as u32)?;
        self.set_u32(at + 12, value_len as u32)
    }
}

/// Each page is a branch whose elements all lead to the next page; its keys fit the first of them.
fn branches(draft: &mut Draft<'_>) -> Option<Expect> {
    let pages = pages(draft);
    if pages.len() < 3 {
        return None;
    }
    for (level, &(id, at)) in pages.iter().enumerate() {
        let next = pages.get(level + 1);
        draft.header(at, id, if next.is_some() { 1 } else { 2 }, WIDTH)?;
        for index in 0..WIDTH {
            let element = at + 16 + 16 * index;
            let key_at = at + 16 + 16 * WIDTH + (level + 1) * index;
            draft.bytes.get_mut(key_at..key_at + level)?.fill(b'a');
            draft.set_byte(key_at + level, b'a' + index as u8)?;
            match next {
                Some(&(child, _)) => {
                    draft.set_u32(element, (key_at - element) as u32)?;
                    draft.set_u32(element + 4, level as u32 + 1)?;
                    draft.set_u64(element + 8, child)?;
                }
                None => draft.leaf_element(at, index, false, key_at, (level + 1, 0))?,
            }
        }
    }
    Some(Expect::Damaged)
}

/// Writes leaves of buckets only, each of whose roots is given by its page's and its own number.
fn leaves(draft: &mut Draft<'_>, target: impl Fn(usize) -> usize) -> Option<Expect> {
    let pages = pages(draft);
    if pages.len() < 3 {
        return None;
    }
    for (level, &(id, at)) in pages.iter().enumerate() {
        let next = pages.get(target(level) % (pages.len() + 1));
        draft.header(at, id, 2, WIDTH)?;
        for index in 0..WIDTH {
            let key_at = at + 16 + 16 * WIDTH + 17 * index;
            draft.set_byte(key_at, b'a' + index as u8)?;
            draft.set_u64(key_at + 9, index as u64)?;
            match next {
                Some(&(child, _)) => {
                    draft.set_u64(key_at + 1, child)?;
                    draft.leaf_element(at, index, true, key_at, (1, 16))?;
                }
                None => draft.leaf_element(at, index, false, key_at, (1, 16))?,
            }
        }
    }
    Some(Expect::Damaged)
}

fn buckets(draft: &mut Draft<'_>) -> Option<Expect> {
    leaves(draft, |level| level + 1)
}

fn ring(draft: &mut Draft<'_>) -> Option<Expect> {
    let length = 1 + draft.random.below(4);
    leaves(draft, move |level| if level == length { 0 } else { level + 1 })
}

/// Makes one run of all pages, which is the root page; where it begins and ends.
fn long_root(draft: &mut Draft<'_>) -> Option<(u64, usize, usize)> {
    let (root, page_size) = (2, draft.layout.page_size);
    let (at, end) = (2 * page_size, draft.high_water() as usize * page_size);
    let newest = draft.layout.meta_range(draft.layout.slot).start;
    draft.set_u64(newest + 32, root)?;
    draft.set_u64(newest + 48, u64::MAX)?;
    draft.repair(draft.layout.slot)?;
    draft.bytes.get_mut(at..end)?.fill(0);
    draft.set_u32(at + 12, (draft.high_water() - root) as u32 - 1)?;
    Some((root, at, end))
}

/// Inline buckets in inline buckets, each level with many names for the same bytes.
fn inline(draft: &mut Draft<'_>) -> Option<Expect> {
    let (root, start, end) = long_root(draft)?;
    let overflow = draft.u32(start + 12)?;
    let level_len = 16 + 16 * WIDTH + WIDTH + 16;
    let mut at = start;
    while at + 2 * level_len < end {
        draft.header(at, 0, 2, WIDTH)?;
        let value = at + 16 + 16 * WIDTH + WIDTH;
        for index in 0..WIDTH {
            let key_at = at + 16 + 16 * WIDTH + index;
            draft.set_byte(key_at, b'a' + index as u8)?;
            // Each key goes on to the same value, which is the longer the more keys lie between.
            draft.leaf_element(at, index, true, key_at, (WIDTH - index, end - value))?;
        }
        draft.bytes.get_mut(value..value + 16)?.fill(0);
        at = value + 16;
    }
    draft.header(at, 0, 2, 0)?;
    draft.set_u64(start, root)?;
    draft.set_u32(start + 12, overflow)?;
    Some(Expect::Damaged)
}

/// An inline bucket whose only element is an inline bucket, and so on as deep as the bytes last.
fn chain(draft: &mut Draft<'_>) -> Option<Expect> {
    let (root, start, end) = long_root(draft)?;
    let overflow = draft.u32(start + 12)?;
    let mut at = start;
    while at + 16 + 16 + 1 + 32 <= end {
        draft.header(at, 0, 2, 1)?;
        draft.leaf_element(at, 0, true, at + 32, (1, end - at - 33))?;
        draft.set_byte(at + 32, b'k')?;
        draft.bytes.get_mut(at + 33..at + 49)?.fill(0);
        at += 49;
    }
    draft.header(at, 0, 2, 0)?;
    draft.set_u64(start, root)?;
    draft.set_u32(start + 12, overflow)?;
    Some(Expect::Damaged)
}

/// A leaf of as many elements as fit, each of which has all of the run behind its key for its value.
fn values(draft: &mut Draft<'_>) -> Option<Expect> {
    let (root, start, end) = long_root(draft)?;
    let overflow = draft.u32(start + 12)?;
    let count = ((end - start - 16) / 24).min(0xFFFE);
    draft.header(start, root, 2, count)?;
    draft.set_u32(start + 12, overflow)?;
    for index in 0..count {
        let key_at = start + 16 + 16 * count + 8 * index;
        draft.bytes.get_mut(key_at..key_at + 8)?.copy_from_slice(&(index as u64).to_be_bytes());
        draft.leaf_element(start, index, false, key_at, (8, end - key_at - 8))?;
    }
    Some(Expect::Found(Code::ElementsOverlap))
}
