//! A linter for the order of writes: a namespace around any other that holds each write, sync and
//! acknowledgement against the rules that make every power cut harmless.
//!
//! * R1: no write touches a page that can be reached from a meta which a cut may leave as the newest.
//! * R2: a meta is written only when all that it reaches is durable, and the length of the file; its checksum
//!   and its header are right; it goes into the slot that is not needed, and is newer than all before it. Two
//!   exceptions: it may be written again over itself, and over the other one once it is durable.
//! * R3: nothing is acknowledged while a meta or a name is not durable, and no file is named while its content
//!   is not. Whoever has been told of a commit says so by [`LintNamespace::acknowledge`].
//! * R4: the file never becomes shorter.
//! * R5: what the older meta reaches is not written either, until that meta itself is overwritten, durably.
//! * F17: what an open reader may see is not written. Whoever has begun a reader says so by
//!   [`LintNamespace::pin`].
//!
//! A file without a name may be written in any order: a cut leaves nothing of it.
//!
//! A file that is met for the first time is taken as durable in full. The linter decodes pages by the reader of
//! this crate.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt::storage::{Namespace, Storage, View};
use bolt::{Error, Result};

use crate::disk::SECTOR_LEN;
use crate::fault::{DEATH, aside};
use crate::reader::{self, META_LEN, Meta, Pages, Source, TOO_DEEP};

/// Which rules apply beyond those that always do.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// R5. bbolt's own rules of reuse break it.
    pub older_meta_stays: bool,
    /// R2 and R3. A database without syncs breaks them.
    pub is_synced: bool,
}

#[derive(Default)]
struct Ledger {
    files: BTreeMap<PathBuf, Arc<Mutex<Watched>>>,
    /// Names that no sync of their directory has covered yet.
    unsynced_names: Vec<PathBuf>,
    findings: Vec<String>,
    rules: Option<Rules>,
    /// Whether commits sync again, of which none has been acknowledged yet: what came before may still be lost.
    awaits_sync: bool,
}

/// The linter. A clone writes to the same list of findings.
#[derive(Clone)]
pub struct LintNamespace {
    inner: Arc<dyn Namespace>,
    ledger: Arc<Mutex<Ledger>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LintNamespace {
    /// A linter around `inner`.
    pub fn new(inner: Arc<dyn Namespace>, rules: Rules) -> LintNamespace {
        let ledger = Ledger { rules: Some(rules), ..Ledger::default() };
        LintNamespace { inner, ledger: Arc::new(Mutex::new(ledger)) }
    }

    /// Says from now on whether the database syncs.
    pub fn set_synced(&self, on: bool) {
        if let Some(rules) = &mut lock(&self.ledger).rules {
            rules.is_synced = on;
        }
    }

    /// What was found since this was asked last.
    pub fn take_findings(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.ledger).findings)
    }

    /// R3: the caller was told that all that it did to the file is durable.
    pub fn acknowledge(&self, path: &Path) {
        if lock(&self.ledger).rules.is_none_or(|rules| rules.is_synced) {
            acknowledge(&self.ledger, path);
        }
    }

    /// F17: a reader has begun that sees transaction `txid`. The number is for [`LintNamespace::unpin`].
    pub fn pin(&self, path: &Path, txid: u64) -> Option<u64> {
        let file = lock(&self.ledger).files.get(path).cloned()?;
        let mut file = lock(&file);
        let known = file.slots.iter().flatten().rev().filter_map(|version| version.as_ref());
        let pages = known.clone().find(|known| known.meta.txid == txid)?.pages.clone();
        file.pin_count += 1;
        let number = file.pin_count;
        file.pins.insert(number, pages);
        Some(number)
    }

    /// The reader has ended.
    pub fn unpin(&self, path: &Path, number: u64) {
        let file = lock(&self.ledger).files.get(path).cloned();
        if let Some(file) = file {
            lock(&file).pins.remove(&number);
        }
    }

    fn watch(&self, path: Option<&Path>, inner: Box<dyn Storage>) -> Box<dyn Storage> {
        let mut ledger = lock(&self.ledger);
        let file = match path {
            Some(path) => ledger
                .files
                .entry(path.to_path_buf())
                .or_insert_with(|| Arc::new(Mutex::new(Watched::new(&*inner))))
                .clone(),
            None => Arc::new(Mutex::new(Watched { is_nameless: true, ..Watched::new(&*inner) })),
        };
        Box::new(LintStorage { inner, file, ledger: self.ledger.clone() })
    }
}

