//! The entries of a page or of a node, whichever it is.

use std::cmp::Ordering;

use crate::error::Result;
use crate::format::bytes::prefix;
use crate::format::page::Page;

use super::Pages;
use super::arena::At;
use super::items::Pos;
use super::node::{Body, BranchItem, Child, Node, missing};
use super::search::{order, search, search_child};
use super::source::{Found, Source};

/// The entries of a place.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Page(Page<'a>, u64),
    Node(&'a Node),
}

impl<'a> Content<'a> {
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        match self {
            Content::Page(page, _) => page.is_leaf(),
            Content::Node(node) => matches!(node.body, Body::Leaf(_)),
        }
    }

    /// How many entries there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Content::Page(page, _) => page.count(),
            Content::Node(node) => node.len(),
        }
    }

    /// The key of a branch's entry.
    pub(super) fn branch_key<P: Pages>(&self, source: &Source<'a, P>, index: usize) -> Result<&'a [u8]> {
        match self {
            Content::Page(page, _) => page.key(index),
            Content::Node(node) => match &node.body {
                Body::Branch(items) => source.branch_key(items.get(index).ok_or_else(missing)?),
                Body::Leaf(_) => Err(missing()),
            },
        }
    }

    /// Where the key of a branch's entry lies, and its length.
    pub(super) fn branch_key_at(&self, index: usize) -> Result<(At, u32)> {
        match self {
            Content::Page(page, offset) => {
                let (key, _, key_offset) = page.branch(index)?;
                Ok((At::file(offset + key_offset as u64), key.len() as u32))
            }
            Content::Node(node) => match &node.body {
                Body::Branch(items) => {
                    items.get(index).map(|item| (item.at, item.key_len)).ok_or_else(missing)
                }
                Body::Leaf(_) => Err(missing()),
            },
        }
    }

    /// The child of a branch's entry.
    pub(super) fn child(&self, index: usize) -> Result<Child> {
        match self {
            Content::Page(page, _) => page.child(index).map(Child::Page),
            Content::Node(node) => match &node.body {
                Body::Branch(items) => items.get(index).map(BranchItem::child).ok_or_else(missing),
                Body::Leaf(_) => Err(missing()),
            },
        }
    }

    /// The first entry of a leaf that is not below `key`, and whether it equals it.
    #[inline]
    pub(super) fn search<P: Pages>(&self, source: &Source<'a, P>, key: &[u8]) -> Result<(Pos, bool)> {
        match self {
            Content::Page(page, _) => search(page, key).map(|(index, exact)| (Pos::index(index), exact)),
            Content::Node(node) => match &node.body {
                Body::Leaf(items) => {
                    let sought = prefix(key);
                    items.search(|item| Ok(order(source.leaf_key(item)?, key, sought)))
                }
                Body::Branch(_) => Err(missing()),
            },
        }
    }

    /// The entry of a branch under which `key` belongs.
    #[inline]
    pub(super) fn search_child<P: Pages>(&self, source: &Source<'a, P>, key: &[u8]) -> Result<usize> {
        let items = match self {
            Content::Page(page, _) => return search_child(page, key),
            Content::Node(node) => match &node.body {
                Body::Branch(items) => items,
                Body::Leaf(_) => return Err(missing()),
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
                let item = items.get(pos).ok_or_else(missing)?;
                let value = source.bytes(item.value_at(), u64::from(item.value_len()))?;
                let found =
                    Found { value, key_at: item.key_at(), at: item.value_at(), is_bucket: item.is_bucket() };
                Ok((source.leaf_key(item)?, found))
            }
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
