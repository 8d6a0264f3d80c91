//! The commit, in bbolt's order: data, fdatasync, meta, fdatasync.
//!
//! The rules that make every loss, tearing and reordering of unsynced writes harmless:
//!
//! R1. No write touches a page that can be reached from a meta which a crash may leave as the newest.
//! R2. When the meta is written, all that it reaches is durable, and so is the file's length.
//! R3. No commit is acknowledged while its meta is not durable.
//! R4. The file is never shortened.
//! R5. The older meta stays sound until its slot is overwritten: what commit N freed is not reused before N+1
//!     is durable. For the first commit after an open, whose older meta may reach anything that is free,
//!     [`adopt`] first writes the adopted meta into both slots.
//!
//! A failure before the sync of the data fails the transaction alone. After a failed sync, or a failed write
//! of the meta, the database writes nothing any more until it is opened anew: what the disk holds is not
//! known.

mod runs;
mod singles;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::format::bytes::copied;
use crate::format::meta::Meta;
use crate::format::{self, NO_FREELIST, PageId};
use crate::freelist::{Freelist, Run};
use crate::tree::{Allocator, Nodes, Pages, PlannedRun, Scoped, Shape, Source};

use runs::BATCH_LEN;
use singles::Singles;

use super::bucket::{Buckets, ROOT};
use super::check;
use super::shared::{Adopted, FreelistMode, Shared, Writer};
use super::snapshot::Snapshot;
use super::stats::TxnStats;

/// bbolt's default fill percent.
const BBOLT_FILL_PERCENT: f64 = 0.5;
/// The file grows by a 32nd of its length at least, so that growth is rare, in steps of 32 KiB ..
const GROWTH_SHIFT: u32 = 5;
const GROWTH_STEP: u64 = 32 << 10;
/// A meta page is written sector by sector; all that it says is in the first.
const SECTOR_LEN: usize = 512;

/// Commits what was changed in `buckets` and `nodes` since `snapshot`.
pub(super) fn commit(
    shared: &Shared,
    writer: &mut Writer,
    snapshot: Option<&Arc<Snapshot>>,
    buckets: &mut Buckets,
    nodes: &mut Nodes,
) -> Result<()> {
    let Some(snapshot) = snapshot else { return Err(Error::BadHandle("the transaction is reset")) };
    if !buckets.any_changed() && !shared.bbolt_rules {
        return Ok(());
    }
    snapshot.use_reserve();
    let mode = if shared.bbolt_rules { FreelistMode::EachCommit } else { shared.settings.freelist_mode() };
    Attempt::run(shared, writer, snapshot, mode, |attempt| attempt.plan(buckets, nodes))
}

/// Writes the freelist into a file that has none, by a commit of its own: the last one before the database is
/// closed.
pub fn commit_freelist(shared: &Shared, writer: &mut Writer) -> Result<()> {
    let snapshot = shared.newest()?;
    let is_wanted =
        matches!(shared.settings.freelist_mode(), FreelistMode::Automatic | FreelistMode::AtClose);
    if snapshot.meta.freelist != NO_FREELIST
        || !writer.has_committed
        || !is_wanted
        || shared.check_poison().is_err()
        || snapshot.meta.next_txid().is_err()
    {
        return Ok(());
    }
    let root = snapshot.meta.root;
    let sequence = snapshot.meta.sequence;
    Attempt::run(shared, writer, &snapshot, FreelistMode::EachCommit, |_| {
        Ok((root, sequence, Nodes::default()))
    })
}

/// One attempt at a commit, and what must be taken back if it fails.
struct Attempt<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    freelist: Freelist,
    meta: Meta,
    allocated: Vec<Run>,
    singles: Singles,
    /// The first page for which the file would have to grow.
    room_end: PageId,
    /// Whether it waits for syncs: what is set meanwhile holds from the next commit on.
    is_synced: bool,
    plan: Vec<PlannedRun>,
    list_run: Option<Run>,
    /// How many pages the new state no longer has.
    freed_count: u64,
    stats: TxnStats,
    /// When the stage that is being timed began.
    lap: Instant,
}

