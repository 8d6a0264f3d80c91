//! Where a commit's single pages go: close together, so that neighbours are written at once, and what lies between
//! is passed by few of the system's larger pages, each of which costs a walk over its parts (`runs.rs`).
//!
//! Pages that random changes have freed lie alone. If each commit took what there is, its pages would lie as
//! scattered as those that it frees, for ever. So some are left until there are several in one place: as long as
//! they are few beside the file and beside the commit, new pages come from the room that the file has at its end.

use crate::format::PageId;
use crate::freelist::{Freelist, GROUP_LEN, Group};

/// Commits of fewer pages take what lies side by side.
const CHANGED_MIN: u64 = 64;
/// A group of which so many pages are free is good enough.
const ENOUGH: u64 = 3;
/// Left free for that are a 16th of the file at most ..
const LEFT_SHIFT: u32 = 4;
/// .. and so many pages for each that the commit changes.
const LEFT_FOR_EACH: u64 = 16;

/// What is looked for next.
#[derive(Clone, Copy, Default)]
enum Search {
    /// The lowest free page.
    #[default]
    Lowest,
    /// So many pages side by side.
    Near(u64),
    /// Many pages in one place.
    Groups,
}

/// The single pages of one commit.
#[derive(Default)]
pub(super) struct Singles {
    /// Taken ahead.
    taken: Group,
    search: Search,
    /// How many more come from the file's end.
    from_end: u64,
    left_max: u64,
    /// The first page for which the file would have to grow.
    room_end: PageId,
}

impl Singles {
    /// For a commit that changes about `changed_count` pages of a file that has `high_water`, and room up to
    /// `room_end`; up to `together` pages are written at once.
    pub fn new(changed_count: u64, together: u64, high_water: PageId, room_end: PageId) -> Singles {
        let left_max = (high_water >> LEFT_SHIFT).min(changed_count.saturating_mul(LEFT_FOR_EACH));
        let is_small = changed_count < CHANGED_MIN || together <= 1;
        let search = if is_small { Search::Near(together) } else { Search::Groups };
        Singles { left_max, room_end, search, ..Singles::default() }
    }

    /// A free page; `None`: the next one at the file's end.
    pub fn next(&mut self, freelist: &mut Freelist, high_water: PageId) -> Option<PageId> {
        if let Some(id) = self.taken.next() {
            return Some(id);
        }
        let found = match self.search {
            Search::Lowest => None,
            Search::Near(page_count) => self.near(freelist, page_count),
            Search::Groups => {
                // A run of several pages may have come there since.
                if high_water >= self.room_end {
                    self.from_end = 0;
                }
                let group = if self.from_end > 0 { None } else { freelist.find_group(ENOUGH) };
                if self.goes_to_end(freelist, high_water, group) {
                    return None;
                }
                group
            }
        };
        let Some(found) = found else {
            self.search = Search::Lowest;
            return freelist.allocate(1);
        };
        freelist.take(found);
        self.taken = found;
        self.taken.next()
    }

    fn near(&mut self, freelist: &Freelist, page_count: u64) -> Option<Group> {
        let mut page_count = page_count;
        while page_count > 1 {
            self.search = Search::Near(page_count);
            if let Some(found) = freelist.find_near(page_count) {
                return Some(found);
            }
            page_count /= 2;
        }
        None
    }

    /// Whether the next page comes from the file's end, as `group` has not filled yet.
    fn goes_to_end(&mut self, freelist: &mut Freelist, high_water: PageId, group: Option<Group>) -> bool {
        if self.from_end > 0 {
            self.from_end -= 1;
            return true;
        }
        let is_enough = group.is_some_and(|group| group.page_count() >= ENOUGH);
        if is_enough || high_water >= self.room_end || freelist.free_count() >= self.left_max {
            return false;
        }
        if group.is_some() {
            freelist.pass_groups();
        }
        let up_to_multiple = GROUP_LEN - high_water % GROUP_LEN;
        self.from_end = up_to_multiple.min(self.room_end - high_water) - 1;
        true
    }

    /// What was taken and not used.
    pub fn end(&mut self) -> Group {
        self.search = Search::Lowest;
        std::mem::take(&mut self.taken)
    }

