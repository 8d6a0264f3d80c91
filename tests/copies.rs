//! Backups and compaction: what the copies hold, that they appear whole or not at all, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::disallowed_types, reason = "the tests look at the files that the library makes")]

mod common;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use bolt::db::{BackupInfo, BackupOptions, CompactOptions, backup, backup_to_descriptor, stream};
use bolt::format::meta::Meta;
use bolt::{Db, Error, FreelistMode, Options, ROOT, Result, Wait};
use common::churn::churn;
use common::edit::Image;
use common::lint;
use common::random::Random;
use common::sound::{assert_sound_closed, write};
use common::{assert_sound, dump, open, raw};
use tempfile::TempDir;

fn silent(_: u64, _: u64) -> Result<()> {
    Ok(())
}

/// A database in a directory of its own, changed many times.
fn churned(page_size: u32, seed: u64) -> (TempDir, Db) {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("source.db"), page_size);
    let mut random = Random::new(seed);
    for _ in 0..40 {
        write(&db, |txn| churn(txn, &mut random));
    }
    write(&db, |txn| {
        txn.set_sequence(ROOT, 77).unwrap();
        let large = txn.create_bucket(ROOT, b"large").unwrap();
        for number in 0..2000_u32 {
            txn.put(large, &number.to_be_bytes(), &random.bytes(100)).unwrap();
        }
    });
    (directory, db)
}

fn lines(db: &Db) -> Vec<String> {
    let mut txn = db.begin_read().unwrap();
    let mut lines = dump(&mut txn);
    lines.push(format!("the root's sequence is {}", txn.sequence(ROOT).unwrap()));
    lines
}

