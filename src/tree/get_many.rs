//! Many keys at once: several descents in turn, so that one works while the others wait for memory.
//!
//! A search in a tree larger than the caches waits for memory at each page and at most comparisons, one after
//! the other. Here each descent stands in a lane. A step of a lane ends by asking for the bytes that its next
//! step will need; until its turn comes again, they have arrived.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::format::bytes::prefix;
use crate::format::page::Page;
use crate::format::{MAX_DEPTH, PageId};
use crate::storage::sys::prefetch;

use super::Pages;
use super::arena::At;
use super::node::Root;
use super::search::prefetch_table;
use super::source::{Below, Found, Place, Source, get_in_leaf, too_deep};

/// How many descents are under way: enough to cover the memory's latency, and so few that what they asked for
/// is still in the first cache when their turn comes.
const LANE_COUNT: usize = 32;

/// One descent, below all changed nodes.
#[derive(Clone, Copy)]
struct Lane<'a, 'k> {
    /// Which of the keys it is ..
    number: usize,
    /// .. that key, and its first bytes as a number.
    key: &'k [u8],
    sought: u64,
    /// The page to be searched, and the keys that its parent has for it and for the next one.
    id: PageId,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    depth: usize,
    /// The search on that page; `None` until its header has arrived.
    search: Option<Search<'a>>,
}

/// A binary search: the place sought lies from `low` to `high`, and the key between them has been asked for.
#[derive(Clone, Copy)]
struct Search<'a> {
    page: Page<'a>,
    low: usize,
    high: usize,
    here: &'a [u8],
}

/// What a step came to.
enum Step<'a> {
    /// There are more to take.
    On,
    /// The end: what stands under the key.
    Done(Option<Found<'a>>),
}

