//! Files in memory that keep a log of what is done to them, and fail where a test wants it.

use std::io::IoSlice;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt::storage::memory::MemoryNamespace;
use bolt::storage::{Namespace, Storage, View};
use bolt::{Error, Result};
use crashsim::fault::is_aside;

/// A call to the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Read { offset: u64, len: u64 },
    Write { offset: u64, len: u64 },
    Grow { len: u64 },
    Sync,
    Lock,
    View { len: u64 },
    Link,
    SyncDirectory,
}

impl Call {
    /// Whether it changes or syncs something.
    pub fn is_change(&self) -> bool {
        !matches!(self, Call::Read { .. } | Call::Lock | Call::View { .. })
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Not(i32),
    /// It is done, but an error is answered.
    Done(i32),
    /// A write: the first so many bytes are written.
    Torn(usize, i32),
}

type Rule = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    log: Vec<Call>,
    rule: Option<Rule>,
}

/// Names of such files. A clone has the same names, log and rule.
#[derive(Clone, Default)]
pub struct FaultyNamespace {
    /// The files themselves.
    pub inner: MemoryNamespace,
    state: Arc<Mutex<State>>,
}

impl FaultyNamespace {
    pub fn new() -> FaultyNamespace {
        FaultyNamespace::default()
    }

    /// Lets `rule` decide which calls fail from now on.
    pub fn fail(&self, rule: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    /// Lets the first call that `wanted` names fail, and no other.
    pub fn fail_first(&self, fault: Fault, wanted: impl Fn(&Call) -> bool + Send + 'static) {
        self.fail_nth(0, fault, wanted);
    }

    /// Lets the call number `index` of those that `wanted` names fail, and no other.
    pub fn fail_nth(&self, index: usize, fault: Fault, wanted: impl Fn(&Call) -> bool + Send + 'static) {
        let mut count = 0;
        self.fail(move |call| {
            count += usize::from(wanted(call));
            if wanted(call) && count == index + 1 { Some(fault) } else { None }
        });
    }

    /// No call fails any more.
    pub fn heal(&self) {
        self.state().rule = None;
    }

    /// What was called since this was asked last.
    pub fn take_log(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().log)
    }

    /// The content of a file.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        self.inner.to_vec(path).unwrap().expect("the file exists")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the call, and says whether it fails. The linter looks at the disk from outside.
    fn note(&self, call: Call) -> Option<Fault> {
        if is_aside() {
            return None;
        }
        let mut state = self.state();
        state.log.push(call);
        state.rule.as_mut().and_then(|rule| rule(&call))
    }

    fn run<T>(&self, call: Call, perform: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.note(call) {
            None => perform(),
            Some(Fault::Done(errno)) => perform().and_then(|_| Err(os(errno))),
            Some(Fault::Not(errno) | Fault::Torn(_, errno)) => Err(os(errno)),
        }
    }

    fn wrap(&self, storage: Box<dyn Storage>) -> Box<dyn Storage> {
        Box::new(FaultyStorage { inner: storage, names: self.clone() })
    }
}

fn os(errno: i32) -> Error {
    Error::os("a planted fault", std::io::Error::from_raw_os_error(errno))
}

impl Namespace for FaultyNamespace {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        Ok(self.inner.open(path, read_only)?.map(|storage| self.wrap(storage)))
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        self.run(Call::Create, || self.inner.create_unnamed(path, mode)).map(|storage| self.wrap(storage))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.run(Call::SyncDirectory, || self.inner.sync_directory(path))
    }
}

struct FaultyStorage {
    inner: Box<dyn Storage>,
    names: FaultyNamespace,
}

impl Storage for FaultyStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let len = buf.len() as u64;
        self.names.run(Call::Read { offset, len }, || self.inner.read_at(buf, offset))
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        let bytes = parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>();
        let fault = self.names.note(Call::Write { offset, len: bytes.len() as u64 });
        let (written, errno) = match fault {
            None => (bytes.len(), None),
            Some(Fault::Not(errno)) => (0, Some(errno)),
            Some(Fault::Done(errno)) => (bytes.len(), Some(errno)),
            Some(Fault::Torn(len, errno)) => (len.min(bytes.len()), Some(errno)),
        };
        self.inner.write_at(&[IoSlice::new(&bytes[..written])], offset)?;
        errno.map_or(Ok(()), |errno| Err(os(errno)))
    }

    fn grow(&self, len: u64) -> Result<()> {
        self.names.run(Call::Grow { len }, || self.inner.grow(len))
    }

    fn sync(&self) -> Result<()> {
        self.names.run(Call::Sync, || self.inner.sync())
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.names.run(Call::Lock, || self.inner.lock(exclusive, timeout))
    }

    fn unlock(&self) -> Result<()> {
        self.inner.unlock()
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        self.names.run(Call::View { len }, || self.inner.view(len, ahead, previous))
    }

    fn link(&self, path: &Path) -> Result<bool> {
        self.names.run(Call::Link, || self.inner.link(path))
    }

    fn replace(&self, path: &Path) -> Result<()> {
        self.names.run(Call::Link, || self.inner.replace(path))
    }
}
