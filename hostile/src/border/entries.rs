//! Buckets and cursors: entries found, walked over and changed.

use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

use bolt::ffi::bucket::{self, bolt_bucket};
use bolt::ffi::bulk::{BOLT_SCAN_REVERSE, bolt_cursor_next_many, bolt_cursor_next_packed, bolt_scan};
use bolt::ffi::cursor::{self, bolt_cursor, bolt_kv};
use bolt::ffi::error::{BOLT_OK, BOLT_TOOSMALL};
use bolt::ffi::inspect::{bolt_bucket_inspect, bolt_bucket_stats, bolt_bucket_stats_get};
use bolt::ffi::kv::{self, bolt_slice};

use super::{Measured, TOO_LONG, Told, Txn, found, given, of, slice, told};

/// How many entries a call gives at most.
const MANY: usize = 64;
const PACKED_LEN: usize = 4096;

/// A bucket, whose handle the transaction ends.
#[derive(Clone, Copy)]
pub struct Bucket(pub(super) *mut bolt_bucket);

type Named = unsafe extern "C" fn(*mut bolt_bucket, *const c_void, usize, *mut *mut bolt_bucket) -> c_int;

impl Bucket {
    fn named(self, function: Named, name: &[u8]) -> Told<Bucket> {
        let ((name, len), mut bucket) = (of(name), null_mut());
        told(call!(function(self.0, name, len, &mut bucket))).map(|()| Bucket(bucket))
    }

    /// Opens one that is in it.
    pub fn open(self, name: &[u8]) -> Told<Bucket> {
        self.named(bucket::bolt_bucket_open, name)
    }

    /// Makes one in it.
    pub fn create(self, name: &[u8]) -> Told<Bucket> {
        self.named(bucket::bolt_bucket_create, name)
    }

    /// Opens one that is in it, or makes it.
    pub fn ensure(self, name: &[u8]) -> Told<Bucket> {
        self.named(bucket::bolt_bucket_ensure, name)
    }

    /// Ends the handle.
    pub fn close(self) -> Told {
        told(call!(bucket::bolt_bucket_close(self.0)))
    }

    /// Deletes one that is in it.
    pub fn delete_bucket(self, name: &[u8]) -> Told {
        let (name, len) = of(name);
        told(call!(bucket::bolt_bucket_delete(self.0, name, len)))
    }

    /// Moves one that is in it.
    pub fn move_bucket(self, name: &[u8], to: Bucket) -> Told {
        let (name, len) = of(name);
        told(call!(bucket::bolt_bucket_move(self.0, name, len, to.0)))
    }

    /// The next of its numbers, and the one after that.
    pub fn sequence(self, writes: bool) -> Told<u64> {
        let mut sequence = 0;
        told(if writes {
            call!(bucket::bolt_bucket_next_sequence(self.0, &mut sequence))
        } else {
            call!(bucket::bolt_bucket_sequence(self.0, &mut sequence))
        })
        .map(|()| sequence)
    }

    /// Sets its number.
    pub fn set_sequence(self, sequence: u64) -> Told {
        told(call!(bucket::bolt_bucket_set_sequence(self.0, sequence)))
    }

    /// Sets how full its pages are left.
    pub fn set_fill_percent(self, percent: f64) -> Told {
        told(call!(bucket::bolt_bucket_set_fill_percent(self.0, percent)))
    }

    /// How many keys it and all in it have.
    pub fn key_count(self) -> Told<u64> {
        let mut stats = bolt_bucket_stats::empty();
        told(call!(bolt_bucket_stats_get(self.0, &mut stats))).map(|()| stats.key_count)
    }

    /// Goes through the buckets in it, up to `max` of them.
    pub fn inspect(self, mut max: u64) -> Told {
        let left: *mut u64 = &mut max;
        told(call!(bolt_bucket_inspect(self.0, Some(count_inspected), left.cast())))
    }

