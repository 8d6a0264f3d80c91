//! The work itself, for any engine. What is inside the meter is what is measured: opening the database, the check of
//! what was written and the end of it are outside, except where they are the work.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use crate::measure::Meter;
use crate::spec::{Action, Order, Outcome, Spec};
use crate::workload::{Keys, Values, entry_sum, value_sum};
use std::sync::atomic::{AtomicBool, Ordering};

/// How long opening is repeated at most; slow engines do it less often than asked.
const OPEN_NS_MAX: u64 = 2_000_000_000;
const OPEN_COUNT_MIN: u64 = 5;
/// The writer's draws in `Mixed` must not be the reader's.
pub const WRITER_SEED: u64 = 0x57;

/// Does the work and gives its results; `Err` with the reason where the engine cannot do it.
pub fn run<E: Engine>(spec: &Spec) -> Result<Vec<Outcome>> {
    if spec.action == Action::Open {
        return open::<E>(spec);
    }
    let engine = E::open(&spec.path, spec.durable)?;
    let keys = Keys::new(spec.keys, spec.style);
    let outcomes = match spec.action {
        Action::Load | Action::Put | Action::Delete => vec![write(&engine, spec, &keys)?],
        Action::Get => vec![get(&engine, spec, &keys)?],
        Action::Scan | Action::ScanBack => vec![scan(&engine, spec)?],
        Action::Seek => vec![seek(&engine, spec, &keys)?],
        Action::Mixed => mixed(&engine, spec, &keys)?,
        Action::Dump => vec![walk_all(&engine, spec)?],
        Action::Open => return Err("opened already".into()),
    };
    // Only what wrote has anything to make durable.
    if matches!(spec.action, Action::Load | Action::Put | Action::Delete | Action::Mixed) {
        engine.sync()?;
    }
    engine.close()?;
    Ok(outcomes)
}

fn index_at(spec: &Spec, keys: &Keys, step: u64) -> u64 {
    match spec.order {
        Order::Sorted => step,
        Order::Shuffled => keys.shuffled(spec.seed, step),
        Order::Drawn => keys.draw(spec.seed, step),
    }
}

/// The end of the transaction that begins at `step`.
fn batch_end(spec: &Spec, step: u64) -> u64 {
    if spec.batch == 0 { spec.count } else { spec.count.min(step + spec.batch) }
}

fn write<E: Engine>(engine: &E, spec: &Spec, keys: &Keys) -> Result<Outcome> {
    let mut values = Values::new(spec.value_len);
    let mut commits = 0;
    let mut step = 0;
    let meter = Meter::start(&spec.path)?;
    while step < spec.count {
        let end = batch_end(spec, step);
        let mut txn = engine.begin_write()?;
        while step < end {
            let index = index_at(spec, keys, step);
            let key = keys.key(index);
            match spec.action {
                Action::Load => txn.insert(&key, values.value(index, 0))?,
                Action::Put => txn.put(&key, values.value(index, step + 1))?,
                _ => txn.delete(&key)?,
            }
            step += 1;
        }
        txn.commit()?;
        commits += 1;
    }
    Ok(Outcome { ops: step, commits, ..meter.stop("main")? })
}

/// Gets `spec.count` keys and adds up what `look` makes of each.
fn get_all<E: Engine>(
    engine: &E,
    spec: &Spec,
    keys: &Keys,
    look: impl Fn(&[u8], &[u8]) -> u64,
) -> Result<u64> {
    let mut sum = 0u64;
    let mut step = 0;
    while step < spec.count {
        let end = batch_end(spec, step);
        let txn = engine.begin_read()?;
        while step < end {
            let key = keys.key(index_at(spec, keys, step));
            let one = txn.get(&key, |value| look(&key, value))?;
            sum = sum.wrapping_add(one.ok_or_else(|| format!("key {key:?} is not there"))?);
            step += 1;
        }
        txn.end()?;
    }
    Ok(sum)
}

fn get<E: Engine>(engine: &E, spec: &Spec, keys: &Keys) -> Result<Outcome> {
    let meter = Meter::start(&spec.path)?;
    let sum = get_all(engine, spec, keys, entry_sum)?;
    Ok(Outcome { ops: spec.count, sum, ..meter.stop("main")? })
}

fn walk_all<E: Engine>(engine: &E, spec: &Spec) -> Result<Outcome> {
    let txn = engine.begin_read()?;
    let mut sum = 0u64;
    let meter = Meter::start(&spec.path)?;
    let mut cursor = txn.cursor()?;
    let ops =
        cursor.walk(Start::First, u64::MAX, |key, value| sum = sum.wrapping_add(entry_sum(key, value)))?;
    drop(cursor);
    let outcome = meter.stop("main")?;
    txn.end()?;
    Ok(Outcome { ops, sum, ..outcome })
}

