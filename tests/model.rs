//! Random sequences of operations, transactions and reopenings, held against nested ordered maps.
//!
//! `PROPTEST_CASES=N cargo test --release --test model` runs N cases of each property instead of the default.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;
#[path = "common/model/mod.rs"]
mod model;

use bolt::Options;
use model::ops::{Op, Taste, op, options};
use model::run::Run;
use proptest::prelude::*;

fn run(options: Options, ops: &[Op]) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.db");
    let mut run = Run::new(&path, options, common::assert_sound);
    for op in ops {
        run.apply(op, &path);
    }
    run.finish(&path);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_database_holds_what_nested_maps_hold(
        options in options(),
        ops in prop::collection::vec(op(Taste::Everything), 1..120),
    ) {
        run(options, &ops);
    }

    #[test]
    fn whole_trees_are_moved_deleted_and_taken_back_under_open_cursors(
        options in options(),
        ops in prop::collection::vec(op(Taste::Trees), 1..120),
    ) {
        run(options, &ops);
    }
}
