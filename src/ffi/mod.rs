//! The C ABI: what `include/bolt.h` declares, and nothing that thinks.
//!
//! Each function checks its arguments, makes one call, converts what comes back, and runs inside
//! `boundary::guard`. The functions are written out, so that the header can be generated from them and
//! whoever looks for one finds it; their documentation is the header's.
//!
//! F1. A handle owns what it stands for, or names it by an id: no lifetime is erased to fit into a pointer.
//! F2. Who ends a transaction ends its bucket handles with it and gives the transaction a new serial number,
//!     by which its cursors know that they are dead (`txn_state.rs`).
//! F3. After a panic inside a transaction nothing but rollback is done with it, since it may be half
//!     changed.
//! F4. Nothing borrowed from a handle is in use while a caller's function runs.
//!
//! `xtask header` writes the header: a section for each of these files, in the order of the list there.
#![allow(non_camel_case_types, reason = "the types have the names that C programs use")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the conventions at the head of bolt.h are every function's contract"
)]

mod boundary;
mod callback;
mod handle;
mod txn_state;

pub mod backup;
pub mod batch;
pub mod bucket;
pub mod bulk;
pub mod check;
pub mod cursor;
pub mod db;
pub mod error;
pub mod inspect;
pub mod kv;
pub mod managed;
pub mod memory;
pub mod options;
pub mod savepoint;
pub mod stats;
pub mod txn;
pub mod txn_info;
pub mod version;
