//! The same through the border to C: read, searched, checked, copied and written to, with and without a map.

use std::fs::File;
use std::path::Path;

use bolt::ffi::batch::BOLT_BATCH_CREATE_BUCKETS;
use bolt::ffi::error::{
    BOLT_ARGUMENT, BOLT_BADHANDLE, BOLT_EXISTS, BOLT_KEYREQUIRED, BOLT_KEYSIZE, BOLT_MISMATCH,
    BOLT_NAMEREQUIRED, BOLT_NOTFOUND, BOLT_PANIC, BOLT_SAMEBUCKET, BOLT_WRONGTYPE,
};
use bolt::ffi::kv::{BOLT_APPEND, BOLT_MUSTEXIST, BOLT_NOOVERWRITE};
use bolt::ffi::memory::{
    BOLT_ADVICE_NORMAL, BOLT_ADVICE_RANDOM, BOLT_ADVICE_SEQUENTIAL, BOLT_ADVICE_WILLNEED,
};
use bolt::ffi::options::{
    BOLT_OPEN_BBOLT_RULES, BOLT_OPEN_NOSYNC, BOLT_OPEN_PRELOAD_FREELIST, BOLT_OPEN_READONLY,
    BOLT_OPEN_STRICT, BOLT_OPT_ALLOC_LEN, BOLT_OPT_BATCH_LEN, BOLT_OPT_CACHE_LEN, BOLT_OPT_FILL_PERCENT,
    BOLT_OPT_FREELIST_MODE, BOLT_OPT_MAX_LEN, BOLT_OPT_NOMAP,
};
use crashsim::random::Random;

use super::{Outcome, Stage};
use crate::border::{
    self, Bucket, Code, Cursor, Db, Findings, Move, TOO_LONG, Told, Txn, options, set_option,
};

/// How many keys of a bucket are asked for again.
const SAMPLE: usize = 12;
const BUCKET_COUNT: usize = 12;
const TXN_COUNT: usize = 3;
const ADVICE: [u32; 4] =
    [BOLT_ADVICE_NORMAL, BOLT_ADVICE_RANDOM, BOLT_ADVICE_SEQUENTIAL, BOLT_ADVICE_WILLNEED];
const CHANGE_COUNT: usize = 20;
const FREELIST_MODES: usize = 4;

/// The result, or nothing for a code; a code where there must be none is a violation.
fn wanted<T>(told: Told<T>, must_work: bool, what: &str) -> Outcome<Option<T>> {
    match told {
        Ok(value) => Ok(Some(value)),
        Err(code) if must_work => Err(format!("{what}, in a sound file: code {code}")),
        Err(code) => genuine(code).map(|()| None).map_err(|violation| format!("{what}: {violation}")),
    }
}

/// Whether a code is one that a file may lead to: it is known, and not that of a panic.
fn genuine(code: Code) -> Outcome {
    match code {
        BOLT_PANIC => Err("a panic at the border to C".into()),
        BOLT_MISMATCH..=BOLT_NOTFOUND | 1.. => Ok(()),
        code => Err(format!("code {code}, which nobody knows")),
    }
}

/// A code that a call may answer in a sound file, too, is taken for a result.
fn allowed(told: Told) -> Told {
    match told {
        Err(
            BOLT_NOTFOUND | BOLT_EXISTS | BOLT_WRONGTYPE | BOLT_KEYSIZE | BOLT_KEYREQUIRED
            | BOLT_NAMEREQUIRED | BOLT_ARGUMENT | BOLT_SAMEBUCKET | BOLT_BADHANDLE,
        ) => Ok(()),
        other => other,
    }
}

/// Reads: the checker, walks, searches, statistics, copies.
pub fn read_only(stage: &mut Stage, bytes: &[u8], random: &mut Random) -> Outcome {
    let preload = if random.once_in(2) { BOLT_OPEN_PRELOAD_FREELIST } else { 0 };
    let db = match open(stage, Some(bytes), BOLT_OPEN_READONLY | preload, random)? {
        Some(db) => Some(db),
        None if preload != 0 => open(stage, Some(bytes), BOLT_OPEN_READONLY, random)?,
        None => None,
    };
    let Some(db) = db else { return Ok(()) };
    stage.seen.opened = true;
    let Findings { errors, warning_count } = checked(stage, &db, random)?;
    (stage.seen.errors, stage.seen.warning_count) = (errors, warning_count);
    let is_sound = stage.seen.errors.is_empty();
    read(stage, &db, is_sound, random)?;
    copied(stage, &db, is_sound, random)?;
    db.close().map_err(|code| format!("closing: code {code}"))
}

