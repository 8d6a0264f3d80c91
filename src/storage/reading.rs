//! Reading a file without a map: positioned reads into pieces of memory.
//!
//! Where another process shortens a mapped file, or the disk fails beneath it, the kernel answers the next
//! look at the map with `SIGBUS`. A [`ReadView`] looks at the file only by [`Storage::read_at`]: what cannot
//! be read is an error with a code, and what was read stays as it was.
//!
//! V1. A piece never changes after it was read. Who holds it, holds its bytes.
//! V2. Pieces lent by a view stay where they are until the view's last clone ends; together those of all
//!     views never pass the limit for lent bytes.
//! V3. The cache never passes its limit, and never keeps what was read before the last [`ReadView::forget`]
//!     of the same bytes, also where the read was under way then.

mod cache;
mod lent;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Storage, sys};
use crate::error::{Error, Result};
use cache::Cache;
use lent::Lent;

/// Which part of what may be lent is left to those who must come to an end: commits.
const RESERVE_PART: u64 = 8;
/// What a piece takes beyond its bytes, about: itself and its place in the tables.
const PIECE_OVERHEAD: u64 = 128;

/// Bytes of the file, as they were read.
pub struct Piece {
    offset: u64,
    bytes: Vec<u8>,
    /// Whether its owner asked for it as a whole, and not as the surroundings of something else.
    is_whole: bool,
    is_checked: AtomicBool,
}

impl Piece {
    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The `len` bytes at `offset` of the file, where all of them are in the piece.
    #[inline]
    pub fn part(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }

    /// Whether it was read as the whole that begins at `offset`.
    #[inline]
    pub fn is_whole_at(&self, offset: u64) -> bool {
        self.is_whole && self.offset == offset
    }

    /// Whether somebody has checked its content.
    pub fn is_checked(&self) -> bool {
        self.is_checked.load(Ordering::Acquire)
    }

    /// Its content was checked.
    pub fn set_checked(&self) {
        self.is_checked.store(true, Ordering::Release);
    }

    /// Bytes of memory that it takes.
    fn memory_len(&self) -> u64 {
        self.bytes.capacity() as u64 + PIECE_OVERHEAD
    }
}

/// How much memory reading may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Pieces that nobody uses are kept up to so many bytes; 0: none is.
    pub cache_max: u64,
    /// All views together lend so many bytes at most; 0: without a limit.
    pub lent_max: u64,
}

/// What all views of one open file share.
struct ReadFile {
    storage: Arc<dyn Storage>,
    granule_len: u64,
    limits: ReadLimits,
    cache: Mutex<Cache>,
    lent_len: AtomicU64,
}

impl ReadFile {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `len` bytes from what may be lent; from the reserve, too, for those who may.
    fn take_lent(&self, len: u64, with_reserve: bool) -> Result<()> {
        let max = match (self.limits.lent_max, with_reserve) {
            (0, _) => u64::MAX,
            (max, true) => max,
            (max, false) => max - max / RESERVE_PART,
        };
        let taken = self.lent_len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lent| {
            lent.checked_add(len).filter(|&sum| sum <= max)
        });
        taken.map(drop).map_err(|_| lent_limit())
    }
}

/// The answer past the limit for lent bytes.
#[cold]
pub fn lent_limit() -> Error {
    Error::os("the pages whose bytes were given out have reached their limit", sys::no_memory())
}

/// A sight of a file's first bytes that reads what it is asked for. A clone lends the same pieces.
#[derive(Clone)]
pub struct ReadView {
    file: Arc<ReadFile>,
    len: u64,
    lent: Arc<Lent>,
}

impl ReadView {
    /// A view of the first `len` bytes of a file that is read by multiples of `granule_len`, a power of two.
    pub fn new(
        storage: Arc<dyn Storage>,
        len: u64,
        granule_len: u64,
        limits: ReadLimits,
    ) -> Result<ReadView> {
        let cache = Mutex::new(Cache::new(limits.cache_max));
        let lent_len = AtomicU64::new(0);
        let file = Arc::new(ReadFile { storage, granule_len, limits, cache, lent_len });
        ReadView::of(file, len)
    }

    fn of(file: Arc<ReadFile>, len: u64) -> Result<ReadView> {
        let known = file.storage.len()?;
        if len > known {
            return Err(Error::Truncated { len: known, expected: len });
        }
        let lent = Arc::new(Lent::new(Arc::clone(&file)));
        Ok(ReadView { file, len, lent })
    }

