//! Opening a file: which page size it has, which of its metas is adopted, whether it can live up to it.
//!
//! O1. A meta page that cannot be read is no damaged one: it may hold the last commit that was acknowledged.
//! An opening for writing ends with that error, because its first commit would go over it; an opening for
//! reading only takes the other meta's state, and says so.
//! O2. A file that is whole but was never committed to is written once more, the same bytes, by whoever opens
//! it for writing, and its directory is synced: the one who made it may have died or failed before that.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::meta::{META_LEN, Meta};
use crate::format::{FIRST_PAGE, MAX_READ_PAGE_SIZE, MIN_PAGE_SIZE, NO_FREELIST, PageId, TXID_LIMIT};
use crate::storage::reading::{ReadLimits, ReadView};
use crate::storage::{Namespace, Storage, View, sys};
use crate::txn::{
    Adopted, KnownPages, Level, Residence, Settings, Shared, SharedOptions, Snapshot, TxnStats, Writer,
    free_pages,
};

use super::create;
use super::options::Options;

/// The newer of a new file's metas has this one: a file that has gone further was whole once.
const CREATION_TXID: u64 = 1;

/// Opens the file `path` of `names`, and makes it where it is missing.
pub fn open(names: &dyn Namespace, path: &Path, options: &Options, system_page_size: u32) -> Result<Shared> {
    options.check()?;
    let page_size = options.new_page_size(system_page_size);
    loop {
        if let Some(storage) = names.open(path, options.read_only)? {
            storage.lock(!options.read_only, options.lock_timeout)?;
            let found = begin_if_unborn(&*storage, options, page_size)?;
            if found != Found::Used {
                names.sync_directory(path)?;
            }
            return adopt_old(storage, options, found);
        }
        if options.read_only {
            return Err(Error::os(format!("cannot open {}", path.display()), sys::no_such_file()));
        }
        if let Some(storage) = create::create(names, path, options.file_mode, page_size)? {
            return adopt(storage, options, true);
        }
    }
}

/// What a file was found to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A database; or a new one, opened for reading only.
    Used,
    /// A new one that was whole, and is durable now (O2).
    Whole,
    /// A new one that was not; it was begun afresh.
    Torn,
}

/// Begins a locked file afresh if nobody has ever committed to it. A meta that is sound does not say that it
/// is whole: the pages behind it may be missing.
fn begin_if_unborn(storage: &dyn Storage, options: &Options, page_size: u32) -> Result<Found> {
    let len = storage.len()?;
    let meta = find_meta(storage, len, options.read_only);
    match &meta {
        Ok((meta, ..)) if meta.txid > CREATION_TXID => return Ok(Found::Used),
        Err(Error::Os { .. }) => return meta.map(|_| Found::Used),
        _ => {}
    }
    match create::find_unborn(storage, len, page_size) {
        Ok(Some(unborn)) if options.read_only => match meta {
            _ if unborn.is_whole => Ok(Found::Used),
            Ok(_) => Err(Error::Invalid("its creation was cut short".into())),
            Err(error) => Err(error),
        },
        Ok(Some(unborn)) => {
            create::begin_afresh(storage, unborn.page_size)?;
            Ok(if unborn.is_whole { Found::Whole } else { Found::Torn })
        }
        Err(Error::Os { .. }) if options.read_only && meta.is_ok() => Ok(Found::Used),
        Ok(None) => meta.map(|_| Found::Used),
        Err(error) => Err(error),
    }
}

/// Opens the file behind a descriptor.
pub fn open_descriptor(
    storage: Box<dyn Storage>,
    options: &Options,
    system_page_size: u32,
) -> Result<Shared> {
    options.check()?;
    storage.lock(!options.read_only, options.lock_timeout)?;
    let found = begin_if_unborn(&*storage, options, options.new_page_size(system_page_size))?;
    adopt_old(storage, options, found)
}

/// Adopts a file that was there before, and says so where it had to be begun afresh.
fn adopt_old(storage: Box<dyn Storage>, options: &Options, found: Found) -> Result<Shared> {
    let shared = adopt(storage, options, found != Found::Used)?;
    if found == Found::Torn {
        shared.log.keep(
            Level::Warning,
            "the file was empty, or its creation had been cut short: it was begun afresh".into(),
        );
    }
    Ok(shared)
}

