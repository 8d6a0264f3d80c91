//! The files that are damaged: those of etcd and containerd, and generated ones of every page size and kind.
//!
//! Those that the engine makes are the same in each run, so that a case is replayed by its name.

use std::path::Path;

use bolt::format::bytes::{put_u16, put_u32, put_u64};
use bolt::format::meta::{META_LEN, Meta};
use bolt::storage::memory::MemoryNamespace;
use bolt::{BucketId, Db, FreelistMode, Options, ROOT, Result, Txn, Wait};

use crate::layout::Layout;

/// How deep the buckets of `deep` are nested.
pub const DEPTH: usize = 20_000;
/// How many free pages `long` has: more than the 16 bits of the header can say.
const LONG_COUNT: u64 = 0x1_0100;

/// A sound file, and where everything stands in it.
pub struct Base {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Where everything stands.
    pub layout: Layout,
}

/// How often a base is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Small: thousands in a second.
    Light,
    /// Some hundred kilobytes.
    Medium,
    /// Megabytes.
    Heavy,
    /// More than fifty megabytes.
    Huge,
}

/// The names of all bases.
pub const NAMES: [(&str, Weight); 16] = [
    ("tiny", Weight::Light),
    ("k1", Weight::Light),
    ("n1", Weight::Light),
    ("b1", Weight::Light),
    ("k2", Weight::Light),
    ("k4", Weight::Light),
    ("new", Weight::Light),
    ("containerd", Weight::Light),
    ("k8", Weight::Medium),
    ("etcd", Weight::Medium),
    ("nest", Weight::Medium),
    ("k16", Weight::Medium),
    ("k32", Weight::Medium),
    ("k64", Weight::Medium),
    ("deep", Weight::Heavy),
    ("long", Weight::Huge),
];

/// The base of that name; what is wrong where there is none.
pub fn base(name: &str) -> std::result::Result<Base, String> {
    let kept =
        Options { no_sync: true, freelist_mode: FreelistMode::EachCommit, room_max: 0, ..Options::default() };
    let bytes = match name {
        "etcd" | "containerd" => {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(format!("{name}.db"));
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        }
        "tiny" => make(&Options { page_size: 1024, ..kept }, tiny),
        "new" => make(&Options { page_size: 4096, ..kept }, |_, _| Ok(())),
        "n1" => make(&Options { page_size: 1024, freelist_mode: FreelistMode::Never, ..kept }, mixed),
        "b1" => make(&Options { page_size: 1024, bbolt_rules: true, ..kept }, mixed),
        "nest" => make(&Options { page_size: 1024, ..kept }, |db, _| nest(db, 300)),
        "deep" => make(&Options { page_size: 1024, ..kept }, |db, _| nest(db, DEPTH)),
        "long" => long(&kept),
        _ => match name.strip_prefix('k').and_then(|size| size.parse::<u32>().ok()) {
            Some(size) if size <= 64 => make(&Options { page_size: size << 10, ..kept }, mixed),
            _ => Err(format!("{name} is no base")),
        },
    };
    let bytes = bytes?;
    let layout = Layout::of(&bytes).ok_or_else(|| format!("{name} cannot be read"))?;
    Ok(Base { name: name.to_owned(), bytes, layout })
}

fn make(options: &Options, fill: impl Fn(&Db, usize) -> Result<()>) -> std::result::Result<Vec<u8>, String> {
    let names = MemoryNamespace::new();
    let path = Path::new("/base.db");
    let filled = Db::open_in(&names, path, options).and_then(|db| {
        fill(&db, options.page_size as usize)?;
        db.close()?;
        names.to_vec(path)
    });
    filled.map_err(|error| error.to_string())?.ok_or_else(|| "the file has no name".to_owned())
}

