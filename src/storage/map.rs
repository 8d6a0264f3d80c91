//! A read-only map of a file that runs ahead of the file, so that growth rarely needs a new one.
//!
//! The operating system shows in a map what the file has at the moment, also what it gets later; only a page
//! of the map that lies wholly past the file's end must not be touched (it raises `SIGBUS`). So a map may be
//! made once, far larger than the file, and each [`super::View`] of it carries the length that the file is
//! known to have.
//!
//! Whoever reads through a map relies on two things that this file cannot hold: nobody shortens the file, and
//! the engine never rewrites a run of bytes that a live snapshot reaches.

#![expect(unsafe_code, reason = "a map is sound only as long as its owner keeps to the rules above")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use memmap2::{Mmap, MmapOptions};

use super::sys;
use crate::error::{Error, Result};

const CAPACITY_MIN: u64 = 32 << 10;
const CAPACITY_STEP: u64 = 1 << 30;

/// What the kernel is told about the reads to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing special: some read-ahead.
    Normal,
    /// Here and there: no read-ahead.
    Random,
    /// From front to back: much read-ahead.
    Sequential,
    /// This range soon: read it in the background.
    WillNeed,
    /// This range at once: read it before the call returns, where the kernel can, else as `WillNeed`.
    Populate,
}

/// A read-only map of a file's first bytes.
pub struct FileMap {
    map: Mmap,
    /// The pattern of access that was asked for last: 0 for none, else its place in `PATTERNS` and 1.
    pattern: AtomicU8,
    /// Whether the kernel was told to read nothing ahead.
    is_random: AtomicBool,
    /// Whether the kernel says what is in memory. Of a file that the process neither owns nor may write it says of all
    /// that it is, also of what lies past the file's end.
    is_told: bool,
}

/// How much is looked at to see whether a range is in memory, 512 KiB: the kernel looks at each page.
const LOOK_MAX: u64 = 512 << 10;

const PATTERNS: [Advice; 3] = [Advice::Normal, Advice::Random, Advice::Sequential];

impl FileMap {
    /// Maps the first `needed` bytes of `file`, and as much more as [`capacity_for`] gives for `wanted`;
    /// where the address space has no room for that, only the needed ones.
    pub fn new(file: BorrowedFd<'_>, needed: u64, wanted: u64) -> Result<FileMap> {
        let exact = needed.max(1);
        let generous = capacity_for(wanted.max(exact)).and_then(|capacity| map(file, capacity).ok());
        let map = match generous {
            Some(map) => map,
            None => map(file, exact).map_err(|error| Error::os("mapping the file", error))?,
        };
        let last = map.len().saturating_sub(sys::page_size() as usize);
        let is_told =
            map.get(last..).is_some_and(|page| sys::resident_len(page).is_ok_and(|found| found == 0));
        Ok(FileMap { map, pattern: AtomicU8::new(0), is_random: AtomicBool::new(false), is_told })
    }

    /// How many bytes the map reaches.
    pub fn capacity(&self) -> u64 {
        self.map.len() as u64
    }

    /// The `len` bytes at `offset`, or `None` where the map does not reach that far. The caller knows that
    /// the file does.
    #[inline]
    pub fn bytes(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = usize::try_from(offset.checked_add(len)?).ok()?;
        self.map.get(start..end)
    }

    /// Tells the kernel how the `len` bytes at `offset` will be read. What lies past the map is left out.
    pub fn advise(&self, advice: Advice, offset: u64, len: u64) -> Result<()> {
        let offset = offset.min(self.capacity());
        let len = len.min(self.capacity() - offset);
        if len == 0 {
            return Ok(());
        }
        // Both fit: the map is no longer than the address space.
        let (offset, len) = (offset as usize, len as usize);
        let told = match advice {
            Advice::Normal => self.map.advise_range(memmap2::Advice::Normal, offset, len),
            Advice::Random => self.map.advise_range(memmap2::Advice::Random, offset, len),
            Advice::Sequential => self.map.advise_range(memmap2::Advice::Sequential, offset, len),
            Advice::WillNeed => self.map.advise_range(memmap2::Advice::WillNeed, offset, len),
            Advice::Populate => self
                .map
                .advise_range(memmap2::Advice::PopulateRead, offset, len)
                .or_else(|_| self.map.advise_range(memmap2::Advice::WillNeed, offset, len)),
        };
        told.map_err(|error| Error::os("advising the kernel", error))
    }

