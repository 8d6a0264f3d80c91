//! Opening: what is refused and how, what is begun afresh, how a new file appears, and the file's lock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bolt::error::code;
use bolt::storage::memory::MemoryNamespace;
use bolt::storage::{Namespace, Storage};
use bolt::{Db, Error, Level, Options, ROOT, Result, Txn, Wait};
use common::faulty::{Call, Fault, FaultyNamespace};
use common::lint;
use common::raw::{self, damage_meta, edit_meta};
use common::sound::{assert_sound_closed, close_sound, close_sound_in, write};
use common::{assert_sound, dump};
use tempfile::TempDir;

const ONCE: Option<Duration> = Some(Duration::ZERO);
const IMAGE: &str = "/image.db";

fn writing() -> Options {
    Options { lock_timeout: ONCE, no_sync: true, ..Options::default() }
}

fn reading() -> Options {
    Options { read_only: true, ..writing() }
}

/// The code with which an opening fails.
fn code_of(opened: Result<Db>) -> i32 {
    opened.map(drop).expect_err("it must not be opened").code()
}

fn names_in(directory: &Path) -> BTreeSet<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn put(db: &Db, key: &str) {
    write(db, |txn| {
        let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
        txn.put(bucket, key.as_bytes(), key.as_bytes()).unwrap();
    });
}

/// The keys of the one bucket.
fn keys(db: &Db) -> Vec<String> {
    let mut txn = db.begin_read().unwrap();
    let Ok(bucket) = txn.bucket(ROOT, b"bucket") else { return Vec::new() };
    let keys =
        common::entries(&txn, bucket, false).into_iter().map(|(key, _)| String::from_utf8(key).unwrap());
    keys.collect()
}

/// What the database has warned of so far.
fn warnings(db: &Db) -> Vec<String> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let listener = move |_: Level, text: &str| ear.lock().unwrap().push(text.to_owned());
    db.set_log(Level::Warning, Some(Arc::new(listener)));
    db.set_log(Level::Warning, None);
    let heard = heard.lock().unwrap();
    heard.clone()
}

/// A file of three commits, of the keys "1", "2" and "3"; its newest meta stands in slot 0.
fn sample(page_size: u32) -> Vec<u8> {
    let names = MemoryNamespace::new();
    let db = lint::open_in(&names, Path::new(IMAGE), &Options { page_size, ..writing() }).unwrap();
    ["1", "2", "3"].iter().for_each(|key| put(&db, key));
    close_sound_in(&names, &db);
    let bytes = names.to_vec(Path::new(IMAGE)).unwrap().unwrap();
    assert_eq!(raw::newest(&bytes).0, 0);
    bytes
}

/// The file is refused with `expected`, opened for writing and for reading, and nothing is written or locked.
fn assert_refused(what: &str, bytes: &[u8], expected: i32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    std::fs::write(&path, bytes).unwrap();
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    for options in [writing(), reading(), writing()] {
        assert_eq!(code_of(lint::open(&path, &options)), expected, "{what}");
    }
    assert!(std::fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), modified, "{what}");
    assert_eq!(names_in(directory.path()).len(), 1, "{what}");
}

fn junk(len: usize) -> Vec<u8> {
    common::random::Random::new(len as u64).bytes(len)
}

#[test]
fn a_file_that_is_no_database_is_refused_and_not_written() {
    assert_refused("one byte", b"x", code::TOOSHORT);
    assert_refused("a short text", b"This is a text file, no more.\n", code::TOOSHORT);
    assert_refused("a byte too short for two metas", &junk(2047), code::TOOSHORT);
    assert_refused("as long as two metas", &junk(2048), code::INVALID);
    assert_refused("a text", "A line of a text file.\n".repeat(800).as_bytes(), code::INVALID);
    assert_refused("junk", &junk(8192), code::INVALID);
    assert_refused("zeros, but too many for a new file", &vec![0; 4 * 65536 + 1], code::INVALID);
    assert_refused("one byte among zeros", &[vec![0; 8191], vec![1]].concat(), code::INVALID);
}

#[test]
fn a_file_of_the_other_byte_order_is_named_so() {
    let mut bytes = sample(4096);
    for slot in 0..2 {
        let meta = &mut bytes[slot * 4096 + 16..slot * 4096 + 80];
        meta[..16].chunks_exact_mut(4).for_each(<[u8]>::reverse);
        meta[16..].chunks_exact_mut(8).for_each(<[u8]>::reverse);
    }
    assert_refused("big-endian", &bytes, code::ENDIAN);
    assert_refused("big-endian and cut short", &bytes[..1000], code::ENDIAN);
}

#[test]
fn another_version_of_the_format_is_refused() {
    for version in [1, 3, u32::MAX] {
        let mut bytes = sample(4096);
        let set = |meta: &mut [u8]| meta[4..8].copy_from_slice(&version.to_ne_bytes());
        edit_meta(&mut bytes, 1, set);
        edit_meta(&mut bytes, 0, set);
        assert_refused("a version", &bytes, code::VERSION);
    }
}

