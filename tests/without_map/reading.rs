//! What is special without a map: reads that fail, what stays in memory and for how long, the two limits.

use std::path::Path;
use std::process::Command;

use bolt::db::{CompactOptions, DbStats};
use bolt::storage::Advice;
use bolt::{BucketId, CheckOptions, Db, Direction, Error, Options, ROOT, Result, Take, Txn, Wait};

use super::common::faulty::{Call, Fault, FaultyNamespace};
use super::common::sound::{close_sound, close_sound_in, write};
use super::common::{assert_sound, dump};

const PATH: &str = "/a.db";
const PAGE_SIZE: u32 = 1024;
const KEY_COUNT: u32 = 3000;
/// What a piece takes beyond its bytes, at most.
const OVERHEAD: u64 = 256;

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn value(number: u32) -> Vec<u8> {
    vec![number as u8; number as usize % 200]
}

fn options(cache_len: u64, lent_len: u64) -> Options {
    Options { page_size: PAGE_SIZE, no_sync: true, no_map: true, cache_len, lent_len, ..Options::default() }
}

/// Some hundred pages in one bucket, a long value in the root bucket, and a bucket that is inline.
fn fill(db: &Db) {
    write(db, |txn| {
        let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
        for number in 0..KEY_COUNT {
            txn.put(bucket, &key(number), &value(number)).unwrap();
        }
        txn.put(ROOT, b"long", &[5; 20_000]).unwrap();
        let inline = txn.create_bucket(ROOT, b"inline").unwrap();
        txn.put(inline, b"key", b"value").unwrap();
    });
}

/// A filled database in memory, open anew, so that it has no page in its cache.
fn filled(cache_len: u64, lent_len: u64) -> (FaultyNamespace, Db) {
    let names = FaultyNamespace::new();
    let db = Db::open_in(&names, Path::new(PATH), &options(0, 0)).unwrap();
    fill(&db);
    db.close().unwrap();
    let db = Db::open_in(&names, Path::new(PATH), &options(cache_len, lent_len)).unwrap();
    (names, db)
}

fn stats(db: &Db) -> DbStats {
    db.stats(false).unwrap()
}

fn bucket(txn: &mut Txn) -> BucketId {
    txn.bucket(ROOT, b"bucket").unwrap()
}

/// Goes through the bucket without keeping anything, and says how many entries there are.
fn visit(txn: &Txn, bucket: BucketId) -> Result<u32> {
    let mut count = 0;
    txn.cursor(bucket)?.visit(txn, Direction::Forward, |entry| {
        assert_eq!((entry.key, entry.value), (&key(count)[..], Some(&value(count)[..])));
        count += 1;
        Take::More
    })?;
    Ok(count)
}

#[test]
fn a_file_that_another_process_cuts_short_is_an_error_and_what_was_given_out_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = Db::open(&path, &options(0, 0)).unwrap();
    fill(&db);
    let before = std::fs::read(&path).unwrap();
    let mut txn = db.begin_read().unwrap();
    let bucket = bucket(&mut txn);
    let kept = txn.get(bucket, &key(199)).unwrap().unwrap();
    let cut = Command::new("truncate").args(["--size", &(5 * PAGE_SIZE).to_string()]).arg(&path).status();
    assert!(cut.unwrap().success());
    let failed = (0..KEY_COUNT).filter(|&number| match txn.get(bucket, &key(number)) {
        Ok(found) => {
            assert_eq!(found, Some(&value(number)[..]));
            false
        }
        Err(error) => {
            assert!(matches!(error, Error::Truncated { .. }), "{error}");
            true
        }
    });
    assert!(failed.count() > KEY_COUNT as usize * 9 / 10);
    assert!(matches!(visit(&txn, bucket), Err(Error::Truncated { .. })));
    let mut cursor = txn.cursor(bucket).unwrap();
    assert!(matches!(cursor.last(&txn), Err(Error::Truncated { .. })));
    assert!(txn.check(CheckOptions::default(), |_| Ok(())).is_ok_and(|count| count > 0));
    assert_eq!(kept, value(199));
    let refused = db.begin_write(Wait::Try).and_then(|mut txn| {
        let bucket = txn.bucket(ROOT, b"bucket")?;
        txn.put(bucket, b"key", b"value")?;
        txn.commit()
    });
    assert!(matches!(refused, Err(Error::Truncated { .. })));
    std::fs::write(&path, before).unwrap();
    assert_eq!(visit(&txn, bucket).unwrap(), KEY_COUNT);
    drop(txn);
    close_sound(&db);
}

