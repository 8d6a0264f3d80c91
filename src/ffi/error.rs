//! The codes of the C API, their texts, and the details of the last failure.
#![expect(unsafe_code, reason = "exported names are unsafe attributes, and out-parameters are pointers")]

use std::ffi::{CStr, c_char, c_int};

use super::boundary::{self, Growing, Record};
use crate::error::Error;

/// Success.
pub const BOLT_OK: c_int = 0;
/// The key or the bucket does not exist, or a cursor has no further entry. An answer rather than a
/// failure: it leaves no error details.
pub const BOLT_NOTFOUND: c_int = -1;
/// The name is taken.
pub const BOLT_EXISTS: c_int = -2;
/// The file contradicts itself; the error details name the page.
pub const BOLT_CORRUPT: c_int = -3;
/// The file is no bbolt database.
pub const BOLT_INVALID: c_int = -4;
/// The file has a version of the format other than 2.
pub const BOLT_BADVERSION: c_int = -5;
/// Both meta pages are damaged.
pub const BOLT_CHECKSUM: c_int = -6;
/// This build, or these options, cannot use the database: for example, its page size is no power of
/// two.
pub const BOLT_INCOMPATIBLE: c_int = -7;
/// The database was written on a machine of the other byte order.
pub const BOLT_ENDIAN: c_int = -8;
/// The file is too short to hold two meta pages.
pub const BOLT_TOOSHORT: c_int = -9;
/// The file is shorter than its meta page says.
pub const BOLT_TRUNCATED: c_int = -10;
/// The database was opened read-only.
pub const BOLT_READONLY: c_int = -11;
/// The transaction is a read transaction.
pub const BOLT_NOTWRITABLE: c_int = -12;
/// Somebody else has it: the file's lock, the place of the one writer; or transactions are still open.
pub const BOLT_BUSY: c_int = -13;
/// It was not to be had in the time given.
pub const BOLT_TIMEOUT: c_int = -14;
/// A key is empty.
pub const BOLT_KEYREQUIRED: c_int = -15;
/// A bucket's name is empty.
pub const BOLT_NAMEREQUIRED: c_int = -16;
/// A key or a bucket's name is longer than BOLT_KEY_LEN_MAX bytes.
pub const BOLT_KEYSIZE: c_int = -17;
/// A value is too long: key and value together have at most 2^31 - 17 bytes.
pub const BOLT_VALUESIZE: c_int = -18;
/// A bucket stands where a value is meant, or a value where a bucket is meant.
pub const BOLT_WRONGTYPE: c_int = -19;
/// The database would grow past the length set as its limit (BOLT_OPT_MAX_LEN).
pub const BOLT_FULL: c_int = -20;
/// A write or a sync failed before, so the state of the file is in doubt: no more writes until the
/// database is opened anew.
pub const BOLT_POISONED: c_int = -21;
/// The commit's last write or sync failed: whoever opens the database next finds the transaction whole
/// or not at all.
pub const BOLT_UNKNOWN: c_int = -22;
/// Commit or rollback of a transaction that its function's return value ends.
pub const BOLT_MANAGED: c_int = -23;
/// The caller's buffer is too small.
pub const BOLT_TOOSMALL: c_int = -24;
/// The handle is NULL, has ended, is of another kind, or stands for something deleted.
pub const BOLT_BADHANDLE: c_int = -25;
/// The handle was opened before fork(2) by the parent process.
pub const BOLT_FORKED: c_int = -26;
/// A bug of libbolt's; it stopped before it could do harm, and a transaction in which it happened can only
/// be rolled back. Rust's runtime prints a line about it on standard error, unless the program has told it
/// otherwise. Please report it with its error details.
pub const BOLT_PANIC: c_int = -27;
/// An argument that cannot be: NULL with a length, an unknown flag, a number out of range.
pub const BOLT_ARGUMENT: c_int = -28;
/// Source and target are the same bucket, or one lies within the other.
pub const BOLT_SAMEBUCKET: c_int = -29;
/// Source and target belong to different transactions.
pub const BOLT_DIFFERENTDB: c_int = -30;
/// The free pages are not loaded in a read-only database.
pub const BOLT_NOFREEPAGES: c_int = -31;
/// The program was compiled with a `bolt.h` that the library that runs does not fit; the error details say
/// what to do. See bolt_version_check.
pub const BOLT_MISMATCH: c_int = -32;

