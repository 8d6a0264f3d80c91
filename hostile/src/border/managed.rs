//! What the library runs and calls: functions in transactions of its own, batches, hooks, its log.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bolt::ffi::batch::{
    bolt_batch, bolt_batch_clear, bolt_batch_commit, bolt_batch_create, bolt_batch_delete, bolt_batch_free,
    bolt_batch_put,
};
use bolt::ffi::bucket;
use bolt::ffi::cursor;
use bolt::ffi::error::{BOLT_NOTFOUND, BOLT_OK};
use bolt::ffi::kv::{self, bolt_slice};
use bolt::ffi::managed::{bolt_batch_update, bolt_txn_on_commit, bolt_update, bolt_view};
use bolt::ffi::stats::{BOLT_LOG_DEBUG, bolt_reader_info, bolt_set_log, bolt_set_slow_reader};
use bolt::ffi::txn::bolt_txn;

use super::entries::{Entry, NO_ENTRY};
use super::{Db, Told, Txn, of, slice, told};

/// What a database had to say.
#[derive(Debug, Default)]
pub struct Heard {
    line_count: AtomicU64,
    reader_count: AtomicU64,
    commit_count: AtomicU64,
}

impl Heard {
    /// How many lines there were in its log.
    pub fn line_count(&self) -> u64 {
        self.line_count.load(Relaxed)
    }

    /// How often it told of a reader that was open.
    pub fn reader_count(&self) -> u64 {
        self.reader_count.load(Relaxed)
    }

    /// How many commits ran what was to be run after them.
    pub fn commit_count(&self) -> u64 {
        self.commit_count.load(Relaxed)
    }

    fn place(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// What a function of the library's was given.
    fn of<'a>(place: *mut c_void) -> &'a Heard {
        // SAFETY: `hear` and `hear_commit` give the address of what belongs to the database, which calls
        // nobody once it is closed.
        unsafe { &*place.cast() }
    }
}

impl Db {
    /// Goes through the root bucket, in a transaction of the library's. How many entries there are, up to `max`.
    pub fn view(&self, max: u64) -> Told<u64> {
        let mut left = max;
        let place: *mut u64 = &mut left;
        told(call!(bolt_view(self.handle, Some(walk), place.cast()))).map(|()| max - left)
    }

    /// Puts one entry into the root bucket's `name`, in a transaction of the library's; in one that others may
    /// share, where it `shares`.
    pub fn update(&self, name: &[u8], shares: bool) -> Told {
        let mut name = slice(name);
        let name: *mut bolt_slice = &mut name;
        told(if shares {
            call!(bolt_batch_update(self.handle, Some(put_one), name.cast()))
        } else {
            call!(bolt_update(self.handle, Some(put_one), name.cast()))
        })
    }

    /// Puts and deletes a key of the bucket at `path` by a batch, twice: the second time it puts alone.
    pub fn batch(&self, path: &[&[u8]], key: &[u8], value: &[u8], flags: u32) -> Told {
        let mut batch = null_mut();
        told(call!(bolt_batch_create(&mut batch)))?;
        let committed = self.fill_and_commit(batch, path, key, value, flags);
        told(call!(bolt_batch_free(batch)))?;
        committed
    }

    fn fill_and_commit(
        &self,
        batch: *mut bolt_batch,
        path: &[&[u8]],
        key: &[u8],
        value: &[u8],
        flags: u32,
    ) -> Told {
        let path: Vec<bolt_slice> = path.iter().map(|name| slice(name)).collect();
        let ((key, key_len), (value, value_len)) = (of(key), of(value));
        let put = || call!(bolt_batch_put(batch, path.as_ptr(), path.len(), key, key_len, value, value_len));
        told(put())?;
        told(call!(bolt_batch_delete(batch, path.as_ptr(), path.len(), key, key_len)))?;
        let first = told(call!(bolt_batch_commit(self.handle, batch, flags)));
        told(call!(bolt_batch_clear(batch)))?;
        told(put())?;
        first.and(told(call!(bolt_batch_commit(self.handle, batch, flags))))
    }

    /// Hears all that it has to say, and of each reader that is open when something is committed.
    pub fn hear(&self) -> Told {
        let place = self.heard.place();
        told(call!(bolt_set_log(self.handle, BOLT_LOG_DEBUG, Some(hear_line), place)))?;
        told(call!(bolt_set_slow_reader(self.handle, 0, Some(hear_reader), place)))
    }

    /// Hears when the transaction is committed, if it ever is.
    pub fn hear_commit(&self, txn: &Txn) -> Told {
        told(call!(bolt_txn_on_commit(txn.0, Some(hear_commit), self.heard.place())))
    }

    /// What was heard.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }
}

unsafe extern "C-unwind" fn walk(left: *mut c_void, txn: *mut bolt_txn) -> c_int {
    // SAFETY: `view` gives the address of what is left.
    let left = unsafe { &mut *left.cast::<u64>() };
    let (mut root, mut cursor, mut kv) = (null_mut(), null_mut(), NO_ENTRY);
    let mut code = call!(bucket::bolt_root(txn, &mut root));
    if code == BOLT_OK {
        code = call!(cursor::bolt_cursor_open(root, &mut cursor));
    }
    if code == BOLT_OK {
        code = call!(cursor::bolt_cursor_first(cursor, &mut kv));
    }
    while code == BOLT_OK && *left > 0 {
        Entry::of(&kv).touch();
        *left -= 1;
        code = call!(cursor::bolt_cursor_next(cursor, &mut kv));
    }
    if code == BOLT_NOTFOUND { BOLT_OK } else { code }
}

unsafe extern "C-unwind" fn put_one(name: *mut c_void, txn: *mut bolt_txn) -> c_int {
    // SAFETY: `update` gives the address of the name.
    let name = unsafe { *name.cast::<bolt_slice>() };
    let (mut root, mut made) = (null_mut(), null_mut());
    let code = call!(bucket::bolt_root(txn, &mut root));
    if code != BOLT_OK {
        return code;
    }
    let code = call!(bucket::bolt_bucket_ensure(root, name.data, name.len, &mut made));
    if code != BOLT_OK {
        return code;
    }
    call!(kv::bolt_put(made, name.data, name.len, name.data, name.len))
}

unsafe extern "C-unwind" fn hear_line(heard: *mut c_void, _: i32, _: *const c_char) {
    Heard::of(heard).line_count.fetch_add(1, Relaxed);
}

unsafe extern "C-unwind" fn hear_reader(heard: *mut c_void, _: *const bolt_reader_info) {
    Heard::of(heard).reader_count.fetch_add(1, Relaxed);
}

unsafe extern "C-unwind" fn hear_commit(heard: *mut c_void) {
    Heard::of(heard).commit_count.fetch_add(1, Relaxed);
}
