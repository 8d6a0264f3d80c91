//! At commit: nodes are cut into pages, pages get their ids, parents learn of them, bottom-up.
//!
//! Nothing is written here. The result is a list of planned runs, each a range of a node's entries, which
//! [`encode_run`] turns into bytes one at a time, so that a large commit needs no second copy of itself in
//! memory.

use smallvec::{SmallVec, smallvec};

use crate::error::{Error, Result};
use crate::format::builder::PageBuilder;
use crate::format::page::Kind;
use crate::format::{BUCKET_HEADER_LEN, ELEMENT_LEN, MAX_DEPTH, MAX_ELEMENT_COUNT, PAGE_HEADER_LEN, PageId};
use crate::freelist::Run;

use super::Pages;
use super::arena::At;
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

/// A run that a commit is to write.
#[derive(Clone, Copy, Debug)]
pub struct PlannedRun {
    /// Its pages.
    pub run: Run,
    node: NodeId,
    start: Pos,
    count: usize,
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
        let mut entries = spill.node(root, true, 0)?;
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
    fn node(&mut self, id: NodeId, rightmost: bool, depth: usize) -> Result<Entries> {
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
        if self.nodes.get(id)?.len() == 0 {
            self.nodes.drop_page(id)?;
            return Ok(Entries::new());
        }
        self.cut(id, rising)
    }

    /// As [`Self::children`], of a page with changes, which stays one while its keys are the page's.
    fn patched_children(&mut self, id: NodeId, rightmost: bool, depth: usize) -> Result<bool> {
        let mut from = 0;
        loop {
            let Body::PatchedBranch(branch) = &self.nodes.get(id)?.body else { return Err(missing()) };
            let Some((index, child)) = branch.next_changed(from) else { return Ok(rightmost) };
            from = index + 1;
            let Child::Node(child) = child else { continue };
            let entries = self.node(child, rightmost && from == branch.len(), depth + 1)?;
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
        while let Some(item) = items.get_mut(index) {
            let Child::Node(child) = item.child() else {
                index += 1;
                continue;
            };
            let entries = match planned.take() {
                Some((_, entries)) => entries,
                None => self.node(child, rightmost && index + 1 == items.len(), depth + 1)?,
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
        self.nodes.drop_page(id)?;
        let (count, len) = self.count_and_len(id)?;
        if len < u64::from(self.shape.page_size) && count <= MAX_ELEMENT_COUNT {
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
            entries.push(self.plan_page(id, start, cut, len)?);
            start = self.advance(id, start, cut)?;
        }
        Ok(entries)
    }

    /// How many entries node `id` has, and the bytes that they take on one page: of a branch that has the keys of
    /// its page no more than fit.
    fn count_and_len(&self, id: NodeId) -> Result<(usize, u64)> {
        let node = self.nodes.get(id)?;
        let len = match &node.body {
            Body::PatchedBranch(_) => PAGE_HEADER_LEN as u64,
            _ => content_len(&(Source { pages: self.pages, nodes: self.nodes }).node(id)?)?,
        };
        Ok((node.len(), len))
    }

    /// The place `count` entries after `start` in node `id`.
    fn advance(&self, id: NodeId, start: Pos, count: usize) -> Result<Pos> {
        match &self.nodes.get(id)?.body {
            Body::Leaf(items) => Ok(items.advance(start, count)),
            _ => Ok(Pos::index(start.index as usize + count)),
        }
    }

    /// Plans `count` entries of node `id` from `start` on, of `len` bytes, as one run.
    fn plan_page(&mut self, id: NodeId, start: Pos, count: usize, len: u64) -> Result<BranchItem> {
        let page_count = self.shape.page_count(len);
        if page_count > u64::from(u32::MAX) {
            return Err(Error::ValueSize(usize::try_from(len).unwrap_or(usize::MAX)));
        }
        let run = Run { id: self.allocator.allocate(page_count)?, page_count };
        self.plan.try_reserve(1)?;
        self.plan.push(PlannedRun { run, node: id, start, count });
        let child = Child::Page(run.id);
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

/// Writes a planned run into `bytes`, which has its length.
pub fn encode_run<P: Pages>(source: Source<'_, P>, planned: &PlannedRun, bytes: &mut [u8]) -> Result<()> {
    let overflow = overflow(planned)?;
    match &source.nodes.get(planned.node)?.body {
        Body::Leaf(items) => {
            encode_leaf(source, items, planned.start, planned.count, planned.run.id, overflow, bytes)
        }
        Body::Branch(items) => {
            let start = planned.start.index as usize;
            let items = items.get(start..start + planned.count).ok_or_else(missing)?;
            encode_branch(source, items, planned.run.id, overflow, bytes)
        }
        Body::PatchedLeaf(leaf) => leaf.encode(source, planned.run.id, bytes),
        Body::PatchedBranch(branch) => branch.encode(source.pages, planned.run.id, bytes),
    }
}

/// More pieces than these are gathered faster by a copy than by the kernel.
const PIECE_COUNT_MAX: usize = 64;

/// A run as the pieces that it is written from.
pub struct Gathered<'a> {
    /// The length of its header and table, in bytes.
    pub head_len: usize,
    /// Keys and values, where they lie.
    pub pieces: Vec<&'a [u8]>,
    /// How many zero bytes follow.
    pub tail_len: usize,
}

/// The pieces of a planned run of `len` bytes; `None` where they are many, or where the run is a branch.
pub fn gather_run<'a, P: Pages>(
    source: Source<'a, P>,
    planned: &PlannedRun,
    len: u64,
) -> Result<Option<Gathered<'a>>> {
    let Body::Leaf(items) = &source.nodes.get(planned.node)?.body else { return Ok(None) };
    if planned.count > PIECE_COUNT_MAX {
        return Ok(None);
    }
    let mut pieces = Vec::new();
    pieces.try_reserve_exact(planned.count)?;
    let head_len = PAGE_HEADER_LEN + ELEMENT_LEN * planned.count;
    let mut used_len = head_len as u64;
    for item in items.slices(planned.start, planned.count).flatten() {
        pieces.push(source.bytes(item.key_at(), item.data_len())?);
        used_len += item.data_len();
    }
    let tail_len = len.checked_sub(used_len).ok_or_else(missing)? as usize;
    Ok(Some(Gathered { head_len, pieces, tail_len }))
}

impl Gathered<'_> {
    /// Writes the run's header and table into `head`.
    pub fn encode_head<P: Pages>(
        &self,
        source: Source<'_, P>,
        planned: &PlannedRun,
        head: &mut [u8],
    ) -> Result<()> {
        let Body::Leaf(items) = &source.nodes.get(planned.node)?.body else { return Err(missing()) };
        let (run, overflow) = (planned.run, overflow(planned)?);
        let builder = begin_leaf(items, planned.start, planned.count, run.id, overflow, head)?;
        builder.finish().ok_or_else(missing)
    }
}

fn overflow(planned: &PlannedRun) -> Result<u32> {
    u32::try_from(planned.run.page_count - 1).map_err(|_| missing())
}

/// Begins a leaf in `bytes`: its header and its table.
fn begin_leaf<'b>(
    items: &Items,
    start: Pos,
    count: usize,
    id: PageId,
    overflow: u32,
    bytes: &'b mut [u8],
) -> Result<PageBuilder<'b>> {
    let mut builder = PageBuilder::new(bytes, id, Kind::Leaf, count, overflow).ok_or_else(missing)?;
    let lens = |item: &LeafItem| (item.key_len(), item.value_len(), item.is_bucket());
    for slice in items.slices(start, count) {
        builder.leaf_table(slice.iter().map(lens)).ok_or_else(missing)?;
    }
    Ok(builder)
}

