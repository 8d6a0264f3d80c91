//! The locks and atomic numbers of the registry of readers and of what transactions share: std's.
//!
//! Built with `--cfg shuttle` they are shuttle's, which decides at each of their operations who goes on, so that
//! tests (`interleavings`) meet the orders in which threads can pass each other. shuttle and not loom: G1 rests on
//! operations that are sequentially consistent, which loom takes for weaker ones, so that it finds faults that no
//! processor shows.

#[cfg(not(shuttle))]
pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(shuttle))]
pub use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(shuttle)]
pub use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(shuttle)]
pub use shuttle::sync::{Condvar, Mutex, MutexGuard};

/// Faults that the test plants, to see that it finds them.
#[cfg(shuttle)]
pub mod fault {
    use std::sync::atomic::{AtomicU8, Ordering};

    /// A mistake in the order of two steps.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Fault {
        /// None: all is as it should be.
        None,
        /// A reader looks for the newest snapshot and then registers.
        LooksFirst,
        /// The writer tells the number of a snapshot and then shows it.
        TellsFirst,
        /// Closing looks for readers before it shuts the door, and not again.
        LooksOnce,
        /// Syncs wait for no other.
        SyncsAtOnce,
    }

    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// From now on there is this fault.
    pub fn plant(fault: Fault) {
        PLANTED.store(fault as u8, Ordering::Relaxed);
    }

    /// Whether there is this fault.
    pub fn is_planted(fault: Fault) -> bool {
        PLANTED.load(Ordering::Relaxed) == fault as u8
    }
}
