//! Keys and values: get, put, delete.
#![expect(unsafe_code, reason = "handles, keys and values are pointers")]

use std::ffi::{c_int, c_void};

use super::boundary::{bytes, guard, write};
use super::bucket::{BucketCall, bolt_bucket};
use super::error::{BOLT_NOTFOUND, BOLT_OK};
use crate::error::{Error, Result};
use crate::{BucketId, Condition, Txn};

/// The greatest length of a key or a bucket's name, in bytes. The least is 1.
pub const BOLT_KEY_LEN_MAX: u32 = 32768;

/// A flag of bolt_put_ex: only where the key is not there yet.
pub const BOLT_NOOVERWRITE: u32 = 1;
/// A flag of bolt_put_ex: only where the key is there.
pub const BOLT_MUSTEXIST: u32 = 2;
/// A flag of bolt_put_ex: only where the key comes after all keys that are there.
pub const BOLT_APPEND: u32 = 4;

/// Some bytes: a key, a name, a value. A pointer to one is what functions take and fill, never the struct
/// itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_slice {
    /// The first byte; NULL is allowed where len is 0.
    pub data: *const c_void,
    /// The length in bytes.
    pub len: usize,
}

/// The bytes of a slice; `None` where there is no slice.
///
/// # Safety
///
/// `slice` is NULL or points to one whose bytes can be read, and nobody writes them as long as the result is
/// used.
pub unsafe fn optional<'a>(slice: *const bolt_slice) -> Result<Option<&'a [u8]>> {
    if slice.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller promises a slice there.
    let bolt_slice { data, len } = unsafe { slice.read() };
    // SAFETY: the caller's promise.
    unsafe { bytes(data, len) }.map(Some)
}

/// The value of a key.
///
/// @param bucket The bucket.
/// @param key The key.
/// @param key_len The length of the key in bytes.
/// @param value The first byte of the value, never NULL; no copy: the bytes lie in the database, are valid
///     and unchanged until the transaction ends, even if the key is put anew or deleted, and must not be
///     written. May be NULL.
/// @param value_len The length of the value in bytes, which may be 0. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is no such key, or where it is a bucket; BOLT_ARGUMENT;
///     BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
///
/// @code
/// const void *value;
/// size_t value_len;
/// int code = bolt_get(bucket, "answer", 6, &value, &value_len);
/// if (code == BOLT_OK)
///     fwrite(value, 1, value_len, stdout);
/// @endcode
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_get(
    bucket: *mut bolt_bucket,
    key: *const c_void,
    key_len: usize,
    value: *mut *const c_void,
    value_len: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let found = call.run(|txn, id| {
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            let found = txn.get(id, unsafe { bytes(key, key_len) }?)?;
            Ok(found.map(|value| (value.as_ptr(), value.len())))
        })?;
        let Some((data, len)) = found else {
            return Ok(BOLT_NOTFOUND);
        };
        // SAFETY: the conventions of the header: NULL, or a place for a pointer.
        unsafe { write(value, data.cast::<c_void>()) };
        // SAFETY: the conventions of the header: NULL, or a place for a length.
        unsafe { write(value_len, len) };
        Ok(BOLT_OK)
    })
}

/// The value of a key, copied.
///
/// @param bucket The bucket.
/// @param key The key.
/// @param key_len The length of the key in bytes.
/// @param buf Where the value is copied to. NULL where cap is 0.
/// @param cap How many bytes fit there.
/// @param value_len The length of the value in bytes, with BOLT_TOOSMALL, too. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is no such key, or where it is a bucket; BOLT_TOOSMALL where
///     the value is longer than cap, nothing is copied then; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE;
///     BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_get_copy(
    bucket: *mut bolt_bucket,
    key: *const c_void,
    key_len: usize,
    buf: *mut c_void,
    cap: usize,
    value_len: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let found = call.run(|txn, id| {
            if buf.is_null() && cap > 0 {
                return Err(Error::Argument("NULL with a length other than zero"));
            }
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            let key = unsafe { bytes(key, key_len) }?;
            txn.get_with(id, key, |value| {
                if value.len() <= cap && !value.is_empty() {
                    // SAFETY: the conventions of the header: `cap` bytes can be written there, and none of
                    // them are the database's.
                    unsafe { buf.cast::<u8>().copy_from_nonoverlapping(value.as_ptr(), value.len()) };
                }
                value.len()
            })
        })?;
        let Some(len) = found else {
            return Ok(BOLT_NOTFOUND);
        };
        // SAFETY: the conventions of the header: NULL, or a place for a length.
        unsafe { write(value_len, len) };
        if len > cap {
            call.run(|_, _| Err::<(), Error>(Error::TooSmall(len)))?;
        }
        Ok(BOLT_OK)
    })
}

