//! The way from a tree's root to an entry: how it is found, and how it goes on to the neighbouring leaf.
//!
//! C1. From one leaf to the next the keys ascend (descend), and a branch page is entered only with keys
//!     within its parent's. A file in which pages are shared or go in circles breaks this, so a walk takes no
//!     more steps than the file has entries.

use crate::error::Result;
use crate::format::page::Page;
use crate::format::{MAX_DEPTH, PageId};
use crate::freelist::Run;

use super::Pages;
use super::ahead::Ahead;
use super::content::Content;
use super::items::Pos;
use super::node::{Child, Root};
use super::search::prefetch_table;
use super::source::{Place, Source, Step, check_fences, too_deep};

/// Which way a cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To greater keys.
    Forward,
    /// To smaller keys.
    Backward,
}

/// How much of a leaf of several pages a walk asks for, 128 KiB, as Linux reads ahead by default: who walks may want the
/// keys alone.
const LEAF_MAX: u64 = 128 << 10;

/// The branches passed, root first, and the leaf at the end, each with the entry taken.
#[derive(Default)]
pub(super) struct Way {
    steps: Vec<Step>,
    ahead: Ahead,
    /// The way in which `ahead` was asked for.
    ahead_to: Option<Direction>,
}

impl Way {
    /// The leaf at the end, and the entry in it.
    #[inline]
    pub fn last(&self) -> Option<Step> {
        self.steps.last().copied()
    }

    #[inline]
    pub fn last_mut(&mut self) -> Option<&mut Step> {
        self.steps.last_mut()
    }

    /// Leads to the first entry not below `key`: whether that is the key itself, or `None` where there is
    /// none.
    pub fn find<P: Pages>(&mut self, source: Source<'_, P>, root: Root, key: &[u8]) -> Result<Option<bool>> {
        self.ahead = Ahead::default();
        let exact = source.find(root, key, &mut self.steps)?;
        let Some(step) = self.steps.last_mut() else { return Ok(None) };
        match source.content(step.place)?.at_or_after(step.pos) {
            Some(pos) => step.pos = pos,
            None if self.step_leaf(source, Direction::Forward)? => {}
            None => return Ok(None),
        }
        Ok(Some(exact))
    }

    /// Leads to the last entry below `key`, or to `key` itself where `inclusive`; `false` where there is
    /// none.
    pub fn find_last<P: Pages>(
        &mut self,
        source: Source<'_, P>,
        root: Root,
        key: &[u8],
        inclusive: bool,
    ) -> Result<bool> {
        match self.find(source, root, key)? {
            Some(true) if inclusive => Ok(true),
            Some(_) => self.step_back(source),
            None => self.go_to_end(source, root, Direction::Backward),
        }
    }

    fn step_back<P: Pages>(&mut self, source: Source<'_, P>) -> Result<bool> {
        let Some(step) = self.steps.last_mut() else { return Ok(false) };
        if let Some(pos) = source.content(step.place)?.prev(step.pos) {
            step.pos = pos;
            return Ok(true);
        }
        self.step_leaf(source, Direction::Backward)
    }

    /// Leads to the entry from which a walk in this direction begins; `false` where the tree has none.
    pub fn go_to_end<P: Pages>(
        &mut self,
        source: Source<'_, P>,
        root: Root,
        direction: Direction,
    ) -> Result<bool> {
        self.steps.clear();
        self.ahead = Ahead::default();
        let root = source.root(root)?;
        Ok(self.enter(source, root, direction)? || self.step_leaf(source, direction)?)
    }

