//! A place in a tree, moved in both directions, over pages and changed nodes alike.
//!
//! The cursor remembers the key on which it stands, by its address, which never goes stale (T3), and the way
//! to it, which does when the tree changes. After a change it finds the key again; where the key is gone, it
//! stands in the gap that the key left. So nothing is skipped and nothing comes twice, whatever was written
//! in between.
//!
//! C2. Where `version` is the tree's, the way leads to the key on which the cursor stands, or to the one
//!     behind the gap in which it does; and `window` names entries of that page alone, all of them within the
//!     bounds.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::page::{LeafElement, Page};

use super::Pages;
use super::arena::At;
use super::bounds::Bounds;
use super::content::Content;
use super::items::Pos;
use super::node::{Tree, missing};
use super::source::{Found, Place, Source, Step};
use super::way::{Direction, Way, beside};

/// An entry on which a cursor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value; `None` for a nested bucket.
    pub value: Option<&'a [u8]>,
}

/// What the receiver of many entries says to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Taken: go on.
    More,
    /// Taken: stop.
    Enough,
    /// Not taken: it is the first of the next time.
    Refused,
}

/// The key that a cursor remembers.
#[derive(Clone, Copy)]
struct KeyRef {
    at: At,
    len: u64,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Nowhere yet.
    #[default]
    Unset,
    /// On an entry.
    On(KeyRef),
    /// Where an entry was that is deleted.
    Gap(KeyRef),
    /// Before the first entry, where a search backward ended.
    Start,
    /// Behind the last entry, where a search forward ended.
    End,
}

/// A place where a cursor stood.
#[derive(Clone, Copy)]
pub struct Mark(State);

/// Where the way of a cursor leads after a change of the tree.
enum Refreshed {
    /// It stands nowhere.
    Nowhere,
    /// To no entry: all keys are above.
    BeforeFirst,
    /// To the key remembered.
    OnKey,
    /// The key is gone: to the one that follows it.
    OnFollowing,
    /// To no entry: all keys are below.
    BehindLast,
}

/// A place in a tree; at first it stands nowhere.
#[derive(Default)]
pub struct Cursor {
    way: Way,
    state: State,
    bounds: Bounds,
    /// The tree's version for which `way` holds.
    version: Option<u64>,
    /// How many entries the page has on which it stands ..
    page_len: u32,
    /// .. and to which of them it steps without a look at the bounds; none on a changed node.
    window: Range<u32>,
}

impl<'a> Entry<'a> {
    fn new(key: &'a [u8], value: &'a [u8], is_bucket: bool) -> Entry<'a> {
        Entry { key, value: if is_bucket { None } else { Some(value) } }
    }
}

impl Cursor {
    /// Whether it stands nowhere yet.
    pub fn is_unset(&self) -> bool {
        matches!(self.state, State::Unset)
    }

    /// From now on keys below `from`, and those that are not below `to`, are as if they were not there. The
    /// cursor stands nowhere then.
    pub fn set_bounds(&mut self, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<()> {
        self.bounds = Bounds::new(from, to)?;
        self.leave(State::Unset);
        Ok(())
    }

    /// Goes to the first entry.
    pub fn first<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        self.leave(State::Unset);
        let found = match &self.bounds.from {
            Some(from) => self.way.find(source, tree.root, from)?.is_some(),
            None => self.way.go_to_end(source, tree.root, Direction::Forward)?,
        };
        self.arrive_where(found, source, tree)
    }