/// The values of many keys at once: faster than to ask for one after the other, where the database is larger
/// than the processor's caches, as the lookups wait for memory together.
///
/// @param bucket The bucket.
/// @param keys The keys: n of them, in any order.
/// @param n How many there are; 64 or more pay best.
/// @param values Room for n values. Each is as bolt_get gives it, at the place of its key; data is NULL
///     and len 0 where there is no such key, or where it is a bucket. They say nothing where the call
///     fails. May be NULL, and may be the array of the keys.
/// @param found How many of the keys have a value. May be NULL.
/// @return BOLT_OK, also where no key is found; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_get_many(
    bucket: *mut bolt_bucket,
    keys: *const bolt_slice,
    n: usize,
    values: *mut bolt_slice,
    found: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let count = call.run(|txn, id| {
            if keys.is_null() && n > 0 {
                return Err(Error::Argument("NULL in place of the keys"));
            }
            if n > isize::MAX as usize / size_of::<bolt_slice>() {
                return Err(Error::Argument("more keys than fit the address space"));
            }
            let mut count = 0;
            for start in (0..n).step_by(GROUP_LEN) {
                let len = GROUP_LEN.min(n - start);
                let values = if values.is_null() { values } else { values.wrapping_add(start) };
                // SAFETY: the conventions of the header: `n` keys, and NULL or room for as many values.
                count += unsafe { get_group(txn, id, keys.wrapping_add(start), len, values) }?;
            }
            Ok(count)
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for a number.
        unsafe { write(found, count) };
        Ok(BOLT_OK)
    })
}

/// How many keys are looked for at once.
const GROUP_LEN: usize = 64;

/// Looks for at most [`GROUP_LEN`] keys, and says how many have a value.
///
/// # Safety
///
/// `keys` points to `len` slices whose bytes can be read, `values` is NULL or has room for as many.
unsafe fn get_group(
    txn: &Txn,
    id: BucketId,
    keys: *const bolt_slice,
    len: usize,
    values: *mut bolt_slice,
) -> Result<usize> {
    let mut sought: [&[u8]; GROUP_LEN] = [&[]; GROUP_LEN];
    let mut found = [None; GROUP_LEN];
    for (index, place) in sought.iter_mut().enumerate().take(len) {
        // SAFETY: the caller's promise.
        *place = unsafe { optional(keys.wrapping_add(index)) }?.unwrap_or_default();
    }
    txn.get_many(id, &sought[..len], &mut found[..len])?;
    if !values.is_null() {
        for (index, value) in found[..len].iter().enumerate() {
            let slice = match value {
                Some(value) => bolt_slice { data: value.as_ptr().cast(), len: value.len() },
                None => bolt_slice { data: std::ptr::null(), len: 0 },
            };
            // SAFETY: the caller's promise.
            unsafe { values.wrapping_add(index).write(slice) };
        }
    }
    Ok(found[..len].iter().flatten().count())
}

/// Gives a key a value, in place of the one that it has.
///
/// @param bucket The bucket.
/// @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param key_len The length of the key in bytes.
/// @param value The value, which is copied; it may be bytes that this transaction gave out. NULL where
///     value_len is 0.
/// @param value_len The length of the value in bytes. Key and value together have at most 2^31 - 17 bytes.
/// @return BOLT_OK; BOLT_KEYREQUIRED for an empty key; BOLT_KEYSIZE; BOLT_VALUESIZE; BOLT_WRONGTYPE where
///     the key is a bucket; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED;
///     ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_put(
    bucket: *mut bolt_bucket,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.run(|txn, id| {
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            let key = unsafe { bytes(key, key_len) }?;
            // SAFETY: the conventions of the header: NULL, or `value_len` bytes.
            let value = unsafe { bytes(value, value_len) }?;
            txn.put(id, key, value)
        })?;
        Ok(BOLT_OK)
    })
}

