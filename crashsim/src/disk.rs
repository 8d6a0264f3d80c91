//! What a disk holds for certain, and what it may hold besides.
//!
//! A file has bytes that are durable, and for each sector that was written since the versions it went
//! through, each with all that was written to the sector before. A power cut leaves one of them, or the
//! durable one, or a mixture.
//!
//! K1. A sync makes durable what was written since the last one that was tried. What a failed sync was to
//!     cover stays in doubt: the system has marked it as written, and no later sync covers it, until it is
//!     written anew.
//! K2. The length has versions as sectors have. Bytes that are durable lie within the durable length.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::{self, Digest};

/// The bytes that a disk writes whole, or tears.
pub const SECTOR_LEN: usize = 512;

/// The bytes of a sector.
pub type Sector = [u8; SECTOR_LEN];

/// A sector as it was after a write.
pub struct Version {
    /// The number of the write; later ones have higher numbers.
    pub order: u64,
    /// Its bytes.
    pub bytes: Sector,
}

/// A sector written since it was last made durable.
#[derive(Clone)]
struct Pending {
    versions: Vec<Arc<Version>>,
    /// Whether the next sync covers it (K1).
    is_dirty: bool,
}

/// A file, as the disk has it.
#[derive(Clone)]
pub struct DiskFile {
    /// Whole sectors, zeros behind the length.
    durable: Arc<Vec<u8>>,
    digest: Digest,
    /// The lengths it may have, ascending: the durable one first, the newest last.
    lens: Vec<u64>,
    is_len_dirty: bool,
    pending: BTreeMap<u64, Pending>,
}

impl DiskFile {
    /// A file with this content, all of it durable.
    pub fn new(bytes: Vec<u8>) -> DiskFile {
        let len = bytes.len() as u64;
        let mut durable = bytes;
        durable.resize(durable.len().next_multiple_of(SECTOR_LEN), 0);
        let digest = digest_of(&durable);
        let lens = vec![len];
        DiskFile { durable: Arc::new(durable), digest, lens, is_len_dirty: false, pending: BTreeMap::new() }
    }

