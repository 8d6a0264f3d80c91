//! A place in a tree, moved in both directions, over pages and changed nodes alike.
//!
//! The cursor remembers the key on which it stands, by its address, which never goes stale (T3), and the way to it,
//! which does when the tree changes. After a change it finds the key again; where the key is gone, it stands in the gap
//! that the key left. So nothing is skipped and nothing comes twice, whatever was written in between.
//!
//! C1. From one leaf to the next the keys ascend (descend), and a branch page is entered only with keys within its
//!     parent's. A file in which pages are shared or go in circles breaks this, so a walk takes no more steps than the
//!     file has entries.

use crate::error::{Error, Result};
use crate::format::MAX_DEPTH;
use crate::format::page::Page;

use super::Pages;
use super::arena::At;
use super::items::Pos;
use super::node::{Child, Tree};
use super::search::prefetch_table;
use super::source::{Content, Found, Place, Source, Step, check_fences, too_deep};

/// An entry on which a cursor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value; `None` for a nested bucket.
    pub value: Option<&'a [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// The key that a cursor remembers.
#[derive(Clone, Copy)]
struct KeyRef {
    at: At,
    len: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// Nowhere yet.
    Unset,
    /// On an entry.
    On(KeyRef),
    /// Where an entry was that is deleted.
    Gap(KeyRef),
    /// Behind the last entry, where a search ended.
    End,
}

/// A place in a tree.
pub struct Cursor {
    path: Vec<Step>,
    state: State,
    /// The tree's version for which `path` holds.
    version: Option<u64>,
    /// How many entries the page has on which it stands; 0 on a changed node.
    page_len: u32,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor::new()
    }
}

impl Cursor {
    /// A cursor that stands nowhere.
    pub fn new() -> Cursor {
        Cursor { path: Vec::new(), state: State::Unset, version: None, page_len: 0 }
    }

    /// Whether it stands nowhere yet.
    pub fn is_unset(&self) -> bool {
        matches!(self.state, State::Unset)
    }

