//! What all transactions of an open database share: the storage, the newest snapshot, the readers, the
//! writer's place.
//!
//! D1. At most one [`Writer`] exists; whoever holds it is the write transaction (or the closing database).
//! D2. The committed state lives in `current`. The meta pages are read once, at open, and never again.
//! D3. Once poisoned, the database makes nothing durable any more and writes no meta; a commit begins no write.
//! D4. The syncs of the file, and the writes of metas that are synced, take turns, and D3 is seen to at the start of
//!     each. The system tells of a failure once, to whoever syncs first (`errseq_t` in Linux): two syncs side by side
//!     could share one failure so that the commit hears nothing of it. Who does not sync need not wait.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::format::{PageId, TxnId};
use crate::freelist::Freelist;
use crate::storage::{Advice, Storage, View};

use super::bucket::Buckets;
use super::known::KnownPages;
use super::log::{Level, Log};
use super::readers::{Kept, Readers, SlotId};
use super::snapshot::Snapshot;
use super::stats::{Sums, TxnStats};
#[cfg(shuttle)]
use super::sync::fault::{Fault, is_planted};
use super::sync::{AtomicBool, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, Ordering};
use super::turns::Turns;
use super::watch::Watch;

/// When the list of free pages is written to the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum FreelistMode {
    /// With each commit while it fits one page; otherwise the file says that it has none, until it is closed.
    #[default]
    Automatic = 0,
    /// With each commit, however long it is, as bbolt does.
    EachCommit = 1,
    /// When the database is closed.
    AtClose = 2,
    /// Never (bbolt: `NoFreelistSync`).
    Never = 3,
}

impl FreelistMode {
    fn from_number(number: u32) -> FreelistMode {
        match number {
            1 => FreelistMode::EachCommit,
            2 => FreelistMode::AtClose,
            3 => FreelistMode::Never,
            _ => FreelistMode::Automatic,
        }
    }
}

/// How long to wait for the writer's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it is free.
    Forever,
    /// Not at all.
    Try,
    /// At most so long.
    For(Duration),
}

/// The settings that may change while the database is open.
#[derive(Default)]
pub struct Settings {
    no_sync: AtomicBool,
    freelist_mode: AtomicU32,
    fill_percent: AtomicU64,
    max_len: AtomicU64,
    room_max: AtomicU64,
    strict: AtomicBool,
}

impl Settings {
    /// Whether commits do without syncs.
    pub fn no_sync(&self) -> bool {
        self.no_sync.load(Ordering::Relaxed)
    }

    /// Sets whether commits do without syncs.
    pub fn set_no_sync(&self, on: bool) {
        self.no_sync.store(on, Ordering::Relaxed);
    }

    /// When the freelist is written.
    pub fn freelist_mode(&self) -> FreelistMode {
        FreelistMode::from_number(self.freelist_mode.load(Ordering::Relaxed))
    }

    /// Sets when the freelist is written.
    pub fn set_freelist_mode(&self, mode: FreelistMode) {
        self.freelist_mode.store(mode as u32, Ordering::Relaxed);
    }

    /// The fill percent of buckets that have none of their own; `None`: libbolt's split rule.
    pub fn fill_percent(&self) -> Option<f64> {
        let percent = f64::from_bits(self.fill_percent.load(Ordering::Relaxed));
        if percent > 0.0 { Some(percent) } else { None }
    }

    /// Sets the fill percent.
    pub fn set_fill_percent(&self, percent: Option<f64>) {
        self.fill_percent.store(percent.unwrap_or(0.0).to_bits(), Ordering::Relaxed);
    }

    /// The size that the file may not pass, in bytes; 0: none.
    pub fn max_len(&self) -> u64 {
        self.max_len.load(Ordering::Relaxed)
    }

    /// Sets the size that the file may not pass.
    pub fn set_max_len(&self, len: u64) {
        self.max_len.store(len, Ordering::Relaxed);
    }

    /// How many bytes more than it needs the file may grow by.
    pub fn room_max(&self) -> u64 {
        self.room_max.load(Ordering::Relaxed)
    }

