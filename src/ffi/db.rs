//! `bolt_db`: open, close, and what concerns the whole database.
//!
//! A database's calls come from any thread, so its slot is read under a lock: a call takes its own share of
//! the database and lets go of the lock before it does anything with it.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use super::boundary::{self, Failure, Growing, Record, guard};
use super::error::{self, BOLT_OK, bolt_error_info};
use super::handle::{self, Arena, Handle, Slot};
use super::options::{self, bolt_options};
use crate::error::{Error, Result};
use crate::{Db, Txn};

/// An open database.
///
/// Any thread may use it, and any number at the same time. bolt_close ends it.
pub struct bolt_db {
    _private: (),
}

static DATABASES: Arena<bolt_db> = Arena::new();

impl Handle for bolt_db {
    type Content = DbCell;
    const TAG: u8 = 1;
    fn arena() -> &'static Arena<bolt_db> {
        &DATABASES
    }
}

/// What the slot of a database holds.
#[derive(Default)]
pub struct DbCell {
    open: RwLock<Option<Open>>,
    last_failure: Mutex<Record>,
}

struct Open {
    db: Db,
    path: CString,
}

impl DbCell {
    /// Keeps a failure for `bolt_db_last_error`.
    pub fn remember(&self, record: &Record) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = *record;
    }

    /// What failed last.
    pub fn last_failure(&self) -> Record {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, open: Option<Open>) -> Option<Open> {
        std::mem::replace(&mut *self.open.write().unwrap_or_else(PoisonError::into_inner), open)
    }
}

/// A database as one call uses it.
pub struct DbCall {
    /// The database.
    pub db: Db,
    /// Its slot.
    pub slot: &'static Slot<bolt_db>,
}

#[cold]
fn closed() -> Error {
    Error::BadHandle("the database is closed")
}

impl DbCall {
    /// Begins a read transaction of a handle's database; also gives the database's slot. Nobody is waited for,
    /// so it is done under the lock, without a share of one's own.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from this library.
    pub unsafe fn begin_read(
        handle: *const bolt_db,
    ) -> std::result::Result<(Txn, &'static Slot<bolt_db>), Failure> {
        // SAFETY: the caller's promise.
        let slot = unsafe { handle::lookup(handle) }?;
        let open = slot.content().open.read().unwrap_or_else(PoisonError::into_inner);
        let begun = match &*open {
            Some(open) if slot.is(handle) => open.db.begin_read(),
            _ => return Err(closed().into()),
        };
        begun.map(|txn| (txn, slot)).map_err(|error| Failure { error, db: Some(slot.reference()), txn: 0 })
    }

    /// Takes a share of the database of a handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from this library.
    pub unsafe fn begin(handle: *const bolt_db) -> Result<DbCall> {
        // SAFETY: the caller's promise.
        let slot = unsafe { handle::lookup(handle) }?;
        let open = slot.content().open.read().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some(open) if slot.is(handle) => Ok(DbCall { db: open.db.clone(), slot }),
            _ => Err(closed()),
        }
    }

    /// Says of an error that it happened to this database.
    pub fn failure(&self, error: Error) -> Failure {
        Failure { error, db: Some(self.slot.reference()), txn: 0 }
    }
}

/// A flag of bolt_db_info: the database is open for reading only.
pub const BOLT_DB_READONLY: u32 = 1;

/// In place of a count of free pages: they are not known while a write transaction is open and before the
/// first.
pub const BOLT_NO_COUNT: u64 = u64::MAX;

/// The state of a database.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_db_info {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_db_info).
    pub struct_size: usize,
    /// The page size in bytes.
    pub page_size: u32,
    /// BOLT_DB_READONLY or 0.
    pub flags: u32,
    /// The length of the file in bytes.
    pub file_len: u64,
    /// The number of pages in use or free: pages from here on were never given out.
    pub high_water: u64,
    /// The id of the last transaction that was committed.
    pub txn_id: u64,
    /// The number of pages that the next write transaction may use, or BOLT_NO_COUNT.
    pub free_page_count: u64,
    /// The number of pages that wait until no open transaction can need them, or BOLT_NO_COUNT.
    pub pending_page_count: u64,
    /// The number of open read transactions.
    pub reader_count: u64,
    /// The id of the oldest snapshot that an open read transaction sees, or 0 where there is none.
    pub oldest_reader_txn_id: u64,
}

