//! What a run does to its database: steps, most of them transactions, each a few changes.
//!
//! Changes depend on what is there (a bucket that can be deleted, a key that can be overwritten), so a script
//! holds their seeds, and they are made out when their turn comes.

use std::fmt;

use bolt::FreelistMode;

use crate::model::{Action, Bucket, Path, Value, value};
use crate::random::{Random, mix};

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A write transaction that is committed.
    Commit(Vec<Change>),
    /// One that is rolled back.
    Rollback(Vec<Change>),
    /// Begins a reader.
    OpenReader,
    /// Ends the oldest one.
    CloseReader,
    /// Closes the database and opens it again.
    Reopen,
    /// Sets when the freelist is written.
    Mode(FreelistMode),
    /// Sets whether commits sync.
    NoSync(bool),
    /// Makes durable what was committed without syncs.
    Sync,
    /// Makes a copy of the database.
    Copy {
        /// How.
        way: CopyWay,
        /// Whether it may take the place of an earlier one.
        replace: bool,
    },
}

/// How a copy is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyWay {
    /// Page by page.
    Backup,
    /// By a compaction, which commits after so many bytes; 0: once.
    Compaction(u64),
}

/// The ways in which copies are made.
pub const COPY_WAYS: [CopyWay; 3] = [CopyWay::Backup, CopyWay::Compaction(0), CopyWay::Compaction(700)];

/// A change, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// One of the few of the small scope.
    Small(u8),
    /// By chance; the pages are of this size.
    Random {
        /// What it is.
        seed: u64,
        /// The page size in bytes.
        page_size: u32,
    },
}

/// How many changes the small scope has.
pub const SMALL_CHANGES: u8 = 8;

/// The freelist's modes.
pub const MODES: [FreelistMode; 4] =
    [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never];

impl Change {
    /// What it is in a database that holds `bucket`. `salt` makes values differ from one transaction to the
    /// next.
    pub fn actions(&self, bucket: &Bucket, salt: u64) -> Vec<Action> {
        match *self {
            Change::Small(number) => small(number, bucket, salt),
            Change::Random { seed, page_size } => random(seed, page_size as usize, bucket),
        }
    }
}

/// The small scope: two keys of a few bytes, one of half a page, one of several pages; a bucket in the root,
/// one in it.
fn small(number: u8, bucket: &Bucket, salt: u64) -> Vec<Action> {
    let outer = b"b".to_vec();
    let path = vec![outer.clone()];
    let nested = b"n".to_vec();
    let ensure = Action::Ensure(Path::new(), outer.clone());
    let put =
        |key: &[u8], len: usize| Action::Put(path.clone(), key.to_vec(), value(mix(salt) ^ len as u64, len));
    let has_outer = bucket.at(&path).is_some();
    let has_nested = bucket.at(&[outer.clone(), nested.clone()]).is_some();
    match number {
        0 => vec![ensure, put(b"a", 20)],
        1 => vec![ensure, put(b"f", 30)],
        2 => vec![ensure, put(b"c", 2500)],
        3 => vec![ensure, put(b"d", 500)],
        4 if has_outer => vec![Action::Delete(path, b"a".to_vec())],
        5 if has_outer => vec![Action::Delete(path, b"c".to_vec())],
        6 => {
            let below = vec![outer, nested.clone()];
            let len = if has_nested { 1400 } else { 40 };
            let inner = Action::Put(below, b"k".to_vec(), value(mix(salt), len));
            vec![ensure, Action::Ensure(path, nested), inner]
        }
        7 if has_nested => vec![Action::Drop(path, nested)],
        7 if has_outer => vec![Action::Drop(Path::new(), outer)],
        _ => Vec::new(),
    }
}

/// A change of a deep run.
fn random(seed: u64, page_size: usize, bucket: &Bucket) -> Vec<Action> {
    let random = &mut Random::new(seed);
    let mut now = bucket.clone();
    let mut actions = Vec::new();
    let count = 1 + random.below(6);
    for _ in 0..count {
        for action in one(random, page_size, &now) {
            if now.possible(&action) {
                now.apply(&action);
                actions.push(action);
            }
        }
    }
    if !random.once_in(12) {
        return actions;
    }
    let half = actions.split_off(actions.len() / 2);
    // What is taken back must be possible where it stands, and what follows does not depend on it.
    actions.push(Action::Undone(half));
    actions
}

