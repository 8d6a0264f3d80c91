//! libmdbx, by its C API, from the source that the crate `signet-mdbx-sys` carries with bindings made beforehand.
//!
//! The unnamed table of a file without a directory, all options at their defaults. Without sync it runs under
//! MDBX_UTTERLY_NOSYNC, which promises what LMDB's MDB_NOSYNC and bbolt's NoSync do; MDBX_SAFE_NOSYNC promises more
//! and keeps old pages for it.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use signet_mdbx_sys as ffi;
use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Room for the largest workload.
const MAP_LEN: isize = 8 << 30;

fn check(code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: mdbx_strerror gives a text that ends with a zero for every code.
    let text = unsafe { CStr::from_ptr(ffi::mdbx_strerror(code)) };
    Err(format!("libmdbx: {}", text.to_string_lossy()).into())
}

fn val(bytes: &[u8]) -> ffi::MDBX_val {
    ffi::MDBX_val { iov_len: bytes.len(), iov_base: bytes.as_ptr() as *mut c_void }
}

fn empty() -> ffi::MDBX_val {
    ffi::MDBX_val { iov_len: 0, iov_base: ptr::null_mut() }
}

/// # Safety
/// `val` was filled by libmdbx, and its transaction lives.
unsafe fn bytes(val: &ffi::MDBX_val) -> &[u8] {
    // SAFETY: libmdbx gives iov_len readable bytes.
    unsafe { std::slice::from_raw_parts(val.iov_base.cast::<u8>(), val.iov_len) }
}

pub struct Mdbx {
    env: *mut ffi::MDBX_env,
    dbi: ffi::MDBX_dbi,
}

// SAFETY: libmdbx says that an environment may be used by all threads.
unsafe impl Sync for Mdbx {}

impl Engine for Mdbx {
    type Read<'e> = Read;
    type Write<'e> = Write;

    fn open(path: &Path, durable: bool) -> Result<Mdbx> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        let sync = if durable { ffi::MDBX_SYNC_DURABLE } else { ffi::MDBX_UTTERLY_NOSYNC };
        let mut env = ptr::null_mut();
        // SAFETY: env is written on success.
        check(unsafe { ffi::mdbx_env_create(&mut env) })?;
        // SAFETY: env is a fresh environment.
        check(unsafe { ffi::mdbx_env_set_geometry(env, -1, -1, MAP_LEN, -1, -1, -1) })?;
        // SAFETY: name ends with a zero.
        check(unsafe { ffi::mdbx_env_open(env, name.as_ptr(), ffi::MDBX_NOSUBDIR | sync, 0o600) })?;
        let mut engine = Mdbx { env, dbi: 0 };
        let txn = engine.begin(ffi::MDBX_TXN_RDONLY)?;
        let mut dbi = 0;
        // SAFETY: txn is open; NULL names the unnamed database, which is always there.
        check(unsafe { ffi::mdbx_dbi_open(txn, ptr::null(), 0, &mut dbi) })?;
        // SAFETY: txn is open and ends here.
        check(unsafe { ffi::mdbx_txn_commit_ex(txn, ptr::null_mut()) })?;
        engine.dbi = dbi;
        Ok(engine)
    }

    fn begin_read(&self) -> Result<Read> {
        Ok(Read { txn: self.begin(ffi::MDBX_TXN_RDONLY)?, dbi: self.dbi })
    }

    fn begin_write(&self) -> Result<Write> {
        Ok(Write { txn: self.begin(ffi::MDBX_TXN_READWRITE)?, dbi: self.dbi })
    }

    fn sync(&self) -> Result<()> {
        // SAFETY: the environment is open.
        let code = unsafe { ffi::mdbx_env_sync_ex(self.env, true, false) };
        // So it says that nothing was left to do.
        if code == ffi::MDBX_RESULT_TRUE { Ok(()) } else { check(code) }
    }

    fn close(self) -> Result<()> {
        // SAFETY: the environment is open, no transaction is, and it is not used again.
        check(unsafe { ffi::mdbx_env_close_ex(self.env, false) })
    }
}

impl Mdbx {
    fn begin(&self, flags: ffi::MDBX_txn_flags_t) -> Result<*mut ffi::MDBX_txn> {
        let mut txn = ptr::null_mut();
        // SAFETY: the environment is open; txn is written on success.
        check(unsafe {
            ffi::mdbx_txn_begin_ex(self.env, ptr::null_mut(), flags, &mut txn, ptr::null_mut())
        })?;
        Ok(txn)
    }
}

pub struct Read {
    txn: *mut ffi::MDBX_txn,
    dbi: ffi::MDBX_dbi,
}

impl ReadTxn for Read {
    type Cursor<'t> = Walker;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let (key, mut value) = (val(key), empty());
        // SAFETY: the transaction is open; libmdbx reads the key and fills the value.
        let code = unsafe { ffi::mdbx_get(self.txn, self.dbi, &key, &mut value) };
        if code == ffi::MDBX_NOTFOUND {
            return Ok(None);
        }
        check(code)?;
        // SAFETY: libmdbx filled it, and the transaction is open.
        Ok(Some(look(unsafe { bytes(&value) })))
    }

    fn cursor(&self) -> Result<Walker> {
        let mut cursor = ptr::null_mut();
        // SAFETY: the transaction is open; cursor is written on success.
        check(unsafe { ffi::mdbx_cursor_open(self.txn, self.dbi, &mut cursor) })?;
        Ok(Walker { cursor })
    }

    fn end(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        check(unsafe { ffi::mdbx_txn_abort(self.txn) })
    }
}

pub struct Walker {
    cursor: *mut ffi::MDBX_cursor,
}

impl Cursor for Walker {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut key = empty();
        let mut value = empty();
        let (mut operation, next) = match start {
            Start::First => (ffi::MDBX_FIRST, ffi::MDBX_NEXT),
            Start::Last => (ffi::MDBX_LAST, ffi::MDBX_PREV),
            Start::Seek(from) => {
                key = val(from);
                (ffi::MDBX_SET_RANGE, ffi::MDBX_NEXT)
            }
        };
        let mut count = 0;
        while count < limit {
            // SAFETY: the cursor is open; libmdbx fills both.
            let code = unsafe { ffi::mdbx_cursor_get(self.cursor, &mut key, &mut value, operation) };
            if code == ffi::MDBX_NOTFOUND {
                break;
            }
            check(code)?;
            // SAFETY: libmdbx filled it, and the transaction is open.
            let key = unsafe { bytes(&key) };
            // SAFETY: the same.
            let value = unsafe { bytes(&value) };
            look(key, value);
            count += 1;
            operation = next;
        }
        Ok(count)
    }
}

impl Drop for Walker {
    fn drop(&mut self) {
        // SAFETY: the cursor is open, as the borrow keeps its transaction open, and not used again.
        unsafe { ffi::mdbx_cursor_close(self.cursor) };
    }
}

pub struct Write {
    txn: *mut ffi::MDBX_txn,
    dbi: ffi::MDBX_dbi,
}

impl WriteTxn for Write {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (key, mut value) = (val(key), val(value));
        // SAFETY: the transaction is open; libmdbx copies both.
        check(unsafe { ffi::mdbx_put(self.txn, self.dbi, &key, &mut value, ffi::MDBX_UPSERT) })
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        let key = val(key);
        // SAFETY: the transaction is open; without duplicates the value may be NULL.
        check(unsafe { ffi::mdbx_del(self.txn, self.dbi, &key, ptr::null()) })
    }

    fn commit(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        check(unsafe { ffi::mdbx_txn_commit_ex(self.txn, ptr::null_mut()) })
    }
}
