//! Keys and values: get, put, delete.
#![expect(unsafe_code, reason = "handles, keys and values are pointers")]

use std::ffi::{c_int, c_void};

use super::boundary::{bytes, guard, write};
use super::bucket::{BucketCall, bolt_bucket};
use super::error::{BOLT_NOTFOUND, BOLT_OK};

/// The greatest length of a key or a bucket's name, in bytes. The least is 1.
pub const BOLT_KEY_LEN_MAX: u32 = 32768;

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
