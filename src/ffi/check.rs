//! The checker, and what it finds.
#![expect(unsafe_code, reason = "handles, functions and out-parameters are pointers")]

use std::ffi::{c_char, c_int, c_void};

use super::boundary::{guard, write};
use super::callback::{Stop, ask, c_text};
use super::error::BOLT_OK;
use super::txn::{TxnCall, bolt_txn};
use crate::error::Error;
use crate::{CheckOptions, Finding, Severity};

/// A severity: not as it should be, but nothing is lost, and everything can be read and written on.
pub const BOLT_SEVERITY_WARNING: u32 = 1;
/// A severity: damage. Something cannot be read, or writing on would lose data.
pub const BOLT_SEVERITY_ERROR: u32 = 2;

/// A meta page cannot be used. A warning while the other one can.
pub const BOLT_FINDING_META_DAMAGED: u32 = 1;
/// The page header of a meta page is wrong, which nobody but Go's check reads. A warning.
pub const BOLT_FINDING_META_HEADER: u32 = 2;
/// The file is shorter than the meta page says.
pub const BOLT_FINDING_FILE_TOO_SHORT: u32 = 3;
/// The freelist cannot be read: it lies outside the database, or its header is another page's.
pub const BOLT_FINDING_FREELIST_PAGE: u32 = 10;
/// The freelist names more pages than fit its own.
pub const BOLT_FINDING_FREELIST_LENGTH: u32 = 11;
/// The freelist names a page that is none: below 2, or past the high water.
pub const BOLT_FINDING_FREELIST_RANGE: u32 = 12;
/// The freelist names a page twice.
pub const BOLT_FINDING_FREELIST_TWICE: u32 = 13;
/// The freelist names a page that it occupies itself.
pub const BOLT_FINDING_FREELIST_SELF: u32 = 14;
/// A reference leads to a page that is none: below 2, or past the high water.
pub const BOLT_FINDING_PAGE_RANGE: u32 = 20;
/// A page is used twice.
pub const BOLT_FINDING_PAGE_TWICE: u32 = 21;
/// A reference leads back to a page above the one that has it.
pub const BOLT_FINDING_CYCLE: u32 = 22;
/// A page is in use, and free.
pub const BOLT_FINDING_PAGE_FREED: u32 = 23;
/// A page is neither in use nor free.
pub const BOLT_FINDING_UNREACHABLE: u32 = 24;
/// A page's header has another page's id.
pub const BOLT_FINDING_PAGE_ID: u32 = 25;
/// A page of a tree is neither branch nor leaf.
pub const BOLT_FINDING_PAGE_KIND: u32 = 26;
/// A page and its overflow pages pass the end of the database or of the file.
pub const BOLT_FINDING_PAGE_LENGTH: u32 = 27;
/// A tree is deeper than 64 pages.
pub const BOLT_FINDING_TOO_DEEP: u32 = 30;
/// The leaves of a tree lie at different depths. A warning.
pub const BOLT_FINDING_UNEVEN_DEPTH: u32 = 31;
/// A page without elements that is not the only page of a bucket.
pub const BOLT_FINDING_EMPTY_PAGE: u32 = 32;
/// A branch page with one child. A warning.
pub const BOLT_FINDING_SINGLE_CHILD: u32 = 33;
/// An element, or the table of all elements, lies outside its page.
pub const BOLT_FINDING_ELEMENT_OUTSIDE: u32 = 40;
/// An element's key lies within the table of elements.
pub const BOLT_FINDING_ELEMENT_IN_TABLE: u32 = 41;
/// Elements share bytes: together they are longer than their page.
pub const BOLT_FINDING_ELEMENTS_OVERLAP: u32 = 42;
/// An element of a leaf has flags that nobody knows. A warning.
pub const BOLT_FINDING_ELEMENT_FLAGS: u32 = 43;
/// A key without a byte.
pub const BOLT_FINDING_EMPTY_KEY: u32 = 50;
/// A key longer than BOLT_KEY_LEN_MAX. A warning.
pub const BOLT_FINDING_KEY_LENGTH: u32 = 51;
/// A key that does not come after the one before it on its page.
pub const BOLT_FINDING_KEY_ORDER: u32 = 52;
/// A page's first key is below the one that its parent has for it.
pub const BOLT_FINDING_KEY_BELOW: u32 = 53;
/// A key of a page reaches the next key of the branch pages above it.
pub const BOLT_FINDING_KEY_REACHES_NEXT: u32 = 54;
/// A page's first key is above the one that its parent has for it: Go's bbolt damages the file if it writes
/// there.
pub const BOLT_FINDING_BRANCH_KEY: u32 = 55;
/// A bucket's value is shorter than its header; or longer although it has a root page, a warning.
pub const BOLT_FINDING_BUCKET_VALUE: u32 = 60;
/// The page within an inline bucket's value is none that could be written there.
pub const BOLT_FINDING_INLINE_PAGE: u32 = 61;

