//! Databases over a linter: each of their writes, syncs, names and acknowledgements is held against rules R1 to
//! R5 when it comes, and a broken rule is a panic at that place.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bolt::storage::file::FileNamespace;
use bolt::storage::{Namespace, Storage, View};
use bolt::{Db, Options, Result};
use crashsim::lint::{LintNamespace, Rules};

/// The rules of a database that syncs, and keeps what its older meta reaches.
pub const SYNCED: Rules = Rules { older_meta_stays: true, is_synced: true };

/// As [`Db::open`].
pub fn open(path: &Path, options: &Options) -> Result<Db> {
    open_in(&FileNamespace, path, options)
}

/// As [`Db::open_in`].
pub fn open_in<N: Namespace + Clone + 'static>(names: &N, path: &Path, options: &Options) -> Result<Db> {
    let rules = Rules { older_meta_stays: !options.bbolt_rules, is_synced: !options.no_sync };
    open_under(names, path, options, rules)
}

/// As [`open_in`], under these rules, whatever the options say.
pub fn open_under<N: Namespace + Clone + 'static>(
    names: &N,
    path: &Path,
    options: &Options,
    rules: Rules,
) -> Result<Db> {
    Db::open_in(&*watched(names.clone(), rules), path, options)
}

/// The files of `names`, watched over.
pub fn watched<N: Namespace + 'static>(names: N, rules: Rules) -> Box<dyn Namespace> {
    Box::new(Watched(LintNamespace::new(Arc::new(names), rules)))
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

    fn expect_syncs(&self, on: bool) {
        self.inner.expect_syncs(on);
    }

    fn acknowledge(&self) {
        self.inner.acknowledge();
        heed(&self.lint);
    }
}
