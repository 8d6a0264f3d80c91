//! The options of a database: the struct, and the numbers by which callers without its layout set them.
#![expect(unsafe_code, reason = "the options lie in a caller's struct")]

use std::ffi::c_int;
use std::time::Duration;

use super::boundary::{self, Growing, guard};
use super::error::BOLT_OK;
use crate::error::{Error, Result};
use crate::{Db, FreelistMode, Options};

/// A time that never passes, in place of milliseconds.
pub const BOLT_FOREVER: u64 = u64::MAX;

/// A flag of bolt_options: open for reading only. Other processes may read the file at the same time; none
/// may write.
pub const BOLT_OPEN_READONLY: u32 = 1;
/// A flag of bolt_options: commits do not wait for the disk. A crash of the machine may then lose or damage
/// the database; a crash of the program may not. bolt_sync makes durable what was committed so far.
pub const BOLT_OPEN_NOSYNC: u32 = 2;
/// A flag of bolt_options: decide everything as Go's bbolt does (splits, merges, allocation, the freelist
/// with each commit), so that the same writes give the same bytes. Files are compatible without it, too.
pub const BOLT_OPEN_BBOLT_RULES: u32 = 4;
/// A flag of bolt_options: Go's NoGrowSync. It is accepted and changes nothing: here the growth of the file
/// has no sync of its own; the sync of the commit covers it.
pub const BOLT_OPEN_NOGROWSYNC: u32 = 8;
/// A flag of bolt_options: load the list of free pages at once instead of with the first write transaction.
/// A damaged list then fails the opening; and in a database that is open for reading only,
/// bolt_page_info_get needs it.
pub const BOLT_OPEN_PRELOAD_FREELIST: u32 = 16;
/// A flag of bolt_options: read the file into memory when it is opened.
pub const BOLT_OPEN_POPULATE: u32 = 32;
/// A flag of bolt_options: lock the file's bytes in memory, so that none is ever read from the disk again.
/// Opening, and a commit that makes the file longer, fail with ENOMEM or EPERM where the system's limit
/// (RLIMIT_MEMLOCK) forbids it.
pub const BOLT_OPEN_MLOCK: u32 = 64;
/// A flag of bolt_options: each commit checks the whole new state as bolt_check does before it becomes the
/// newest one. Where it is not sound the commit fails with BOLT_CORRUPT, and nothing is committed. Slow.
pub const BOLT_OPEN_STRICT: u32 = 128;

/// A flag of bolt_options: do without a map of the file, for those who cannot have a signal. With a map,
/// another process that shortens the file, or a disk that fails beneath it, ends the program by SIGBUS;
/// without it the call answers BOLT_TRUNCATED or EIO. All promises are the same: bytes that were given out
/// stay valid and unchanged until the transaction ends or is reset. Their pages are kept for that long; pages
/// that were only passed, and all of bolt_get_copy, bolt_cursor_next_packed, bolt_check and the like, are
/// kept up to BOLT_OPT_CACHE_LEN. Reads cost a system call where the page is not kept. BOLT_OPEN_POPULATE,
/// initial_map_len and bolt_advise do nothing then; BOLT_OPEN_MLOCK is refused as BOLT_ARGUMENT.
pub const BOLT_OPEN_NOMAP: u32 = 256;

/// All of them.
const FLAGS: u32 = 2 * BOLT_OPEN_NOMAP - 1;

/// A freelist mode: with each commit while the list fits one page, else when the database is closed. The
/// default.
pub const BOLT_FREELIST_AUTOMATIC: u32 = 0;
/// A freelist mode: with each commit, as Go's bbolt does. Commits become slow when very many pages are free.
pub const BOLT_FREELIST_EACH_COMMIT: u32 = 1;
/// A freelist mode: when the database is closed.
pub const BOLT_FREELIST_AT_CLOSE: u32 = 2;
/// A freelist mode: never (Go: NoFreelistSync). The first write transaction after an opening then looks for
/// the free pages.
pub const BOLT_FREELIST_NEVER: u32 = 3;