/// Opens the file, by its name or as one that is open; where it is only read, now and then a copy of its bytes.
fn open(stage: &Stage, bytes: Option<&[u8]>, flags: u32, random: &mut Random) -> Outcome<Option<Db>> {
    let mut chosen = options(flags, |_| ()).map_err(|code| format!("options: code {code}"))?;
    for (option, value) in [
        (BOLT_OPT_NOMAP, u64::from(!stage.way.is_mapped())),
        (BOLT_OPT_CACHE_LEN, random.pick(&super::CACHE_LENS)),
        (BOLT_OPT_FREELIST_MODE, random.below(FREELIST_MODES) as u64),
    ] {
        set_option(&mut chosen, option, value).map_err(|code| format!("option {option}: code {code}"))?;
    }
    let opened = match (bytes, random.below(4)) {
        (Some(bytes), 0) => Db::open_memory(bytes, &chosen),
        (_, 1) => {
            let is_written = flags & BOLT_OPEN_READONLY == 0;
            let file = File::options().read(true).write(is_written).open(stage.path());
            Db::open_fd(&file.map_err(|error| error.to_string())?, &chosen)
        }
        _ => Db::open(&stage.path(), &chosen),
    };
    if let Err(code) = opened {
        match border::last_error() {
            Ok(Some((told, true))) if told == code && border::is_explained(code) => {}
            other => return Err(format!("opening: code {code}, explained by {other:?}")),
        }
    }
    let opened = wanted(opened, false, "opening")?;
    if let Some(db) = &opened {
        wanted(db.hear(), true, "being heard")?;
    }
    Ok(opened)
}

fn checked(stage: &Stage, db: &Db, random: &mut Random) -> Outcome<Findings> {
    let txn = db.begin(false).map_err(|code| format!("no read transaction: code {code}"))?;
    let mut last = Findings::default();
    for from_page in [random.below(stage.len / 512 + 8) as u64, 0] {
        let (findings, count) =
            txn.check(from_page).map_err(|code| format!("the check fails: code {code}"))?;
        if count as usize != findings.errors.len() + findings.warning_count {
            return Err("findings are not counted".into());
        }
        if count as usize > stage.len / 4 + 8 {
            return Err(format!("{count} findings"));
        }
        last = findings;
    }
    Ok(last)
}

/// A bucket, and the names that lead to it.
type Names = Vec<Vec<u8>>;

/// Reads all of the database, both ways, as far as the steps go.
fn read(stage: &Stage, db: &Db, is_sound: bool, random: &mut Random) -> Outcome {
    let Some(txn) = wanted(db.begin(false), is_sound, "beginning to read")? else { return Ok(()) };
    let mut steps = stage.steps();
    let mut opens = stage.len / 256 + 100;
    let Some(root) = wanted(txn.root(), is_sound, "the root")? else { return Ok(()) };
    let mut pending = walked_both_ways(&txn, root, is_sound, &mut steps, random)?;
    while let Some((parent, name)) = pending.pop() {
        if steps == 0 || opens == 0 {
            break;
        }
        (steps, opens) = (steps - 1, opens - 1);
        let Some(bucket) = wanted(parent.open(&name), is_sound, "opening a bucket")? else { continue };
        pending.extend(walked_both_ways(&txn, bucket, is_sound, &mut steps, random)?);
    }
    told_about(stage, db, &txn, root, is_sound, random)?;
    wanted(txn.reset_and_renew(), true, "beginning to read anew")?;
    // What was opened before has ended, and says so.
    match root.open(b"any") {
        Err(BOLT_BADHANDLE) => Ok(()),
        other => Err(format!("a handle that has ended gives {}", other.map_or_else(|code| code, |_| 0))),
    }
}

