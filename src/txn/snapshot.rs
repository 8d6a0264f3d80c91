//! One committed state of the database: its meta, and a view of the file that reaches as far as it needs.
//!
//! Without a map, what is asked of the snapshot itself is lent: it stays until the snapshot ends, so each
//! transaction has a snapshot of its own. The pages that a writer's nodes refer to are asked for here; who
//! only passes asks a [`super::scope::Scope`].

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::meta::Meta;
use crate::format::page::Header;
use crate::format::{FIRST_PAGE, PageId};
use crate::freelist::Run;
use crate::storage::View;
use crate::storage::reading::{Piece, ReadView};
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

    /// The same state for a transaction of its own; without a map, it has lent nothing yet.
    pub fn for_transaction(self: Arc<Snapshot>) -> Arc<Snapshot> {
        match &self.view {
            View::Reading(view) => {
                Arc::new(Snapshot { view: View::Reading(view.apart()), known: self.known.clone(), ..*self })
            }
            _ => self,
        }
    }

    /// The pages of `run` are about to be written anew: nothing is known of them.
    pub fn forget(&self, run: Run) {
        self.known.forget(run);
        self.forget_read(run);
    }

    /// What was read of `run`, which has been written meanwhile, is not kept.
    pub fn forget_read(&self, run: Run) {
        if let Some(view) = self.view.reading() {
            view.forget(run.id << self.page_shift, run.page_count << self.page_shift);
        }
    }

    /// Without a map: a commit, which must come to an end, lends more than others may.
    pub fn use_reserve(&self) {
        if let Some(view) = self.view.reading() {
            view.use_reserve();
        }
    }

    /// The length of the database in bytes: high water x page size.
    #[expect(clippy::len_without_is_empty, reason = "a database is never empty")]
    pub fn len(&self) -> u64 {
        self.meta.high_water << self.page_shift
    }

    /// The header with which page `id` begins, and its run's length in pages, checked against the high water.
    fn header_of(&self, id: PageId, bytes: &[u8]) -> Result<(Header, u64)> {
        let header = Header::decode(bytes).ok_or_else(|| outside(id))?;
        let page_count = u64::from(header.overflow) + 1;
        if page_count > self.meta.high_water - id {
            return Err(Error::corrupt(id, "its overflow pages pass the end of the database"));
        }
        Ok((header, page_count))
    }

    /// The error of bytes that are not where they should be.
    #[cold]
    pub(super) fn outside_at(&self, offset: u64) -> Error {
        outside(offset >> self.page_shift)
    }

    /// The run of page `id`, read and lent.
    #[cold]
    fn lent_run(&self, id: PageId) -> Result<&[u8]> {
        let Some(view) = self.view.reading() else { return Err(outside(id)) };
        view.lend(&read_run(self, view, id)?).map(|piece| piece.bytes())
    }

    /// The bytes that the view does not show, read and lent.
    #[cold]
    fn lent_bytes(&self, offset: u64, len: u64) -> Result<&[u8]> {
        let Some(view) = self.view.reading() else { return Err(self.outside_at(offset)) };
        if len == 0 {
            return Ok(&[]);
        }
        let lent = match view.find_lent(offset, len) {
            Some(lent) => lent,
            None => match view.find(offset, len) {
                Some(piece) => view.lend(&piece)?,
                None => view.lend(&view.read_around(offset, len)?)?,
            },
        };
        lent.part(offset, len).ok_or_else(|| self.outside_at(offset))
    }
}

/// The run of page `id` as a piece: one that was read before, or read now.
pub(super) fn read_run(snapshot: &Snapshot, view: &ReadView, id: PageId) -> Result<Arc<Piece>> {
    if !(FIRST_PAGE..snapshot.meta.high_water).contains(&id) {
        return Err(outside(id));
    }
    let offset = snapshot.offset(id);
    let page_len = 1 << snapshot.page_shift;
    let piece = view.whole(offset, || {
        let first = view.read(offset, page_len)?;
        match snapshot.header_of(id, first.bytes())? {
            (_, 1) => Ok(first),
            (_, page_count) => view.read(offset, page_count << snapshot.page_shift),
        }
    })?;
    // It may have been read for another state, or have changed between the two reads.
    let (_, page_count) = snapshot.header_of(id, piece.bytes())?;
    if page_count << snapshot.page_shift != piece.bytes().len() as u64 {
        return Err(Error::corrupt(id, "its overflow pages changed while it was read"));
    }
    Ok(piece)
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
        let Some(page) = self.view.bytes(offset, len) else { return self.lent_run(id) };
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
        match self.view.bytes(offset, len) {
            Some(bytes) => Ok(bytes),
            None => self.lent_bytes(offset, len),
        }
    }

    #[inline]
    fn at_hand(&self, offset: u64, len: u64) -> Option<&[u8]> {
        self.view.bytes(offset, len)
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
    fn is_random(&self) -> bool {
        self.view.is_random()
    }

    fn fetch(&self, id: PageId, page_count: u64) {
        if (FIRST_PAGE..self.meta.high_water).contains(&id) {
            let page_count = page_count.min(self.meta.high_water - id);
            self.view.fetch(id << self.page_shift, page_count << self.page_shift);
        }
    }

    #[inline]
    fn offset(&self, id: PageId) -> u64 {
        id << self.page_shift
    }
}
