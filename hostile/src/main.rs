//! `hostile quick`: the damaged files of the continuous integration. `hostile soak --seconds N --seed S`: as
//! many as the time allows; another seed, other files. `hostile replay CASE..`: cases by their names, as a
//! finding gives them, in this process; `--keep` writes the file. `hostile seeds`: the files that once went wrong.
//!
//! The exit code is 1 where something goes wrong.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hostile::campaign::{self, Report, Span};
use hostile::case::{Case, attempt, mutant};
use hostile::memory::Counted;
use hostile::{bases, mutate};

#[global_allocator]
static MEMORY: Counted = Counted;

const USAGE: &str = "usage: hostile quick [--threads N] [--scale PERCENT] | soak --seconds N [--seed S] [--threads N] | replay [--keep] CASE..";

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
    if command == "worker" {
        return worker(rest).map(|()| true);
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
            Ok((mutant, seen)) => println!("{case}: {:?}, {seen:?}", mutant.classes),
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
    campaign::work(&span, &Directory::new()?.0)
}

/// A directory in memory where there is one, which goes with the process.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Directory, String> {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = root.join(format!("hostile-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Directory(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
