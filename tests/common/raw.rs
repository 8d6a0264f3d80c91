//! A database as its bytes have it, read without the engine: the metas, the free pages, and whether each page
//! has exactly one use. Also the ways to damage such bytes, and to build a file by hand.

use std::collections::BTreeSet;

use bolt::format::bucket::BucketHeader;
use bolt::format::builder::PageBuilder;
use bolt::format::bytes::{fnv1a, put_u64, u64_at};
use bolt::format::meta::{META_LEN, Meta};
use bolt::format::page::{Header, Kind, Page};
use bolt::format::{MAX_DEPTH, NO_FREELIST, PageId, freelist};

/// Both metas, each where it is sound.
pub fn metas(bytes: &[u8]) -> [Option<Meta>; 2] {
    let first = Meta::decode(bytes).ok();
    let page_sizes =
        first.map_or((10..=24).map(|shift| 1 << shift).collect(), |meta| vec![meta.page_size as usize]);
    let second = page_sizes.iter().find_map(|&page_size| Meta::decode(bytes.get(page_size..)?).ok());
    [first, second]
}

/// The slot of the newest meta, and the meta.
pub fn newest(bytes: &[u8]) -> (usize, Meta) {
    let sound = metas(bytes).into_iter().enumerate().filter_map(|(slot, meta)| Some((slot, meta?)));
    sound.max_by_key(|(slot, meta)| (meta.txid, 1 - slot)).expect("a sound meta")
}

/// The ids of the list that the newest meta names; `None` where it names none.
pub fn free_ids(bytes: &[u8]) -> Option<Vec<PageId>> {
    let meta = newest(bytes).1;
    let run = run(bytes, &meta, meta.freelist)?;
    Some(freelist::decode(run, meta.freelist, meta.high_water).unwrap().map(Result::unwrap).collect())
}

/// Flips bits of the checksum of the meta in `slot`.
pub fn damage_meta(bytes: &mut [u8], slot: usize) {
    let page_size = newest(bytes).1.page_size as usize;
    bytes[slot * page_size + META_LEN - 1] ^= 0x55;
}

/// The bytes with the newest meta damaged, as a lost or torn write of it leaves them.
pub fn without_newest_meta(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let slot = newest(&bytes).0;
    damage_meta(&mut bytes, slot);
    bytes
}

/// Changes the meta struct in `slot` and makes its checksum right again. Offsets count from the struct's
/// first byte.
pub fn edit_meta(bytes: &mut [u8], slot: usize, edit: impl FnOnce(&mut [u8])) {
    let start = slot * newest(bytes).1.page_size as usize + 16;
    let meta = &mut bytes[start..start + 64];
    edit(meta);
    let checksum = fnv1a(&meta[..56]);
    put_u64(meta, 56, checksum).unwrap();
}

fn run<'a>(bytes: &'a [u8], meta: &Meta, id: PageId) -> Option<&'a [u8]> {
    if id == NO_FREELIST {
        return None;
    }
    let page_size = meta.page_size as usize;
    let start = id as usize * page_size;
    let page_count = Header::decode(&bytes[start..]).unwrap().overflow as usize + 1;
    assert!(id + page_count as u64 <= meta.high_water, "run {id} passes the high water");
    Some(&bytes[start..start + page_count * page_size])
}

/// What the pages of one state of a file are used for.
pub struct Pages {
    /// Those of the tree of buckets.
    pub tree: BTreeSet<PageId>,
    /// Those of the freelist.
    pub list: BTreeSet<PageId>,
    /// Those that the list names; empty where there is no list.
    pub free: BTreeSet<PageId>,
}

impl Pages {
    /// Whether the state can see the page.
    pub fn sees(&self, id: PageId) -> bool {
        self.tree.contains(&id) || self.list.contains(&id)
    }
}

