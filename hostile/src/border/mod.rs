//! The functions of the border to C, each called as `bolt.h` demands and as safe as it promises, so that damaged
//! files can be used through them.
//!
//! A handle ends where it is dropped. That it may have ended before, with its transaction, is no fault: the
//! function answers a code then.
#![expect(unsafe_code, reason = "what is called here is the border to C")]

/// Calls a function of the border.
macro_rules! call {
    ($($function:ident)::+ ($($argument:expr),* $(,)?)) => {{
        // SAFETY: handles come from the library, which knows those that have ended; all other pointers are of
        // what lives in the caller until the call returns, with its length where one belongs to it.
        #[allow(clippy::macro_metavars_in_unsafe, reason = "the arguments are of this file")]
        let code = unsafe { $($function)::+($($argument),*) };
        code
    }};
}

mod entries;
mod managed;

use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::ptr::null_mut;

use bolt::ffi::backup::{BOLT_REPLACE, bolt_backup, bolt_backup_fd, bolt_backup_write, bolt_compact};
use bolt::ffi::bucket;
use bolt::ffi::check::{BOLT_SEVERITY_ERROR, bolt_check, bolt_finding};
use bolt::ffi::db::{
    bolt_close, bolt_db, bolt_db_info, bolt_db_last_error, bolt_info, bolt_open, bolt_path, bolt_set,
    bolt_sync,
};
use bolt::ffi::error::{
    BOLT_NOTFOUND, BOLT_OK, bolt_error_info, bolt_error_name, bolt_last_error, bolt_strerror,
};
use bolt::ffi::inspect::bolt_bucket_stats;
use bolt::ffi::kv::bolt_slice;
use bolt::ffi::memory::{bolt_advise, bolt_open_fd, bolt_open_memory};
use bolt::ffi::options::{bolt_options, bolt_options_init, bolt_options_set};
use bolt::ffi::savepoint::{bolt_savepoint, bolt_savepoint_release, bolt_savepoint_rollback};
use bolt::ffi::stats::{
    bolt_db_stats, bolt_page_info, bolt_page_info_get, bolt_reader_info, bolt_readers, bolt_stats,
};
use bolt::ffi::txn::{
    BOLT_READ, BOLT_TRY, BOLT_WRITE, bolt_commit, bolt_rollback, bolt_txn, bolt_txn_begin,
    bolt_txn_begin_timeout, bolt_txn_renew, bolt_txn_reset,
};
use bolt::ffi::txn_info::{bolt_txn_info, bolt_txn_info_get};

pub use entries::{Bucket, Cursor, Entry, Move};
pub use managed::Heard;

/// What a function answers where it does not do what it was asked.
pub type Code = c_int;
/// What came of a call.
pub type Told<T = ()> = Result<T, Code>;

fn told(code: Code) -> Told {
    if code == BOLT_OK { Ok(()) } else { Err(code) }
}

/// A result that may be missing.
fn found<T>(code: Code, value: T) -> Told<Option<T>> {
    match code {
        BOLT_OK => Ok(Some(value)),
        BOLT_NOTFOUND => Ok(None),
        code => Err(code),
    }
}

/// A struct that says how long it is.
trait Measured {
    fn empty() -> Self;
}

macro_rules! measured {
    ($($name:ident),*) => {$(
        impl Measured for $name {
            fn empty() -> $name {
                // SAFETY: it is of integers alone, as the header has it.
                let zeros: $name = unsafe { std::mem::zeroed() };
                $name { struct_size: size_of::<$name>(), ..zeros }
            }
        }
    )*};
}

measured!(bolt_db_info, bolt_db_stats, bolt_bucket_stats, bolt_page_info, bolt_txn_info, bolt_error_info);

fn of(bytes: &[u8]) -> (*const c_void, usize) {
    (bytes.as_ptr().cast(), bytes.len())
}

