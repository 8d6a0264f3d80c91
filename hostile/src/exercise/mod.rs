//! Everything that can be done with a file, done with one that may be damaged.
//!
//! An error is as good as a result. What is not: a panic, more memory or more time than the file can account
//! for, a checker that says too much, and a file in which nothing is wrong but which does not behave.

mod border;
mod copies;
mod read;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, Error, Options, Severity, Txn};
use crashsim::random::Random;
use rustix::time::{ClockId, clock_gettime};

use crate::memory;

/// What memory may be taken at most: this, and so many times the length of the file.
const MEMORY_MIN: usize = 4 << 20;
const MEMORY_FACTOR: usize = 48;
/// What a call may take of the processor's time at most: this, and so much for each byte of the file.
const TIME_MIN: Duration = Duration::from_secs(2);
const TIME_PER_BYTE: Duration = Duration::from_nanos(2000);

/// How much a database without a map may keep of what it has read.
const CACHE_LENS: [u64; 3] = [0, 1 << 14, 1 << 20];

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In memory.
    Memory,
    /// As a file, through the operating system's map.
    File,
    /// In memory, by positioned reads.
    MemoryWithoutMap,
    /// As a file, by positioned reads.
    FileWithoutMap,
    /// As a file, through the border to C.
    Border,
    /// As a file, through the border to C, by positioned reads.
    BorderWithoutMap,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 6] = [
        Way::Memory,
        Way::File,
        Way::MemoryWithoutMap,
        Way::FileWithoutMap,
        Way::Border,
        Way::BorderWithoutMap,
    ];

    fn is_mapped(self) -> bool {
        matches!(self, Way::Memory | Way::File | Way::Border)
    }

    fn is_in_memory(self) -> bool {
        matches!(self, Way::Memory | Way::MemoryWithoutMap)
    }

    fn is_border(self) -> bool {
        matches!(self, Way::Border | Way::BorderWithoutMap)
    }
}

/// What was seen of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether it opened for reading.
    pub opened: bool,
    /// The numbers of the errors that the checker reported.
    pub errors: Vec<u32>,
    /// How many findings were warnings.
    pub warning_count: usize,
    /// How many transactions were committed to it.
    pub commit_count: u64,
    /// The most memory that one of the parts took beyond the file itself.
    pub peak: usize,
}

/// The stage on which a file is used.
pub struct Stage {
    names: MemoryNamespace,
    directory: PathBuf,
    way: Way,
    /// The length of the file, by which everything is measured.
    len: usize,
    seen: Seen,
}

/// What must not be.
pub type Violation = String;

/// What was done, or what must not be.
type Outcome<T = ()> = Result<T, Violation>;

const IMAGE: &str = "image.db";

/// Uses the file of these bytes for everything. `number` is where chance begins, `directory` one for files.
pub fn exercise(bytes: &[u8], number: u64, way: Way, directory: &Path) -> Outcome<Seen> {
    let (names, directory) = (MemoryNamespace::new(), directory.to_path_buf());
    let mut stage = Stage { names, directory, way, len: bytes.len(), seen: Seen::default() };
    let random = &mut Random::new(number);
    stage.lay_out(bytes)?;
    if way.is_border() {
        stage.part("reading in C", |stage| border::read_only(stage, bytes, random))?;
        stage.part("writing in C", |stage| border::written(stage, random))?;
        stage.part("what is left, in C", |stage| border::left(stage, random))?;
    } else {
        stage.part("reading", |stage| stage.read_only(random))?;
        stage.part("writing", |stage| stage.written(random))?;
        stage.part("what is left", |stage| stage.left(random))?;
    }
    Ok(stage.seen)
}

impl Stage {
    fn path(&self) -> PathBuf {
        self.directory.join(IMAGE)
    }

    fn lay_out(&self, bytes: &[u8]) -> Outcome {
        if self.way.is_in_memory() {
            self.names.insert(&self.path(), bytes.to_vec()).map_err(|error| error.to_string())
        } else {
            std::fs::write(self.path(), bytes).map_err(|error| error.to_string())
        }
    }

    fn open(&self, options: &Options, random: &mut Random) -> bolt::Result<Db> {
        let (no_map, cache_len) = (!self.way.is_mapped(), random.pick(&CACHE_LENS));
        let options = Options { no_map, cache_len, ..options.clone() };
        if self.way.is_in_memory() {
            Db::open_in(&self.names, &self.path(), &options)
        } else {
            Db::open(&self.path(), &options)
        }
    }

    /// Does one part, within its memory and its time, and without a panic.
    fn part(&mut self, name: &str, work: impl FnOnce(&mut Stage) -> Outcome) -> Outcome {
        let start = cpu_time();
        let (caught, peak) = memory::peak_of(|| catch_unwind(AssertUnwindSafe(|| work(self))));
        let took = cpu_time().saturating_sub(start);
        match caught {
            Ok(result) => result.map_err(|violation| format!("{name}: {violation}"))?,
            Err(_) => return Err(format!("{name}: a panic")),
        }
        self.seen.peak = self.seen.peak.max(peak);
        let (memory_max, time_max) = self.limits();
        if peak > memory_max {
            return Err(format!("{name}: {peak} bytes of memory for a file of {} bytes", self.len));
        }
        if took > time_max {
            return Err(format!("{name}: {took:?} for a file of {} bytes", self.len));
        }
        Ok(())
    }

