//! The lock of an open file, against other processes and within this one.
//!
//! flock(2) gives its lock to the open file, which all descriptors of it share: where a caller has given his,
//! the kernel grants a second database over it whatever it asks for. So this process keeps its own apart.
//!
//! Q1. Of the claims to one file, one is exclusive and alone, or none is.
//! Q2. The kernel's lock is given back with the last claim by its open file, before anybody can make a new one.
//!     Where the kernel does not tell whether two descriptors are of one open file, they count as such.
//! Q3. Claims are the process's that made them: a forked child has a table of its own, since its parent's may
//!     have been locked at the fork, and gives none of its parent's back.

use std::io::ErrorKind;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::{Patience, sys};
use crate::error::{Error, Result};

/// The pauses between two attempts at the lock.
const LOCK_PAUSE_MIN: Duration = Duration::from_millis(1);
const LOCK_PAUSE_MAX: Duration = Duration::from_millis(50);

/// A file of the system: its device and its number there.
pub type FileId = (u64, u64);

/// The lock of an open file. Its functions are given the descriptor.
pub struct FileLock {
    /// Where others of this process may have the same open file.
    claimant: Option<Claimant>,
}

impl FileLock {
    /// That of a file which nobody else has opened by the same call.
    pub fn of_own() -> FileLock {
        FileLock { claimant: None }
    }

    /// That of an open file which others may have, too.
    pub fn of_shared(file: FileId) -> FileLock {
        FileLock { claimant: Some(Claimant::new(file)) }
    }

    /// Takes the lock, waiting at most `timeout` (`None`: for ever).
    pub fn lock(&self, fd: BorrowedFd<'_>, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        let patience = Patience::new(timeout);
        let mut pause = LOCK_PAUSE_MIN;
        while !self.try_lock(fd, exclusive)? {
            std::thread::sleep(patience.left()?.map_or(pause, |left| left.min(pause)));
            pause = (pause * 2).min(LOCK_PAUSE_MAX);
        }
        Ok(())
    }

    /// Takes the lock if it is free.
    fn try_lock(&self, fd: BorrowedFd<'_>, exclusive: bool) -> Result<bool> {
        let Some(claimant) = &self.claimant else { return flock(fd, exclusive) };
        let locked = claimant.claim(fd.as_raw_fd(), exclusive)? && flock(fd, exclusive)?;
        if !locked {
            self.unlock(fd)?;
        }
        Ok(locked)
    }

    /// Gives the lock back.
    pub fn unlock(&self, fd: BorrowedFd<'_>) -> Result<()> {
        let unlock = || sys::unlock(fd).map_err(|error| Error::os("unlocking the file", error));
        match &self.claimant {
            Some(claimant) => claimant.give_back(unlock),
            None => unlock(),
        }
    }

    /// Before the descriptor is closed: gives back what would stay with the others of the same open file.
    pub fn drop(&self, fd: BorrowedFd<'_>) {
        if self.claimant.is_some() {
            // The lock goes when the last descriptor is closed, too, and a drop has nobody to tell.
            let _ = self.unlock(fd);
        }
    }
}

fn flock(fd: BorrowedFd<'_>, exclusive: bool) -> Result<bool> {
    loop {
        match sys::try_lock(fd, exclusive) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other.map_err(|error| Error::os("locking the file", error)),
        }
    }
}

/// One user of a file, whether it has a claim or not.
struct Claimant {
    number: u64,
    file: FileId,
}

struct Claim {
    claimant: u64,
    file: FileId,
    /// Open as long as there is the claim.
    fd: RawFd,
    exclusive: bool,
}

/// The claims of a process, and after them those of the child in whose copy of its memory this is.
struct Table {
    process: u32,
    claims: Mutex<Vec<Claim>>,
    next: OnceLock<Box<Table>>,
}

impl Table {
    fn new(process: u32) -> Table {
        Table { process, claims: Mutex::default(), next: OnceLock::new() }
    }
}

/// The claims of this process.
fn claims() -> MutexGuard<'static, Vec<Claim>> {
    static FIRST: OnceLock<Table> = OnceLock::new();
    let process = std::process::id();
    let mut table = FIRST.get_or_init(|| Table::new(process));
    while table.process != process {
        table = table.next.get_or_init(|| Box::new(Table::new(process)));
    }
    table.claims.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claimant {
    /// A user of `file` without a claim.
    fn new(file: FileId) -> Claimant {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Claimant { number: NUMBER.fetch_add(1, Ordering::Relaxed), file }
    }

    /// Makes a claim, in place of the one that there may be; `false` where others' claims forbid it.
    fn claim(&self, fd: RawFd, exclusive: bool) -> Result<bool> {
        let mut claims = claims();
        let mut others =
            claims.iter().filter(|claim| claim.file == self.file && claim.claimant != self.number);
        if others.any(|claim| claim.exclusive || exclusive) {
            return Ok(false);
        }
        claims.try_reserve(1)?;
        claims.retain(|claim| claim.claimant != self.number);
        claims.push(Claim { claimant: self.number, file: self.file, fd, exclusive });
        Ok(true)
    }

    /// Gives the claim back, and with the last one by its open file runs `unlock`.
    fn give_back(&self, unlock: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut claims = claims();
        let Some(own) = claims.iter().position(|claim| claim.claimant == self.number) else { return Ok(()) };
        let own = claims.swap_remove(own);
        let shares = |claim: &Claim| {
            claim.file == own.file && sys::is_same_open_file(claim.fd, own.fd).unwrap_or(true)
        };
        if claims.iter().any(shares) { Ok(()) } else { unlock() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    fn unlocks(claimant: &Claimant) -> bool {
        let mut unlocked = false;
        claimant
            .give_back(|| {
                unlocked = true;
                Ok(())
            })
            .unwrap();
        unlocked
    }

    #[test]
    fn a_file_is_claimed_by_one_alone_or_shared_and_unlocked_with_the_last_claim() {
        let [one, two] = [(); 2].map(|()| Claimant::new((u64::MAX, 1)));
        let other = Claimant::new((u64::MAX, 2));
        // All by the same open file.
        let file = tempfile::tempfile().unwrap();
        let claim = |claimant: &Claimant, exclusive| claimant.claim(file.as_raw_fd(), exclusive).unwrap();
        assert!(claim(&one, true) && claim(&other, true));
        assert!(!claim(&two, true) && !claim(&two, false));
        assert!(claim(&one, false) && claim(&two, false));
        assert!(!claim(&one, true), "its own claim stays");
        assert!(!unlocks(&one));
        assert!(claim(&two, true));
        assert!(unlocks(&two));
        assert!(!unlocks(&two), "it has none any more");
        assert!(unlocks(&other));
    }
}