/// The codes from here down to BOLT_CALLBACK_LAST are never libbolt's: a callback may return them to say
/// something of its own, and they come back unchanged.
pub const BOLT_CALLBACK_FIRST: c_int = -1000;
/// See BOLT_CALLBACK_FIRST.
pub const BOLT_CALLBACK_LAST: c_int = -1999;

/// The room for an error's text, its final zero included, in bytes.
pub const BOLT_ERROR_TEXT_LEN: usize = 480;
/// In place of a page number: the error concerns no page.
pub const BOLT_NO_PAGE: u64 = u64::MAX;

/// libbolt's own codes, in the order of their numbers, from 0 down: name and text.
const OWN: [(&CStr, &CStr); 33] = [
    (c"BOLT_OK", c"success"),
    (c"BOLT_NOTFOUND", c"not found"),
    (c"BOLT_EXISTS", c"already exists"),
    (c"BOLT_CORRUPT", c"the database is corrupt"),
    (c"BOLT_INVALID", c"not a bbolt database"),
    (c"BOLT_BADVERSION", c"the version of the file format is not supported"),
    (c"BOLT_CHECKSUM", c"both meta pages are damaged"),
    (c"BOLT_INCOMPATIBLE", c"the database is incompatible with this build or these options"),
    (c"BOLT_ENDIAN", c"the database has the other byte order"),
    (c"BOLT_TOOSHORT", c"the file is too short for a database"),
    (c"BOLT_TRUNCATED", c"the file is shorter than its meta page says"),
    (c"BOLT_READONLY", c"the database is open read-only"),
    (c"BOLT_NOTWRITABLE", c"the transaction is a read transaction"),
    (c"BOLT_BUSY", c"busy"),
    (c"BOLT_TIMEOUT", c"timeout"),
    (c"BOLT_KEYREQUIRED", c"a key must not be empty"),
    (c"BOLT_NAMEREQUIRED", c"a bucket name must not be empty"),
    (c"BOLT_KEYSIZE", c"the key is too long"),
    (c"BOLT_VALUESIZE", c"the value is too long"),
    (c"BOLT_WRONGTYPE", c"a bucket in place of a value, or a value in place of a bucket"),
    (c"BOLT_FULL", c"the database has reached its maximum length"),
    (c"BOLT_POISONED", c"an earlier write failed; the database must be opened anew"),
    (c"BOLT_UNKNOWN", c"the outcome of the commit is unknown"),
    (c"BOLT_MANAGED", c"the transaction is managed"),
    (c"BOLT_TOOSMALL", c"the buffer is too small"),
    (c"BOLT_BADHANDLE", c"bad handle"),
    (c"BOLT_FORKED", c"the handle belongs to the parent process"),
    (c"BOLT_PANIC", c"internal error"),
    (c"BOLT_ARGUMENT", c"bad argument"),
    (c"BOLT_SAMEBUCKET", c"the buckets are the same, or one lies within the other"),
    (c"BOLT_DIFFERENTDB", c"the buckets belong to different transactions"),
    (c"BOLT_NOFREEPAGES", c"the free pages are not loaded"),
    (c"BOLT_MISMATCH", c"the program was compiled with a bolt.h that this libbolt does not fit"),
];

