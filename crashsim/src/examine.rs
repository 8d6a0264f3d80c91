//! Crash points to disks, disks to verdicts: each disk once, some of them through a second cut.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cut::{self, Budget, Choice, Image};
use crate::digest;
use crate::disk::CrashPoint;
use crate::lint::{LintNamespace, Rules};
use crate::random::Random;
use crate::reader;
use crate::sim::Sim;
use crate::verify::{
    Bounds, COPY, Goal, PATH, Recovery, Setup, Stage, Verdict, Violation, file_of, verify, verify_copy,
};

/// What was done so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Runs of a script.
    pub runs: AtomicU64,
    /// Transactions that were to be committed in them.
    pub commits: AtomicU64,
    /// Moments at which the power was cut.
    pub points: AtomicU64,
    /// Disks that the cuts left.
    pub images: AtomicU64,
    /// Different ones among them, by content and by what they may hold; each of these was verified.
    pub distinct: AtomicU64,
    /// Of those, how many were left by a second cut, during recovery or the commits after it.
    pub second: AtomicU64,
    /// Different copies, by backup and by compaction, that were verified.
    pub copies: AtomicU64,
    /// Recoveries that were cut.
    pub recoveries: AtomicU64,
    /// Calls that failed as planned.
    pub faults: AtomicU64,
    /// Processes that died.
    pub deaths: AtomicU64,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Digests are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0 << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, number: u64) {
        // The lowest bits have chosen the shard.
        self.0 = number.rotate_right(16);
    }
}

const SHARDS: usize = 64;

/// Which disks were seen.
pub struct Seen {
    shards: Vec<Mutex<HashSet<u64, BuildHasherDefault<AsIs>>>>,
    limit: usize,
}

impl Seen {
    /// Remembers up to `limit` disks; those beyond it count as new each time, and are not counted as
    /// distinct.
    pub fn new(limit: usize) -> Seen {
        Seen { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), limit: limit / SHARDS }
    }

    /// Whether this one was not seen before; `None` where there is no room to remember it.
    fn is_new(&self, key: u64) -> Option<bool> {
        let shard = self.shards.get(key as usize % SHARDS)?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.contains(&key) {
            return Some(false);
        }
        if shard.len() >= self.limit { None } else { Some(shard.insert(key)) }
    }
}

/// Calls `look` for each disk that a cut at this moment can leave.
fn each_cut(
    point: &CrashPoint,
    budget: &Budget,
    random: &mut Random,
    look: &mut dyn FnMut(&Choice) -> Verdict<()>,
) -> Verdict<()> {
    let is_unborn = is_unborn(point);
    cut::each(point, budget, random, &mut |choice| {
        if is_unborn && choice.has_garbage() {
            return Ok(());
        }
        look(choice).map_err(|violation| violation.at(cut::describe(point, choice)))
    })
}

/// Whether a file is being begun in place, over what a crash has left of its first pages. Garbage in these
/// cannot be told from a file that somebody else wrote: such a file must not be begun afresh, so garbage is
/// not tried.
fn is_unborn(point: &CrashPoint) -> bool {
    let named = point.names.iter().filter_map(|name| point.files.get(name.durable?));
    named.into_iter().any(|file| match reader::newest(&*file.base) {
        None => true,
        Some(meta) => meta.txid <= 1 && reader::walk(&*file.base, &meta).is_err(),
    })
}

/// What all runs share.
pub struct Examiner {
    /// What was done.
    pub counters: Counters,
    seen: Seen,
    /// One disk in so many is cut a second time; 0: none.
    second_one_in: u64,
}

impl Examiner {
    /// One that has seen nothing.
    pub fn new(limit: usize, second_one_in: u64) -> Examiner {
        Examiner { counters: Counters::default(), seen: Seen::new(limit), second_one_in }
    }

    /// Looks at what cuts at these moments leave. The label of a moment is the index of its bounds.
    pub fn examine(
        &self,
        points: &[CrashPoint],
        bounds: &[Bounds],
        setup: &Setup,
        budget: &Budget,
        random: &mut Random,
    ) -> Verdict<()> {
        for point in points {
            count(&self.counters.points);
            let Some(bounds) = bounds.get(point.label) else {
                return Err(Violation::new("a moment without bounds"));
            };
            let bounds_key = bounds.key();
            each_cut(point, budget, random, &mut |choice| {
                self.look(point, choice, bounds, &bounds_key, setup)
            })?;
        }
        Ok(())
    }

