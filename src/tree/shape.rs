//! Where a changed node is cut into pages: the one rule of a tree's shape.
//!
//! With a fill percent it is bbolt's rule (`node.splitTwo`): cut as soon as at least two entries reach the
//! percentage, leave at least two behind. Without one it is libbolt's: what came in ascending order fills its
//! pages, anything else is cut into even parts, and an entry larger than a page stands alone, so that
//! changing it writes nothing else.
//!
//! Both keep within what Go can read: no element reaches past 2^31-1 bytes, no page has more than 0xFFFE
//! elements.

use crate::error::{Error, Result};
use crate::format::{ELEMENT_LEN, MAX_ELEMENT_COUNT, MAX_ELEMENT_SPAN, PAGE_HEADER_LEN};

/// bbolt's `minKeysPerPage`.
const MIN_KEYS: usize = 2;
/// bbolt's bounds of the fill percent.
const FILL_BOUNDS: (f64, f64) = (0.1, 1.0);

/// The rules by which nodes become pages.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The page size in bytes.
    pub page_size: u32,
    /// bbolt's split rule with this fill percent; `None` for libbolt's own.
    pub fill_percent: Option<f64>,
    /// Whether small nodes are merged as bbolt does, always, or only where the result fits a page.
    pub merge_always: bool,
}

impl Shape {
    /// The bytes that a page takes.
    fn capacity(&self) -> u64 {
        u64::from(self.page_size)
    }

    /// The size up to which a node that lost entries is too small: a quarter of a page.
    pub fn small_len(&self) -> u64 {
        self.capacity() / 4
    }

    /// The largest page that is kept inline in its parent's value: a quarter of a page.
    pub fn max_inline_len(&self) -> u64 {
        self.capacity() / 4
    }

    /// Whether two nodes of these sizes may be made one.
    pub fn may_merge(&self, left_len: u64, right_len: u64) -> bool {
        self.merge_always || left_len + right_len - PAGE_HEADER_LEN as u64 <= self.capacity()
    }

    /// How many pages a node of `len` bytes takes.
    pub fn page_count(&self, len: u64) -> u64 {
        len.div_ceil(self.capacity()).max(1)
    }

    /// How many entries go on each page, given the size of each with its element. `rising` says that what is
    /// new came in ascending order at the end.
    pub fn cut(&self, sizes: &[u64], leaf: bool, rising: bool) -> Result<Vec<usize>> {
        let cuts = match self.fill_percent {
            Some(percent) => self.cut_by_fill(sizes, percent)?,
            None if rising || !leaf || sizes.iter().any(|&size| size > self.capacity() / 2) => {
                self.cut_full(sizes, self.capacity(), leaf)?
            }
            None => self.cut_even(sizes)?,
        };
        let cuts = if leaf || self.fill_percent.is_some() { cuts } else { self.cut_branch(sizes, rising)? };
        bounded(sizes, cuts)
    }

    /// bbolt's rule.
    fn cut_by_fill(&self, sizes: &[u64], percent: f64) -> Result<Vec<usize>> {
        let threshold = (f64::from(self.page_size) * percent.clamp(FILL_BOUNDS.0, FILL_BOUNDS.1)) as u64;
        let mut cuts = Vec::new();
        let mut rest = sizes;
        let mut rest_len = PAGE_HEADER_LEN as u64 + sizes.iter().sum::<u64>();
        while rest.len() > MIN_KEYS * 2 && rest_len >= self.capacity() {
            let (index, len) = fill_index(rest, threshold);
            push(&mut cuts, index)?;
            rest = rest.get(index..).unwrap_or(&[]);
            rest_len -= len;
        }
        push(&mut cuts, rest.len())?;
        Ok(cuts)
    }

    /// As full as `limit` allows, at least one entry a page.
    fn cut_full(&self, sizes: &[u64], limit: u64, leaf: bool) -> Result<Vec<usize>> {
        let least = if leaf { 1 } else { MIN_KEYS };
        let mut cuts = Vec::new();
        let (mut count, mut len) = (0, PAGE_HEADER_LEN as u64);
        for &size in sizes {
            if count >= least && len + size > limit {
                push(&mut cuts, count)?;
                (count, len) = (0, PAGE_HEADER_LEN as u64);
            }
            count += 1;
            len += size;
        }
        push(&mut cuts, count)?;
        Ok(cuts)
    }

    /// In parts as even as the entries allow, as few as are needed.
    fn cut_even(&self, sizes: &[u64]) -> Result<Vec<usize>> {
        let parts = self.cut_full(sizes, self.capacity(), true)?.len() as u64;
        let total: u64 = sizes.iter().sum();
        let mut cuts = Vec::new();
        let (mut count, mut len, mut done) = (0, PAGE_HEADER_LEN as u64, 0);
        for &size in sizes {
            let goal = (cuts.len() as u64 + 1) * total / parts;
            if count > 0 && (len + size > self.capacity() || done + size / 2 > goal) {
                push(&mut cuts, count)?;
                (count, len) = (0, PAGE_HEADER_LEN as u64);
            }
            count += 1;
            len += size;
            done += size;
        }
        push(&mut cuts, count)?;
        Ok(cuts)
    }

