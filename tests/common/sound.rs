//! Is a database sound? Asked of the engine's checker and of the bytes that it leaves.

use std::path::Path;
use std::time::Duration;

use bolt::storage::Namespace;
use bolt::storage::file::FileNamespace;
use bolt::{Db, Options, Txn, Wait};

use super::{assert_sound, raw};

/// The content of a file of `names`.
pub fn content(names: &dyn Namespace, path: &Path) -> Vec<u8> {
    let storage = names.open(path, true).unwrap().expect("the file exists");
    let mut bytes = vec![0; storage.len().unwrap() as usize];
    assert_eq!(storage.read_at(&mut bytes, 0).unwrap(), bytes.len());
    bytes
}

/// Checks the database, closes it, and checks what it leaves: opened for reading, and byte by byte.
pub fn close_sound(db: &Db) {
    close_sound_in(&FileNamespace, db);
}

/// As [`close_sound`], for a database in `names`.
pub fn close_sound_in(names: &dyn Namespace, db: &Db) {
    assert_sound(db);
    db.close().unwrap();
    assert_sound_closed(names, db.path());
}

/// Checks a database that nobody has open for writing.
pub fn assert_sound_closed(names: &dyn Namespace, path: &Path) {
    let options = Options { read_only: true, lock_timeout: Some(Duration::ZERO), ..super::options() };
    let db = Db::open_in(names, path, &options).unwrap();
    assert_sound(&db);
    db.close().unwrap();
    raw::assert_sound_file(&content(names, path));
}

/// Begins a write transaction, lets `change` work in it, and commits.
pub fn write(db: &Db, change: impl FnOnce(&mut Txn)) {
    let mut txn = db.begin_write(Wait::Try).unwrap();
    change(&mut txn);
    txn.commit().unwrap();
}
