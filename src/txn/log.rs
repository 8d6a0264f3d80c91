//! What the engine has to say, to whoever wants to hear it.
//!
//! W1. The listener is called with finished text, and never while the library holds a lock or the writer's
//!     place: what is noted meanwhile is kept until [`Log::speak`].

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much a message matters. The numbers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// Something failed that concerns more than one call.
    Error = 1,
    /// Something is not as it should be, and was got over.
    Warning = 2,
    /// What happens seldom.
    Info = 3,
    /// What happens often.
    Debug = 4,
}

/// Who hears the messages.
pub type Listener = dyn Fn(Level, &str) + Send + Sync;

/// So many messages are kept at most, the first ones.
const KEPT_MAX: usize = 1000;

/// The messages of a database.
#[derive(Default)]
pub struct Log {
    /// The least important level that is wanted; 0: none.
    limit: AtomicU32,
    listener: Mutex<Option<Arc<Listener>>>,
    kept: Mutex<Vec<(Level, String)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// Lets `listener` hear messages of `limit` and of higher importance, in place of the one before.
    pub fn set_listener(&self, listener: Option<Arc<Listener>>, limit: Level) {
        self.limit.store(if listener.is_some() { limit as u32 } else { 0 }, Ordering::Relaxed);
        *lock(&self.listener) = listener;
        self.speak();
    }

    /// Keeps a message until the next [`Log::speak`], if somebody wants it.
    #[inline]
    pub fn note(&self, level: Level, text: impl FnOnce() -> String) {
        if level as u32 <= self.limit.load(Ordering::Relaxed) {
            self.keep(level, text());
        }
    }

    /// Keeps a message for the first listener, whenever he comes: what was to be said when the database was
    /// opened.
    #[cold]
    pub fn keep(&self, level: Level, text: String) {
        let mut kept = lock(&self.kept);
        // Without memory for it a message is lost, and nothing else.
        if kept.len() < KEPT_MAX && kept.try_reserve(1).is_ok() {
            kept.push((level, text));
        }
    }

    /// Tells the listener what was kept (W1).
    pub fn speak(&self) {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit == 0 {
            return;
        }
        let kept = std::mem::take(&mut *lock(&self.kept));
        if kept.is_empty() {
            return;
        }
        let Some(listener) = lock(&self.listener).clone() else { return };
        for (level, text) in kept.iter().filter(|(level, _)| *level as u32 <= limit) {
            listener(*level, text);
        }
    }
}