    /// Sets the pattern of access for the whole map; a map that takes this one's place inherits it.
    pub fn set_pattern(&self, pattern: Advice) -> Result<()> {
        let Some(index) = PATTERNS.iter().position(|&known| known == pattern) else {
            return Err(Error::Argument("this advice is for a range"));
        };
        self.tell(pattern)?;
        self.pattern.store(index as u8 + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Until a pattern is set: lets the kernel read nothing but what is asked for.
    pub fn read_at_random(&self) -> Result<()> {
        self.tell(Advice::Random)
    }

    fn tell(&self, pattern: Advice) -> Result<()> {
        self.advise(pattern, 0, self.capacity())?;
        self.is_random.store(pattern == Advice::Random, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the kernel reads nothing ahead.
    #[inline]
    pub fn is_random(&self) -> bool {
        self.is_random.load(Ordering::Relaxed)
    }

    /// The pattern of access that was set last, if one was.
    pub fn pattern(&self) -> Option<Advice> {
        let index = usize::from(self.pattern.load(Ordering::Relaxed)).checked_sub(1)?;
        PATTERNS.get(index).copied()
    }

    /// Whether the `len` bytes at `offset` are in memory already; of many the last ones are looked at. No, where the
    /// kernel does not tell.
    pub fn is_resident(&self, offset: u64, len: u64) -> bool {
        let page_len = u64::from(sys::page_size());
        let end = offset.saturating_add(len);
        let start = offset.max(end.saturating_sub(LOOK_MAX)) & !(page_len - 1);
        let bytes = self.bytes(start, end.saturating_sub(start));
        let found = bytes.and_then(|bytes| sys::resident_len(bytes).ok());
        self.is_told && found.is_some_and(|found| found >= end - start)
    }

    /// Keeps the first `len` bytes in memory. The caller knows that the file has them.
    pub fn lock_memory(&self, len: u64) -> Result<()> {
        let bytes = self.bytes(0, len).ok_or(Error::Argument("the map does not reach that far"))?;
        sys::lock_memory(bytes).map_err(|error| Error::os("locking the map in memory", error))
    }

    /// How many of the first `len` bytes are in memory. The caller knows that the file has them.
    pub fn resident_len(&self, len: u64) -> Result<u64> {
        let bytes = self.bytes(0, len).ok_or(Error::Argument("the map does not reach that far"))?;
        sys::resident_len(bytes).map_err(|error| Error::os("asking what is in memory", error))
    }

    /// Lets the first `len` bytes go to disk again.
    pub fn unlock_memory(&self, len: u64) -> Result<()> {
        let bytes = self.bytes(0, len).ok_or(Error::Argument("the map does not reach that far"))?;
        sys::unlock_memory(bytes).map_err(|error| Error::os("unlocking the map in memory", error))
    }
}

/// How long a map is made for `wanted` bytes: a power of two from 32 KiB to 1 GiB, above that whole GiB.
pub fn capacity_for(wanted: u64) -> Option<u64> {
    if wanted <= CAPACITY_STEP {
        Some(wanted.next_power_of_two().max(CAPACITY_MIN))
    } else {
        wanted.checked_next_multiple_of(CAPACITY_STEP)
    }
}

fn map(file: BorrowedFd<'_>, len: u64) -> std::io::Result<Mmap> {
    let len = usize::try_from(len).map_err(|_| sys::errno(libc::ENOMEM))?;
    // SAFETY: the map is read-only, `len` need not fit the file, and the bytes are lent out only as far as
    // the file is known to reach and only where the engine writes no more (the head of this file).
    unsafe { MmapOptions::new().len(len).map(file.as_raw_fd()) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_capacity_doubles_to_a_gibibyte_then_grows_by_one() {
        assert_eq!(capacity_for(0), Some(32 << 10));
        assert_eq!(capacity_for(1), Some(32 << 10));
        assert_eq!(capacity_for(32 << 10), Some(32 << 10));
        assert_eq!(capacity_for((32 << 10) + 1), Some(64 << 10));
        assert_eq!(capacity_for(GIB - 1), Some(GIB));
        assert_eq!(capacity_for(GIB), Some(GIB));
        assert_eq!(capacity_for(GIB + 1), Some(2 * GIB));
        assert_eq!(capacity_for(5 * GIB + 7), Some(6 * GIB));
        assert_eq!(capacity_for(u64::MAX), None);
    }

    #[test]
    fn a_map_shows_what_the_file_gets_later() {
        let file = tempfile::tempfile().unwrap();
        let map = FileMap::new(file.as_fd(), 0, 0).unwrap();
        assert_eq!(map.capacity(), 32 << 10);
        assert_eq!(map.bytes(0, 0), Some(&[][..]));
        file.write_all_at(b"later", 4096).unwrap();
        assert_eq!(map.bytes(4096, 5), Some(&b"later"[..]));
    }

    #[test]
    fn a_map_ends_at_its_capacity() {
        let file = tempfile::tempfile().unwrap();
        let map = FileMap::new(file.as_fd(), 10, 100).unwrap();
        assert!(map.bytes(map.capacity(), 0).is_some());
        assert!(map.bytes(map.capacity(), 1).is_none());
        assert!(map.bytes(map.capacity() - 1, 2).is_none());
        assert!(map.bytes(u64::MAX, 1).is_none());
        assert!(map.bytes(1, u64::MAX).is_none());
    }

    #[test]
    fn without_room_for_more_the_map_has_the_needed_length() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10_000).unwrap();
        for wanted in [1 << 60, u64::MAX] {
            let map = FileMap::new(file.as_fd(), 10_000, wanted).unwrap();
            assert_eq!(map.capacity(), 10_000);
            assert_eq!(map.bytes(9_999, 1), Some(&[0][..]));
        }
        assert!(FileMap::new(file.as_fd(), 1 << 60, 0).is_err());
        assert!(FileMap::new(file.as_fd(), u64::MAX, 0).is_err());
    }

    #[test]
    fn advice_is_taken_anywhere_in_the_map() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(20_000).unwrap();
        let map = FileMap::new(file.as_fd(), 20_000, 0).unwrap();
        for advice in [Advice::Normal, Advice::Random, Advice::Sequential, Advice::WillNeed, Advice::Populate]
        {
            map.advise(advice, 0, 20_000).unwrap();
            map.advise(advice, 5_001, 3).unwrap();
            map.advise(advice, 5_001, u64::MAX).unwrap();
            map.advise(advice, u64::MAX, 1).unwrap();
        }
    }

    #[test]
    fn populate_brings_the_pages_into_memory() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 10).unwrap();
        let map = FileMap::new(file.as_fd(), 64 << 10, 0).unwrap();
        assert_eq!(resident_kib(&map), 0);
        map.advise(Advice::Populate, 0, 64 << 10).unwrap();
        assert_eq!(resident_kib(&map), 64);
        assert_eq!(map.resident_len(64 << 10).unwrap(), 64 << 10);
        assert!(matches!(map.resident_len(1 << 40), Err(Error::Argument(_))));
    }

