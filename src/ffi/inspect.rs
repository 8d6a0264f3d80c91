//! What a bucket holds: its statistics, and the tree of buckets in it.
#![expect(unsafe_code, reason = "handles, structs and paths are pointers")]

use std::ffi::{c_int, c_void};

use super::boundary::{self, Failure, Growing, guard};
use super::bucket::{BucketCall, bolt_bucket};
use super::callback::{ask, given};
use super::error::BOLT_OK;
use super::kv::bolt_slice;
use super::txn::TxnCall;
use crate::error::Result;
use crate::{BucketStats, Inspection, Txn};

/// What a bucket and all buckets in it hold together. Lengths are in bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_bucket_stats {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_bucket_stats).
    pub struct_size: usize,
    /// The number of branch pages, their overflow pages not counted.
    pub branch_page_count: u64,
    /// The number of overflow pages of branch pages.
    pub branch_overflow_count: u64,
    /// The number of leaf pages, their overflow pages not counted.
    pub leaf_page_count: u64,
    /// The number of overflow pages of leaf pages.
    pub leaf_overflow_count: u64,
    /// The number of keys, those that are buckets among them.
    pub key_count: u64,
    /// The number of levels of pages, from the bucket's root down through the deepest bucket in it.
    pub depth: u64,
    /// The length of all branch pages with their overflow pages.
    pub branch_alloc_len: u64,
    /// How much of it is in use.
    pub branch_used_len: u64,
    /// The length of all leaf pages with their overflow pages.
    pub leaf_alloc_len: u64,
    /// How much of it is in use.
    pub leaf_used_len: u64,
    /// The number of buckets, the bucket itself among them.
    pub bucket_count: u64,
    /// The number of those that have no page of their own, but lie in their parent's.
    pub inline_bucket_count: u64,
    /// The length that those use in their parents' pages.
    pub inline_used_len: u64,
}

// SAFETY: repr(C), the size first, numbers alone; where the size has 32 bits, it is not followed by padding,
// or by 4 bytes of it.
unsafe impl Growing for bolt_bucket_stats {
    const RELEASED: &'static [usize] = &[size_of::<bolt_bucket_stats>()];
}

impl From<BucketStats> for bolt_bucket_stats {
    fn from(stats: BucketStats) -> bolt_bucket_stats {
        bolt_bucket_stats {
            struct_size: size_of::<bolt_bucket_stats>(),
            branch_page_count: stats.branch_page_count,
            branch_overflow_count: stats.branch_overflow_count,
            leaf_page_count: stats.leaf_page_count,
            leaf_overflow_count: stats.leaf_overflow_count,
            key_count: stats.key_count,
            depth: stats.depth,
            branch_alloc_len: stats.branch_alloc_len,
            branch_used_len: stats.branch_used_len,
            leaf_alloc_len: stats.leaf_alloc_len,
            leaf_used_len: stats.leaf_used_len,
            bucket_count: stats.bucket_count,
            inline_bucket_count: stats.inline_bucket_count,
            inline_used_len: stats.inline_used_len,
        }
    }
}

/// What bolt_bucket_inspect calls for each bucket.
///
/// @param ctx What bolt_bucket_inspect was given.
/// @param path The names on the way from the bucket that is inspected to this one; the array is valid
///     until the function returns.
/// @param depth How many names there are: 0 for the bucket that is inspected.
/// @param key_count How many keys the bucket has that are no buckets.
/// @return 0 to go on; anything else stops, and bolt_bucket_inspect returns it.
pub type bolt_inspect_fn = Option<
    unsafe extern "C-unwind" fn(
        ctx: *mut c_void,
        path: *const bolt_slice,
        depth: usize,
        key_count: u64,
    ) -> c_int,
>;

/// Counts the pages and keys of a bucket and of all buckets in it, as Go's bbolt does.
///
/// All of their pages are read. What counts is the file as the transaction began: changes made in it are not
/// seen.
///
/// @param bucket The bucket; bolt_root for the whole database.
/// @param stats Filled; its struct_size must be set.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_CORRUPT; BOLT_BADHANDLE;
///     BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_stats_get(
    bucket: *mut bolt_bucket,
    stats: *mut bolt_bucket_stats,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        call.run(|txn, id| {
            let told = bolt_bucket_stats::from(txn.bucket_stats(id)?);
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { boundary::write_struct(stats, &told) }
        })?;
        Ok(BOLT_OK)
    })
}

/// Tells a function of a bucket and of all buckets in it, however deep, each with the number of its keys:
/// parents before the buckets in them, those in the order of their names.
///
/// Changes made in the transaction are seen. All leaf pages are read, one bucket at a time.
///
/// @param bucket The bucket; bolt_root for the whole database.
/// @param each The function. It may read in the transaction, but must not write. If it ends the
///     transaction, bolt_bucket_inspect answers BOLT_BADHANDLE.
/// @param ctx Given to the function.
/// @return BOLT_OK at the end; what the function returned if it stopped; BOLT_ARGUMENT; BOLT_CORRUPT;
///     BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_bucket_inspect(
    bucket: *mut bolt_bucket,
    each: bolt_inspect_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let (each, mut inspection) = call.run(|txn, id| Ok((given(each)?, txn.inspect(id)?)))?;
        let (slot, serial) = call.txn.place();
        let mut path = Vec::new();
        loop {
            // SAFETY: the conventions of the header: the transaction is used by nobody else while this runs.
            let mut call = unsafe { TxnCall::of_cursor(slot, serial) }?;
            let Some((depth, key_count)) = call.run(|txn| go_on(&mut inspection, txn, &mut path))? else {
                return Ok(BOLT_OK);
            };
            // SAFETY: the conventions of the header: a function of this type; nothing of the transaction is
            // borrowed here (F4).
            if let Err(stop) = ask(|| unsafe { each(ctx, path.as_ptr(), depth, key_count) }) {
                return stop.outcome(Failure::from);
            }
        }
    })
}

/// The depth and the keys of the next bucket, to which `path` leads then.
fn go_on(inspection: &mut Inspection, txn: &Txn, path: &mut Vec<bolt_slice>) -> Result<Option<(usize, u64)>> {
    let Some(bucket) = inspection.next(txn)? else { return Ok(None) };
    if let Some(above) = bucket.depth.checked_sub(1) {
        path.truncate(above);
        path.try_reserve(1)?;
        path.push(bolt_slice { data: bucket.name.as_ptr().cast(), len: bucket.name.len() });
    }
    Ok(Some((bucket.depth, bucket.key_count)))
}