#[test]
fn two_damaged_metas_are_a_checksum_error() {
    for page_size in [1024, 4096, 65536] {
        let mut bytes = sample(page_size);
        damage_meta(&mut bytes, 1);
        damage_meta(&mut bytes, 0);
        assert_refused("both metas", &bytes, code::CHECKSUM);
    }
}

#[test]
fn a_page_size_that_is_no_power_of_two_or_out_of_reach_is_incompatible() {
    for page_size in [0u32, 1, 512, 1000, 1025, 3000, 4097, 1 << 25, u32::MAX] {
        let mut bytes = sample(4096);
        for slot in [1, 0] {
            edit_meta(&mut bytes, slot, |meta| meta[8..12].copy_from_slice(&page_size.to_ne_bytes()));
        }
        assert_refused(&format!("page size {page_size}"), &bytes, code::INCOMPATIBLE);
    }
}

#[test]
fn a_file_shorter_than_its_meta_says_is_refused() {
    for page_size in [1024, 4096] {
        let bytes = sample(page_size);
        let needed = raw::newest(&bytes).1.high_water as usize * page_size as usize;
        for len in
            [needed - 1, needed - page_size as usize, 4 * page_size as usize, 2 * page_size as usize + 100]
        {
            assert_refused(&format!("{len} of {needed} bytes"), &bytes[..len], code::TRUNCATED);
        }
        let names = MemoryNamespace::new();
        names.insert(Path::new(IMAGE), bytes[..needed].to_vec()).unwrap();
        let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
        assert_eq!(keys(&db), ["1", "2", "3"]);
        put(&db, "4");
        close_sound_in(&names, &db);
    }
}

#[test]
fn a_meta_that_names_pages_out_of_reach_is_corrupt() {
    let fields = [
        ("root", 16, 0u64),
        ("root", 16, 1),
        ("root", 16, 1 << 40),
        ("freelist", 32, 1),
        ("freelist", 32, 1 << 40),
    ];
    for (name, offset, value) in
        fields.into_iter().chain([("txid", 48, 1 << 63), ("high water", 40, 1 << 60)])
    {
        let mut bytes = sample(4096);
        edit_meta(&mut bytes, 0, |meta| meta[offset..offset + 8].copy_from_slice(&value.to_ne_bytes()));
        assert_refused(&format!("{name} {value}"), &bytes, code::CORRUPT);
    }
}

#[test]
fn with_one_meta_damaged_the_other_ones_state_is_opened() {
    for page_size in [1024, 2048, 4096, 8192, 65536] {
        for (slot, expected) in [(0, &["1", "2"][..]), (1, &["1", "2", "3"][..])] {
            for damage in ["checksum", "struct", "whole page"] {
                let mut bytes = sample(page_size);
                let start = slot * page_size as usize;
                match damage {
                    "checksum" => damage_meta(&mut bytes, slot),
                    "struct" => bytes[start..start + 512].fill(0),
                    _ => bytes[start..start + page_size as usize].copy_from_slice(&junk(page_size as usize)),
                }
                let names = MemoryNamespace::new();
                names.insert(Path::new(IMAGE), bytes).unwrap();
                for options in [reading(), writing()] {
                    let db = lint::open_in(&names, Path::new(IMAGE), &options).unwrap();
                    assert_eq!(keys(&db), expected, "{page_size} {slot} {damage}");
                    db.close().unwrap();
                }
                let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
                put(&db, "4");
                assert!(
                    raw::metas(&names.to_vec(Path::new(IMAGE)).unwrap().unwrap()).iter().all(Option::is_some)
                );
                close_sound_in(&names, &db);
            }
        }
    }
}

/// As `surgery revert-meta-page` leaves it, or a copy of one meta over the other: the ids do not match the
/// slots.
#[test]
fn the_newest_meta_is_adopted_in_whichever_slot_it_stands() {
    let good = sample(4096);
    for other_slot in ["older", "equal", "damaged"] {
        let mut bytes = good.clone();
        let (newest, older) = (good[..80].to_vec(), good[4096..4176].to_vec());
        bytes[4096 + 8..4096 + 80].copy_from_slice(&newest[8..]);
        match other_slot {
            "older" => bytes[8..80].copy_from_slice(&older[8..]),
            "equal" => {}
            _ => damage_meta(&mut bytes, 0),
        }
        let names = MemoryNamespace::new();
        names.insert(Path::new(IMAGE), bytes).unwrap();
        let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
        let txid = db.info().unwrap().txid;
        for key in ["4", "5", "6"] {
            put(&db, key);
            let bytes = names.to_vec(Path::new(IMAGE)).unwrap().unwrap();
            raw::assert_sound_file(&bytes);
            let fallback = raw::without_newest_meta(&bytes);
            raw::assert_sound_file(&fallback);
            assert_eq!(raw::newest(&fallback).1.txid + 1, raw::newest(&bytes).1.txid, "{other_slot}");
        }
        assert_eq!(db.info().unwrap().txid, txid + 3);
        assert_eq!(keys(&db), ["1", "2", "3", "4", "5", "6"]);
        close_sound_in(&names, &db);
    }
}

