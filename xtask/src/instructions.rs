//! Counts the instructions of a get, a next, a put, a commit and the border to C alone, and compares them with
//! those recorded.
//!
//! Times vary with the machine and its load; callgrind's counts do not, so a change that costs is seen at once.
//! A program (`benches/instructions/work.c`) does one kind of work N times and 2N times; the difference, over N,
//! is what one of them takes, without start, filling and end. The record names the compiler: another version
//! generates other code, and its counts are recorded anew, in a commit of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::tools::{missing, run, tool};

const NEEDS: &str = "install valgrind";
/// Each kind of work, and how often it is done.
const WORKS: [(&str, u64); 5] =
    [("get", 20_000), ("next", 100_000), ("put", 5_000), ("commit", 1_000), ("border", 100_000)];
/// A rise of more than this fails.
const PERCENT_MAX: u64 = 5;

/// The counts, each with its kind of work, under a compiler's version.
struct Record {
    compiler: String,
    counts: Vec<(String, u64)>,
}

/// Records the counts of the library in `dist`.
pub fn write(repository: &Path, dist: &Path) -> Outcome<()> {
    let record = measure(repository, dist)?;
    let lines = record.counts.iter().map(|(work, count)| format!("{work} {count}\n"));
    let text = format!("{}\n{}", record.compiler, lines.collect::<String>());
    print!("{text}");
    Ok(fs::write(file(repository), text)?)
}

/// Compares the counts of the library in `dist` with those recorded.
pub fn check(repository: &Path, dist: &Path) -> Outcome<()> {
    let known = read(&fs::read_to_string(file(repository))?)?;
    let now = measure(repository, dist)?;
    let mut risen = Vec::new();
    for (work, count) in &now.counts {
        let before = known.counts.iter().find(|(name, _)| name == work).map(|(_, before)| *before);
        let before = before.ok_or_else(|| format!("no count of {work} is recorded"))?;
        let change = 100.0 * (*count as f64 / before as f64 - 1.0);
        println!("{work}: {count} instructions, {before} recorded ({change:+.1} %)");
        if *count * 100 > before * (100 + PERCENT_MAX) {
            risen.push(format!("{work} takes {count} instructions in place of {before}"));
        }
    }
    if known.compiler != now.compiler {
        println!(
            "recorded under {}, this is {}: record anew by `cargo xtask instructions`",
            known.compiler, now.compiler
        );
        return Ok(());
    }
    if risen.is_empty() { Ok(()) } else { Err(risen.join("; ").into()) }
}

fn file(repository: &Path) -> PathBuf {
    repository.join("benches/instructions/counts.txt")
}

fn read(text: &str) -> Outcome<Record> {
    let mut lines = text.lines();
    let compiler = lines.next().ok_or("the record is empty")?.to_owned();
    let mut counts = Vec::new();
    for line in lines {
        let (work, count) = line.split_once(' ').ok_or_else(|| format!("a record's line is {line:?}"))?;
        counts.push((work.to_owned(), count.parse()?));
    }
    Ok(Record { compiler, counts })
}

fn measure(repository: &Path, dist: &Path) -> Outcome<Record> {
    let compiler = run(tool("RUSTC", "rustc").arg("--version"), "install Rust")?;
    let directory = dist.join("instructions");
    fs::create_dir_all(&directory)?;
    let program = directory.join("work");
    let source = repository.join("benches/instructions/work.c");
    let mut command = tool("CC", "cc");
    command.args(["-std=c99", "-O2", "-Wall", "-Wextra", "-o"]).arg(&program).arg(source);
    command.arg("-I").arg(repository.join("include")).arg("-L").arg(dist.join("lib")).arg("-lbolt");
    command.arg(format!("-Wl,-rpath,{}", dist.join("lib").display()));
    run(&mut command, "install a C compiler")?;
    let mut counts = Vec::new();
    for (work, count) in WORKS {
        let [once, twice] = [count, 2 * count].map(|count| instructions(&program, work, count));
        counts.push((work.to_owned(), (twice? - once?) / count));
    }
    Ok(Record { compiler: compiler.trim().to_owned(), counts })
}

/// How many instructions the program executes that does `work` so often.
fn instructions(program: &Path, work: &str, count: u64) -> Outcome<u64> {
    let (database, profile) = (program.with_extension("db"), program.with_extension("callgrind"));
    if database.exists() {
        fs::remove_file(&database)?;
    }
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", &format!("--callgrind-out-file={}", profile.display())]);
    command.arg(program).args([work, &count.to_string()]).arg(&database);
    let output = command.output().map_err(|error| missing(&command, &error, NEEDS))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{work} under valgrind: {said}").into());
    }
    let collected = said.lines().find_map(|line| line.split("Collected : ").nth(1));
    Ok(collected.ok_or("valgrind says nothing of instructions")?.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_compiler_and_its_counts() -> Outcome<()> {
        let record = read("rustc 1.0.0\nget 12\nput 345\n")?;
        assert_eq!(record.compiler, "rustc 1.0.0");
        assert_eq!(record.counts, [("get".to_owned(), 12), ("put".to_owned(), 345)]);
        assert!(read("").is_err());
        assert!(read("rustc\nget\n").is_err());
        assert!(read("rustc\nget many\n").is_err());
        Ok(())
    }
}
