//! Cases: numbers that stand for runs, so that each run can be had again.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use bolt::storage::memory::MemoryNamespace;
use bolt::{Db, FreelistMode, Options, Wait};

use crate::cut::Budget;
use crate::disk::SECTOR_LEN;
use crate::examine::Examiner;
use crate::fault::Plan;
use crate::model::{Bucket, perform};
use crate::random::{Random, mix};
use crate::reader::{self, META_LEN};
use crate::run::{Config, Cuts, Run, Start};
use crate::script::{self, Change, CopyWay, MODES, SMALL_CHANGES, Step};
use crate::verify::{PATH, Setup, Verdict, Violation};

/// A run, or the runs of one script with each fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// A sequence of at most three transactions of at most two changes.
    Small(u64),
    /// A long run by chance.
    Deep(u64),
    /// A script, without a fault and with each fault at each call.
    Faults(u64),
    /// A script, with one fault at one call.
    Fault {
        /// The script.
        script: u64,
        /// The call.
        call: u64,
        /// The fault, as an index into [`Plan::kinds`].
        kind: u64,
    },
    /// A run by chance on a disk that answers some syncs of meta pages without doing them.
    Lies(u64),
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Small(number) => write!(out, "small:{number}"),
            Case::Deep(seed) => write!(out, "deep:{seed}"),
            Case::Faults(script) => write!(out, "faults:{script}"),
            Case::Fault { script, call, kind } => write!(out, "fault:{script}:{call}:{kind}"),
            Case::Lies(seed) => write!(out, "lies:{seed}"),
        }
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Case, String> {
        let unknown = || format!("{text} is no case: small:N deep:N faults:N fault:N:CALL:KIND lies:N");
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let numbers: Result<Vec<u64>, _> = parts.map(str::parse).collect();
        match (kind, numbers.map_err(|_| unknown())?.as_slice()) {
            ("small", &[number]) => Ok(Case::Small(number)),
            ("deep", &[seed]) => Ok(Case::Deep(seed)),
            ("faults", &[script]) => Ok(Case::Faults(script)),
            ("fault", &[script, call, kind]) => Ok(Case::Fault { script, call, kind }),
            ("lies", &[seed]) => Ok(Case::Lies(seed)),
            _ => Err(unknown()),
        }
    }
}

impl Case {
    /// Does all of it; what goes wrong comes with the case that shows it alone.
    pub fn perform(self, examiner: &Examiner) -> Result<(), (Case, Box<Violation>)> {
        let Case::Faults(script) = self else {
            let config = self.config().map_err(|violation| (self, violation))?;
            return Run::perform(&config, examiner).map(|_| ()).map_err(|violation| (self, violation));
        };
        let clean = fault_script(script);
        let calls = Run::perform(&clean, examiner).map_err(|violation| (self, violation))?.calls();
        for (call, what) in (0..).zip(calls) {
            for (kind, plan) in (0..).zip(Plan::kinds()) {
                if plan.concerns(what) {
                    Case::Fault { script, call, kind }.perform(examiner)?;
                }
            }
        }
        Ok(())
    }

    /// The run.
    pub fn config(self) -> Verdict<Config> {
        match self {
            Case::Small(number) => Ok(small(number)),
            Case::Deep(seed) => deep(seed),
            Case::Faults(script) => Ok(fault_script(script)),
            Case::Fault { script, call, kind } => {
                let plan = Plan::kinds()
                    .get(kind as usize)
                    .copied()
                    .ok_or_else(|| Violation::new("no such fault"))?;
                let seed = mix(script ^ mix(call) ^ mix(kind));
                let plan = Some(Plan { call, ..plan });
                Ok(Config {
                    plan,
                    cuts: Cuts::SinceFault,
                    budget: FAULT_BUDGET,
                    seed,
                    ..fault_script(script)
                })
            }
            Case::Lies(seed) => Ok(lies(seed)),
        }
    }
}

const FAULT_BUDGET: Budget = Budget { subsets: 16, singles: 4, random: 6, torn: 3 };

/// How one transaction of the small scope can go: what comes before it, and its changes.
const SMALL_BEFORE: u64 = 8;
const SMALL_WAYS: u64 =
    SMALL_BEFORE * (1 + SMALL_CHANGES as u64 + SMALL_CHANGES as u64 * SMALL_CHANGES as u64);
/// The freelist's modes, and bbolt's rules.
const SMALL_SETUPS: u64 = 5;

