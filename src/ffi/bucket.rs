//! `bolt_bucket`: open, create, delete, sequence, fill percent.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers, and a rule stands in for a lock")]

use std::ffi::{c_int, c_void};

use super::boundary::{Failure, bytes, guard, write};
use super::error::BOLT_OK;
use super::handle::{self, Arena, Exclusive, Handle, Slot};
use super::txn::{TxnCall, bolt_txn};
use crate::error::{Error, Result};
use crate::{BucketId, ROOT, Txn};

/// A bucket as one transaction sees it: a sorted set of keys, each with a value or with a bucket of its own.
///
/// The same bucket has the same handle all through a transaction, however often it is opened. The handle
/// ends with its transaction; to close it earlier with bolt_bucket_close is allowed, and never needed. The
/// handle of a bucket that was deleted answers BOLT_BADHANDLE. It is used by one thread at a time, with its
/// transaction.
pub struct bolt_bucket {
    _private: (),
}

static BUCKETS: Arena<bolt_bucket> = Arena::new();

impl Handle for bolt_bucket {
    type Content = Exclusive<Option<BucketState>>;
    const TAG: u8 = 3;
    fn arena() -> &'static Arena<bolt_bucket> {
        &BUCKETS
    }
}

/// What the slot of a bucket holds.
#[derive(Clone, Copy)]
pub struct BucketState {
    txn: &'static Slot<bolt_txn>,
    id: BucketId,
}

/// Makes a handle for a bucket of a transaction, in a slot that the transaction has, or in another one.
pub fn open(
    txn: &'static Slot<bolt_txn>,
    id: BucketId,
    slot: Option<&'static Slot<bolt_bucket>>,
) -> Result<(&'static Slot<bolt_bucket>, *mut bolt_bucket)> {
    let slot = match slot {
        Some(slot) => slot,
        None => BUCKETS.take()?,
    };
    // SAFETY: no handle to the slot exists yet.
    *unsafe { slot.content().get() } = Some(BucketState { txn, id });
    Ok((slot, slot.open()))
}

/// Ends the handle of a bucket.
pub fn end(slot: &'static Slot<bolt_bucket>) {
    slot.end(slot.handle());
}

/// Ends the handles of buckets, and gives their slots back.
pub fn end_all(slots: impl Iterator<Item = &'static Slot<bolt_bucket>>) {
    BUCKETS.give_back(slots.inspect(|slot| end(slot)));
}

/// A bucket and its transaction as one call uses them.
pub struct BucketCall {
    /// The transaction.
    pub txn: TxnCall,
    /// The bucket in it.
    pub id: BucketId,
    slot: &'static Slot<bolt_bucket>,
}

impl BucketCall {
    /// Enters the transaction of a bucket's handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from this library, and while the result lives nobody else enters the
    /// transaction.
    #[inline]
    pub unsafe fn begin(handle: *const bolt_bucket) -> Result<BucketCall> {
        // SAFETY: the caller's promise.
        let slot = unsafe { handle::lookup(handle) }?;
        // SAFETY: the handle is good, so the content is in place; it is copied at once, and changed by
        // nobody but the transaction's user, who is the caller.
        let state = *unsafe { slot.content().get() };
        let BucketState { txn, id } = state.ok_or_else(handle::ended)?;
        // SAFETY: the caller's promise.
        let txn = unsafe { TxnCall::of_bucket(txn) };
        Ok(BucketCall { txn, id, slot })
    }

    /// Which transaction it belongs to, and which bucket of it it is.
    pub fn place(&self) -> (&'static Slot<bolt_txn>, BucketId) {
        (self.txn.place().0, self.id)
    }

    /// Does something with the bucket.
    #[inline]
    pub fn run<R>(
        &mut self,
        action: impl FnOnce(&mut Txn, BucketId) -> Result<R>,
    ) -> std::result::Result<R, Failure> {
        let id = self.id;
        self.txn.run(|txn| action(txn, id))
    }
}

/// The root bucket, which holds the top-level buckets and is always there.
///
/// @param txn The transaction.
/// @param bucket The handle; it ends with the transaction.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_root(txn: *mut bolt_txn, bucket: *mut *mut bolt_bucket) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let id = call.run(|_| Ok(ROOT))?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { give(&mut call, id, bucket) }
    })
}

