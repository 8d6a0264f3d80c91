//! Savepoints of a write transaction, by their numbers.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers")]

use std::ffi::c_int;

use super::boundary::{guard, write};
use super::error::BOLT_OK;
use super::txn::{TxnCall, bolt_txn};
use crate::Savepoint;
use crate::error::Error;

/// Sets a savepoint: a state of the write transaction to which it can be taken back.
///
/// It costs nothing to set one, so each request of many in a transaction may have its own. They nest. What is
/// not released ends with the transaction.
///
/// @param txn The write transaction.
/// @param savepoint Its number, good in this transaction alone.
/// @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
///
/// @code
/// uint64_t before;
/// int code = bolt_savepoint(txn, &before);
/// if (code == BOLT_OK) {
///     code = handle_request(txn);
///     if (code == BOLT_OK)
///         code = bolt_savepoint_release(txn, before);
///     else
///         bolt_savepoint_rollback(txn, before);
/// }
/// @endcode
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_savepoint(txn: *mut bolt_txn, savepoint: *mut u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let number = call.run(|txn| {
            if savepoint.is_null() {
                return Err(Error::Argument("NULL in place of the savepoint's number"));
            }
            Ok(txn.savepoint()?.0)
        })?;
        // SAFETY: the conventions of the header: a place for a number.
        unsafe { write(savepoint, number) };
        Ok(BOLT_OK)
    })
}

/// Takes back everything that was done since a savepoint was set. The savepoint stays, those set after it
/// end.
///
/// Buckets that were opened or made since answer BOLT_BADHANDLE from then on, and cursors over them; those
/// that were deleted since are good again. Bytes that were given out stay valid.
///
/// @param txn The write transaction.
/// @param savepoint The savepoint's number.
/// @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_BADHANDLE, also where the savepoint is released or was rolled
///     back past; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_savepoint_rollback(txn: *mut bolt_txn, savepoint: u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.run(|txn| txn.rollback_to(Savepoint(savepoint)))?;
        Ok(BOLT_OK)
    })
}

/// Gives up a savepoint and those set after it. What was done since stays.
///
/// @param txn The write transaction.
/// @param savepoint The savepoint's number.
/// @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_BADHANDLE, also where the savepoint is released or was rolled
///     back past; BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_savepoint_release(txn: *mut bolt_txn, savepoint: u64) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.run(|txn| txn.release(Savepoint(savepoint)))?;
        Ok(BOLT_OK)
    })
}
