//! Which pages a commit may take: those free now, and those that become free once nothing can see them.
//!
//! A page freed by transaction F is still seen by readers of older snapshots, and by the older meta page
//! until a later commit overwrites it. So it waits in the list of F until [`Freelist::release`] is told a
//! limit not below F. The limit itself is [`reuse_limit`], the one place where that is decided.
//!
//! L1. A page is free, or waits in one list, or is in use: never two of these. What would break that is
//!     refused as corruption of the file.
//! L2. Nothing changes here before a commit is sure of its list: [`Freelist::undo`] takes an attempt back.

mod page_set;

use std::collections::VecDeque;

pub use page_set::{GROUP_LEN, Group, PageSet};

use crate::error::{Error, Result};
use crate::format::{FIRST_PAGE, PageId, TxnId};

/// How much of the bitmap is searched for pages that lie side by side: the first 4,096 pages that may be
/// free.
const NEAR_WORDS: usize = 64;
/// How much of it is looked at for a group: 1,024 pages.
const GROUP_WORDS: usize = 16;

/// A page and its overflow pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first page.
    pub id: PageId,
    /// How many pages, at least one.
    pub page_count: u64,
}

/// The last transaction whose freed pages the next commit may reuse.
///
/// A reader of snapshot R sees what later transactions freed. The older of the two metas, of transaction
/// `committed` - 1, sees what `committed` freed, and stays a sound fallback if that is left alone (rule R5);
/// `delayed` says that it shall. Go reuses at once, and so does `bbolt_rules`.
pub fn reuse_limit(oldest_reader: Option<TxnId>, committed: TxnId, delayed: bool) -> TxnId {
    let durable = if delayed { committed.saturating_sub(1) } else { committed };
    oldest_reader.map_or(durable, |reader| reader.min(durable))
}

/// The runs that one transaction freed.
struct Pending {
    txid: TxnId,
    runs: Vec<Run>,
}

/// Free and pending pages.
#[derive(Default)]
pub struct Freelist {
    free: PageSet,
    pending: VecDeque<Pending>,
    waiting: PageSet,
    /// The shortest run that was looked for in vain since pages last became free.
    missing_len: Option<u64>,
    /// From where on groups are looked for.
    next_group: PageId,
}

impl Freelist {
    /// A list in which all of `ids` are free; an id that comes twice is refused.
    pub fn load(ids: impl Iterator<Item = Result<PageId>>) -> Result<Freelist> {
        let mut list = Freelist::default();
        for id in ids {
            let id = id?;
            if !list.free.insert(id)? {
                return Err(Error::corrupt(id, "the freelist names the page twice"));
            }
        }
        Ok(list)
    }

    /// How many pages are free now.
    pub fn free_count(&self) -> u64 {
        self.free.len()
    }

    /// How many pages wait for their release.
    pub fn pending_count(&self) -> u64 {
        self.waiting.len()
    }

    /// How many pages a list in the file names: the free and the waiting.
    pub fn count(&self) -> u64 {
        self.free.len() + self.waiting.len()
    }

    /// Bytes of memory that it takes.
    pub fn memory_len(&self) -> u64 {
        let lists = self.pending.iter().map(|pending| pending.runs.capacity() * size_of::<Run>());
        let pending = self.pending.capacity() * size_of::<Pending>() + lists.sum::<usize>();
        self.free.memory_len() + self.waiting.memory_len() + pending as u64
    }

    /// Whether `id` is free or waits to be.
    pub fn contains(&self, id: PageId) -> bool {
        self.free.contains(id) || self.waiting.contains(id)
    }

    /// Makes free what transactions up to `limit` have freed.
    pub fn release(&mut self, limit: TxnId) -> Result<()> {
        while let Some(pending) = self.pending.front().filter(|pending| pending.txid <= limit) {
            for (index, run) in pending.runs.iter().enumerate() {
                if let Err(error) = self.free.insert_run(run.id, run.page_count) {
                    // All of them wait on.
                    for run in pending.runs.iter().take(index + 1) {
                        self.free.remove_run(run.id, run.page_count);
                    }
                    return Err(error);
                }
            }
            for run in &pending.runs {
                self.waiting.remove_run(run.id, run.page_count);
            }
            self.pending.pop_front();
            self.missing_len = None;
        }
        Ok(())
    }

    /// Takes the lowest run of `page_count` free pages, as bbolt's array freelist does.
    pub fn allocate(&mut self, page_count: u64) -> Option<PageId> {
        if page_count > self.free.len() || self.missing_len.is_some_and(|missing| page_count >= missing) {
            return None;
        }
        let found = self.free.find_run(page_count);
        match found {
            Some(id) => self.free.remove_run(id, page_count),
            None => self.missing_len = Some(page_count),
        }
        found
    }