/// The operating system's codes that a database can meet: number, name and text.
const SYSTEM: [(c_int, &CStr, &CStr); 47] = [
    (libc::E2BIG, c"E2BIG", c"argument list too long"),
    (libc::EACCES, c"EACCES", c"permission denied"),
    (libc::EAGAIN, c"EAGAIN", c"resource temporarily unavailable"),
    (libc::EBADF, c"EBADF", c"bad file descriptor"),
    (libc::EBUSY, c"EBUSY", c"device or resource busy"),
    (libc::ECANCELED, c"ECANCELED", c"operation canceled"),
    (libc::EDEADLK, c"EDEADLK", c"resource deadlock avoided"),
    (libc::EDOM, c"EDOM", c"argument out of domain"),
    (libc::EDQUOT, c"EDQUOT", c"disk quota exceeded"),
    (libc::EEXIST, c"EEXIST", c"file exists"),
    (libc::EFAULT, c"EFAULT", c"bad address"),
    (libc::EFBIG, c"EFBIG", c"file too large"),
    (libc::EILSEQ, c"EILSEQ", c"illegal byte sequence"),
    (libc::EINPROGRESS, c"EINPROGRESS", c"operation in progress"),
    (libc::EINTR, c"EINTR", c"interrupted system call"),
    (libc::EINVAL, c"EINVAL", c"invalid argument"),
    (libc::EIO, c"EIO", c"input/output error"),
    (libc::EISDIR, c"EISDIR", c"is a directory"),
    (libc::ELOOP, c"ELOOP", c"too many levels of symbolic links"),
    (libc::EMFILE, c"EMFILE", c"too many open files"),
    (libc::EMLINK, c"EMLINK", c"too many links"),
    (libc::ENAMETOOLONG, c"ENAMETOOLONG", c"file name too long"),
    (libc::ENFILE, c"ENFILE", c"too many open files in system"),
    (libc::ENODEV, c"ENODEV", c"no such device"),
    (libc::ENOENT, c"ENOENT", c"no such file or directory"),
    (libc::ENOEXEC, c"ENOEXEC", c"exec format error"),
    (libc::ENOLCK, c"ENOLCK", c"no locks available"),
    (libc::ENOMEM, c"ENOMEM", c"out of memory"),
    (libc::ENOSPC, c"ENOSPC", c"no space left on device"),
    (libc::ENOSYS, c"ENOSYS", c"function not implemented"),
    (libc::ENOTBLK, c"ENOTBLK", c"block device required"),
    (libc::ENOTDIR, c"ENOTDIR", c"not a directory"),
    (libc::ENOTEMPTY, c"ENOTEMPTY", c"directory not empty"),
    (libc::ENOTSUP, c"ENOTSUP", c"operation not supported"),
    (libc::ENOTTY, c"ENOTTY", c"inappropriate ioctl for device"),
    (libc::ENXIO, c"ENXIO", c"no such device or address"),
    (libc::EOVERFLOW, c"EOVERFLOW", c"value too large for its type"),
    (libc::EPERM, c"EPERM", c"operation not permitted"),
    (libc::EPIPE, c"EPIPE", c"broken pipe"),
    (libc::ERANGE, c"ERANGE", c"result out of range"),
    (libc::EROFS, c"EROFS", c"read-only file system"),
    (libc::ESPIPE, c"ESPIPE", c"illegal seek"),
    (libc::ESRCH, c"ESRCH", c"no such process"),
    (libc::ESTALE, c"ESTALE", c"stale file handle"),
    (libc::ETIMEDOUT, c"ETIMEDOUT", c"connection timed out"),
    (libc::ETXTBSY, c"ETXTBSY", c"text file busy"),
    (libc::EXDEV, c"EXDEV", c"invalid cross-device link"),
];

/// The details of a failure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_error_info {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_error_info).
    pub struct_size: usize,
    /// What the failing function returned.
    pub code: i32,
    /// The operating system's errno where it was the one that refused, else 0.
    pub os_errno: i32,
    /// The page on which the error was seen, or BOLT_NO_PAGE.
    pub page: u64,
    /// The id of the transaction in which it was seen, or 0.
    pub txn_id: u64,
    /// What went wrong, as one sentence in UTF-8 that ends with a zero.
    pub text: [c_char; BOLT_ERROR_TEXT_LEN],
}