    /// Sets how many bytes more than it needs the file may grow by.
    pub fn set_room_max(&self, len: u64) {
        self.room_max.store(len, Ordering::Relaxed);
    }

    /// Whether each commit is checked before its meta is written.
    pub fn strict(&self) -> bool {
        self.strict.load(Ordering::Relaxed)
    }

    /// Sets whether each commit is checked.
    pub fn set_strict(&self, on: bool) {
        self.strict.store(on, Ordering::Relaxed);
    }
}

/// The meta with which a file was opened.
#[derive(Clone, Copy, Debug)]
pub struct Adopted {
    /// The slot in which it stands.
    pub slot: PageId,
    /// Whether the other slot holds no sound meta.
    pub is_alone: bool,
}

/// Where the writer waits for the next one who writes.
struct Place {
    /// `None` while a write transaction is open.
    writer: Option<Box<Writer>>,
    /// How many threads wait for it.
    waiting: usize,
}

/// What belongs to the one who writes.
pub struct Writer {
    /// The free pages; loaded when the first write transaction begins.
    pub freelist: Option<Freelist>,
    /// The meta that was adopted at open, until it stands in both slots durably.
    pub adopted: Option<Adopted>,
    /// Whether this handle has committed anything.
    pub has_committed: bool,
    /// The length of the file in bytes.
    pub file_len: u64,
    /// Whether the last commit waited for syncs.
    pub is_synced: bool,
    /// Room in which commits put their pages together.
    pub buffer: Vec<u8>,
    /// What the commit that is under way has counted.
    pub stats: TxnStats,
}

/// See the module's page.
pub struct Shared {
    /// The file.
    pub storage: Arc<dyn Storage>,
    /// What may be changed while it is open.
    pub settings: Settings,
    /// Whether all of Go's rules apply.
    pub bbolt_rules: bool,
    /// Whether it was opened for reading only.
    pub read_only: bool,
    /// How far the first map reaches at least, in bytes.
    pub initial_map_len: u64,
    /// How maps are kept in memory.
    pub residence: Residence,
    /// Which pages have been checked.
    pub known: Arc<KnownPages>,
    /// What is said to whoever listens.
    pub log: Log,
    /// Who hears of slow readers.
    pub(super) watch: Watch,
    pub(super) readers: Readers,
    sums: Mutex<Sums>,
    published: AtomicU64,
    current: Mutex<Option<Arc<Snapshot>>>,
    writer: Mutex<Place>,
    writer_free: Condvar,
    closed: AtomicBool,
    poison: Mutex<Option<String>>,
    turns: Turns,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> Error {
    Error::BadHandle("the database is closed")
}

/// What a database is opened with, beyond its file and its newest state.
pub struct SharedOptions {
    /// What may be changed while it is open.
    pub settings: Settings,
    /// Whether all of Go's rules apply.
    pub bbolt_rules: bool,
    /// Whether it is open for reading only.
    pub read_only: bool,
    /// How far the first map reaches at least, in bytes.
    pub initial_map_len: u64,
    /// How maps are kept in memory.
    pub residence: Residence,
}

/// How maps are kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residence {
    /// A new map is read in at once (bbolt: `MmapFlags` with `MAP_POPULATE`).
    pub populate: bool,
    /// The file's bytes are locked in memory (bbolt: `Mlock`).
    pub lock: bool,
}

impl Residence {
    /// Sees to `view`, which follows `previous`. An error where its bytes cannot be locked.
    pub fn settle(self, view: &View, previous: Option<&View>) -> Result<()> {
        let known_len = previous.filter(|previous| previous.shares_map(view)).map(View::len);
        if self.populate && known_len.is_none() {
            // Advice: without it the first reads are slower, not wrong.
            let _ = view.advise(Advice::Populate, 0, view.len());
        }
        if self.lock && known_len.is_none_or(|len| len < view.len()) {
            view.lock_memory()?;
        }
        Ok(())
    }
}