#[test]
fn of_two_metas_with_the_same_id_the_first_is_adopted() {
    let mut bytes = sample(4096);
    let txid = raw::newest(&bytes).1.txid;
    edit_meta(&mut bytes, 1, |meta| {
        meta[24..32].copy_from_slice(&77u64.to_ne_bytes());
        meta[48..56].copy_from_slice(&txid.to_ne_bytes());
    });
    let db = Db::from_bytes(bytes, &reading()).unwrap();
    assert_eq!(db.begin_read().unwrap().sequence(ROOT).unwrap(), 0);
    assert_eq!(keys(&db), ["1", "2", "3"]);
    assert_sound(&db);
}

/// It may hold the last commit that was acknowledged, so nothing may be written past it.
#[test]
fn a_meta_that_cannot_be_read_ends_an_opening_for_writing_and_readers_take_the_other() {
    let names = FaultyNamespace::new();
    names.inner.insert(Path::new(IMAGE), sample(4096)).unwrap();
    for (slot, expected) in [(0, &["1", "2"][..]), (1, &["1", "2", "3"][..])] {
        let unreadable =
            move |call: &Call| matches!(call, Call::Read { offset, .. } if *offset == slot * 4096);
        names.fail(move |call| if unreadable(call) { Some(Fault::Not(libc::EIO)) } else { None });
        assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &writing())), libc::EIO);
        let db = lint::open_in(&names, Path::new(IMAGE), &reading()).unwrap();
        assert_eq!(keys(&db), expected);
        assert_eq!(warnings(&db).len(), 1, "{:?}", warnings(&db));
        db.close().unwrap();
    }
    names.fail(|call| if matches!(call, Call::Read { .. }) { Some(Fault::Not(libc::EIO)) } else { None });
    assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &reading())), libc::EIO);
    names.heal();
    assert_sound_closed(&names, Path::new(IMAGE));
}

#[test]
fn one_failed_read_of_an_opening_for_writing_loses_no_commit() {
    let bytes = sample(4096);
    let mut without_first = bytes.clone();
    damage_meta(&mut without_first, 0);
    for (bytes, expected) in [(bytes, &["1", "2", "3"][..]), (without_first, &["1", "2"])] {
        let mut index = 0;
        loop {
            let names = FaultyNamespace::new();
            names.inner.insert(Path::new(IMAGE), bytes.clone()).unwrap();
            names.fail_nth(index, Fault::Not(libc::EIO), |call| matches!(call, Call::Read { .. }));
            let opened = lint::open_in(&names, Path::new(IMAGE), &writing());
            let read_count = names.take_log().iter().filter(|call| matches!(call, Call::Read { .. })).count();
            let failed = read_count > index;
            assert_eq!(opened.is_err(), failed, "read {index}");
            names.heal();
            let db = opened.unwrap_or_else(|_| lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap());
            assert_eq!(keys(&db), expected, "read {index}");
            put(&db, "4");
            close_sound_in(&names, &db);
            if !failed {
                break;
            }
            index += 1;
        }
        assert!(index >= 2);
    }
}

/// The reads since the log was asked last, each as where it begins and how long it is.
fn reads(names: &FaultyNamespace) -> Vec<(u64, u64)> {
    let is_read = |call| if let Call::Read { offset, len } = call { Some((offset, len)) } else { None };
    names.take_log().into_iter().filter_map(is_read).collect()
}

#[test]
fn the_second_meta_is_looked_for_at_each_page_size_that_it_says_itself() {
    let mut bytes = sample(4096);
    // A copy of the newest meta, where none stands in a file of pages so long.
    bytes.copy_within(..80, 1024);
    damage_meta(&mut bytes, 0);
    let names = FaultyNamespace::new();
    names.inner.insert(Path::new(IMAGE), bytes.clone()).unwrap();
    let db = lint::open_in(&names, Path::new(IMAGE), &reading()).unwrap();
    assert_eq!(keys(&db), ["1", "2"]);
    assert!(reads(&names).len() < 16);
    db.close().unwrap();
    // Where a place cannot be read, readers look on, and writers do not.
    names.fail(|call| match call {
        Call::Read { offset: 1024 | 2048, .. } => Some(Fault::Not(libc::EIO)),
        _ => None,
    });
    assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &writing())), libc::EIO);
    assert_eq!(keys(&lint::open_in(&names, Path::new(IMAGE), &reading()).unwrap()), ["1", "2"]);
    names.heal();
    let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
    put(&db, "4");
    close_sound_in(&names, &db);
    // Where there is nothing of the first, what is wrong with the second is said; past the end is no place.
    damage_meta(&mut bytes, 1);
    bytes[..2048].fill(0);
    bytes.truncate(32 << 10);
    let len = bytes.len() as u64;
    let names = FaultyNamespace::new();
    names.inner.insert(Path::new(IMAGE), bytes).unwrap();
    assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &reading())), code::CHECKSUM);
    let reads = reads(&names);
    assert!(reads.len() > 4 && reads.iter().all(|(offset, read_len)| offset + read_len <= len), "{reads:?}");
}

