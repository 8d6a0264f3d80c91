//! Files in memory whose disk can be cut: the storage under a database that is to lose its power.
//!
//! What the database reads is served by the library's own files in memory. Beside them a [`DiskFile`] keeps
//! what of it is durable, and before each sync the disk is noted as a [`CrashPoint`]. All other moments of a
//! cut leave a subset of what the next sync was to cover.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt::storage::memory::MemoryNamespace;
use bolt::storage::{Namespace, Storage, View};
use bolt::{Error, Result};

use crate::disk::{CrashPoint, DiskFile, NameCut, SECTOR_LEN};
use crate::fault::{Call, Extent, Kind, Plan, Target, is_aside};
use crate::random::Random;
use crate::reader;

/// A disk that is less than honest, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// The sync answers, but nothing becomes durable by it; the one after covers it all.
    Lie,
    /// The sync covers the meta pages alone.
    MetasOnly,
}

/// A call that failed as planned.
#[derive(Clone, Copy, Debug)]
pub struct Fired {
    /// The call.
    pub call: Call,
    /// The plan.
    pub plan: Plan,
}

struct State {
    files: Vec<DiskFile>,
    live: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    page_size: u64,
    last_written: Target,
    call_count: u64,
    order: u64,
    plan: Option<Plan>,
    quirk: Option<(Quirk, Target)>,
    random: Random,
    calls: Vec<Call>,
    fired: Vec<Fired>,
    is_recording: bool,
    label: usize,
    points: Vec<CrashPoint>,
}

/// Names of such files. A clone has the same.
#[derive(Clone)]
pub struct Sim {
    memory: MemoryNamespace,
    state: Arc<Mutex<State>>,
}

impl Sim {
    /// An empty disk. Pages are `page_size` bytes long; by that the meta pages are known.
    pub fn new(page_size: u32, seed: u64) -> Sim {
        let state = State {
            files: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            page_size: u64::from(page_size),
            last_written: Target::Data,
            call_count: 0,
            order: 0,
            plan: None,
            quirk: None,
            random: Random::new(seed),
            calls: Vec::new(),
            fired: Vec::new(),
            is_recording: false,
            label: 0,
            points: Vec::new(),
        };
        Sim { memory: MemoryNamespace::new(), state: Arc::new(Mutex::new(state)) }
    }

    /// Puts a file there, all of it durable.
    pub fn insert(&self, path: &Path, bytes: Vec<u8>) -> Result<()> {
        self.memory.insert(path, bytes.clone())?;
        let mut state = self.state();
        let id = state.files.len();
        state.files.push(DiskFile::new(bytes));
        state.live.insert(path.to_path_buf(), id);
        state.durable.insert(path.to_path_buf(), id);
        Ok(())
    }

    /// The newest content of a file, as a process that opens it reads it.
    pub fn content(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.memory.to_vec(path)
    }

    /// Whether there is a file of that name.
    pub fn exists(&self, path: &Path) -> bool {
        self.state().live.contains_key(path)
    }

    /// Lets calls fail as planned.
    pub fn set_plan(&self, plan: Option<Plan>) {
        self.state().plan = plan;
    }

    /// Lets the disk be dishonest at the next sync before which the target was written last.
    pub fn set_quirk(&self, quirk: Option<(Quirk, Target)>) {
        self.state().quirk = quirk;
    }

    /// Whether crash points are noted from now on.
    pub fn set_recording(&self, on: bool) {
        self.state().is_recording = on;
    }

    /// What is noted with the crash points from now on.
    pub fn set_label(&self, label: usize) {
        self.state().label = label;
    }

    /// Notes this moment as a crash point.
    pub fn mark(&self, moment: &'static str) {
        let state = &mut *self.state();
        state.note(moment);
    }

