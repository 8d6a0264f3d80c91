//! What a database does and takes: statistics, open readers, pages, and what it has to say.
#![expect(unsafe_code, reason = "handles, functions and out-parameters are pointers")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use super::boundary::{self, Growing, guard, write};
use super::callback::{Context, c_text, tell};
use super::db::{BOLT_NO_COUNT, DbCall, bolt_db};
use super::error::{BOLT_NOTFOUND, BOLT_OK};
use super::txn::{TxnCall, bolt_txn};
use crate::db::DbStats;
use crate::error::Error;
use crate::txn::{Level, Listener, PageInfo, PageKind, ReaderInfo, SlowReaderListener};

/// A flag of bolt_stats: ask the kernel how much of the file is in memory, which takes it a look at each
/// page.
pub const BOLT_STATS_RESIDENT: u32 = 1;

/// What a database has done since it was opened, and what it takes now. Names in parentheses are those of
/// Go's bbolt. Sums take up what a transaction has counted when it ends; times are in nanoseconds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_db_stats {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_db_stats).
    pub struct_size: usize,
    /// The number of pages that may be used again, as the last write transaction saw it (FreePageN), or
    /// BOLT_NO_COUNT before the first one.
    pub free_page_count: u64,
    /// The number of pages that wait until nobody sees them (PendingPageN), or BOLT_NO_COUNT.
    pub pending_page_count: u64,
    /// The length of both in bytes (FreeAlloc), or BOLT_NO_COUNT.
    pub free_len: u64,
    /// The bytes that a list of both takes in the file (FreelistInuse), or BOLT_NO_COUNT.
    pub freelist_len: u64,
    /// Read transactions begun (TxN).
    pub read_txn_count: u64,
    /// Those of them that are open (OpenTxN).
    pub open_read_txn_count: u64,
    /// Commits that wrote something.
    pub commit_count: u64,
    /// Pages given out by commits (PageCount).
    pub page_count: u64,
    /// Their length in bytes (PageAlloc).
    pub page_len: u64,
    /// Cursors opened (CursorCount).
    pub cursor_count: u64,
    /// Pages changed in memory (NodeCount).
    pub node_count: u64,
    /// Always 0 (NodeDeref): Go's bbolt copies what a transaction uses out of the map before it maps the file
    /// anew; here the old map stays as long as anybody uses it.
    pub node_deref_count: u64,
    /// Pages looked at because keys were deleted from them (Rebalance).
    pub rebalance_count: u64,
    /// The time that took, and merging them (RebalanceTime).
    pub rebalance_ns: u64,
    /// Cuts of pages in two (Split).
    pub split_count: u64,
    /// Changed pages made ready to be written (Spill).
    pub spill_count: u64,
    /// The time that took (SpillTime).
    pub spill_ns: u64,
    /// Writes to the file (Write).
    pub write_count: u64,
    /// The time that took, with the waits for the disk (WriteTime): the sum of the next three.
    pub write_ns: u64,
    /// Growing the file, and writing pages.
    pub data_write_ns: u64,
    /// Waiting until they were on the disk.
    pub data_sync_ns: u64,
    /// Writing the meta page, and waiting until it was on the disk.
    pub meta_ns: u64,
    /// The id of the oldest snapshot that an open read transaction sees, or 0 where none is open.
    pub oldest_reader_txn_id: u64,
    /// How long that transaction has been open, in milliseconds.
    pub oldest_reader_age_ms: u64,
    /// The bytes of the pages that cannot be used again because of read transactions.
    pub held_len: u64,
    /// The bytes of address space that the file's map takes.
    pub mapped_len: u64,
    /// With BOLT_STATS_RESIDENT the bytes of the file that are in memory: the kernel's, which it takes back
    /// when it needs them, although they count as the process's. Otherwise BOLT_NO_COUNT.
    pub resident_len: u64,
    /// The bytes of the process's own memory that the database takes, without its open transactions; of a
    /// database in memory the file, too.
    pub private_len: u64,
    /// Those of them that keep pages which were read without a map (BOLT_OPT_CACHE_LEN).
    pub cached_len: u64,
    /// The bytes of memory in which open transactions keep pages that were read without a map
    /// (BOLT_OPT_LENT_LEN).
    pub lent_len: u64,
}