/// R3: somebody was told that all that was done to the file `path` is durable.
fn acknowledge(ledger: &Mutex<Ledger>, path: &Path) {
    let file = lock(ledger).files.get(path).cloned();
    let mut findings = Vec::new();
    if let Some(file) = file {
        let file = lock(&file);
        let pending = (0..).zip(&file.slots).filter(|(_, versions)| versions.len() > 1);
        findings.extend(pending.map(|(slot, _)| format!("R3: acknowledged before meta {slot} is durable")));
    }
    let mut ledger = lock(ledger);
    if ledger.unsynced_names.iter().any(|name| name == path) {
        findings.push("R3: acknowledged before the name is durable".into());
    }
    ledger.findings.extend(findings);
}

impl Namespace for LintNamespace {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        Ok(self.inner.open(path, read_only)?.map(|inner| self.watch(Some(path), inner)))
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        Ok(self.watch(None, self.inner.create_unnamed(path, mode)?))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.inner.sync_directory(path)?;
        let directory = path.parent();
        lock(&self.ledger).unsynced_names.retain(|name| name.parent() != directory);
        Ok(())
    }
}

/// A meta that stands in a slot, or stood there, and what it reaches.
#[derive(Clone)]
struct Known {
    meta: Meta,
    pages: Arc<Pages>,
}

/// What the linter knows of a file.
#[derive(Default)]
struct Watched {
    page_size: Option<u64>,
    /// What each slot may hold: the durable version first, then those written since.
    slots: [Vec<Option<Known>>; 2],
    /// Sectors written since they were last durable, and whether the next sync covers them.
    unsynced: BTreeMap<u64, bool>,
    len: u64,
    durable_len: u64,
    is_len_dirty: bool,
    pins: BTreeMap<u64, Arc<Pages>>,
    pin_count: u64,
    /// Whether no name leads to it: then a cut leaves nothing of it, and it may be written in any order.
    is_nameless: bool,
    /// Whether nothing can be said of it: it was damaged when it was met, or its buckets are nested too deep.
    is_beyond: bool,
}

impl Watched {
    fn new(storage: &dyn Storage) -> Watched {
        aside(|| {
            let len = storage.len().unwrap_or(0);
            let mut file = Watched { len, durable_len: len, ..Watched::default() };
            file.look(storage);
            file.is_beyond = is_damaged(storage);
            file
        })
    }

    /// Reads the metas of a file of which none was known.
    fn look(&mut self, storage: &dyn Storage) {
        let metas = reader::metas(storage);
        self.page_size = metas.iter().flatten().map(|meta| meta.page_size).next();
        self.slots = metas.map(|meta| vec![meta.and_then(|meta| known(storage, meta).ok())]);
    }

    /// Whether a write begins it: it has no meta yet, or nobody has ever committed to it, and all its first pages are
    /// written at once.
    fn is_begun_by(&self, offset: u64, len: u64) -> bool {
        let mut known = self.slots.iter().flatten().flatten().peekable();
        let is_whole = offset == 0 && self.page_size.is_none_or(|page_size| len >= 4 * page_size);
        known.peek().is_none() || is_whole && known.all(|known| known.meta.txid <= 1)
    }

