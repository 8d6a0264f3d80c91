//! Reading: walks both ways, searches, statistics, pages.

use bolt::{BucketId, Cursor, Db, Direction, Entry, ROOT, Take, Txn};
use crashsim::random::Random;

use super::{Outcome, Stage, genuine, wanted};

/// How many keys of a bucket are asked for again.
const SAMPLE: usize = 12;

/// A bucket that is to be read, and how to come to it.
struct Below {
    parent: BucketId,
    name: Vec<u8>,
}

/// What a walk through a bucket saw.
#[derive(Default)]
struct Walked {
    keys: Vec<Vec<u8>>,
    buckets: Vec<Vec<u8>>,
    count: usize,
    sum: u64,
    whole: bool,
}

/// Reads all of the database, both ways, as far as the steps go.
pub fn all(stage: &Stage, db: &Db, is_sound: bool, random: &mut Random) -> Outcome {
    let Some(mut txn) = wanted(db.begin_read(), is_sound, "beginning to read")? else { return Ok(()) };
    let mut steps = stage.steps();
    // A transaction remembers each bucket that was opened in it.
    let mut opens = stage.len / 256 + 100;
    let mut pending = bucket(&mut txn, ROOT, is_sound, &mut steps, random)?;
    while let Some(Below { parent, name }) = pending.pop() {
        if steps == 0 || opens == 0 {
            break;
        }
        (steps, opens) = (steps - 1, opens - 1);
        let Some(id) = wanted(txn.bucket(parent, &name), is_sound, "opening a bucket")? else { continue };
        pending.extend(bucket(&mut txn, id, is_sound, &mut steps, random)?);
    }
    statistics(stage, db, &mut txn, is_sound, random)
}

/// Reads one bucket; the buckets in it.
fn bucket(
    txn: &mut Txn,
    id: BucketId,
    is_sound: bool,
    steps: &mut usize,
    random: &mut Random,
) -> Outcome<Vec<Below>> {
    let forward = walked(txn, id, Direction::Forward, is_sound, *steps)?;
    let backward = walked(txn, id, Direction::Backward, is_sound, *steps)?;
    *steps = steps.saturating_sub(forward.count + backward.count);
    let differ =
        forward.whole && backward.whole && (forward.count, forward.sum) != (backward.count, backward.sum);
    if is_sound && differ {
        return Err(format!("{} entries forward, {} backward", forward.count, backward.count));
    }
    searches(txn, id, &forward, is_sound, random)?;
    Ok(forward.buckets.into_iter().map(|name| Below { parent: id, name }).collect())
}

fn walked(txn: &Txn, id: BucketId, direction: Direction, is_sound: bool, steps: usize) -> Outcome<Walked> {
    let mut walked = Walked::default();
    let Some(mut cursor) = wanted(txn.cursor(id), is_sound, "a cursor")? else { return Ok(walked) };
    let mut entry = match direction {
        Direction::Forward => cursor.first(txn),
        Direction::Backward => cursor.last(txn),
    };
    while let Some(Some(Entry { key, value })) = wanted(entry, is_sound, "a step")? {
        if walked.count >= steps {
            return Ok(walked);
        }
        walked.count += 1;
        let ends =
            [key, value.unwrap_or_default()].map(|bytes| (bytes.first().copied(), bytes.last().copied()));
        for (first, last) in ends {
            walked.sum += u64::from(first.unwrap_or(1)) + u64::from(last.unwrap_or(2));
        }
        let place = walked.count % SAMPLE;
        match value {
            None => walked.buckets.push(key.to_vec()),
            Some(_) if walked.keys.len() < SAMPLE => walked.keys.push(key.to_vec()),
            Some(_) if walked.count % 7 == 0 => walked.keys[place] = key.to_vec(),
            Some(_) => {}
        }
        entry = match direction {
            Direction::Forward => cursor.next(txn),
            Direction::Backward => cursor.prev(txn),
        };
    }
    walked.whole = true;
    Ok(walked)
}

