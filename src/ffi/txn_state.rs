//! What stands behind a `bolt_txn`, and how each call reaches it: its own functions, its buckets', its cursors'.
//!
//! A transaction's slot owns the engine's transaction and knows the handles of its buckets. Its serial
//! number changes whenever what was opened in it dies (at its end, at a reset); cursors note the number and
//! compare.
#![expect(unsafe_code, reason = "handles are pointers, and a rule stands in for a lock")]

use std::cell::RefCell;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use super::boundary::{Failure, panicked};
use super::bucket::{self, bolt_bucket};
use super::callback::Stop;
use super::db::bolt_db;
use super::handle::{self, Exclusive, Handle, Near, Reference, Slot};
use super::txn::bolt_txn;
use crate::error::{Error, Result};
use crate::{BucketId, Txn};

/// What the slot of a transaction holds.
#[derive(Default)]
pub struct TxnCell {
    /// Read by cursors that may have outlived their transaction, on whatever thread they are.
    serial: AtomicU64,
    state: Exclusive<TxnState>,
}

/// What its user alone reaches.
#[derive(Default)]
pub struct TxnState {
    /// The transaction itself, unless it is lent.
    pub txn: Option<Txn>,
    /// What it may be used for.
    pub phase: Phase,
    /// Whether the return of a caller's function ends it.
    managed: bool,
    /// Its id, for failures.
    pub id: u64,
    db: Option<Reference<bolt_db>>,
    /// By the index of the engine's bucket id. Its memory stays for the slot's next transaction.
    buckets: Vec<Option<&'static Slot<bolt_bucket>>>,
    /// Ended slots of buckets, for those of the slot's next transaction.
    spare: SmallVec<[&'static Slot<bolt_bucket>; SPARE_COUNT]>,
}

/// How many slots of buckets stay with a transaction's slot.
const SPARE_COUNT: usize = 4;

/// What a transaction that has not ended may be used for.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everything.
    #[default]
    Live,
    /// Renew and rollback, after a reset.
    Reset,
    /// Rollback, after a panic (F3).
    Broken,
    /// Nothing: the transaction itself is in use while a caller's function runs (F4).
    Lent,
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