/// Begins a new database in a file without a name.
pub fn begin(storage: Box<dyn Storage>, options: &Options, system_page_size: u32) -> Result<Shared> {
    options.check()?;
    storage.lock(true, options.lock_timeout)?;
    create::begin_afresh(&*storage, options.new_page_size(system_page_size))?;
    adopt(storage, options, true)
}

/// The first view of the file, by a map or by reading, and the set of its pages that are known.
fn first_view(
    storage: &Arc<dyn Storage>,
    meta: &Meta,
    len: u64,
    options: &Options,
) -> Result<(View, KnownPages)> {
    if !options.no_map {
        let ahead = len.max(options.initial_map_len);
        return Ok((storage.view(len, ahead, None)?, KnownPages::default()));
    }
    let limits = ReadLimits { cache_max: options.cache_len, lent_max: options.lent_len };
    let view = ReadView::new(storage.clone(), len, u64::from(meta.page_size), limits)?;
    Ok((View::Reading(view), KnownPages::none()))
}

/// Makes the newest meta of a locked file the state with which the database opens.
pub fn adopt(storage: Box<dyn Storage>, options: &Options, is_new: bool) -> Result<Shared> {
    let len = storage.len()?;
    let storage: Arc<dyn Storage> = storage.into();
    let (meta, slot, damage) = find_meta(&*storage, len, options.read_only)?;
    let (view, known) = first_view(&storage, &meta, len, options)?;
    let residence = Residence { populate: options.populate, lock: options.lock_memory };
    residence.settle(&view, None)?;
    let snapshot = Snapshot::new(meta, view, Arc::new(known));
    let adopted = if is_new { None } else { Some(Adopted { slot, is_alone: damage.is_some() }) };
    let freelist = if options.load_free_pages { Some(free_pages::load(&snapshot)?) } else { None };
    let writer = Writer {
        freelist,
        adopted,
        has_committed: false,
        is_synced: false,
        file_len: len,
        buffer: Vec::new(),
        stats: TxnStats::default(),
    };
    let settings = Settings::default();
    settings.set_no_sync(options.no_sync);
    settings.set_freelist_mode(options.freelist_mode);
    settings.set_fill_percent(options.fill_percent);
    settings.set_max_len(options.max_len);
    settings.set_room_max(options.room_max);
    settings.set_strict(options.strict);
    let shared = SharedOptions {
        settings,
        bbolt_rules: options.bbolt_rules,
        read_only: options.read_only,
        initial_map_len: options.initial_map_len,
        residence,
    };
    let shared = Shared::new(storage, snapshot, writer, shared);
    let (page_size, txid) = (meta.page_size, meta.txid);
    if let Some(damage) = damage {
        let text = format!("meta page {} cannot be used ({damage}): the other one's state is open", 1 - slot);
        shared.log.keep(Level::Warning, text);
    }
    let text =
        format!("open at transaction {txid}: {len} bytes, {} pages of {page_size} bytes", meta.high_water);
    shared.log.keep(Level::Info, text);
    Ok(shared)
}

/// The newest meta that is sound, the slot in which it stands, and what is wrong with the other one.
///
/// Both slots are candidates, newest first; with equal ids the first slot wins, as in bbolt. A meta whose
/// checksum holds was written whole, so one that the file cannot live up to is an error and no reason to fall
/// back. So is one of a false page size, behind which the second may be sound: nothing tells which of the two
/// lies, and bbolt believes the first. Nor is one that cannot be read a reason (O1).
fn find_meta(storage: &dyn Storage, len: u64, read_only: bool) -> Result<(Meta, PageId, Option<Error>)> {
    let legible = |meta: Result<Meta>| match meta {
        Err(error @ Error::Os { .. }) if !read_only => Err(error),
        meta => Ok(meta),
    };
    let first = legible(read_meta(storage, 0, len))?;
    let second = legible(match &first {
        Ok(meta) => read_meta(storage, u64::from(meta.page_size), len),
        Err(_) => search_second(storage, len, read_only),
    })?;
    let candidates = [(first, 0), (second, 1)];
    let newest = candidates.iter().filter_map(|(meta, slot)| Some((*meta.as_ref().ok()?, *slot)));
    match newest.max_by_key(|(meta, slot)| (meta.txid, 1 - slot)) {
        Some((meta, slot)) => {
            check_meta(&meta, len)?;
            let damage = candidates.into_iter().find_map(|(meta, _)| meta.err());
            Ok((meta, slot, damage))
        }
        None => {
            let [(first, _), (second, _)] = candidates;
            Err(no_meta(first.err(), second.err(), len))
        }
    }
}