// SAFETY: repr(C), the size first, numbers alone; where the size has 32 bits, it is followed by 4 bytes of
// padding or none.
unsafe impl Growing for bolt_db_stats {
    const RELEASED: &'static [usize] = &[size_of::<bolt_db_stats>()];
}

/// The statistics of a database.
///
/// To learn what happened between two moments, subtract the sums of the first from those of the second.
///
/// @param db The database.
/// @param flags BOLT_STATS_RESIDENT or 0.
/// @param stats Filled; its struct_size must be set.
/// @return BOLT_OK; BOLT_ARGUMENT for NULL, an impossible struct_size or an unknown flag; BOLT_BADHANDLE;
///     BOLT_FORKED; an errno. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_stats(db: *mut bolt_db, flags: u32, stats: *mut bolt_db_stats) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        if flags & !BOLT_STATS_RESIDENT != 0 {
            return Err(call.failure(Error::Argument("an unknown flag of the statistics")));
        }
        let told = call.db.stats(flags & BOLT_STATS_RESIDENT != 0).map_err(|error| call.failure(error))?;
        // SAFETY: the conventions of the header: NULL, or a struct with its size set.
        unsafe { boundary::write_struct(stats, &told.into()) }.map_err(|error| call.failure(error))?;
        Ok(BOLT_OK)
    })
}

impl From<DbStats> for bolt_db_stats {
    fn from(stats: DbStats) -> bolt_db_stats {
        let (txns, free, oldest) = (stats.txns, stats.free, stats.oldest_reader);
        let counted = |count: Option<u64>| count.unwrap_or(BOLT_NO_COUNT);
        let pages = free.map(|free| free.free_page_count + free.pending_page_count);
        bolt_db_stats {
            struct_size: size_of::<bolt_db_stats>(),
            free_page_count: counted(free.map(|free| free.free_page_count)),
            pending_page_count: counted(free.map(|free| free.pending_page_count)),
            free_len: counted(pages.map(|count| count * u64::from(stats.page_size))),
            freelist_len: counted(free.map(|free| free.list_len)),
            read_txn_count: stats.read_txn_count,
            open_read_txn_count: stats.open_read_txn_count,
            commit_count: stats.commit_count,
            page_count: txns.page_count,
            page_len: txns.page_len,
            cursor_count: txns.cursor_count,
            node_count: txns.node_count,
            node_deref_count: 0,
            rebalance_count: txns.rebalance_count,
            rebalance_ns: txns.rebalance_time,
            split_count: txns.split_count,
            spill_count: txns.spill_count,
            spill_ns: txns.spill_time,
            write_count: txns.write_count,
            write_ns: txns.write_time + txns.sync_time + txns.meta_time,
            data_write_ns: txns.write_time,
            data_sync_ns: txns.sync_time,
            meta_ns: txns.meta_time,
            oldest_reader_txn_id: oldest.map_or(0, |reader| reader.txid),
            oldest_reader_age_ms: oldest.map_or(0, |reader| millis(reader.age)),
            held_len: oldest.map_or(0, |reader| reader.held_len),
            mapped_len: stats.mapped_len,
            resident_len: counted(stats.resident_len),
            private_len: stats.private_len,
            cached_len: stats.cached_len,
            lent_len: stats.lent_len,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An open read transaction. The struct never grows, since callers have arrays of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct bolt_reader_info {
    /// The id of the transaction whose commit it sees.
    pub txn_id: u64,
    /// How long it has been open, in milliseconds, to within about 10.
    pub age_ms: u64,
    /// The bytes of the pages that were freed since, and cannot be used again as long as it is open. Those that
    /// the last commit freed wait for another commit in any case, and do not count.
    pub held_len: u64,
    /// 0.
    pub reserved: u64,
}

impl From<ReaderInfo> for bolt_reader_info {
    fn from(reader: ReaderInfo) -> bolt_reader_info {
        let ReaderInfo { txid: txn_id, age, held_len } = reader;
        bolt_reader_info { txn_id, age_ms: millis(age), held_len, reserved: 0 }
    }
}

/// The open read transactions, oldest first.
///
/// @param db The database.
/// @param readers Room for cap of them; NULL where cap is 0.
/// @param cap How many fit there.
/// @param n How many there are: if it is more than cap, the first cap were given.
/// @return BOLT_OK; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_readers(
    db: *mut bolt_db,
    readers: *mut bolt_reader_info,
    cap: usize,
    n: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        if readers.is_null() && cap != 0 {
            return Err(call.failure(Error::Argument("NULL in place of room for readers")));
        }
        let open = call.db.readers().map_err(|error| call.failure(error))?;
        for (index, reader) in open.iter().take(cap).enumerate() {
            // SAFETY: the caller has room for `cap` of them, and `index` is less.
            let place = unsafe { readers.add(index) };
            // SAFETY: as above, and it is not NULL.
            unsafe { write(place, bolt_reader_info::from(*reader)) };
        }
        // SAFETY: the conventions of the header: NULL, or a place for the number.
        unsafe { write(n, open.len()) };
        Ok(BOLT_OK)
    })
}