/// Everything that a file can have: trees three pages deep, overflow pages, buckets in buckets, inline and
/// empty ones, sequences, free pages.
fn mixed(db: &Db, page_size: usize) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let gone = txn.create_bucket(ROOT, b"gone")?;
    fill(&mut txn, gone, 8, page_size / 2)?;
    txn.commit()?;
    let mut txn = db.begin_write(Wait::Try)?;
    let large = txn.create_bucket(ROOT, b"large")?;
    let (key_count, key_len) = if page_size <= 4096 { (90, page_size / 9) } else { (36, page_size / 12) };
    for number in 0..key_count {
        let mut key = format!("{number:04}").into_bytes();
        key.resize(key_len, b'-');
        txn.put(large, &key, format!("value {number}").as_bytes())?;
    }
    let values = txn.create_bucket(ROOT, b"values")?;
    for (name, len) in [(&b"none"[..], 0), (b"one", 1), (b"page", page_size), (b"three", 3 * page_size)] {
        txn.put(values, name, &vec![b'v'; len])?;
    }
    let mut parent = ROOT;
    for name in [&b"a"[..], b"b", b"c"] {
        parent = txn.create_bucket(parent, name)?;
        fill(&mut txn, parent, 6, page_size / 5)?;
        txn.set_sequence(parent, 7)?;
    }
    for (name, count) in [(&b"inline"[..], 3), (b"inline, too", 1), (b"nothing", 0)] {
        let inline = txn.create_bucket(parent, name)?;
        fill(&mut txn, inline, count, 24)?;
        let inline = txn.create_bucket(ROOT, name)?;
        fill(&mut txn, inline, count, 20)?;
    }
    txn.commit()?;
    let mut txn = db.begin_write(Wait::Try)?;
    txn.delete_bucket(ROOT, b"gone")?;
    txn.commit()?;
    let mut txn = db.begin_write(Wait::Try)?;
    let values = txn.bucket(ROOT, b"values")?;
    txn.put(values, b"two", b"2")?;
    txn.commit()
}

/// A little of everything: for fuzzers, which are the faster the shorter a file is.
fn tiny(db: &Db, _page_size: usize) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let gone = txn.create_bucket(ROOT, b"gone")?;
    fill(&mut txn, gone, 1, 400)?;
    txn.commit()?;
    let mut txn = db.begin_write(Wait::Try)?;
    let tree = txn.create_bucket(ROOT, b"tree")?;
    fill(&mut txn, tree, 9, 220)?;
    txn.put(tree, b"long", &[b'l'; 1100])?;
    let below = txn.create_bucket(tree, b"below")?;
    fill(&mut txn, below, 2, 300)?;
    let inline = txn.create_bucket(ROOT, b"inline")?;
    fill(&mut txn, inline, 2, 10)?;
    txn.commit()?;
    let mut txn = db.begin_write(Wait::Try)?;
    txn.delete_bucket(ROOT, b"gone")?;
    txn.commit()
}

fn fill(txn: &mut Txn, bucket: BucketId, count: usize, value_len: usize) -> Result<()> {
    (0..count)
        .try_for_each(|number| txn.put(bucket, format!("key {number}").as_bytes(), &vec![b'x'; value_len]))
}

/// Buckets nested `depth` deep, each with a key beside the next bucket.
fn nest(db: &Db, depth: usize) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let mut parent = ROOT;
    for _ in 0..depth {
        parent = txn.create_bucket(parent, b"b")?;
        txn.put(parent, b"a", b"beside")?;
    }
    txn.commit()
}

/// A new file with so many free pages that the list says their number in 64 bits.
fn long(options: &Options) -> std::result::Result<Vec<u8>, String> {
    const PAGE_SIZE: u64 = 1024;
    let mut bytes = make(&Options { page_size: PAGE_SIZE as u32, ..options.clone() }, |_, _| Ok(()))?;
    let first = bytes.len() as u64 / PAGE_SIZE;
    let list_page_count = (16 + 8 + 8 * LONG_COUNT).div_ceil(PAGE_SIZE);
    let high_water = first + list_page_count + LONG_COUNT - 1;
    bytes.resize((high_water * PAGE_SIZE) as usize, 0);
    let mut put = || -> Option<()> {
        let list = bytes.get_mut((first * PAGE_SIZE) as usize..)?;
        put_u64(list, 0, first)?;
        put_u16(list, 8, 0x10)?;
        put_u16(list, 10, 0xFFFF)?;
        put_u32(list, 12, (list_page_count - 1) as u32)?;
        put_u64(list, 16, LONG_COUNT)?;
        // Page 2 was the list of the new file.
        let free = std::iter::once(2).chain(first + list_page_count..high_water);
        for (index, id) in free.enumerate() {
            put_u64(list, 24 + 8 * index, id)?;
        }
        let newest = Meta::decode(bytes.get(PAGE_SIZE as usize..)?).ok()?;
        let meta = Meta { freelist: first, high_water, ..newest };
        bytes.get_mut(PAGE_SIZE as usize..)?.get_mut(..META_LEN)?.copy_from_slice(&meta.encode(1));
        Some(())
    };
    put().ok_or("the list has no room")?;
    Ok(bytes)
}
