//! Before a commit: nodes that lost entries are removed or merged with a neighbour, and a root with one child
//! gives way.
//!
//! The order is bottom-up. bbolt's rule (`node.rebalance`) merges with the left neighbour, or the right one
//! of a first child, whatever comes out, and cuts again; libbolt's merges only what then fits a page. Neither
//! leaves a branch with one child: a later deletion in Go would find no neighbour to merge it with, and
//! panic.

use crate::error::{Error, Result};
use crate::format::{ELEMENT_LEN, MAX_DEPTH, PAGE_HEADER_LEN};

use super::Pages;
use super::arena::At;
use super::content::Content;
use super::items::Items;
use super::node::{Body, Child, Node, NodeId, Nodes, Root, Tree, missing};
use super::shape::Shape;
use super::source::{Place, Source, too_deep};

type Fence = Option<(At, u32)>;

impl Nodes {
    /// Merges what has become too small in `tree`.
    pub fn rebalance<P: Pages>(&mut self, pages: &P, tree: &mut Tree, shape: &Shape) -> Result<()> {
        let Root::Node(root) = tree.root else { return Ok(()) };
        tree.finger = None;
        if !self.any_shrunk {
            return Ok(());
        }
        self.rebalance_node(pages, root, None, shape, 0)?;
        self.collapse_root(pages, tree, shape)
    }

