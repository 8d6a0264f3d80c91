//! LMDB, by its C API, from the source that the crate `lmdb-master-sys` carries.
//!
//! The unnamed database of a file without a directory; thread-local reader slots, which are the default and the
//! fastest. Without sync it runs under MDB_NOSYNC.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use lmdb_master_sys as ffi;
use std::ffi::{CStr, CString, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Room for the largest workload; LMDB wants to be told beforehand.
const MAP_LEN: usize = 32 << 30;

fn check(code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: mdb_strerror gives a text that ends with a zero for every code.
    let text = unsafe { CStr::from_ptr(ffi::mdb_strerror(code)) };
    Err(format!("LMDB: {}", text.to_string_lossy()).into())
}

fn val(bytes: &[u8]) -> ffi::MDB_val {
    ffi::MDB_val { mv_size: bytes.len(), mv_data: bytes.as_ptr() as *mut c_void }
}

fn empty() -> ffi::MDB_val {
    ffi::MDB_val { mv_size: 0, mv_data: ptr::null_mut() }
}

/// # Safety
/// `val` was filled by LMDB, and its transaction lives.
unsafe fn bytes(val: &ffi::MDB_val) -> &[u8] {
    // SAFETY: LMDB gives mv_size readable bytes.
    unsafe { std::slice::from_raw_parts(val.mv_data.cast::<u8>(), val.mv_size) }
}

pub struct Lmdb {
    env: *mut ffi::MDB_env,
    dbi: ffi::MDB_dbi,
}

// SAFETY: LMDB says that an environment may be used by all threads.
unsafe impl Sync for Lmdb {}

impl Engine for Lmdb {
    type Read<'e> = Read;
    type Write<'e> = Write;

    fn open(path: &Path, durable: bool) -> Result<Lmdb> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        let flags: c_uint = ffi::MDB_NOSUBDIR | if durable { 0 } else { ffi::MDB_NOSYNC };
        let mut env = ptr::null_mut();
        // SAFETY: env is written on success.
        check(unsafe { ffi::mdb_env_create(&mut env) })?;
        // SAFETY: env is a fresh environment.
        check(unsafe { ffi::mdb_env_set_mapsize(env, MAP_LEN) })?;
        // SAFETY: name ends with a zero.
        check(unsafe { ffi::mdb_env_open(env, name.as_ptr(), flags, 0o600) })?;
        let mut engine = Lmdb { env, dbi: 0 };
        let txn = engine.begin(ffi::MDB_RDONLY)?;
        let mut dbi = 0;
        // SAFETY: txn is open; NULL names the unnamed database, which is always there.
        check(unsafe { ffi::mdb_dbi_open(txn, ptr::null(), 0, &mut dbi) })?;
        // SAFETY: txn is open and ends here.
        check(unsafe { ffi::mdb_txn_commit(txn) })?;
        engine.dbi = dbi;
        Ok(engine)
    }

    fn begin_read(&self) -> Result<Read> {
        Ok(Read { txn: self.begin(ffi::MDB_RDONLY)?, dbi: self.dbi })
    }

    fn begin_write(&self) -> Result<Write> {
        Ok(Write { txn: self.begin(0)?, dbi: self.dbi })
    }

    fn sync(&self) -> Result<()> {
        // SAFETY: the environment is open.
        check(unsafe { ffi::mdb_env_sync(self.env, 1) })
    }

    fn close(self) -> Result<()> {
        // SAFETY: the environment is open, no transaction is, and it is not used again.
        unsafe { ffi::mdb_env_close(self.env) };
        Ok(())
    }
}

impl Lmdb {
    fn begin(&self, flags: c_uint) -> Result<*mut ffi::MDB_txn> {
        let mut txn = ptr::null_mut();
        // SAFETY: the environment is open; txn is written on success.
        check(unsafe { ffi::mdb_txn_begin(self.env, ptr::null_mut(), flags, &mut txn) })?;
        Ok(txn)
    }
}

pub struct Read {
    txn: *mut ffi::MDB_txn,
    dbi: ffi::MDB_dbi,
}

impl ReadTxn for Read {
    type Cursor<'t> = Walker;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let (mut key, mut value) = (val(key), empty());
        // SAFETY: the transaction is open; LMDB reads the key and fills the value.
        let code = unsafe { ffi::mdb_get(self.txn, self.dbi, &mut key, &mut value) };
        if code == ffi::MDB_NOTFOUND {
            return Ok(None);
        }
        check(code)?;
        // SAFETY: LMDB filled it, and the transaction is open.
        Ok(Some(look(unsafe { bytes(&value) })))
    }

    fn cursor(&self) -> Result<Walker> {
        let mut cursor = ptr::null_mut();
        // SAFETY: the transaction is open; cursor is written on success.
        check(unsafe { ffi::mdb_cursor_open(self.txn, self.dbi, &mut cursor) })?;
        Ok(Walker { cursor })
    }

    fn end(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        unsafe { ffi::mdb_txn_abort(self.txn) };
        Ok(())
    }
}

pub struct Walker {
    cursor: *mut ffi::MDB_cursor,
}

impl Cursor for Walker {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut key = empty();
        let mut value = empty();
        let (mut operation, next) = match start {
            Start::First => (ffi::MDB_FIRST, ffi::MDB_NEXT),
            Start::Last => (ffi::MDB_LAST, ffi::MDB_PREV),
            Start::Seek(from) => {
                key = val(from);
                (ffi::MDB_SET_RANGE, ffi::MDB_NEXT)
            }
        };
        let mut count = 0;
        while count < limit {
            // SAFETY: the cursor is open; LMDB fills both.
            let code = unsafe { ffi::mdb_cursor_get(self.cursor, &mut key, &mut value, operation) };
            if code == ffi::MDB_NOTFOUND {
                break;
            }
            check(code)?;
            // SAFETY: LMDB filled it, and the transaction is open.
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
        unsafe { ffi::mdb_cursor_close(self.cursor) };
    }
}

pub struct Write {
    txn: *mut ffi::MDB_txn,
    dbi: ffi::MDB_dbi,
}

impl WriteTxn for Write {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (mut key, mut value) = (val(key), val(value));
        // SAFETY: the transaction is open; LMDB copies both.
        check(unsafe { ffi::mdb_put(self.txn, self.dbi, &mut key, &mut value, 0) })
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        let mut key = val(key);
        // SAFETY: the transaction is open; without duplicates the value may be NULL.
        check(unsafe { ffi::mdb_del(self.txn, self.dbi, &mut key, ptr::null_mut()) })
    }

    fn commit(self) -> Result<()> {
        // SAFETY: the transaction is open and not used again.
        check(unsafe { ffi::mdb_txn_commit(self.txn) })
    }
}