    /// So many free pages (64 at most) that lie side by side, if there are such among the first free ones.
    pub fn find_near(&self, page_count: u64) -> Option<Group> {
        self.free.find_near(page_count, NEAR_WORDS)
    }

    /// The next group of which `enough` pages are free, or of the next ones the one of which most are; behind
    /// the last one the first comes again.
    pub fn find_group(&mut self, enough: u64) -> Option<Group> {
        let next = self.free.find_group(self.next_group, GROUP_WORDS, enough);
        let group = next.or_else(|| {
            let lowest = self.free.find_run(1)?;
            self.free.find_group(lowest, GROUP_WORDS, enough)
        });
        self.next_group = group.map_or(0, |group| group.base());
        group
    }

    /// Takes pages that were found.
    pub fn take(&mut self, group: Group) {
        group.for_each(|id| {
            self.free.remove(id);
        });
    }

    /// Looks elsewhere for the next group.
    pub fn pass_groups(&mut self) {
        self.next_group = self.next_group.saturating_add(GROUP_WORDS as u64 * 64);
    }

    /// Makes free again what was taken and not used.
    pub fn give_back(&mut self, run: Run) -> Result<()> {
        self.free.insert_run(run.id, run.page_count)?;
        self.missing_len = None;
        Ok(())
    }

    /// Lets transaction `txid` free `runs`: they wait until its release.
    ///
    /// All or none: a run that is free already, waits already, or lies outside the pages below `high_water`
    /// is refused.
    pub fn free(&mut self, txid: TxnId, runs: Vec<Run>, high_water: PageId) -> Result<()> {
        self.pending.try_reserve(1)?;
        for (index, run) in runs.iter().enumerate() {
            if let Err(error) = self.wait(run, high_water) {
                for run in runs.iter().take(index) {
                    self.waiting.remove_run(run.id, run.page_count);
                }
                return Err(error);
            }
        }
        if !runs.is_empty() {
            self.pending.push_back(Pending { txid, runs });
        }
        Ok(())
    }

    fn wait(&mut self, run: &Run, high_water: PageId) -> Result<()> {
        let end = run.id.saturating_add(run.page_count);
        if run.id < FIRST_PAGE || end > high_water {
            return Err(Error::corrupt(run.id, "is freed, but lies outside the database"));
        }
        for id in run.id..end {
            let inserted = if self.free.contains(id) { Ok(false) } else { self.waiting.insert(id) };
            if !matches!(inserted, Ok(true)) {
                self.waiting.remove_run(run.id, id - run.id);
                return Err(inserted.err().unwrap_or_else(|| {
                    Error::corrupt(
                        id,
                        "is freed twice: two places in the file refer to it, or the freelist does",
                    )
                }));
            }
        }
        Ok(())
    }

    /// Takes back what transaction `txid`, which fails, has freed and allocated.
    pub fn undo(&mut self, txid: TxnId, allocated: &[Run]) -> Result<()> {
        while self.pending.back().is_some_and(|pending| pending.txid == txid) {
            for run in self.pending.pop_back().iter().flat_map(|pending| &pending.runs) {
                self.waiting.remove_run(run.id, run.page_count);
            }
        }
        for run in allocated {
            self.free.insert_run(run.id, run.page_count)?;
        }
        self.missing_len = None;
        Ok(())
    }