    /// Goes to the last entry.
    pub fn last<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        self.leave(State::Unset);
        let found = match &self.bounds.to {
            Some(to) => self.way.find_last(source, tree.root, to, false)?,
            None => self.way.go_to_end(source, tree.root, Direction::Backward)?,
        };
        self.arrive_where(found, source, tree)
    }

    /// Goes to the first entry whose key is not below `key`.
    pub fn seek<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        tree: &Tree,
        key: &[u8],
    ) -> Result<Option<Entry<'a>>> {
        self.leave(State::End);
        let key = self.bounds.from.as_deref().map_or(key, |from| from.max(key));
        let found = self.way.find(source, tree.root, key)?.is_some();
        self.arrive_where(found, source, tree)
    }

    /// Goes to the last entry whose key is not above `key`.
    pub fn seek_le<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        tree: &Tree,
        key: &[u8],
    ) -> Result<Option<Entry<'a>>> {
        self.leave(State::Start);
        let found = match &self.bounds.to {
            Some(to) if key >= to => self.way.find_last(source, tree.root, to, false)?,
            _ => self.way.find_last(source, tree.root, key, true)?,
        };
        self.arrive_where(found, source, tree)
    }

    /// Goes to the neighbouring entry where that is on the same page and all holds: the step that most are. `None`
    /// where it is none of these, and nothing has changed.
    #[inline(always)]
    pub fn step_on_page<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        tree: &Tree,
        direction: Direction,
    ) -> Option<Entry<'a>> {
        if !matches!(self.state, State::On(_)) || self.version != Some(tree.version) {
            return None;
        }
        let Some(Step { place: Place::Page { id, offset, len }, pos }) = self.way.last_mut() else {
            return None;
        };
        let index = neighbour(pos.index, direction);
        if !self.window.contains(&index) {
            return None;
        }
        let page = Page::again(source.pages.at_hand(*offset, *len)?, *id, true, self.page_len as usize);
        let element = page.leaf_at(index as usize)?;
        pos.index = index;
        self.state = State::On(KeyRef::of(*offset, &element));
        Some(Entry::new(element.key, element.value, element.is_bucket))
    }

    /// Goes to the next entry.
    pub fn next<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::Nowhere | Refreshed::BehindLast => Ok(None),
            Refreshed::BeforeFirst => self.keeping(|cursor| cursor.first(source, tree)),
            Refreshed::OnFollowing => self.arrive(source),
            Refreshed::OnKey => self.step(source, Direction::Forward),
        }
    }

    /// Goes to the entry before.
    pub fn prev<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::Nowhere | Refreshed::BeforeFirst => Ok(None),
            Refreshed::BehindLast => self.keeping(|cursor| cursor.last(source, tree)),
            Refreshed::OnFollowing | Refreshed::OnKey => self.step(source, Direction::Backward),
        }
    }

    /// A move after which the cursor stands where it stood if there is no entry.
    fn keeping<'a>(
        &mut self,
        go: impl FnOnce(&mut Cursor) -> Result<Option<Entry<'a>>>,
    ) -> Result<Option<Entry<'a>>> {
        let state = self.state;
        let entry = go(self)?;
        if entry.is_none() {
            self.state = state;
        }
        Ok(entry)
    }

    /// The entry on which it stands; `None` where it stands on none, or its entry is deleted.
    pub fn current<'a, P: Pages>(&mut self, source: Source<'a, P>, tree: &Tree) -> Result<Option<Entry<'a>>> {
        match self.refresh(source, tree)? {
            Refreshed::OnKey if matches!(self.state, State::On(_)) => self.arrive(source),
            _ => Ok(None),
        }
    }

    /// The entry on which it stood is deleted: the next one is the one that followed it.
    pub fn leave_gap(&mut self) {
        if let State::On(key) = self.state {
            self.state = State::Gap(key);
        }
    }

    /// Goes from entry to entry and gives each to `take`, until it has enough or there are no more. The first
    /// is the next one; of a cursor that stands nowhere it is the first (last) of all. The cursor then
    /// stands on the last one taken; so it does where going on fails.
    pub fn take<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        tree: &Tree,
        direction: Direction,
        mut take: impl FnMut(Entry<'a>) -> Take,
    ) -> Result<()> {
        loop {
            let stands = matches!(self.state, State::On(_)) && self.version == Some(tree.version);
            if stands && self.take_on_page(source, direction, &mut take)? != Take::More {
                return Ok(());
            }
            let state = self.state;
            let entry = match (direction, state) {
                (Direction::Forward, State::Unset) => self.first(source, tree)?,
                (Direction::Backward, State::Unset) => self.last(source, tree)?,
                (Direction::Forward, _) => self.next(source, tree)?,
                (Direction::Backward, _) => self.prev(source, tree)?,
            };
            match entry.map(&mut take) {
                Some(Take::More) => {}
                Some(Take::Refused) => {
                    self.leave(state);
                    return Ok(());
                }
                Some(Take::Enough) | None => return Ok(()),
            }
        }
    }

    /// Gives `take` the entries that follow on the page on which the cursor stands.
    fn take_on_page<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        direction: Direction,
        take: &mut impl FnMut(Entry<'a>) -> Take,
    ) -> Result<Take> {
        let Some(Step { place: Place::Page { id, offset, len }, pos }) = self.way.last_mut() else {
            return Ok(Take::More);
        };
        let Some(run) = source.pages.at_hand(*offset, *len) else { return Ok(Take::More) };
        let page = Page::again(run, *id, true, self.page_len as usize);
        let mut last = None;
        let mut said = Take::More;
        let mut index = neighbour(pos.index, direction);
        while said == Take::More && self.window.contains(&index) {
            let Some(element) = page.leaf_at(index as usize) else { break };
            said = take(Entry::new(element.key, element.value, element.is_bucket));
            if said != Take::Refused {
                last = Some(element);
                pos.index = index;
                index = neighbour(index, direction);
            }
        }
        if let Some(element) = last {
            self.state = State::On(KeyRef::of(*offset, &element));
        }
        Ok(said)
    }

    /// The entry on which it has come to stand by its last move.
    pub fn here<'a, P: Pages>(&self, source: Source<'a, P>) -> Result<(&'a [u8], Found<'a>)> {
        let Some(step) = self.way.last() else { return Err(missing()) };
        source.content(step.place)?.entry(&source, step.pos)
    }

    /// Where it stands, to go back there.
    pub fn mark(&self) -> Mark {
        Mark(self.state)
    }

    /// Stands again where it stood before.
    pub fn go_back(&mut self, mark: Mark) {
        self.leave(mark.0);
    }

    /// From now on it stands where `state` says; its way is lost.
    fn leave(&mut self, state: State) {
        self.state = state;
        self.version = None;
        self.window = 0..0;
    }

    /// Makes the way hold again after a change of the tree, and says where it leads.
    fn refresh<P: Pages>(&mut self, source: Source<'_, P>, tree: &Tree) -> Result<Refreshed> {
        let key = match self.state {
            State::Unset => return Ok(Refreshed::Nowhere),
            State::Start => return Ok(Refreshed::BeforeFirst),
            State::End => return Ok(Refreshed::BehindLast),
            State::On(_) if self.version == Some(tree.version) => return Ok(Refreshed::OnKey),
            State::On(key) | State::Gap(key) => key,
        };
        let bytes = source.bytes(key.at, key.len)?;
        self.leave(self.state);
        let found = self.way.find(source, tree.root, bytes)?;
        if found != Some(true) {
            self.state = State::Gap(key);
        }
        if found.is_some() {
            self.version = Some(tree.version);
        }
        Ok(match found {
            Some(true) => Refreshed::OnKey,
            Some(false) => Refreshed::OnFollowing,
            None => Refreshed::BehindLast,
        })
    }

    /// Takes one step from an entry to another. Where there is none, the place stays.
    fn step<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        direction: Direction,
    ) -> Result<Option<Entry<'a>>> {
        let Some(step) = self.way.last() else { return Ok(None) };
        let content = source.content(step.place)?;
        let Some(pos) = beside(&content, step.pos, direction) else {
            return self.step_out(source, direction, &content, step.pos);
        };
        let (key, found) = content.entry(&source, pos)?;
        if !self.bounds.contain(key) {
            return Ok(None);
        }
        if let Some(step) = self.way.last_mut() {
            step.pos = pos;
        }
        self.stand_on(&content, key, &found);
        if let Content::Page(page, _) = &content {
            self.window = self.bounds.window(page)?;
        }
        Ok(Some(Entry::new(key, found.value, found.is_bucket)))
    }

    /// The step from the entry at `pos` of the leaf `content` to the neighbouring leaf (C1).
    fn step_out<'a, P: Pages>(
        &mut self,
        source: Source<'a, P>,
        direction: Direction,
        content: &Content<'a>,
        pos: Pos,
    ) -> Result<Option<Entry<'a>>> {
        let Some(pos) = content.at_or_after(pos) else { return Ok(None) };
        let (before, _) = content.entry(&source, pos)?;
        if !self.way.has_leaf_beside(source, direction)? {
            return Ok(None);
        }
        let version = self.version;
        self.leave(self.state);
        if !self.way.step_leaf(source, direction)? {
            return Ok(None);
        }
        let Some(step) = self.way.last() else { return Err(missing()) };
        let content = source.content(step.place)?;
        let (key, found) = content.entry(&source, step.pos)?;
        let ascends = if direction == Direction::Forward { key > before } else { key < before };
        if !ascends {
            let what = "its keys do not continue those of the leaf beside it";
            return Err(Error::corrupt(page_of(step.place), what));
        }
        if !self.bounds.contain(key) {
            return Ok(None);
        }
        self.version = version;
        self.stand_on(&content, key, &found);
        Ok(Some(Entry::new(key, found.value, found.is_bucket)))
    }

    /// Comes to stand at the end of a way that was `found` in `tree`.
    fn arrive_where<'a, P: Pages>(
        &mut self,
        found: bool,
        source: Source<'a, P>,
        tree: &Tree,
    ) -> Result<Option<Entry<'a>>> {
        if !found {
            return Ok(None);
        }
        self.version = Some(tree.version);
        self.arrive(source)
    }

    /// Comes to stand at the end of the way. Where that lies outside the bounds, the way is lost and the
    /// state stays.
    fn arrive<'a, P: Pages>(&mut self, source: Source<'a, P>) -> Result<Option<Entry<'a>>> {
        let Some(step) = self.way.last() else { return Err(missing()) };
        let content = source.content(step.place)?;
        let (key, found) = content.entry(&source, step.pos)?;
        if !self.bounds.contain(key) {
            self.leave(self.state);
            return Ok(None);
        }
        self.stand_on(&content, key, &found);
        Ok(Some(Entry::new(key, found.value, found.is_bucket)))
    }

    /// The cursor stands on this entry. With bounds, the window of a page is opened by the first step on it:
    /// a search alone has no use for it.
    #[inline]
    fn stand_on(&mut self, content: &Content<'_>, key: &[u8], found: &Found<'_>) {
        self.state = State::On(KeyRef { at: found.key_at, len: key.len() as u64 });
        self.window = 0..0;
        if let Content::Page(page, _) = content {
            self.page_len = page.count() as u32;
            if self.bounds.from.is_none() && self.bounds.to.is_none() {
                self.window = 0..self.page_len;
            }
        }
    }
}

impl KeyRef {
    /// The key of an element of the page that begins at `offset` of the file.
    #[inline]
    fn of(offset: u64, element: &LeafElement<'_>) -> KeyRef {
        KeyRef { at: At::file(offset + element.key_offset as u64), len: element.key.len() as u64 }
    }
}

/// The index beside `index`; one that no page has, where it is the first and the direction backward.
#[inline]
fn neighbour(index: u32, direction: Direction) -> u32 {
    match direction {
        Direction::Forward => index.wrapping_add(1),
        Direction::Backward => index.wrapping_sub(1),
    }
}

fn page_of(place: Place) -> u64 {
    match place {
        Place::Page { id, .. } => id,
        Place::Node(_) => 0,
    }
}
