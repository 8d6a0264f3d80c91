//! `bolt_txn`: begin, commit, rollback, reset, renew.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers")]

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::boundary::{self, Failure, guard, panicked};
use super::db::{DbCall, bolt_db};
use super::error::BOLT_OK;
use super::handle::{Arena, Handle};
use super::options::BOLT_FOREVER;
pub use super::txn_state::TxnCall;
use super::txn_state::{Ended, Phase, TxnCell, open};
use crate::error::Error;
use crate::{Txn, Wait};

/// A transaction: a reader's unchanging view of the whole database, or the one writer.
///
/// It may be used by any thread, but never by two at the same time; that goes for its buckets and cursors,
/// too. bolt_commit and bolt_rollback end it, and with it its bucket handles and all the bytes that it gave
/// out.
pub struct bolt_txn {
    _private: (),
}

static TRANSACTIONS: Arena<bolt_txn> = Arena::new();

impl Handle for bolt_txn {
    type Content = TxnCell;
    const TAG: u8 = 2;
    fn arena() -> &'static Arena<bolt_txn> {
        &TRANSACTIONS
    }
}

/// A flag of bolt_txn_begin: a read transaction.
pub const BOLT_READ: u32 = 0;
/// A flag of bolt_txn_begin: the write transaction; there is one at a time.
pub const BOLT_WRITE: u32 = 1;
/// A flag of bolt_txn_begin, with BOLT_WRITE: answer BOLT_BUSY instead of waiting.
pub const BOLT_TRY: u32 = 2;

/// Begins a transaction.
///
/// A read transaction sees the database as the last commit left it, whatever is committed while it is open;
/// there may be any number, and they wait for nobody. A write transaction waits until no other is open. A
/// thread that holds the write transaction and begins another waits for ever: BOLT_TRY and
/// bolt_txn_begin_timeout do not.
///
/// @param db The database.
/// @param flags BOLT_READ or BOLT_WRITE, which BOLT_TRY may be added to.
/// @param txn The new handle, to be ended by bolt_commit or bolt_rollback.
/// @return BOLT_OK; BOLT_BUSY with BOLT_TRY while another write transaction is open; BOLT_READONLY for a
///     write transaction in a database that was opened read-only; BOLT_POISONED; BOLT_ARGUMENT;
///     BOLT_BADHANDLE; BOLT_FORKED. Any thread may call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_begin(db: *mut bolt_db, flags: u32, txn: *mut *mut bolt_txn) -> c_int {
    guard(|| {
        let wait = if flags & BOLT_TRY == 0 { Wait::Forever } else { Wait::Try };
        // SAFETY: the conventions of the header, which are begin's own.
        unsafe { begin(db, flags & !BOLT_TRY, wait, txn) }
    })
}

/// Begins a transaction as bolt_txn_begin does, and waits for the place of the writer only so long.
///
/// @param db The database.
/// @param flags BOLT_READ or BOLT_WRITE.
/// @param timeout_ms How long to wait, in milliseconds; 0: try once; BOLT_FOREVER.
/// @param txn The new handle, to be ended by bolt_commit or bolt_rollback.
/// @return As bolt_txn_begin; BOLT_TIMEOUT when the time has passed, BOLT_BUSY where it is 0.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_begin_timeout(
    db: *mut bolt_db,
    flags: u32,
    timeout_ms: u64,
    txn: *mut *mut bolt_txn,
) -> c_int {
    guard(|| {
        let wait = match timeout_ms {
            0 => Wait::Try,
            BOLT_FOREVER => Wait::Forever,
            _ => Wait::For(Duration::from_millis(timeout_ms)),
        };
        // SAFETY: the conventions of the header, which are begin's own.
        unsafe { begin(db, flags, wait, txn) }
    })
}

/// Begins a transaction and makes its handle.
///
/// # Safety
///
/// `db` is NULL or came from this library, `txn` is NULL or a place for a handle.
unsafe fn begin(
    db: *const bolt_db,
    flags: u32,
    wait: Wait,
    txn: *mut *mut bolt_txn,
) -> std::result::Result<c_int, Failure> {
    if flags == BOLT_READ && !txn.is_null() {
        // SAFETY: the caller's promise.
        let (begun, slot) = unsafe { DbCall::begin_read(db) }?;
        let db = slot.reference();
        let handle = open(begun, db, false).map_err(|error| Failure { error, db: Some(db), txn: 0 })?;
        // SAFETY: the caller's promise.
        unsafe { boundary::write(txn, handle) };
        return Ok(BOLT_OK);
    }
    // SAFETY: the caller's promise.
    let call = unsafe { DbCall::begin(db) }?;
    let checked = match (flags, txn.is_null()) {
        (BOLT_READ, false) => Ok(false),
        (BOLT_WRITE, false) => Ok(true),
        (_, true) => Err(Error::Argument("NULL in place of the new handle")),
        _ => Err(Error::Argument("an unknown flag of a transaction")),
    };
    let writable = checked.map_err(|error| call.failure(error))?;
    let begun = if writable { call.db.begin_write(wait) } else { call.db.begin_read() };
    let begun = begun.map_err(|error| call.failure(error))?;
    let handle = open(begun, call.slot.reference(), false).map_err(|error| call.failure(error))?;
    // SAFETY: the caller's promise.
    unsafe { boundary::write(txn, handle) };
    Ok(BOLT_OK)
}

