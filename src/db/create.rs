//! A new database: its first four pages, and how they get a name.
//!
//! A file with a name appears whole or not at all: it is written and synced without one, then linked, then
//! its directory is synced. bbolt writes the pages in place, so a crash in its middle leaves a torn file that
//! it cannot open again; such a file, and one of length 0, is begun afresh here. Only a file that holds
//! nothing but parts of those first pages is taken for torn.
//!
//! N1. What is begun afresh stays a part of the first pages of one page size, whichever of its sectors reach
//! the disk: after a second crash it is begun afresh again. So a torn file keeps the page size that it was to
//! have.

use std::io::IoSlice;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::builder::PageBuilder;
use crate::format::meta::Meta;
use crate::format::page::Kind;
use crate::format::{MAX_PAGE_SIZE, MIN_PAGE_SIZE, PageId, freelist};
use crate::storage::{Namespace, Storage, sys};

/// A new file has two metas, an empty freelist and the empty leaf of the root bucket.
const PAGE_COUNT: usize = 4;
const FREELIST: PageId = 2;
const ROOT: PageId = 3;

/// The bytes of a new file, as bbolt writes them.
pub fn image(page_size: u32) -> Result<Vec<u8>> {
    let len = page_size as usize;
    let mut image = Vec::new();
    image.try_reserve_exact(PAGE_COUNT * len)?;
    image.resize(PAGE_COUNT * len, 0);
    for (id, page) in image.chunks_exact_mut(len).enumerate() {
        let id = id as PageId;
        let written = match id {
            FREELIST => freelist::encode(page, id, 0, 0, std::iter::empty()),
            ROOT => PageBuilder::new(page, id, Kind::Leaf, 0, 0).and_then(PageBuilder::finish),
            slot => put_meta(page, page_size, slot),
        };
        written.ok_or_else(|| Error::Panic("a page has room for its header".into()))?;
    }
    Ok(image)
}

fn put_meta(page: &mut [u8], page_size: u32, slot: PageId) -> Option<()> {
    let high_water = PAGE_COUNT as PageId;
    let meta =
        Meta { page_size, flags: 0, root: ROOT, sequence: 0, freelist: FREELIST, high_water, txid: slot };
    let bytes = meta.encode(slot);
    page.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    Some(())
}

/// Makes a new file under the name `path`. `None` where the name is taken by then; what is there was not
/// touched.
pub fn create(
    names: &dyn Namespace,
    path: &Path,
    mode: u32,
    page_size: u32,
) -> Result<Option<Box<dyn Storage>>> {
    let storage = names.create_unnamed(path, mode)?;
    storage.lock(true, Some(Duration::ZERO))?;
    begin_afresh(&*storage, page_size)?;
    if !storage.link(path)? {
        return Ok(None);
    }
    names.sync_directory(path)?;
    storage.acknowledge();
    Ok(Some(storage))
}

/// A file that holds nothing but parts of a new one.
pub struct Unborn {
    /// The page size that it was to have; any would do where all of it is zero.
    pub page_size: u32,
    /// Whether nothing is missing.
    pub is_whole: bool,
}

/// Whether the file is empty, or what a crash during creation leaves: no more than the first pages, each byte
/// either zero or as it should become (a sector may be torn within). Of several page sizes that it could
/// have, `wanted` is preferred.
pub fn find_unborn(storage: &dyn Storage, len: u64, wanted: u32) -> Result<Option<Unborn>> {
    if len > PAGE_COUNT as u64 * u64::from(MAX_PAGE_SIZE) {
        return Ok(None);
    }
    let mut content = Vec::new();
    content.try_reserve_exact(len as usize)?;
    content.resize(len as usize, 0);
    if storage.read_at(&mut content, 0)? != content.len() {
        return Err(Error::os("reading a new file", sys::unreadable()));
    }
    let all = (MIN_PAGE_SIZE.ilog2()..=MAX_PAGE_SIZE.ilog2()).map(|shift| 1 << shift);
    for page_size in std::iter::once(wanted).chain(all) {
        let image = image(page_size)?;
        if content.len() <= image.len() && is_part_of(&content, &image) {
            return Ok(Some(Unborn { page_size, is_whole: content == image }));
        }
    }
    Ok(None)
}

fn is_part_of(content: &[u8], image: &[u8]) -> bool {
    content.iter().zip(image).all(|(&byte, &wanted)| byte == 0 || byte == wanted)
}

/// Writes the first pages of an empty or unborn file, in place, and makes them durable. The caller holds the
/// exclusive lock.
pub fn begin_afresh(storage: &dyn Storage, page_size: u32) -> Result<()> {
    let image = image(page_size)?;
    storage.grow(image.len() as u64)?;
    storage.write_at(&[IoSlice::new(&image)], 0)?;
    storage.sync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::MemoryStorage;

    fn found(content: Vec<u8>, wanted: u32) -> Option<Unborn> {
        let len = content.len() as u64;
        find_unborn(&MemoryStorage::from_bytes(content).unwrap(), len, wanted).unwrap()
    }

    fn unborn(content: Vec<u8>) -> bool {
        found(content, 4096).is_some()
    }

    #[test]
    fn a_new_file_is_what_go_writes() {
        let image = image(4096).unwrap();
        assert_eq!(image.len(), 16384);
        assert_eq!(Meta::decode(&image).unwrap().txid, 0);
        assert_eq!(Meta::decode(&image[4096..]).unwrap().txid, 1);
        assert_eq!(image[8192..8208], [2, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(image[12288..12304], [3, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn only_what_a_crash_during_creation_leaves_is_begun_afresh() {
        let whole = image(4096).unwrap();
        assert!(unborn(Vec::new()));
        assert!(unborn(vec![0; 16384]));
        assert!(unborn(vec![0; 4 * 65536]));
        assert!(unborn(image(65536).unwrap()[..4 * 65536 - 1].to_vec()));
        for cut in [1, 511, 512, 4096, 5000, 16383] {
            assert!(unborn(whole[..cut].to_vec()), "{cut}");
        }
        let mut torn = whole.clone();
        torn[..512].fill(0);
        torn[4096..4608].fill(0);
        assert!(unborn(torn));
        let mut garbled = whole.clone();
        garbled[4096..4608].fill(0xAA);
        assert!(!unborn(garbled));
        let mut other = whole.clone();
        other[13000] = 1;
        assert!(!unborn(other));
        assert!(!unborn([whole.clone(), vec![0; 4096]].concat()[..16385].to_vec()));
        assert!(!unborn(b"a text file".to_vec()));
        assert!(!unborn(vec![0; 4 * 65536 + 1]));
    }

    #[test]
    fn a_torn_file_keeps_the_page_size_that_it_was_to_have() {
        let page_size = |content: &[u8], wanted| found(content.to_vec(), wanted).unwrap().page_size;
        assert_eq!(page_size(&[], 1024), 1024);
        assert_eq!(page_size(&[0; 4096], 1024), 1024);
        assert_eq!(page_size(&[0; 4097], 1024), 2048);
        let whole = image(2048).unwrap();
        for wanted in [1024, 2048, 4096] {
            assert_eq!(page_size(&whole[..5000], wanted), 2048);
            assert!(found(whole.clone(), wanted).unwrap().is_whole);
            assert!(!found(whole[..8191].to_vec(), wanted).unwrap().is_whole);
        }
    }
}