impl<'a, P: Pages> Source<'a, P> {
    /// Looks for each of `keys` in the tree that begins at `root`, and gives `found` the number of each key with
    /// what stands under it, in any order.
    pub fn get_many<'k>(
        &self,
        root: Root,
        keys: &[&'k [u8]],
        mut found: impl FnMut(usize, Option<Found<'a>>),
    ) -> Result<()> {
        let mut waiting = keys.iter().copied().enumerate();
        let mut lanes: [Option<Lane<'a, 'k>>; LANE_COUNT] = [None; LANE_COUNT];
        let mut leaf_depth = 0;
        let mut is_busy = true;
        while is_busy {
            is_busy = false;
            for slot in &mut lanes {
                match slot {
                    Some(lane) => {
                        if let Step::Done(entry) = lane.step(self, leaf_depth)? {
                            leaf_depth = lane.depth;
                            found(lane.number, entry);
                            *slot = self.next_lane(root, &mut waiting, &mut found)?;
                        }
                    }
                    None => *slot = self.next_lane(root, &mut waiting, &mut found)?,
                }
                is_busy |= slot.is_some();
            }
        }
        Ok(())
    }

    /// A lane for the next key that is not found above all pages.
    fn next_lane<'k>(
        &self,
        root: Root,
        waiting: &mut impl Iterator<Item = (usize, &'k [u8])>,
        found: &mut impl FnMut(usize, Option<Found<'a>>),
    ) -> Result<Option<Lane<'a, 'k>>> {
        for (number, key) in waiting {
            let entry = match root {
                Root::Page(id) => return Ok(Some(Lane::new(self.pages, number, key, id, None, None))),
                Root::Node(node) => match self.below_nodes(node, key)? {
                    Below::Page { id, lower, upper } => {
                        return Ok(Some(Lane::new(self.pages, number, key, id, Some(lower), upper)));
                    }
                    Below::Leaf(entry) => entry,
                },
                Root::Inline { offset, len } => {
                    get_in_leaf(&Page::trusted(self.pages.bytes(offset, len)?, 0)?, offset, key)?
                }
            };
            found(number, entry);
        }
        Ok(None)
    }
}

impl<'a, 'k> Lane<'a, 'k> {
    fn new<P: Pages>(
        pages: &P,
        number: usize,
        key: &'k [u8],
        id: PageId,
        lower: Option<&'a [u8]>,
        upper: Option<&'a [u8]>,
    ) -> Lane<'a, 'k> {
        prefetch_table(pages, pages.offset(id));
        Lane { number, key, sought: prefix(key), id, lower, upper, depth: 0, search: None }
    }

    /// Works with what has arrived, and asks for what comes next.
    #[inline]
    fn step<P: Pages>(&mut self, source: &Source<'a, P>, leaf_depth: usize) -> Result<Step<'a>> {
        let Some(search) = &mut self.search else { return self.enter(source) };
        let middle = search.middle();
        let first = prefix(search.here);
        let below = if first == self.sought {
            match search.here.cmp(self.key) {
                Ordering::Equal => return self.arrive(source, middle, true, leaf_depth),
                ordering => ordering == Ordering::Less,
            }
        } else {
            first < self.sought
        };
        search.low = if below { middle + 1 } else { search.low };
        search.high = if below { search.high } else { middle };
        if search.low == search.high {
            let low = search.low;
            return self.arrive(source, low, false, leaf_depth);
        }
        search.ask()?;
        Ok(Step::On)
    }

    /// Begins the search on a page, which is checked if it is entered for the first time (T4).
    fn enter<P: Pages>(&mut self, source: &Source<'a, P>) -> Result<Step<'a>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(Place::Page { id: self.id, offset: 0, len: 0 }));
        }
        let run = source.pages.run(self.id)?;
        let page = match source.pages.is_known(self.id) {
            true => Page::trusted(run, self.id)?,
            false => source.check(run, self.id, self.lower, self.upper)?,
        };
        let mut search = Search { page, low: 0, high: page.count(), here: &[] };
        if page.count() == 0 {
            return Ok(Step::Done(None));
        }
        search.ask()?;
        self.search = Some(search);
        Ok(Step::On)
    }

    /// The search has come to `index`, and `exact` says whether the key there is the one sought.
    /// A leaf, which lies at `leaf_depth` as other lanes have found, is asked for where nobody reads ahead: the branches
    /// above are in memory, as a rule.
    fn arrive<P: Pages>(
        &mut self,
        source: &Source<'a, P>,
        index: usize,
        exact: bool,
        leaf_depth: usize,
    ) -> Result<Step<'a>> {
        let Some(Search { page, .. }) = self.search.take() else { return Ok(Step::Done(None)) };
        if page.is_leaf() {
            return if exact { self.entry(source, &page, index) } else { Ok(Step::Done(None)) };
        }
        let index = if exact { index } else { index.saturating_sub(1) };
        self.lower = page.key_at(index);
        if index + 1 < page.count() {
            self.upper = page.key_at(index + 1);
        }
        self.id = page.child(index)?;
        prefetch_table(source.pages, source.pages.offset(self.id));
        if self.depth + 1 == leaf_depth && source.pages.is_random() {
            source.pages.fetch(self.id, 1);
        }
        Ok(Step::On)
    }

    fn entry<P: Pages>(&self, source: &Source<'a, P>, page: &Page<'a>, index: usize) -> Result<Step<'a>> {
        let element = page.leaf(index)?;
        let key_at = At::file(source.pages.offset(self.id) + element.key_offset as u64);
        let at = key_at.plus(element.key.len() as u64);
        Ok(Step::Done(Some(Found { value: element.value, key_at, at, is_bucket: element.is_bucket })))
    }
}

impl Search<'_> {
    #[inline]
    fn middle(&self) -> usize {
        self.low + (self.high - self.low) / 2
    }

    /// Asks for the key in the middle.
    #[inline]
    fn ask(&mut self) -> Result<()> {
        let middle = self.middle();
        let Some(here) = self.page.key_at(middle) else { return Err(self.outside(middle)) };
        prefetch(here, 0);
        self.here = here;
        Ok(())
    }

    #[cold]
    fn outside(&self, index: usize) -> Error {
        self.page.outside(index)
    }
}
