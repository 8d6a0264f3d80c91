//! Sound files, of which nothing is to be said.

use super::*;

#[test]
fn the_fixtures_have_no_findings() {
    for name in ["etcd.db", "containerd.db"] {
        assert_eq!(Image::read(&fixture(name)).findings(), [], "{name}");
    }
}

#[test]
fn the_file_of_these_tests_has_none() {
    assert_eq!(SOUND.findings(), []);
}

#[test]
fn files_of_all_page_sizes_have_none_with_a_freelist_and_without() {
    let dir = tempfile::tempdir().unwrap();
    for shift in 10..=16 {
        for mode in [FreelistMode::EachCommit, FreelistMode::Never, FreelistMode::Automatic] {
            let db = open(&dir.path().join(format!("{shift}-{mode:?}.db")), 1 << shift);
            db.set_freelist_mode(mode);
            assert_sound(&db);
            fill(&db);
            assert_sound(&db);
            db.close().unwrap();
        }
    }
}

#[test]
fn a_write_transaction_checks_the_state_it_began_from() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&copy_of("etcd.db", dir.path()), &common::options()).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"new").unwrap();
    for number in 0..500 {
        txn.put(bucket, key(number).as_bytes(), b"value").unwrap();
    }
    assert_eq!(txn.check(CheckOptions::default(), |_| Ok(())).unwrap(), 0);
    txn.commit().unwrap();
    assert_sound(&db);
}

#[test]
fn a_reader_checks_its_own_snapshot_while_others_commit() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("a.db"), 1024);
    fill(&db);
    let reader = db.begin_read().unwrap();
    for round in 0..5u8 {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let bucket = txn.bucket(ROOT, b"large").unwrap();
        for number in 0..2000 {
            txn.put(bucket, key(2 * number).as_bytes(), &[round; 50]).unwrap();
        }
        txn.commit().unwrap();
        assert_eq!(reader.check(CheckOptions::default(), |_| Ok(())).unwrap(), 0);
        assert_sound(&db);
    }
}

#[test]
fn a_transaction_that_was_reset_has_nothing_to_check() {
    let db = SOUND.open().unwrap();
    let mut txn = db.begin_read().unwrap();
    txn.reset().unwrap();
    let result = txn.check(CheckOptions::default(), |_| Ok(()));
    assert!(matches!(result, Err(Error::BadHandle(_))), "{result:?}");
}

#[test]
fn buckets_nested_20_000_deep_are_checked_without_recursion() {
    let names = MemoryNamespace::new();
    let path = Path::new("/deep.db");
    let options = Options { page_size: 1024, no_sync: true, ..common::options() };
    let db = Db::open_in(&names, path, &options).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let mut bucket = ROOT;
    for _ in 0..20_000 {
        bucket = txn.create_bucket(bucket, b"deeper").unwrap();
    }
    txn.put(bucket, b"key", b"value").unwrap();
    txn.commit().unwrap();
    assert_sound(&db);
    db.close().unwrap();

    let mut image = Image::new(names.to_vec(path).unwrap().unwrap());
    let mut page = image.meta().root;
    for _ in 0..19_990 {
        page = image.element_root(page, 0);
    }
    image.set_u64(page, ID, 1);
    assert_eq!(image.codes(), [(Code::PageId, page)]);
}