impl Allocator for Attempt<'_> {
    fn allocate(&mut self, page_count: u64) -> Result<PageId> {
        self.stats.page_count += page_count;
        self.allocated.try_reserve(1)?;
        let free = match page_count {
            1 => self.singles.next(&mut self.freelist, self.meta.high_water),
            _ => self.freelist.allocate(page_count),
        };
        if let Some(id) = free {
            self.allocated.push(Run { id, page_count });
            return Ok(id);
        }
        let id = self.meta.high_water;
        let high_water = id.checked_add(page_count).ok_or(Error::NoMemory)?;
        let len = high_water.checked_mul(u64::from(self.meta.page_size)).ok_or(Error::NoMemory)?;
        let max_len = self.shared.settings.max_len();
        if max_len != 0 && len > max_len {
            return Err(Error::Full(max_len));
        }
        self.meta.high_water = high_water;
        Ok(id)
    }
}

impl<'a> Attempt<'a> {
    /// Plans, writes and publishes the next transaction's state. `plan` gives the root page, the root
    /// bucket's sequence and the nodes whose pages are to be written.
    fn run<N: std::borrow::BorrowMut<Nodes>>(
        shared: &'a Shared,
        writer: &mut Writer,
        snapshot: &'a Snapshot,
        mode: FreelistMode,
        plan: impl FnOnce(&mut Attempt<'a>) -> Result<(PageId, u64, N)>,
    ) -> Result<()> {
        let meta = Meta { txid: snapshot.meta.next_txid()?, ..snapshot.meta };
        let freelist = writer.freelist.take().unwrap_or_default();
        let mut attempt = Attempt::new(shared, snapshot, freelist, meta);
        writer.is_synced = attempt.is_synced;
        let max_len = if shared.settings.max_len() == 0 { u64::MAX } else { shared.settings.max_len() };
        attempt.room_end = writer.file_len.min(max_len) / u64::from(meta.page_size);
        let result = plan(&mut attempt).and_then(|(root, sequence, mut nodes)| {
            attempt.meta.root = root;
            attempt.meta.sequence = sequence;
            attempt.release_old(nodes.borrow_mut())?;
            attempt.plan_freelist(mode)?;
            attempt.write(writer, nodes.borrow())
        });
        if result.is_err() && attempt.undo().is_err() {
            shared.poison("there was no memory to take a failed commit back".into());
        }
        writer.stats.add(&attempt.stats(result.is_ok()));
        writer.freelist = Some(attempt.freelist);
        result
    }

    /// Makes free again what a failed attempt has taken.
    fn undo(&mut self) -> Result<()> {
        self.return_unused()?;
        self.freelist.undo(self.meta.txid, &self.allocated)
    }

    fn new(shared: &'a Shared, snapshot: &'a Snapshot, freelist: Freelist, meta: Meta) -> Attempt<'a> {
        Attempt {
            shared,
            snapshot,
            freelist,
            meta,
            allocated: Vec::new(),
            singles: Singles::default(),
            room_end: 0,
            is_synced: !shared.settings.no_sync(),
            plan: Vec::new(),
            list_run: None,
            freed_count: 0,
            stats: TxnStats::default(),
            lap: Instant::now(),
        }
    }

    /// What the attempt has counted. Pages that were given back are not.
    fn stats(&self, is_done: bool) -> TxnStats {
        let page_count = if is_done { self.stats.page_count } else { 0 };
        let spill_count = self.plan.len() as u64;
        TxnStats {
            page_count,
            page_len: page_count * u64::from(self.meta.page_size),
            spill_count,
            ..self.stats
        }
    }

