//! libbolt through its C ABI: the shared library of this repository, called as `include/bolt.h` says.
//!
//! One bucket, opened with each transaction as a program does it; all options at their defaults, but for BOLT_OPT_NOSYNC
//! without sync.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// The declarations of `include/bolt.h` that are used here.
mod ffi {
    use super::{c_char, c_int, c_void};

    macro_rules! handle {
        ($($name:ident)*) => {
            $(#[repr(C)]
            pub struct $name {
                _private: [u8; 0],
            })*
        };
    }
    handle!(Db Txn Bucket Cursor);

    /// Room for any version's `bolt_options`, which are set by number.
    pub const OPTIONS_ROOM: usize = 512;
    #[repr(C, align(8))]
    pub struct Options(pub [u8; OPTIONS_ROOM]);

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct Kv {
        pub key: *const c_void,
        pub key_len: usize,
        pub value: *const c_void,
        pub value_len: usize,
        pub flags: u32,
        pub reserved: u32,
    }

    impl Kv {
        pub const EMPTY: Kv = Kv {
            key: std::ptr::null(),
            key_len: 0,
            value: std::ptr::null(),
            value_len: 0,
            flags: 0,
            reserved: 0,
        };
    }

    pub const OK: c_int = 0;
    pub const NOTFOUND: c_int = -1;
    pub const READ: u32 = 0;
    pub const WRITE: u32 = 1;
    pub const OPT_NOSYNC: u32 = 6;
    pub const SCAN_REVERSE: u32 = 1;

    unsafe extern "C" {
        pub fn bolt_strerror(code: c_int) -> *const c_char;
        pub fn bolt_options_init(options: *mut Options, struct_size: usize) -> c_int;
        pub fn bolt_options_set(options: *mut Options, option: u32, value: u64) -> c_int;
        pub fn bolt_open(path: *const c_char, options: *const Options, db: *mut *mut Db) -> c_int;
        pub fn bolt_close(db: *mut Db) -> c_int;
        pub fn bolt_sync(db: *mut Db) -> c_int;
        pub fn bolt_txn_begin(db: *mut Db, flags: u32, txn: *mut *mut Txn) -> c_int;
        pub fn bolt_commit(txn: *mut Txn) -> c_int;
        pub fn bolt_rollback(txn: *mut Txn) -> c_int;
        pub fn bolt_root(txn: *mut Txn, bucket: *mut *mut Bucket) -> c_int;
        pub fn bolt_bucket_open(
            parent: *mut Bucket,
            name: *const c_void,
            name_len: usize,
            bucket: *mut *mut Bucket,
        ) -> c_int;
        pub fn bolt_bucket_ensure(
            parent: *mut Bucket,
            name: *const c_void,
            name_len: usize,
            bucket: *mut *mut Bucket,
        ) -> c_int;
        pub fn bolt_get(
            bucket: *mut Bucket,
            key: *const c_void,
            key_len: usize,
            value: *mut *const c_void,
            value_len: *mut usize,
        ) -> c_int;
        pub fn bolt_put(
            bucket: *mut Bucket,
            key: *const c_void,
            key_len: usize,
            value: *const c_void,
            value_len: usize,
        ) -> c_int;
        pub fn bolt_delete(bucket: *mut Bucket, key: *const c_void, key_len: usize) -> c_int;
        pub fn bolt_cursor_open(bucket: *mut Bucket, cursor: *mut *mut Cursor) -> c_int;
        pub fn bolt_cursor_close(cursor: *mut Cursor) -> c_int;
        pub fn bolt_cursor_first(cursor: *mut Cursor, kv: *mut Kv) -> c_int;
        pub fn bolt_cursor_next_many(cursor: *mut Cursor, kvs: *mut Kv, cap: usize, n: *mut usize) -> c_int;
        pub fn bolt_scan(
            bucket: *mut Bucket,
            from: *const c_void,
            to: *const c_void,
            flags: u32,
            each: unsafe extern "C" fn(*mut c_void, *const Kv, usize) -> c_int,
            context: *mut c_void,
        ) -> c_int;
        pub fn bolt_cursor_seek(
            cursor: *mut Cursor,
            key: *const c_void,
            key_len: usize,
            kv: *mut Kv,
        ) -> c_int;
    }
}

const BUCKET: &[u8] = b"bench";

