//! Memory that fails: at each place where it is asked for, once, and from there on for ever.
//!
//! What must come of it: a result or the error for it, no memory kept, no lock held, the same handle good
//! for the next call, and a file in the state before or after. Where the standard library leaves no choice
//! but to abort, the process ends; so each place is tried in a worker, and the next worker goes on behind it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bolt::{CheckOptions, Db, Error, FreelistMode, Options, ROOT, Wait};
use crashsim::digest::Digest;
use crashsim::model::digest_of;

use crate::bases::base;
use crate::memory::{self, Plan};
use crate::scenarios::{ALL, Place, Work};

/// What has come of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// How many failures were tried.
    pub failure_count: u64,
    /// How many ended in an error.
    pub error_count: u64,
    /// The lengths for which the standard library aborted, each with the number of the call.
    pub aborts: Vec<(u64, usize)>,
    /// What must not be.
    pub findings: Vec<String>,
}

/// Whether a failure is for once or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One call fails.
    Once,
    /// All fail from that one on.
    From,
}

impl Mode {
    /// Both.
    pub const ALL: [Mode; 2] = [Mode::Once, Mode::From];

    fn plan(self, call: u64) -> Plan {
        match self {
            Mode::Once => Plan::Once(call),
            Mode::From => Plan::From(call),
        }
    }
}

/// Lets each call for memory of a scenario fail in turn, in workers.
pub fn watch(scenario: usize, mode: Mode) -> Result<Tried, String> {
    let mut tried = Tried::default();
    let mut next = 0;
    while let Some(first) = follow(scenario, mode, next, &mut tried)? {
        next = first;
    }
    Ok(tried)
}

/// Follows one worker; with which call the next one goes on, where it aborted.
fn follow(scenario: usize, mode: Mode, first: u64, tried: &mut Tried) -> Result<Option<u64>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let is_sticky = u64::from(mode == Mode::From);
    let words = ["memory-worker".to_owned(), scenario.to_string(), is_sticky.to_string(), first.to_string()];
    let output = Command::new(program)
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| error.to_string())?;
    let (told, aside) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut last = None;
    for line in told.lines() {
        match line.split_once(' ') {
            Some(("k", call)) => {
                last = call.parse::<u64>().ok();
                tried.failure_count += 1;
            }
            Some(("e", _)) => tried.error_count += 1,
            Some(("v", text)) => tried.findings.push(text.to_owned()),
            Some(("d", _)) => {
                tried.failure_count -= 1;
                return Ok(None);
            }
            _ => return Err(format!("a worker says {line}")),
        }
    }
    let len =
        aside.split("memory allocation of ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    match (last, len) {
        (Some(call), Some(len)) => {
            tried.aborts.push((call, len));
            Ok(Some(call + 1))
        }
        _ => Err(format!("a worker ended ({}) with: {aside}", output.status)),
    }
}