/// Gives a key a value on a condition.
///
/// @param bucket The bucket.
/// @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param key_len The length of the key in bytes.
/// @param value The value, which is copied; as for bolt_put.
/// @param value_len The length of the value in bytes.
/// @param flags One of BOLT_NOOVERWRITE, BOLT_MUSTEXIST and BOLT_APPEND; 0: as bolt_put.
/// @return As bolt_put; BOLT_EXISTS with BOLT_NOOVERWRITE where the key has a value, and with BOLT_APPEND
///     where a key is not smaller; BOLT_NOTFOUND with BOLT_MUSTEXIST where the key is not there.
///     BOLT_WRONGTYPE where the key is a bucket, whatever the flags say.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_put_ex(
    bucket: *mut bolt_bucket,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    flags: u32,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let done = call.run(|txn, id| {
            let condition = match flags {
                0 => Condition::Any,
                BOLT_NOOVERWRITE => Condition::Absent,
                BOLT_MUSTEXIST => Condition::Present,
                BOLT_APPEND => Condition::Last,
                _ => return Err(Error::Argument("a put has one flag, or none")),
            };
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            let key = unsafe { bytes(key, key_len) }?;
            // SAFETY: the conventions of the header: NULL, or `value_len` bytes.
            let value = unsafe { bytes(value, value_len) }?;
            match txn.put_if(id, key, value, condition) {
                Err(Error::NotFound) => Ok(BOLT_NOTFOUND),
                done => done.map(|()| BOLT_OK),
            }
        })?;
        Ok(done)
    })
}

/// Gives a key a value that the caller writes afterwards, where it lies: one copy less than bolt_put.
///
/// @param bucket The bucket.
/// @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
/// @param key_len The length of the key in bytes.
/// @param value_len The length of the value in bytes; as for bolt_put.
/// @param value The first byte of the value, all zeros. It may be written until the next call with this
///     transaction, its buckets or its cursors; what stands there then is the value, to be read only. May
///     be NULL.
/// @return As bolt_put.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_put_reserve(
    bucket: *mut bolt_bucket,
    key: *const c_void,
    key_len: usize,
    value_len: usize,
    value: *mut *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let reserved = call.run(|txn, id| {
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            let reserved = txn.put_reserve(id, unsafe { bytes(key, key_len) }?, value_len)?;
            Ok(reserved.as_mut_ptr())
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for a pointer.
        unsafe { write(value, reserved.cast::<c_void>()) };
        Ok(BOLT_OK)
    })
}

/// Deletes a key with its value. A key that is not there is no error.
///
/// @param bucket The bucket.
/// @param key The key.
/// @param key_len The length of the key in bytes.
/// @return BOLT_OK; BOLT_WRONGTYPE where the key is a bucket, which bolt_bucket_delete deletes;
///     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_delete(bucket: *mut bolt_bucket, key: *const c_void, key_len: usize) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.run(|txn, id| {
            // SAFETY: the conventions of the header: NULL, or `key_len` bytes.
            txn.delete(id, unsafe { bytes(key, key_len) }?)
        })?;
        Ok(BOLT_OK)
    })
}

/// Deletes all keys from one on and below another. Whole pages of them are freed without a look at the keys.
///
/// @param bucket The bucket.
/// @param from The first key that is deleted, if it is there. NULL: from the first of all.
/// @param to The first key that is not. NULL: all that follow. Where it is not greater than from, none is
///     deleted.
/// @param deleted How many keys were deleted. May be NULL.
/// @return BOLT_OK, also where there was none; BOLT_WRONGTYPE where a bucket lies in the range: nothing is
///     deleted then; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_delete_range(
    bucket: *mut bolt_bucket,
    from: *const bolt_slice,
    to: *const bolt_slice,
    deleted: *mut u64,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let count = call.run(|txn, id| {
            // SAFETY: the conventions of the header: NULL, or a slice.
            let from = unsafe { optional(from) }?;
            // SAFETY: the conventions of the header: NULL, or a slice.
            let to = unsafe { optional(to) }?;
            txn.delete_range(id, from, to)
        })?;
        // SAFETY: the conventions of the header: NULL, or a place for a number.
        unsafe { write(deleted, count) };
        Ok(BOLT_OK)
    })
}