fn slice(bytes: &[u8]) -> bolt_slice {
    bolt_slice { data: bytes.as_ptr().cast(), len: bytes.len() }
}

/// The bytes that the library gave, which it keeps until the transaction ends.
fn given<'a>(data: *const c_void, len: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: the library has just given them for a transaction that the caller holds.
    unsafe { std::slice::from_raw_parts(data.cast(), len) }
}

fn name_of(path: &Path) -> Told<CString> {
    CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| bolt::ffi::error::BOLT_ARGUMENT)
}

/// The options that flags and numbers make.
pub fn options(flags: u32, change: impl FnOnce(&mut bolt_options)) -> Told<bolt_options> {
    let mut options = std::mem::MaybeUninit::<bolt_options>::uninit();
    told(call!(bolt_options_init(options.as_mut_ptr(), size_of::<bolt_options>())))?;
    // SAFETY: the library has filled it.
    let mut options = unsafe { options.assume_init() };
    options.flags = flags;
    change(&mut options);
    Ok(options)
}

/// Sets the same option by its number.
pub fn set_option(options: &mut bolt_options, option: u32, value: u64) -> Told {
    told(call!(bolt_options_set(options, option, value)))
}

/// The code of this thread's last failure, and whether it comes with a text.
pub fn last_error() -> Told<Option<(Code, bool)>> {
    let mut info = bolt_error_info::empty();
    let code = call!(bolt_last_error(&mut info));
    found(code, described(&info))
}

fn described(info: &bolt_error_info) -> (Code, bool) {
    let has_text = info.text.first().is_some_and(|&byte| byte != 0) && info.text.contains(&0);
    (info.code, has_text)
}

/// Whether a code has a name and words that explain it.
pub fn is_explained(code: Code) -> bool {
    [bolt_error_name(code), bolt_strerror(code)].into_iter().all(|text| {
        // SAFETY: the library answers a static text.
        let text = unsafe { CStr::from_ptr(text) };
        !text.is_empty() && text != c"?"
    })
}

/// An open database.
pub struct Db {
    handle: *mut bolt_db,
    heard: Box<Heard>,
}

impl Drop for Db {
    fn drop(&mut self) {
        call!(bolt_close(self.handle));
    }
}

impl Db {
    fn new(handle: *mut bolt_db) -> Db {
        Db { handle, heard: Box::default() }
    }

    /// Opens a file.
    pub fn open(path: &Path, options: &bolt_options) -> Told<Db> {
        let (path, mut db) = (name_of(path)?, null_mut());
        told(call!(bolt_open(path.as_ptr(), options, &mut db))).map(|()| Db::new(db))
    }

    /// Opens a copy of the bytes.
    pub fn open_memory(bytes: &[u8], options: &bolt_options) -> Told<Db> {
        let mut db = null_mut();
        told(call!(bolt_open_memory(bytes.as_ptr().cast(), bytes.len(), options, &mut db)))
            .map(|()| Db::new(db))
    }

    /// Opens a file that is open.
    pub fn open_fd(file: &File, options: &bolt_options) -> Told<Db> {
        let mut db = null_mut();
        told(call!(bolt_open_fd(file.as_raw_fd(), options, &mut db))).map(|()| Db::new(db))
    }

    /// Closes it.
    pub fn close(self) -> Told {
        let code = call!(bolt_close(self.handle));
        // Where it is still in use it is tried once more, when `self` is dropped; an ended handle is told.
        told(code)
    }

    /// Begins a transaction.
    pub fn begin(&self, writes: bool) -> Told<Txn> {
        let mut txn = null_mut();
        let flags = if writes { BOLT_WRITE | BOLT_TRY } else { BOLT_READ };
        told(call!(bolt_txn_begin(self.handle, flags, &mut txn))).map(|()| Txn(txn))
    }

