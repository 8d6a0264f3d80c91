//! libbolt beside its peers. `run.sh` and `scaling.sh` build everything and call this; README.md says what is measured and how.

mod chart;
mod drivers;
mod engine;
mod engines;
mod machine;
mod measure;
mod model;
mod report;
mod rows;
mod runner;
mod scaling;
mod spec;
mod syncs;
mod workload;

use engines::Done;
use report::{Head, Report};
use rows::{Row, Size};
use runner::{Config, Runner};
use spec::Spec;
use std::fs;
use std::path::PathBuf;
use workload::KeyStyle;

pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

const USAGE: &str =
    "usage: run.sh [--rounds N] [--rows W1,W5,..] [--engines libbolt,bbolt,..] [--dir DIRECTORY]
              [--keys N] [--style uniform|decimal] [--library DIRECTORY] [--publish]";

/// One piece of work: `child ENGINE NAME=VALUE ..`, results on standard output.
fn child(args: &[String]) -> Result<()> {
    let (engine, fields) = args.split_first().ok_or("child: which engine?")?;
    match engines::run_by_name(engine, &Spec::from_args(fields)?)? {
        Done::Outcomes(outcomes) => outcomes.iter().for_each(|outcome| println!("{}", outcome.to_line())),
        Done::Unsupported(reason) => println!("unsupported {reason}"),
    }
    Ok(())
}

struct Arguments {
    rounds: u32,
    rows: String,
    engines: String,
    directory: PathBuf,
    keys: u64,
    style: KeyStyle,
    /// Where docs/ lies, if the results go there.
    publish_to: Option<PathBuf>,
    bbolt_child: PathBuf,
    bbolt_version: String,
}

fn parse(args: &[String]) -> Result<Arguments> {
    let mut parsed = Arguments {
        rounds: 5,
        rows: "all".to_owned(),
        engines: "all".to_owned(),
        directory: PathBuf::from("data"),
        keys: 1_000_000,
        style: KeyStyle::Uniform,
        publish_to: None,
        bbolt_child: PathBuf::new(),
        bbolt_version: "?".to_owned(),
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} what?\n{USAGE}"))?;
        match name.as_str() {
            "--rounds" => parsed.rounds = value.parse()?,
            "--rows" => parsed.rows.clone_from(value),
            "--engines" => parsed.engines.clone_from(value),
            "--dir" => parsed.directory = PathBuf::from(value),
            "--keys" => parsed.keys = value.parse()?,
            "--style" => parsed.style = spec::style_by_name(value)?,
            "--publish-to" => parsed.publish_to = Some(PathBuf::from(value)),
            "--bbolt-child" => parsed.bbolt_child = PathBuf::from(value),
            "--bbolt-version" => parsed.bbolt_version.clone_from(value),
            _ => return Err(format!("{name}: no such option\n{USAGE}").into()),
        }
    }
    if parsed.rounds == 0 || parsed.keys < 1000 {
        return Err("at least one round and 1000 keys".into());
    }
    Ok(parsed)
}

fn rows_by_name(names: &str, size: Size) -> Result<Vec<Row>> {
    let all = size.rows();
    if names == "all" {
        return Ok(all);
    }
    let wanted: Vec<&str> = names.split(',').collect();
    if let Some(unknown) = wanted.iter().find(|name| !all.iter().any(|row| row.name == **name)) {
        let known: Vec<&str> = all.iter().map(|row| row.name).collect();
        return Err(format!("{unknown}: no such row; there are {}", known.join(" ")).into());
    }
    Ok(all.into_iter().filter(|row| wanted.contains(&row.name)).collect())
}

/// Between these lines of docs/performance.md stands the table that was published last.
const TABLE_BEGIN: &str = "<!-- by bench/run.sh --publish: -->\n";
const TABLE_END: &str = "<!-- up to here -->\n";

/// `page` with another table; `None` where it has no place for one.
fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(TABLE_BEGIN)?;
    let (_, after) = rest.split_once(TABLE_END)?;
    Some(format!("{before}{TABLE_BEGIN}{table}\n{TABLE_END}{after}"))
}

fn run(args: &[String]) -> Result<()> {
    let arguments = parse(args)?;
    let size = Size { keys: arguments.keys, style: arguments.style };
    let engines = runner::engines_by_name(&arguments.engines)?;
    fs::create_dir_all(&arguments.directory)?;
    let busy = machine::Busy::now()?;
    let results = Runner::new(Config {
        directory: arguments.directory.clone(),
        bbolt_child: arguments.bbolt_child.clone(),
        engines: engines.clone(),
        rows: rows_by_name(&arguments.rows, size)?,
        size,
        rounds: arguments.rounds,
    })
    .run()?;
    let head = Head {
        machine: machine::describe(&arguments.directory),
        versions: machine::versions(&arguments.bbolt_version),
        date: machine::today()?,
        keys: arguments.keys,
        rounds: arguments.rounds,
        others_busy: busy.others_since()?,
        key_style: format!("{:?}", arguments.style).to_lowercase(),
    };
    let caption = format!("{}; {}; medians of {} rounds", head.date, head.machine, head.rounds);
    let report = Report::new(&results, &engines, head);
    let table = report.markdown();
    let picture = chart::svg(&report, &caption);
    println!("{table}");
    let mut places = vec![arguments.directory.clone()];
    places.extend(arguments.publish_to);
    for place in places {
        fs::create_dir_all(&place)?;
        fs::write(place.join("performance-table.md"), &table)?;
        if let Some(picture) = &picture {
            fs::write(place.join("performance.svg"), picture)?;
        }
        let page = place.join("performance.md");
        if page.exists() {
            let text = with_table(&fs::read_to_string(&page)?, &report.summary());
            fs::write(&page, text.ok_or("docs/performance.md has no place for the table")?)?;
        }
    }
    fs::write(arguments.directory.join("results.tsv"), report.raw())?;
    eprintln!("written to {}", arguments.directory.display());
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((command, rest)) if command == "child" => child(rest),
        Some((command, rest)) if command == "run" => run(rest),
        Some((command, rest)) if command == "sample" => scaling::child(rest),
        Some((command, rest)) if command == "scaling" => scaling::command(rest),
        _ => Err(USAGE.into()),
    };
    if let Err(error) = done {
        eprintln!("bench: {error}");
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE_BEGIN, TABLE_END, with_table};

    #[test]
    fn a_table_takes_the_place_of_the_one_before_and_of_nothing_else() {
        let page = format!("a\n{TABLE_BEGIN}old\n{TABLE_END}b\n");
        let new = with_table(&page, "\nnew\n").unwrap();
        assert_eq!(new, format!("a\n{TABLE_BEGIN}\nnew\n\n{TABLE_END}b\n"));
        assert_eq!(with_table(&new, "\nnew\n").unwrap(), new);
        assert!(with_table("a\n", "new").is_none());
        assert!(
            with_table(&page, "new").is_some()
                && with_table(include_str!("../../docs/performance.md"), "").is_some()
        );
    }
}
