//! The suites of the other test programs once more, each database read without a map
//! (`common::options`), and what is special to that mode (`reading.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(
    clippy::duplicate_mod,
    reason = "each suite brings what it shares with the others, as it does alone"
)]

#[path = "../common/mod.rs"]
mod common;

#[path = "../batch.rs"]
mod batch;
#[path = "../bbolt_behaviour.rs"]
mod bbolt_behaviour;
#[path = "../buckets.rs"]
mod buckets;
#[path = "../check/main.rs"]
mod check;
#[path = "../copies.rs"]
mod copies;
#[path = "../cursors.rs"]
mod cursors;
#[path = "../freelist.rs"]
mod freelist;
#[path = "../large.rs"]
mod large;
#[path = "../model.rs"]
mod models;
#[path = "../real_files.rs"]
mod real_files;
#[path = "../transactions.rs"]
mod transactions;
#[path = "../values.rs"]
mod values;

mod reading;
