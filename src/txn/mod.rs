//! Transactions: a reader's snapshot, or the one writer, and what is done in them.
//!
//! A [`Txn`] owns all it needs and belongs to no thread. It holds the snapshot with which it began, the table
//! of the buckets that were opened in it and, for a writer, the changed nodes. Nothing that a writer does is
//! seen by anyone, or reaches the file, before [`Txn::commit`].

mod backup;
mod bucket;
mod bucket_stats;
mod check;
mod commit;
mod cursor;
mod cursor_by_reading;
mod delete_bucket;
pub mod free_pages;
mod get_many;
mod inspect;
mod known;
mod lend;
mod log;
mod move_bucket;
mod page_info;
mod readers;
mod savepoint;
mod scope;
mod shared;
mod snapshot;
mod stats;
pub mod sync;
mod turns;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use bucket::{BucketId, ROOT};
pub use bucket_stats::BucketStats;
pub use check::{CheckOptions, Finding, FindingCode, Severity};
pub use commit::commit_freelist;
pub use cursor::Cursor;
pub use inspect::{Inspected, Inspection};
pub use known::KnownPages;
pub use log::{Level, Listener};
pub use page_info::{PageInfo, PageKind};
pub use savepoint::Savepoint;
pub use shared::{Adopted, FreelistMode, Residence, Settings, Shared, SharedOptions, Wait, Writer};
pub use snapshot::Snapshot;
pub use stats::{FreeStats, TxnStats};
pub use watch::{ReaderInfo, SlowReaderListener};

use crate::error::{Error, Result};
use crate::format::{NO_FREELIST, TxnId};
use crate::freelist::{Freelist, reuse_limit};
use crate::tree::{Nodes, Source};

use bucket::Buckets;
use readers::SlotId;
use savepoint::Savepoints;

/// What a transaction holds beyond its snapshot.
enum Mode {
    /// A reader and its slot.
    Read(SlotId),
    /// The writer.
    Write(Box<Writer>),
    /// A reader that has let go of its snapshot.
    Reset,
}

/// A transaction. Dropping it rolls it back.
pub struct Txn {
    shared: Arc<Shared>,
    snapshot: Option<Arc<Snapshot>>,
    mode: Mode,
    buckets: Buckets,
    nodes: Nodes,
    savepoints: Savepoints,
    hooks: Vec<Hook>,
    cursor_count: AtomicU64,
    /// The free pages of a reader's snapshot, once something has asked for them.
    free: Option<Box<Freelist>>,
}

/// What is to be done once a transaction is committed.
pub type Hook = Box<dyn FnOnce() + Send>;

impl Txn {
    /// Begins a read transaction on the newest snapshot.
    pub fn begin_read(shared: &Arc<Shared>) -> Result<Txn> {
        let (slot, snapshot, buckets) = shared.begin_read()?;
        Ok(Txn::new(shared, snapshot.for_transaction(), Mode::Read(slot), buckets))
    }

    fn new(shared: &Arc<Shared>, snapshot: Arc<Snapshot>, mode: Mode, buckets: Buckets) -> Txn {
        let (mut nodes, savepoints) = (Nodes::default(), Savepoints::default());
        nodes.makes_tables = shared.bbolt_rules;
        let (shared, snapshot) = (shared.clone(), Some(snapshot));
        let (hooks, cursor_count) = (Vec::new(), AtomicU64::new(0));
        Txn { shared, snapshot, mode, buckets, nodes, savepoints, hooks, cursor_count, free: None }
    }

    /// Begins the write transaction, waiting for the one before to end.
    pub fn begin_write(shared: &Arc<Shared>, wait: Wait) -> Result<Txn> {
        let mut writer = shared.take_writer(wait)?;
        let prepared = Txn::prepare_write(shared, &mut writer)
            .and_then(|snapshot| Buckets::new(&snapshot.meta).map(|buckets| (snapshot, buckets)));
        match prepared {
            Ok((snapshot, buckets)) => {
                Ok(Txn::new(shared, snapshot.for_transaction(), Mode::Write(writer), buckets))
            }
            Err(error) => {
                shared.give_writer(writer);
                Err(error)
            }
        }
    }

