//! What is said, and how the check is ended.

use super::*;

fn damaged() -> Db {
    let (mut image, places) = sound();
    for index in 2..6 {
        image.key_mut(places.leaf, index)[0] = b'a';
        image.set_free_id(index, 0);
    }
    image.open().unwrap()
}

fn check_until(txn: &Txn, limit: usize) -> (bolt::Result<u64>, usize) {
    let mut seen = 0;
    let result = txn.check(CheckOptions::default(), |_| {
        seen += 1;
        if seen == limit { Err(Error::Argument("enough")) } else { Ok(()) }
    });
    (result, seen)
}

#[test]
fn an_error_of_the_report_ends_the_check_at_once_and_comes_back() {
    let db = damaged();
    let txn = db.begin_read().unwrap();
    let (all, count) = check_until(&txn, usize::MAX);
    assert_eq!(all.unwrap(), count as u64);
    assert!(count >= 8);
    for limit in 1..=count {
        let (result, seen) = check_until(&txn, limit);
        assert_eq!(seen, limit);
        assert!(matches!(result, Err(Error::Argument("enough"))), "{result:?}");
    }
}

#[test]
fn a_long_key_is_cut_in_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let db = open(&path, 4096);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
    for first in [b'a', b'b'] {
        txn.put(bucket, &[first; 1000], &[0; 900]).unwrap();
    }
    txn.commit().unwrap();
    db.close().unwrap();
    let mut image = Image::read(&path);
    let page = image.bucket_root(&["bucket"]);
    image.key_mut(page, 1)[0] = b'A';
    let findings = image.findings();
    assert_eq!(findings.len(), 1);
    let expected = format!(
        "element 1 of page {page} has the key 41{}.. of 1000 bytes, which is below that of element 0, \
         {}.. of 1000 bytes",
        "62".repeat(31),
        "61".repeat(32)
    );
    assert_eq!(findings[0].text, expected);
}

#[test]
fn the_numbers_are_frozen() {
    assert_eq!((Severity::Warning as u32, Severity::Error as u32), (1, 2));
    let numbers = [
        (Code::MetaDamaged, 1),
        (Code::MetaHeader, 2),
        (Code::FileTooShort, 3),
        (Code::FreelistPage, 10),
        (Code::FreelistLength, 11),
        (Code::FreelistRange, 12),
        (Code::FreelistTwice, 13),
        (Code::FreelistSelf, 14),
        (Code::PageRange, 20),
        (Code::PageTwice, 21),
        (Code::Cycle, 22),
        (Code::PageFreed, 23),
        (Code::Unreachable, 24),
        (Code::PageId, 25),
        (Code::PageKind, 26),
        (Code::PageLength, 27),
        (Code::TooDeep, 30),
        (Code::UnevenDepth, 31),
        (Code::EmptyPage, 32),
        (Code::SingleChild, 33),
        (Code::ElementOutside, 40),
        (Code::ElementInTable, 41),
        (Code::ElementsOverlap, 42),
        (Code::ElementFlags, 43),
        (Code::EmptyKey, 50),
        (Code::KeyLength, 51),
        (Code::KeyOrder, 52),
        (Code::KeyBelow, 53),
        (Code::KeyReachesNext, 54),
        (Code::BranchKey, 55),
        (Code::BucketValue, 60),
        (Code::InlinePage, 61),
    ];
    for (code, number) in numbers {
        assert_eq!(code as u32, number, "{code:?}");
    }
}