    /// Goes to the first entry.
    pub fn first<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        self.go_to_end(source, tree, Direction::Forward)
    }

    /// Goes to the last entry.
    pub fn last<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        self.go_to_end(source, tree, Direction::Backward)
    }

    fn go_to_end<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree, direction: Direction) -> Result<Option<Entry<'a>>> {
        self.version = None;
        self.state = State::Unset;
        self.path.clear();
        let root = source.root(tree.root)?;
        if self.enter(source, root, direction)? || self.step_leaf(source, direction)? {
            self.version = Some(tree.version);
            return self.arrive(source).map(Some);
        }
        Ok(None)
    }

    /// Goes to the first entry whose key is not below `key`.
    pub fn seek<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree, key: &[u8]) -> Result<Option<Entry<'a>>> {
        self.state = State::End;
        if self.find(source, tree, key)?.is_none() {
            return Ok(None);
        }
        self.arrive(source).map(Some)
    }

    /// Goes to the next entry.
    pub fn next<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::Nowhere | Refreshed::BehindLast => Ok(None),
            Refreshed::OnFollowing => self.arrive(source).map(Some),
            Refreshed::OnKey => self.step(source, Direction::Forward),
        }
    }

    /// Goes to the entry before.
    pub fn prev<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::Nowhere => Ok(None),
            Refreshed::BehindLast => self.last_below(source, tree),
            Refreshed::OnFollowing | Refreshed::OnKey => self.step(source, Direction::Backward),
        }
    }

    /// The last entry, which a gap or a search behind it has just been passed for; the place stays where there is none.
    fn last_below<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        let state = self.state;
        let entry = self.last(source, tree)?;
        if entry.is_none() {
            self.state = state;
        }
        Ok(entry)
    }

    /// The entry on which it stands; `None` where it stands on none, or its entry is deleted.
    pub fn current<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::OnKey if matches!(self.state, State::On(_)) => self.arrive(source).map(Some),
            _ => Ok(None),
        }
    }

    /// The entry on which it stood is deleted: the next one is the one that followed it.
    pub fn leave_gap(&mut self) {
        if let State::On(key) = self.state {
            self.state = State::Gap(key);
        }
    }

    /// Makes the way hold again after a change of the tree, and says where it leads.
    fn refresh<P: Pages>(&mut self, source: Source<'_, P>, tree: &Tree) -> Result<Refreshed> {
        let key = match self.state {
            State::Unset => return Ok(Refreshed::Nowhere),
            State::End => return Ok(Refreshed::BehindLast),
            State::On(_) if self.version == Some(tree.version) => return Ok(Refreshed::OnKey),
            State::On(key) | State::Gap(key) => key,
        };
        let bytes = source.bytes(key.at, key.len)?;
        let found = self.find(source, tree, bytes)?;
        if found != Some(true) {
            self.state = State::Gap(key);
        }
        Ok(match found {
            Some(true) => Refreshed::OnKey,
            Some(false) => Refreshed::OnFollowing,
            None => Refreshed::BehindLast,
        })
    }

    /// Makes the way lead to the first entry not below `key`: whether that is the key itself, or `None` where there is none.
    fn find<P: Pages>(&mut self, source: Source<'_, P>, tree: &Tree, key: &[u8]) -> Result<Option<bool>> {
        self.version = None;
        self.page_len = 0;
        let exact = source.find(tree.root, key, &mut self.path)?;
        let Some(step) = self.path.last_mut() else { return Ok(None) };
        match source.content(step.place)?.at_or_after(step.pos) {
            Some(pos) => step.pos = pos,
            None => {
                if !self.step_leaf(source, Direction::Forward)? {
                    return Ok(None);
                }
            }
        }
        self.version = Some(tree.version);
        Ok(Some(exact))
    }

    /// Takes one step from an entry to another. Where there is none, the place stays.
    #[inline]
    fn step<'a, P: Pages>(&mut self, source: Source<'a, P>, direction: Direction) -> Result<Option<Entry<'a>>> {
        if let Some(entry) = self.step_on_page(source, direction)? {
            return Ok(Some(entry));
        }
        self.step_anywhere(source, direction)
    }

    /// The step that most are: to the neighbour on the same page.
    #[inline]
    fn step_on_page<'a, P: Pages>(&mut self, source: Source<'a, P>, direction: Direction) -> Result<Option<Entry<'a>>> {
        let Some(Step { place: Place::Page { id, offset, len }, pos }) = self.path.last_mut() else { return Ok(None) };
        let index = match direction {
            Direction::Forward => pos.index.wrapping_add(1),
            Direction::Backward => pos.index.wrapping_sub(1),
        };
        if index >= self.page_len {
            return Ok(None);
        }
        let page = Page::leaf_again(source.pages.bytes(*offset, *len)?, *id, self.page_len as usize);
        let element = page.leaf(index as usize)?;
        pos.index = index;
        let at = At::file(*offset + element.key_offset as u64);
        self.state = State::On(KeyRef { at, len: element.key.len() as u64 });
        Ok(Some(Entry { key: element.key, value: if element.is_bucket { None } else { Some(element.value) } }))
    }

    fn step_anywhere<'a, P: Pages>(&mut self, source: Source<'a, P>, direction: Direction) -> Result<Option<Entry<'a>>> {
        let Some(step) = self.path.last_mut() else { return Ok(None) };
        let content = source.content(step.place)?;
        let pos = match direction {
            Direction::Forward => content.next(step.pos),
            Direction::Backward => content.prev(step.pos),
        };
        if let Some(pos) = pos {
            step.pos = pos;
            return self.arrive_on(source, &content, pos).map(Some);
        }
        let (before, _) = match content.at_or_after(step.pos) {
            Some(pos) => content.entry(&source, pos)?,
            None => return Ok(None),
        };
        let version = self.version.take();
        let Some(moved) = self.step_leaf_keeping(source, direction, version)? else { return Ok(None) };
        let entry = self.arrive(source)?;
        let ascends = if direction == Direction::Forward { entry.key > before } else { entry.key < before };
        if !ascends {
            return Err(Error::corrupt(page_of(moved), "its keys do not continue those of the leaf beside it"));
        }
        self.version = version;
        Ok(Some(entry))
    }

    /// Moves to the neighbouring leaf that has entries. Without one the place stays: `None`.
    fn step_leaf_keeping<P: Pages>(&mut self, source: Source<'_, P>, direction: Direction, version: Option<u64>) -> Result<Option<Place>> {
        let ahead = self.path.iter().rev().skip(1).try_fold(false, |found, step| -> Result<bool> {
            Ok(found || beside(&source.content(step.place)?, step.pos, direction).is_some())
        })?;
        if !ahead {
            self.version = version;
            return Ok(None);
        }
        if self.step_leaf(source, direction)? {
            return Ok(self.path.last().map(|step| step.place));
        }
        Ok(None)
    }

    /// Moves from a leaf to the neighbouring one that has entries; `false` where there is none, and the way is lost.
    fn step_leaf<P: Pages>(&mut self, source: Source<'_, P>, direction: Direction) -> Result<bool> {
        self.path.pop();
        while let Some(step) = self.path.last().copied() {
            let content = source.content(step.place)?;
            let Some(pos) = beside(&content, step.pos, direction) else {
                self.path.pop();
                continue;
            };
            if let Some(last) = self.path.last_mut() {
                last.pos = pos;
            }
            prefetch_beside(source, &content, pos, direction);
            let child = self.guarded_child(source, &content, pos)?;
            if self.enter(source, child, direction)? {
                return Ok(true);
            }
            self.path.pop();
        }
        Ok(false)
    }

    /// Goes down from `place` along the first (last) children; whether the leaf at the end has entries.
    fn enter<P: Pages>(&mut self, source: Source<'_, P>, mut place: Place, direction: Direction) -> Result<bool> {
        while self.path.len() < MAX_DEPTH {
            let content = source.content(place)?;
            let pos = match direction {
                Direction::Forward => content.first(),
                Direction::Backward => content.last(),
            };
            self.path.try_reserve(1)?;
            self.path.push(Step { place, pos: pos.unwrap_or_default() });
            if content.is_leaf() {
                return Ok(pos.is_some());
            }
            place = self.guarded_child(source, &content, pos.unwrap_or_default())?;
        }
        Err(too_deep(place))
    }

    /// The child at `pos` of the branch at the end of the way, its keys within the branch's (C1).
    fn guarded_child<P: Pages>(&self, source: Source<'_, P>, branch: &Content<'_>, pos: Pos) -> Result<Place> {
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
        for step in self.path.iter().rev() {
            let content = source.content(step.place)?;
            let next = step.pos.index as usize + 1;
            if next < content.len() {
                return content.branch_key(&source, next).map(Some);
            }
        }
        Ok(None)
    }

    fn arrive<'a, P: Pages>(&mut self, source: Source<'a, P>) -> Result<Entry<'a>> {
        let Some(step) = self.path.last().copied() else { return Err(super::node::missing()) };
        self.arrive_on(source, &source.content(step.place)?, step.pos)
    }

    #[inline]
    fn arrive_on<'a, P: Pages>(&mut self, source: Source<'a, P>, content: &Content<'a>, pos: Pos) -> Result<Entry<'a>> {
        let (key, Found { value, key_at, is_bucket, .. }) = content.entry(&source, pos)?;
        self.state = State::On(KeyRef { at: key_at, len: key.len() as u64 });
        self.page_len = match content {
            Content::Page(page, _) => page.count() as u32,
            Content::Node(_) => 0,
        };
        Ok(Entry { key, value: if is_bucket { None } else { Some(value) } })
    }
}

/// Where the way of a cursor leads after a change of the tree.
#[derive(PartialEq, Eq)]
enum Refreshed {
    /// It stands nowhere.
    Nowhere,
    /// To the key remembered.
    OnKey,
    /// The key is gone: to the one that follows it.
    OnFollowing,
    /// To no entry: all keys are below.
    BehindLast,
}

fn beside(content: &Content<'_>, pos: Pos, direction: Direction) -> Option<Pos> {
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

fn page_of(place: Place) -> u64 {
    match place {
        Place::Page { id, .. } => id,
        Place::Node(_) => 0,
    }
}
