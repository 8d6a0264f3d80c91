//! The system calls that the standard library does not have, one safe function a call.
//!
//! Nothing is decided here: no retries, no fallbacks, no errors but the operating system's own. Descriptors
//! come as `BorrowedFd`, so that each is open for the length of its call.

#![expect(
    unsafe_code,
    reason = "system calls are foreign functions; these wrappers are safe for any argument"
)]

use std::ffi::{CStr, CString};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most parts that one gathering write takes (`IOV_MAX`).
pub const WRITE_PARTS_MAX: usize = 1024;

/// The most bytes that one write takes (Linux: `MAX_RW_COUNT`; other systems refuse more than 2^31-1).
pub const WRITE_LEN_MAX: usize = 0x7fff_f000;

/// A second descriptor of the same open file, numbered `at_least` or higher, closed by exec
/// (fcntl(2), `F_DUPFD_CLOEXEC`). A number that is no descriptor is an error.
pub fn duplicate(fd: RawFd, at_least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: this command takes integers alone; the kernel answers EBADF for one that is no descriptor.
    let copy = checked(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, at_least) })?;
    // SAFETY: the kernel has just made `copy`, and no one else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// How the file was opened: access mode and status flags (fcntl(2), `F_GETFL`).
pub fn status_flags(fd: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: this command takes no pointer, and `fd` is open.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// Sets the status flags (fcntl(2), `F_SETFL`).
pub fn set_status_flags(fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
    // SAFETY: this command takes integers alone, and `fd` is open.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) }).map(drop)
}

/// Writes the parts one after the other at `offset`, as many bytes as the kernel takes (pwritev(2)).
///
/// At most [`WRITE_PARTS_MAX`] parts: the kernel refuses more with `EINVAL`.
pub fn write_vectored_at(fd: BorrowedFd<'_>, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    let count = libc::c_int::try_from(parts.len()).map_err(|_| errno(libc::EINVAL))?;
    let offset = libc::off_t::try_from(offset).map_err(|_| errno(libc::EFBIG))?;
    let vector = parts.as_ptr().cast::<libc::iovec>();
    // SAFETY: the standard library gives `IoSlice` the layout of `iovec`, and the borrow of `parts` keeps the
    // array and what it points to readable during the call.
    let written = unsafe { libc::pwritev(fd.as_raw_fd(), vector, count, offset) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Reserves the room of `len` bytes at `offset`, and lengthens the file to their end (fallocate(2), mode 0).
pub fn allocate(fd: BorrowedFd<'_>, offset: u64, len: u64) -> io::Result<()> {
    let offset = libc::off_t::try_from(offset).map_err(|_| errno(libc::EFBIG))?;
    let len = libc::off_t::try_from(len).map_err(|_| errno(libc::EFBIG))?;
    // SAFETY: the call takes integers alone, and `fd` is open.
    checked(unsafe { libc::fallocate(fd.as_raw_fd(), 0, offset, len) }).map(drop)
}

/// The length past which this process may not let a file grow; the kernel sends `SIGXFSZ` to one that tries
/// (getrlimit(2), `RLIMIT_FSIZE`). No limit is the highest number.
pub fn file_len_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is this function's own and has the type that the call fills.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) })?;
    Ok(if limit.rlim_cur == libc::RLIM_INFINITY { u64::MAX } else { limit.rlim_cur })
}

/// Takes the lock of the open file without waiting; `false` where another holds it (flock(2)).
pub fn try_lock(fd: BorrowedFd<'_>, exclusive: bool) -> io::Result<bool> {
    let kind = if exclusive { libc::LOCK_EX } else { libc::LOCK_SH };
    // SAFETY: the call takes integers alone, and `fd` is open.
    match checked(unsafe { libc::flock(fd.as_raw_fd(), kind | libc::LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives the lock of the open file back (flock(2), `LOCK_UN`).
pub fn unlock(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes integers alone, and `fd` is open.
    checked(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_UN) }).map(drop)
}

/// Whether two descriptors of this process are of one open file (kcmp(2), `KCMP_FILE`). A kernel may have been
/// built or told to answer an error.
pub fn is_same_open_file(one: RawFd, other: RawFd) -> io::Result<bool> {
    const KCMP_FILE: libc::c_int = 0;
    // SAFETY: the call takes no argument and cannot fail.
    let process = unsafe { libc::getpid() };
    let [one, other] = [one, other].map(libc::c_long::from);
    // SAFETY: the call takes integers alone; the kernel answers EBADF for one that is no descriptor.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, process, process, KCMP_FILE, one, other) };
    if order < 0 { Err(io::Error::last_os_error()) } else { Ok(order == 0) }
}

/// Gives the open file the name `path`, which must be free (linkat(2) through `/proc/self/fd`).
pub fn link_descriptor(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let source = CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    let target = c_path(path)?;
    link_at(&source, &target, libc::AT_SYMLINK_FOLLOW)
}

fn link_at(source: &CStr, target: &CStr, flags: i32) -> io::Result<()> {
    let here = libc::AT_FDCWD;
    // SAFETY: both borrows are C strings that live through the call.
    checked(unsafe { libc::linkat(here, source.as_ptr(), here, target.as_ptr(), flags) }).map(drop)
}

/// Renames a file to a name that must be free (renameat2(2), `RENAME_NOREPLACE`).
pub fn rename_no_replace(source: &Path, target: &Path) -> io::Result<()> {
    let here = libc::AT_FDCWD;
    let (source, target) = (c_path(source)?, c_path(target)?);
    let flags = libc::RENAME_NOREPLACE;
    // By number, since musl has no function for it.
    // SAFETY: both are C strings of this function's own, and the arguments are those of renameat2(2).
    let done =
        unsafe { libc::syscall(libc::SYS_renameat2, here, source.as_ptr(), here, target.as_ptr(), flags) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps these bytes in memory (mlock(2)).
pub fn lock_memory(bytes: &[u8]) -> io::Result<()> {
    // The kernel takes whole pages, and the address of no bytes may lie in none.
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: the borrow keeps the range mapped during the call, which changes no byte of it.
    checked(unsafe { libc::mlock(bytes.as_ptr().cast(), bytes.len()) }).map(drop)
}

/// Lets these bytes go to disk again (munlock(2)).
pub fn unlock_memory(bytes: &[u8]) -> io::Result<()> {
    // The kernel takes whole pages, and the address of no bytes may lie in none.
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: the borrow keeps the range mapped during the call, which changes no byte of it.
    checked(unsafe { libc::munlock(bytes.as_ptr().cast(), bytes.len()) }).map(drop)
}

/// The error that the operating system would give this number.
pub fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// The system's page size in bytes; 4096 where it does not say.
pub fn page_size() -> u32 {
    // SAFETY: sysconf(3) reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(size).unwrap_or(4096)
}

/// The machine's memory in bytes; as much as there can be where the system does not say.
pub fn memory_len() -> u64 {
    // SAFETY: sysconf(3) reads a number of the system's.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    u64::try_from(pages).map_or(u64::MAX, |pages| pages.saturating_mul(u64::from(page_size())))
}

/// Writes some of `bytes` at the descriptor's own position (write(2)); how many.
pub fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the slice vouches for its bytes; a number that is no descriptor is an error.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len().min(WRITE_LEN_MAX)) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Nanoseconds since some moment before this process, as of the system's last tick: a few milliseconds late,
/// and read without a call of the kernel (clock_gettime(2), `CLOCK_MONOTONIC_COARSE`). Never 0.
#[inline]
pub fn coarse_nanos() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is this function's own and has the type that the call fills.
    let told = unsafe { libc::clock_gettime(CLOCK, &mut time) };
    debug_assert_eq!(told, 0, "every system has the clock");
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64).max(1)
}

/// How many of these bytes, which begin a map, are in memory, by whole pages (mincore(2)).
pub fn resident_len(bytes: &[u8]) -> io::Result<u64> {
    let page_size = page_size() as usize;
    let mut flags = [0_u8; RESIDENT_PAGES];
    let mut count = 0;
    for piece in bytes.chunks(RESIDENT_PAGES * page_size) {
        let pages = piece.len().div_ceil(page_size);
        // SAFETY: the borrow keeps the range mapped during the call, which changes no byte of it, and `flags`
        // has room for a byte a page.
        checked(unsafe {
            libc::mincore(piece.as_ptr().cast_mut().cast(), piece.len(), flags.as_mut_ptr().cast())
        })?;
        count += flags.iter().take(pages).filter(|flag| **flag & 1 != 0).count();
    }
    Ok((count * page_size) as u64)
}

/// About how many pages one call of mincore(2) is asked.
const RESIDENT_PAGES: usize = 4096;

/// What the system says where there is no such file.
pub fn no_such_file() -> io::Error {
    errno(libc::ENOENT)
}

/// What a disk says that cannot read what is there; for a read that ends before the file does.
pub fn unreadable() -> io::Error {
    errno(libc::EIO)
}

/// What the system says where there is no memory.
pub fn no_memory() -> io::Error {
    errno(libc::ENOMEM)
}

/// What the system says where a descriptor is not open for writing.
pub fn not_writable() -> io::Error {
    errno(libc::EBADF)
}

/// Asks the processor to fetch the cache line of what lies `offset` bytes behind the first of `bytes`, of which
/// it will need the content soon. Nothing is read: the offset may lie anywhere.
#[inline(always)]
pub fn prefetch(bytes: &[u8], offset: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
            bytes.as_ptr().wrapping_add(offset).cast(),
        )
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, offset);
}

/// The file system as the program gives it that the library is linked into.
#[cfg(bolt_lint)]
pub fn watched_file_system(is_synced: bool, older_meta_stays: bool) -> Box<dyn super::Namespace> {
    unsafe extern "Rust" {
        fn bolt_lint_file_system(is_synced: bool, older_meta_stays: bool) -> Box<dyn super::Namespace>;
    }
    // SAFETY: `lint-c/src/lib.rs` defines it so, built by the same compiler in the same run.
    unsafe { bolt_lint_file_system(is_synced, older_meta_stays) }
}

/// Closes descriptor 0, so that a test sees what an open does with it.
#[cfg(test)]
pub fn close_standard_input() {
    // SAFETY: the test that calls this reads nothing from its standard input.
    checked(unsafe { libc::close(0) }).unwrap();
}

fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_duplicate_is_numbered_high_and_closed_by_exec() {
        let file = tempfile::tempfile().unwrap();
        let copy = duplicate(file.as_raw_fd(), 50).unwrap();
        assert!(copy.as_raw_fd() >= 50);
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", copy.as_raw_fd())).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        assert_ne!(i32::from_str_radix(flags, 8).unwrap() & libc::O_CLOEXEC, 0);
        assert_eq!(duplicate(-1, 3).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }

    #[test]
    fn a_duplicate_is_of_the_same_open_file_and_a_second_opening_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let copy = duplicate(file.as_file().as_raw_fd(), 3).unwrap();
        let other = file.reopen().unwrap();
        let same = |other| is_same_open_file(file.as_file().as_raw_fd(), other);
        // Where the kernel does not say it, nobody is wronged.
        let Ok(is_same) = same(copy.as_raw_fd()) else { return };
        assert!(is_same && !same(other.as_raw_fd()).unwrap());
        assert_eq!(same(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }

    #[test]
    fn status_flags_can_be_set_and_read() {
        let file = tempfile::tempfile().unwrap();
        let flags = status_flags(file.as_fd()).unwrap();
        assert_eq!(flags & libc::O_ACCMODE, libc::O_RDWR);
        assert_eq!(flags & libc::O_NONBLOCK, 0);
        set_status_flags(file.as_fd(), flags | libc::O_NONBLOCK).unwrap();
        assert_ne!(status_flags(file.as_fd()).unwrap() & libc::O_NONBLOCK, 0);
    }

    #[test]
    fn more_parts_than_the_kernel_takes_are_refused_by_it() {
        let file = tempfile::tempfile().unwrap();
        let parts = vec![IoSlice::new(b"x"); WRITE_PARTS_MAX + 1];
        let refused = write_vectored_at(file.as_fd(), &parts, 0).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
        assert_eq!(write_vectored_at(file.as_fd(), &parts[1..], 0).unwrap(), WRITE_PARTS_MAX);
        let refused = write_vectored_at(file.as_fd(), &parts[1..], u64::MAX).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EFBIG));
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two, three) =
            (directory.path().join("one"), directory.path().join("two"), directory.path().join("three"));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "2").unwrap();
        assert_eq!(rename_no_replace(&one, &two).unwrap_err().raw_os_error(), Some(libc::EEXIST));
        assert_eq!(std::fs::read(&two).unwrap(), b"2");
        rename_no_replace(&one, &three).unwrap();
        assert_eq!(std::fs::read(&three).unwrap(), b"1");
        assert!(!one.exists());
    }

    #[test]
    fn a_path_with_a_nul_is_refused() {
        let file = tempfile::tempfile().unwrap();
        let refused = link_descriptor(file.as_fd(), Path::new("a\0b")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn the_coarse_clock_follows_the_fine_one() {
        // It is behind by a tick, 10 ms where ticks are rarest. The fine clock is read outside of it, so that neither
        // bound depends on how long anything takes.
        let (slept, tick) = (60, 20);
        let began = std::time::Instant::now();
        let coarse = coarse_nanos();
        std::thread::sleep(std::time::Duration::from_millis(slept));
        let told = (coarse_nanos() - coarse) / 1_000_000;
        let passed = began.elapsed().as_millis() as u64;
        assert!(told + tick >= slept && told <= passed + tick, "{passed} and {told}");
    }

    #[test]
    fn memory_can_be_locked_and_unlocked() {
        let bytes = vec![1_u8; 4096];
        lock_memory(&bytes).unwrap();
        unlock_memory(&bytes).unwrap();
        lock_memory(&[]).unwrap();
    }
}
