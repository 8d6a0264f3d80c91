//! The adapters, one engine a file, and the list of their names.

#[cfg(feature = "libbolt")]
pub mod bolt;
pub mod fjall;
pub mod lmdb;
pub mod mdbx;
pub mod redb;
pub mod sanakirja;
pub mod sqlite;

use crate::Result;
use crate::drivers;
use crate::engine::Engine;
use crate::scaling::{self, Job, Sample};
use crate::spec::{Outcome, Spec};

/// Every engine in the order of the table's columns. Go's bbolt runs in a program of its own.
pub const NAMES: [&str; 8] = [LIBBOLT, BBOLT, "lmdb", "libmdbx", "redb", "sanakirja", "sqlite", "fjall"];
pub const LIBBOLT: &str = "libbolt";
pub const BBOLT: &str = "bbolt";
/// The engine that is no B+tree, so that it never counts as the best of them.
pub const LOG_STRUCTURED: &str = "fjall";

/// What came of a piece of work.
pub enum Done {
    Outcomes(Vec<Outcome>),
    Unsupported(&'static str),
}

fn run<E: Engine>(spec: &Spec) -> Result<Done> {
    match E::unsupported(spec) {
        Some(reason) => Ok(Done::Unsupported(reason)),
        None => Ok(Done::Outcomes(drivers::run::<E>(spec)?)),
    }
}

/// One measurement of how costs grow.
pub fn sample_by_name(engine: &str, job: &Job) -> Result<Sample> {
    match engine {
        #[cfg(feature = "libbolt")]
        LIBBOLT => scaling::run::<bolt::Bolt>(job),
        "lmdb" => scaling::run::<lmdb::Lmdb>(job),
        "libmdbx" => scaling::run::<mdbx::Mdbx>(job),
        "redb" => scaling::run::<redb::Redb>(job),
        "sqlite" => scaling::run::<sqlite::Sqlite>(job),
        "fjall" => scaling::run::<fjall::Fjall>(job),
        other => Err(format!("{other}: no engine of that name in this program").into()),
    }
}

pub fn run_by_name(engine: &str, spec: &Spec) -> Result<Done> {
    match engine {
        #[cfg(feature = "libbolt")]
        LIBBOLT => run::<bolt::Bolt>(spec),
        "lmdb" => run::<lmdb::Lmdb>(spec),
        "libmdbx" => run::<mdbx::Mdbx>(spec),
        "redb" => run::<redb::Redb>(spec),
        "sanakirja" => run::<sanakirja::Sanakirja>(spec),
        "sqlite" => run::<sqlite::Sqlite>(spec),
        "fjall" => run::<fjall::Fjall>(spec),
        other => Err(format!("{other}: no engine of that name in this program").into()),
    }
}