    /// All metas that a cut may leave, and whether it may leave them as the newest. Without syncs anything
    /// may be left; then they are those that a process finds which opens the file now.
    fn candidates(&self, is_synced: bool) -> impl Iterator<Item = (&Known, bool)> {
        (0..2).flat_map(move |slot| {
            let last =
                |versions: &Vec<Option<Known>>| if is_synced { 0 } else { versions.len().saturating_sub(1) };
            let other = &self.slots[1 - slot];
            let other = &other[last(other)..];
            let own = &self.slots[slot];
            own[last(own)..].iter().flatten().map(move |version| {
                let is_outdone = match other {
                    [Some(other)] => (other.meta.txid, slot) > (version.meta.txid, 1 - slot),
                    _ => false,
                };
                (version, !is_outdone)
            })
        })
    }

    /// R1, R5, F17: the pages from `first` to `last` are about to be written.
    fn check_reuse(&self, first: u64, last: u64, rules: &Rules, findings: &mut Vec<String>) {
        for page in first..=last {
            for (known, may_be_newest) in
                self.candidates(rules.is_synced).filter(|(known, _)| known.pages.contains(page))
            {
                let txid = known.meta.txid;
                if may_be_newest {
                    findings.push(format!("R1: page {page} is written, which transaction {txid} reaches, and a cut may leave that one"));
                } else if rules.older_meta_stays {
                    findings.push(format!(
                        "R5: page {page} is written, which the older meta of transaction {txid} reaches"
                    ));
                }
            }
            if self.pins.values().any(|pages| pages.contains(page)) {
                findings.push(format!("F17: page {page} is written, which an open reader sees"));
            }
        }
    }

    /// R2: the meta `known` is about to be written into `slot`.
    fn check_meta(&self, slot: usize, known: &Known, rules: &Rules, findings: &mut Vec<String>) {
        let meta = &known.meta;
        let mut fault =
            |what: String| findings.push(format!("R2: meta {} written into slot {slot} {what}", meta.txid));
        if meta.slot != Some(slot as u64) {
            fault(format!("has the page header of slot {:?}", meta.slot));
        }
        let own = self.slots[slot].last().and_then(Option::as_ref);
        if !rules.is_synced || own.is_some_and(|own| own.meta.is_same(meta)) {
            return;
        }
        let [Some(other)] = &self.slots[1 - slot][..] else {
            return fault("while the other slot holds no durable meta".into());
        };
        let is_copy = other.meta.is_same(meta);
        if !is_copy && meta.txid <= other.meta.txid {
            fault(format!("is not newer than transaction {} in the other slot", other.meta.txid));
        }
        let is_needed = |own: &Known| own.meta.txid > other.meta.txid;
        if !is_copy && self.slots[slot].iter().flatten().any(is_needed) {
            fault("goes over the newest meta there is".into());
        }
        if self.durable_len < meta.high_water.saturating_mul(meta.page_size) {
            fault(format!("reaches past the {} bytes that the file has for certain", self.durable_len));
        }
        let page_of = |sector: u64| sector * SECTOR_LEN as u64 / meta.page_size;
        if let Some(sector) = self.unsynced.keys().find(|&&sector| known.pages.contains(page_of(sector))) {
            fault(format!("reaches page {}, which is not durable", page_of(*sector)));
        }
    }

    fn synced(&mut self) {
        let mut end = 0;
        self.unsynced.retain(|&sector, is_dirty| {
            end = if *is_dirty { (sector + 1) * SECTOR_LEN as u64 } else { end };
            !*is_dirty
        });
        self.durable_len = if self.is_len_dirty { self.len } else { self.durable_len.max(end.min(self.len)) };
        self.is_len_dirty = false;
        let Some(page_size) = self.page_size else { return };
        for (slot, versions) in (0..).zip(&mut self.slots) {
            // The first sector of a meta page is all that is ever read of it.
            let is_settled = !self.unsynced.contains_key(&(slot * page_size / SECTOR_LEN as u64));
            if is_settled {
                versions.drain(..versions.len().saturating_sub(1));
            }
        }
    }

    fn sync_failed(&mut self) {
        self.unsynced.values_mut().for_each(|is_dirty| *is_dirty = false);
        self.is_len_dirty = false;
    }

