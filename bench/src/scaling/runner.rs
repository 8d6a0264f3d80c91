//! Runs the cells: all engines load their files, then each operation is measured in rounds in which the engines take
//! turns, each in a process of its own; at the end every file is read and compared.

use super::job::{Job, Sample, Task};
use super::limit::{self, Limit};
use super::plan::Cell;
use super::store::{Done, Record, Store};
use crate::Result;
use crate::engines::{BBOLT, LIBBOLT};
use crate::machine::Busy;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing takes as long, unless it hangs.
const CHILD_TIME_MAX: Duration = Duration::from_secs(1200);

pub struct Runner<'r> {
    pub directory: &'r Path,
    pub bbolt_child: &'r Path,
    pub engines: &'r [&'static str],
    pub rounds: u32,
}

impl Runner<'_> {
    pub fn run(&self, cells: &[Cell], store: &mut Store) -> Result<()> {
        for cell in cells {
            if store.is_done(&cell.id) {
                eprintln!("{}: there already", cell.id);
                continue;
            }
            let busy = Busy::now()?;
            let scratch = self.directory.join("scaling-run");
            let limit = self.measure(cell, &scratch, store);
            if scratch.exists() {
                fs::remove_dir_all(&scratch)?;
            }
            store.finish(Done { cell: cell.id.clone(), others_busy: busy.others_since()?, limit: limit? })?;
        }
        Ok(())
    }

    fn measure(&self, cell: &Cell, scratch: &Path, store: &mut Store) -> Result<String> {
        if scratch.exists() {
            fs::remove_dir_all(scratch)?;
        }
        fs::create_dir_all(scratch)?;
        let needed = cell.file_len() * self.engines.len() as u64;
        let there = available_len(scratch)?;
        if there < needed {
            return Err(
                format!("{}: {} MiB of disk needed, {} free", cell.id, needed >> 20, there >> 20).into()
            );
        }
        for engine in self.engines {
            fs::create_dir_all(scratch.join(engine))?;
            let sample = self.child(engine, &cell.load, scratch, &[])?;
            eprintln!("{} {engine}: loaded, {:.0} ns a key", cell.id, sample.median_ns);
            if cell.load.live < cell.load.pairs {
                let prune = Job { task: Task::Prune, batch: 20_000, ..cell.load.clone() };
                let sample = self.child(engine, &prune, scratch, &[])?;
                eprintln!("{} {engine}: deleted, {:.0} ns a key", cell.id, sample.median_ns);
            }
        }
        // SAFETY: takes nothing and cannot fail.
        unsafe { libc::sync() };
        let limit = cell.limit.map(Limit::find);
        for operation in &cell.operations {
            for round in 0..self.rounds {
                let mut engines = self.engines.to_vec();
                engines.rotate_left(round as usize % self.engines.len());
                for engine in engines {
                    let sample = self.one(engine, &operation.job, scratch, limit.as_ref())?;
                    eprintln!("{} {} {engine}: {:.0} ns", cell.id, operation.name, sample.median_ns);
                    let (cell, operation) = (cell.id.clone(), operation.name.clone());
                    store.add(Record { cell, engine: engine.to_owned(), operation, sample })?;
                }
            }
        }
        for engine in self.engines {
            let scan = Job { task: Task::Scan, durable: true, ..cell.load.clone() };
            // What libbolt wrote, bbolt reads.
            let reader = if *engine == LIBBOLT { BBOLT } else { engine };
            let path = scratch.join(engine).join("db");
            self.child_at(reader, &Job { path, ..scan }, &[])?;
        }
        Ok(limit.map_or(String::new(), |limit| limit.name().to_owned()))
    }

    fn one(&self, engine: &str, job: &Job, scratch: &Path, limit: Option<&Limit>) -> Result<Sample> {
        let Some(limit) = limit else { return self.child(engine, job, scratch, &[]) };
        limit::drop_pages(&scratch.join(engine))?;
        let mut job = job.clone();
        if matches!((limit, job.task), (Limit::None, Task::Get | Task::Put)) {
            // Nothing is dropped while it is mapped: no more than an eighth of the entries are touched.
            job.ops_max = job.live / 4;
        }
        self.child(engine, &job, scratch, &limit.wrapper())
    }

    fn child(&self, engine: &str, job: &Job, scratch: &Path, wrapper: &[String]) -> Result<Sample> {
        self.child_at(engine, &Job { path: scratch.join(engine).join("db"), ..job.clone() }, wrapper)
    }

    fn child_at(&self, engine: &str, job: &Job, wrapper: &[String]) -> Result<Sample> {
        let program: PathBuf =
            if engine == BBOLT { self.bbolt_child.to_owned() } else { std::env::current_exe()? };
        let mut command = match wrapper.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("sample").arg(engine).args(job.to_args()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let started = Instant::now();
        while child.try_wait()?.is_none() {
            if started.elapsed() > CHILD_TIME_MAX {
                child.kill()?;
                child.wait()?;
                return Err(format!("{engine}: {job:?} hangs").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // A child prints a line, which its pipe holds.
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("{engine}: {job:?}: {}", output.status).into());
        }
        Sample::from_line(String::from_utf8(output.stdout)?.trim())
    }
}

/// What the file system still takes.
fn available_len(directory: &Path) -> Result<u64> {
    let path = CString::new(directory.as_os_str().as_bytes())?;
    let mut room = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero, and the struct is of the right size.
    let code = unsafe { libc::statvfs(path.as_ptr(), room.as_mut_ptr()) };
    if code != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: statvfs filled it.
    let room = unsafe { room.assume_init() };
    Ok(room.f_bavail * room.f_frsize)
}