    /// The value of a key.
    pub fn get<'a>(self, _: &'a Txn, key: &[u8]) -> Told<Option<&'a [u8]>> {
        let ((key, key_len), mut data, mut len) = (of(key), null(), 0);
        let code = call!(kv::bolt_get(self.0, key, key_len, &mut data, &mut len));
        found(code, given(data, len))
    }

    /// The length of a value, of which as much as fits is copied.
    pub fn get_copy(self, key: &[u8]) -> Told<Option<usize>> {
        let ((key, key_len), mut room, mut len) = (of(key), [0u8; 512], 0);
        let code =
            call!(kv::bolt_get_copy(self.0, key, key_len, room.as_mut_ptr().cast(), room.len(), &mut len));
        found(if code == BOLT_TOOSMALL { BOLT_OK } else { code }, len)
    }

    /// How many of the keys are there.
    pub fn get_many(self, keys: &[Vec<u8>]) -> Told<usize> {
        let slices: Vec<bolt_slice> = keys.iter().map(|key| slice(key)).collect();
        let (mut values, mut count) = (vec![slice(&[]); keys.len()], 0);
        told(call!(kv::bolt_get_many(
            self.0,
            slices.as_ptr(),
            slices.len(),
            values.as_mut_ptr(),
            &mut count
        )))?;
        for value in values {
            touch(given(value.data, value.len));
        }
        Ok(count)
    }

    /// Puts an entry.
    pub fn put(self, key: &[u8], value: &[u8]) -> Told {
        let ((key, key_len), (value, value_len)) = (of(key), of(value));
        told(call!(kv::bolt_put(self.0, key, key_len, value, value_len)))
    }

    /// Puts an entry on a condition.
    pub fn put_if(self, key: &[u8], value: &[u8], flags: u32) -> Told {
        let ((key, key_len), (value, value_len)) = (of(key), of(value));
        told(call!(kv::bolt_put_ex(self.0, key, key_len, value, value_len, flags)))
    }

    /// Puts an entry whose value is written afterwards.
    pub fn put_reserve(self, key: &[u8], len: usize) -> Told {
        let ((key, key_len), mut value) = (of(key), null_mut());
        told(call!(kv::bolt_put_reserve(self.0, key, key_len, len, &mut value)))?;
        // SAFETY: the library has given so many bytes to be written until the next call.
        unsafe { value.cast::<u8>().write_bytes(b'r', len) };
        Ok(())
    }

    /// Deletes an entry.
    pub fn delete(self, key: &[u8]) -> Told {
        let (key, len) = of(key);
        told(call!(kv::bolt_delete(self.0, key, len)))
    }

    /// Deletes those from `from` up to `to`.
    pub fn delete_range(self, from: &[u8], to: &[u8]) -> Told<u64> {
        let (from, to, mut count) = (slice(from), slice(to), 0);
        told(call!(kv::bolt_delete_range(self.0, &from, &to, &mut count))).map(|()| count)
    }

    /// Goes through it in large steps, up to `max` entries.
    pub fn scan(self, is_reverse: bool, mut max: u64) -> Told {
        let (left, flags): (*mut u64, _) = (&mut max, if is_reverse { BOLT_SCAN_REVERSE } else { 0 });
        let code = call!(bolt_scan(self.0, null(), null(), flags, Some(count_scanned), left.cast()));
        told(if code == TOO_LONG { BOLT_OK } else { code })
    }

    /// A cursor.
    pub fn cursor(self) -> Told<Cursor> {
        let mut cursor = null_mut();
        told(call!(cursor::bolt_cursor_open(self.0, &mut cursor))).map(|()| Cursor(cursor))
    }
}

unsafe extern "C-unwind" fn count_inspected(
    left: *mut c_void,
    path: *const bolt_slice,
    depth: usize,
    _: u64,
) -> c_int {
    if depth > 0 {
        // SAFETY: the library gives so many.
        let path = unsafe { std::slice::from_raw_parts(path, depth) };
        path.iter().take(4).for_each(|name| touch(given(name.data, name.len)));
    }
    // SAFETY: `inspect` gives the address of what is left.
    count(unsafe { &mut *left.cast() }, 1)
}

unsafe extern "C-unwind" fn count_scanned(left: *mut c_void, kvs: *const bolt_kv, n: usize) -> c_int {
    // SAFETY: the library gives so many.
    let kvs = unsafe { std::slice::from_raw_parts(kvs, n) };
    kvs.iter().for_each(|kv| Entry::of(kv).touch());
    // SAFETY: `scan` gives the address of what is left.
    count(unsafe { &mut *left.cast() }, n as u64)
}