impl Shared {
    /// The state of a database just opened.
    pub fn new(
        storage: Arc<dyn Storage>,
        snapshot: Snapshot,
        writer: Writer,
        options: SharedOptions,
    ) -> Shared {
        Shared {
            storage,
            settings: options.settings,
            bbolt_rules: options.bbolt_rules,
            read_only: options.read_only,
            initial_map_len: options.initial_map_len,
            residence: options.residence,
            known: snapshot.known.clone(),
            log: Log::default(),
            watch: Watch::default(),
            readers: Readers::default(),
            sums: Mutex::new(Sums::default()),
            published: AtomicU64::new(snapshot.meta.txid),
            current: Mutex::new(Some(Arc::new(snapshot))),
            writer: Mutex::new(Place { writer: Some(Box::new(writer)), waiting: 0 }),
            writer_free: Condvar::new(),
            closed: AtomicBool::new(false),
            poison: Mutex::new(None),
            turns: Turns::default(),
        }
    }

    /// The newest snapshot.
    pub fn newest(&self) -> Result<Arc<Snapshot>> {
        lock(&self.current).clone().ok_or_else(closed)
    }

    /// Makes `snapshot` the newest.
    pub fn publish(&self, snapshot: Snapshot) {
        let txid = snapshot.meta.txid;
        #[cfg(shuttle)]
        if is_planted(Fault::TellsFirst) {
            self.published.store(txid, Ordering::SeqCst);
        }
        *lock(&self.current) = Some(Arc::new(snapshot));
        self.published.store(txid, Ordering::SeqCst);
        self.readers.forget_kept();
    }

    /// Registers a reader of the newest snapshot, which gets the buckets that the slot's last reader opened, if
    /// they are those of this snapshot.
    pub(super) fn begin_read(&self) -> Result<(SlotId, Arc<Snapshot>, Buckets)> {
        #[cfg(shuttle)]
        if is_planted(Fault::LooksFirst) {
            let newest = self.newest()?;
            return self.register().map(|slot| (slot, newest, Buckets::default()));
        }
        let slot = self.register()?;
        let Kept { snapshot, mut buckets } = self.readers.take_kept(slot);
        let cached = snapshot.filter(|snapshot| snapshot.meta.txid == self.published.load(Ordering::SeqCst));
        let begun = match cached {
            Some(snapshot) => buckets.resume(&snapshot.meta).map(|()| snapshot),
            None => self.newest().and_then(|newest| buckets.renew(&newest.meta).map(|()| newest)),
        };
        match begun {
            Ok(snapshot) => Ok((slot, snapshot, buckets)),
            Err(error) => {
                self.readers.release(slot, None, 0);
                Err(error)
            }
        }
    }

    /// Takes a reader's slot. An attempt to close may be under way that finds another reader and gives up:
    /// only under the writer's lock, which it holds, is it known how it ended.
    fn register(&self) -> Result<SlotId> {
        loop {
            let slot = self.readers.register(self.published.load(Ordering::SeqCst)).ok_or(Error::NoMemory)?;
            if !self.closed.load(Ordering::SeqCst) {
                return Ok(slot);
            }
            self.readers.release(slot, None, 0);
            let _ended = lock(&self.writer);
            if self.closed.load(Ordering::SeqCst) {
                return Err(closed());
            }
        }
    }

    /// Ends a reader, which opened these buckets and so many cursors.
    pub(super) fn end_read(
        &self,
        slot: SlotId,
        snapshot: Arc<Snapshot>,
        buckets: Buckets,
        cursor_count: u64,
    ) {
        // Without a map it has what it lent, which ends with the reader.
        let may_serve = snapshot.view.reading().is_none();
        let keep = may_serve && snapshot.meta.txid == self.published.load(Ordering::Relaxed);
        let kept = if keep { Some(Kept { snapshot: Some(snapshot), buckets }) } else { None };
        self.readers.release(slot, kept, cursor_count);
    }

    /// The sums, for a look or an addition.
    pub fn with_sums<T>(&self, action: impl FnOnce(&mut Sums) -> T) -> T {
        action(&mut lock(&self.sums))
    }

