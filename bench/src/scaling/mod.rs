//! How costs grow: with the number of keys and the length of values, with free pages, with threads that read, and on a
//! file that is larger than the memory. `scaling.sh` builds everything and calls this.

mod chart;
mod job;
mod limit;
mod plan;
mod report;
mod runner;
mod store;
mod work;

use crate::engines::{self, NAMES};
use crate::{Result, machine};
use plan::{Part, Scale};
use report::{Head, Report};
use runner::Runner;
use std::fs;
use std::path::PathBuf;
use store::Store;

pub use job::{Job, Sample};
pub use work::run;

const USAGE: &str = "usage: scaling.sh [--only keys,free,readers,memory] [--engines libbolt,lmdb,bbolt,..] [--rounds N]
                  [--millis N] [--smaller N] [--dir DIRECTORY] [--library DIRECTORY] [--fresh yes] [--publish]";

/// One measurement: `sample ENGINE NAME=VALUE ..`, its result on standard output.
pub fn child(args: &[String]) -> Result<()> {
    let (engine, fields) = args.split_first().ok_or("sample: which engine?")?;
    println!("{}", engines::sample_by_name(engine, &Job::from_args(fields)?)?.to_line());
    Ok(())
}

struct Arguments {
    parts: Vec<Part>,
    engines: Vec<&'static str>,
    rounds: u32,
    scale: Scale,
    directory: PathBuf,
    fresh: bool,
    publish_to: Option<PathBuf>,
    bbolt_child: PathBuf,
    bbolt_version: String,
    /// The library's file, which the results belong to.
    library: Option<PathBuf>,
}

fn parse(args: &[String]) -> Result<Arguments> {
    let mut parsed = Arguments {
        parts: plan::parts_by_name("all")?,
        engines: vec![NAMES[0], NAMES[2], NAMES[1]],
        rounds: 3,
        scale: Scale { smaller: 1, millis: 400 },
        directory: PathBuf::from("data"),
        fresh: false,
        publish_to: None,
        bbolt_child: PathBuf::new(),
        bbolt_version: "?".to_owned(),
        library: None,
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} what?\n{USAGE}"))?;
        match name.as_str() {
            "--only" => parsed.parts = plan::parts_by_name(value)?,
            "--engines" => parsed.engines = value.split(',').map(engine_by_name).collect::<Result<_>>()?,
            "--rounds" => parsed.rounds = value.parse()?,
            "--millis" => parsed.scale.millis = value.parse()?,
            "--smaller" => parsed.scale.smaller = value.parse()?,
            "--dir" => parsed.directory = PathBuf::from(value),
            "--fresh" => parsed.fresh = value == "yes",
            "--publish-to" => parsed.publish_to = Some(PathBuf::from(value)),
            "--bbolt-child" => parsed.bbolt_child = PathBuf::from(value),
            "--bbolt-version" => parsed.bbolt_version.clone_from(value),
            "--library-file" => parsed.library = Some(PathBuf::from(value)),
            _ => return Err(format!("{name}: no such option\n{USAGE}").into()),
        }
    }
    if parsed.rounds == 0 || !(1..=1000).contains(&parsed.scale.smaller) || parsed.scale.millis == 0 {
        return Err("at least one round and one millisecond, at most 1000 times smaller".into());
    }
    Ok(parsed)
}

fn engine_by_name(name: &str) -> Result<&'static str> {
    let found = runner_engines().find(|engine| *engine == name);
    found.ok_or_else(|| format!("{name}: no engine for these measurements").into())
}

/// The engines that take everything that is measured here: values of any length, and readers in threads.
fn runner_engines() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(|engine| *engine != "sanakirja")
}

/// FNV-1a of the library, so that results of another build are not taken for those of this one.
fn fingerprint(library: Option<&PathBuf>) -> Result<u64> {
    let bytes = library.map_or(Ok(Vec::new()), fs::read)?;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    Ok(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

pub fn command(args: &[String]) -> Result<()> {
    let arguments = parse(args)?;
    fs::create_dir_all(&arguments.directory)?;
    let directory = fs::canonicalize(&arguments.directory)?;
    let machine = machine::describe(&directory);
    let versions = machine::versions(&arguments.bbolt_version);
    let head = format!(
        "# {} rounds of {} ms, {} times smaller, {}, library {:016x}, {versions}, {machine}",
        arguments.rounds,
        arguments.scale.millis,
        arguments.scale.smaller,
        arguments.engines.join("+"),
        fingerprint(arguments.library.as_ref())?
    );
    let results = directory.join("scaling.tsv");
    if arguments.fresh && results.exists() {
        fs::remove_file(&results)?;
    }
    let mut store = Store::open(&results, &head)?;
    let cells: Vec<_> = arguments.parts.iter().flat_map(|part| arguments.scale.cells(*part)).collect();
    let runner = Runner {
        directory: &directory,
        bbolt_child: &arguments.bbolt_child,
        engines: &arguments.engines,
        rounds: arguments.rounds,
    };
    runner.run(&cells, &mut store)?;
    let date = machine::today()?;
    let caption = format!("{date}; {machine}; medians of {} rounds", arguments.rounds);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read_ahead = machine::read_ahead_kib(&directory);
    let head = Head { machine, versions, date, rounds: arguments.rounds, cores, read_ahead };
    let report = Report {
        store: &store,
        engines: &arguments.engines,
        parts: &arguments.parts,
        scale: arguments.scale,
        head,
    };
    let (table, picture) = (report.markdown(), report.svg(&caption));
    println!("{table}");
    for place in [Some(directory.clone()), arguments.publish_to].into_iter().flatten() {
        fs::create_dir_all(&place)?;
        fs::write(place.join("scaling-table.md"), &table)?;
        fs::write(place.join("scaling.svg"), &picture)?;
    }
    eprintln!("written to {}", directory.display());
    Ok(())
}