/// Reads one bucket; the buckets in it.
fn walked_both_ways(
    txn: &Txn,
    bucket: Bucket,
    is_sound: bool,
    steps: &mut usize,
    random: &mut Random,
) -> Outcome<Vec<(Bucket, Vec<u8>)>> {
    let forward = walked(txn, bucket, (Move::First, Move::Next), is_sound, *steps)?;
    let backward = walked(txn, bucket, (Move::Last, Move::Prev), is_sound, *steps)?;
    *steps = steps.saturating_sub(forward.count + backward.count);
    let is_whole = forward.is_whole && backward.is_whole;
    if is_sound && is_whole && (forward.count, forward.sum) != (backward.count, backward.sum) {
        return Err(format!("{} entries forward, {} backward", forward.count, backward.count));
    }
    searched(txn, bucket, &forward, is_sound, random)?;
    Ok(forward.buckets.into_iter().map(|name| (bucket, name)).collect())
}

/// What a walk through a bucket saw.
#[derive(Default)]
struct Walked {
    keys: Names,
    buckets: Names,
    count: usize,
    sum: u64,
    is_whole: bool,
}

fn walked(txn: &Txn, bucket: Bucket, way: (Move, Move), is_sound: bool, steps: usize) -> Outcome<Walked> {
    let mut walked = Walked::default();
    let Some(cursor) = wanted(bucket.cursor(), is_sound, "a cursor")? else { return Ok(walked) };
    let mut to = way.0;
    while let Some(Some(entry)) = wanted(cursor.go(txn, to), is_sound, "a step")? {
        to = way.1;
        if walked.count >= steps {
            return Ok(walked);
        }
        walked.count += 1;
        for bytes in [entry.key, entry.value.unwrap_or_default()] {
            walked.sum += u64::from(bytes.first().copied().unwrap_or(1));
            walked.sum += u64::from(bytes.last().copied().unwrap_or(2));
        }
        match entry.value {
            None => walked.buckets.push(entry.key.to_vec()),
            Some(_) if walked.keys.len() < SAMPLE => walked.keys.push(entry.key.to_vec()),
            Some(_) => {}
        }
    }
    walked.is_whole = true;
    Ok(walked)
}

/// Searches for keys that are there, and for others.
fn searched(txn: &Txn, bucket: Bucket, walked: &Walked, is_sound: bool, random: &mut Random) -> Outcome {
    let mut keys = walked.keys.clone();
    for key in &walked.keys {
        let found = wanted(bucket.get(txn, key), is_sound, "getting a key")?;
        let copied = wanted(bucket.get_copy(key), is_sound, "copying a value")?;
        if is_sound && found.flatten().map(<[u8]>::len) != copied.flatten() {
            return Err("a value and its copy differ in length".into());
        }
        if is_sound && found.flatten().is_none() {
            return Err("a key that the cursor gave is not found".into());
        }
    }
    keys.extend(walked.buckets.iter().take(3).cloned());
    keys.extend([Vec::new(), vec![0], vec![0xFF; 9], vec![b'm'; 40_000]]);
    let Some(cursor) = wanted(bucket.cursor(), is_sound, "a cursor")? else { return Ok(()) };
    for key in &keys {
        wanted(bucket.get(txn, key), is_sound, "getting any key")?;
        for is_below in [false, true] {
            let at = wanted(cursor.seek(txn, key, is_below), is_sound, "seeking")?.flatten();
            let is_wrong = |found: &[u8]| if is_below { found > &key[..] } else { found < &key[..] };
            if is_sound && at.is_some_and(|entry| is_wrong(entry.key)) {
                return Err("a search ends on the wrong side of its key".into());
            }
            let next = random.pick(&[Move::Next, Move::Prev, Move::Stay]);
            wanted(cursor.go(txn, next), is_sound, "a step from there")?;
        }
    }
    let found = wanted(bucket.get_many(&keys), is_sound, "getting many")?;
    if is_sound && found.is_some_and(|count| count < walked.keys.len()) {
        return Err("fewer of many keys are found than are there".into());
    }
    wanted(bucket.scan(random.once_in(2), 300), is_sound, "a scan")?;
    wanted(bucket.sequence(false), is_sound, "the sequence")?;
    bounded(&cursor, &keys, random)
}