    /// The oldest transaction id that a reader may be using.
    pub fn oldest_reader(&self) -> Option<TxnId> {
        self.readers.oldest()
    }

    /// How many readers are open.
    pub fn reader_count(&self) -> usize {
        self.readers.count()
    }

    /// Takes the writer's place (D1).
    pub fn take_writer(&self, wait: Wait) -> Result<Box<Writer>> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let deadline = match wait {
            Wait::For(time) => Instant::now().checked_add(time),
            _ => None,
        };
        let mut place = lock(&self.writer);
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return Err(closed());
            }
            self.check_poison()?;
            if let Some(writer) = place.writer.take() {
                return Ok(writer);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match (wait, left) {
                (Wait::Try, _) => return Err(Error::Busy("a write transaction is open".into())),
                (_, Some(Duration::ZERO)) => {
                    return Err(Error::Timeout("a write transaction is open".into()));
                }
                _ => {}
            }
            place.waiting += 1;
            place = match left {
                None => self.writer_free.wait(place).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.writer_free.wait_timeout(place, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            place.waiting -= 1;
        }
    }

    /// Gives the writer's place back.
    pub fn give_writer(&self, writer: Box<Writer>) {
        let mut place = lock(&self.writer);
        place.writer = Some(writer);
        // A call to the kernel, which most commits can spare.
        if place.waiting > 0 {
            self.writer_free.notify_one();
        }
    }

    /// What stands in the writer's place now, for a look: `None` while a write transaction is open.
    pub fn with_idle_writer<T>(&self, look: impl FnOnce(&Writer) -> T) -> Option<T> {
        lock(&self.writer).writer.as_deref().map(look)
    }

    /// From now on nothing is written (D3).
    pub fn poison(&self, why: String) {
        self.log
            .note(Level::Error, || format!("the database refuses to write until it is opened anew: {why}"));
        lock(&self.poison).get_or_insert(why);
        self.writer_free.notify_all();
    }

    /// Whether the database may still be written.
    pub fn check_poison(&self) -> Result<()> {
        match &*lock(&self.poison) {
            Some(why) => Err(Error::Poisoned(why.clone().into())),
            None => Ok(()),
        }
    }

    /// Does what ends in a sync, if it `is_synced`, while nobody else does so (D4). `Poisoned`: it was not begun.
    ///
    /// After a failure, other than of memory, the database is poisoned; `what` names what has failed.
    pub fn in_turn(&self, is_synced: bool, what: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
        #[cfg(shuttle)]
        let is_synced = is_synced && !is_planted(Fault::SyncsAtOnce);
        let _turn = if is_synced { Some(self.turns.take()) } else { None };
        self.check_poison()?;
        action().inspect_err(|error| {
            if !matches!(error, Error::NoMemory) {
                self.poison(format!("{what} failed: {error}"));
            }
        })
    }

    /// Closes the database: no transaction begins any more. `Busy` where one is open, and nothing has
    /// happened then.
    ///
    /// Gives the writer's place, for the last commit.
    pub fn close(&self) -> Result<Option<Box<Writer>>> {
        let mut place = lock(&self.writer);
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        if place.writer.is_none() {
            return Err(Error::Busy("a write transaction is open".into()));
        }
        self.check_no_reader()?;
        self.closed.store(true, Ordering::SeqCst);
        #[cfg(shuttle)]
        if is_planted(Fault::LooksOnce) {
            return Ok(place.writer.take());
        }
        if let Err(busy) = self.check_no_reader() {
            self.closed.store(false, Ordering::SeqCst);
            return Err(busy);
        }
        let writer = place.writer.take();
        self.writer_free.notify_all();
        Ok(writer)
    }

    fn check_no_reader(&self) -> Result<()> {
        match self.readers.count() {
            0 => Ok(()),
            count => Err(Error::Busy(format!("{count} read transactions are open").into())),
        }
    }

    /// Lets go of the last snapshot, once the database is closed.
    pub fn end(&self) {
        *lock(&self.current) = None;
        self.readers.forget_kept();
    }

    /// Whether the database is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}
