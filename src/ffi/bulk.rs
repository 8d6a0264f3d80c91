//! Many entries in one call: for languages in which a call to C is dear, and for scans.
#![expect(unsafe_code, reason = "handles, arrays and buffers are pointers")]

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use super::boundary::{Failure, guard, write};
use super::bucket::{BucketCall, bolt_bucket};
use super::callback::{ask, given};
use super::cursor::{bolt_cursor, bolt_kv, run};
use super::error::{BOLT_NOTFOUND, BOLT_OK};
use super::kv::{bolt_slice, optional};
use super::txn::TxnCall;
use crate::error::{Error, Result};
use crate::format::bytes::put_u32;
use crate::{Cursor, Direction, Entry, Take, Txn};

/// A flag of bolt_scan: from the last entry to the first.
pub const BOLT_SCAN_REVERSE: u32 = 1;

/// What bolt_scan calls.
///
/// @param ctx What bolt_scan was given.
/// @param kvs The next entries in their order. Their bytes are valid until the transaction ends, the array
///     itself until the function returns.
/// @param n How many there are; at least one.
/// @return 0 to go on; anything else stops the scan, and bolt_scan returns it.
pub type bolt_scan_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, kvs: *const bolt_kv, n: usize) -> c_int>;

/// Moves on by as many entries as fit an array.
///
/// @param cursor The cursor. Where it was never placed, it begins with the first entry. It comes to stand
///     on the last entry that it gave.
/// @param kvs Room for cap entries, which are valid until the transaction ends.
/// @param cap How many fit there, at least 1; 64 to 256 are best.
/// @param n How many there are now, at least 1. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is no further entry; BOLT_ARGUMENT; BOLT_CORRUPT;
///     BOLT_BADHANDLE; BOLT_FORKED.
///
/// @code
/// bolt_kv kvs[128];
/// size_t n, i;
/// int code;
/// while ((code = bolt_cursor_next_many(cursor, kvs, 128, &n)) == BOLT_OK)
///     for (i = 0; i < n; i++)
///         printf("%.*s\n", (int)kvs[i].key_len, (const char *)kvs[i].key);
/// @endcode
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_next_many(
    cursor: *mut bolt_cursor,
    kvs: *mut bolt_kv,
    cap: usize,
    n: *mut usize,
) -> c_int {
    guard(|| {
        let take = |cursor: &mut Cursor, txn: &mut Txn| {
            if kvs.is_null() || cap == 0 {
                return Err(Error::Argument("no room for an entry"));
            }
            // SAFETY: the conventions of the header: room for `cap` entries.
            unsafe { fill(cursor, txn, Direction::Forward, kvs, cap) }
        };
        // SAFETY: the conventions of the header, which are run's own.
        let count = unsafe { run(cursor, take) }?;
        if count == 0 {
            return Ok(BOLT_NOTFOUND);
        }
        // SAFETY: the conventions of the header: NULL, or a place for a number.
        unsafe { write(n, count) };
        Ok(BOLT_OK)
    })
}

/// Moves on by at most `cap` entries, and says by how many. What fails after the first one fails again at the
/// next call.
///
/// # Safety
///
/// `kvs` has room for `cap` entries, which is not 0.
unsafe fn fill(
    cursor: &mut Cursor,
    txn: &Txn,
    direction: Direction,
    kvs: *mut bolt_kv,
    cap: usize,
) -> Result<usize> {
    let mut count = 0;
    let done = cursor.take(txn, direction, |entry| {
        // SAFETY: `count` is less than `cap`, and the caller promises the room.
        unsafe { kvs.wrapping_add(count).write(bolt_kv::from(entry)) };
        count += 1;
        if count < cap { Take::More } else { Take::Enough }
    });
    if count == 0 { done.map(|()| 0) } else { Ok(count) }
}

/// Moves on by as many entries as fit a buffer, and copies them there one behind the other.
///
/// Each begins at a multiple of 8 bytes with four numbers of 32 bits, little-endian: the length of the key,
/// the length of the value, its flags (BOLT_KV_BUCKET or 0), and 0. Key and value follow, and zeros up to the
/// next multiple of 8.
///
/// @param cursor The cursor. Where it was never placed, it begins with the first entry. It comes to stand
///     on the last entry that it gave.
/// @param buf Where the entries are copied to. NULL where cap is 0.
/// @param cap How many bytes fit there.
/// @param used How many bytes are written; with BOLT_TOOSMALL how many the next entry needs. May be NULL.
/// @param n How many entries there are now, at least 1. May be NULL.
/// @return BOLT_OK; BOLT_NOTFOUND where there is no further entry; BOLT_TOOSMALL where the next one does
///     not fit, and the cursor stays; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_cursor_next_packed(
    cursor: *mut bolt_cursor,
    buf: *mut c_void,
    cap: usize,
    used: *mut usize,
    n: *mut usize,
) -> c_int {
    guard(|| {
        let mut packer = Packer { buf: buf.cast(), cap, used: 0, count: 0, needed: 0 };
        let pack = |cursor: &mut Cursor, txn: &mut Txn| {
            if buf.is_null() && cap > 0 {
                return Err(Error::Argument("NULL with a length other than zero"));
            }
            // SAFETY: the conventions of the header: `cap` bytes can be written there, none of them the
            // database's.
            let done = cursor.visit(txn, Direction::Forward, |entry| unsafe { packer.pack(entry) });
            if packer.count > 0 {
                return Ok(());
            }
            done?;
            if packer.needed > 0 { Err(Error::TooSmall(packer.needed)) } else { Ok(()) }
        };
        // SAFETY: the conventions of the header, which are run's own.
        let done = unsafe { run(cursor, pack) };
        let Packer { used: len, count, needed, .. } = packer;
        if count > 0 || needed > 0 {
            // SAFETY: the conventions of the header: NULL, or a place for a length.
            unsafe { write(used, if count > 0 { len } else { needed }) };
        }
        done?;
        if count == 0 {
            return Ok(BOLT_NOTFOUND);
        }
        // SAFETY: the conventions of the header: NULL, or a place for a number.
        unsafe { write(n, count) };
        Ok(BOLT_OK)
    })
}

