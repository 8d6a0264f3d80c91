//! Files by Go with every feature of the format: each is read here in full, then changed here as Go does it.

use std::path::Path;

use bolt::error::code;
use bolt::{Db, FreelistMode, Options, Wait};

use crate::common::lint;
use crate::content::{self, MODES, assert_same, options, read_only};
use crate::oracle::Oracle;
use crate::script::{Machine, Script};

/// The kinds of feature files that Go reads and libbolt refuses.
const REFUSED: &str = "pagesize-3000";

fn kinds(oracle: &mut Oracle) -> Vec<String> {
    let mut kinds = oracle.lines(&["kinds"]);
    assert!(kinds.len() >= 37, "only {} kinds of feature files", kinds.len());
    kinds.retain(|kind| kind != REFUSED);
    kinds
}

#[test]
fn every_feature_file_is_read_as_go_reads_it() {
    let mut oracle = Oracle::start();
    for kind in kinds(&mut oracle) {
        // The files with the longest lists depend on no seed.
        for seed in if kind.starts_with("freelist-6") { 1..2 } else { 1..4 } {
            let path = oracle.make(&kind, seed);
            let before = std::fs::read(&path).unwrap();
            let theirs = oracle.dump(&path);
            assert_same(&kind, &content::read(&path, &read_only()), &theirs);
            let mode = MODES[seed as usize % MODES.len()];
            assert_same(&kind, &content::read(&path, &options(mode)), &theirs);
            assert!(std::fs::read(&path).unwrap() == before, "{kind}: opening and closing changed the file");
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_writer_that_changes_nothing_sees_every_feature_file_and_leaves_it_as_it_was() {
    let mut oracle = Oracle::start();
    for kind in kinds(&mut oracle) {
        let path = oracle.make(&kind, 5);
        let before = std::fs::read(&path).unwrap();
        let theirs = oracle.dump(&path);
        let db = lint::open(&path, &options(FreelistMode::Automatic)).unwrap();
        let mut txn = db.begin_write(Wait::Try).unwrap();
        assert_same(&kind, &crate::common::dump(&mut txn), &theirs);
        assert_same(&kind, &crate::common::dump_backward(&mut txn), &theirs);
        txn.commit().unwrap();
        db.close().unwrap();
        assert!(std::fs::read(&path).unwrap() == before, "{kind}: a commit of nothing changed the file");
        std::fs::remove_file(&path).unwrap();
    }
}

/// Every mode of the freelist, and bbolt's rules; of the files with the longest lists, one has all.
fn ways_of_writing(kind: &str) -> Vec<(FreelistMode, bool)> {
    let is_long = kind.starts_with("freelist-6") && kind != "freelist-65536";
    let modes = if is_long { &MODES[1..2] } else { &MODES[..] };
    modes.iter().map(|&mode| (mode, false)).chain([(FreelistMode::EachCommit, true)]).collect()
}

#[test]
fn every_feature_file_is_changed_here_as_go_changes_it() {
    let mut oracle = Oracle::start();
    for kind in kinds(&mut oracle) {
        let path = oracle.make(&kind, 2);
        let changes = Script::parse(content::changes(&oracle.dump(&path)));
        let gos = oracle.path("go.db");
        std::fs::copy(&path, &gos).unwrap();
        oracle.apply(&gos, changes.text_from(0));
        let theirs = oracle.dump(&gos);
        for (mode, bbolt_rules) in ways_of_writing(&kind) {
            let what = format!("{kind}, {mode:?}, bbolt's rules: {bbolt_rules}");
            let ours = oracle.path("ours.db");
            std::fs::copy(&path, &ours).unwrap();
            Machine::run_all(&ours, Options { bbolt_rules, ..options(mode) }, &changes);
            let after = assert_changed(&mut oracle, &ours, &theirs, &what);
            let clearing = Script::parse(content::clearing(&after));
            Machine::run_all(&ours, Options { bbolt_rules, ..options(mode) }, &clearing);
            assert_changed(&mut oracle, &ours, &[], &format!("{what}, all taken out"));
        }
        std::fs::remove_file(&path).unwrap();
    }
}

/// Panics unless the file is sound and both sides read `theirs`; then Go writes to it. What it holds at last.
fn assert_changed(oracle: &mut Oracle, ours: &Path, theirs: &[String], what: &str) -> Vec<String> {
    oracle.assert_sound(ours, what);
    assert_same(what, &oracle.dump(ours), theirs);
    assert_same(what, &content::read(ours, &read_only()), theirs);
    oracle.apply(ours, ["open nosync=1", "begin", "create 7e676f", "put 7e676f 6b 76", "commit"]);
    oracle.assert_sound(ours, what);
    let again = oracle.dump(ours);
    assert_eq!(again.len(), theirs.len() + 2, "{what}: what Go added");
    assert_same(what, &content::read(ours, &options(FreelistMode::Automatic)), &again);
    again
}

/// The value of a line of the oracle's `info`.
fn info(oracle: &mut Oracle, path: &Path, name: &str) -> String {
    let lines = oracle.lines(&["info", path.to_str().unwrap()]);
    lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().to_string()
}

#[test]
fn a_list_of_free_pages_is_written_in_gos_form_on_both_sides_of_the_16_bit_count() {
    let mut oracle = Oracle::start();
    let path = oracle.make("freelist-65544", 1);
    let mut counts = vec![info(&mut oracle, &path, "free_count").parse::<u64>().unwrap()];
    let puts = (0..8).map(|key| format!("putlen 6b657074 {key:02x} 900 5a"));
    let deletes = (0..8).map(|key| format!("del 6b657074 {key:02x}"));
    for change in puts.chain(deletes) {
        let script = ["open nosync=1", "begin", &change, "commit"].map(String::from).to_vec();
        Machine::run_all(&path, options(FreelistMode::EachCommit), &Script::parse(script));
        oracle.assert_sound(&path, &change);
        counts.push(info(&mut oracle, &path, "free_count").parse().unwrap());
        assert_eq!(content::read(&path, &options(FreelistMode::EachCommit)), oracle.dump(&path));
    }
    assert!(counts[1..].contains(&65535), "no list of 65535 pages: {counts:?}");
    oracle.apply(&path, ["open nosync=1", "begin", "drop 6b657074", "commit"]);
    oracle.assert_sound(&path, "after Go's change");
}

#[test]
fn a_page_size_that_is_no_power_of_two_is_incompatible() {
    let mut oracle = Oracle::start();
    let path = oracle.make(REFUSED, 1);
    let before = std::fs::read(&path).unwrap();
    for options in [read_only(), options(FreelistMode::Automatic)] {
        let refused = Db::open(&path, &options).map(drop).unwrap_err();
        assert_eq!(refused.code(), code::INCOMPATIBLE, "{refused}");
        assert!(refused.to_string().contains("3000"), "{refused}");
    }
    assert!(std::fs::read(&path).unwrap() == before, "the refused file was changed");
    oracle.assert_sound(&path, REFUSED);
}
