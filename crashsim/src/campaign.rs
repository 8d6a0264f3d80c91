//! Many cases on all processors: a fixed number of them, or as many as a time allows.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cases::{Case, simple_ways, small_count, small_number};
use crate::examine::Examiner;
use crate::random::{Random, mix};
use crate::verify::{Violation, text_of};

/// No single disk takes so long, however busy the machine is: where none was done meanwhile, something hangs.
const STILL_TIME_MAX: Duration = Duration::from_secs(1800);

/// Which case comes with which number, and how many there are.
pub trait Plan: Sync {
    /// The case; `None` where all were given out.
    fn case(&self, number: u64) -> Option<Case>;
}

/// The cases of the quick command: always the same ones.
pub struct Quick {
    cases: Vec<Case>,
}

impl Quick {
    /// `scale` percent of them.
    pub fn new(scale: u64) -> Quick {
        let simple: Vec<Vec<u64>> = std::iter::once(Vec::new())
            .chain(simple_ways().map(|way| vec![way]))
            .chain(simple_ways().flat_map(|first| simple_ways().map(move |second| vec![first, second])))
            .collect();
        let random = &mut Random::new(1);
        // The longest ones first, so that no thread is left with one at the end.
        let mut cases: Vec<Case> = (0..6).map(Case::Faults).collect();
        cases.extend((0..50).map(Case::Deep));
        cases.extend((0..12).map(Case::Lies));
        let sampled = (0..700).map(|_| Case::Small(random.next() % small_count(3)));
        cases.extend(sampled);
        // All sequences of two simple transactions with the default mode, and a tenth of those with the
        // others.
        cases.extend(simple.iter().map(|ways| Case::Small(small_number(0, ways))));
        cases.extend((1..5).flat_map(|setup| {
            simple
                .iter()
                .skip(setup as usize)
                .step_by(10)
                .map(move |ways| Case::Small(small_number(setup, ways)))
        }));
        if scale < 100 {
            let mut number = 0;
            cases.retain(|_| {
                number += 1;
                mix(number) % 100 < scale
            });
        }
        Quick { cases }
    }
}

impl Quick {
    /// How many cases they are.
    pub fn len(&self) -> u64 {
        self.cases.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }
}

impl Plan for Quick {
    fn case(&self, number: u64) -> Option<Case> {
        self.cases.get(number as usize).copied()
    }
}

/// The small scope, case by case: all sequences of one transaction, then of two, then of three.
pub struct Exhaust;

impl Plan for Exhaust {
    fn case(&self, number: u64) -> Option<Case> {
        if number < small_count(3) { Some(Case::Small(number)) } else { None }
    }
}

/// Cases by chance, without end.
pub struct Soak {
    /// Of these cases.
    pub seed: u64,
}

impl Plan for Soak {
    fn case(&self, number: u64) -> Option<Case> {
        let random = &mut Random::new(mix(self.seed) ^ mix(number));
        let seed = random.next() >> 16;
        Some(match random.below(200) {
            0 => Case::Faults(seed),
            1..20 => Case::Deep(seed),
            20..24 => Case::Lies(seed),
            _ => Case::Small(seed % small_count(3)),
        })
    }
}

/// What went wrong first.
#[derive(Debug)]
pub struct Failure {
    /// The case that shows it.
    pub case: Case,
    /// What it was.
    pub violation: Box<Violation>,
}

type Current = Mutex<Option<Case>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How cases are worked off.
pub struct Schedule {
    /// On so many threads.
    pub threads: usize,
    /// From the case of this number on.
    pub start: u64,
    /// Until then.
    pub end: Option<Instant>,
}