fn is_read(call: &Call) -> bool {
    matches!(call, Call::Read { .. })
}

/// Reads and writes of every kind.
fn use_everything(txn: &mut Txn) -> Result<()> {
    let bucket = txn.bucket(ROOT, b"bucket")?;
    assert_eq!(txn.get(bucket, &key(700))?, Some(&value(700)[..]));
    assert_eq!(txn.get_with(ROOT, b"long", <[u8]>::len)?, Some(20_000));
    let inline = txn.bucket(ROOT, b"inline")?;
    assert_eq!(txn.get(inline, b"key")?, Some(&b"value"[..]));
    let mut values = [None; 3];
    txn.get_many(bucket, &[&key(1), &key(1500), &key(2999)], &mut values)?;
    assert_eq!(values.map(|value| value.is_some()), [true; 3]);
    let mut cursor = txn.cursor(bucket)?;
    assert!(cursor.seek(txn, &key(1234))?.is_some() && cursor.prev(txn)?.is_some());
    let mut count = 0;
    cursor.take(txn, Direction::Forward, |_| {
        count += 1;
        if count < 100 { Take::More } else { Take::Enough }
    })?;
    assert_eq!(visit(txn, bucket)?, KEY_COUNT);
    assert_eq!(txn.bucket_stats(bucket)?.key_count, u64::from(KEY_COUNT));
    assert_eq!(txn.check(CheckOptions::default(), |_| Ok(()))?, 0);
    let mut inspection = txn.inspect(ROOT)?;
    while inspection.next(txn)?.is_some() {}
    if txn.is_writable() {
        txn.put(bucket, &key(10), b"new")?;
        txn.delete_range(bucket, Some(&key(500)), Some(&key(900)))?;
        txn.delete_bucket(ROOT, b"inline")?;
        txn.move_bucket(ROOT, b"bucket", inline).unwrap_err();
        txn.delete(bucket, &key(2000))?;
    }
    Ok(())
}

#[test]
fn whichever_read_fails_the_call_says_so_and_the_next_one_succeeds() {
    for is_writer in [false, true] {
        for cache_len in [0, 1 << 20] {
            let (mut index, mut failed_count) = (0, 0);
            loop {
                let (names, db) = filled(cache_len, 0);
                let lines = dump(&mut db.begin_read().unwrap());
                names.take_log();
                names.fail_nth(index, Fault::Not(libc::EIO), is_read);
                let mut txn = if is_writer { db.begin_write(Wait::Try) } else { db.begin_read() };
                let done = txn.as_mut().map_err(|error| error.again()).and_then(use_everything);
                let done = match (txn, done) {
                    (Ok(txn), Ok(())) if is_writer => txn.commit(),
                    (_, done) => done,
                };
                names.heal();
                let failed = names.take_log().into_iter().filter(is_read).nth(index);
                match done {
                    Ok(()) if failed.is_none() => break,
                    // The checker tries several times to read the meta pages.
                    Ok(()) => assert!(matches!(failed, Some(Call::Read { len: 64 | 80, .. })), "{failed:?}"),
                    Err(error) => {
                        assert_eq!(error.code(), libc::EIO, "{error}");
                        assert_eq!(dump(&mut db.begin_read().unwrap()), lines);
                        failed_count += 1;
                    }
                }
                if !lines.is_empty() && failed_count % 4 == 1 {
                    write(&db, |txn| txn.put(ROOT, b"after", b"it goes on").unwrap());
                }
                close_sound_in(&names, &db);
                index = index * 9 / 8 + 1;
            }
            assert!(failed_count > 10, "only {failed_count} reads");
        }
    }
}

