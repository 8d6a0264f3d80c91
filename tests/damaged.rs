//! What damaged files led to beyond the checker: found by the harness in `hostile`, told here one by one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::path::Path;

use bolt::db::CompactOptions;
use bolt::format::meta::META_LEN;
use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, Error, FreelistMode, Options, ROOT, Wait};
use common::edit::{BRANCH, COUNT, ID, Image, KIND, LEAF};

const PATH: &str = "/damaged.db";

/// A file of pages of 1 KiB with the buckets `a` and `b`, which have a page each.
fn image() -> Image {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, freelist_mode: FreelistMode::EachCommit, ..Options::default() };
    let db = Db::open_in(&names, Path::new(PATH), &options).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    for name in [b"a", b"b"] {
        let bucket = txn.create_bucket(ROOT, name).unwrap();
        txn.put(bucket, b"key", &[7; 500]).unwrap();
        let below = txn.create_bucket(bucket, b"below").unwrap();
        txn.put(below, b"key", &[8; 500]).unwrap();
    }
    txn.commit().unwrap();
    db.close().unwrap();
    Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap())
}

fn open(image: &Image, names: &MemoryNamespace) -> bolt::Result<Db> {
    names.insert(Path::new(PATH), image.bytes.clone()).unwrap();
    Db::open_in(names, Path::new(PATH), &Options::default())
}

fn compact(db: &Db) -> bolt::Result<()> {
    db.compact_in(&MemoryNamespace::new(), Path::new("/to.db"), &CompactOptions::default(), |_| Ok(()))
}

#[test]
fn a_compaction_of_buckets_that_hold_themselves_ends() {
    let mut image = image();
    let (a, b) = (image.bucket_root(&["a"]), image.bucket_root(&["b"]));
    let (page, index) = image.find(a, b"below");
    let value = image.value_range(page, index).start;
    for root in [a, image.meta().root, b] {
        image.set_u64(page, value, root);
        let db = open(&image, &MemoryNamespace::new()).unwrap();
        // A bucket that is there twice is only copied twice, if the file is long enough.
        let is_circle = root != b;
        assert_eq!(matches!(compact(&db), Err(Error::Corrupt { .. })), is_circle, "page {root}");
        db.close().unwrap();
    }
}

#[test]
fn the_last_transaction_id_is_committed_and_no_file_gets_a_higher_one() {
    let mut image = image();
    image.edit_meta(|meta| meta.txid = (1 << 63) - 2);
    let names = MemoryNamespace::new();
    let db = open(&image, &names).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.create_bucket(ROOT, b"last").unwrap();
    txn.commit().unwrap();
    assert!(matches!(db.begin_write(Wait::Try), Err(Error::Corrupt { .. })));
    db.set_freelist_mode(FreelistMode::AtClose);
    db.close().unwrap();
    let db = Db::open_in(&names, Path::new(PATH), &Options::default()).unwrap();
    assert!(db.begin_read().unwrap().bucket(ROOT, b"last").is_ok());
    common::assert_sound(&db);
    db.close().unwrap();
}

/// The page size stands in the metas alone: a first meta that is whole is believed, as by bbolt, and the
/// second one is where it says. A false one is refused, or what it leads to is; the file stays as it is.
#[test]
fn a_first_meta_with_a_false_page_size_is_refused_and_nothing_is_written() {
    for page_size in [0, 1, 512, 1000, 2048, 4096, 65536, 1 << 24, 1 << 25, u32::MAX] {
        let mut image = image();
        let mut meta = bolt::format::meta::Meta::decode(&image.bytes).unwrap();
        meta.page_size = page_size;
        image.bytes[..META_LEN].copy_from_slice(&meta.encode(0));
        let names = MemoryNamespace::new();
        let read = open(&image, &names).and_then(|db| db.begin_read()?.bucket(ROOT, b"a").map(drop));
        assert!(
            matches!(read, Err(Error::Incompatible(_) | Error::Truncated { .. } | Error::Corrupt { .. })),
            "{page_size}: {read:?}"
        );
        assert_eq!(names.to_vec(Path::new(PATH)).unwrap().unwrap(), image.bytes);
    }
}

/// A file whose root bucket is a chain of `depth` pages with one element each, the last of them a leaf.
fn chain(depth: u64) -> Image {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, ..Options::default() };
    let db = Db::open_in(&names, Path::new(PATH), &options).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"a").unwrap();
    txn.put(bucket, b"key", &vec![7; (depth as usize + 3) * 1024]).unwrap();
    txn.commit().unwrap();
    db.close().unwrap();
    let mut image = Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap());
    for id in 3..3 + depth {
        let is_leaf = id == 2 + depth;
        image.page_mut(id)[..1024].fill(0);
        image.set_u64(id, ID, id);
        image.set_u16(id, KIND, if is_leaf { LEAF } else { BRANCH });
        image.set_u16(id, COUNT, 1);
        image.set_field(id, 0, "pos", 16);
        image.set_field(id, 0, "key_len", 1);
        image.page_mut(id)[32] = b'k';
        if !is_leaf {
            image.set_child(id, 0, id + 1);
        }
    }
    image.edit_meta(|meta| (meta.root, meta.freelist) = (3, u64::MAX));
    image
}

