//! At commit: nodes are cut into pages, pages get their ids, parents learn of them, bottom-up.
//!
//! Nothing is written here. The result is a list of planned runs, each a range of a node's entries, which
//! [`super::encode`] turns into bytes.

use smallvec::{SmallVec, smallvec};

use crate::error::{Error, Result};
use crate::format::page::Page;
use crate::format::{BUCKET_HEADER_LEN, ELEMENT_LEN, MAX_DEPTH, MAX_ELEMENT_COUNT, PAGE_HEADER_LEN, PageId};
use crate::freelist::Run;

use super::Pages;
use super::arena::At;
use super::encode::encode_leaf;
use super::items::{Items, LeafItem, Pos};
use super::node::{Body, BranchItem, Child, Node, NodeId, Nodes, Root, Tree, missing};
use super::rebalance::content_len;
use super::shape::Shape;
use super::source::{Place, Source, too_deep};

/// Where a commit takes its pages from.
pub trait Allocator {
    /// The first page of a run of `page_count` pages that nothing else uses.
    fn allocate(&mut self, page_count: u64) -> Result<PageId>;
}

/// The entries by which a parent finds the pages of a node: mostly one.
type Entries = SmallVec<[BranchItem; 1]>;

/// What became of a node.
enum Spilled {
    /// One page, which begins with the key that the node's page began with: its parent need not look at it.
    Same(PageId),
    /// The entries by which a parent finds its pages.
    Anew(Entries),
}

/// A run that a commit is to write.
#[derive(Clone, Copy, Debug)]
pub struct PlannedRun {
    /// Its pages.
    pub run: Run,
    pub(super) node: NodeId,
    pub(super) start: Pos,
    pub(super) count: usize,
}

impl Nodes {
    /// Plans the pages of all changed nodes of `tree`, whose root becomes a page, and frees the runs that
    /// they replace.
    pub fn spill<P: Pages>(
        &mut self,
        pages: &P,
        tree: &mut Tree,
        shape: &Shape,
        allocator: &mut impl Allocator,
        plan: &mut Vec<PlannedRun>,
    ) -> Result<()> {
        let Root::Node(root) = tree.root else { return Ok(()) };
        let mut spill = Spill { pages, nodes: self, shape, allocator, plan };
        let mut entries = spill.entries(root, true, 0)?;
        while entries.len() > 1 {
            let above = spill.nodes.add(Node::new(Body::Branch(entries.into_vec())))?;
            entries = spill.cut(above, false)?;
        }
        tree.root = Root::Page(match entries.first().map(BranchItem::child) {
            Some(Child::Page(id)) => id,
            _ => spill.empty_leaf()?,
        });
        tree.finger = None;
        Ok(())
    }

    /// The page image of `tree` if it is one changed leaf, holds no bucket and fits a quarter of a page: then
    /// its bucket is kept inline (bbolt: `inlineable`). The image follows `header` in the result.
    pub fn inline_value<P: Pages>(
        &self,
        pages: &P,
        tree: &Tree,
        shape: &Shape,
        header: [u8; BUCKET_HEADER_LEN],
    ) -> Result<Option<Vec<u8>>> {
        let Root::Node(root) = tree.root else { return Ok(None) };
        let source = Source { pages, nodes: self };
        let len = match source.node(root)? {
            content if content.is_leaf() => content_len(&content)?,
            _ => return Ok(None),
        };
        if len > shape.max_inline_len() {
            return Ok(None);
        }
        let table;
        let items = match &self.get(root)?.body {
            Body::Leaf(items) => items,
            Body::PatchedLeaf(leaf) => {
                table = leaf.items(pages)?;
                &table
            }
            _ => return Ok(None),
        };
        if items.iter().any(LeafItem::is_bucket) {
            return Ok(None);
        }
        let mut value = Vec::new();
        value.try_reserve_exact(BUCKET_HEADER_LEN + len as usize)?;
        value.extend_from_slice(&header);
        value.resize(BUCKET_HEADER_LEN + len as usize, 0);
        let image = value.get_mut(BUCKET_HEADER_LEN..).unwrap_or_default();
        encode_leaf(source, items, Pos::default(), items.len(), 0, 0, image)?;
        Ok(Some(value))
    }

