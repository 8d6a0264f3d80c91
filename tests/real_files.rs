//! The real files: their whole content, in both directions, and after changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use bolt::{Db, Options, ROOT, Wait};
use common::{copy_of, dump, dump_backward, fixture, lint};

fn expected(name: &str) -> Vec<String> {
    std::fs::read_to_string(fixture(name)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_content_of_the_real_files_is_what_go_reads() {
    for name in ["etcd", "containerd"] {
        let options = Options { read_only: true, ..common::options() };
        let db = Db::open(&fixture(&format!("{name}.db")), &options).unwrap();
        let mut txn = db.begin_read().unwrap();
        let lines = expected(&format!("{name}.jsonl"));
        assert_eq!(dump(&mut txn), lines, "{name}");
        assert_eq!(dump_backward(&mut txn), lines, "{name}");
    }
}

#[test]
fn a_real_file_takes_a_bucket_of_ours_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["etcd", "containerd"] {
        let path = copy_of(&format!("{name}.db"), dir.path());
        let db = lint::open(&path, &common::options()).unwrap();
        let mut txn = db.begin_write(Wait::Try).unwrap();
        let bucket = txn.create_bucket(ROOT, b"zz libbolt").unwrap();
        txn.put(bucket, b"key", b"value").unwrap();
        txn.commit().unwrap();
        db.close().unwrap();

        let db = lint::open(&path, &common::options()).unwrap();
        let mut txn = db.begin_read().unwrap();
        let mut lines = expected(&format!("{name}.jsonl"));
        lines.push(r#"{"p":["7a7a206c6962626f6c74"],"seq":0}"#.into());
        lines.push(r#"{"p":["7a7a206c6962626f6c74"],"k":"6b6579","v":"76616c7565"}"#.into());
        assert_eq!(dump(&mut txn), lines, "{name}");
    }
}

#[test]
fn opening_for_writing_and_closing_leaves_every_byte_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["etcd.db", "containerd.db"] {
        let path = copy_of(name, dir.path());
        let db = lint::open(&path, &common::options()).unwrap();
        drop(db.begin_write(Wait::Try).unwrap());
        db.close().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(fixture(name)).unwrap());
    }
}