/// Panics unless the newest state is sound: all that Go relies on when it writes to the file later.
pub fn assert_sound_file(bytes: &[u8]) -> Pages {
    assert_sound_state(bytes, &newest(bytes).1)
}

/// As [`assert_sound_file`], of the state that `meta` describes.
pub fn assert_sound_state(bytes: &[u8], meta: &Meta) -> Pages {
    assert!(meta.high_water * u64::from(meta.page_size) <= bytes.len() as u64, "the file is too short");
    let mut pages = Pages { tree: walk(bytes, meta), list: BTreeSet::new(), free: BTreeSet::new() };
    if let Some(list) = run(bytes, meta, meta.freelist) {
        let page_count = (list.len() / meta.page_size as usize) as u64;
        pages.list.extend(meta.freelist..meta.freelist + page_count);
        let mut previous = 0;
        for id in freelist::decode(list, meta.freelist, meta.high_water).unwrap() {
            let id = id.unwrap();
            assert!(id > previous, "the freelist does not ascend at {id}");
            pages.free.insert(id);
            previous = id;
        }
        for id in 2..meta.high_water {
            let uses = [&pages.tree, &pages.list, &pages.free].iter().filter(|set| set.contains(&id)).count();
            assert_eq!(uses, 1, "page {id} of transaction {} has {uses} uses", meta.txid);
        }
    }
    pages
}

/// A page still to be entered, and what its parent says of its keys.
struct Pending {
    id: PageId,
    first_key: Option<Vec<u8>>,
    upper: Option<Vec<u8>>,
    depth: usize,
}

/// The pages of all buckets, each checked.
fn walk(bytes: &[u8], meta: &Meta) -> BTreeSet<PageId> {
    let mut seen = BTreeSet::new();
    let mut pending = vec![Pending { id: meta.root, first_key: None, upper: None, depth: 1 }];
    while let Some(next) = pending.pop() {
        assert!(next.depth <= MAX_DEPTH, "page {} lies too deep", next.id);
        let run = run(bytes, meta, next.id).unwrap();
        let page_count = (run.len() / meta.page_size as usize) as u64;
        for id in next.id..next.id + page_count {
            assert!(seen.insert(id), "page {id} is reached twice");
        }
        let page = Page::verify(run, next.id, meta.high_water).unwrap();
        assert!(page.count() <= 0xFFFE, "page {} has more elements than Go writes", next.id);
        if let Some(first_key) = &next.first_key {
            assert!(page.count() > 0, "page {} is empty and no root", next.id);
            assert_eq!(
                page.key(0).unwrap(),
                first_key,
                "the parent of page {} has another first key",
                next.id
            );
        }
        if let (Some(upper), true) = (&next.upper, page.count() > 0) {
            assert!(
                page.key(page.count() - 1).unwrap() < &upper[..],
                "page {} reaches the next one's keys",
                next.id
            );
        }
        if page.is_leaf() {
            pending.extend(bucket_roots(&page));
        } else {
            assert!(page.count() > 1 || next.first_key.is_none(), "branch page {} has one child", next.id);
            for index in 0..page.count() {
                let (key, id, _) = page.branch(index).unwrap();
                let upper = page.key(index + 1).ok().filter(|_| index + 1 < page.count()).map(<[u8]>::to_vec);
                let upper = upper.or_else(|| next.upper.clone());
                pending.push(Pending { id, first_key: Some(key.to_vec()), upper, depth: next.depth + 1 });
            }
        }
    }
    seen
}

fn bucket_roots(leaf: &Page<'_>) -> Vec<Pending> {
    let mut roots = Vec::new();
    for element in
        (0..leaf.count()).map(|index| leaf.leaf(index).unwrap()).filter(|element| element.is_bucket)
    {
        let root = BucketHeader::decode(element.value).unwrap().root;
        if root != 0 {
            assert_eq!(element.value.len(), 16, "a bucket with pages has more than its header");
            roots.push(Pending { id: root, first_key: None, upper: None, depth: 1 });
            continue;
        }
        let inline = Page::verify(&element.value[16..], 0, 0).unwrap();
        assert!(inline.is_leaf());
        assert!(
            (0..inline.count()).all(|index| !inline.leaf(index).unwrap().is_bucket),
            "an inline bucket holds one"
        );
    }
    roots
}