/// Gives the caller the handle of a bucket, if he wants one.
///
/// # Safety
///
/// `out` is NULL or a place for the handle.
unsafe fn give(
    call: &mut TxnCall,
    id: BucketId,
    out: *mut *mut bolt_bucket,
) -> std::result::Result<c_int, Failure> {
    if !out.is_null() {
        let handle = call.bucket_handle(id)?;
        // SAFETY: the caller's promise.
        unsafe { write(out, handle) };
    }
    Ok(BOLT_OK)
}

/// Ends a bucket's handle before its transaction ends. The bucket itself stays as it is.
///
/// Since the same bucket has the same handle, it ends for everybody who opened it in this transaction.
/// Cursors that were opened from it stay good.
///
/// @param bucket The handle, which the call ends. NULL is no error and does nothing.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_close(bucket: *mut bolt_bucket) -> c_int {
    if bucket.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.txn.forget_bucket(call.id);
        end_all([call.slot].into_iter());
        Ok(BOLT_OK)
    })
}

/// Opens a bucket that lies in another one.
///
/// @param parent The bucket to look in; bolt_root for the top-level ones.
/// @param name The bucket's name: name_len bytes of any kind.
/// @param name_len The length of the name in bytes.
/// @param bucket The handle; it ends with the transaction. NULL to ask only whether the bucket is there.
/// @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name; BOLT_ARGUMENT;
///     BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_open(
    parent: *mut bolt_bucket,
    name: *const c_void,
    name_len: usize,
    bucket: *mut *mut bolt_bucket,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(parent) }?;
        let id = call.run(|txn, parent| {
            // SAFETY: the conventions of the header: NULL, or `name_len` bytes.
            txn.bucket(parent, unsafe { bytes(name, name_len) }?)
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { give(&mut call.txn, id, bucket) }
    })
}

/// Makes a bucket that must not be there yet.
///
/// @param parent The bucket to make it in; bolt_root for a top-level one.
/// @param name The bucket's name: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param name_len The length of the name in bytes.
/// @param bucket The handle; it ends with the transaction. May be NULL.
/// @return BOLT_OK; BOLT_EXISTS; BOLT_WRONGTYPE where a value has that name; BOLT_NAMEREQUIRED;
///     BOLT_KEYSIZE; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_create(
    parent: *mut bolt_bucket,
    name: *const c_void,
    name_len: usize,
    bucket: *mut *mut bolt_bucket,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(parent) }?;
        let id = call.run(|txn, parent| {
            // SAFETY: the conventions of the header: NULL, or `name_len` bytes.
            txn.create_bucket(parent, unsafe { bytes(name, name_len) }?)
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { give(&mut call.txn, id, bucket) }
    })
}

/// Opens a bucket, and makes it first if it is not there.
///
/// @param parent The bucket that it lies in; bolt_root for a top-level one.
/// @param name The bucket's name: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param name_len The length of the name in bytes.
/// @param bucket The handle; it ends with the transaction. May be NULL.
/// @return BOLT_OK; BOLT_WRONGTYPE where a value has that name; BOLT_NAMEREQUIRED; BOLT_KEYSIZE;
///     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_ensure(
    parent: *mut bolt_bucket,
    name: *const c_void,
    name_len: usize,
    bucket: *mut *mut bolt_bucket,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(parent) }?;
        let id = call.run(|txn, parent| {
            // SAFETY: the conventions of the header: NULL, or `name_len` bytes.
            txn.ensure_bucket(parent, unsafe { bytes(name, name_len) }?)
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for the handle.
        unsafe { give(&mut call.txn, id, bucket) }
    })
}

