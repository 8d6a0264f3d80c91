//! What the kernel knows about this process: processor time, bytes written, private memory; and about the disk.
//!
//! The process's own count of bytes written to storage (`write_bytes` of /proc/self/io) is not used: it counts whole
//! folios of the page cache, many pages where one was changed.

use crate::Result;
use crate::spec::Outcome;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The counters at the beginning of a piece of work.
pub struct Meter {
    started: Instant,
    cpu_ns: u64,
    write_call_bytes: u64,
    disk: PathBuf,
    disk_bytes: u64,
}

impl Meter {
    /// `path` is the database, or where it will be: it tells the disk.
    pub fn start(path: &Path) -> Result<Meter> {
        let disk = statistics_of_disk(path)?;
        let disk_bytes = disk_bytes(&disk)?;
        let write_call_bytes = write_call_bytes()?;
        let cpu_ns = cpu_ns()?;
        Ok(Meter { started: Instant::now(), cpu_ns, write_call_bytes, disk, disk_bytes })
    }

    pub fn wall_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// The work is done: what it took. The caller adds what it did.
    pub fn stop(&self, series: &str) -> Result<Outcome> {
        let wall_ns = self.wall_ns();
        let cpu_ns = cpu_ns()? - self.cpu_ns;
        Ok(Outcome {
            series: series.to_owned(),
            wall_ns,
            cpu_ns,
            write_call_bytes: write_call_bytes()? - self.write_call_bytes,
            disk_bytes: disk_bytes(&self.disk)? - self.disk_bytes,
            anon_bytes: anon_bytes("self")?,
            ..Outcome::default()
        })
    }
}

pub fn cpu_ns() -> Result<u64> {
    cpu_ns_of(libc::RUSAGE_SELF)
}

/// Processor time of this process and of its children that have ended.
pub fn cpu_ns_with_children() -> Result<u64> {
    Ok(cpu_ns()? + cpu_ns_of(libc::RUSAGE_CHILDREN)?)
}

fn usage_of(whom: libc::c_int) -> Result<libc::rusage> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a struct of the right size.
    let code = unsafe { libc::getrusage(whom, usage.as_mut_ptr()) };
    if code != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: getrusage filled it.
    Ok(unsafe { usage.assume_init() })
}

fn cpu_ns_of(whom: libc::c_int) -> Result<u64> {
    let usage = usage_of(whom)?;
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    Ok(ns(usage.ru_utime) + ns(usage.ru_stime))
}

/// The number after `name` in a file of /proc, where each line is a name and a number.
fn proc_number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Pages that this process had to wait for, and bytes that were read from the disk for it.
pub fn major_faults_and_read_bytes() -> Result<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/io")?;
    let read_bytes = proc_number(&text, "read_bytes:").ok_or("/proc/self/io has no read_bytes")?;
    Ok((usage_of(libc::RUSAGE_SELF)?.ru_majflt as u64, read_bytes))
}

/// Bytes handed to write calls since the process began.
fn write_call_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/io")?;
    Ok(proc_number(&text, "wchar:").ok_or("/proc/self/io has no wchar")?)
}

/// The kernel's statistics of the disk on which `path` lies.
fn statistics_of_disk(path: &Path) -> Result<PathBuf> {
    let place = if path.exists() { path } else { path.parent().unwrap_or(path) };
    let device = fs::metadata(place)?.dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    Ok(PathBuf::from(format!("/sys/dev/block/{major}:{minor}/stat")))
}

/// Bytes written to the disk by all processes, since the machine started; 0 where the kernel does not tell.
fn disk_bytes(statistics: &Path) -> Result<u64> {
    const SECTORS_WRITTEN: usize = 6;
    const SECTOR_LEN: u64 = 512;
    let Ok(text) = fs::read_to_string(statistics) else { return Ok(0) };
    let sectors = text.split_whitespace().nth(SECTORS_WRITTEN).ok_or("the disk's statistics are short")?;
    Ok(sectors.parse::<u64>()? * SECTOR_LEN)
}

/// The private memory of a process ("self" or its number) in bytes: pages that no file backs.
pub fn anon_bytes(process: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(proc_number(&text, "RssAnon:").ok_or("no RssAnon: the process is gone")? * 1024)
}
