//! Managed transactions: the return of a caller's function ends them.
#![expect(unsafe_code, reason = "handles and functions are pointers")]

use std::ffi::{c_int, c_void};

use super::boundary::{Failure, guard};
use super::callback::{Context, Stop, ask, given, tell};
use super::db::{DbCall, bolt_db};
use super::error::BOLT_OK;
use super::handle::Reference;
use super::txn::{TxnCall, bolt_txn};
use super::txn_state::Managed;
use crate::{Error, Txn, Wait};

/// What bolt_view, bolt_update and bolt_batch_update call.
///
/// @param ctx What they were given.
/// @param txn The transaction. It ends when the function returns, with its buckets and the bytes that it gave
///     out; bolt_commit, bolt_rollback, bolt_txn_reset and bolt_txn_renew answer BOLT_MANAGED.
/// @return 0: all is well. Anything else comes out unchanged, and what was done in the transaction is taken
///     back.
pub type bolt_txn_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, txn: *mut bolt_txn) -> c_int>;

/// What bolt_txn_on_commit lets run.
///
/// @param ctx What bolt_txn_on_commit was given.
pub type bolt_commit_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>;

/// Runs a function in a read transaction.
///
/// @param db The database.
/// @param fn The function.
/// @param ctx Given to the function.
/// @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_view(db: *mut bolt_db, r#fn: bolt_txn_fn, ctx: *mut c_void) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let function = given(r#fn).map_err(|error| call.failure(error))?;
        let begun = call.db.begin_read().map_err(|error| call.failure(error))?;
        let id = begun.id();
        // SAFETY: the conventions of the header: a function of this type, and its context.
        let (txn, answer) = run(call.slot.reference(), begun, |txn| unsafe { function(ctx, txn) });
        drop(txn);
        finish(&call, id, answer)
    })
}

/// Runs a function in the write transaction, and commits what it did.
///
/// Waits until no other write transaction is open, as bolt_txn_begin does; so a function that calls
/// bolt_update for the same database waits for ever.
///
/// @param db The database.
/// @param fn The function.
/// @param ctx Given to the function.
/// @return BOLT_OK: it is committed. Otherwise nothing of it is seen: what the function returned, if not 0;
///     what bolt_txn_begin or bolt_commit answered; BOLT_ARGUMENT.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_update(db: *mut bolt_db, r#fn: bolt_txn_fn, ctx: *mut c_void) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let function = given(r#fn).map_err(|error| call.failure(error))?;
        let begun = call.db.begin_write(Wait::Forever).map_err(|error| call.failure(error))?;
        let id = begun.id();
        // SAFETY: the conventions of the header: a function of this type, and its context.
        let (txn, answer) = run(call.slot.reference(), begun, |txn| unsafe { function(ctx, txn) });
        let done = match (txn, answer) {
            (Some(txn), Ok(())) => txn.commit().map_err(Stop::Failed),
            (txn, answer) => {
                if let Some(txn) = txn {
                    txn.rollback();
                }
                answer
            }
        };
        finish(&call, id, done)
    })
}

/// Runs a function in a write transaction that the calls of other threads may share, and commits what it did:
/// many threads' updates wait for the disk once. It returns when the commit is done.
///
/// Who calls while nobody else does waits for nothing; who calls while a commit is on its way to the disk
/// shares the next one. The function runs in the calling thread, or, while that one waits, in the thread of
/// another call of bolt_batch_update or bolt_batch_commit for the same database (as in bbolt's Batch). If it
/// fails (does not return 0), what it did is taken back, it is run once more in a transaction of its own, in
/// the calling thread, and what comes of that is what the call returns; others are not touched by it. It may
/// also be run again because of others. So it must be fit to be run more than once, and what it writes
/// outside the database may only be relied on when the call has returned BOLT_OK.
///
/// Buckets, cursors and bytes of the transaction end with each return of the function, although the
/// transaction goes on.
///
/// @param db The database.
/// @param fn The function.
/// @param ctx Given to the function.
/// @return As bolt_update.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_batch_update(db: *mut bolt_db, r#fn: bolt_txn_fn, ctx: *mut c_void) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let function = given(r#fn).map_err(|error| call.failure(error))?;
        let (db, context) = (call.slot.reference(), Context(ctx));
        let done = call.db.batch_job(move |begun| {
            let (id, context) = (begun.id(), context);
            // SAFETY: the conventions of the header: a function of this type, and its context.
            let (txn, answer) = run(db, begun, |txn| unsafe { function(context.0, txn) });
            (txn, answer.map_err(|stop| Stopped { txn: id, stop }))
        });
        match done {
            Ok(()) => Ok(BOLT_OK),
            Err(Stopped { txn, stop }) => finish(&call, txn, Err(stop)),
        }
    })
}

/// Why work in a batch ended early, and in which transaction.
struct Stopped {
    txn: u64,
    stop: Stop,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped { txn: 0, stop: error.into() }
    }
}

/// Runs a caller's function in a transaction: the transaction, if it can be gone on with, and the answer.
fn run(
    db: Reference<bolt_db>,
    begun: Txn,
    function: impl FnOnce(*mut bolt_txn) -> c_int,
) -> (Option<Txn>, Result<(), Stop>) {
    let managed = match Managed::open(begun, db) {
        Ok(managed) => managed,
        Err(error) => return (None, Err(error.into())),
    };
    let answer = ask(|| function(managed.handle()));
    // SAFETY: the function has returned, and by the conventions of the header nobody goes on using the
    // transaction.
    match unsafe { managed.close() } {
        Ok(txn) => (Some(txn), answer),
        Err(error) => (None, answer.and(Err(error.into()))),
    }
}

fn finish(call: &DbCall, txn: u64, done: Result<(), Stop>) -> Result<c_int, Failure> {
    match done {
        Ok(()) => Ok(BOLT_OK),
        Err(stop) => stop.outcome(|error| Failure { txn, ..call.failure(error) }),
    }
}

/// Lets a function run once the transaction is committed: after everything is on the disk and seen by others,
/// and before the call that commits returns. If it is not committed, the function does not run.
///
/// Several run in the order in which they were given. The function may use the database as it likes.
/// Functions given after a savepoint do not run if the transaction is rolled back to it.
///
/// @param txn The write transaction, managed or not.
/// @param fn The function. It runs in the thread that commits; in a bolt_batch_update, in that of the call.
/// @param ctx Given to the function.
/// @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED;
///     ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_txn_on_commit(
    txn: *mut bolt_txn,
    r#fn: bolt_commit_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let context = Context(ctx);
        call.run(|txn| {
            let function = given(r#fn)?;
            txn.on_commit(Box::new(move || {
                let context = context;
                // SAFETY: the conventions of the header: a function of this type, and its context.
                tell(|| unsafe { function(context.0) });
            }))
        })?;
        Ok(BOLT_OK)
    })
}