/// What bolt_set_slow_reader lets be called.
///
/// @param ctx What bolt_set_slow_reader was given.
/// @param reader The read transaction, valid until the function returns.
pub type bolt_slow_reader_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, reader: *const bolt_reader_info)>;

/// Asks to be told of read transactions that stay open for long: as long as one is open, the pages that were
/// in use when it began are not used again, and the file grows.
///
/// At the end of each commit, and of each rollback of a write transaction, the function is called for every
/// read transaction that has been open so long and was not told of before; by the thread that commits, which
/// holds nothing then: the function may use the database as it likes.
///
/// @param db The database.
/// @param limit_ms How long a read transaction may be open, in milliseconds.
/// @param fn The function, in place of the one before; it may be called by any thread, and by several at
///     once. NULL: none; a call of the one before may still be under way on another thread.
/// @param ctx Given to the function.
/// @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_set_slow_reader(
    db: *mut bolt_db,
    limit_ms: u64,
    r#fn: bolt_slow_reader_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let context = Context(ctx);
        let listener = r#fn.map(|function| {
            let listener: Arc<SlowReaderListener> = Arc::new(move |reader: &ReaderInfo| {
                let (context, told) = (context, bolt_reader_info::from(*reader));
                // SAFETY: the conventions of the header: a function of this type, and its context.
                tell(|| unsafe { function(context.0, &raw const told) });
            });
            listener
        });
        call.db.set_slow_reader_listener(Duration::from_millis(limit_ms), listener);
        Ok(BOLT_OK)
    })
}

/// A level of bolt_set_log: something failed that concerns more than one call.
pub const BOLT_LOG_ERROR: i32 = 1;
/// A level: something is not as it should be, and was got over, such as a damaged meta page.
pub const BOLT_LOG_WARNING: i32 = 2;
/// A level: what happens seldom, such as opening and closing.
pub const BOLT_LOG_INFO: i32 = 3;
/// A level: what happens often, such as commits, with their times.
pub const BOLT_LOG_DEBUG: i32 = 4;

/// What bolt_set_log lets be called.
///
/// @param ctx What bolt_set_log was given.
/// @param level A BOLT_LOG_ level.
/// @param text A sentence or two in UTF-8, ended by a zero; valid until the function returns.
pub type bolt_log_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, level: i32, text: *const c_char)>;

/// Lets a function hear what the database has to say.
///
/// It is called by the thread that has something to say, when that holds nothing any more: at the end of
/// bolt_commit, for example. What was to be said when the database was opened is kept for the first function
/// that is set.
///
/// @param db The database.
/// @param level The least important level that is wanted.
/// @param fn The function, in place of the one before; it may be called by any thread, and by several at
///     once. NULL: none; a call of the one before may still be under way on another thread. A database that
///     is never given a function says nothing.
/// @param ctx Given to the function.
/// @return BOLT_OK; BOLT_ARGUMENT for an unknown level; BOLT_BADHANDLE; BOLT_FORKED. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_set_log(
    db: *mut bolt_db,
    level: i32,
    r#fn: bolt_log_fn,
    ctx: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle that came from this library.
        let call = unsafe { DbCall::begin(db) }?;
        let limit = match level {
            BOLT_LOG_ERROR => Level::Error,
            BOLT_LOG_WARNING => Level::Warning,
            BOLT_LOG_INFO => Level::Info,
            BOLT_LOG_DEBUG => Level::Debug,
            _ => return Err(call.failure(Error::Argument("an unknown level of the log"))),
        };
        let context = Context(ctx);
        let listener = r#fn.map(|function| {
            let listener: Arc<Listener> = Arc::new(move |level: Level, text: &str| {
                let (context, text) = (context, c_text(text));
                // SAFETY: the conventions of the header: a function of this type, and its context.
                tell(|| unsafe { function(context.0, level as i32, text.as_ptr()) });
            });
            listener
        });
        call.db.set_log(limit, listener);
        Ok(BOLT_OK)
    })
}