#[test]
fn of_a_database_that_was_committed_to_an_opening_reads_the_metas_alone() {
    let names = FaultyNamespace::new();
    names.inner.insert(Path::new(IMAGE), sample(4096)).unwrap();
    for options in [writing(), reading()] {
        let db = lint::open_in(&names, Path::new(IMAGE), &options).unwrap();
        let reads = reads(&names);
        assert!(reads.len() >= 2 && reads.iter().all(|(offset, len)| offset + len <= 2 * 4096), "{reads:?}");
        assert_eq!(keys(&db), ["1", "2", "3"]);
        db.close().unwrap();
    }
    assert_sound_closed(&names, Path::new(IMAGE));
}

#[test]
fn a_new_file_that_cannot_be_read_through_is_opened_by_readers_alone() {
    let names = FaultyNamespace::new();
    let whole = new_file(4096);
    names.inner.insert(Path::new(IMAGE), whole.clone()).unwrap();
    let unreadable = |call: &Call| matches!(call, Call::Read { offset, len } if offset + len > 2 * 4096);
    names.fail(move |call| if unreadable(call) { Some(Fault::Not(libc::EIO)) } else { None });
    assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &writing())), libc::EIO);
    lint::open_in(&names, Path::new(IMAGE), &reading()).unwrap().close().unwrap();
    // One read of a meta that fails is enough for a writer.
    names.fail_first(Fault::Not(libc::EIO), |call| matches!(call, Call::Read { .. }));
    names.take_log();
    assert_eq!(code_of(lint::open_in(&names, Path::new(IMAGE), &writing())), libc::EIO);
    assert!(!names.take_log().iter().any(Call::is_change) && names.bytes(Path::new(IMAGE)) == whole);
    names.heal();
    let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
    put(&db, "key");
    close_sound_in(&names, &db);
}

/// The only sound meta of the file is not written over before there is a second one.
#[test]
fn adoption_writes_the_damaged_slot_first() {
    for damaged in [0, 1] {
        let mut bytes = sample(4096);
        damage_meta(&mut bytes, damaged);
        let names = FaultyNamespace::new();
        names.inner.insert(Path::new(IMAGE), bytes).unwrap();
        let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
        names.take_log();
        put(&db, "4");
        let written = names.take_log().into_iter().find_map(|call| match call {
            Call::Write { offset, .. } if offset < 2 * 4096 => Some(offset),
            _ => None,
        });
        assert_eq!(written, Some(damaged as u64 * 4096));
        close_sound_in(&names, &db);
    }
}

#[test]
fn of_two_versions_the_one_that_is_known_is_opened() {
    let mut bytes = sample(4096);
    edit_meta(&mut bytes, 0, |meta| meta[4..8].copy_from_slice(&3u32.to_ne_bytes()));
    let names = MemoryNamespace::new();
    names.insert(Path::new(IMAGE), bytes).unwrap();
    let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
    assert_eq!(keys(&db), ["1", "2"]);
    put(&db, "3");
    close_sound_in(&names, &db);
}

#[test]
fn files_of_larger_pages_than_new_ones_may_have_are_read_and_written() {
    for page_size in [128 << 10, 1 << 20, 16 << 20] {
        let names = MemoryNamespace::new();
        let inline = raw::inline_bucket(7, &[(b"1", b"1", false)]);
        names.insert(Path::new(IMAGE), raw::file(page_size, &[(b"bucket", &inline, true)], Some(1))).unwrap();
        let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
        assert_eq!(db.page_size().unwrap(), page_size);
        put(&db, "2");
        assert_eq!(keys(&db), ["1", "2"]);
        let mut txn = db.begin_read().unwrap();
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        assert_eq!(txn.sequence(bucket).unwrap(), 7);
        drop(txn);
        close_sound_in(&names, &db);
    }
}

#[test]
fn a_damaged_freelist_is_found_by_the_first_writer_and_readers_go_on() {
    let good = sample(4096);
    let list = raw::newest(&good).1.freelist as usize * 4096;
    let damages: [(&str, usize, Vec<u8>); 5] = [
        ("another kind", 8, vec![2, 0]),
        ("another page's id", 0, vec![77]),
        ("a count past its page", 10, vec![0xFE, 0xFF]),
        ("an id below 2", 16, vec![1, 0, 0, 0, 0, 0, 0, 0]),
        ("an id past the high water", 16, vec![0, 0, 0, 1, 0, 0, 0, 0]),
    ];
    for (what, offset, damage) in damages {
        let mut bytes = good.clone();
        bytes[list + offset..list + offset + damage.len()].copy_from_slice(&damage);
        let names = MemoryNamespace::new();
        names.insert(Path::new(IMAGE), bytes.clone()).unwrap();
        let db = lint::open_in(&names, Path::new(IMAGE), &writing()).unwrap();
        for _ in 0..2 {
            let refused = db.begin_write(Wait::Try).map(drop).unwrap_err();
            assert!(matches!(refused, Error::Corrupt { .. }), "{what}: {refused}");
        }
        assert_eq!(keys(&db), ["1", "2", "3"]);
        db.close().unwrap();
        assert!(names.to_vec(Path::new(IMAGE)).unwrap().unwrap() == bytes, "{what}");
    }
}

