//! Backups and compaction: copies of a database while others go on using it.
#![expect(unsafe_code, reason = "handles, functions and out-parameters are pointers")]

use std::ffi::{c_char, c_int, c_void};

use super::boundary::{self, Failure, Growing, guard};
use super::callback::{Stop, ask, given};
use super::db::{DbCall, bolt_db, read_path};
use super::error::BOLT_OK;
use super::options::{self, bolt_options};
use super::txn::{TxnCall, bolt_txn};
use crate::db::{BackupInfo, BackupOptions, CompactOptions, backup, backup_to_descriptor, stream};
use crate::error::Error;

/// A flag of bolt_backup and bolt_compact: replace the file that may have the name. Whoever has it open keeps
/// the old one.
pub const BOLT_REPLACE: u32 = 1;

/// What a backup was.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_backup_info {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_backup_info).
    pub struct_size: usize,
    /// Its length in bytes.
    pub len: u64,
    /// The CRC-32 of all its bytes: that of gzip and zlib.
    pub crc32: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), the size first, numbers alone; where the size has 32 bits, it is followed by 4 bytes of
// padding or none, and the last two fill the place of a 64-bit one.
unsafe impl Growing for bolt_backup_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_backup_info>()];
}

/// What backups and bolt_compact tell how far they have come.
///
/// @param ctx What they were given.
/// @param done How many bytes are done.
/// @param total How many it will be; 0 where that is not known.
/// @return 0 to go on; anything else stops, and comes out unchanged.
pub type bolt_progress_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, done: u64, total: u64) -> c_int>;

/// What bolt_backup_write gives the bytes to.
///
/// @param ctx What bolt_backup_write was given.
/// @param data The next bytes, valid until the function returns.
/// @param len How many there are, at least one.
/// @return 0 to go on; anything else stops, and bolt_backup_write returns it.
pub type bolt_write_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, data: *const c_void, len: usize) -> c_int>;

/// Calls a progress function, if there is one.
fn progress(function: bolt_progress_fn, ctx: *mut c_void, done: u64, total: u64) -> Result<(), Stop> {
    match function {
        // SAFETY: the conventions of the header: a function of this type, and its context.
        Some(function) => ask(|| unsafe { function(ctx, done, total) }),
        None => Ok(()),
    }
}

/// Ends a backup: what it was, for the caller.
///
/// # Safety
///
/// `info` is NULL or points to a struct whose size is set.
unsafe fn finish(
    done: Result<BackupInfo, c_int>,
    info: *mut bolt_backup_info,
) -> std::result::Result<c_int, Failure> {
    match done {
        Ok(BackupInfo { len, crc32 }) => {
            if !info.is_null() {
                let told =
                    bolt_backup_info { struct_size: size_of::<bolt_backup_info>(), len, crc32, reserved: 0 };
                // SAFETY: the caller's promise.
                unsafe { boundary::write_struct(info, &told) }?;
            }
            Ok(BOLT_OK)
        }
        Err(code) => Ok(code),
    }
}

/// Refuses a struct of an impossible size before the work is done.
///
/// # Safety
///
/// `info` is NULL or points to a struct whose size is set.
unsafe fn check_info(info: *mut bolt_backup_info) -> Result<(), Error> {
    if info.is_null() {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe { boundary::check_struct(info) }
}

/// Copies the database, as the transaction sees it, into a new file, which appears whole, on the disk and
/// under its name, or not at all. Others may read and write meanwhile.
///
/// The copy is that of Go's Tx.WriteTo, byte for byte: a database that can be opened at once, with the free
/// pages of the original. Of a write transaction it is the state from which it began.
///
/// @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
/// @param path The name of the new file.
/// @param file_mode Its permission bits, less the process's umask; 0: 0600.
/// @param flags BOLT_REPLACE or 0.
/// @param fn Told how far it has come, about each MiB; may be NULL.
/// @param ctx Given to the function.
/// @param info Filled; its struct_size must be set. May be NULL.
/// @return BOLT_OK: it is on the disk, and so is its name. Otherwise there is no new file, or, where the very
///     last step failed, one whose name a power cut may take away again: BOLT_EXISTS where the name is taken;
///     what the function returned, if not 0; BOLT_ARGUMENT, also for the database's own file;
///     BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOSPC.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_backup(
    txn: *mut bolt_txn,
    path: *const c_char,
    file_mode: u32,
    flags: u32,
    r#fn: bolt_progress_fn,
    ctx: *mut c_void,
    info: *mut bolt_backup_info,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let done = call.lend(|txn| {
            // SAFETY: the conventions of the header: NULL, or a text that ends with a zero.
            let (_, path) = unsafe { read_path(path) }?;
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { check_info(info) }?;
            let replace = replaces(flags)?;
            let options = BackupOptions { replace, file_mode: options::file_mode(u64::from(file_mode))? };
            backup(txn, path, options, |done, total| progress(r#fn, ctx, done, total))
        })?;
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        unsafe { finish(done, info) }
    })
}

