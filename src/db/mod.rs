//! The database: one open file.

mod backup;
mod batch;
mod compact;
mod create;
mod open;
mod options;
mod stats;
mod write_list;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use backup::{BackupInfo, BackupOptions, backup, backup_in, backup_to_descriptor, stream};
pub use compact::CompactOptions;
pub use options::Options;
pub use stats::DbStats;
pub use write_list::WriteList;

use batch::Batcher;

use crate::error::{Error, Result};
use crate::storage::file::FileStorage;
use crate::storage::memory::MemoryStorage;
use crate::storage::sys;
use crate::storage::{Advice, Namespace, file_system};
use crate::txn::{
    FreelistMode, Level, Listener, ReaderInfo, Shared, SlowReaderListener, Txn, Wait, commit_freelist,
};

/// An open database. Cloning it gives another reference to the same; any thread may use it.
///
/// It is closed by [`Db::close`], or when its last reference is dropped and no transaction is open any more.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    shared: Arc<Shared>,
    batcher: Batcher,
}

/// What is to be known of a database at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbInfo {
    /// The page size in bytes.
    pub page_size: u32,
    /// The length of the file in bytes.
    pub file_len: u64,
    /// The first page id never given out.
    pub high_water: u64,
    /// The last committed transaction.
    pub txid: u64,
    /// How many pages may be reused; `None` while a write transaction is open, and before the first one.
    pub free_page_count: Option<u64>,
    /// How many pages wait until no reader sees them; `None` as above.
    pub pending_page_count: Option<u64>,
    /// How many read transactions are open.
    pub reader_count: u64,
    /// The oldest transaction id that a reader may be using.
    pub oldest_reader: Option<u64>,
}

impl Db {
    /// Opens the database in the file `path`, and makes it where it is missing.
    ///
    /// The file is locked as bbolt locks it (flock(2)): exclusively, or shared where it is opened for reading
    /// only. `Busy` or `Timeout` where another process, or this one, has it open.
    pub fn open(path: &Path, options: &Options) -> Result<Db> {
        Db::open_in(&*file_system(!options.no_sync, !options.bbolt_rules), path, options)
    }

    /// As [`Db::open`], in a file of `names`.
    pub fn open_in(names: &dyn Namespace, path: &Path, options: &Options) -> Result<Db> {
        Ok(Db::over(path, open::open(names, path, options, sys::page_size())?, options))
    }

    /// A new database in memory, without a file; it is gone when it is closed.
    pub fn in_memory(options: &Options) -> Result<Db> {
        let shared = open::begin(Box::new(MemoryStorage::new()), options, sys::page_size())?;
        Ok(Db::over(Path::new(""), shared, options))
    }

    /// A copy in memory of a database's bytes. Changes go to the copy.
    pub fn from_bytes(bytes: Vec<u8>, options: &Options) -> Result<Db> {
        options.check()?;
        let storage = MemoryStorage::from_bytes(bytes)?;
        Ok(Db::over(Path::new(""), open::adopt(Box::new(storage), options, false)?, options))
    }

    /// The database in a file that the caller has open; he keeps his descriptor. It is locked as by
    /// [`Db::open`].
    pub fn from_descriptor(fd: i32, options: &Options) -> Result<Db> {
        let storage = FileStorage::from_fd(fd)?;
        if !options.read_only && !storage.is_writable()? {
            return Err(Error::os(
                "taking over a file descriptor that is open for reading",
                sys::not_writable(),
            ));
        }
        let shared = open::open_descriptor(Box::new(storage), options, sys::page_size())?;
        Ok(Db::over(Path::new(""), shared, options))
    }

    fn over(path: &Path, shared: Shared, options: &Options) -> Db {
        let batcher = Batcher::new(options.max_batch_len);
        let inner = Inner { path: path.to_path_buf(), shared: Arc::new(shared), batcher };
        Db { inner: Arc::new(inner) }
    }

