//! `hostile quick`: the damaged files of the continuous integration. `hostile soak --seconds N --seed S`: as
//! many as the time allows; another seed, other files. `hostile replay CASE..`: cases by their names, as a
//! finding gives them, in this process; `--keep` writes the file. `hostile memory`: each call for memory fails in
//! turn; `--explain` also tells the ways to where the standard library aborts.
//!
//! The exit code is 1 where something goes wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hostile::campaign::{self, Report, Span};
use hostile::case::{Case, attempt, mutant};
use hostile::memory::Counted;
use hostile::scarcity::{self, Mode};
use hostile::{bases, mutate, scenarios};

#[global_allocator]
static MEMORY: Counted = Counted;

/// The longest of what is of a fixed size and has no other way than to abort: a block of a file in memory.
const FIXED_MAX: usize = 4112;

const USAGE: &str = "usage: hostile quick [--threads N] [--scale PERCENT] | soak --seconds N [--seed S] [--threads N] | replay [--keep] CASE.. | memory [--explain]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hostile: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[String]) -> Result<bool, String> {
    let (command, rest) = words.split_first().ok_or("no command")?;
    match command.as_str() {
        "worker" => return worker(rest).map(|()| true),
        "memory-worker" => return memory_worker(rest).map(|()| true),
        "memory" => return memory(rest.iter().any(|word| word == "--explain")),
        _ => {}
    }
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get() as u64);
    let (mut numbers, mut cases) = ([60, 0, threads, 100], Vec::new());
    let mut keep = false;
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match ["--seconds", "--seed", "--threads", "--scale"].iter().position(|known| known == word) {
            Some(place) => {
                let value = rest.next().ok_or(format!("{word} needs a number"))?;
                numbers[place] = value.parse().map_err(|_| format!("{value} is no number"))?;
            }
            None if word == "--keep" => keep = true,
            None if command == "replay" => cases.push(word.parse::<Case>()?),
            None => return Err(format!("unknown argument {word}")),
        }
    }
    let [seconds, seed, threads, scale] = numbers;
    let _workers = Directory::new()?;
    match command.as_str() {
        "quick" => Ok(quick(threads as usize, scale)),
        "soak" => Ok(soak(seconds, seed, threads as usize)),
        "replay" => replay(&cases, keep),
        other => Err(format!("unknown command {other}")),
    }
}

fn quick(threads: usize, scale: u64) -> bool {
    let start = Instant::now();
    let spans = campaign::quick(scale);
    let report = campaign::perform(spans.into_iter(), threads, None, |_| {});
    let rarest = mutate::classes()
        .map(|(name, _)| (report.classes.get(name).copied().unwrap_or(0), *name))
        .min()
        .unwrap_or((0, "none"));
    let is_good = tell(&report, start);
    println!("classes        {}; the rarest, {:?}, {} times", mutate::classes().count(), rarest.1, rarest.0);
    if scale >= 100 && rarest.0 == 0 {
        eprintln!("hostile: no base has anything for {:?}", rarest.1);
        return false;
    }
    is_good
}

fn soak(seconds: u64, seed: u64, threads: usize) -> bool {
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let report = campaign::perform(campaign::soak(seed), threads, Some(end), |report| {
        if report.mutant_count % 5 == 0 {
            println!("{:>6} s  {} mutants", start.elapsed().as_secs(), report.mutant_count);
        }
    });
    println!("seed {seed}");
    tell(&report, start)
}

fn tell(report: &Report, start: Instant) -> bool {
    println!("mutants        {}", report.mutant_count);
    println!("opened         {}", report.opened_count);
    println!("without error  {}", report.sound_count);
    println!("commits        {}", report.commit_count);
    println!("memory         at most {} % of a file's length, of files from 256 KiB on", report.peak_percent);
    println!("findings       {}", report.findings.len());
    println!("seconds        {}", start.elapsed().as_secs());
    for (case, how) in &report.findings {
        eprintln!("FINDING {case} {how}");
    }
    report.findings.is_empty()
}

