//! Everything the engine ever does to a file, behind two traits, so that a test can cut the power anywhere.
//!
//! `storage` knows offsets and lengths, not pages. Three invariants:
//!
//! S1. A view never shows bytes past the length it was made for, and what it has shown stays where it is for
//!     as long as the view lives.
//! S2. A write is whole or an error: short writes and interrupted calls are taken up again below this line.
//!     Where memory is missing for it, it has not begun.
//! S3. A name appears with its whole content or not at all: a new file is written without a name, then
//!     linked.

pub mod file;
pub mod lock;
pub mod map;
pub mod memory;
mod ram;
pub mod reading;
pub mod sys;

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
pub use map::Advice;

/// One open file.
///
/// All offsets and lengths are in bytes. Any thread may call; the engine never writes from two threads at
/// once.
#[expect(
    clippy::len_without_is_empty,
    reason = "a file is asked for its length, which may fail, and for no more"
)]
pub trait Storage: Send + Sync {
    /// The length of the file.
    fn len(&self) -> Result<u64>;

    /// Reads at `offset` until `buf` is full or the file ends, and returns how many bytes were read.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes all `parts`, one after the other, at `offset`. `Error::NoMemory`: nothing was written.
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()>;

    /// Makes the file `len` bytes long, reserving the room where the file system can. Never shortens.
    fn grow(&self, len: u64) -> Result<()>;

    /// Makes durable the content and the length (fdatasync(2)).
    fn sync(&self) -> Result<()>;

    /// Takes the file's lock, shared or exclusive, waiting at most `timeout` (`None`: for ever).
    ///
    /// `Error::Busy` where the timeout is zero, `Error::Timeout` where it has passed. A handle that has the
    /// lock and asks for the other kind gives the first one back before it waits.
    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()>;

    /// Gives the lock back.
    fn unlock(&self) -> Result<()>;

    /// A view of the first `len` bytes. `previous` is an older view of the same file whose mapping serves
    /// again where it reaches far enough; `ahead` is how many bytes the mapping should cover at least.
    ///
    /// A view shows all that was written before it was made. Whether it shows what is written later is not
    /// said (a mapping does, chunks in memory do not): who has written takes a new view. `Error::Truncated`
    /// where the file is shorter than `len`; as far as `previous` reaches it may be taken to be there.
    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View>;

    /// Gives an unnamed file its name. `false` where the name is taken; nothing is replaced.
    fn link(&self, path: &Path) -> Result<bool>;

    /// Gives an unnamed file the name `path`, in place of the file that may have it now. A storage without
    /// names refuses.
    fn replace(&self, _path: &Path) -> Result<()> {
        Err(Error::Argument("this storage cannot replace a file"))
    }

    /// Whether `path` names this very file, by this name or by another. Where that is not known: no.
    fn is_named(&self, _path: &Path) -> bool {
        false
    }

    /// Says whether commits wait for syncs from now on: for those who watch over the order of writes.
    fn expect_syncs(&self, _on: bool) {}

    /// Says that somebody is about to be told that all that he did is durable: as [`Self::expect_syncs`].
    fn acknowledge(&self) {}
}

/// The names of files.
pub trait Namespace: Send + Sync {
    /// Opens an existing file; `None` where there is none.
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>>;

    /// Whether the name is taken, by whatever it may be.
    fn exists(&self, path: &Path) -> bool {
        self.open(path, true).is_ok_and(|file| file.is_some())
    }

    /// Makes a file without a name in the directory of `path`, with the permission bits `mode`.
    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>>;

    /// Makes durable the names in the directory of `path`.
    fn sync_directory(&self, path: &Path) -> Result<()>;
}

/// The file system, for files whose writes wait for syncs or do not, and keep what the older meta reaches or do not
/// (R5). With `--cfg bolt_lint` the program into which the library is linked watches over them.
pub fn file_system(is_synced: bool, older_meta_stays: bool) -> Box<dyn Namespace> {
    #[cfg(bolt_lint)]
    return sys::watched_file_system(is_synced, older_meta_stays);
    #[cfg(not(bolt_lint))]
    {
        let _ = (is_synced, older_meta_stays);
        Box::new(file::FileNamespace)
    }
}

/// A read-only sight of a file's first bytes, cheap to clone, good for as long as it lives.
#[derive(Clone)]
pub enum View {
    /// The operating system's mapping.
    Map {
        /// The mapping, which may reach past the file's end.
        map: Arc<map::FileMap>,
        /// How many bytes of it the file is known to have.
        len: u64,
    },
    /// Chunks in memory.
    Memory(memory::MemoryView),
    /// No map: pieces that are read when they are asked for.
    Reading(reading::ReadView),
}

