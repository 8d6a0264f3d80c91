//! bbolt's storage engine as a library: an embedded, transactional key/value store in one file.
//!
//! A copy-on-write B+tree, memory-mapped reads that copy nothing, one writer and any number of readers that
//! never block each other, nested buckets, and a commit that survives a power cut. Files are those of Go's
//! bbolt, both ways.
//!
//! The layers, each naming only itself and what stands left of it:
//!
//! ```text
//! error <- format <- storage <- freelist <- tree <- txn <- db <- ffi
//! ```

pub mod db;
pub mod error;
pub mod ffi;
pub mod format;
pub mod freelist;
pub mod storage;
pub mod tree;
pub mod txn;

pub use db::{Db, DbInfo, DbStats, Options, WriteList};
pub use error::{Error, Result};
pub use tree::{Condition, Direction, Entry, Take};
pub use txn::{
    BucketId, BucketStats, CheckOptions, Cursor, Finding, FindingCode, FreelistMode, Inspected, Inspection,
};
pub use txn::{FreeStats, Level, PageInfo, PageKind, ReaderInfo, TxnStats};
pub use txn::{ROOT, Savepoint, Severity, Txn, Wait};