/// How many cases the small scope has with up to so many transactions.
pub fn small_count(transactions: u32) -> u64 {
    (0..=transactions).map(|count| SMALL_WAYS.pow(count)).sum::<u64>() * SMALL_SETUPS
}

/// The case of the small scope whose transactions go these ways: for each what comes before it, and its
/// changes.
pub fn small_number(setup: u64, ways: &[u64]) -> u64 {
    let before: u64 = (0..ways.len() as u32).map(|count| SMALL_WAYS.pow(count)).sum();
    let digits = ways.iter().rev().fold(0, |number, way| number * SMALL_WAYS + way);
    (before + digits) * SMALL_SETUPS + setup
}

/// The ways with no more than one change, without and with each thing that can come before.
pub fn simple_ways() -> impl Iterator<Item = u64> + Clone {
    0..SMALL_BEFORE * (1 + u64::from(SMALL_CHANGES))
}

fn small(number: u64) -> Config {
    let (setup, mut rest) = (number % SMALL_SETUPS, number / SMALL_SETUPS);
    let mut transactions = 0;
    while transactions < 3 && rest >= SMALL_WAYS.pow(transactions) {
        rest -= SMALL_WAYS.pow(transactions);
        transactions += 1;
    }
    let mut steps = Vec::new();
    for _ in 0..transactions {
        let way = rest % SMALL_WAYS;
        rest /= SMALL_WAYS;
        steps.extend(before(way % SMALL_BEFORE));
        steps.push(Step::Commit(changes(way / SMALL_BEFORE)));
    }
    let mode = MODES[(setup % 4) as usize];
    let setup = Setup { page_size: 1024, mode, bbolt_rules: setup == 4 };
    let seed = mix(number);
    Config { steps, cuts: Cuts::LastStep, budget: Budget::SMALL, ..plain(setup, seed) }
}

fn before(number: u64) -> Option<Step> {
    match number {
        1 => Some(Step::Reopen),
        2 => Some(Step::OpenReader),
        3 => Some(Step::CloseReader),
        4 => Some(Step::Rollback(vec![Change::Small(3)])),
        5 => Some(Step::Mode(FreelistMode::EachCommit)),
        6 => Some(Step::Copy { way: CopyWay::Backup, replace: true }),
        7 => Some(Step::Copy { way: CopyWay::Compaction(0), replace: true }),
        _ => None,
    }
}

fn changes(number: u64) -> Vec<Change> {
    let count = u64::from(SMALL_CHANGES);
    match number.checked_sub(1) {
        None => Vec::new(),
        Some(number) if number < count => vec![Change::Small(number as u8)],
        Some(number) => {
            let both = number - count;
            vec![Change::Small((both % count) as u8), Change::Small((both / count % count) as u8)]
        }
    }
}

fn plain(setup: Setup, seed: u64) -> Config {
    Config {
        setup,
        start: Start::Absent,
        steps: Vec::new(),
        plan: None,
        plant: None,
        is_linted: true,
        older_meta_stays: !setup.bbolt_rules,
        lie_one_in: 0,
        cuts: Cuts::All,
        budget: Budget::DEEP,
        seed,
    }
}

fn setup(random: &mut Random) -> Setup {
    let page_size = random.pick(&[1024, 1024, 2048, 4096, 4096, 16384, 65536]);
    Setup { page_size, mode: random.pick(&MODES), bbolt_rules: random.once_in(6) }
}

fn deep(seed: u64) -> Verdict<Config> {
    let random = &mut Random::new(mix(seed));
    let setup = match seed % 16 {
        8 => Setup { page_size: 8192, ..setup(random) },
        9 => Setup { page_size: 32768, ..setup(random) },
        _ => setup(random),
    };
    let start = match random.below(6) {
        0 => unborn(random, setup.page_size),
        1 | 2 => stored(random, &setup)?,
        _ => Start::Absent,
    };
    let length = if random.once_in(10) { 100 + random.below(300) } else { 8 + random.below(40) };
    let mut steps = script::deep(random, setup.page_size, length);
    if seed % 5 == 2 {
        steps = script::with_copies(steps, random);
    }
    Ok(Config { start, steps, ..plain(setup, random.next()) })
}

fn lies(seed: u64) -> Config {
    let random = &mut Random::new(mix(!seed));
    let setup = Setup { bbolt_rules: false, ..setup(random) };
    let length = 8 + random.below(24);
    let mut steps = script::deep(random, setup.page_size, length);
    steps.retain(|step| !matches!(step, Step::NoSync(_) | Step::Sync));
    Config { steps, lie_one_in: 3, is_linted: false, ..plain(setup, random.next()) }
}