    /// The crash points noted since this was asked last.
    pub fn take_points(&self) -> Vec<CrashPoint> {
        std::mem::take(&mut self.state().points)
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many calls failed as planned.
    pub fn fired_count(&self) -> usize {
        self.state().fired.len()
    }

    /// The calls that failed, from number `start` on.
    pub fn fired_since(&self, start: usize) -> Vec<Fired> {
        self.state().fired.get(start..).unwrap_or_default().to_vec()
    }

    /// Whether the process was to die, and has. Its successor has no plan to die by.
    pub fn is_dead(&self) -> bool {
        let state = self.state();
        state.plan.is_some() && state.fired.iter().any(|fired| fired.plan.kind == Kind::Death)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call; the plan, where it is to fail.
    fn begin(&self, call: Call) -> Option<Plan> {
        self.state().begin(call)
    }

    /// A call that changes nothing on the disk.
    fn ask<T>(&self, call: Call, perform: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.begin(call) {
            None => perform(),
            Some(plan) => Err(failed(&plan)),
        }
    }

    fn wrap(&self, inner: Box<dyn Storage>, id: usize) -> Box<dyn Storage> {
        Box::new(SimStorage { inner, id, sim: self.clone() })
    }
}

impl State {
    fn begin(&mut self, call: Call) -> Option<Plan> {
        if is_aside() {
            return None;
        }
        let index = self.call_count;
        self.call_count += 1;
        self.calls.push(call);
        let plan = self.plan.filter(|plan| plan.hits(index, call))?;
        self.fired.push(Fired { call, plan });
        Some(plan)
    }

    fn note(&mut self, moment: &'static str) {
        if !self.is_recording {
            return;
        }
        // A file that no name leads to is nobody's.
        let mut named: Vec<usize> = self.live.values().chain(self.durable.values()).copied().collect();
        named.sort_unstable();
        named.dedup();
        let place = |id: &usize| named.binary_search(id).unwrap_or_default();
        let names = self.live.iter().map(|(path, file)| {
            let durable = self.durable.get(path).map(place);
            NameCut { path: path.clone(), file: place(file), durable }
        });
        let names = names.collect();
        let files = named.iter().filter_map(|&id| self.files.get(id)).map(DiskFile::cut).collect();
        self.points.push(CrashPoint { label: self.label, moment, files, names });
    }
}

fn failed(plan: &Plan) -> Error {
    Error::os("a planted fault", std::io::Error::from_raw_os_error(plan.errno()))
}

impl Namespace for Sim {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        self.ask(Call::Open, || {
            let Some(inner) = self.memory.open(path, read_only)? else { return Ok(None) };
            let id = self.state().live.get(path).copied();
            let id = id.ok_or_else(|| Error::Panic("the disk does not know the file".into()))?;
            Ok(Some(self.wrap(inner, id)))
        })
    }

    fn exists(&self, path: &Path) -> bool {
        self.memory.exists(path)
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        self.ask(Call::Create, || {
            let inner = self.memory.create_unnamed(path, mode)?;
            let mut state = self.state();
            state.files.push(DiskFile::new(Vec::new()));
            let id = state.files.len() - 1;
            drop(state);
            Ok(self.wrap(inner, id))
        })
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        let state = &mut *self.state();
        state.note("a sync of the directory");
        let plan = state.begin(Call::SyncDirectory);
        if plan.is_none_or(|plan| plan.extent == Extent::All) {
            let directory = path.parent();
            let named = state.live.iter().filter(|(name, _)| name.parent() == directory);
            state.durable.extend(named.map(|(name, &id)| (name.clone(), id)));
        }
        plan.map_or(Ok(()), |plan| Err(failed(&plan)))
    }
}

struct SimStorage {
    inner: Box<dyn Storage>,
    id: usize,
    sim: Sim,
}

impl SimStorage {
    /// What a write at `offset` is for; `bytes` are the first of it.
    fn target(&self, offset: u64, bytes: &[u8], page_size: u64) -> Target {
        let meta = if offset < 2 * page_size { reader::meta(bytes) } else { None };
        meta.map_or(Target::Data, |meta| Target::Meta(meta.txid))
    }

    /// Performs a write and notes it.
    fn put(&self, state: &mut State, bytes: &[u8], offset: u64) -> Result<()> {
        self.inner.write_at(&[IoSlice::new(bytes)], offset)?;
        let sector_len = SECTOR_LEN as u64;
        let first = offset / sector_len;
        let end = (offset + bytes.len() as u64).div_ceil(sector_len);
        let mut sectors = vec![0; ((end - first) * sector_len) as usize];
        self.inner.read_at(&mut sectors, first * sector_len)?;
        let len = self.inner.len()?;
        state.order += 1;
        let order = state.order;
        if let Some(file) = state.files.get_mut(self.id) {
            file.write(order, first, &sectors, len);
        }
        Ok(())
    }

