//! One run: a script against a database on a disk that may fail, each answer held against the model, and the
//! disk cut at each moment.
//!
//! What is known at each moment is kept in [`Bounds`]: the states that the disk may hold. A commit adds its
//! state before it begins; its acknowledgement takes all others away.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bolt::db::{BackupOptions, CompactOptions, backup_in};
use bolt::storage::Namespace;
use bolt::{Db, Error, FreelistMode, Options, Txn, Wait};

use crate::cut::Budget;
use crate::examine::{Examiner, count};
use crate::fault::{Call, Kind, Plan, Target, aside};
use crate::lint::{LintNamespace, Rules};
use crate::model::{self, Action, Bucket};
use crate::plant::{Plant, PlantedNamespace};
use crate::random::Random;
use crate::script::{Change, CopyWay, Step};
use crate::sim::{Fired, Quirk, Sim};
use crate::verify::{Bounds, COPY, CopyBounds, Goal, PATH, Setup, Verdict, Violation, check};

/// What is there when a run begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// No file.
    Absent,
    /// A file without a database: empty, or torn while bbolt made it.
    Unborn(Vec<u8>),
    /// A database.
    Stored(Vec<u8>, Bucket),
}

/// Which moments are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// All.
    All,
    /// Those of the last step, and of the close.
    LastStep,
    /// All since a call has failed.
    SinceFault,
    /// None.
    None,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Config {
    /// How the database is opened.
    pub setup: Setup,
    /// What is there before.
    pub start: Start,
    /// What is done.
    pub steps: Vec<Step>,
    /// What fails.
    pub plan: Option<Plan>,
    /// What is done wrong.
    pub plant: Option<Plant>,
    /// Whether the linter's findings count.
    pub is_linted: bool,
    /// Whether rule R5 is to hold. bbolt's own rules of reuse do not hold it.
    pub older_meta_stays: bool,
    /// One commit in so many has its last sync lied to; 0: none.
    pub lie_one_in: usize,
    /// Which moments are cut.
    pub cuts: Cuts,
    /// How many disks are looked at for each.
    pub budget: Budget,
    /// For all that is by chance.
    pub seed: u64,
}

struct Reader {
    txn: Txn,
    goal: Arc<Goal>,
    pin: Option<u64>,
}

/// A run as it goes on.
pub struct Run<'e> {
    config: &'e Config,
    examiner: &'e Examiner,
    sim: Sim,
    lint: LintNamespace,
    names: Arc<dyn Namespace>,
    db: Option<Db>,
    readers: VecDeque<Reader>,
    /// What the handle must show; `None` after a process has died, until its successor has looked.
    live: Option<Arc<Goal>>,
    /// What the disk may hold.
    bounds: Bounds,
    /// Bounds by the label of their moments.
    table: Vec<Bounds>,
    is_poisoned: bool,
    mode: FreelistMode,
    no_sync: bool,
    /// A sync has failed over commits without syncs: no later sync makes them durable.
    is_lost: bool,
    /// And the system has dropped its copy: nobody can say what is read now.
    is_wrecked: bool,
    random: Random,
}

impl<'e> Run<'e> {
    /// Does all of it.
    pub fn perform(config: &'e Config, examiner: &'e Examiner) -> Verdict<Sim> {
        count(&examiner.counters.runs);
        let mut run = Run::new(config, examiner)?;
        let judged = run.all();
        examiner
            .counters
            .faults
            .fetch_add(run.sim.fired_count() as u64, std::sync::atomic::Ordering::Relaxed);
        judged.map(|()| run.sim)
    }

