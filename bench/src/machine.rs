//! Where and with what was measured: for the head of the table.

use crate::Result;
use crate::measure;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The first value of `name` in a file of lines `name : value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The kind of the file system on which `directory` lies.
fn file_system(directory: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut best: Option<(usize, String)> = None;
    for line in mounts.lines() {
        let mut words = line.split_whitespace();
        let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
        let longer = best.as_ref().is_none_or(|(len, _)| point.len() >= *len);
        if directory.starts_with(point) && longer {
            best = Some((point.len(), kind.to_owned()));
        }
    }
    Some(best?.1)
}

/// How many KiB Linux reads from the disk below `directory` where it reads ahead.
pub fn read_ahead_kib(directory: &Path) -> String {
    let read = || {
        let device = fs::metadata(directory).ok()?.dev();
        let device = format!("/sys/dev/block/{}:{}", libc::major(device), libc::minor(device));
        // A partition has the settings of its disk.
        let places = ["queue", "../queue"].map(|queue| format!("{device}/{queue}/read_ahead_kb"));
        places.iter().find_map(|place| fs::read_to_string(place).ok())
    };
    read().map_or_else(|| "an unknown number of".to_owned(), |text| text.trim().to_owned())
}

/// One line about the machine.
pub fn describe(directory: &Path) -> String {
    let unknown = || "unknown".to_owned();
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| unknown(), |text| text.trim().to_owned());
    let system = file_system(directory).unwrap_or_else(unknown);
    format!("{model}, {cores} cores, {} GiB of memory, Linux {kernel}, {system}", memory_kib >> 20)
}

/// Processor time of the whole machine and of this program with its children, at one moment.
pub struct Busy {
    machine_ns: u64,
    own_ns: u64,
    at: Instant,
}

impl Busy {
    pub fn now() -> Result<Busy> {
        Ok(Busy { machine_ns: machine_ns()?, own_ns: measure::cpu_ns_with_children()?, at: Instant::now() })
    }

    /// How many cores others kept busy since: what they took is missing in the results.
    pub fn others_since(&self) -> Result<f64> {
        let now = Busy::now()?;
        let others = (now.machine_ns - self.machine_ns).saturating_sub(now.own_ns - self.own_ns);
        Ok(others as f64 / now.at.duration_since(self.at).as_nanos() as f64)
    }
}

/// What all processes together ran, as /proc/stat counts it: all but idle, waiting for the disk, and what is counted
/// twice (guests).
fn machine_ns() -> Result<u64> {
    const TICK_NS: u64 = 10_000_000;
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().ok_or("/proc/stat is empty")?;
    let ticks: Vec<u64> =
        line.split_whitespace().skip(1).map(str::parse).collect::<std::result::Result<_, _>>()?;
    let busy = ticks.iter().take(8).enumerate().filter(|(place, _)| ![3, 4].contains(place));
    Ok(busy.map(|(_, ticks)| ticks).sum::<u64>() * TICK_NS)
}

/// The day, as the system's `date` gives it.
pub fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The version of a package in this program's lock file.
fn locked(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let head = format!("name = \"{package}\"\nversion = \"");
    let found = lock.find(&head).map(|start| &lock[start + head.len()..]);
    found.and_then(|rest| rest.split('"').next()).unwrap_or("?")
}

/// The versions of the engines that have no version of this repository's.
pub fn versions(bbolt: &str) -> String {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: all three are written; the text is not looked at.
    unsafe { lmdb_master_sys::mdb_version(&mut major, &mut minor, &mut patch) };
    // SAFETY: a constant of the library.
    let mdbx = unsafe { &signet_mdbx_sys::mdbx_version };
    // SAFETY: a static text that ends with a zero.
    let sqlite = unsafe { std::ffi::CStr::from_ptr(libsqlite3_sys::sqlite3_libversion()) }.to_string_lossy();
    format!(
        "bbolt {bbolt}, LMDB {major}.{minor}.{patch}, libmdbx {}.{}.{}, redb {}, sanakirja {}, SQLite {sqlite}, \
         fjall {}",
        mdbx.major,
        mdbx.minor,
        mdbx.patch,
        locked("redb"),
        locked("sanakirja"),
        locked("fjall")
    )
}
