//! A file in memory, for tests and for databases that need no file.
//!
//! The file is a table of granules of 1 KiB, the smallest page there is. A granule lies in a chunk: the bytes
//! of one write, which never move and never change. A write makes a new chunk and points the table at it; the
//! old chunk lives on with the views that show it. A granule that was never written has no chunk and reads as
//! zeros.
//!
//! Four invariants:
//!
//! M1. The table is persistent: a view shares it, and a write copies only the blocks it touches that a view
//!     shares.
//! M2. Granule g of the file, if it lies in chunk c, is granule g - `c.first_granule` of c. So a run of
//!     granules is contiguous in memory exactly where the table names the same chunk for all of them.
//! M3. The bytes of the last granule past the end of the file are zero.
//! M4. A chunk of which the table names less than half is given up, what is left of it copied: without views
//!     the file takes at most about twice its length, however it was written.

mod table;

use std::collections::HashMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::{Namespace, Patience, Storage, View, sys};
use crate::error::{Error, Result};
use table::{Chunk, GRANULE_LEN, Table};

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all handles of one file share.
#[derive(Default)]
struct MemoryFile {
    table: Mutex<Table>,
    locks: Mutex<Locks>,
    lock_released: Condvar,
}

/// Who has the file's lock.
#[derive(Default)]
struct Locks {
    exclusive: Option<u64>,
    shared: Vec<u64>,
}

impl Locks {
    fn release(&mut self, handle: u64) {
        self.exclusive = self.exclusive.filter(|&holder| holder != handle);
        self.shared.retain(|&holder| holder != handle);
    }

    fn try_take(&mut self, handle: u64, exclusive: bool) -> Result<bool> {
        if self.exclusive.is_some() || (exclusive && !self.shared.is_empty()) {
            return Ok(false);
        }
        if exclusive {
            self.exclusive = Some(handle);
        } else {
            self.shared.try_reserve(1)?;
            self.shared.push(handle);
        }
        Ok(true)
    }
}

static NEXT_HANDLE: AtomicU64 = AtomicU64::new(0);

/// An open file in memory. Each has its own lock, as each opening of a real file has.
pub struct MemoryStorage {
    file: Arc<MemoryFile>,
    handle: u64,
    read_only: bool,
    /// Where it can get a name.
    namespace: Option<MemoryNamespace>,
}

impl MemoryStorage {
    /// A new, empty file, which has no name and can get none.
    pub fn new() -> MemoryStorage {
        MemoryStorage::open(Arc::default(), false, None)
    }

    /// A file with this content.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<MemoryStorage> {
        Ok(MemoryStorage::open(Arc::new(MemoryFile::from_bytes(bytes)?), false, None))
    }

    /// The file's content.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        self.file.to_vec()
    }

    fn open(file: Arc<MemoryFile>, read_only: bool, namespace: Option<MemoryNamespace>) -> MemoryStorage {
        let handle = NEXT_HANDLE.fetch_add(1, Ordering::Relaxed);
        MemoryStorage { file, handle, read_only, namespace }
    }

    /// The table, to write to; the error that a real file open for reading has, where it is.
    fn writable(&self, what: &'static str) -> Result<MutexGuard<'_, Table>> {
        if self.read_only {
            return Err(Error::os(what, sys::errno(libc::EBADF)));
        }
        Ok(guard(&self.file.table))
    }
}

impl Default for MemoryStorage {
    fn default() -> MemoryStorage {
        MemoryStorage::new()
    }
}

impl Drop for MemoryStorage {
    fn drop(&mut self) {
        guard(&self.file.locks).release(self.handle);
        self.file.lock_released.notify_all();
    }
}

impl MemoryFile {
    fn from_bytes(bytes: Vec<u8>) -> Result<MemoryFile> {
        let mut bytes = bytes;
        let len = bytes.len();
        let padding = len.next_multiple_of(GRANULE_LEN) - len;
        bytes.try_reserve_exact(padding)?;
        bytes.resize(len + padding, 0);
        let mut table = Table::default();
        table.extend(len)?;
        table.put(&Chunk::new(bytes, 0))?;
        Ok(MemoryFile { table: Mutex::new(table), ..MemoryFile::default() })
    }

    /// The file as it is at this moment.
    fn snapshot(&self) -> Table {
        guard(&self.table).clone()
    }

    fn to_vec(&self) -> Result<Vec<u8>> {
        let table = self.snapshot();
        table.copy(0, table.len)
    }
}