#[test]
fn what_is_no_file_is_refused_with_the_systems_word() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("file"), b"").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    symlink("/dev/null", at("device")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let before = names_in(directory.path());
    for options in [writing(), reading()] {
        let code = |name: &str| code_of(lint::open(&at(name), &options));
        assert_eq!(code("folder"), libc::EISDIR);
        assert_eq!(code("device"), libc::EINVAL);
        assert_eq!(code("loop"), libc::ELOOP);
        assert_eq!(code("missing/a.db"), libc::ENOENT);
        assert_eq!(code("file/a.db"), libc::ENOTDIR);
        assert_eq!(code_of(lint::open(Path::new(""), &options)), libc::ENOENT);
        assert_eq!(code_of(lint::open(Path::new("a\0b"), &options)), code::ARGUMENT);
    }
    assert_eq!(code_of(lint::open(&at("missing.db"), &reading())), libc::ENOENT);
    assert_eq!(names_in(directory.path()), before);
    assert!(std::fs::read(at("file")).unwrap().is_empty());
}

#[test]
fn options_that_cannot_be_are_refused_before_anything_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    for page_size in [1, 512, 1000, 4095, 131_072, u32::MAX] {
        assert_eq!(
            code_of(lint::open(&path, &Options { page_size, ..writing() })),
            code::INCOMPATIBLE,
            "{page_size}"
        );
    }
    for percent in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
        let options = Options { fill_percent: Some(percent), ..writing() };
        assert_eq!(code_of(lint::open(&path, &options)), code::ARGUMENT, "{percent}");
    }
    assert!(names_in(directory.path()).is_empty());
}

/// The file that Go makes: both metas, an empty freelist, an empty leaf.
fn new_file(page_size: u32) -> Vec<u8> {
    let names = MemoryNamespace::new();
    lint::open_in(&names, Path::new(IMAGE), &Options { page_size, ..writing() }).unwrap().close().unwrap();
    names.to_vec(Path::new(IMAGE)).unwrap().unwrap()
}

#[test]
fn a_new_file_has_four_pages_and_takes_writes() {
    let directory = tempfile::tempdir().unwrap();
    for shift in 10..=16 {
        let page_size = 1u32 << shift;
        let path = directory.path().join(format!("{page_size}.db"));
        let db = lint::open(&path, &Options { page_size, ..writing() }).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 4 * page_size as usize);
        let [first, second] = raw::metas(&bytes).map(Option::unwrap);
        assert_eq!((first.txid, second.txid), (0, 1));
        assert_eq!((second.page_size, second.root, second.freelist, second.high_water), (page_size, 3, 2, 4));
        assert_eq!(raw::assert_sound_file(&bytes).tree, BTreeSet::from([3]));
        put(&db, "key");
        close_sound(&db);
        // An existing file has its own page size.
        let db = lint::open(&path, &Options { page_size: 1024, ..writing() }).unwrap();
        assert_eq!((db.page_size().unwrap(), keys(&db)), (page_size, vec!["key".to_owned()]));
        close_sound(&db);
    }
    assert_eq!(names_in(directory.path()).len(), 7);
}

#[test]
fn a_new_file_has_the_mode_asked_for_less_the_umask() {
    let directory = tempfile::tempdir().unwrap();
    let mode_of = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    let path = directory.path().join("default");
    lint::open(&path, &writing()).unwrap().close().unwrap();
    assert_eq!(mode_of(&path), 0o600);
    for mode in [0o600, 0o640, 0o644, 0o666, 0o400] {
        let plain = directory.path().join("plain");
        #[allow(clippy::disallowed_types, reason = "the system's own way to make a file is the measure")]
        drop(std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&plain).unwrap());
        let path = directory.path().join(format!("{mode:o}"));
        lint::open(&path, &Options { file_mode: mode, ..writing() }).unwrap().close().unwrap();
        assert_eq!(mode_of(&path), mode_of(&plain), "{mode:o}");
        std::fs::remove_file(plain).unwrap();
    }
}

#[test]
fn whatever_fails_during_creation_the_name_has_a_whole_file_or_none() {
    let names = FaultyNamespace::new();
    let path = Path::new("/new.db");
    lint::open_in(&names, path, &writing()).unwrap().close().unwrap();
    let calls: Vec<Call> = names.take_log();
    let whole = names.bytes(path);
    let position = |wanted| calls.iter().position(|call| *call == wanted).unwrap();
    let (linked, last) = (position(Call::Link), position(Call::SyncDirectory));
    let order: Vec<Call> = calls.iter().copied().filter(Call::is_change).collect();
    let len = whole.len() as u64;
    let write = Call::Write { offset: 0, len };
    assert_eq!(order, [Call::Create, Call::Grow { len }, write, Call::Sync, Call::Link, Call::SyncDirectory]);
    for index in 0..=last {
        for fault in [Fault::Not(libc::EIO), Fault::Done(libc::ENOSPC), Fault::Torn(700, libc::EIO)] {
            names.inner.remove(path);
            names.fail_nth(index, fault, |_| true);
            assert!(lint::open_in(&names, path, &writing()).is_err(), "{index} {fault:?}");
            names.heal();
            let found = names.inner.to_vec(path).unwrap();
            assert!(found.as_ref().is_none_or(|bytes| *bytes == whole), "{index} {fault:?}");
            assert!(found.is_none() || index >= linked, "{index} {fault:?}");
            let db = lint::open_in(&names, path, &writing()).unwrap();
            put(&db, "key");
            close_sound_in(&names, &db);
        }
    }
}

