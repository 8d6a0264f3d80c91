//! The operating system's file: positioned reads and writes, growth, sync, the lock, and how a new file gets
//! its name.
//!
//! Three invariants:
//!
//! F1. A descriptor of ours is closed by exec and is never 0, 1 or 2: a library that prints to a closed
//!     standard output would write into the database.
//! F2. Dropping a file closes it and no more in a forked child. The lock belongs to the open file, which the
//!     child shares: an unlock in its drop would take the parent's lock away. In the process that took a lock
//!     by a caller's descriptor the drop gives it back, since the caller's keeps the file open.
//! F3. A new file has no name (`O_TMPFILE`), or where the file system cannot do that a hidden one, which goes
//!     when the file is dropped without having been linked.

#![expect(clippy::disallowed_types, reason = "this file is the place for std::fs::File and OpenOptions")]

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lock::FileLock;
use super::map::FileMap;
use super::{Namespace, Storage, View, ram, sys};
use crate::error::{Error, Result};

/// The lowest descriptor that is kept (F1).
const DESCRIPTOR_MIN: RawFd = 3;

/// How many symbolic links are followed to a file that is to be made, as many as Linux follows.
const SYMLINKS_MAX: usize = 40;

/// How many random names are tried for a temporary file.
const TEMPORARY_NAMES_MAX: usize = 100;

/// An open file of the operating system's.
pub struct FileStorage {
    file: File,
    birth: Mutex<Birth>,
    lock: FileLock,
}

/// What stands between a new file and its name.
enum Birth {
    /// Nothing: it has one, or was opened by it.
    Named,
    /// It has no name at all.
    Unnamed,
    /// It has a hidden name, which the process that made it takes away.
    Temporary { path: PathBuf, process: u32 },
}

impl FileStorage {
    /// A file that the caller has open. The caller keeps his descriptor; both share the lock, which goes with
    /// [`Storage::unlock`] or the drop.
    ///
    /// Must be a regular file, open for reading, without `O_APPEND` (under which Linux writes at the end,
    /// whatever the offset).
    pub fn from_fd(fd: i32) -> Result<FileStorage> {
        let what = "taking over a file descriptor";
        let file = File::from(sys::duplicate(fd, DESCRIPTOR_MIN).map_err(|error| Error::os(what, error))?);
        let flags = sys::status_flags(file.as_fd()).map_err(|error| Error::os(what, error))?;
        if flags & libc::O_PATH != 0 || flags & libc::O_ACCMODE == libc::O_WRONLY {
            return Err(Error::os(what, sys::errno(libc::EBADF)));
        }
        if flags & libc::O_APPEND != 0 {
            return Err(Error::Argument("the file descriptor is open with O_APPEND"));
        }
        refuse_irregular(&file, || what.into())?;
        let metadata = file.metadata().map_err(|error| Error::os(what, error))?;
        let mut storage = FileStorage::new(file, Birth::Named);
        storage.lock = FileLock::of_shared((metadata.dev(), metadata.ino()));
        Ok(storage)
    }

    /// Whether the file is open for writing.
    pub fn is_writable(&self) -> Result<bool> {
        let flags = sys::status_flags(self.file.as_fd());
        let flags = flags.map_err(|error| Error::os("reading the flags of the file", error))?;
        Ok(flags & libc::O_ACCMODE == libc::O_RDWR)
    }

    fn new(file: File, birth: Birth) -> FileStorage {
        FileStorage { file, birth: Mutex::new(birth), lock: FileLock::of_own() }
    }

    fn named(&self, path: &Path) -> io::Result<()> {
        let mut birth = self.birth.lock().unwrap_or_else(PoisonError::into_inner);
        match &*birth {
            Birth::Named => return Err(sys::errno(libc::EINVAL)),
            Birth::Unnamed => sys::link_descriptor(self.file.as_fd(), path)?,
            Birth::Temporary { path: temporary, .. } => move_to_free_name(temporary, path)?,
        }
        *birth = Birth::Named;
        Ok(())
    }

    /// Takes the name `path` from the file that may have it. A file without a name gets a hidden one first,
    /// since only rename(2) replaces.
    fn named_over(&self, path: &Path) -> io::Result<()> {
        let mut birth = self.birth.lock().unwrap_or_else(PoisonError::into_inner);
        if let Birth::Unnamed = *birth {
            let hidden =
                std::path::absolute(directory_of(path))?.join(format!(".bolt-{:016x}.tmp", random()));
            sys::link_descriptor(self.file.as_fd(), &hidden)?;
            *birth = Birth::Temporary { path: hidden, process: std::process::id() };
        }
        let Birth::Temporary { path: hidden, .. } = &*birth else { return Err(sys::errno(libc::EINVAL)) };
        fs::rename(hidden, path)?;
        *birth = Birth::Named;
        Ok(())
    }
}

