//! Many mutants, each worker in a process of its own that is watched: a signal, an abort or an endless loop
//! ends the worker and is a finding, and the next worker goes on behind it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::bases::{NAMES, Weight, base};
use crate::case::{Case, attempt};
use crate::mutate::classes;

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(300);
/// After so many findings there is enough to do.
const FINDING_MAX: usize = 20;

/// Numbers of mutants of one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The base.
    pub base: String,
    /// The first number.
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

/// What has come of it all.
#[derive(Default)]
pub struct Report {
    /// How many mutants were used.
    pub mutant_count: u64,
    /// How many of them could be opened.
    pub opened_count: u64,
    /// How many of those the checker found no error in.
    pub sound_count: u64,
    /// How many commits there were.
    pub commit_count: u64,
    /// The most memory that one took, as a multiple of its file's length, in hundredths; small files aside.
    pub peak_percent: u64,
    /// How often each class was the first to be done.
    pub classes: BTreeMap<&'static str, u64>,
    /// What went wrong: the case, and how.
    pub findings: Vec<(Case, String)>,
}

/// The spans of the quick run: `scale` in hundredths. Every base, each class several times.
pub fn quick(scale: u64) -> Vec<Span> {
    let class_count = classes().count() as u64;
    let mut spans = Vec::new();
    for (name, weight) in NAMES {
        let count = match weight {
            Weight::Light => 26 * class_count,
            Weight::Medium => 4 * class_count,
            Weight::Heavy => class_count / 3,
            Weight::Huge => 8,
        };
        let count = (count * scale / 100).max(1);
        // In pieces, so that the workers end together.
        let piece = count.div_ceil(4);
        spans.extend((0..4).map(|number| Span {
            base: name.to_owned(),
            first: number * piece,
            count: piece,
        }));
    }
    spans
}

/// The spans of a long run, without end: `seed` gives the first number. Short ones, so that a run of some minutes
/// has met every base, the largest ones last.
pub fn soak(seed: u64) -> impl Iterator<Item = Span> {
    (0..).flat_map(move |round: u64| {
        NAMES.into_iter().filter_map(move |(name, weight)| {
            let (every, count) = match weight {
                Weight::Light => (1, 200),
                Weight::Medium => (1, 40),
                Weight::Heavy => (2, 6),
                Weight::Huge => (4, 2),
            };
            let first = (seed << 32) + round / every * count;
            (round % every == every - 1).then(|| Span { base: name.to_owned(), first, count })
        })
    })
}

/// Uses all mutants of the spans, by `worker_count` workers, until `end`.
pub fn perform(
    spans: impl Iterator<Item = Span> + Send,
    worker_count: usize,
    end: Option<Instant>,
    progress: impl Fn(&Report) + Sync,
) -> Report {
    let (spans, report) = (Mutex::new(spans), Mutex::new(Report::default()));
    let failures = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..worker_count {
            scope.spawn(|| {
                loop {
                    let is_over = end.is_some_and(|end| Instant::now() >= end);
                    if is_over || failures.load(Ordering::Relaxed) >= FINDING_MAX as u64 {
                        return;
                    }
                    let next = lock(&spans).next();
                    let Some(span) = next else { return };
                    let found = watch(&span);
                    failures.fetch_add(found.findings.len() as u64, Ordering::Relaxed);
                    let mut report = lock(&report);
                    report.add(found);
                    progress(&report);
                }
            });
        }
    });
    report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Report {
    fn add(&mut self, other: Report) {
        self.mutant_count += other.mutant_count;
        self.opened_count += other.opened_count;
        self.sound_count += other.sound_count;
        self.commit_count += other.commit_count;
        self.peak_percent = self.peak_percent.max(other.peak_percent);
        for (name, count) in other.classes {
            *self.classes.entry(name).or_default() += count;
        }
        self.findings.extend(other.findings);
    }
}

