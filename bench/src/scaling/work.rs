//! What a child does, for any engine; `go/scaling.go` is the same text in Go.
//!
//! A measurement is cut into slices, each with its own time, and the median slice counts: what begins cold, or meets
//! another program, does not. Each value that is read is compared with the one that its key must have.

use super::job::{Data, Job, Sample, Task};
use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use crate::measure;
use crate::workload::{Values, tag};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const SLICES_MIN: usize = 3;

/// Takes the times of slices until the job's time is over.
struct Sampler {
    slices: Vec<f64>,
    ops: u64,
    ops_max: u64,
    time: Duration,
    started: Instant,
    cpu_ns: u64,
    faults: u64,
    read_bytes: u64,
}

impl Sampler {
    fn start(job: &Job) -> Result<Sampler> {
        let (faults, read_bytes) = measure::major_faults_and_read_bytes()?;
        Ok(Sampler {
            slices: Vec::with_capacity(1 << 16),
            ops: 0,
            ops_max: if job.ops_max == 0 { u64::MAX } else { job.ops_max },
            time: Duration::from_millis(job.millis),
            cpu_ns: measure::cpu_ns()?,
            faults,
            read_bytes,
            started: Instant::now(),
        })
    }

    fn goes_on(&self) -> bool {
        let in_time = self.started.elapsed() < self.time && self.ops < self.ops_max;
        in_time || self.slices.len() < SLICES_MIN
    }

    /// `work` does `ops` operations.
    fn slice(&mut self, ops: u64, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        work()?;
        self.slices.push(begun.elapsed().as_nanos() as f64 / ops.max(1) as f64);
        self.ops += ops;
        Ok(())
    }

    fn finish(mut self) -> Result<Sample> {
        let cpu_ns = measure::cpu_ns()? - self.cpu_ns;
        let (faults, read_bytes) = measure::major_faults_and_read_bytes()?;
        self.slices.sort_by(f64::total_cmp);
        Ok(Sample {
            ops: self.ops,
            median_ns: self.slices.get(self.slices.len() / 2).copied().ok_or("nothing was measured")?,
            cpu_ns: cpu_ns as f64 / self.ops.max(1) as f64,
            major_faults: faults - self.faults,
            read_bytes: read_bytes - self.read_bytes,
        })
    }
}

/// Does the job.
pub fn run<E: Engine>(job: &Job) -> Result<Sample> {
    let data = Data::new(job);
    if job.task == Task::Open {
        return open::<E>(job, &data);
    }
    let engine = E::open(&job.path, job.durable)?;
    if job.warm {
        scan(&engine, job, &data)?;
    }
    let sample = match job.task {
        Task::Load => load(&engine, job, &data)?,
        Task::Prune => prune(&engine, job, &data)?,
        Task::Scan => {
            let mut sampler = Sampler::start(job)?;
            sampler.slice(data.staying(), || scan(&engine, job, &data))?;
            sampler.finish()?
        }
        Task::Get => get(&engine, job, &data)?,
        Task::Put => put(&engine, job, &data)?,
        Task::Readers => readers(&engine, job, &data)?,
        Task::Open => return Err("opened already".into()),
    };
    if matches!(job.task, Task::Load | Task::Prune | Task::Put) {
        engine.sync()?;
    }
    engine.close()?;
    Ok(sample)
}

fn check(job: &Job, index: u64, value: &[u8]) -> Result<()> {
    if value.len() == job.value_len && value.get(..8) == Some(&tag(index).to_le_bytes()) {
        return Ok(());
    }
    Err(format!("key {index} has another value: {} bytes", value.len()).into())
}

/// Reads everything and compares it with what must be there.
fn scan<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<()> {
    let txn = engine.begin_read()?;
    let mut cursor = txn.cursor()?;
    let (mut place, mut wrong) = (0, None);
    let count = cursor.walk(Start::First, u64::MAX, |key, value| {
        if place < data.staying() && wrong.is_none() {
            let index = data.index_at(place);
            let is_right = key == data.key(index) && check(job, index, value).is_ok();
            wrong = if is_right { None } else { Some(place) };
        }
        place += 1;
    })?;
    drop(cursor);
    txn.end()?;
    match wrong {
        Some(place) => Err(format!("the entry at place {place} is another").into()),
        None if count != data.staying() => {
            Err(format!("there are {count} entries, not {}", data.staying()).into())
        }
        None => Ok(()),
    }
}