    fn settle(&self, state: &mut State) {
        let last_written = state.last_written;
        let quirk = state.quirk.take_if(|(_, target)| *target == last_written).map(|(quirk, _)| quirk);
        let metas = 2 * state.page_size / SECTOR_LEN as u64;
        let Some(file) = state.files.get_mut(self.id) else { return };
        match quirk {
            None => file.sync(|_| true),
            Some(Quirk::MetasOnly) => file.sync(|sector| sector < metas),
            Some(Quirk::Lie) => {}
        }
    }

    /// A sync that fails: what it was to cover is in doubt, and may be forgotten at once.
    fn fail_sync(&self, state: &mut State, plan: &Plan) -> Result<()> {
        if plan.extent == Extent::All {
            self.settle(state);
        }
        if plan.kind == Kind::Death {
            return Ok(());
        }
        let Some(file) = state.files.get_mut(self.id) else { return Ok(()) };
        file.fail_sync();
        if plan.drops_cache {
            for (sector, bytes) in file.doubtful() {
                self.inner.write_at(&[IoSlice::new(&bytes)], sector * SECTOR_LEN as u64)?;
            }
        }
        Ok(())
    }
}

impl Storage for SimStorage {
    fn len(&self) -> Result<u64> {
        self.sim.ask(Call::Len, || self.inner.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let plan = self.sim.begin(Call::Read);
        match plan {
            None => self.inner.read_at(buf, offset),
            Some(plan) if plan.kind == Kind::Short => {
                let count = self.inner.read_at(buf, offset)?;
                Ok(self.sim.state().random.below(count.max(1)))
            }
            Some(plan) => Err(failed(&plan)),
        }
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let state = &mut *self.sim.state();
        let target = self.target(offset, &bytes, state.page_size);
        let plan = state.begin(Call::Write(target));
        let count = plan.map_or(bytes.len(), |plan| plan.part(bytes.len(), &mut state.random));
        if count > 0 {
            state.last_written = target;
            self.put(state, &bytes[..count], offset)?;
        }
        plan.map_or(Ok(()), |plan| Err(failed(&plan)))
    }

    fn grow(&self, len: u64) -> Result<()> {
        let state = &mut *self.sim.state();
        let plan = state.begin(Call::Grow);
        let known = self.inner.len()?;
        let added = len.saturating_sub(known) as usize;
        let count = plan.map_or(added, |plan| plan.part(added, &mut state.random));
        let reached = if count == added { len } else { known + (count & !(SECTOR_LEN - 1)) as u64 };
        if reached > known {
            self.inner.grow(reached)?;
            if let Some(file) = state.files.get_mut(self.id) {
                file.grow(reached);
            }
        }
        plan.map_or(Ok(()), |plan| Err(failed(&plan)))
    }

    fn sync(&self) -> Result<()> {
        let state = &mut *self.sim.state();
        state.note("a sync");
        match state.begin(Call::Sync(state.last_written)) {
            None => {
                self.settle(state);
                Ok(())
            }
            Some(plan) => {
                self.fail_sync(state, &plan)?;
                Err(failed(&plan))
            }
        }
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.sim.ask(Call::Lock, || self.inner.lock(exclusive, timeout))
    }

    fn unlock(&self) -> Result<()> {
        self.sim.ask(Call::Unlock, || self.inner.unlock())
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        self.sim.ask(Call::View, || self.inner.view(len, ahead, previous))
    }

    fn replace(&self, path: &Path) -> Result<()> {
        let plan = self.sim.begin(Call::Link);
        if plan.is_none_or(|plan| plan.extent == Extent::All) {
            self.inner.replace(path)?;
            self.sim.state().live.insert(path.to_path_buf(), self.id);
        }
        plan.map_or(Ok(()), |plan| Err(failed(&plan)))
    }

    fn is_named(&self, path: &Path) -> bool {
        self.inner.is_named(path)
    }

    fn link(&self, path: &Path) -> Result<bool> {
        let plan = self.sim.begin(Call::Link);
        let is_done = plan.is_none_or(|plan| plan.extent == Extent::All);
        let linked = if is_done { self.inner.link(path)? } else { false };
        if linked {
            self.sim.state().live.insert(path.to_path_buf(), self.id);
        }
        plan.map_or(Ok(linked), |plan| Err(failed(&plan)))
    }
}