// SAFETY: repr(C), the size first, numbers alone, and each begins where the one before ends.
unsafe impl Growing for bolt_error_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_error_info>()];
}

impl From<Record> for bolt_error_info {
    fn from(record: Record) -> bolt_error_info {
        let Record { code, os_errno, page, txn: txn_id, text } = record;
        bolt_error_info { struct_size: size_of::<bolt_error_info>(), code, os_errno, page, txn_id, text }
    }
}

/// The name of a code: "BOLT_NOTFOUND", "ENOSPC".
///
/// @param code What any function of libbolt returned.
/// @return A static text, never NULL; "?" for a number that is no code. Any thread may call.
#[unsafe(no_mangle)]
pub extern "C" fn bolt_error_name(code: c_int) -> *const c_char {
    describe(code).map_or(c"?", |(name, _)| name).as_ptr()
}

/// What a code means, in a few words. bolt_last_error tells more.
///
/// @param code What any function of libbolt returned.
/// @return A static text, never NULL, for any number. Any thread may call.
#[unsafe(no_mangle)]
pub extern "C" fn bolt_strerror(code: c_int) -> *const c_char {
    let other = match code {
        1.. => c"an error of the operating system",
        BOLT_CALLBACK_LAST..=BOLT_CALLBACK_FIRST => c"a callback returned this code",
        _ => c"no code of libbolt's",
    };
    describe(code).map_or(other, |(_, text)| text).as_ptr()
}

/// Name and text of a code.
fn describe(code: c_int) -> Option<(&'static CStr, &'static CStr)> {
    if code <= 0 {
        return OWN.get(code.unsigned_abs() as usize).copied();
    }
    SYSTEM.iter().find(|(errno, ..)| *errno == code).map(|&(_, name, text)| (name, text))
}

/// The details of this thread's last failure.
///
/// Successes and BOLT_NOTFOUND leave them as they are, so ask only after a call that failed. Where a runtime
/// may move a caller to another thread between two calls (goroutines), use bolt_db_last_error.
///
/// @param info Filled with a copy; its struct_size must be set.
/// @return BOLT_OK; BOLT_NOTFOUND where nothing has failed on this thread; BOLT_ARGUMENT for NULL or an
///     impossible struct_size. Its own failures are not recorded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_last_error(info: *mut bolt_error_info) -> c_int {
    // SAFETY: the conventions of the header: NULL, or a struct with its size set.
    unsafe { tell(boundary::last_failure(), info) }
}