/// The work of a worker: the calls from `first` on fail in turn.
pub fn work(scenario: usize, mode: Mode, first: u64, directory: &Path) -> Result<(), String> {
    let (name, work) = *ALL.get(scenario).ok_or("no such scenario")?;
    let trial = Trial::new(name, work, directory)?;
    let mut out = std::io::stdout().lock();
    for call in first.. {
        // Nothing is kept back when the process aborts.
        writeln!(out, "k {call}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
        let (was_asked, result) = trial.run(mode.plan(call));
        let told = match result {
            Ok(true) => writeln!(out, "e {call}"),
            Ok(false) => Ok(()),
            Err(violation) => writeln!(out, "v {name}, call {call}, {mode:?}: {violation}"),
        };
        told.map_err(|error| error.to_string())?;
        if !was_asked {
            return writeln!(out, "d {call}").map_err(|error| error.to_string());
        }
    }
    Ok(())
}

/// One failure, told with the way to it.
pub fn explain(scenario: usize, mode: Mode, call: u64, directory: &Path) -> Result<(), String> {
    let (name, work) = *ALL.get(scenario).ok_or("no such scenario")?;
    let trial = Trial::new(name, work, directory)?;
    memory::trace_failures();
    println!("{:?}", trial.run(mode.plan(call)).1);
    Ok(())
}

/// A scenario with its files and with what must come of it.
struct Trial {
    work: Work,
    bytes: Vec<u8>,
    path: PathBuf,
    other: PathBuf,
    /// What the file holds before, after, and in between.
    states: Vec<Digest>,
}

impl Trial {
    fn new(name: &str, work: Work, directory: &Path) -> Result<Trial, String> {
        let bytes = base(if name.contains("without a list") { "n1" } else { "k1" })?.bytes;
        let (path, other) = (directory.join("scarce.db"), directory.join("other.db"));
        let mut trial = Trial { work, bytes, path, other, states: Vec::new() };
        trial.states = trial.all_states().map_err(|error| format!("{name}: {error}"))?;
        // What is kept once and for all is kept from now on.
        trial.run(Plan::None).1.map_err(|violation| format!("{name}: {violation}"))?;
        Ok(trial)
    }

    fn place(&self) -> Place<'_> {
        Place { path: &self.path, other: &self.other }
    }

    fn lay_out(&self) -> std::io::Result<()> {
        match self.work {
            Work::Missing(_) if self.path.exists() => std::fs::remove_file(&self.path),
            Work::Missing(_) => Ok(()),
            _ => std::fs::write(&self.path, &self.bytes),
        }
    }

    /// What the file holds where nothing fails: before, after each transaction of a scenario of several, and
    /// in the end.
    fn all_states(&self) -> bolt::Result<Vec<Digest>> {
        let failed = |error| Error::os("laying out a file", error);
        self.lay_out().map_err(failed)?;
        let mut states = match self.work {
            // A file that was made and not yet written to is empty.
            Work::Missing(_) => vec![crashsim::model::Bucket::default().digest()],
            _ => vec![self.digest()?],
        };
        match self.work {
            Work::Open(work) => {
                let db = Db::open(&self.path, &Options::default())?;
                work(&db, &self.place())?;
                db.close()?;
            }
            Work::Closed(work) | Work::Missing(work) => work(&self.place())?,
        }
        states.push(self.digest()?);
        Ok(states)
    }

    fn digest(&self) -> bolt::Result<Digest> {
        let db = Db::open(&self.path, &Options { read_only: true, ..Options::default() })?;
        let digest = digest_of(&mut db.begin_read()?)?;
        db.close()?;
        Ok(digest)
    }

    /// Runs it once; whether a call failed, and whether an error came of it.
    fn run(&self, plan: Plan) -> (bool, Result<bool, String>) {
        if let Err(error) = self.lay_out() {
            return (false, Err(error.to_string()));
        }
        let start = memory::used();
        let (was_asked, result) = match self.work {
            Work::Open(work) => self.run_open(plan, work),
            Work::Closed(work) | Work::Missing(work) => {
                let (result, asked) =
                    memory::failing(plan, || catch_unwind(AssertUnwindSafe(|| work(&self.place()))));
                (asked.failed.is_some(), judged(result))
            }
        };
        let result = result.and_then(|is_error| {
            let kept = memory::used() - start;
            if kept != 0 {
                return Err(format!("{kept} bytes are kept"));
            }
            self.left().map(|()| is_error)
        });
        (was_asked, result)
    }

    fn run_open(
        &self,
        plan: Plan,
        work: fn(&Db, &Place<'_>) -> bolt::Result<()>,
    ) -> (bool, Result<bool, String>) {
        let db = match Db::open(
            &self.path,
            &Options { freelist_mode: FreelistMode::EachCommit, ..Options::default() },
        ) {
            Ok(db) => db,
            Err(error) => return (false, Err(format!("opening: {error}"))),
        };
        let (result, asked) =
            memory::failing(plan, || catch_unwind(AssertUnwindSafe(|| work(&db, &self.place()))));
        let result = judged(result).and_then(|is_error| {
            self.good(&db, plan)?;
            db.close().map_err(|error| format!("closing: {error}"))?;
            Ok(is_error)
        });
        (asked.failed.is_some(), result)
    }

    /// Whether the handle is as good as before, and shows one of the states.
    fn good(&self, db: &Db, plan: Plan) -> Result<(), String> {
        let digest = db.begin_read().and_then(|mut txn| digest_of(&mut txn));
        match digest {
            Ok(digest) if self.is_known(&digest) => {}
            Ok(_) => return Err("the handle shows a state that never was".into()),
            Err(error) => return Err(format!("reading afterwards: {error}")),
        }
        let written = db.begin_write(Wait::Try).and_then(|mut txn| {
            txn.create_bucket(ROOT, b"afterwards")?;
            txn.delete_bucket(ROOT, b"afterwards")?;
            txn.commit()
        });
        match written {
            // Where not even the attempt could be taken back, nothing is written any more.
            Err(Error::Poisoned(_)) if matches!(plan, Plan::From(_)) => Ok(()),
            Err(error) => Err(format!("writing afterwards: {error}")),
            Ok(()) => Ok(()),
        }
    }

    fn is_known(&self, digest: &Digest) -> bool {
        // A scenario of several transactions may end between them.
        self.states.contains(digest) || matches!(self.work, Work::Open(work) if is_several(work))
    }

    /// The file is there as a whole, or not at all, and holds what it held before or what it should.
    fn left(&self) -> Result<(), String> {
        if !self.path.exists() {
            let is_missing = matches!(self.work, Work::Missing(_));
            return if is_missing { Ok(()) } else { Err("the file is gone".into()) };
        }
        let digest = self.digest().map_err(|error| format!("opening anew: {error}"))?;
        if !self.is_known(&digest) {
            return Err("the file holds what it never should".into());
        }
        let db = Db::open(&self.path, &Options { read_only: true, ..Options::default() });
        let checked = db.and_then(|db| {
            let txn = db.begin_read()?;
            txn.check(CheckOptions::default(), |finding| {
                Err(Error::corrupt(finding.page, finding.text.to_owned()))
            })
        });
        checked.map(drop).map_err(|error| format!("what is left: {error}"))
    }
}

fn is_several(work: fn(&Db, &Place<'_>) -> bolt::Result<()>) -> bool {
    ALL.iter().any(|(name, known)| {
        *name == "commits beside a reader"
            && matches!(known, Work::Open(known) if std::ptr::fn_addr_eq(*known, work))
    })
}

/// Whether it is an error, which can only be that there is no memory.
fn judged(result: std::thread::Result<bolt::Result<()>>) -> Result<bool, String> {
    match result {
        Ok(Ok(())) => Ok(false),
        Ok(Err(error)) if error.code() == Error::NoMemory.code() => Ok(true),
        Ok(Err(error)) => Err(format!("it is said to be: {error}")),
        Err(_) => Err("a panic".into()),
    }
}
