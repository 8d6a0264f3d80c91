//! Faults planted between the database and its disk, to show that the harness sees each of them.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bolt::Result;
use bolt::storage::{Namespace, Storage, View};

use crate::fault::{Target, aside};
use crate::reader;
use crate::sim::{Quirk, Sim};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// The sync of the data is left out.
    NoDataSync,
    /// The sync of the meta page is left out.
    NoMetaSync,
    /// The sync of the meta page answers at once, and is done before the next call.
    EarlyAnswer,
    /// A meta page goes into the other slot.
    WrongSlot,
    /// The meta page becomes durable before the data does.
    MetaFirst,
    /// Pages of the freelist are not written.
    NoListPages,
    /// The adopted meta is not made durable after an open.
    NoAdoption,
    /// One write of pages in 16 is lost.
    LostWrite,
    /// The directory is not synced.
    NoDirectorySync,
    /// A new file is named before its content is synced.
    EarlyName,
    /// A commit writes its pages one page too far down.
    Misdirected,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 11] = [
        Plant::NoDataSync,
        Plant::NoMetaSync,
        Plant::EarlyAnswer,
        Plant::WrongSlot,
        Plant::MetaFirst,
        Plant::NoListPages,
        Plant::NoAdoption,
        Plant::LostWrite,
        Plant::NoDirectorySync,
        Plant::EarlyName,
        Plant::Misdirected,
    ];
}

/// The namespace with the fault in it.
pub struct PlantedNamespace {
    inner: Arc<dyn Namespace>,
    sim: Sim,
    plant: Plant,
    page_size: u64,
}

impl PlantedNamespace {
    /// The fault, between the database and `inner`, which stands on `sim`.
    pub fn new(inner: Arc<dyn Namespace>, sim: Sim, plant: Plant, page_size: u32) -> PlantedNamespace {
        PlantedNamespace { inner, sim, plant, page_size: u64::from(page_size) }
    }

    fn wrap(&self, inner: Box<dyn Storage>, is_named: bool) -> Box<dyn Storage> {
        Box::new(PlantedStorage {
            inner,
            sim: self.sim.clone(),
            plant: self.plant,
            page_size: self.page_size,
            wrote_meta: AtomicBool::new(false),
            owes_sync: AtomicBool::new(false),
            skips_sync: AtomicBool::new(false),
            is_named: AtomicBool::new(is_named),
            write_count: AtomicU64::new(0),
        })
    }
}

impl Namespace for PlantedNamespace {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        Ok(self.inner.open(path, read_only)?.map(|inner| self.wrap(inner, true)))
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        Ok(self.wrap(self.inner.create_unnamed(path, mode)?, false))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        if self.plant == Plant::NoDirectorySync { Ok(()) } else { self.inner.sync_directory(path) }
    }
}

struct PlantedStorage {
    inner: Box<dyn Storage>,
    sim: Sim,
    plant: Plant,
    page_size: u64,
    /// Whether a meta of a commit was written since the last sync.
    wrote_meta: AtomicBool,
    owes_sync: AtomicBool,
    skips_sync: AtomicBool,
    is_named: AtomicBool,
    write_count: AtomicU64,
}

impl PlantedStorage {
    /// Does what was put off.
    fn settle(&self) {
        if self.owes_sync.swap(false, Ordering::Relaxed) {
            // The one who asked for it has his answer.
            let _ = self.inner.sync();
        }
    }

    fn write_meta(&self, bytes: &[u8], offset: u64, txid: u64) -> Result<()> {
        if self.plant == Plant::NoAdoption && self.is_there(txid) {
            self.skips_sync.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.wrote_meta.store(true, Ordering::Relaxed);
        let offset = if self.plant == Plant::WrongSlot { offset ^ self.page_size } else { offset };
        if self.plant == Plant::MetaFirst {
            self.sim.set_quirk(Some((Quirk::MetasOnly, Target::Meta(txid))));
        }
        self.inner.write_at(&[IoSlice::new(bytes)], offset)
    }

    /// Whether a meta of this transaction is in the file already: then it is being adopted, not committed.
    fn is_there(&self, txid: u64) -> bool {
        aside(|| reader::metas(&*self.inner)).iter().flatten().any(|meta| meta.txid == txid)
    }

    fn write_pages(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let number = self.write_count.fetch_add(1, Ordering::Relaxed);
        let is_list = bytes.get(8..10) == Some(&[16, 0]);
        match self.plant {
            Plant::LostWrite if number % 16 == 7 => Ok(()),
            Plant::Misdirected if number % 16 == 7 => {
                self.inner.write_at(&[IoSlice::new(bytes)], offset - self.page_size)
            }
            Plant::NoListPages if is_list => Ok(()),
            _ => self.inner.write_at(&[IoSlice::new(bytes)], offset),
        }
    }
}

impl Storage for PlantedStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        self.settle();
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        if bytes.len() as u64 > self.page_size || offset >= 2 * self.page_size {
            if offset == 0 {
                return self.inner.write_at(parts, offset);
            }
            return self.write_pages(&bytes, offset);
        }
        match reader::meta(&bytes) {
            Some(meta) => self.write_meta(&bytes, offset, meta.txid),
            None => self.inner.write_at(parts, offset),
        }
    }

    fn grow(&self, len: u64) -> Result<()> {
        self.settle();
        self.inner.grow(len)
    }

    fn sync(&self) -> Result<()> {
        self.settle();
        let wrote_meta = self.wrote_meta.swap(false, Ordering::Relaxed);
        let is_named = self.is_named.load(Ordering::Relaxed);
        match self.plant {
            Plant::NoDataSync | Plant::MetaFirst if is_named && !wrote_meta => Ok(()),
            Plant::NoMetaSync if wrote_meta => Ok(()),
            Plant::NoAdoption if self.skips_sync.swap(false, Ordering::Relaxed) => Ok(()),
            Plant::EarlyAnswer if wrote_meta => {
                self.owes_sync.store(true, Ordering::Relaxed);
                Ok(())
            }
            Plant::EarlyName if !is_named => Ok(()),
            _ => self.inner.sync(),
        }
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.inner.lock(exclusive, timeout)
    }

    fn unlock(&self) -> Result<()> {
        self.settle();
        self.inner.unlock()
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        self.inner.view(len, ahead, previous)
    }

    fn replace(&self, path: &Path) -> Result<()> {
        self.inner.replace(path)
    }

    fn is_named(&self, path: &Path) -> bool {
        self.inner.is_named(path)
    }

    fn link(&self, path: &Path) -> Result<bool> {
        let linked = self.inner.link(path);
        self.is_named.store(true, Ordering::Relaxed);
        linked
    }
}