/// Deletes a bucket with everything in it.
///
/// Its handle, those of the buckets in it and the cursors over them answer BOLT_BADHANDLE from then on.
/// Bytes that they gave out stay valid until the transaction ends.
///
/// @param parent The bucket that it lies in; bolt_root for a top-level one.
/// @param name The bucket's name.
/// @param name_len The length of the name in bytes.
/// @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name; BOLT_NOTWRITABLE;
///     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_delete(
    parent: *mut bolt_bucket,
    name: *const c_void,
    name_len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(parent) }?;
        call.run(|txn, parent| {
            // SAFETY: the conventions of the header: NULL, or `name_len` bytes.
            txn.delete_bucket(parent, unsafe { bytes(name, name_len) }?)
        })?;
        Ok(BOLT_OK)
    })
}

/// Moves a bucket with everything in it into another one, under the same name.
///
/// Handles and cursors of the bucket and of those in it stay good, and what was changed in it in this
/// transaction moves with it.
///
/// @param from The bucket that it lies in; bolt_root for a top-level one.
/// @param name The bucket's name.
/// @param name_len The length of the name in bytes.
/// @param to The bucket that it is moved to; bolt_root to make it a top-level one.
/// @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name, here or there; BOLT_EXISTS
///     where the target has a bucket of that name; BOLT_SAMEBUCKET where both are the same, or the target
///     is the bucket itself or lies in it; BOLT_DIFFERENTDB where they belong to different transactions;
///     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM. Nothing has
///     changed unless it is BOLT_OK.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_move(
    from: *mut bolt_bucket,
    name: *const c_void,
    name_len: usize,
    to: *mut bolt_bucket,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let (target_txn, target) = unsafe { BucketCall::begin(to) }?.place();
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(from) }?;
        let (txn, _) = call.place();
        call.run(|engine, from| {
            if !std::ptr::eq(txn, target_txn) {
                return Err(if engine.is_writable() { Error::DifferentDb } else { Error::NotWritable });
            }
            // SAFETY: the conventions of the header: NULL, or `name_len` bytes.
            engine.move_bucket(from, unsafe { bytes(name, name_len) }?, target)
        })?;
        Ok(BOLT_OK)
    })
}

/// The bucket's sequence number, which is 0 in a new bucket and changed only by the two functions below.
///
/// @param bucket The bucket.
/// @param sequence The number.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_sequence(bucket: *mut bolt_bucket, sequence: *mut u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let number = call.run(|txn, id| txn.sequence(id))?;
        // SAFETY: the conventions of the header: NULL, or a place for the number.
        unsafe { write(sequence, number) };
        Ok(BOLT_OK)
    })
}

/// Sets the bucket's sequence number.
///
/// @param bucket The bucket.
/// @param sequence The number.
/// @return BOLT_OK, BOLT_NOTWRITABLE, BOLT_BADHANDLE, BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_set_sequence(bucket: *mut bolt_bucket, sequence: u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.run(|txn, id| txn.set_sequence(id, sequence))?;
        Ok(BOLT_OK)
    })
}

/// Adds 1 to the bucket's sequence number and tells the new one; after 2^64 - 1 comes 0.
///
/// @param bucket The bucket.
/// @param sequence The new number: 1 for the first call in a new bucket.
/// @return BOLT_OK, BOLT_NOTWRITABLE, BOLT_BADHANDLE, BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_next_sequence(bucket: *mut bolt_bucket, sequence: *mut u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let number = call.run(|txn, id| txn.next_sequence(id))?;
        // SAFETY: the conventions of the header: NULL, or a place for the number.
        unsafe { write(sequence, number) };
        Ok(BOLT_OK)
    })
}

/// Sets how full the bucket's pages are left when this transaction's commit splits them.
///
/// A high value suits keys that are put in order, a low one keys that are put at random. It holds for this
/// transaction alone, as in Go's bbolt.
///
/// @param bucket The bucket.
/// @param percent A fraction from 0.1 to 1.0.
/// @return BOLT_OK; BOLT_ARGUMENT for a number out of range; BOLT_NOTWRITABLE; BOLT_BADHANDLE;
///     BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_set_fill_percent(bucket: *mut bolt_bucket, percent: f64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.run(|txn, id| {
            if !(0.1..=1.0).contains(&percent) {
                return Err(Error::Argument("a fill percent is a fraction from 0.1 to 1.0"));
            }
            txn.set_fill_percent(id, percent)
        })?;
        Ok(BOLT_OK)
    })
}
