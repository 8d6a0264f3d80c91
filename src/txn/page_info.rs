//! What a page of the file is, as bbolt's `Tx.Page` tells it.

use crate::error::{Error, Result};
use crate::format::page::{Header, Kind};
use crate::format::{FIRST_PAGE, PAGE_HEADER_LEN, PageId};
use crate::tree::{Pages, Scoped};

use super::snapshot::Snapshot;
use super::{Mode, Txn, free_pages};

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// It may be reused, now or once nobody sees it.
    Free,
    /// A branch of a bucket's tree.
    Branch,
    /// A leaf of a bucket's tree.
    Leaf,
    /// One of the two meta pages.
    Meta,
    /// The list of free pages.
    Freelist,
    /// Nothing that its header tells: the inside of a run, or damage.
    Unknown,
}

/// A page, by what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Its number.
    pub id: PageId,
    /// What it is.
    pub kind: PageKind,
    /// How many elements it has; of a free page, what was left in its header.
    pub element_count: u32,
    /// How many further pages belong to it; of a free page, as above.
    pub overflow_count: u32,
}

impl Txn {
    /// What page `id` is in the state with which the transaction began; `None` from its high water on.
    ///
    /// `FreePagesNotLoaded` in a database that was opened read-only and without its free pages.
    pub fn page_info(&mut self, id: PageId) -> Result<Option<PageInfo>> {
        let high_water = self.snapshot()?.meta.high_water;
        if id >= high_water {
            return Ok(None);
        }
        let is_free = id >= FIRST_PAGE && self.is_free(id)?;
        let header = self.raw_header(id)?;
        let kind = match (is_free, header.kind()) {
            (true, _) => PageKind::Free,
            (false, Some(Kind::Branch)) => PageKind::Branch,
            (false, Some(Kind::Leaf)) => PageKind::Leaf,
            (false, Some(Kind::Meta)) => PageKind::Meta,
            (false, Some(Kind::Freelist)) => PageKind::Freelist,
            (false, None) => PageKind::Unknown,
        };
        let element_count = u32::from(header.count);
        Ok(Some(PageInfo { id, kind, element_count, overflow_count: header.overflow }))
    }

    /// The header of a page below the high water, unchecked. Meta pages are rewritten in place, so they are
    /// read from the file.
    fn raw_header(&self, id: PageId) -> Result<Header> {
        let snapshot: &Snapshot = self.snapshot()?;
        let offset = snapshot.offset(id);
        let header = if id < FIRST_PAGE {
            let mut bytes = [0; PAGE_HEADER_LEN];
            let len = self.shared.storage.read_at(&mut bytes, offset)?;
            Header::decode(bytes.get(..len).unwrap_or_default())
        } else {
            Header::decode(snapshot.scope().bytes(offset, PAGE_HEADER_LEN as u64)?)
        };
        header.ok_or_else(|| Error::corrupt(id, "the file ends before the page"))
    }

    fn is_free(&mut self, id: PageId) -> Result<bool> {
        if let Mode::Write(writer) = &self.mode {
            return Ok(writer.freelist.as_ref().is_some_and(|list| list.contains(id)));
        }
        if self.shared.read_only {
            let found = self.shared.with_idle_writer(|writer| Some(writer.freelist.as_ref()?.contains(id)));
            return found.flatten().ok_or(Error::FreePagesNotLoaded);
        }
        let list = match self.free.take() {
            Some(list) => list,
            None => Box::new(free_pages::load(self.snapshot()?)?),
        };
        Ok(self.free.insert(list).contains(id))
    }
}