    /// How many pages were taken and not used.
    pub fn unused_count(&self) -> u64 {
        self.taken.page_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: impl IntoIterator<Item = PageId>) -> Freelist {
        Freelist::load(ids.into_iter().map(Ok)).unwrap()
    }

    /// The first pages that a commit of `changed_count` gets of a file of 16,000 pages with 100 more of room; 0 stands
    /// for one at its end.
    fn taken(freelist: &mut Freelist, changed_count: u64, count: usize) -> Vec<PageId> {
        let mut high_water = 16_000;
        let mut singles = Singles::new(changed_count, 4, high_water, high_water + 100);
        let taken = std::iter::repeat_with(|| {
            singles.next(freelist, high_water).unwrap_or_else(|| {
                high_water += 1;
                0
            })
        });
        let taken = taken.take(count).collect();
        let unused: Vec<PageId> = singles.end().collect();
        unused
            .into_iter()
            .for_each(|id| freelist.give_back(crate::freelist::Run { id, page_count: 1 }).unwrap());
        taken
    }

    #[test]
    fn a_small_commit_takes_neighbours_and_then_the_lowest() {
        let ids = [40, 50, 51, 60, 61, 62, 63];
        assert_eq!(taken(&mut list(ids), 5, 8), [60, 61, 62, 63, 50, 51, 40, 0]);
    }

    #[test]
    fn a_large_commit_takes_groups_and_leaves_single_pages_until_they_are_many() {
        let lonely = || (0..200).map(|number| 32 + 32 * number);
        let mut freelist = list(lonely().chain([3_009, 3_011, 3_015]));
        let got = taken(&mut freelist, 300, 60);
        // Twice 16 pages at the end, as among the next 1,024 pages all are lonely.
        assert_eq!(got[..32], [0; 32]);
        assert_eq!(got[32..36], [3_008, 3_009, 3_011, 3_015]);
        assert_eq!(got[36..], [0; 24]);
        // More than a 16th of the file: what is lonely is taken, too.
        let mut freelist = list((0..1001).map(|number| 16 + 15 * number));
        assert!(taken(&mut freelist, 300, 1001).into_iter().filter(|&id| id == 0).count() <= 100);
        assert!(
            taken(&mut list((0..1200).map(|number| 13 * number + 2)), 300, 150)[..100]
                .iter()
                .all(|&id| id != 0)
        );
    }

    #[test]
    fn pages_come_from_the_end_up_to_a_multiple_of_sixteen() {
        let mut freelist = list((0..200).map(|number| 32 + 32 * number).chain([3_009, 3_011, 3_015]));
        let mut singles = Singles::new(300, 4, 16_003, 16_103);
        for high_water in 16_003..16_032 {
            assert_eq!(singles.next(&mut freelist, high_water), None);
        }
        assert_eq!(singles.next(&mut freelist, 16_032), Some(3_008));
    }

    #[test]
    fn where_the_file_has_no_room_every_free_page_is_taken_before_it_grows() {
        let mut freelist = list((0..50).map(|number| 32 + 32 * number));
        let mut singles = Singles::new(300, 4, 16_000, 16_000);
        for _ in 0..50 {
            assert!(singles.next(&mut freelist, 16_000).is_some());
        }
        assert_eq!(singles.next(&mut freelist, 16_000), None);
        assert_eq!(freelist.count(), 0);
    }

    #[test]
    fn a_run_of_pages_may_use_up_the_room_in_between() {
        let mut freelist = list([40, 400]);
        let mut singles = Singles::new(300, 4, 16_000, 16_100);
        assert_eq!(singles.next(&mut freelist, 16_000), None);
        assert_eq!(singles.next(&mut freelist, 16_100), Some(40));
        assert_eq!(singles.next(&mut freelist, 16_100), Some(400));
    }

    #[test]
    fn what_was_taken_and_not_used_is_told() {
        let mut freelist = list([40, 41, 42]);
        let mut singles = Singles::new(300, 4, 16_000, 16_000);
        assert_eq!(singles.next(&mut freelist, 16_000), Some(40));
        assert_eq!((singles.unused_count(), freelist.count()), (2, 0));
        assert!(singles.end().eq([41, 42]));
        assert_eq!(singles.unused_count(), 0);
    }
}