    /// The path with which it was opened.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.inner.shared.read_only
    }

    /// Whether pages are read without a map.
    pub fn is_without_map(&self) -> Result<bool> {
        Ok(self.inner.shared.newest()?.view.reading().is_some())
    }

    /// The page size in bytes.
    pub fn page_size(&self) -> Result<u32> {
        Ok(self.inner.shared.newest()?.meta.page_size)
    }

    /// Begins a read transaction: a snapshot of the last committed state. It never waits.
    pub fn begin_read(&self) -> Result<Txn> {
        Txn::begin_read(&self.inner.shared)
    }

    /// Begins the write transaction; there is one at a time.
    ///
    /// `Busy` or `Timeout` where another one is open longer than `wait`; `ReadOnly`; `Poisoned`.
    pub fn begin_write(&self, wait: Wait) -> Result<Txn> {
        Txn::begin_write(&self.inner.shared, wait)
    }

    /// Sets whether commits do without syncs.
    pub fn set_no_sync(&self, on: bool) {
        self.inner.shared.settings.set_no_sync(on);
        self.inner.shared.storage.expect_syncs(!on);
    }

    /// Sets when the list of free pages is written.
    pub fn set_freelist_mode(&self, mode: FreelistMode) {
        self.inner.shared.settings.set_freelist_mode(mode);
    }

    /// Sets the fill percent of buckets that have none of their own, 0.1 to 1.0; `None`: libbolt's own split
    /// rule.
    pub fn set_fill_percent(&self, percent: Option<f64>) -> Result<()> {
        if percent.is_some_and(|percent| !(percent > 0.0 && percent <= 1.0)) {
            return Err(Error::Argument("the fill percent must lie between 0 and 1"));
        }
        self.inner.shared.settings.set_fill_percent(percent);
        Ok(())
    }

    /// Sets the size that the file may not pass, in bytes; 0: none.
    pub fn set_max_len(&self, len: u64) {
        self.inner.shared.settings.set_max_len(len);
    }

    /// Sets how many bytes more than it needs the file may grow by.
    pub fn set_room_max(&self, len: u64) {
        self.inner.shared.settings.set_room_max(len);
    }

    /// Sets whether the whole of each new state is checked before its meta page is written; where it is not
    /// sound, the commit fails as `Corrupt`.
    pub fn set_strict(&self, on: bool) {
        self.inner.shared.settings.set_strict(on);
    }

    /// Lets `listener` hear what the database has to say, of `limit` or higher importance; the first one
    /// hears of the opening, too. It is called by whatever thread has something to say, and never while a
    /// lock is held.
    pub fn set_log(&self, limit: Level, listener: Option<Arc<Listener>>) {
        self.inner.shared.log.set_listener(listener, limit);
    }

    /// Lets `listener` hear of each reader that has been open for `limit` or longer, once, after a commit.
    pub fn set_slow_reader_listener(&self, limit: Duration, listener: Option<Arc<SlowReaderListener>>) {
        self.inner.shared.set_slow_reader_listener(limit, listener);
    }

    /// The open read transactions, oldest first.
    pub fn readers(&self) -> Result<Vec<ReaderInfo>> {
        self.inner.shared.readers()
    }

    /// Tells the kernel how the file will be read: a pattern holds from now on for all of it; `WillNeed` and
    /// `Populate` bring what it has now into memory.
    pub fn advise(&self, advice: Advice) -> Result<()> {
        let newest = self.inner.shared.newest()?;
        match advice {
            Advice::Normal | Advice::Random | Advice::Sequential => newest.view.set_pattern(advice),
            Advice::WillNeed | Advice::Populate => newest.view.advise(advice, 0, newest.len()),
        }
    }

    /// Makes durable what was committed without syncs.
    ///
    /// After a failure the database refuses to write until it is opened anew: what the disk holds is not
    /// known.
    pub fn sync(&self) -> Result<()> {
        let shared = &self.inner.shared;
        if shared.is_closed() {
            return Err(Error::BadHandle("the database is closed"));
        }
        let committed = shared.newest()?.meta.txid;
        let synced = shared.in_turn(true, "a sync", || shared.storage.sync());
        // What a commit has written since the sync began is the commit's to acknowledge.
        if synced.is_ok() && shared.newest().is_ok_and(|newest| newest.meta.txid == committed) {
            let _ = shared.with_idle_writer(|_| shared.storage.acknowledge());
        }
        shared.speak();
        synced
    }

    /// What is to be known at a glance.
    pub fn info(&self) -> Result<DbInfo> {
        let shared = &self.inner.shared;
        let meta = shared.newest()?.meta;
        let counts = shared.with_idle_writer(|writer| {
            let list = writer.freelist.as_ref()?;
            Some((list.free_count(), list.pending_count()))
        });
        let counts = counts.flatten();
        Ok(DbInfo {
            page_size: meta.page_size,
            file_len: shared.storage.len()?,
            high_water: meta.high_water,
            txid: meta.txid,
            free_page_count: counts.map(|counts| counts.0),
            pending_page_count: counts.map(|counts| counts.1),
            reader_count: shared.reader_count() as u64,
            oldest_reader: shared.oldest_reader(),
        })
    }

    /// Closes the database.
    ///
    /// `Busy` while transactions are open: then nothing has happened. Otherwise it is closed whatever is
    /// answered; an error means that the list of free pages could not be written, and the file is sound
    /// without it.
    pub fn close(&self) -> Result<()> {
        self.inner.close()
    }
}

impl Inner {
    fn close(&self) -> Result<()> {
        let writer = self.shared.close()?;
        let listed = match writer {
            Some(mut writer) if !self.shared.read_only => commit_freelist(&self.shared, &mut writer),
            _ => Ok(()),
        };
        self.shared.end();
        let unlocked = self.shared.storage.unlock();
        let closed = listed.and(unlocked);
        self.shared.log.note(Level::Info, || match &closed {
            Ok(()) => "closed".to_owned(),
            Err(error) => format!("closed, but: {error}"),
        });
        self.shared.log.speak();
        closed
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody is left to be told: a database that is busy is closed by its last transaction's end, when
        // the file goes.
        let _ = self.close();
    }
}
