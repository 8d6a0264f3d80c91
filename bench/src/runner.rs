//! Runs every row on every engine: each piece of work in a process of its own, the engines taking turns within a round,
//! each result compared with the model's.

use crate::Result;
use crate::engines::{self, BBOLT, LIBBOLT};
use crate::measure;
use crate::model::{Model, Whole};
use crate::rows::{Base, Row, Size, Work};
use crate::spec::{Action, Outcome, Spec};
use crate::syncs;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the private memory of a child is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);
/// Nothing takes as long, unless it hangs.
const CHILD_TIME_MAX: Duration = Duration::from_secs(900);
/// Commits in the run under strace.
const TRACED_COMMITS: u64 = 100;

pub struct Config {
    pub directory: PathBuf,
    /// The program that runs bbolt.
    pub bbolt_child: PathBuf,
    pub engines: Vec<&'static str>,
    pub rows: Vec<Row>,
    pub size: Size,
    pub rounds: u32,
}

/// One engine's result in one line of the table, in one round.
#[derive(Clone, Debug)]
pub struct Measured {
    pub engine: &'static str,
    pub line: &'static str,
    pub outcome: Outcome,
    /// The most private memory that the process was seen to have.
    pub peak_anon_bytes: u64,
    /// The length of the database's files afterwards.
    pub file_len: u64,
    /// What they take on the disk.
    pub file_allocated: u64,
}

#[derive(Default)]
pub struct Results {
    pub measured: Vec<Measured>,
    /// Synchronous calls for each durable commit of one put.
    pub syncs: BTreeMap<&'static str, f64>,
    /// Why an engine has no result in a line.
    pub unsupported: BTreeMap<(&'static str, &'static str), String>,
}

enum Child {
    Done { outcomes: Vec<Outcome>, peak_anon_bytes: u64 },
    Unsupported(String),
}

/// In which order `count` engines run in a round. What runs next finds the system's caches as the one before has left
/// them, so in `count` rounds each engine has each place once, and follows each other one once where `count` is even; where
/// it is odd, twice in twice as many (Williams, Experimental designs balanced for the estimation of residual effects of
/// treatments, 1949).
fn order(count: usize, round: usize) -> Vec<usize> {
    let zigzag = (0..count).map(|place| if place % 2 == 0 { place / 2 } else { count - place.div_ceil(2) });
    let mut order: Vec<usize> = zigzag.map(|number| (number + round) % count).collect();
    if count % 2 == 1 && round / count % 2 == 1 {
        order.reverse();
    }
    order
}

