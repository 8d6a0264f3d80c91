//! Binary search on a page, arranged so that the memory's latency overlaps.
//!
//! A page that is not in the cache costs a miss for its header, one for each line of its table, and one for
//! each key that is compared. The first lines are asked for as soon as the page's number is known
//! ([`prefetch_table`]); with each comparison the keys of the two that may follow are asked for, so that
//! every other miss is already under way.

use std::cmp::Ordering;

use crate::error::Result;
use crate::format::bytes::prefix;
use crate::format::page::Page;
use crate::storage::sys::prefetch;

use super::Pages;

/// How much of a page is asked for at once: the header and the table of some thirty elements.
const TABLE_LEN: usize = 512;
/// How much of a page that is about to be copied is asked for at once: what the fastest cache has room for.
const COPY_LEN: usize = 4096;
const CACHE_LINE_LEN: usize = 64;
/// More keys at once would push the first ones out of the fastest cache again.
const KEY_COUNT_MAX: u32 = 256;
/// Where so few elements are left, the keys lie close enough together.
const NEAR: u32 = 3;

/// Asks for the first lines of the page at `offset` of the file.
#[inline(always)]
pub fn prefetch_table<P: Pages>(pages: &P, offset: u64) {
    prefetch_lines::<TABLE_LEN, P>(pages, offset);
}

/// Asks for the page at `offset` of the file, which is about to be copied.
pub(super) fn prefetch_page<P: Pages>(pages: &P, offset: u64) {
    prefetch_lines::<COPY_LEN, P>(pages, offset);
}

/// Asks for the first line of the page at `offset` of the file.
pub(super) fn prefetch_start<P: Pages>(pages: &P, offset: u64) {
    prefetch_lines::<CACHE_LINE_LEN, P>(pages, offset);
}

#[inline(always)]
fn prefetch_lines<const LEN: usize, P: Pages>(pages: &P, offset: u64) {
    if let Some(bytes) = pages.at_hand(offset, LEN as u64) {
        (0..LEN).step_by(CACHE_LINE_LEN).for_each(|line| prefetch(bytes, line));
    }
}

#[inline(always)]
fn prefetch_key<const LEAF: bool>(page: &Page<'_>, index: u32) {
    if let Some(offset) = page.key_hint::<LEAF>(index) {
        prefetch(page.bytes(), offset);
    }
}

/// Asks for all keys of a page that is about to be verified, so that their misses overlap.
pub(super) fn prefetch_all_keys(page: &Page<'_>) {
    let count = (page.count() as u32).min(KEY_COUNT_MAX);
    if page.is_leaf() {
        (0..count).for_each(|index| prefetch_key::<true>(page, index));
    } else {
        (0..count).for_each(|index| prefetch_key::<false>(page, index));
    }
}

/// How the key `here` compares to `key`, whose prefix is `sought`. Keys that differ in their first 16 bytes are
/// told apart without a call.
#[inline(always)]
pub fn order(here: &[u8], key: &[u8], sought: u64) -> Ordering {
    let first = prefix(here);
    if first != sought {
        return first.cmp(&sought);
    }
    let (Some(here), Some(key)) = (here.get(8..), key.get(8..)) else { return here.cmp(key) };
    match prefix(here).cmp(&prefix(key)) {
        // What the shorter one lacks counted as zeros: where the longer one has zeros there, it still is greater.
        Ordering::Equal if here.len() <= 8 && key.len() <= 8 => here.len().cmp(&key.len()),
        Ordering::Equal => here.cmp(key),
        ordering => ordering,
    }
}

/// The index of the first element whose key is not less than `key`, and whether it equals it.
#[inline]
pub fn search(page: &Page<'_>, key: &[u8]) -> Result<(usize, bool)> {
    if page.is_leaf() { search_in::<true>(page, key) } else { search_in::<false>(page, key) }
}

fn search_in<const LEAF: bool>(page: &Page<'_>, key: &[u8]) -> Result<(usize, bool)> {
    let sought = prefix(key);
    // 32 bits, so that no sum below can overflow.
    let (mut low, mut high) = (0, page.count() as u32);
    if LEAF && high > NEAR {
        prefetch_keys::<LEAF>(page, low, high / 2, high);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if high - low > NEAR {
            if LEAF {
                prefetch_keys::<LEAF>(page, low, low + (middle - low) / 2, middle);
                prefetch_keys::<LEAF>(page, middle + 1, middle + 1 + (high - middle - 1) / 2, high);
            } else {
                prefetch_keys::<LEAF>(page, low, middle, high);
            }
        }
        let Some(first) = page.prefix_of::<LEAF>(middle) else { return Err(page.outside(middle as usize)) };
        let below = if first == sought {
            match tie(page, middle as usize, key)? {
                Ordering::Equal => return Ok((middle as usize, true)),
                ordering => ordering == Ordering::Less,
            }
        } else {
            first < sought
        };
        low = if below { middle + 1 } else { low };
        high = if below { high } else { middle };
    }
    Ok((low as usize, false))
}

/// Asks for the keys that a search from `low` to `high` compares after the one at `middle`.
#[inline(always)]
fn prefetch_keys<const LEAF: bool>(page: &Page<'_>, low: u32, middle: u32, high: u32) {
    prefetch_key::<LEAF>(page, low + (middle - low) / 2);
    prefetch_key::<LEAF>(page, middle + (high - middle) / 2);
}

/// How the key of element `index` compares to `key`, whose first bytes are the same. Apart, as the loop above is
/// faster without it.
#[inline(never)]
fn tie(page: &Page<'_>, index: usize, key: &[u8]) -> Result<Ordering> {
    page.key(index).map(|here| order(here, key, prefix(key)))
}

/// The element of a branch under which `key` belongs: the last whose key is not greater, or the first.
#[inline]
pub fn search_child(page: &Page<'_>, key: &[u8]) -> Result<usize> {
    let (index, exact) = search(page, key)?;
    Ok(if exact { index } else { index.saturating_sub(1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::builder::PageBuilder;
    use crate::format::page::Kind;

    #[test]
    fn a_key_is_found_or_its_place_is() {
        for count in 0u16..40 {
            let mut run = vec![0; 4096];
            let mut builder = PageBuilder::new(&mut run, 9, Kind::Leaf, usize::from(count), 0).unwrap();
            builder.leaf_table((0..count).map(|_| (2, 0, false))).unwrap();
            for index in 0..count {
                builder.data(&(index * 2 + 1).to_be_bytes()).unwrap();
            }
            builder.finish().unwrap();
            let page = Page::verify(&run, 9, 100).unwrap();
            for sought in 0..count * 2 + 2 {
                let place = (usize::from(sought / 2), sought % 2 == 1 && sought < count * 2);
                assert_eq!(search(&page, &sought.to_be_bytes()).unwrap(), place);
                let child = if place.1 { place.0 } else { place.0.saturating_sub(1) };
                assert_eq!(search_child(&page, &sought.to_be_bytes()).unwrap(), child);
            }
        }
    }
}
