//! Backups and compaction: a new file that appears under its name as a whole or not at all.
//!
//! Success means that the name is durable, too. After an error, or the death of the process, the name may lead
//! to the copy until the power fails and no longer: the copy is to be made again before it is relied on.

use std::io::IoSlice;
use std::path::Path;

use crate::error::{Error, Result};
use crate::storage::file::write_to_descriptor;
use crate::storage::{Namespace, Storage, file_system};
use crate::txn::Txn;

/// How a backup is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackupOptions {
    /// Replace a file that has the name; otherwise that is `Exists`.
    pub replace: bool,
    /// The permission bits of the new file, before the umask; 0: the owner's alone.
    pub file_mode: u32,
}

/// What a backup was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupInfo {
    /// Its length in bytes.
    pub len: u64,
    /// The CRC-32 (ISO 3309, as in gzip) of all its bytes.
    pub crc32: u32,
}

const DEFAULT_FILE_MODE: u32 = 0o600;

/// Writes what `txn` sees into the new file `path`. `progress` gets the bytes done and the bytes in all; its
/// error ends the backup and comes back, and no file appears. `Exists`; `Argument` where the file is the
/// database's own.
pub fn backup<E: From<Error>>(
    txn: &Txn,
    path: &Path,
    options: BackupOptions,
    progress: impl FnMut(u64, u64) -> std::result::Result<(), E>,
) -> std::result::Result<BackupInfo, E> {
    backup_in(&*file_system(true, true), txn, path, options, progress)
}

/// As [`backup`], into a file of `names`.
pub fn backup_in<E: From<Error>>(
    names: &dyn Namespace,
    txn: &Txn,
    path: &Path,
    options: BackupOptions,
    progress: impl FnMut(u64, u64) -> std::result::Result<(), E>,
) -> std::result::Result<BackupInfo, E> {
    check_target(names, txn, path, options.replace)?;
    let mode = if options.file_mode == 0 { DEFAULT_FILE_MODE } else { options.file_mode };
    let storage = names.create_unnamed(path, mode)?;
    storage.grow(txn.len())?;
    let mut offset = 0;
    let info = stream(txn, progress, |bytes| {
        storage.write_at(&[IoSlice::new(bytes)], offset)?;
        offset += bytes.len() as u64;
        Ok(())
    })?;
    publish(names, &*storage, path, options.replace)?;
    Ok(info)
}

/// Refuses a path under which the copy of `txn` could not appear in the end, before anything is written.
pub(super) fn check_target(names: &dyn Namespace, txn: &Txn, path: &Path, replace: bool) -> Result<()> {
    match (replace, names.exists(path)) {
        (false, true) => Err(Error::Exists),
        (true, true) if txn.is_in_file(path) => {
            Err(Error::Argument("the database's own file cannot be replaced"))
        }
        _ => Ok(()),
    }
}

/// Makes an unnamed file durable and gives it its name.
pub(super) fn publish(
    names: &dyn Namespace,
    storage: &dyn Storage,
    path: &Path,
    replace: bool,
) -> Result<()> {
    storage.sync()?;
    if replace {
        storage.replace(path)?;
    } else if !storage.link(path)? {
        return Err(Error::Exists);
    }
    names.sync_directory(path)
}

/// Writes what `txn` sees to a descriptor, from its position on. It may be a pipe.
pub fn backup_to_descriptor<E: From<Error>>(
    txn: &Txn,
    fd: i32,
    progress: impl FnMut(u64, u64) -> std::result::Result<(), E>,
) -> std::result::Result<BackupInfo, E> {
    stream(txn, progress, |bytes| Ok(write_to_descriptor(fd, bytes)?))
}

/// Gives what `txn` sees to `write`, counting and summing.
pub fn stream<E: From<Error>>(
    txn: &Txn,
    mut progress: impl FnMut(u64, u64) -> std::result::Result<(), E>,
    mut write: impl FnMut(&[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<BackupInfo, E> {
    let mut crc = crc32fast::Hasher::new();
    let mut len = 0;
    txn.write_to(|bytes| {
        write(bytes)?;
        crc.update(bytes);
        len += bytes.len() as u64;
        progress(len, txn.len())
    })?;
    Ok(BackupInfo { len, crc32: crc.finalize() })
}
