//! A database file as bytes, to be damaged in a chosen place.
//!
//! Positions are those of the format: a page, an element of it, a field of the element. Nothing here is
//! checked, so that anything can be written; the meta page alone gets its checksum anew.

use std::ops::Range;
use std::path::Path;

use bolt::format::bucket::BucketHeader;
use bolt::format::bytes::{put_u16, put_u32, put_u64, u16_at, u32_at, u64_at};
use bolt::format::meta::{META_LEN, Meta};
use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, FindingCode, Options, Severity};

/// The flags of a branch page, and of a leaf.
pub const BRANCH: u16 = 1;
pub const LEAF: u16 = 2;
/// Where a page header has its fields.
pub const ID: usize = 0;
pub const KIND: usize = 8;
pub const COUNT: usize = 10;
pub const OVERFLOW: usize = 12;

const HEADER_LEN: usize = 16;
const ELEMENT_LEN: usize = 16;

/// What the checker said, without the reference to its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub severity: Severity,
    pub code: FindingCode,
    pub page: u64,
    pub text: String,
}

/// All that the checker finds in the newest state of `db`.
pub fn findings_of(db: &Db, options: CheckOptions) -> Vec<Found> {
    let mut all = Vec::new();
    let txn = db.begin_read().unwrap();
    let count = txn.check(options, |finding| {
        let text = finding.text.to_owned();
        all.push(Found { severity: finding.severity, code: finding.code, page: finding.page, text });
        Ok(())
    });
    assert_eq!(count.unwrap(), all.len() as u64);
    all
}

/// A database file in memory.
#[derive(Clone)]
pub struct Image {
    pub bytes: Vec<u8>,
    page_size: usize,
}

impl Image {
    /// The content of a sound file.
    pub fn new(bytes: Vec<u8>) -> Image {
        let page_size = Meta::decode(&bytes).unwrap().page_size as usize;
        Image { bytes, page_size }
    }

    /// Reads a sound file.
    pub fn read(path: &Path) -> Image {
        Image::new(std::fs::read(path).unwrap())
    }

    pub fn page_size(&self) -> usize {
        self.page_size
    }

    /// The newest meta, and its slot.
    pub fn newest(&self) -> (Meta, u64) {
        let meta = |slot| Some((Meta::decode(self.page(slot)).ok()?, slot));
        [0, 1].into_iter().filter_map(meta).max_by_key(|(meta, slot)| (meta.txid, 1 - slot)).unwrap()
    }

    pub fn meta(&self) -> Meta {
        self.newest().0
    }

    /// Changes the newest meta and gives it its checksum.
    pub fn edit_meta(&mut self, edit: impl FnOnce(&mut Meta)) {
        let (mut meta, slot) = self.newest();
        edit(&mut meta);
        let start = slot as usize * self.page_size;
        self.bytes[start..start + META_LEN].copy_from_slice(&meta.encode(slot));
    }

    /// The bytes from the page on.
    pub fn page(&self, id: u64) -> &[u8] {
        &self.bytes[id as usize * self.page_size..]
    }

    pub fn page_mut(&mut self, id: u64) -> &mut [u8] {
        &mut self.bytes[id as usize * self.page_size..]
    }

    pub fn kind(&self, id: u64) -> u16 {
        u16_at(self.page(id), KIND).unwrap()
    }

    pub fn count(&self, id: u64) -> usize {
        usize::from(u16_at(self.page(id), COUNT).unwrap())
    }

    pub fn overflow(&self, id: u64) -> u32 {
        u32_at(self.page(id), OVERFLOW).unwrap()
    }

    pub fn set_u16(&mut self, id: u64, offset: usize, value: u16) {
        put_u16(self.page_mut(id), offset, value).unwrap();
    }

    pub fn set_u32(&mut self, id: u64, offset: usize, value: u32) {
        put_u32(self.page_mut(id), offset, value).unwrap();
    }

    pub fn set_u64(&mut self, id: u64, offset: usize, value: u64) {
        put_u64(self.page_mut(id), offset, value).unwrap();
    }