fn check(code: c_int) -> Result<()> {
    if code == ffi::OK {
        return Ok(());
    }
    // SAFETY: bolt_strerror gives a text that ends with a zero for every code.
    let text = unsafe { CStr::from_ptr(ffi::bolt_strerror(code)) };
    Err(format!("libbolt: {}", text.to_string_lossy()).into())
}

/// # Safety
/// libbolt gave them with success, and their transaction lives.
unsafe fn bytes<'v>(data: *const c_void, len: usize) -> &'v [u8] {
    // SAFETY: data is never NULL and has len readable bytes until the transaction ends.
    unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }
}

pub struct Bolt {
    db: *mut ffi::Db,
}

// SAFETY: bolt.h says that a bolt_db may be used by any thread.
unsafe impl Sync for Bolt {}

impl Engine for Bolt {
    type Read<'e> = Read;
    type Write<'e> = Write;

    fn open(path: &Path, durable: bool) -> Result<Bolt> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        let mut options = ffi::Options([0; ffi::OPTIONS_ROOM]);
        // SAFETY: there is room for the options of any version.
        check(unsafe { ffi::bolt_options_init(&mut options, ffi::OPTIONS_ROOM) })?;
        // SAFETY: initialised above.
        check(unsafe { ffi::bolt_options_set(&mut options, ffi::OPT_NOSYNC, u64::from(!durable)) })?;
        let mut db = ptr::null_mut();
        // SAFETY: the name ends with a zero; db is written on success.
        check(unsafe { ffi::bolt_open(name.as_ptr(), &options, &mut db) })?;
        Ok(Bolt { db })
    }

    fn begin_read(&self) -> Result<Read> {
        let (txn, root) = self.begin(ffi::READ)?;
        let mut bucket = ptr::null_mut();
        let (name, len) = (BUCKET.as_ptr().cast(), BUCKET.len());
        // SAFETY: root is a bucket of the open transaction.
        check(unsafe { ffi::bolt_bucket_open(root, name, len, &mut bucket) })?;
        Ok(Read { txn, bucket })
    }

    fn begin_write(&self) -> Result<Write> {
        let (txn, root) = self.begin(ffi::WRITE)?;
        let mut bucket = ptr::null_mut();
        let (name, len) = (BUCKET.as_ptr().cast(), BUCKET.len());
        // SAFETY: root is a bucket of the open transaction.
        check(unsafe { ffi::bolt_bucket_ensure(root, name, len, &mut bucket) })?;
        Ok(Write { txn, bucket })
    }

    fn sync(&self) -> Result<()> {
        // SAFETY: the database is open.
        check(unsafe { ffi::bolt_sync(self.db) })
    }

    fn close(self) -> Result<()> {
        // SAFETY: the database is open and not used again.
        check(unsafe { ffi::bolt_close(self.db) })
    }
}

impl Bolt {
    fn begin(&self, flags: u32) -> Result<(*mut ffi::Txn, *mut ffi::Bucket)> {
        let (mut txn, mut root) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the database is open.
        check(unsafe { ffi::bolt_txn_begin(self.db, flags, &mut txn) })?;
        // SAFETY: the transaction was begun above.
        check(unsafe { ffi::bolt_root(txn, &mut root) })?;
        Ok((txn, root))
    }
}

pub struct Read {
    txn: *mut ffi::Txn,
    bucket: *mut ffi::Bucket,
}

impl ReadTxn for Read {
    type Cursor<'t> = Walker;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let (mut value, mut value_len) = (ptr::null(), 0);
        // SAFETY: the bucket's transaction is open; both results are written on success.
        let code =
            unsafe { ffi::bolt_get(self.bucket, key.as_ptr().cast(), key.len(), &mut value, &mut value_len) };
        if code == ffi::NOTFOUND {
            return Ok(None);
        }
        check(code)?;
        // SAFETY: given with success, and the transaction is open.
        Ok(Some(look(unsafe { bytes(value, value_len) })))
    }

    fn cursor(&self) -> Result<Walker> {
        let mut cursor = ptr::null_mut();
        // SAFETY: the bucket's transaction is open.
        check(unsafe { ffi::bolt_cursor_open(self.bucket, &mut cursor) })?;
        Ok(Walker { cursor, bucket: self.bucket })
    }

    fn end(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        check(unsafe { ffi::bolt_rollback(self.txn) })
    }
}

pub struct Walker {
    cursor: *mut ffi::Cursor,
    bucket: *mut ffi::Bucket,
}

/// How many entries cross the border at once, as `bolt.h` advises.
const CHUNK_LEN: usize = 128;

