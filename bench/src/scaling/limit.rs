//! A limit on the memory of a child, the page cache of what it reads with it: by a cgroup where one can be made, else by
//! systemd. Without either, the file's pages are dropped before each measurement, and no more is read than a part.

use crate::Result;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub enum Limit {
    /// A cgroup, which goes with this value.
    Group {
        directory: PathBuf,
        version: u8,
    },
    Systemd {
        bytes: u64,
    },
    None,
}

impl Limit {
    pub fn find(bytes: u64) -> Limit {
        let name = format!("bolt-bench-{}", std::process::id());
        if let Some(limit) = version_2(Path::new("/sys/fs/cgroup"), &name, bytes) {
            return limit;
        }
        if let Some(limit) = version_1(Path::new("/sys/fs/cgroup/memory"), &name, bytes) {
            return limit;
        }
        let limit = Limit::Systemd { bytes };
        let wrapper = limit.wrapper();
        let mut command = Command::new(&wrapper[0]);
        command
            .args(&wrapper[1..])
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) { limit } else { Limit::None }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Limit::Group { version: 2, .. } => "a cgroup (version 2)",
            Limit::Group { .. } => "a cgroup (version 1)",
            Limit::Systemd { .. } => "a scope of systemd",
            Limit::None => "none: pages dropped before each measurement",
        }
    }

    /// The command that runs another under the limit, which follows it.
    pub fn wrapper(&self) -> Vec<String> {
        match self {
            Limit::Group { directory, .. } => {
                let enter = format!("echo $$ > '{}/cgroup.procs' && exec \"$@\"", directory.display());
                ["sh", "-c", &enter, "sh"].map(str::to_owned).to_vec()
            }
            Limit::Systemd { bytes } => {
                let max = format!("MemoryMax={bytes}");
                // SAFETY: takes nothing and cannot fail.
                let user = if unsafe { libc::geteuid() } == 0 { "--system" } else { "--user" };
                ["systemd-run", user, "--quiet", "--scope", "-p", &max, "-p", "MemorySwapMax=0"]
                    .map(str::to_owned)
                    .to_vec()
            }
            Limit::None => Vec::new(),
        }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Limit::Group { directory, .. } = self {
            // An empty group that stays behind does no harm.
            let _ = fs::remove_dir(directory);
        }
    }
}

fn version_2(root: &Path, name: &str, bytes: u64) -> Option<Limit> {
    let controllers = fs::read_to_string(root.join("cgroup.controllers")).ok()?;
    if !controllers.split_whitespace().any(|controller| controller == "memory") {
        return None;
    }
    let directory = root.join(name);
    fs::create_dir(&directory).ok()?;
    let group = Limit::Group { directory: directory.clone(), version: 2 };
    let max = directory.join("memory.max");
    if !max.exists() {
        fs::write(root.join("cgroup.subtree_control"), "+memory").ok()?;
    }
    fs::write(max, bytes.to_string()).ok()?;
    // Not there where the kernel has no swap.
    let _ = fs::write(directory.join("memory.swap.max"), "0");
    Some(group)
}

fn version_1(root: &Path, name: &str, bytes: u64) -> Option<Limit> {
    let directory = root.join(name);
    fs::create_dir(&directory).ok()?;
    let group = Limit::Group { directory: directory.clone(), version: 1 };
    fs::write(directory.join("memory.limit_in_bytes"), bytes.to_string()).ok()?;
    Some(group)
}

/// Takes the files' pages out of the page cache.
pub fn drop_pages(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            let file = File::open(&path)?;
            file.sync_all()?;
            // SAFETY: the descriptor is open; the call changes no memory of this process.
            let code = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
            if code != 0 {
                return Err(std::io::Error::from_raw_os_error(code).into());
            }
        }
    }
    Ok(())
}