    fn grown(&mut self, len: u64) -> Option<String> {
        let fault = if len < self.len {
            Some(format!("R4: the file shrank from {} to {len} bytes", self.len))
        } else {
            None
        };
        self.is_len_dirty |= len > self.len;
        self.len = len;
        fault
    }
}

/// Whether what the newest meta reaches is not sound, though somebody has committed it.
fn is_damaged(storage: &dyn Storage) -> bool {
    let newest = reader::metas(storage).into_iter().flatten().max_by_key(|meta| meta.txid);
    newest.is_some_and(|meta| meta.txid > 1 && known(storage, meta).is_err())
}

/// The meta with what it reaches.
fn known(storage: &dyn Storage, meta: Meta) -> std::result::Result<Known, reader::Fault> {
    let pages = Arc::new(reader::walk(storage, &meta)?.pages);
    Ok(Known { meta, pages })
}

struct LintStorage {
    inner: Box<dyn Storage>,
    file: Arc<Mutex<Watched>>,
    ledger: Arc<Mutex<Ledger>>,
}

impl LintStorage {
    fn report(&self, findings: Vec<String>) {
        if !findings.is_empty() {
            lock(&self.ledger).findings.extend(findings);
        }
    }

    /// The file has a name now, which is not durable yet. What stands in it must be.
    fn named(&self, path: &Path) {
        let is_durable = {
            let mut file = lock(&self.file);
            if std::mem::take(&mut file.is_nameless) {
                aside(|| file.look(&*self.inner));
            }
            file.unsynced.is_empty() && file.durable_len == file.len
        };
        let mut ledger = lock(&self.ledger);
        if !is_durable && ledger.rules.is_some_and(|rules| rules.is_synced) {
            ledger.findings.push("R3: a file is named before its content is durable".into());
        }
        ledger.files.insert(path.to_path_buf(), self.file.clone());
        ledger.unsynced_names.push(path.to_path_buf());
    }

    fn rules(&self) -> Rules {
        lock(&self.ledger).rules.unwrap_or(Rules { older_meta_stays: true, is_synced: true })
    }