/// A short script that goes through all that touches the storage: creation, adoption, growth, overflow, the
/// freelist's forms, reopening, commits without syncs.
fn fault_script(seed: u64) -> Config {
    let random = &mut Random::new(mix(seed ^ 0xFA17));
    let setup = Setup {
        page_size: random.pick(&[1024, 1024, 4096]),
        mode: random.pick(&MODES),
        bbolt_rules: seed % 8 == 7,
    };
    let start = match seed % 5 {
        4 => unborn(random, setup.page_size),
        _ => Start::Absent,
    };
    let page_size = setup.page_size;
    let change = |random: &mut Random| match random.below(4) {
        0 => Change::Random { seed: random.next(), page_size },
        _ => Change::Small(random.below(usize::from(SMALL_CHANGES)) as u8),
    };
    let mut steps =
        vec![Step::Commit(vec![Change::Small(2), change(random)]), Step::Commit(vec![change(random)])];
    for _ in 0..5 {
        steps.push(match random.below(10) {
            0 | 1 => Step::Reopen,
            2 => Step::OpenReader,
            3 => Step::CloseReader,
            4 => Step::Mode(random.pick(&MODES)),
            5 => Step::NoSync(true),
            6 => Step::NoSync(false),
            7 => Step::Sync,
            _ => Step::Commit(vec![change(random)]),
        });
        steps.push(Step::Commit(vec![change(random)]));
    }
    if seed % 4 == 3 {
        steps = script::with_copies(steps, random);
    }
    Config { start, steps, budget: FAULT_BUDGET, ..plain(setup, random.next()) }
}

/// What a crash leaves while bbolt makes a file in place: some sectors of its first four pages, and the
/// others zero.
fn unborn(random: &mut Random, page_size: u32) -> Start {
    let names = MemoryNamespace::new();
    let options = Options { page_size, ..Options::default() };
    let made = Db::open_in(&names, Path::new(PATH), &options).and_then(|db| db.close());
    let whole = made.and_then(|()| names.to_vec(Path::new(PATH))).ok().flatten().unwrap_or_default();
    let mut torn = vec![0; whole.len()];
    let density = random.below(5);
    for (place, sector) in torn.chunks_mut(SECTOR_LEN).zip(whole.chunks(SECTOR_LEN)) {
        if random.below(4) < density {
            place.copy_from_slice(sector);
        }
    }
    if random.once_in(3) {
        torn.truncate(random.below(torn.len() + 1) & !(SECTOR_LEN - 1));
    }
    Start::Unborn(torn)
}

/// A database as others may leave it: written by Go's rules, its metas as `bbolt surgery` or damage leaves
/// them.
fn stored(random: &mut Random, setup: &Setup) -> Verdict<Start> {
    let wrong = |error: bolt::Error| Violation::new(format!("making a file to begin with: {error}"));
    let names = MemoryNamespace::new();
    let path = Path::new(PATH);
    let options = Options { bbolt_rules: random.once_in(2), ..setup.options() };
    let db = Db::open_in(&names, path, &options).map_err(wrong)?;
    let mut bucket = Bucket::default();
    for _ in 0..2 + random.below(5) {
        let change = Change::Random { seed: random.next(), page_size: setup.page_size };
        let mut txn = db.begin_write(Wait::Try).map_err(wrong)?;
        for action in change.actions(&bucket, 0) {
            perform(&mut txn, &action).map_err(wrong)?;
            bucket.apply(&action);
        }
        txn.commit().map_err(wrong)?;
    }
    db.close().map_err(wrong)?;
    let mut bytes = names.to_vec(path).map_err(wrong)?.unwrap_or_default();
    let Some(meta) = reader::newest(&bytes) else { return Err(Violation::new("a file without a meta")) };
    let (own, other) = (meta.slot.unwrap_or(0) as usize, 1 - meta.slot.unwrap_or(0) as usize);
    let page_size = setup.page_size as usize;
    match random.below(4) {
        // The newest meta twice, the second with the header of the first.
        0 => bytes.copy_within(own * page_size..own * page_size + META_LEN, other * page_size),
        // The newest meta alone.
        1 => bytes[other * page_size + 70] ^= 0x40,
        // The newest meta alone, in the slot of the other parity.
        2 => {
            bytes.copy_within(own * page_size..own * page_size + META_LEN, other * page_size);
            bytes[own * page_size + 70] ^= 0x40;
        }
        _ => {}
    }
    Ok(Start::Stored(bytes, bucket))
}