fn encode_leaf<P: Pages>(
    source: Source<'_, P>,
    items: &Items,
    start: Pos,
    count: usize,
    id: PageId,
    overflow: u32,
    bytes: &mut [u8],
) -> Result<()> {
    let mut builder = begin_leaf(items, start, count, id, overflow, bytes)?;
    let mut piece = Piece::default();
    for slice in items.slices(start, count) {
        for item in slice {
            piece.add(item.key_at(), item.data_len(), source, &mut builder)?;
        }
    }
    piece.flush(source, &mut builder)?;
    builder.finish().ok_or_else(missing)
}

fn encode_branch<P: Pages>(
    source: Source<'_, P>,
    items: &[BranchItem],
    id: PageId,
    overflow: u32,
    bytes: &mut [u8],
) -> Result<()> {
    let mut builder = PageBuilder::new(bytes, id, Kind::Branch, items.len(), overflow).ok_or_else(missing)?;
    if items.iter().any(|item| matches!(item.child(), Child::Node(_))) {
        return Err(missing());
    }
    let entries = items.iter().map(|item| match item.child() {
        Child::Page(child) => (item.key_len, child),
        Child::Node(_) => (item.key_len, 0),
    });
    builder.branch_table(entries).ok_or_else(missing)?;
    let mut piece = Piece::default();
    for item in items {
        piece.add(item.at, u64::from(item.key_len), source, &mut builder)?;
    }
    piece.flush(source, &mut builder)?;
    builder.finish().ok_or_else(missing)
}

/// Data that lies in one piece where it comes from, so that it is copied at once.
struct Piece {
    at: At,
    len: u64,
}

impl Default for Piece {
    fn default() -> Piece {
        Piece { at: At::file(0), len: 0 }
    }
}

impl Piece {
    #[inline(always)]
    fn add<P: Pages>(
        &mut self,
        at: At,
        len: u64,
        source: Source<'_, P>,
        builder: &mut PageBuilder<'_>,
    ) -> Result<()> {
        if self.at.plus(self.len) != at {
            self.flush(source, builder)?;
            self.at = at;
        }
        self.len += len;
        Ok(())
    }

    #[inline]
    fn flush<P: Pages>(&mut self, source: Source<'_, P>, builder: &mut PageBuilder<'_>) -> Result<()> {
        if self.len > 0 {
            builder.data(source.bytes(self.at, self.len)?).ok_or_else(missing)?;
        }
        self.len = 0;
        Ok(())
    }
}