/// Searches for keys that are there, and for others.
fn searches(txn: &Txn, id: BucketId, walked: &Walked, is_sound: bool, random: &mut Random) -> Outcome {
    let mut keys = walked.keys.clone();
    for key in &walked.keys {
        let found = wanted(txn.get(id, key), is_sound, "getting a key")?;
        if is_sound && found.flatten().is_none() {
            return Err("a key that the cursor gave is not found".into());
        }
    }
    keys.extend(walked.buckets.iter().take(3).cloned());
    keys.extend([Vec::new(), vec![0], vec![0xFF; 9], vec![b'm'; 40_000]]);
    let mut noise = vec![0; random.below(40)];
    random.fill(&mut noise);
    keys.push(noise);
    let Some(mut cursor) = wanted(txn.cursor(id), is_sound, "a cursor")? else { return Ok(()) };
    for key in &keys {
        wanted(txn.get(id, key), is_sound, "getting any key")?;
        let at = wanted(cursor.seek(txn, key), is_sound, "seeking")?;
        if at.flatten().is_some_and(|entry| is_sound && entry.key < &key[..]) {
            return Err("a search ends below its key".into());
        }
        let next = if random.once_in(2) { cursor.next(txn) } else { cursor.prev(txn) };
        wanted(next, is_sound, "a step from there")?;
        let at = wanted(cursor.seek_le(txn, key), is_sound, "seeking downwards")?;
        if at.flatten().is_some_and(|entry| is_sound && entry.key > &key[..]) {
            return Err("a search downwards ends above its key".into());
        }
        wanted(cursor.current(txn), is_sound, "the current entry")?;
    }
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let mut values = vec![None; asked.len()];
    wanted(txn.get_many(id, &asked, &mut values), is_sound, "getting many")?;
    bounded(txn, id, &asked, &mut cursor, random)
}

/// Walks between two keys, several entries at a time.
fn bounded(txn: &Txn, id: BucketId, keys: &[&[u8]], cursor: &mut Cursor, random: &mut Random) -> Outcome {
    let (from, to) = (random.pick(keys), random.pick(keys));
    if let Err(error) = cursor.set_bounds(txn, Some(from), Some(to)) {
        return genuine(&error);
    }
    let direction = if random.once_in(2) { Direction::Forward } else { Direction::Backward };
    for _ in 0..2 {
        let mut left = 50;
        let taken = cursor.take(txn, direction, |_| {
            left -= 1;
            if left > 0 { Take::More } else { Take::Enough }
        });
        wanted(taken, false, "taking entries")?;
    }
    wanted(txn.sequence(id), false, "the sequence").map(drop)
}

/// Everything that tells about the database as a whole.
fn statistics(stage: &Stage, db: &Db, txn: &mut Txn, is_sound: bool, random: &mut Random) -> Outcome {
    wanted(txn.bucket_stats(ROOT), is_sound, "statistics of the buckets")?;
    let Some(mut inspection) = wanted(txn.inspect(ROOT), is_sound, "an inspection")? else { return Ok(()) };
    for _ in 0..stage.steps() {
        match wanted(inspection.next(txn), is_sound, "inspecting")? {
            Some(Some(_)) => {}
            _ => break,
        }
    }
    let page_count = stage.len / 1024 + 2;
    let mut id = 0;
    while id < page_count as u64 {
        wanted(txn.page_info(id), false, "a page's kind")?;
        id += 1 + if page_count > 4096 { random.below(64) as u64 } else { 0 };
    }
    for id in [u64::MAX, 1 << 52, 1 << 63] {
        wanted(txn.page_info(id), false, "a page's kind")?;
    }
    wanted(db.info(), true, "what is to be known")?;
    wanted(db.stats(false), true, "statistics")?;
    wanted(db.readers(), true, "the readers")?;
    Ok(())
}