/// Names in which another process makes the file just before this one can link its own.
struct Crowded {
    inner: MemoryNamespace,
    other: Vec<u8>,
}

struct CrowdedStorage {
    inner: Box<dyn Storage>,
    names: MemoryNamespace,
    other: Vec<u8>,
}

impl Namespace for Crowded {
    fn open(&self, path: &Path, read_only: bool) -> Result<Option<Box<dyn Storage>>> {
        self.inner.open(path, read_only)
    }

    fn create_unnamed(&self, path: &Path, mode: u32) -> Result<Box<dyn Storage>> {
        let inner = self.inner.create_unnamed(path, mode)?;
        Ok(Box::new(CrowdedStorage { inner, names: self.inner.clone(), other: self.other.clone() }))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.inner.sync_directory(path)
    }
}

impl Storage for CrowdedStorage {
    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, parts: &[std::io::IoSlice<'_>], offset: u64) -> Result<()> {
        self.inner.write_at(parts, offset)
    }

    fn grow(&self, len: u64) -> Result<()> {
        self.inner.grow(len)
    }

    fn sync(&self) -> Result<()> {
        self.inner.sync()
    }

    fn lock(&self, exclusive: bool, timeout: Option<Duration>) -> Result<()> {
        self.inner.lock(exclusive, timeout)
    }

    fn unlock(&self) -> Result<()> {
        self.inner.unlock()
    }

    fn view(
        &self,
        len: u64,
        ahead: u64,
        previous: Option<&bolt::storage::View>,
    ) -> Result<bolt::storage::View> {
        self.inner.view(len, ahead, previous)
    }

    fn link(&self, path: &Path) -> Result<bool> {
        self.names.insert(path, self.other.clone())?;
        self.inner.link(path)
    }
}

#[test]
fn where_the_name_is_taken_meanwhile_what_is_there_is_opened() {
    let names = Crowded { inner: MemoryNamespace::new(), other: sample(1024) };
    let db = Db::open_in(&names, Path::new(IMAGE), &Options { page_size: 4096, ..writing() }).unwrap();
    assert_eq!((keys(&db), db.page_size().unwrap()), (["1", "2", "3"].map(str::to_owned).to_vec(), 1024));
    close_sound_in(&names, &db);
    assert!(names.inner.to_vec(Path::new(IMAGE)).unwrap().unwrap() == names.other);
}

#[test]
fn threads_that_make_the_same_file_at_once_share_one() {
    for round in 0..8 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let db = lint::open(path, &Options { lock_timeout: None, ..writing() }).unwrap();
                    put(&db, &thread.to_string());
                    db.close().unwrap();
                });
            }
        });
        let db = lint::open(&path, &writing()).unwrap();
        assert_eq!(keys(&db), ["0", "1", "2", "3"], "round {round}");
        close_sound(&db);
        assert_eq!(names_in(directory.path()).len(), 1);
    }
}

/// Opens `bytes`, which a crash during creation may have left, and uses the database.
fn assert_begun_afresh(bytes: &[u8], page_size: u32) {
    let names = MemoryNamespace::new();
    names.insert(Path::new(IMAGE), bytes.to_vec()).unwrap();
    if lint::open_in(&names, Path::new(IMAGE), &reading()).is_ok() {
        let is_whole = (10..=16).any(|shift| bytes == new_file(1 << shift));
        assert!(is_whole, "a reader has opened a part of a new file");
    }
    assert!(names.to_vec(Path::new(IMAGE)).unwrap().unwrap() == bytes, "opening for reading has written");
    let db = lint::open_in(&names, Path::new(IMAGE), &Options { page_size, ..writing() }).unwrap();
    assert!(keys(&db).is_empty());
    put(&db, "key");
    db.close().unwrap();
    assert_sound_closed(&names, Path::new(IMAGE));
}

#[test]
fn a_file_of_length_0_is_begun_afresh() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    std::fs::write(&path, b"").unwrap();
    let inode = std::fs::metadata(&path).unwrap().ino();
    assert_eq!(code_of(lint::open(&path, &reading())), code::TOOSHORT);
    let db = lint::open(&path, &writing()).unwrap();
    assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
    put(&db, "key");
    close_sound(&db);
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), inode);
}

#[test]
fn a_new_file_cut_anywhere_is_begun_afresh() {
    let whole = new_file(1024);
    (0..whole.len()).for_each(|len| assert_begun_afresh(&whole[..len], 1024));
    for page_size in [4096, 65536] {
        let whole = new_file(page_size);
        for len in (0..whole.len()).step_by(whole.len() / 32).chain([1, 100, 511, 513, whole.len() - 1]) {
            assert_begun_afresh(&whole[..len], 2048);
        }
    }
}