fn count(left: &mut u64, done: u64) -> c_int {
    *left = left.saturating_sub(done);
    if *left == 0 { TOO_LONG } else { 0 }
}

/// Reads the first and the last of the bytes.
fn touch(bytes: &[u8]) {
    std::hint::black_box((bytes.first().copied(), bytes.last().copied()));
}

/// An entry, valid as long as its transaction.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its value; none for a bucket.
    pub value: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    pub(super) fn of(kv: &bolt_kv) -> Entry<'a> {
        let is_bucket = kv.flags & cursor::BOLT_KV_BUCKET != 0;
        let value = if is_bucket { None } else { Some(given(kv.value, kv.value_len)) };
        Entry { key: given(kv.key, kv.key_len), value }
    }

    pub(super) fn touch(self) {
        touch(self.key);
        self.value.into_iter().for_each(touch);
    }
}

/// A cursor.
pub struct Cursor(*mut bolt_cursor);

impl Drop for Cursor {
    fn drop(&mut self) {
        call!(cursor::bolt_cursor_close(self.0));
    }
}

/// Where a cursor goes without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// To the first entry.
    First,
    /// To the last one.
    Last,
    /// To the next one.
    Next,
    /// To the one before.
    Prev,
    /// Nowhere: the entry where it stands.
    Stay,
}

impl Cursor {
    /// Moves, and gives the entry there.
    pub fn go<'a>(&self, _: &'a Txn, to: Move) -> Told<Option<Entry<'a>>> {
        let mut kv = NO_ENTRY;
        let code = match to {
            Move::First => call!(cursor::bolt_cursor_first(self.0, &mut kv)),
            Move::Last => call!(cursor::bolt_cursor_last(self.0, &mut kv)),
            Move::Next => call!(cursor::bolt_cursor_next(self.0, &mut kv)),
            Move::Prev => call!(cursor::bolt_cursor_prev(self.0, &mut kv)),
            Move::Stay => call!(cursor::bolt_cursor_current(self.0, &mut kv)),
        };
        found(code, ()).map(|there| there.map(|()| Entry::of(&kv)))
    }

    /// Moves to a key, or to the nearest one above, or below.
    pub fn seek<'a>(&self, _: &'a Txn, key: &[u8], is_below: bool) -> Told<Option<Entry<'a>>> {
        let ((key, len), mut kv) = (of(key), NO_ENTRY);
        let code = if is_below {
            call!(cursor::bolt_cursor_seek_le(self.0, key, len, &mut kv))
        } else {
            call!(cursor::bolt_cursor_seek(self.0, key, len, &mut kv))
        };
        found(code, ()).map(|there| there.map(|()| Entry::of(&kv)))
    }

    /// Stays between two keys from now on.
    pub fn set_bounds(&self, from: &[u8], to: &[u8]) -> Told {
        let (from, to) = (slice(from), slice(to));
        told(call!(cursor::bolt_cursor_set_bounds(self.0, &from, &to)))
    }

    /// Moves over many entries; how many there were.
    pub fn next_many(&self) -> Told<Option<usize>> {
        let (mut kvs, mut n) = ([NO_ENTRY; MANY], 0);
        let code = call!(bolt_cursor_next_many(self.0, kvs.as_mut_ptr(), MANY, &mut n));
        kvs.iter().take(n).for_each(|kv| Entry::of(kv).touch());
        found(code, n)
    }

    /// Moves over as many entries as fit a buffer; how many there were.
    pub fn next_packed(&self) -> Told<Option<usize>> {
        let (mut room, mut used, mut n) = ([0u64; PACKED_LEN / 8], 0, 0);
        let code =
            call!(bolt_cursor_next_packed(self.0, room.as_mut_ptr().cast(), PACKED_LEN, &mut used, &mut n));
        found(code, n)
    }

    /// Deletes the entry where it stands.
    pub fn delete(&self) -> Told {
        told(call!(cursor::bolt_cursor_delete(self.0)))
    }
}

pub(super) const NO_ENTRY: bolt_kv =
    bolt_kv { key: null(), key_len: 0, value: null(), value_len: 0, flags: 0, reserved: 0 };