    /// The commit frees the page behind the root, whose tree is kept inline from now on.
    pub fn drop_root(&mut self, tree: &Tree) -> Result<()> {
        match tree.root {
            Root::Node(root) => self.drop_page(root),
            _ => Ok(()),
        }
    }
}

struct Spill<'a, P, A> {
    pages: &'a P,
    nodes: &'a mut Nodes,
    shape: &'a Shape,
    allocator: &'a mut A,
    plan: &'a mut Vec<PlannedRun>,
}

impl<P: Pages, A: Allocator> Spill<'_, P, A> {
    /// Plans node `id` and what is below; the entries by which its parent finds the pages.
    fn entries(&mut self, id: NodeId, rightmost: bool, depth: usize) -> Result<Entries> {
        match self.node(id, rightmost, depth)? {
            Spilled::Anew(entries) => Ok(entries),
            Spilled::Same(page) => {
                let count = self.nodes.get(id)?.len();
                self.entry(id, Pos::default(), count, Child::Page(page)).map(|entry| smallvec![entry])
            }
        }
    }

    /// Plans node `id` and what is below.
    fn node(&mut self, id: NodeId, rightmost: bool, depth: usize) -> Result<Spilled> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(Place::Node(id)));
        }
        let mut rising = {
            let node = self.nodes.get(id)?;
            !node.inserted_within && (node.appended > 1 || rightmost)
        };
        match self.nodes.get(id)?.body {
            Body::Branch(_) => rising = self.children(id, rightmost, depth, None)?,
            Body::PatchedBranch(_) => rising = self.patched_children(id, rightmost, depth)?,
            Body::Leaf(_) | Body::PatchedLeaf(_) => {}
        }
        let node = self.nodes.get(id)?;
        if node.len() == 0 {
            self.nodes.drop_page(id)?;
            return Ok(Spilled::Anew(Entries::new()));
        }
        let one_page = match &node.body {
            _ if node.has_lowered_key => None,
            Body::PatchedLeaf(leaf) if leaf.has_first_key() => Some((leaf.len(), leaf.used_len())),
            // It has the keys of its page, which fit.
            Body::PatchedBranch(branch) => Some((branch.len(), PAGE_HEADER_LEN as u64)),
            _ => None,
        };
        match one_page.filter(|&(count, len)| self.is_one_page(count, len)) {
            Some((count, len)) => {
                self.nodes.drop_page(id)?;
                self.plan_run(id, Pos::default(), count, len).map(Spilled::Same)
            }
            None => self.cut(id, rising).map(Spilled::Anew),
        }
    }

    /// Whether entries of `len` bytes fit one page, with its header, and leave room.
    fn is_one_page(&self, count: usize, len: u64) -> bool {
        len < u64::from(self.shape.page_size) && count <= MAX_ELEMENT_COUNT
    }

    /// As [`Self::children`], of a page with changes, which stays one while its keys are the page's.
    fn patched_children(&mut self, id: NodeId, rightmost: bool, depth: usize) -> Result<bool> {
        let mut from = 0;
        loop {
            let Body::PatchedBranch(branch) = &self.nodes.get(id)?.body else { return Err(missing()) };
            let Some((index, child)) = branch.next_changed(from) else { return Ok(rightmost) };
            from = index + 1;
            let Child::Node(child) = child else { continue };
            let entries = match self.node(child, rightmost && from == branch.len(), depth + 1)? {
                Spilled::Same(page) => {
                    self.nodes.set_child(id, index, Child::Page(page))?;
                    continue;
                }
                Spilled::Anew(entries) => entries,
            };
            match entries.as_slice() {
                [entry] if self.has_key(id, index, entry)? => {
                    self.nodes.set_child(id, index, entry.child())?
                }
                _ => {
                    self.nodes.unfold(self.pages, id)?;
                    return self.children(id, rightmost, depth, Some((index, entries)));
                }
            }
        }
    }

    /// Whether branch `id` has the key of `entry` at `index`.
    fn has_key(&self, id: NodeId, index: usize, entry: &BranchItem) -> Result<bool> {
        let source = Source { pages: self.pages, nodes: self.nodes };
        Ok(source.node(id)?.branch_key(&source, index)? == source.branch_key(entry)?)
    }

    /// Plans the children of branch `id`, which becomes the table of their pages; whether it grew at its end
    /// only. The entries of one child may be there already.
    fn children(
        &mut self,
        id: NodeId,
        rightmost: bool,
        depth: usize,
        mut planned: Option<(usize, Entries)>,
    ) -> Result<bool> {
        let mut items = match &mut self.nodes.touch(id)?.body {
            Body::Branch(items) => std::mem::take(items),
            _ => return Err(missing()),
        };
        let mut grew_within = false;
        let mut index = planned.as_ref().map_or(0, |(index, _)| *index);
        while let Some(&item) = items.get(index) {
            let Child::Node(child) = item.child() else {
                index += 1;
                continue;
            };
            let spilled = match planned.take() {
                Some((_, entries)) => Spilled::Anew(entries),
                None => self.node(child, rightmost && index + 1 == items.len(), depth + 1)?,
            };
            let entries = match spilled {
                Spilled::Same(page) => smallvec![item.to(Child::Page(page))],
                Spilled::Anew(entries) => entries,
            };
            grew_within |= entries.len() > 1 && index + 1 < items.len();
            match (entries.as_slice(), items.get_mut(index)) {
                ([entry], Some(item)) => *item = *entry,
                (entries, _) => {
                    items.try_reserve(entries.len())?;
                    items.splice(index..=index, entries.iter().copied());
                }
            }
            index += entries.len();
        }
        self.nodes.touch(id)?.body = Body::Branch(items);
        Ok(rightmost && !grew_within)
    }

    /// Cuts node `id` into pages and plans them.
    fn cut(&mut self, id: NodeId, rising: bool) -> Result<Entries> {
        let (count, len) = self.count_and_len(id)?;
        if self.is_one_page(count, len) {
            self.nodes.drop_page(id)?;
            return self.plan_page(id, Pos::default(), count, len).map(|entry| smallvec![entry]);
        }
        self.nodes.unfold(self.pages, id)?;
        let node = self.nodes.get(id)?;
        let sizes = entry_sizes(&node.body)?;
        let cuts = self.shape.cut(&sizes, node.is_leaf(), rising)?;
        self.nodes.split_count += cuts.len().saturating_sub(1) as u64;
        let mut entries = Entries::new();
        entries.try_reserve_exact(cuts.len()).map_err(|_| Error::NoMemory)?;
        let mut start = Pos::default();
        let mut rest = sizes.iter();
        for cut in cuts {
            let len = PAGE_HEADER_LEN as u64 + rest.by_ref().take(cut).sum::<u64>();
            entries.push(match self.keep_page(id, start, cut)? {
                Some(entry) => entry,
                None => self.plan_page(id, start, cut, len)?,
            });
            start = self.advance(id, start, cut)?;
        }
        self.nodes.drop_page(id)?;
        Ok(entries)
    }

    /// Lets the page behind leaf `id` stay, if `count` entries from `start` on are all that it has: a large value is
    /// not written again because a key came to stand beside it, nor a full page because one came behind it.
    fn keep_page(&mut self, id: NodeId, start: Pos, count: usize) -> Result<Option<BranchItem>> {
        let node = self.nodes.get(id)?;
        let (Some(old), Body::Leaf(items)) = (node.old, &node.body) else { return Ok(None) };
        if self.nodes.makes_tables {
            return Ok(None);
        }
        let page_size = u64::from(self.pages.page_size());
        let offset = old.id * page_size;
        let page = Page::trusted(self.pages.bytes(offset, old.page_count * page_size)?, old.id)?;
        let mut places = page.leaf_places(0, page.count());
        let is_same = |item: &LeafItem| {
            places.next().is_some_and(|place| {
                item.key_at() == At::file(offset + place.key_offset)
                    && (item.key_len(), item.value_len(), item.is_bucket())
                        == (place.key_len, place.value_len, place.is_bucket)
            })
        };
        if count != page.count() || !items.slices(start, count).flatten().all(is_same) {
            return Ok(None);
        }
        let entry = self.entry(id, start, count, Child::Page(old.id))?;
        self.nodes.touch(id)?.old = None;
        Ok(Some(entry))
    }

    /// How many entries node `id` has, and the bytes that they take on one page.
    fn count_and_len(&self, id: NodeId) -> Result<(usize, u64)> {
        let content = Source { pages: self.pages, nodes: self.nodes }.node(id)?;
        Ok((content.len(), content_len(&content)?))
    }

    /// The place `count` entries after `start` in node `id`.
    fn advance(&self, id: NodeId, start: Pos, count: usize) -> Result<Pos> {
        match &self.nodes.get(id)?.body {
            Body::Leaf(items) => Ok(items.advance(start, count)),
            _ => Ok(Pos::index(start.index as usize + count)),
        }
    }

    /// Plans `count` entries of node `id` from `start` on, of `len` bytes, as one run; the entry by which its parent
    /// finds it.
    fn plan_page(&mut self, id: NodeId, start: Pos, count: usize, len: u64) -> Result<BranchItem> {
        let page = self.plan_run(id, start, count, len)?;
        self.entry(id, start, count, Child::Page(page))
    }

    /// Plans `count` entries of node `id` from `start` on, of `len` bytes, as one run; its first page.
    fn plan_run(&mut self, id: NodeId, start: Pos, count: usize, len: u64) -> Result<PageId> {
        let page_count = self.shape.page_count(len);
        if page_count > u64::from(u32::MAX) {
            return Err(Error::ValueSize(usize::try_from(len).unwrap_or(usize::MAX)));
        }
        let run = Run { id: self.allocator.allocate(page_count)?, page_count };
        self.plan.try_reserve(1)?;
        self.plan.push(PlannedRun { run, node: id, start, count });
        Ok(run.id)
    }

    /// The entry by which a parent finds `child`, which has `count` entries of node `id` from `start` on.
    fn entry(&self, id: NodeId, start: Pos, count: usize, child: Child) -> Result<BranchItem> {
        if let Body::Branch(items) = &self.nodes.get(id)?.body {
            return Ok(items.get(start.index as usize).ok_or_else(missing)?.to(child));
        }
        let source = Source { pages: self.pages, nodes: self.nodes };
        let content = source.node(id)?;
        if count == 0 {
            return BranchItem::new(At::file(0), &[], child);
        }
        if content.is_leaf() {
            let (key, found) = content.entry(&source, start)?;
            return BranchItem::new(found.key_at, key, child);
        }
        let (at, _) = content.branch_key_at(0)?;
        BranchItem::new(at, content.branch_key(&source, 0)?, child)
    }

    /// Plans a leaf without entries: the root of an empty tree.
    fn empty_leaf(&mut self) -> Result<PageId> {
        let node = self.nodes.add(Node::new(Body::Leaf(Items::default())))?;
        let entry = self.plan_page(node, Pos::default(), 0, PAGE_HEADER_LEN as u64)?;
        match entry.child() {
            Child::Page(id) => Ok(id),
            Child::Node(_) => Err(missing()),
        }
    }
}

fn entry_sizes(body: &Body) -> Result<Vec<u64>> {
    let mut sizes = Vec::new();
    match body {
        Body::Leaf(items) => {
            sizes.try_reserve_exact(items.len())?;
            sizes.extend(items.iter().map(|item| ELEMENT_LEN as u64 + item.data_len()));
        }
        Body::Branch(items) => {
            sizes.try_reserve_exact(items.len())?;
            sizes.extend(items.iter().map(|item| ELEMENT_LEN as u64 + u64::from(item.key_len)));
        }
        _ => return Err(missing()),
    }
    Ok(sizes)
}
