//! `crashsim quick`: the cases of the continuous integration. `crashsim soak --seconds N --seed S`: as many by
//! chance as the time allows; `crashsim exhaust --seconds N`: the small scope, one case after the other. Both
//! say at their end with which `--start` to go on. `crashsim replay CASE..`: cases by their names, as a failure
//! gives them; `deep:0-99` is a hundred.
//!
//! The exit code is 1 where something goes wrong: then the case is printed, and what shows it is written to a
//! file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crashsim::campaign::{self, Exhaust, Failure, Plan, Quick, Schedule, Soak};
use crashsim::cases::Case;
use crashsim::examine::Examiner;

const USAGE: &str = "usage: crashsim quick [--threads N] [--scale PERCENT]
       crashsim soak --seconds N [--seed S] [--start N] [--threads N]
       crashsim exhaust --seconds N [--start N] [--threads N]
       crashsim replay CASE..";
/// What quick promises, and of how many percent of its cases on.
const DISTINCT_MIN: u64 = 100_000;
const PROMISED_SCALE: u64 = 40;
/// How many disks are remembered: 16 bytes each and some.
const REMEMBERED: usize = 60_000_000;
/// One disk in so many is cut a second time.
const SECOND_ONE_IN: u64 = 100;

struct Arguments {
    command: String,
    seconds: u64,
    seed: u64,
    start: u64,
    threads: usize,
    scale: u64,
    cases: Vec<Case>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("crashsim: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match arguments.command.as_str() {
        "quick" => quick(&arguments),
        "soak" => endure(&arguments, &Soak { seed: arguments.seed }),
        "exhaust" => endure(&arguments, &Exhaust),
        _ => replay(&arguments),
    }
}

fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut words = words;
    let command = words.next().ok_or("no command")?;
    if !["quick", "soak", "exhaust", "replay"].contains(&command.as_str()) {
        return Err(format!("unknown command {command}"));
    }
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get());
    let mut arguments =
        Arguments { command, seconds: 60, seed: 0, start: 0, threads, scale: 100, cases: Vec::new() };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or(format!("{word} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{value} is no number"))
        };
        match word.as_str() {
            "--seconds" => arguments.seconds = number()?,
            "--seed" => arguments.seed = number()?,
            "--start" => arguments.start = number()?,
            "--threads" => arguments.threads = number()?.clamp(1, 1024) as usize,
            "--scale" => arguments.scale = number()?,
            case if arguments.command == "replay" => arguments.cases.extend(expand(case)?),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(arguments)
}

/// `deep:3` is a case, `deep:3-9` seven of them.
fn expand(word: &str) -> Result<Vec<Case>, String> {
    let range = word.rsplit_once(':').and_then(|(kind, range)| Some((kind, range.split_once('-')?)));
    let Some((kind, (first, last))) = range else { return Ok(vec![word.parse()?]) };
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
    (number(first)?..=number(last)?).map(|number| format!("{kind}:{number}").parse()).collect()
}

fn quick(arguments: &Arguments) -> ExitCode {
    let examiner = Examiner::new(REMEMBERED, SECOND_ONE_IN);
    let start = Instant::now();
    let plan = Quick::new(arguments.scale);
    let schedule = Schedule { threads: arguments.threads, start: 0, end: None };
    let (count, failure) = campaign::perform(&plan, &examiner, &schedule, &mut |_| {});
    println!("{:>12}  cases", count.min(plan.len()));
    print!("{}", campaign::figures(&examiner, start.elapsed()));
    if let Some(failure) = failure {
        return fail(&failure);
    }
    let distinct = examiner.counters.distinct.load(Ordering::Relaxed);
    if arguments.scale >= PROMISED_SCALE && distinct < DISTINCT_MIN {
        eprintln!("crashsim: only {distinct} distinct disks, {DISTINCT_MIN} were promised");
        return ExitCode::FAILURE;
    }
    println!("no violation");
    ExitCode::SUCCESS
}

fn endure(arguments: &Arguments, plan: &dyn Plan) -> ExitCode {
    let examiner = Examiner::new(REMEMBERED, SECOND_ONE_IN);
    let start = Instant::now();
    let end = start + Duration::from_secs(arguments.seconds);
    let mut next_report = start + Duration::from_secs(60);
    let schedule = Schedule { threads: arguments.threads, start: arguments.start, end: Some(end) };
    let (next, failure) = campaign::perform(plan, &examiner, &schedule, &mut |examiner| {
        if Instant::now() >= next_report {
            next_report += Duration::from_secs(60);
            let distinct = examiner.counters.distinct.load(Ordering::Relaxed);
            println!("{:>6} s  {distinct} distinct", start.elapsed().as_secs());
        }
    });
    println!("{:>12}  cases", next - arguments.start);
    print!("{}", campaign::figures(&examiner, start.elapsed()));
    if let Some(failure) = failure {
        return fail(&failure);
    }
    println!("no violation; go on with --seed {} --start {next}", arguments.seed);
    ExitCode::SUCCESS
}

fn replay(arguments: &Arguments) -> ExitCode {
    let examiner = Examiner::new(REMEMBERED, SECOND_ONE_IN);
    let start = Instant::now();
    let mut exit = ExitCode::SUCCESS;
    for &case in &arguments.cases {
        match campaign::attempt(case, &examiner) {
            Ok(()) => println!("{case}: no violation"),
            Err((case, violation)) => exit = fail(&Failure { case, violation }),
        }
    }
    print!("{}", campaign::figures(&examiner, start.elapsed()));
    exit
}

fn fail(failure: &Failure) -> ExitCode {
    eprint!("VIOLATION {}", campaign::report(failure));
    let directory: PathBuf = std::env::temp_dir().join("crashsim");
    match campaign::dump(failure, &directory) {
        Ok(path) => eprintln!("written to {}", path.display()),
        Err(error) => eprintln!("crashsim: {} cannot be written: {error}", directory.display()),
    }
    ExitCode::FAILURE
}