/// Makes everything that was done in a write transaction last, all of it or nothing, and ends the
/// transaction.
///
/// When it has returned BOLT_OK, the changes are on the disk (unless BOLT_OPEN_NOSYNC is set) and every
/// transaction begun from then on sees them. When it fails, nothing of them is seen; after BOLT_UNKNOWN,
/// only whoever opens the database anew can tell.
///
/// @param txn The write transaction, which the call ends, whatever it returns but for BOLT_BADHANDLE,
///     BOLT_BUSY, BOLT_FORKED and BOLT_MANAGED.
/// @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction, which is ended, too; BOLT_FULL; BOLT_POISONED;
///     BOLT_UNKNOWN; BOLT_CORRUPT; BOLT_BADHANDLE, also for a transaction that is reset, which stays as it
///     is; BOLT_MANAGED for a transaction that bolt_view, bolt_update or bolt_batch_update gave to a
///     function, and BOLT_BUSY in a function that bolt_check or a backup calls: it stays as it is;
///     BOLT_FORKED; an errno such as ENOSPC or EIO.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_commit(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.check_owned()?;
        let state = call.state();
        if state.phase == Phase::Reset {
            return Err(state.failure(Phase::Reset.refusal()));
        }
        let Ended { txn, phase, id, db } = call.end(txn)?;
        let done = match (txn, phase) {
            (Some(txn), Phase::Live) => catch_unwind(AssertUnwindSafe(|| txn.commit()))
                .unwrap_or_else(|payload| Err(panicked(payload))),
            (txn, phase) => {
                drop(txn);
                Err(phase.refusal())
            }
        };
        done.map_err(|error| Failure { error, db, txn: id })?;
        Ok(BOLT_OK)
    })
}

/// Ends a transaction, and forgets what was done in it if it is a write transaction.
///
/// @param txn The transaction, which the call ends. NULL is no error and does nothing.
/// @return BOLT_OK; BOLT_MANAGED and BOLT_BUSY as for bolt_commit; BOLT_BADHANDLE; BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_rollback(txn: *mut bolt_txn) -> c_int {
    if txn.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.check_owned()?;
        call.roll_back(txn)?;
        Ok(BOLT_OK)
    })
}

/// Lets go of what a read transaction sees, but keeps the handle for bolt_txn_renew.
///
/// The pages that it held back can be used again, and its bucket handles, cursors and bytes end as at a
/// rollback. To reset and renew is cheaper than to end and begin.
///
/// @param txn The read transaction. Until it is renewed, every call but bolt_txn_renew and bolt_rollback
///     answers BOLT_BADHANDLE.
/// @return BOLT_OK; BOLT_ARGUMENT for a write transaction; BOLT_MANAGED and BOLT_BUSY as for bolt_commit;
///     BOLT_BADHANDLE; BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_reset(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.check_owned()?;
        call.run(Txn::reset)?;
        call.end_children();
        call.state().phase = Phase::Reset;
        Ok(BOLT_OK)
    })
}

/// Makes a read transaction see what was committed last.
///
/// @param txn The read transaction, reset or not; its bucket handles, cursors and bytes end if it was not.
///     If the call fails, the transaction is as after a reset.
/// @return BOLT_OK; BOLT_ARGUMENT for a write transaction, which is left as it is; BOLT_MANAGED and BOLT_BUSY
///     as for bolt_commit; BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_renew(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.check_owned()?;
        let state = call.state();
        if state.phase == Phase::Broken {
            return Err(state.failure(Phase::Broken.refusal()));
        }
        let reads = state.txn.as_ref().is_some_and(|txn| !txn.is_writable());
        if reads {
            call.end_children();
            call.state().phase = Phase::Live;
        }
        let renewed = call.run(|txn| {
            txn.renew()?;
            Ok(txn.id())
        });
        let state = call.state();
        match renewed {
            Ok(id) => state.id = id,
            Err(failure) => {
                if reads && state.phase == Phase::Live {
                    state.phase = Phase::Reset;
                }
                return Err(failure);
            }
        }
        Ok(BOLT_OK)
    })
}

