//! A walk over all of a tree, for those who must know its pages: deletion, the search for free pages, the
//! checker.
//!
//! It keeps a list of places still to be entered instead of calling itself, and asks for the pages anew with
//! each, so that none need stay longer. It ends on any file as long as
//! the visitor refuses a run that it has seen before.

use crate::error::Result;
use crate::format::MAX_DEPTH;
use crate::format::page::Page;
use crate::freelist::Run;

use super::ahead::Ahead;
use super::arena::At;
use super::content::Content;
use super::node::{Child, Nodes, Root};
use super::source::{Found, Place, Source, too_deep};
use super::{Pages, Scoped};

/// What a walk reports.
pub trait Visit {
    /// A run of the tree, or one that a node of it replaces. Must refuse a run it has seen before.
    fn run(&mut self, run: Run) -> Result<()>;

    /// A bucket in the tree.
    fn bucket(&mut self, name: &[u8], found: Found<'_>) -> Result<()>;

    /// A page that nothing has changed, and how many pages lie above it in its tree.
    fn page(&mut self, _page: &Page<'_>, _depth: usize) -> Result<()> {
        Ok(())
    }

    /// A leaf and how many entries it has.
    fn leaf(&mut self, _entry_count: usize) -> Result<()> {
        Ok(())
    }
}

struct Pending {
    child: Child,
    lower: (At, u32),
    upper: Option<(At, u32)>,
    depth: usize,
}

/// The children of one branch that are still to be entered: those from `floor` on.
struct Level {
    floor: usize,
    ahead: Ahead,
}

/// Visits each page of the tree that begins at `root`, parents before children.
pub fn walk(pages: &impl Scoped, nodes: &Nodes, root: Root, visit: &mut impl Visit) -> Result<()> {
    let mut pending = Vec::new();
    {
        let scope = pages.scope();
        let source = Source { pages: &scope, nodes };
        enter(source, source.check_root(root)?, None, 0, &mut pending, visit)?;
    }
    go_on(pages, nodes, &mut pending, visit)
}

/// Visits each page from `place` on downwards.
pub(super) fn walk_from(
    pages: &impl Scoped,
    nodes: &Nodes,
    place: Place,
    visit: &mut impl Visit,
) -> Result<()> {
    let mut pending = Vec::new();
    enter(Source { pages: &pages.scope(), nodes }, place, None, 0, &mut pending, visit)?;
    go_on(pages, nodes, &mut pending, visit)
}

fn go_on(
    pages: &impl Scoped,
    nodes: &Nodes,
    pending: &mut Vec<Pending>,
    visit: &mut impl Visit,
) -> Result<()> {
    let mut levels = Vec::new();
    levels.try_reserve(1)?;
    levels.push(Level { floor: 0, ahead: Ahead::default() });
    while let Some(next) = pending.pop() {
        let scope = pages.scope();
        let source = Source { pages: &scope, nodes };
        let left = pending.len();
        while levels.last().is_some_and(|level| level.floor > left) {
            levels.pop();
        }
        if let Some(Level { floor, ahead }) = levels.last_mut() {
            let beside = |count| left.checked_sub(count).filter(|at| at >= floor);
            ahead.step(&scope, |count| pending.get(beside(count)?).map(|pending| page_id(pending.child)));
        }
        if next.depth >= MAX_DEPTH {
            return Err(too_deep(Place::Page { id: page_id(next.child), offset: 0, len: 0 }));
        }
        let lower = source.bytes(next.lower.0, u64::from(next.lower.1))?;
        let upper = next.upper.map(|(at, len)| source.bytes(at, u64::from(len))).transpose()?;
        let place = source.child(next.child, Some(lower), upper)?;
        enter(source, place, next.upper, next.depth, pending, visit)?;
        if pending.len() > left {
            let ahead = levels.last().map_or_else(Ahead::default, |level| level.ahead.below());
            levels.try_reserve(1)?;
            levels.push(Level { floor: left, ahead });
        }
    }
    Ok(())
}

fn enter<P: Pages>(
    source: Source<'_, P>,
    place: Place,
    upper: Option<(At, u32)>,
    depth: usize,
    pending: &mut Vec<Pending>,
    visit: &mut impl Visit,
) -> Result<()> {
    let content = source.content(place)?;
    let run = match content {
        Content::Page(..) => place.run(source.pages.page_size()),
        Content::Node(node) | Content::Patched(node, _) => node.old,
    };
    if let Some(run) = run {
        visit.run(run)?;
    }
    if let Content::Page(page, _) = &content {
        visit.page(page, depth)?;
    }
    if content.is_leaf() {
        visit.leaf(content.len())?;
        return buckets(source, &content, visit);
    }
    let count = content.len();
    pending.try_reserve(count)?;
    for index in (0..count).rev() {
        let lower = content.branch_key_at(index)?;
        let upper = if index + 1 < count { Some(content.branch_key_at(index + 1)?) } else { upper };
        pending.push(Pending { child: content.child(index)?, lower, upper, depth: depth + 1 });
    }
    Ok(())
}

fn buckets<P: Pages>(source: Source<'_, P>, leaf: &Content<'_>, visit: &mut impl Visit) -> Result<()> {
    match leaf {
        Content::Page(page, offset) => {
            for index in 0..page.count() {
                let element = page.leaf(index)?;
                if element.is_bucket {
                    let key_at = At::file(offset + element.key_offset as u64);
                    let at = key_at.plus(element.key.len() as u64);
                    visit.bucket(element.key, Found { value: element.value, key_at, at, is_bucket: true })?;
                }
            }
        }
        Content::Node(_) | Content::Patched(..) => {
            let mut pos = leaf.first();
            while let Some(here) = pos {
                let (key, found) = leaf.entry(&source, here)?;
                if found.is_bucket {
                    visit.bucket(key, found)?;
                }
                pos = leaf.next(here);
            }
        }
    }
    Ok(())
}

fn page_id(child: Child) -> u64 {
    match child {
        Child::Page(id) => id,
        Child::Node(_) => 0,
    }
}
