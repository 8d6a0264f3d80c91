//! Databases that are not opened by a name: in memory, and behind file descriptors; and advice on what to
//! keep in memory.
#![expect(unsafe_code, reason = "handles and buffers are pointers")]

use std::ffi::{c_int, c_void};

use super::boundary::{self, guard};
use super::db::{self, DbCall, bolt_db};
use super::error::BOLT_OK;
use super::options::{self, bolt_options};
use crate::Db;
use crate::error::Error;
use crate::storage::Advice;

/// Opens the database in a file that the caller has open.
///
/// A file of length 0 becomes a new database. The file is locked as by bolt_open; the lock belongs to the
/// open file, so the caller should not lock or unlock the descriptor meanwhile. Within this process an open
/// file has one writer or many readers, too; a process that has inherited it, or was sent it, is not kept out.
///
/// @param fd The descriptor of a regular file, open for reading, and for writing unless BOLT_OPEN_READONLY is
///     set, without O_APPEND. The library has a duplicate; the caller closes his own when he likes.
/// @param options How to open it; NULL: the defaults. Not used after the call.
/// @param db The new handle, to be ended by bolt_close.
/// @return As bolt_open; EBADF for what is no descriptor or not open as it must be. Any thread may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_open_fd(
    fd: c_int,
    options: *const bolt_options,
    db: *mut *mut bolt_db,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or a struct that begins with its size.
        let options = unsafe { options::read(options) }?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { db::open(db, c"", || Db::from_descriptor(fd, &options)) }
    })
}

/// Opens a database in memory, which has no file and is gone when it is closed.
///
/// @param data The bytes of a database, as bolt_backup_write gives them or a file has them; they are copied.
///     Changes go to the copy, unless BOLT_OPEN_READONLY is set. NULL with a length of 0: a new, empty
///     database.
/// @param len How many bytes there are.
/// @param options How to open it; NULL: the defaults. Not used after the call.
/// @param db The new handle, to be ended by bolt_close.
/// @return As bolt_open; ENOMEM. Any thread may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_open_memory(
    data: *const c_void,
    len: usize,
    options: *const bolt_options,
    db: *mut *mut bolt_db,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or a struct that begins with its size.
        let options = unsafe { options::read(options) }?;
        // SAFETY: the conventions of the header: NULL, or `len` bytes.
        let given = unsafe { boundary::bytes(data, len) }?;
        let is_new = data.is_null();
        let make = || {
            if is_new {
                return Db::in_memory(&options);
            }
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(given.len())?;
            bytes.extend_from_slice(given);
            Db::from_bytes(bytes, &options)
        };
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { db::open(db, c"", make) }
    })
}

/// Advice: read as the system does by default, the beginning.
pub const BOLT_ADVICE_NORMAL: u32 = 0;
/// Advice: keys will be read here and there. The kernel reads nothing ahead; cursors and walks ask for the pages that
/// they come to next.
pub const BOLT_ADVICE_RANDOM: u32 = 1;
/// Advice: whole buckets will be read, in order. Read far ahead.
pub const BOLT_ADVICE_SEQUENTIAL: u32 = 2;
/// Advice: all that is in the file now will be needed soon. Begin to read it in the background.
pub const BOLT_ADVICE_WILLNEED: u32 = 3;

/// Tells the kernel how the file will be read. It changes no result, only how long reads from the disk take.
///
/// The first three hold for the whole file until there is other advice, also for what it gets later. Without advice
/// a file is read as the system does by default; from 256 MiB on, where it is longer than half of what the process
/// may have of the machine's memory, as by BOLT_ADVICE_RANDOM. That is decided at the open and when the file outgrows
/// its map.
///
/// @param db The database. One in memory needs no advice, and takes it.
/// @param advice A BOLT_ADVICE_ number.
/// @return BOLT_OK; BOLT_ARGUMENT for unknown advice; BOLT_BADHANDLE; BOLT_FORKED; an errno. Any thread may
///     call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_advise(db: *mut bolt_db, advice: u32) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let advice = match advice {
            BOLT_ADVICE_NORMAL => Advice::Normal,
            BOLT_ADVICE_RANDOM => Advice::Random,
            BOLT_ADVICE_SEQUENTIAL => Advice::Sequential,
            BOLT_ADVICE_WILLNEED => Advice::WillNeed,
            _ => return Err(call.failure(Error::Argument("unknown advice"))),
        };
        call.db.advise(advice).map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}