fn load<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<Sample> {
    let mut values = Values::new(job.value_len);
    let mut sampler = Sampler::start(job)?;
    let mut index = 0;
    while index < data.loaded() {
        let end = data.loaded().min(index + job.batch);
        sampler.slice(end - index, || {
            let mut txn = engine.begin_write()?;
            for index in index..end {
                txn.insert(&data.key(index), values.value(index, 0))?;
            }
            txn.commit()
        })?;
        index = end;
    }
    sampler.finish()
}

fn prune<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<Sample> {
    let mut sampler = Sampler::start(job)?;
    // What stays next, and the next to be looked at.
    let (mut place, mut index) = (0, 0);
    while index < data.loaded() {
        let end = data.loaded().min(index + job.batch);
        sampler.slice(end - index, || {
            let mut txn = engine.begin_write()?;
            while index < end {
                if place < data.staying() && data.index_at(place) == index {
                    place += 1;
                } else {
                    txn.delete(&data.key(index))?;
                }
                index += 1;
            }
            txn.commit()
        })?;
    }
    sampler.finish()
}

fn get_one(txn: &impl ReadTxn, job: &Job, data: &Data, index: u64) -> Result<()> {
    let looked = txn.get(&data.key(index), |value| check(job, index, value))?;
    looked.ok_or_else(|| format!("key {index} is not there"))?
}

fn get<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<Sample> {
    let txn = engine.begin_read()?;
    let mut sampler = Sampler::start(job)?;
    let mut step = 0;
    while sampler.goes_on() {
        sampler.slice(job.batch, || {
            for step in step..step + job.batch {
                get_one(&txn, job, data, data.draw(job.seed, step))?;
            }
            Ok(())
        })?;
        step += job.batch;
    }
    let sample = sampler.finish();
    txn.end()?;
    sample
}

fn put<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<Sample> {
    let mut values = Values::new(job.value_len);
    let mut sampler = Sampler::start(job)?;
    let mut step = 0;
    while sampler.goes_on() {
        sampler.slice(job.batch, || {
            let mut txn = engine.begin_write()?;
            for step in step..step + job.batch {
                let index = data.draw(job.seed, step);
                txn.put(&data.key(index), values.value(index, step + 1))?;
            }
            txn.commit()
        })?;
        step += job.batch;
    }
    sampler.finish()
}

fn open<E: Engine>(job: &Job, data: &Data) -> Result<Sample> {
    let mut sampler = Sampler::start(job)?;
    let mut step = 0;
    while sampler.goes_on() {
        sampler.slice(1, || {
            let engine = E::open(&job.path, job.durable)?;
            let txn = engine.begin_read()?;
            get_one(&txn, job, data, data.draw(job.seed, step))?;
            txn.end()?;
            engine.close()
        })?;
        step += 1;
    }
    sampler.finish()
}

/// Each thread gets until the time is over; how many gets they made together.
fn readers<E: Engine>(engine: &E, job: &Job, data: &Data) -> Result<Sample> {
    let sampler = Sampler::start(job)?;
    let begin = Barrier::new(job.threads as usize);
    let one = |thread: u64| -> Result<u64> {
        begin.wait();
        let started = Instant::now();
        let mut step = 0;
        while started.elapsed() < sampler.time {
            let txn = engine.begin_read()?;
            for step in step..step + job.batch {
                get_one(&txn, job, data, data.draw(job.seed + thread, step))?;
            }
            txn.end()?;
            step += job.batch;
        }
        Ok(step)
    };
    let ops = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..job.threads).map(|thread| scope.spawn(move || one(thread))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a reader panicked")?).sum::<Result<u64>>()
    })?;
    let mut sampler = sampler;
    sampler.ops = ops;
    sampler.slices.push(sampler.started.elapsed().as_nanos() as f64 / ops.max(1) as f64);
    sampler.finish()
}