    fn new(config: &'e Config, examiner: &'e Examiner) -> Verdict<Run<'e>> {
        let sim = Sim::new(config.setup.page_size, config.seed);
        let path = Path::new(PATH);
        let (bytes, bucket) = match &config.start {
            Start::Absent => (None, Bucket::default()),
            Start::Unborn(bytes) => (Some(bytes), Bucket::default()),
            Start::Stored(bytes, bucket) => (Some(bytes), bucket.clone()),
        };
        let may_be_absent = bytes.is_none();
        if let Some(bytes) = bytes {
            sim.insert(path, bytes.clone()).map_err(|error| Violation::new(error.to_string()))?;
        }
        sim.set_recording(config.cuts != Cuts::None);
        sim.set_plan(config.plan);
        let rules = Rules { older_meta_stays: config.older_meta_stays, is_synced: true };
        let lint = LintNamespace::new(Arc::new(sim.clone()), rules);
        let names: Arc<dyn Namespace> = match config.plant {
            None => Arc::new(lint.clone()),
            Some(plant) => {
                let page_size = config.setup.page_size;
                Arc::new(PlantedNamespace::new(Arc::new(lint.clone()), sim.clone(), plant, page_size))
            }
        };
        let goal = Goal::new(bucket);
        let bounds = Bounds { may_be_absent, ..Bounds::exactly(goal.clone()) };
        Ok(Run {
            config,
            examiner,
            sim,
            lint,
            names,
            db: None,
            readers: VecDeque::new(),
            live: Some(goal),
            bounds,
            table: Vec::new(),
            is_poisoned: false,
            mode: config.setup.mode,
            no_sync: false,
            is_lost: false,
            is_wrecked: false,
            random: Random::new(config.seed),
        })
    }

    fn all(&mut self) -> Verdict<()> {
        self.guarded(None, Run::open)?;
        let last = self.config.steps.len().saturating_sub(1);
        for (index, step) in self.config.steps.iter().enumerate() {
            if self.sim.is_dead() || self.is_wrecked {
                break;
            }
            let is_cut = self.config.cuts != Cuts::LastStep || index == last;
            let is_looked_at = self.config.steps.len() < 16 || index % 4 == 0;
            self.guarded(if is_cut { Some(index) } else { None }, |run| {
                run.step(step)?;
                if is_looked_at { run.look() } else { Ok(()) }
            })?;
        }
        if self.is_wrecked {
            return Ok(());
        }
        self.guarded(Some(usize::MAX), Run::finish)
    }

    /// Does a part of the run, and looks at what cuts in it leave, unless it is the part of no step.
    fn guarded(
        &mut self,
        step: Option<usize>,
        part: impl FnOnce(&mut Run<'e>) -> Verdict<()>,
    ) -> Verdict<()> {
        let was_fragile = self.bounds.is_fragile;
        let judged = part(self).and_then(|()| self.heed_linter());
        let has_dropped = self.sim.fired_since(0).iter().any(|fault| fault.plan.drops_cache);
        self.is_wrecked |= has_dropped && (was_fragile || self.bounds.is_fragile);
        if self.is_wrecked {
            return Ok(());
        }
        let points = self.sim.take_points();
        let is_cut = match self.config.cuts {
            Cuts::All => true,
            Cuts::LastStep => step.is_some() || self.config.steps.is_empty(),
            Cuts::SinceFault => self.sim.fired_count() > 0,
            Cuts::None => false,
        };
        let judged = judged.and_then(|()| match is_cut {
            true => {
                let setup = Setup { mode: self.mode, ..self.config.setup };
                self.examiner.examine(&points, &self.table, &setup, &self.config.budget, &mut self.random)
            }
            false => Ok(()),
        });
        judged.map_err(|violation| match step {
            None => violation.at("while opening"),
            Some(usize::MAX) => violation.at("at the end"),
            Some(index) => violation.at(format!("in step {index}")),
        })
    }

    fn heed_linter(&mut self) -> Verdict<()> {
        let finding = self.lint.take_findings().into_iter().next().filter(|_| self.config.is_linted);
        finding.map_or(Ok(()), |finding| Err(Violation::new(finding)))
    }

    fn step(&mut self, step: &Step) -> Verdict<()> {
        if self.db.is_none() {
            self.open()?;
        }
        match step {
            Step::Commit(changes) => self.write(changes, true),
            Step::Rollback(changes) => self.write(changes, false),
            Step::OpenReader => self.open_reader(),
            Step::CloseReader => self.close_reader(),
            Step::Reopen => {
                self.close()?;
                self.open()
            }
            Step::Mode(mode) => {
                self.mode = *mode;
                self.with_db(|db| db.set_freelist_mode(*mode));
                Ok(())
            }
            Step::NoSync(on) => {
                self.no_sync = *on;
                self.lint.set_synced(!*on && !self.bounds.is_fragile);
                self.with_db(|db| db.set_no_sync(*on));
                Ok(())
            }
            Step::Sync => self.sync(),
            Step::Copy { way, replace } => self.copy(*way, *replace),
        }
    }

    fn with_db(&self, change: impl FnOnce(&Db)) {
        if let Some(db) = &self.db {
            change(db);
        }
    }

    /// From now on the disk may hold what `bounds` says.
    fn note(&mut self) {
        self.sim.set_label(self.table.len());
        self.table.push(self.bounds.clone());
    }

    /// All that was done is durable, and the database has said so.
    fn acknowledged(&mut self, moment: &'static str) {
        if !self.bounds.is_fragile {
            self.lint.acknowledge(Path::new(PATH));
        }
        self.mark(moment);
    }

    /// This is a moment of its own, with the bounds as they are now.
    fn mark(&mut self, moment: &'static str) {
        self.note();
        self.sim.mark(moment);
    }

    fn options(&self) -> Options {
        Options { freelist_mode: self.mode, no_sync: self.no_sync, ..self.config.setup.options() }
    }

    fn open(&mut self) -> Verdict<()> {
        self.note();
        let is_made = !self.sim.exists(Path::new(PATH))
            || matches!(self.config.start, Start::Unborn(_)) && self.table.len() == 1;
        let fired = self.sim.fired_count();
        let opened = Db::open_in(&*self.names, Path::new(PATH), &self.options());
        let fired = self.sim.fired_since(fired);
        let db = match opened {
            Ok(db) => db,
            Err(error) if fired.is_empty() => {
                return Err(Violation::new(format!("it does not open: {error}")));
            }
            Err(_) => return Ok(()),
        };
        if let Some(fault) = fired.iter().find(|fault| fault.call.is_change()) {
            return Err(Violation::new(format!("it opened although {:?} failed", fault.call)));
        }
        self.is_poisoned = false;
        let digest =
            aside(|| check(&db, true)).map_err(|violation| violation.at("just after it was opened"))?;
        let Some(found) = self.bounds.find(digest).cloned() else {
            return Err(Violation::new("it opens with a state that it cannot have"));
        };
        if self.live.as_ref().is_some_and(|live| live.digest != digest) {
            return Err(Violation::new("it opens with another state than it was closed with"));
        }
        self.live = Some(found);
        self.db = Some(db);
        if is_made {
            self.bounds.may_be_absent = false;
            self.acknowledged("the first step, the database being made");
        }
        Ok(())
    }

    fn write(&mut self, changes: &[Change], is_committed: bool) -> Verdict<()> {
        let (Some(db), Some(live)) = (self.db.clone(), self.live.clone()) else { return Ok(()) };
        let txn = match (db.begin_write(Wait::Try), self.is_poisoned) {
            (Err(Error::Poisoned(why)), true) if !why.is_empty() => return Ok(()),
            (Ok(_), true) => return Err(Violation::new("it writes on although it must not")),
            (Err(error), _) => return Err(Violation::new(format!("no writer begins: {error}"))),
            (Ok(txn), false) => txn,
        };
        let mut txn = txn;
        let mut model = live.model.clone();
        for action in self.actions(changes, &model) {
            if model.possible(&action) {
                model::perform(&mut txn, &action)
                    .map_err(|error| Violation::new(format!("{action:?}: {error}")))?;
                model.apply(&action);
            }
        }
        let next = Goal::new(model);
        let digest = model::digest_of(&mut txn)
            .map_err(|error| Violation::new(format!("the writer cannot read: {error}")))?;
        if digest != next.digest {
            return Err(Violation::new("the writer does not see what it has written"));
        }
        if is_committed {
            self.commit(&db, txn, next)
        } else {
            txn.rollback();
            Ok(())
        }
    }

    /// The changes, each made out after those before it.
    fn actions(&self, changes: &[Change], bucket: &Bucket) -> Vec<Action> {
        let mut now = bucket.clone();
        let mut all = Vec::new();
        for change in changes {
            for action in change.actions(&now, self.table.len() as u64) {
                if now.possible(&action) {
                    now.apply(&action);
                    all.push(action);
                }
            }
        }
        all
    }

    fn commit(&mut self, db: &Db, txn: Txn, next: Arc<Goal>) -> Verdict<()> {
        count(&self.examiner.counters.commits);
        let before = self.bounds.clone();
        let txid = txn.id();
        self.bounds.is_fragile |= self.no_sync;
        self.bounds.goals.push(next.clone());
        self.note();
        let is_lied_to = self.config.lie_one_in != 0 && self.random.once_in(self.config.lie_one_in);
        self.sim.set_quirk(if is_lied_to { Some((Quirk::Lie, Target::Meta(txid))) } else { None });
        let fired = self.sim.fired_count();
        let result = txn.commit();
        let fired = self.sim.fired_since(fired);
        if self.sim.is_dead() {
            self.live = None;
            return Ok(());
        }
        if result.is_ok() {
            let is_written = aside(|| db.info()).is_ok_and(|info| info.txid == txid);
            return self.committed(before, next, &fired, is_written, is_lied_to);
        }
        self.failed(before, next, &fired, txid, result.err())
    }

    fn committed(
        &mut self,
        before: Bounds,
        next: Arc<Goal>,
        fired: &[Fired],
        is_written: bool,
        is_lied_to: bool,
    ) -> Verdict<()> {
        if let Some(fault) = fired.iter().find(|fault| fault.call.is_change()) {
            return Err(Violation::new(format!("it acknowledged a commit although {:?} failed", fault.call)));
        }
        if !is_written {
            // A transaction that changed nothing; whether it did is seen by whoever looks next.
            self.bounds = before;
            self.live = Some(next);
            return Ok(());
        }
        let is_fragile = self.no_sync || self.is_lost;
        let goals = if is_lied_to {
            self.live.iter().cloned().chain([next.clone()]).collect()
        } else {
            vec![next.clone()]
        };
        let may_be_absent = before.may_be_absent && is_fragile;
        self.bounds = Bounds { goals, may_be_absent, is_fragile, ..before };
        self.live = Some(next);
        self.lint.set_synced(!is_fragile);
        if is_lied_to {
            self.note();
            self.sim.mark("the next step, a sync having lied");
        } else {
            self.acknowledged("the next step, the commit being acknowledged");
        }
        Ok(())
    }

    fn failed(
        &mut self,
        before: Bounds,
        next: Arc<Goal>,
        fired: &[Fired],
        txid: u64,
        error: Option<Error>,
    ) -> Verdict<()> {
        let text = error.as_ref().map(Error::to_string).unwrap_or_default();
        if fired.is_empty() {
            return Err(Violation::new(format!("a commit fails on a sound disk: {text}")));
        }
        let is_open = fired.iter().any(|fault| fault.call.is_commit_of(txid));
        self.is_poisoned = fired.iter().any(|fault| fault.call.is_poisonous());
        self.is_lost |= before.is_fragile && self.is_poisoned;
        self.bounds = before;
        match (error, is_open) {
            (Some(Error::Unknown(_)), true) => self.bounds.goals.push(next),
            (Some(Error::Unknown(_)), false) => {
                return Err(Violation::new(format!("the outcome is known, but it says: {text}")));
            }
            (_, true) => return Err(Violation::new(format!("the outcome is unknown, but it says: {text}"))),
            (_, false) => {}
        }
        self.bounds.is_fragile |= self.no_sync;
        self.note();
        self.sim.mark("the next step, a commit having failed");
        Ok(())
    }

    fn sync(&mut self) -> Verdict<()> {
        let Some(db) = self.db.clone() else { return Ok(()) };
        let fired = self.sim.fired_count();
        let result = db.sync();
        match (result, self.sim.fired_since(fired).is_empty()) {
            (Err(Error::Poisoned(_)), true) if self.is_poisoned => Ok(()),
            (Ok(()), true) if self.is_poisoned => {
                Err(Violation::new("it answers a sync although an earlier one has failed"))
            }
            (Ok(()), true) if self.bounds.is_fragile && !self.is_lost => {
                // Until now each of the states was possible; now it is the one that the handle shows.
                self.bounds = Bounds {
                    goals: self.live.iter().cloned().collect(),
                    is_fragile: false,
                    ..self.bounds.clone()
                };
                self.lint.set_synced(!self.no_sync);
                self.acknowledged("the next step, a sync being acknowledged");
                Ok(())
            }
            (Ok(()), true) => Ok(()),
            (Err(_), false) => {
                self.is_poisoned = true;
                self.is_lost |= self.bounds.is_fragile;
                Ok(())
            }
            (Ok(()), false) => Err(Violation::new("it answers a sync that failed")),
            (Err(error), true) => Err(Violation::new(format!("a sync fails on a sound disk: {error}"))),
        }
    }

    /// Makes a copy, which the disk holds from then on; where that fails, no name leads to a new one, unless
    /// the name itself was the last thing that was done.
    fn copy(&mut self, way: CopyWay, replace: bool) -> Verdict<()> {
        let (Some(db), Some(live)) = (self.db.clone(), self.live.clone()) else { return Ok(()) };
        let path = Path::new(COPY);
        let is_refused = self.sim.exists(path) && !replace;
        let before = self.bounds.copy.clone();
        self.bounds.copy.goals.push(live.clone());
        self.note();
        let fired = self.sim.fired_count();
        let result = self.make_copy(&db, way, replace);
        let fired = self.sim.fired_since(fired);
        if self.sim.is_dead() {
            self.live = None;
            return Ok(());
        }
        let is_named = fired.iter().any(|fault| matches!(fault.call, Call::Link | Call::SyncDirectory));
        match result {
            Err(Error::Exists) if is_refused => self.bounds.copy = before,
            Ok(()) if is_refused => return Err(Violation::new("a copy took the place of a file")),
            Ok(()) => {
                if let Some(fault) = fired.iter().find(|fault| fault.call.is_change()) {
                    return Err(Violation::new(format!("it made a copy although {:?} failed", fault.call)));
                }
                self.bounds.copy = CopyBounds { goals: vec![live], may_be_absent: false };
                self.lint.acknowledge(path);
            }
            Err(error) if fired.is_empty() => {
                return Err(Violation::new(format!("a copy fails on a sound disk: {error}")));
            }
            Err(_) if !is_named => self.bounds.copy = before,
            Err(_) => {}
        }
        self.mark("the next step, a copy having been tried");
        Ok(())
    }

    fn make_copy(&self, db: &Db, way: CopyWay, replace: bool) -> bolt::Result<()> {
        let path = Path::new(COPY);
        match way {
            CopyWay::Backup => {
                let options = BackupOptions { replace, ..BackupOptions::default() };
                let txn = db.begin_read()?;
                backup_in::<Error>(&*self.names, &txn, path, options, |_, _| Ok(())).map(|_| ())
            }
            CopyWay::Compaction(txn_max_len) => {
                let target = self.config.setup.options();
                let options = CompactOptions { txn_max_len, replace, target };
                db.compact_in(&*self.names, path, &options, |_| Ok(()))
            }
        }
    }

    fn open_reader(&mut self) -> Verdict<()> {
        let (Some(db), Some(goal)) = (self.db.clone(), self.live.clone()) else { return Ok(()) };
        let txn = db.begin_read().map_err(|error| Violation::new(format!("no reader begins: {error}")))?;
        let pin = self.lint.pin(Path::new(PATH), txn.id());
        self.readers.push_back(Reader { txn, goal, pin });
        Ok(())
    }

    fn close_reader(&mut self) -> Verdict<()> {
        let Some(mut reader) = self.readers.pop_front() else { return Ok(()) };
        self.unpin(&reader);
        match model::digest_of(&mut reader.txn) {
            Ok(digest) if digest == reader.goal.digest => Ok(()),
            Ok(_) => Err(Violation::new("a reader sees another state than that with which it began")),
            Err(error) => Err(Violation::new(format!("a reader fails: {error}"))),
        }
    }

    fn unpin(&self, reader: &Reader) {
        if let Some(pin) = reader.pin {
            self.lint.unpin(Path::new(PATH), pin);
        }
    }

    /// What the handle shows must be the last state that it acknowledged.
    fn look(&mut self) -> Verdict<()> {
        let (Some(db), Some(live)) = (self.db.clone(), self.live.clone()) else { return Ok(()) };
        let shown = db.begin_read().and_then(|mut txn| model::digest_of(&mut txn));
        match shown {
            Ok(digest) if digest == live.digest => Ok(()),
            Ok(_) => Err(Violation::new("the handle shows another state than the last one acknowledged")),
            Err(error) => Err(Violation::new(format!("the handle does not show its state: {error}"))),
        }
    }

    fn close(&mut self) -> Verdict<()> {
        while !self.readers.is_empty() {
            self.close_reader()?;
        }
        let Some(db) = self.db.take() else { return Ok(()) };
        // The freelist may be written by a commit of its own.
        self.bounds.is_fragile |= self.no_sync;
        self.note();
        let fired = self.sim.fired_count();
        let result = db.close();
        let fired = self.sim.fired_since(fired);
        // Closing keeps the content: either outcome of a failed one holds it. After an unknown outcome the
        // next opening shows which it was.
        if self.bounds.goals.len() > 1 {
            self.live = None;
        }
        match result {
            Ok(()) => match fired.iter().find(|fault| fault.call.is_change()) {
                Some(fault) => {
                    Err(Violation::new(format!("it closed well although {:?} failed", fault.call)))
                }
                None => {
                    self.note();
                    self.sim.mark("the next opening, the database being closed");
                    Ok(())
                }
            },
            Err(_) if !fired.is_empty() => {
                self.is_lost |= self.bounds.is_fragile;
                Ok(())
            }
            Err(error) => Err(Violation::new(format!("it does not close: {error}"))),
        }
    }

    /// Ends the process, by death or by closing, and looks at what it leaves to the next one.
    fn finish(&mut self) -> Verdict<()> {
        if self.sim.is_dead() {
            count(&self.examiner.counters.deaths);
            self.readers.iter().for_each(|reader| self.unpin(reader));
            self.readers.clear();
            self.db = None;
            self.live = None;
        } else {
            self.close()?;
        }
        let Some(plan) = self.config.plan else { return Ok(()) };
        self.sim.set_plan(None);
        if plan.kind == Kind::Death {
            self.no_sync = false;
        }
        self.open().map_err(|violation| violation.at("by the next process"))?;
        self.write(&[Change::Small(0), Change::Small(3)], true)?;
        self.look()?;
        self.close()
    }
}