    fn look(
        &self,
        point: &CrashPoint,
        choice: &Choice,
        bounds: &Bounds,
        bounds_key: &[u8],
        setup: &Setup,
    ) -> Verdict<()> {
        let Some((image, key)) = self.is_wanted(point, choice, bounds_key) else { return Ok(()) };
        verify(&image, bounds, setup, key % 4 == 0)?;
        self.look_at_copy(&image, bounds, setup)?;
        if self.second_one_in != 0 && (key >> 16) % self.second_one_in == 0 && !bounds.is_fragile {
            self.cut_again(&image, bounds, setup, key)?;
        }
        Ok(())
    }

    /// The same copy lies beside many states of the database, and is looked at once.
    fn look_at_copy(&self, image: &Image, bounds: &Bounds, setup: &Setup) -> Verdict<()> {
        let Some(bytes) = file_of(image, COPY) else {
            return match bounds.copy.may_be_absent {
                true => Ok(()),
                false => Err(Violation::new("the copy is gone")),
            };
        };
        let states: Vec<u8> = bounds.copy.goals.iter().flat_map(|goal| goal.digest.to_le_bytes()).collect();
        if self.seen.is_new(digest::of(&[bytes, &states]) as u64) == Some(false) {
            return Ok(());
        }
        count(&self.counters.copies);
        verify_copy(image, &bounds.copy, setup)
    }

    /// The disk, unless it was seen before with the same bounds, and its key.
    fn is_wanted(&self, point: &CrashPoint, choice: &Choice, bounds_key: &[u8]) -> Option<(Image, u64)> {
        count(&self.counters.images);
        let key = digest::of(&[&cut::digest(point, choice).to_le_bytes(), bounds_key]) as u64;
        match self.seen.is_new(key) {
            Some(false) => return None,
            Some(true) => count(&self.counters.distinct),
            None => {}
        }
        Some((cut::image(point, choice), key))
    }

    /// Recovers from this disk on a storage that is cut again, at each moment of the recovery.
    fn cut_again(&self, image: &Image, bounds: &Bounds, setup: &Setup, seed: u64) -> Verdict<()> {
        count(&self.counters.recoveries);
        let sim = Sim::new(setup.page_size, seed);
        for (path, bytes) in image {
            sim.insert(path, bytes.clone()).map_err(|error| Violation::new(error.to_string()))?;
        }
        let rules = Rules { older_meta_stays: !setup.bbolt_rules, is_synced: true };
        let lint = LintNamespace::new(Arc::new(sim.clone()), rules);
        sim.set_recording(true);
        let mut later = vec![bounds.clone()];
        let mut now = bounds.clone();
        let exactly =
            |goal: &Arc<Goal>| Bounds { copy: bounds.copy.clone(), ..Bounds::exactly(goal.clone()) };
        let recovery = Recovery { names: &lint, path: PATH, setup, bounds, is_long: true };
        recovery.run(&mut |stage| {
            match stage {
                Stage::Opened(goal) => now = exactly(goal),
                Stage::Writing(goal) => now.goals.push((*goal).clone()),
                Stage::Written(goal) => {
                    lint.acknowledge(Path::new(PATH));
                    now = exactly(goal);
                }
            }
            sim.set_label(later.len());
            later.push(now.clone());
            sim.mark("the next step of the recovery");
        })?;
        if let Some(finding) = lint.take_findings().into_iter().next() {
            return Err(Violation::new(finding).at("during a recovery"));
        }
        let random = &mut Random::new(seed);
        for point in sim.take_points() {
            let Some(bounds) = later.get(point.label) else { continue };
            let bounds_key = bounds.key();
            let judged = each_cut(&point, &Budget::SECOND, random, &mut |choice| {
                let Some((image, key)) = self.is_wanted(&point, choice, &bounds_key) else { return Ok(()) };
                count(&self.counters.second);
                verify(&image, bounds, setup, key % 4 == 0)
            });
            judged.map_err(|violation| violation.at("a second cut, during the recovery from this one:"))?;
        }
        Ok(())
    }
}
