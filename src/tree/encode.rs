//! The bytes of planned runs: each made when it is written, so that a large commit needs no second copy of itself
//! in memory; a run of large values is gathered from where they lie.

use crate::error::Result;
use crate::format::builder::PageBuilder;
use crate::format::page::Kind;
use crate::format::{ELEMENT_LEN, PAGE_HEADER_LEN, PageId};

use super::Pages;
use super::arena::At;
use super::items::{Items, LeafItem, Pos};
use super::node::{Body, BranchItem, Child, missing};
use super::search::{prefetch_page, prefetch_start};
use super::source::Source;
use super::spill::PlannedRun;

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

/// Asks for the pages that the next runs are mostly copied from: since the change the processor's cache has long
/// lost them, or never had all of them. What the first one needs is asked for whole; of `ahead` more the first line,
/// so that the places of all in memory are looked up side by side.
pub fn prefetch_runs<'p, P: Pages>(
    source: Source<'_, P>,
    planned: impl Iterator<Item = &'p PlannedRun>,
    ahead: usize,
) {
    let bases = planned.map(|planned| match source.nodes.get(planned.node).map(|node| &node.body) {
        Ok(Body::PatchedLeaf(leaf)) => Some(leaf.base()),
        Ok(Body::PatchedBranch(branch)) => Some(branch.base()),
        _ => None,
    });
    for (number, base) in bases.take(1 + ahead).enumerate() {
        match base {
            Some(base) if number == 0 => prefetch_page(source.pages, base.offset()),
            Some(base) => prefetch_start(source.pages, base.offset()),
            None => {}
        }
    }
}

/// More pieces than these are gathered faster by a copy than by the kernel.
const PIECE_COUNT_MAX: usize = 64;

/// A processor's cache line, in bytes.
const LINE_LEN: usize = 64;
/// In so many places the data of large runs begin.
const COLOR_COUNT: usize = 64;

/// A run as the pieces that it is written from.
pub struct Gathered<'a> {
    /// The length of its header, its table and the gap behind them, in bytes.
    pub head_len: usize,
    gap_len: usize,
    /// Keys and values, where they lie.
    pub pieces: Vec<&'a [u8]>,
    /// How many zero bytes follow.
    pub tail_len: usize,
}

/// The pieces of a planned run of `len` bytes; `None` where they are many, or where the run is a branch. With
/// `colored` the data do not begin right behind the table, but some lines later ([`color`]).
pub fn gather_run<'a, P: Pages>(
    source: Source<'a, P>,
    planned: &PlannedRun,
    len: u64,
    colored: bool,
) -> Result<Option<Gathered<'a>>> {
    let Body::Leaf(items) = &source.nodes.get(planned.node)?.body else { return Ok(None) };
    if planned.count > PIECE_COUNT_MAX {
        return Ok(None);
    }
    let mut pieces = Vec::new();
    pieces.try_reserve_exact(planned.count)?;
    let table_end = PAGE_HEADER_LEN + ELEMENT_LEN * planned.count;
    let mut used_len = table_end as u64;
    for item in items.slices(planned.start, planned.count).flatten() {
        pieces.push(source.bytes(item.key_at(), item.data_len())?);
        used_len += item.data_len();
    }
    let unused_len = len.checked_sub(used_len).ok_or_else(missing)? as usize;
    let gap_len = if colored { color(planned.run.id, unused_len) } else { 0 };
    Ok(Some(Gathered { head_len: table_end + gap_len, gap_len, pieces, tail_len: unused_len - gap_len }))
}

/// How far the data of run `id` are moved into the `unused_len` bytes that it has left, in bytes.
///
/// Large values that all begin at the same place of a page have all their beginnings, and whatever is read of them
/// at the same distances, in the same few sets of the processor's cache: slab coloring (Bonwick, The Slab Allocator,
/// USENIX Summer 1994, section 4.3) spreads them. Go finds data wherever an element says that they are.
fn color(id: PageId, unused_len: usize) -> usize {
    // Knuth's multiplicative hashing: ids that follow at any distance get all colors.
    let hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let color_count = (unused_len / LINE_LEN + 1).min(COLOR_COUNT);
    hash as usize % color_count * LINE_LEN
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
        let gap_len = self.gap_len;
        let builder = begin_leaf(items, (planned.start, planned.count), (run.id, overflow), gap_len, head)?;
        builder.finish().ok_or_else(missing)
    }
}

fn overflow(planned: &PlannedRun) -> Result<u32> {
    u32::try_from(planned.run.page_count - 1).map_err(|_| missing())
}

/// Begins a leaf in `bytes`: its header, its table and a gap behind them.
fn begin_leaf<'b>(
    items: &Items,
    (start, count): (Pos, usize),
    (id, overflow): (PageId, u32),
    gap_len: usize,
    bytes: &'b mut [u8],
) -> Result<PageBuilder<'b>> {
    let mut builder = PageBuilder::new(bytes, id, Kind::Leaf, count, overflow).ok_or_else(missing)?;
    builder.gap(gap_len).ok_or_else(missing)?;
    let lens = |item: &LeafItem| (item.key_len(), item.value_len(), item.is_bucket());
    for slice in items.slices(start, count) {
        builder.leaf_table(slice.iter().map(lens)).ok_or_else(missing)?;
    }
    Ok(builder)
}

/// Writes `count` entries from `start` on as leaf `id` into `bytes`.
pub(super) fn encode_leaf<P: Pages>(
    source: Source<'_, P>,
    items: &Items,
    start: Pos,
    count: usize,
    id: PageId,
    overflow: u32,
    bytes: &mut [u8],
) -> Result<()> {
    let mut builder = begin_leaf(items, (start, count), (id, overflow), 0, bytes)?;
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