#[cfg(test)]
mod tests {
    use super::super::bucket::{self, bolt_bucket};
    use super::super::cursor::{bolt_cursor_close, bolt_cursor_open};
    use super::super::db::{bolt_close, bolt_open};
    use super::super::error::{BOLT_BADHANDLE, BOLT_PANIC};
    use super::super::handle;
    use super::*;

    /// A database in `directory` and a write transaction with a bucket handle.
    fn open(directory: &tempfile::TempDir) -> (*mut bolt_db, *mut bolt_txn, *mut bolt_bucket) {
        let path = std::ffi::CString::new(directory.path().join("db").to_str().unwrap()).unwrap();
        let mut db = std::ptr::null_mut();
        // SAFETY: a text and a place for the handle.
        assert_eq!(unsafe { bolt_open(path.as_ptr(), std::ptr::null(), &raw mut db) }, BOLT_OK);
        let mut txn = std::ptr::null_mut();
        // SAFETY: a good handle and a place for the new one.
        assert_eq!(unsafe { bolt_txn_begin(db, BOLT_WRITE, &raw mut txn) }, BOLT_OK);
        let mut root = std::ptr::null_mut();
        // SAFETY: a good handle and a place for the new one.
        assert_eq!(unsafe { bucket::bolt_root(txn, &raw mut root) }, BOLT_OK);
        (db, txn, root)
    }

    fn panic_in(txn: *mut bolt_txn) -> c_int {
        guard(|| {
            // SAFETY: the test's own handle, used by no other thread.
            let mut call = unsafe { TxnCall::begin(txn) }?;
            call.run(|_| -> crate::Result<c_int> { panic!("half done") })
        })
    }

    #[test]
    fn after_a_panic_a_transaction_can_only_be_rolled_back() {
        let directory = tempfile::tempdir().unwrap();
        let (db, txn, root) = open(&directory);
        assert_eq!(panic_in(txn), BOLT_PANIC);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bucket::bolt_bucket_close(root) }, BOLT_BADHANDLE);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bucket::bolt_root(txn, std::ptr::null_mut()) }, BOLT_PANIC);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_txn_renew(txn) }, BOLT_PANIC);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_rollback(txn) }, BOLT_OK);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_close(db) }, BOLT_OK);
    }

    #[test]
    fn a_commit_after_a_panic_rolls_back_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let (db, txn, _) = open(&directory);
        assert_eq!(panic_in(txn), BOLT_PANIC);
        assert_eq!(db_failure(db), "internal error: half done");
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_commit(txn) }, BOLT_PANIC);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_commit(txn) }, BOLT_BADHANDLE);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_close(db) }, BOLT_OK);
    }

    #[test]
    fn slots_of_ended_handles_are_used_again() {
        use std::collections::BTreeSet;
        let directory = tempfile::tempdir().unwrap();
        let (db, writer, root) = open(&directory);
        let mut slots = [const { BTreeSet::new() }; 3];
        for _ in 0..1000 {
            let mut txn = std::ptr::null_mut();
            // SAFETY: a good handle and a place for the new one.
            assert_eq!(unsafe { bolt_txn_begin(db, BOLT_READ, &raw mut txn) }, BOLT_OK);
            let mut bucket = std::ptr::null_mut();
            // SAFETY: a good handle and a place for the new one.
            assert_eq!(unsafe { bucket::bolt_root(txn, &raw mut bucket) }, BOLT_OK);
            let mut cursor = std::ptr::null_mut();
            // SAFETY: a good handle and a place for the new one.
            assert_eq!(unsafe { bolt_cursor_open(root, &raw mut cursor) }, BOLT_OK);
            let addresses = [txn.addr(), bucket.addr(), cursor.addr()];
            for (slots, address) in slots.iter_mut().zip(addresses) {
                slots.insert(address / 128);
            }
            // SAFETY: a handle that came from this library.
            assert_eq!(unsafe { bolt_cursor_close(cursor) }, BOLT_OK);
            // SAFETY: a handle that came from this library.
            assert_eq!(unsafe { bolt_rollback(txn) }, BOLT_OK);
        }
        assert!(slots.iter().all(|slots| slots.len() < 200), "{:?}", slots.map(|slots| slots.len()));
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_commit(writer) }, BOLT_OK);
        // SAFETY: a handle that came from this library.
        assert_eq!(unsafe { bolt_close(db) }, BOLT_OK);
    }

    fn db_failure(db: *mut bolt_db) -> String {
        // SAFETY: a good handle.
        let record = unsafe { handle::lookup(db) }.unwrap().content().last_failure();
        record.text.iter().take_while(|&&c| c != 0).map(|&c| c as u8 as char).collect()
    }
}