    /// Loads the free pages where this is the first write, and releases those that nobody sees any more.
    fn prepare_write(shared: &Shared, writer: &mut Writer) -> Result<Arc<Snapshot>> {
        let snapshot = shared.newest()?;
        snapshot.meta.next_txid()?;
        if writer.freelist.is_none() {
            writer.freelist = Some(load_free(shared, &snapshot)?);
        }
        if let Some(freelist) = &mut writer.freelist {
            let limit = reuse_limit(shared.oldest_reader(), snapshot.meta.txid, !shared.bbolt_rules);
            freelist.release(limit)?;
            let free = FreeStats::of(freelist);
            shared.with_sums(|sums| {
                sums.held.release(limit);
                sums.free = Some(free);
            });
        }
        Ok(snapshot)
    }

    /// The snapshot, while there is one.
    fn snapshot(&self) -> Result<&Arc<Snapshot>> {
        self.snapshot.as_ref().ok_or(Error::BadHandle("the transaction is reset"))
    }

    /// Pages and nodes, for reading.
    #[inline]
    fn source(&self) -> Result<Source<'_, Snapshot>> {
        match &self.snapshot {
            Some(snapshot) => Ok(Source { pages: snapshot, nodes: &self.nodes }),
            None => Err(Error::BadHandle("the transaction is reset")),
        }
    }

    /// The transaction id: for a reader that of the last commit it sees, for a writer the one its commit will
    /// have.
    pub fn id(&self) -> TxnId {
        let seen = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.meta.txid);
        if self.is_writable() { seen + 1 } else { seen }
    }

    /// Whether it is the write transaction.
    pub fn is_writable(&self) -> bool {
        matches!(self.mode, Mode::Write(_))
    }

    /// The length of the database as this transaction began, in bytes: high water x page size.
    #[expect(clippy::len_without_is_empty, reason = "a database is never empty")]
    pub fn len(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len())
    }

    /// `NotWritable` in a read transaction.
    fn check_writable(&self) -> Result<()> {
        if self.is_writable() { Ok(()) } else { Err(Error::NotWritable) }
    }

    /// Makes the changes durable and visible to transactions that begin from now on. Ends the transaction,
    /// whatever it answers.
    ///
    /// `Unknown`: the commit may have happened or not; the database refuses to write until it is opened anew,
    /// which finds either state. Any other error: nothing has happened.
    pub fn commit(self) -> Result<()> {
        let shared = self.shared.clone();
        let committed = self.commit_silently();
        let done = committed.map(|hooks| hooks.into_iter().for_each(|hook| hook()));
        shared.speak();
        done
    }

    /// As [`Txn::commit`], but leaves it to the caller to run the hooks and let [`Shared::speak`].
    pub fn commit_silently(mut self) -> Result<Vec<Hook>> {
        // The writer's place is given back when `self` goes, even if the commit panics.
        let Mode::Write(writer) = &mut self.mode else { return Err(Error::NotWritable) };
        self.nodes.forget_marks();
        self.buckets.forget_marks();
        let guard = PoisonOnPanic(&self.shared);
        let result =
            commit::commit(&self.shared, writer, self.snapshot.as_ref(), &mut self.buckets, &mut self.nodes);
        drop(guard);
        let (stats, is_synced) = (writer.stats, writer.is_synced);
        self.note_commit(&stats, &result);
        if result.is_ok() && stats.write_count > 0 && is_synced {
            self.shared.storage.acknowledge();
        }
        result.map(|()| std::mem::take(&mut self.hooks))
    }

    /// Adds what a write transaction has counted to the database's sums.
    fn sum_up(&self, writer: &mut Writer) {
        let mut stats = self.stats();
        stats.add(&std::mem::take(&mut writer.stats));
        let free = writer.freelist.as_ref().map(FreeStats::of);
        self.shared.with_sums(|sums| {
            sums.txns.add(&stats);
            sums.free = free.or(sums.free);
        });
    }

    fn note_commit(&self, stats: &TxnStats, result: &Result<()>) {
        let (log, id) = (&self.shared.log, self.id());
        match result {
            Ok(()) if stats.write_count > 0 => {
                log.note(Level::Debug, || format!("transaction {id} is committed: {stats}"));
            }
            Ok(()) => {}
            Err(error) => log.note(Level::Error, || format!("transaction {id} is not committed: {error}")),
        }
    }

    /// Gives up all changes and ends the transaction.
    pub fn rollback(mut self) {
        self.end();
    }

    /// As [`Txn::rollback`], where the transaction stays in its place: all that can still be done with it is to
    /// drop it.
    pub fn end(&mut self) {
        self.let_go();
        self.shared.speak();
    }

    /// Lets `hook` run once the transaction is committed, after all that were given before it. It runs in the
    /// thread that commits and may begin transactions; if it panics, the panic passes through and what is
    /// left does not run.
    ///
    /// `NotWritable` in a read transaction.
    pub fn on_commit(&mut self, hook: Hook) -> Result<()> {
        self.check_writable()?;
        self.hooks.try_reserve(1)?;
        self.hooks.push(hook);
        Ok(())
    }

    /// Takes away the hooks that were given.
    pub fn take_hooks(&mut self) -> Vec<Hook> {
        std::mem::take(&mut self.hooks)
    }

    /// What the transaction has counted so far, before its commit.
    pub fn stats(&self) -> TxnStats {
        let (node_count, rebalance_count, split_count) = self.nodes.counts();
        let cursor_count = self.cursor_count.load(Ordering::Relaxed);
        TxnStats { cursor_count, node_count, rebalance_count, split_count, ..TxnStats::default() }
    }

    /// About how many bytes of memory its changes take.
    pub fn memory_len(&self) -> u64 {
        self.nodes.memory_len()
    }

    /// Lets go of a read transaction's snapshot, and of all that was opened in it, and keeps the transaction
    /// for [`Txn::renew`].
    pub fn reset(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.mode, Mode::Reset) {
            Mode::Read(slot) => {
                self.end_read(slot);
                self.free = None;
                Ok(())
            }
            mode => {
                let is_writer = matches!(mode, Mode::Write(_));
                self.mode = mode;
                if is_writer { Err(Error::Argument("a write transaction cannot be reset")) } else { Ok(()) }
            }
        }
    }

    /// Takes the newest snapshot for a read transaction, which may have been reset before.
    pub fn renew(&mut self) -> Result<()> {
        if self.is_writable() {
            return Err(Error::Argument("a write transaction cannot be renewed"));
        }
        self.reset()?;
        let (slot, snapshot, buckets) = self.shared.begin_read()?;
        self.buckets.follow(buckets);
        self.snapshot = Some(snapshot.for_transaction());
        self.mode = Mode::Read(slot);
        Ok(())
    }

    /// Ends a reader.
    fn end_read(&mut self, slot: SlotId) {
        let buckets = self.buckets.hand_over();
        let cursor_count = std::mem::take(self.cursor_count.get_mut());
        if let Some(snapshot) = self.snapshot.take() {
            self.shared.end_read(slot, snapshot, buckets, cursor_count);
        }
    }

    /// Gives back the place of a reader or of the writer.
    fn let_go(&mut self) {
        match std::mem::replace(&mut self.mode, Mode::Reset) {
            Mode::Read(slot) => self.end_read(slot),
            Mode::Write(mut writer) => {
                self.sum_up(&mut writer);
                self.shared.give_writer(writer);
            }
            Mode::Reset => {}
        }
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// The free pages of the newest snapshot, and a word where they had to be looked for.
fn load_free(shared: &Shared, snapshot: &Snapshot) -> Result<Freelist> {
    let list = free_pages::load(snapshot)?;
    if snapshot.meta.freelist == NO_FREELIST {
        let (free, high_water) = (list.free_count(), snapshot.meta.high_water);
        let told =
            || format!("the file has no list of free pages: a walk found {free} of {high_water} pages free");
        shared.log.note(Level::Info, told);
    }
    Ok(list)
}

/// A panic within a commit leaves the writer's state half changed: nothing may be built on it.
struct PoisonOnPanic<'a>(&'a Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("a commit ended in a panic".into());
        }
    }
}