/// A freelist type, Go's "array", the default. The types are accepted and change nothing: libbolt has one
/// freelist, which takes the lowest pages that fit as "array" does, and is as fast as "hashmap".
pub const BOLT_FREELIST_ARRAY: u32 = 0;
/// A freelist type, Go's "hashmap".
pub const BOLT_FREELIST_HASHMAP: u32 = 1;

/// The page size of a new file in bytes: a power of two from 1024 to 65536; 0: the operating system's page
/// size.
pub const BOLT_OPT_PAGE_SIZE: u32 = 1;
/// 1: open for reading only (BOLT_OPEN_READONLY); 0: for writing, the default.
pub const BOLT_OPT_READONLY: u32 = 2;
/// The permission bits of a new file, less the process's umask; 0600 is the default.
pub const BOLT_OPT_FILE_MODE: u32 = 3;
/// How long to wait for the file's lock, in milliseconds; 0: try once; BOLT_FOREVER: the default.
pub const BOLT_OPT_LOCK_TIMEOUT: u32 = 4;
/// How many bytes of address space to map at least at first; 0: as the file's length asks, the default.
pub const BOLT_OPT_INITIAL_MAP_LEN: u32 = 5;
/// 1: commits do not wait for the disk (BOLT_OPEN_NOSYNC); 0: they do, the default. May change after open.
pub const BOLT_OPT_NOSYNC: u32 = 6;
/// When the list of free pages is written: a BOLT_FREELIST_ mode. May change after open.
pub const BOLT_OPT_FREELIST_MODE: u32 = 7;
/// How full pages are left when they are split, in percent, 10 to 100; 0: libbolt's own rule, the default.
/// May change after open.
pub const BOLT_OPT_FILL_PERCENT: u32 = 8;
/// 1: decide everything as Go's bbolt does (BOLT_OPEN_BBOLT_RULES); 0: the default.
pub const BOLT_OPT_BBOLT_RULES: u32 = 9;
/// The length in bytes that the file must not outgrow; 0: none, the default. May change after open.
pub const BOLT_OPT_MAX_LEN: u32 = 10;
/// 1: BOLT_OPEN_NOGROWSYNC; 0: the default. May change after open.
pub const BOLT_OPT_NOGROWSYNC: u32 = 11;
/// 1: load the list of free pages at once (BOLT_OPEN_PRELOAD_FREELIST); 0: the default.
pub const BOLT_OPT_PRELOAD_FREELIST: u32 = 12;
/// 1: read the file into memory (BOLT_OPEN_POPULATE); 0: the default.
pub const BOLT_OPT_POPULATE: u32 = 13;
/// 1: lock the file's bytes in memory (BOLT_OPEN_MLOCK); 0: the default.
pub const BOLT_OPT_MLOCK: u32 = 14;
/// 1: check each commit (BOLT_OPEN_STRICT); 0: the default. May change after open.
pub const BOLT_OPT_STRICT: u32 = 15;
/// BOLT_FREELIST_ARRAY or BOLT_FREELIST_HASHMAP. May change after open.
pub const BOLT_OPT_FREELIST_TYPE: u32 = 16;
/// How many bytes more than it needs the file may grow by, so that growth is rare; 16 MiB is the default; 0:
/// not a page more. May change after open.
pub const BOLT_OPT_ALLOC_LEN: u32 = 17;
/// The most calls of bolt_batch_update and bolt_batch_commit that share a commit, at least 1; 1000 is the
/// default. May change after open.
pub const BOLT_OPT_BATCH_LEN: u32 = 18;
/// 1: do without a map of the file (BOLT_OPEN_NOMAP); 0: the default.
pub const BOLT_OPT_NOMAP: u32 = 19;
/// With BOLT_OPEN_NOMAP: how many bytes of memory may keep pages that no transaction needs; 64 MiB is the
/// default; 0: none.
pub const BOLT_OPT_CACHE_LEN: u32 = 20;
/// With BOLT_OPEN_NOMAP: how many bytes of memory all transactions together may keep for pages whose bytes
/// they gave out, or that a write transaction has changed; 1 GiB is the default; 0: without a limit. A call
/// that would pass it fails with ENOMEM and changes nothing; the transaction goes on, and ending or resetting
/// any makes room. An eighth of it is left to commits, which need the pages above those that were changed,
/// and the neighbours of those that became too small; one that needs more fails with ENOMEM and is rolled
/// back.
pub const BOLT_OPT_LENT_LEN: u32 = 21;

