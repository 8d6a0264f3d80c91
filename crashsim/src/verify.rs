//! A database after a power cut: it opens, it is sound, it holds exactly one of the states that it may hold,
//! it can be written on, and what was written is there after another opening.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bolt::storage::Namespace;
use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, FindingCode, FreelistMode, Options, Txn, Wait};

use crate::cut::Image;
use crate::digest::Digest;
use crate::model::{self, Action, Bucket, Value, value};
use crate::reader;

/// The file of every run.
pub const PATH: &str = "/sim/test.db";
/// The copy of it, where one is made.
pub const COPY: &str = "/sim/copy.db";

/// How the databases of a run are opened.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The page size of a new file.
    pub page_size: u32,
    /// When the freelist is written.
    pub mode: FreelistMode,
    /// Whether all of Go's rules apply.
    pub bbolt_rules: bool,
}

impl Setup {
    /// The options that say so.
    pub fn options(&self) -> Options {
        Options {
            page_size: self.page_size,
            freelist_mode: self.mode,
            bbolt_rules: self.bbolt_rules,
            lock_timeout: Some(Duration::ZERO),
            ..Options::default()
        }
    }
}

/// What went wrong, and all that helps to see why.
#[derive(Debug)]
pub struct Violation {
    /// What went wrong.
    pub what: String,
    /// Where, from the inside out.
    pub notes: Vec<String>,
    /// The file on which it is to be seen, where there is one.
    pub image: Option<Vec<u8>>,
}

impl Violation {
    /// One without notes.
    pub fn new(what: impl Into<String>) -> Box<Violation> {
        Box::new(Violation { what: what.into(), notes: Vec::new(), image: None })
    }

    /// With a note of where it was seen.
    pub fn at(mut self: Box<Violation>, note: impl Into<String>) -> Box<Violation> {
        self.notes.push(note.into());
        self
    }
}

/// A result, or what went wrong.
pub type Verdict<T> = Result<T, Box<Violation>>;

/// A state that a database may hold.
#[derive(Debug)]
pub struct Goal {
    /// What it holds.
    pub model: Bucket,
    /// Its digest.
    pub digest: Digest,
    tails: OnceLock<[Tail; 2]>,
}

/// What is written on, and what the database holds then.
#[derive(Debug)]
struct Tail {
    actions: Vec<Action>,
    goal: Arc<Goal>,
}

impl Goal {
    /// The state of `model`.
    pub fn new(model: Bucket) -> Arc<Goal> {
        let digest = model.digest();
        Arc::new(Goal { model, digest, tails: OnceLock::new() })
    }

    /// What is written on it, in two transactions: some of it on new pages, some over old ones.
    fn tails(&self) -> &[Tail; 2] {
        self.tails.get_or_init(|| {
            let place = vec![b"~tail".to_vec()];
            let put =
                |key: &[u8], len: usize| Action::Put(place.clone(), key.to_vec(), value(len as u64, len));
            let ensure = Action::Ensure(Vec::new(), b"~tail".to_vec());
            let mut first = vec![ensure.clone(), put(b"1", 300), put(b"2", 3000)];
            first.extend(self.victim());
            let first = Tail::new(&self.model, first);
            let second = vec![ensure, put(b"1", 20), Action::Delete(place.clone(), b"2".to_vec())];
            let second = Tail::new(&first.goal.model, second);
            [first, second]
        })
    }

    /// The deletion of some key.
    fn victim(&self) -> Option<Action> {
        self.model.paths().into_iter().rev().find_map(|path| {
            let mut entries = self.model.at(&path)?.entries.iter();
            let (key, _) = entries.find(|(_, value)| matches!(value, Value::Bytes(_)))?;
            Some(Action::Delete(path, key.clone()))
        })
    }
}

impl Tail {
    fn new(before: &Bucket, actions: Vec<Action>) -> Tail {
        let actions: Vec<Action> = actions
            .into_iter()
            .filter(|action| !matches!(action, Action::Put(path, ..) if path.is_empty()))
            .collect();
        let mut model = before.clone();
        actions.iter().for_each(|action| model.apply(action));
        Tail { actions, goal: Goal::new(model) }
    }
}

