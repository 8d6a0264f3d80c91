//! `bolt_batch`: a list of writes, committed together with other threads' lists.
#![expect(unsafe_code, reason = "handles, keys and values are pointers, and a rule stands in for a lock")]

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use super::boundary::{bytes, guard};
use super::db::{DbCall, bolt_db};
use super::error::BOLT_OK;
use super::handle::{self, Arena, Exclusive, Handle, Slot};
use super::kv::{self, bolt_slice};
use crate::db::WriteList;
use crate::error::{Error, Result};

/// A list of writes, without a function that would be called back: for languages in which that is dear.
///
/// It belongs to no database and to no thread, but is never used by two threads at the same time.
/// bolt_batch_free ends it.
pub struct bolt_batch {
    _private: (),
}

static BATCHES: Arena<bolt_batch> = Arena::new();

impl Handle for bolt_batch {
    type Content = Exclusive<Arc<WriteList>>;
    const TAG: u8 = 5;
    fn arena() -> &'static Arena<bolt_batch> {
        &BATCHES
    }
}

/// A flag of bolt_batch_commit: buckets that are missing are made; for puts, not for deletes.
pub const BOLT_BATCH_CREATE_BUCKETS: u32 = 1;

/// The longest path of buckets, in names: longer ones can be taken for a mistake.
const DEPTH_MAX: usize = 1 << 20;

/// A batch as one call uses it; whoever made it has the caller's word that nobody else is using it.
struct BatchCall {
    slot: &'static Slot<bolt_batch>,
}

impl BatchCall {
    /// # Safety
    ///
    /// `handle` is NULL or came from this library, and while the result lives nobody else uses the batch.
    unsafe fn begin(handle: *const bolt_batch) -> Result<BatchCall> {
        // SAFETY: the caller's promise.
        unsafe { handle::lookup(handle) }.map(|slot| BatchCall { slot })
    }

    fn content(&mut self) -> &mut Arc<WriteList> {
        // SAFETY: whoever made this BatchCall promised that it is the only one, and `&mut self` says that the
        // batch is entered once.
        unsafe { self.slot.content().get() }
    }

    /// The list, to be changed: a commit shares it with other threads only until it returns.
    fn list(&mut self) -> Result<&mut WriteList> {
        Arc::get_mut(self.content()).ok_or(Error::BadHandle("the batch is being committed"))
    }
}

/// Makes an empty batch.
///
/// @param batch The new handle, to be ended by bolt_batch_free.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL; ENOMEM. Any thread may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_create(batch: *mut *mut bolt_batch) -> c_int {
    guard(|| {
        if batch.is_null() {
            return Err(Error::Argument("NULL in place of the new handle").into());
        }
        handle::watch_forks()?;
        let slot = BATCHES.take()?;
        // SAFETY: not NULL, and by the conventions of the header a place for the handle.
        unsafe { batch.write(slot.open()) };
        Ok(BOLT_OK)
    })
}

/// Adds to a batch: give a key a value, in place of the one that it may have.
///
/// @param batch The batch.
/// @param bucket_path The names of the buckets that lead to the key, the top-level one first; copied.
/// @param depth How many names there are; 0: the root bucket.
/// @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param key_len The length of the key in bytes.
/// @param value The value, which is copied. NULL where value_len is 0.
/// @param value_len The length of the value in bytes. Key and value together have at most 2^31 - 17 bytes.
/// @return BOLT_OK; otherwise nothing is added: BOLT_KEYREQUIRED for an empty key; BOLT_KEYSIZE;
///     BOLT_VALUESIZE; BOLT_NAMEREQUIRED for an empty name; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED;
///     ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_put(
    batch: *mut bolt_batch,
    bucket_path: *const bolt_slice,
    depth: usize,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, used by nobody else.
        let mut call = unsafe { BatchCall::begin(batch) }?;
        // SAFETY: the conventions of the header: NULL, or `depth` slices.
        let path = unsafe { read_path(bucket_path, depth) }?;
        // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the conventions of the header: NULL, or `value_len` bytes.
        let value = unsafe { bytes(value, value_len) }?;
        call.list()?.put(&path, key, value)?;
        Ok(BOLT_OK)
    })
}