/// How a database is opened. Fill it with bolt_options_init first, then change what you like.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_options {
    /// The length of this struct in bytes, set by bolt_options_init.
    pub struct_size: usize,
    /// BOLT_OPEN_ flags, or 0.
    pub flags: u32,
    /// See BOLT_OPT_PAGE_SIZE.
    pub page_size: u32,
    /// See BOLT_OPT_FILE_MODE.
    pub file_mode: u32,
    /// See BOLT_OPT_FREELIST_MODE.
    pub freelist_mode: u32,
    /// See BOLT_OPT_FILL_PERCENT.
    pub fill_percent: u32,
    /// See BOLT_OPT_FREELIST_TYPE.
    pub freelist_type: u32,
    /// See BOLT_OPT_LOCK_TIMEOUT; milliseconds.
    pub lock_timeout_ms: u64,
    /// See BOLT_OPT_INITIAL_MAP_LEN; bytes.
    pub initial_map_len: u64,
    /// See BOLT_OPT_MAX_LEN; bytes.
    pub max_len: u64,
    /// See BOLT_OPT_ALLOC_LEN; bytes.
    pub alloc_len: u64,
    /// See BOLT_OPT_BATCH_LEN.
    pub batch_len: u64,
    /// See BOLT_OPT_CACHE_LEN; bytes.
    pub cache_len: u64,
    /// See BOLT_OPT_LENT_LEN; bytes.
    pub lent_len: u64,
}

// SAFETY: repr(C), the size first, numbers alone; on 64-bit machines each begins where the one before ends,
// on 32-bit ones the six of 32 bits between the size and the first of 64 leave at most 4 bytes, which every
// build has alike.
unsafe impl Growing for bolt_options {
    const RELEASED: &'static [usize] = &[size_of::<bolt_options>()];
}

/// What opens a database when the caller says nothing.
const DEFAULT: bolt_options = bolt_options {
    struct_size: size_of::<bolt_options>(),
    flags: 0,
    page_size: 0,
    file_mode: 0o600,
    freelist_mode: BOLT_FREELIST_AUTOMATIC,
    fill_percent: 0,
    freelist_type: BOLT_FREELIST_ARRAY,
    lock_timeout_ms: BOLT_FOREVER,
    initial_map_len: 0,
    max_len: 0,
    alloc_len: 16 << 20,
    batch_len: 1000,
    cache_len: 64 << 20,
    lent_len: 1 << 30,
};

/// Sets all options to their defaults.
///
/// @param options The struct to fill.
/// @param struct_size sizeof(bolt_options). A caller without the layout may give a zeroed or unset buffer of
///     512 bytes, say 512 here, and set options by number with bolt_options_set.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL or a size that the struct never had and that is not larger than
///     ours. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_options_init(options: *mut bolt_options, struct_size: usize) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: NULL, or `struct_size` bytes.
        unsafe { boundary::fill_struct(options, struct_size, &DEFAULT) }?;
        Ok(BOLT_OK)
    })
}

/// Sets one option by its number, for languages that do not know the struct's layout.
///
/// @param options A struct that bolt_options_init has filled.
/// @param option One of the BOLT_OPT_ numbers.
/// @param value Its value, in the unit that its number's description names.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL, an unknown option, or a value that the option cannot have;
///     nothing is changed then. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_options_set(options: *mut bolt_options, option: u32, value: u64) -> c_int {
    guard(|| {
        if options.is_null() {
            return Err(Error::Argument("NULL in place of options").into());
        }
        // SAFETY: not NULL, and by the conventions of the header filled by bolt_options_init.
        let mut changed = unsafe { boundary::read_struct(options, DEFAULT) }?;
        set(&mut changed, option, value)?;
        // SAFETY: as above.
        unsafe { boundary::write_struct(options, &changed) }?;
        Ok(BOLT_OK)
    })
}