fn replay(cases: &[Case], keep: bool) -> Result<bool, String> {
    let directory = Directory::new()?;
    let mut is_good = true;
    for case in cases {
        let base = bases::base(&case.base)?;
        if keep {
            let path = format!("{}-{}.db", case.base, case.number);
            std::fs::write(&path, mutant(&base, case.number).bytes).map_err(|error| error.to_string())?;
            println!("{path}");
        }
        match attempt(&base, case.number, &directory.0) {
            Ok((mutant, seen)) => {
                let mut errors: BTreeMap<u32, u64> = BTreeMap::new();
                seen.errors.iter().for_each(|error| *errors.entry(*error).or_default() += 1);
                println!(
                    "{case}: {:?}, {:?}; opened: {}; errors, each so often: {errors:?}; {} warnings, {} commits, \
                     at most {} bytes of memory",
                    mutant.classes, mutant.way, seen.opened, seen.warning_count, seen.commit_count, seen.peak
                );
            }
            Err(violation) => {
                is_good = false;
                println!("FINDING {case} {violation}");
            }
        }
    }
    Ok(is_good)
}

fn worker(words: &[String]) -> Result<(), String> {
    let [base, first, count] = words else { return Err("a worker needs a span".into()) };
    let number = |text: &String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
    let span = Span { base: base.clone(), first: number(first)?, count: number(count)? };
    campaign::work(&span, &Directory::of_worker()?.0)
}

fn memory(is_explained: bool) -> Result<bool, String> {
    let _workers = Directory::new()?;
    let start = Instant::now();
    let (mut failures, mut errors, mut findings) = (0, 0, Vec::new());
    let mut aborts: BTreeMap<usize, u64> = BTreeMap::new();
    let mut ways: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for (scenario, (name, _)) in scenarios::ALL.iter().enumerate() {
        for mode in Mode::ALL {
            let tried = scarcity::watch(scenario, mode).map_err(|error| format!("{name}: {error}"))?;
            failures += tried.failure_count;
            errors += tried.error_count;
            for &(call, len) in &tried.aborts {
                *aborts.entry(len).or_default() += 1;
                if is_explained && mode == Mode::Once {
                    let way = ways.entry(way_to(scenario, call)?).or_default();
                    *way = (way.0 + 1, way.1.max(len));
                }
            }
            findings.extend(tried.findings);
        }
    }
    println!("scenarios      {}", scenarios::ALL.len());
    println!("failures       {failures}");
    println!("errors         {errors}");
    println!("aborts         {}, by lengths {aborts:?}", aborts.values().sum::<u64>());
    for (way, (count, len)) in &ways {
        println!("{count:>6} of at most {len} bytes: {way}");
    }
    println!("findings       {}", findings.len());
    println!("seconds        {}", start.elapsed().as_secs());
    for finding in &findings {
        eprintln!("FINDING {finding}");
    }
    let longest = aborts.keys().next_back().copied().unwrap_or(0);
    if longest > FIXED_MAX {
        eprintln!(
            "hostile: an abort for {longest} bytes: all that is of a fixed size has no more than {FIXED_MAX}"
        );
    }
    Ok(findings.is_empty() && longest <= FIXED_MAX)
}

/// The functions of the library on the way to a failure.
fn way_to(scenario: usize, call: u64) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let words = ["memory-worker".to_owned(), scenario.to_string(), "0".to_owned(), call.to_string()];
    let output = std::process::Command::new(program)
        .args(words)
        .arg("explain")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    let frames = text.lines().filter_map(|line| line.trim().split_once(": ").map(|(_, name)| name));
    let own: Vec<&str> = frames.filter(|name| name.contains("bolt::")).take(3).collect();
    Ok(own.join(" < "))
}

fn memory_worker(words: &[String]) -> Result<(), String> {
    let [scenario, is_sticky, call, rest @ ..] = words else {
        return Err("a worker needs a scenario".into());
    };
    let number = |text: &String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
    let (scenario, call) = (number(scenario)? as usize, number(call)?);
    let mode = if number(is_sticky)? == 0 { Mode::Once } else { Mode::From };
    let directory = Directory::of_worker()?;
    if rest.is_empty() {
        scarcity::work(scenario, mode, call, &directory.0)
    } else {
        scarcity::explain(scenario, mode, call, &directory.0)
    }
}

/// A directory in memory where there is one, which goes with the process.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Directory, String> {
        Directory::below(std::process::id(), "")
    }

    /// A worker's: it goes with that of the process that watches it, however the worker ends.
    fn of_worker() -> Result<Directory, String> {
        Directory::below(std::os::unix::process::parent_id(), &std::process::id().to_string())
    }

    fn below(process: u32, name: &str) -> Result<Directory, String> {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = root.join(format!("hostile-{process}")).join(name);
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Directory(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
