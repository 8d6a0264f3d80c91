//! What the fuzzers do with the bytes that they think of, so that a test can do the same with those kept.
//!
//! Each ends in a panic where something is wrong: that is what a fuzzer looks for.
#![expect(clippy::panic, reason = "a fuzzer finds panics")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use bolt::format::bytes::{fnv1a, put_u64};
use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, Error, FreelistMode, Options, Txn, Wait};
use crashsim::model::{Action, Bucket, Path as Way, digest_of, perform};

use crate::bases::base;
use crate::exercise::{Way as Opened, exercise};

/// The longest file that is looked at.
const FILE_MAX: usize = 1 << 17;
const CHANGE_MAX: usize = 200;

/// What one fuzzer does with its bytes.
type Target = fn(&[u8]);

/// The fuzzers by their names.
pub const TARGETS: [(&str, Target); 3] = [("file", file), ("operations", operations), ("both", both)];

/// One of a few names, so that changes meet.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Name(u8);

/// A change, or the end of a transaction.
#[derive(Arbitrary, Clone, Debug)]
enum Step {
    Put { bucket: u8, key: Name, long: bool, len: u8 },
    Delete { bucket: u8, key: Name },
    DeleteRange { bucket: u8, from: Name, to: Name },
    Ensure { bucket: u8, name: Name },
    Drop { bucket: u8, name: Name },
    Move { bucket: u8, name: Name, to: u8 },
    Sequence { bucket: u8, value: u64 },
    Undone { first: u8, count: u8 },
    Commit,
    Rollback,
    Reopen { mode: u8, bbolt_rules: bool },
}

/// A number written into a file.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Edit {
    Byte {
        at: u16,
        value: u8,
    },
    Short {
        at: u16,
        value: u16,
    },
    Word {
        at: u16,
        value: u32,
    },
    Long {
        at: u16,
        value: u64,
    },
    /// A page id where one may stand.
    Page {
        at: u16,
        id: u8,
    },
    Copy {
        from: u16,
        to: u16,
        len: u8,
    },
    Cut {
        len: u16,
    },
}

/// A damaged file and what is done with it.
#[derive(Debug)]
struct Both {
    edits: Vec<Edit>,
    is_repaired: bool,
    number: u64,
    steps: Vec<Step>,
}

impl Both {
    /// Up to 15 edits, then as many steps as there are bytes for.
    fn from_bytes(data: &[u8]) -> arbitrary::Result<Both> {
        let mut bytes = Unstructured::new(data);
        let edit_count = bytes.int_in_range(0..=15)?;
        let edits = (0..edit_count).map(|_| bytes.arbitrary()).collect::<arbitrary::Result<_>>()?;
        let (is_repaired, number) = (bytes.ratio(7, 8)?, bytes.arbitrary()?);
        Ok(Both { edits, is_repaired, number, steps: Vec::arbitrary_take_rest(bytes)? })
    }
}

static TINY: LazyLock<Vec<u8>> = LazyLock::new(|| match base("tiny") {
    Ok(base) => base.bytes,
    Err(error) => panic!("{error}"),
});

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let path = root.join(format!("hostile-fuzz-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir_all(&path) {
        panic!("{}: {error}", path.display());
    }
    path
});

/// Takes the bytes for a file, read and written.
pub fn file(data: &[u8]) {
    let bytes = data.get(..FILE_MAX).unwrap_or(data);
    let number = fnv1a(bytes);
    // The last byte of the first meta page, which nobody reads, says how the file is opened.
    let opened =
        bytes.get(1023).map_or(Opened::Memory, |&byte| Opened::ALL[usize::from(byte) % Opened::ALL.len()]);
    if let Err(violation) = exercise(bytes, number, opened, &DIRECTORY) {
        panic!("{violation}");
    }
}

/// Takes the bytes for changes, which are made to a new database and to maps alike.
pub fn operations(data: &[u8]) {
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let mut run = Run::new(None);
    for step in steps.iter().take(CHANGE_MAX) {
        if let Err(error) = run.step(step, &steps) {
            panic!("{step:?}: {error}");
        }
    }
    if let Err(error) = run.end_txn(true).and_then(|()| run.compare()) {
        panic!("in the end: {error}");
    }
}