/// Walks between two keys, several entries at a time.
fn bounded(cursor: &Cursor, keys: &Names, random: &mut Random) -> Outcome {
    let (from, to) = (random.below(keys.len()), random.below(keys.len()));
    wanted(cursor.set_bounds(&keys[from], &keys[to]), false, "setting bounds")?;
    wanted(cursor.next_many(), false, "many entries")?;
    wanted(cursor.next_packed(), false, "packed entries").map(drop)
}

/// Everything that tells about the database as a whole.
fn told_about(
    stage: &Stage,
    db: &Db,
    txn: &Txn,
    root: Bucket,
    is_sound: bool,
    random: &mut Random,
) -> Outcome {
    wanted(db.tell(), true, "what is to be known")?;
    wanted(txn.tell(), true, "what is to be known of a transaction")?;
    wanted(db.advise(random.pick(&ADVICE)), true, "advice")?;
    viewed(stage, db, txn, root, is_sound)?;
    wanted(root.key_count(), is_sound, "statistics of the buckets")?;
    match root.inspect(stage.steps() as u64) {
        Err(TOO_LONG) => {}
        told => drop(wanted(told, is_sound, "an inspection")?),
    }
    let page_count = stage.len as u64 / 1024 + 2;
    let mut id = 0;
    while id < page_count {
        wanted(txn.page_kind(id), false, "a page's kind")?;
        id += 1 + if page_count > 256 { random.below(64) as u64 } else { 0 };
    }
    for id in [u64::MAX, 1 << 52, 1 << 63] {
        wanted(txn.page_kind(id), false, "a page's kind")?;
    }
    Ok(())
}

/// Goes through the root bucket in a transaction of the library's, too; and what failed last is explained.
fn viewed(stage: &Stage, db: &Db, txn: &Txn, root: Bucket, is_sound: bool) -> Outcome {
    let max = stage.steps();
    let count = walked(txn, root, (Move::First, Move::Next), is_sound, max)?.count as u64;
    let viewed = wanted(db.view(max as u64), is_sound, "a view")?;
    if is_sound && viewed != Some(count) {
        return Err(format!("{count} entries, but {viewed:?} in a view"));
    }
    match db.last_error() {
        Ok(Some((code, true))) if border::is_explained(code) => Ok(()),
        Ok(None) => Ok(()),
        other => Err(format!("what failed last is {other:?}")),
    }
}

/// Copies the database in each way.
fn copied(stage: &Stage, db: &Db, is_sound: bool, random: &mut Random) -> Outcome {
    if let Some(txn) = wanted(db.begin(false), is_sound, "beginning to copy")? {
        let len = wanted(txn.backup_len(), is_sound, "a backup")?;
        if random.once_in(16) {
            let path = stage.directory.join("backup.db");
            let told = if random.once_in(2) {
                txn.backup(&path)
            } else {
                txn.backup_fd(&File::create(&path).map_err(|error| error.to_string())?)
            };
            wanted(told, is_sound, "a backup to a file")?;
            let copy = std::fs::metadata(&path).map(|facts| facts.len()).ok();
            if is_sound && copy != len {
                return Err(format!("a backup of {len:?} bytes has {copy:?} in a file"));
            }
        }
    }
    let path = stage.directory.join("compact.db");
    let txn_max_len = random.pick(&[0, 0, 1 << 16, 1000]);
    match db.compact(&path, txn_max_len, stage.len as u64) {
        Err(TOO_LONG) => Err("a compaction copies more than the file holds".into()),
        Err(code) if is_sound => Err(format!("a compaction, in a sound file: code {code}")),
        Err(code) => genuine(code),
        Ok(()) => sound(&path),
    }
}

/// What a compaction has made is sound, whatever it was made of.
fn sound(path: &Path) -> Outcome {
    let checked = options(BOLT_OPEN_READONLY, |_| ())
        .and_then(|options| Db::open(path, &options))
        .and_then(|db| db.begin(false)?.check(0));
    match checked {
        Ok((_, 0)) => Ok(()),
        Ok((findings, _)) => Err(format!("a compacted file has {:?}", findings.errors)),
        Err(code) => Err(format!("a compacted file: code {code}")),
    }
}