    /// A branch: even or full, but never one child alone on a page, else the tree would not grow narrower
    /// upwards.
    fn cut_branch(&self, sizes: &[u64], rising: bool) -> Result<Vec<usize>> {
        let even = !rising && sizes.iter().all(|&size| size <= self.capacity() / 4);
        let mut cuts =
            if even { self.cut_even(sizes)? } else { self.cut_full(sizes, self.capacity(), false)? };
        if cuts.len() > 1 && cuts.last() == Some(&1) {
            cuts.pop();
            match cuts.last_mut() {
                Some(last) if *last > MIN_KEYS => {
                    *last -= 1;
                    push(&mut cuts, MIN_KEYS)?;
                }
                Some(last) => *last += 1,
                None => {}
            }
        }
        Ok(cuts)
    }
}

fn push(cuts: &mut Vec<usize>, count: usize) -> Result<()> {
    cuts.try_reserve(1)?;
    cuts.push(count);
    Ok(())
}

/// bbolt's `splitIndex`: how many entries stay on the left page, and their size.
fn fill_index(sizes: &[u64], threshold: u64) -> (usize, u64) {
    let (mut index, mut len) = (0, PAGE_HEADER_LEN as u64);
    let mut taken = 0;
    for (position, &size) in sizes.iter().enumerate().take(sizes.len() - MIN_KEYS) {
        index = position;
        taken = len - PAGE_HEADER_LEN as u64;
        if position >= MIN_KEYS && len + size > threshold {
            break;
        }
        len += size;
    }
    (index, taken)
}

/// Cuts again what Go could not read.
fn bounded(sizes: &[u64], cuts: Vec<usize>) -> Result<Vec<usize>> {
    let mut bounded = Vec::new();
    bounded.try_reserve(cuts.len())?;
    let mut rest = sizes.iter();
    for cut in cuts {
        let (mut count, mut len) = (0, 0);
        for &size in rest.by_ref().take(cut) {
            if size > MAX_ELEMENT_SPAN {
                return Err(Error::ValueSize(
                    usize::try_from(size - ELEMENT_LEN as u64).unwrap_or(usize::MAX),
                ));
            }
            if count > 0 && (len + size > MAX_ELEMENT_SPAN || count == MAX_ELEMENT_COUNT) {
                bounded.try_reserve(1)?;
                bounded.push(count);
                (count, len) = (0, 0);
            }
            count += 1;
            len += size;
        }
        bounded.try_reserve(1)?;
        bounded.push(count);
    }
    Ok(bounded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(fill_percent: Option<f64>) -> Shape {
        Shape { page_size: 1024, fill_percent, merge_always: false }
    }

    #[test]
    fn entries_that_came_in_order_fill_their_pages() {
        assert_eq!(shape(None).cut(&[100; 25], true, true).unwrap(), [10, 10, 5]);
    }

    #[test]
    fn other_entries_are_cut_into_even_parts() {
        assert_eq!(shape(None).cut(&[100; 11], true, false).unwrap(), [6, 5]);
        assert_eq!(shape(None).cut(&[100; 25], true, false).unwrap(), [8, 9, 8]);
    }

    #[test]
    fn an_entry_larger_than_a_page_stands_alone() {
        assert_eq!(shape(None).cut(&[100, 5000, 100, 100], true, false).unwrap(), [1, 1, 2]);
    }

    #[test]
    fn bbolts_rule_leaves_two_entries_behind() {
        assert_eq!(shape(Some(0.5)).cut(&[300; 5], true, true).unwrap(), [2, 3]);
        assert_eq!(shape(Some(0.5)).cut(&[300; 4], true, true).unwrap(), [4]);
        assert_eq!(shape(Some(1.0)).cut(&[100; 25], true, true).unwrap(), [10, 10, 5]);
        assert_eq!(
            shape(Some(0.5)).cut(&[252; 4], true, true).unwrap(),
            [4],
            "a full page of four is not cut"
        );
    }

    #[test]
    fn no_element_reaches_past_what_go_can_read() {
        let large = (MAX_ELEMENT_SPAN / 2) + 1;
        for fill in [None, Some(0.5)] {
            let cuts = shape(fill).cut(&[large; 3], true, true).unwrap();
            assert_eq!(cuts, [1, 1, 1]);
            assert!(shape(fill).cut(&[MAX_ELEMENT_SPAN + 1], true, true).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_entry_goes_on_one_page_and_branches_grow_narrower(
            sizes in prop::collection::vec(17u64..3000, 1..200), leaf: bool, rising: bool, fill in prop::option::of(0.0f64..1.2)
        ) {
            let cuts = shape(fill).cut(&sizes, leaf, rising).unwrap();
            prop_assert_eq!(cuts.iter().sum::<usize>(), sizes.len());
            prop_assert!(cuts.iter().all(|&count| count > 0));
            if !leaf {
                prop_assert!(cuts.len() == 1 || cuts.len() < sizes.len());
                prop_assert!(cuts.len() == 1 || cuts.iter().all(|&count| count > 1));
            }
            if leaf && fill.is_none() {
                let mut rest = sizes.iter();
                for count in cuts {
                    let len: u64 = rest.by_ref().take(count).sum();
                    prop_assert!(count == 1 || len + 16 <= 1024);
                }
            }
        }
    }
}