/// Gives a record to the caller.
///
/// # Safety
///
/// `info` is NULL or points to a struct whose size is set.
pub unsafe fn tell(record: Record, info: *mut bolt_error_info) -> c_int {
    if record.code == BOLT_OK {
        return BOLT_NOTFOUND;
    }
    // SAFETY: the caller's promise.
    let told = unsafe { boundary::write_struct(info, &record.into()) };
    told.map_or_else(|error: Error| error.code(), |()| BOLT_OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::code;

    #[test]
    fn each_constant_of_the_header_is_the_engine_s_number_and_stands_at_its_place_in_the_table() {
        let pairs = [
            (BOLT_NOTFOUND, code::NOTFOUND, c"BOLT_NOTFOUND"),
            (BOLT_EXISTS, code::EXISTS, c"BOLT_EXISTS"),
            (BOLT_CORRUPT, code::CORRUPT, c"BOLT_CORRUPT"),
            (BOLT_INVALID, code::INVALID, c"BOLT_INVALID"),
            (BOLT_BADVERSION, code::VERSION, c"BOLT_BADVERSION"),
            (BOLT_CHECKSUM, code::CHECKSUM, c"BOLT_CHECKSUM"),
            (BOLT_INCOMPATIBLE, code::INCOMPATIBLE, c"BOLT_INCOMPATIBLE"),
            (BOLT_ENDIAN, code::ENDIAN, c"BOLT_ENDIAN"),
            (BOLT_TOOSHORT, code::TOOSHORT, c"BOLT_TOOSHORT"),
            (BOLT_TRUNCATED, code::TRUNCATED, c"BOLT_TRUNCATED"),
            (BOLT_READONLY, code::READONLY, c"BOLT_READONLY"),
            (BOLT_NOTWRITABLE, code::NOTWRITABLE, c"BOLT_NOTWRITABLE"),
            (BOLT_BUSY, code::BUSY, c"BOLT_BUSY"),
            (BOLT_TIMEOUT, code::TIMEOUT, c"BOLT_TIMEOUT"),
            (BOLT_KEYREQUIRED, code::KEYREQUIRED, c"BOLT_KEYREQUIRED"),
            (BOLT_NAMEREQUIRED, code::NAMEREQUIRED, c"BOLT_NAMEREQUIRED"),
            (BOLT_KEYSIZE, code::KEYSIZE, c"BOLT_KEYSIZE"),
            (BOLT_VALUESIZE, code::VALUESIZE, c"BOLT_VALUESIZE"),
            (BOLT_WRONGTYPE, code::WRONGTYPE, c"BOLT_WRONGTYPE"),
            (BOLT_FULL, code::FULL, c"BOLT_FULL"),
            (BOLT_POISONED, code::POISONED, c"BOLT_POISONED"),
            (BOLT_UNKNOWN, code::UNKNOWN, c"BOLT_UNKNOWN"),
            (BOLT_MANAGED, code::MANAGED, c"BOLT_MANAGED"),
            (BOLT_TOOSMALL, code::TOOSMALL, c"BOLT_TOOSMALL"),
            (BOLT_BADHANDLE, code::BADHANDLE, c"BOLT_BADHANDLE"),
            (BOLT_FORKED, code::FORKED, c"BOLT_FORKED"),
            (BOLT_PANIC, code::PANIC, c"BOLT_PANIC"),
            (BOLT_ARGUMENT, code::ARGUMENT, c"BOLT_ARGUMENT"),
            (BOLT_SAMEBUCKET, code::SAMEBUCKET, c"BOLT_SAMEBUCKET"),
            (BOLT_DIFFERENTDB, code::DIFFERENTDB, c"BOLT_DIFFERENTDB"),
            (BOLT_NOFREEPAGES, code::NOFREEPAGES, c"BOLT_NOFREEPAGES"),
            (BOLT_MISMATCH, code::MISMATCH, c"BOLT_MISMATCH"),
        ];
        assert_eq!(pairs.len() + 1, OWN.len());
        for (index, (constant, number, name)) in pairs.into_iter().enumerate() {
            assert_eq!(constant, number, "{name:?}");
            assert_eq!(constant, -(index as c_int) - 1, "{name:?}");
            assert_eq!(describe(constant).unwrap().0, name);
        }
        assert_eq!(describe(BOLT_OK).unwrap().0, c"BOLT_OK");
    }

    #[test]
    fn every_number_has_a_text_and_the_known_ones_a_name() {
        for code in -2100..200 {
            assert!(!bolt_strerror(code).is_null());
            assert!(!bolt_error_name(code).is_null());
        }
        assert_eq!(describe(libc::ENOSPC), Some((c"ENOSPC", c"no space left on device")));
        assert_eq!(describe(c_int::MIN), None);
        assert_eq!(describe(c_int::MAX), None);
    }

    #[test]
    fn no_system_code_is_listed_twice() {
        for (index, (errno, name, _)) in SYSTEM.iter().enumerate() {
            assert!(SYSTEM[index + 1..].iter().all(|(other, ..)| other != errno), "{name:?}");
        }
    }
}
