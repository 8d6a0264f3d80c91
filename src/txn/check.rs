//! The checker: what a committed state must hold so that this engine, and Go's, can read it and write it on.
//!
//! It reads the raw pages of the transaction's snapshot, trusts nothing that was checked before, and goes on
//! after what it finds. Its bounds hold on any bytes:
//!
//! C1. Time follows the length of the file. Each page belongs to one run at most, a run is examined once, and
//!     the elements of a run are looked at only as far as their keys and values could lie side by side in it.
//! C2. Memory is three bits a page at most, and a frame for each page or inline bucket on the way from the
//!     root to the place that is being examined. Nothing calls itself.
//! C3. A page whose header contradicts its place (id, kind, length), or whose overflow pages are in use
//!     elsewhere, is not entered: it is another page's, or nobody's. What lies below it is not judged, and
//!     pages that nothing reaches are not reported in that case.
//!
//! Readers and the writer go on meanwhile: the pages of a snapshot are not written while a transaction holds
//! it.

mod bytes;
mod elements;
mod list;
mod metas;
mod report;
mod walk;

pub use report::{Finding, FindingCode, Severity};

use crate::error::{Error, Result};
use crate::format::page::Header;
use crate::format::{FIRST_PAGE, PAGE_HEADER_LEN, PageId};
use crate::freelist::{Freelist, PageSet};
use crate::tree::Pages;

use super::Txn;
use super::snapshot::Snapshot;
use bytes::Bytes;
use report::Reporter;
use walk::Reference;

/// What is to be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Only the pages and buckets below this page. The meta pages, the freelist itself and pages that
    /// nothing reaches are left out then.
    pub from_page: Option<PageId>,
}

impl Txn {
    /// Checks the committed state that the transaction began from, and calls `report` for each finding, in
    /// the order in which they are met: the meta pages, the freelist, the trees, the pages that nothing
    /// reaches. How many there were.
    ///
    /// An error of `report` ends the check at once and comes back. What a write transaction has changed is
    /// not looked at. `BadHandle` where the transaction is reset.
    pub fn check(
        &self,
        options: CheckOptions,
        mut report: impl FnMut(&Finding<'_>) -> Result<()>,
    ) -> Result<u64> {
        let snapshot = self.snapshot()?;
        let storage = &*self.shared.storage;
        let mut checker = Checker::new(snapshot, storage.len()?, Reporter::new(&mut report));
        match options.from_page {
            Some(page) => {
                checker.out.silenced = true;
                checker.list()?;
                checker.out.silenced = false;
                checker.walk(Reference::asked_for(page))?;
            }
            None => {
                checker.metas(storage)?;
                let has_list = checker.list()?;
                checker.walk(Reference::root_bucket(&snapshot.meta))?;
                if has_list && checker.is_complete {
                    checker.unreachable()?;
                }
            }
        }
        Ok(checker.out.count)
    }
}

/// Checks a state that is written and not committed yet, whose free pages are `freelist`. The first error
/// ends the check and comes back as corruption.
pub(super) fn check_written(snapshot: &Snapshot, file_len: u64, freelist: &Freelist) -> Result<()> {
    let mut refuse = |finding: &Finding<'_>| match finding.severity {
        Severity::Error => Err(Error::corrupt(finding.page, finding.text.to_owned())),
        Severity::Warning => Ok(()),
    };
    let mut checker = Checker::new(snapshot, file_len, Reporter::new(&mut refuse));
    if !checker.list()? {
        for id in freelist.ids() {
            checker.free.insert(id)?;
        }
    }
    checker.walk(Reference::root_bucket(&snapshot.meta))?;
    checker.unreachable()
}

/// What is known of the pages as the check goes on.
struct Checker<'a, 'r> {
    snapshot: &'a Snapshot,
    file_len: u64,
    /// The pages that a tree or the freelist occupies.
    used: PageSet,
    /// Those of them with which no page of a tree begins.
    inner: PageSet,
    /// The pages that the freelist names.
    free: PageSet,
    /// Whether all that can be reached was reached (C3).
    is_complete: bool,
    out: Reporter<'r>,
}

impl<'a, 'r> Checker<'a, 'r> {
    fn new(snapshot: &'a Snapshot, file_len: u64, out: Reporter<'r>) -> Checker<'a, 'r> {
        let (used, inner, free) = (PageSet::new(), PageSet::new(), PageSet::new());
        Checker { snapshot, file_len, used, inner, free, is_complete: true, out }
    }

    fn high_water(&self) -> PageId {
        self.snapshot.meta.high_water
    }

    /// The `len` bytes at the head of page `id`, which lies below the high water; `None` past the end of the
    /// file.
    fn bytes(&self, id: PageId, len: u64) -> Result<Option<Bytes<'a>>> {
        let offset = self.snapshot.offset(id);
        if offset.checked_add(len).is_none_or(|end| end > self.file_len) {
            return Ok(None);
        }
        match self.snapshot.view.reading() {
            // Past the cache: what counts is what the file has now.
            Some(view) => view.read(offset, len).map(|piece| Some(Bytes::read(piece))),
            None => Ok(self.snapshot.view.bytes(offset, len).map(Bytes::Shown)),
        }
    }

    /// The header of page `id`; `None` past the end of the file.
    fn header(&self, id: PageId) -> Result<Option<Header>> {
        let bytes = self.bytes(id, PAGE_HEADER_LEN as u64)?;
        Ok(bytes.and_then(|bytes| Header::decode(bytes.get())))
    }

    /// What a run of `page_count` pages from `id` on, which lies below the high water, passes the end of.
    fn passed_end(&self, id: PageId, page_count: u64) -> Option<&'static str> {
        if page_count > self.high_water().saturating_sub(id) {
            return Some("the database");
        }
        let end = self.snapshot.offset(id + page_count);
        if end > self.file_len { Some("the file") } else { None }
    }

    /// The bytes of a run that passes no end.
    fn run(&self, id: PageId, page_count: u64) -> Result<Bytes<'a>> {
        let len = page_count.saturating_mul(u64::from(self.snapshot.meta.page_size));
        self.bytes(id, len)?.ok_or(Error::NoMemory)
    }

    /// The pages that are neither in use nor free.
    fn unreachable(&mut self) -> Result<()> {
        for id in FIRST_PAGE..self.high_water() {
            if !self.used.contains(id) && !self.free.contains(id) {
                let text = format!("page {id} is neither in use nor free");
                self.out.error(FindingCode::Unreachable, id, &text)?;
            }
        }
        Ok(())
    }
}