/// Does the cases of `plan` until they are done, the time is over or something goes wrong. `progress` is
/// called from time to time. Gives the number of the first case that was not begun, and what went wrong.
pub fn perform(
    plan: &dyn Plan,
    examiner: &Examiner,
    schedule: &Schedule,
    progress: &mut dyn FnMut(&Examiner),
) -> (u64, Option<Failure>) {
    let Schedule { threads, start, end } = *schedule;
    let next = AtomicU64::new(start);
    let is_over = AtomicBool::new(false);
    let failure: Mutex<Option<Failure>> = Mutex::new(None);
    let current: Vec<Current> = (0..threads).map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = current
            .iter()
            .map(|current| scope.spawn(|| work(plan, examiner, &next, &is_over, &failure, current)))
            .collect();
        let mut last = (0, Instant::now());
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(50));
            progress(examiner);
            if end.is_some_and(|end| Instant::now() >= end) {
                is_over.store(true, Ordering::Relaxed);
            }
            let done = examiner.counters.images.load(Ordering::Relaxed);
            if done != last.0 {
                last = (done, Instant::now());
            } else if last.1.elapsed() > STILL_TIME_MAX {
                // A thread that hangs cannot be ended: the process has to be.
                let cases = current.iter().filter_map(|current| *lock(current));
                eprintln!(
                    "crashsim: hangs in one of: {}",
                    cases.map(|case| format!("{case} ")).collect::<String>()
                );
                std::process::exit(1);
            }
        }
    });
    let failure = lock(&failure).take();
    (next.load(Ordering::Relaxed), failure)
}

fn work(
    plan: &dyn Plan,
    examiner: &Examiner,
    next: &AtomicU64,
    is_over: &AtomicBool,
    failure: &Mutex<Option<Failure>>,
    current: &Current,
) {
    while !is_over.load(Ordering::Relaxed) {
        let Some(case) = plan.case(next.fetch_add(1, Ordering::Relaxed)) else { break };
        *lock(current) = Some(case);
        if let Err((case, violation)) = attempt(case, examiner) {
            is_over.store(true, Ordering::Relaxed);
            lock(failure).get_or_insert(Failure { case, violation });
        }
    }
    *lock(current) = None;
}

/// Does a case; a panic is a violation too.
pub fn attempt(case: Case, examiner: &Examiner) -> Result<(), (Case, Box<Violation>)> {
    let done = catch_unwind(AssertUnwindSafe(|| case.perform(examiner)));
    done.unwrap_or_else(|panic| Err((case, Violation::new(format!("a panic: {}", text_of(&*panic))))))
}

/// The failure in words: what happened, where, and the script.
pub fn report(failure: &Failure) -> String {
    let mut text = format!("{}: {}\n", failure.case, failure.violation.what);
    for note in &failure.violation.notes {
        let _ = writeln!(text, "  {note}");
    }
    if let Ok(config) = failure.case.config() {
        let _ = writeln!(text, "{:?}", config.setup);
        if let Some(plan) = config.plan {
            let _ = writeln!(text, "{plan:?}");
        }
        for (index, step) in config.steps.iter().enumerate() {
            let _ = writeln!(text, "  step {index}: {step}");
        }
    }
    let _ = writeln!(text, "replay with: cargo run --profile checked -p crashsim -- replay {}", failure.case);
    text
}

/// Writes the report, and the file on which the failure is to be seen, into `directory`; the path of the
/// report.
pub fn dump(failure: &Failure, directory: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let name = failure.case.to_string().replace(':', "-");
    let path = directory.join(format!("{name}.txt"));
    std::fs::write(&path, report(failure))?;
    if let Some(image) = &failure.violation.image {
        std::fs::write(directory.join(format!("{name}.db")), image)?;
    }
    Ok(path)
}

/// The figures.
pub fn figures(examiner: &Examiner, time: Duration) -> String {
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counters = &examiner.counters;
    let distinct = get(&counters.distinct);
    let mut text = String::new();
    let mut line = |what: &str, count: u64| {
        let _ = writeln!(text, "{count:>12}  {what}");
    };
    line("runs", get(&counters.runs));
    line("commits in them", get(&counters.commits));
    line("faults injected into calls of the storage", get(&counters.faults));
    line("processes that died in the middle of a call", get(&counters.deaths));
    line("moments at which the power was cut", get(&counters.points));
    line("disks that the cuts left", get(&counters.images));
    line("distinct (disk, bounds), each opened, checked, compared, written on, reopened", distinct);
    line("of them left by a second cut, in a recovery or in the commits after it", get(&counters.second));
    line("distinct copies, by backup and compaction, verified in the same way", get(&counters.copies));
    line("recoveries that were cut", get(&counters.recoveries));
    let _ = writeln!(
        text,
        "{:>12.1}  seconds, {:.0} distinct a second",
        time.as_secs_f64(),
        distinct as f64 / time.as_secs_f64().max(0.001)
    );
    text
}
