//! The border to C: everything done with a caller's pointers, the net under panics, and the memory of what
//! failed.
//!
//! B1. A pointer of the caller's is read only where its length says that something lies there; NULL is fine
//!     where the length is zero.
//! B2. An out-parameter is written only on success, after everything that can fail, and may be NULL.
//! B3. No panic leaves the library: [`guard`] makes it an error like any other.
//! B4. `BOLT_NOTFOUND` is an answer, not a failure: it is neither recorded nor allocates.
#![expect(unsafe_code, reason = "the pointers of C are followed here")]

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::db::bolt_db;
use super::error::{BOLT_ERROR_TEXT_LEN, BOLT_NO_PAGE, BOLT_NOTFOUND};
use super::handle::Reference;
use super::version;
use crate::error::{Error, Result};

/// Structs longer than this are taken for a `struct_size` that was never set.
const STRUCT_LEN_MAX: usize = 4096;

/// The `len` bytes at `data`.
///
/// # Safety
///
/// `data` is NULL, or `len` bytes can be read there and nobody writes them as long as the result is used.
#[inline]
pub unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8]> {
    if data.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(Error::Argument("NULL with a length other than zero")) };
    }
    if len > isize::MAX as usize {
        return Err(Error::Argument("a length beyond the address space"));
    }
    // SAFETY: not NULL, bytes need no alignment, the length was checked, the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) })
}

/// The text at `text`, without its final zero.
///
/// # Safety
///
/// `text` is NULL or ends with a zero byte, and nobody writes it as long as the result is used.
pub unsafe fn text<'a>(text: *const c_char) -> Result<&'a CStr> {
    if text.is_null() {
        return Err(Error::Argument("NULL in place of a text"));
    }
    // SAFETY: not NULL, the rest is the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Gives the caller a result (B2).
///
/// # Safety
///
/// `out` is NULL or a place for a `T`.
#[inline]
pub unsafe fn write<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller promises a place for it.
        unsafe { out.write(value) };
    }
}

/// A struct of the C API that begins with `struct_size` and grows from release to release.
///
/// # Safety
///
/// The type is `repr(C)`, its first field is a `usize` with the struct's size, its fields are numbers (any
/// bytes are a value of it), and it has no padding between or after them.
pub unsafe trait Growing: Copy {
    /// Every size the struct ever had in a release, the present one last.
    const RELEASED: &'static [usize];
}

/// The number of bytes that a caller's struct has, where that is one we can work with.
fn accepted<T: Growing>(struct_size: usize) -> Result<usize> {
    let larger = struct_size > size_of::<T>() && struct_size <= STRUCT_LEN_MAX;
    if larger || T::RELEASED.contains(&struct_size) {
        Ok(struct_size)
    } else {
        Err(Error::Argument("struct_size is no size that the struct ever had"))
    }
}

/// A struct as the caller filled it: fields that its version lacks are those of `fallback`, fields that ours
/// lacks must be zero.
///
/// # Safety
///
/// `from` is NULL or points to a struct that begins with its size, all of which is initialised.
pub unsafe fn read_struct<T: Growing>(from: *const T, fallback: T) -> Result<T> {
    if from.is_null() {
        return Ok(fallback);
    }
    // SAFETY: not NULL, and every such struct begins with its size.
    let size = accepted::<T>(unsafe { from.cast::<usize>().read() })?;
    // SAFETY: the caller's struct has so many bytes, initialised.
    let given = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size) };
    let known = size.min(size_of::<T>());
    if given[known..].iter().any(|&byte| byte != 0) {
        return Err(version::unknown_field());
    }
    let mut value = fallback;
    let target = std::ptr::from_mut(&mut value).cast::<u8>();
    // SAFETY: `known` is at most the length of either; `value` is ours; any bytes are a value (Growing).
    unsafe { target.copy_from_nonoverlapping(given.as_ptr(), known) };
    Ok(value)
}

/// Fills the caller's struct: fields that its version lacks are left out, fields that ours lacks become
/// zero, its `struct_size` stays.
///
/// # Safety
///
/// `to` is NULL or points to a struct whose first field is its size, set.
pub unsafe fn write_struct<T: Growing>(to: *mut T, value: &T) -> Result<()> {
    if to.is_null() {
        return Err(Error::Argument("NULL in place of a struct"));
    }
    // SAFETY: not NULL, and every such struct begins with its size.
    let size = unsafe { to.cast::<usize>().read() };
    // SAFETY: the caller's promise, and the size is the one that the struct says it has.
    unsafe { fill_struct(to, size, value) }
}

/// Whether [`write_struct`] can fill the caller's struct.
///
/// # Safety
///
/// `to` is NULL or points to a struct whose first field is its size, set.
pub unsafe fn check_struct<T: Growing>(to: *mut T) -> Result<()> {
    if to.is_null() {
        return Err(Error::Argument("NULL in place of a struct"));
    }
    // SAFETY: not NULL, and every such struct begins with its size.
    accepted::<T>(unsafe { to.cast::<usize>().read() }).map(|_| ())
}