/// The options of a caller, who may have given none.
///
/// # Safety
///
/// `options` is NULL or points to a struct that begins with its size.
pub unsafe fn read(options: *const bolt_options) -> Result<Options> {
    // SAFETY: the caller's promise.
    let given = unsafe { boundary::read_struct(options, DEFAULT) }?;
    if given.flags & !FLAGS != 0 {
        return Err(Error::Argument(
            "an unknown flag in the options; one of a newer bolt.h needs a newer libbolt",
        ));
    }
    freelist_type(u64::from(given.freelist_type))?;
    let has = |flag| given.flags & flag != 0;
    Ok(Options {
        page_size: page_size(u64::from(given.page_size))?,
        read_only: has(BOLT_OPEN_READONLY),
        file_mode: file_mode(u64::from(given.file_mode))?,
        lock_timeout: (given.lock_timeout_ms != BOLT_FOREVER)
            .then(|| Duration::from_millis(given.lock_timeout_ms)),
        initial_map_len: given.initial_map_len,
        no_sync: has(BOLT_OPEN_NOSYNC),
        freelist_mode: freelist_mode(u64::from(given.freelist_mode))?,
        fill_percent: fill_percent(u64::from(given.fill_percent))?,
        bbolt_rules: has(BOLT_OPEN_BBOLT_RULES),
        max_len: given.max_len,
        room_max: given.alloc_len,
        no_map: has(BOLT_OPEN_NOMAP),
        cache_len: given.cache_len,
        lent_len: given.lent_len,
        populate: has(BOLT_OPEN_POPULATE),
        lock_memory: has(BOLT_OPEN_MLOCK),
        load_free_pages: has(BOLT_OPEN_PRELOAD_FREELIST),
        strict: has(BOLT_OPEN_STRICT),
        max_batch_len: batch_len(given.batch_len)?,
    })
}

/// Changes an option of an open database.
pub fn change(db: &Db, option: u32, value: u64) -> Result<()> {
    match option {
        BOLT_OPT_NOSYNC => db.set_no_sync(switch(value)?),
        BOLT_OPT_FREELIST_MODE => db.set_freelist_mode(freelist_mode(value)?),
        BOLT_OPT_FILL_PERCENT => db.set_fill_percent(fill_percent(value)?)?,
        BOLT_OPT_MAX_LEN => db.set_max_len(value),
        BOLT_OPT_NOGROWSYNC => drop(switch(value)?),
        BOLT_OPT_STRICT => db.set_strict(switch(value)?),
        BOLT_OPT_FREELIST_TYPE => freelist_type(value)?,
        BOLT_OPT_ALLOC_LEN => db.set_room_max(value),
        BOLT_OPT_BATCH_LEN => db.set_max_batch_len(batch_len(value)?),
        BOLT_OPT_PAGE_SIZE..=BOLT_OPT_LENT_LEN => {
            return Err(Error::Argument("the option can only be set before the database is opened"));
        }
        _ => return Err(Error::Argument("an unknown option")),
    }
    Ok(())
}