// SAFETY: repr(C), the size first, numbers alone; two of 32 bits follow the size, so that on machines of 32
// and of 64 bits each begins where the one before ends, but for 4 bytes on some of 32.
unsafe impl Growing for bolt_db_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_db_info>()];
}

/// Opens a database, or creates it where there is no file.
///
/// The file is locked against other processes, Go's bbolt among them: for writing until bolt_close, or
/// shared with other readers where BOLT_OPEN_READONLY is set. A new file appears whole or not at all.
///
/// A damaged meta page is passed over: the other one's state is opened, with a warning to the logger. A meta
/// page that the disk cannot read may hold the last commit: opening for writing then ends with the disk's
/// error, and opening for reading only takes the other one's state, with a warning.
///
/// @param path The file's name, a text that ends with a zero, in the operating system's encoding.
/// @param options How to open it; NULL: the defaults. Not used after the call.
/// @param db The new handle, to be ended by bolt_close.
/// @return BOLT_OK; BOLT_BUSY or BOLT_TIMEOUT where another process holds the file; BOLT_INVALID,
///     BOLT_BADVERSION, BOLT_CHECKSUM, BOLT_ENDIAN, BOLT_TOOSHORT, BOLT_TRUNCATED, BOLT_INCOMPATIBLE or
///     BOLT_CORRUPT for a file that is no usable database; BOLT_ARGUMENT; an errno such as ENOENT, EACCES,
///     EISDIR. Any thread may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_open(
    path: *const c_char,
    options: *const bolt_options,
    db: *mut *mut bolt_db,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or a text that ends with a zero.
        let (name, path) = unsafe { read_path(path) }?;
        // SAFETY: the conventions of the header: NULL, or a struct that begins with its size.
        let options = unsafe { options::read(options) }?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { open(db, name, || Db::open(path, &options)) }
    })
}

/// The name of a file, as the caller gave it and as the operating system takes it.
///
/// # Safety
///
/// `path` is NULL or ends with a zero byte, and nobody writes it as long as the result is used.
pub unsafe fn read_path<'a>(path: *const c_char) -> Result<(&'a CStr, &'a Path)> {
    // SAFETY: the caller's promise.
    let name = unsafe { boundary::text(path) }?;
    if name.is_empty() {
        return Err(Error::Argument("the path is empty"));
    }
    Ok((name, as_path(name)?))
}

/// Opens a database and makes its handle.
///
/// # Safety
///
/// `db` is NULL or a place for a handle.
pub unsafe fn open(
    db: *mut *mut bolt_db,
    name: &CStr,
    make: impl FnOnce() -> Result<Db>,
) -> std::result::Result<c_int, Failure> {
    if db.is_null() {
        return Err(Error::Argument("NULL in place of the new handle").into());
    }
    handle::watch_forks()?;
    let slot = DATABASES.take()?;
    let opened = make().inspect_err(|_| DATABASES.give_back([slot]))?;
    slot.content().remember(&Record::NONE);
    slot.content().put(Some(Open { db: opened, path: name.to_owned() }));
    // SAFETY: the caller's promise, and it is not NULL.
    unsafe { boundary::write(db, slot.open()) };
    Ok(BOLT_OK)
}

/// A file's name as the operating system takes it.
#[cfg(unix)]
fn as_path(name: &CStr) -> Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(name.to_bytes())))
}

/// A file's name as the operating system takes it.
#[cfg(not(unix))]
fn as_path(name: &CStr) -> Result<&Path> {
    name.to_str().map(Path::new).map_err(|_| Error::Argument("the path is not UTF-8"))
}

