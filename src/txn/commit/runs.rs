//! A commit's runs on their way to the file: neighbours together, large values from where they lie.

use std::io::IoSlice;

use super::Attempt;
use crate::error::{Error, Result};
use crate::format;
use crate::freelist::Run;
use crate::tree::{Nodes, PlannedRun, Source, encode_run, gather_run, prefetch_runs};
use crate::txn::shared::Writer;

/// Neighbouring runs are written together up to this many bytes. More in one call would make Linux keep the
/// file in larger pieces of its cache, in which each later write of one page costs a walk over the piece
/// (ext4, measured with 16 KiB to 1 MiB by `bench/run.sh --rows W1,W2,W4`).
pub const BATCH_LEN: u64 = 16 << 10;

/// The places in memory of so many pages are looked up side by side.
const LOOKED_UP: u64 = 16;

impl Attempt<'_> {
    /// Writes all planned runs and the freelist in the order of the file, neighbours together.
    pub(super) fn write_runs(&mut self, writer: &mut Writer, nodes: &Nodes) -> Result<()> {
        self.plan.sort_unstable_by_key(|planned| planned.run.id);
        let list = self.list_run.map(|run| (run, None));
        let mut runs: Vec<(Run, Option<&PlannedRun>)> = Vec::new();
        runs.try_reserve_exact(self.plan.len() + 1)?;
        runs.extend(self.plan.iter().map(|planned| (planned.run, Some(planned))));
        let at = list.map_or(0, |(run, _)| self.plan.partition_point(|planned| planned.run.id < run.id));
        runs.splice(at..at, list);
        runs.iter().for_each(|(run, _)| self.snapshot.forget(*run));
        let page_size = u64::from(self.meta.page_size);
        let mut rest = runs.as_slice();
        let mut write_count = 0;
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch_len(rest));
            let ahead = if write_count % LOOKED_UP == 0 { LOOKED_UP } else { 0 };
            let next = after.iter().filter_map(|(_, planned)| *planned);
            prefetch_runs(Source { pages: self.snapshot, nodes }, next, ahead as usize);
            match batch {
                [(run, Some(planned))] if run.page_count * page_size > BATCH_LEN => {
                    self.write_large(planned, writer, nodes)?;
                }
                _ => self.write_batch(batch, writer, nodes)?,
            }
            write_count += 1;
            rest = after;
        }
        runs.iter().for_each(|(run, _)| self.snapshot.forget_read(*run));
        self.stats.write_count += write_count;
        writer.buffer.truncate(BATCH_LEN as usize);
        writer.buffer.shrink_to(BATCH_LEN as usize);
        Ok(())
    }

    /// How many of the first runs lie side by side and are written at once.
    fn batch_len(&self, runs: &[(Run, Option<&PlannedRun>)]) -> usize {
        let mut page_count = 0;
        let start = runs.first().map_or(0, |(run, _)| run.id);
        let limit = BATCH_LEN / u64::from(self.meta.page_size);
        let together = runs.iter().take_while(|(run, _)| {
            let fits =
                page_count == 0 || (run.id == start + page_count && page_count + run.page_count <= limit);
            page_count += run.page_count;
            fits
        });
        together.count()
    }

    fn write_batch(
        &self,
        batch: &[(Run, Option<&PlannedRun>)],
        writer: &mut Writer,
        nodes: &Nodes,
    ) -> Result<()> {
        let page_size = u64::from(self.meta.page_size);
        let page_count: u64 = batch.iter().map(|(run, _)| run.page_count).sum();
        let len = usize::try_from(page_count * page_size).map_err(|_| Error::NoMemory)?;
        let bytes = room(&mut writer.buffer, len)?;
        let mut rest = &mut *bytes;
        for (run, planned) in batch {
            let (bytes, after) = rest.split_at_mut((run.page_count * page_size) as usize);
            match planned {
                Some(planned) => encode_run(Source { pages: self.snapshot, nodes }, planned, bytes)?,
                None => self.encode_freelist(run, bytes)?,
            }
            rest = after;
        }
        let start = batch.first().map_or(0, |(run, _)| run.id * page_size);
        self.shared.storage.write_at(&[IoSlice::new(bytes)], start)
    }

    /// Writes a run that is mostly data from where the data lie, or, if it is in too many pieces, as any other.
    fn write_large(&self, planned: &PlannedRun, writer: &mut Writer, nodes: &Nodes) -> Result<()> {
        let source = Source { pages: self.snapshot, nodes };
        let page_size = u64::from(self.meta.page_size);
        let len = planned.run.page_count * page_size;
        let Some(gathered) = gather_run(source, planned, len, !self.shared.bbolt_rules)? else {
            return self.write_batch(&[(planned.run, Some(planned))], writer, nodes);
        };
        let buffer = room(&mut writer.buffer, gathered.head_len + gathered.tail_len)?;
        let (head, tail) = buffer.split_at_mut(gathered.head_len);
        gathered.encode_head(source, planned, head)?;
        tail.fill(0);
        let mut parts = Vec::new();
        parts.try_reserve_exact(gathered.pieces.len() + 2)?;
        parts.push(IoSlice::new(head));
        parts.extend(gathered.pieces.iter().map(|piece| IoSlice::new(piece)));
        parts.push(IoSlice::new(tail));
        self.shared.storage.write_at(&parts, planned.run.id * page_size)
    }

    fn encode_freelist(&self, run: &Run, bytes: &mut [u8]) -> Result<()> {
        let overflow = (run.page_count - 1) as u32;
        let ids = self.freelist.ids();
        format::freelist::encode(bytes, run.id, overflow, self.freelist.count(), ids)
            .ok_or_else(|| Error::Panic("the freelist does not fit its run".into()))
    }
}

/// The first `len` bytes of `buffer`, which grows if it must.
fn room(buffer: &mut Vec<u8>, len: usize) -> Result<&mut [u8]> {
    if buffer.len() < len {
        buffer.try_reserve_exact(len - buffer.len())?;
        buffer.resize(len, 0);
    }
    Ok(buffer.get_mut(..len).unwrap_or_default())
}
