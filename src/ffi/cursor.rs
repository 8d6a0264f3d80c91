//! `bolt_cursor`: a place in a bucket.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers, and a rule stands in for a lock")]

use std::ffi::{c_int, c_void};

use super::boundary::{Failure, bytes, guard, write};
use super::bucket::{BucketCall, bolt_bucket};
use super::error::{BOLT_NOTFOUND, BOLT_OK};
use super::handle::{self, Arena, Exclusive, Handle, Slot};
use super::kv::{bolt_slice, optional};
use super::txn::{TxnCall, bolt_txn};
use crate::error::{Error, Result};
use crate::{Cursor, Entry, Txn};

/// A place in a bucket, between whose entries it moves in the order of their keys.
///
/// bolt_cursor_close ends it, before or after its transaction ends; after, every other call answers
/// BOLT_BADHANDLE. It is used by one thread at a time, with its transaction. A cursor that has moved past
/// either end stays there: one step back gives the entry before the last one seen, as in Go's bbolt.
pub struct bolt_cursor {
    _private: (),
}

static CURSORS: Arena<bolt_cursor> = Arena::new();

impl Handle for bolt_cursor {
    type Content = Exclusive<Option<CursorState>>;
    const TAG: u8 = 4;
    fn arena() -> &'static Arena<bolt_cursor> {
        &CURSORS
    }
}

/// What the slot of a cursor holds.
pub struct CursorState {
    cursor: Cursor,
    txn: &'static Slot<bolt_txn>,
    serial: u64,
}

/// A flag of bolt_kv: the entry is a bucket.
pub const BOLT_KV_BUCKET: u32 = 1;

/// An entry of a bucket. Its bytes lie in the database: they are valid and unchanged until the transaction
/// ends, and must not be written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_kv {
    /// The first byte of the key.
    pub key: *const c_void,
    /// The length of the key in bytes.
    pub key_len: usize,
    /// The first byte of the value, not NULL even where it is empty; NULL where the entry is a bucket.
    pub value: *const c_void,
    /// The length of the value in bytes.
    pub value_len: usize,
    /// BOLT_KV_BUCKET where the entry is a bucket, else 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

impl From<Entry<'_>> for bolt_kv {
    #[inline]
    fn from(entry: Entry<'_>) -> bolt_kv {
        let (value, value_len, flags) = match entry.value {
            Some(value) => (value.as_ptr().cast(), value.len(), 0),
            None => (std::ptr::null(), 0, BOLT_KV_BUCKET),
        };
        bolt_kv {
            key: entry.key.as_ptr().cast(),
            key_len: entry.key.len(),
            value,
            value_len,
            flags,
            reserved: 0,
        }
    }
}

/// Opens a cursor over a bucket. It stands nowhere until it is moved.
///
/// @param bucket The bucket.
/// @param cursor The new handle, to be ended by bolt_cursor_close.
/// @return BOLT_OK, BOLT_ARGUMENT, BOLT_BADHANDLE, BOLT_FORKED, ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_open(bucket: *mut bolt_bucket, cursor: *mut *mut bolt_cursor) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let (opened, slot) = call.run(|txn, id| {
            if cursor.is_null() {
                return Err(Error::Argument("NULL in place of the new handle"));
            }
            Ok((txn.cursor(id)?, CURSORS.take()?))
        })?;
        let (txn, serial) = call.txn.place();
        // SAFETY: no handle to the slot exists yet.
        *unsafe { slot.content().get() } = Some(CursorState { cursor: opened, txn, serial });
        // SAFETY: the conventions of the header: a place for the handle.
        unsafe { write(cursor, slot.open()) };
        Ok(BOLT_OK)
    })
}

/// Ends a cursor.
///
/// @param cursor The cursor, which the call ends; its transaction may have ended before. NULL is no error
///     and does nothing.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_close(cursor: *mut bolt_cursor) -> c_int {
    if cursor.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let slot = unsafe { handle::lookup(cursor) }?;
        if !slot.end(cursor) {
            return Err(handle::ended().into());
        }
        // SAFETY: whoever ends a slot is the only one who may still enter it.
        drop(unsafe { slot.content().get() }.take());
        CURSORS.give_back([slot]);
        Ok(BOLT_OK)
    })
}

/// Does something with a cursor and its transaction.
///
/// # Safety
///
/// `cursor` is NULL or came from this library, and nobody else uses its transaction.
#[inline]
pub(super) unsafe fn run<R>(
    cursor: *const bolt_cursor,
    action: impl FnOnce(&mut Cursor, &mut Txn) -> Result<R>,
) -> std::result::Result<R, Failure> {
    // SAFETY: the caller's promise.
    let slot = unsafe { handle::lookup(cursor) }?;
    // SAFETY: the handle is good, and a cursor is used by nobody but its transaction's user, who is the
    // caller.
    let state = unsafe { slot.content().get() }.as_mut().ok_or_else(handle::ended)?;
    // SAFETY: the caller's promise.
    let mut call = unsafe { TxnCall::of_cursor(state.txn, state.serial) }?;
    call.run(|txn| action(&mut state.cursor, txn))
}

/// Moves a cursor and gives the caller the entry on which it comes to stand.
///
/// # Safety
///
/// `cursor` is NULL or came from this library, nobody else uses its transaction, and `kv` is NULL or a place
/// for an entry.
#[inline]
unsafe fn step(
    cursor: *const bolt_cursor,
    kv: *mut bolt_kv,
    action: impl for<'t> FnOnce(&mut Cursor, &'t Txn) -> Result<Option<Entry<'t>>>,
) -> std::result::Result<c_int, Failure> {
    // SAFETY: the caller's promise.
    let found = unsafe { run(cursor, |cursor, txn| Ok(action(cursor, txn)?.map(bolt_kv::from))) }?;
    let Some(entry) = found else {
        return Ok(BOLT_NOTFOUND);
    };
    // SAFETY: the caller's promise.
    unsafe { write(kv, entry) };
    Ok(BOLT_OK)
}