    /// Begins a transaction, or gives up at once, by the clock.
    pub fn begin_at_once(&self, writes: bool) -> Told<Txn> {
        let mut txn = null_mut();
        let flags = if writes { BOLT_WRITE } else { BOLT_READ };
        told(call!(bolt_txn_begin_timeout(self.handle, flags, 0, &mut txn))).map(|()| Txn(txn))
    }

    /// Changes one of its options.
    pub fn set(&self, option: u32, value: u64) -> Told {
        told(call!(bolt_set(self.handle, option, value)))
    }

    /// Tells how it will be read.
    pub fn advise(&self, advice: u32) -> Told {
        told(call!(bolt_advise(self.handle, advice)))
    }

    /// The code of its last failure, and whether it comes with a text.
    pub fn last_error(&self) -> Told<Option<(Code, bool)>> {
        let mut info = bolt_error_info::empty();
        let code = call!(bolt_db_last_error(self.handle, &mut info));
        found(code, described(&info))
    }

    /// Makes it durable.
    pub fn sync(&self) -> Told {
        told(call!(bolt_sync(self.handle)))
    }

    /// Copies it into a new file. `more` says whether so many bytes may be copied.
    pub fn compact(&self, path: &Path, txn_max_len: u64, mut max: u64) -> Told {
        let (path, max): (_, *mut u64) = (name_of(path)?, &mut max);
        let options = options(0, |_| ())?;
        let (path, progress) = (path.as_ptr(), Some(bounded as Progress));
        told(call!(bolt_compact(
            self.handle,
            path,
            &options,
            txn_max_len,
            BOLT_REPLACE,
            progress,
            max.cast()
        )))
    }

    /// Everything that tells about it.
    pub fn tell(&self) -> Told<bolt_db_info> {
        let (mut info, mut stats) = (bolt_db_info::empty(), bolt_db_stats::empty());
        told(call!(bolt_info(self.handle, &mut info)))?;
        told(call!(bolt_stats(self.handle, 0, &mut stats)))?;
        let mut path = std::ptr::null();
        told(call!(bolt_path(self.handle, &mut path)))?;
        let mut readers = [bolt_reader_info { txn_id: 0, age_ms: 0, held_len: 0, reserved: 0 }; 4];
        let mut count = 0;
        told(call!(bolt_readers(self.handle, readers.as_mut_ptr(), readers.len(), &mut count)))?;
        Ok(info)
    }
}

type Progress = unsafe extern "C-unwind" fn(*mut c_void, u64, u64) -> c_int;

/// What a compaction that copies more than there is is stopped with.
pub const TOO_LONG: Code = bolt::ffi::error::BOLT_CALLBACK_FIRST;

unsafe extern "C-unwind" fn bounded(max: *mut c_void, done: u64, _: u64) -> c_int {
    // SAFETY: `compact` gives the address of its limit.
    let max = unsafe { *max.cast::<u64>() };
    if done > max { TOO_LONG } else { 0 }
}

/// What the checker says.
#[derive(Default)]
pub struct Findings {
    /// The numbers of the errors.
    pub errors: Vec<u32>,
    /// How many warnings there are.
    pub warning_count: usize,
}

unsafe extern "C-unwind" fn keep(findings: *mut c_void, finding: *const bolt_finding) -> c_int {
    // SAFETY: `check` gives the address of its findings.
    let findings = unsafe { &mut *findings.cast::<Findings>() };
    // SAFETY: the library gives one that lives until this returns.
    let finding = unsafe { &*finding };
    if finding.severity == BOLT_SEVERITY_ERROR {
        findings.errors.push(finding.code);
    } else {
        findings.warning_count += 1;
    }
    0
}

unsafe extern "C-unwind" fn measure(len: *mut c_void, _: *const c_void, added: usize) -> c_int {
    // SAFETY: `backup_len` gives the address of its sum.
    let len = unsafe { &mut *len.cast::<u64>() };
    *len += added as u64;
    0
}

/// A transaction.
pub struct Txn(*mut bolt_txn);