/// As [`write_struct`], for a struct that does not have its size yet; `struct_size` is set.
///
/// # Safety
///
/// `to` is NULL or points to `struct_size` bytes.
pub unsafe fn fill_struct<T: Growing>(to: *mut T, struct_size: usize, value: &T) -> Result<()> {
    if to.is_null() {
        return Err(Error::Argument("NULL in place of a struct"));
    }
    let size = accepted::<T>(struct_size)?;
    let known = size.min(size_of::<T>());
    let source = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: the caller's struct has `size` bytes, and `known` is at most that and at most the length of
    // `value`.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(source, known) };
    // SAFETY: `known` is at most `size`.
    let tail = unsafe { to.cast::<u8>().add(known) };
    // SAFETY: `size - known` bytes of the caller's struct are left there.
    unsafe { tail.write_bytes(0, size - known) };
    // SAFETY: every such struct begins with its size.
    unsafe { to.cast::<usize>().write(struct_size) };
    Ok(())
}

/// An error with the place where it happened.
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The database, where there is one.
    pub db: Option<Reference<bolt_db>>,
    /// The transaction's id, or 0.
    pub txn: u64,
}

impl From<Error> for Failure {
    #[inline]
    fn from(error: Error) -> Failure {
        Failure { error, db: None, txn: 0 }
    }
}

impl Failure {
    /// Records the failure for its thread and its database, and returns its code.
    #[cold]
    fn report(self) -> c_int {
        let code = self.error.code();
        if code != BOLT_NOTFOUND {
            let record = Record::of(&self.error, self.txn);
            if let Some(db) = self.db.and_then(|db| db.content()) {
                db.remember(&record);
            }
            LAST.with(|last| match last.try_borrow_mut() {
                Ok(mut last) => *last = record,
                Err(_) => debug_assert!(false, "a failure was reported while another was read"),
            });
        }
        code
    }
}

/// Runs the body of a C function and turns what comes of it into a code (B3).
#[inline]
pub fn guard(body: impl FnOnce() -> std::result::Result<c_int, Failure>) -> c_int {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => failure.report(),
        Err(payload) => Failure::from(panicked(payload)).report(),
    }
}

/// The error that a panic becomes.
#[cold]
pub fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap_or(&"a panic without a text").to_string(),
    };
    Error::Panic(text)
}

thread_local! {
    /// What failed last on this thread. It has no destructor, so it can be used to the thread's very end.
    static LAST: RefCell<Record> = const { RefCell::new(Record::NONE) };
}

/// What failed last on this thread.
pub fn last_failure() -> Record {
    LAST.with(|last| last.try_borrow().map_or(Record::NONE, |last| *last))
}

/// A failure, told in fixed room: it is recorded without an allocation.
#[derive(Clone, Copy)]
pub struct Record {
    /// Its code; 0: nothing failed yet.
    pub code: c_int,
    /// The operating system's errno, or 0.
    pub os_errno: c_int,
    /// The page, or `BOLT_NO_PAGE`.
    pub page: u64,
    /// The transaction's id, or 0.
    pub txn: u64,
    /// UTF-8, cut at a character where it is too long, zeros to the end.
    pub text: [c_char; BOLT_ERROR_TEXT_LEN],
}

impl Record {
    /// Nothing has failed.
    pub const NONE: Record =
        Record { code: 0, os_errno: 0, page: BOLT_NO_PAGE, txn: 0, text: [0; BOLT_ERROR_TEXT_LEN] };

    fn of(error: &Error, txn: u64) -> Record {
        let os_errno = match error {
            Error::Os { source, .. } => source.raw_os_error().unwrap_or(0),
            _ => 0,
        };
        let page = error.page().unwrap_or(BOLT_NO_PAGE);
        let mut record = Record { code: error.code(), os_errno, page, txn, ..Record::NONE };
        let mut line = Line { text: &mut record.text, len: 0 };
        // A text that does not fit is cut, and that is no failure.
        let _ = write!(line, "{error}");
        record
    }
}

impl Default for Record {
    fn default() -> Record {
        Record::NONE
    }
}