/// Lets workers use the mutants of a span, one after the other where one dies.
fn watch(span: &Span) -> Report {
    let mut report = Report::default();
    let (mut next, end) = (span.first, span.first + span.count);
    while next < end && report.findings.len() < FINDING_MAX {
        let left = Span { base: span.base.clone(), first: next, count: end - next };
        next = match follow(&left, &mut report) {
            Ok(()) => end,
            Err((number, how)) => {
                report.findings.push((Case { base: span.base.clone(), number }, how));
                number + 1
            }
        };
    }
    report
}

/// Follows one worker to its end; the number of the mutant at which it died, and how.
fn follow(span: &Span, report: &mut Report) -> Result<(), (u64, String)> {
    let failed = |error: std::io::Error| (span.first, format!("no worker: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut worker = Command::new(program)
        .args(["worker", &span.base, &span.first.to_string(), &span.count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (sender, lines) = channel();
    let output = worker.stdout.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line).ok())
        });
        heed(span, &mut worker, &lines, report)
    })
}

/// Heeds what a worker says: `b NUMBER` before each mutant, `v NUMBER TEXT` for what must not be; in the end `c CLASS COUNT`
/// for each class and `d ...`.
fn heed(
    span: &Span,
    worker: &mut Child,
    lines: &Receiver<String>,
    report: &mut Report,
) -> Result<(), (u64, String)> {
    let mut number = span.first;
    let mut is_done = false;
    loop {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let _ = worker.kill();
                let _ = worker.wait();
                return Err((number, format!("no end after {PATIENCE:?}")));
            }
        };
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next().and_then(|word| word.parse().ok()), words.next()) {
            (Some("b"), Some(begun), _) => {
                number = begun;
                report.mutant_count += 1;
            }
            (Some("v"), Some(bad), Some(text)) => {
                report.findings.push((Case { base: span.base.clone(), number: bad }, text.to_owned()));
            }
            (Some("c"), Some(place), Some(count)) => {
                if let (Some((name, _)), Ok(count)) = (classes().nth(place as usize), count.parse::<u64>()) {
                    *report.classes.entry(name).or_default() += count;
                }
            }
            (Some("d"), Some(opened), Some(rest)) => {
                is_done = true;
                let numbers: Vec<u64> = rest.split(' ').filter_map(|word| word.parse().ok()).collect();
                report.opened_count += opened;
                report.sound_count += numbers.first().copied().unwrap_or(0);
                report.commit_count += numbers.get(1).copied().unwrap_or(0);
                report.peak_percent = report.peak_percent.max(numbers.get(2).copied().unwrap_or(0));
            }
            _ => return Err((number, format!("the worker says {line}"))),
        }
    }
    match worker.wait() {
        Ok(status) if status.success() && is_done => Ok(()),
        Ok(status) => Err((number, format!("the process ended: {status}"))),
        Err(error) => Err((number, error.to_string())),
    }
}

/// The work of a worker: all mutants of a span, told on standard output.
pub fn work(span: &Span, directory: &Path) -> Result<(), String> {
    let base = base(&span.base)?;
    let mut out = std::io::stdout().lock();
    let mut say = |text: String| writeln!(out, "{text}").map_err(|error| error.to_string());
    let (mut opened, mut sound, mut commits, mut peak_percent) = (0, 0, 0, 0);
    let mut counts = vec![0u64; classes().count()];
    for number in span.first..span.first + span.count {
        say(format!("b {number}"))?;
        match attempt(&base, number, directory) {
            Ok((mutant, seen)) => {
                opened += u64::from(seen.opened);
                sound += u64::from(seen.opened && seen.errors.is_empty());
                commits += seen.commit_count;
                if let Some(count) = mutant.class.and_then(|class| counts.get_mut(class)) {
                    *count += 1;
                }
                if mutant.bytes.len() >= 1 << 18 {
                    peak_percent = peak_percent.max(seen.peak as u64 * 100 / mutant.bytes.len() as u64);
                }
            }
            Err(violation) => say(format!("v {number} {}", violation.replace('\n', " ")))?,
        }
    }
    for (class, count) in counts.iter().enumerate() {
        say(format!("c {class} {count}"))?;
    }
    say(format!("d {opened} {sound} {commits} {peak_percent}"))
}
