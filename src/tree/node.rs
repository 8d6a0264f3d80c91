//! Changed nodes, and the table that holds all of a transaction's.

use crate::error::{Error, Result};
use crate::format::PageId;
use crate::format::bytes::prefix;
use crate::format::page::Page;
use crate::freelist::Run;

use super::Pages;
use super::arena::{Arena, At};
use super::items::{Items, LeafItem, Pos};
use super::patched::{PatchedBranch, PatchedLeaf, patched};
use super::source::Place;

const NODE_BIT: u64 = 1 << 63;

/// The number of a node in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub(super) u32);

/// What a branch entry leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// A page that nothing has changed.
    Page(PageId),
    /// A changed node.
    Node(NodeId),
}

/// An entry of a changed branch.
#[derive(Clone, Copy, Debug)]
pub struct BranchItem {
    /// Where the key lies.
    pub at: At,
    /// Its length in bytes.
    pub key_len: u32,
    /// The key's first bytes as a number ([`prefix`]), so that most comparisons need no more.
    pub prefix: u64,
    child: u64,
}

impl BranchItem {
    /// An entry with the key `key`, which lies at `at`, that leads to `child`.
    pub fn new(at: At, key: &[u8], child: Child) -> Result<BranchItem> {
        let key_len = u32::try_from(key.len()).map_err(|_| Error::KeySize(key.len()))?;
        Ok(BranchItem { at, key_len, prefix: prefix(key), child: 0 }.to(child))
    }

    /// The same key, leading to `child`.
    #[must_use]
    pub fn to(self, child: Child) -> BranchItem {
        let child = match child {
            Child::Page(id) => id & !NODE_BIT,
            Child::Node(node) => u64::from(node.0) | NODE_BIT,
        };
        BranchItem { child, ..self }
    }

    /// What it leads to.
    #[inline]
    pub fn child(&self) -> Child {
        if self.child & NODE_BIT == 0 {
            Child::Page(self.child)
        } else {
            Child::Node(NodeId((self.child & !NODE_BIT) as u32))
        }
    }
}

/// The entries of a node.
pub enum Body {
    /// Keys and values.
    Leaf(Items),
    /// Keys and children.
    Branch(Vec<BranchItem>),
    /// Keys and values, few of which are not those of a page.
    PatchedLeaf(PatchedLeaf),
    /// Keys and children, some of which are not those of a page.
    PatchedBranch(PatchedBranch),
}

/// A page being changed.
pub struct Node {
    /// Its entries.
    pub body: Body,
    /// The page run it was taken from, which the commit frees.
    pub old: Option<Run>,
    /// Whether something was deleted from it, so that it may have become too small.
    pub shrunk: bool,
    /// How many new keys came after the last one ..
    pub appended: u32,
    /// .. and whether any came elsewhere.
    pub inserted_within: bool,
    /// Whether its parent has a key for it that may lie below its first one; the commit gives it the right one.
    pub has_lowered_key: bool,
    /// The epoch in which it was made or last kept for a savepoint.
    epoch: u64,
}

impl Node {
    /// A node that no page stands behind.
    pub fn new(body: Body) -> Node {
        Node {
            body,
            old: None,
            shrunk: false,
            appended: 0,
            inserted_within: false,
            has_lowered_key: false,
            epoch: 0,
        }
    }

    /// The node that takes over the page at `place`.
    fn from_page(page: &Page<'_>, offset: u64, old: Option<Run>, patch_size: u32) -> Result<Node> {
        let body = match patched(page, offset, patch_size) {
            Some(body) => body,
            None if page.is_leaf() => leaf_body(page, offset)?,
            None => Body::Branch(branch_items(page, offset)?),
        };
        let shrunk = !page.is_leaf() && page.count() < 2;
        Ok(Node { old, shrunk, ..Node::new(body) })
    }

    /// The same once more.
    fn copied(&self) -> Result<Node> {
        let body = match &self.body {
            Body::Leaf(items) => Body::Leaf(items.copied()?),
            Body::Branch(items) => {
                let mut copy = Vec::new();
                copy.try_reserve_exact(items.len())?;
                copy.extend_from_slice(items);
                Body::Branch(copy)
            }
            Body::PatchedLeaf(leaf) => Body::PatchedLeaf(leaf.copied()?),
            Body::PatchedBranch(branch) => Body::PatchedBranch(branch.copied()?),
        };
        Ok(Node { body, ..*self })
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Leaf(items) => items.len(),
            Body::Branch(items) => items.len(),
            Body::PatchedLeaf(leaf) => leaf.len(),
            Body::PatchedBranch(branch) => branch.len(),
        }
    }

    /// The place behind a leaf's last entry.
    pub(super) fn end(&self) -> Pos {
        match &self.body {
            Body::Leaf(items) => items.end(),
            _ => Pos::index(self.len()),
        }
    }
}