/// A text that grows in fixed room and keeps a zero at its end.
struct Line<'a> {
    text: &'a mut [c_char; BOLT_ERROR_TEXT_LEN],
    len: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let room = BOLT_ERROR_TEXT_LEN - 1 - self.len;
        let cut = (0..=room.min(part.len())).rev().find(|&end| part.is_char_boundary(end)).unwrap_or(0);
        let target = self.text.iter_mut().skip(self.len);
        for (to, &from) in target.zip(&part.as_bytes()[..cut]) {
            *to = from as c_char;
        }
        self.len += cut;
        if cut == part.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::{BOLT_OK, BOLT_PANIC};
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        struct_size: usize,
        old: u64,
        new: u64,
    }

    // SAFETY: repr(C), numbers alone, the size first.
    unsafe impl Growing for Grown {
        const RELEASED: &'static [usize] = &[16, 24];
    }

    const FALLBACK: Grown = Grown { struct_size: 24, old: 1, new: 2 };

    fn read(words: &[u64]) -> Result<Grown> {
        // SAFETY: each test gives as many words as its first one says.
        unsafe { read_struct(words.as_ptr().cast::<Grown>(), FALLBACK) }
    }

    #[test]
    fn a_struct_of_any_release_is_read_and_newer_fields_must_be_zero() {
        assert_eq!(read(&[24, 5, 6]).unwrap(), Grown { struct_size: 24, old: 5, new: 6 });
        assert_eq!(read(&[16, 5]).unwrap(), Grown { struct_size: 16, old: 5, new: 2 });
        assert_eq!(read(&[40, 5, 6, 0, 0]).unwrap(), Grown { struct_size: 40, old: 5, new: 6 });
        assert!(read(&[40, 5, 6, 0, 1]).is_err());
        assert!(read(&[0]).is_err());
        assert!(read(&[8]).is_err());
        assert!(read(&[20, 5, 6]).is_err());
        assert!(read(&[4097]).is_err());
        assert!(read(&[u64::MAX]).is_err());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { read_struct(std::ptr::null(), FALLBACK) }.unwrap(), FALLBACK);
    }

    #[test]
    fn a_struct_of_any_release_is_filled_and_no_byte_beyond_it() {
        let value = Grown { struct_size: 24, old: 5, new: 6 };
        let fill = |words: &mut [u64]| {
            // SAFETY: each test gives as many words as its first one says.
            unsafe { write_struct(words.as_mut_ptr().cast::<Grown>(), &value) }
        };
        let mut words = [16, 9, 9, 9, 9, 9];
        fill(&mut words).unwrap();
        assert_eq!(words, [16, 5, 9, 9, 9, 9]);
        words = [24, 9, 9, 9, 9, 9];
        fill(&mut words).unwrap();
        assert_eq!(words, [24, 5, 6, 9, 9, 9]);
        words = [40, 9, 9, 9, 9, 9];
        fill(&mut words).unwrap();
        assert_eq!(words, [40, 5, 6, 0, 0, 9]);
        words = [8, 9, 9, 9, 9, 9];
        assert!(fill(&mut words).is_err());
        assert_eq!(words, [8, 9, 9, 9, 9, 9]);
        // SAFETY: NULL is allowed.
        assert!(unsafe { write_struct(std::ptr::null_mut(), &value) }.is_err());
    }

    #[test]
    fn bytes_may_be_null_where_there_are_none() {
        // SAFETY: NULL is allowed with any length.
        unsafe {
            assert_eq!(bytes(std::ptr::null(), 0).unwrap(), b"");
        }
        // SAFETY: NULL is allowed with any length.
        assert!(matches!(unsafe { bytes(std::ptr::null(), 1) }, Err(Error::Argument(_))));
        let byte = 7_u8;
        let pointer = std::ptr::from_ref(&byte).cast::<c_void>();
        // SAFETY: one byte lies there.
        assert_eq!(unsafe { bytes(pointer, 1) }.unwrap(), [7]);
        // SAFETY: the length is refused before anything is read.
        assert!(matches!(unsafe { bytes(pointer, usize::MAX) }, Err(Error::Argument(_))));
    }

    fn told() -> (c_int, String) {
        let record = last_failure();
        let bytes: Vec<u8> = record.text.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        (record.code, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_panic_becomes_a_code_with_its_text() {
        assert_eq!(guard(|| panic!("the {} is on fire", "tree")), BOLT_PANIC);
        assert_eq!(told(), (BOLT_PANIC, "internal error: the tree is on fire".to_owned()));
        assert_eq!(guard(|| panic!("plain")), BOLT_PANIC);
        assert_eq!(told().1, "internal error: plain");
        assert_eq!(guard(|| std::panic::panic_any(7)), BOLT_PANIC);
        assert_eq!(told().1, "internal error: a panic without a text");
    }

    #[test]
    fn a_failure_is_kept_until_the_next_one_and_not_found_is_none() {
        assert_eq!(guard(|| Err(Error::corrupt(17, "upside down").into())), -3);
        assert_eq!(guard(|| Ok(BOLT_OK)), BOLT_OK);
        assert_eq!(guard(|| Err(Error::NotFound.into())), BOLT_NOTFOUND);
        assert_eq!(told(), (-3, "page 17: upside down".to_owned()));
        assert_eq!(last_failure().page, 17);
        std::thread::spawn(|| assert_eq!(last_failure().code, 0)).join().unwrap();
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_ends_with_a_zero() {
        let long = "é".repeat(BOLT_ERROR_TEXT_LEN);
        guard(|| Err(Error::Panic(long).into()));
        let (_, text) = told();
        assert!(text.len() >= BOLT_ERROR_TEXT_LEN - 2, "{}", text.len());
        assert!(text.ends_with('é'));
        assert_eq!(last_failure().text[BOLT_ERROR_TEXT_LEN - 1], 0);
    }
}