    /// Whether a branch on the way has an entry beside the one taken.
    pub fn has_leaf_beside<P: Pages>(&self, source: Source<'_, P>, direction: Direction) -> Result<bool> {
        for step in self.steps.iter().rev().skip(1) {
            if beside(&source.content(step.place)?, step.pos, direction).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves from a leaf to the neighbouring one that has entries; `false` where there is none, and the way
    /// is lost.
    pub fn step_leaf<P: Pages>(&mut self, source: Source<'_, P>, direction: Direction) -> Result<bool> {
        self.steps.pop();
        while let Some(step) = self.steps.last_mut() {
            let content = source.content(step.place)?;
            let Some(pos) = beside(&content, step.pos, direction) else {
                self.steps.pop();
                continue;
            };
            step.pos = pos;
            prefetch_beside(source, &content, pos, direction);
            let child = self.guarded_child(source, &content, pos)?;
            if self.enter(source, child, direction)? {
                self.ask_ahead(source, direction);
                return Ok(true);
            }
            self.steps.pop();
        }
        Ok(false)
    }

    /// Asks for the leaves that follow, where nobody else reads ahead, and for the beginning of what a long one holds.
    #[inline]
    fn ask_ahead<P: Pages>(&mut self, source: Source<'_, P>, direction: Direction) {
        if source.pages.is_random() {
            self.ask(source, direction);
        }
    }

    #[cold]
    fn ask<P: Pages>(&mut self, source: Source<'_, P>, direction: Direction) {
        if self.ahead_to.replace(direction) != Some(direction) {
            self.ahead = Ahead::default();
        }
        let [.., branch, leaf] = self.steps[..] else { return };
        let above = self.steps.iter().rev().nth(2).copied();
        self.ahead.step(source.pages, |count| leaf_ahead(source, above, branch, direction, count));
        if let Some(Run { id, page_count }) =
            leaf.place.run(source.pages.page_size()).filter(|run| run.page_count > 1)
        {
            source.pages.fetch(id, page_count.min(LEAF_MAX / u64::from(source.pages.page_size())));
        }
    }

    /// Goes down from `place` along the first (last) children; whether the leaf at the end has entries.
    fn enter<P: Pages>(
        &mut self,
        source: Source<'_, P>,
        mut place: Place,
        direction: Direction,
    ) -> Result<bool> {
        while self.steps.len() < MAX_DEPTH {
            let content = source.content(place)?;
            let pos = match direction {
                Direction::Forward => content.first(),
                Direction::Backward => content.last(),
            };
            self.steps.try_reserve(1)?;
            self.steps.push(Step { place, pos: pos.unwrap_or_default() });
            if content.is_leaf() {
                return Ok(pos.is_some());
            }
            place = self.guarded_child(source, &content, pos.unwrap_or_default())?;
        }
        Err(too_deep(place))
    }

    /// The child at `pos` of the branch at the end of the way, its keys within the branch's (C1).
    fn guarded_child<P: Pages>(
        &self,
        source: Source<'_, P>,
        branch: &Content<'_>,
        pos: Pos,
    ) -> Result<Place> {
        let index = pos.index as usize;
        let lower = branch.branch_key(&source, index)?;
        let upper = self.upper_fence(source)?;
        let place = source.child(branch.child(index)?, Some(lower), upper)?;
        if let Content::Page(page, _) = source.content(place)? {
            if !page.is_leaf() {
                check_fences(&page, Some(lower), upper)?;
            }
        }
        Ok(place)
    }

    /// The key which nothing below the end of the way may reach.
    fn upper_fence<'a, P: Pages>(&self, source: Source<'a, P>) -> Result<Option<&'a [u8]>> {
        for step in self.steps.iter().rev() {
            let content = source.content(step.place)?;
            let next = step.pos.index as usize + 1;
            if next < content.len() {
                return content.branch_key(&source, next).map(Some);
            }
        }
        Ok(None)
    }
}

/// The place in the same leaf or branch to which a step in this direction leads.
pub(super) fn beside(content: &Content<'_>, pos: Pos, direction: Direction) -> Option<Pos> {
    match direction {
        Direction::Forward => content.next(pos),
        Direction::Backward => content.prev(pos),
    }
}

/// Asks for the first lines of the page that a walk in this direction enters after the one at `pos`.
fn prefetch_beside<P: Pages>(source: Source<'_, P>, branch: &Content<'_>, pos: Pos, direction: Direction) {
    let next = beside(branch, pos, direction).and_then(|pos| branch.child(pos.index as usize).ok());
    if let Some(Child::Page(id)) = next {
        prefetch_table(source.pages, source.pages.offset(id));
    }
}

/// The leaf `count` places from the one at which a way leaves `branch`, on that branch or on the next one, to which
/// `above` leads; `None` where it lies further, or is changed.
fn leaf_ahead<P: Pages>(
    source: Source<'_, P>,
    above: Option<Step>,
    branch: Step,
    direction: Direction,
    count: usize,
) -> Option<PageId> {
    let content = source.content(branch.place).ok()?;
    let index = branch.pos.index as usize;
    let left = match direction {
        Direction::Forward => content.len().checked_sub(index + 1)?,
        Direction::Backward => index,
    };
    if count <= left {
        return unchanged(
            &content,
            if direction == Direction::Forward { index + count } else { index - count },
        );
    }
    let above = above?;
    let content = source.content(above.place).ok()?;
    let id = unchanged(&content, beside(&content, above.pos, direction)?.index as usize)?;
    let bytes = source.pages.at_hand(source.pages.offset(id), u64::from(source.pages.page_size()))?;
    let next = Page::trusted(bytes, id).ok().filter(|page| !page.is_leaf())?;
    let (first, place) = (count - left - 1, next.count().checked_sub(count - left)?);
    next.child(if direction == Direction::Forward { first } else { place }).ok()
}

/// The page to which an entry of a branch leads, if it is one.
fn unchanged(branch: &Content<'_>, index: usize) -> Option<PageId> {
    match branch.child(index).ok()? {
        Child::Page(id) => Some(id),
        Child::Node(_) => None,
    }
}