/// What a disk may hold.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The states, one of which the database must hold.
    pub goals: Vec<Arc<Goal>>,
    /// Whether the file may be missing; it is then made anew, and holds nothing.
    pub may_be_absent: bool,
    /// Whether commits without syncs have left nothing certain: then it must only not do harm.
    pub is_fragile: bool,
    /// What a copy may hold.
    pub copy: CopyBounds,
}

/// What a copy may hold.
#[derive(Clone, Debug)]
pub struct CopyBounds {
    /// The states, one of which it holds where it is there.
    pub goals: Vec<Arc<Goal>>,
    /// Whether it may be missing.
    pub may_be_absent: bool,
}

impl Bounds {
    /// Exactly this state, and no copy.
    pub fn exactly(goal: Arc<Goal>) -> Bounds {
        let copy = CopyBounds { goals: Vec::new(), may_be_absent: true };
        Bounds { goals: vec![goal], may_be_absent: false, is_fragile: false, copy }
    }

    /// The bytes that tell these bounds from others.
    pub fn key(&self) -> Vec<u8> {
        let flags = [self.may_be_absent, self.is_fragile, self.copy.may_be_absent].map(u8::from);
        let copies = self.copy.goals.iter().flat_map(|goal| goal.digest.to_le_bytes());
        let goals = self.goals.iter().flat_map(|goal| goal.digest.to_le_bytes());
        goals.chain(flags).chain(copies).collect()
    }

    /// The state with this digest.
    pub fn find(&self, digest: Digest) -> Option<&Arc<Goal>> {
        self.goals.iter().find(|goal| goal.digest == digest)
    }
}

/// How far a recovery has come.
pub enum Stage<'g> {
    /// It holds this state.
    Opened(&'g Arc<Goal>),
    /// It is about to commit this one.
    Writing(&'g Arc<Goal>),
    /// The commit is acknowledged.
    Written(&'g Arc<Goal>),
}

/// Opens the file of `names` after a cut, and holds it against the bounds.
pub struct Recovery<'r> {
    /// The files.
    pub names: &'r dyn Namespace,
    /// The one that is opened.
    pub path: &'r str,
    /// How it is opened.
    pub setup: &'r Setup,
    /// What it may hold.
    pub bounds: &'r Bounds,
    /// Whether it is written twice, over another opening.
    pub is_long: bool,
}

impl Recovery<'_> {
    /// Does all of it. `observe` is told how far it has come.
    pub fn run(&self, observe: &mut dyn FnMut(&Stage<'_>)) -> Verdict<()> {
        let db = self.open("after the cut")?;
        let found = check(&db, true)?;
        let Some(goal) = self.bounds.find(found) else {
            return Err(Violation::new(format!(
                "it holds none of the {} states that it may hold",
                self.bounds.goals.len()
            )));
        };
        observe(&Stage::Opened(goal));
        let [first, second] = goal.tails();
        write(&db, first, observe)?;
        close(&db)?;
        let db = self.open("after the first commit")?;
        expect(&db, &first.goal, "what was written is not there after another opening")?;
        if self.is_long {
            write(&db, second, observe)?;
            close(&db)?;
            let db = self.open("after the second commit")?;
            expect(&db, &second.goal, "what was written the second time is not there")?;
        }
        Ok(())
    }

    fn open(&self, when: &str) -> Verdict<Db> {
        Db::open_in(self.names, Path::new(self.path), &self.setup.options())
            .map_err(|error| Violation::new(format!("it does not open {when}: {error}")))
    }
}

fn write(db: &Db, tail: &Tail, observe: &mut dyn FnMut(&Stage<'_>)) -> Verdict<()> {
    observe(&Stage::Writing(&tail.goal));
    let written = db.begin_write(Wait::Try).and_then(|mut txn| {
        tail.actions.iter().try_for_each(|action| model::perform(&mut txn, action))?;
        txn.commit()
    });
    written.map_err(|error| Violation::new(format!("it cannot be written on: {error}")))?;
    observe(&Stage::Written(&tail.goal));
    expect(db, &tail.goal, "what was written on is not there")
}

fn close(db: &Db) -> Verdict<()> {
    db.close().map_err(|error| Violation::new(format!("it does not close: {error}")))
}

fn expect(db: &Db, goal: &Goal, otherwise: &str) -> Verdict<()> {
    if check(db, false)? == goal.digest { Ok(()) } else { Err(Violation::new(otherwise)) }
}

/// Checks the newest state; its digest. `is_cut`: a damaged meta beside a sound one is no fault.
pub fn check(db: &Db, is_cut: bool) -> Verdict<Digest> {
    let mut txn = db.begin_read().map_err(|error| Violation::new(format!("no reader begins: {error}")))?;
    check_txn(&mut txn, is_cut)
}

fn check_txn(txn: &mut Txn, is_cut: bool) -> Verdict<Digest> {
    let mut findings = Vec::new();
    let checked = txn.check(CheckOptions::default(), |finding| {
        if !is_cut || !matches!(finding.code, FindingCode::MetaDamaged | FindingCode::MetaHeader) {
            findings.push(format!("{:?}: {}", finding.code, finding.text));
        }
        Ok(())
    });
    if let Err(error) = checked {
        return Err(Violation::new(format!("the check fails: {error}")));
    }
    if !findings.is_empty() {
        return Err(Violation::new(format!("the check finds: {}", findings.join("; "))));
    }
    model::digest_of(txn).map_err(|error| Violation::new(format!("it cannot be read: {error}")))
}

/// Holds the database on the disk that a cut has left against its bounds.
pub fn verify(image: &Image, bounds: &Bounds, setup: &Setup, is_long: bool) -> Verdict<()> {
    verify_file(image, PATH, bounds, setup, is_long)
}

/// Holds its copy against them.
pub fn verify_copy(image: &Image, bounds: &CopyBounds, setup: &Setup) -> Verdict<()> {
    let CopyBounds { goals, may_be_absent } = bounds.clone();
    let no_copy = CopyBounds { goals: Vec::new(), may_be_absent: true };
    let bounds = Bounds { goals, may_be_absent, is_fragile: false, copy: no_copy };
    verify_file(image, COPY, &bounds, setup, true).map_err(|violation| violation.at("in the copy"))
}

fn verify_file(image: &Image, path: &str, bounds: &Bounds, setup: &Setup, is_long: bool) -> Verdict<()> {
    let judged = catch_unwind(AssertUnwindSafe(|| judge(image, path, bounds, setup, is_long)));
    let judged = judged.unwrap_or_else(|panic| Err(Violation::new(format!("a panic: {}", text_of(&*panic)))));
    judged.map_err(|mut violation| {
        violation.image.get_or_insert_with(|| file_of(image, path).cloned().unwrap_or_default());
        violation
    })
}

/// What a panic said.
pub fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// The file of this name on the disk.
pub fn file_of<'i>(image: &'i Image, name: &str) -> Option<&'i Vec<u8>> {
    image.iter().find(|(path, _)| path == Path::new(name)).map(|(_, bytes)| bytes)
}