    fn rebalance_node<P: Pages>(
        &mut self,
        pages: &P,
        id: NodeId,
        upper: Fence,
        shape: &Shape,
        depth: usize,
    ) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(Place::Node(id)));
        }
        let mut from = 0;
        while let Some((index, child)) = self.next_child(id, from, |node| !node.is_leaf())? {
            let branch = (Source { pages, nodes: self }).node(id)?;
            let next = if index + 1 < branch.len() { Some(branch.branch_key_at(index + 1)?) } else { upper };
            self.rebalance_node(pages, child, next, shape, depth + 1)?;
            from = index + 1;
        }
        self.settle(pages, id, upper, shape)
    }

    /// The first child of branch `id` from `from` on that is a node and `wanted`. A leaf has none.
    fn next_child(
        &self,
        id: NodeId,
        from: usize,
        wanted: impl Fn(&Node) -> bool,
    ) -> Result<Option<(usize, NodeId)>> {
        if let Body::PatchedBranch(branch) = &self.get(id)?.body {
            let mut from = from;
            while let Some((index, child)) = branch.next_changed(from) {
                match child {
                    Child::Node(child) if wanted(self.get(child)?) => return Ok(Some((index, child))),
                    _ => from = index + 1,
                }
            }
            return Ok(None);
        }
        let Body::Branch(items) = &self.get(id)?.body else { return Ok(None) };
        for (index, item) in items.iter().enumerate().skip(from) {
            if let Child::Node(child) = item.child() {
                if wanted(self.get(child)?) {
                    return Ok(Some((index, child)));
                }
            }
        }
        Ok(None)
    }

    /// Removes or merges the children of branch `id` that have become too small.
    fn settle<P: Pages>(&mut self, pages: &P, id: NodeId, upper: Fence, shape: &Shape) -> Result<()> {
        let mut from = 0;
        while let Some((index, _)) = self.next_child(id, from, |node| node.shrunk)? {
            let has_lost = self.rebalance_child(pages, id, index, upper, shape)?;
            from = if has_lost { index } else { index + 1 };
        }
        Ok(())
    }

    /// Removes or merges child `index` of branch `id` if it has become too small; whether the branch lost an
    /// entry.
    fn rebalance_child<P: Pages>(
        &mut self,
        pages: &P,
        id: NodeId,
        index: usize,
        upper: Fence,
        shape: &Shape,
    ) -> Result<bool> {
        let branch = (Source { pages, nodes: self }).node(id)?;
        let count = branch.len();
        let Child::Node(child) = branch.child(index)? else { return Ok(false) };
        let node = self.touch(child)?;
        if !std::mem::take(&mut node.shrunk) {
            return Ok(false);
        }
        let least = if node.is_leaf() { 1 } else { 2 };
        let entry_count = node.len();
        let len = content_len(&(Source { pages, nodes: self }).node(child)?)?;
        self.rebalance_count += 1;
        if len > shape.small_len() && entry_count > least {
            return Ok(false);
        }
        self.unfold(pages, id)?;
        if entry_count == 0 {
            self.drop_page(child)?;
            self.remove_entry(id, index)?;
            return Ok(true);
        }
        let must_merge = entry_count < least;
        for left in merge_candidates(index, count, shape) {
            let other = if left == index { index + 1 } else { left };
            if must_merge || shape.may_merge(len, self.child_len(pages, id, other, upper)?) {
                self.merge(pages, id, left, upper, shape)?;
                return Ok(true);
            }
        }
        self.touch(child)?.shrunk = must_merge;
        Ok(false)
    }

    fn remove_entry(&mut self, branch: NodeId, index: usize) -> Result<()> {
        let node = self.touch(branch)?;
        node.shrunk = true;
        let Body::Branch(items) = &mut node.body else { return Err(missing()) };
        if index < items.len() {
            items.remove(index);
        }
        Ok(())
    }

    /// The place of child `index` of branch `id`.
    fn child_place<P: Pages>(&self, pages: &P, id: NodeId, index: usize, upper: Fence) -> Result<Place> {
        let source = Source { pages, nodes: self };
        let content = source.content(Place::Node(id))?;
        let mut upper = upper.map(|(at, len)| source.bytes(at, u64::from(len))).transpose()?;
        source.descend(&content, index, &mut upper)
    }

    fn child_len<P: Pages>(&self, pages: &P, id: NodeId, index: usize, upper: Fence) -> Result<u64> {
        let place = self.child_place(pages, id, index, upper)?;
        content_len(&(Source { pages, nodes: self }).content(place)?)
    }

    /// Child `index` of branch `id`, as a node.
    fn child_node<P: Pages>(&mut self, pages: &P, id: NodeId, index: usize, upper: Fence) -> Result<NodeId> {
        match self.child_place(pages, id, index, upper)? {
            Place::Node(node) => Ok(node),
            place => {
                let node = self.take_over(pages, place)?;
                self.set_child(id, index, Child::Node(node))?;
                Ok(node)
            }
        }
    }

    /// Appends child `left` + 1 of branch `id` to child `left`. Where they are branches, a child that had no
    /// neighbour to be merged with has one now.
    fn merge<P: Pages>(
        &mut self,
        pages: &P,
        id: NodeId,
        left: usize,
        upper: Fence,
        shape: &Shape,
    ) -> Result<()> {
        let target_id = self.child_node(pages, id, left, upper)?;
        let from = self.child_node(pages, id, left + 1, upper)?;
        self.unfold(pages, target_id)?;
        self.unfold(pages, from)?;
        self.drop_page(from)?;
        let node = self.touch(from)?;
        let (mut body, shrunk) = (std::mem::replace(&mut node.body, Body::Branch(Vec::new())), node.shrunk);
        self.lower_first(id, left + 1, &mut body)?;
        let target = self.touch(target_id)?;
        target.inserted_within = true;
        target.shrunk |= shrunk;
        match (&mut target.body, body) {
            (Body::Leaf(items), Body::Leaf(more)) => items.append(more)?,
            (Body::Branch(items), Body::Branch(more)) => {
                items.try_reserve(more.len())?;
                items.extend(more);
            }
            _ => return Err(Error::corrupt(0, "a leaf and a branch stand side by side")),
        }
        self.remove_entry(id, left + 1)?;
        let Body::Branch(items) = &self.get(id)?.body else { return Err(missing()) };
        let upper = items.get(left + 1).map(|item| (item.at, item.key_len)).or(upper);
        if self.get(target_id)?.is_leaf() {
            return Ok(());
        }
        self.settle(pages, target_id, upper, shape)
    }

    /// Gives the first entry of a branch, which is child `index` of branch `id` and about to be appended to
    /// another, the key that `id` has for the branch: where entries before the first were cut off, keys may
    /// have come to its node that are below its own. A page has none, and keeps bbolt's key.
    fn lower_first(&mut self, id: NodeId, index: usize, body: &mut Body) -> Result<()> {
        let Body::Branch(above) = &self.get(id)?.body else { return Err(missing()) };
        let (Body::Branch(items), Some(above)) = (body, above.get(index)) else { return Ok(()) };
        let Some(first) = items.first_mut() else { return Ok(()) };
        if let Child::Node(child) = first.child() {
            *first = above.to(first.child());
            self.touch(child)?.has_lowered_key = true;
        }
        Ok(())
    }

    /// A root branch with one child gives way to it; one without any becomes an empty leaf.
    fn collapse_root<P: Pages>(&mut self, pages: &P, tree: &mut Tree, shape: &Shape) -> Result<()> {
        while let Root::Node(root) = tree.root {
            let node = self.touch(root)?;
            let shrunk = std::mem::take(&mut node.shrunk);
            let Body::Branch(items) = &node.body else { return Ok(()) };
            if items.is_empty() {
                node.body = Body::Leaf(Items::default());
            }
            if !shrunk || node.len() != 1 || node.is_leaf() {
                return Ok(());
            }
            let child = self.child_node(pages, root, 0, None)?;
            self.drop_page(root)?;
            tree.root = Root::Node(child);
            if !self.get(child)?.is_leaf() {
                self.settle(pages, child, None, shape)?;
            }
            let node = self.touch(child)?;
            node.shrunk |= !shape.merge_always;
        }
        Ok(())
    }
}

/// The left ones of the pairs that child `index` may be merged in.
fn merge_candidates(index: usize, count: usize, shape: &Shape) -> impl Iterator<Item = usize> {
    let before = index.checked_sub(1);
    let after =
        if index + 1 < count && (before.is_none() || !shape.merge_always) { Some(index) } else { None };
    before.into_iter().chain(after)
}

/// The bytes that the entries of a page or a node take on one page.
pub(super) fn content_len(content: &Content<'_>) -> Result<u64> {
    let node = match content {
        Content::Node(node) => node,
        Content::Patched(Node { body: Body::PatchedLeaf(leaf), .. }, _) => return Ok(leaf.used_len()),
        Content::Page(page, _) | Content::Patched(_, page) => return Ok(page.used_len()? as u64),
    };
    let entries: u64 = match &node.body {
        Body::Leaf(items) => items.iter().map(|item| ELEMENT_LEN as u64 + item.data_len()).sum(),
        Body::Branch(items) => items.iter().map(|item| ELEMENT_LEN as u64 + u64::from(item.key_len)).sum(),
        _ => return Err(missing()),
    };
    Ok(PAGE_HEADER_LEN as u64 + entries)
}