/// Writes every kind of change.
pub fn written(stage: &mut Stage, random: &mut Random) -> Outcome {
    let flags = BOLT_OPEN_NOSYNC
        | if random.once_in(4) { BOLT_OPEN_BBOLT_RULES } else { 0 }
        | if random.once_in(8) { BOLT_OPEN_STRICT } else { 0 };
    let Some(db) = open(stage, None, flags, random)? else { return Ok(()) };
    let Some(known) = wanted(db.tell(), true, "what is to be known")? else { return Ok(()) };
    let must_work = stage.must_work() && known.txn_id < 1 << 62;
    let page_size = known.page_size as usize;
    tuned(&db, random)?;
    let mut commit_count = 0;
    for number in 0..TXN_COUNT {
        let reader = wanted(db.begin(false), must_work, "beginning to read")?;
        let begun = if random.once_in(2) { db.begin(true) } else { db.begin_at_once(true) };
        let Some(txn) = wanted(begun, must_work, "beginning to write")? else { break };
        wanted(db.hear_commit(&txn), true, "being heard of")?;
        changed(stage, &txn, page_size, must_work, random)?;
        if number == 1 && random.once_in(2) {
            continue;
        }
        if wanted(txn.commit(), must_work, "a commit")?.is_some() {
            commit_count += 1;
        }
        drop(reader);
    }
    stage.seen.commit_count += commit_count;
    let heard = db.heard();
    if heard.commit_count() != commit_count || (commit_count > 0 && heard.line_count() == 0) {
        return Err(format!("{commit_count} commits, of which was heard {heard:?}"));
    }
    managed(&db, page_size, must_work, random)?;
    wanted(db.sync(), must_work, "a sync")?;
    wanted(db.close(), must_work, "closing").map(drop)
}

/// Changes options of the open database.
fn tuned(db: &Db, random: &mut Random) -> Outcome {
    for (option, value) in [
        (BOLT_OPT_ALLOC_LEN, random.pick(&[0, 1 << 16])),
        (BOLT_OPT_BATCH_LEN, random.pick(&[1, 1000])),
        (BOLT_OPT_FILL_PERCENT, random.pick(&[0, 10, 100])),
        (BOLT_OPT_FREELIST_MODE, random.below(FREELIST_MODES) as u64),
        (BOLT_OPT_MAX_LEN, 0),
    ] {
        wanted(db.set(option, value), true, "an option")?;
    }
    Ok(())
}

/// Writes in transactions of the library's.
fn managed(db: &Db, page_size: usize, must_work: bool, random: &mut Random) -> Outcome {
    wanted(allowed(db.update(b"updated", random.once_in(2))), must_work, "an update")?;
    let value = vec![b'b'; random.pick(&[0, 40, page_size / 3, 2 * page_size])];
    let path: &[&[u8]] =
        random.pick(&[&[b"updated"], &[b"batched", b"deeper"], &[b"updated", b"updated"], &[]]);
    let flags = random.pick(&[0, BOLT_BATCH_CREATE_BUCKETS]);
    let key = random.pick(&[&b"batched"[..], b"zz", b"updated"]);
    wanted(allowed(db.batch(path, key, &value, flags)), must_work, "a batch").map(drop)
}

/// What writing has left is a file again, or is refused.
pub fn left(stage: &mut Stage, random: &mut Random) -> Outcome {
    let must_work = stage.must_work();
    let Some(db) = open(stage, None, BOLT_OPEN_READONLY, random)? else {
        return if must_work { Err("a sound file is refused after a commit".into()) } else { Ok(()) };
    };
    let findings = checked(stage, &db, random)?;
    if must_work && !findings.errors.is_empty() {
        return Err(format!("a sound file has {:?} after writing", findings.errors));
    }
    read(stage, &db, must_work, random)?;
    db.close().map_err(|code| format!("closing: code {code}"))
}

/// What there is in a transaction to be changed.
struct Targets {
    /// Buckets with their parents and names.
    buckets: Vec<(Bucket, Bucket, Vec<u8>)>,
    keys: Names,
    savepoints: Vec<u64>,
    page_size: usize,
}