#[test]
fn a_new_file_of_which_sectors_are_missing_is_begun_afresh() {
    let whole = new_file(1024);
    for missing in 0u32..256 {
        let mut bytes = whole.clone();
        let sectors = bytes.chunks_mut(512).enumerate();
        sectors.filter(|(index, _)| missing & 1 << index != 0).for_each(|(_, sector)| sector.fill(0));
        assert_begun_afresh(&bytes, 4096);
        assert_begun_afresh(&bytes[..4000], 4096);
    }
}

#[test]
fn a_new_file_with_a_sector_torn_within_is_begun_afresh() {
    for page_size in [1024, 4096] {
        let whole = new_file(page_size);
        for place in whole.chunks(512).enumerate().filter(|(_, sector)| sector.iter().any(|&byte| byte != 0))
        {
            for at in (1..90).chain([504]) {
                let start = place.0 * 512;
                let mut head = whole.clone();
                head[start + at..start + 512].fill(0);
                assert_begun_afresh(&head, 4096);
                let mut tail = whole.clone();
                tail[start..start + at].fill(0);
                assert_begun_afresh(&tail, 4096);
            }
        }
    }
}

/// Its maker may have died before its directory was synced, or a sync of his failed: whoever opens it to
/// write makes it durable, before anything that is committed to it can be lost with it.
#[test]
fn a_new_file_to_which_nobody_has_committed_is_made_durable_by_each_opening_for_writing() {
    let whole = new_file(4096);
    let path = Path::new(IMAGE);
    let names = FaultyNamespace::new();
    names.inner.insert(path, whole.clone()).unwrap();
    names.fail_first(Fault::Not(libc::EIO), |call| matches!(call, Call::SyncDirectory));
    assert_eq!(code_of(lint::open_in(&names, path, &writing())), libc::EIO);
    names.heal();
    names.take_log();
    let db = lint::open_in(&names, path, &writing()).unwrap();
    let changes: Vec<Call> = names.take_log().into_iter().filter(Call::is_change).collect();
    let len = whole.len() as u64;
    assert_eq!(
        changes,
        [Call::Grow { len }, Call::Write { offset: 0, len }, Call::Sync, Call::SyncDirectory]
    );
    assert!(names.bytes(path) == whole);
    assert!(warnings(&db).is_empty());
    db.close().unwrap();
    // Readers change nothing, and once something was committed nothing is written any more.
    names.take_log();
    lint::open_in(&names, path, &reading()).unwrap().close().unwrap();
    let db = lint::open_in(&names, path, &writing()).unwrap();
    put(&db, "key");
    db.close().unwrap();
    names.take_log();
    lint::open_in(&names, path, &writing()).unwrap().close().unwrap();
    assert!(!names.take_log().iter().any(Call::is_change));
    assert_sound_closed(&names, path);
}

#[test]
fn nothing_else_is_ever_begun_afresh() {
    let mut without_metas = new_file(1024);
    without_metas[..512].fill(0);
    without_metas[1024..1536].fill(0);
    for offset in (0..4096).step_by(7) {
        let mut bytes = without_metas.clone();
        bytes[offset] ^= 0x40;
        let names = MemoryNamespace::new();
        names.insert(Path::new(IMAGE), bytes.clone()).unwrap();
        assert!(lint::open_in(&names, Path::new(IMAGE), &writing()).is_err(), "byte {offset}");
        assert!(names.to_vec(Path::new(IMAGE)).unwrap().unwrap() == bytes, "byte {offset}");
    }
    let mut used = sample(1024);
    damage_meta(&mut used, 1);
    damage_meta(&mut used, 0);
    for len in [2048, 3000, 4096, used.len()] {
        assert_refused("a used file", &used[..len], code::CHECKSUM);
    }
    let mut used = sample(1024);
    used[..2048].fill(0);
    assert_refused("a used file without metas", &used, code::INVALID);
    assert_refused("the head of a used file without metas", &used[..4096], code::INVALID);
}

#[test]
fn a_crash_while_a_file_is_begun_afresh_leaves_one_that_can_be_begun_again() {
    for old_page_size in [1024, 4096] {
        let mut torn = new_file(old_page_size);
        torn[..512].fill(0);
        torn[old_page_size as usize..old_page_size as usize + 512].fill(0);
        let names = FaultyNamespace::new();
        let path = Path::new(IMAGE);
        names.inner.insert(path, torn.clone()).unwrap();
        lint::open_in(&names, path, &Options { page_size: 2048, ..writing() }).unwrap().close().unwrap();
        let begun = names.bytes(path);
        for missing in 0u32..256 {
            let mut bytes = begun.clone();
            for (index, sector) in bytes.chunks_mut(512).enumerate() {
                if missing & 1 << (index % 8) != 0 {
                    sector
                        .copy_from_slice(&[&torn[..], &vec![0; begun.len()]].concat()[index * 512..][..512]);
                }
            }
            names.inner.insert(path, bytes).unwrap();
            let db = lint::open_in(&names, path, &Options { page_size: 2048, ..writing() }).unwrap();
            put(&db, "key");
            close_sound_in(&names, &db);
        }
    }
}

/// A database in a directory of its own.
fn database() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = lint::open(&path, &writing()).unwrap();
    put(&db, "1");
    close_sound(&db);
    (directory, path)
}