#[test]
fn what_is_only_passed_is_kept_within_the_limit() {
    for cache_len in [0, 30_000, 1 << 20] {
        let (names, db) = filled(cache_len, 0);
        let mut txn = db.begin_read().unwrap();
        let bucket = bucket(&mut txn);
        let lent_len = stats(&db).lent_len;
        let within = || {
            let stats = stats(&db);
            assert!(stats.cached_len <= cache_len && stats.cached_len <= stats.private_len);
            assert!(stats.private_len < cache_len + (1 << 17), "{}", stats.private_len);
            assert_eq!(stats.lent_len, lent_len);
        };
        for number in (0..KEY_COUNT).rev() {
            let found = txn.get_with(bucket, &key(number), |found| found == value(number));
            assert_eq!(found.unwrap(), Some(true));
            assert_eq!(txn.get(bucket, &[&key(number)[..], b"?"].concat()).unwrap(), None);
            within();
        }
        assert_eq!(visit(&txn, bucket).unwrap(), KEY_COUNT);
        within();
        assert_eq!(txn.check(CheckOptions::default(), |_| Ok(())).unwrap(), 0);
        within();
        assert_eq!(txn.bucket_stats(bucket).unwrap().key_count, u64::from(KEY_COUNT));
        within();
        txn.write_to::<Error>(|_| Ok(())).unwrap();
        within();
        drop(txn);
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("copy.db");
        db.compact::<Error>(&copy, &CompactOptions::default(), |_| Ok(())).unwrap();
        assert!(stats(&db).cached_len <= cache_len && stats(&db).lent_len == 0);
        close_sound_in(&names, &db);
    }
}

#[test]
fn what_is_in_the_cache_is_not_read_again_until_it_is_written() {
    let (names, db) = filled(1 << 20, 0);
    let read_count = |txn: &Txn, bucket| {
        names.take_log();
        assert_eq!(visit(txn, bucket).unwrap(), KEY_COUNT);
        names.take_log().iter().filter(|call| matches!(call, Call::Read { .. })).count()
    };
    let mut txn = db.begin_read().unwrap();
    let id = bucket(&mut txn);
    assert!(read_count(&txn, id) > 100);
    assert_eq!(read_count(&txn, id), 0);
    write(&db, |txn| {
        let id = bucket(txn);
        txn.put(id, &key(0), &value(0)).unwrap();
    });
    assert_eq!(read_count(&txn, id), 0);
    txn.renew().unwrap();
    let id = bucket(&mut txn);
    let anew = read_count(&txn, id);
    assert!((1..10).contains(&anew), "{anew}");
    drop(txn);
    close_sound_in(&names, &db);
}

#[test]
fn past_the_second_limit_the_call_fails_and_the_transaction_goes_on() {
    let lent_max = 50 * (u64::from(PAGE_SIZE) + OVERHEAD);
    let (names, db) = filled(10_000, lent_max);
    let mut txn = db.begin_read().unwrap();
    let id = bucket(&mut txn);
    let mut cursor = txn.cursor(id).unwrap();
    let mut kept = Vec::new();
    let refused = loop {
        match cursor.next_or_first(&txn) {
            Ok(Some(entry)) => kept.push((entry.key, entry.value.unwrap())),
            Ok(None) => panic!("all {} entries were given out", kept.len()),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), libc::ENOMEM);
    assert!(kept.len() > 200 && stats(&db).lent_len <= lent_max);
    // It stands where it stood, and what needs no further page goes on.
    assert_eq!(cursor.current(&txn).unwrap().unwrap().key, kept.last().unwrap().0);
    assert_eq!(cursor.next(&txn).unwrap_err().code(), libc::ENOMEM);
    assert_eq!(txn.get(id, &key(0)).unwrap(), Some(&value(0)[..]));
    assert_eq!(txn.get_with(id, &key(2999), <[u8]>::len).unwrap(), Some(value(2999).len()));
    assert_eq!(visit(&txn, id).unwrap(), KEY_COUNT);
    // The limit is everybody's; a writer that changes nothing lent fails alone.
    let mut writer = db.begin_write(Wait::Try).unwrap();
    let code =
        writer.bucket(ROOT, b"bucket").and_then(|id| writer.put(id, &key(2500), b"")).map_err(|e| e.code());
    assert_eq!(code, Err(libc::ENOMEM));
    drop(writer);
    for (number, (key_bytes, value_bytes)) in (0..).zip(&kept) {
        assert_eq!((*key_bytes, *value_bytes), (&key(number)[..], &value(number)[..]));
    }
    txn.reset().unwrap();
    assert_eq!(stats(&db).lent_len, 0);
    write(&db, |txn| {
        let id = bucket(txn);
        txn.put(id, &key(2500), &value(2500)).unwrap();
    });
    txn.renew().unwrap();
    let id = bucket(&mut txn);
    let mut cursor = txn.cursor(id).unwrap();
    assert_eq!(cursor.last(&txn).unwrap().unwrap().key, key(KEY_COUNT - 1));
    drop(txn);
    assert_eq!(stats(&db).lent_len, 0);
    close_sound_in(&names, &db);
}