impl Drop for FileStorage {
    fn drop(&mut self) {
        self.lock.drop(self.file.as_fd());
        let birth = self.birth.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Birth::Temporary { path, process } = birth {
            // A forked child drops its copy too, but the name is its parent's (F3).
            if *process == std::process::id() {
                // A name that stays behind harms nobody, and a drop has nobody to tell.
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl Storage for FileStorage {
    fn len(&self) -> Result<u64> {
        let metadata =
            self.file.metadata().map_err(|error| Error::os("asking for the file's length", error))?;
        Ok(metadata.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::os("reading the file", error)),
            }
        }
        Ok(done)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> Result<()> {
        write_all(parts, offset, &Limits::of_the_system(), |parts, offset| match parts {
            // Without a vector, which the kernel would copy and check.
            [part] => FileExt::write_at(&self.file, part, offset),
            _ => sys::write_vectored_at(self.file.as_fd(), parts, offset),
        })
        .map_err(|error| Error::os("writing the file", error))
    }

    fn grow(&self, len: u64) -> Result<()> {
        let known = self.len()?;
        if len <= known {
            return Ok(());
        }
        // Asked beforehand, since to pass the limit costs the caller a signal that ends the process.
        if sys::file_len_limit().is_ok_and(|limit| len > limit) {
            return Err(Error::os("growing the file", sys::errno(libc::EFBIG)));
        }
        let reserved = loop {
            match sys::allocate(self.file.as_fd(), known, len - known) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match reserved {
            Err(error) if cannot_reserve(&error) => self.file.set_len(len),
            other => other,
        }
        .map_err(|error| Error::os("growing the file", error))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::os("syncing the file", error))
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.lock.lock(self.file.as_fd(), exclusive, timeout)
    }

    fn unlock(&self) -> Result<()> {
        self.lock.unlock(self.file.as_fd())
    }

    fn view(&self, len: u64, ahead: u64, previous: Option<&View>) -> Result<View> {
        let (previous, shown) = match previous {
            Some(View::Map { map, len }) => (Some(map), *len),
            _ => (None, 0),
        };
        // Most commits make no file longer, and need not ask how long it is.
        if len > shown {
            let known = self.len()?;
            if len > known {
                return Err(Error::Truncated { len: known, expected: len });
            }
        }
        if let Some(map) = previous.filter(|map| map.capacity() >= len) {
            return Ok(View::Map { map: Arc::clone(map), len });
        }
        let map = FileMap::new(self.file.as_fd(), len, ahead)?;
        // Advice: without it the reads are slower, not wrong.
        let _ = match previous.and_then(|previous| previous.pattern()) {
            Some(pattern) => map.set_pattern(pattern),
            None if ram::is_outgrown_by(len) => map.read_at_random(),
            None => Ok(()),
        };
        Ok(View::Map { map: Arc::new(map), len })
    }

    fn link(&self, path: &Path) -> Result<bool> {
        match self.named(&follow_symlinks(path)?) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(path_error("naming", path, error)),
        }
    }

    fn is_named(&self, path: &Path) -> bool {
        match (self.file.metadata(), fs::metadata(path)) {
            (Ok(own), Ok(other)) => (own.dev(), own.ino()) == (other.dev(), other.ino()),
            _ => false,
        }
    }

    fn replace(&self, path: &Path) -> Result<()> {
        follow_symlinks(path)
            .and_then(|target| self.named_over(&target).map_err(|error| path_error("naming", path, error)))
    }
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileNamespace;

impl Namespace for FileNamespace {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        let mut options = OpenOptions::new();
        // O_NONBLOCK: the open of a pipe or of a device may wait for ever.
        options.read(true).write(!read_only).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(path_error("opening", path, error)),
        };
        let file = above_standard(file).map_err(|error| path_error("opening", path, error))?;
        refuse_irregular(&file, || format!("opening {}", path.display()).into())?;
        sys::status_flags(file.as_fd())
            .and_then(|flags| sys::set_status_flags(file.as_fd(), flags & !libc::O_NONBLOCK))
            .map_err(|error| path_error("opening", path, error))?;
        Ok(Some(Box::new(FileStorage::new(file, Birth::Named))))
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        let target = follow_symlinks(path)?;
        let directory = directory_of(&target);
        let created = match create_nameless(directory, mode) {
            Err(error) if has_no_nameless(&error) => create_temporary(directory, mode),
            other => other,
        };
        let storage = created.map_err(|error| path_error("creating a file beside", path, error))?;
        Ok(Box::new(storage))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        let target = follow_symlinks(path)?;
        let directory = directory_of(&target);
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_DIRECTORY);
        match options.open(directory).and_then(|directory| directory.sync_all()) {
            // Some file systems have no sync of a directory: their names are as durable as they get.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => Ok(()),
            other => other.map_err(|error| path_error("syncing the directory of", path, error)),
        }
    }
}

/// How much one call of the operating system's takes.
struct Limits {
    parts: usize,
    len: usize,
}

impl Limits {
    fn of_the_system() -> Limits {
        Limits { parts: sys::WRITE_PARTS_MAX, len: sys::WRITE_LEN_MAX }
    }
}

