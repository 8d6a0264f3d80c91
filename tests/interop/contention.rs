//! Processes of both sides that open one file, write and close it, over and over: every write that was
//! acknowledged is there at the end, and everybody comes to an end.
//!
//! Those of libbolt are this test program again: [`a_process_writes_in_its_turn`], with its orders in the
//! environment; those of Go are oracles.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bolt::error::code;
use bolt::{FreelistMode, Options, ROOT, Wait};

use crate::common::{self, lint};
use crate::content::{self, MODES, options};
use crate::oracle::Oracle;

/// The environment of a process: the file, and its own number.
const FILE: &str = "BOLT_CONTENDER_FILE";
const NUMBER: &str = "BOLT_CONTENDER_NUMBER";

const PROCESS_COUNT: u64 = 4;
const ORACLE_COUNT: u64 = 2;
/// How many turns each of them has, and how often in a row it may be refused one.
const TURN_COUNT: u64 = 25;
const REFUSAL_MAX: u64 = 60;

/// What a process of a side puts in a turn: a key of its own, and as a value the key so often that some
/// need overflow pages.
fn entry(side: &str, process: u64, turn: u64) -> (Vec<u8>, Vec<u8>) {
    let key = format!("{side} {process} {turn:04}").into_bytes();
    let value = key.repeat(1 + (process * 131 + turn * 37) as usize % 700);
    (key, value)
}

/// The key that each side counts its turns in, in the same transaction.
fn counter(side: &str, process: u64) -> Vec<u8> {
    format!("count {side} {process}").into_bytes()
}

/// One turn; `false` where the lock was not to be had in time.
fn take_turn(path: &Path, process: u64, turn: u64) -> bool {
    let mode = MODES[((process + turn) % MODES.len() as u64) as usize];
    let wait = Options { lock_timeout: Some(Duration::from_millis(500)), ..options(mode) };
    let db = match lint::open(path, &wait) {
        Ok(db) => db,
        Err(error) => {
            assert_eq!(error.code(), code::TIMEOUT, "{error}");
            return false;
        }
    };
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.ensure_bucket(ROOT, b"turns").unwrap();
    let (key, value) = entry("libbolt", process, turn);
    txn.put(bucket, &key, &value).unwrap();
    txn.put(bucket, &counter("libbolt", process), turn.to_string().as_bytes()).unwrap();
    txn.commit().unwrap();
    db.close().unwrap();
    true
}

/// Takes all turns of a process.
fn take_turns(mut turn: impl FnMut(u64) -> bool) {
    for number in 1..=TURN_COUNT {
        let refusals = (0..=REFUSAL_MAX).take_while(|_| !turn(number)).count() as u64;
        assert!(refusals <= REFUSAL_MAX, "turn {number} did not come");
        // The others' turn: who opens again at once is before all who wait.
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_process_writes_in_its_turn() {
    if let Some(path) = std::env::var_os(FILE) {
        let process = std::env::var(NUMBER).unwrap().parse().unwrap();
        take_turns(|turn| take_turn(Path::new(&path), process, turn));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let held = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
    assert!(!take_turn(&path, 1, 1), "a turn while somebody has the file");
    held.close().unwrap();
    assert!(take_turn(&path, 1, 1), "a turn once he has not");
}

fn start_process(path: &Path, process: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "contention::a_process_writes_in_its_turn"])
        .env(FILE, path)
        .env(NUMBER, process.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// All turns of one oracle.
fn let_go_take_turns(path: PathBuf, process: u64) {
    let mut oracle = Oracle::start();
    let script = oracle.path("turn.txt");
    let bucket = common::hex(b"turns");
    take_turns(|turn| {
        let (key, value) = entry("go", process, turn);
        let lines = [
            "open nosync=1".to_string(),
            "begin".to_string(),
            format!("ensure {bucket}"),
            format!("put {bucket} {} {}", common::hex(&key), common::hex(&value)),
            format!(
                "put {bucket} {} {}",
                common::hex(&counter("go", process)),
                common::hex(turn.to_string().as_bytes())
            ),
            "commit\n".to_string(),
        ];
        std::fs::write(&script, lines.join("\n")).unwrap();
        match oracle.ask(&["apply", path.to_str().unwrap(), script.to_str().unwrap()]) {
            Ok(commits) => commits.len() == 1 || panic!("Go committed {commits:?}"),
            Err(message) => !message.contains("timeout") && panic!("Go: {message}"),
        }
    });
}

#[test]
fn what_processes_of_both_sides_write_in_turns_is_all_there() {
    let mut oracle = Oracle::start();
    let path = oracle.path("contended.db");
    let processes: Vec<Child> = (0..PROCESS_COUNT).map(|process| start_process(&path, process)).collect();
    let oracles = (0..ORACLE_COUNT).map(|process| {
        let path = path.clone();
        std::thread::spawn(move || let_go_take_turns(path, process))
    });
    let oracles: Vec<_> = oracles.collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
    for thread in oracles {
        thread.join().unwrap();
    }

    let mut expected = Vec::new();
    for (side, count) in [("libbolt", PROCESS_COUNT), ("go", ORACLE_COUNT)] {
        for process in 0..count {
            expected.extend((1..=TURN_COUNT).map(|turn| entry(side, process, turn)));
            expected.push((counter(side, process), TURN_COUNT.to_string().into_bytes()));
        }
    }
    expected.sort();
    let db = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"turns").unwrap();
    let found = common::entries(&txn, bucket, false).into_iter().map(|(key, value)| (key, value.unwrap()));
    assert!(found.eq(expected), "the file does not hold exactly what was acknowledged");
    txn.rollback();
    common::assert_sound(&db);
    let here = content::content(&db);
    db.close().unwrap();
    oracle.assert_sound(&path, "after all turns");
    assert_eq!(oracle.dump(&path), here);
}