/// The names in the directory.
fn names(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Opens a copy without an owner, and holds it against these lines.
fn assert_copy(path: &Path, expected: &[String]) {
    assert_sound_closed(&bolt::storage::file::FileNamespace, path);
    let copy = lint::open(path, &Options { no_sync: true, ..common::options() }).unwrap();
    assert!(lines(&copy) == expected, "the copy holds something else");
    write(&copy, |txn| assert_ne!(txn.create_bucket(ROOT, b"written to the copy").unwrap(), ROOT));
    assert_sound(&copy);
    copy.close().unwrap();
}

#[test]
fn a_backup_is_the_database_as_its_transaction_sees_it_whatever_is_committed_meanwhile() {
    for page_size in [1024, 4096, 65536] {
        let (directory, db) = churned(page_size, 1);
        let expected = lines(&db);
        let txn = db.begin_read().unwrap();
        let mut random = Random::new(2);
        let copy = directory.path().join("copy.db");
        let (mut last, mut calls) = (0, 0);
        let info = backup::<Error>(&txn, &copy, BackupOptions::default(), |done, total| {
            assert!(done > last && done <= total && total == txn.len());
            (last, calls) = (done, calls + 1);
            write(&db, |txn| churn(txn, &mut random));
            Ok(())
        })
        .unwrap();
        assert!(last == txn.len() && calls >= 3);
        let bytes = std::fs::read(&copy).unwrap();
        assert_eq!(info, BackupInfo { len: txn.len(), crc32: crc32fast::hash(&bytes) });
        assert_eq!(bytes.len() as u64, info.len);
        assert_copy(&copy, &expected);
        assert!(lines(&db) != expected);
    }
}

#[test]
fn a_backup_has_the_meta_twice_and_the_pages_as_they_stand() {
    let (directory, db) = churned(1024, 3);
    let txn = db.begin_read().unwrap();
    let mut streamed = Vec::new();
    stream::<Error>(&txn, silent, |bytes| {
        streamed.extend_from_slice(bytes);
        Ok(())
    })
    .unwrap();
    let file = std::fs::read(directory.path().join("source.db")).unwrap();
    assert_eq!(streamed[2048..], file[2048..streamed.len()]);
    let metas = [0, 1024].map(|offset| Meta::decode(&streamed[offset..]).unwrap());
    let (_, newest) = raw::newest(&file);
    assert_eq!(metas[0], newest);
    assert_eq!(metas[1], Meta { txid: newest.txid - 1, ..newest });
    for (slot, offset) in [(0, 0), (1, 1024)] {
        assert_eq!(streamed[offset], slot);
        assert!(streamed[offset + 80..offset + 1024].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_writer_s_backup_is_the_state_from_which_it_began() {
    let (directory, db) = churned(4096, 4);
    let expected = lines(&db);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    txn.create_bucket(ROOT, b"not committed").unwrap();
    let copy = directory.path().join("copy.db");
    backup::<Error>(&txn, &copy, BackupOptions::default(), silent).unwrap();
    assert_copy(&copy, &expected);
}

#[test]
fn a_backup_that_is_stopped_leaves_no_file() {
    let (directory, db) = churned(1024, 5);
    let before = names(&directory);
    let txn = db.begin_read().unwrap();
    let copy = directory.path().join("copy.db");
    let mut calls = 0;
    let stopped = backup::<Error>(&txn, &copy, BackupOptions::default(), |_, _| {
        calls += 1;
        if calls == 2 { Err(Error::KeySize(42)) } else { Ok(()) }
    });
    assert!(matches!(stopped, Err(Error::KeySize(42))));
    assert_eq!((calls, names(&directory)), (2, before));
}

#[test]
fn a_name_that_is_taken_is_left_alone_unless_it_is_to_be_replaced() {
    let (directory, db) = churned(1024, 6);
    let expected = lines(&db);
    let txn = db.begin_read().unwrap();
    let copy = directory.path().join("copy.db");
    std::fs::write(&copy, "something else").unwrap();
    let mut calls = 0;
    let refused = backup::<Error>(&txn, &copy, BackupOptions::default(), |_, _| {
        calls += 1;
        Ok(())
    });
    assert!(matches!(refused, Err(Error::Exists)) && calls == 0);
    assert!(matches!(db.compact::<Error>(&copy, &CompactOptions::default(), |_| Ok(())), Err(Error::Exists)));
    assert_eq!(std::fs::read(&copy).unwrap(), b"something else");
    backup::<Error>(&txn, &copy, BackupOptions { replace: true, file_mode: 0 }, silent).unwrap();
    assert_copy(&copy, &expected);
    let options = CompactOptions { replace: true, ..CompactOptions::default() };
    db.compact::<Error>(&copy, &options, |_| Ok(())).unwrap();
    assert_copy(&copy, &expected);
    assert_eq!(names(&directory), ["copy.db", "source.db"]);
}

#[test]
fn the_database_s_own_file_is_never_replaced_under_whatever_name() {
    let (directory, db) = churned(1024, 7);
    let own = directory.path().join("source.db");
    let (hard, soft) = (directory.path().join("hard"), directory.path().join("soft"));
    std::fs::hard_link(&own, &hard).unwrap();
    std::os::unix::fs::symlink(&own, &soft).unwrap();
    let expected = lines(&db);
    let txn = db.begin_read().unwrap();
    for path in [&own, &hard, &soft] {
        let options = BackupOptions { replace: true, file_mode: 0 };
        assert!(matches!(backup::<Error>(&txn, path, options, silent), Err(Error::Argument(_))));
        let options = CompactOptions { replace: true, ..CompactOptions::default() };
        assert!(matches!(db.compact::<Error>(path, &options, |_| Ok(())), Err(Error::Argument(_))));
    }
    drop(txn);
    assert_eq!(lines(&db), expected);
    db.close().unwrap();
    assert_copy(&own, &expected);
}

#[test]
fn a_copy_has_the_mode_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, db) = churned(1024, 8);
    let txn = db.begin_read().unwrap();
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (asked, got) in [(0, 0o600), (0o600, 0o600), (0o440, 0o440)] {
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        backup::<Error>(&txn, &one, BackupOptions { replace: false, file_mode: asked }, silent).unwrap();
        assert_eq!(mode(&one), got);
        std::fs::remove_file(&one).unwrap();
        if asked != 0 {
            let target = Options { file_mode: asked, ..common::options() };
            let options = CompactOptions { target, ..CompactOptions::default() };
            db.compact::<Error>(&two, &options, |_| Ok(())).unwrap();
            assert_eq!(mode(&two), got);
            std::fs::remove_file(&two).unwrap();
        }
    }
}

#[test]
fn a_backup_goes_through_a_pipe_and_what_a_descriptor_refuses_comes_back() {
    let (_directory, db) = churned(4096, 9);
    let txn = db.begin_read().unwrap();
    let mut expected = Vec::new();
    let info = stream::<Error>(&txn, silent, |bytes| {
        expected.extend_from_slice(bytes);
        Ok(())
    })
    .unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let received = std::thread::spawn(move || {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        received
    });
    assert_eq!(backup_to_descriptor::<Error>(&txn, writer.as_raw_fd(), silent).unwrap(), info);
    drop(writer);
    assert_eq!(received.join().unwrap(), expected);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let refused = backup_to_descriptor::<Error>(&txn, full.as_raw_fd(), silent).unwrap_err();
    assert_eq!(refused.code(), libc::ENOSPC);
    assert_eq!(backup_to_descriptor::<Error>(&txn, -1, silent).unwrap_err().code(), libc::EBADF);
}

#[test]
fn a_database_in_memory_is_backed_up_to_bytes_that_open_again() {
    let db = Db::in_memory(&Options { page_size: 1024, ..common::options() }).unwrap();
    let mut random = Random::new(10);
    for _ in 0..30 {
        write(&db, |txn| churn(txn, &mut random));
    }
    let expected = lines(&db);
    let mut bytes = Vec::new();
    stream::<Error>(&db.begin_read().unwrap(), silent, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    let copy = Db::from_bytes(bytes.clone(), &common::options()).unwrap();
    assert_eq!(lines(&copy), expected);
    write(&copy, |txn| churn(txn, &mut random));
    assert_sound(&copy);
    let reading = Db::from_bytes(bytes, &Options { read_only: true, ..common::options() }).unwrap();
    assert_eq!(lines(&reading), expected);
    assert!(matches!(reading.begin_write(Wait::Try), Err(Error::ReadOnly)));
}

#[test]
fn a_compacted_database_holds_the_same_in_no_more_room() {
    for (page_size, seed) in [(1024, 11), (4096, 12)] {
        let (directory, db) = churned(page_size, seed);
        let expected = lines(&db);
        let used = db.info().unwrap().high_water * u64::from(page_size);
        let content = content_len(&db);
        for (number, txn_max_len) in [0, 1, 5000, 1 << 30].into_iter().enumerate() {
            let copy = directory.path().join(format!("{number}.db"));
            let options = CompactOptions { txn_max_len, ..CompactOptions::default() };
            let mut last = 0;
            db.compact::<Error>(&copy, &options, |done| {
                assert!(done >= last);
                last = done;
                Ok(())
            })
            .unwrap();
            assert_eq!(last, content);
            let bytes = std::fs::read(&copy).unwrap();
            let (_, meta) = raw::newest(&bytes);
            assert_eq!(
                bytes.len() as u64,
                meta.high_water * u64::from(page_size),
                "no byte behind the last page"
            );
            if txn_max_len != 1 {
                assert!((bytes.len() as u64) < used, "{} of {used} bytes", bytes.len());
            }
            assert_copy(&copy, &expected);
        }
    }
}

/// The bytes of all keys, names and values.
fn content_len(db: &Db) -> u64 {
    let mut txn = db.begin_read().unwrap();
    let mut open = vec![ROOT];
    let mut sum = 0;
    while let Some(bucket) = open.pop() {
        for (key, value) in common::entries(&txn, bucket, false) {
            sum += key.len() + value.as_ref().map_or(0, Vec::len);
            if value.is_none() {
                open.push(txn.bucket(bucket, &key).unwrap());
            }
        }
    }
    sum as u64
}

#[test]
fn a_compacted_database_has_full_pages() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("source.db"), 4096);
    let mut random = Random::new(13);
    for _ in 0..40 {
        write(&db, |txn| {
            let bucket = txn.ensure_bucket(ROOT, b"b").unwrap();
            for _ in 0..250 {
                let key = random.next().to_be_bytes();
                txn.put(bucket, &key, &[7; 92]).unwrap();
            }
        });
    }
    let copy = directory.path().join("copy.db");
    db.compact::<Error>(&copy, &CompactOptions::default(), |_| Ok(())).unwrap();
    let (len, content) = (std::fs::metadata(&copy).unwrap().len(), 10_000 * (8 + 92 + 16));
    assert!(len < content * 105 / 100, "{len} bytes for {content}");
}

#[test]
fn a_compaction_copies_the_state_at_its_beginning() {
    let (directory, db) = churned(1024, 14);
    let expected = lines(&db);
    let copy = directory.path().join("copy.db");
    let mut random = Random::new(15);
    let options = CompactOptions { txn_max_len: 3000, ..CompactOptions::default() };
    let mut calls = 0;
    db.compact::<Error>(&copy, &options, |_| {
        calls += 1;
        write(&db, |txn| churn(txn, &mut random));
        Ok(())
    })
    .unwrap();
    assert!(calls > 1);
    assert_copy(&copy, &expected);
}

#[test]
fn a_compaction_that_is_stopped_or_fails_leaves_no_file() {
    let (directory, db) = churned(1024, 16);
    let before = names(&directory);
    let copy = directory.path().join("copy.db");
    for txn_max_len in [0, 2000] {
        let options = CompactOptions { txn_max_len, ..CompactOptions::default() };
        let stopped = db.compact::<Error>(&copy, &options, |_| Err(Error::KeySize(43)));
        assert!(matches!(stopped, Err(Error::KeySize(43))));
        let target = Options { max_len: 8192, ..common::options() };
        let options = CompactOptions { target, ..options };
        assert!(matches!(db.compact::<Error>(&copy, &options, |_| Ok(())), Err(Error::Full(8192))));
        assert_eq!(names(&directory), before);
    }
    let missing = directory.path().join("no such directory/copy.db");
    let refused = db.compact::<Error>(&missing, &CompactOptions::default(), |_| Ok(())).unwrap_err();
    assert_eq!(refused.code(), libc::ENOENT);
}

#[test]
fn a_damaged_source_is_reported_and_leaves_no_file() {
    let (directory, db) = churned(1024, 17);
    db.close().unwrap();
    let mut image = Image::read(&directory.path().join("source.db"));
    let root = image.bucket_root(&["large"]);
    let leaf = *image.leaves(root).last().unwrap();
    image.page_mut(leaf)[8] = 0x77;
    let db = image.open().unwrap();
    let copy = directory.path().join("copy.db");
    let refused = db.compact::<Error>(&copy, &CompactOptions::default(), |_| Ok(()));
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    assert_eq!(names(&directory), ["source.db"]);
}

#[test]
fn a_compaction_changes_page_size_rules_and_freelist_as_asked() {
    let (directory, db) = churned(4096, 18);
    let expected = lines(&db);
    let plain = Options { page_size: 0, ..common::options() };
    let targets = [
        Options { page_size: 1024, ..plain.clone() },
        Options { page_size: 65536, ..plain.clone() },
        Options { bbolt_rules: true, ..plain.clone() },
        Options { fill_percent: Some(0.5), ..plain.clone() },
        Options { freelist_mode: FreelistMode::Never, ..plain.clone() },
    ];
    for (number, target) in targets.into_iter().enumerate() {
        let copy = directory.path().join(format!("{number}.db"));
        let page_size = if target.page_size == 0 { 4096 } else { target.page_size };
        let never = target.freelist_mode == FreelistMode::Never;
        let options = CompactOptions { txn_max_len: 20_000, target, ..CompactOptions::default() };
        db.compact::<Error>(&copy, &options, |_| Ok(())).unwrap();
        let (_, meta) = raw::newest(&std::fs::read(&copy).unwrap());
        assert_eq!((meta.page_size, meta.freelist == u64::MAX), (page_size, never));
        assert_copy(&copy, &expected);
    }
    let bad = Options { page_size: 1000, ..plain };
    let options = CompactOptions { target: bad, ..CompactOptions::default() };
    let refused = db.compact::<Error>(&directory.path().join("bad.db"), &options, |_| Ok(()));
    assert!(matches!(refused, Err(Error::Incompatible(_))));
}

#[test]
fn buckets_nested_ten_thousand_deep_are_compacted_in_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    // The linter cannot follow buckets as deep as these.
    let options = Options { page_size: 4096, no_sync: true, ..common::options() };
    let db = Db::open(&directory.path().join("source.db"), &options).unwrap();
    write(&db, |txn| {
        let mut bucket = ROOT;
        for level in 0..10_000_u32 {
            bucket = txn.create_bucket(bucket, b"in").unwrap();
            txn.put(bucket, b"key", &level.to_be_bytes()).unwrap();
        }
    });
    for txn_max_len in [0, 20_000] {
        let copy = directory.path().join(format!("{txn_max_len}.db"));
        let options = CompactOptions { txn_max_len, ..CompactOptions::default() };
        let began = std::time::Instant::now();
        db.compact::<Error>(&copy, &options, |_| Ok(())).unwrap();
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
        let copied = lint::open(&copy, &Options { read_only: true, ..common::options() }).unwrap();
        assert_sound(&copied);
        let mut txn = copied.begin_read().unwrap();
        let deepest = (0..10_000).fold(ROOT, |bucket, _| txn.bucket(bucket, b"in").unwrap());
        assert_eq!(txn.get(deepest, b"key").unwrap(), Some(&9999_u32.to_be_bytes()[..]));
    }
}

#[test]
fn the_files_of_go_programs_are_copied_whole() {
    let directory = tempfile::tempdir().unwrap();
    for fixture in ["etcd.db", "containerd.db"] {
        let options = Options { read_only: true, ..common::options() };
        let db = lint::open(&common::fixture(fixture), &options).unwrap();
        let expected = lines(&db);
        let (one, two) = (directory.path().join("backup"), directory.path().join("compacted"));
        backup::<Error>(&db.begin_read().unwrap(), &one, BackupOptions::default(), silent).unwrap();
        db.compact::<Error>(&two, &CompactOptions::default(), |_| Ok(())).unwrap();
        for copy in [one, two] {
            assert_copy(&copy, &expected);
            std::fs::remove_file(copy).unwrap();
        }
    }
}