/// Writes all parts through `write`, within its limits; short writes and interrupted ones are taken up again
/// (S2).
///
/// A call gets either whole parts or a piece of one, so that nothing needs to be copied.
fn write_all<F>(parts: &[IoSlice<'_>], offset: u64, limits: &Limits, mut write: F) -> io::Result<()>
where
    F: FnMut(&[IoSlice<'_>], u64) -> io::Result<usize>,
{
    let mut rest = parts;
    let mut skip = 0;
    let mut offset = offset;
    while let Some((first, others)) = rest.split_first() {
        if skip == first.len() {
            (rest, skip) = (others, 0);
            continue;
        }
        let whole = if skip == 0 { whole_parts(rest, limits) } else { 0 };
        let written = if whole > 0 {
            write(rest.get(..whole).unwrap_or(rest), offset)
        } else {
            let piece = first.get(skip..).unwrap_or(&[]);
            write(&[IoSlice::new(piece.get(..limits.len).unwrap_or(piece))], offset)
        };
        let mut written = match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        offset = offset.saturating_add(written as u64);
        written += skip;
        while let Some((first, others)) = rest.split_first().filter(|(first, _)| written >= first.len()) {
            written -= first.len();
            rest = others;
        }
        skip = written;
    }
    Ok(())
}

/// How many parts, whole, fit one call.
fn whole_parts(parts: &[IoSlice<'_>], limits: &Limits) -> usize {
    let mut room = limits.len;
    let fits = |part: &&IoSlice<'_>| match room.checked_sub(part.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    parts.iter().take(limits.parts).take_while(fits).count()
}

/// Whether the file system has no way to reserve room, as opposed to no room.
fn cannot_reserve(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS))
}

/// The same file under a descriptor that is none of the standard three (F1).
fn above_standard(file: File) -> io::Result<File> {
    if file.as_raw_fd() >= DESCRIPTOR_MIN {
        return Ok(file);
    }
    sys::duplicate(file.as_raw_fd(), DESCRIPTOR_MIN).map(File::from)
}

/// Only a regular file can be a database.
fn refuse_irregular(file: &File, what: impl Fn() -> Cow<'static, str>) -> Result<()> {
    let kind = file.metadata().map_err(|error| Error::os(what(), error))?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let number = if kind.is_dir() { libc::EISDIR } else { libc::EINVAL };
    Err(Error::os(what(), sys::errno(number)))
}

/// Makes a file without a name (F3).
fn create_nameless(directory: &Path, mode: u32) -> io::Result<FileStorage> {
    // Such a file is named through /proc, so without it there is no way to name it.
    if !Path::new("/proc/self/fd").exists() {
        return Err(sys::errno(libc::EOPNOTSUPP));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(mode).custom_flags(libc::O_TMPFILE);
    Ok(FileStorage::new(above_standard(options.open(directory)?)?, Birth::Unnamed))
}

/// Whether the error says that a file without a name cannot be had here. Kernels that do not know `O_TMPFILE`
/// take it for an attempt to write to a directory.
fn has_no_nameless(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL | libc::ENOSYS))
}

/// Makes a file with a hidden name, which goes with the file (F3).
fn create_temporary(directory: &Path, mode: u32) -> io::Result<FileStorage> {
    // Absolute, since the process may change its directory before the file is dropped.
    let directory = std::path::absolute(directory)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(mode).create_new(true);
    for _ in 0..TEMPORARY_NAMES_MAX {
        let path = directory.join(format!(".bolt-{:016x}.tmp", random()));
        match options.open(&path) {
            Ok(file) => {
                // From here on the drop removes the name, whatever fails.
                let process = std::process::id();
                let mut storage = FileStorage::new(file, Birth::Temporary { path, process });
                if storage.file.as_raw_fd() < DESCRIPTOR_MIN {
                    storage.file = sys::duplicate(storage.file.as_raw_fd(), DESCRIPTOR_MIN)?.into();
                }
                return Ok(storage);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(sys::errno(libc::EEXIST))
}

/// A number that others will hardly choose. The hasher's keys are random, but a forked child has its
/// parent's.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()));
    hasher.finish()
}

/// Gives the file at `temporary` the free name `path`, and takes its own away.
fn move_to_free_name(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => {
            // The file has its name. If the hidden one stays, it is a second name and no more.
            let _ = fs::remove_file(temporary);
            Ok(())
        }
        Err(error) if has_no_links(&error) => sys::rename_no_replace(temporary, path),
        Err(error) => Err(error),
    }
}

/// Whether the error says that the file system has no hard links.
fn has_no_links(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP | libc::ENOSYS | libc::EMLINK))
}

/// Where `path` leads. To link(2) the name of a dangling symbolic link is taken; open(2) with `O_CREAT` makes
/// the file that it points to, and so do we.
fn follow_symlinks(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..SYMLINKS_MAX {
        match fs::read_link(&target) {
            Ok(next) => target = directory_of(&target).join(next),
            // No link, or nothing there: what is wrong with it, the next call says.
            Err(_) => return Ok(target),
        }
    }
    Err(path_error("following", path, sys::errno(libc::ELOOP)))
}

/// The directory that holds the name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The error of something done to a path.
fn path_error(doing: &str, path: &Path, error: io::Error) -> Error {
    if error.kind() == ErrorKind::InvalidInput && error.raw_os_error().is_none() {
        return Error::Argument("a path must not contain a NUL byte");
    }
    Error::os(format!("{doing} {}", path.display()), error)
}

/// Writes all of `bytes` to a descriptor of the caller's, which may be a pipe or a socket.
pub fn write_to_descriptor(fd: RawFd, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match sys::write(fd, rest) {
            Ok(0) => return Err(Error::os("writing to the descriptor", ErrorKind::WriteZero.into())),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::os("writing to the descriptor", error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;
    use std::time::Instant;

    use tempfile::TempDir;

    use super::*;

    const ONCE: Option<Duration> = Some(Duration::ZERO);

    fn directory() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_descriptor_gets_all_bytes_and_an_error_where_nobody_reads_them() {
        let bytes = (0..1_000_000u32).map(|number| number as u8).collect::<Vec<_>>();
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let received = std::thread::spawn(move || {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).unwrap();
            received
        });
        write_to_descriptor(writer.as_raw_fd(), &bytes).unwrap();
        drop(writer);
        assert!(received.join().unwrap() == bytes);
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        for (fd, number) in [(writer.as_raw_fd(), libc::EPIPE), (-1, libc::EBADF)] {
            let error = write_to_descriptor(fd, &bytes).unwrap_err();
            assert_eq!(error.code(), number, "{error}");
        }
        write_to_descriptor(-1, &[]).unwrap();
    }

    #[test]
    fn a_name_is_that_of_the_file_that_has_it_now() {
        let directory = directory();
        let path = directory.path().join("a.db");
        let storage = opened(&directory, b"a");
        assert!(FileNamespace.exists(&path) && storage.is_named(&path));
        fs::rename(&path, directory.path().join("b.db")).unwrap();
        assert!(!FileNamespace.exists(&path) && !storage.is_named(&path));
        fs::write(&path, b"another").unwrap();
        assert!(FileNamespace.exists(&path) && !storage.is_named(&path));
    }

    /// A file with this content, opened.
    fn opened(directory: &TempDir, content: &[u8]) -> Box<dyn Storage> {
        let path = directory.path().join("a.db");
        fs::write(&path, content).unwrap();
        FileNamespace.open(&path, false).unwrap().unwrap()
    }

    fn from_file(file: &File) -> FileStorage {
        FileStorage::from_fd(file.as_raw_fd()).unwrap()
    }

    fn names_in(directory: &TempDir) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs the test of this name in a process of its own, after these words of the shell, and tells whether
    /// this is that process.
    fn in_a_process_of_its_own(name: &str, before: &str) -> bool {
        if std::env::var_os("BOLT_TEST_CHILD").is_some() {
            return true;
        }
        let (_, module) = module_path!().split_once("::").unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::{name}")])
            .env("BOLT_TEST_CHILD", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{:?}\n{text}", output.status);
        false
    }

    #[test]
    fn a_read_ends_with_the_buffer_or_with_the_file() {
        let directory = directory();
        let storage = opened(&directory, b"0123456789");
        let mut buf = [b'-'; 6];
        assert_eq!(storage.read_at(&mut buf, 2).unwrap(), 6);
        assert_eq!(&buf, b"234567");
        assert_eq!(storage.read_at(&mut buf, 7).unwrap(), 3);
        assert_eq!(&buf, b"789567");
        assert_eq!(storage.read_at(&mut buf, 10).unwrap(), 0);
        assert_eq!(storage.read_at(&mut buf, 1 << 60).unwrap(), 0);
        assert_eq!(storage.read_at(&mut [], 0).unwrap(), 0);
        assert_eq!(storage.read_at(&mut buf, u64::MAX).unwrap_err().code(), libc::EINVAL);
    }

    #[test]
    fn more_parts_than_one_call_takes_are_written_in_order() {
        let directory = directory();
        let storage = opened(&directory, b"head");
        let numbers: Vec<String> = (0..3000).map(|number| format!("{number},")).collect();
        let parts: Vec<IoSlice<'_>> = numbers.iter().map(|text| IoSlice::new(text.as_bytes())).collect();
        storage.write_at(&parts, 4).unwrap();
        storage.write_at(&[], 0).unwrap();
        storage.write_at(&[IoSlice::new(b"")], 0).unwrap();
        let content = fs::read_to_string(directory.path().join("a.db")).unwrap();
        assert_eq!(content, format!("head{}", numbers.concat()));
        assert_eq!(storage.len().unwrap(), content.len() as u64);
    }

    /// Writes the parts to a `Vec` that takes as many bytes a call as `answers` says, then all; 0 is an
    /// interruption.
    fn write_with(parts: &[&[u8]], limits: &Limits, answers: &[usize]) -> (Vec<u8>, usize) {
        let mut answers: VecDeque<usize> = answers.iter().copied().collect();
        let mut written = Vec::new();
        let mut calls = 0;
        let parts: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        write_all(&parts, 100, limits, |parts, offset| {
            calls += 1;
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            assert_eq!(offset, 100 + written.len() as u64);
            assert!(parts.len() <= limits.parts && bytes.len() <= limits.len && !bytes.is_empty());
            match answers.pop_front() {
                Some(0) => Err(ErrorKind::Interrupted.into()),
                Some(count) => {
                    let count = count.min(bytes.len());
                    written.extend_from_slice(&bytes[..count]);
                    Ok(count)
                }
                None => {
                    written.extend_from_slice(&bytes);
                    Ok(bytes.len())
                }
            }
        })
        .unwrap();
        (written, calls)
    }

    #[test]
    fn short_and_interrupted_writes_are_taken_up_again() {
        let parts: [&[u8]; 7] = [b"", b"abc", b"", b"defgh", b"i", b"jklmnopqrst", b""];
        let all = parts.concat();
        let answers: [&[usize]; 6] = [&[], &[1], &[3, 0, 5], &[0, 0, 4, 1, 1, 1], &[2; 9], &[8, 1, 0, 10]];
        for answers in answers {
            for limits in [(1024, 1 << 20), (2, 1 << 20), (1024, 4), (1, 1), (3, 7)] {
                let limits = Limits { parts: limits.0, len: limits.1 };
                assert_eq!(write_with(&parts, &limits, answers).0, all);
            }
        }
    }

    #[test]
    fn whole_parts_go_together_as_far_as_the_limits_allow() {
        let limits = Limits { parts: 3, len: 10 };
        assert_eq!(write_with(&[b"ab", b"cd", b"ef", b"gh"], &limits, &[]).1, 2);
        assert_eq!(write_with(&[b"abcdefgh", b"ij", b"k"], &limits, &[]).1, 2);
        assert_eq!(write_with(&[b"abcdefghijklmnopqrstu"], &limits, &[]).1, 3);
        assert_eq!(write_with(&[], &limits, &[]).1, 0);
    }

    #[test]
    fn a_write_that_takes_nothing_or_fails_is_an_error() {
        let limits = Limits::of_the_system();
        let part = [IoSlice::new(b"x")];
        assert_eq!(write_all(&part, 0, &limits, |_, _| Ok(0)).unwrap_err().kind(), ErrorKind::WriteZero);
        let full = write_all(&part, 0, &limits, |_, _| Err(sys::errno(libc::ENOSPC))).unwrap_err();
        assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
        let directory = directory();
        opened(&directory, b"content");
        let storage = FileNamespace.open(&directory.path().join("a.db"), true).unwrap().unwrap();
        assert_eq!(storage.write_at(&part, 0).unwrap_err().code(), libc::EBADF);
        assert_eq!(storage.grow(100).unwrap_err().code(), libc::EBADF);
    }

    #[test]
    fn growth_reserves_the_room_and_never_shortens() {
        let directory = directory();
        let storage = opened(&directory, b"content");
        storage.grow(1 << 20).unwrap();
        assert_eq!(storage.len().unwrap(), 1 << 20);
        storage.grow(10).unwrap();
        assert_eq!(storage.len().unwrap(), 1 << 20);
        storage.sync().unwrap();
        let metadata = fs::metadata(directory.path().join("a.db")).unwrap();
        assert!(metadata.blocks() * 512 >= 1 << 20, "{} blocks", metadata.blocks());
        assert!(fs::read(directory.path().join("a.db")).unwrap().starts_with(b"content\0\0"));
        let refused = storage.grow(u64::MAX).unwrap_err().code();
        assert_eq!(refused, libc::EFBIG);
    }

    #[test]
    fn only_a_missing_ability_is_worked_around() {
        for number in [libc::EOPNOTSUPP, libc::EINVAL, libc::ENOSYS] {
            assert!(cannot_reserve(&sys::errno(number)));
        }
        for number in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG, libc::EIO] {
            assert!(!cannot_reserve(&sys::errno(number)));
            assert!(!has_no_nameless(&sys::errno(number)));
            assert!(!has_no_links(&sys::errno(number)));
        }
        assert!(!has_no_links(&sys::errno(libc::EEXIST)));
    }

    #[test]
    fn growth_past_the_limit_of_the_process_is_an_error_and_no_signal() {
        if in_a_process_of_its_own(
            "growth_past_the_limit_of_the_process_is_an_error_and_no_signal",
            "ulimit -f 64;",
        ) {
            let directory = directory();
            let storage = opened(&directory, b"content");
            let limit = sys::file_len_limit().unwrap();
            assert!(limit < 1 << 20);
            assert_eq!(storage.grow(limit + 1).unwrap_err().code(), libc::EFBIG);
            storage.grow(limit).unwrap();
            assert_eq!(storage.len().unwrap(), limit);
        }
    }

    #[test]
    fn a_closed_standard_input_is_not_taken_for_a_database() {
        if in_a_process_of_its_own("a_closed_standard_input_is_not_taken_for_a_database", "") {
            let directory = directory();
            let path = directory.path().join("a.db");
            fs::write(&path, "content").unwrap();
            sys::close_standard_input();
            let probe = File::open(&path).unwrap();
            assert_eq!(probe.as_raw_fd(), 0);
            let moved = above_standard(probe).unwrap();
            assert!(moved.as_raw_fd() >= DESCRIPTOR_MIN);
            let temporary = create_temporary(directory.path(), 0o600).unwrap();
            assert!(temporary.file.as_raw_fd() >= DESCRIPTOR_MIN);
            let nameless = create_nameless(directory.path(), 0o600).unwrap();
            assert!(nameless.file.as_raw_fd() >= DESCRIPTOR_MIN);
            let opened = FileNamespace.open(&path, false).unwrap().unwrap();
            assert_eq!(File::open(&path).unwrap().as_raw_fd(), 0);
            assert_eq!(opened.len().unwrap(), 7);
        }
    }

    #[test]
    fn a_lock_is_shared_by_many_or_one_has_it_alone() {
        let directory = directory();
        let one = opened(&directory, b"");
        let open =
            |read_only| FileNamespace.open(&directory.path().join("a.db"), read_only).unwrap().unwrap();
        let (two, three) = (open(false), open(true));
        one.lock(true, ONCE).unwrap();
        one.lock(true, ONCE).unwrap();
        assert!(matches!(two.lock(true, ONCE), Err(Error::Busy(_))));
        assert!(matches!(three.lock(false, ONCE), Err(Error::Busy(_))));
        one.unlock().unwrap();
        two.lock(false, ONCE).unwrap();
        three.lock(false, ONCE).unwrap();
        assert!(matches!(one.lock(true, ONCE), Err(Error::Busy(_))));
        drop(two);
        drop(three);
        one.lock(true, ONCE).unwrap();
    }

    #[test]
    fn who_waits_for_a_lock_gets_it_or_a_timeout() {
        let directory = directory();
        let one = opened(&directory, b"");
        let two = FileNamespace.open(&directory.path().join("a.db"), false).unwrap().unwrap();
        one.lock(true, None).unwrap();
        let start = Instant::now();
        assert!(matches!(two.lock(true, Some(Duration::from_millis(60))), Err(Error::Timeout(_))));
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(60) && waited < Duration::from_secs(30), "{waited:?}");
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| two.lock(true, None));
            std::thread::sleep(Duration::from_millis(20));
            one.unlock().unwrap();
            waiter.join().unwrap().unwrap();
        });
        assert!(matches!(one.lock(true, ONCE), Err(Error::Busy(_))));
        two.unlock().unwrap();
        one.lock(true, Some(Duration::MAX)).unwrap();
    }

    #[test]
    fn a_file_takes_the_name_of_another_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::write(&path, b"old").unwrap();
        let storage = FileNamespace.create_unnamed(&path, 0o600).unwrap();
        storage.write_at(&[IoSlice::new(b"newer")], 0).unwrap();
        assert!(!storage.link(&path).unwrap());
        storage.replace(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no hidden name stays behind");
        assert!(storage.replace(&path).is_err(), "it has a name now");
    }

    #[test]
    fn a_drop_unlocks_what_its_own_file_has_locked_and_not_what_another_has() {
        let directory = directory();
        let other = opened(&directory, b"");
        let file = File::options().read(true).write(true).open(directory.path().join("a.db")).unwrap();
        let shared = from_file(&file);
        shared.lock(true, ONCE).unwrap();
        let second = from_file(&file);
        assert!(matches!(second.lock(true, ONCE), Err(Error::Busy(_))));
        drop(second);
        assert!(matches!(other.lock(true, ONCE), Err(Error::Busy(_))));
        drop(shared);
        other.lock(true, ONCE).unwrap();
        let third = from_file(&file);
        assert!(matches!(third.lock(true, ONCE), Err(Error::Busy(_))));
        other.unlock().unwrap();
        from_file(&file).lock(true, ONCE).unwrap();
    }

    #[test]
    fn only_a_descriptor_that_can_serve_is_taken_over() {
        let directory = directory();
        let path = directory.path().join("a.db");
        fs::write(&path, "content").unwrap();
        let take = |options: &OpenOptions| FileStorage::from_fd(options.open(&path).unwrap().as_raw_fd());
        assert!(take(File::options().read(true).write(true)).unwrap().is_writable().unwrap());
        let reader = take(File::options().read(true)).unwrap();
        assert!(!reader.is_writable().unwrap());
        assert_eq!(reader.len().unwrap(), 7);
        assert!(!reader.link(&path).is_ok_and(|linked| linked));
        assert_eq!(take(File::options().write(true)).map(drop).unwrap_err().code(), libc::EBADF);
        let path_only = take(File::options().read(true).custom_flags(libc::O_PATH));
        assert_eq!(path_only.map(drop).unwrap_err().code(), libc::EBADF);
        let append = take(File::options().read(true).append(true));
        assert!(matches!(append, Err(Error::Argument(_))));
        assert_eq!(FileStorage::from_fd(-1).map(drop).unwrap_err().code(), libc::EBADF);
        let folder = File::open(directory.path()).unwrap();
        assert_eq!(FileStorage::from_fd(folder.as_raw_fd()).map(drop).unwrap_err().code(), libc::EISDIR);
    }

    #[test]
    fn only_a_regular_file_is_opened_and_nothing_is_waited_for() {
        let directory = directory();
        let open = |name: &str, read_only| {
            let opened = FileNamespace.open(&directory.path().join(name), read_only);
            opened.map(|storage| storage.is_some()).map_err(|error| error.code())
        };
        assert!(Command::new("mkfifo").arg(directory.path().join("fifo")).status().unwrap().success());
        let _listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        symlink("/dev/null", directory.path().join("device")).unwrap();
        symlink("nothing", directory.path().join("dangling")).unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        for read_only in [false, true] {
            assert_eq!(open("", read_only), Err(libc::EISDIR));
            assert_eq!(open("fifo", read_only), Err(libc::EINVAL));
            assert_eq!(open("socket", read_only), Err(libc::ENXIO));
            assert_eq!(open("device", read_only), Err(libc::EINVAL));
            assert_eq!(open("dangling", read_only), Ok(false));
            assert_eq!(open("missing", read_only), Ok(false));
            assert_eq!(open("missing/too", read_only), Ok(false));
            assert_eq!(open("file/too", read_only), Err(libc::ENOTDIR));
            assert_eq!(open("file", read_only), Ok(true));
        }
        let refused = FileNamespace.open(Path::new("a\0b"), false).map(drop);
        assert!(matches!(refused, Err(Error::Argument(_))));
    }

    #[test]
    fn an_opened_file_is_left_in_blocking_mode_and_closed_by_exec() {
        let directory = directory();
        fs::write(directory.path().join("a.db"), "").unwrap();
        let before = open_flags(&directory);
        let storage = FileNamespace.open(&directory.path().join("a.db"), false).unwrap().unwrap();
        let during = open_flags(&directory);
        assert_eq!((before.len(), during.len()), (0, 1));
        assert_eq!(during[0] & libc::O_NONBLOCK, 0);
        assert_ne!(during[0] & libc::O_CLOEXEC, 0);
        drop(storage);
        assert_eq!(open_flags(&directory).len(), 0);
    }

    /// The flags of each descriptor of this process that lies in the directory.
    fn open_flags(directory: &TempDir) -> Vec<i32> {
        let mut flags = Vec::new();
        for entry in fs::read_dir("/proc/self/fd").unwrap().flatten() {
            if fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(directory.path())) {
                let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
                let info = fs::read_to_string(info).unwrap();
                let text = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
                flags.push(i32::from_str_radix(text.trim(), 8).unwrap());
            }
        }
        flags
    }

    /// Both ways to make a new file.
    fn new_files(directory: &TempDir, mode: u32) -> [FileStorage; 2] {
        [create_nameless(directory.path(), mode).unwrap(), create_temporary(directory.path(), mode).unwrap()]
    }

    #[test]
    fn a_new_file_appears_whole_under_its_name_and_leaves_no_other() {
        let directory = directory();
        for (name, new) in ["a", "b"].iter().zip(new_files(&directory, 0o600)) {
            let path = directory.path().join(name);
            new.write_at(&[IoSlice::new(b"content")], 0).unwrap();
            new.sync().unwrap();
            assert!(!path.exists());
            assert!(new.link(&path).unwrap());
            FileNamespace.sync_directory(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"content");
            assert_eq!(new.link(&directory.path().join("again")).unwrap_err().code(), libc::EINVAL);
        }
        assert_eq!(names_in(&directory), ["a", "b"]);
    }

    #[test]
    fn a_taken_name_is_not_replaced_and_another_can_be_tried() {
        let directory = directory();
        let taken = directory.path().join("taken");
        fs::write(&taken, "old").unwrap();
        for (name, new) in ["a", "b"].iter().zip(new_files(&directory, 0o600)) {
            assert!(!new.link(&taken).unwrap());
            assert!(!new.link(&taken).unwrap());
            assert!(new.link(&directory.path().join(name)).unwrap());
        }
        assert_eq!(fs::read(&taken).unwrap(), b"old");
        assert_eq!(names_in(&directory), ["a", "b", "taken"]);
    }

    #[test]
    fn a_file_that_is_never_linked_leaves_nothing() {
        let directory = directory();
        let [nameless, temporary] = new_files(&directory, 0o600);
        assert_eq!(names_in(&directory).len(), 1);
        assert_eq!(temporary.link(&directory.path().join("no/where")).unwrap_err().code(), libc::ENOENT);
        assert_eq!(nameless.link(&directory.path().join("no/where")).unwrap_err().code(), libc::ENOENT);
        drop(nameless);
        drop(temporary);
        assert!(names_in(&directory).is_empty());
    }

    #[test]
    fn a_forked_child_does_not_take_its_parents_temporary_name_away() {
        let directory = directory();
        let mut temporary = create_temporary(directory.path(), 0o600).unwrap();
        if let Birth::Temporary { process, .. } = temporary.birth.get_mut().unwrap() {
            *process += 1;
        }
        drop(temporary);
        assert_eq!(names_in(&directory).len(), 1);
    }

    #[test]
    fn a_new_file_has_the_mode_that_open_would_give() {
        let directory = directory();
        for mode in [0o600, 0o666, 0o640, 0o400] {
            let plain = directory.path().join("plain");
            drop(File::options().write(true).create_new(true).mode(mode).open(&plain).unwrap());
            let expected = fs::metadata(&plain).unwrap().mode();
            for new in new_files(&directory, mode) {
                assert_eq!(new.file.metadata().unwrap().mode(), expected);
                new.write_at(&[IoSlice::new(b"x")], 0).unwrap();
            }
            fs::remove_file(plain).unwrap();
        }
    }

    #[test]
    fn a_new_file_needs_its_directory() {
        let directory = directory();
        let missing = directory.path().join("missing/a.db");
        let refused = FileNamespace.create_unnamed(&missing, 0o600).map(drop).unwrap_err();
        assert_eq!(refused.code(), libc::ENOENT);
        assert!(refused.to_string().contains("missing/a.db"));
        assert_eq!(FileNamespace.sync_directory(&missing).unwrap_err().code(), libc::ENOENT);
        let new = FileNamespace.create_unnamed(&directory.path().join("a.db"), 0o600).unwrap();
        assert!(names_in(&directory).is_empty());
        assert!(matches!(new.link(Path::new("a\0b")), Err(Error::Argument(_))));
    }

    #[test]
    fn a_dangling_link_leads_to_the_new_file_as_it_does_in_open() {
        let directory = directory();
        fs::create_dir(directory.path().join("sub")).unwrap();
        let (first, second) = (directory.path().join("first"), directory.path().join("second"));
        symlink("second", &first).unwrap();
        symlink("sub/real", &second).unwrap();
        assert!(FileNamespace.open(&first, false).unwrap().is_none());
        let new = FileNamespace.create_unnamed(&first, 0o600).unwrap();
        assert!(new.link(&first).unwrap());
        FileNamespace.sync_directory(&first).unwrap();
        assert!(directory.path().join("sub/real").is_file());
        assert!(FileNamespace.open(&first, false).unwrap().is_some());
        symlink("loop", directory.path().join("loop")).unwrap();
        let refused = FileNamespace.create_unnamed(&directory.path().join("loop"), 0o600).map(drop);
        assert_eq!(refused.unwrap_err().code(), libc::ELOOP);
    }

    #[test]
    fn a_path_without_a_directory_lies_in_the_current_one() {
        assert_eq!(directory_of(Path::new("a.db")), Path::new("."));
        assert_eq!(directory_of(Path::new("./a.db")), Path::new("."));
        assert_eq!(directory_of(Path::new("sub/a.db")), Path::new("sub"));
        assert_eq!(directory_of(Path::new("/a.db")), Path::new("/"));
        assert_eq!(directory_of(Path::new("")), Path::new("."));
        FileNamespace.sync_directory(Path::new("a.db")).unwrap();
        FileNamespace.create_unnamed(Path::new("a.db"), 0o600).unwrap();
    }

    #[test]
    fn a_file_without_hard_links_is_renamed_to_its_name() {
        for number in [libc::EPERM, libc::EOPNOTSUPP] {
            assert!(has_no_links(&sys::errno(number)));
        }
        let directory = directory();
        let (temporary, path) = (directory.path().join("temporary"), directory.path().join("path"));
        fs::write(&temporary, "new").unwrap();
        fs::write(&path, "old").unwrap();
        assert_eq!(move_to_free_name(&temporary, &path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        fs::remove_file(&path).unwrap();
        move_to_free_name(&temporary, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!temporary.exists());
    }

    #[test]
    fn an_empty_file_has_a_view() {
        let directory = directory();
        let storage = opened(&directory, b"");
        let view = storage.view(0, 0, None).unwrap();
        assert_eq!(view.bytes(0, 0), Some(&[][..]));
        assert!(view.bytes(0, 1).is_none());
        let refused = storage.view(1, 0, None).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Truncated { len: 0, expected: 1 }));
    }

    #[test]
    fn a_view_never_reaches_past_the_length_it_was_made_for() {
        let directory = directory();
        let storage = opened(&directory, &[7; 5000]);
        let view = storage.view(4096, 0, None).unwrap();
        assert_eq!(view.bytes(0, 4096).unwrap(), [7; 4096]);
        assert!(view.bytes(4095, 2).is_none());
        assert!(view.bytes(u64::MAX, 2).is_none());
        assert!(view.bytes(1, u64::MAX).is_none());
        assert_eq!(storage.view(5000, 0, Some(&view)).unwrap().bytes(4999, 1), Some(&[7][..]));
    }

    fn map_of(view: &View) -> &Arc<FileMap> {
        match view {
            View::Map { map, .. } => map,
            _ => panic!("a view of a file"),
        }
    }

    #[test]
    fn growth_within_the_map_keeps_it_and_growth_beyond_leaves_the_old_view_in_place() {
        let directory = directory();
        let storage = opened(&directory, &[1; 16 << 10]);
        let first = storage.view(16 << 10, 0, None).unwrap();
        storage.grow(32 << 10).unwrap();
        storage.write_at(&[IoSlice::new(&[2; 16 << 10])], 16 << 10).unwrap();
        let second = storage.view(32 << 10, 1 << 30, Some(&first)).unwrap();
        assert!(Arc::ptr_eq(map_of(&first), map_of(&second)));
        assert!(second.bytes(16 << 10, 16 << 10).unwrap().iter().all(|&byte| byte == 2));
        second.set_pattern(super::super::Advice::Random).unwrap();
        let bytes = first.bytes(0, 16 << 10).unwrap();
        storage.grow(100 << 10).unwrap();
        let third = storage.view(100 << 10, 0, Some(&second)).unwrap();
        assert!(!Arc::ptr_eq(map_of(&second), map_of(&third)));
        assert_eq!(map_of(&third).capacity(), 128 << 10);
        assert_eq!(map_of(&third).pattern(), Some(super::super::Advice::Random));
        assert!(bytes.iter().all(|&byte| byte == 1));
        drop(second);
        assert_eq!(first.bytes(0, 16 << 10).unwrap().as_ptr(), bytes.as_ptr());
        assert!(first.bytes(16 << 10, 1).is_none());
        let ahead = storage.view(100 << 10, 5 << 30, None).unwrap();
        assert_eq!(map_of(&ahead).capacity(), 5 << 30);
    }

    #[test]
    fn a_view_takes_advice_and_can_be_locked_in_memory() {
        let directory = directory();
        let storage = opened(&directory, &[1; 16 << 10]);
        let view = storage.view(16 << 10, 0, None).unwrap();
        view.advise(super::super::Advice::WillNeed, 4096, 4096).unwrap();
        view.lock_memory().unwrap();
        view.unlock_memory().unwrap();
        let memory = super::super::memory::MemoryStorage::new();
        let view = memory.view(0, 0, None).unwrap();
        view.advise(super::super::Advice::WillNeed, 0, 4096).unwrap();
        view.set_pattern(super::super::Advice::Random).unwrap();
        view.lock_memory().unwrap();
        view.unlock_memory().unwrap();
    }
}