#[test]
fn a_second_handle_waits_for_the_lock_as_long_as_it_is_told() {
    let (_directory, path) = database();
    let first = lint::open(&path, &writing()).unwrap();
    for options in [writing(), reading()] {
        assert_eq!(code_of(lint::open(&path, &options)), code::BUSY);
        let start = Instant::now();
        let patient = Options { lock_timeout: Some(Duration::from_millis(80)), ..options.clone() };
        assert_eq!(code_of(lint::open(&path, &patient)), code::TIMEOUT);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(80) && waited < Duration::from_secs(20), "{waited:?}");
    }
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| lint::open(&path, &Options { lock_timeout: None, ..writing() }).unwrap());
        std::thread::sleep(Duration::from_millis(30));
        assert!(!waiter.is_finished());
        put(&first, "2");
        first.close().unwrap();
        let second = waiter.join().unwrap();
        assert_eq!(keys(&second), ["1", "2"]);
        close_sound(&second);
    });
}

#[test]
fn readers_share_the_lock_and_keep_a_writer_out() {
    let (_directory, path) = database();
    let readers: Vec<Db> = (0..3).map(|_| lint::open(&path, &reading()).unwrap()).collect();
    assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
    for reader in &readers {
        assert_eq!(keys(reader), ["1"]);
        assert!(reader.is_read_only());
        assert!(matches!(reader.begin_write(Wait::Try), Err(Error::ReadOnly)));
        assert_sound(reader);
    }
    let [first, second, third] = <[Db; 3]>::try_from(readers).ok().unwrap();
    first.close().unwrap();
    drop(second);
    assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
    third.close().unwrap();
    let db = lint::open(&path, &writing()).unwrap();
    put(&db, "2");
    close_sound(&db);
}

#[test]
fn the_lock_goes_with_the_last_reference_or_transaction() {
    let (_directory, path) = database();
    let db = lint::open(&path, &writing()).unwrap();
    let clone = db.clone();
    drop(db);
    let txn: Txn = clone.begin_read().unwrap();
    drop(clone);
    assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
    drop(txn);
    close_sound(&lint::open(&path, &writing()).unwrap());
}

#[test]
fn another_process_and_this_one_keep_each_other_out() {
    let (_directory, path) = database();
    for (kind, reader_code) in [("-x", Some(code::BUSY)), ("-s", None)] {
        let mut holder = Command::new("flock")
            .args([kind, path.to_str().unwrap(), "-c", "echo held; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
        assert_eq!(lint::open(&path, &reading()).map(drop).err().map(|error| error.code()), reader_code);
        holder.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(holder.wait().unwrap().success());
    }
    let take = |kind: &str| {
        let taken = Command::new("flock").args(["-n", kind, path.to_str().unwrap(), "-c", "true"]).status();
        taken.unwrap().success()
    };
    let db = lint::open(&path, &writing()).unwrap();
    assert!(!take("-x") && !take("-s"));
    close_sound(&db);
    let db = lint::open(&path, &reading()).unwrap();
    assert!(!take("-x") && take("-s"));
    assert_eq!(dump(&mut db.begin_read().unwrap()).len(), 2);
    db.close().unwrap();
    assert!(take("-x"));
}

#[test]
fn a_file_that_is_renamed_replaced_or_deleted_while_it_is_open_is_written_on_as_the_same_file() {
    let (directory, path) = database();
    let moved = directory.path().join("moved.db");
    let db = lint::open(&path, &writing()).unwrap();
    put(&db, "before");
    std::fs::rename(&path, &moved).unwrap();
    put(&db, "moved");
    let other = lint::open(&path, &writing()).unwrap();
    put(&other, "other");
    put(&db, "replaced");
    assert_eq!(code_of(lint::open(&moved, &reading())), code::BUSY);
    close_sound(&other);
    assert_eq!(keys(&lint::open(&path, &reading()).unwrap()), ["other"]);
    std::fs::remove_file(&moved).unwrap();
    put(&db, "deleted");
    assert_eq!(keys(&db), ["1", "before", "deleted", "moved", "replaced"]);
    assert_sound(&db);
    db.close().unwrap();
    assert!(!moved.exists());
}

#[test]
#[allow(clippy::disallowed_types, reason = "a descriptor is what a caller gives to the library")]
fn a_database_behind_a_descriptor_is_locked_as_one_behind_a_name() {
    let (_directory, path) = database();
    let descriptor = || std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let file = descriptor();
    let db = Db::from_descriptor(file.as_raw_fd(), &writing()).unwrap();
    assert_eq!(code_of(lint::open(&path, &reading())), code::BUSY);
    put(&db, "2");
    assert_sound(&db);
    db.close().unwrap();
    let files = [descriptor(), descriptor()];
    let readers = [0, 1].map(|index| Db::from_descriptor(files[index].as_raw_fd(), &reading()).unwrap());
    assert_eq!(code_of(lint::open(&path, &writing())), code::BUSY);
    for reader in readers {
        assert_eq!(keys(&reader), ["1", "2"]);
        reader.close().unwrap();
    }
    close_sound(&lint::open(&path, &writing()).unwrap());
}