fn set(options: &mut bolt_options, option: u32, value: u64) -> Result<()> {
    let too_large = |_| Error::Argument("the option's value is out of range");
    match option {
        BOLT_OPT_PAGE_SIZE => options.page_size = page_size(value)?,
        BOLT_OPT_READONLY => set_flag(options, BOLT_OPEN_READONLY, value)?,
        BOLT_OPT_FILE_MODE => options.file_mode = file_mode(value)?,
        BOLT_OPT_LOCK_TIMEOUT => options.lock_timeout_ms = value,
        BOLT_OPT_INITIAL_MAP_LEN => options.initial_map_len = value,
        BOLT_OPT_NOSYNC => set_flag(options, BOLT_OPEN_NOSYNC, value)?,
        BOLT_OPT_FREELIST_MODE => {
            freelist_mode(value)?;
            options.freelist_mode = u32::try_from(value).map_err(too_large)?;
        }
        BOLT_OPT_FILL_PERCENT => {
            fill_percent(value)?;
            options.fill_percent = u32::try_from(value).map_err(too_large)?;
        }
        BOLT_OPT_BBOLT_RULES => set_flag(options, BOLT_OPEN_BBOLT_RULES, value)?,
        BOLT_OPT_MAX_LEN => options.max_len = value,
        BOLT_OPT_NOGROWSYNC => set_flag(options, BOLT_OPEN_NOGROWSYNC, value)?,
        BOLT_OPT_PRELOAD_FREELIST => set_flag(options, BOLT_OPEN_PRELOAD_FREELIST, value)?,
        BOLT_OPT_POPULATE => set_flag(options, BOLT_OPEN_POPULATE, value)?,
        BOLT_OPT_MLOCK => set_flag(options, BOLT_OPEN_MLOCK, value)?,
        BOLT_OPT_STRICT => set_flag(options, BOLT_OPEN_STRICT, value)?,
        BOLT_OPT_FREELIST_TYPE => {
            freelist_type(value)?;
            options.freelist_type = u32::try_from(value).map_err(too_large)?;
        }
        BOLT_OPT_ALLOC_LEN => options.alloc_len = value,
        BOLT_OPT_BATCH_LEN => {
            batch_len(value)?;
            options.batch_len = value;
        }
        BOLT_OPT_NOMAP => set_flag(options, BOLT_OPEN_NOMAP, value)?,
        BOLT_OPT_CACHE_LEN => options.cache_len = value,
        BOLT_OPT_LENT_LEN => options.lent_len = value,
        _ => return Err(Error::Argument("an unknown option")),
    }
    Ok(())
}

fn set_flag(options: &mut bolt_options, flag: u32, value: u64) -> Result<()> {
    if switch(value)? {
        options.flags |= flag;
    } else {
        options.flags &= !flag;
    }
    Ok(())
}

fn switch(value: u64) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Argument("the option is either 0 or 1")),
    }
}

fn page_size(value: u64) -> Result<u32> {
    match u32::try_from(value) {
        Ok(0) => Ok(0),
        Ok(size @ 1024..=65536) if size.is_power_of_two() => Ok(size),
        _ => Err(Error::Argument("the page size is a power of two from 1024 to 65536, or 0")),
    }
}

/// Permission bits.
pub fn file_mode(value: u64) -> Result<u32> {
    match u32::try_from(value) {
        Ok(mode @ 0..=0o7777) => Ok(mode),
        _ => Err(Error::Argument("the file mode has bits that are no permissions")),
    }
}

fn freelist_mode(value: u64) -> Result<FreelistMode> {
    match u32::try_from(value) {
        Ok(BOLT_FREELIST_AUTOMATIC) => Ok(FreelistMode::Automatic),
        Ok(BOLT_FREELIST_EACH_COMMIT) => Ok(FreelistMode::EachCommit),
        Ok(BOLT_FREELIST_AT_CLOSE) => Ok(FreelistMode::AtClose),
        Ok(BOLT_FREELIST_NEVER) => Ok(FreelistMode::Never),
        _ => Err(Error::Argument("an unknown freelist mode")),
    }
}

fn freelist_type(value: u64) -> Result<()> {
    match u32::try_from(value) {
        Ok(BOLT_FREELIST_ARRAY | BOLT_FREELIST_HASHMAP) => Ok(()),
        _ => Err(Error::Argument("an unknown freelist type")),
    }
}

fn batch_len(value: u64) -> Result<usize> {
    match usize::try_from(value) {
        Ok(len @ 1..) => Ok(len),
        _ => Err(Error::Argument("at least one call must have room in a commit")),
    }
}