    /// What the slot holds.
    #[inline]
    pub fn state(&mut self) -> &mut TxnState {
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

    /// Gives the transaction itself to `action`, which may call functions of the caller's. Every other call
    /// on it answers `BOLT_BUSY` meanwhile (F4).
    pub fn lend<R>(
        &mut self,
        action: impl FnOnce(&mut Txn) -> std::result::Result<R, Stop>,
    ) -> std::result::Result<std::result::Result<R, c_int>, Failure> {
        let state = self.state();
        let mut txn = match (state.txn.take(), state.phase) {
            (Some(txn), Phase::Live) => txn,
            (txn, phase) => {
                state.txn = txn;
                return Err(state.failure(phase.refusal()));
            }
        };
        state.phase = Phase::Lent;
        let done = catch_unwind(AssertUnwindSafe(|| action(&mut txn)));
        let state = self.state();
        state.txn = Some(txn);
        state.phase = Phase::Live;
        match done {
            Ok(Ok(result)) => Ok(Ok(result)),
            Ok(Err(Stop::Returned(code))) => Ok(Err(code)),
            Ok(Err(Stop::Failed(error))) => Err(state.failure(error)),
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
    pub fn end_children(&mut self) {
        let serial = &self.slot.content().serial;
        // Only the transaction's user stores here, so nothing comes between.
        serial.store(serial.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        let buckets = &mut self.state().buckets;
        if buckets.iter().any(Option::is_some) {
            bucket::end_all(buckets.iter_mut().filter_map(Option::take));
        }
        buckets.clear();
    }

    /// Keeps some slots of buckets, their handles ended, with the slot of the transaction, which ends (H4).
    fn spare_buckets(&mut self) {
        let state = self.state();
        let kept_count = SPARE_COUNT - state.spare.len();
        for slot in state.buckets.iter_mut().filter_map(Option::take).take(kept_count) {
            bucket::end(slot);
            state.spare.push(slot);
        }
    }

    #[cold]
    fn break_off(&mut self) {
        self.end_children();
        self.state().phase = Phase::Broken;
    }

    /// Refuses what only the owner of a transaction may do with it.
    pub fn check_owned(&mut self) -> std::result::Result<(), Failure> {
        let state = self.state();
        match state.phase {
            Phase::Lent => Err(state.failure(Phase::Lent.refusal())),
            _ if state.managed => Err(state.failure(Error::Managed)),
            _ => Ok(()),
        }
    }

    /// Ends the handle and everything opened in the transaction, and hands over the transaction itself.
    pub fn end(mut self, handle: *const bolt_txn) -> Result<Ended> {
        self.end_handle(handle)?;
        let state = self.state();
        let ended = Ended { txn: state.txn.take(), phase: state.phase, id: state.id, db: state.db.take() };
        give_back(self.slot);
        Ok(ended)
    }

    /// Ends the handle, everything opened in the transaction and the transaction itself, in its place: what is
    /// large is not moved.
    pub fn roll_back(mut self, handle: *const bolt_txn) -> Result<()> {
        self.end_handle(handle)?;
        let state = self.state();
        if let Some(txn) = &mut state.txn {
            txn.end();
        }
        state.txn = None;
        state.db = None;
        give_back(self.slot);
        Ok(())
    }

    fn end_handle(&mut self, handle: *const bolt_txn) -> Result<()> {
        if !self.slot.end(handle) {
            return Err(handle::ended());
        }
        self.spare_buckets();
        self.end_children();
        Ok(())
    }
}

thread_local! {
    /// The slots of the transactions that the thread has ended: the next ones take no lock.
    static NEAR: RefCell<Near<bolt_txn>> = const { RefCell::new(Near::new()) };
}

/// A slot for a transaction. At the end of a thread there is none of its own.
fn take() -> Result<&'static Slot<bolt_txn>> {
    match NEAR.try_with(|near| near.borrow_mut().take()) {
        Ok(Some(slot)) => Ok(slot),
        _ => bolt_txn::arena().take(),
    }
}

/// Takes back the slot of a transaction that has ended.
fn give_back(slot: &'static Slot<bolt_txn>) {
    if NEAR.try_with(|near| near.borrow_mut().keep(slot)) != Ok(true) {
        bolt_txn::arena().give_back([slot]);
    }
}

/// Makes a handle for a transaction.
pub fn open(begun: Txn, db: Reference<bolt_db>, managed: bool) -> Result<*mut bolt_txn> {
    let slot = take()?;
    // SAFETY: no handle to the slot exists yet.
    let state = unsafe { slot.content().state.get() };
    state.id = begun.id();
    state.txn = Some(begun);
    state.phase = Phase::Live;
    state.managed = managed;
    state.db = Some(db);
    Ok(slot.open())
}

/// A transaction that a function of the caller's works in; its return ends it.
pub struct Managed {
    handle: *mut bolt_txn,
}

impl Managed {
    /// Makes the handle for the function.
    pub fn open(begun: Txn, db: Reference<bolt_db>) -> Result<Managed> {
        open(begun, db, true).map(|handle| Managed { handle })
    }

    /// What the function is given.
    pub fn handle(&self) -> *mut bolt_txn {
        self.handle
    }

    /// Ends the handle. After a panic in the transaction it is given up, and the error says so.
    ///
    /// # Safety
    ///
    /// The function has returned, and nobody else uses the transaction.
    pub unsafe fn close(self) -> Result<Txn> {
        // SAFETY: the handle was made by `open`, and the caller promises that nobody is in the transaction.
        let call = unsafe { TxnCall::begin(self.handle) }?;
        let ended = call.end(self.handle)?;
        match (ended.txn, ended.phase) {
            (Some(txn), Phase::Live) => Ok(txn),
            (_, phase) => Err(phase.refusal()),
        }
    }
}

/// A transaction without its handle.
pub struct Ended {
    /// The transaction.
    pub txn: Option<Txn>,
    /// What it could be used for.
    pub phase: Phase,
    /// Its id.
    pub id: u64,
    /// Its database.
    pub db: Option<Reference<bolt_db>>,
}

impl Phase {
    /// Why a call cannot be done.
    #[cold]
    pub fn refusal(self) -> Error {
        match self {
            Phase::Live => Error::BadHandle("the transaction has ended"),
            Phase::Reset => Error::BadHandle("the transaction is reset: renew it or roll it back"),
            Phase::Broken => Error::Panic("the transaction can only be rolled back".to_owned()),
            Phase::Lent => {
                Error::Busy("the transaction is in use by the call that runs this function".into())
            }
        }
    }
}

impl TxnState {
    /// Says of an error that it happened in this transaction.
    pub fn failure(&self, error: Error) -> Failure {
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
        let (slot, handle) = bucket::open(txn, id, self.spare.pop())?;
        self.buckets[index] = Some(slot);
        Ok(handle)
    }
}