impl Cursor for Walker {
    fn walk(&mut self, start: Start<'_>, limit: u64, look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut receiver = Receiver { look, limit, count: 0 };
        let code = match start {
            Start::Last => self.walk_back(&mut receiver),
            start => self.walk_on(start, &mut receiver),
        };
        if ![ffi::OK, ffi::NOTFOUND, ENOUGH].contains(&code) {
            check(code)?;
        }
        Ok(receiver.count)
    }
}

impl Walker {
    fn walk_on<L: FnMut(&[u8], &[u8])>(&mut self, start: Start<'_>, receiver: &mut Receiver<L>) -> c_int {
        let mut kvs = [ffi::Kv::EMPTY; CHUNK_LEN];
        let (cursor, entries) = (self.cursor, kvs.as_mut_ptr());
        let mut code = match start {
            // SAFETY: the cursor is open; there is room for an entry.
            Start::Seek(from) => unsafe {
                ffi::bolt_cursor_seek(cursor, from.as_ptr().cast(), from.len(), entries)
            },
            // SAFETY: the same.
            _ => unsafe { ffi::bolt_cursor_first(cursor, entries) },
        };
        let mut len = 1;
        while code == ffi::OK && receiver.take(kvs.get(..len).unwrap_or_default()) {
            let cap = usize::try_from(receiver.limit - receiver.count)
                .map_or(CHUNK_LEN, |left| left.min(CHUNK_LEN));
            // SAFETY: the cursor is open; there is room for so many entries.
            code = unsafe { ffi::bolt_cursor_next_many(cursor, kvs.as_mut_ptr(), cap, &mut len) };
        }
        code
    }

    fn walk_back<L: FnMut(&[u8], &[u8])>(&mut self, receiver: &mut Receiver<L>) -> c_int {
        let context = ptr::from_mut(receiver).cast();
        let (from, to) = (ptr::null(), ptr::null());
        // SAFETY: the bucket's transaction is open; the function is given the receiver that it expects.
        unsafe { ffi::bolt_scan(self.bucket, from, to, ffi::SCAN_REVERSE, receive::<L>, context) }
    }
}

/// Who is shown entries, up to a limit.
struct Receiver<L> {
    look: L,
    limit: u64,
    count: u64,
}

impl<L: FnMut(&[u8], &[u8])> Receiver<L> {
    /// Shows entries that libbolt has given; whether there may be more.
    fn take(&mut self, kvs: &[ffi::Kv]) -> bool {
        for kv in kvs {
            if self.count == self.limit {
                break;
            }
            // SAFETY: given with success, and the transaction is open.
            let key = unsafe { bytes(kv.key, kv.key_len) };
            // SAFETY: the same; the bucket holds no buckets, so the value is not NULL.
            let value = unsafe { bytes(kv.value, kv.value_len) };
            (self.look)(key, value);
            self.count += 1;
        }
        self.count < self.limit
    }
}

/// What [`receive`] answers when it has enough; none of libbolt's codes.
const ENOUGH: c_int = 1;

/// Gives a receiver the entries of a scan.
///
/// # Safety
/// `context` is a receiver of this type, and `kvs` so many entries of an open transaction.
unsafe extern "C" fn receive<L: FnMut(&[u8], &[u8])>(
    context: *mut c_void,
    kvs: *const ffi::Kv,
    len: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let receiver = unsafe { &mut *context.cast::<Receiver<L>>() };
    // SAFETY: the caller's promise.
    let kvs = unsafe { std::slice::from_raw_parts(kvs, len) };
    if receiver.take(kvs) { ffi::OK } else { ENOUGH }
}

impl Drop for Walker {
    fn drop(&mut self) {
        // SAFETY: the cursor is not used again. Its code could only say that the handle is bad.
        unsafe { ffi::bolt_cursor_close(self.cursor) };
    }
}

pub struct Write {
    txn: *mut ffi::Txn,
    bucket: *mut ffi::Bucket,
}

impl WriteTxn for Write {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (key, key_len) = (key.as_ptr().cast(), key.len());
        // SAFETY: the bucket's transaction is open; libbolt copies both.
        check(unsafe { ffi::bolt_put(self.bucket, key, key_len, value.as_ptr().cast(), value.len()) })
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        // SAFETY: the bucket's transaction is open.
        check(unsafe { ffi::bolt_delete(self.bucket, key.as_ptr().cast(), key.len()) })
    }

    fn commit(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        check(unsafe { ffi::bolt_commit(self.txn) })
    }
}