/// A flag of bolt_check: leave out what is a warning.
pub const BOLT_CHECK_ERRORS_ONLY: u32 = 1;

/// One thing that the checker has found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_finding {
    /// The length of this struct in bytes: fields that this header does not know may follow.
    pub struct_size: usize,
    /// BOLT_SEVERITY_WARNING or BOLT_SEVERITY_ERROR.
    pub severity: u32,
    /// What it is about: a BOLT_FINDING_ number. Later versions may have further ones.
    pub code: u32,
    /// The page on which it was seen: for a bad reference the page that has it, otherwise the page that is
    /// not as it should be. An inline bucket's is the page that holds it.
    pub page: u64,
    /// What is wrong, as one sentence in UTF-8 that ends with a zero; valid until the function returns.
    pub text: *const c_char,
}

/// What bolt_check calls for each finding.
///
/// @param ctx What bolt_check was given.
/// @param finding The finding, valid until the function returns.
/// @return 0 to go on; anything else stops, and bolt_check returns it.
pub type bolt_finding_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, finding: *const bolt_finding) -> c_int>;

/// Checks the database as the transaction sees it: everything that Go's check finds, and what would make Go's
/// bbolt damage the file later. What a write transaction has changed is not looked at.
///
/// It stands any damage, takes time in proportion to the file, and others may read and write meanwhile.
///
/// @param txn The transaction. Until bolt_check returns, other calls on it answer BOLT_BUSY.
/// @param from_page Check only the pages and buckets below this page, without the meta pages, the freelist
///     and pages that nothing reaches; 0: check everything.
/// @param flags BOLT_CHECK_ERRORS_ONLY or 0.
/// @param fn Called for each finding; NULL: they are counted only.
/// @param ctx Given to the function.
/// @param findings How many findings there were; 0: the database is sound.
/// @return BOLT_OK, whatever was found; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE;
///     BOLT_FORKED; an errno such as ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_check(
    txn: *mut bolt_txn,
    from_page: u64,
    flags: u32,
    r#fn: bolt_finding_fn,
    ctx: *mut c_void,
    findings: *mut u64,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let checked = call.lend(|txn| {
            if flags & !BOLT_CHECK_ERRORS_ONLY != 0 {
                return Err(Error::Argument("an unknown flag of a check").into());
            }
            let options = CheckOptions { from_page: (from_page != 0).then_some(from_page) };
            let (mut stopped, mut count) = (None, 0_u64);
            let done = txn.check(options, |finding| {
                if flags & BOLT_CHECK_ERRORS_ONLY != 0 && finding.severity == Severity::Warning {
                    return Ok(());
                }
                count += 1;
                let Some(function) = r#fn else { return Ok(()) };
                let text = c_text(finding.text);
                let told = told(finding, text.as_ptr());
                // SAFETY: the conventions of the header: a function of this type, and its context.
                ask(|| unsafe { function(ctx, &raw const told) }).map_err(|stop| {
                    stopped = Some(stop);
                    Error::Busy("the check was stopped".into())
                })
            });
            match (stopped, done) {
                (Some(stop), _) => Err(stop),
                (None, done) => done.map(|_| count).map_err(Stop::Failed),
            }
        })?;
        match checked {
            Ok(count) => {
                // SAFETY: the conventions of the header: NULL, or a place for the number.
                unsafe { write(findings, count) };
                Ok(BOLT_OK)
            }
            Err(code) => Ok(code),
        }
    })
}