    #[test]
    fn a_pattern_is_remembered_and_a_range_is_none() {
        let file = tempfile::tempfile().unwrap();
        let map = FileMap::new(file.as_fd(), 0, 0).unwrap();
        assert_eq!(map.pattern(), None);
        map.set_pattern(Advice::Sequential).unwrap();
        assert_eq!(map.pattern(), Some(Advice::Sequential));
        assert!(matches!(map.set_pattern(Advice::WillNeed), Err(Error::Argument(_))));
        assert_eq!(map.pattern(), Some(Advice::Sequential));
    }

    #[test]
    fn a_map_is_read_at_random_until_another_pattern_is_set() {
        let file = tempfile::tempfile().unwrap();
        let map = FileMap::new(file.as_fd(), 0, 0).unwrap();
        assert!(!map.is_random());
        map.read_at_random().unwrap();
        assert_eq!((map.is_random(), map.pattern()), (true, None));
        map.set_pattern(Advice::Normal).unwrap();
        assert_eq!((map.is_random(), map.pattern()), (false, Some(Advice::Normal)));
        map.set_pattern(Advice::Random).unwrap();
        assert!(map.is_random());
    }

    #[test]
    fn the_part_that_the_file_has_can_be_locked_in_memory() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(16 << 10).unwrap();
        let map = FileMap::new(file.as_fd(), 16 << 10, 0).unwrap();
        map.lock_memory(16 << 10).unwrap();
        assert_eq!(resident_kib(&map), 16);
        map.unlock_memory(16 << 10).unwrap();
        assert!(matches!(map.lock_memory(1 << 40), Err(Error::Argument(_))));
    }

    /// How much of the map is in memory, as the kernel counts it.
    fn resident_kib(map: &FileMap) -> u64 {
        let start = format!("{:x}-", map.map.as_ptr() as usize);
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&start));
        let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }
}