    fn limits(&self) -> (usize, Duration) {
        let len = self.len.min(u32::MAX as usize);
        (MEMORY_MIN + MEMORY_FACTOR * len, TIME_MIN + TIME_PER_BYTE * len as u32)
    }

    /// How many steps may be done: more than a sound file of this length can ask for.
    fn steps(&self) -> usize {
        self.len / 16 + 100
    }

    /// Whether nothing was found that could keep a call from doing what it should.
    fn must_work(&self) -> bool {
        self.seen.opened && self.seen.errors.is_empty() && self.seen.warning_count == 0
    }

    fn read_only(&mut self, random: &mut Random) -> Outcome {
        let load_free_pages = random.once_in(2);
        let options = Options { read_only: true, load_free_pages, ..Options::default() };
        let opened = self.open(&options, random).or_else(|error| {
            genuine(&error).map_err(|_| error)?;
            self.open(&Options { load_free_pages: false, ..options }, random)
        });
        let db = match opened {
            Ok(db) => db,
            Err(error) => return genuine(&error),
        };
        self.seen.opened = true;
        let (errors, warning_count) = self.checked(&db, random)?;
        (self.seen.errors, self.seen.warning_count) = (errors, warning_count);
        let is_sound = self.seen.errors.is_empty();
        read::all(self, &db, is_sound, random)?;
        copies::all(self, &db, is_sound, random)?;
        db.close().map_err(|error| format!("closing: {error}"))
    }

    /// What the checker finds.
    fn checked(&self, db: &Db, random: &mut Random) -> Outcome<(Vec<u32>, usize)> {
        let Ok(txn) = db.begin_read() else { return Err("no read transaction".into()) };
        let below = Some(random.below(self.len / 512 + 8) as u64);
        self.findings(&txn, CheckOptions { from_page: below })?;
        self.findings(&txn, CheckOptions::default())
    }

    fn findings(&self, txn: &Txn, options: CheckOptions) -> Outcome<(Vec<u32>, usize)> {
        let (mut errors, mut warning_count) = (Vec::new(), 0);
        let checked = txn.check(options, |finding| {
            match finding.severity {
                Severity::Error => errors.push(finding.code as u32),
                Severity::Warning => warning_count += 1,
            }
            Ok(())
        });
        match checked {
            Ok(count) if count as usize != errors.len() + warning_count => {
                Err("findings are not counted".into())
            }
            Ok(count) if count as usize > self.len / 4 + 8 => Err(format!("{count} findings")),
            Ok(_) => Ok((errors, warning_count)),
            Err(error) => Err(format!("the check fails: {error}")),
        }
    }

    fn written(&mut self, random: &mut Random) -> Outcome {
        let freelist_mode = random.pick(&write::FREELIST_MODES);
        let bbolt_rules = random.once_in(4);
        let strict = random.once_in(8);
        let load_free_pages = random.once_in(4);
        let options = Options {
            no_sync: true,
            freelist_mode,
            bbolt_rules,
            strict,
            load_free_pages,
            room_max: 0,
            ..Options::default()
        };
        let db = match self.open(&options, random) {
            Ok(db) => db,
            Err(error) => return genuine(&error),
        };
        let has_ids = db.info().is_ok_and(|info| info.txid < 1 << 62);
        let must_work = self.must_work() && has_ids;
        let commit_count = write::all(self, &db, must_work, random)?;
        self.seen.commit_count += commit_count;
        match db.close() {
            Err(error) if must_work => Err(format!("closing a sound file: {error}")),
            Err(error) => genuine(&error),
            Ok(()) => Ok(()),
        }
    }

    /// What writing has left is a file again, or is refused.
    fn left(&mut self, random: &mut Random) -> Outcome {
        let options = Options { read_only: true, ..Options::default() };
        let must_work = self.must_work();
        let db = match self.open(&options, random) {
            Ok(db) => db,
            Err(error) if must_work => {
                return Err(format!("a sound file is refused after a commit: {error}"));
            }
            Err(error) => return genuine(&error),
        };
        let (errors, _) = self.checked(&db, random)?;
        if must_work && !errors.is_empty() {
            return Err(format!("a sound file has {errors:?} after writing"));
        }
        read::all(self, &db, must_work, random)?;
        db.close().map_err(|error| format!("closing: {error}"))
    }
}

/// Whether an error is one that a file may lead to. `Panic` says that the engine does not understand itself.
fn genuine(error: &Error) -> Outcome {
    match error {
        Error::Panic(_) => Err(format!("{error}")),
        _ => Ok(()),
    }
}

/// The result, or nothing for an error; an error where there must be none is a violation.
fn wanted<T>(result: bolt::Result<T>, must_work: bool, what: &str) -> Outcome<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if must_work => Err(format!("{what}, in a sound file: {error}")),
        Err(error) => genuine(&error).map(|()| None).map_err(|violation| format!("{what}: {violation}")),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
