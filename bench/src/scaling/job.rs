//! One measurement in a process of its own, and what came of it: the lines that the runner and its children, in Rust
//! and in Go, exchange.

use crate::Result;
use crate::workload::{Key, KeyStyle, Keys};
use std::collections::HashMap;
use std::path::PathBuf;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// Inserts all keys in order, `batch` a transaction, without sync; syncs at the end.
    Load,
    /// Deletes all keys that are not to stay.
    Prune,
    /// Walks over everything and compares it with what must be there.
    Scan,
    /// Gets drawn keys in one read transaction, `batch` to a slice.
    Get,
    /// Puts drawn keys, `batch` a transaction.
    Put,
    /// Opens the database, gets one key, closes it.
    Open,
    /// Gets drawn keys in `threads` threads at once, `batch` a read transaction.
    Readers,
}

const TASKS: [(Task, &str); 7] = [
    (Task::Load, "load"),
    (Task::Prune, "prune"),
    (Task::Scan, "scan"),
    (Task::Get, "get"),
    (Task::Put, "put"),
    (Task::Open, "open"),
    (Task::Readers, "readers"),
];

/// What a child does. Keys come in pairs, as two of the values with which pages are made free fill a page.
#[derive(Clone, Debug)]
pub struct Job {
    pub task: Task,
    pub path: PathBuf,
    /// How many pairs of keys are loaded.
    pub pairs: u64,
    /// How many of them stay, spread evenly.
    pub live: u64,
    pub value_len: usize,
    pub durable: bool,
    pub batch: u64,
    pub threads: u64,
    /// How long is measured.
    pub millis: u64,
    /// How many operations are measured at most; 0: no limit.
    pub ops_max: u64,
    /// Everything is read once beforehand.
    pub warm: bool,
    pub seed: u64,
}

impl Job {
    pub fn to_args(&self) -> Vec<String> {
        let task = TASKS.iter().find(|(task, _)| *task == self.task).map_or("?", |(_, name)| name);
        vec![
            format!("task={task}"),
            format!("path={}", self.path.display()),
            format!("pairs={}", self.pairs),
            format!("live={}", self.live),
            format!("value_len={}", self.value_len),
            format!("durable={}", u8::from(self.durable)),
            format!("batch={}", self.batch),
            format!("threads={}", self.threads),
            format!("millis={}", self.millis),
            format!("ops_max={}", self.ops_max),
            format!("warm={}", u8::from(self.warm)),
            format!("seed={}", self.seed),
        ]
    }

    pub fn from_args(args: &[String]) -> Result<Job> {
        let mut fields = HashMap::new();
        for arg in args {
            let (name, value) = arg.split_once('=').ok_or_else(|| format!("{arg}: no NAME=VALUE"))?;
            fields.insert(name, value);
        }
        let field = |name: &str| fields.get(name).copied().ok_or_else(|| format!("{name} is missing"));
        let number = |name: &str| -> Result<u64> { Ok(field(name)?.parse()?) };
        let task = field("task")?;
        let task = TASKS.iter().find(|(_, name)| *name == task).ok_or_else(|| format!("{task}: no task"))?.0;
        Ok(Job {
            task,
            path: PathBuf::from(field("path")?),
            pairs: number("pairs")?,
            live: number("live")?,
            value_len: field("value_len")?.parse()?,
            durable: number("durable")? != 0,
            batch: number("batch")?.max(1),
            threads: number("threads")?.max(1),
            millis: number("millis")?,
            ops_max: number("ops_max")?,
            warm: number("warm")? != 0,
            seed: number("seed")?,
        })
    }
}

/// The keys of a job: all that were loaded, and the places of those that stay.
pub struct Data {
    all: Keys,
    staying: Keys,
    pairs: u64,
    live: u64,
}

impl Data {
    pub fn new(job: &Job) -> Data {
        Data {
            all: Keys::new(2 * job.pairs, KeyStyle::Uniform),
            staying: Keys::new(2 * job.live, KeyStyle::Uniform),
            pairs: job.pairs,
            live: job.live,
        }
    }

    /// How many keys were loaded.
    pub fn loaded(&self) -> u64 {
        self.all.count
    }

    /// How many stay.
    pub fn staying(&self) -> u64 {
        self.staying.count
    }

    /// The index of the key at `place` of those that stay.
    pub fn index_at(&self, place: u64) -> u64 {
        2 * (place / 2 * self.pairs / self.live) + place % 2
    }

    /// The index of the `step`th random draw among those that stay.
    pub fn draw(&self, seed: u64, step: u64) -> u64 {
        self.index_at(self.staying.draw(seed, step))
    }

    pub fn key(&self, index: u64) -> Key {
        self.all.key(index)
    }
}

/// What a child measured, the line of its output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    pub ops: u64,
    /// The median slice's nanoseconds an operation; of readers, all threads together, the mean.
    pub median_ns: f64,
    /// Processor time of all threads an operation.
    pub cpu_ns: f64,
    /// Pages that had to be waited for.
    pub major_faults: u64,
    /// Bytes that were read from the disk for this process.
    pub read_bytes: u64,
}

impl Sample {
    pub fn to_line(self) -> String {
        format!(
            "ops={} median_ns={:.3} cpu_ns={:.3} major_faults={} read_bytes={}",
            self.ops, self.median_ns, self.cpu_ns, self.major_faults, self.read_bytes
        )
    }

    pub fn from_line(line: &str) -> Result<Sample> {
        let mut sample = Sample::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}: no NAME=VALUE"))?;
            match name {
                "ops" => sample.ops = value.parse()?,
                "median_ns" => sample.median_ns = value.parse()?,
                "cpu_ns" => sample.cpu_ns = value.parse()?,
                "major_faults" => sample.major_faults = value.parse()?,
                "read_bytes" => sample.read_bytes = value.parse()?,
                other => return Err(format!("{other}: no result of that name").into()),
            }
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(pairs: u64, live: u64) -> Job {
        let args = ["task=get", "path=x", "value_len=10", "durable=0", "batch=1", "threads=1", "millis=1"];
        let args = args.map(str::to_owned).into_iter().chain([
            "ops_max=0".to_owned(),
            "warm=1".to_owned(),
            "seed=7".to_owned(),
            format!("pairs={pairs}"),
            format!("live={live}"),
        ]);
        Job::from_args(&args.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn those_that_stay_are_spread_evenly_and_each_is_another() {
        for (pairs, live) in [(10, 10), (1000, 7), (11, 10), (110_000, 10_000)] {
            let data = Data::new(&job(pairs, live));
            let places: Vec<u64> = (0..data.staying()).map(|place| data.index_at(place)).collect();
            assert!(places.windows(2).all(|two| two[0] < two[1]), "{pairs} {live}");
            assert!(places.chunks(2).all(|pair| pair[0] % 2 == 0 && pair[1] == pair[0] + 1));
            assert!(places.last().is_some_and(|last| *last < data.loaded()));
        }
    }

    #[test]
    fn jobs_and_samples_survive_their_lines() {
        let job = job(11, 10);
        assert_eq!(format!("{job:?}"), format!("{:?}", Job::from_args(&job.to_args()).unwrap()));
        let sample = Sample { ops: 3, median_ns: 1.5, cpu_ns: 0.25, major_faults: 4, read_bytes: 5 };
        assert_eq!(Sample::from_line(&sample.to_line()).unwrap(), sample);
    }
}