impl View {
    /// The `len` bytes at `offset`, or `None` where the view does not reach that far (S1), or where they must
    /// be read first ([`Self::reading`]).
    #[inline(always)]
    pub fn bytes(&self, offset: u64, len: u64) -> Option<&[u8]> {
        match self {
            View::Map { map, len: known } => {
                let end = offset.checked_add(len)?;
                if end > *known { None } else { map.bytes(offset, len) }
            }
            View::Memory(memory) => Self::bytes_in_memory(memory, offset, len),
            View::Reading(_) => None,
        }
    }

    /// Apart, as every step down a tree has [`Self::bytes`] within it, and seldom needs this.
    #[inline(never)]
    fn bytes_in_memory(memory: &memory::MemoryView, offset: u64, len: u64) -> Option<&[u8]> {
        memory.bytes(offset, len)
    }

    /// The view without a map, where it is one.
    #[inline]
    pub fn reading(&self) -> Option<&reading::ReadView> {
        match self {
            View::Reading(view) => Some(view),
            _ => None,
        }
    }

    /// A view of the first `len` bytes of the same file, in the way of this one; see [`Storage::view`].
    pub fn anew(&self, storage: &dyn Storage, len: u64, ahead: u64) -> Result<View> {
        match self {
            View::Reading(view) => view.anew(len).map(View::Reading),
            _ => storage.view(len, ahead, Some(self)),
        }
    }

    /// Tells the kernel how the `len` bytes at `offset` will be read.
    pub fn advise(&self, advice: Advice, offset: u64, len: u64) -> Result<()> {
        match self {
            View::Map { map, .. } => map.advise(advice, offset, len),
            View::Memory(_) | View::Reading(_) => Ok(()),
        }
    }

    /// Tells the kernel how the whole file will be read: `Normal`, `Random` or `Sequential`. Later views of
    /// the file inherit it.
    pub fn set_pattern(&self, pattern: Advice) -> Result<()> {
        match self {
            View::Map { map, .. } => map.set_pattern(pattern),
            View::Memory(_) | View::Reading(_) => Ok(()),
        }
    }

    /// Whether the kernel reads nothing ahead, so that it is worth to ask for what comes next ([`Self::fetch`]).
    #[inline]
    pub fn is_random(&self) -> bool {
        match self {
            View::Map { map, .. } => map.is_random(),
            View::Memory(_) | View::Reading(_) => false,
        }
    }

    /// Begins to read the `len` bytes at `offset` in the background, as far as the view shows them, unless they are in
    /// memory already.
    pub fn fetch(&self, offset: u64, len: u64) {
        let len = len.min(self.len().saturating_sub(offset));
        if let View::Map { map, .. } = self {
            if !map.is_resident(offset, len) {
                // Advice: without it the reads are slower, not wrong.
                let _ = map.advise(Advice::WillNeed, offset, len);
            }
        }
    }

    /// Keeps the bytes of this view in memory, until they are unlocked or the last view of the same mapping
    /// ends.
    pub fn lock_memory(&self) -> Result<()> {
        match self {
            View::Map { map, len } => map.lock_memory(*len),
            View::Memory(_) | View::Reading(_) => Ok(()),
        }
    }

    /// How many of the file's bytes the view shows.
    pub fn len(&self) -> u64 {
        match self {
            View::Map { len, .. } => *len,
            View::Memory(memory) => memory.len(),
            View::Reading(view) => view.len(),
        }
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of address space the view's mapping takes.
    pub fn mapped_len(&self) -> u64 {
        match self {
            View::Map { map, .. } => map.capacity(),
            View::Memory(_) | View::Reading(_) => 0,
        }
    }

    /// How many bytes of the process's own memory the view shares with others: those of a file in memory, or
    /// those that were read and are kept.
    pub fn private_len(&self) -> u64 {
        match self {
            View::Map { .. } => 0,
            View::Memory(memory) => memory.len(),
            View::Reading(view) => view.cached_len(),
        }
    }

    /// How many of the file's bytes in this view's mapping are in memory, in the kernel's cache of the file.
    /// The kernel looks at each page.
    pub fn resident_len(&self) -> Result<u64> {
        match self {
            View::Map { map, len } => map.resident_len(*len),
            View::Memory(_) | View::Reading(_) => Ok(0),
        }
    }

    /// Whether both show the same mapping, or neither has one.
    pub fn shares_map(&self, other: &View) -> bool {
        match (self, other) {
            (View::Map { map, .. }, View::Map { map: other, .. }) => Arc::ptr_eq(map, other),
            (View::Memory(_), View::Memory(_)) | (View::Reading(_), View::Reading(_)) => true,
            _ => false,
        }
    }

    /// Lets the bytes of this view go to disk again.
    pub fn unlock_memory(&self) -> Result<()> {
        match self {
            View::Map { map, len } => map.unlock_memory(*len),
            View::Memory(_) | View::Reading(_) => Ok(()),
        }
    }
}

/// How long the asker of a lock is ready to wait.
struct Patience {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl Patience {
    /// Begins to wait, for ever where there is no timeout or where the clock has no number for its end.
    fn new(timeout: Option<Duration>) -> Patience {
        Patience { timeout, deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)) }
    }

