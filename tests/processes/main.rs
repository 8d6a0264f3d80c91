//! Processes and threads: writers that are killed, and readers beside a writer. The files are real ones, and
//! what is used of the library is its public API.
//!
//! ```text
//! cargo test --test processes                   what CI runs
//! BOLT_KILLS=1000 cargo test --test processes -- --nocapture kill
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `numbered` | transactions with a number, each of which changes many places; the content after each |
//! | `kill` | a writer that dies by SIGKILL leaves the state of its last commit, or of the one under way |
//! | `histories` | each reader sees one committed state, whole, and none older than was published before it |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(
    clippy::disallowed_methods,
    reason = "the numbers read from bytes are the tests' own, not the format's"
)]

#[path = "../common/mod.rs"]
mod common;

mod histories;
mod kill;
mod numbered;
