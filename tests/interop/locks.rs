//! Go and libbolt keep each other out by the same lock, and readers of both let each other in.

use std::path::Path;
use std::time::{Duration, Instant};

use bolt::error::code;
use bolt::{Db, FreelistMode, Options};

use crate::common::lint;
use crate::content::{self, options, read_only};
use crate::oracle::Oracle;

/// The code of an opening, which must fail, and how long it took.
fn refusal(path: &Path, options: Options, timeout: Option<Duration>) -> (i32, Duration) {
    let start = Instant::now();
    let error = Db::open(path, &Options { lock_timeout: timeout, ..options }).map(drop).unwrap_err();
    (error.code(), start.elapsed())
}

#[test]
fn a_file_that_go_holds_is_busy_or_times_out_here() {
    let mut oracle = Oracle::start();
    let path = oracle.make("nested", 1);
    let word = path.to_str().unwrap().to_string();
    oracle.lines(&["hold", &word, "exclusive"]);
    for options in [options(FreelistMode::Automatic), read_only()] {
        let (busy, at_once) = refusal(&path, options.clone(), Some(Duration::ZERO));
        assert_eq!(busy, code::BUSY);
        assert!(at_once < Duration::from_millis(100), "one try took {at_once:?}");
        let (timeout, waited) = refusal(&path, options, Some(Duration::from_millis(250)));
        assert_eq!(timeout, code::TIMEOUT);
        assert!(waited >= Duration::from_millis(250), "it gave up after {waited:?}");
        assert!(waited < Duration::from_secs(2), "it gave up only after {waited:?}");
    }
    oracle.lines(&["release"]);
    assert_eq!(content::read(&path, &options(FreelistMode::Automatic)), oracle.dump(&path));
}

#[test]
fn an_opening_that_waits_gets_the_lock_when_go_lets_go() {
    let mut oracle = Oracle::start();
    let path = oracle.make("nested", 1);
    oracle.lines(&["hold", path.to_str().unwrap(), "exclusive"]);
    for lock_timeout in [Some(Duration::from_secs(20)), None] {
        let waiting = {
            let path = path.clone();
            let options = Options { lock_timeout, ..options(FreelistMode::Automatic) };
            std::thread::spawn(move || content::read(&path, &options))
        };
        std::thread::sleep(Duration::from_millis(150));
        assert!(!waiting.is_finished(), "the lock was not waited for");
        oracle.lines(&["release"]);
        assert_eq!(waiting.join().unwrap(), oracle.dump(&path));
        oracle.lines(&["hold", path.to_str().unwrap(), "exclusive"]);
    }
    oracle.lines(&["release"]);
}

#[test]
fn a_file_that_is_open_here_for_writing_times_out_in_go() {
    let mut oracle = Oracle::start();
    let path = oracle.make("nested", 1);
    let word = path.to_str().unwrap().to_string();
    let db = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
    for mode in ["exclusive", "shared"] {
        assert_eq!(oracle.ask(&["hold", &word, mode, "200"]), Err("timeout".to_string()), "{mode}");
    }
    let txn = db.begin_read().unwrap();
    assert_eq!(db.close().unwrap_err().code(), code::BUSY);
    assert_eq!(
        oracle.ask(&["hold", &word, "shared", "200"]),
        Err("timeout".to_string()),
        "after a close that failed"
    );
    txn.rollback();
    db.close().unwrap();
    oracle.lines(&["hold", &word, "exclusive", "200"]);
    oracle.lines(&["release"]);
}

#[test]
fn a_new_file_is_locked_against_go_from_the_first_moment() {
    let mut oracle = Oracle::start();
    let path = oracle.path("new.db");
    let db = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
    let word = path.to_str().unwrap().to_string();
    assert_eq!(oracle.ask(&["hold", &word, "shared", "200"]), Err("timeout".to_string()));
    drop(db);
    oracle.assert_sound(&path, "a new file");
}

#[test]
fn readers_of_both_sides_let_each_other_in_and_keep_writers_out() {
    let mut oracle = Oracle::start();
    let mut other = Oracle::start();
    let path = oracle.make("nested", 1);
    let word = path.to_str().unwrap().to_string();
    oracle.lines(&["hold", &word, "shared"]);
    let first = lint::open(&path, &read_only()).unwrap();
    let second = lint::open(&path, &read_only()).unwrap();
    assert_eq!(content::content(&first), other.dump(&path));
    assert_eq!(content::content(&second), content::content(&first));
    let (busy, _) = refusal(&path, options(FreelistMode::Automatic), Some(Duration::ZERO));
    assert_eq!(busy, code::BUSY, "a writer here, while all read");
    oracle.lines(&["release"]);
    for held in [first, second] {
        assert_eq!(
            oracle.ask(&["hold", &word, "exclusive", "200"]),
            Err("timeout".to_string()),
            "a writer of Go's"
        );
        held.close().unwrap();
    }
    oracle.lines(&["hold", &word, "exclusive", "200"]);
    oracle.lines(&["release"]);
}