    /// All ids that a list in the file names, ascending.
    pub fn ids(&self) -> impl Iterator<Item = PageId> + '_ {
        let (mut free, mut waiting) = (self.free.iter().peekable(), self.waiting.iter().peekable());
        std::iter::from_fn(move || match (free.peek(), waiting.peek()) {
            (Some(left), Some(right)) if left > right => waiting.next(),
            (None, _) => waiting.next(),
            _ => free.next(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: PageId, page_count: u64) -> Run {
        Run { id, page_count }
    }

    fn list(ids: &[PageId]) -> Freelist {
        Freelist::load(ids.iter().map(|&id| Ok(id))).unwrap()
    }

    #[test]
    fn freed_pages_are_reused_only_when_no_reader_and_no_older_meta_sees_them() {
        assert_eq!(reuse_limit(None, 10, true), 9);
        assert_eq!(reuse_limit(None, 10, false), 10);
        assert_eq!(reuse_limit(Some(4), 10, true), 4);
        let mut list = list(&[]);
        list.free(10, vec![run(5, 2)], 100).unwrap();
        list.release(reuse_limit(None, 10, true)).unwrap();
        assert_eq!(list.allocate(1), None);
        list.release(reuse_limit(Some(9), 11, true)).unwrap();
        assert_eq!(list.allocate(1), None);
        list.release(reuse_limit(Some(10), 11, true)).unwrap();
        assert_eq!(list.allocate(2), Some(5));
    }

    #[test]
    fn the_lowest_fitting_run_is_taken() {
        let mut list = list(&[3, 5, 6, 9, 10, 11]);
        assert_eq!(list.allocate(3), Some(9));
        assert_eq!(list.allocate(3), None);
        assert_eq!(list.allocate(2), Some(5));
        assert_eq!(list.allocate(1), Some(3));
        assert_eq!(list.count(), 0);
    }

    #[test]
    fn pages_side_by_side_are_taken_and_given_back() {
        let mut list = list(&[3, 5, 6, 7]);
        assert_eq!(list.find_near(4), None);
        assert_eq!(list.allocate(4), None);
        let near = list.find_near(3).unwrap();
        assert!(near.eq([5, 6, 7]));
        list.take(near);
        assert!(list.ids().eq([3]));
        list.give_back(run(4, 4)).unwrap();
        assert!(list.ids().eq([3, 4, 5, 6, 7]));
        assert_eq!(list.allocate(4), Some(3), "it is looked for again");
    }

    #[test]
    fn groups_are_looked_for_behind_the_last_one_and_then_from_the_start() {
        let far = GROUP_WORDS as u64 * 64;
        let mut list = list(&[3, 18, 19, 20, far + 5, far + 6, far + 7, 3 * far]);
        let found = list.find_group(3).unwrap();
        assert!(found.eq([18, 19, 20]));
        assert_eq!(list.find_group(3), Some(found), "it was not taken");
        list.take(found);
        assert_eq!(list.count(), 5);
        assert!(list.find_group(3).unwrap().eq([3]), "the fullest among the next ones");
        list.pass_groups();
        let found = list.find_group(3).unwrap();
        assert!(found.eq([far + 5, far + 6, far + 7]));
        list.take(found);
        list.pass_groups();
        list.pass_groups();
        let last = list.find_group(3).unwrap();
        assert!(last.eq([3 * far]));
        list.take(last);
        assert!(list.find_group(3).unwrap().eq([3]), "behind the last one comes the first");
        assert_eq!(list.allocate(1), Some(3));
        assert_eq!(list.find_group(3), None);
    }

    #[test]
    fn the_first_group_is_found_however_far_it_lies() {
        let far = 5 * GROUP_WORDS as u64 * 64;
        let mut list = list(&[3, far, far + 1]);
        let first = list.find_group(1).unwrap();
        list.take(first);
        assert!(list.find_group(3).unwrap().eq([far, far + 1]));
    }

    #[test]
    fn free_and_waiting_pages_are_counted_and_named_in_order() {
        let mut list = list(&[3, 8, 30]);
        let free_len = list.free.memory_len();
        assert_eq!(list.memory_len(), free_len);
        list.free(10, vec![run(5, 2), run(20, 1)], 100).unwrap();
        list.free(11, vec![run(2, 1), run(98, 2)], 100).unwrap();
        assert!(list.ids().eq([2, 3, 5, 6, 8, 20, 30, 98, 99]));
        assert_eq!((list.free_count(), list.pending_count(), list.count()), (3, 6, 9));
        assert!((2..100).all(|id| list.contains(id) == list.ids().any(|named| named == id)));
        let pending_len = list.pending.capacity() as u64 * 32 + 2 * 2 * 16;
        assert_eq!(list.memory_len(), free_len + list.waiting.memory_len() + pending_len);
        list.free(12, Vec::new(), 100).unwrap();
        assert_eq!(list.pending.len(), 2, "who frees nothing waits for nothing");
    }

    #[test]
    fn a_page_is_never_freed_twice() {
        let mut list = list(&[7]);
        list.free(2, vec![run(20, 3)], 100).unwrap();
        let outside = [run(0, 1), run(1, 2), run(99, 2), run(u64::MAX, 2)];
        for bad in [run(7, 1), run(6, 2), run(22, 1), run(19, 2), run(18, 3)].into_iter().chain(outside) {
            let before = list.count();
            assert!(list.free(3, vec![run(40, 1), bad], 100).is_err(), "{bad:?}");
            assert_eq!(list.count(), before);
        }
        assert!(Freelist::load([Ok(4), Ok(4)].into_iter()).is_err());
    }

    #[test]
    fn an_undone_commit_leaves_no_trace() {
        let mut list = list(&[3, 4, 8]);
        let taken = list.allocate(2).unwrap();
        list.free(5, vec![run(20, 2)], 100).unwrap();
        assert!(list.ids().eq([8, 20, 21]));
        list.undo(5, &[run(taken, 2)]).unwrap();
        assert!(list.ids().eq([3, 4, 8]));
        assert_eq!(list.pending_count(), 0);
    }
}