fn replaces(flags: u32) -> Result<bool, Error> {
    match flags {
        0 => Ok(false),
        BOLT_REPLACE => Ok(true),
        _ => Err(Error::Argument("an unknown flag of a copy")),
    }
}

/// Writes what bolt_backup would to a file descriptor, from its position on; it may be a pipe or a socket.
///
/// After a failure a part may have been written. Nothing is synced.
///
/// @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
/// @param fd The descriptor, open for writing; it stays open.
/// @param fn Told how far it has come, about each MiB; may be NULL.
/// @param ctx Given to the function.
/// @param info Filled; its struct_size must be set. May be NULL.
/// @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; an
///     errno such as EBADF, ENOSPC or EPIPE.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_backup_fd(
    txn: *mut bolt_txn,
    fd: c_int,
    r#fn: bolt_progress_fn,
    ctx: *mut c_void,
    info: *mut bolt_backup_info,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let done = call.lend(|txn| {
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { check_info(info) }?;
            backup_to_descriptor(txn, fd, |done, total| progress(r#fn, ctx, done, total))
        })?;
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        unsafe { finish(done, info) }
    })
}

/// Gives what bolt_backup would write to a function, piece by piece.
///
/// @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
/// @param fn The function, which gets pieces of at most 1 MiB.
/// @param ctx Given to the function.
/// @param info Filled; its struct_size must be set. May be NULL.
/// @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; an
///     errno.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_backup_write(
    txn: *mut bolt_txn,
    r#fn: bolt_write_fn,
    ctx: *mut c_void,
    info: *mut bolt_backup_info,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let done = call.lend(|txn| {
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { check_info(info) }?;
            let function = given(r#fn)?;
            stream(
                txn,
                |_, _| Ok(()),
                |bytes| {
                    // SAFETY: the conventions of the header: a function of this type, and its context.
                    ask(|| unsafe { function(ctx, bytes.as_ptr().cast::<c_void>(), bytes.len()) })
                },
            )
        })?;
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        unsafe { finish(done, info) }
    })
}

/// Writes everything in the database, as the last commit left it, into a new database file without free pages
/// in between, which appears whole, on the disk and under its name, or not at all. Others may read and write
/// meanwhile.
///
/// @param db The database, which stays as it is.
/// @param path The name of the new file.
/// @param options How the new file is made: its page size (0: as in this one), file mode, fill percent,
///     freelist mode, maximum length; BOLT_OPEN_BBOLT_RULES makes it as Go's bbolt does. NULL: the defaults.
/// @param txn_max_bytes Commit to the new file after so many bytes of keys and values, which bounds the
///     memory that is needed; 0: everything at once, which gives the smallest file.
/// @param flags BOLT_REPLACE or 0.
/// @param fn Told how many bytes of keys and values have been copied (the total is 0: it is not known); may
///     be NULL.
/// @param ctx Given to the function.
/// @return BOLT_OK: it is on the disk, and so is its name. Otherwise there is no new file, or, where the very
///     last step failed, one whose name a power cut may take away again: BOLT_EXISTS where the name is taken;
///     what the function returned, if not 0; BOLT_FULL; BOLT_CORRUPT; BOLT_ARGUMENT, also for the database's
///     own file; BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOSPC.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_compact(
    db: *mut bolt_db,
    path: *const c_char,
    options: *const bolt_options,
    txn_max_bytes: u64,
    flags: u32,
    r#fn: bolt_progress_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let compact = || {
            // SAFETY: the conventions of the header: NULL, or a text that ends with a zero.
            let (_, path) = unsafe { read_path(path) }?;
            // SAFETY: the conventions of the header: NULL, or a struct that begins with its size.
            let target = unsafe { options::read(options) }?;
            let options = CompactOptions { txn_max_len: txn_max_bytes, replace: replaces(flags)?, target };
            call.db.compact(path, &options, |done| progress(r#fn, ctx, done, 0))
        };
        match compact() {
            Ok(()) => Ok(BOLT_OK),
            Err(stop) => stop.outcome(|error| call.failure(error)),
        }
    })
}