/// Takes the bytes for damage to a small file and for what is done with it then.
pub fn both(data: &[u8]) {
    let Ok(both) = Both::from_bytes(data) else { return };
    let mut bytes = TINY.clone();
    for edit in &both.edits {
        damage(&mut bytes, *edit);
    }
    if both.is_repaired {
        for slot in [0, 1] {
            let struct_at = slot * 1024 + 16;
            let sum = bytes.get(struct_at..struct_at + 56).map(fnv1a);
            sum.and_then(|sum| put_u64(&mut bytes, struct_at + 56, sum));
        }
    }
    let opened = Opened::ALL[(both.number % Opened::ALL.len() as u64) as usize];
    if let Err(violation) = exercise(&bytes, both.number, opened, &DIRECTORY) {
        panic!("{violation}");
    }
    let mut run = Run::new(Some(bytes));
    for step in both.steps.iter().take(CHANGE_MAX) {
        match run.step(step, &both.steps) {
            Err(Error::Panic(text)) => panic!("{step:?}: {text}"),
            _ => continue,
        }
    }
    if let Err(Error::Panic(text)) = run.end_txn(true) {
        panic!("in the end: {text}");
    }
}

fn damage(bytes: &mut Vec<u8>, edit: Edit) {
    let mut put = |at: u16, value: &[u8]| {
        let at = usize::from(at);
        if let Some(place) = bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    };
    match edit {
        Edit::Byte { at, value } => put(at, &[value]),
        Edit::Short { at, value } => put(at, &value.to_le_bytes()),
        Edit::Word { at, value } => put(at, &value.to_le_bytes()),
        Edit::Long { at, value } => put(at, &value.to_le_bytes()),
        Edit::Page { at, id } => put(at, &u64::from(id).to_le_bytes()),
        Edit::Copy { from, to, len } => {
            let (from, to, len) = (usize::from(from), usize::from(to), usize::from(len));
            if from.max(to) + len <= bytes.len() {
                bytes.copy_within(from..from + len, to);
            }
        }
        Edit::Cut { len } => bytes.truncate(usize::from(len)),
    }
}

/// A database and, where it began as a new one, what it must hold.
struct Run {
    names: MemoryNamespace,
    db: Option<Db>,
    txn: Option<Txn>,
    /// What was committed, and what the open transaction has made of it; none for a damaged file.
    model: Option<(Bucket, Bucket)>,
    /// Where buckets were made or found.
    paths: Vec<Way>,
}

const PATH: &str = "/fuzz.db";

impl Run {
    fn new(bytes: Option<Vec<u8>>) -> Run {
        let names = MemoryNamespace::new();
        let paths: Vec<Way> = match &bytes {
            None => vec![Way::new()],
            Some(_) => vec![
                Way::new(),
                vec![b"tree".to_vec()],
                vec![b"tree".to_vec(), b"below".to_vec()],
                vec![b"inline".to_vec()],
            ],
        };
        let model = if bytes.is_none() { Some((Bucket::default(), Bucket::default())) } else { None };
        if let Some(bytes) = bytes {
            // There is room in memory for a file as small as this one.
            let _ = names.insert(Path::new(PATH), bytes);
        }
        let mut run = Run { names, db: None, txn: None, model, paths };
        let _ = run.open(0, false);
        run
    }

    fn open(&mut self, mode: u8, bbolt_rules: bool) -> bolt::Result<()> {
        let modes =
            [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never];
        let freelist_mode = modes[usize::from(mode) % modes.len()];
        let options = Options { page_size: 1024, freelist_mode, bbolt_rules, ..Options::default() };
        self.db = Some(Db::open_in(&self.names, Path::new(PATH), &options)?);
        Ok(())
    }