    /// Holds a write against the rules before it is done. The meta that it writes, with its slot.
    fn before(
        &self,
        file: &mut Watched,
        parts: &[IoSlice<'_>],
        offset: u64,
        len: u64,
        findings: &mut Vec<String>,
    ) -> Option<(usize, Known)> {
        let page_size = file.page_size?;
        if file.is_nameless || file.is_beyond || file.is_begun_by(offset, len) {
            return None;
        }
        let rules = self.rules();
        let (first, last) = (offset / page_size, (offset + len - 1) / page_size);
        if last >= 2 {
            file.check_reuse(first.max(2), last, &rules, findings);
        }
        if first >= 2 {
            return None;
        }
        if first != last {
            findings.push(format!("R2: one write goes over the pages from {first} to {last}"));
            return None;
        }
        let mut bytes = self
            .inner
            .read(first * page_size, META_LEN)
            .map(|bytes| bytes.into_owned())
            .unwrap_or(vec![0; META_LEN]);
        let written = parts.iter().flat_map(|part| part.iter());
        for (place, &byte) in bytes.iter_mut().skip((offset % page_size) as usize).zip(written) {
            *place = byte;
        }
        let slot = first as usize;
        let Some(meta) = reader::meta(&bytes) else {
            findings.push(format!("R2: slot {slot} is overwritten with what is no meta"));
            return None;
        };
        match known(&*self.inner, meta) {
            Ok(known) => {
                file.check_meta(slot, &known, &rules, findings);
                Some((slot, known))
            }
            Err(fault) if fault.ends_with(TOO_DEEP) => {
                file.is_beyond = true;
                None
            }
            Err(fault) => {
                findings.push(format!("R2: meta {} is written, but {fault}", meta.txid));
                None
            }
        }
    }

    /// Notes a write that was tried.
    fn after(
        &self,
        file: &mut Watched,
        (offset, len): (u64, u64),
        is_done: bool,
        intended: Option<(usize, Known)>,
    ) {
        let is_begun = file.is_begun_by(offset, len);
        for sector in offset / SECTOR_LEN as u64..(offset + len).div_ceil(SECTOR_LEN as u64) {
            file.unsynced.insert(sector, true);
        }
        let now = self.inner.len().unwrap_or(file.len);
        if let Some(fault) = file.grown(now) {
            self.report(vec![fault]);
        }
        if file.is_nameless || file.is_beyond {
            return;
        }
        let Some(page_size) = file.page_size.filter(|_| !is_begun) else {
            // Until it is durable neither slot is to be relied on.
            file.look(&*self.inner);
            file.slots.iter_mut().for_each(|versions| versions.insert(0, None));
            return;
        };
        if offset >= 2 * page_size {
            return;
        }
        let slot = (offset / page_size) as usize;
        let live = self.inner.read(slot as u64 * page_size, META_LEN).and_then(|page| reader::meta(&page));
        // Of a write that failed, and of which nothing is to be seen, nothing comes to the disk later.
        if let Some((slot, known)) = intended.filter(|_| is_done) {
            file.slots[slot].push(Some(known));
        }
        let newest = file.slots[slot].last().and_then(|known| known.as_ref().map(|known| known.meta));
        if newest != live {
            file.slots[slot].push(live.and_then(|meta| known(&*self.inner, meta).ok()));
        }
    }
}

impl Storage for LintStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        let len: u64 = parts.iter().map(|part| part.len() as u64).sum();
        if len == 0 {
            return self.inner.write_at(parts, offset);
        }
        let file = &mut *lock(&self.file);
        let mut findings = Vec::new();
        let intended = aside(|| self.before(file, parts, offset, len, &mut findings));
        self.report(findings);
        let result = self.inner.write_at(parts, offset);
        aside(|| self.after(file, (offset, len), result.is_ok(), intended));
        result
    }

    fn grow(&self, len: u64) -> Result<()> {
        let result = self.inner.grow(len);
        let file = &mut *lock(&self.file);
        let now = aside(|| self.inner.len()).unwrap_or(file.len);
        self.report(file.grown(now).into_iter().collect());
        result
    }

    fn sync(&self) -> Result<()> {
        let result = self.inner.sync();
        let file = &mut *lock(&self.file);
        match &result {
            Ok(()) => file.synced(),
            // The process has died: nobody has tried to sync.
            Err(Error::Os { source, .. }) if source.raw_os_error() == Some(DEATH) => {}
            Err(_) => file.sync_failed(),
        }
        result
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.inner.lock(exclusive, timeout)
    }

    fn unlock(&self) -> Result<()> {
        self.inner.unlock()
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        self.inner.view(len, ahead, previous)
    }

    fn link(&self, path: &Path) -> Result<bool> {
        let result = self.inner.link(path);
        if result.as_ref().is_ok_and(|linked| *linked) {
            self.named(path);
        }
        result
    }

    fn replace(&self, path: &Path) -> Result<()> {
        let result = self.inner.replace(path);
        if result.is_ok() {
            self.named(path);
        }
        result
    }

    fn is_named(&self, path: &Path) -> bool {
        self.inner.is_named(path)
    }

    fn expect_syncs(&self, on: bool) {
        let ledger = &mut *lock(&self.ledger);
        ledger.awaits_sync = on;
        if let Some(rules) = &mut ledger.rules {
            rules.is_synced &= on;
        }
        self.inner.expect_syncs(on);
    }

    fn acknowledge(&self) {
        let named = |(path, file): (&PathBuf, &Arc<Mutex<Watched>>)| {
            if Arc::ptr_eq(file, &self.file) { Some(path.clone()) } else { None }
        };
        let path = lock(&self.ledger).files.iter().find_map(named);
        if let Some(path) = path {
            acknowledge(&self.ledger, &path);
        }
        let ledger = &mut *lock(&self.ledger);
        if let (true, Some(rules)) = (std::mem::take(&mut ledger.awaits_sync), &mut ledger.rules) {
            rules.is_synced = true;
        }
        self.inner.acknowledge();
    }
}