impl Drop for Txn {
    fn drop(&mut self) {
        call!(bolt_rollback(self.0));
    }
}

impl Txn {
    /// Commits it.
    pub fn commit(self) -> Told {
        told(call!(bolt_commit(self.0)))
    }

    /// Forgets the snapshot, and takes the newest one.
    pub fn reset_and_renew(&self) -> Told {
        told(call!(bolt_txn_reset(self.0)))?;
        told(call!(bolt_txn_renew(self.0)))
    }

    /// The bucket of all buckets.
    pub fn root(&self) -> Told<Bucket> {
        let mut bucket = null_mut();
        told(call!(bucket::bolt_root(self.0, &mut bucket))).map(|()| Bucket(bucket))
    }

    /// Checks it.
    pub fn check(&self, from_page: u64) -> Told<(Findings, u64)> {
        let (mut findings, mut count) = (Findings::default(), 0);
        let kept: *mut Findings = &mut findings;
        told(call!(bolt_check(self.0, from_page, 0, Some(keep), kept.cast(), &mut count)))?;
        Ok((findings, count))
    }

    /// How long a backup is.
    pub fn backup_len(&self) -> Told<u64> {
        let mut sum = 0u64;
        let len: *mut u64 = &mut sum;
        told(call!(bolt_backup_write(self.0, Some(measure), len.cast(), null_mut())))?;
        Ok(sum)
    }

    /// A backup to a file.
    pub fn backup(&self, path: &Path) -> Told {
        let path = name_of(path)?;
        told(call!(bolt_backup(self.0, path.as_ptr(), 0, BOLT_REPLACE, None, null_mut(), null_mut())))
    }

    /// A backup to an open file.
    pub fn backup_fd(&self, file: &File) -> Told {
        told(call!(bolt_backup_fd(self.0, file.as_raw_fd(), None, null_mut(), null_mut())))
    }

    /// What is known about it.
    pub fn tell(&self) -> Told<bolt_txn_info> {
        let mut info = bolt_txn_info::empty();
        told(call!(bolt_txn_info_get(self.0, &mut info))).map(|()| info)
    }

    /// What a page is.
    pub fn page_kind(&self, id: u64) -> Told<Option<u32>> {
        let mut info = bolt_page_info::empty();
        let code = call!(bolt_page_info_get(self.0, id, &mut info));
        found(code, info.kind)
    }

    /// A point to come back to.
    pub fn savepoint(&self) -> Told<u64> {
        let mut savepoint = 0;
        told(call!(bolt_savepoint(self.0, &mut savepoint))).map(|()| savepoint)
    }

    /// Goes back to it.
    pub fn rollback_to(&self, savepoint: u64) -> Told {
        told(call!(bolt_savepoint_rollback(self.0, savepoint)))
    }

    /// Forgets it.
    pub fn release(&self, savepoint: u64) -> Told {
        told(call!(bolt_savepoint_release(self.0, savepoint)))
    }
}

#[cfg(test)]
mod tests {
    /// They look at no file.
    const OTHERS: [&str; 3] = ["bolt_version", "bolt_version_check", "bolt_version_string"];

    #[test]
    fn every_function_of_the_header_is_used_on_damaged_files() {
        let sources =
            [include_str!("mod.rs"), include_str!("entries.rs"), include_str!("managed.rs")].concat();
        // A function is used where it is called, or given to who calls it.
        let is_used =
            |name: &str| sources.contains(&format!("{name}(")) || sources.contains(&format!("::{name},"));
        let symbols = include_str!("../../../abi/libbolt.symbols");
        let names = symbols.lines().filter_map(|line| line.split_whitespace().next());
        let names: Vec<_> = names.filter(|name| name.starts_with("bolt_")).collect();
        assert!(names.len() > 50, "{names:?}");
        let unused: Vec<_> = names.iter().filter(|name| !is_used(name) && !OTHERS.contains(name)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }
}