/// Closes a database and gives up the file's lock.
///
/// Under some freelist modes this writes the list of free pages; if that fails, the database is closed and
/// sound all the same, and the code says what went wrong.
///
/// A transaction that is reset does not keep it open: bolt_txn_renew then answers BOLT_BADHANDLE, and
/// bolt_rollback ends it as ever.
///
/// @param db The database, which the call ends, whatever it returns but for BOLT_BUSY, BOLT_BADHANDLE and
///     BOLT_FORKED. NULL is no error and does nothing.
/// @return BOLT_OK; BOLT_BUSY while transactions are open: nothing is done then, and the handle stays good;
///     BOLT_BADHANDLE; BOLT_FORKED; an errno. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_close(db: *mut bolt_db) -> c_int {
    if db.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let closed = call.db.close();
        if let Err(error @ (Error::Busy(_) | Error::BadHandle(_))) = closed {
            return Err(call.failure(error));
        }
        if call.slot.end(db) {
            drop(call.slot.content().put(None));
            DATABASES.give_back([call.slot]);
        }
        // The database is gone, so the thread alone keeps the failure.
        closed?;
        Ok(BOLT_OK)
    })
}

/// The name by which the database was opened.
///
/// @param db The database.
/// @param path The text given to bolt_open, "" where the database was opened otherwise; it stays valid until
///     bolt_close.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_path(db: *mut bolt_db, path: *mut *const c_char) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let slot = unsafe { handle::lookup(db) }?;
        let open = slot.content().open.read().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_ref().filter(|_| slot.is(db)) else {
            return Err(Error::BadHandle("the database is closed").into());
        };
        // SAFETY: the conventions of the header: NULL, or a place for a pointer.
        unsafe { boundary::write(path, open.path.as_ptr()) };
        Ok(BOLT_OK)
    })
}

/// Changes an option of an open database.
///
/// @param db The database.
/// @param option A BOLT_OPT_ number of which it is said that it may change after open.
/// @param value Its value, in the unit that its number's description names. It holds from the next commit
///     on.
/// @return BOLT_OK; BOLT_ARGUMENT for another option or an impossible value; BOLT_BADHANDLE; BOLT_FORKED.
///     Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_set(db: *mut bolt_db, option: u32, value: u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        options::change(&call.db, option, value).map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}

/// The state of a database.
///
/// @param db The database.
/// @param info Filled; its struct_size must be set.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_BADHANDLE; BOLT_FORKED; an
///     errno. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_info(db: *mut bolt_db, info: *mut bolt_db_info) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let state = call.db.info().map_err(|error| call.failure(error))?;
        let told = bolt_db_info {
            struct_size: size_of::<bolt_db_info>(),
            page_size: state.page_size,
            flags: if call.db.is_read_only() { BOLT_DB_READONLY } else { 0 },
            file_len: state.file_len,
            high_water: state.high_water,
            txn_id: state.txid,
            free_page_count: state.free_page_count.unwrap_or(BOLT_NO_COUNT),
            pending_page_count: state.pending_page_count.unwrap_or(BOLT_NO_COUNT),
            reader_count: state.reader_count,
            oldest_reader_txn_id: state.oldest_reader.unwrap_or(0),
        };
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        unsafe { boundary::write_struct(info, &told) }.map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}

/// Makes durable everything committed so far; of use with BOLT_OPEN_NOSYNC. After a failure the database
/// refuses to sync and to write until it is opened anew: what the disk holds is not known. A transaction that
/// is open then ends in BOLT_POISONED. It and the syncs of a commit wait for each other; it does not wait for an open
/// transaction.
///
/// @param db The database.
/// @return BOLT_OK; BOLT_BADHANDLE; BOLT_FORKED; BOLT_POISONED; an errno such as EIO or ENOSPC. Any thread
///     may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_sync(db: *mut bolt_db) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        call.db.sync().map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}

/// The details of the last failure of any thread on this database or its transactions, buckets and cursors.
///
/// @param db The database.
/// @param info Filled with a copy; its struct_size must be set.
/// @return BOLT_OK; BOLT_NOTFOUND where nothing has failed; BOLT_BADHANDLE, BOLT_FORKED; BOLT_ARGUMENT for
///     NULL or an impossible struct_size. Its own failures are not recorded. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_db_last_error(db: *mut bolt_db, info: *mut bolt_error_info) -> c_int {
    // SAFETY: the conventions of the header: NULL, or a handle that came from this library.
    match unsafe { handle::lookup(db) } {
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        Ok(slot) => unsafe { error::tell(slot.content().last_failure(), info) },
        Err(error) => error.code(),
    }
}