    /// The time since this was asked last, in nanoseconds.
    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let passed = now.duration_since(std::mem::replace(&mut self.lap, now));
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Gives all changed buckets their pages, children first; the root page and the root bucket's sequence.
    fn plan<'n>(
        &mut self,
        buckets: &mut Buckets,
        nodes: &'n mut Nodes,
    ) -> Result<(PageId, u64, &'n mut Nodes)> {
        let order = buckets.children_first()?;
        for id in order.iter().copied().chain([ROOT]) {
            let Ok(bucket) = buckets.get_mut(id) else { continue };
            if bucket.state.changed {
                let shape = self.shape(bucket.state.fill_percent);
                nodes.rebalance(self.snapshot, &mut bucket.tree, &shape)?;
            }
        }
        self.stats.rebalance_time += self.lap();
        if !self.shared.bbolt_rules {
            let (changed_count, ..) = nodes.counts();
            let together = BATCH_LEN / u64::from(self.meta.page_size);
            self.singles = Singles::new(changed_count, together, self.meta.high_water, self.room_end);
        }
        for id in order {
            if buckets.get(id).is_ok_and(|bucket| bucket.state.changed) {
                self.plan_bucket(id, buckets, nodes)?;
            }
        }
        let root = buckets.get_mut(ROOT)?;
        let shape = self.shape(root.state.fill_percent);
        let mut plan = std::mem::take(&mut self.plan);
        nodes.spill(self.snapshot, &mut root.tree, &shape, self, &mut plan)?;
        self.plan = plan;
        match root.tree.root {
            crate::tree::Root::Page(page) => Ok((page, root.state.sequence, nodes)),
            _ => Err(Error::Panic("the root bucket has no page".into())),
        }
    }

    /// Gives a changed bucket its pages, or keeps it inline, and writes its header into its parent.
    fn plan_bucket(&mut self, id: super::BucketId, buckets: &mut Buckets, nodes: &mut Nodes) -> Result<()> {
        let bucket = buckets.get_mut(id)?;
        let shape = self.shape(bucket.state.fill_percent);
        let header = format::bucket::BucketHeader { root: 0, sequence: bucket.state.sequence };
        let value = match nodes.inline_value(self.snapshot, &bucket.tree, &shape, header.encode())? {
            Some(value) => {
                nodes.drop_root(&bucket.tree)?;
                value
            }
            None => {
                let mut plan = std::mem::take(&mut self.plan);
                nodes.spill(self.snapshot, &mut bucket.tree, &shape, self, &mut plan)?;
                self.plan = plan;
                let crate::tree::Root::Page(root) = bucket.tree.root else {
                    return Err(Error::Panic("a bucket has no page".into()));
                };
                copied(&format::bucket::BucketHeader { root, ..header }.encode())?
            }
        };
        let parent = bucket.state.parent;
        let (at, len) = buckets.name(id)?;
        let name = (Source { pages: self.snapshot, nodes }).bytes(at, len)?;
        let name = copied(name)?;
        let parent = buckets.get_mut(parent)?;
        nodes.put(self.snapshot, &mut parent.tree, &name, &value, true)?;
        parent.state.changed = true;
        Ok(())
    }

    fn return_unused(&mut self) -> Result<()> {
        self.singles.end().try_for_each(|id| self.freelist.give_back(Run { id, page_count: 1 }))
    }

    fn shape(&self, fill_percent: Option<f64>) -> Shape {
        let by_rules = if self.shared.bbolt_rules { Some(BBOLT_FILL_PERCENT) } else { None };
        Shape {
            page_size: self.meta.page_size,
            fill_percent: fill_percent.or(self.shared.settings.fill_percent()).or(by_rules),
            merge_always: self.shared.bbolt_rules,
        }
    }

    /// Frees the runs that the new state no longer has, the old freelist's among them.
    fn release_old(&mut self, nodes: &mut Nodes) -> Result<()> {
        let mut freed = std::mem::take(&mut nodes.freed);
        self.shared.with_sums(|sums| sums.held.reserve())?;
        let list = self.snapshot.meta.freelist;
        if list != NO_FREELIST {
            let len = self.snapshot.scope().run(list)?.len() as u64;
            freed.try_reserve(1)?;
            freed.push(Run { id: list, page_count: len / u64::from(self.meta.page_size) });
        }
        self.freed_count = freed.iter().map(|run| run.page_count).sum();
        self.freelist.free(self.meta.txid, freed, self.snapshot.meta.high_water)
    }

    /// Gives the freelist its run, if `mode` wants it written now. As in bbolt the run is sized before its
    /// own pages leave the list, so it may have one page more than it needs.
    fn plan_freelist(&mut self, mode: FreelistMode) -> Result<()> {
        let len = format::freelist::encoded_len(self.freelist.count() + self.singles.unused_count());
        let page_count = len / u64::from(self.meta.page_size) + 1;
        let is_wanted = match mode {
            FreelistMode::EachCommit => true,
            FreelistMode::Automatic => page_count == 1,
            FreelistMode::AtClose | FreelistMode::Never => false,
        };
        self.meta.freelist = NO_FREELIST;
        if is_wanted {
            let id = self.allocate(page_count)?;
            self.meta.freelist = id;
            self.list_run = Some(Run { id, page_count });
        }
        self.return_unused()
    }

    /// Writes what was planned and makes it the newest state.
    fn write(&mut self, writer: &mut Writer, nodes: &Nodes) -> Result<()> {
        self.stats.spill_time += self.lap();
        // A sync by hand may have failed since the transaction began.
        self.shared.check_poison()?;
        adopt(self.shared, writer, &self.snapshot.meta, self.is_synced)?;
        self.grow(writer)?;
        self.write_runs(writer, nodes)?;
        self.stats.write_time += self.lap();
        let synced = self.shared.in_turn(self.is_synced, "a sync of the data", || self.sync());
        self.stats.sync_time += self.lap();
        synced?;
        let ahead = writer.file_len.max(self.shared.initial_map_len);
        let view = self.snapshot.view.anew(&*self.shared.storage, writer.file_len, ahead)?;
        self.shared.residence.settle(&view, Some(&self.snapshot.view))?;
        let snapshot = Snapshot::new(self.meta, view, self.shared.known.clone());
        if self.shared.settings.strict() {
            check::check_written(&snapshot, writer.file_len, &self.freelist)?;
            self.lap();
        }
        let page = self.meta_page()?;
        let written = self
            .shared
            .in_turn(self.is_synced, "a write or a sync of the meta page", || self.write_meta(&page));
        self.stats.write_count += 1;
        self.stats.meta_time += self.lap();
        written.map_err(|error| match error {
            Error::NoMemory | Error::Poisoned(_) => error,
            other => Error::Unknown(other.to_string().into()),
        })?;
        for planned in &self.plan {
            self.shared.known.insert(planned.run.id);
        }
        writer.has_committed = true;
        self.shared.with_sums(|sums| {
            sums.held.freed(self.meta.txid, self.freed_count);
            sums.commit_count += 1;
        });
        self.shared.publish(snapshot);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        if self.is_synced { self.shared.storage.sync() } else { Ok(()) }
    }

    /// Makes the file long enough, with room for commits to come.
    fn grow(&self, writer: &mut Writer) -> Result<()> {
        let needed = self.meta.high_water.saturating_mul(u64::from(self.meta.page_size));
        if needed <= writer.file_len {
            return Ok(());
        }
        let room_max = self.shared.settings.room_max();
        let room = (needed >> GROWTH_SHIFT).min(room_max);
        let step = GROWTH_STEP.min(room_max).max(u64::from(self.meta.page_size));
        let mut len = needed.saturating_add(room).checked_next_multiple_of(step).unwrap_or(needed);
        let max_len = self.shared.settings.max_len();
        if max_len != 0 {
            len = len.min(max_len).max(needed);
        }
        if let Err(error) = self.shared.storage.grow(len) {
            writer.file_len = self.shared.storage.len().unwrap_or(writer.file_len).max(writer.file_len);
            return Err(error);
        }
        writer.file_len = len;
        Ok(())
    }

    /// The meta page as it is to be written, with zeros behind the meta.
    fn meta_page(&self) -> Result<Vec<u8>> {
        let len = if self.shared.bbolt_rules { self.meta.page_size as usize } else { SECTOR_LEN };
        let bytes = self.meta.encode(self.meta.slot());
        let mut page = Vec::new();
        page.try_reserve_exact(len.max(bytes.len()))?;
        page.extend_from_slice(&bytes);
        page.resize(len.max(bytes.len()), 0);
        Ok(page)
    }

    /// Writes the meta page and makes it durable. `NoMemory`: nothing was written (S2).
    fn write_meta(&self, page: &[u8]) -> Result<()> {
        write_meta(self.shared, &self.meta, self.meta.slot(), page)?;
        self.sync()
    }
}

/// Writes the page of `meta` into `slot`.
fn write_meta(shared: &Shared, meta: &Meta, slot: PageId, page: &[u8]) -> Result<()> {
    shared.storage.write_at(&[IoSlice::new(page)], slot * u64::from(meta.page_size))
}

/// Before the first commit of this handle (R5): makes the adopted meta durable, whatever a process that was
/// killed has left in the system's cache, and then writes it over the older one, which may still reach what
/// is free now.
fn adopt(shared: &Shared, writer: &mut Writer, meta: &Meta, is_synced: bool) -> Result<()> {
    let Some(Adopted { slot, is_alone }) = writer.adopted else { return Ok(()) };
    // Over the only sound meta of a file nothing is written: a sector lost in that write would leave none.
    let order = if is_alone { [1 - slot, slot] } else { [slot, 1 - slot] };
    shared.in_turn(is_synced, "making the adopted meta page durable", || {
        order.into_iter().try_for_each(|slot| {
            write_meta(shared, meta, slot, &meta.encode(slot))?;
            if is_synced { shared.storage.sync() } else { Ok(()) }
        })
    })?;
    writer.adopted = None;
    Ok(())
}