fn leaf_body(page: &Page<'_>, offset: u64) -> Result<Body> {
    let items = Items::of_page(page, offset)?;
    items.map(Body::Leaf).ok_or_else(|| Error::corrupt(page.id(), "an element lies outside or is too long"))
}

/// The entries of the branch `page`, which begins at `offset` of the file.
pub(super) fn branch_items(page: &Page<'_>, offset: u64) -> Result<Vec<BranchItem>> {
    let mut items = Vec::new();
    items.try_reserve_exact(page.count())?;
    let outside = || Error::corrupt(page.id(), "a key lies outside its page");
    for place in page.branch_places() {
        let (key, key_offset, child) = place.ok_or_else(outside)?;
        items.push(BranchItem::new(At::file(offset + key_offset), key, Child::Page(child))?);
    }
    if items.len() != page.count() {
        return Err(outside());
    }
    Ok(items)
}

/// Where a tree begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A page that nothing has changed.
    Page(PageId),
    /// The inline page in a bucket's value: where it lies in the file, in bytes.
    Inline {
        /// Its first byte.
        offset: u64,
        /// Its length.
        len: u64,
    },
    /// A changed node.
    Node(NodeId),
}

/// The leaf of the last put, and the keys that belong to it by the branches above.
#[derive(Clone, Copy)]
pub(super) struct Finger {
    pub leaf: NodeId,
    pub lower: Option<(At, u32)>,
    pub upper: Option<(At, u32)>,
}

/// One tree as a transaction sees it.
pub struct Tree {
    /// Where it begins.
    pub root: Root,
    /// Counts the changes, so that a cursor sees that its place may be stale.
    pub(super) version: u64,
    pub(super) finger: Option<Finger>,
    /// The leaf of the last put that went down the whole way. Only a second one to the same leaf makes a finger.
    pub(super) last_leaf: Option<NodeId>,
}

impl Tree {
    /// The tree that begins at `root`.
    pub fn new(root: Root) -> Tree {
        Tree { root, version: 0, finger: None, last_leaf: None }
    }

    /// Takes the tree back to an earlier root. Cursors look for their place again.
    pub fn take_back(&mut self, root: Root) {
        self.root = root;
        self.finger = None;
        self.last_leaf = None;
        self.version += 1;
    }
}

/// All changed nodes of a transaction and the bytes it added.
#[derive(Default)]
pub struct Nodes {
    list: Vec<Node>,
    /// The bytes of new keys and values.
    pub arena: Arena,
    /// Runs that the commit frees, of nodes that are no more and of deleted buckets.
    pub freed: Vec<Run>,
    pub(super) path: Vec<super::source::Step>,
    /// Counts savepoints and rollbacks to them; 0 while nothing need be kept.
    epoch: u64,
    /// Nodes as they were before their first change in an epoch, oldest first.
    kept: Vec<(NodeId, Node)>,
    /// Whether each page that is taken over becomes a table at once, so that all its entries are written anew.
    pub makes_tables: bool,
    /// Whether any node may be `shrunk`.
    pub(super) any_shrunk: bool,
    /// Nodes that the commit looked at because they had lost entries.
    pub(super) rebalance_count: u64,
    /// Cuts of nodes in two.
    pub(super) split_count: u64,
}

/// A state of the nodes to which they can be taken back.
#[derive(Clone, Copy, Debug)]
pub struct NodesMark {
    list_len: usize,
    freed_len: usize,
    kept_len: usize,
}