    fn step(&mut self, step: &Step, all: &[Step]) -> bolt::Result<()> {
        match *step {
            Step::Commit => self.end_txn(true),
            Step::Rollback => self.end_txn(false),
            Step::Reopen { mode, bbolt_rules } => {
                self.end_txn(true)?;
                self.compare()?;
                if let Some(db) = self.db.take() {
                    db.close()?;
                }
                self.open(mode, bbolt_rules)
            }
            Step::Undone { first, count } => {
                let undone = all.iter().skip(usize::from(first)).take(usize::from(count % 16));
                let mut model = self.model.as_ref().map(|(_, open)| open.clone());
                let mut actions = Vec::new();
                for action in undone.filter_map(|step| self.action(step)) {
                    if model.as_ref().is_none_or(|model| model.possible(&action)) {
                        if let Some(model) = &mut model {
                            model.apply(&action);
                        }
                        actions.push(action);
                    }
                }
                self.perform(&Action::Undone(actions))
            }
            _ => match self.action(step) {
                Some(action) => self.perform(&action),
                None => Ok(()),
            },
        }
    }

    fn action(&self, step: &Step) -> Option<Action> {
        let path = |bucket: u8| self.paths[usize::from(bucket) % self.paths.len()].clone();
        let key = |Name(name): Name| match name % 4 {
            0 => vec![b'k'; 1 + usize::from(name / 4) * 5],
            1 => format!("key {}", name / 4).into_bytes(),
            _ => vec![b'a' + name % 16],
        };
        Some(match *step {
            Step::Put { bucket, key: name, long, len } => {
                let len = usize::from(len) * if long { 16 } else { 1 };
                Action::Put(path(bucket), key(name), vec![len as u8; len].into())
            }
            Step::Delete { bucket, key: name } => Action::Delete(path(bucket), key(name)),
            Step::DeleteRange { bucket, from, to } => Action::DeleteRange(path(bucket), key(from), key(to)),
            Step::Ensure { bucket, name } => Action::Ensure(path(bucket), key(name)),
            Step::Drop { bucket, name } => Action::Drop(path(bucket), key(name)),
            Step::Move { bucket, name, to } => Action::Move(path(bucket), key(name), path(to)),
            Step::Sequence { bucket, value } => Action::Sequence(path(bucket), value),
            Step::Undone { .. } | Step::Commit | Step::Rollback | Step::Reopen { .. } => return None,
        })
    }

    /// Makes the change in both. What the maps say is impossible must be refused, and changes nothing.
    fn perform(&mut self, action: &Action) -> bolt::Result<()> {
        let Some(db) = &self.db else { return Ok(()) };
        let txn = match &mut self.txn {
            Some(txn) => txn,
            none => none.insert(db.begin_write(Wait::Try)?),
        };
        if let Some((_, open)) = &mut self.model {
            if !open.possible(action) {
                return Ok(());
            }
            open.apply(action);
        }
        if let (Action::Ensure(path, name), true) = (action, self.paths.len() < 64) {
            let path = [&path[..], std::slice::from_ref(name)].concat();
            if path.len() < 8 && !self.paths.contains(&path) {
                self.paths.push(path);
            }
        }
        perform(txn, action)
    }

    fn end_txn(&mut self, is_kept: bool) -> bolt::Result<()> {
        let Some(txn) = self.txn.take() else { return Ok(()) };
        let done = if is_kept {
            txn.commit()
        } else {
            txn.rollback();
            Ok(())
        };
        if let Some((committed, open)) = &mut self.model {
            if is_kept {
                committed.clone_from(open);
            } else {
                open.clone_from(committed);
            }
            let there: BTreeSet<Way> = committed.paths().into_iter().collect();
            self.paths.retain(|path| there.contains(path));
        }
        done
    }

    /// Whether the database holds what the maps hold, and the checker has nothing to say.
    fn compare(&mut self) -> bolt::Result<()> {
        let (Some(db), Some((committed, _))) = (&self.db, &self.model) else { return Ok(()) };
        let mut txn = db.begin_read()?;
        txn.check(CheckOptions::default(), |finding| {
            Err(Error::corrupt(finding.page, finding.text.to_owned()))
        })?;
        if digest_of(&mut txn)? != committed.digest() {
            return Err(Error::corrupt(0, "the database does not hold what was put into it"));
        }
        Ok(())
    }
}
