//! What the checker says: kinds with frozen numbers, and the way to whoever asked.

use crate::error::Result;
use crate::format::PageId;

/// How grave a finding is. The numbers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Severity {
    /// Not as it should be, but nothing is lost and everything can be read and written on.
    Warning = 1,
    /// Damage: something cannot be read, or writing on would lose data.
    Error = 2,
}

/// What a finding is about. The numbers are frozen: a new kind takes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum FindingCode {
    /// A meta page cannot be used. A warning while the other one can.
    MetaDamaged = 1,
    /// The page header of a meta page is wrong, which nobody but bbolt's check reads. A warning.
    MetaHeader = 2,
    /// The file is shorter than the meta page says.
    FileTooShort = 3,
    /// The freelist cannot be read: it lies outside the database, or its header is another page's.
    FreelistPage = 10,
    /// The freelist names more pages than fit its own.
    FreelistLength = 11,
    /// The freelist names a page that is none: below 2, or past the high water.
    FreelistRange = 12,
    /// The freelist names a page twice (bbolt: "already freed").
    FreelistTwice = 13,
    /// The freelist names a page that it occupies itself.
    FreelistSelf = 14,
    /// A reference leads to a page that is none: below 2, or past the high water (bbolt: "out of bounds").
    PageRange = 20,
    /// A page is used twice (bbolt: "multiple references").
    PageTwice = 21,
    /// A reference leads back to a page above the one that has it.
    Cycle = 22,
    /// A page is in use, and free (bbolt: "reachable freed").
    PageFreed = 23,
    /// A page is neither in use nor free (bbolt: "unreachable unfreed").
    Unreachable = 24,
    /// A page's header has another page's id.
    PageId = 25,
    /// A page of a tree is neither branch nor leaf (bbolt: "invalid type", "unexpected page type").
    PageKind = 26,
    /// A page and its overflow pages pass the end of the database or of the file.
    PageLength = 27,
    /// A tree is deeper than 64 pages.
    TooDeep = 30,
    /// The leaves of a tree lie at different depths. A warning.
    UnevenDepth = 31,
    /// A page without elements that is not the only page of a bucket.
    EmptyPage = 32,
    /// A branch page with one child. A warning.
    SingleChild = 33,
    /// An element, or the table of all elements, lies outside its page.
    ElementOutside = 40,
    /// An element's key lies within the table of elements.
    ElementInTable = 41,
    /// Elements share bytes: together they are longer than their page.
    ElementsOverlap = 42,
    /// An element of a leaf has flags that nobody knows. A warning.
    ElementFlags = 43,
    /// A key without a byte.
    EmptyKey = 50,
    /// A key longer than 32768 bytes, which bbolt and this engine refuse to write. A warning.
    KeyLength = 51,
    /// A key that does not come after the one before it on its page.
    KeyOrder = 52,
    /// A page's first key is below the one that its parent has for it.
    KeyBelow = 53,
    /// A key of a page reaches the next key of the branch pages above it.
    KeyReachesNext = 54,
    /// A page's first key is above the one that its parent has for it: bbolt damages the file if it writes
    /// there.
    BranchKey = 55,
    /// A bucket's value is shorter than its header; or longer although it has a root page, a warning.
    BucketValue = 60,
    /// The page within an inline bucket's value is none that could be written there.
    InlinePage = 61,
}

/// One thing that the checker has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// How grave it is.
    pub severity: Severity,
    /// What it is about.
    pub code: FindingCode,
    /// The page on which it was seen: for a bad reference the page that has it, otherwise the page that is
    /// not as it should be. An inline bucket's is the page that holds it.
    pub page: PageId,
    /// What is wrong, in a sentence.
    pub text: &'a str,
}

/// The way of findings to whoever asked for the check.
pub(super) struct Reporter<'r> {
    report: &'r mut dyn FnMut(&Finding<'_>) -> Result<()>,
    /// How many went that way.
    pub count: u64,
    /// Whether they are kept back for now.
    pub silenced: bool,
}

impl<'r> Reporter<'r> {
    pub fn new(report: &'r mut dyn FnMut(&Finding<'_>) -> Result<()>) -> Reporter<'r> {
        Reporter { report, count: 0, silenced: false }
    }

    #[cold]
    pub fn error(&mut self, code: FindingCode, page: PageId, text: &str) -> Result<()> {
        self.give(Finding { severity: Severity::Error, code, page, text })
    }

    #[cold]
    pub fn warning(&mut self, code: FindingCode, page: PageId, text: &str) -> Result<()> {
        self.give(Finding { severity: Severity::Warning, code, page, text })
    }

    pub fn give(&mut self, finding: Finding<'_>) -> Result<()> {
        if self.silenced {
            return Ok(());
        }
        self.count += 1;
        (self.report)(&finding)
    }
}