fn one(random: &mut Random, page_size: usize, now: &Bucket) -> Vec<Action> {
    let paths = now.paths();
    let path = paths[random.below(paths.len())].clone();
    let key = key(random);
    match random.below(24) {
        0..9 => {
            let len = value_len(random, page_size);
            vec![Action::Put(path, key, value(random.next(), len))]
        }
        9..12 => {
            let count = 1 + random.below(40);
            let (first, len) = (random.below(200), random.below(page_size / 8));
            let put = |index| Action::Put(path.clone(), number_key(first + index), value(index as u64, len));
            (0..count).map(put).collect()
        }
        12..15 => {
            existing(random, now, &path).map(|key| Action::Delete(path.clone(), key)).into_iter().collect()
        }
        15..18 => {
            let from = random.below(200);
            vec![Action::DeleteRange(path, number_key(from), number_key(from + 1 + random.below(80)))]
        }
        18..20 if path.len() < 4 => vec![Action::Ensure(path, key)],
        20 => {
            let Some((name, parent)) = path.split_last() else { return Vec::new() };
            vec![Action::Drop(parent.to_vec(), name.clone())]
        }
        21 => {
            let Some((name, parent)) = path.split_last() else { return Vec::new() };
            let to = paths[random.below(paths.len())].clone();
            vec![Action::Move(parent.to_vec(), name.clone(), to)]
        }
        22 => vec![Action::Sequence(path, random.next())],
        _ => vec![Action::Put(path, vec![b'k'; 1 + random.below(600)], value(random.next(), 10))],
    }
}

fn number_key(number: usize) -> Vec<u8> {
    format!("{number:04}").into_bytes()
}

fn key(random: &mut Random) -> Vec<u8> {
    number_key(random.below(280))
}

fn existing(random: &mut Random, now: &Bucket, path: &Path) -> Option<Vec<u8>> {
    let bucket = now.at(path)?;
    let keys: Vec<&Vec<u8>> = bucket
        .entries
        .iter()
        .filter(|(_, value)| matches!(value, Value::Bytes(_)))
        .map(|(key, _)| key)
        .collect();
    if keys.is_empty() { None } else { Some(keys[random.below(keys.len())].clone()) }
}

/// Mostly short, some about a page, few of several pages.
fn value_len(random: &mut Random, page_size: usize) -> usize {
    match random.below(12) {
        0..8 => random.below(80),
        8..11 => random.below(page_size),
        _ => random.below(page_size.min(8192) * 4),
    }
}

/// Puts copies between the steps.
pub fn with_copies(steps: Vec<Step>, random: &mut Random) -> Vec<Step> {
    let one_in = 2 + steps.len() / 6;
    let copy = |random: &mut Random| Step::Copy { way: random.pick(&COPY_WAYS), replace: !random.once_in(4) };
    let with_copy = |step| if random.once_in(one_in) { vec![step, copy(random)] } else { vec![step] };
    let mut all: Vec<Step> = steps.into_iter().flat_map(with_copy).collect();
    all.push(copy(random));
    all
}

/// A long run by chance.
pub fn deep(random: &mut Random, page_size: u32, length: usize) -> Vec<Step> {
    let changes = |random: &mut Random| {
        let count = 1 + random.below(3);
        (0..count).map(|_| Change::Random { seed: random.next(), page_size }).collect()
    };
    let mut steps = Vec::new();
    while steps.len() < length {
        let step = match random.below(40) {
            0..28 => Step::Commit(changes(random)),
            28 => Step::Commit(Vec::new()),
            29 => Step::Rollback(changes(random)),
            30..32 => Step::OpenReader,
            32..35 => Step::CloseReader,
            35..37 => Step::Reopen,
            37..39 => Step::Mode(random.pick(&MODES)),
            _ => {
                let few = 1 + random.below(3);
                steps.push(Step::NoSync(true));
                steps.extend((0..few).map(|_| Step::Commit(changes(random))));
                if random.once_in(2) {
                    steps.push(Step::Sync);
                }
                Step::NoSync(false)
            }
        };
        steps.push(step);
    }
    steps
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |changes: &[Change]| {
            let text = |change: &Change| match change {
                Change::Small(number) => format!("{number}"),
                Change::Random { seed, .. } => format!("{seed:#x}"),
            };
            changes.iter().map(text).collect::<Vec<String>>().join(" ")
        };
        match self {
            Step::Commit(changes) => write!(out, "commit [{}]", list(changes)),
            Step::Rollback(changes) => write!(out, "rollback [{}]", list(changes)),
            Step::OpenReader => write!(out, "open a reader"),
            Step::CloseReader => write!(out, "close a reader"),
            Step::Reopen => write!(out, "reopen"),
            Step::Mode(mode) => write!(out, "freelist mode {mode:?}"),
            Step::NoSync(on) => write!(out, "no sync {on}"),
            Step::Sync => write!(out, "sync"),
            Step::Copy { way, replace } => {
                write!(out, "copy by {way:?}{}", if *replace { ", replacing" } else { "" })
            }
        }
    }
}