/// A buffer that is being filled.
struct Packer {
    buf: *mut u8,
    cap: usize,
    used: usize,
    count: usize,
    /// The bytes of the entry that did not fit, or 0.
    needed: usize,
}

/// What stands before the key of a packed entry, in bytes.
const PACKED_HEADER_LEN: usize = 16;
/// Packed entries begin at multiples of it.
const PACKED_ALIGNMENT: usize = 8;

impl Packer {
    /// Appends an entry, if it fits.
    ///
    /// # Safety
    ///
    /// `cap` bytes can be written at `buf`, and the entry's lie elsewhere.
    unsafe fn pack(&mut self, entry: Entry<'_>) -> Take {
        let value = entry.value.unwrap_or_default();
        let data_len = entry.key.len() + value.len();
        let len = (PACKED_HEADER_LEN + data_len).next_multiple_of(PACKED_ALIGNMENT);
        if len > self.cap - self.used {
            self.needed = len;
            return Take::Refused;
        }
        let flags = bolt_kv::from(entry).flags;
        let mut header = [0; PACKED_HEADER_LEN];
        for (index, number) in [entry.key.len() as u32, value.len() as u32, flags].into_iter().enumerate() {
            let written = put_u32(&mut header, 4 * index, number);
            debug_assert!(written.is_some(), "the header has room for four numbers");
        }
        let padding = [0; PACKED_ALIGNMENT];
        let padding = &padding[..len - PACKED_HEADER_LEN - data_len];
        for part in [&header[..], entry.key, value, padding] {
            // SAFETY: the parts together are `len` bytes, and so many are left; the caller promises the rest.
            unsafe { self.buf.wrapping_add(self.used).copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            self.used += part.len();
        }
        self.count += 1;
        Take::More
    }
}

/// How many entries bolt_scan gives at once.
const SCAN_LEN: usize = 128;

/// Goes through a bucket, or a part of it, and gives the entries to a function, many at once.
///
/// The function may read and write in the same transaction: the scan goes on behind the last entry that it
/// gave.
///
/// @param bucket The bucket.
/// @param from The smallest key; NULL: from the first.
/// @param to The first key that is too great; NULL: to the last.
/// @param flags BOLT_SCAN_REVERSE or 0.
/// @param each The function. If it ends the transaction, bolt_scan answers BOLT_BADHANDLE.
/// @param ctx Given to the function.
/// @return BOLT_OK at the end, also where there was no entry; what the function returned if it stopped;
///     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_scan(
    bucket: *mut bolt_bucket,
    from: *const bolt_slice,
    to: *const bolt_slice,
    flags: u32,
    each: bolt_scan_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { BucketCall::begin(bucket) }?;
        let (each, mut cursor, direction) = call.run(|txn, id| {
            let each = given(each)?;
            let direction = match flags {
                0 => Direction::Forward,
                BOLT_SCAN_REVERSE => Direction::Backward,
                _ => return Err(Error::Argument("an unknown flag of a scan")),
            };
            let mut cursor = txn.cursor(id)?;
            // SAFETY: the conventions of the header: NULL, or a slice.
            let from = unsafe { optional(from) }?;
            // SAFETY: the conventions of the header: NULL, or a slice.
            cursor.set_bounds(txn, from, unsafe { optional(to) }?)?;
            Ok((each, cursor, direction))
        })?;
        let (slot, serial) = call.txn.place();
        let mut kvs = [const { MaybeUninit::<bolt_kv>::uninit() }; SCAN_LEN];
        let first = kvs.as_mut_ptr().cast::<bolt_kv>();
        loop {
            // SAFETY: the conventions of the header: the transaction is used by nobody else while this runs.
            let mut call = unsafe { TxnCall::of_cursor(slot, serial) }?;
            // SAFETY: the array has room for so many.
            let count = call.run(|txn| unsafe { fill(&mut cursor, txn, direction, first, SCAN_LEN) })?;
            if count == 0 {
                return Ok(BOLT_OK);
            }
            // SAFETY: the conventions of the header: a function of this type; nothing of the transaction is
            // borrowed here (F4).
            if let Err(stop) = ask(|| unsafe { each(ctx, first, count) }) {
                return stop.outcome(Failure::from);
            }
        }
    })
}
