//! Databases over a linter: each of their writes, syncs and names is held against rules R1 to R5 when it
//! comes, each acknowledgement when [`acknowledged`] says so, and a broken rule is a panic at that place.

use std::cell::RefCell;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bolt::storage::file::FileNamespace;
use bolt::storage::{Namespace, Storage, View};
use bolt::{Db, Options, Result};
use crashsim::lint::{LintNamespace, Rules};

thread_local! {
    /// Who watches over the files that this thread has opened.
    static WATCHED: RefCell<Vec<(PathBuf, LintNamespace)>> = const { RefCell::new(Vec::new()) };
}

/// As [`Db::open`].
pub fn open(path: &Path, options: &Options) -> Result<Db> {
    open_in(&FileNamespace, path, options)
}

/// As [`Db::open_in`].
pub fn open_in<N: Namespace + Clone + 'static>(names: &N, path: &Path, options: &Options) -> Result<Db> {
    let rules = Rules { older_meta_stays: !options.bbolt_rules, is_synced: !options.no_sync };
    let lint = LintNamespace::new(Arc::new(names.clone()), rules);
    WATCHED.with_borrow_mut(|watched| {
        watched.retain(|(known, _)| known != path);
        if rules.is_synced {
            watched.push((path.to_path_buf(), lint.clone()));
        }
    });
    Db::open_in(&Watched(lint), path, options)
}

/// Says that `db` has acknowledged all that was done to it: it must be durable (R3).
pub fn acknowledged(db: &Db) {
    let lint = WATCHED.with_borrow(|watched| {
        watched.iter().find(|(path, _)| path == db.path()).map(|(_, lint)| lint.clone())
    });
    if let Some(lint) = lint {
        lint.acknowledge(db.path());
        heed(&lint);
    }
}

/// Says that `db` commits without syncs from now on, or with them again.
pub fn set_synced(db: &Db, on: bool) {
    WATCHED.with_borrow(|watched| {
        let mut ours = watched.iter().filter(|(path, _)| path == db.path());
        ours.by_ref().for_each(|(_, lint)| lint.set_synced(on));
    });
}

/// Panics with what the linter has found.
fn heed(lint: &LintNamespace) {
    let findings = lint.take_findings();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

struct Watched(LintNamespace);

impl Watched {
    fn wrap(&self, inner: Box<dyn Storage>) -> Box<dyn Storage> {
        Box::new(WatchedStorage { inner, lint: self.0.clone() })
    }
}

impl Namespace for Watched {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        Ok(self.0.open(path, read_only)?.map(|inner| self.wrap(inner)))
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.exists(path)
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        Ok(self.wrap(self.0.create_unnamed(path, mode)?))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.0.sync_directory(path)
    }
}

struct WatchedStorage {
    inner: Box<dyn Storage>,
    lint: LintNamespace,
}

impl WatchedStorage {
    fn heeding<T>(&self, done: T) -> T {
        heed(&self.lint);
        done
    }
}

impl Storage for WatchedStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        self.heeding(self.inner.write_at(parts, offset))
    }

    fn grow(&self, len: u64) -> Result<()> {
        self.heeding(self.inner.grow(len))
    }

    fn sync(&self) -> Result<()> {
        self.heeding(self.inner.sync())
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
        self.heeding(self.inner.link(path))
    }

    fn replace(&self, path: &Path) -> Result<()> {
        self.heeding(self.inner.replace(path))
    }

    fn is_named(&self, path: &Path) -> bool {
        self.inner.is_named(path)
    }
}