fn fill_percent(value: u64) -> Result<Option<f64>> {
    match u32::try_from(value) {
        Ok(0) => Ok(None),
        Ok(percent @ 10..=100) => Ok(Some(f64::from(percent) / 100.0)),
        _ => Err(Error::Argument("the fill percent is 10 to 100, or 0 for libbolt's own rule")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &bolt_options) -> Result<Options> {
        // SAFETY: the size in the struct is its own.
        unsafe { read(options) }
    }

    #[test]
    fn no_options_and_the_default_ones_are_the_engine_s_own() {
        let engine = format!("{:?}", Options::default());
        // SAFETY: NULL is allowed.
        assert_eq!(format!("{:?}", unsafe { read(std::ptr::null()) }.unwrap()), engine);
        assert_eq!(format!("{:?}", given(&DEFAULT).unwrap()), engine);
    }

    #[test]
    fn each_option_set_by_number_reaches_the_engine() {
        let mut options = DEFAULT;
        let values = [
            (BOLT_OPT_PAGE_SIZE, 2048),
            (BOLT_OPT_READONLY, 1),
            (BOLT_OPT_FILE_MODE, 0o640),
            (BOLT_OPT_LOCK_TIMEOUT, 250),
            (BOLT_OPT_INITIAL_MAP_LEN, 1 << 20),
            (BOLT_OPT_NOSYNC, 1),
            (BOLT_OPT_FREELIST_MODE, u64::from(BOLT_FREELIST_NEVER)),
            (BOLT_OPT_FILL_PERCENT, 75),
            (BOLT_OPT_BBOLT_RULES, 1),
            (BOLT_OPT_MAX_LEN, 1 << 40),
            (BOLT_OPT_NOGROWSYNC, 1),
            (BOLT_OPT_PRELOAD_FREELIST, 1),
            (BOLT_OPT_POPULATE, 1),
            (BOLT_OPT_MLOCK, 1),
            (BOLT_OPT_STRICT, 1),
            (BOLT_OPT_FREELIST_TYPE, u64::from(BOLT_FREELIST_HASHMAP)),
            (BOLT_OPT_ALLOC_LEN, 1 << 21),
            (BOLT_OPT_BATCH_LEN, 7),
            (BOLT_OPT_NOMAP, 1),
            (BOLT_OPT_CACHE_LEN, 8),
            (BOLT_OPT_LENT_LEN, 9),
        ];
        for (option, value) in values {
            set(&mut options, option, value).unwrap();
        }
        let engine = given(&options).unwrap();
        assert_eq!((engine.page_size, engine.read_only, engine.file_mode), (2048, true, 0o640));
        assert_eq!(engine.lock_timeout, Some(Duration::from_millis(250)));
        assert_eq!((engine.initial_map_len, engine.no_sync), (1 << 20, true));
        assert_eq!(engine.fill_percent, Some(0.75));
        assert!(matches!(engine.freelist_mode, FreelistMode::Never));
        assert_eq!((engine.bbolt_rules, engine.max_len), (true, 1 << 40));
        assert!(engine.load_free_pages && engine.populate && engine.lock_memory && engine.strict);
        assert_eq!((engine.room_max, engine.max_batch_len), (1 << 21, 7));
        assert_eq!((engine.no_map, engine.cache_len, engine.lent_len), (true, 8, 9));
        assert_eq!((options.flags, options.freelist_type), (FLAGS, BOLT_FREELIST_HASHMAP));
        for (option, _) in values.into_iter().filter(|(option, _)| *option != BOLT_OPT_BATCH_LEN) {
            set(&mut options, option, 0).unwrap();
        }
        assert!(set(&mut options, BOLT_OPT_BATCH_LEN, 0).is_err());
        assert_eq!((options.flags, given(&options).unwrap().room_max), (0, 0));
        let engine = given(&options).unwrap();
        assert_eq!((engine.read_only, engine.no_sync, engine.bbolt_rules), (false, false, false));
        assert_eq!((engine.lock_timeout, engine.fill_percent), (Some(Duration::ZERO), None));
    }

    #[test]
    fn the_struct_has_no_gaps() {
        assert_eq!(std::mem::offset_of!(bolt_options, flags), size_of::<usize>());
        #[cfg(target_pointer_width = "64")]
        assert_eq!(size_of::<bolt_options>(), 8 + 6 * 4 + 7 * 8);
    }
}
