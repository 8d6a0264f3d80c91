//! `bolt_txn`: begin, commit, rollback, reset, renew; and how the other handles reach their transaction.
//!
//! A transaction's slot owns the engine's transaction and knows the handles of its buckets. Its serial
//! number changes whenever what was opened in it dies (at its end, at a reset); cursors note the number and
//! compare.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers, and a rule stands in for a lock")]

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::boundary::{self, Failure, Growing, guard, panicked};
use super::bucket::{self, bolt_bucket};
use super::db::{DbCall, bolt_db};
use super::error::BOLT_OK;
use super::handle::{self, Arena, Exclusive, Handle, Reference, Slot};
use super::options::BOLT_FOREVER;
use crate::error::{Error, Result};
use crate::{BucketId, Txn, Wait};

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

/// What the slot of a transaction holds.
#[derive(Default)]
pub struct TxnCell {
    /// Read by cursors that may have outlived their transaction, on whatever thread they are.
    serial: AtomicU64,
    state: Exclusive<TxnState>,
}

#[derive(Default)]
struct TxnState {
    txn: Option<Txn>,
    phase: Phase,
    id: u64,
    db: Option<Reference<bolt_db>>,
    /// By the index of the engine's bucket id. Its memory stays for the slot's next transaction.
    buckets: Vec<Option<&'static Slot<bolt_bucket>>>,
}

/// What a transaction that has not ended may be used for.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everything.
    #[default]
    Live,
    /// Renew and rollback, after a reset.
    Reset,
    /// Rollback, after a panic (F3).
    Broken,
}

/// A transaction as one call uses it; whoever made it has the caller's word that nobody else is using it.
pub struct TxnCall {
    slot: &'static Slot<bolt_txn>,
}

impl TxnCall {
    /// Enters the transaction of a handle.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or came from this library, and while the result lives nobody else enters the
    /// transaction.
    #[inline]
    pub unsafe fn begin(handle: *const bolt_txn) -> Result<TxnCall> {
        // SAFETY: the caller's promise.
        let slot = unsafe { handle::lookup(handle) }?;
        Ok(TxnCall { slot })
    }

    /// Enters the transaction of one of its buckets, whose handle is good and so has a transaction that is
    /// (F2).
    ///
    /// # Safety
    ///
    /// While the result lives nobody else enters the transaction.
    #[inline]
    pub unsafe fn of_bucket(slot: &'static Slot<bolt_txn>) -> TxnCall {
        TxnCall { slot }
    }

    /// Enters the transaction of one of its cursors, if it still is the one that the cursor was opened in.
    ///
    /// # Safety
    ///
    /// While the result lives nobody else enters the transaction, if it still is that one.
    #[inline]
    pub unsafe fn of_cursor(slot: &'static Slot<bolt_txn>, serial: u64) -> Result<TxnCall> {
        if slot.content().serial.load(Ordering::Acquire) != serial {
            return Err(Error::BadHandle("the cursor's transaction has ended or was reset"));
        }
        Ok(TxnCall { slot })
    }

    /// The slot, and the serial number that it has now.
    pub fn place(&self) -> (&'static Slot<bolt_txn>, u64) {
        (self.slot, self.slot.content().serial.load(Ordering::Relaxed))
    }

    #[inline]
    fn state(&mut self) -> &mut TxnState {
        // SAFETY: whoever made this TxnCall promised that it is the only one, and `&mut self` says that the
        // transaction is entered once.
        unsafe { self.slot.content().state.get() }
    }

    /// Does something in the transaction.
    #[inline]
    pub fn run<R>(&mut self, action: impl FnOnce(&mut Txn) -> Result<R>) -> std::result::Result<R, Failure> {
        let state = self.state();
        let txn = match (&mut state.txn, state.phase) {
            (Some(txn), Phase::Live) => txn,
            (_, phase) => return Err(state.failure(phase.refusal())),
        };
        match catch_unwind(AssertUnwindSafe(|| action(txn))) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(state.failure(error)),
            Err(payload) => {
                let failure = state.failure(panicked(payload));
                self.break_off();
                Err(failure)
            }
        }
    }

    /// The handle of a bucket: the one that it has, or a new one.
    pub fn bucket_handle(&mut self, id: BucketId) -> std::result::Result<*mut bolt_bucket, Failure> {
        let txn = self.slot;
        let state = self.state();
        let made = state.bucket_slot(txn, id);
        made.map_err(|error| state.failure(error))
    }

    /// Forgets the handle of a bucket, which its caller ends.
    pub fn forget_bucket(&mut self, id: BucketId) {
        if let Some(slot) = self.state().buckets.get_mut(id.index()) {
            *slot = None;
        }
    }

    /// Ends what was opened in the transaction: bucket handles at once, cursors by the serial number (F2).
    fn end_children(&mut self) {
        let serial = &self.slot.content().serial;
        // Only the transaction's user stores here, so nothing comes between.
        serial.store(serial.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        let buckets = &mut self.state().buckets;
        if buckets.iter().any(Option::is_some) {
            bucket::end_all(buckets.iter_mut().filter_map(Option::take));
        }
        buckets.clear();
    }

    #[cold]
    fn break_off(&mut self) {
        self.end_children();
        self.state().phase = Phase::Broken;
    }

    /// Ends the handle and everything opened in the transaction, and hands over the transaction itself.
    fn end(mut self, handle: *const bolt_txn) -> Result<Ended> {
        if !self.slot.end(handle) {
            return Err(handle::ended());
        }
        self.end_children();
        let state = self.state();
        let ended = Ended { txn: state.txn.take(), phase: state.phase, id: state.id, db: state.db.take() };
        TRANSACTIONS.give_back([self.slot]);
        Ok(ended)
    }
}