#[test]
fn a_write_transaction_too_large_for_the_limit_fails_and_smaller_ones_do_it() {
    let (names, db) = filled(10_000, 60 * (u64::from(PAGE_SIZE) + OVERHEAD));
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let id = bucket(&mut txn);
    let other = |number| vec![!(number as u8); value(number).len()];
    let refused = (0..KEY_COUNT).find_map(|number| txn.put(id, &key(number), &other(number)).err());
    assert_eq!(refused.unwrap().code(), libc::ENOMEM);
    assert_eq!(txn.get_with(id, &key(0), <[u8]>::to_vec).unwrap(), Some(other(0)));
    txn.commit().unwrap();
    assert_sound(&db);
    for start in (0..KEY_COUNT).step_by(200) {
        write(&db, |txn| {
            let id = bucket(txn);
            (start..start + 200).for_each(|number| txn.put(id, &key(number), &other(number)).unwrap());
        });
    }
    let mut txn = db.begin_read().unwrap();
    let id = bucket(&mut txn);
    for number in 0..KEY_COUNT {
        assert_eq!(txn.get_with(id, &key(number), <[u8]>::to_vec).unwrap(), Some(other(number)));
    }
    drop(txn);
    close_sound_in(&names, &db);
}

#[test]
fn bytes_given_out_stay_while_all_of_the_file_passes_and_others_write() {
    let (names, db) = filled(5_000, 0);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mut txn = db.begin_read().unwrap();
            std::thread::spawn(move || {
                let id = bucket(&mut txn);
                let mut kept = Vec::new();
                for number in (thread..KEY_COUNT).step_by(7) {
                    kept.push((number, txn.get(id, &key(number)).unwrap().unwrap()));
                }
                assert_eq!(visit(&txn, id).unwrap(), KEY_COUNT);
                kept.iter().for_each(|(number, found)| assert_eq!(*found, value(*number)));
            })
        })
        .collect();
    for round in 0..20 {
        write(&db, |txn| {
            let id = bucket(txn);
            (0..50).for_each(|number| txn.put(id, &key(number * 50 + round), b"other").unwrap());
        });
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(stats(&db).lent_len, 0);
    close_sound_in(&names, &db);
}

#[test]
fn a_page_that_is_read_again_is_checked_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = Db::open(&path, &options(0, 0)).unwrap();
    fill(&db);
    let mut txn = db.begin_read().unwrap();
    let id = bucket(&mut txn);
    assert_eq!(visit(&txn, id).unwrap(), KEY_COUNT);
    let sound = std::fs::read(&path).unwrap();
    let mut damaged = sound.clone();
    // The position of the second element of each leaf: its key lies where that of the first does.
    for page in damaged.chunks_mut(PAGE_SIZE as usize).skip(2) {
        if page[8] == 2 {
            page.copy_within(20..24, 36);
        }
    }
    std::fs::write(&path, damaged).unwrap();
    assert!(matches!(visit(&txn, id), Err(Error::Corrupt { .. })));
    assert!(matches!(txn.get_with(id, &key(700), <[u8]>::len), Err(Error::Corrupt { .. })));
    std::fs::write(&path, sound).unwrap();
    assert_eq!(visit(&txn, id).unwrap(), KEY_COUNT);
    drop(txn);
    close_sound(&db);
}

#[test]
fn there_is_no_map_to_be_locked_or_advised() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let locked = Options { lock_memory: true, ..options(0, 0) };
    assert!(matches!(Db::open(&path, &locked).map(drop), Err(Error::Argument(_))));
    let db = Db::open(&path, &Options { populate: true, initial_map_len: 1 << 30, ..options(0, 0) }).unwrap();
    for advice in [Advice::Random, Advice::WillNeed, Advice::Populate] {
        db.advise(advice).unwrap();
    }
    let stats = db.stats(true).unwrap();
    assert_eq!((stats.mapped_len, stats.resident_len), (0, Some(0)));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains(path.to_str().unwrap()));
    close_sound(&db);
}