fn judge(image: &Image, path: &str, bounds: &Bounds, setup: &Setup, is_long: bool) -> Verdict<()> {
    let names = MemoryNamespace::new();
    if let Some(bytes) = file_of(image, path) {
        names.insert(Path::new(path), bytes.clone()).map_err(|error| Violation::new(error.to_string()))?;
    }
    if bounds.is_fragile {
        return harmless(&names, setup);
    }
    match file_of(image, path) {
        Some(bytes) => read_apart(bytes, bounds)?,
        None if bounds.may_be_absent => {}
        None => return Err(Violation::new("the file is gone")),
    }
    Recovery { names: &names, path, setup, bounds, is_long }.run(&mut |_| {})
}

/// The own reader finds one of the states too. A file without a meta is left to the library, which begins it
/// afresh.
fn read_apart(bytes: &Vec<u8>, bounds: &Bounds) -> Verdict<()> {
    let Some(meta) = reader::newest(bytes) else { return Ok(()) };
    let state = match reader::walk(bytes, &meta) {
        Ok(state) => state,
        Err(_) if meta.txid <= 1 => return Ok(()),
        Err(fault) => return Err(Violation::new(format!("transaction {} is not whole: {fault}", meta.txid))),
    };
    match bounds.find(state.digest) {
        Some(_) => Ok(()),
        None => Err(Violation::new(format!("transaction {} is none of those that it may be", meta.txid))),
    }
}

/// Nothing is promised of the file but that looking at it does no harm.
fn harmless(names: &MemoryNamespace, setup: &Setup) -> Verdict<()> {
    if let Ok(db) = Db::open_in(names, Path::new(PATH), &setup.options()) {
        // What it says is of no interest, only that it comes back.
        let _ = check(&db, true);
    }
    Ok(())
}
