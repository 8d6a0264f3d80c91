//! Turns, first come, first served: std's mutex lets whoever has just given it back take it again, and a thread that
//! syncs over and over would hold up every commit.

use std::sync::PoisonError;

use super::sync::{Condvar, Mutex, MutexGuard};

/// Gives one turn at a time.
#[derive(Default)]
pub struct Turns {
    counts: Mutex<Counts>,
    over: Condvar,
}

#[derive(Default)]
struct Counts {
    asked: u64,
    ended: u64,
}

impl Turns {
    /// Waits for a turn, which ends with what is given.
    pub fn take(&self) -> Turn<'_> {
        let mut counts = self.counts();
        let own = counts.asked;
        counts.asked += 1;
        while counts.ended != own {
            counts = self.over.wait(counts).unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's turn.
pub struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut counts = self.0.counts();
        counts.ended += 1;
        // A call to the kernel, which a commit that nobody waits for is spared.
        if counts.asked != counts.ended {
            self.0.over.notify_all();
        }
    }
}