/// Moves to the first entry.
///
/// @param cursor The cursor.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where the bucket is empty; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_first(cursor: *mut bolt_cursor, kv: *mut bolt_kv) -> c_int {
    // SAFETY: the conventions of the header, which are step's own.
    guard(|| unsafe { step(cursor, kv, |cursor, txn| cursor.first(txn)) })
}

/// Moves to the last entry.
///
/// @param cursor The cursor.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where the bucket is empty; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_last(cursor: *mut bolt_cursor, kv: *mut bolt_kv) -> c_int {
    // SAFETY: the conventions of the header, which are step's own.
    guard(|| unsafe { step(cursor, kv, |cursor, txn| cursor.last(txn)) })
}

/// Moves to the entry with the next greater key.
///
/// @param cursor The cursor, which bolt_cursor_first, _last or _seek has placed.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is none, or where the cursor was never placed; BOLT_CORRUPT;
///     BOLT_BADHANDLE; BOLT_FORKED.
///
/// @code
/// bolt_kv kv;
/// int code;
/// for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv))
///     printf("%.*s\n", (int)kv.key_len, (const char *)kv.key);
/// if (code != BOLT_NOTFOUND)
///     fprintf(stderr, "%s\n", bolt_strerror(code));
/// @endcode
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_next(cursor: *mut bolt_cursor, kv: *mut bolt_kv) -> c_int {
    // SAFETY: the conventions of the header, which are step's own.
    guard(|| unsafe { step(cursor, kv, |cursor, txn| cursor.next(txn)) })
}

/// Moves to the entry with the next smaller key.
///
/// @param cursor The cursor, which bolt_cursor_first, _last or _seek has placed.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is none, or where the cursor was never placed; BOLT_CORRUPT;
///     BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_prev(cursor: *mut bolt_cursor, kv: *mut bolt_kv) -> c_int {
    // SAFETY: the conventions of the header, which are step's own.
    guard(|| unsafe { step(cursor, kv, |cursor, txn| cursor.prev(txn)) })
}

/// Moves to a key, or to the next greater one where it is not there.
///
/// @param cursor The cursor.
/// @param key The key; NULL with length 0: the first entry.
/// @param key_len The length of the key in bytes.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where all keys are smaller: bolt_cursor_prev then moves to the last one;
///     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_seek(
    cursor: *mut bolt_cursor,
    key: *const c_void,
    key_len: usize,
    kv: *mut bolt_kv,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the conventions of the header, which are step's own.
        unsafe { step(cursor, kv, |cursor, txn| cursor.seek(txn, key)) }
    })
}

/// Moves to a key, or to the next smaller one where it is not there.
///
/// @param cursor The cursor.
/// @param key The key.
/// @param key_len The length of the key in bytes.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where all keys are greater: bolt_cursor_next then moves to the first
///     one; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_seek_le(
    cursor: *mut bolt_cursor,
    key: *const c_void,
    key_len: usize,
    kv: *mut bolt_kv,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
        let key = unsafe { bytes(key, key_len) }?;
        // SAFETY: the conventions of the header, which are step's own.
        unsafe { step(cursor, kv, |cursor, txn| cursor.seek_le(txn, key)) }
    })
}

/// Keeps a cursor between two keys: for it, all others are as if they were not there. It stands nowhere then.
///
/// @param cursor The cursor.
/// @param from The smallest key; NULL: no bound. It is copied.
/// @param to The first key that is too great; NULL: no bound. It is copied.
/// @return BOLT_OK; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM, and all is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_set_bounds(
    cursor: *mut bolt_cursor,
    from: *const bolt_slice,
    to: *const bolt_slice,
) -> c_int {
    guard(|| {
        let set = |cursor: &mut Cursor, txn: &mut Txn| {
            // SAFETY: the conventions of the header: NULL, or a slice.
            let from = unsafe { optional(from) }?;
            // SAFETY: the conventions of the header: NULL, or a slice.
            let to = unsafe { optional(to) }?;
            cursor.set_bounds(txn, from, to)
        };
        // SAFETY: the conventions of the header, which are run's own.
        unsafe { run(cursor, set) }?;
        Ok(BOLT_OK)
    })
}

/// The entry on which the cursor stands, without a move.
///
/// @param cursor The cursor.
/// @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where it stands on none; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_current(cursor: *mut bolt_cursor, kv: *mut bolt_kv) -> c_int {
    // SAFETY: the conventions of the header, which are step's own.
    guard(|| unsafe { step(cursor, kv, |cursor, txn| cursor.current(txn)) })
}

/// Deletes the entry on which the cursor stands. bolt_cursor_next then moves to the entry that followed it,
/// once; bolt_cursor_prev to the one before.
///
/// @param cursor The cursor.
/// @return BOLT_OK; BOLT_NOTFOUND where it stands on no entry; BOLT_WRONGTYPE where it stands on a bucket,
///     which bolt_bucket_delete deletes; BOLT_NOTWRITABLE; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED;
///     ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_delete(cursor: *mut bolt_cursor) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header, which are run's own.
        unsafe { run(cursor, |cursor, txn| cursor.delete(txn)) }?;
        Ok(BOLT_OK)
    })
}