impl Nodes {
    /// How many nodes there are, how many were looked at because they had lost entries, and how many cuts
    /// were made.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.list.len() as u64, self.rebalance_count, self.split_count)
    }

    /// About how many bytes of memory the nodes and what was added take.
    pub fn memory_len(&self) -> u64 {
        let all = self.list.iter().chain(self.kept.iter().map(|(_, node)| node));
        let items = all.map(|node| match &node.body {
            Body::Leaf(items) => items.len() * size_of::<LeafItem>(),
            Body::Branch(items) => items.capacity() * size_of::<BranchItem>(),
            Body::PatchedLeaf(leaf) => leaf.memory_len(),
            Body::PatchedBranch(branch) => branch.memory_len(),
        });
        let tables = self.list.capacity() * size_of::<Node>() + self.freed.capacity() * size_of::<Run>();
        self.arena.memory_len() + (tables + items.sum::<usize>()) as u64
    }

    /// Node `id`.
    pub(super) fn get(&self, id: NodeId) -> Result<&Node> {
        self.list.get(id.0 as usize).ok_or_else(missing)
    }

    /// Node `id`, to be changed: the one way to it. Before its first change after a savepoint it is kept as
    /// it was.
    pub(super) fn touch(&mut self, id: NodeId) -> Result<&mut Node> {
        let node = self.list.get_mut(id.0 as usize).ok_or_else(missing)?;
        if node.epoch < self.epoch {
            self.kept.try_reserve(1)?;
            self.kept.push((id, node.copied()?));
            node.epoch = self.epoch;
        }
        Ok(node)
    }

    /// Begins an epoch: what is changed from now on can be taken back to here.
    pub fn mark(&mut self, epoch: u64) -> NodesMark {
        self.epoch = epoch;
        NodesMark { list_len: self.list.len(), freed_len: self.freed.len(), kept_len: self.kept.len() }
    }

    /// Takes all nodes back to `mark`, and begins a new epoch. Bytes that were added stay (T3).
    pub fn take_back(&mut self, mark: NodesMark, epoch: u64) {
        while self.kept.len() > mark.kept_len {
            let Some((id, node)) = self.kept.pop() else { break };
            if let Some(slot) = self.list.get_mut(id.0 as usize) {
                *slot = node;
            }
        }
        self.list.truncate(mark.list_len);
        self.freed.truncate(mark.freed_len);
        self.epoch = epoch;
    }

    /// From now on nothing can be taken back.
    pub fn forget_marks(&mut self) {
        self.epoch = 0;
        self.kept = Vec::new();
    }

    /// Adds a node.
    pub(super) fn add(&mut self, mut node: Node) -> Result<NodeId> {
        node.epoch = self.epoch;
        let id = u32::try_from(self.list.len()).map_err(|_| Error::NoMemory)?;
        self.list.try_reserve(1)?;
        self.list.push(node);
        Ok(NodeId(id))
    }

    /// A tree of one empty leaf.
    pub fn empty_tree(&mut self) -> Result<Tree> {
        let node = self.add(Node::new(Body::Leaf(Items::default())))?;
        Ok(Tree::new(Root::Node(node)))
    }

    /// Makes the page at `place` a node.
    pub(super) fn take_over<P: Pages>(&mut self, pages: &P, place: Place) -> Result<NodeId> {
        let Place::Page { id, offset, len } = place else {
            return Err(Error::Panic("a node is taken over once".into()));
        };
        let page = Page::trusted(pages.bytes(offset, len)?, id)?;
        let old = match place.run(pages.page_size()) {
            Some(run) if id != 0 => Some(run),
            _ => None,
        };
        let patch_size = if self.makes_tables { 0 } else { pages.page_size() };
        let node = Node::from_page(&page, offset, old, patch_size)?;
        self.any_shrunk |= node.shrunk;
        self.add(node)
    }

    /// Lets entry `index` of branch `id` lead to `child`.
    pub(super) fn set_child(&mut self, id: NodeId, index: usize, child: Child) -> Result<()> {
        match &mut self.touch(id)?.body {
            Body::Branch(items) => {
                let item = items.get_mut(index).ok_or_else(missing)?;
                *item = item.to(child);
                Ok(())
            }
            Body::PatchedBranch(branch) => branch.set(index, child),
            _ => Err(missing()),
        }
    }

    /// Lets the commit free the page run behind node `id`, which is no more.
    pub(super) fn drop_page(&mut self, id: NodeId) -> Result<()> {
        self.freed.try_reserve(1)?;
        if let Some(run) = self.touch(id)?.old.take() {
            self.freed.push(run);
        }
        Ok(())
    }

    /// Points entry `pos` of branch `parent`, or the root of `tree`, to `child`.
    pub(super) fn link(
        &mut self,
        tree: &mut Tree,
        parent: Option<(NodeId, Pos)>,
        child: NodeId,
    ) -> Result<()> {
        match parent {
            None => tree.root = Root::Node(child),
            Some((parent, pos)) => self.set_child(parent, pos.index as usize, Child::Node(child))?,
        }
        Ok(())
    }
}

/// A node that should be there is not: a bug, never the file's fault.
#[cold]
pub(super) fn missing() -> Error {
    Error::Panic("a changed node is missing".into())
}
