//! Random operations on a database, held against nested ordered maps.
//!
//! An operation names buckets, cursors and savepoints by numbers that pick one of those there are, so that
//! each sequence of operations makes sense, and so does each that a failing one shrinks to.

#![allow(dead_code, reason = "each test program uses a part")]

pub mod cursors;
pub mod maps;
pub mod ops;
pub mod run;