    /// Its newest length.
    pub fn len(&self) -> u64 {
        self.lens.last().copied().unwrap_or(0)
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sectors from `first` on were written and are now `bytes`, whole sectors; the file now has `len`
    /// bytes.
    pub fn write(&mut self, order: u64, first: u64, bytes: &[u8], len: u64) {
        for (index, piece) in (first..).zip(bytes.chunks_exact(SECTOR_LEN)) {
            let mut sector = [0; SECTOR_LEN];
            sector.copy_from_slice(piece);
            let pending =
                self.pending.entry(index).or_insert(Pending { versions: Vec::new(), is_dirty: true });
            pending.versions.push(Arc::new(Version { order, bytes: sector }));
            pending.is_dirty = true;
        }
        self.grow(len);
    }

    /// The file now has `len` bytes, if it had fewer.
    pub fn grow(&mut self, len: u64) {
        if len > self.len() {
            self.lens.push(len);
            self.is_len_dirty = true;
        }
    }

    /// A sync has succeeded, for the sectors that `covers` names (all, of an honest disk).
    pub fn sync(&mut self, covers: impl Fn(u64) -> bool) {
        let covered: Vec<u64> = self
            .pending
            .iter()
            .filter(|(index, pending)| pending.is_dirty && covers(**index))
            .map(|(&index, _)| index)
            .collect();
        let mut end = 0;
        for index in covered {
            let Some(pending) = self.pending.remove(&index) else { continue };
            if let Some(newest) = pending.versions.last() {
                self.make_durable(index, &newest.bytes);
                end = (index + 1) * SECTOR_LEN as u64;
            }
        }
        let newest = self.len();
        let certain = if self.is_len_dirty && covers(u64::MAX) { newest } else { end.min(newest) };
        let certain = certain.max(self.lens.first().copied().unwrap_or(0));
        self.lens.retain(|&len| len > certain);
        self.lens.insert(0, certain);
        self.is_len_dirty &= self.lens.len() > 1;
        let whole = (certain as usize).next_multiple_of(SECTOR_LEN);
        if self.durable.len() < whole {
            Arc::make_mut(&mut self.durable).resize(whole, 0);
        }
    }

    fn make_durable(&mut self, index: u64, bytes: &Sector) {
        let start = index as usize * SECTOR_LEN;
        let durable = Arc::make_mut(&mut self.durable);
        if durable.len() < start + SECTOR_LEN {
            durable.resize(start + SECTOR_LEN, 0);
        }
        let place = &mut durable[start..start + SECTOR_LEN];
        self.digest = self.digest.wrapping_sub(digest::of_sector(index, place));
        place.copy_from_slice(bytes);
        self.digest = self.digest.wrapping_add(digest::of_sector(index, place));
    }

    /// A sync has failed (K1).
    pub fn fail_sync(&mut self) {
        for pending in self.pending.values_mut() {
            pending.is_dirty = false;
        }
        self.is_len_dirty = false;
    }

    /// The sectors that a failed sync has left in doubt, and what is durable of each: what is read once the
    /// system has dropped its copy.
    pub fn doubtful(&self) -> Vec<(u64, Sector)> {
        let doubtful = self.pending.iter().filter(|(_, pending)| !pending.is_dirty);
        doubtful.map(|(&index, _)| (index, sector_of(&self.durable, index))).collect()
    }

    /// Whether a cut now could leave anything but the newest content.
    pub fn is_settled(&self) -> bool {
        self.lens.len() == 1 && self.pending.is_empty()
    }

    /// What a cut now can leave.
    pub fn cut(&self) -> FileCut {
        let sectors = self.pending.iter().map(|(&index, pending)| {
            let base = sector_of(&self.durable, index);
            let mut versions = pending.versions.clone();
            versions.dedup_by(|next, previous| next.bytes == previous.bytes);
            SectorCut { index, base_digest: digest::of_sector(index, &base), base, versions }
        });
        // A write of the bytes that are there already changes nothing, wherever it is torn.
        let differs = |sector: &SectorCut| sector.versions.iter().any(|version| version.bytes != sector.base);
        let sectors = sectors.filter(differs).collect();
        FileCut { base: self.durable.clone(), base_digest: self.digest, lens: self.lens.clone(), sectors }
    }
}

/// The sector's bytes, zeros where there are none.
pub fn sector_of(bytes: &[u8], index: u64) -> Sector {
    let mut sector = [0; SECTOR_LEN];
    let start = (index as usize).saturating_mul(SECTOR_LEN).min(bytes.len());
    let piece = &bytes[start..bytes.len().min(start + SECTOR_LEN)];
    sector[..piece.len()].copy_from_slice(piece);
    sector
}

fn digest_of(bytes: &[u8]) -> Digest {
    let sectors = (0..).zip(bytes.chunks(SECTOR_LEN));
    sectors.fold(0, |sum, (index, sector)| sum.wrapping_add(digest::of_sector(index, sector)))
}

/// What a cut can leave of a file.
#[derive(Clone)]
pub struct FileCut {
    /// What is certain, in whole sectors.
    pub base: Arc<Vec<u8>>,
    /// Its digest.
    pub base_digest: Digest,
    /// The lengths that the file may have, ascending; the first is the durable one.
    pub lens: Vec<u64>,
    /// The sectors that may differ from `base`.
    pub sectors: Vec<SectorCut>,
}

/// What a cut can leave of a sector.
#[derive(Clone)]
pub struct SectorCut {
    /// Its number in the file.
    pub index: u64,
    /// What is durable.
    pub base: Sector,
    /// What `base` adds to the digest.
    pub base_digest: Digest,
    /// What was written since, oldest first.
    pub versions: Vec<Arc<Version>>,
}

/// A name that a cut may leave or not.
#[derive(Clone)]
pub struct NameCut {
    /// The name.
    pub path: PathBuf,
    /// The file that has it, as an index into [`CrashPoint::files`].
    pub file: usize,
    /// The file that has it for certain until the directory is synced, if any.
    pub durable: Option<usize>,
}

impl NameCut {
    /// Whether a cut changes nothing about it.
    pub fn is_durable(&self) -> bool {
        self.durable == Some(self.file)
    }
}

/// A moment at which the power may be cut.
#[derive(Clone)]
pub struct CrashPoint {
    /// What the user of the disk had noted of this moment.
    pub label: usize,
    /// What was about to happen.
    pub moment: &'static str,
    /// The files.
    pub files: Vec<FileCut>,
    /// The names.
    pub names: Vec<NameCut>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(byte: u8) -> Sector {
        [byte; SECTOR_LEN]
    }

    #[test]
    fn a_sync_makes_durable_what_was_written_and_nothing_else_does() {
        let mut file = DiskFile::new(vec![1; 1024]);
        file.write(1, 1, &sector(2), 1024);
        assert_eq!(file.cut().sectors.len(), 1);
        assert_eq!(file.cut().base[512], 1);
        file.sync(|_| true);
        assert!(file.is_settled());
        assert_eq!(file.cut().base[512], 2);
        assert_eq!(file.cut().base_digest, DiskFile::new(file.cut().base.to_vec()).cut().base_digest);
    }

    #[test]
    fn what_a_failed_sync_was_to_cover_stays_in_doubt_until_it_is_written_anew() {
        let mut file = DiskFile::new(vec![0; 1024]);
        file.write(1, 0, &sector(1), 1024);
        file.write(2, 1, &sector(2), 1024);
        file.fail_sync();
        file.write(3, 1, &sector(3), 1024);
        file.sync(|_| true);
        let cut = file.cut();
        assert_eq!(cut.sectors.iter().map(|sector| sector.index).collect::<Vec<_>>(), [0]);
        assert_eq!((cut.base[0], cut.base[512]), (0, 3));
    }

    #[test]
    fn a_length_in_doubt_reaches_at_least_as_far_as_what_is_durable() {
        let mut file = DiskFile::new(Vec::new());
        file.grow(2048);
        file.fail_sync();
        file.write(1, 1, &sector(1), 2048);
        file.sync(|_| true);
        assert_eq!(file.cut().lens, [1024, 2048]);
    }

    #[test]
    fn a_write_of_the_same_bytes_is_none() {
        let mut file = DiskFile::new(vec![7; 512]);
        file.write(1, 0, &sector(7), 512);
        assert!(file.cut().sectors.is_empty());
    }
}
