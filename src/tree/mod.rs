//! One B+tree: reading it, changing it, and giving it back as pages.
//!
//! The tree knows no files, no freelist, no locks and no transactions. It asks its owner for pages
//! ([`Pages`]), and at commit for fresh runs ([`Allocator`]). A page that is changed becomes a [`Node`]: a
//! table of references to keys and values, which lie in the file or in the transaction's arena and never
//! move. A tree is therefore a mixture: nodes above, the pages that nothing changed below.
//!
//! T1. Whatever stands above a node is a node.
//! T2. A node keeps its id and its key range until the commit: splits and merges happen there and only there.
//! T3. Bytes that were handed out neither move nor change until the transaction ends.
//! T4. A page is entered for the first time only through `Source::check_root`, `root` or `child`, which check
//! it.

mod ahead;
mod arena;
mod bounds;
mod content;
mod cursor;
mod edit;
mod encode;
mod get_many;
mod items;
mod node;
mod patched;
mod range;
mod rebalance;
mod search;
mod shape;
mod source;
mod spill;
mod walk;
mod way;

pub use ahead::Ahead;
pub use arena::At;
pub use cursor::{Cursor, Entry, Mark, Take};
pub use edit::Condition;
pub use encode::{encode_run, gather_run, prefetch_runs};
pub use items::LeafItem;
pub use node::{Nodes, NodesMark, Root, Tree};
pub use shape::Shape;
pub use source::{Found, Source};
pub use spill::{Allocator, PlannedRun};
pub use walk::{Visit, walk};
pub use way::Direction;

use crate::error::Result;
use crate::format::PageId;

/// What a tree asks of the owner of the pages.
pub trait Pages {
    /// The bytes of the run of page `id`, its length taken from its header and checked against the database's
    /// end.
    fn run(&self, id: PageId) -> Result<&[u8]>;

    /// The `len` bytes at `offset` of the file.
    fn bytes(&self, offset: u64, len: u64) -> Result<&[u8]>;

    /// The run of page `id`, which was entered before, its place known since then; checked anew where it had
    /// to be read anew.
    #[inline]
    fn run_again(&self, _id: PageId, offset: u64, len: u64) -> Result<&[u8]> {
        self.bytes(offset, len)
    }

    /// The `len` bytes at `offset` of the file, where they can be had without reading them; those of a page
    /// that was entered before are as they were checked then.
    #[inline]
    fn at_hand(&self, offset: u64, len: u64) -> Option<&[u8]> {
        self.bytes(offset, len).ok()
    }

    /// Whether page `id` was checked before, or written by this process, and is as it was then.
    fn is_known(&self, id: PageId) -> bool;

    /// Page `id` has been checked.
    fn set_known(&self, id: PageId);

    /// The first page id that is in no tree.
    fn high_water(&self) -> PageId;

    /// The page size in bytes.
    fn page_size(&self) -> u32;

    /// Whether what comes next must be asked for ([`Self::fetch`]), since nobody reads ahead.
    #[inline]
    fn is_random(&self) -> bool {
        false
    }

    /// Begins to read the `page_count` pages from `id` on, in the background. Ids of no page are left out.
    fn fetch(&self, _id: PageId, _page_count: u64) {}

    /// Where page `id` begins in the file, in bytes.
    fn offset(&self, id: PageId) -> u64 {
        id.saturating_mul(u64::from(self.page_size()))
    }
}

/// Pages that can be had for a while: what is read for one step of a long walk need not stay for the next.
pub trait Scoped: Pages {
    /// The pages, for as long as it lives.
    type Scope<'s>: Scoped
    where
        Self: 's;

    /// Begins a while.
    fn scope(&self) -> Self::Scope<'_>;
}