/// A kind of page: its header says nothing. It is the inside of a run of pages, or damage.
pub const BOLT_PAGE_UNKNOWN: u32 = 0;
/// A kind of page: it may be used again, now or once nobody sees it.
pub const BOLT_PAGE_FREE: u32 = 1;
/// A kind of page: a branch of a bucket's tree.
pub const BOLT_PAGE_BRANCH: u32 = 2;
/// A kind of page: a leaf of a bucket's tree.
pub const BOLT_PAGE_LEAF: u32 = 3;
/// A kind of page: one of the two meta pages.
pub const BOLT_PAGE_META: u32 = 4;
/// A kind of page: the list of free pages.
pub const BOLT_PAGE_FREELIST: u32 = 5;

/// What a page is, as its header tells.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bolt_page_info {
    /// The length of this struct in bytes, set by the caller: sizeof(bolt_page_info).
    pub struct_size: usize,
    /// The page.
    pub id: u64,
    /// A BOLT_PAGE_ kind.
    pub kind: u32,
    /// How many elements it has (65535 in a freelist: so many or more); of a free page, what was left in its
    /// header.
    pub element_count: u32,
    /// How many further pages belong to it; of a free page, as above.
    pub overflow_count: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), the size first, numbers alone; where the size has 32 bits, it is followed by 4 bytes of
// padding or none, and the four of 32 bits fill the place of two of 64.
unsafe impl Growing for bolt_page_info {
    const RELEASED: &'static [usize] = &[size_of::<bolt_page_info>()];
}

/// What a page of the file is, in the state from which the transaction began.
///
/// The first call in a read transaction reads the list of free pages, or looks for them where the file has
/// none.
///
/// @param txn The transaction.
/// @param page_id The page.
/// @param info Filled; its struct_size must be set.
/// @return BOLT_OK; BOLT_NOTFOUND from the high water on; BOLT_NOFREEPAGES in a database that was opened with
///     BOLT_OPEN_READONLY and without BOLT_OPEN_PRELOAD_FREELIST; BOLT_ARGUMENT for NULL or an impossible
///     struct_size; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; an errno.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bolt_page_info_get(
    txn: *mut bolt_txn,
    page_id: u64,
    info: *mut bolt_page_info,
) -> c_int {
    guard(|| {
        // SAFETY: the conventions of the header: a handle of this library, its transaction used by nobody
        // else.
        let mut call = unsafe { TxnCall::begin(txn) }?;
        let found = call.run(|txn| {
            // SAFETY: the conventions of the header: NULL, or a struct with its size set.
            unsafe { boundary::check_struct(info) }?;
            let Some(page) = txn.page_info(page_id)? else { return Ok(false) };
            // SAFETY: as above.
            unsafe { boundary::write_struct(info, &page.into()) }?;
            Ok(true)
        })?;
        Ok(if found { BOLT_OK } else { BOLT_NOTFOUND })
    })
}

impl From<PageInfo> for bolt_page_info {
    fn from(page: PageInfo) -> bolt_page_info {
        let PageInfo { id, kind, element_count, overflow_count } = page;
        let kind = match kind {
            PageKind::Unknown => BOLT_PAGE_UNKNOWN,
            PageKind::Free => BOLT_PAGE_FREE,
            PageKind::Branch => BOLT_PAGE_BRANCH,
            PageKind::Leaf => BOLT_PAGE_LEAF,
            PageKind::Meta => BOLT_PAGE_META,
            PageKind::Freelist => BOLT_PAGE_FREELIST,
        };
        let struct_size = size_of::<bolt_page_info>();
        bolt_page_info { struct_size, id, kind, element_count, overflow_count, reserved: 0 }
    }
}
