//! How a database is opened.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::{MAX_PAGE_SIZE, MIN_PAGE_SIZE};
use crate::txn::FreelistMode;

/// The permission bits of a new file: its owner's alone (the mode that bbolt's documentation opens with).
const DEFAULT_FILE_MODE: u32 = 0o600;

/// How many bytes more than it needs the file grows by at most (bbolt: `DefaultAllocSize`).
const ROOM_MAX: u64 = 16 << 20;

/// Without a map: how many bytes of pages are kept, and how many may be lent.
const CACHE_LEN: u64 = 64 << 20;
const LENT_LEN: u64 = 1 << 30;

/// The most calls that share a commit (bbolt: `DefaultMaxBatchSize`).
const MAX_BATCH_LEN: usize = 1000;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The page size of a new file in bytes, a power of two from 1024 to 65536; 0: the operating system's.
    /// An existing file has its own.
    pub page_size: u32,
    /// Open for reading only, with a shared lock. The file must exist.
    pub read_only: bool,
    /// The permission bits of a new file, before the umask.
    pub file_mode: u32,
    /// How long to wait for the file's lock; `None`: for ever, zero: one try.
    pub lock_timeout: Option<Duration>,
    /// How far the first map reaches at least, in bytes; 0: as the file needs it.
    pub initial_map_len: u64,
    /// Commit without syncs: after a power cut the file may be lost. [`super::Db::sync`] makes it durable.
    pub no_sync: bool,
    /// When the list of free pages is written.
    pub freelist_mode: FreelistMode,
    /// Cut pages by bbolt's rule with this fill percent, 0.1 to 1.0; `None`: by libbolt's own rule.
    pub fill_percent: Option<f64>,
    /// Follow all of Go's rules, so that equal changes give equal bytes: fill percent 0.5, its splits and
    /// merges, its allocation, the freelist with each commit, a commit of nothing written too, freed
    /// pages reused by the next commit.
    pub bbolt_rules: bool,
    /// The size that the file may not pass, in bytes; 0: none.
    pub max_len: u64,
    /// How many bytes more than it needs the file may grow by (bbolt: `AllocSize`); 0: no page more.
    pub room_max: u64,
    /// Do without a map: read pages by positioned reads into memory. What another process cuts off, or the
    /// disk does not give, is then an error and no signal. The map's other options do nothing then;
    /// `lock_memory` is refused.
    pub no_map: bool,
    /// Without a map: how many bytes of pages that nobody uses are kept in memory; 0: none.
    pub cache_len: u64,
    /// Without a map: how many bytes of pages all transactions together may keep because their bytes were
    /// given out, or because a write transaction has changed them; 0: without a limit. Past it, `ENOMEM`.
    pub lent_len: u64,
    /// Read the file into memory when it is mapped (bbolt: `MmapFlags` with `MAP_POPULATE`).
    pub populate: bool,
    /// Lock the file's bytes in memory (bbolt: `Mlock`).
    pub lock_memory: bool,
    /// Load the free pages at once (bbolt: `PreLoadFreelist`): in a database for reading only, which has no
    /// other use for them, so that [`crate::Txn::page_info`] can tell them; in any, so that damage there is
    /// seen by the opening.
    pub load_free_pages: bool,
    /// Check the whole of each new state before its meta page is written (bbolt: `StrictMode`). Slow.
    pub strict: bool,
    /// The most calls of [`super::Db::batch`] that share a commit (bbolt: `MaxBatchSize`), at least one.
    pub max_batch_len: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            page_size: 0,
            read_only: false,
            file_mode: DEFAULT_FILE_MODE,
            lock_timeout: None,
            initial_map_len: 0,
            no_sync: false,
            freelist_mode: FreelistMode::default(),
            fill_percent: None,
            bbolt_rules: false,
            max_len: 0,
            room_max: ROOM_MAX,
            no_map: false,
            cache_len: CACHE_LEN,
            lent_len: LENT_LEN,
            populate: false,
            lock_memory: false,
            load_free_pages: false,
            strict: false,
            max_batch_len: MAX_BATCH_LEN,
        }
    }
}

impl Options {
    /// Whether the options make sense.
    pub(super) fn check(&self) -> Result<()> {
        if self.page_size != 0 {
            check_new_page_size(self.page_size)?;
        }
        if self.no_map && self.lock_memory {
            return Err(Error::Argument("there is no map that could be locked in memory"));
        }
        if self.fill_percent.is_some_and(|percent| !(percent > 0.0 && percent <= 1.0)) {
            return Err(Error::Argument("the fill percent must lie between 0 and 1"));
        }
        Ok(())
    }

    /// The page size of a new file.
    pub(super) fn new_page_size(&self, system_page_size: u32) -> u32 {
        if self.page_size == 0 { system_page_size } else { self.page_size }
    }
}

/// Whether a new file may have this page size.
fn check_new_page_size(page_size: u32) -> Result<()> {
    if !page_size.is_power_of_two() {
        return Err(Error::Incompatible(
            format!("a page size of {page_size} bytes is no power of two").into(),
        ));
    }
    if !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&page_size) {
        return Err(Error::Incompatible(
            format!("a page size of {page_size} bytes is not between 1024 and 65536").into(),
        ));
    }
    Ok(())
}