/// The value that the bucket `name` of the root has in the file: its header, and its page where it is inline.
pub fn bucket_value(bytes: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let meta = newest(bytes).1;
    let mut id = meta.root;
    loop {
        let page = Page::verify(run(bytes, &meta, id)?, id, meta.high_water).unwrap();
        if page.is_leaf() {
            let mut elements = (0..page.count()).map(|index| page.leaf(index).unwrap());
            return elements.find(|element| element.key == name).map(|element| element.value.to_vec());
        }
        let under = (0..page.count()).rev().find(|&index| page.key(index).unwrap() <= name).unwrap_or(0);
        id = page.child(under).unwrap();
    }
}

/// A leaf's element, to be written by hand.
pub type Element<'a> = (&'a [u8], &'a [u8], bool);

/// The value of a bucket that is inline.
pub fn inline_bucket(sequence: u64, elements: &[Element<'_>]) -> Vec<u8> {
    let data_len: usize = elements.iter().map(|(key, value, _)| 16 + key.len() + value.len()).sum();
    let mut value = BucketHeader { root: 0, sequence }.encode().to_vec();
    value.resize(16 + 16 + data_len, 0);
    put_leaf(&mut value[16..], 0, 0, elements);
    value
}

fn put_leaf(run: &mut [u8], id: PageId, overflow: u32, elements: &[Element<'_>]) {
    let mut builder = PageBuilder::new(run, id, Kind::Leaf, elements.len(), overflow).unwrap();
    let lens = |(key, value, is_bucket): &Element<'_>| (key.len() as u32, value.len() as u32, *is_bucket);
    builder.leaf_table(elements.iter().map(lens)).unwrap();
    for (key, value, _) in elements {
        builder.data(key).unwrap();
        builder.data(value).unwrap();
    }
    builder.finish().unwrap();
}

/// A file whose root bucket has these elements, in one leaf, and whose freelist names `free_count` pages
/// beyond it (or that has no freelist).
pub fn file(page_size: u32, elements: &[Element<'_>], free_count: Option<u64>) -> Vec<u8> {
    let len = page_size as usize;
    let leaf_len: usize =
        16 + elements.iter().map(|(key, value, _)| 16 + key.len() + value.len()).sum::<usize>();
    let leaf_count = leaf_len.div_ceil(len);
    let list_count = free_count.map_or(0, |count| (freelist::encoded_len(count) as usize).div_ceil(len));
    let free =
        (2 + leaf_count + list_count) as u64..(2 + leaf_count + list_count) as u64 + free_count.unwrap_or(0);
    let list = if free_count.is_some() { (2 + leaf_count) as u64 } else { NO_FREELIST };
    let mut bytes = vec![0; free.end.max(4) as usize * len];
    for slot in 0..2 {
        let meta = Meta {
            page_size,
            flags: 0,
            root: 2,
            sequence: 0,
            freelist: list,
            high_water: free.end,
            txid: 6 + slot,
        };
        bytes[slot as usize * len..][..META_LEN].copy_from_slice(&meta.encode(slot));
    }
    put_leaf(&mut bytes[2 * len..(2 + leaf_count) * len], 2, leaf_count as u32 - 1, elements);
    if let Some(count) = free_count {
        let run = &mut bytes[(2 + leaf_count) * len..(2 + leaf_count + list_count) * len];
        freelist::encode(run, list, list_count as u32 - 1, count, free).unwrap();
    }
    bytes
}

/// The 64-bit integer at `offset`.
pub fn word(bytes: &[u8], offset: usize) -> u64 {
    u64_at(bytes, offset).unwrap()
}
