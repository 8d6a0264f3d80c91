//! Files that no power cut leaves, since the engine has made their length durable first: shorter than their
//! newest meta says. Each is refused, and what is refused is not written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::Path;

use bolt::storage::memory::MemoryNamespace;
use bolt::{Db, Error, Options, ROOT, Wait};

const PATH: &str = "/damaged.db";

#[test]
fn a_file_cut_short_anywhere_is_refused_as_that() {
    let names = MemoryNamespace::new();
    let path = Path::new(PATH);
    let db = Db::open_in(&names, path, &Options { page_size: 1024, ..Options::default() }).unwrap();
    for number in 0..40_u32 {
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
        txn.put(bucket, &number.to_be_bytes(), &[7; 700]).unwrap();
        txn.commit().unwrap();
    }
    let needed = db.info().unwrap().high_water * 1024;
    db.close().unwrap();
    let whole = names.to_vec(path).unwrap().unwrap();
    for len in (2048..needed as usize).step_by(100) {
        names.insert(path, whole[..len].to_vec()).unwrap();
        for read_only in [false, true] {
            let opened = Db::open_in(&names, path, &Options { read_only, ..Options::default() });
            let told = matches!(opened, Err(Error::Truncated { len: told, .. }) if told == len as u64);
            assert!(told, "{len} of {needed} bytes: {:?}", opened.err());
        }
        assert!(names.to_vec(path).unwrap().unwrap() == whole[..len]);
    }
}