/// A transaction without its handle.
struct Ended {
    txn: Option<Txn>,
    phase: Phase,
    id: u64,
    db: Option<Reference<bolt_db>>,
}

impl Phase {
    #[cold]
    fn refusal(self) -> Error {
        match self {
            Phase::Live => Error::BadHandle("the transaction has ended"),
            Phase::Reset => Error::BadHandle("the transaction is reset: renew it or roll it back"),
            Phase::Broken => Error::Panic("the transaction can only be rolled back".to_owned()),
        }
    }
}

impl TxnState {
    fn failure(&self, error: Error) -> Failure {
        Failure { error, db: self.db, txn: self.id }
    }

    fn bucket_slot(&mut self, txn: &'static Slot<bolt_txn>, id: BucketId) -> Result<*mut bolt_bucket> {
        let index = id.index();
        if let Some(Some(slot)) = self.buckets.get(index) {
            return Ok(slot.handle());
        }
        if index >= self.buckets.len() {
            self.buckets.try_reserve(index + 1 - self.buckets.len())?;
            self.buckets.resize(index + 1, None);
        }
        let (slot, handle) = bucket::open(txn, id)?;
        self.buckets[index] = Some(slot);
        Ok(handle)
    }
}

/// A flag of bolt_txn_begin: a read transaction.
pub const BOLT_READ: u32 = 0;
/// A flag of bolt_txn_begin: the write transaction; there is one at a time.
pub const BOLT_WRITE: u32 = 1;
/// A flag of bolt_txn_begin, with BOLT_WRITE: answer BOLT_BUSY instead of waiting.
pub const BOLT_TRY: u32 = 2;

/// A flag of bolt_txn_info: the transaction can write.
pub const BOLT_TXN_WRITABLE: u32 = 1;

/// What is known about a transaction.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_txn_info {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_txn_info).
    pub struct_size: usize,
    /// BOLT_TXN_WRITABLE or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// A reader: the id of the transaction whose commit it sees. A writer: the id that its commit will have.
    pub id: u64,
    /// The length of the database as the transaction sees it, in bytes: its high water times the page size.
    pub db_len: u64,
}

// SAFETY: repr(C), the size first, numbers alone; two of 32 bits follow the size, so that on machines of 32
// and of 64 bits each begins where the one before ends, but for 4 bytes on some of 32.
unsafe impl Growing for bolt_txn_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_txn_info>()];
}

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
    let slot = TRANSACTIONS.take().map_err(|error| call.failure(error))?;
    // SAFETY: no handle to the slot exists yet.
    let state = unsafe { slot.content().state.get() };
    state.id = begun.id();
    state.txn = Some(begun);
    state.phase = Phase::Live;
    state.db = Some(call.slot.reference());
    // SAFETY: the caller's promise.
    unsafe { boundary::write(txn, slot.open()) };
    Ok(BOLT_OK)
}

/// Makes everything that was done in a write transaction last, all of it or nothing, and ends the
/// transaction.
///
/// When it has returned BOLT_OK, the changes are on the disk (unless BOLT_OPEN_NOSYNC is set) and every
/// transaction begun from then on sees them. When it fails, nothing of them is seen; after BOLT_UNKNOWN,
/// only whoever opens the database anew can tell.
///
/// @param txn The write transaction, which the call ends, whatever it returns but for BOLT_BADHANDLE and
///     BOLT_FORKED.
/// @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction, which is ended, too; BOLT_FULL; BOLT_POISONED;
///     BOLT_UNKNOWN; BOLT_CORRUPT; BOLT_BADHANDLE, also for a transaction that is reset, which stays as it
///     is; BOLT_FORKED; an errno such as ENOSPC or EIO.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_commit(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
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
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_rollback(txn: *mut bolt_txn) -> c_int {
    if txn.is_null() {
        return BOLT_OK;
    }
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let call = unsafe { TxnCall::begin(txn) }?;
        let Ended { txn, .. } = call.end(txn)?;
        if let Some(txn) = txn {
            txn.rollback();
        }
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
/// @return BOLT_OK; BOLT_ARGUMENT for a write transaction; BOLT_BADHANDLE; BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_reset(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
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
/// @return BOLT_OK; BOLT_ARGUMENT for a write transaction, which is left as it is; BOLT_BADHANDLE;
///     BOLT_FORKED; an errno such as ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_renew(txn: *mut bolt_txn) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
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

/// What is known about a transaction.
///
/// @param txn The transaction.
/// @param info Filled; its struct_size must be set.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_BADHANDLE; BOLT_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_info_get(txn: *mut bolt_txn, info: *mut bolt_txn_info) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        call.run(|txn| {
            let told = bolt_txn_info {
                struct_size: size_of::<bolt_txn_info>(),
                flags: if txn.is_writable() { BOLT_TXN_WRITABLE } else { 0 },
                reserved: 0,
                id: txn.id(),
                db_len: txn.len(),
            };
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { boundary::write_struct(info, &told) }
        })?;
        Ok(BOLT_OK)
    })
}

#[cfg(test)]
mod tests {
    use super::super::cursor::{bolt_cursor_close, bolt_cursor_open};
    use super::super::db::{bolt_close, bolt_open};
    use super::super::error::{BOLT_BADHANDLE, BOLT_PANIC};
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
            call.run(|_| -> Result<c_int> { panic!("half done") })
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