fn told(finding: &Finding<'_>, text: *const c_char) -> bolt_finding {
    bolt_finding {
        struct_size: size_of::<bolt_finding>(),
        severity: finding.severity as u32,
        code: finding.code as u32,
        page: finding.page,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FindingCode as Code;

    #[test]
    fn the_numbers_of_the_header_are_the_engine_s() {
        assert_eq!(Severity::Warning as u32, BOLT_SEVERITY_WARNING);
        assert_eq!(Severity::Error as u32, BOLT_SEVERITY_ERROR);
        let pairs = [
            (Code::MetaDamaged, BOLT_FINDING_META_DAMAGED),
            (Code::MetaHeader, BOLT_FINDING_META_HEADER),
            (Code::FileTooShort, BOLT_FINDING_FILE_TOO_SHORT),
            (Code::FreelistPage, BOLT_FINDING_FREELIST_PAGE),
            (Code::FreelistLength, BOLT_FINDING_FREELIST_LENGTH),
            (Code::FreelistRange, BOLT_FINDING_FREELIST_RANGE),
            (Code::FreelistTwice, BOLT_FINDING_FREELIST_TWICE),
            (Code::FreelistSelf, BOLT_FINDING_FREELIST_SELF),
            (Code::PageRange, BOLT_FINDING_PAGE_RANGE),
            (Code::PageTwice, BOLT_FINDING_PAGE_TWICE),
            (Code::Cycle, BOLT_FINDING_CYCLE),
            (Code::PageFreed, BOLT_FINDING_PAGE_FREED),
            (Code::Unreachable, BOLT_FINDING_UNREACHABLE),
            (Code::PageId, BOLT_FINDING_PAGE_ID),
            (Code::PageKind, BOLT_FINDING_PAGE_KIND),
            (Code::PageLength, BOLT_FINDING_PAGE_LENGTH),
            (Code::TooDeep, BOLT_FINDING_TOO_DEEP),
            (Code::UnevenDepth, BOLT_FINDING_UNEVEN_DEPTH),
            (Code::EmptyPage, BOLT_FINDING_EMPTY_PAGE),
            (Code::SingleChild, BOLT_FINDING_SINGLE_CHILD),
            (Code::ElementOutside, BOLT_FINDING_ELEMENT_OUTSIDE),
            (Code::ElementInTable, BOLT_FINDING_ELEMENT_IN_TABLE),
            (Code::ElementsOverlap, BOLT_FINDING_ELEMENTS_OVERLAP),
            (Code::ElementFlags, BOLT_FINDING_ELEMENT_FLAGS),
            (Code::EmptyKey, BOLT_FINDING_EMPTY_KEY),
            (Code::KeyLength, BOLT_FINDING_KEY_LENGTH),
            (Code::KeyOrder, BOLT_FINDING_KEY_ORDER),
            (Code::KeyBelow, BOLT_FINDING_KEY_BELOW),
            (Code::KeyReachesNext, BOLT_FINDING_KEY_REACHES_NEXT),
            (Code::BranchKey, BOLT_FINDING_BRANCH_KEY),
            (Code::BucketValue, BOLT_FINDING_BUCKET_VALUE),
            (Code::InlinePage, BOLT_FINDING_INLINE_PAGE),
        ];
        for (code, number) in pairs {
            assert_eq!(code as u32, number, "{code:?}");
        }
    }
}