    /// Where the fields of an element are, from the head of its page: flags (of a leaf), pos, length of the
    /// key, and of the value (of a leaf), child (of a branch).
    pub fn field(&self, id: u64, index: usize, name: &str) -> usize {
        let within = match (self.kind(id), name) {
            (LEAF, "flags") | (BRANCH, "pos") => 0,
            (LEAF, "pos") | (BRANCH, "key_len") => 4,
            (LEAF, "key_len") | (BRANCH, "child") => 8,
            (LEAF, "value_len") => 12,
            _ => panic!("no field {name} on page {id}"),
        };
        HEADER_LEN + ELEMENT_LEN * index + within
    }

    fn u32_field(&self, id: u64, index: usize, name: &str) -> usize {
        u32_at(self.page(id), self.field(id, index, name)).unwrap() as usize
    }

    pub fn set_field(&mut self, id: u64, index: usize, name: &str, value: u32) {
        self.set_u32(id, self.field(id, index, name), value);
    }

    pub fn child(&self, id: u64, index: usize) -> u64 {
        u64_at(self.page(id), self.field(id, index, "child")).unwrap()
    }

    pub fn set_child(&mut self, id: u64, index: usize, child: u64) {
        self.set_u64(id, self.field(id, index, "child"), child);
    }

    /// Where the key of an element lies, from the head of its page.
    pub fn key_range(&self, id: u64, index: usize) -> Range<usize> {
        let start = HEADER_LEN + ELEMENT_LEN * index + self.u32_field(id, index, "pos");
        start..start + self.u32_field(id, index, "key_len")
    }

    pub fn key(&self, id: u64, index: usize) -> &[u8] {
        &self.page(id)[self.key_range(id, index)]
    }

    pub fn key_mut(&mut self, id: u64, index: usize) -> &mut [u8] {
        let range = self.key_range(id, index);
        &mut self.page_mut(id)[range]
    }

    /// Where the value of a leaf's element lies, from the head of its page.
    pub fn value_range(&self, id: u64, index: usize) -> Range<usize> {
        let start = self.key_range(id, index).end;
        start..start + self.u32_field(id, index, "value_len")
    }

    /// The leaf below `root` that has the key, and its index there.
    pub fn find(&self, root: u64, key: &[u8]) -> (u64, usize) {
        let mut id = root;
        while self.kind(id) == BRANCH {
            let below = (0..self.count(id)).filter(|&index| self.key(id, index) <= key).count();
            id = self.child(id, below.saturating_sub(1));
        }
        let index = (0..self.count(id)).find(|&index| self.key(id, index) == key).unwrap();
        (id, index)
    }

    /// The root page of the bucket that is an element of a leaf; 0 where it is inline.
    pub fn element_root(&self, id: u64, index: usize) -> u64 {
        BucketHeader::decode(&self.page(id)[self.value_range(id, index)]).unwrap().root
    }

    /// The root page of a bucket, by the names that lead to it. None of them may be inline.
    pub fn bucket_root(&self, names: &[&str]) -> u64 {
        names.iter().fold(self.meta().root, |root, name| {
            let (id, index) = self.find(root, name.as_bytes());
            self.element_root(id, index)
        })
    }

    /// The pages below `root` in the order of their keys, the leaves alone.
    pub fn leaves(&self, root: u64) -> Vec<u64> {
        if self.kind(root) == LEAF {
            return vec![root];
        }
        (0..self.count(root)).flat_map(|index| self.leaves(self.child(root, index))).collect()
    }

    /// The ids that the freelist page names.
    pub fn free_ids(&self) -> Vec<u64> {
        let list = self.meta().freelist;
        (0..self.count(list)).map(|index| u64_at(self.page(list), HEADER_LEN + 8 * index).unwrap()).collect()
    }

    /// Writes one entry of the freelist page.
    pub fn set_free_id(&mut self, index: usize, id: u64) {
        self.set_u64(self.meta().freelist, HEADER_LEN + 8 * index, id);
    }

    /// Opens the image for reading, in memory.
    pub fn open(&self) -> bolt::Result<Db> {
        let names = MemoryNamespace::new();
        let path = Path::new("/image.db");
        names.insert(path, self.bytes.clone()).unwrap();
        Db::open_in(&names, path, &Options { read_only: true, ..super::options() })
    }

    /// All that the checker finds.
    pub fn findings(&self) -> Vec<Found> {
        findings_of(&self.open().unwrap(), CheckOptions::default())
    }

    /// The kinds and the pages of all that the checker finds.
    pub fn codes(&self) -> Vec<(FindingCode, u64)> {
        self.findings().iter().map(|found| (found.code, found.page)).collect()
    }
}