    /// A view of the first `len` bytes of the same file, which has lent nothing.
    pub fn anew(&self, len: u64) -> Result<ReadView> {
        ReadView::of(Arc::clone(&self.file), len)
    }

    /// A view of the same bytes that has lent nothing.
    pub fn apart(&self) -> ReadView {
        let lent = Arc::new(Lent::new(Arc::clone(&self.file)));
        ReadView { file: Arc::clone(&self.file), len: self.len, lent }
    }

    /// How many of the file's bytes it shows.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The limits that it was made with.
    pub fn limits(&self) -> ReadLimits {
        self.file.limits
    }

    /// Bytes of memory that the cache takes.
    pub fn cached_len(&self) -> u64 {
        self.file.cache().memory_len()
    }

    /// Bytes of memory that all views of the file have lent.
    pub fn lent_len(&self) -> u64 {
        self.file.lent_len.load(Ordering::Relaxed)
    }

    /// Reads the `len` bytes at `offset` as one piece, past the cache.
    pub fn read(&self, offset: u64, len: u64) -> Result<Arc<Piece>> {
        self.read_piece(offset, len, true)
    }

    fn read_piece(&self, offset: u64, len: u64, is_whole: bool) -> Result<Arc<Piece>> {
        let end = offset.checked_add(len).filter(|&end| end <= self.len);
        let Some(end) = end else {
            return Err(Error::Truncated { len: self.len, expected: offset.saturating_add(len) });
        };
        let room = usize::try_from(len).map_err(|_| Error::NoMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(room)?;
        bytes.resize(room, 0);
        let count = self.file.storage.read_at(&mut bytes, offset)? as u64;
        if count < len {
            return Err(Error::Truncated { len: offset + count, expected: end });
        }
        Ok(Arc::new(Piece { offset, bytes, is_whole, is_checked: AtomicBool::new(false) }))
    }

    /// Reads the granules around the `len` bytes at `offset`.
    pub fn read_around(&self, offset: u64, len: u64) -> Result<Arc<Piece>> {
        let start = offset - offset % self.file.granule_len;
        let end = offset.saturating_add(len).checked_next_multiple_of(self.file.granule_len);
        self.read_piece(start, end.unwrap_or(u64::MAX).min(self.len).saturating_sub(start), false)
    }

    /// The piece read as the whole that begins at `offset`: one that is lent or cached, or what `read` gives,
    /// which is cached then.
    pub fn whole(&self, offset: u64, read: impl FnOnce() -> Result<Arc<Piece>>) -> Result<Arc<Piece>> {
        if let Some(piece) = self.lent.find(offset, 0).filter(|piece| piece.is_whole_at(offset)) {
            return Ok(Arc::clone(piece));
        }
        let generation = {
            let mut cache = self.file.cache();
            if let Some(piece) = cache.get(offset) {
                return Ok(piece);
            }
            cache.generation()
        };
        let piece = read()?;
        self.file.cache().put(&piece, generation);
        Ok(piece)
    }

    /// A piece, lent or cached, that has the `len` bytes at `offset`.
    pub fn find(&self, offset: u64, len: u64) -> Option<Arc<Piece>> {
        if let Some(piece) = self.lent.find(offset, len) {
            return Some(Arc::clone(piece));
        }
        let start = offset - offset % self.file.granule_len;
        self.file.cache().get(start).filter(|piece| piece.part(offset, len).is_some())
    }

    /// Lends a piece, which stays from now on (V2).
    pub fn lend(&self, piece: &Arc<Piece>) -> Result<&Arc<Piece>> {
        self.lent.add(piece)
    }

    /// From now on this view lends from the reserve, too.
    pub fn use_reserve(&self) {
        self.lent.use_reserve();
    }

    /// The piece lent before that has the `len` bytes at `offset`.
    pub fn find_lent(&self, offset: u64, len: u64) -> Option<&Arc<Piece>> {
        self.lent.find(offset, len)
    }

    /// The `len` bytes at `offset` are written anew: what the cache has of them goes (V3).
    pub fn forget(&self, offset: u64, len: u64) {
        self.file.cache().forget(offset, len, self.file.granule_len);
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::super::memory::MemoryStorage;
    use super::*;

    const PAGE: u64 = 1024;

    fn storage(page_count: u8) -> Arc<dyn Storage> {
        let bytes = (0..page_count).flat_map(|page| [page; PAGE as usize]).collect();
        Arc::new(MemoryStorage::from_bytes(bytes).unwrap())
    }

    fn view(storage: &Arc<dyn Storage>, cache_max: u64, lent_max: u64) -> ReadView {
        let limits = ReadLimits { cache_max, lent_max };
        ReadView::new(Arc::clone(storage), storage.len().unwrap(), PAGE, limits).unwrap()
    }

    fn page(view: &ReadView, index: u64) -> Arc<Piece> {
        view.whole(index * PAGE, || view.read(index * PAGE, PAGE)).unwrap()
    }

    #[test]
    fn what_was_read_last_is_cached_within_the_limit() {
        let storage = storage(100);
        let view = view(&storage, 10 * (PAGE + PIECE_OVERHEAD), 0);
        for index in 0..100 {
            assert_eq!(page(&view, index).bytes(), [index as u8; PAGE as usize]);
            assert!(view.cached_len() <= view.limits().cache_max);
        }
        let refuse = || Err(Error::Panic("it is not in the cache".into()));
        let cached = (0..100).filter(|&index| view.whole(index * PAGE, refuse).is_ok()).count();
        assert_eq!(cached, 10);
    }

    #[test]
    fn a_piece_in_use_outlives_those_that_only_pass() {
        let storage = storage(100);
        let view = view(&storage, 10 * (PAGE + PIECE_OVERHEAD), 0);
        let refuse = || Err(Error::Panic("it is not in the cache".into()));
        page(&view, 0);
        for index in 1..100 {
            page(&view, index);
            assert!(view.whole(0, refuse).is_ok(), "{index}");
        }
    }

    #[test]
    fn what_is_written_anew_is_read_anew_also_where_the_read_was_under_way() {
        let storage = storage(4);
        let view = view(&storage, 1 << 20, 0);
        assert_eq!(page(&view, 1).bytes()[0], 1);
        storage.write_at(&[IoSlice::new(&[9; PAGE as usize])], PAGE).unwrap();
        view.forget(PAGE, PAGE);
        assert_eq!(page(&view, 1).bytes()[0], 9);
        view.forget(PAGE, PAGE);
        let read = || {
            let piece = view.read(PAGE, PAGE);
            storage.write_at(&[IoSlice::new(&[10; PAGE as usize])], PAGE).unwrap();
            view.forget(PAGE, PAGE);
            piece
        };
        assert_eq!(view.whole(PAGE, read).unwrap().bytes()[0], 9);
        assert_eq!(page(&view, 1).bytes()[0], 10);
    }

    #[test]
    fn the_cache_keeps_no_trace_of_pages_written_again_and_again() {
        let storage = storage(4);
        let view = view(&storage, 1 << 20, 0);
        for _ in 0..10_000 {
            page(&view, 1);
            view.forget(PAGE, PAGE);
        }
        assert!(view.file.cache().order_len() < 1000);
    }

    #[test]
    fn lent_pieces_stay_and_are_counted_until_their_view_ends() {
        let storage = storage(8);
        let view = view(&storage, 0, 4 * (PAGE + PIECE_OVERHEAD));
        let (first, second) = (view.apart(), view.apart());
        let bytes = first.lend(&page(&first, 1)).unwrap().bytes();
        assert_eq!(first.lend(&page(&first, 1)).unwrap().bytes().as_ptr(), bytes.as_ptr());
        second.lend(&page(&second, 2)).unwrap();
        second.lend(&page(&second, 3)).unwrap();
        assert_eq!(view.lent_len(), 3 * (PAGE + PIECE_OVERHEAD));
        assert_eq!(first.lend(&page(&first, 4)).map(drop).unwrap_err().code(), libc::ENOMEM);
        assert!(second.find_lent(PAGE, 1).is_none() && second.find_lent(2 * PAGE + 5, 1).is_some());
        first.use_reserve();
        first.lend(&page(&first, 4)).unwrap();
        assert_eq!(view.lent_len(), view.limits().lent_max);
        assert_eq!(first.lend(&page(&first, 5)).map(drop).unwrap_err().code(), libc::ENOMEM);
        drop(second);
        assert_eq!(view.lent_len(), 2 * (PAGE + PIECE_OVERHEAD));
        assert_eq!(bytes, [1; PAGE as usize]);
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let long = storage(4);
        let view = view(&long, 0, 0);
        assert!(matches!(view.read(3 * PAGE, 2 * PAGE), Err(Error::Truncated { .. })));
        assert!(matches!(view.anew(5 * PAGE), Err(Error::Truncated { len: 4096, expected: 5120 })));
        assert_eq!(view.read_around(PAGE + 1000, 100).unwrap().part(PAGE + 1020, 8).unwrap()[3..5], [1, 2]);
    }
}