    /// What is left of it (`None`: no end), or the error to give up with.
    fn left(&self) -> Result<Option<Duration>> {
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(Error::Busy("the file is locked".into()));
        }
        let Some(deadline) = self.deadline else { return Ok(None) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::Timeout("the file is locked".into())) } else { Ok(Some(left)) }
    }
}

#[cfg(test)]
mod tests {
    use super::memory::{MemoryNamespace, MemoryStorage};
    use super::reading::{ReadLimits, ReadView};
    use super::*;

    /// A file and names that bring no more than they must.
    struct Bare(Box<dyn Storage>);
    struct BareNames(MemoryNamespace);

    impl Storage for Bare {
        fn len(&self) -> Result<u64> {
            self.0.len()
        }
        fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
            self.0.read_at(buf, offset)
        }
        fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
            self.0.write_at(parts, offset)
        }
        fn grow(&self, len: u64) -> Result<()> {
            self.0.grow(len)
        }
        fn sync(&self) -> Result<()> {
            self.0.sync()
        }
        fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
            self.0.lock(exclusive, timeout)
        }
        fn unlock(&self) -> Result<()> {
            self.0.unlock()
        }
        fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
            self.0.view(len, ahead, previous)
        }
        fn link(&self, path: &Path) -> Result<bool> {
            self.0.link(path)
        }
    }

    impl Namespace for BareNames {
        fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
            Ok(self.0.open(path, read_only)?.map(|file| Box::new(Bare(file)) as Box<dyn Storage>))
        }
        fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
            Ok(Box::new(Bare(self.0.create_unnamed(path, mode)?)))
        }
        fn sync_directory(&self, path: &Path) -> Result<()> {
            self.0.sync_directory(path)
        }
    }

    #[test]
    fn a_storage_that_knows_little_of_names_replaces_nothing_and_claims_none() {
        let (names, path) = (BareNames(MemoryNamespace::new()), Path::new("/a.db"));
        let file = names.create_unnamed(path, 0o600).unwrap();
        assert!(!names.exists(path));
        assert!(matches!(file.replace(path), Err(Error::Argument(_))));
        assert!(!names.exists(path));
        assert!(file.link(path).unwrap());
        assert!(names.exists(path));
        assert!(!file.is_named(path), "it may be, but nobody can tell");
    }

    #[test]
    fn views_without_a_mapping_take_all_advice_and_have_nothing_mapped() {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::from_bytes(vec![7; 5000]).unwrap());
        let limits = ReadLimits { cache_max: 1 << 20, lent_max: 0 };
        let memory = storage.view(5000, 0, None).unwrap();
        let reading = View::Reading(ReadView::new(Arc::clone(&storage), 5000, 1024, limits).unwrap());
        assert!(memory.shares_map(&memory.clone()) && reading.shares_map(&reading.clone()));
        assert!(!memory.shares_map(&reading));
        assert_eq!((memory.private_len(), reading.private_len() < 5000), (5000, true));
        for view in [memory, reading] {
            view.advise(Advice::Populate, 0, 5000).unwrap();
            view.set_pattern(Advice::Random).unwrap();
            view.lock_memory().unwrap();
            view.unlock_memory().unwrap();
            assert_eq!((view.len(), view.is_empty()), (5000, false));
            assert_eq!((view.mapped_len(), view.resident_len().unwrap()), (0, 0));
            let none = view.anew(&*storage, 0, 0).unwrap();
            assert_eq!((none.len(), none.is_empty()), (0, true));
            assert!(matches!(view.anew(&*storage, 5001, 0), Err(Error::Truncated { .. })));
        }
    }
}
