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
mod delete_bucket;
pub mod free_pages;
mod get_many;
mod inspect;
mod known;
mod move_bucket;
mod readers;
mod savepoint;
mod shared;
mod snapshot;

use std::sync::Arc;

pub use bucket::{BucketId, ROOT};
pub use bucket_stats::BucketStats;
pub use check::{CheckOptions, Finding, FindingCode, Severity};
pub use commit::commit_freelist;
pub use cursor::Cursor;
pub use inspect::{Inspected, Inspection};
pub use known::KnownPages;
pub use savepoint::Savepoint;
pub use shared::{FreelistMode, Settings, Shared, SharedOptions, Wait, Writer};
pub use snapshot::Snapshot;

use crate::error::{Error, Result};
use crate::format::TxnId;
use crate::freelist::reuse_limit;
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
}

impl Txn {
    /// Begins a read transaction on the newest snapshot.
    pub fn begin_read(shared: &Arc<Shared>) -> Result<Txn> {
        let (slot, snapshot) = shared.begin_read()?;
        Ok(Txn::new(shared, snapshot, Mode::Read(slot)))
    }

    fn new(shared: &Arc<Shared>, snapshot: Arc<Snapshot>, mode: Mode) -> Txn {
        let buckets = Buckets::new(&snapshot.meta);
        let (nodes, savepoints) = (Nodes::default(), Savepoints::default());
        Txn { shared: shared.clone(), snapshot: Some(snapshot), mode, buckets, nodes, savepoints }
    }

    /// Begins the write transaction, waiting for the one before to end.
    pub fn begin_write(shared: &Arc<Shared>, wait: Wait) -> Result<Txn> {
        let mut writer = shared.take_writer(wait)?;
        match Txn::prepare_write(shared, &mut writer) {
            Ok(snapshot) => Ok(Txn::new(shared, snapshot, Mode::Write(writer))),
            Err(error) => {
                shared.give_writer(writer);
                Err(error)
            }
        }
    }

    /// Loads the free pages where this is the first write, and releases those that nobody sees any more.
    fn prepare_write(shared: &Shared, writer: &mut Writer) -> Result<Arc<Snapshot>> {
        let snapshot = shared.newest()?;
        if writer.freelist.is_none() {
            writer.freelist = Some(free_pages::load(&snapshot)?);
        }
        if let Some(freelist) = &mut writer.freelist {
            freelist.release(reuse_limit(shared.oldest_reader(), snapshot.meta.txid, !shared.bbolt_rules))?;
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
    pub fn commit(mut self) -> Result<()> {
        // The writer's place is given back when `self` goes, even if the commit panics.
        let Mode::Write(writer) = &mut self.mode else { return Err(Error::NotWritable) };
        self.nodes.forget_marks();
        self.buckets.forget_marks();
        let _guard = PoisonOnPanic(&self.shared);
        commit::commit(&self.shared, writer, self.snapshot.as_ref(), &mut self.buckets, &mut self.nodes)
    }

    /// Gives up all changes and ends the transaction.
    pub fn rollback(self) {}

    /// Lets go of a read transaction's snapshot, and of all that was opened in it, and keeps the transaction
    /// for [`Txn::renew`].
    pub fn reset(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.mode, Mode::Reset) {
            Mode::Read(slot) => {
                if let Some(snapshot) = self.snapshot.take() {
                    self.shared.end_read(slot, snapshot);
                }
                self.buckets.clear();
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
        let (slot, snapshot) = self.shared.begin_read()?;
        self.buckets.renew(&snapshot.meta);
        self.snapshot = Some(snapshot);
        self.mode = Mode::Read(slot);
        Ok(())
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.mode, Mode::Reset) {
            Mode::Read(slot) => {
                if let Some(snapshot) = self.snapshot.take() {
                    self.shared.end_read(slot, snapshot);
                }
            }
            Mode::Write(writer) => self.shared.give_writer(writer),
            Mode::Reset => {}
        }
    }
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