fn changed(stage: &Stage, txn: &Txn, page_size: usize, must_work: bool, random: &mut Random) -> Outcome {
    let Some(root) = wanted(txn.root(), must_work, "the root")? else { return Ok(()) };
    let mut targets = Targets {
        buckets: vec![(root, root, Vec::new())],
        keys: vec![b"new".to_vec(), vec![0xFF, 0xFE]],
        savepoints: Vec::new(),
        page_size,
    };
    let mut next = 0;
    while next < targets.buckets.len() && targets.buckets.len() < BUCKET_COUNT {
        let (bucket, ..) = targets.buckets[next];
        next += 1;
        let walked = walked(txn, bucket, (Move::First, Move::Next), must_work, 64)?;
        targets.keys.extend(walked.keys);
        for name in walked.buckets {
            if let Some(child) = wanted(bucket.open(&name), must_work, "opening a bucket")? {
                targets.buckets.push((child, bucket, name));
            }
        }
    }
    let change_count = if stage.len > 1 << 22 { 6 } else { CHANGE_COUNT };
    for _ in 0..change_count {
        let kind = random.below(21);
        let told = targets.change(txn, kind, random);
        wanted(allowed(told), must_work, &format!("a change of kind {kind}"))?;
    }
    Ok(())
}

impl Targets {
    fn key(&self, random: &mut Random) -> Vec<u8> {
        let mut key = self.keys[random.below(self.keys.len())].clone();
        if random.once_in(4) {
            key.push(random.next() as u8);
        }
        key
    }

    fn change(&mut self, txn: &Txn, kind: usize, random: &mut Random) -> Told {
        let place = random.below(self.buckets.len());
        let (bucket, parent, name) = self.buckets[place].clone();
        let (key, other) = (self.key(random), self.key(random));
        let value = vec![b'w'; random.pick(&[0, 7, 40, self.page_size / 4, 3 * self.page_size - 9])];
        match kind {
            0..=3 => bucket.put(&key, &value),
            4 | 5 => bucket.delete(&key),
            6 => {
                let flags = random.pick(&[BOLT_NOOVERWRITE, BOLT_MUSTEXIST, BOLT_APPEND]);
                bucket.put_if(&key, &value, flags)
            }
            7 => bucket.put_reserve(&key, value.len()),
            8 => {
                let (from, to) = if key < other { (key, other) } else { (other, key) };
                bucket.delete_range(&from, &to).map(drop)
            }
            9 | 10 => deleted_by_cursor(txn, bucket, &key, random),
            11 => {
                let made = bucket.create(&key)?;
                self.buckets.push((made, bucket, key));
                made.put(b"within", &value)
            }
            12 => bucket.ensure(&key).map(drop),
            13 if place > 0 => parent.delete_bucket(&name),
            14 if place > 0 => {
                let to = self.buckets[random.below(self.buckets.len())].0;
                parent.move_bucket(&name, to)
            }
            15 => bucket.sequence(true).map(drop),
            16 => bucket.set_sequence(u64::MAX),
            17 => txn.savepoint().map(|savepoint| self.savepoints.push(savepoint)),
            18 if place > 0 => bucket.close(),
            19 => bucket.set_fill_percent(random.pick(&[0.1, 0.5, 1.0])),
            _ => match self.savepoints.pop() {
                Some(savepoint) if random.once_in(4) => txn.release(savepoint),
                Some(savepoint) => txn.rollback_to(savepoint),
                None => bucket.key_count().map(drop),
            },
        }
    }
}

fn deleted_by_cursor(txn: &Txn, bucket: Bucket, key: &[u8], random: &mut Random) -> Told {
    let cursor = bucket.cursor()?;
    cursor.seek(txn, key, false)?;
    for _ in 0..1 + random.below(20) {
        cursor.delete()?;
        let to = if random.once_in(3) { Move::Prev } else { Move::Next };
        if cursor.go(txn, to)?.is_none() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_code_that_is_none_are_findings() {
        assert!(genuine(BOLT_PANIC).is_err());
        assert!(genuine(BOLT_MISMATCH - 1).is_err() && genuine(TOO_LONG).is_err());
        assert!(genuine(bolt::ffi::error::BOLT_CORRUPT).is_ok() && genuine(12).is_ok());
        assert!(wanted::<()>(Err(BOLT_NOTFOUND), true, "a key").is_err());
        assert_eq!(wanted::<()>(Err(BOLT_NOTFOUND), false, "a key"), Ok(None));
    }
}
