//! How much a bucket holds and how well its pages are filled, as Go's bbolt counts it.
//!
//! Counted are the pages of the file: what the transaction has changed is not seen, as in bbolt. Buckets
//! below are counted without recursion; the depth of a bucket is known once all below it are.

use crate::error::{Error, Result};
use crate::format::page::Page;
use crate::format::{BUCKET_HEADER_LEN, PAGE_HEADER_LEN};
use crate::freelist::{PageSet, Run};
use crate::tree::{Found, Nodes, Pages, Root, Visit, walk};

use super::Txn;
use super::bucket::BucketId;
use super::free_pages::stored_root;

/// What a bucket and all buckets below it hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketStats {
    /// Branch pages, overflow pages not counted.
    pub branch_page_count: u64,
    /// Overflow pages of branch pages.
    pub branch_overflow_count: u64,
    /// Leaf pages, overflow pages not counted.
    pub leaf_page_count: u64,
    /// Overflow pages of leaf pages.
    pub leaf_overflow_count: u64,
    /// Keys, those of buckets among them.
    pub key_count: u64,
    /// The levels of pages of the bucket, with those of the deepest bucket below it.
    pub depth: u64,
    /// The bytes of all branch pages with their overflow pages.
    pub branch_alloc_len: u64,
    /// How many of them are in use.
    pub branch_used_len: u64,
    /// The bytes of all leaf pages with their overflow pages.
    pub leaf_alloc_len: u64,
    /// How many of them are in use.
    pub leaf_used_len: u64,
    /// Buckets, the bucket itself among them.
    pub bucket_count: u64,
    /// Those that are inline.
    pub inline_bucket_count: u64,
    /// The bytes in use in inline buckets, which count in their parents' leaves, too.
    pub inline_used_len: u64,
}

/// A bucket with pages of its own.
struct Level {
    parent: usize,
    depth: u64,
    depth_below: u64,
}

/// What has been counted, and what is still to be.
#[derive(Default)]
struct Count {
    stats: BucketStats,
    seen: PageSet,
    levels: Vec<Level>,
    pending: Vec<(Root, usize)>,
    /// The bucket that is being walked, and the page size.
    current: usize,
    page_size: u64,
}

impl Txn {
    /// What `bucket` holds in the file as the transaction began.
    pub fn bucket_stats(&self, bucket: BucketId) -> Result<BucketStats> {
        let stored = self.buckets.get(bucket)?.state.stored;
        let snapshot = self.snapshot()?;
        let mut count = Count { page_size: u64::from(snapshot.page_size()), ..Count::default() };
        match stored {
            None => count.add_inline(0, PAGE_HEADER_LEN as u64)?,
            Some(Root::Inline { offset, len }) => count.inline(snapshot.bytes(offset, len)?)?,
            Some(root) => count.pending.push((root, 0)),
        }
        let nodes = Nodes::default();
        while let Some((root, parent)) = count.pending.pop() {
            count.current = count.levels.len();
            count.levels.try_reserve(1)?;
            count.levels.push(Level { parent, depth: 0, depth_below: 0 });
            count.stats.bucket_count += 1;
            walk(&**snapshot, &nodes, root, &mut count)?;
        }
        Ok(count.finish())
    }
}

impl Count {
    /// Counts an inline bucket by its page. It holds no buckets: Go never writes one that does, and does not
    /// look.
    fn inline(&mut self, bytes: &[u8]) -> Result<()> {
        let page = Page::verify(bytes, 0, 0)?;
        if !page.is_leaf() {
            return Err(Error::corrupt(0, "an inline bucket is no leaf"));
        }
        self.add_inline(page.count() as u64, end_of_data(&page)?)
    }

    fn add_inline(&mut self, key_count: u64, used_len: u64) -> Result<()> {
        self.stats.bucket_count += 1;
        self.stats.inline_bucket_count += 1;
        self.stats.key_count += key_count;
        self.stats.inline_used_len += used_len;
        match self.levels.get_mut(self.current) {
            Some(level) => level.depth_below = level.depth_below.max(1),
            None => self.stats.depth = 1,
        }
        Ok(())
    }

    /// Adds up the depths, children before parents: those of a bucket come after it.
    fn finish(mut self) -> BucketStats {
        while let Some(level) = self.levels.pop() {
            let depth = level.depth + level.depth_below;
            match self.levels.get_mut(level.parent) {
                Some(parent) => parent.depth_below = parent.depth_below.max(depth),
                None => self.stats.depth = depth,
            }
        }
        let stats = &mut self.stats;
        stats.branch_alloc_len = (stats.branch_page_count + stats.branch_overflow_count) * self.page_size;
        stats.leaf_alloc_len = (stats.leaf_page_count + stats.leaf_overflow_count) * self.page_size;
        self.stats
    }
}

impl Visit for Count {
    fn run(&mut self, run: Run) -> Result<()> {
        if self.seen.insert_run(run.id, run.page_count)? {
            Ok(())
        } else {
            Err(Error::corrupt(run.id, "two places in the file refer to the page"))
        }
    }

    fn page(&mut self, page: &Page<'_>, depth: usize) -> Result<()> {
        let overflow_count = (page.bytes().len() as u64 / self.page_size).saturating_sub(1);
        let used_len = end_of_data(page)?;
        let stats = &mut self.stats;
        if page.is_leaf() {
            stats.leaf_page_count += 1;
            stats.leaf_overflow_count += overflow_count;
            stats.leaf_used_len += used_len;
            stats.key_count += page.count() as u64;
        } else {
            stats.branch_page_count += 1;
            stats.branch_overflow_count += overflow_count;
            stats.branch_used_len += used_len;
        }
        if let Some(level) = self.levels.get_mut(self.current) {
            level.depth = level.depth.max(depth as u64 + 1);
        }
        Ok(())
    }

    fn bucket(&mut self, _name: &[u8], found: Found<'_>) -> Result<()> {
        match stored_root(found.value, found.at)?.0 {
            Root::Inline { .. } => self.inline(found.value.get(BUCKET_HEADER_LEN..).unwrap_or_default()),
            root => {
                self.pending.try_reserve(1)?;
                self.pending.push((root, self.current));
                Ok(())
            }
        }
    }
}

/// Where the data of the last element ends, in bytes from the head of the page: what Go takes for the bytes
/// in use.
fn end_of_data(page: &Page<'_>) -> Result<u64> {
    let Some(last) = page.count().checked_sub(1) else { return Ok(PAGE_HEADER_LEN as u64) };
    let end = if page.is_leaf() {
        let element = page.leaf(last)?;
        element.key_offset + element.key.len() + element.value.len()
    } else {
        let (key, _, key_offset) = page.branch(last)?;
        key_offset + key.len()
    };
    Ok(end as u64)
}