pub struct Runner {
    config: Config,
    models: HashMap<Base, Model>,
    /// What a work's results must be, by row, work, series and operations.
    expected: HashMap<(&'static str, usize, String, u64), u64>,
    /// What must be in the file after a work that no clock stops, with the count and the sum of it.
    after: HashMap<(&'static str, usize), (Model, Whole)>,
    results: Results,
}

impl Runner {
    pub fn new(config: Config) -> Runner {
        let (models, expected, after) = (HashMap::new(), HashMap::new(), HashMap::new());
        Runner { config, models, expected, after, results: Results::default() }
    }

    pub fn run(mut self) -> Result<Results> {
        fs::create_dir_all(&self.config.directory)?;
        self.prepare()?;
        self.trace_commits()?;
        let rows = self.config.rows.clone();
        for round in 0..self.config.rounds {
            for row in &rows {
                for place in order(self.config.engines.len(), round as usize) {
                    self.run_row(round, row, self.config.engines[place])?;
                }
            }
        }
        for scratch in ["run", "base"] {
            let scratch = self.config.directory.join(scratch);
            if scratch.exists() {
                fs::remove_dir_all(scratch)?;
            }
        }
        Ok(self.results)
    }

    fn base_directory(&self, engine: &str, base: Base) -> PathBuf {
        self.config.directory.join("base").join(format!("{engine}-{base:?}").to_lowercase())
    }

    /// Makes the files that rows begin with: anew each time, as the library changes.
    fn prepare(&mut self) -> Result<()> {
        let needed = |base| self.config.rows.iter().any(|row| row.base == base);
        let half = needed(Base::Half);
        let mut bases = Vec::new();
        if half || needed(Base::Full) {
            bases.push(Base::Full);
        }
        if half {
            bases.push(Base::Half);
        }
        for base in bases {
            let Some((from, spec)) = self.config.size.base(base) else { continue };
            let mut model = match self.models.get(&from) {
                Some(model) => model.clone(),
                None => Model::empty(&spec)?,
            };
            model.apply(&spec, &[]);
            let whole = model.whole();
            self.models.insert(base, model);
            for engine in self.config.engines.clone() {
                eprintln!("{base:?} file of {engine}");
                let directory = self.base_directory(engine, base);
                self.place_files(engine, from, &directory)?;
                let spec = Spec { path: directory.join("db"), ..spec.clone() };
                match self.run_child(engine, &spec, &[])? {
                    Child::Done { .. } => self.verify_file(engine, &spec, whole)?,
                    Child::Unsupported(reason) => return Err(format!("{engine}: {reason}").into()),
                }
            }
        }
        Ok(())
    }

    /// Empties the directory and copies the base to it. What is copied is on the disk before anything is measured.
    fn place_files(&self, engine: &str, base: Base, directory: &Path) -> Result<()> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir_all(directory)?;
        if base != Base::Empty {
            copy_files(&self.base_directory(engine, base), directory)?;
        }
        // SAFETY: takes nothing and cannot fail.
        unsafe { libc::sync() };
        Ok(())
    }

    fn program_of(&self, engine: &str) -> Result<PathBuf> {
        Ok(if engine == BBOLT { self.config.bbolt_child.clone() } else { std::env::current_exe()? })
    }

    /// Runs the work in a child under `wrapper`, a command that takes another, or under none.
    fn run_child(&self, engine: &str, spec: &Spec, wrapper: &[String]) -> Result<Child> {
        let program = self.program_of(engine)?;
        let mut command = match wrapper.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("child").arg(engine).args(spec.to_args()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let process = child.id().to_string();
        let (started, mut peak_anon_bytes) = (Instant::now(), 0);
        while child.try_wait()?.is_none() {
            // The process may be gone by now.
            peak_anon_bytes = peak_anon_bytes.max(measure::anon_bytes(&process).unwrap_or(0));
            if started.elapsed() > CHILD_TIME_MAX {
                child.kill()?;
                child.wait()?;
                return Err(format!("{engine}: {spec:?} hangs").into());
            }
            std::thread::sleep(SAMPLE_INTERVAL);
        }
        // A child prints a few lines, which its pipe holds.
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("{engine}: {spec:?}: {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        if let Some(reason) = text.strip_prefix("unsupported ") {
            return Ok(Child::Unsupported(reason.trim().to_owned()));
        }
        let outcomes: Vec<Outcome> = text.lines().map(Outcome::from_line).collect::<Result<_>>()?;
        for outcome in &outcomes {
            peak_anon_bytes = peak_anon_bytes.max(outcome.anon_bytes);
        }
        Ok(Child::Done { outcomes, peak_anon_bytes })
    }

    /// Reads the whole file in another process. What libbolt wrote, bbolt reads.
    fn verify_file(&self, engine: &str, spec: &Spec, (count, sum): Whole) -> Result<()> {
        let reader = if engine == LIBBOLT { BBOLT } else { engine };
        let dump = Spec { action: Action::Dump, durable: true, ..spec.clone() };
        let Child::Done { outcomes, .. } = self.run_child(reader, &dump, &[])? else {
            return Err(format!("{reader} cannot read").into());
        };
        let read = outcomes.first().ok_or("no result")?;
        if (read.ops, read.sum) != (count, sum) {
            return Err(format!(
                "{engine}: after {spec:?} there are {} entries with the sum {}, not {count} with {sum}",
                read.ops, read.sum
            )
            .into());
        }
        Ok(())
    }

    fn run_row(&mut self, round: u32, row: &Row, engine: &'static str) -> Result<()> {
        let directory = self.config.directory.join("run").join(engine);
        self.place_files(engine, row.base, &directory)?;
        for (place, work) in row.works.iter().enumerate() {
            let spec = Spec { path: directory.join("db"), ..work.spec.clone() };
            let (outcomes, peak_anon_bytes) = match self.run_child(engine, &spec, &[])? {
                Child::Done { outcomes, peak_anon_bytes } => (outcomes, peak_anon_bytes),
                Child::Unsupported(reason) => {
                    for (_, line) in row.works.iter().flat_map(|work| &work.rows) {
                        self.results.unsupported.insert((engine, line), reason.clone());
                    }
                    break;
                }
            };
            let (file_len, file_allocated) = files_len(&directory)?;
            self.verify(row, place, &spec, engine, &outcomes)?;
            for (series, line) in &work.rows {
                let outcome = outcomes.iter().find(|outcome| outcome.series == *series);
                let outcome = outcome.ok_or_else(|| format!("{engine}: no {series}"))?.clone();
                let rate = outcome.ops as f64 * 1e9 / outcome.wall_ns as f64;
                eprintln!("round {} {line} {engine}: {rate:.0}/s", round + 1);
                let measured = Measured { engine, line, outcome, peak_anon_bytes, file_len, file_allocated };
                self.results.measured.push(measured);
            }
        }
        fs::remove_dir_all(&directory)?;
        Ok(())
    }

    /// What the content was before the work at `place` of the row.
    fn model_before(&self, row: &Row, place: usize) -> Result<Model> {
        if place > 0 {
            let (model, _) = self.after.get(&(row.name, place - 1)).ok_or("the work before did not run")?;
            return Ok(model.clone());
        }
        match self.models.get(&row.base) {
            Some(model) => Ok(model.clone()),
            None => Model::empty(&row.works[place].spec),
        }
    }

    /// Compares the sums of what was read, and the file after what was written, with the model.
    fn verify(
        &mut self,
        row: &Row,
        place: usize,
        spec: &Spec,
        engine: &str,
        outcomes: &[Outcome],
    ) -> Result<()> {
        for outcome in outcomes {
            let key = (row.name, place, outcome.series.clone(), outcome.ops);
            let expected = match self.expected.get(&key) {
                Some(&expected) => expected,
                None => {
                    let model = self.model_before(row, place)?;
                    let expected = model.expected_sum(spec, &outcome.series, outcome.ops);
                    self.expected.insert(key, expected);
                    expected
                }
            };
            if outcome.sum != expected {
                return Err(format!("{engine}: {spec:?} read {outcome:?}, not the sum {expected}").into());
            }
        }
        match spec.action {
            Action::Load | Action::Put | Action::Delete => {
                if !self.after.contains_key(&(row.name, place)) {
                    let mut model = self.model_before(row, place)?;
                    model.apply(spec, outcomes);
                    let whole = model.whole();
                    self.after.insert((row.name, place), (model, whole));
                }
                let whole = self.after.get(&(row.name, place)).map(|(_, whole)| *whole);
                self.verify_file(engine, spec, whole.ok_or("no model")?)
            }
            Action::Mixed => {
                let mut model = self.model_before(row, place)?;
                model.apply(spec, outcomes);
                self.verify_file(engine, spec, model.whole())
            }
            Action::Get | Action::Scan | Action::ScanBack | Action::Seek | Action::Open | Action::Dump => {
                Ok(())
            }
        }
    }

    /// Counts the synchronous calls of W3, if it is asked for and strace is there.
    fn trace_commits(&mut self) -> Result<()> {
        let is_commits = |work: &Work| work.rows.iter().any(|(_, line)| *line == "W3");
        let works = self.config.rows.iter().flat_map(|row| &row.works);
        let Some(work) = works.into_iter().find(|work| is_commits(work)).cloned() else { return Ok(()) };
        if Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("no strace: syncs are not counted");
            return Ok(());
        }
        for engine in self.config.engines.clone() {
            let with_commits = self.trace(engine, &Spec { count: TRACED_COMMITS, ..work.spec.clone() })?;
            let without = self.trace(engine, &Spec { count: 0, ..work.spec.clone() })?;
            let each = (with_commits as f64 - without as f64) / TRACED_COMMITS as f64;
            eprintln!("{engine}: {each:.2} syncs a commit");
            self.results.syncs.insert(engine, each);
        }
        Ok(())
    }

    fn trace(&self, engine: &str, spec: &Spec) -> Result<u64> {
        let directory = self.config.directory.join("run").join(engine);
        self.place_files(engine, Base::Full, &directory)?;
        let output = self.config.directory.join("trace");
        let spec = Spec { path: directory.join("db"), ..spec.clone() };
        let wrapper = ["strace", "-f", "-o", &output.display().to_string(), "-e", syncs::TRACED, "--"];
        self.run_child(engine, &spec, &wrapper.map(str::to_owned))?;
        let trace = String::from_utf8_lossy(&fs::read(&output)?).into_owned();
        fs::remove_file(&output)?;
        fs::remove_dir_all(&directory)?;
        Ok(syncs::count(&trace))
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

/// The length of all files below, and what they take on the disk.
fn files_len(directory: &Path) -> Result<(u64, u64)> {
    let (mut len, mut allocated) = (0, 0);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let below = files_len(&entry.path())?;
            (len, allocated) = (len + below.0, allocated + below.1);
        } else {
            (len, allocated) = (len + metadata.len(), allocated + metadata.blocks() * 512);
        }
    }
    Ok((len, allocated))
}

/// The engines by their names, in the order of the table.
pub fn engines_by_name(names: &str) -> Result<Vec<&'static str>> {
    let built = |name: &str| name != LIBBOLT || cfg!(feature = "libbolt");
    if names == "all" {
        return Ok(engines::NAMES.into_iter().filter(|name| built(name)).collect());
    }
    let mut chosen = Vec::new();
    for name in names.split(',') {
        let known = engines::NAMES.into_iter().find(|known| *known == name && built(known));
        chosen.push(known.ok_or_else(|| format!("{name}: no such engine"))?);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn each_engine_has_each_place_and_follows_each_other_one_equally_often() {
        for (count, rounds, times) in [(1, 1, 0), (2, 2, 1), (8, 8, 1), (5, 10, 2), (3, 6, 2)] {
            let orders: Vec<Vec<usize>> = (0..rounds).map(|round| order(count, round)).collect();
            for one in 0..count {
                for place in 0..count {
                    let there = orders.iter().filter(|order| order[place] == one).count();
                    assert_eq!(there, rounds / count, "{count}: engine {one} at place {place}");
                }
                for other in (0..count).filter(|other| *other != one) {
                    let pairs = orders.iter().flat_map(|order| order.windows(2));
                    let follows = pairs.filter(|pair| **pair == [one, other]).count();
                    assert_eq!(follows, times, "{count}: {other} behind {one}");
                }
            }
        }
    }
}
