//! One committed state of the database: its meta, and a view of the file that reaches as far as it needs.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::meta::Meta;
use crate::format::page::Header;
use crate::format::{FIRST_PAGE, PageId};
use crate::storage::View;
use crate::tree::Pages;

use super::known::KnownPages;

/// A committed state, immutable: its pages are not written while anyone holds it (reuse waits for the
/// readers).
pub struct Snapshot {
    /// What the meta page said.
    pub meta: Meta,
    /// The file's bytes.
    pub view: View,
    /// Which pages have been checked; shared by all snapshots of the database.
    pub known: Arc<KnownPages>,
    page_shift: u32,
}

impl Snapshot {
    /// The state that `meta` describes. Its page size must be a power of two.
    pub fn new(meta: Meta, view: View, known: Arc<KnownPages>) -> Snapshot {
        Snapshot { meta, view, known, page_shift: meta.page_size.trailing_zeros() }
    }

    /// The length of the database in bytes: high water x page size.
    #[expect(clippy::len_without_is_empty, reason = "a database is never empty")]
    pub fn len(&self) -> u64 {
        self.meta.high_water << self.page_shift
    }
}

#[cold]
fn outside(id: PageId) -> Error {
    Error::corrupt(id, "is referred to, but lies outside the database")
}

impl Pages for Snapshot {
    #[inline]
    fn run(&self, id: PageId) -> Result<&[u8]> {
        if !(FIRST_PAGE..self.meta.high_water).contains(&id) {
            return Err(outside(id));
        }
        let (offset, len) = (id << self.page_shift, 1 << self.page_shift);
        let Some(page) = self.view.bytes(offset, len) else { return Err(outside(id)) };
        let Some(header) = Header::decode(page) else { return Err(outside(id)) };
        if header.overflow == 0 {
            return Ok(page);
        }
        let page_count = u64::from(header.overflow) + 1;
        if page_count > self.meta.high_water - id {
            return Err(Error::corrupt(id, "its overflow pages pass the end of the database"));
        }
        self.view.bytes(offset, page_count << self.page_shift).ok_or_else(|| outside(id))
    }

    #[inline]
    fn bytes(&self, offset: u64, len: u64) -> Result<&[u8]> {
        self.view.bytes(offset, len).ok_or_else(|| outside(offset >> self.page_shift))
    }

    #[inline]
    fn is_known(&self, id: PageId) -> bool {
        self.known.contains(id)
    }

    fn set_known(&self, id: PageId) {
        self.known.insert(id);
    }

    fn high_water(&self) -> PageId {
        self.meta.high_water
    }

    fn page_size(&self) -> u32 {
        self.meta.page_size
    }

    #[inline]
    fn offset(&self, id: PageId) -> u64 {
        id << self.page_shift
    }
}