impl Storage for MemoryStorage {
    fn len(&self) -> Result<u64> {
        Ok(guard(&self.file.table).len as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let table = self.file.snapshot();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(table.len);
        let count = buf.len().min(table.len - offset);
        table.copy_to(buf.get_mut(..count).unwrap_or(&mut []), offset);
        Ok(count)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        let mut table = self.writable("writing the file in memory")?;
        table.write(parts, usize::try_from(offset).map_err(|_| Error::NoMemory)?)
    }

    fn grow(&self, len: u64) -> Result<()> {
        let mut table = self.writable("growing the file in memory")?;
        table.extend(usize::try_from(len).map_err(|_| Error::NoMemory)?)
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        let patience = Patience::new(timeout);
        let mut locks = guard(&self.file.locks);
        locks.release(self.handle);
        self.file.lock_released.notify_all();
        while !locks.try_take(self.handle, exclusive)? {
            let released = &self.file.lock_released;
            locks = match patience.left()? {
                Some(left) => released.wait_timeout(locks, left).unwrap_or_else(PoisonError::into_inner).0,
                None => released.wait(locks).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Ok(())
    }

    fn unlock(&self) -> Result<()> {
        guard(&self.file.locks).release(self.handle);
        self.file.lock_released.notify_all();
        Ok(())
    }

    fn view(&self, len: u64, _ahead: u64, _previous: Option<&View>) -> Result<View> {
        let mut table = self.file.snapshot();
        match usize::try_from(len) {
            Ok(len) if len <= table.len => table.len = len,
            _ => return Err(Error::Truncated { len: table.len as u64, expected: len }),
        }
        Ok(View::Memory(MemoryView { table, stitched: Arc::default() }))
    }

    fn link(&self, path: &Path) -> Result<bool> {
        let Some(namespace) = &self.namespace else {
            return Err(Error::Argument("this file in memory can have no name"));
        };
        let mut files = guard(&namespace.files);
        if files.contains_key(path) {
            return Ok(false);
        }
        files.try_reserve(1)?;
        files.insert(path.to_path_buf(), Arc::clone(&self.file));
        Ok(true)
    }

    fn is_named(&self, path: &Path) -> bool {
        let names = self.namespace.as_ref();
        names.is_some_and(|names| {
            guard(&names.files).get(path).is_some_and(|file| Arc::ptr_eq(file, &self.file))
        })
    }

    fn replace(&self, path: &Path) -> Result<()> {
        let Some(namespace) = &self.namespace else {
            return Err(Error::Argument("this file in memory can have no name"));
        };
        let mut files = guard(&namespace.files);
        files.try_reserve(1)?;
        files.insert(path.to_path_buf(), Arc::clone(&self.file));
        Ok(())
    }
}

/// A snapshot of a file in memory.
#[derive(Clone)]
pub struct MemoryView {
    table: Table,
    stitched: Arc<OnceLock<Box<Stitched>>>,
}

impl MemoryView {
    /// How many bytes it shows.
    pub fn len(&self) -> u64 {
        self.table.len as u64
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }

    /// The `len` bytes at `offset`, or `None` where the view does not reach that far, or where they are
    /// scattered and there is no memory to put them together.
    #[inline]
    pub fn bytes(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let offset = usize::try_from(offset).ok()?;
        let len = usize::try_from(len).ok()?;
        if offset.checked_add(len)? > self.table.len {
            return None;
        }
        self.table.contiguous(offset, len).or_else(|| self.stitch(offset, len))
    }

    /// Bytes that lie in several chunks, put together once and kept as long as the view.
    #[cold]
    fn stitch(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let mut place = &*self.stitched;
        let mut made: Option<Box<Stitched>> = None;
        loop {
            while let Some(stitched) = place.get() {
                if let Some(bytes) = stitched.bytes_at(offset, len) {
                    return Some(bytes);
                }
                place = &stitched.next;
            }
            let new = match made.take() {
                Some(new) => new,
                None => {
                    let bytes = self.table.copy(offset, len).ok()?;
                    Box::new(Stitched { offset, bytes, next: OnceLock::new() })
                }
            };
            // Where another thread was first, the search goes on behind what it has put there.
            made = place.set(new).err();
        }
    }
}

/// A link of the list of what a view has put together; the list only ever grows at its end.
struct Stitched {
    offset: usize,
    bytes: Vec<u8>,
    next: OnceLock<Box<Stitched>>,
}

impl Stitched {
    fn bytes_at(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let start = offset.checked_sub(self.offset)?;
        self.bytes.get(start..start.checked_add(len)?)
    }
}

impl Drop for Stitched {
    fn drop(&mut self) {
        // One after the other: a long list would exhaust the stack if each dropped the next.
        let mut next = self.next.take();
        while let Some(mut stitched) = next {
            next = stitched.next.take();
        }
    }
}

/// Names for files in memory. A clone has the same names.
#[derive(Clone, Default)]
pub struct MemoryNamespace {
    files: Arc<Mutex<HashMap<PathBuf, Arc<MemoryFile>>>>,
}

impl MemoryNamespace {
    /// No names yet.
    pub fn new() -> MemoryNamespace {
        MemoryNamespace::default()
    }

    /// Puts a file there, in place of the one that had the name.
    pub fn insert(&self, path: &Path, bytes: Vec<u8>) -> Result<()> {
        let file = Arc::new(MemoryFile::from_bytes(bytes)?);
        let mut files = guard(&self.files);
        files.try_reserve(1)?;
        files.insert(path.to_path_buf(), file);
        Ok(())
    }

    /// Takes the name away, and tells whether there was one. Whoever has the file open keeps it.
    pub fn remove(&self, path: &Path) -> bool {
        guard(&self.files).remove(path).is_some()
    }

    /// The content of the file of that name.
    pub fn to_vec(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let file = guard(&self.files).get(path).map(Arc::clone);
        file.map(|file| file.to_vec()).transpose()
    }
}

impl Namespace for MemoryNamespace {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        let Some(file) = guard(&self.files).get(path).map(Arc::clone) else { return Ok(None) };
        Ok(Some(Box::new(MemoryStorage::open(file, read_only, Some(self.clone())))))
    }

    fn exists(&self, path: &Path) -> bool {
        guard(&self.files).contains_key(path)
    }

    fn create_unnamed(&self, _path: &Path, _mode: u32) -> Result<Box<dyn Storage>> {
        Ok(Box::new(MemoryStorage::open(Arc::default(), false, Some(self.clone()))))
    }

    fn sync_directory(&self, _path: &Path) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::time::Instant;

    use super::table::BLOCK_SLOT_COUNT;
    use super::*;

    const KIB: usize = 1024;

    fn write(storage: &dyn Storage, bytes: &[u8], offset: u64) {
        storage.write_at(&[IoSlice::new(bytes)], offset).unwrap();
    }

    fn view(storage: &dyn Storage) -> View {
        storage.view(storage.len().unwrap(), 0, None).unwrap()
    }

    /// The bytes of all chunks that the newest table names, each counted once.
    fn bytes_held(storage: &MemoryStorage) -> usize {
        let table = storage.file.snapshot();
        let mut chunks: Vec<_> = table.blocks.iter().flat_map(|block| block.iter().flatten()).collect();
        chunks.sort_by_key(|chunk| Arc::as_ptr(chunk));
        chunks.dedup_by_key(|chunk| Arc::as_ptr(chunk));
        chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    #[test]
    fn a_name_leads_to_the_file_that_has_taken_it_last() {
        let (names, path) = (MemoryNamespace::new(), Path::new("/a.db"));
        let [one, two] = [(); 2].map(|()| names.create_unnamed(path, 0o600).unwrap());
        assert!(!names.exists(path) && !one.is_named(path));
        assert!(one.link(path).unwrap() && !two.link(path).unwrap());
        assert!(one.is_named(path) && !two.is_named(path));
        write(&*two, b"two", 0);
        two.replace(path).unwrap();
        assert!(names.exists(path) && two.is_named(path) && !one.is_named(path));
        assert_eq!(names.to_vec(path).unwrap().unwrap(), b"two");
        let nameless = MemoryStorage::new();
        assert!(matches!(nameless.replace(path), Err(Error::Argument(_))));
        assert!(!nameless.is_named(path));
    }

    #[test]
    fn what_was_written_is_read_and_the_gap_before_it_is_zero() {
        let storage = MemoryStorage::new();
        assert_eq!(storage.len().unwrap(), 0);
        storage.write_at(&[IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")], 5000).unwrap();
        assert_eq!(storage.len().unwrap(), 5006);
        let mut buf = [9; 10];
        assert_eq!(storage.read_at(&mut buf, 4998).unwrap(), 8);
        assert_eq!(&buf, b"\0\0onetwo\x09\x09");
        assert_eq!(storage.read_at(&mut buf, 5006).unwrap(), 0);
        assert_eq!(storage.read_at(&mut buf, u64::MAX).unwrap(), 0);
        assert!(storage.to_vec().unwrap().starts_with(&[0; 5000]));
    }

    #[test]
    fn a_write_that_fills_no_granule_keeps_the_rest_of_it() {
        let storage = MemoryStorage::from_bytes(vec![7; 4 * KIB]).unwrap();
        write(&storage, &[1; 80], 16);
        write(&storage, &[2; 512], 2 * KIB as u64 - 256);
        let mut expected = vec![7; 4 * KIB];
        expected[16..96].fill(1);
        expected[2 * KIB - 256..2 * KIB + 256].fill(2);
        assert_eq!(storage.to_vec().unwrap(), expected);
    }

    #[test]
    fn a_view_keeps_its_bytes_and_their_addresses() {
        let storage = MemoryStorage::from_bytes(vec![1; 8 * KIB]).unwrap();
        let before = view(&storage);
        let bytes = before.bytes(4096, 4096).unwrap();
        let address = bytes.as_ptr();
        write(&storage, &[2; 8 * KIB], 0);
        storage.grow(1 << 20).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 1));
        assert_eq!(before.bytes(4096, 4096).unwrap().as_ptr(), address);
        assert_eq!(before.clone().bytes(4096, 4096).unwrap().as_ptr(), address);
        assert!(before.bytes(8 * KIB as u64, 1).is_none());
        assert!(view(&storage).bytes(0, 8 * KIB as u64).unwrap().iter().all(|&byte| byte == 2));
    }

    #[test]
    fn a_view_ends_at_its_length() {
        let storage = MemoryStorage::from_bytes(vec![1; 5000]).unwrap();
        let short = storage.view(3000, 1 << 40, None).unwrap();
        assert_eq!(short.bytes(0, 3000).unwrap().len(), 3000);
        assert_eq!(short.bytes(3000, 0), Some(&[][..]));
        assert!(short.bytes(2999, 2).is_none());
        assert!(short.bytes(u64::MAX, 1).is_none());
        assert!(short.bytes(1, u64::MAX).is_none());
        assert_eq!(view(&storage).bytes(4999, 1), Some(&[1][..]));
        let refused = storage.view(5001, 0, None).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Truncated { len: 5000, expected: 5001 }));
        assert_eq!(MemoryStorage::new().view(0, 0, None).unwrap().bytes(0, 0), Some(&[][..]));
    }

    #[test]
    fn grown_room_reads_as_zeros_however_much_is_asked_for() {
        let storage = MemoryStorage::new();
        storage.grow(1 << 20).unwrap();
        storage.grow(10).unwrap();
        assert_eq!(storage.len().unwrap(), 1 << 20);
        assert_eq!(bytes_held(&storage), 0);
        write(&storage, &[5; KIB], 512 << 10);
        let view = view(&storage);
        for (offset, len) in [(0, 100), (1000, 64 << 10), (0, 400 << 10), (600 << 10, 424 << 10)] {
            let bytes = view.bytes(offset, len).unwrap();
            assert_eq!(bytes.len() as u64, len);
            assert!(bytes.iter().all(|&byte| byte == 0));
        }
        assert!(view.bytes((1 << 20) - 1, 2).is_none());
    }

    #[test]
    fn a_file_that_is_no_whole_granules_long_grows_with_zeros() {
        let storage = MemoryStorage::from_bytes(vec![3; 100]).unwrap();
        storage.grow(200).unwrap();
        let mut expected = vec![3; 100];
        expected.resize(200, 0);
        assert_eq!(view(&storage).bytes(0, 200), Some(&expected[..]));
    }

    #[test]
    fn scattered_bytes_are_put_together_once_and_stay() {
        let storage = MemoryStorage::new();
        storage.grow(8 * KIB as u64).unwrap();
        write(&storage, &[1; 2 * KIB], 0);
        write(&storage, &[2; KIB], 2 * KIB as u64);
        let view = view(&storage);
        let bytes = view.bytes(1000, 4000).unwrap();
        let mut expected = vec![1; 2 * KIB - 1000];
        expected.resize(3 * KIB - 1000, 2);
        expected.resize(4000, 0);
        assert_eq!(bytes, expected);
        assert_eq!(view.bytes(1000, 4000).unwrap().as_ptr(), bytes.as_ptr());
        assert_eq!(view.clone().bytes(1000, 3999).unwrap().as_ptr(), bytes.as_ptr());
        assert_ne!(view.bytes(999, 4000).unwrap().as_ptr(), bytes.as_ptr());
        assert_eq!(bytes, expected);
    }

    #[test]
    fn threads_that_ask_for_the_same_scattered_bytes_get_the_same() {
        let storage = MemoryStorage::new();
        for granule in 0..64 {
            write(&storage, &[granule as u8; KIB], granule * KIB as u64);
        }
        let view = view(&storage);
        let addresses: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let ask = || (0..32).map(|run| view.bytes(run * 2048, 2048).unwrap().as_ptr() as usize).collect();
            let askers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect()
        });
        assert!(addresses.iter().all(|one| one == &addresses[0]));
        assert_eq!(view.bytes(62 * 1024, 2048).unwrap()[1023..1025], [62, 63]);
    }

    #[test]
    fn a_long_list_of_scattered_bytes_is_dropped_without_deep_recursion() {
        let storage = MemoryStorage::new();
        write(&storage, &[1; KIB], 0);
        storage.grow(2 * KIB as u64).unwrap();
        let View::Memory(view) = view(&storage) else { panic!("a view of memory") };
        let mut place = &*view.stitched;
        for _ in 0..200_000 {
            let link = Stitched { offset: usize::MAX, bytes: Vec::new(), next: OnceLock::new() };
            place = &place.get_or_init(|| Box::new(link)).next;
        }
        assert_eq!(view.bytes(1000, 100).unwrap()[23..25], [1, 0]);
        drop(view);
    }

    #[test]
    fn memory_stays_in_proportion_however_writes_overlap() {
        let storage = MemoryStorage::new();
        for step in 0..256_u64 {
            write(&storage, &[step as u8; 256 * KIB], step * KIB as u64);
        }
        let content = storage.to_vec().unwrap();
        assert_eq!(content.len(), 511 * KIB);
        assert!(bytes_held(&storage) <= 2 * content.len());
        assert!(
            (0..256).all(|step| content[step * KIB..(step + 1) * KIB].iter().all(|&byte| byte == step as u8))
        );
    }

    #[test]
    fn a_chunk_goes_with_the_last_view_of_it() {
        let storage = MemoryStorage::from_bytes(vec![1; 64 * KIB]).unwrap();
        let chunk: Weak<Chunk> = Arc::downgrade(storage.file.snapshot().chunk(0).unwrap());
        let old = view(&storage);
        write(&storage, &[2; 40 * KIB], 0);
        assert!(chunk.upgrade().is_some());
        assert!(old.bytes(0, 64 << 10).unwrap().iter().all(|&byte| byte == 1));
        drop(old);
        assert!(chunk.upgrade().is_none());
        assert_eq!(storage.to_vec().unwrap()[40 * KIB - 1..=40 * KIB], [2, 1]);
    }

    #[test]
    fn a_write_copies_only_the_part_of_the_table_that_it_touches() {
        let storage = MemoryStorage::from_bytes(vec![1; 4 * BLOCK_SLOT_COUNT * GRANULE_LEN]).unwrap();
        let before = storage.file.snapshot();
        write(&storage, &[2; 10], (BLOCK_SLOT_COUNT * GRANULE_LEN) as u64);
        let after = storage.file.snapshot();
        let same: Vec<bool> = (0..4).map(|i| Arc::ptr_eq(&before.blocks[i], &after.blocks[i])).collect();
        assert_eq!(same, [true, false, true, true]);
    }

    #[test]
    fn what_no_memory_can_hold_is_refused_and_changes_nothing() {
        let storage = MemoryStorage::from_bytes(vec![1; 100]).unwrap();
        assert!(matches!(storage.grow(u64::MAX), Err(Error::NoMemory)));
        assert!(matches!(storage.write_at(&[IoSlice::new(b"x")], u64::MAX), Err(Error::NoMemory)));
        assert!(matches!(storage.write_at(&[IoSlice::new(b"x")], u64::MAX - 5000), Err(Error::NoMemory)));
        assert_eq!(storage.to_vec().unwrap(), [1; 100]);
    }

    #[test]
    fn random_writes_give_what_a_plain_vector_gives() {
        let mut seed = 42_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let storage = MemoryStorage::new();
        let mut model: Vec<u8> = Vec::new();
        let mut views: Vec<(View, Vec<u8>)> = Vec::new();
        for step in 0..2000 {
            let (offset, len) = (random(300 * KIB), random(if step % 10 == 0 { 100 * KIB } else { 3 * KIB }));
            if step % 50 == 0 {
                storage.grow(offset as u64).unwrap();
                model.resize(model.len().max(offset), 0);
            } else {
                let bytes = vec![step as u8; len];
                let (head, tail) = bytes.split_at(len / 3);
                storage.write_at(&[IoSlice::new(head), IoSlice::new(tail)], offset as u64).unwrap();
                if len > 0 {
                    model.resize(model.len().max(offset + len), 0);
                    model[offset..offset + len].fill(step as u8);
                }
            }
            if step % 100 == 99 {
                views.push((view(&storage), model.clone()));
                assert!(bytes_held(&storage) <= 2 * model.len() + 2 * KIB);
            }
        }
        assert_eq!(storage.to_vec().unwrap(), model);
        for (view, expected) in &views {
            assert_eq!(view.bytes(0, expected.len() as u64).unwrap(), expected);
        }
    }

    #[test]
    fn a_lock_is_shared_by_many_or_one_has_it_alone() {
        let names = MemoryNamespace::new();
        names.insert(Path::new("a"), Vec::new()).unwrap();
        let open = || names.open(Path::new("a"), false).unwrap().unwrap();
        let (one, two, three) = (open(), open(), open());
        let once = Some(Duration::ZERO);
        one.lock(false, once).unwrap();
        two.lock(false, once).unwrap();
        assert!(matches!(three.lock(true, once), Err(Error::Busy(_))));
        one.unlock().unwrap();
        drop(two);
        three.lock(true, once).unwrap();
        assert!(matches!(one.lock(false, once), Err(Error::Busy(_))));
        three.lock(false, once).unwrap();
        one.lock(false, once).unwrap();
    }

    #[test]
    fn who_waits_for_a_lock_gets_it_or_a_timeout() {
        let names = MemoryNamespace::new();
        names.insert(Path::new("a"), Vec::new()).unwrap();
        let (one, two) = (
            names.open(Path::new("a"), false).unwrap().unwrap(),
            names.open(Path::new("a"), false).unwrap().unwrap(),
        );
        one.lock(true, None).unwrap();
        let start = Instant::now();
        assert!(matches!(two.lock(true, Some(Duration::from_millis(30))), Err(Error::Timeout(_))));
        assert!(start.elapsed() >= Duration::from_millis(30));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| two.lock(true, None));
            std::thread::sleep(Duration::from_millis(10));
            one.unlock().unwrap();
            waiter.join().unwrap().unwrap();
        });
        assert!(matches!(one.lock(true, Some(Duration::ZERO)), Err(Error::Busy(_))));
    }

    #[test]
    fn a_file_has_no_name_until_it_is_linked_and_a_name_is_never_replaced() {
        let names = MemoryNamespace::new();
        let (a, b) = (Path::new("a"), Path::new("b"));
        assert!(names.open(a, false).unwrap().is_none());
        let new = names.create_unnamed(a, 0o600).unwrap();
        write(&*new, b"content", 0);
        assert!(names.open(a, false).unwrap().is_none());
        assert!(new.link(a).unwrap());
        names.sync_directory(a).unwrap();
        assert_eq!(names.to_vec(a).unwrap().unwrap(), b"content");
        let other = names.create_unnamed(a, 0o600).unwrap();
        assert!(!other.link(a).unwrap());
        assert!(other.link(b).unwrap());
        assert_eq!(names.to_vec(a).unwrap().unwrap(), b"content");
        assert!(names.remove(a));
        assert!(!names.remove(a));
        assert!(names.to_vec(a).unwrap().is_none());
        assert_eq!(new.len().unwrap(), 7);
        assert!(matches!(MemoryStorage::default().link(a), Err(Error::Argument(_))));
    }

    #[test]
    fn openings_of_one_name_share_the_file() {
        let names = MemoryNamespace::new();
        let path = Path::new("a");
        names.insert(path, b"before".to_vec()).unwrap();
        let (writer, reader) =
            (names.open(path, false).unwrap().unwrap(), names.open(path, true).unwrap().unwrap());
        write(&*writer, b"after!", 0);
        writer.sync().unwrap();
        assert_eq!(view(&*reader).bytes(0, 6), Some(&b"after!"[..]));
        let refused = reader.write_at(&[IoSlice::new(b"x")], 0).unwrap_err();
        assert_eq!(refused.code(), libc::EBADF);
        assert_eq!(reader.grow(100).unwrap_err().code(), libc::EBADF);
        assert_eq!(reader.len().unwrap(), 6);
    }
}
