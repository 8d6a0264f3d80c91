//! The entries of a page or of a node, whichever it is.

use std::cmp::Ordering;

use crate::error::Result;
use crate::format::bytes::prefix;
use crate::format::page::Page;

use super::Pages;
use super::arena::At;
use super::items::{LeafItem, Pos};
use super::node::{Body, BranchItem, Child, Node, missing};
use super::search::{order, search, search_child};
use super::source::{Found, Source};

/// The entries of a place.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Page(Page<'a>, u64),
    Node(&'a Node),
    /// A node that is a page with changes, and the page.
    Patched(&'a Node, Page<'a>),
}

impl<'a> Content<'a> {
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        match self {
            Content::Page(page, _) => page.is_leaf(),
            Content::Node(node) | Content::Patched(node, _) => node.is_leaf(),
        }
    }

    /// How many entries there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Content::Page(page, _) => page.count(),
            Content::Node(node) | Content::Patched(node, _) => node.len(),
        }
    }

    /// The key of a branch's entry.
    pub(super) fn branch_key<P: Pages>(&self, source: &Source<'a, P>, index: usize) -> Result<&'a [u8]> {
        match self {
            Content::Page(page, _) | Content::Patched(_, page) => page.key(index),
            Content::Node(node) => match &node.body {
                Body::Branch(items) => source.branch_key(items.get(index).ok_or_else(missing)?),
                _ => Err(missing()),
            },
        }
    }

    /// Where the key of a branch's entry lies, and its length.
    pub(super) fn branch_key_at(&self, index: usize) -> Result<(At, u32)> {
        let on_page = |page: &Page<'_>, offset: u64| {
            let (key, _, key_offset) = page.branch(index)?;
            Ok((At::file(offset + key_offset as u64), key.len() as u32))
        };
        match self {
            Content::Page(page, offset) => on_page(page, *offset),
            Content::Node(Node { body: Body::Branch(items), .. }) => {
                items.get(index).map(|item| (item.at, item.key_len)).ok_or_else(missing)
            }
            Content::Patched(Node { body: Body::PatchedBranch(branch), .. }, page) => {
                on_page(page, branch.base().offset())
            }
            _ => Err(missing()),
        }
    }

    /// The child of a branch's entry.
    pub(super) fn child(&self, index: usize) -> Result<Child> {
        match self {
            Content::Page(page, _) => page.child(index).map(Child::Page),
            Content::Node(Node { body: Body::Branch(items), .. }) => {
                items.get(index).map(BranchItem::child).ok_or_else(missing)
            }
            Content::Patched(Node { body: Body::PatchedBranch(branch), .. }, page) => {
                branch.changed(index).map_or_else(|| page.child(index).map(Child::Page), Ok)
            }
            _ => Err(missing()),
        }
    }

    /// The first entry of a leaf that is not below `key`, and whether it equals it.
    #[inline]
    pub(super) fn search<P: Pages>(&self, source: &Source<'a, P>, key: &[u8]) -> Result<(Pos, bool)> {
        match self {
            Content::Page(page, _) => search(page, key).map(|(index, exact)| (Pos::index(index), exact)),
            Content::Node(Node { body: Body::Leaf(items), .. }) => {
                let sought = prefix(key);
                items.search(|item| Ok(order(source.leaf_key(item)?, key, sought)))
            }
            Content::Patched(Node { body: Body::PatchedLeaf(leaf), .. }, page) => {
                let sought = prefix(key);
                let found =
                    leaf.search(search(page, key)?, |item| Ok(order(source.leaf_key(item)?, key, sought)));
                found.map(|(index, exact)| (Pos::index(index), exact))
            }
            _ => Err(missing()),
        }
    }

    /// The entry at `index` of a leaf that is a page with changes.
    fn patched_item(&self, index: usize) -> Result<LeafItem> {
        let Content::Patched(Node { body: Body::PatchedLeaf(leaf), .. }, page) = self else {
            return Err(missing());
        };
        leaf.item(page, index).ok_or_else(|| page.outside(index))
    }

    /// The entry of a branch under which `key` belongs.
    #[inline]
    pub(super) fn search_child<P: Pages>(&self, source: &Source<'a, P>, key: &[u8]) -> Result<usize> {
        let items = match self {
            Content::Page(page, _) | Content::Patched(_, page) => return search_child(page, key),
            Content::Node(node) => match &node.body {
                Body::Branch(items) => items,
                _ => return Err(missing()),
            },
        };
        let sought = prefix(key);
        let (mut low, mut high) = (0, items.len());
        while high - low > 1 {
            let middle = (low + high) / 2;
            let Some(item) = items.get(middle) else { return Err(missing()) };
            let is_behind = if item.prefix == sought {
                source.branch_key(item)?.cmp(key) == Ordering::Greater
            } else {
                item.prefix > sought
            };
            low = if is_behind { low } else { middle };
            high = if is_behind { middle } else { high };
        }
        Ok(low)
    }

    /// Key and value of a leaf's entry.
    #[inline]
    pub(super) fn entry<P: Pages>(&self, source: &Source<'a, P>, pos: Pos) -> Result<(&'a [u8], Found<'a>)> {
        match self {
            Content::Page(page, offset) => {
                let element = page.leaf(pos.index as usize)?;
                let at = At::file(offset + element.key_offset as u64);
                let value_at = at.plus(element.key.len() as u64);
                let found =
                    Found { value: element.value, key_at: at, at: value_at, is_bucket: element.is_bucket };
                Ok((element.key, found))
            }
            Content::Node(node) => {
                let Body::Leaf(items) = &node.body else { return Err(missing()) };
                source.entry(items.get(pos).ok_or_else(missing)?)
            }
            Content::Patched(..) => source.entry(&self.patched_item(pos.index as usize)?),
        }
    }

    /// The first place, the last, the next and the one before; `None` where there is none.
    pub(super) fn first(&self) -> Option<Pos> {
        match self {
            Content::Node(Node { body: Body::Leaf(items), .. }) => items.first(),
            _ => self.index(0),
        }
    }

    pub(super) fn last(&self) -> Option<Pos> {
        match self {
            Content::Node(Node { body: Body::Leaf(items), .. }) => items.last(),
            _ => self.index(self.len().checked_sub(1)?),
        }
    }

    #[inline]
    pub(super) fn next(&self, pos: Pos) -> Option<Pos> {
        match self {
            Content::Node(Node { body: Body::Leaf(items), .. }) => items.next(pos),
            _ => self.index(pos.index as usize + 1),
        }
    }

    #[inline]
    pub(super) fn prev(&self, pos: Pos) -> Option<Pos> {
        match self {
            Content::Node(Node { body: Body::Leaf(items), .. }) => items.prev(pos),
            _ => self.index((pos.index as usize).checked_sub(1)?),
        }
    }

    /// `pos` itself, or the next place where it is behind the last entry of a chunk.
    pub(super) fn at_or_after(&self, pos: Pos) -> Option<Pos> {
        match self {
            Content::Node(Node { body: Body::Leaf(items), .. }) => items.at_or_after(pos),
            _ => self.index(pos.index as usize),
        }
    }

    fn index(&self, index: usize) -> Option<Pos> {
        if index < self.len() { Some(Pos::index(index)) } else { None }
    }
}