/// The error of a file of which neither meta is sound: the first one's, unless the second says more.
fn no_meta(first: Option<Error>, second: Option<Error>, len: u64) -> Error {
    if len < 2 * u64::from(MIN_PAGE_SIZE) && !matches!(first, Some(Error::Endian | Error::Version(_))) {
        return Error::TooShort { len };
    }
    match (first, second) {
        (Some(Error::Invalid(_)), Some(error @ (Error::Checksum(_) | Error::Version(_)))) => error,
        (Some(Error::Checksum(_)), _) => Error::Checksum("neither checksum matches".into()),
        (Some(error), _) => error,
        (None, _) => Error::Invalid("it has no meta page".into()),
    }
}

/// The meta at `offset` of a file of `file_len` bytes.
fn read_meta(storage: &dyn Storage, offset: u64, file_len: u64) -> Result<Meta> {
    let mut bytes = [0; META_LEN];
    let len = storage.read_at(&mut bytes, offset)?;
    if (len as u64) < file_len.saturating_sub(offset).min(META_LEN as u64) {
        return Err(Error::os("reading a meta page", sys::unreadable()));
    }
    Meta::decode(bytes.get(..len).unwrap_or_default())
}

/// The second meta of a file whose first is damaged: at each page size in turn, as bbolt looks for it. A
/// place that cannot be read may be the one (O1).
fn search_second(storage: &dyn Storage, len: u64, read_only: bool) -> Result<Meta> {
    let mut last = Err(Error::Invalid("it has no meta page".into()));
    let mut page_size = MIN_PAGE_SIZE;
    while page_size <= MAX_READ_PAGE_SIZE && u64::from(page_size) + META_LEN as u64 <= len {
        match read_meta(storage, u64::from(page_size), len) {
            Ok(meta) if meta.page_size == page_size => return Ok(meta),
            Err(error @ Error::Os { .. }) if !read_only => return Err(error),
            Err(error @ (Error::Os { .. } | Error::Checksum(_) | Error::Version(_))) => last = Err(error),
            _ => {}
        }
        page_size *= 2;
    }
    last
}

/// Whether a file of `len` bytes can live up to the meta.
fn check_meta(meta: &Meta, len: u64) -> Result<()> {
    let page_size = meta.page_size;
    if !page_size.is_power_of_two() || !(MIN_PAGE_SIZE..=MAX_READ_PAGE_SIZE).contains(&page_size) {
        return Err(Error::Incompatible(format!("its page size is {page_size} bytes").into()));
    }
    if meta.txid >= TXID_LIMIT {
        return Err(Error::corrupt(meta.slot(), "the transaction id has run out"));
    }
    let Some(expected) = meta.high_water.checked_mul(u64::from(page_size)) else {
        return Err(Error::corrupt(meta.slot(), "the high water is out of reach"));
    };
    if expected > len {
        return Err(Error::Truncated { len, expected });
    }
    let pages = FIRST_PAGE..meta.high_water;
    if !pages.contains(&meta.root) {
        return Err(Error::corrupt(meta.slot(), "the root page lies outside the database"));
    }
    if meta.freelist != NO_FREELIST && (!pages.contains(&meta.freelist) || meta.freelist == meta.root) {
        return Err(Error::corrupt(meta.slot(), "the freelist lies outside the database"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStorage;

    #[test]
    fn a_part_of_a_meta_is_an_error_of_the_disk_where_the_file_has_more_and_no_meta_where_it_has_not() {
        for len in [0, 1, META_LEN - 1] {
            let storage = MemoryStorage::from_bytes(vec![0; len]).unwrap();
            let read = |file_len| read_meta(&storage, 0, file_len).unwrap_err();
            assert!(
                matches!(read(4096), Error::Os { .. }) && matches!(read(len as u64 + 1), Error::Os { .. })
            );
            assert!(!matches!(read(len as u64), Error::Os { .. }));
        }
    }
}