/// One pass that is not counted, as the first touch of a mapped page costs more than the entries on it; then the
/// others.
fn scan<E: Engine>(engine: &E, spec: &Spec) -> Result<Outcome> {
    let start = if spec.action == Action::Scan { Start::First } else { Start::Last };
    let txn = engine.begin_read()?;
    let mut cursor = txn.cursor()?;
    cursor.walk(start, u64::MAX, |_, _| ())?;
    let (mut ops, mut sum) = (0, 0u64);
    let meter = Meter::start(&spec.path)?;
    for _ in 0..spec.count {
        ops += cursor.walk(start, u64::MAX, |key, value| sum = sum.wrapping_add(entry_sum(key, value)))?;
    }
    let outcome = meter.stop("main")?;
    drop(cursor);
    txn.end()?;
    Ok(Outcome { ops, sum, ..outcome })
}

fn seek<E: Engine>(engine: &E, spec: &Spec, keys: &Keys) -> Result<Outcome> {
    let txn = engine.begin_read()?;
    let mut sum = 0u64;
    let meter = Meter::start(&spec.path)?;
    let mut cursor = txn.cursor()?;
    for step in 0..spec.count {
        let key = keys.key(index_at(spec, keys, step));
        cursor.walk(Start::Seek(&key), spec.length, |key, value| {
            sum = sum.wrapping_add(entry_sum(key, value));
        })?;
    }
    drop(cursor);
    let outcome = meter.stop("main")?;
    txn.end()?;
    Ok(Outcome { ops: spec.count, sum, ..outcome })
}

/// Puts `spec.length` drawn keys to a transaction until told to stop: how many puts, in how many commits.
fn write_until<E: Engine>(engine: &E, spec: &Spec, keys: &Keys, stop: &AtomicBool) -> Result<Outcome> {
    let mut values = Values::new(spec.value_len);
    let (mut step, mut commits) = (0, 0);
    let meter = Meter::start(&spec.path)?;
    while !stop.load(Ordering::Relaxed) {
        let mut txn = engine.begin_write()?;
        for _ in 0..spec.length {
            let index = keys.draw(WRITER_SEED, step);
            txn.put(&keys.key(index), values.value(index, step + 1))?;
            step += 1;
        }
        txn.commit()?;
        commits += 1;
    }
    Ok(Outcome { ops: commits, commits, ..meter.stop("writer")? })
}

fn mixed<E: Engine>(engine: &E, spec: &Spec, keys: &Keys) -> Result<Vec<Outcome>> {
    let stop = AtomicBool::new(false);
    // The version is the writer's affair: what the reader can know of a value is whose it is and how long.
    let look = |_: &[u8], value: &[u8]| -> u64 {
        value.get(..8).map_or(0, |tag| u64::from_le_bytes(tag.try_into().expect("eight bytes")))
            ^ value.len() as u64
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(engine, spec, keys, &stop));
        let meter = Meter::start(&spec.path)?;
        let sum = get_all(engine, spec, keys, look);
        let reader = meter.stop("reader");
        stop.store(true, Ordering::Relaxed);
        let writer = writer.join().map_err(|_| "the writer panicked")??;
        Ok(vec![Outcome { ops: spec.count, sum: sum?, ..reader? }, writer])
    })
}

/// Two results: the whole of it, and the part before the close.
fn open<E: Engine>(spec: &Spec) -> Result<Vec<Outcome>> {
    let keys = Keys::new(spec.keys, spec.style);
    let (mut ops, mut sum, mut opened_ns) = (0, 0u64, 0);
    let meter = Meter::start(&spec.path)?;
    while ops < spec.count && (ops < OPEN_COUNT_MIN || meter.wall_ns() < OPEN_NS_MAX) {
        let key = keys.key(index_at(spec, &keys, ops));
        let begun_ns = meter.wall_ns();
        let engine = E::open(&spec.path, spec.durable)?;
        let txn = engine.begin_read()?;
        let value = txn.get(&key, value_sum)?;
        opened_ns += meter.wall_ns() - begun_ns;
        sum = sum.wrapping_add(value.ok_or("the key is not there")?);
        txn.end()?;
        engine.close()?;
        ops += 1;
    }
    let whole = Outcome { ops, sum, ..meter.stop("main")? };
    let opened = Outcome { series: "opened".to_owned(), wall_ns: opened_ns, ..whole.clone() };
    Ok(vec![whole, opened])
}