/// Adds to a batch: delete a key with its value. A key that is not there is no error.
///
/// @param batch The batch.
/// @param bucket_path The names of the buckets that lead to the key, the top-level one first; copied.
/// @param depth How many names there are; 0: the root bucket.
/// @param key The key, which is copied.
/// @param key_len The length of the key in bytes.
/// @return BOLT_OK; otherwise nothing is added: BOLT_NAMEREQUIRED for an empty name; BOLT_ARGUMENT;
///     BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_delete(
    batch: *mut bolt_batch,
    bucket_path: *const bolt_slice,
    depth: usize,
    key: *const c_void,
    key_len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, used by nobody else.
        let mut call = unsafe { BatchCall::begin(batch) }?;
        // SAFETY: the conventions of the header: NULL, or `depth` slices.
        let path = unsafe { read_path(bucket_path, depth) }?;
        // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
        call.list()?.delete(&path, unsafe { bytes(key, key_len) }?)?;
        Ok(BOLT_OK)
    })
}

/// The names of a path.
///
/// # Safety
///
/// `path` is NULL or points to `depth` slices whose bytes can be read, and nobody writes them as long as the
/// result is used.
unsafe fn read_path<'a>(path: *const bolt_slice, depth: usize) -> Result<Vec<&'a [u8]>> {
    if path.is_null() && depth != 0 {
        return Err(Error::Argument("NULL in place of a path"));
    }
    if depth > DEPTH_MAX {
        return Err(Error::Argument("the path of buckets is too long"));
    }
    let mut names = Vec::new();
    names.try_reserve_exact(depth)?;
    for index in 0..depth {
        // SAFETY: the caller promises so many slices.
        let slice = unsafe { path.add(index) };
        // SAFETY: the caller's promise.
        names.push(unsafe { kv::optional(slice) }?.unwrap_or_default());
    }
    Ok(names)
}

/// Does all writes of a batch, in their order, all or none, in a transaction that other threads' batches and
/// bolt_batch_update may share; it returns when they are on the disk.
///
/// @param db The database.
/// @param batch The batch, which stays as it is: it may be committed again, added to, or cleared.
/// @param flags BOLT_BATCH_CREATE_BUCKETS or 0.
/// @return BOLT_OK; otherwise nothing is written: BOLT_NOTFOUND where a bucket is missing; BOLT_WRONGTYPE
///     where a bucket stands in place of a value or a value in place of a bucket; BOLT_KEYSIZE where a bucket
///     is to be made with a name that is too long; what bolt_txn_begin and bolt_commit answer; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_commit(db: *mut bolt_db, batch: *mut bolt_batch, flags: u32) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        // SAFETY: the conventions of the header: a handle of this library, used by nobody else.
        let mut batch = unsafe { BatchCall::begin(batch) }.map_err(|error| call.failure(error))?;
        if flags & !BOLT_BATCH_CREATE_BUCKETS != 0 {
            return Err(call.failure(Error::Argument("an unknown flag of a batch")));
        }
        let written = call.db.write(batch.content(), flags & BOLT_BATCH_CREATE_BUCKETS != 0);
        written.map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}

/// Takes all writes out of a batch, and keeps its memory for the next ones.
///
/// @param batch The batch.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_clear(batch: *mut bolt_batch) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, used by nobody else.
        let mut call = unsafe { BatchCall::begin(batch) }?;
        call.list()?.clear();
        Ok(BOLT_OK)
    })
}

/// Ends a batch, committed or not.
///
/// @param batch The batch, which the call ends. NULL is no error and does nothing.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_free(batch: *mut bolt_batch) -> c_int {
    if batch.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, used by nobody else.
        let mut call = unsafe { BatchCall::begin(batch) }?;
        if !call.slot.end(batch) {
            return Err(handle::ended().into());
        }
        *call.content() = Arc::default();
        BATCHES.give_back([call.slot]);
        Ok(BOLT_OK)
    })
}
