//! What is known about a transaction.
#![expect(unsafe_code, reason = "handles and out-parameters are pointers")]

use std::ffi::c_int;

use super::boundary::{self, Growing, guard};
use super::error::BOLT_OK;
use super::txn::{TxnCall, bolt_txn};

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
    /// The number of cursors opened in it so far.
    pub cursor_count: u64,
    /// A writer: the number of pages that it changes so far, in memory.
    pub node_count: u64,
    /// A writer: about how many bytes of memory its changes take.
    pub private_len: u64,
}

// SAFETY: repr(C), the size first, numbers alone; two of 32 bits follow the size, so that on machines of 32
// and of 64 bits each begins where the one before ends, but for 4 bytes on some of 32.
unsafe impl Growing for bolt_txn_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_txn_info>()];
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
            let stats = txn.stats();
            let told = bolt_txn_info {
                struct_size: size_of::<bolt_txn_info>(),
                flags: if txn.is_writable() { BOLT_TXN_WRITABLE } else { 0 },
                reserved: 0,
                id: txn.id(),
                db_len: txn.len(),
                cursor_count: stats.cursor_count,
                node_count: stats.node_count,
                private_len: txn.memory_len(),
            };
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { boundary::write_struct(info, &told) }
        })?;
        Ok(BOLT_OK)
    })
}