/// What each way through the tree of the root bucket comes to, by its name.
fn ways_through(db: &Db) -> Vec<(&'static str, bolt::Result<()>)> {
    let read = || db.begin_read().unwrap();
    let go = |way: &dyn Fn(&mut bolt::Cursor, &bolt::Txn) -> bolt::Result<bool>| {
        let txn = read();
        let mut cursor = txn.cursor(ROOT)?;
        way(&mut cursor, &txn).map(|found| assert!(found))
    };
    vec![
        ("get", read().get(ROOT, b"k").map(|value| assert_eq!(value, Some(&b""[..])))),
        ("get_many", {
            let (txn, mut values) = (read(), [None]);
            let result = txn.get_many(ROOT, &[b"k"], &mut values);
            result.map(|()| assert_eq!(values, [Some(&b""[..])]))
        }),
        ("first", go(&|cursor, txn| Ok(cursor.first(txn)?.is_some()))),
        ("last", go(&|cursor, txn| Ok(cursor.last(txn)?.is_some()))),
        ("seek", go(&|cursor, txn| Ok(cursor.seek(txn, b"k")?.is_some()))),
        ("seek_le", go(&|cursor, txn| Ok(cursor.seek_le(txn, b"z")?.is_some()))),
        ("bucket_stats", read().bucket_stats(ROOT).map(drop)),
        ("begin_write", db.begin_write(Wait::Try).map(drop)),
    ]
}

#[test]
fn a_tree_of_64_pages_depth_is_read_by_every_way_and_a_deeper_one_by_none() {
    for (depth, is_sound) in [(64, true), (65, false), (70, false)] {
        let db = open(&chain(depth), &MemoryNamespace::new()).unwrap();
        for (name, result) in ways_through(&db) {
            match result {
                Ok(()) => assert!(is_sound, "{name} goes down {depth} pages"),
                Err(error) => {
                    assert!(!is_sound && matches!(error, Error::Corrupt { .. }), "{name}, {depth}: {error}");
                    assert!(error.to_string().contains("deeper"), "{name}: {error}");
                }
            }
        }
        db.close().unwrap();
    }
}

/// A file with the bucket `many`, which has a branch and leaves below it.
fn many() -> Image {
    let names = MemoryNamespace::new();
    let options = Options { page_size: 1024, ..Options::default() };
    let db = Db::open_in(&names, Path::new(PATH), &options).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"many").unwrap();
    for number in 0..200 {
        txn.put(bucket, format!("key {number:03}").as_bytes(), &[7; 50]).unwrap();
    }
    txn.commit().unwrap();
    db.close().unwrap();
    Image::new(names.to_vec(Path::new(PATH)).unwrap().unwrap())
}

#[test]
fn a_page_whose_keys_are_not_those_that_its_parent_says_is_refused_where_it_is_entered() {
    let good = many();
    let leaf = good.leaves(good.bucket_root(&["many"]))[2];
    for (index, byte) in [(0, 0), (good.count(leaf) - 1, 0xFF)] {
        let key = good.key(leaf, 1).to_vec();
        let mut image = good.clone();
        image.key_mut(leaf, index)[0] = byte;
        let is_refused = |result: bolt::Result<()>| {
            let error = result.unwrap_err();
            assert!(
                matches!(error, Error::Corrupt { .. }) && error.to_string().contains("parent"),
                "{error}"
            );
        };
        let fresh = || open(&image, &MemoryNamespace::new()).unwrap();
        let read = |look: &dyn Fn(&bolt::Txn, bolt::BucketId) -> bolt::Result<()>| {
            let mut txn = fresh().begin_read().unwrap();
            let bucket = txn.bucket(ROOT, b"many").unwrap();
            is_refused(look(&txn, bucket));
        };
        read(&|txn, bucket| txn.get(bucket, &key).map(drop));
        read(&|txn, bucket| txn.get_many(bucket, &[&key], &mut [None]));
        read(&|txn, bucket| txn.cursor(bucket)?.seek(txn, &key).map(drop));
        let mut txn = fresh().begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"many").unwrap();
        is_refused(txn.put(bucket, &key, b"new"));
    }
}

#[test]
fn an_inline_bucket_whose_entries_reach_past_its_value_is_refused() {
    let whole = common::raw::inline_bucket(7, &[(b"key", &[1; 40], false)]);
    for missing in 1..=whole.len() - 16 {
        let cut = &whole[..whole.len() - missing];
        // What follows the value is another entry's, and would be read if the length were wrong.
        let bytes = common::raw::file(1024, &[(b"cut", cut, true), (b"next", &[9; 200], false)], Some(1));
        let names = MemoryNamespace::new();
        names.insert(Path::new(PATH), bytes).unwrap();
        let db = Db::open_in(&names, Path::new(PATH), &Options::default()).unwrap();
        let mut txn = db.begin_read().unwrap();
        let read = txn.bucket(ROOT, b"cut").and_then(|bucket| txn.get(bucket, b"key").map(|_| ()));
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{missing} bytes are missing: {read:?}");
        assert_eq!(txn.get(ROOT, b"next").unwrap(), Some(&[9; 200][..]));
        drop(txn);
        let found = db.begin_read().unwrap().check(CheckOptions::default(), |_| Ok(())).unwrap();
        assert_ne!(found, 0, "{missing} bytes are missing");
        db.close().unwrap();
    }
}
