//! Changing a tree: the way to a leaf becomes nodes, the leaf's table takes the new reference.
//!
//! E1. A call that fails has changed nothing that can be read.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::format::bytes::prefix;

use super::Pages;
use super::arena::At;
use super::cursor::Cursor;
use super::items::{LeafItem, Pos};
use super::node::{Body, Finger, NodeId, Nodes, Tree, missing};
use super::search::order;
use super::source::{Place, Source, Step};

/// What must hold of the key for a put to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    Any,
    /// It is not there; otherwise `Exists`.
    Absent,
    /// It is there; otherwise `NotFound`.
    Present,
    /// It comes after all keys there are; otherwise `Exists`.
    Last,
}

/// Where a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    leaf: NodeId,
    pos: Pos,
    exact: bool,
}

impl Nodes {
    /// Sets `key` to `value`, which is a bucket's value if `is_bucket`. A key that is of the other kind is
    /// refused.
    pub fn put<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        value: &[u8],
        is_bucket: bool,
    ) -> Result<()> {
        self.put_if(pages, tree, key, value, is_bucket, Condition::Any)
    }

    /// As [`Self::put`], if `condition` holds.
    pub fn put_if<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        value: &[u8],
        is_bucket: bool,
        condition: Condition,
    ) -> Result<()> {
        let (target, old) = self.target(pages, tree, key, is_bucket)?;
        self.check(pages, tree, target, key, condition)?;
        let at = self.arena.push([key, value])?;
        let item = LeafItem::new(at, key.len(), value.len(), is_bucket);
        self.place(pages, tree, target, old, item.ok_or(Error::ValueSize(value.len()))?)
    }

    /// As [`Self::put`], with a value of `value_len` zero bytes that the caller is to fill.
    pub fn put_zeros<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        value_len: usize,
    ) -> Result<&mut [u8]> {
        let (target, old) = self.target(pages, tree, key, false)?;
        let at = self.arena.push_zeros(key, value_len)?;
        let item = LeafItem::new(at, key.len(), value_len, false);
        self.place(pages, tree, target, old, item.ok_or(Error::ValueSize(value_len))?)?;
        self.arena.bytes_mut(at.plus(key.len() as u64), value_len).ok_or_else(missing)
    }

    /// Where `key` goes, and the entry that has it; one of the other kind is refused.
    fn target<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        is_bucket: bool,
    ) -> Result<(Target, Option<LeafItem>)> {
        let target = match self.near_finger(pages, tree, key)? {
            Some(target) => target,
            None => self.take_way(pages, tree, key)?,
        };
        if !target.exact {
            return Ok((target, None));
        }
        let old = self.leaf_item(pages, target.leaf, target.pos)?;
        check_kind(&old, is_bucket)?;
        Ok((target, Some(old)))
    }

    fn check<P: Pages>(
        &self,
        pages: &P,
        tree: &Tree,
        target: Target,
        key: &[u8],
        condition: Condition,
    ) -> Result<()> {
        match condition {
            Condition::Absent if target.exact => Err(Error::Exists),
            Condition::Present if !target.exact => Err(Error::NotFound),
            Condition::Last if self.is_behind_all(tree, target)? => Ok(()),
            Condition::Last => {
                let last = Cursor::default().last(Source { pages, nodes: self }, tree)?;
                if last.is_some_and(|last| last.key >= key) { Err(Error::Exists) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Whether the place is behind the last entry of the last leaf.
    fn is_behind_all(&self, tree: &Tree, target: Target) -> Result<bool> {
        let is_last = |finger: Finger| finger.leaf == target.leaf && finger.upper.is_none();
        let at_end = target.pos == self.get(target.leaf)?.end();
        Ok(!target.exact && at_end && tree.finger.is_some_and(is_last))
    }

    /// The entry at `pos` of leaf `id`.
    fn leaf_item<P: Pages>(&self, pages: &P, id: NodeId, pos: Pos) -> Result<LeafItem> {
        let item = match &self.get(id)?.body {
            Body::Leaf(items) => items.get(pos).copied(),
            Body::PatchedLeaf(leaf) => leaf.item(&leaf.base().page(pages)?, pos.index as usize),
            _ => None,
        };
        item.ok_or_else(missing)
    }

    /// Makes a table of leaf `id` where it has many changes; the place of what was at `pos`.
    fn make_room<P: Pages>(&mut self, pages: &P, id: NodeId, pos: Pos) -> Result<Pos> {
        match &self.get(id)?.body {
            Body::PatchedLeaf(leaf) if leaf.is_full() => self.unfold(pages, id)?,
            _ => return Ok(pos),
        }
        self.pos_of_page_index(id, pos)
    }

    /// Puts `item` where it goes, in place of `old` if that has its key.
    fn place<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        target: Target,
        old: Option<LeafItem>,
        item: LeafItem,
    ) -> Result<()> {
        let pos = self.make_room(pages, target.leaf, target.pos)?;
        let node = self.touch(target.leaf)?;
        let at_end = pos == node.end();
        let index = pos.index as usize;
        match (&mut node.body, old) {
            (Body::Leaf(items), Some(_)) => items.replace(pos, item),
            (Body::Leaf(items), None) => items.insert(pos, item)?,
            (Body::PatchedLeaf(leaf), Some(old)) => leaf.replace(index, &old, item)?,
            (Body::PatchedLeaf(leaf), None) => leaf.insert(index, item)?,
            _ => return Err(missing()),
        }
        if !target.exact {
            node.appended = node.appended.saturating_add(u32::from(at_end));
            node.inserted_within |= !at_end;
        }
        tree.version += 1;
        Ok(())
    }

    /// Takes `key` out; `false` where it is not there. A key of the other kind is refused.
    pub fn remove<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        is_bucket: bool,
    ) -> Result<bool> {
        let mut path = std::mem::take(&mut self.path);
        let removed = self.remove_along(pages, tree, key, is_bucket, &mut path);
        self.path = path;
        removed
    }

    fn remove_along<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        key: &[u8],
        is_bucket: bool,
        path: &mut Vec<Step>,
    ) -> Result<bool> {
        let source = Source { pages, nodes: self };
        if !source.find(tree.root, key, path)? {
            return Ok(false);
        }
        let Some(step) = path.last() else { return Ok(false) };
        let (_, found) = source.content(step.place)?.entry(&source, step.pos)?;
        if found.is_bucket != is_bucket {
            return Err(wrong_type(found.is_bucket));
        }
        let (id, pos) = self.take_over_way(pages, tree, path)?;
        let pos = self.make_room(pages, id, pos)?;
        let old = self.leaf_item(pages, id, pos)?;
        let node = self.touch(id)?;
        match &mut node.body {
            Body::Leaf(items) => items.remove(pos),
            Body::PatchedLeaf(leaf) => leaf.remove(pos.index as usize, &old)?,
            _ => return Err(missing()),
        }
        node.shrunk = true;
        self.any_shrunk = true;
        tree.version += 1;
        Ok(true)
    }

    /// The place of `key` in the leaf of the last put, if it belongs there.
    fn near_finger<P: Pages>(&self, pages: &P, tree: &Tree, key: &[u8]) -> Result<Option<Target>> {
        let Some(finger) = tree.finger else { return Ok(None) };
        let source = Source { pages, nodes: self };
        let below = |fence: Option<(At, u32)>| -> Result<Option<bool>> {
            fence.map(|(at, len)| Ok(key < source.bytes(at, u64::from(len))?)).transpose()
        };
        if below(finger.lower)? == Some(true) || below(finger.upper)? == Some(false) {
            return Ok(None);
        }
        let Body::Leaf(items) = &self.get(finger.leaf)?.body else {
            let (pos, exact) = source.node(finger.leaf)?.search(&source, key)?;
            return Ok(Some(Target { leaf: finger.leaf, pos, exact }));
        };
        if let Some(last) = items.last().and_then(|pos| items.get(pos)) {
            if source.leaf_key(last)?.cmp(key) == Ordering::Less {
                return Ok(Some(Target { leaf: finger.leaf, pos: items.end(), exact: false }));
            }
        }
        let sought = prefix(key);
        let (pos, exact) = items.search(|item| Ok(order(source.leaf_key(item)?, key, sought)))?;
        Ok(Some(Target { leaf: finger.leaf, pos, exact }))
    }

    /// Makes nodes of the way to `key`.
    fn take_way<P: Pages>(&mut self, pages: &P, tree: &mut Tree, key: &[u8]) -> Result<Target> {
        let mut path = std::mem::take(&mut self.path);
        let source = Source { pages, nodes: self };
        let target = source.find(tree.root, key, &mut path).and_then(|exact| {
            let (leaf, pos) = self.take_over_way(pages, tree, &path)?;
            tree.finger = if tree.last_leaf == Some(leaf) {
                let (lower, upper) = self.fences(pages, &path)?;
                Some(Finger { leaf, lower, upper })
            } else {
                None
            };
            tree.last_leaf = Some(leaf);
            Ok(Target { leaf, pos, exact })
        });
        self.path = path;
        target
    }

    /// The keys between which the leaf at the end of `path` lies, by the branches above it.
    #[allow(clippy::type_complexity, reason = "two addresses, each with its length")]
    fn fences<P: Pages>(&self, pages: &P, path: &[Step]) -> Result<(Option<(At, u32)>, Option<(At, u32)>)> {
        let source = Source { pages, nodes: self };
        let (mut lower, mut upper) = (None, None);
        for step in path.iter().rev().skip(1) {
            let content = source.content(step.place)?;
            let index = step.pos.index as usize;
            if lower.is_none() && index > 0 {
                lower = Some(content.branch_key_at(index)?);
            }
            if upper.is_none() && index + 1 < content.len() {
                upper = Some(content.branch_key_at(index + 1)?);
            }
        }
        Ok((lower, upper))
    }

    /// Makes nodes of the pages of `path`, from the root down (T1), and gives the leaf and the place in it.
    pub(super) fn take_over_way<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        path: &[Step],
    ) -> Result<(NodeId, Pos)> {
        let mut above: Option<(NodeId, Pos)> = None;
        for (depth, step) in path.iter().enumerate() {
            let (node, pos) = match step.place {
                Place::Node(node) => (node, step.pos),
                Place::Page { .. } => {
                    let node = self.take_over(pages, step.place)?;
                    if let Some((parent, _)) = above {
                        self.unfold_full(pages, parent)?;
                    }
                    self.link(tree, above, node)?;
                    tree.version += 1;
                    (
                        node,
                        if depth + 1 == path.len() {
                            self.pos_of_page_index(node, step.pos)?
                        } else {
                            step.pos
                        },
                    )
                }
            };
            above = Some((node, pos));
        }
        above.ok_or_else(missing)
    }

    fn pos_of_page_index(&self, node: NodeId, pos: Pos) -> Result<Pos> {
        match &self.get(node)?.body {
            Body::Leaf(items) => Ok(items.pos_of_page_index(pos.index as usize)),
            Body::PatchedLeaf(_) => Ok(pos),
            _ => Err(missing()),
        }
    }

    /// Makes the tree's root a node, so that the commit writes it anew.
    pub fn take_root<P: Pages>(&mut self, pages: &P, tree: &mut Tree) -> Result<()> {
        let place = Source { pages, nodes: self }.root(tree.root)?;
        if matches!(place, Place::Page { .. }) {
            let node = self.take_over(pages, place)?;
            self.link(tree, None, node)?;
            tree.version += 1;
        }
        Ok(())
    }
}

fn check_kind(item: &LeafItem, is_bucket: bool) -> Result<()> {
    if item.is_bucket() == is_bucket { Ok(()) } else { Err(wrong_type(item.is_bucket())) }
}

fn wrong_type(is_bucket: bool) -> Error {
    Error::WrongType(if is_bucket { "the key is a bucket" } else { "the key is no bucket" })
}
