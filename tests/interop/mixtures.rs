//! Moves, deletions, savepoints and ranges in random mixtures, held against nested ordered maps, while Go
//! judges a copy of the file after each commit and reads in it what is read here.

use std::cell::RefCell;

use bolt::Db;
use proptest::prelude::*;

use crate::common;
use crate::content::assert_same;
use crate::model::ops::{Taste, op, options};
use crate::model::run::Run;
use crate::oracle::Oracle;

fn judge(oracle: &mut Oracle, db: &Db) {
    common::assert_sound(db);
    let copy = oracle.path("copy.db");
    std::fs::copy(db.path(), &copy).unwrap();
    oracle.assert_sound(&copy, "a copy after a commit");
    let ours = common::dump(&mut db.begin_read().unwrap());
    assert_same("after a commit", &ours, &oracle.dump(&copy));
}

#[test]
fn go_finds_random_mixtures_of_moves_deletions_savepoints_and_ranges_sound() {
    let oracle = RefCell::new(Oracle::start());
    let config = ProptestConfig { cases: 150, max_shrink_iters: 1000, ..ProptestConfig::default() };
    proptest!(config, |(options in options(), ops in prop::collection::vec(op(Taste::Trees), 1..120))| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mixture.db");
        let mut run = Run::new(&path, options, |db| judge(&mut oracle.borrow_mut(), db));
        for op in &ops {
            run.apply(op, &path);
        }
        run.finish(&path);
    });
}
