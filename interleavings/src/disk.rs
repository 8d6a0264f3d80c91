//! Files in memory whose disk fails once, and holds that nothing is made durable after it: the system tells of a
//! failure once, and a sync that follows answers that all is well, though what was lost is lost.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bolt::storage::memory::MemoryNamespace;
use bolt::storage::{Namespace, Storage, View};
use bolt::{Error, Result};
use shuttle::thread;

/// Where the metas end, of pages of 1 KiB.
const METAS_END: u64 = 2048;

#[derive(Default)]
struct State {
    will_fail: AtomicBool,
    has_failed: AtomicBool,
}

/// Names of such files.
#[derive(Clone, Default)]
pub struct FailingOnce {
    inner: MemoryNamespace,
    state: Arc<State>,
}

impl FailingOnce {
    /// The next sync fails, whoever asks for it.
    pub fn fail_next_sync(&self) {
        self.state.will_fail.store(true, Ordering::Relaxed);
    }

    fn wrap(&self, inner: Box<dyn Storage>) -> Box<dyn Storage> {
        Box::new(FailingStorage { inner, state: Arc::clone(&self.state) })
    }
}

impl Namespace for FailingOnce {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        Ok(self.inner.open(path, read_only)?.map(|storage| self.wrap(storage)))
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        self.inner.create_unnamed(path, mode).map(|storage| self.wrap(storage))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.inner.sync_directory(path)
    }
}

struct FailingStorage {
    inner: Box<dyn Storage>,
    state: Arc<State>,
}

impl FailingStorage {
    fn has_not_failed(&self, what: &str) {
        assert!(!self.state.has_failed.load(Ordering::Relaxed), "{what} after a failed sync");
    }
}

impl Storage for FailingStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        if offset < METAS_END {
            self.has_not_failed("a meta page is written");
        }
        thread::yield_now();
        self.inner.write_at(parts, offset)
    }

    fn grow(&self, len: u64) -> Result<()> {
        self.inner.grow(len)
    }

    fn sync(&self) -> Result<()> {
        self.has_not_failed("a sync");
        let fails = self.state.will_fail.swap(false, Ordering::Relaxed);
        self.state.has_failed.fetch_or(fails, Ordering::Relaxed);
        // The failure is known to the system before its caller is told.
        thread::yield_now();
        if fails {
            return Err(Error::os("a planted fault", std::io::Error::other("the disk fails once")));
        }
        self.inner.sync()
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.inner.lock(exclusive, timeout)
    }

    fn unlock(&self) -> Result<()> {
        self.inner.unlock()
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        self.inner.view(len, ahead, previous)
    }

    fn link(&self, path: &Path) -> Result<bool> {
        self.inner.link(path)
    }
}
