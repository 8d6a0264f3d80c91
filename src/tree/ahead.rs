//! Asks for pages before a walk comes to them, where the kernel reads nothing ahead: for a file that has no room in
//! memory, in which a leaf that follows in the tree may lie anywhere.
//!
//! As read-ahead does in files, it begins with little and asks for more the longer the walk goes on: who takes a few
//! entries from a place pays for few pages. It asks anew when half of what it asked for is behind it.

use crate::format::PageId;
use crate::freelist::Run;

use super::Pages;

/// Pages ahead at most: 512 KiB of pages of 4 KiB, four times what Linux reads ahead by default.
const AHEAD_MAX: usize = 128;

/// How far a walk has come, and how far ahead it has asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    walked: usize,
    asked: usize,
}

impl Ahead {
    /// For the pages of a level below, of which none has been asked for yet: as far ahead as here.
    pub fn below(&self) -> Ahead {
        Ahead { asked: 0, ..*self }
    }

    /// The walk goes on by one page. `page(n)` is the page n places further than that, if it is known.
    #[inline]
    pub fn step<P: Pages>(&mut self, pages: &P, page: impl Fn(usize) -> Option<PageId>) {
        if pages.is_random() {
            self.ask(pages, page);
        }
    }

    #[cold]
    fn ask<P: Pages>(&mut self, pages: &P, page: impl Fn(usize) -> Option<PageId>) {
        self.walked = self.walked.saturating_add(1);
        self.asked = self.asked.saturating_sub(1);
        let wanted = AHEAD_MAX.min(self.walked.saturating_mul(2));
        if self.asked > wanted / 2 {
            return;
        }
        let mut together: Option<Run> = None;
        while let Some(id) = page(self.asked + 1).filter(|_| self.asked < wanted) {
            self.asked += 1;
            match &mut together {
                Some(run) if run.id.checked_add(run.page_count) == Some(id) => run.page_count += 1,
                Some(run) if id.checked_add(1) == Some(run.id) => {
                    *run = Run { id, page_count: run.page_count + 1 }
                }
                other => fetch(pages, other.replace(Run { id, page_count: 1 })),
            }
        }
        fetch(pages, together);
    }
}

fn fetch<P: Pages>(pages: &P, run: Option<Run>) {
    if let Some(Run { id, page_count }) = run {
        pages.fetch(id, page_count);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::Result;

    /// Pages that are asked for and never come.
    #[derive(Default)]
    struct Asked(RefCell<Vec<(PageId, u64)>>);

    impl Pages for Asked {
        fn run(&self, _id: PageId) -> Result<&[u8]> {
            Ok(&[])
        }
        fn bytes(&self, _offset: u64, _len: u64) -> Result<&[u8]> {
            Ok(&[])
        }
        fn is_known(&self, _id: PageId) -> bool {
            false
        }
        fn set_known(&self, _id: PageId) {}
        fn high_water(&self) -> PageId {
            1 << 20
        }
        fn page_size(&self) -> u32 {
            4096
        }
        fn is_random(&self) -> bool {
            true
        }
        fn fetch(&self, id: PageId, page_count: u64) {
            self.0.borrow_mut().push((id, page_count));
        }
    }

    /// What is asked for with each of `count` steps along these pages.
    fn walk(ids: &[PageId], count: usize) -> Vec<Vec<(PageId, u64)>> {
        let (pages, mut ahead) = (Asked::default(), Ahead::default());
        let step = |at: usize| {
            ahead.step(&pages, |count| ids.get(at + count).copied());
            pages.0.take()
        };
        (0..count).map(step).collect()
    }

    #[test]
    fn a_walk_asks_for_more_the_longer_it_goes_on() {
        let ids: Vec<PageId> = (100..2000).collect();
        let asked = walk(&ids, 5);
        assert_eq!(asked, [vec![(101, 2)], vec![(103, 3)], vec![(106, 3)], vec![], vec![(109, 6)]]);
    }

    #[test]
    fn every_page_is_asked_for_once_before_it_is_reached_and_none_too_far_ahead() {
        let ids: Vec<PageId> = (0..1000).map(|number| 1000 + number * 7 % 1000).collect();
        let mut seen = Vec::new();
        for (at, asked) in walk(&ids, 1000).into_iter().enumerate() {
            assert!(at == 0 || seen.contains(&ids[at]), "page {at} is reached, and was not asked for");
            seen.extend(asked.iter().flat_map(|&(id, page_count)| id..id + page_count));
            assert!(seen.len() <= at + AHEAD_MAX, "{} pages asked for at page {at}", seen.len());
        }
        let all: std::collections::BTreeSet<PageId> = seen.iter().copied().collect();
        assert_eq!((seen.len(), all.len()), (999, 999));
    }

    #[test]
    fn pages_side_by_side_are_asked_for_together_in_both_directions() {
        let (up, down) = ((0..400).collect::<Vec<_>>(), (0..400).rev().collect::<Vec<_>>());
        for ids in [up, down] {
            assert!(walk(&ids, 300).iter().all(|asked| asked.len() <= 1));
        }
        // Numbers that no page has, as a damaged file may give them.
        let ends = [5, PageId::MAX, 0, PageId::MAX - 1];
        assert_eq!(walk(&ends, 2), [vec![(PageId::MAX, 1), (0, 1)], vec![(PageId::MAX - 1, 1)]]);
    }
}
